"""Counts for a block of lanes at once, with the bytes of :mod:`.quantiles`.

A block is one flat vector in rows of WIDTH lanes; rows are named by where they begin. Every loop
over lanes has a constant length and no branch, so that it is vectorised; what needs a branch (a
normal score beyond 6.7 standard deviations) is done again for its lane by the scalar function.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cfunc, config, njit, types
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

from .quantiles import (
    BELOW_ONE,
    EXACT_MEAN,
    NEGLIGIBLE,
    TAIL,
    chance_of_none,
    expansion,
    large_quantile,
    near_quantile,
    small_quantile,
    tail_of,
)

Float = NDArray[np.float64]

# what is asked (n, signed share p, mean, uniform), the answer, and scratch
SIZE, SHARE, MEAN, U, FOUND = (WIDTH * row for row in range(5))
FOLD, SMALL, LARGE, CHANCE, RATIO, TOTAL, GONE = (WIDTH * row for row in range(5, 12))
DRAW_ROWS = 12
ALONE = 3  # up to so many small counts are inverted lane by lane


@njit(cache=True, nogil=True, error_model="numpy")
def draw_counts(f: Float) -> None:
    """Write the quantile of the count of every lane into FOUND.

    Parameters
    ----------
    f : (DRAW_ROWS * WIDTH or more,)
        Rows SIZE, SHARE, MEAN, U as the arguments of :func:`.quantiles.count_quantile`; all but
        SIZE are changed; rows up to DRAW_ROWS are scratch.
    """
    large, few = 0, 0
    for i in range(WIDTH):
        n, p, mean, u = f[SIZE + i], f[SHARE + i], f[MEAN + i], f[U + i]
        fold = p > 0.5
        chance = 1.0 - p if fold else p
        rest = 1.0 - u
        rest = rest if rest < BELOW_ONE else BELOW_ONE
        expected = n * chance if fold else mean
        drawn = (mean > 0.0) & (p < 1.0)
        small = drawn & (expected < EXACT_MEAN)
        f[FOUND + i] = n if (mean > 0.0) & (p >= 1.0) else 0.0
        f[FOLD + i] = 1.0 if fold else 0.0
        f[SMALL + i] = 1.0 if small else 0.0
        f[LARGE + i] = 1.0 if drawn & (not small) else 0.0
        f[SHARE + i] = chance
        f[MEAN + i] = expected
        f[U + i] = rest if fold else u
        large += 1 if drawn & (not small) else 0
        few += 1 if small else 0
    if large > 0:
        _expand(f)
    if few > ALONE:
        _invert(f)
    elif few > 0:
        for i in range(WIDTH):
            if f[SMALL + i] != 0.0:
                k = small_quantile(f[SIZE + i], f[SHARE + i], f[MEAN + i], f[U + i])
                f[FOUND + i] = f[SIZE + i] - k if f[FOLD + i] != 0.0 else k


@njit(cache=True, nogil=True, error_model="numpy")
def _expand(f: Float) -> None:
    """Draw in the lanes marked LARGE by the expansion around the normal law."""
    far = 0
    for i in range(WIDTH):
        n, p, mean, u = f[SIZE + i], f[SHARE + i], f[MEAN + i], f[U + i]
        k = expansion(mean, p, near_quantile(u))
        k = k if k > 0.0 else 0.0
        k = n if (p > 0.0) & (k > n) else k
        k = n - k if f[FOLD + i] != 0.0 else k
        drawn = f[LARGE + i] != 0.0
        f[FOUND + i] = k if drawn else f[FOUND + i]
        outside = drawn & (tail_of(u) > TAIL)
        f[GONE + i] = 1.0 if outside else 0.0
        far += 1 if outside else 0
    if far > 0:
        for i in range(WIDTH):
            if f[GONE + i] != 0.0:
                k = large_quantile(f[SIZE + i], f[SHARE + i], f[MEAN + i], f[U + i])
                f[FOUND + i] = f[SIZE + i] - k if f[FOLD + i] != 0.0 else k


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(f: Float) -> None:
    """Invert from zero in the lanes marked SMALL; see quantiles.small_quantile."""
    for i in range(WIDTH):
        n, p, mean = f[SIZE + i], f[SHARE + i], f[MEAN + i]
        chance = chance_of_none(n, p, mean)
        f[CHANCE + i] = chance
        f[TOTAL + i] = chance
        f[RATIO + i] = p / (1.0 - p) if p != 0.0 else mean
        f[GONE + i] = 0.0
    k, walking = 0.0, 1
    while walking > 0:
        over = 1.0 / (k + 1.0)
        walking = 0
        for i in range(WIDTH):
            n, p, chance, ratio = f[SIZE + i], f[SHARE + i], f[CHANCE + i], f[RATIO + i]
            total, gone = f[TOTAL + i], f[GONE + i]
            ended = ((p > 0.0) & (k >= n)) | ((chance < NEGLIGIBLE) & (k > f[MEAN + i]))
            # a lane that has stopped once has gone fewer than k steps
            go = (f[SMALL + i] != 0.0) & (gone == k) & (f[U + i] > total) & (not ended)
            step = ratio * (n - k) if p != 0.0 else ratio
            chance = chance * (step * over) if go else chance
            f[CHANCE + i] = chance
            f[TOTAL + i] = total + chance if go else total
            f[GONE + i] = gone + 1.0 if go else gone
            walking += 1 if go else 0
        k += 1.0
    for i in range(WIDTH):
        found = f[SIZE + i] - f[GONE + i] if f[FOLD + i] != 0.0 else f[GONE + i]
        f[FOUND + i] = found if f[SMALL + i] != 0.0 else f[FOUND + i]


@lru_cache(maxsize=1)
def counts_drawer() -> Any:
    """Return :func:`draw_counts` as a pointer: compiled once, not in each of its callers."""
    if config.DISABLE_JIT:
        return draw_counts

    def draw(f: Float) -> None:
        draw_counts(f)

    return cfunc(types.void(types.Array(types.float64, 1, "C")), cache=True)(draw)
