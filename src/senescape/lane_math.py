"""exp, log, their near relatives, power and Hill for loops over lanes: no calls, no branches.

A call of the C library per lane keeps a loop from being vectorised, and its last digit differs
between platforms. These are plain arithmetic: the same bytes wherever IEEE 754 holds, alone or in
any width of lanes. Errors, measured against 80-bit arithmetic in tests/test_lane_math.py:
exp and log below 1 unit in the last place, expm1 and (from -1/2 on) log1p below 4; a power,
exp(e log b), a relative 2e-16 (2 + |e log b|).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

WIDTH = 32  # lanes of a block: below, reading the tables costs more than the arithmetic

LOG2_E = 1.4426950408889634
# log 2 in two parts, the first with 21 trailing zero bits: its product with an exponent is exact
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
SMALLEST_NORMAL = 2.2250738585072014e-308
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
# (artanh(s) / s - 1) / s^2 as a polynomial in s^2, where |s| is at most 0.1716: a Chebyshev fit in
# 200-bit arithmetic that leaves a relative 2^-57.7 of the logarithm
ARTANH = (
    0.3333333333333335, 0.19999999999949722, 0.14285714313001635, 0.11111105565129939,
    0.09091444727837474, 0.07665855309105386, 0.07308292712444311,
)  # fmt: skip
INVERSE_FACTORIAL = tuple(1.0 / math.factorial(n) for n in range(14))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_exp(x: float) -> float:
    """Return e^x: 2^k times the Taylor series of e^r, |r| at most ln(2) / 2."""
    bounded = x if x < 710.0 else 710.0
    bounded = bounded if bounded > -746.0 else -746.0
    k = np.floor(bounded * LOG2_E + 0.5)
    r = (bounded - k * LN2_HIGH) - k * LN2_LOW
    p = INVERSE_FACTORIAL[13]
    p = p * r + INVERSE_FACTORIAL[12]
    p = p * r + INVERSE_FACTORIAL[11]
    p = p * r + INVERSE_FACTORIAL[10]
    p = p * r + INVERSE_FACTORIAL[9]
    p = p * r + INVERSE_FACTORIAL[8]
    p = p * r + INVERSE_FACTORIAL[7]
    p = p * r + INVERSE_FACTORIAL[6]
    p = p * r + INVERSE_FACTORIAL[5]
    p = p * r + INVERSE_FACTORIAL[4]
    p = p * r + INVERSE_FACTORIAL[3]
    p = p * r + INVERSE_FACTORIAL[2]
    p = (p * r * r + r) + 1.0
    power = np.int64(k)
    half = power >> 1  # two factors: 2^k alone may lie outside the normal numbers
    rest = power - half
    low = np.int64((half + 1023) << 52).view(np.float64)
    high = np.int64((rest + 1023) << 52).view(np.float64)
    found = p * low * high
    return found if x == x else x


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_expm1(x: float) -> float:
    """Return e^x - 1, for small x without cancellation."""
    bounded = x if x < 710.0 else 710.0
    bounded = bounded if bounded > -746.0 else -746.0
    near = bounded if abs(bounded) < 0.35 else 0.0
    p = INVERSE_FACTORIAL[13]
    p = p * near + INVERSE_FACTORIAL[12]
    p = p * near + INVERSE_FACTORIAL[11]
    p = p * near + INVERSE_FACTORIAL[10]
    p = p * near + INVERSE_FACTORIAL[9]
    p = p * near + INVERSE_FACTORIAL[8]
    p = p * near + INVERSE_FACTORIAL[7]
    p = p * near + INVERSE_FACTORIAL[6]
    p = p * near + INVERSE_FACTORIAL[5]
    p = p * near + INVERSE_FACTORIAL[4]
    p = p * near + INVERSE_FACTORIAL[3]
    p = p * near + INVERSE_FACTORIAL[2]
    small = p * near * near + near
    return small if abs(x) < 0.35 else lane_exp(x) - 1.0


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_log_of_normal(x: float) -> float:
    """Return ln x, x positive and normal: 2^e m, and artanh of (m - 1) / (m + 1), m around 1."""
    bits = np.float64(x).view(np.int64)
    e = (bits - SQRT_HALF_BITS) >> 52
    f = np.int64(bits - (e << 52)).view(np.float64) - 1.0
    n = np.float64(e)
    s = f / (2.0 + f)
    t = s * s
    p = ARTANH[6]
    p = p * t + ARTANH[5]
    p = p * t + ARTANH[4]
    p = p * t + ARTANH[3]
    p = p * t + ARTANH[2]
    p = p * t + ARTANH[1]
    p = p * t + ARTANH[0]
    # 2 artanh(s) = f - s f + 2 s^3 (...): f itself carries no rounding error
    return n * LN2_HIGH + (f - (s * (f - 2.0 * t * p) - n * LN2_LOW))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_log(x: float) -> float:
    """Return ln x; -inf of 0, nan of negative numbers."""
    tiny = x < SMALLEST_NORMAL
    normal = x * 18014398509481984.0 if tiny else x  # 2^54
    found = lane_log_of_normal(normal)
    found = found - 54.0 * math.log(2.0) if tiny else found
    above = found if x < math.inf else x
    ends = above if x != 0.0 else -math.inf
    return ends if x >= 0.0 else math.nan


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_log1p(x: float) -> float:
    """Return ln(1 + x): the logarithm of the rounded sum, mended by what rounding took away."""
    one = 1.0 + x
    lost = x - (one - 1.0)
    found = lane_log(one) + lost / one
    return found if one != 1.0 else x


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_power(base: float, exponent: float) -> float:
    """Return base ^ exponent with the IEEE conventions of ``numpy.power``."""
    size = lane_exp(exponent * lane_log(abs(base)))
    whole = exponent == np.floor(exponent)
    odd = whole and 0.5 * exponent != np.floor(0.5 * exponent)
    signed = -size if odd else size
    found = size if base >= 0.0 else (signed if whole else math.nan)
    found = base if exponent == 1.0 else found
    found = base * base if exponent == 2.0 else found
    found = np.sqrt(abs(base)) if exponent == 0.5 and base >= 0.0 else found
    return 1.0 if exponent == 0.0 or base == 1.0 else found


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lane_hill(x: float, threshold: float, power: float) -> float:
    """Return x^n / (K^n + x^n) without overflow; 0 at x <= 0, 1 at a threshold of 0."""
    ratio = lane_log(threshold) - lane_log(x)
    found = 1.0 / (1.0 + lane_exp(power * ratio))
    found = 1.0 if threshold <= 0.0 else found  # so put, NaN comes through
    return 0.0 if x <= 0.0 else found
