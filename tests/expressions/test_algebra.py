"""Derivatives against finite differences and known ones; simplification keeps the value."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.expressions.trees import NAMES, all_finite, formulas

from senescape.expressions import (
    FOREIGN,
    Binary,
    Call,
    Expr,
    Number,
    Symbol,
    differentiate,
    evaluate,
    parse,
    simplify,
    to_latex,
)

POINTS = [
    {"x": 0.7, "y": 1.9, "z": 3.0},
    {"x": 2.3, "y": 0.4, "z": 2.0},
    {"x": 1.1, "y": 1.3, "z": 0.6},
]
SMOOTH = [
    "y",
    "3 * x",
    "x^2 * y - x / y",
    "y / x",
    "(x + y) / (x * z + 1)",
    "x^y",
    "y^x",
    "x^x",
    "pow(x, 3)",
    "pow(y, x * z)",
    "x^-2",
    "-x^3",
    "exp(-x * y)",
    "log(x^2 + y)",
    "sqrt(x * y + z)",
    "abs(x - y) * z",
    "min(x, y, z)",
    "max(x, y * x, z)",
    "hill(x, y, z)",
    "hill(y, x, z)",
    "hill(y, z, x)",
    "hill(x * y, x + z, 4)",
    "hill(x, 2, 1)",
    "if(x > y, x^2, y * x)",
    "if(y > x, x^2, y * x) * exp(x)",
    "not x > y",
    "x * (x < y)",
    "exp(log(x)) * exp(-exp(-x))",
]


def central_difference(tree: Expr, name: str, values: dict[str, float]) -> float:
    """Richardson-extrapolated central difference, error O(h^4)."""

    def slope(h: float) -> float:
        up = evaluate(tree, {**values, name: values[name] + h})
        down = evaluate(tree, {**values, name: values[name] - h})
        return (up - down) / (2.0 * h)

    return (4.0 * slope(5e-4) - slope(1e-3)) / 3.0


@pytest.mark.parametrize("text", SMOOTH)
@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_is_the_slope(text: str, name: str) -> None:
    tree = parse(text)
    derivative = differentiate(tree, name)
    for values in POINTS:
        expected = central_difference(tree, name, values)
        assert evaluate(derivative, values) == pytest.approx(expected, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("x^3", "3 * x^2"),
        ("x^x", "x^x * (log(x) + 1)"),
        ("hill(x, y, 1)", "y / (x + y)^2"),
        ("hill(x, y, z)", "z * x^(z - 1) * y^z / (x^z + y^z)^2"),
        ("log(sqrt(x))", "1 / (2 * x)"),
        ("x / (1 + x)", "1 / (1 + x)^2"),
    ],
)
def test_the_derivative_is_the_one_in_the_books(text: str, known: str) -> None:
    derivative, expected = differentiate(parse(text), "x"), parse(known)
    for values in POINTS:
        assert evaluate(derivative, values) == pytest.approx(evaluate(expected, values), rel=1e-13)


@pytest.mark.parametrize("name", FOREIGN)
def test_the_derivative_of_functions_of_other_models(name: str) -> None:
    """Parsers of ours do not know them; a factorial has none."""
    tree = Call(name, (Binary("*", Number(0.3), Symbol("x")),))
    for x in (0.7, 1.1, 2.3):
        slope = evaluate(differentiate(tree, "x"), {"x": x})
        expected = central_difference(tree, "x", {"x": x})
        wanted = math.nan if name == "factorial" else expected
        assert slope == pytest.approx(wanted, rel=1e-7, abs=1e-8, nan_ok=True)


@pytest.mark.parametrize("text", ["y", "3", "exp(y * z)", "y > z", "0 * x", "x^0 * y", "x - x"])
def test_what_does_not_depend_on_a_name_has_slope_zero(text: str) -> None:
    derivative = differentiate(parse(text), "x")
    assert all(evaluate(derivative, values) == 0.0 for values in POINTS)


def test_the_derivative_of_hill_at_zero_is_zero() -> None:
    derivative = differentiate(parse("hill(x, 2, 4)"), "x")
    assert evaluate(derivative, {"x": 0.0}) == 0.0


@st.composite
def points(draw: st.DrawFn) -> dict[str, float]:
    return {n: round(draw(st.floats(-5.0, 5.0)), 2) for n in NAMES}


@given(tree=formulas(16), values=points())
@example(parse("0 * x + 1 * y^1 - 0 + (2 - 5)^3 / 1"), POINTS[0])
@example(parse("1 / 0 * 0 + x"), POINTS[0])
@settings(max_examples=500)
def test_simplify_keeps_the_value(tree: Expr, values: dict[str, float]) -> None:
    assume(all_finite(tree, values))
    assert evaluate(simplify(tree), values) == evaluate(tree, values)


@given(tree=formulas(16), values=points())
@settings(max_examples=200)
def test_simplified_text_keeps_the_value(tree: Expr, values: dict[str, float]) -> None:
    """A folded negative constant must not change what binds to it."""
    assume(all_finite(tree, values))
    assert evaluate(parse(str(simplify(tree))), values) == evaluate(tree, values)


@given(formulas(16))
@settings(max_examples=200)
def test_simplify_is_done_after_one_pass(tree: Expr) -> None:
    once = simplify(tree)
    assert simplify(once) == once


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("0 + x", "x"),
        ("x + 0", "x"),
        ("x - 0", "x"),
        ("1 * x", "x"),
        ("x * 1", "x"),
        ("x / 1", "x"),
        ("x^1", "x"),
        ("0 * exp(x)", "0"),
        ("x * (3 - 3)", "0"),
        ("2 * 3 + x", "6 + x"),
        ("0 - x", "0 - x"),
        ("x * y - y * x", "x * y - y * x"),
    ],
)
def test_simplify_drops_neutral_elements_and_folds_constants(text: str, shorter: str) -> None:
    assert simplify(parse(text)) == parse(shorter)


def test_simplify_leaves_what_has_no_finite_value() -> None:
    assert simplify(parse("1 / 0")) == parse("1 / 0")
    assert simplify(parse("log(0 - 1)")) != Number(math.nan)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a / (b + c)", r"\frac{\mathrm{a}}{\mathrm{b} + \mathrm{c}}"),
        ("(a + b) * c", r"(\mathrm{a} + \mathrm{b})\,\mathrm{c}"),
        ("a - (b - c)", r"\mathrm{a} - (\mathrm{b} - \mathrm{c})"),
        ("k_on^2", r"(\mathrm{k\_on})^{2}"),
        ("sqrt(a)", r"\sqrt{\mathrm{a}}"),
        (
            "hill(a, b, 2)",
            r"\frac{(\mathrm{a})^{2}}{(\mathrm{b})^{2}+(\mathrm{a})^{2}}",
        ),
        ("not a < 1", r"\neg (\mathrm{a} < 1)"),
        (
            "(a > 1 or b > 2) and 3 > 2",
            r"(\mathrm{a} > 1 \vee \mathrm{b} > 2) \wedge 3 > 2",
        ),
        ("-a <= 0.5", r"-(\mathrm{a}) \le 0.5"),
    ],
)
def test_latex_groups_as_the_formula_does(text: str, latex: str) -> None:
    assert to_latex(parse(text)) == latex


def test_latex_takes_the_symbols_of_the_paper() -> None:
    assert to_latex(parse("mu * N"), {"mu": r"\mu"}) == r"\mu\,\mathrm{N}"
