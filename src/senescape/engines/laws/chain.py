"""Laws of a compartment of k stages: advances against competing hazards, exact for any step.

A cell in stage j that neither leaves nor completes has passed i stages with probability
exp(-(a + d) h) (a h)^i / i!; it has completed with probability (a / (a + d))^m P(m, (a + d) h),
m = k - j stages from the end, P the regularised gamma function.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import lane_exp, lane_expm1
from senescape.rng import binomial_quantile, uniform

Float = NDArray[np.float64]

MAX_COUNTERS = 1024


@njit(cache=True, nogil=True, error_model="numpy")
def erlang_tail(m: int, x: float) -> float:
    """Return P(Poisson(x) >= m), the chance that m stages of scaled length are passed."""
    if m <= 0:
        return 1.0
    if x <= 0.0:
        return 0.0
    term = math.exp(-x)
    if x > m:
        below = 0.0
        for i in range(m):
            below += term
            term *= x / (i + 1)
        return max(0.0, 1.0 - below)
    for i in range(m):
        term *= x / (i + 1)
    total, i = 0.0, m
    while term > 1e-18 * total and i < m + 400:
        total += term
        i += 1
        term *= x / i
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _move_stage(
    cells: Float, j: int, advance: float, leave: float, h: float, key: int
) -> tuple[float, float]:
    """Move the cells of stage j; returns (any-age exits, completions); later stages gain."""
    k = cells.shape[0]
    n = cells[j]
    if n <= 0.0:
        return 0.0, 0.0
    speed = advance + leave
    if speed <= 0.0:
        return 0.0, 0.0
    base = (j + 1) * MAX_COUNTERS
    term = lane_exp(-speed * h)
    rest = -lane_expm1(-speed * h)
    left = binomial_quantile(n, rest, uniform(key, base))
    cells[j] = n - left
    for i in range(1, k - j):
        if left <= 0.0:
            return 0.0, 0.0
        term *= advance * h / i
        chance = term / rest if rest > term else 1.0
        moved = binomial_quantile(left, chance, uniform(key, base + i))
        cells[j + i] += moved
        left -= moved
        rest -= term
    if left <= 0.0:
        return 0.0, 0.0
    chance = completion(k - j, advance, leave, h, rest)
    completed = binomial_quantile(left, chance, uniform(key, base + k))
    return left - completed, completed


@njit(cache=True, nogil=True, error_model="numpy")
def completion(m: int, advance: float, leave: float, h: float, rest: float) -> float:
    """Return the chance of having passed m stages, given that a cell left or completed."""
    if leave <= 0.0:
        return 1.0
    speed = advance + leave
    done = (advance / speed) ** m * erlang_tail(m, speed * h)
    return min(1.0, done / max(rest, done))


@njit(cache=True, nogil=True, error_model="numpy")
def chain(cells: Float, advance: float, leave: float, h: float, key: int) -> tuple[float, float]:
    """Advance a chain whose completions leave it.

    Parameters
    ----------
    cells : (stages,)
        Whole numbers, changed in place.
    advance, leave : float
        Hazard of passing one stage, and of leaving at any age [1/day].
    h : float
        Length of the step [day], any.
    key : uint64
        Of this lane, window, compartment and pass.

    Returns
    -------
    tuple of float
        (any-age exits, completions).

    Notes
    -----
    One multinomial a stage; the joint law is exact.
    """
    exits, completed = 0.0, 0.0
    for j in range(cells.shape[0] - 1, -1, -1):
        e, c = _move_stage(cells, j, advance, leave, h, key)
        exits += e
        completed += c
    return exits, completed


@njit(cache=True, nogil=True, error_model="numpy")
def dividing_chain(
    cells: Float,
    advance: float,
    leave: float,
    two: float,
    one: float,
    none: float,
    h: float,
    key: int,
    born: Float,
) -> tuple[float, float, float, float]:
    """Advance a chain whose completions may divide back into its first stage.

    Parameters
    ----------
    cells, born : (stages,)
        Cells, changed in place; scratch.
    two, one, none : float
        Shares of completions that put two daughters, or one (the other is elsewhere), or none into
        the first stage; only their ratios count.
    h : float
        At most half a mean cycle (k / (2 advance)); the caller divides longer steps.

    Returns
    -------
    tuple of float
        (any-age exits, completions that put two, one, none back).

    Notes
    -----
    The stages that a mother's clock has passed beyond the end are those of her daughters, so that a
    daughter of a mother m stages from the end stands in stage i with probability
    exp(-(a + d) h) (a h)^(m + i) / (m + i)!: the mean is exact, but for daughters that complete
    twice within the step (chance at most P(Poisson(a h) > 2 k)). Sisters are placed independently,
    which leaves out their common time of birth: the variance is exact to second order in h.
    A daughter that completes within the same step shares out like her mother.
    """
    k = cells.shape[0]
    exits, twos, ones, nones = 0.0, 0.0, 0.0, 0.0
    for i in range(k):
        born[i] = 0.0
    for j in range(k - 1, -1, -1):
        e, completed = _move_stage(cells, j, advance, leave, h, key)
        exits += e
        if completed <= 0.0:
            continue
        base = (j + 1) * MAX_COUNTERS + k + 1
        t, o, n = _fates(completed, two, one, none, key, base)
        twos += t
        ones += o
        nones += n
        daughters = 2.0 * t + o
        e, t, o, n = _place(
            born, k - j, daughters, advance, leave, two, one, none, h, key, base + 2
        )
        exits += e
        twos += t
        ones += o
        nones += n
    for i in range(k):
        cells[i] += born[i]
    return exits, twos, ones, nones


@njit(cache=True, nogil=True, error_model="numpy")
def _fates(
    completed: float, two: float, one: float, none: float, key: int, counter: int
) -> tuple[float, float, float]:
    """Share completions out among those that put two, one and no cells back.

    A share of none at all gets no cell, whatever the rounding of the others: its ratio is exact.
    """
    rest = one + none
    t = binomial_quantile(completed, two / (two + rest), uniform(key, counter))
    o = 0.0
    if one > 0.0:
        o = binomial_quantile(completed - t, one / rest, uniform(key, counter + 1))
    return t, o, completed - t - o


@njit(cache=True, nogil=True, error_model="numpy")
def _place(
    born: Float,
    m: int,
    daughters: float,
    advance: float,
    leave: float,
    two: float,
    one: float,
    none: float,
    h: float,
    key: int,
    base: int,
) -> tuple[float, float, float, float]:
    """Place daughters of mothers m stages from the end.

    Returns (exits, second completions that put two, one, none back); uses 4 k counters from base.
    """
    k = born.shape[0]
    speed = advance + leave
    mother = (advance / speed) ** m * erlang_tail(m, speed * h)
    twos, ones, nones = 0.0, 0.0, 0.0
    if daughters <= 0.0 or mother <= 0.0:
        return 0.0, twos, ones, nones
    term = math.exp(-speed * h)
    for i in range(1, m + 1):
        term *= advance * h / i
    rest, left = 1.0, daughters
    for i in range(2 * k):
        share = term / mother
        here = binomial_quantile(left, min(1.0, share / max(rest, share)), uniform(key, base + i))
        if i < k:
            born[i] += here
        else:
            t, o, n = _fates(here, two, one, none, key, base + 2 * i)
            born[i - k] += 2.0 * t + o
            twos += t
            ones += o
            nones += n
        left -= here
        rest -= share
        if left <= 0.0:
            return 0.0, twos, ones, nones
        term *= advance * h / (m + i + 1)
    if leave <= 0.0:
        born[k - 1] += left
        left = 0.0
    return left, twos, ones, nones
