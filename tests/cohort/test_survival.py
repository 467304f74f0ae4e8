"""Survival statistics against published tables and closed forms."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from tests.statistics import ALARM, same_share

from senescape.cohort import kaplan_meier, log_rank, restricted_mean
from senescape.errors import SenescapeError

# Weeks in remission, 6-mercaptopurine against placebo (Freireich et al. 1963,
# doi:10.1182/blood.V21.6.699.699); the textbook example since Gehan 1965 and Cox 1972.
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_curve_is_the_published_one() -> None:
    curve = kaplan_meier(TREATED, RELAPSED)
    for week, share in ((6, 0.857), (7, 0.807), (10, 0.753), (13, 0.690), (16, 0.627), (22, 0.538)):
        assert curve.at(week) == pytest.approx(share, abs=5e-4)
    assert curve.at(5.9) == 1.0 and curve.median == 23.0
    assert kaplan_meier(PLACEBO, np.ones(21)).median == 8.0
    inside = (curve.low <= curve.share) & (curve.share <= curve.high)
    assert inside.all()


def test_the_log_rank_is_the_published_one() -> None:
    """Chi-square 16.79 with one degree of freedom, p = 4e-5."""
    statistic, p = log_rank(TREATED, RELAPSED, PLACEBO, np.ones(21))
    assert statistic**2 == pytest.approx(16.79, abs=0.01)
    assert p == pytest.approx(4.17e-5, rel=0.01)


LIFELINES = {  # lifelines 0.30.3: share alive, log-log interval of 95 %
    "treated": (
        [6, 7, 10, 13, 16, 22, 23],
        [0.857142857143, 0.806722689076, 0.752941176471, 0.690196078431, 0.627450980392]
        + [0.537815126050, 0.448179271708],
        [0.619717955266, 0.563146564622, 0.503199510800, 0.431610222486, 0.367510855988]
        + [0.267778936767, 0.188052005959],
        [0.951551747647, 0.922809019203, 0.889361835169, 0.849065963349, 0.804912189472]
        + [0.746790717635, 0.680142628495],
    ),
    "placebo": (
        [1, 2, 3, 5, 8, 15, 22],
        [0.904761904762, 0.809523809524, 0.761904761905, 0.571428571429, 0.380952380952]
        + [0.142857142857, 0.047619047619],
        [0.670045882235, 0.568905059924, 0.519391415328, 0.337976953859, 0.183066548820]
        + [0.035657355191, 0.003324463043],
        [0.975294149038, 0.923888828559, 0.893257109782, 0.749240709943, 0.577788677746]
        + [0.321161574681, 0.197044905699],
    ),
}


def test_the_trial_of_freireich_against_lifelines() -> None:
    """Numbers of another program; the errors of the mean by the jackknife of its weights.

    See verification/survival.py, which compares 201 more pairs of groups.
    """
    groups = {"treated": (TREATED, RELAPSED), "placebo": (PLACEBO, np.ones(21))}
    for name, (weeks, share, low, high) in LIFELINES.items():
        curve = kaplan_meier(*groups[name])
        at = np.searchsorted(curve.time, weeks)
        np.testing.assert_allclose(curve.share[at], share, rtol=0.0, atol=1e-11)
        np.testing.assert_allclose(curve.low[at], low, rtol=0.0, atol=1e-11)
        np.testing.assert_allclose(curve.high[at], high, rtol=0.0, atol=1e-11)
    assert log_rank(*groups["treated"], *groups["placebo"]) == (
        pytest.approx(-(16.792940989216547**0.5), rel=1e-12),
        pytest.approx(4.168809109334511e-05, rel=1e-10),
    )
    for name, until, mean, error in (
        ("treated", 22.5, 17.640336134453776, 1.5059310652400975),
        ("treated", 35.0, 23.287394957983185, 2.8274676235496745),
        ("placebo", 22.5, 8.642857142857142, 1.3657383844192175),
    ):
        found = restricted_mean(*groups[name], until)
        assert found == (pytest.approx(mean, rel=1e-12), pytest.approx(error, rel=1e-8))


def test_a_median_of_exactly_one_half_is_not_lost_to_rounding() -> None:
    """Oracle: the product in whole numbers. Ten of these groups came out just above one half."""
    ten = [1, 1, 2, 4, 4, 6, 8, 9, 9, 9], [1, 1, 1, 1, 1, 0, 0, 0, 1, 1]
    assert abs(kaplan_meier(*ten).at(4.0) - 0.5) < 1e-9 and kaplan_meier(*ten).median == 4.0
    rng = np.random.default_rng(0)
    halves = 0
    for _ in range(1000):
        hosts = int(rng.integers(2, 30))
        time, died = rng.integers(1, hosts, hosts), rng.random(hosts) < 0.8
        alive, expected = Fraction(1), float("inf")
        for day in np.unique(time):
            risk, deaths = int((time >= day).sum()), int(((time == day) & died).sum())
            alive *= Fraction(risk - deaths, risk)
            if alive <= Fraction(1, 2):
                expected, halves = float(day), halves + (alive == Fraction(1, 2))
                break
        assert kaplan_meier(time, died).median == expected
    assert halves > 50


def null_p_values(pairs: int, hazard: float, seed: int) -> np.ndarray:
    """Return p of two groups of 40 whose hazards differ by a factor, censored by day 15."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pairs):
        death = rng.exponential(10.0, (2, 40)) / np.array([[1.0], [hazard]])
        leave = rng.uniform(0.0, 15.0, (2, 40))
        time, died = np.minimum(death, leave), death <= leave
        found.append(log_rank(time[0], died[0], time[1], died[1])[1])
    return np.array(found)


