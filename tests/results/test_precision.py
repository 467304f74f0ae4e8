"""Confidence sequences: they hold the mean at all looks together, and how wide they are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from tests.statistics import ALARM

from senescape.results import ALPHA, ASYMPTOTIC_FROM, Asymptotic, Bounded

Float = NDArray[np.float64]
Both = tuple[Float, Float]

PATHS, VALUES = 4000, 2000


def bernoulli(rng: np.random.Generator, paths: int, n: int) -> tuple[Float, float]:
    return (rng.random((paths, n)) < 0.1).astype(float), 0.1


def uniform(rng: np.random.Generator, paths: int, n: int) -> tuple[Float, float]:
    return rng.random((paths, n)), 0.5


def two_humps(rng: np.random.Generator, paths: int, n: int) -> tuple[Float, float]:
    """-1 or +1, as an effect that is all or nothing: the largest variance that there is."""
    return 2.0 * (rng.random((paths, n)) < 0.5) - 1.0, 0.0


def rare(rng: np.random.Generator, paths: int, n: int) -> tuple[Float, float]:
    """Nearly always nothing: what a central limit theorem does worst."""
    return (rng.random((paths, n)) < 0.002).astype(float), 0.002


def skewed(rng: np.random.Generator, paths: int, n: int) -> tuple[Float, float]:
    """Numbers of cells: gamma with a coefficient of variation of 1."""
    return 1e4 * rng.exponential(size=(paths, n)), 1e4


def ever_outside(ends: Both, mean: float, first: int = 1) -> int:
    """In how many paths the mean was outside at one look or more."""
    low, high = (edge[:, first - 1 :] for edge in ends)
    return int(((low > mean) | (mean > high)).any(axis=1).sum())


def most_outside(paths: int) -> int:
    """The number of paths that a right sequence exceeds with probability 1e-6, at most."""
    return int(stats.binom.isf(ALARM, paths, ALPHA))


def bounds_of(values: Float) -> Bounded:
    return Bounded(-1.0 if values.min() < 0.0 else 0.0, 1.0)


def fixed(values: Float) -> Both:
    """Planted: the interval for a number of values that is fixed beforehand."""
    n = np.arange(1, values.shape[1] + 1)
    mean = np.cumsum(values, axis=1) / n
    sd = np.sqrt(np.maximum(np.cumsum(values**2, axis=1) / n - mean**2, 0.0))
    return mean - 1.96 * sd / np.sqrt(n), mean + 1.96 * sd / np.sqrt(n)


def test_the_bound_can_see_an_interval_that_is_wrong() -> None:
    """Power: with 4,000 paths one that misses in 8 % of them is caught with P > 0.99."""
    assert most_outside(PATHS) == 269
    assert stats.binom.sf(most_outside(PATHS), PATHS, 0.08) > 0.99


@pytest.mark.parametrize("kind", [bernoulli, uniform, two_humps, rare])
def test_a_bounded_mean_is_inside_at_all_looks(kind: Callable[..., tuple[Float, float]]) -> None:
    """4,000 paths, looked at after every one of 2,000 values; false alarm 1e-6."""
    values, mean = kind(np.random.default_rng(61), PATHS, VALUES)
    assert ever_outside(bounds_of(values).add(values), mean) <= most_outside(PATHS)


@pytest.mark.parametrize("kind", [uniform, two_humps, skewed])
def test_an_unbounded_mean_is_inside_from_the_first_look_on(
    kind: Callable[..., tuple[Float, float]],
) -> None:
    """4,000 paths, looked at after every value from 256 to 2,000; false alarm 1e-6."""
    values, mean = kind(np.random.default_rng(62), PATHS, VALUES)
    ends = Asymptotic().add(values)
    assert np.isinf(ends[1][:, : ASYMPTOTIC_FROM - 1]).all()
    assert ever_outside(ends, mean, ASYMPTOTIC_FROM) <= most_outside(PATHS)


@pytest.mark.parametrize("kind", [uniform, two_humps, skewed])
def test_planted_an_interval_for_a_fixed_number_is_caught(
    kind: Callable[..., tuple[Float, float]],
) -> None:
    """The same check, also with looks from 256 on only: 1.96 standard errors miss too often."""
    values, mean = kind(np.random.default_rng(63), PATHS, VALUES)
    assert ever_outside(fixed(values), mean, ASYMPTOTIC_FROM) > 1.5 * most_outside(PATHS)


def test_planted_a_sequence_of_six_tenths_is_caught() -> None:
    """The exact sequence is wider than it need be; at 0.6 of its width the check sees it."""
    values, mean = two_humps(np.random.default_rng(64), PATHS, VALUES)
    low, high = Bounded(-1.0, 1.0).add(values)
    middle, half = 0.5 * (low + high), 0.6 * 0.5 * (high - low)
    assert ever_outside((middle - half, middle + half), mean) > most_outside(PATHS)


def by_hand(values: Float, alpha: float) -> Both:
    """The theorem of 2024 as it stands, one value at a time."""
    level = math.log(2.0 / alpha)
    seen: list[float] = []
    variance, mean, weight, weighted, price = 0.25, 0.5, 0.0, 0.0, 0.0
    squares = 0.0
    ends = []
    for i, x in enumerate(values.tolist(), 1):
        bet = min(0.75, math.sqrt(2.0 * level / (variance * i * math.log(1 + i))))
        price += 4.0 * (x - mean) ** 2 * (-math.log(1.0 - bet) - bet) / 4.0
        weight, weighted = weight + bet, weighted + bet * x
        seen.append(x)
        mean = (0.5 + sum(seen)) / (i + 1)
        squares += (x - mean) ** 2
        variance = (0.25 + squares) / (i + 1)
        middle, half = weighted / weight, (level + price) / weight
        ends.append((max(0.0, middle - half), min(1.0, middle + half)))
    low, high = np.array(ends).T
    return low, high


def test_it_is_the_theorem_one_value_at_a_time() -> None:
    values = np.random.default_rng(5).beta(2.0, 5.0, 300)
    for ours, theirs in zip(Bounded(0.0, 1.0, 0.1).add(values), by_hand(values, 0.1), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: Bounded(0.0, 1.0), Asymptotic])
def test_blocks_give_the_same_bytes_as_all_at_once(make: Callable[[], Bounded]) -> None:
    values = np.random.default_rng(6).random((3, 700))
    whole, parts = make(), make()
    ends = [parts.add(values[:, a:b]) for a, b in ((0, 1), (1, 64), (64, 320), (320, 700))]
    for side, at_once in enumerate(whole.add(values)):
        assert np.concatenate([e[side] for e in ends], axis=1).tobytes() == at_once.tobytes()


def test_other_bounds_are_a_change_of_unit() -> None:
    values = np.random.default_rng(7).random(500)
    plain, scaled = Bounded(0.0, 1.0).add(values), Bounded(-28.0, 28.0).add(56.0 * values - 28.0)
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(56.0 * one - 28.0, other, atol=1e-9)


def test_a_value_outside_the_bounds_is_an_error() -> None:
    with pytest.raises(ValueError, match="outside -1 to 1"):
        Bounded(-1.0, 1.0).add(np.array([0.0, 1.5]))


def width_by_theory(sd: float, n: int) -> float:
    """Half-width of the exact sequence on [0, 1] where the variance is known; small bets."""
    i = np.arange(1, n + 1)
    level = math.log(2.0 / ALPHA)
    bet = np.minimum(0.75, np.sqrt(2.0 * level / (sd**2 * i * np.log1p(i))))
    return float((level + (sd**2 * (-np.log1p(-bet) - bet)).sum()) / bet.sum())


@pytest.mark.parametrize("n", [2000, 20000])
def test_the_exact_half_width_is_the_published_one(n: int) -> None:
    """Uniform: sd 1/sqrt(12); near sqrt(log n / n) times a constant, by Waudby-Smith & Ramdas."""
    values, _ = uniform(np.random.default_rng(8), 20, n)
    low, high = Bounded(0.0, 1.0).add(values)
    half = 0.5 * (high - low)[:, -1].mean()
    assert half == pytest.approx(width_by_theory(12.0**-0.5, n), rel=0.03)


def test_the_asymptotic_half_width_is_1_55_times_that_of_a_fixed_number() -> None:
    """At n = 256 log(256): sqrt(2 (x + 1) / x log(sqrt(x + 1) / 0.05)) / 1.96, x = 7.94."""
    n = round(ASYMPTOTIC_FROM * math.log(ASYMPTOTIC_FROM))
    values, _ = skewed(np.random.default_rng(9), 1, n)
    low, high = Asymptotic().add(values)
    fixed_half = 1.959964 * values.std(ddof=1) / math.sqrt(n)
    assert 0.5 * (high - low)[0, -1] / fixed_half == pytest.approx(1.548, abs=0.002)


@pytest.mark.parametrize("make", [lambda: Bounded(-1.0, 1.0), Asymptotic])
def test_four_times_as_many_halve_the_half_width(make: Callable[[], Bounded]) -> None:
    """1/sqrt(n) but for a logarithm: a factor of 0.5 to 0.57 from 5,000 to 20,000."""
    values, _ = two_humps(np.random.default_rng(10), 10, 20000)
    low, high = make().add(values)
    half = 0.5 * (high - low).mean(axis=0)
    assert 0.5 <= half[19999] / half[4999] < 0.57
