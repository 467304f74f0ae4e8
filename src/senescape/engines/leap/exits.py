"""The open exits of every compartment at frozen rates, listed once a step and used by every pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.tables import Tables

from .plan import STAY, Plan

Float = NDArray[np.float64]
Int = NDArray[np.int32]

ANY_AGE, TIMED, INFLOW = 0, 1, 2
AFTER_STAGES = 4  # added to the class of an exit that waits for the last stage


class Exits(NamedTuple):
    """Exits of all compartments; those of compartment c stand at ``begin[c]:begin[c + 1]``.

    Parameters
    ----------
    rate : (entries,)
        Hazard per cell and day; for a timed exit of a chain its share among the open ones.
    kind : (entries,)
        Class of :mod:`.plan`, plus ``AFTER_STAGES`` for timed exits of chains.
    outcome, transition : (entries,)
    total : (compartments, 4)
        Sum of the rates of each class (any age).
    advance : (compartments,)
        Hazard of passing one stage of a chain; 0 where the compartment has one stage.
    pace : (compartments,)
        Sum of all hazards out of the compartment, chains counted as one over their dwell time.
    """

    begin: Int
    rate: Float
    kind: Int
    outcome: Int
    transition: Int
    total: Float
    advance: Float
    pace: Float


def empty_exits(tables: Tables) -> Exits:
    """Return arrays large enough for any lane of a program."""
    compartments = len(tables.slot_ptr) - 1
    entries = len(tables.outcome_row) + 1
    whole = [np.zeros(entries, np.int32) for _ in range(3)]
    return Exits(
        np.zeros(compartments + 1, np.int32),
        np.zeros(entries),
        *whole,
        np.zeros((compartments, 4)),
        np.zeros(compartments),
        np.zeros(compartments),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def route_of(tables: Tables, registers: Float, transition: int) -> int:
    """Return the route that this lane has chosen for a transition."""
    first = tables.route_ptr[transition]
    row = tables.route_row[transition]
    if row < 0:
        return first
    chosen = int(registers[row, 0])
    return first + min(max(chosen, 0), tables.route_ptr[transition + 1] - first - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def list_exits(tables: Tables, plan: Plan, registers: Float, exits: Exits) -> int:
    """Fill ``exits`` from the registers; 0, or -1 - t where the rate of transition t is not a rate."""
    entry = 0
    for c in range(exits.pace.shape[0]):
        exits.begin[c] = entry
        for k in range(4):
            exits.total[c, k] = 0.0
        exits.advance[c] = 0.0
        exits.pace[c] = 0.0
        stages = tables.slot_ptr[c + 1] - tables.slot_ptr[c]
        advance = 0.0
        if tables.advance_row[c] >= 0:
            advance = registers[tables.advance_row[c], 0]
        share = _timed_share(tables, registers, c)
        if stages > 1:
            exits.advance[c] = advance
            exits.pace[c] = advance / stages
        for e in range(tables.exit_ptr[c], tables.exit_ptr[c + 1]):
            t = tables.exit[e]
            hazard = registers[tables.transition[t, 2], 0]
            if not (hazard >= 0.0 and hazard < np.inf and advance >= 0.0 and advance < np.inf):
                return -1 - t
            timed = tables.transition[t, 0] == TIMED
            if timed:
                if share <= 0.0:
                    continue
                hazard = hazard / share if stages > 1 else hazard / share * advance
            if hazard == 0.0:
                continue
            route = route_of(tables, registers, t)
            for o in range(tables.outcome_ptr[route], tables.outcome_ptr[route + 1]):
                value = hazard * registers[tables.outcome_row[o], 0]
                if value <= 0.0 or plan.outcome_class[o] == STAY:
                    continue
                exits.rate[entry] = value
                exits.outcome[entry] = o
                exits.transition[entry] = t
                exits.kind[entry] = plan.outcome_class[o]
                if timed and stages > 1:
                    exits.kind[entry] += AFTER_STAGES
                else:
                    exits.total[c, plan.outcome_class[o]] += value
                    exits.pace[c] += value
                entry += 1
        exits.begin[c + 1] = entry
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _timed_share(tables: Tables, registers: Float, compartment: int) -> float:
    total = 0.0
    for e in range(tables.exit_ptr[compartment], tables.exit_ptr[compartment + 1]):
        t = tables.exit[e]
        if tables.transition[t, 0] == TIMED:
            total += registers[tables.transition[t, 2], 0]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def sensed_drift(
    tables: Tables, registers: Float, counts: Float, exits: Exits, change: Float, slope: Float
) -> None:
    """Write the expected change a day of each assay into ``slope`` (``change``: scratch)."""
    compartments = exits.pace.shape[0]
    for c in range(compartments):
        change[c] = 0.0
    for c in range(compartments):
        cells = 0.0
        for slot in range(tables.slot_ptr[c], tables.slot_ptr[c + 1]):
            cells += counts[slot]
        if cells <= 0.0:
            continue
        passing = counts[tables.slot_ptr[c + 1] - 1] * exits.advance[c]
        for e in range(exits.begin[c], exits.begin[c + 1]):
            kind = exits.kind[e]
            flow = exits.rate[e] * (passing if kind >= AFTER_STAGES else cells)
            change[c] -= flow
            o = exits.outcome[e]
            for p in range(tables.product_ptr[o], tables.product_ptr[o + 1]):
                change[tables.product[p, 0]] += flow * tables.product[p, 1]
    for a in range(slope.shape[0]):
        slope[a] = 0.0
    for k in range(tables.weight.shape[0]):
        weight = registers[tables.weight[k, 2], 0]
        slope[tables.weight[k, 0]] += weight * change[tables.weight[k, 1]]


