"""Pictures of expectations: the shaded side holds exactly the draws that fulfil the statement.

Oracle: the shares that ``expect`` counts, and ratios worked out by hand.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from tests.verdict.test_expectations import FRIEND, HEAD, world

from senescape.figures import expectation_intervals, svg_of
from senescape.figures.expectations import axis_limits, comparison
from senescape.model import Scenario
from senescape.verdict import ExpectationResult, expect

WITHOUT = "    without: {label: nobody senesces, set: {senesces: 0 / day}}\n"
GROWS = (
    HEAD + "left: {measure: live, at: 6 day, regimen: none}\n"
    "    right: {measure: live, at: 3 day, regimen: none}\n    relation: more\n    factor: 8\n"
    + WITHOUT
)
LIMIT = (
    HEAD + "left: {measure: live, at: 3 day, regimen: none}\n    limit: 2437 cells\n"
    "    relation: alike\n    margin: 200 cells\n" + WITHOUT
)
SOONER = FRIEND.replace("relation: more", "relation: less")


COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}
compiled = pytest.mark.skipif(not COMPILED, reason="minutes where kernels are not compiled")


@lru_cache
def tried(text: str) -> tuple[Scenario, ExpectationResult]:
    scenario = world(text)
    (result,) = expect(scenario, draws=20 if COMPILED else 2)
    return scenario, result


def words_of(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(svg_of(figure, "a picture"))
    return ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]


def inside(values: np.ndarray, low: float, high: float) -> float:
    return float(((values > low) & ((values < high) | np.isinf(high))).mean())


@compiled
@pytest.mark.parametrize(
    "text", [FRIEND, SOONER, GROWS, LIMIT], ids=["more", "less", "ratio", "limit"]
)
def test_the_shaded_side_holds_the_draws_that_fulfil(text: str) -> None:
    scenario, result = tried(text)
    item = comparison(scenario, result)
    assert inside(item.standing, item.low, item.high) == result.holds
    assert inside(item.without, item.low, item.high) == result.without


@compiled
def test_counts_are_compared_by_ratio_and_end_points_by_difference() -> None:
    """Exponential growth at 0.7 / day: three days are a factor of e^2.1 = 8.17."""
    grows = comparison(*tried(GROWS))
    assert grows.what == "live: on day 6 / on day 3"
    assert (grows.unit, grows.low, grows.high) == ("1", 8.0, np.inf)
    assert np.median(grows.standing) == pytest.approx(np.exp(2.1), rel=0.1)
    friend = comparison(*tried(FRIEND))
    assert friend.unit == "ln cells" and friend.low == pytest.approx(0.1)
    assert "with senescence \N{MINUS SIGN} without (recover)" in friend.what


def test_nothing_against_nothing_decides_nothing() -> None:
    """0 of 0 cells: neither more nor less than any share; some of 0: infinitely more."""
    scenario, result = tried(GROWS)
    bare = replace(result, left=np.array([0.0, 3.0, 0.0]), right=np.array([0.0, 0.0, 2.0]))
    item = comparison(scenario, bare)
    assert item.standing.tolist() == [8.0, np.inf, 0.0]


def test_what_is_beyond_the_axis_ends_in_an_arrow() -> None:
    scenario, result = tried(GROWS)
    far = replace(result, left=np.repeat([0.0, 1.0], 10), right=np.repeat([9.0, 0.0], 10))
    item = comparison(scenario, far)
    low, high, log = axis_limits(item, np.array([0.0, np.inf]))
    assert log and 0.0 < low < item.low < high < np.inf
    axes = expectation_intervals(scenario, [far]).axes[0]
    arrows = [line.get_marker() for line in axes.lines if line.get_marker() in ("<", ">")]
    assert arrows == ["<", ">"]


def test_every_statement_stands_there_with_its_control_and_shares() -> None:
    scenario, result = tried(FRIEND)
    figure = expectation_intervals(scenario, [result, result])
    words = words_of(figure)
    assert words.count("Planted") == 2 and words.count("taken away: nobody senesces") == 2
    assert words.count("holds in 100 %") == 2 and words.count("in 0 %") == 2
    assert all("[ln\N{NO-BREAK SPACE}cells]" in axes.get_xlabel() for axes in figure.axes)


@compiled
def test_the_dot_is_the_median() -> None:
    scenario, result = tried(FRIEND)
    item = comparison(scenario, result)
    axes = expectation_intervals(scenario, [result]).axes[0]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in ("o", "D")]
    wanted = [np.sort(values)[9] for values in (item.standing, item.without)]
    assert dots == wanted
