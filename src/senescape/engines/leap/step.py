"""One leap step of one lane: every compartment follows its own law, forward, then backward."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.laws import chain, dividing_chain, one_stage
from senescape.engines.tables import Tables
from senescape.rng import absorb, binomial_quantile, draw_key, poisson_quantile, uniform

from .exits import AFTER_STAGES, INFLOW, Exits, route_of
from .plan import DIVIDE, EMIT, LEAVE, Plan

Float = NDArray[np.float64]
Int = NDArray[np.int32]

FATES = 1 << 24
INFLOW_KEY = 1 << 29


# Kernels below take the arrays that they need one by one: reading an array out of a tuple inside a
# loop costs more than the arithmetic (reference counting).


@njit(cache=True, nogil=True, error_model="numpy")
def split(
    first: int,
    last: int,
    cells: float,
    wanted: int,
    source: int,
    key: int,
    rate: Float,
    kind: Int,
    outcome: Int,
    transition: Int,
    product_ptr: Int,
    product: Int,
    slot_ptr: Int,
    counts: Float,
    tally: Float,
) -> None:
    """Share ``cells`` firings among the exits of one kind by one multinomial, and deliver them.

    Products enter the first stages of their compartments; those of the source itself are already
    accounted for by its law.
    """
    total = 0.0
    end = -1
    for e in range(first, last):
        if kind[e] == wanted:
            total += rate[e]
            end = e
    for e in range(first, end + 1):
        if kind[e] != wanted:
            continue
        part = cells
        if e != end:
            place = FATES + wanted * 4096 + e - first
            part = binomial_quantile(cells, min(1.0, rate[e] / total), uniform(key, place))
        total -= rate[e]
        cells -= part
        tally[transition[e]] += part
        o = outcome[e]
        for p in range(product_ptr[o], product_ptr[o + 1]):
            if product[p, 0] != source:
                counts[slot_ptr[product[p, 0]]] += part * product[p, 1]
        if cells <= 0.0:
            return


@njit(cache=True, nogil=True, error_model="numpy")
def flow_chain(
    cells: Float,
    advance: float,
    leave: float,
    two: float,
    one: float,
    none: float,
    h: float,
    key: int,
    born: Float,
    fired: Float,
) -> None:
    """Advance a chain for ``h`` days; ``fired`` receives (left, divided, one back, completed)."""
    k = cells.shape[0]
    for i in range(4):
        fired[i] = 0.0
    if two + one + none <= 0.0:  # every timed exit is shut: cells gather in the last stage
        waiting, fired[0], _ = one_stage(cells[k - 1], 0.0, leave, 0.0, h, absorb(key, 1))
        left, done = chain(cells[: k - 1], advance, leave, h, key)
        fired[0] += left
        cells[k - 1] = waiting + done
    elif two + one <= 0.0:
        fired[0], fired[3] = chain(cells, advance, leave, h, key)
    else:
        parts = max(1, int(math.ceil(2.0 * h * advance / k - 1e-9)))
        for part in range(parts):
            left, twos, ones, nones = dividing_chain(
                cells, advance, leave, two, one, none, h / parts, absorb(key, part), born
            )
            fired[0] += left
            fired[1] += twos
            fired[2] += ones
            fired[3] += nones


@njit(cache=True, nogil=True, error_model="numpy")
def arrive(
    tables: Tables, registers: Float, counts: Float, tally: Float, h: float, key: int
) -> None:
    """Let cells arrive from outside over a whole step."""
    for t in range(tables.transition.shape[0]):
        if tables.transition[t, 0] != INFLOW:
            continue
        route = route_of(tables, registers, t)
        for o in range(tables.outcome_ptr[route], tables.outcome_ptr[route + 1]):
            mean = registers[tables.transition[t, 2]] * registers[tables.outcome_row[o]] * h
            own = draw_key(key, INFLOW_KEY, tables.transition[t, 3], o - tables.outcome_ptr[route])
            arrived = poisson_quantile(mean, uniform(own, 0))
            tally[t] += arrived
            for p in range(tables.product_ptr[o], tables.product_ptr[o + 1]):
                counts[tables.slot_ptr[tables.product[p, 0]]] += arrived * tables.product[p, 1]


@njit(cache=True, nogil=True, error_model="numpy")
def half_sweep(
    tables: Tables,
    exits: Exits,
    counts: Float,
    tally: Float,
    h: float,
    key: int,
    backward: bool,
    born: Float,
    fired: Float,
) -> None:
    """Let every compartment follow its law for ``h`` days, one after another."""
    slot_ptr, product_ptr, product = tables.slot_ptr, tables.product_ptr, tables.product
    begin, rate, kind, outcome = exits.begin, exits.rate, exits.kind, exits.outcome
    transition, total, advances, pace = exits.transition, exits.total, exits.advance, exits.pace
    n = pace.shape[0]
    for position in range(n):
        c = n - 1 - position if backward else position
        first, last = slot_ptr[c], slot_ptr[c + 1]
        cells = 0.0
        for slot in range(first, last):
            cells += counts[slot]
        if cells <= 0.0 or pace[c] <= 0.0:
            continue
        own = absorb(key, c)
        later = 0
        if last - first == 1:
            after, fired[0], fired[2] = one_stage(
                cells, total[c, DIVIDE], total[c, LEAVE], total[c, EMIT], h, own
            )
            fired[1] = after - cells + fired[0]
            fired[3] = 0.0
            counts[first] = after
        else:
            later = AFTER_STAGES
            share = total[c]
            flow_chain(
                counts[first:last],
                advances[c],
                share[LEAVE],
                share[DIVIDE + later],
                share[EMIT + later],
                share[LEAVE + later],
                h,
                own,
                born[: last - first],
                fired,
            )
        for role in range(4):
            if fired[role] <= 0.0:
                continue
            wanted = LEAVE
            if role == 1:
                wanted = DIVIDE + later
            elif role == 2:
                wanted = EMIT + later
            elif role == 3:
                wanted = LEAVE + later
            split(
                begin[c],
                begin[c + 1],
                fired[role],
                wanted,
                c,
                own,
                rate,
                kind,
                outcome,
                transition,
                product_ptr,
                product,
                slot_ptr,
                counts,
                tally,
            )


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    tables: Tables,
    plan: Plan,
    exits: Exits,
    registers: Float,
    counts: Float,
    tally: Float,
    h: float,
    key: int,
    born: Float,
) -> None:
    """Take one step of length ``h`` [day] at the rates in ``exits``."""
    fired = born[born.shape[0] - 4 :]
    half_sweep(tables, exits, counts, tally, 0.5 * h, absorb(key, 1), False, born, fired)
    if plan.arrives:
        arrive(tables, registers, counts, tally, h, key)
    half_sweep(tables, exits, counts, tally, 0.5 * h, absorb(key, 2), True, born, fired)
