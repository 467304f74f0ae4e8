"""One leap step of one lane: every compartment follows its own law, forward, then backward."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.laws import chain, dividing_chain, one_stage
from senescape.engines.tables import Tables
from senescape.rng import binomial_quantile, draw_key, poisson_quantile, uniform

from .exits import AFTER_STAGES, INFLOW, Exits, route_of
from .plan import DIVIDE, EMIT, LEAVE

Float = NDArray[np.float64]

FATES = 1 << 24
INFLOW_KEY = 1 << 29


@njit(cache=True, nogil=True, error_model="numpy")
def deliver(tables: Tables, counts: Float, source: int, outcome: int, cells: float) -> None:
    """Put the products of ``cells`` firings into first stages; the source's own are accounted for."""
    for p in range(tables.product_ptr[outcome], tables.product_ptr[outcome + 1]):
        target = tables.product[p, 0]
        if target != source:
            counts[tables.slot_ptr[target]] += cells * tables.product[p, 1]


@njit(cache=True, nogil=True, error_model="numpy")
def split(
    tables: Tables,
    exits: Exits,
    counts: Float,
    tally: Float,
    source: int,
    cells: float,
    kind: int,
    key: int,
) -> None:
    """Share ``cells`` firings among the exits of one kind by one multinomial, and deliver them."""
    if cells <= 0.0:
        return
    total = 0.0
    last = -1
    for e in range(exits.begin[source], exits.begin[source + 1]):
        if exits.kind[e] == kind:
            total += exits.rate[e]
            last = e
    for e in range(exits.begin[source], last + 1):
        if exits.kind[e] != kind:
            continue
        part = cells
        if e != last:
            chance = min(1.0, exits.rate[e] / total)
            place = FATES + kind * 4096 + e - exits.begin[source]
            part = binomial_quantile(cells, chance, uniform(key, place))
        total -= exits.rate[e]
        cells -= part
        tally[exits.transition[e]] += part
        deliver(tables, counts, source, exits.outcome[e], part)
        if cells <= 0.0:
            return


@njit(cache=True, nogil=True, error_model="numpy")
def _flow_one(
    tables: Tables, exits: Exits, counts: Float, tally: Float, c: int, h: float, key: int
) -> None:
    slot = tables.slot_ptr[c]
    before = counts[slot]
    b = exits.total[c, DIVIDE]
    n, left, emitted = one_stage(before, b, exits.total[c, LEAVE], exits.total[c, EMIT], h, key)
    counts[slot] = n
    split(tables, exits, counts, tally, c, n - before + left, DIVIDE, key)
    split(tables, exits, counts, tally, c, left, LEAVE, key)
    split(tables, exits, counts, tally, c, emitted, EMIT, key)


@njit(cache=True, nogil=True, error_model="numpy")
def _flow_chain(
    tables: Tables, exits: Exits, counts: Float, tally: Float, c: int, h: float, key: int, born: Float
) -> None:
    first = tables.slot_ptr[c]
    last = tables.slot_ptr[c + 1]
    cells = counts[first:last]
    advance = exits.advance[c]
    leave = exits.total[c, LEAVE]
    two, one, none = 0.0, 0.0, 0.0
    for e in range(exits.begin[c], exits.begin[c + 1]):
        if exits.kind[e] == DIVIDE + AFTER_STAGES:
            two += exits.rate[e]
        elif exits.kind[e] == EMIT + AFTER_STAGES:
            one += exits.rate[e]
        elif exits.kind[e] == LEAVE + AFTER_STAGES:
            none += exits.rate[e]
    if two + one + none <= 0.0:
        _hold_last(cells, advance, leave, h, key, tables, exits, counts, tally, c)
        return
    if two + one <= 0.0:
        gone, done = chain(cells, advance, leave, h, key)
        split(tables, exits, counts, tally, c, gone, LEAVE, key)
        split(tables, exits, counts, tally, c, done, LEAVE + AFTER_STAGES, key)
        return
    parts = max(1, int(math.ceil(2.0 * h * advance / (last - first) - 1e-9)))
    for part in range(parts):
        own = draw_key(key, part, 0, 1)
        gone, twos, ones, nones = dividing_chain(
            cells, advance, leave, two, one, h / parts, own, born[: last - first]
        )
        split(tables, exits, counts, tally, c, gone, LEAVE, own)
        split(tables, exits, counts, tally, c, twos, DIVIDE + AFTER_STAGES, own)
        split(tables, exits, counts, tally, c, ones, EMIT + AFTER_STAGES, own)
        split(tables, exits, counts, tally, c, nones, LEAVE + AFTER_STAGES, own)


@njit(cache=True, nogil=True, error_model="numpy")
def _hold_last(
    cells: Float,
    advance: float,
    leave: float,
    h: float,
    key: int,
    tables: Tables,
    exits: Exits,
    counts: Float,
    tally: Float,
    c: int,
) -> None:
    """Advance a chain whose timed exits are all shut: cells gather in the last stage."""
    k = cells.shape[0]
    waiting, gone, _ = one_stage(cells[k - 1], 0.0, leave, 0.0, h, draw_key(key, 0, 0, 2))
    cells[k - 1] = 0.0
    if k > 1:
        left, done = chain(cells[: k - 1], advance, leave, h, key)
        gone += left
        waiting += done
    cells[k - 1] += waiting
    split(tables, exits, counts, tally, c, gone, LEAVE, key)


@njit(cache=True, nogil=True, error_model="numpy")
def _arrive(
    tables: Tables, registers: Float, counts: Float, tally: Float, h: float, key: int
) -> None:
    """Let cells arrive from outside over a whole step."""
    for t in range(tables.transition.shape[0]):
        if tables.transition[t, 0] != INFLOW:
            continue
        route = route_of(tables, registers, t)
        for o in range(tables.outcome_ptr[route], tables.outcome_ptr[route + 1]):
            mean = registers[tables.transition[t, 2], 0] * registers[tables.outcome_row[o], 0] * h
            own = draw_key(key, INFLOW_KEY, tables.transition[t, 3], o - tables.outcome_ptr[route])
            arrived = poisson_quantile(mean, uniform(own, 0))
            tally[t] += arrived
            deliver(tables, counts, -1, o, arrived)


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    tables: Tables,
    exits: Exits,
    registers: Float,
    counts: Float,
    tally: Float,
    h: float,
    key: int,
    born: Float,
) -> None:
    """Take one step of length ``h`` [day] at the rates in ``exits``."""
    n = exits.pace.shape[0]
    for half in range(2):
        for position in range(n):
            c = position if half == 0 else n - 1 - position
            first = tables.slot_ptr[c]
            last = tables.slot_ptr[c + 1]
            cells = 0.0
            for slot in range(first, last):
                cells += counts[slot]
            if cells <= 0.0 or exits.pace[c] <= 0.0:
                continue
            own = draw_key(key, c, half, 0)
            if last - first == 1:
                _flow_one(tables, exits, counts, tally, c, 0.5 * h, own)
            else:
                _flow_chain(tables, exits, counts, tally, c, 0.5 * h, own, born)
        if half == 0:
            _arrive(tables, registers, counts, tally, h, key)
