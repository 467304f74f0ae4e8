"""What a rate can be at most over a window of time: the tape read in intervals.

Between two events the numbers of cells stand still; signals and time move. An upper bound of every
rate over the window lets candidates be drawn from a constant rate and thinned to the true one
(Lewis & Shedler 1979, doi:10.1002/nav.3800260304): a rate that changes in time is never frozen.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.interpreter import (
    ABS,
    ADD,
    AND,
    DIV,
    EQ,
    EXP,
    GE,
    GT,
    HILL,
    LE,
    LOG,
    LT,
    MAX,
    MIN,
    MUL,
    NE,
    NEG,
    NOT,
    OR,
    POW,
    SELECT,
    SQRT,
    SUB,
    greater,
    lesser,
)
from senescape.engines.signals import derivative
from senescape.lane_math import lane_exp, lane_hill, lane_log, lane_power

Float = NDArray[np.float64]
Int = NDArray[np.int32]

WIDEST = 1e-9


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def _hull(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Return the smallest interval around four numbers; everything where one is none."""
    if a != a or b != b or c != c or d != d:
        return -math.inf, math.inf
    return min(min(a, b), min(c, d)), max(max(a, b), max(c, d))


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def product_bounds(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Return the bounds of [a, b] * [c, d]; zero times anything is zero."""
    p = 0.0 if a == 0.0 or c == 0.0 else a * c
    q = 0.0 if a == 0.0 or d == 0.0 else a * d
    r = 0.0 if b == 0.0 or c == 0.0 else b * c
    s = 0.0 if b == 0.0 or d == 0.0 else b * d
    return _hull(p, q, r, s)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def power_bounds(a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Return the bounds of [a, b] ^ [c, d]."""
    if a < 0.0:
        if c != d or c != math.floor(c):
            return -math.inf, math.inf
        low, high = _hull(lane_power(a, c), lane_power(b, c), lane_power(a, c), lane_power(b, c))
        if b >= 0.0 and c < 0.0:
            return -math.inf, math.inf
        if b >= 0.0 and c > 0.0:
            low = min(low, 0.0)
        return low, high
    if a == 0.0 and c <= 0.0:
        return 0.0, math.inf
    return _hull(lane_power(a, c), lane_power(a, d), lane_power(b, c), lane_power(b, d))


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def hill_bounds(a: float, b: float, k: float, m: float, c: float, d: float) -> tuple[float, float]:
    """Return the bounds of hill(x, threshold, power) over a box; monotone in each of the three."""
    if a <= 0.0 and c < 0.0:
        return 0.0, 1.0
    low, high = 1.0, 0.0
    for x in (a, b):
        for threshold in (k, m):
            for power in (c, d):
                value = lane_hill(x, threshold, power)
                if value != value:
                    return 0.0, 1.0
                low, high = min(low, value), max(high, value)
    return low, high


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def _unary_bounds(op: int, a: float, b: float) -> tuple[float, float]:
    if op == NEG:
        return -b, -a
    if op == EXP:
        return lane_exp(min(a, 709.0)), lane_exp(b)
    if op == LOG:
        return (lane_log(a) if a > 0.0 else -math.inf), (lane_log(b) if b > 0.0 else -math.inf)
    if op == SQRT:
        return math.sqrt(max(a, 0.0)), (math.sqrt(b) if b >= 0.0 else math.nan)
    if op == ABS:
        if a <= 0.0 <= b:
            return 0.0, max(-a, b)
        return min(abs(a), abs(b)), max(abs(a), abs(b))
    # not
    if a == 0.0 and b == 0.0:
        return 1.0, 1.0
    return 0.0, (1.0 if a <= 0.0 <= b else 0.0)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def _sure_true(a: float, b: float) -> bool:
    return a > 0.0 or b < 0.0


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def _truth_bounds(op: int, a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Return 1 or 0 where a comparison is certain over both intervals, else [0, 1]."""
    yes, no = False, False
    if op == LT:
        yes, no = b < c, a >= d
    elif op == LE:
        yes, no = b <= c, a > d
    elif op == GT:
        yes, no = a > d, b <= c
    elif op == GE:
        yes, no = a >= d, b < c
    elif op == EQ:
        yes, no = a == b and c == d and a == c, b < c or a > d
    elif op == NE:
        yes, no = b < c or a > d, a == b and c == d and a == c
    else:
        first, second = _sure_true(a, b), _sure_true(c, d)
        off_first, off_second = a == 0.0 and b == 0.0, c == 0.0 and d == 0.0
        if op == AND:
            yes, no = first and second, off_first or off_second
        elif op == OR:
            yes, no = first or second, off_first and off_second
    return (1.0 if yes else 0.0), (0.0 if no else 1.0)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def read_tape_bounds(tape: Int, first: int, last: int, low: Float, high: Float) -> None:
    """Compute lower and upper bounds of rows ``first`` to ``last`` (excluded).

    Parameters
    ----------
    tape : (rows, 5)
    low, high : (register_count,)
        Changed in place; constants, parameters, signals, time and assays are given. Bounds are not
        rounded outward: a caller adds a margin of 1e-9.
    """
    for row in range(first, last):
        op = tape[row, 0]
        i, j, k = tape[row, 2], tape[row, 3], tape[row, 4]
        a, b, c, d = low[i], high[i], low[j], high[j]
        if op == MUL:
            bottom, top = product_bounds(a, b, c, d)
        elif op == ADD:
            bottom, top = a + c, b + d
        elif op == SUB:
            bottom, top = a - d, b - c
        elif op == DIV:
            if c <= 0.0 <= d:
                bottom, top = -math.inf, math.inf
                if c == 0.0 and d > 0.0 and a >= 0.0:
                    bottom = a / d
            else:
                bottom, top = _hull(a / c, a / d, b / c, b / d)
        elif op == HILL:
            bottom, top = hill_bounds(a, b, c, d, low[k], high[k])
        elif op == POW:
            bottom, top = power_bounds(a, b, c, d)
        elif op == MIN:
            bottom, top = lesser(a, c), lesser(b, d)
        elif op == MAX:
            bottom, top = greater(a, c), greater(b, d)
        elif op == SELECT:
            if _sure_true(a, b):
                bottom, top = c, d
            elif a == 0.0 and b == 0.0:
                bottom, top = low[k], high[k]
            else:
                bottom, top = min(c, low[k]), max(d, high[k])
        elif op == NEG or op == EXP or op == LOG or op == SQRT or op == ABS or op == NOT:
            bottom, top = _unary_bounds(op, a, b)
        else:
            bottom, top = _truth_bounds(op, a, b, c, d)
        if bottom != bottom or top != top:
            bottom, top = -math.inf, math.inf
        low[tape[row, 1]] = bottom
        high[tape[row, 1]] = top


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def enclose_signals(
    coupling: Int,
    registers: Float,
    x: Float,
    end: Float,
    supply: Float,
    h: float,
    low: Float,
    high: Float,
    work: Float,
) -> bool:
    """Write bounds of every signal over [0, h] into ``low`` and ``high``; False: shorten h.

    Parameters
    ----------
    x, end : (signals,)
        Values at both ends of the window.
    low, high : (signals,)
    work : (2, signals)
    """
    return enclose_driven_signals(
        coupling, registers, x, end, supply, supply, h, low, high, work[0], work[1]
    )


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def enclose_driven_signals(
    coupling: Int, registers: Float, x: Float, end: Float, least: Float, most: Float, h: float,
    low: Float, high: Float, down: Float, up: Float,
) -> bool:  # fmt: skip
    """Do so where the supply may change at any time between ``least`` and ``most``.

    Notes
    -----
    A box that holds both ends is widened until x + [0, h] * (A box + [least, most]) lies inside it;
    then no solution can leave it, whatever its supply does between the two (Picard).
    """
    n = x.shape[0]
    for i in range(n):
        pad = 1e-12 * (abs(x[i]) + abs(end[i]))
        low[i], high[i] = min(x[i], end[i]) - pad, max(x[i], end[i]) + pad
    derivative(coupling, registers, x, least, up)
    still = True
    for i in range(n):
        if up[i] != 0.0 or least[i] != most[i]:
            still = False
    if still:
        for i in range(n):
            low[i], high[i] = x[i], x[i]
        return True
    for _ in range(12):
        for i in range(n):
            down[i], up[i] = least[i], most[i]
        for k in range(coupling.shape[0]):
            i, j = coupling[k, 0], coupling[k, 1]
            value = registers[coupling[k, 2]]
            if j < 0:
                down[i] += value
                up[i] += value
            else:
                bottom, top = product_bounds(value, value, low[j], high[j])
                down[i] += bottom
                up[i] += top
        inside = True
        for i in range(n):
            lowest = x[i] + h * min(0.0, down[i])
            highest = x[i] + h * max(0.0, up[i])
            if lowest < low[i]:
                low[i] = lowest - 0.1 * (x[i] - lowest)
                inside = False
            if highest > high[i]:
                high[i] = highest + 0.1 * (highest - x[i])
                inside = False
        if inside:
            return True
    return False
