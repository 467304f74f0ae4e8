"""Counts drawn by their quantile function: one uniform each, monotone in it and in the mean.

Two arms that share a uniform and differ a little in a rate therefore differ little in the count.
Small means are inverted exactly from zero. Above, the Cornish-Fisher expansion to third order with
Sheppard's corrections for a lattice (Kolassa & McCullagh 1990, doi:10.1214/aos/1176347637) is
rounded; its error in the distribution function is below 1e-5 (tests/rng). Numbers are floats that
hold whole numbers, at most 1e15.

Binomial, Poisson and negative binomial are one family with a signed share p: n trials of chance p,
the limit p = 0, and the sum of k geometric variables of mean b as n = -k, p = -b. Their cumulants
and the ratio of neighbouring chances, p / (1 - p) (n - j) / (j + 1), are the same formulas.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from senescape.lane_math import lane_exp, lane_log, lane_log1p

from .keys import uniform

EXACT_MEAN = 40.0
FEW = 64.0
LARGEST = 1e15
# below half a unit in the last place of a sum above 1/4: adding more changes nothing, and a uniform
# that rounding has left above the whole sum would otherwise be carried on to absurd counts
NEGLIGIBLE = 1e-17
BELOW_ONE = 1.0 - 2.0**-53  # the smallest uniform, 2^-54, has the complement 1 in floats
CENTRE, TAIL = 0.425, 5.0  # where the rational functions of the normal quantile meet


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def near_quantile(u: float) -> float:
    """Return the standard normal quantile for u from 1.4e-11 to its complement.

    Wichura 1988, algorithm AS 241, doi:10.2307/2347330; both of its pieces are computed, so that a
    loop over lanes has no branch.
    """
    q = u - 0.5
    r = CENTRE * CENTRE - q * q
    num = 2.5090809287301226727e3
    num = num * r + 3.3430575583588128105e4
    num = num * r + 6.7265770927008700853e4
    num = num * r + 4.5921953931549871457e4
    num = num * r + 1.3731693765509461125e4
    num = num * r + 1.9715909503065514427e3
    num = num * r + 1.3314166789178437745e2
    num = num * r + 3.3871328727963666080e0
    den = 5.2264952788528545610e3
    den = den * r + 2.8729085735721942674e4
    den = den * r + 3.9307895800092710610e4
    den = den * r + 2.1213794301586595867e4
    den = den * r + 5.3941960214247511077e3
    den = den * r + 6.8718700749205790830e2
    den = den * r + 4.2313330701600911252e1
    den = den * r + 1.0
    r = tail_of(u) - 1.6
    high = 7.74545014278341407640e-4
    high = high * r + 2.27238449892691845833e-2
    high = high * r + 2.41780725177450611770e-1
    high = high * r + 1.27045825245236838258e0
    high = high * r + 3.64784832476320460504e0
    high = high * r + 5.76949722146069140550e0
    high = high * r + 4.63033784615654529590e0
    high = high * r + 1.42343711074968357734e0
    low = 1.05075007164441684324e-9
    low = low * r + 5.47593808499534494600e-4
    low = low * r + 1.51986665636164571966e-2
    low = low * r + 1.48103976427480074590e-1
    low = low * r + 6.89767334985100004550e-1
    low = low * r + 1.67638483018380384940e0
    low = low * r + 2.05319162663775882187e0
    low = low * r + 1.0
    centre = abs(q) <= CENTRE
    sized = q if q >= 0.0 else -q
    found = (sized * num if centre else high) / (den if centre else low)
    return -found if q < 0.0 else found


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def tail_of(u: float) -> float:
    """Return sqrt(-ln of the smaller of u and 1 - u)."""
    return math.sqrt(-lane_log(u if u < 0.5 else 1.0 - u))


@njit(cache=True, nogil=True, error_model="numpy")
def normal_quantile(u: float) -> float:
    """Return the standard normal quantile (Wichura 1988, algorithm AS 241, doi:10.2307/2347330)."""
    r = tail_of(u)
    if r <= TAIL:
        return near_quantile(u)
    r -= TAIL
    num = 2.01033439929228813265e-7
    for a in (
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ):
        num = num * r + a
    den = 2.04426310338993978564e-15
    for a in (
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ):
        den = den * r + a
    return -num / den if u < 0.5 else num / den


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def expansion(mean: float, p: float, z: float) -> float:
    """Return the rounded Cornish-Fisher quantile at normal score z; see the module for p."""
    q = 1.0 - p
    v = mean * q
    skew = q - p
    k2 = v - 1.0 / 12.0
    k2 = k2 if k2 > 1.0 else 1.0  # a lane of small mean, whose answer is not read
    k4 = v * (1.0 - 6.0 * p * q) + 1.0 / 120.0
    sd = math.sqrt(k2)
    over = 1.0 / k2
    g1 = v * skew * over * (sd * over)
    g2 = k4 * over * over
    g3 = v * skew * (1.0 - 12.0 * p * q) * over * over * (sd * over)
    z2 = z * z
    w = z + g1 * (z2 - 1.0) * (1.0 / 6.0)
    w += g2 * z * (z2 - 3.0) * (1.0 / 24.0) - g1 * g1 * z * (2.0 * z2 - 5.0) * (1.0 / 36.0)
    w += g3 * (z2 * z2 - 6.0 * z2 + 3.0) * (1.0 / 120.0)
    w -= g1 * g2 * (z2 * z2 - 5.0 * z2 + 2.0) * (1.0 / 24.0)
    w += g1 * g1 * g1 * (12.0 * z2 * z2 - 53.0 * z2 + 17.0) * (1.0 / 324.0)
    return np.ceil(mean + sd * w - 0.5)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def chance_of_none(n: float, p: float, mean: float) -> float:
    """Return the chance of the count 0."""
    return lane_exp(n * lane_log1p(-p) if p != 0.0 else -mean)


@njit(cache=True, nogil=True, error_model="numpy")
def count_quantile(n: float, p: float, mean: float, u: float) -> float:
    """Return the quantile of a count of the family.

    Parameters
    ----------
    n : float
        Trials, a whole number up to 1e15; -k of a negative binomial; not read where p = 0.
    p : float
        Chance; 0 for Poisson; -b of a negative binomial.
    mean : float
        Expected count, n p.
    u : float
        In (0, 1).

    Notes
    -----
    Lane-wise, with the same bytes: :func:`senescape.rng.lanes.draw_counts`.
    """
    if mean <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    fold = p > 0.5
    if fold:
        p = 1.0 - p
        mean = n * p
        u = min(1.0 - u, BELOW_ONE)
    k = small_quantile(n, p, mean, u) if mean < EXACT_MEAN else large_quantile(n, p, mean, u)
    return n - k if fold else k


@njit(cache=True, nogil=True, error_model="numpy")
def large_quantile(n: float, p: float, mean: float, u: float) -> float:
    """Return the quantile by the expansion around the normal law, p at most 1/2."""
    k = max(0.0, expansion(mean, p, normal_quantile(u)))
    return min(k, n) if p > 0.0 else k


@njit(cache=True, nogil=True, error_model="numpy")
def small_quantile(n: float, p: float, mean: float, u: float) -> float:
    """Return the quantile by inverting the distribution function from zero, p at most 1/2."""
    chance = chance_of_none(n, p, mean)
    ratio = p / (1.0 - p) if p != 0.0 else mean
    total, k = chance, 0.0
    while u > total and not (p > 0.0 and k >= n) and not (chance < NEGLIGIBLE and k > mean):
        step = ratio * (n - k) if p != 0.0 else ratio
        chance *= step * (1.0 / (k + 1.0))
        k += 1.0
        total += chance
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def binomial_quantile(n: float, p: float, u: float) -> float:
    """Return the quantile of Binomial(n, p).

    Parameters
    ----------
    n : float
        Whole number up to 1e15.
    p : float
        Probability; outside [0, 1] it is clipped.
    u : float
        In (0, 1).
    """
    return count_quantile(n, p, n * p, u) if n > 0.0 and p > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def poisson_quantile(mean: float, u: float) -> float:
    """Return the quantile of Poisson(mean)."""
    return count_quantile(0.0, 0.0, mean, u)


@njit(cache=True, nogil=True, error_model="numpy")
def geometric_quantile(beta: float, u: float) -> float:
    """Return the quantile of P(j) = (1 - beta) beta^j, j = 0, 1, ..."""
    if beta <= 0.0:
        return 0.0
    return max(0.0, math.ceil(math.log1p(-u) / math.log(beta)) - 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def negative_binomial_quantile(k: float, b: float, u: float) -> float:
    """Return the quantile of a negative binomial with shape ``k`` > 0 (any) and mean k * b.

    The sum of k geometric variables of mean b = beta / (1 - beta). Exact for a mean below
    ``EXACT_MEAN``; above it k should be at least ``FEW``, or the skewness is too large for the
    expansion: see :func:`geometric_sum`.
    """
    return count_quantile(-k, -b, k * b, u)


@njit(cache=True, nogil=True, error_model="numpy")
def geometric_sum(k: float, b: float, key: int, counter: int) -> float:
    """Return the sum of k geometric variables of mean b; draws from ``counter`` on (at most 64)."""
    if k <= 0.0 or b <= 0.0:
        return 0.0
    if k * b < EXACT_MEAN or k > FEW:
        return negative_binomial_quantile(k, b, uniform(key, counter))
    beta = b / (1.0 + b)
    total = 0.0
    for i in range(int(k)):
        total += geometric_quantile(beta, uniform(key, counter + i))
    return total
