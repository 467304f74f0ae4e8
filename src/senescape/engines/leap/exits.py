"""The open exits of every compartment at frozen rates, listed once a step for every pass."""

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
    total : (compartments, 8)
        Sum of the rates of each kind.
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
    return Exits(
        np.zeros(compartments + 1, np.int32),
        np.zeros(entries),
        np.zeros(entries, np.int32),
        np.zeros(entries, np.int32),
        np.zeros(entries, np.int32),
        np.zeros((compartments, 8)),
        np.zeros(compartments),
        np.zeros(compartments),
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def route_of(tables: Tables, registers: Float, transition: int) -> int:
    """Return the route that this lane has chosen for a transition."""
    first = tables.route_ptr[transition]
    row = tables.route_row[transition]
    if row < 0:
        return first
    chosen = int(registers[row])
    return first + min(max(chosen, 0), tables.route_ptr[transition + 1] - first - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def list_exits(tables: Tables, plan: Plan, registers: Float, exits: Exits) -> int:
    """Fill ``exits`` from the registers; 0, or -1 - t where the rate of transition t is none."""
    # local names: reading an array out of a tuple inside a loop costs more than the arithmetic
    slot_ptr_, advance_row_, exit_ptr_ = tables.slot_ptr, tables.advance_row, tables.exit_ptr
    exit_, transition_, route_ptr_ = tables.exit, tables.transition, tables.route_ptr
    route_row_, outcome_ptr_ = tables.route_row, tables.outcome_ptr
    outcome_row_, outcome_class = tables.outcome_row, plan.outcome_class
    begins_, rates_, kinds_, outcomes_ = exits.begin, exits.rate, exits.kind, exits.outcome
    transitions_, totals_, advances_, paces_ = (
        exits.transition,
        exits.total,
        exits.advance,
        exits.pace,
    )
    entry = 0
    for c in range(paces_.shape[0]):
        begins_[c] = entry
        for k in range(8):
            totals_[c, k] = 0.0
        advances_[c] = 0.0
        paces_[c] = 0.0
        stages = slot_ptr_[c + 1] - slot_ptr_[c]
        advance = 0.0
        if advance_row_[c] >= 0:
            advance = registers[advance_row_[c]]
        share = 0.0
        for e in range(exit_ptr_[c], exit_ptr_[c + 1]):
            if transition_[exit_[e], 0] == TIMED:
                share += registers[transition_[exit_[e], 2]]
        if stages > 1:
            advances_[c] = advance
            paces_[c] = advance / stages
        for e in range(exit_ptr_[c], exit_ptr_[c + 1]):
            t = exit_[e]
            hazard = registers[transition_[t, 2]]
            if not (hazard >= 0.0 and hazard < np.inf and advance >= 0.0 and advance < np.inf):
                return -1 - t
            timed = transition_[t, 0] == TIMED
            if timed:
                if share <= 0.0:
                    continue
                hazard = hazard / share if stages > 1 else hazard / share * advance
            if hazard == 0.0:
                continue
            route = route_ptr_[t]
            if route_row_[t] >= 0:
                chosen = int(registers[route_row_[t]])
                route += min(max(chosen, 0), route_ptr_[t + 1] - route - 1)
            for o in range(outcome_ptr_[route], outcome_ptr_[route + 1]):
                value = hazard * registers[outcome_row_[o]]
                if value <= 0.0 or outcome_class[o] == STAY:
                    continue
                rates_[entry] = value
                outcomes_[entry] = o
                transitions_[entry] = t
                kinds_[entry] = outcome_class[o]
                if timed and stages > 1:
                    kinds_[entry] += AFTER_STAGES
                else:
                    paces_[c] += value
                totals_[c, kinds_[entry]] += value
                entry += 1
        begins_[c + 1] = entry
    return 0


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
        weight = registers[tables.weight[k, 2]]
        slope[tables.weight[k, 0]] += weight * change[tables.weight[k, 1]]
