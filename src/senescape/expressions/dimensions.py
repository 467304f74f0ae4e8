"""The dimension of a formula, and the refusal of formulas that have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from senescape.errors import ExpressionError, nearest
from senescape.units import DIMENSIONLESS, Dimension

from .tree import COMPARISONS, FOREIGN, LOGICAL, Binary, Call, Expr, Number, Symbol, Unary


class _Boolean:
    """The kind of a comparison; not a quantity."""

    def __repr__(self) -> str:
        return "truth value"


BOOLEAN = _Boolean()
Kind = Dimension | _Boolean


def dimension_of(expr: Expr, dimensions: Mapping[str, Dimension]) -> Kind:
    """Return the dimension of a formula.

    Parameters
    ----------
    dimensions : mapping
        Dimension of every name that may occur.

    Returns
    -------
    Dimension or BOOLEAN
        Comparisons and logic have the kind BOOLEAN.

    Raises
    ------
    ExpressionError
        An unknown name; a sum or comparison of unlike dimensions; an exponent, or the argument of
        exp or log, with a dimension. A literal 0 fits any dimension.
    """
    if isinstance(expr, Number):
        return DIMENSIONLESS
    if isinstance(expr, Symbol):
        if expr.name not in dimensions:
            raise ExpressionError(
                f"name {expr.name} is not known here",
                allowed="declared parameters, signals and ports, and time",
                remedy=nearest(expr.name, dimensions),
                check="expression.unknown-name",
            )
        return dimensions[expr.name]
    if isinstance(expr, Unary):
        kind = dimension_of(expr.arg, dimensions)
        if expr.op == "not":
            return _truth(expr, kind)
        return _quantity(expr, kind)
    if isinstance(expr, Binary):
        return _binary(expr, dimensions)
    assert isinstance(expr, Call)
    return _call(expr, dimensions)


def _binary(expr: Binary, dimensions: Mapping[str, Dimension]) -> Kind:
    left = dimension_of(expr.left, dimensions)
    right = dimension_of(expr.right, dimensions)
    if expr.op in LOGICAL:
        _truth(expr.left, left)
        return _truth(expr.right, right)
    a, b = _quantity(expr.left, left), _quantity(expr.right, right)
    if expr.op == "*":
        return a * b
    if expr.op == "/":
        return a / b
    if expr.op == "^":
        return _power(expr, expr.left, a, expr.right, b)
    common = _alike(expr, [(expr.left, a), (expr.right, b)])
    return BOOLEAN if expr.op in COMPARISONS else common


def _call(expr: Call, dimensions: Mapping[str, Dimension]) -> Kind:
    kinds = [dimension_of(arg, dimensions) for arg in expr.args]
    if expr.function == "if":
        _truth(expr.args[0], kinds[0])
        pairs = [(a, _quantity(a, k)) for a, k in zip(expr.args[1:], kinds[1:], strict=True)]
        return _alike(expr, pairs)
    given = [_quantity(a, k) for a, k in zip(expr.args, kinds, strict=True)]
    if expr.function in ("exp", "log", *FOREIGN):
        _plain(expr, expr.args[0], given[0])
        return DIMENSIONLESS
    if expr.function == "sqrt":
        return given[0] ** 0.5
    if expr.function == "pow":
        return _power(expr, expr.args[0], given[0], expr.args[1], given[1])
    if expr.function == "hill":
        _alike(expr, list(zip(expr.args[:2], given[:2], strict=True)))
        _plain(expr, expr.args[2], given[2])
        return DIMENSIONLESS
    return _alike(expr, list(zip(expr.args, given, strict=True)))


def _power(expr: Expr, base: Expr, a: Dimension, exponent: Expr, b: Dimension) -> Dimension:
    del base
    _plain(expr, exponent, b)
    if a.is_dimensionless:
        return DIMENSIONLESS
    value = exponent.arg if isinstance(exponent, Unary) and exponent.op == "-" else exponent
    if not isinstance(value, Number):
        _refuse(
            expr,
            "the exponent of a quantity with a dimension must be a number",
            "divide the base by a reference value first",
            "expression.exponent",
        )
    sign = -1.0 if isinstance(exponent, Unary) else 1.0
    return a ** (sign * value.value)


def _alike(expr: Expr, pairs: list[tuple[Expr, Dimension]]) -> Dimension:
    fixed = [(arg, kind) for arg, kind in pairs if not _is_zero(arg)]
    if not fixed:
        return DIMENSIONLESS
    first = fixed[0]
    for arg, kind in fixed[1:]:
        if kind != first[1]:
            _refuse(
                expr,
                f"{first[0]} has dimension {first[1]}, {arg} has dimension {kind}",
                "sum, compare and choose only between like quantities",
                "expression.unlike-dimensions",
            )
    return first[1]


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Number) and expr.value == 0.0


def _plain(expr: Expr, arg: Expr, kind: Dimension) -> None:
    if not kind.is_dimensionless:
        _refuse(
            expr,
            f"{arg} has dimension {kind}, a plain number is needed",
            "divide it by a quantity of the same dimension",
            "expression.not-dimensionless",
        )


def _quantity(expr: Expr, kind: Kind) -> Dimension:
    if not isinstance(kind, Dimension):
        _refuse(
            expr,
            "a truth value stands where a quantity is needed",
            "use if(condition, a, b)",
            "expression.truth-as-quantity",
        )
    return kind


def _truth(expr: Expr, kind: Kind) -> Kind:
    if isinstance(kind, Dimension):
        _refuse(
            expr,
            "a quantity stands where a truth value is needed",
            "compare it with something",
            "expression.quantity-as-truth",
        )
    return kind


def _refuse(expr: Expr, why: str, remedy: str, check: str) -> NoReturn:
    text = str(expr)
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise ExpressionError(
        f"{shown}: {why}", allowed="formulas whose dimensions fit", remedy=remedy, check=check
    )
