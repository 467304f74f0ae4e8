"""The value of a formula against NumPy, and intervals against points."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.expressions.trees import NAMES, formulas

from senescape.expressions import Expr, evaluate, evaluate_interval, parse

INF, NAN = math.inf, math.nan
GRID = [-INF, -1e300, -1025.5, -3.0, -2.0, -0.5, 0.0, 1e-300, 0.3, 1.0, 2.0, 7.5, 1025.0, INF, NAN]

NUMPY = {
    "x + y": np.add,
    "x - y": np.subtract,
    "x * y": np.multiply,
    "x / y": np.divide,
    "x ^ y": np.power,
    "pow(x, y)": np.power,
    "x < y": np.less,
    "x <= y": np.less_equal,
    "x > y": np.greater,
    "x >= y": np.greater_equal,
    "x == y": np.equal,
    "x != y": np.not_equal,
    "-x": lambda x, y: np.negative(x),
    "exp(x)": lambda x, y: np.exp(x),
    "log(x)": lambda x, y: np.log(x),
    "sqrt(x)": lambda x, y: np.sqrt(x),
    "abs(x)": lambda x, y: np.abs(x),
    "if(x > y, x, y)": lambda x, y: np.where(x > y, x, y),
    "x > 0 and y > 0": lambda x, y: np.logical_and(x > 0, y > 0),
    "x > 0 or y > 0": lambda x, y: np.logical_or(x > 0, y > 0),
    "not x > y": lambda x, y: np.logical_not(x > y),
}


@pytest.mark.parametrize("text", NUMPY)
def test_a_formula_has_the_value_that_numpy_gives(text: str) -> None:
    tree = parse(text)
    for x in GRID:
        for y in GRID:
            with np.errstate(all="ignore"):
                expected = float(NUMPY[text](np.float64(x), np.float64(y)))
            value = evaluate(tree, {"x": x, "y": y})
            assert value == pytest.approx(expected, rel=1e-14, nan_ok=True), (x, y)


@pytest.mark.parametrize("function", ["min", "max"])
def test_extremes_of_numbers_are_those_of_numpy(function: str) -> None:
    tree = parse(f"{function}(x, y, 0.4)")
    pick = np.minimum if function == "min" else np.maximum
    for x in GRID[:-1]:
        for y in GRID[:-1]:
            assert evaluate(tree, {"x": x, "y": y}) == pick(pick(x, y), 0.4)


@pytest.mark.parametrize("power", [1, 2, 4, 7])
@pytest.mark.parametrize("x", [0.001, 0.5, 1.0, 3.0, 250.0])
def test_hill_is_the_ratio_of_powers(x: float, power: int) -> None:
    a, k = Fraction(x) ** power, Fraction(0.8) ** power
    value = evaluate(parse("hill(x, 0.8, n)"), {"x": x, "n": power})
    assert value == pytest.approx(float(a / (a + k)), rel=1e-13)


def test_hill_does_not_overflow_and_is_shut_at_zero() -> None:
    tree = parse("hill(x, k, n)")
    cases = [(1e200, 1.0, 4.0, 1.0), (1e-200, 1.0, 4.0, 0.0), (0.0, 1.0, 4.0, 0.0)]
    cases += [(-1.0, 1.0, 2.0, 0.0), (1.0, 0.0, 2.0, 1.0), (5e-324, 1e308, 8.0, 0.0)]
    for x, k, n, expected in cases:
        assert evaluate(tree, {"x": x, "k": k, "n": n}) == expected


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("x * y", -4.0, 6.0),
        ("x - y", -4.0, 3.0),
        ("x^2", 0.0, 9.0),
        ("x^3", -8.0, 27.0),
        ("x^0", 1.0, 1.0),
        ("y^x", 0.0, INF),
        ("abs(x)", 0.0, 3.0),
        ("abs(y + 1)", 1.0, 3.0),
        ("exp(y)", 1.0, math.exp(2.0)),
        ("log(y)", -INF, math.log(2.0)),
        ("1 / (y + 1)", 1 / 3, 1.0),
        ("1 / y", 0.5, INF),
        ("1 / x", -INF, INF),
        ("sqrt(y)", 0.0, math.sqrt(2.0)),
        ("sqrt(x)", -INF, INF),
        ("min(x, y)", -2.0, 2.0),
        ("max(x, y, 1)", 1.0, 3.0),
        ("hill(y, 1, 2)", 0.0, 0.8),
        ("if(x > 5, 1, y)", 0.0, 2.0),
        ("if(x < 5, 1, y)", 1.0, 1.0),
        ("if(x < y, 7, y)", 0.0, 7.0),
        ("x < 4", 1.0, 1.0),
        ("x > 4", 0.0, 0.0),
        ("x > y", 0.0, 1.0),
        ("not x > 4", 1.0, 1.0),
        ("x > 4 or x < 4", 1.0, 1.0),
        ("x > 4 and x > y", 0.0, 0.0),
        ("x == 9", 0.0, 0.0),
        ("x != 9", 1.0, 1.0),
    ],
)
def test_the_interval_of_a_simple_formula_is_its_range(text: str, low: float, high: float) -> None:
    found = evaluate_interval(parse(text), {"x": (-2.0, 3.0), "y": (0.0, 2.0)})
    assert found == pytest.approx((low, high), rel=1e-14)


Box = dict[str, tuple[tuple[float, float], float]]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """For each name an interval and a point in it."""
    end = st.floats(-6.0, 6.0).map(lambda v: round(v, 2))
    found = {}
    for name in NAMES:
        low, high = sorted((draw(end), draw(end)))
        share = draw(st.sampled_from([0.0, 0.1, 0.5, 0.77, 1.0]))
        found[name] = ((low, high), min(high, max(low, low + share * (high - low))))
    return found


@given(tree=formulas(16), box=boxes())
@example(parse("hill(x, 1, -2)"), {"x": ((0.0, 5.0), 0.05)})
@example(parse("x^exp(y)"), {"x": ((-2.0, 1.0), -1.0), "y": ((1000.0, 1000.0), 1000.0)})
@example(parse("x^1025"), {"x": ((-4.0, -2.0), -3.0)})
@example(parse("min(2, 2, hill(1, exp(x), log(x)))"), {"x": ((0.0, 0.0), 0.0)})
@settings(max_examples=1000)
def test_the_interval_encloses_the_value_at_every_point(tree: Expr, box: Box) -> None:
    value = evaluate(tree, {n: point for n, (_, point) in box.items()})
    assume(not math.isnan(value))
    low, high = evaluate_interval(tree, {n: bounds for n, (bounds, _) in box.items()})
    slack = 1e-9 * (1.0 + abs(value)) if math.isfinite(value) else 0.0
    assert low - slack <= value <= high + slack


@given(tree=formulas(10), box=boxes())
@settings(max_examples=200)
def test_the_interval_of_a_point_is_the_value(tree: Expr, box: Box) -> None:
    values = {n: point for n, (_, point) in box.items()}
    value = evaluate(tree, values)
    low, high = evaluate_interval(tree, {n: (v, v) for n, v in values.items()})
    assume(math.isfinite(value) and math.isfinite(low) and math.isfinite(high))
    assume("hill" not in str(tree) and "if" not in str(tree))
    assert low <= value <= high
    assert high - low <= 1e-9 * (1.0 + abs(value))
