"""Counts by their quantile functions, against the distribution functions of SciPy."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from senescape.rng import (
    binomial_quantile,
    geometric_quantile,
    geometric_sum,
    negative_binomial_quantile,
    normal_quantile,
    poisson_quantile,
    uniform,
)

PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
ALARM = 1e-6
LEAST, MOST = 2.0**-54, 1.0 - 2.0**-53  # the ends of what a stream gives
TAILS = [LEAST, 1e-15, 1e-12, 1e-9, 1e-6, 1e-4]
GRID = np.array(
    [*TAILS, *np.linspace(1e-3, 0.999, 499), *(1.0 - np.array(TAILS[:0:-1])), MOST], np.float64
)
Quantile = Callable[[float], float]
Cdf = Callable[[float], float]


def excess(quantile: Quantile, cdf: Cdf, grid: np.ndarray = GRID) -> float:
    """Largest distance in probability by which F(k - 1) < u <= F(k) is missed."""
    worst = 0.0
    for u in grid:
        k = quantile(u)
        assert k == np.floor(k)
        worst = max(worst, float(cdf(k - 1.0)) - u, u - float(cdf(k)))
    return worst


# --- normal ---------------------------------------------------------------------------------------
def test_the_normal_quantile_is_that_of_scipy_to_the_last_digits() -> None:
    u = np.concatenate([GRID, 10.0 ** -np.arange(20.0, 300.0, 20.0), [0.075, 0.925, 1.4e-11]])
    found = np.array([normal_quantile(x) for x in u])
    np.testing.assert_allclose(found, stats.norm.ppf(u), rtol=2e-15, atol=1e-16)


# --- binomial -------------------------------------------------------------------------------------
BINOMIALS = [
    (1.0, 0.3),
    (5.0, 0.5),
    (100.0, 1e-300),
    (100.0, 1e-12),
    (100.0, 0.3),
    (60.0, 0.97),
    (1e6, 1e-7),
    (1e6, 3.99e-5),
    (1e12, 1e-13),
    (1e12, 3.9e-11),
    (1e12, 1.0 - 1e-11),
    (1e15, 1e-15),
]
EXPANDED_BINOMIALS = [
    (80.0, 0.5),
    (81.0, 0.5),
    (90.0, 0.55),
    (500.0, 0.0801),
    (1000.0, 0.041),
    (1e4, 0.004),
    (1e6, 4.1e-5),
    (1e6, 0.3),
    (1e6, 0.999),
    (1e9, 0.5),
    (1e12, 4.1e-11),
    (1e12, 1e-6),
    (1e12, 0.4),
]


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_a_binomial_of_small_mean_is_inverted_exactly(n: float, p: float) -> None:
    missed = excess(lambda u: binomial_quantile(n, p, u), lambda k: stats.binom.cdf(k, n, p))
    assert missed < 2e-13


@pytest.mark.parametrize(("n", "p"), EXPANDED_BINOMIALS)
def test_a_binomial_of_large_mean_is_right_to_1e_minus_5(n: float, p: float) -> None:
    missed = excess(lambda u: binomial_quantile(n, p, u), lambda k: stats.binom.cdf(k, n, p))
    assert missed < 1e-5


@pytest.mark.parametrize(("n", "p"), [*BINOMIALS, *EXPANDED_BINOMIALS])
def test_a_binomial_quantile_is_that_of_scipy_or_next_to_it(n: float, p: float) -> None:
    for u in GRID[(GRID >= 1e-6) & (GRID <= 1.0 - 1e-6)]:
        assert abs(binomial_quantile(n, p, u) - stats.binom.ppf(u, n, p)) <= 1.0


def test_a_binomial_without_chance_is_nothing_or_all() -> None:
    assert binomial_quantile(0.0, 0.5, 0.9) == 0.0
    for p in (0.0, -1e-17, -3.0):
        assert binomial_quantile(1e12, p, MOST) == 0.0
    for p in (1.0, 1.0 + 1e-15, 7.0):
        assert binomial_quantile(1e12, p, LEAST) == 1e12


@pytest.mark.parametrize(("n", "p"), [*BINOMIALS, *EXPANDED_BINOMIALS])
def test_a_binomial_never_leaves_its_range(n: float, p: float) -> None:
    found = np.array([binomial_quantile(n, p, u) for u in GRID])
    assert found.min() >= 0.0 and found.max() <= n


# --- Poisson --------------------------------------------------------------------------------------
@pytest.mark.parametrize("mean", [1e-300, 1e-9, 0.01, 1.0, 7.3, 39.999])
def test_a_poisson_of_small_mean_is_inverted_exactly(mean: float) -> None:
    missed = excess(lambda u: poisson_quantile(mean, u), lambda k: stats.poisson.cdf(k, mean))
    assert missed < 2e-14


@pytest.mark.parametrize("mean", [40.0, 41.5, 100.0, 1e3, 1e4, 1e6, 1e8, 1e12])
def test_a_poisson_of_large_mean_is_right_to_1e_minus_5(mean: float) -> None:
    # beyond 4.5 sd SciPy's own distribution function of such means is not converged
    grid = GRID if mean < 1e7 else GRID[(GRID > 1e-5) & (GRID < 1.0 - 1e-5)]
    missed = excess(lambda u: poisson_quantile(mean, u), lambda k: stats.poisson.cdf(k, mean), grid)
    assert missed < 1e-5


def test_a_poisson_of_no_mean_is_zero() -> None:
    assert poisson_quantile(0.0, MOST) == poisson_quantile(-1.0, MOST) == 0.0


# --- negative binomial and geometric --------------------------------------------------------------
@pytest.mark.parametrize(
    ("k", "b"), [(0.5, 3.0), (1.0, 0.5), (3.5, 2.0), (0.01, 100.0), (30.0, 0.1), (1e9, 3e-8)]
)
def test_a_negative_binomial_of_small_mean_is_inverted_exactly(k: float, b: float) -> None:
    missed = excess(
        lambda u: negative_binomial_quantile(k, b, u),
        lambda j: stats.nbinom.cdf(j, k, 1.0 / (1.0 + b)),
    )
    assert missed < 2e-13


@pytest.mark.parametrize(
    ("k", "b"),
    [(64.0, 0.7), (65.0, 10.0), (65.0, 1e3), (100.0, 1e6), (1e4, 0.0041), (1e6, 1e-3), (1e9, 3.0)],
)
def test_a_negative_binomial_of_large_mean_is_right_to_1e_minus_5(k: float, b: float) -> None:
    missed = excess(
        lambda u: negative_binomial_quantile(k, b, u),
        lambda j: stats.nbinom.cdf(j, k, 1.0 / (1.0 + b)),
    )
    assert missed < 1e-5


@pytest.mark.parametrize("beta", [1e-300, 1e-12, 0.01, 0.5, 0.99, 1.0 - 1e-9])
def test_a_geometric_is_inverted_exactly(beta: float) -> None:
    missed = excess(
        lambda u: geometric_quantile(beta, u),
        lambda j: -np.expm1((j + 1.0) * np.log(beta)) if j >= 0 else 0.0,
    )
    assert missed < 1e-15


@pytest.mark.parametrize(
    ("k", "b"), [(1.0, 60.0), (9.0, 5.0), (64.0, 0.7), (65.0, 2.0), (3.0, 2.0)]
)
def test_a_sum_of_geometrics_is_negative_binomial(k: float, b: float) -> None:
    """Chi-square over 20 equal classes; false alarm 1e-6. Compiled (n = 20,000) a shift of the mean by
    0.1 sd has non-centrality of at least 150, critical excess 45: power > 0.99.
    """
    n = 4_000 if PLAIN else 20_000
    law = stats.nbinom(k, 1.0 / (1.0 + b))
    edges = np.unique(law.ppf(np.linspace(0.05, 0.95, 19)))
    found = np.array([geometric_sum(k, b, np.uint64(7919 + i), 0) for i in range(n)])
    counts = np.bincount(np.searchsorted(edges, found), minlength=len(edges) + 1)
    chances = np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))
    assert stats.chisquare(counts, n * chances).pvalue > ALARM


def test_a_sum_of_no_geometrics_is_zero() -> None:
    assert geometric_sum(0.0, 3.0, np.uint64(1), 0) == geometric_sum(3.0, 0.0, np.uint64(1), 0) == 0


# --- what common random numbers rest on -----------------------------------------------------------
FINE = np.unique(
    np.concatenate(
        [
            GRID,
            np.linspace(1e-4, 1.0 - 1e-4, 2001),
            10.0 ** np.linspace(-16.2, -3.0, 200),
            1.0 - 10.0 ** np.linspace(-15.9, -3.0, 200),
        ]
    )
)
LAWS: dict[str, Quantile] = {
    "normal": normal_quantile,
    "geometric": lambda u: geometric_quantile(0.98, u),
    **{
        f"binomial {n:g} {p:g}": (lambda u, n=n, p=p: binomial_quantile(n, p, u))
        for n, p in [(10.0, 0.4), (80.0, 0.5), (100.0, 0.41), (1e6, 4e-5), (1e6, 0.7), (1e12, 0.5)]
    },
    **{
        f"poisson {m:g}": (lambda u, m=m: poisson_quantile(m, u))
        for m in (0.3, 39.9, 40.0, 55.0, 1e4, 1e12)
    },
    **{
        f"negative binomial {k:g} {b:g}": (lambda u, k=k, b=b: negative_binomial_quantile(k, b, u))
        for k, b in [(2.0, 3.0), (64.0, 0.63), (65.0, 50.0), (1e5, 0.01)]
    },
}


@pytest.mark.parametrize("law", LAWS)
def test_quantiles_do_not_fall_as_the_uniform_rises(law: str) -> None:
    found = np.array([LAWS[law](u) for u in FINE])
    assert (np.diff(found) >= 0.0).all()
    assert found[-1] > found[0]


@pytest.mark.parametrize("u", [1e-6, 1e-3, 0.03, 0.2, 0.5, 0.777, 0.97, 0.999, 1.0 - 1e-6])
def test_counts_do_not_fall_as_the_mean_rises(u: float) -> None:
    """Across the change from inversion to expansion (mean 40) and from p to 1 - p.

    Not at the very ends of the stream: a tail of 1e-16 is known only to the rounding of the sum.
    """
    means = np.linspace(0.05, 90.0, 900)
    laws: list[Quantile] = [
        lambda m: poisson_quantile(m, u),
        lambda m: binomial_quantile(1e5, m / 1e5, u),
        lambda m: binomial_quantile(90.0, m / 90.0, u),
        lambda m: negative_binomial_quantile(100.0, m / 100.0, u),
    ]
    for law in laws:
        found = np.array([law(m) for m in means])
        assert (np.diff(found) >= 0.0).all()


def test_the_top_of_the_stream_gives_no_absurd_count() -> None:
    """The largest uniform lies above the rounded sum of all chances; the count stays a tail's."""
    for mean in np.linspace(0.1, 39.9, 200):
        sd = np.sqrt(mean)
        assert poisson_quantile(mean, MOST) < mean + 12.0 * sd + 20.0
        assert binomial_quantile(1e12, mean / 1e12, MOST) < mean + 12.0 * sd + 20.0
        assert binomial_quantile(1e12, 1 - mean / 1e12, LEAST) > 1e12 - mean - 12.0 * sd - 20.0
        bound = 45.0 * (mean + 1.0)
        assert negative_binomial_quantile(1.0, mean, MOST) < bound