def test_the_log_rank_p_is_uniform_where_groups_are_alike() -> None:
    """Kolmogorov-Smirnov and exact binomial at 5 %, 2000 pairs, false alarm 1e-6 each.

    The first sees a statistic whose variance is 40 % too large or 30 % too small, the second a level
    of 9 % or 2 % in place of 5 %, with power 0.99 (simulated). Negative control: a hazard ratio of 1.4 is found.
    """
    p = null_p_values(2000, 1.0, 5)
    assert stats.kstest(p, stats.uniform.cdf).pvalue > ALARM
    same_share(float((p < 0.05).sum()), len(p), 0.05)
    assert stats.kstest(null_p_values(500, 1.4, 6), stats.uniform.cdf).pvalue < ALARM


def test_groups_that_no_death_tells_apart_have_no_p_value() -> None:
    """0 / 0, without a warning: none died, or all who were left died on one day."""
    for groups in (([5, 6], [0, 0], [7, 8], [0, 0]), ([5, 5], [1, 1], [5, 5], [1, 1])):
        assert np.isnan(log_rank(*groups)).all()


def test_without_censoring_the_restricted_mean_is_a_mean() -> None:
    rng = np.random.default_rng(1)
    times = rng.exponential(10.0, 400)
    mean, error = restricted_mean(times, np.ones(400), 12.0)
    bounded = np.minimum(times, 12.0)
    assert mean == pytest.approx(bounded.mean(), rel=1e-12)
    assert error == pytest.approx(bounded.std() / 20.0, rel=1e-12)


def test_censoring_does_not_bias_the_restricted_mean() -> None:
    """Exponential death at 1/10, left at 1/15: area (1 - e^-1.2) 10; 4,000 hosts, five errors.

    Taking the censored as dead would give 6 (1 - e^-2): 24 % lower, beyond fifty errors.
    """
    rng = np.random.default_rng(2)
    death, leave = rng.exponential(10.0, 4000), rng.exponential(15.0, 4000)
    mean, error = restricted_mean(np.minimum(death, leave), death < leave, 12.0)
    assert abs(mean - 10.0 * (1.0 - np.exp(-1.2))) < 5 * error
    assert error < 0.1


def test_nobody_dies() -> None:
    curve = kaplan_meier([5.0, 7.0], [0, 0])
    assert curve.at(9.0) == 1.0 and curve.median == float("inf")
    assert restricted_mean([5.0, 7.0], [0, 0], 4.0) == (4.0, 0.0)


@pytest.mark.parametrize(
    ("time", "died", "check"),
    [
        ([], [], "data.survival-shape"),
        ([1.0, 2.0], [1], "data.survival-shape"),
        ([-1.0], [1], "data.survival-time"),
        ([float("inf")], [0], "data.survival-time"),
    ],
)
def test_bad_lists_are_refused(time: list[float], died: list[int], check: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        kaplan_meier(time, died)
    assert caught.value.check == check


@pytest.mark.parametrize("until", [-1.0, float("inf"), float("nan")])
def test_a_mean_is_restricted_to_a_day(until: float) -> None:
    with pytest.raises(SenescapeError, match="restricted to day"):
        restricted_mean([5.0], [1], until)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_lies_between_0_and_1(level: float) -> None:
    with pytest.raises(SenescapeError, match="an interval of level"):
        kaplan_meier([5.0], [1], level)
