"""A formula read in plain floats and in intervals: the slow and obvious twins of the tape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from .tree import Binary, Call, Expr, Number, Symbol, Unary

Interval = tuple[float, float]


def evaluate(expr: Expr, values: Mapping[str, float]) -> float:
    """Return the value of a formula; IEEE rules (1/0 is inf, log(-1) is nan), truth is 1.0 or 0.0.

    Examples
    --------
    >>> from senescape.expressions import parse
    >>> evaluate(parse("hill(x, 2, 4)"), {"x": 2.0})
    0.5
    """
    if isinstance(expr, Number):
        return float(expr.value)
    if isinstance(expr, Symbol):
        return float(values[expr.name])
    args = [evaluate(child, values) for child in expr.children()]
    return OPERATIONS[_key(expr)](*args)


def _key(expr: Expr) -> str:
    if isinstance(expr, Unary):
        return "neg" if expr.op == "-" else "not"
    if isinstance(expr, Binary):
        return expr.op
    assert isinstance(expr, Call)
    return expr.function


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    if a == 0.0 and b < 0.0:
        return math.inf
    try:
        value = a**b
    except OverflowError:
        if a < 0.0 and not b.is_integer():
            return math.nan
        return -math.inf if a < 0.0 and math.fmod(b, 2.0) != 0.0 else math.inf
    return math.nan if isinstance(value, complex) else value


def _exp(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return math.inf


def _log(a: float) -> float:
    if a > 0.0:
        return math.log(a)
    return -math.inf if a == 0.0 else math.nan


def _first(pick: Callable[..., float], args: tuple[float, ...]) -> float:
    """Return the smallest or largest, NaN where one is NaN (which Python's own would pass over)."""
    return math.nan if any(math.isnan(a) for a in args) else pick(args)


def _hill(x: float, threshold: float, power: float) -> float:
    if x <= 0.0:
        return 0.0
    if threshold <= 0.0:
        return 1.0
    return 1.0 / (1.0 + _exp(power * (_log(threshold) - _log(x))))


def _defined(function: Callable[[float], float]) -> Callable[[float], float]:
    """Return a function that is NaN where Python's has no value."""

    def read(a: float) -> float:
        try:
            return float(function(a))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return read


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda a: float(function(a)) if math.isfinite(a) else a


OPERATIONS: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a,
    "not": lambda a: float(a == 0.0),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "^": _power,
    "pow": _power,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "and": lambda a, b: float(a != 0.0 and b != 0.0),
    "or": lambda a, b: float(a != 0.0 or b != 0.0),
    "exp": _exp,
    "log": _log,
    "sqrt": lambda a: math.sqrt(a) if a >= 0.0 else math.nan,
    "abs": abs,
    "min": lambda *a: _first(min, a),
    "max": lambda *a: _first(max, a),
    "hill": _hill,
    "if": lambda c, a, b: a if c != 0.0 else b,
    "sin": _defined(math.sin),
    "cos": _defined(math.cos),
    "tan": _defined(math.tan),
    "asin": _defined(math.asin),
    "acos": _defined(math.acos),
    "atan": math.atan,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "factorial": _defined(lambda a: math.gamma(a + 1.0) if a >= 0.0 else math.nan),
}


def evaluate_interval(expr: Expr, bounds: Mapping[str, Interval]) -> Interval:
    """Return an enclosure of the values that a formula takes over a box.

    Parameters
    ----------
    bounds : mapping
        (low, high) of each name.

    Notes
    -----
    Interval arithmetic: every operation encloses, so the result does too (up to rounding), though
    a name that occurs twice widens it. A condition that is not decided gives the hull.
    """
    if isinstance(expr, Number):
        return (float(expr.value), float(expr.value))
    if isinstance(expr, Symbol):
        return bounds[expr.name]
    args = [evaluate_interval(child, bounds) for child in expr.children()]
    key = _key(expr)
    if key in _SPECIAL:
        return _SPECIAL[key](*args)
    if key in ("min", "max"):
        pick = OPERATIONS[key]
        return (pick(*(a[0] for a in args)), pick(*(a[1] for a in args)))
    return _corners(OPERATIONS[key], args)


def _corners(operation: Callable[..., float], args: list[Interval]) -> Interval:
    """Enclose an operation that is monotone in each argument by its values at the corners."""
    corners: list[tuple[float, ...]] = [()]
    for low, high in args:
        corners = [(*c, end) for c in corners for end in (low, high)]
    values = [operation(*corner) for corner in corners]
    if any(math.isnan(v) for v in values):
        return (-math.inf, math.inf)
    return (min(values), max(values))


def _over(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0.0 <= b[1]:
        if b[0] == 0.0 and a[0] >= 0.0 and b[1] > 0.0:
            return (a[0] / b[1], math.inf)
        return (-math.inf, math.inf)
    return _corners(_divide, [a, b])


def _raised(a: Interval, b: Interval) -> Interval:
    if a[0] >= 0.0:
        return _corners(_power, [a, b])
    if b[0] == b[1] and b[0].is_integer() and b[0] >= 0.0:
        low, high = _corners(_power, [a, b])
        if a[1] > 0.0 and b[0] > 0.0:
            low, high = min(low, 0.0), max(high, 0.0)
        return (low, high)
    return (-math.inf, math.inf)


def _hill_bounds(x: Interval, threshold: Interval, power: Interval) -> Interval:
    if power[0] < 0.0:  # 0 at x = 0 but near 1 beside it: not monotone, so the corners do not bound
        return (0.0, 1.0)
    return _corners(_hill, [x, threshold, power])


def _absolute(a: Interval) -> Interval:
    ends = (abs(a[0]), abs(a[1]))
    return (0.0 if a[0] <= 0.0 <= a[1] else min(ends), max(ends))


def _chosen(condition: Interval, a: Interval, b: Interval) -> Interval:
    if condition == (0.0, 0.0):
        return b
    if condition[0] > 0.0 or condition[1] < 0.0:
        return a
    return (min(a[0], b[0]), max(a[1], b[1]))


def _truth(known_true: bool, known_false: bool) -> Interval:
    return (float(known_true), float(not known_false))


_SPECIAL: dict[str, Callable[..., Interval]] = {
    "/": _over,
    "^": _raised,
    "pow": _raised,
    "abs": _absolute,
    "hill": _hill_bounds,
    "if": _chosen,
    "<": lambda a, b: _truth(a[1] < b[0], a[0] >= b[1]),
    "<=": lambda a, b: _truth(a[1] <= b[0], a[0] > b[1]),
    ">": lambda a, b: _truth(a[0] > b[1], a[1] <= b[0]),
    ">=": lambda a, b: _truth(a[0] >= b[1], a[1] < b[0]),
    "==": lambda a, b: _truth(a[0] == a[1] == b[0] == b[1], a[1] < b[0] or b[1] < a[0]),
    "!=": lambda a, b: _truth(a[1] < b[0] or b[1] < a[0], a[0] == a[1] == b[0] == b[1]),
    "and": lambda a, b: _truth(_sure(a) and _sure(b), a == (0.0, 0.0) or b == (0.0, 0.0)),
    "or": lambda a, b: _truth(_sure(a) or _sure(b), a == (0.0, 0.0) and b == (0.0, 0.0)),
    "not": lambda a: _truth(a == (0.0, 0.0), _sure(a)),
}


def _sure(a: Interval) -> bool:
    return a[0] > 0.0 or a[1] < 0.0
