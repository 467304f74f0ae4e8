"""Random formulas for the tests of this room: trees of quantities and of truth values."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hypothesis import strategies as st

from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary, evaluate

NAMES = ("x", "y", "z")
_NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 0.5, 3.0]), st.floats(0.01, 100.0).map(lambda v: round(v, 3))
)


def leaves() -> st.SearchStrategy[Expr]:
    """Numbers that a text can hold (none is negative) and three names."""
    return st.one_of(_NUMBERS.map(Number), st.sampled_from(NAMES).map(Symbol))


def _grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    compared = st.builds(Binary, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner, inner)
    truth = st.one_of(
        compared,
        st.builds(Binary, st.sampled_from(["and", "or"]), compared, compared),
        st.builds(Unary, st.just("not"), compared),
    )
    return st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "^"]), inner, inner),
        st.builds(Unary, st.just("-"), inner),
        st.builds(Call, st.sampled_from(["exp", "log", "sqrt", "abs"]), st.tuples(inner)),
        st.builds(Call, st.sampled_from(["min", "max"]), st.tuples(inner, inner, inner)),
        st.builds(Call, st.just("pow"), st.tuples(inner, inner)),
        st.builds(Call, st.just("hill"), st.tuples(inner, inner, inner)),
        st.builds(Call, st.just("if"), st.tuples(truth, inner, inner)),
    )


def formulas(size: int = 12) -> st.SearchStrategy[Expr]:
    """Formulas with every operator and function."""
    return st.recursive(leaves(), _grow, max_leaves=size)


def all_finite(expr: Expr, values: Mapping[str, float]) -> bool:
    """Whether the formula and all its parts are finite, so that ordinary algebra holds."""
    return math.isfinite(evaluate(expr, values)) and all(
        all_finite(child, values) for child in expr.children()
    )
