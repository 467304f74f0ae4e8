"""Rates and drift of a block of lanes, with the bytes of :mod:`.rates`.

Arrays have the lane last, WIDTH of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.tables import Tables
from senescape.lane_math import WIDTH

from .plan import AFTER_STAGES, KINDS, Plan

Float = NDArray[np.float64]


class BlockRates(NamedTuple):
    """:class:`.rates.Rates` of a block of lanes.

    Parameters
    ----------
    rate, later : (entries, WIDTH)
    advance, pace : (compartments, WIDTH)
    total : (compartments * KINDS, WIDTH)
    """

    rate: Float
    advance: Float
    later: Float
    total: Float
    pace: Float


def block_rates(tables: Tables, plan: Plan) -> BlockRates:
    """Return arrays for one block of a program."""
    compartments = len(tables.slot_ptr) - 1
    return BlockRates(
        np.zeros((len(plan.kind), WIDTH)),
        np.zeros((compartments, WIDTH)),
        np.zeros((len(plan.kind), WIDTH)),
        np.zeros((compartments * KINDS, WIDTH)),
        np.zeros((compartments, WIDTH)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def list_rates_of_lanes(
    tables: Tables, plan: Plan, registers: Float, rates: BlockRates, bad: Float, row: Float
) -> None:
    """Fill ``rates``; ``bad`` becomes -1 - t in lanes where the rate of transition t is none."""
    transition, slot_ptr, advance_row = tables.transition, tables.slot_ptr, tables.advance_row
    outcome_row, last_route = tables.outcome_row, tables.route_ptr
    begin, source, outcome = plan.begin, plan.transition, plan.outcome
    route, choice, timed = plan.route, plan.choice, plan.timed
    rate, advances = rates.rate, rates.advance
    compartments = advances.shape[0]
    advance, share = row[0], row[1]
    for c in range(compartments + 1):
        stages = 1
        for i in range(WIDTH):
            advance[i] = 0.0
            share[i] = 0.0
        if c < compartments:
            stages = slot_ptr[c + 1] - slot_ptr[c]
            if advance_row[c] >= 0:
                given = registers[advance_row[c]]
                for i in range(WIDTH):
                    advance[i] = given[i]
            passing = advances[c]
            for i in range(WIDTH):
                passing[i] = advance[i] if stages > 1 else 0.0
        before = -1
        for e in range(begin[c], begin[c + 1]):
            t = source[e]
            hazard = registers[transition[t, 2]]
            if t != before:
                code = -1.0 - t
                for i in range(WIDTH):
                    good = (hazard[i] >= 0.0) & (hazard[i] < np.inf)
                    good = good & (advance[i] >= 0.0) & (advance[i] < np.inf)
                    bad[i] = bad[i] if good | (bad[i] != 0.0) else code
                if timed[e] != 0:
                    for i in range(WIDTH):
                        share[i] += hazard[i]
            before = t
        for e in range(begin[c], begin[c + 1]):
            t = source[e]
            hazard, chance, value = (
                registers[transition[t, 2]],
                registers[outcome_row[outcome[e]]],
                rate[e],
            )
            if timed[e] != 0:
                for i in range(WIDTH):
                    part = hazard[i] / (share[i] if share[i] > 0.0 else 1.0)
                    value[i] = part if share[i] > 0.0 else 0.0
                if stages == 1:
                    for i in range(WIDTH):
                        value[i] *= advance[i]
            else:
                for i in range(WIDTH):
                    value[i] = hazard[i]
            for i in range(WIDTH):
                value[i] *= chance[i] if chance[i] > 0.0 else 0.0
            if choice[e] >= 0:
                chosen = registers[choice[e]]
                last, own = last_route[t + 1] - last_route[t] - 1, route[e]
                for i in range(WIDTH):
                    if min(max(int(chosen[i]), 0), last) != own:
                        value[i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def sum_rates_of_lanes(tables: Tables, plan: Plan, rates: BlockRates) -> None:
    """Sum the rates of each kind and the pace of every compartment."""
    slot_ptr, begin, kind = tables.slot_ptr, plan.begin, plan.kind
    rate, advances, total, paces = rates.rate, rates.advance, rates.total, rates.pace
    later = rates.later
    for c in range(paces.shape[0]):
        pace, advance = paces[c], advances[c]
        stages = slot_ptr[c + 1] - slot_ptr[c]
        for i in range(WIDTH):
            pace[i] = advance[i] / stages
        for k in range(KINDS):
            gathered = total[c * KINDS + k]
            for i in range(WIDTH):
                gathered[i] = 0.0
        for e in range(begin[c + 1] - 1, begin[c] - 1, -1):
            gathered, value, after = total[c * KINDS + kind[e]], rate[e], later[e]
            for i in range(WIDTH):
                after[i] = gathered[i]
                gathered[i] += value[i]
            if kind[e] < AFTER_STAGES:
                for i in range(WIDTH):
                    pace[i] += value[i]


@njit(cache=True, nogil=True, error_model="numpy")
def extrapolate_lanes(start: BlockRates, middle: BlockRates) -> None:
    """Turn the rates at the middle of a step into those of its second half."""
    for e in range(start.rate.shape[0]):
        first, value = start.rate[e], middle.rate[e]
        for i in range(WIDTH):
            twice = 2.0 * value[i] - first[i]
            value[i] = twice if twice > 0.0 else 0.0
    for c in range(start.advance.shape[0]):
        first, value = start.advance[c], middle.advance[c]
        for i in range(WIDTH):
            twice = 2.0 * value[i] - first[i]
            value[i] = twice if twice > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def drift_of_lanes(
    tables: Tables,
    plan: Plan,
    registers: Float,
    counts: Float,
    rates: BlockRates,
    change: Float,
    slope: Float,
    row: Float,
) -> None:
    """Write the expected change a day of each assay into ``slope``; see rates.sensed_drift."""
    slot_ptr, begin, kind, rate = tables.slot_ptr, plan.begin, plan.kind, rates.rate
    product_ptr, product, outcome = tables.product_ptr, tables.product, plan.outcome
    compartments = rates.pace.shape[0]
    cells, passing, flow = row[0], row[1], row[2]
    for c in range(compartments):
        own = change[c]
        for i in range(WIDTH):
            own[i] = 0.0
    for c in range(compartments + 1):
        for i in range(WIDTH):
            cells[i] = 1.0
            passing[i] = 0.0
        if c < compartments:
            for i in range(WIDTH):
                cells[i] = 0.0
            for slot in range(slot_ptr[c], slot_ptr[c + 1]):
                here = counts[slot]
                for i in range(WIDTH):
                    cells[i] += here[i]
            last, advance = counts[slot_ptr[c + 1] - 1], rates.advance[c]
            for i in range(WIDTH):
                passing[i] = last[i] * advance[i]
        for e in range(begin[c], begin[c + 1]):
            value = rate[e]
            if kind[e] >= AFTER_STAGES:
                for i in range(WIDTH):
                    flow[i] = value[i] * passing[i]
            else:
                for i in range(WIDTH):
                    flow[i] = value[i] * cells[i]
            if c < compartments:
                own = change[c]
                for i in range(WIDTH):
                    own[i] -= flow[i]
            for p in range(product_ptr[outcome[e]], product_ptr[outcome[e] + 1]):
                there, number = change[product[p, 0]], product[p, 1]
                for i in range(WIDTH):
                    there[i] += flow[i] * number
    for a in range(slope.shape[0]):
        own = slope[a]
        for i in range(WIDTH):
            own[i] = 0.0
    for k in range(tables.weight.shape[0]):
        weight, moved = registers[tables.weight[k, 2]], change[tables.weight[k, 1]]
        own = slope[tables.weight[k, 0]]
        for i in range(WIDTH):
            own[i] += weight[i] * moved[i]
