"""The law of a compartment of one stage: Kendall's birth-death process and its exits.

Per ancestor over a step h: b births (self -> 2 self), d exits, f emissions (a cell appears
elsewhere, the source stays); r = b - d, E = exp(r h), g = (E - 1) / r, G = (g - h) / r.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from senescape.lane_math import lane_exp, lane_expm1
from senescape.rng import binomial_quantile, count_quantile, geometric_sum, uniform

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


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def growth(r: float, h: float) -> tuple[float, float, float, float, float]:
    """Return E, g, G = int g, int E s ds and int E G ds over the step, without cancellation."""
    x = r * h
    e = lane_exp(x)
    over = 1.0 / (r if r != 0.0 else 1.0)
    g = lane_expm1(x) * over
    g2 = (g - h) * over
    es = (h * e - g) * over
    eg = (lane_expm1(2.0 * x) * 0.5 * over - g - r * es) * over * over
    far = abs(x) > SMALL
    sg, sg2, ses, seg = 0.0, 0.0, 0.0, 0.0
    for n in range(TERMS - 1, -1, -1):
        sg = sg * x + SERIES[4 * n]
        sg2 = sg2 * x + SERIES[4 * n + 1]
        ses = ses * x + SERIES[4 * n + 2]
        seg = seg * x + SERIES[4 * n + 3]
    return (
        e,
        g if far else h * sg,
        g2 if far else h * h * sg2,
        es if far else h * h * ses,
        eg if far else h * h * h * seg,
    )


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def moments(b: float, d: float, f: float, h: float) -> Moments:
    """Return the exact joint moments of one ancestor."""
    return grown_moments(b, d, f, h, growth(b - d, h))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
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


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def matched(mean: float, variance: float) -> tuple[float, float, float]:
    """Return (n, p, mean) of the count of senescape.rng.quantiles with given mean and variance.

    Binomial below, Poisson at, negative binomial above the variance of Poisson.
    """
    safe = mean if mean > 0.0 else 1.0
    excess = (variance - safe) / safe
    trials = np.floor(safe / (-excess if excess < 0.0 else 1.0) + 0.5)
    least = np.ceil(safe)
    trials = trials if trials > least else least
    wide = -safe / (excess if excess > 0.0 else 1.0)
    n = trials if excess < -1e-9 else wide
    p = safe / trials if excess < -1e-9 else -excess
    p = 0.0 if abs(excess) <= 1e-9 else p
    return n, p, mean


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
        left = binomial_quantile(n0, -lane_expm1(-d * h), uniform(key, EXITS))
        return n0 - left, left, 0.0
    r = b - d
    e, g, g2, es, eg = growth(r, h)
    if n0 * g * (b + d + f) < FEW_EVENTS:
        return _one_by_one(n0, b, d, f, h, key)
    alive = binomial_quantile(n0, 1.0 - d * g / (1.0 + b * g), uniform(key, NUMBER))
    n = alive + geometric_sum(alive, b * g, key, GROWTH)
    m = grown_moments(b, d, f, h, (e, g, g2, es, eg))
    exits = n0 - n
    if b > 0.0:
        trials, share, mean, least = exits_given(n0, n, m)
        exits = least + count_quantile(trials, share, mean, uniform(key, EXITS))
    trials, share, mean = emissions_given(n0, n, m)
    return n, exits, count_quantile(trials, share, mean, uniform(key, EMISSIONS))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def exits_given(n0: float, n: float, m: Moments) -> tuple[float, float, float, float]:
    """Return n, p and mean of the count of exits beyond the least that n cells allow, and that."""
    slope = m.cov_nd / m.var_n if m.var_n > 0.0 else 0.0
    least = n0 - n if n0 > n else 0.0
    mean = n0 * m.mean_d + slope * (n - n0 * m.mean_n) - least
    spread = n0 * (m.var_d - slope * m.cov_nd)
    trials, share, mean = matched(mean, spread if spread > 0.0 else 0.0)
    return trials, share, mean, least


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def emissions_given(n0: float, n: float, m: Moments) -> tuple[float, float, float]:
    """Return n, p and mean of the count of emissions, given n cells after the step."""
    slope = m.cov_nf / m.var_n if m.var_n > 0.0 else 0.0
    mean = n0 * m.mean_f + slope * (n - n0 * m.mean_n)
    spread = n0 * (m.var_f - slope * m.cov_nf)
    return matched(mean, spread if spread > 0.0 else 0.0)


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
