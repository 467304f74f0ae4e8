"""A formula as text that libSBML and Antimony both read; every operator in parentheses but + and *.

Two functions are ours: a Hill function, which neither knows, is a function definition of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary

SIGNS = {"and": "&&", "or": "||"}
# What a Hill function means, with the limits at 0 of our own (expressions.readings); Antimony has
# words of its own, power among them, that neither it nor its arguments may be called.
HILL = "hill_response"
HILL_ARGUMENTS = ("x", "threshold", "steepness")
HILL_BODY = "piecewise(0, x <= 0, 1, threshold <= 0, 1/(1 + (threshold/x)^steepness))"


def infix(expr: Expr) -> str:
    """Return the text of a formula."""
    if isinstance(expr, Number):
        text = repr(float(expr.value)).removesuffix(".0")
        return f"({text})" if text.startswith("-") else text
    if isinstance(expr, Symbol):
        return expr.name
    if isinstance(expr, Unary):
        return f"({'!' if expr.op == 'not' else '-'}{infix(expr.arg)})"
    if isinstance(expr, Call):
        return _call(expr)
    assert isinstance(expr, Binary)
    if expr.op in ("+", "*"):
        return f"({f' {expr.op} '.join(infix(term) for term in _terms(expr, expr.op))})"
    return f"({infix(expr.left)} {SIGNS.get(expr.op, expr.op)} {infix(expr.right)})"


def _terms(expr: Expr, op: str) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == op:
        yield from _terms(expr.left, op)
        yield expr.right
    else:
        yield expr


def _call(expr: Call) -> str:
    args = [infix(arg) for arg in expr.args]
    if expr.function == "if":
        return f"piecewise({args[1]}, {args[0]}, {args[2]})"
    if expr.function == "pow":
        return f"({args[0]}^{args[1]})"
    name = {"log": "ln", "hill": HILL}.get(expr.function, expr.function)
    return f"{name}({', '.join(args)})"


def calls_hill(expr: Expr) -> bool:
    """Return whether a formula needs the Hill function."""
    if isinstance(expr, Call) and expr.function == "hill":
        return True
    return any(calls_hill(child) for child in expr.children())
