"""Half steps of a block of lanes, with the bytes of :mod:`.step`.

Arrays have the lane last, WIDTH of them; every loop over lanes has that constant length, so that it
is vectorised and a table is read once for all lanes. Each lane has its own time and its own step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.laws.lanes import (
    AFTER,
    BIRTH,
    CELLS,
    EXIT,
    LAW_ROWS,
    LEFT,
    SENT,
    STEP,
    chain_lanes,
)
from senescape.engines.laws.lanes import (
    EMIT as SENDING,
)
from senescape.engines.tables import Tables
from senescape.lane_math import WIDTH
from senescape.rng import absorb, uniform
from senescape.rng.lanes import FOUND, MEAN, SHARE, SIZE, U

from .block_rates import BlockRates
from .plan import AFTER_STAGES, DIVIDE, EMIT, KINDS, LEAVE, Plan
from .step import ARRIVALS, FATES, flow_chain

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]


class Chances(NamedTuple):
    """What a half step draws by, as pointers: each is compiled once, not in its callers."""

    draw: Any
    law: Any


class Scratch(NamedTuple):
    """Arrays that a half step writes.

    Parameters
    ----------
    law : (LAW_ROWS * WIDTH,)
    fired : (4, WIDTH)
        Cells that left, divided, sent one away, completed.
    row : (4, WIDTH)
    keys, own : (WIDTH,)
        Of the half step, and of one compartment in it.
    chains : (3, WIDTH)
    chain, born, one : (slots,), (slots,), (4,)
        One lane of a chain.
    """

    law: Float
    fired: Float
    row: Float
    keys: Keys
    own: Keys
    chains: Float
    chain: Float
    born: Float
    one: Float


def scratch_of(slots: int) -> Scratch:
    """Return scratch for a program with so many slots."""
    return Scratch(
        np.zeros(LAW_ROWS * WIDTH),
        np.zeros((4, WIDTH)),
        np.zeros((4, WIDTH)),
        np.zeros(WIDTH, np.uint64),
        np.zeros(WIDTH, np.uint64),
        np.zeros((3, WIDTH)),
        np.zeros(slots),
        np.zeros(slots),
        np.zeros(4),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _deliver(plan: Plan, e: int, part: Float, first: int, counts: Float, tally: Float) -> None:
    """Count the firings of an entry that stand in a flat vector, and place what they make."""
    own = tally[plan.transition[e]]
    for i in range(WIDTH):
        own[i] += part[first + i]
    for p in range(plan.deliver_ptr[e], plan.deliver_ptr[e + 1]):
        there, number = counts[plan.deliver[p, 0]], plan.deliver[p, 1]
        for i in range(WIDTH):
            there[i] += part[first + i] * number


@njit(cache=True, nogil=True, error_model="numpy")
def _split(
    chances: Chances,
    plan: Plan,
    rates: BlockRates,
    c: int,
    wanted: int,
    role: int,
    scratch: Scratch,
    counts: Float,
    tally: Float,
) -> None:
    """Share the firings of one role among the exits of one kind; see step.split."""
    begin, kind, rate, laters = plan.begin, plan.kind, rates.rate, rates.later
    f, left, own = scratch.law, scratch.fired[role], scratch.own
    first, last = begin[c], begin[c + 1]
    going = 0
    for i in range(WIDTH):
        going += 1 if left[i] > 0.0 else 0
    for e in range(first, last):
        if kind[e] != wanted or going == 0:
            continue
        value, later = rate[e], laters[e]
        drawn, shared = 0, 0
        for i in range(WIDTH):
            firing = (left[i] > 0.0) & (value[i] > 0.0)
            drawn += 1 if firing else 0
            shared += 1 if firing & (later[i] > 0.0) else 0
        if drawn == 0:
            continue
        if shared == 0:
            for i in range(WIDTH):
                f[FOUND + i] = left[i] if value[i] > 0.0 else 0.0
        else:
            place = FATES + wanted * 4096 + e - first
            for i in range(WIDTH):
                share = value[i] / (value[i] + later[i] if value[i] > 0.0 else 1.0)
                f[SIZE + i] = left[i]
                f[SHARE + i] = share
                f[MEAN + i] = left[i] * share
                f[U + i] = uniform(own[i], place)
            chances.draw(f)
        going = 0
        for i in range(WIDTH):
            left[i] -= f[FOUND + i]
            going += 1 if left[i] > 0.0 else 0
        _deliver(plan, e, f, FOUND, counts, tally)


@njit(cache=True, nogil=True, error_model="numpy")
def _arrivals(
    chances: Chances,
    plan: Plan,
    rates: BlockRates,
    first: int,
    half: Float,
    scratch: Scratch,
    counts: Float,
    tally: Float,
) -> None:
    f, own, keys = scratch.law, scratch.own, scratch.keys
    for i in range(WIDTH):
        own[i] = absorb(keys[i], ARRIVALS)
    for e in range(first, rates.rate.shape[0]):
        value = rates.rate[e]
        for i in range(WIDTH):
            f[SIZE + i] = 0.0
            f[SHARE + i] = 0.0
            f[MEAN + i] = value[i] * half[i]
            f[U + i] = uniform(own[i], e - first)
        chances.draw(f)
        _deliver(plan, e, f, FOUND, counts, tally)


@njit(cache=True, nogil=True, error_model="numpy")
def _stages(
    chances: Chances,
    rates: BlockRates,
    c: int,
    first: int,
    last: int,
    half: Float,
    scratch: Scratch,
    counts: Float,
) -> None:
    """Let the lanes of a chain follow its law: together where cells only leave it, else alone."""
    total, advances, cells, others = rates.total, rates.advance[c], scratch.row[1], scratch.row[0]
    f, fired, own, base = scratch.law, scratch.fired, scratch.own, c * KINDS
    leave, none = total[base + LEAVE], total[base + LEAVE + AFTER_STAGES]
    two, one = total[base + DIVIDE + AFTER_STAGES], total[base + EMIT + AFTER_STAGES]
    together, alone = 0, 0
    for i in range(WIDTH):
        busy = cells[i] > 0.0
        plain = busy & (two[i] + one[i] <= 0.0) & (none[i] > 0.0)
        f[CELLS + i] = 1.0 if plain else 0.0
        f[BIRTH + i] = advances[i]
        f[EXIT + i] = leave[i]
        f[STEP + i] = half[i]
        others[i] = 1.0 if busy & (not plain) else 0.0
        together += 1 if plain else 0
        alone += 1 if busy & (not plain) else 0
        f[LEFT + i] = 0.0
        f[SENT + i] = 0.0
    if together > 0:
        chain_lanes(chances.draw, f, own, counts, first, last, scratch.chains)
    for i in range(WIDTH):
        fired[0, i] = f[LEFT + i]
        fired[1, i] = 0.0
        fired[2, i] = 0.0
        fired[3, i] = f[SENT + i]
    if alone == 0:
        return
    stages = scratch.chain
    for i in range(WIDTH):
        if others[i] == 0.0:
            continue
        for slot in range(first, last):
            stages[slot - first] = counts[slot, i]
        flow_chain(
            stages[: last - first],
            advances[i],
            leave[i],
            two[i],
            one[i],
            none[i],
            half[i],
            own[i],
            scratch.born[: last - first],
            scratch.one,
        )
        for slot in range(first, last):
            counts[slot, i] = stages[slot - first]
        for role in range(4):
            fired[role, i] = scratch.one[role]


@njit(cache=True, nogil=True, error_model="numpy")
def half_sweep_of_lanes(
    chances: Chances,
    tables: Tables,
    plan: Plan,
    rates: BlockRates,
    counts: Float,
    tally: Float,
    half: Float,
    backward: bool,
    scratch: Scratch,
) -> None:
    """Let every compartment follow its law for ``half`` days, 0 in lanes that wait.

    Keys of the half step stand in ``scratch.keys``; see step.half_sweep.
    """
    slot_ptr, begin, n = tables.slot_ptr, plan.begin, rates.pace.shape[0]
    f, fired, cells = scratch.law, scratch.fired, scratch.row[1]
    own, keys = scratch.own, scratch.keys
    if backward and plan.arrives:
        _arrivals(chances, plan, rates, begin[n], half, scratch, counts, tally)
    for position in range(n):
        c = n - 1 - position if backward else position
        first, last = slot_ptr[c], slot_ptr[c + 1]
        for i in range(WIDTH):
            cells[i] = 0.0
        for slot in range(first, last):
            here = counts[slot]
            for i in range(WIDTH):
                cells[i] += here[i]
        pace, busy = rates.pace[c], 0
        for i in range(WIDTH):
            active = (pace[i] > 0.0) & (half[i] > 0.0)
            cells[i] = cells[i] if active else 0.0
            busy += 1 if cells[i] > 0.0 else 0
        if busy == 0:
            continue
        for i in range(WIDTH):
            own[i] = absorb(keys[i], c)
        later = 0
        if last - first == 1:
            base = c * KINDS
            births, exits, sends = (
                rates.total[base + DIVIDE],
                rates.total[base + LEAVE],
                rates.total[base + EMIT],
            )
            for i in range(WIDTH):
                f[CELLS + i] = cells[i]
                f[BIRTH + i] = births[i]
                f[EXIT + i] = exits[i]
                f[SENDING + i] = sends[i]
                f[STEP + i] = half[i]
            chances.law(chances.draw, f, own, plan.lively[c])
            here = counts[first]
            for i in range(WIDTH):
                open_ = cells[i] > 0.0
                here[i] = f[AFTER + i] if open_ else here[i]
                fired[0, i] = f[LEFT + i]
                fired[1, i] = f[AFTER + i] - cells[i] + f[LEFT + i]
                fired[2, i] = f[SENT + i]
                fired[3, i] = 0.0
        else:
            later = AFTER_STAGES
            _stages(chances, rates, c, first, last, half, scratch, counts)
        for role in range(4):
            wanted = LEAVE
            if role == 1:
                wanted = DIVIDE + later
            elif role == 2:
                wanted = EMIT + later
            elif role == 3:
                wanted = LEAVE + later
            _split(chances, plan, rates, c, wanted, role, scratch, counts, tally)
    if not backward and plan.arrives:
        _arrivals(chances, plan, rates, begin[n], half, scratch, counts, tally)
