"""Constant folding, derivatives and typesetting of formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .readings import evaluate
from .tree import COMPARISONS, FOREIGN, LOGICAL, Binary, Call, Expr, Number, Symbol, Unary, rebuild

ZERO = Number(0.0)
ONE = Number(1.0)


def simplify(expr: Expr) -> Expr:
    """Fold constants and drop neutral elements (0 +, 1 *, ^ 1); nothing is reordered."""
    folded = rebuild(expr, tuple(simplify(child) for child in expr.children()))
    children = folded.children()
    if children and all(isinstance(child, Number) for child in children):
        value = evaluate(folded, {})
        return Number(value) if math.isfinite(value) else folded
    if isinstance(folded, Binary):
        return _neutral(folded)
    return folded


def _neutral(expr: Binary) -> Expr:
    left, right = expr.left, expr.right
    if expr.op == "+":
        return right if left == ZERO else left if right == ZERO else expr
    if expr.op == "-" and right == ZERO:
        return left
    if expr.op == "*":
        if ZERO in (left, right):
            return ZERO
        return right if left == ONE else left if right == ONE else expr
    if (expr.op in ("/", "^")) and right == ONE:
        return left
    return expr


def differentiate(expr: Expr, name: str) -> Expr:
    """Return the derivative with respect to a name (piecewise for if, min, max and abs).

    Examples
    --------
    >>> from senescape.expressions import parse
    >>> str(differentiate(parse("a * x^2"), "x"))
    'a * 2 * x'
    """
    return simplify(_derive(expr, name))


def _derive(expr: Expr, name: str) -> Expr:
    if name not in expr.names():
        return ZERO
    if isinstance(expr, Symbol):
        return ONE
    if isinstance(expr, Unary):
        return Unary("-", _derive(expr.arg, name)) if expr.op == "-" else ZERO
    if isinstance(expr, Binary):
        return _derive_binary(expr, name)
    assert isinstance(expr, Call)
    return _derive_call(expr, name)


def _derive_binary(expr: Binary, name: str) -> Expr:
    a, b = expr.left, expr.right
    if expr.op in COMPARISONS or expr.op in LOGICAL:
        return ZERO
    if expr.op == "^":
        return _derive_power(a, b, name)
    da, db = simplify(_derive(a, name)), simplify(_derive(b, name))
    if expr.op in "+-":
        return Binary(expr.op, da, db)
    if expr.op == "*":
        return Binary("+", simplify(Binary("*", da, b)), simplify(Binary("*", a, db)))
    first = simplify(Binary("/", da, b))
    second = simplify(Binary("/", Binary("*", a, db), Binary("^", b, Number(2.0))))
    return Binary("-", first, second) if db != ZERO else first


def _derive_power(base: Expr, exponent: Expr, name: str) -> Expr:
    if name not in exponent.names():
        lower = Binary("^", base, simplify(Binary("-", exponent, ONE)))
        return Binary("*", Binary("*", exponent, simplify(lower)), simplify(_derive(base, name)))
    inner = Binary("*", exponent, Call("log", (base,)))
    return Binary("*", Binary("^", base, exponent), _derive(inner, name))


def _derive_call(expr: Call, name: str) -> Expr:
    args = expr.args
    if expr.function == "if":
        return Call("if", (args[0], _derive(args[1], name), _derive(args[2], name)))
    if expr.function in ("min", "max"):
        if len(args) > 2:
            return _derive(Call(expr.function, (args[0], Call(expr.function, args[1:]))), name)
        test = Binary("<=" if expr.function == "min" else ">=", args[0], args[1])
        return Call("if", (test, _derive(args[0], name), _derive(args[1], name)))
    if expr.function == "pow":
        return _derive_power(args[0], args[1], name)
    if expr.function == "hill":
        return _derive_hill(expr, name)
    inner = _derive(args[0], name)
    if expr.function == "exp":
        return Binary("*", expr, inner)
    if expr.function == "log":
        return Binary("/", inner, args[0])
    if expr.function == "sqrt":
        return Binary("/", inner, Binary("*", Number(2.0), expr))
    if expr.function in FOREIGN:
        return Binary("*", _slope_of_foreign(expr), inner)
    sign = Call("if", (Binary(">=", args[0], ZERO), ONE, Number(-1.0)))
    return Binary("*", sign, inner)


def _slope_of_foreign(expr: Call) -> Expr:
    """Return f'(x); that of a factorial, a function of whole numbers, is not defined (NaN)."""
    (x,) = expr.args
    square = Binary("*", x, x)
    root = Call("sqrt", (Binary("-", ONE, square),))
    return {
        "sin": Call("cos", (x,)),
        "cos": Unary("-", Call("sin", (x,))),
        "tan": Binary("+", ONE, Binary("*", expr, expr)),
        "asin": Binary("/", ONE, root),
        "acos": Binary("/", Number(-1.0), root),
        "atan": Binary("/", ONE, Binary("+", ONE, square)),
        "floor": ZERO,
        "ceil": ZERO,
        "factorial": Number(math.nan),
    }[expr.function]


