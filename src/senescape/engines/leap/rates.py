"""Hazards of every entry of a Plan for one lane, at a moment and over the second half of a step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.tables import Tables

from .plan import AFTER_STAGES, KINDS, Plan

Float = NDArray[np.float64]


class Rates(NamedTuple):
    """Hazards of one lane.

    Parameters
    ----------
    rate : (entries,)
        Hazard per cell and day; of a timed exit of a chain its share among the open ones; of an
        arrival cells a day.
    advance : (compartments,)
        Hazard of passing one stage of a chain; 0 where the compartment has one stage.
    later : (entries,)
        Sum of the rates of the same kind and compartment that stand after an entry: by such sums
        the last open exit gets exactly what the others left.
    total : (compartments, KINDS)
        Sum of the rates of each kind.
    pace : (compartments,)
        Sum of all hazards out of the compartment, chains counted as one over their dwell time.
    """

    rate: Float
    advance: Float
    later: Float
    total: Float
    pace: Float


def empty_rates(tables: Tables, plan: Plan) -> Rates:
    """Return arrays for one lane of a program."""
    compartments = len(tables.slot_ptr) - 1
    return Rates(
        np.zeros(len(plan.kind)),
        np.zeros(compartments),
        np.zeros(len(plan.kind)),
        np.zeros((compartments, KINDS)),
        np.zeros(compartments),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def list_rates(tables: Tables, plan: Plan, registers: Float, rates: Rates) -> int:
    """Fill ``rates`` from the registers; 0, or -1 - t where the rate of transition t is none."""
    # local names: reading an array out of a tuple inside a loop costs more than the arithmetic
    transition, slot_ptr, advance_row = tables.transition, tables.slot_ptr, tables.advance_row
    outcome_row, last_route = tables.outcome_row, tables.route_ptr
    begin, source, outcome = plan.begin, plan.transition, plan.outcome
    route, choice, timed = plan.route, plan.choice, plan.timed
    rate, advances = rates.rate, rates.advance
    compartments = advances.shape[0]
    for c in range(compartments + 1):
        stages, advance = 1, 0.0
        if c < compartments:
            stages = slot_ptr[c + 1] - slot_ptr[c]
            if advance_row[c] >= 0:
                advance = registers[advance_row[c]]
            advances[c] = advance if stages > 1 else 0.0
        share, before = 0.0, -1
        for e in range(begin[c], begin[c + 1]):
            t = source[e]
            hazard = registers[transition[t, 2]]
            if not (hazard >= 0.0 and hazard < np.inf and advance >= 0.0 and advance < np.inf):
                return -1 - t
            if timed[e] != 0 and t != before:
                share += hazard
            before = t
        for e in range(begin[c], begin[c + 1]):
            t = source[e]
            value = registers[transition[t, 2]]
            if timed[e] != 0:
                value = value / share if share > 0.0 else 0.0
                if stages == 1:
                    value *= advance
            value *= max(0.0, registers[outcome_row[outcome[e]]])
            if choice[e] >= 0:
                routes = last_route[t + 1] - last_route[t]
                if min(max(int(registers[choice[e]]), 0), routes - 1) != route[e]:
                    value = 0.0
            rate[e] = value
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def sum_rates(tables: Tables, plan: Plan, rates: Rates) -> None:
    """Sum the rates of each kind and the pace of every compartment."""
    slot_ptr, begin, kind = tables.slot_ptr, plan.begin, plan.kind
    rate, advance, total, pace = rates.rate, rates.advance, rates.total, rates.pace
    later = rates.later
    for c in range(pace.shape[0]):
        for k in range(KINDS):
            total[c, k] = 0.0
        pace[c] = advance[c] / (slot_ptr[c + 1] - slot_ptr[c])
        for e in range(begin[c + 1] - 1, begin[c] - 1, -1):
            later[e] = total[c, kind[e]]
            total[c, kind[e]] += rate[e]
            if kind[e] < AFTER_STAGES:
                pace[c] += rate[e]


@njit(cache=True, nogil=True, error_model="numpy")
def extrapolate(start: Rates, middle: Rates) -> None:
    """Turn the rates at the middle of a step into those of its second half, 2 middle - start."""
    first, rate = start.rate, middle.rate
    for e in range(rate.shape[0]):
        rate[e] = max(0.0, 2.0 * rate[e] - first[e])
    slow, advance = start.advance, middle.advance
    for c in range(advance.shape[0]):
        advance[c] = max(0.0, 2.0 * advance[c] - slow[c])


@njit(cache=True, nogil=True, error_model="numpy")
def sensed_drift(
    tables: Tables,
    plan: Plan,
    registers: Float,
    counts: Float,
    rates: Rates,
    change: Float,
    slope: Float,
) -> None:
    """Write the expected change a day of each assay into ``slope`` (``change``: scratch)."""
    slot_ptr, begin, kind, rate = tables.slot_ptr, plan.begin, plan.kind, rates.rate
    product_ptr, product, outcome = tables.product_ptr, tables.product, plan.outcome
    compartments = rates.pace.shape[0]
    for c in range(compartments):
        change[c] = 0.0
    for c in range(compartments + 1):
        cells, passing = 1.0, 0.0
        if c < compartments:
            cells = 0.0
            for slot in range(slot_ptr[c], slot_ptr[c + 1]):
                cells += counts[slot]
            passing = counts[slot_ptr[c + 1] - 1] * rates.advance[c]
        if cells <= 0.0:
            continue
        for e in range(begin[c], begin[c + 1]):
            flow = rate[e] * (passing if kind[e] >= AFTER_STAGES else cells)
            if c < compartments:
                change[c] -= flow
            for p in range(product_ptr[outcome[e]], product_ptr[outcome[e] + 1]):
                change[product[p, 0]] += flow * product[p, 1]
    for a in range(slope.shape[0]):
        slope[a] = 0.0
    for k in range(tables.weight.shape[0]):
        weight = registers[tables.weight[k, 2]]
        slope[tables.weight[k, 0]] += weight * change[tables.weight[k, 1]]
