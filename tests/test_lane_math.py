"""Lane arithmetic against 80-bit numbers and the conventions of IEEE 754."""

from __future__ import annotations

import math

import numpy as np
import pytest

from senescape.lane_math import lane_exp, lane_expm1, lane_hill, lane_log, lane_log1p, lane_power

RNG = np.random.default_rng(20241)
POINTS = 4000


def worst_ulp(found: np.ndarray, exact: np.ndarray) -> float:
    """The largest error in units in the last place of the exact number."""
    return float(np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float64))))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no wider number to compare with")
@pytest.mark.parametrize(("low", "high"), [(-700.0, 700.0), (-1.0, 1.0), (-1e-9, 1e-9)])
def test_exp_is_right_to_a_unit_in_the_last_place(low: float, high: float) -> None:
    x = RNG.uniform(low, high, POINTS)
    found = np.array([lane_exp(v) for v in x])
    assert worst_ulp(found, np.exp(x.astype(np.longdouble))) < 1.0


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no wider number to compare with")
@pytest.mark.parametrize(
    ("low", "high"), [(-700.0, 700.0), (-1.0, 1.0), (-1e-9, 1e-9), (-744.0, -708.0)]
)
def test_log_is_right_to_a_unit_in_the_last_place(low: float, high: float) -> None:
    x = np.exp(RNG.uniform(low, high, POINTS))
    found = np.array([lane_log(v) for v in x])
    assert worst_ulp(found, np.log(x.astype(np.longdouble))) < 1.0


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no wider number to compare with")
@pytest.mark.parametrize(("low", "high"), [(-700.0, 700.0), (-1.0, 1.0), (-1e-9, 1e-9)])
def test_expm1_and_log1p_are_right_to_four_units_in_the_last_place(low: float, high: float) -> None:
    x = RNG.uniform(low, high, POINTS)
    found = np.array([lane_expm1(v) for v in x])
    assert worst_ulp(found, np.expm1(x.astype(np.longdouble))) < 4.0
    above = x[x > -0.5]
    found = np.array([lane_log1p(v) for v in above])
    assert worst_ulp(found, np.log1p(above.astype(np.longdouble))) < 4.0
    assert lane_expm1(0.0) == lane_log1p(0.0) == 0.0
    assert (lane_log1p(-1e-300), lane_log1p(1e300)) == (-1e-300, math.log(1e300))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="no wider number to compare with")
def test_a_power_is_right_to_its_stated_error() -> None:
    base, exponent = np.exp(RNG.uniform(-20, 20, POINTS)), RNG.uniform(-15, 15, POINTS)
    found = np.array([lane_power(b, e) for b, e in zip(base, exponent, strict=True)])
    exact = base.astype(np.longdouble) ** exponent.astype(np.longdouble)
    allowed = 2e-16 * (2.0 + np.abs(exponent * np.log(base)))
    assert (np.abs(found / exact - 1.0) <= allowed).all()


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -745.0, -746.5, 709.7, 710.0, 1e300, -1e300,
                               math.inf, -math.inf, math.nan])  # fmt: skip
def test_exp_at_the_ends(x: float) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(lane_exp(x), np.exp(x), rtol=3e-16, atol=5e-324)


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, 5e-324, 1e-310, 2.3e-308, 1.7e308, -1.0,
                               math.inf, -math.inf, math.nan])  # fmt: skip
def test_log_at_the_ends(x: float) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(lane_log(x), np.log(x), rtol=3e-16)


@pytest.mark.parametrize("base", [0.0, 1.0, 2.0, -2.0, -0.5, 1e200, math.inf, math.nan])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 1.5, 400.0, math.nan])
def test_powers_follow_the_conventions(base: float, exponent: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.power(base, exponent)
        np.testing.assert_allclose(lane_power(base, exponent), expected, rtol=2e-13)


@pytest.mark.parametrize(
    ("x", "threshold", "power", "expected"),
    [
        (2.0, 2.0, 3.0, 0.5),
        (1.0, 3.0, 2.0, 0.1),
        (0.0, 1.0, 2.0, 0.0),
        (-1.0, 1.0, 2.0, 0.0),
        (1.0, 0.0, 2.0, 1.0),
        (1e300, 1e-300, 8.0, 1.0),
        (1e-300, 1e300, 8.0, 0.0),
        (math.inf, 1.0, 2.0, 1.0),
    ],
)
def test_hill(x: float, threshold: float, power: float, expected: float) -> None:
    assert lane_hill(x, threshold, power) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("place", range(3))
def test_a_hill_of_nothing_is_nothing(place: int) -> None:
    """NaN at or above zero must come through: a failed rate must not become 0 or 1."""
    numbers = [1.0, 2.0, 3.0]
    numbers[place] = math.nan
    assert math.isnan(lane_hill(*numbers))


def test_compiled_and_plain_give_the_same_bytes() -> None:
    x = np.concatenate([RNG.uniform(-700, 700, 200), RNG.uniform(-2, 2, 200)])
    for kernel in (lane_exp, lane_log):
        plain = getattr(kernel, "py_func", kernel)
        for v in x:
            argument = v if kernel is lane_exp else abs(v)
            assert kernel(argument) == plain(argument)
