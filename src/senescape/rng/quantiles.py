"""Counts drawn by their quantile function: one uniform each, monotone in it and in the mean.

Two arms that share a uniform and differ a little in a rate therefore differ little in the count.
Small means are inverted exactly from zero. Above, the Cornish-Fisher expansion to third order with
Sheppard's corrections for a lattice (Kolassa & McCullagh 1990, doi:10.1214/aos/1176347637) is
rounded; its error in the distribution function is below 1e-5 (tests/rng). Numbers are floats that
hold whole numbers, at most 1e15.
"""

from __future__ import annotations

import math

from numba import njit

from .keys import uniform

EXACT_MEAN = 40.0
FEW = 64.0
LARGEST = 1e15
# below half a unit in the last place of a sum above 1/4: adding more changes nothing, and a uniform
# that rounding has left above the whole sum would otherwise be carried on to absurd counts
NEGLIGIBLE = 1e-17
BELOW_ONE = 1.0 - 2.0**-53  # the smallest uniform, 2^-54, has the complement 1 in floats


@njit(cache=True, nogil=True, error_model="numpy")
def normal_quantile(u: float) -> float:
    """Return the standard normal quantile (Wichura 1988, algorithm AS 241, doi:10.2307/2347330)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        num = 2.5090809287301226727e3
        for a in (
            3.3430575583588128105e4,
            6.7265770927008700853e4,
            4.5921953931549871457e4,
            1.3731693765509461125e4,
            1.9715909503065514427e3,
            1.3314166789178437745e2,
            3.3871328727963666080e0,
        ):
            num = num * r + a
        den = 5.2264952788528545610e3
        for a in (
            2.8729085735721942674e4,
            3.9307895800092710610e4,
            2.1213794301586595867e4,
            5.3941960214247511077e3,
            6.8718700749205790830e2,
            4.2313330701600911252e1,
            1.0,
        ):
            den = den * r + a
        return q * num / den
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        r -= 1.6
        num = 7.74545014278341407640e-4
        for a in (
            2.27238449892691845833e-2,
            2.41780725177450611770e-1,
            1.27045825245236838258e0,
            3.64784832476320460504e0,
            5.76949722146069140550e0,
            4.63033784615654529590e0,
            1.42343711074968357734e0,
        ):
            num = num * r + a
        den = 1.05075007164441684324e-9
        for a in (
            5.47593808499534494600e-4,
            1.51986665636164571966e-2,
            1.48103976427480074590e-1,
            6.89767334985100004550e-1,
            1.67638483018380384940e0,
            2.05319162663775882187e0,
            1.0,
        ):
            den = den * r + a
    else:
        r -= 5.0
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
    return -num / den if q < 0.0 else num / den


@njit(cache=True, nogil=True, error_model="numpy")
def expansion_quantile(mean: float, k2: float, k3: float, k4: float, k5: float, u: float) -> float:
    """Return the rounded Cornish-Fisher quantile of a whole number with given cumulants."""
    z = normal_quantile(u)
    k2 = k2 - 1.0 / 12.0
    k4 = k4 + 1.0 / 120.0
    sd = math.sqrt(k2)
    g1 = k3 / (k2 * sd)
    g2 = k4 / (k2 * k2)
    g3 = k5 / (k2 * k2 * sd)
    z2 = z * z
    w = z + g1 * (z2 - 1.0) / 6.0
    w += g2 * z * (z2 - 3.0) / 24.0 - g1 * g1 * z * (2.0 * z2 - 5.0) / 36.0
    w += g3 * (z2 * z2 - 6.0 * z2 + 3.0) / 120.0
    w -= g1 * g2 * (z2 * z2 - 5.0 * z2 + 2.0) / 24.0
    w += g1 * g1 * g1 * (12.0 * z2 * z2 - 53.0 * z2 + 17.0) / 324.0
    return math.ceil(mean + sd * w - 0.5)


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
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - _binomial_half(n, 1.0 - p, min(1.0 - u, BELOW_ONE))
    return _binomial_half(n, p, u)


@njit(cache=True, nogil=True, error_model="numpy")
def _binomial_half(n: float, p: float, u: float) -> float:
    mean = n * p
    q = 1.0 - p
    if mean < EXACT_MEAN:
        ratio = p / q
        chance = math.exp(n * math.log1p(-p))
        total = chance
        k = 0.0
        while u > total and k < n:
            chance *= ratio * (n - k) / (k + 1.0)
            k += 1.0
            total += chance
            if chance < NEGLIGIBLE and k > mean:
                break
        return k
    v = mean * q
    k = expansion_quantile(
        mean, v, v * (q - p), v * (1.0 - 6.0 * p * q), v * (q - p) * (1.0 - 12.0 * p * q), u
    )
    return min(max(k, 0.0), n)


@njit(cache=True, nogil=True, error_model="numpy")
def poisson_quantile(mean: float, u: float) -> float:
    """Return the quantile of Poisson(mean)."""
    if mean <= 0.0:
        return 0.0
    if mean < EXACT_MEAN:
        chance = math.exp(-mean)
        total = chance
        k = 0.0
        while u > total:
            k += 1.0
            chance *= mean / k
            total += chance
            if chance < NEGLIGIBLE and k > mean:
                break
        return k
    return max(0.0, expansion_quantile(mean, mean, mean, mean, mean, u))


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
    mean = k * b
    if mean <= 0.0:
        return 0.0
    if mean < EXACT_MEAN:
        beta = b / (1.0 + b)
        chance = math.exp(-k * math.log1p(b))
        total = chance
        j = 0.0
        while u > total:
            chance *= beta * (k + j) / (j + 1.0)
            j += 1.0
            total += chance
            if chance < NEGLIGIBLE and j > mean:
                break
        return j
    v = b * (1.0 + b)
    return max(
        0.0,
        expansion_quantile(
            mean,
            k * v,
            k * v * (1.0 + 2.0 * b),
            k * v * (1.0 + 6.0 * v),
            k * v * (1.0 + 2.0 * b) * (1.0 + 12.0 * v),
            u,
        ),
    )


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
