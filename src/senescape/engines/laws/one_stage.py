"""The law of a compartment of one stage: Kendall's birth-death process and its exits.

Per ancestor over a step h: b births (self -> 2 self), d exits, f emissions (a cell appears
elsewhere, the source stays); r = b - d, E = exp(r h), g = (E - 1) / r, G = (g - h) / r.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

from senescape.rng import (
    binomial_quantile,
    geometric_sum,
    negative_binomial_quantile,
    poisson_quantile,
    uniform,
)

FEW_EVENTS = 24.0
SMALL = 0.05
SINGLE = 1 << 20
NUMBER, GROWTH, EXITS, EMISSIONS = 0, 1, 96, 97

TERMS = 10  # 0.05^10 / 10! is below 1e-19


def _series() -> tuple[float, ...]:
    """Return the coefficients of x^n in g / h, G / h^2, int E s / h^2 and int E G / h^3, n by n.

    E G = (e^(2x) - e^x - x e^x) / r^2 has coefficients (2^m - 1 - m) / m! with m = n + 2.
    """
    rows = []
    for n in range(TERMS):
        one = 1.0 / math.factorial(n)
        rows += [one / (n + 1), one / ((n + 1) * (n + 2)), one / (n + 2)]
        rows.append(one * (2.0 ** (n + 2) - 3.0 - n) / ((n + 1) * (n + 2) * (n + 3)))
    return tuple(rows)


SERIES = _series()


class Moments(NamedTuple):
    """Joint moments of (cells N, exits D, emissions F) of one ancestor."""

    mean_n: float
    mean_d: float
    mean_f: float
    var_n: float
    var_d: float
    var_f: float
    cov_nd: float
    cov_nf: float


@njit(cache=True, nogil=True, error_model="numpy")
def growth(r: float, h: float) -> tuple[float, float, float, float, float]:
    """Return E, g, G = int g, int E s ds and int E G ds over the step, without cancellation."""
    x = r * h
    e = math.exp(x)
    if abs(x) > SMALL:
        g = math.expm1(x) / r
        g2 = (g - h) / r
        es = (h * e - g) / r
        eg = (math.expm1(2.0 * x) / (2.0 * r) - g - r * es) / (r * r)
        return e, g, g2, es, eg
    g, g2, es, eg = 0.0, 0.0, 0.0, 0.0
    for n in range(TERMS - 1, -1, -1):
        g = g * x + SERIES[4 * n]
        g2 = g2 * x + SERIES[4 * n + 1]
        es = es * x + SERIES[4 * n + 2]
        eg = eg * x + SERIES[4 * n + 3]
    return e, h * g, h * h * g2, h * h * es, h * h * h * eg


@njit(cache=True, nogil=True, error_model="numpy")
def moments(b: float, d: float, f: float, h: float) -> Moments:
    """Return the exact joint moments of one ancestor."""
    return grown_moments(b, d, f, h, growth(b - d, h))


@njit(cache=True, nogil=True, error_model="numpy")
def grown_moments(
    b: float, d: float, f: float, h: float, grown: tuple[float, float, float, float, float]
) -> Moments:
    """Return the moments, given what :func:`growth` returns.

    Notes
    -----
    From V_N' = 2 r V_N + (b + d) m, C_ND' = r C_ND + d V_N - d m, V_D' = 2 d C_ND + d m,
    C_NF' = r C_NF + f V_N, V_F' = 2 f C_NF + f m with m = exp(r t).
    """
    e, g, g2, es, eg = grown
    total = b + d
    cov_nd = d * e * (total * g2 - h)
    var_d = d * g + 2.0 * d * d * (total * eg - es)
    cov_nf = f * total * e * g2
    var_f = f * g + 2.0 * f * f * total * eg
    return Moments(e, d * g, f * g, total * e * g, var_d, var_f, cov_nd, cov_nf)


@njit(cache=True, nogil=True, error_model="numpy")
def matched(mean: float, variance: float, u: float) -> float:
    """Return the quantile of a whole number with given mean and variance.

    Binomial below, Poisson at, negative binomial above the variance of Poisson.
    """
    if mean <= 0.0:
        return 0.0
    excess = variance - mean
    if excess > 1e-9 * mean:
        return negative_binomial_quantile(mean * mean / excess, excess / mean, u)
    if excess < -1e-9 * mean:
        chance = min(1.0, -excess / mean)
        n = max(math.ceil(mean), math.floor(mean / chance + 0.5))
        return binomial_quantile(n, mean / n, u)
    return poisson_quantile(mean, u)


@njit(cache=True, nogil=True, error_model="numpy")
def one_stage(
    n0: float, b: float, d: float, f: float, h: float, key: int
) -> tuple[float, float, float]:
    """Return cells, exits and emissions after a step.

    Parameters
    ----------
    n0 : float
        Cells at its beginning (whole).
    b, d, f : float
        Hazards of division, of exit and of emission [1/day].
    h : float
        Length [day], any.
    key : uint64
        Of this lane, window, compartment and pass.

    Returns
    -------
    tuple of float
        (N, D, F), whole numbers; N = n0 + births - D.

    Notes
    -----
    Without births or emissions D is binomial. With few expected events they are simulated one by
    one. Otherwise N follows Kendall's law exactly (Kendall 1948, doi:10.1214/aoms/1177730285), and
    D and F, given N, follow whole-number laws with the exact linear mean and variance, so that
    mean and variance of N, D, F and their covariance with N are exact for a step of any length;
    D and F are independent given N (approximation).
    """
    if n0 <= 0.0 or h <= 0.0:
        return n0, 0.0, 0.0
    if b <= 0.0 and f <= 0.0:
        left = binomial_quantile(n0, -math.expm1(-d * h), uniform(key, EXITS))
        return n0 - left, left, 0.0
    grown = growth(b - d, h)
    e, g, _, _, _ = grown
    if n0 * g * (b + d + f) < FEW_EVENTS:
        return _one_by_one(n0, b, d, f, h, key)
    alive = binomial_quantile(n0, 1.0 - d * g / (1.0 + b * g), uniform(key, NUMBER))
    n = alive + geometric_sum(alive, b * g, key, GROWTH)
    m = grown_moments(b, d, f, h, grown)
    shift = n - n0 * e
    exits = 0.0
    if d > 0.0:
        slope = m.cov_nd / m.var_n if m.var_n > 0.0 else 0.0
        least = max(0.0, n0 - n)
        mean = n0 * m.mean_d + slope * shift - least
        exits = least + matched(
            mean, max(0.0, n0 * (m.var_d - slope * m.cov_nd)), uniform(key, EXITS)
        )
        if b <= 0.0:
            exits = n0 - n
    emitted = 0.0
    if f > 0.0:
        slope = m.cov_nf / m.var_n if m.var_n > 0.0 else 0.0
        mean = n0 * m.mean_f + slope * shift
        emitted = matched(
            mean, max(0.0, n0 * (m.var_f - slope * m.cov_nf)), uniform(key, EMISSIONS)
        )
    return n, exits, emitted


@njit(cache=True, nogil=True, error_model="numpy")
def _one_by_one(
    n0: float, b: float, d: float, f: float, h: float, key: int
) -> tuple[float, float, float]:
    """Simulate every event (direct method at constant rates)."""
    n, exits, emitted, time = n0, 0.0, 0.0, 0.0
    total = b + d + f
    counter = SINGLE
    while n > 0.0:
        time -= math.log(uniform(key, counter)) / (n * total)
        if time > h:
            break
        pick = uniform(key, counter + 1) * total
        counter += 2
        if pick < b:
            n += 1.0
        elif pick < b + d:
            n -= 1.0
            exits += 1.0
        else:
            emitted += 1.0
    return n, exits, emitted