@pytest.mark.skipif(PLAIN, reason="there is nothing compiled to compare with")
def test_the_uncompiled_functions_give_the_same_counts() -> None:
    for u in GRID[::7]:
        assert normal_quantile.py_func(u) == pytest.approx(normal_quantile(u), rel=1e-15)
        assert geometric_quantile.py_func(0.9, u) == geometric_quantile(0.9, u)
        for n, p in [(100.0, 0.3), (1e6, 0.7), (1e12, 1e-11), (1e12, 0.4)]:
            assert binomial_quantile.py_func(n, p, u) == binomial_quantile(n, p, u)
        for mean in (0.5, 39.0, 41.0, 1e8):
            assert poisson_quantile.py_func(mean, u) == poisson_quantile(mean, u)
        for k, b in [(3.0, 2.0), (70.0, 5.0)]:
            found = negative_binomial_quantile.py_func(k, b, u)
            assert found == negative_binomial_quantile(k, b, u)


PINS = {
    "binomial": (
        lambda u: binomial_quantile(1000.0, 0.3, u),
        [304, 281, 292, 283, 314, 302, 284, 303],
    ),
    "poisson": (lambda u: poisson_quantile(12.5, u), [13, 8, 11, 8, 16, 13, 9, 13]),
    "negative binomial": (
        lambda u: negative_binomial_quantile(80.0, 2.5, u),
        [207, 166, 185, 169, 225, 202, 171, 205],
    ),
}


@pytest.mark.parametrize("law", PINS)
def test_counts_of_a_stream_never_change(law: str) -> None:
    quantile, expected = PINS[law]
    assert [int(quantile(uniform(np.uint64(2024), i))) for i in range(8)] == expected