def _derive_hill(expr: Call, name: str) -> Expr:
    """Use d hill = hill (1 - hill) d[n (log x - log K)]; 0 at x = 0 (hill is flat for n > 1)."""
    x, threshold, power = expr.args
    slope = Binary("*", expr, Binary("-", ONE, expr))
    logs = Binary("-", Call("log", (x,)), Call("log", (threshold,)))
    inside = simplify(_derive(Binary("*", power, logs), name))
    return Call("if", (Binary(">", x, ZERO), Binary("*", slope, inside), ZERO))


def to_latex(expr: Expr, symbols: Mapping[str, str] | None = None) -> str:
    """Return a formula as LaTeX; ``symbols`` maps names to the symbols of the paper."""
    table = symbols or {}
    if isinstance(expr, Number):
        return f"{expr.value:g}"
    if isinstance(expr, Symbol):
        return table.get(expr.name, r"\mathrm{" + expr.name.replace("_", r"\_") + "}")
    inside = [to_latex(child, table) for child in expr.children()]
    if isinstance(expr, Unary):
        return (r"\neg " if expr.op == "not" else "-") + f"({inside[0]})"
    if isinstance(expr, Binary):
        return _latex_binary(expr, inside)
    assert isinstance(expr, Call)
    if expr.function == "hill":
        x, threshold, power = inside
        return rf"\frac{{({x})^{{{power}}}}}{{({threshold})^{{{power}}}+({x})^{{{power}}}}}"
    if expr.function == "sqrt":
        return rf"\sqrt{{{inside[0]}}}"
    name = {"if": r"\mathrm{if}", "abs": r"\mathrm{abs}", "pow": r"\mathrm{pow}"}.get(
        expr.function, "\\" + expr.function
    )
    return rf"{name}({', '.join(inside)})"


def _latex_binary(expr: Binary, inside: list[str]) -> str:
    left, right = inside
    if expr.op == "/":
        return rf"\frac{{{left}}}{{{right}}}"
    if expr.op == "^":
        return rf"({left})^{{{right}}}"
    if expr.op == "*":
        sides = [
            f"({text})" if isinstance(child, Binary) and child.op in "+-" else text
            for child, text in ((expr.left, left), (expr.right, right))
        ]
        return rf"{sides[0]}\,{sides[1]}"
    if expr.op == "-" and isinstance(expr.right, Binary) and expr.right.op in "+-":
        right = f"({right})"
    if expr.op == "and":
        left, right = (
            f"({text})" if isinstance(child, Binary) and child.op == "or" else text
            for child, text in ((expr.left, left), (expr.right, right))
        )
    signs = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne", "==": "=", "and": r"\wedge", "or": r"\vee"}
    return f"{left} {signs.get(expr.op, expr.op)} {right}"
