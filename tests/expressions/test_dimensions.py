"""Dimensions of formulas: a table of accepted and refused ones, and invariance to the units."""

from __future__ import annotations

import pytest

from senescape.errors import ExpressionError
from senescape.expressions import BOOLEAN, dimension_of, evaluate, parse
from senescape.units import (
    CONCENTRATION,
    COUNT,
    DIMENSIONLESS,
    LENGTH,
    RATE,
    TIME,
    VOLUME,
    Dimension,
)

NAMES = {
    "k": RATE,
    "q": RATE,
    "t": TIME,
    "c": CONCENTRATION,
    "K": CONCENTRATION,
    "v": VOLUME,
    "N": COUNT,
    "n": DIMENSIONLESS,
    "p": DIMENSIONLESS,
}
VALUES = {
    "k": 0.3,
    "q": 1.7,
    "t": 2.5,
    "c": 0.6,
    "K": 0.4,
    "v": 8.0,
    "N": 120.0,
    "n": 2.5,
    "p": 0.2,
}

ACCEPTED: dict[str, Dimension] = {
    "k + q": RATE,
    "k * t": DIMENSIONLESS,
    "k / q": DIMENSIONLESS,
    "1 / t + k": RATE,
    "-k + 0": RATE,
    "0 + k": RATE,
    "k * hill(c, K, n)": RATE,
    "k * hill(c, K, 4 * p)": RATE,
    "k * (1 - p) * exp(-k * t)": RATE,
    "log(c / K)": DIMENSIONLESS,
    "sqrt(v * v)": VOLUME,
    "v^2": VOLUME**2,
    "v^-1 * N": COUNT / VOLUME,
    "pow(t, -2)": RATE**2,
    "v^0.5": VOLUME**0.5,
    "n^p": DIMENSIONLESS,
    "2^(k * t)": DIMENSIONLESS,
    "max(0, k - q)": RATE,
    "min(k, q, 1 / t)": RATE,
    "abs(-k)": RATE,
    "if(c > K, k, 0)": RATE,
    "if(c > 0 and not t < 1 / k, k, q)": RATE,
    "c * v": CONCENTRATION * VOLUME,
    "0": DIMENSIONLESS,
    "max(0, 0)": DIMENSIONLESS,
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_formula_has_its_dimension(text: str) -> None:
    assert dimension_of(parse(text), NAMES) == ACCEPTED[text]


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_change_of_units_scales_the_value_by_the_dimension(text: str) -> None:
    """The oracle is what a dimension means: numbers in other units differ by a power product."""
    scales = (24.0, 10.0, 1e-3, 1e6, 7.0, 0.01)

    def scale(dimension: Dimension) -> float:
        product = 1.0
        for unit, exponent in zip(scales, dimension.exponents, strict=True):
            product *= unit ** float(exponent)
        return product

    tree = parse(text)
    # the one plain number that the conditions compare with is 0, which has any dimension
    other = {name: VALUES[name] * scale(NAMES[name]) for name in NAMES}
    expected = evaluate(tree, VALUES) * scale(ACCEPTED[text])
    assert evaluate(tree, other) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["k > q", "not k > 0", "c < K and n == 2", "t > 1 / k or p != n"])
def test_comparisons_and_logic_are_truth_values(text: str) -> None:
    assert dimension_of(parse(text), NAMES) is BOOLEAN


REFUSED: dict[str, str] = {
    "k + t": "expression.unlike-dimensions",
    "k - 1": "expression.unlike-dimensions",
    "1 - c": "expression.unlike-dimensions",
    "k + q + c": "expression.unlike-dimensions",
    "k > t": "expression.unlike-dimensions",
    "c == 1": "expression.unlike-dimensions",
    "min(k, t)": "expression.unlike-dimensions",
    "max(0, k, 1)": "expression.unlike-dimensions",
    "if(c > K, k, t)": "expression.unlike-dimensions",
    "hill(c, N, n)": "expression.unlike-dimensions",
    "hill(c, 1, n)": "expression.unlike-dimensions",
    "N / v + N": "expression.unlike-dimensions",
    "exp(t)": "expression.not-dimensionless",
    "log(c)": "expression.not-dimensionless",
    "2^t": "expression.not-dimensionless",
    "pow(n, c)": "expression.not-dimensionless",
    "hill(c, K, t)": "expression.not-dimensionless",
    "v^n": "expression.exponent",
    "v^(1 / 3)": "expression.exponent",
    "pow(c, n)": "expression.exponent",
    "zeta * k": "expression.unknown-name",
    "if(c > K, k, zeta)": "expression.unknown-name",
    "(c > K) + 1": "expression.truth-as-quantity",
    "-(c > K)": "expression.truth-as-quantity",
    "k * (c > K)": "expression.truth-as-quantity",
    "exp(c > K)": "expression.truth-as-quantity",
    "if(c > K, k > q, k)": "expression.truth-as-quantity",
    "(k > q) == (c > K)": "expression.truth-as-quantity",
    "if(k, k, q)": "expression.quantity-as-truth",
    "not k": "expression.quantity-as-truth",
    "k and c > K": "expression.quantity-as-truth",
    "c > K or k": "expression.quantity-as-truth",
    "if(0, k, q)": "expression.quantity-as-truth",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_formula_without_a_dimension_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        dimension_of(parse(text), NAMES)
    assert caught.value.check == REFUSED[text]


def test_an_unknown_name_names_the_nearest() -> None:
    names = {"kill_rate": RATE, "volume": LENGTH**3}
    with pytest.raises(ExpressionError, match="did you mean kill_rate"):
        dimension_of(parse("2 * kil_rate"), names)


def test_a_long_formula_is_quoted_in_short() -> None:
    with pytest.raises(ExpressionError) as caught:
        dimension_of(parse("+".join(["k"] * 200) + " + t"), NAMES)
    assert len(str(caught.value)) < 1200
