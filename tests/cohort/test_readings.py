"""Observation models against their laws.

Each statistic is compared with its closed form at 5 standard errors (false alarm 6e-7) on 40,000
readings, which shows an error of a few per cent in any of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from senescape.cohort.readings import counted, lingering, positives, visits

Float = NDArray[np.float64]
MANY = 40_000


def uniform(seed: int) -> Float:
    return np.random.default_rng(seed).random((1, MANY))


def test_a_count_is_unbiased_with_both_errors() -> None:
    true, spread, floor = 2000.0, 0.2, 150.0
    seen = counted(np.full((1, MANY), true), spread, floor, uniform(1), uniform(2))
    sd = np.sqrt(true**2 * np.expm1(spread**2) + floor**2)
    assert abs(seen.mean() - true) < 5 * sd / np.sqrt(MANY)
    assert seen.std() == pytest.approx(sd, rel=0.02)


def test_a_count_is_never_negative() -> None:
    assert counted(np.zeros((1, MANY)), 0.1, 150.0, uniform(1), uniform(2)).min() == 0.0


@pytest.mark.parametrize("correlation", [0.0, 0.02, 0.2])
def test_positives_have_the_beta_binomial_mean_and_variance(correlation: float) -> None:
    n, p = 300.0, 0.17
    share, scored = np.full((1, MANY), p), np.full((1, MANY), n)
    found = positives(share, scored, correlation, uniform(3), uniform(4))
    variance = n * p * (1 - p) * (1 + (n - 1) * correlation)
    assert abs(found.mean() - n * p) < 5 * np.sqrt(variance / MANY)
    assert found.var() == pytest.approx(variance, rel=0.05)
    assert (found == np.round(found)).all()


def test_positives_of_certain_shares() -> None:
    scored = np.full((1, 3), 50.0)
    u = np.full((1, 3), 0.3)
    found = positives(np.array([[0.0, 1.0, 1.0]]), scored, 0.1, u, u)
    assert found.tolist() == [[0.0, 50.0, 50.0]]


def test_the_dead_linger_as_the_equation_says() -> None:
    """Deaths at a constant rate a between outputs: dD/dt = a(t) - D / lifetime."""
    time = np.array([0.0, 1.0, 4.0, 4.5, 12.0])
    rate = np.array([100.0, 0.0, 900.0, 10.0])
    died = np.concatenate([[0.0], np.cumsum(rate * np.diff(time))])[:, None]
    expected, level = [0.0], 0.0
    for i, a in enumerate(rate):
        solved = solve_ivp(
            lambda t, y, a=a: a - y / 4.0, (time[i], time[i + 1]), [level], rtol=1e-10, atol=1e-10
        )
        level = solved.y[0, -1]
        expected.append(level)
    assert lingering(time, died, 4.0)[:, 0] == pytest.approx(expected, rel=1e-6)


def test_no_debris_where_the_dead_vanish_at_once() -> None:
    died = np.array([[0.0], [500.0], [500.0]])
    assert lingering(np.array([0.0, 1.0, 9.0]), died, 1e-6)[-1, 0] == pytest.approx(0.0)


def test_visits_find_a_death_at_the_next_look_and_losses_first() -> None:
    time = np.array([0.0, 2.0, 4.0, 6.0])
    load = np.array([[0, 0, 0, 0], [1, 5, 0, 1], [6, 9, 0, 6], [9, 9, 0, 9]], float)
    last, died = visits(time, load, 5.0, np.array([np.inf, np.inf, np.inf, 3.0]))
    assert last.tolist() == [4.0, 2.0, 6.0, 3.0]
    assert died.tolist() == [True, True, False, False]
