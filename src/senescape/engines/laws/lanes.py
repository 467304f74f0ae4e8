"""The laws of a compartment for a block of lanes; bytes of :mod:`.one_stage` and :mod:`.chain`.

Rows of a flat vector as in :mod:`senescape.rng.lanes`. Lanes in which few events are expected, or
few ancestors divide often, follow the scalar law one by one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cfunc, config, njit, typeof, types
from numpy.typing import NDArray

from senescape.lane_math import WIDTH, lane_exp, lane_expm1
from senescape.rng import EXACT_MEAN, FEW, uniform
from senescape.rng.lanes import DRAW_ROWS, FOUND, MEAN, SHARE, SIZE, U, counts_drawer

from .chain import MAX_COUNTERS, completion
from .one_stage import (
    EMISSIONS,
    EXITS,
    FEW_EVENTS,
    GROWTH,
    NUMBER,
    Moments,
    emissions_given,
    exits_given,
    grown_moments,
    growth,
    one_stage,
)

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]

DIVIDES, EMITS = 1, 2  # bits

# asked: cells, hazards of division, exit and emission, length of the step
CELLS, BIRTH, EXIT, EMIT, STEP = (WIDTH * (DRAW_ROWS + row) for row in range(5))
# the answer: cells, exits, emissions
AFTER, LEFT, SENT = (WIDTH * (DRAW_ROWS + row) for row in range(5, 8))
ALIVE, SPECIAL = (WIDTH * (DRAW_ROWS + row) for row in range(8, 10))
MOMENT = WIDTH * (DRAW_ROWS + 10)
LAW_ROWS = DRAW_ROWS + 18


@njit(cache=True, nogil=True, error_model="numpy")
def one_stage_lanes(draw: Any, f: Float, keys: Keys, lively: int) -> None:
    """Write cells, exits and emissions after a step into AFTER, LEFT, SENT.

    Parameters
    ----------
    draw : pointer
        See :func:`senescape.rng.lanes.counts_drawer`.
    f : (LAW_ROWS * WIDTH,)
        Rows CELLS, BIRTH, EXIT, EMIT, STEP as the arguments of :func:`.one_stage.one_stage`.
    keys : (WIDTH,)
    lively : int
        Bits: DIVIDES and EMITS where these are possible in this compartment.
    """
    if lively == 0:
        _exits_only(draw, f, keys)
        return
    special = 0
    for i in range(WIDTH):
        n0, b, d, emit, h = f[CELLS + i], f[BIRTH + i], f[EXIT + i], f[EMIT + i], f[STEP + i]
        grown = growth(b - d, h)
        g = grown[1]
        m = grown_moments(b, d, emit, h, grown)
        f[MOMENT + i] = m.mean_n
        f[MOMENT + WIDTH + i] = m.mean_d
        f[MOMENT + 2 * WIDTH + i] = m.mean_f
        f[MOMENT + 3 * WIDTH + i] = m.var_n
        f[MOMENT + 4 * WIDTH + i] = m.var_d
        f[MOMENT + 5 * WIDTH + i] = m.var_f
        f[MOMENT + 6 * WIDTH + i] = m.cov_nd
        f[MOMENT + 7 * WIDTH + i] = m.cov_nf
        pure = (b <= 0.0) & (emit <= 0.0)
        none = (n0 <= 0.0) | (h <= 0.0)
        few = (n0 * g * (b + d + emit) < FEW_EVENTS) & (not pure) & (not none)
        f[SPECIAL + i] = 1.0 if few else 0.0
        special += 1 if few else 0
        leave, stay = -lane_expm1(-d * h), 1.0 - d * g / (1.0 + b * g)
        share = leave if pure else stay
        share = 0.0 if few | none else share
        f[SIZE + i] = n0
        f[SHARE + i] = share
        f[MEAN + i] = n0 * share
        f[ALIVE + i] = 1.0 if pure | none else 0.0
        f[AFTER + i] = g
        u, v = uniform(keys[i], EXITS), uniform(keys[i], NUMBER)
        f[U + i] = u if pure else v
    draw(f)
    for i in range(WIDTH):
        n0, b = f[CELLS + i], f[BIRTH + i]
        alive = n0 - f[FOUND + i] if f[ALIVE + i] != 0.0 else f[FOUND + i]
        f[ALIVE + i] = alive
        mean = b * f[AFTER + i]
        many = alive * mean
        crowd = (many >= EXACT_MEAN) & (alive <= FEW) & (f[SPECIAL + i] == 0.0)
        f[SPECIAL + i] = 1.0 if crowd else f[SPECIAL + i]
        special += 1 if crowd else 0
        f[SIZE + i] = -alive
        f[SHARE + i] = -mean
        f[MEAN + i] = 0.0 if f[SPECIAL + i] != 0.0 else many
        f[U + i] = uniform(keys[i], GROWTH)
    if lively & DIVIDES != 0:
        draw(f)
        for i in range(WIDTH):
            f[AFTER + i] = f[ALIVE + i] + f[FOUND + i]
        _exits_beside_births(draw, f, keys)
    else:
        for i in range(WIDTH):
            f[AFTER + i] = f[ALIVE + i]
            f[LEFT + i] = f[CELLS + i] - f[ALIVE + i]
    if lively & EMITS != 0:
        _emissions(draw, f, keys)
    else:
        for i in range(WIDTH):
            f[SENT + i] = 0.0
    if special > 0:
        for i in range(WIDTH):
            if f[SPECIAL + i] != 0.0:
                f[AFTER + i], f[LEFT + i], f[SENT + i] = one_stage(
                    f[CELLS + i], f[BIRTH + i], f[EXIT + i], f[EMIT + i], f[STEP + i], keys[i]
                )


@njit(cache=True, nogil=True, error_model="numpy")
def _exits_only(draw: Any, f: Float, keys: Keys) -> None:
    for i in range(WIDTH):
        n0, d, h = f[CELLS + i], f[EXIT + i], f[STEP + i]
        share = -lane_expm1(-d * h)
        f[SIZE + i] = n0
        f[SHARE + i] = share
        f[MEAN + i] = n0 * share
        f[U + i] = uniform(keys[i], EXITS)
    draw(f)
    for i in range(WIDTH):
        f[LEFT + i] = f[FOUND + i]
        f[AFTER + i] = f[CELLS + i] - f[FOUND + i]
        f[SENT + i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _moments(f: Float, i: int) -> Moments:
    return Moments(
        f[MOMENT + i],
        f[MOMENT + WIDTH + i],
        f[MOMENT + 2 * WIDTH + i],
        f[MOMENT + 3 * WIDTH + i],
        f[MOMENT + 4 * WIDTH + i],
        f[MOMENT + 5 * WIDTH + i],
        f[MOMENT + 6 * WIDTH + i],
        f[MOMENT + 7 * WIDTH + i],
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _exits_beside_births(draw: Any, f: Float, keys: Keys) -> None:
    for i in range(WIDTH):
        n0, n, b = f[CELLS + i], f[AFTER + i], f[BIRTH + i]
        trials, share, mean, least = exits_given(n0, n, _moments(f, i))
        open_ = (b > 0.0) & (f[SPECIAL + i] == 0.0) & (n0 > 0.0) & (f[STEP + i] > 0.0)
        f[SIZE + i] = trials
        f[SHARE + i] = share
        f[MEAN + i] = mean if open_ else 0.0
        f[LEFT + i] = least if open_ else n0 - n
        f[U + i] = uniform(keys[i], EXITS)
    draw(f)
    for i in range(WIDTH):
        f[LEFT + i] += f[FOUND + i]


@njit(cache=True, nogil=True, error_model="numpy")
def _emissions(draw: Any, f: Float, keys: Keys) -> None:
    for i in range(WIDTH):
        n0, n = f[CELLS + i], f[AFTER + i]
        trials, share, mean = emissions_given(n0, n, _moments(f, i))
        open_ = (f[EMIT + i] > 0.0) & (f[SPECIAL + i] == 0.0) & (n0 > 0.0) & (f[STEP + i] > 0.0)
        f[SIZE + i] = trials
        f[SHARE + i] = share
        f[MEAN + i] = mean if open_ else 0.0
        f[U + i] = uniform(keys[i], EMISSIONS)
    draw(f)
    for i in range(WIDTH):
        f[SENT + i] = f[FOUND + i]


@njit(cache=True, nogil=True, error_model="numpy")
def chain_lanes(
    draw: Any, f: Float, keys: Keys, counts: Float, first: int, last: int, row: Float
) -> None:
    """Advance the chains in slots ``first`` to ``last`` of ``counts``; completions leave them.

    Rows CELLS (1 where a lane takes part, else 0), BIRTH (hazard of passing a stage), EXIT and
    STEP are read; LEFT and SENT receive the any-age exits and the completions of
    :func:`.chain.chain`. ``row``, (3, WIDTH), is scratch.
    """
    k = last - first
    term, rest, left = row[0], row[1], row[2]
    for i in range(WIDTH):
        f[LEFT + i] = 0.0
        f[SENT + i] = 0.0
    for j in range(k - 1, -1, -1):
        own = counts[first + j]
        busy = 0
        for i in range(WIDTH):
            speed = f[BIRTH + i] + f[EXIT + i]
            open_ = (f[CELLS + i] != 0.0) & (speed > 0.0)
            left[i] = own[i] if open_ else 0.0
            busy += 1 if left[i] > 0.0 else 0
        if busy == 0:
            continue
        base = (j + 1) * MAX_COUNTERS
        for i in range(WIDTH):
            x = -(f[BIRTH + i] + f[EXIT + i]) * f[STEP + i]
            share = -lane_expm1(x)
            term[i] = lane_exp(x)
            rest[i] = share
            f[SIZE + i] = left[i]
            f[SHARE + i] = share
            f[MEAN + i] = left[i] * share
            f[U + i] = uniform(keys[i], base)
        draw(f)
        busy = 0
        for i in range(WIDTH):
            moved = f[FOUND + i] if left[i] > 0.0 else 0.0
            own[i] -= moved
            left[i] = moved
            busy += 1 if moved > 0.0 else 0
        for step in range(1, k - j):
            if busy == 0:
                break
            for i in range(WIDTH):
                term[i] *= f[BIRTH + i] * f[STEP + i] / step
                share = term[i] / rest[i] if rest[i] > term[i] else 1.0
                share = share if left[i] > 0.0 else 0.0
                f[SIZE + i] = left[i]
                f[SHARE + i] = share
                f[MEAN + i] = left[i] * share
                f[U + i] = uniform(keys[i], base + step)
            draw(f)
            there = counts[first + j + step]
            busy = 0
            for i in range(WIDTH):
                there[i] += f[FOUND + i]
                left[i] -= f[FOUND + i]
                rest[i] -= term[i]
                busy += 1 if left[i] > 0.0 else 0
        if busy == 0:
            continue
        for i in range(WIDTH):
            share = 0.0
            if left[i] > 0.0:
                share = completion(k - j, f[BIRTH + i], f[EXIT + i], f[STEP + i], rest[i])
            f[SIZE + i] = left[i]
            f[SHARE + i] = share
            f[MEAN + i] = left[i] * share
            f[U + i] = uniform(keys[i], base + k)
        draw(f)
        for i in range(WIDTH):
            f[LEFT + i] += left[i] - f[FOUND + i]
            f[SENT + i] += f[FOUND + i]


@lru_cache(maxsize=1)
def stage_law() -> Any:
    """Return :func:`one_stage_lanes` as a pointer."""
    if config.DISABLE_JIT:
        return one_stage_lanes

    drawer = counts_drawer()

    def law(draw: Any, f: Float, keys: Keys, lively: int) -> None:
        one_stage_lanes(draw, f, keys, lively)

    vector, words = types.Array(types.float64, 1, "C"), types.Array(types.uint64, 1, "C")
    return cfunc(types.void(typeof(drawer), vector, words, types.int64), cache=True)(law)
