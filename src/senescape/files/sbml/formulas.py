"""From the plain data of a formula to our own typed tree; nothing is evaluated as text.

Function definitions are inlined; what our expressions have no word for is refused by its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from senescape.errors import ModelError, Where, nearest
from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary

DEEPEST = 150
MOST_NODES = 20_000
MOST_NODES_TOGETHER = 1_000_000

TIME = Symbol("time")
CONSTANTS = {"e": math.e, "pi": math.pi}
COMPARISONS = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">=", "eq": "==", "neq": "!="}
PLAIN_CALLS = {"abs": "abs", "exp": "exp", "ln": "log", "min": "min", "max": "max"}
TRUE = Binary("<", Number(0.0), Number(1.0))
FALSE = Binary(">", Number(0.0), Number(1.0))


@dataclass(frozen=True, slots=True)
class Function:
    """A function definition: names of its arguments and its body as plain data."""

    arguments: tuple[str, ...]
    body: Any


@dataclass(slots=True)
class Formulas:
    """Builds trees for one model.

    Parameters
    ----------
    file : str
        As the user named it.
    functions : mapping
        Function definitions by id.
    built : int
        Nodes so far: definitions that call each other could swell without end.
    """

    file: str
    functions: Mapping[str, Function] = field(default_factory=dict)
    built: int = 0

    def tree(self, data: Any, names: Mapping[str, Expr], place: str, line: int | None) -> Expr:
        """Return the tree of a formula.

        Parameters
        ----------
        data : nested lists
            As the parser process writes them.
        names : mapping
            What each SBML id means here.
        place : str
            Element to name in a refusal, for example ``reaction Birth``.

        Raises
        ------
        ModelError
            No formula, an unknown name, an unsupported function, a wrong number of arguments, a
            number that is none, a formula too deep or too long.
        """
        reader = _Reader(self, place, line)
        expr = reader.read(data, names, 0)
        reader.measure(expr)
        reader.check(0)
        self.built += reader.nodes
        return expr


class _Reader:
    """One formula; counts its nodes."""

    def __init__(self, formulas: Formulas, place: str, line: int | None) -> None:
        self.formulas, self.place, self.line = formulas, place, line
        self.nodes = 0
        self.sizes: dict[int, tuple[int, int]] = {}  # by identity: arguments are shared
        self.held: list[Expr] = []  # keeps identities unique

    def refuse(self, given: str, allowed: str, remedy: str, check: str) -> NoReturn:
        raise ModelError(
            given,
            allowed=allowed,
            remedy=remedy,
            check=f"sbml.{check}",
            where=Where(self.formulas.file, self.line, self.place),
        )

    def read(self, data: Any, names: Mapping[str, Expr], depth: int) -> Expr:
        self.nodes += 1
        self.check(depth)
        if not data:
            self.refuse(
                "no formula", "a MathML formula", "write it, or drop the element", "formula"
            )
        what, *rest = data
        if what == "number":
            return self.number(rest[0])
        if what == "name":
            return self.name(rest[0], names)
        if what == "time" or what == "name_time":
            return TIME
        if what == "call":
            return self.call(rest[0], rest[1:], names, depth)
        if what == "rate_of" and rest and rest[0] and rest[0][0] == "name":
            return self.name(f"rate of {rest[0][1]}", names)
        if what in CONSTANTS:
            return Number(CONSTANTS[what])
        if what in ("true", "false"):
            return TRUE if what == "true" else FALSE
        args = [self.read(part, names, depth + 1) for part in rest]
        return self.operation(what, args)

    def check(self, depth: int) -> None:
        together = self.formulas.built + self.nodes
        if depth > DEEPEST or self.nodes > MOST_NODES or together > MOST_NODES_TOGETHER:
            self.refuse(
                "a formula that is too deep or too long once functions are written out",
                f"depth {DEEPEST}, {MOST_NODES} nodes, {MOST_NODES_TOGETHER} in all",
                "split it with assignment rules",
                "formula-size",
            )

    def measure(self, expr: Expr) -> tuple[int, int]:
        """Return nodes and depth of a tree whose parts may be shared."""
        known = self.sizes.get(id(expr))
        if known is None:
            parts = [self.measure(child) for child in expr.children()]
            known = (1 + sum(p[0] for p in parts), 1 + max((p[1] for p in parts), default=0))
            self.sizes[id(expr)] = known
            self.held.append(expr)
            self.check(known[1])
        return known

    def number(self, value: float) -> Expr:
        if not math.isfinite(value):
            self.refuse(f"the number {value}", "finite numbers", "correct the formula", "number")
        return Number(value)

    def name(self, name: str, names: Mapping[str, Expr]) -> Expr:
        if name not in names:
            self.refuse(
                f"the name {name} has no value here",
                "species, parameters, compartments and reactions with a value",
                nearest(name, names),
                "unknown-name",
            )
        expr = names[name]
        if expr.children():
            self.nodes += self.measure(expr)[0]
        return expr

    def call(self, name: str, parts: Sequence[Any], names: Mapping[str, Expr], depth: int) -> Expr:
        function = self.formulas.functions.get(name)
        if function is None:
            self.refuse(
                f"the function {name}", "functions that are defined", "define it", "function"
            )
        if len(parts) != len(function.arguments):
            given = f"{name} with {len(parts)} arguments"
            self.refuse(given, f"{len(function.arguments)}", "give as many", "arguments")
        values = [self.read(part, names, depth + 1) for part in parts]
        # a function sees its arguments and nothing else
        own = dict(zip(function.arguments, values, strict=True))
        for value in values:
            self.measure(value)
        return self.read(function.body, own, depth + 1)

    def operation(self, what: str, args: list[Expr]) -> Expr:
        if what in ("plus", "times"):
            return folded("+" if what == "plus" else "*", args)
        if what in ("and", "or"):
            if not args:
                return TRUE if what == "and" else FALSE
            return folded(what, args)
        if what == "piecewise":
            return self.piecewise(args)
        if what in COMPARISONS and len(args) >= 2:
            pairs = [Binary(COMPARISONS[what], a, b) for a, b in zip(args, args[1:], strict=False)]
            return folded("and", list(pairs))
        if what in PLAIN_CALLS and args and (len(args) == 1) == (what not in ("min", "max")):
            return Call(PLAIN_CALLS[what], tuple(args))
        if what in ("min", "max") and len(args) == 1:
            return args[0]
        made = _fixed(what, args)
        if made is None:
            self.refuse(
                f"the function {what} with {len(args)} arguments",
                "the functions of SBML Level 3 Version 2, delay apart, each with its arguments",
                "write the formula without it",
                "unsupported-function",
            )
        return made

    def piecewise(self, args: list[Expr]) -> Expr:
        if len(args) < 2:
            self.refuse(
                "a piecewise without condition", "value, condition, ...", "complete it", "piecewise"
            )
        if len(args) % 2 == 0:  # no value where no condition holds: a run that comes there stops
            args = [*args, Number(math.nan)]
        result = args[-1]
        for index in range(len(args) - 3, -1, -2):
            result = Call("if", (args[index + 1], args[index], result))
        return result


def _fixed(what: str, args: list[Expr]) -> Expr | None:
    """Return an operation with a fixed number of arguments; None where there is none such."""
    two, one = len(args) == 2, len(args) == 1
    if what == "minus" and two:
        return Binary("-", args[0], args[1])
    if what == "minus" and one:
        return Unary("-", args[0])
    if what == "divide" and two:
        return Binary("/", args[0], args[1])
    if what == "power" and two:
        return Binary("^", args[0], args[1])
    if what == "root" and two:  # degree, radicand
        if args[0] == Number(2.0):
            return Call("sqrt", (args[1],))
        return Binary("^", args[1], Binary("/", Number(1.0), args[0]))
    if what == "root" and one:
        return Call("sqrt", (args[0],))
    if what == "log" and two:  # base, argument
        return Binary("/", Call("log", (args[1],)), Call("log", (args[0],)))
    if what == "log" and one:
        return Binary("/", Call("log", (args[0],)), Number(math.log(10.0)))
    if what == "not" and one:
        return Unary("not", args[0])
    if what == "xor" and two:
        first = Binary("and", args[0], Unary("not", args[1]))
        return Binary("or", first, Binary("and", Unary("not", args[0]), args[1]))
    if what == "implies" and two:
        return Binary("or", Unary("not", args[0]), args[1])
    if what in ("quotient", "rem") and two:
        return _divided(what, *args)
    if one:
        return _of_one(what, args[0])
    return None


def _divided(what: str, first: Expr, second: Expr) -> Expr:
    """Return a quotient cut off towards 0, or what is left of the first."""
    ratio = Binary("/", first, second)
    above = Binary(">=", ratio, Number(0.0))
    quotient = Call("if", (above, Call("floor", (ratio,)), Call("ceil", (ratio,))))
    return quotient if what == "quotient" else Binary("-", first, Binary("*", second, quotient))


INVERTED = {
    "sec": "cos",
    "csc": "sin",
    "cot": "tan",
    "sech": "cosh",
    "csch": "sinh",
    "coth": "tanh",
}
OF_INVERSE = {
    **{"arcsec": "arccos", "arccsc": "arcsin", "arccot": "arctan"},
    **{"arcsech": "arccosh", "arccsch": "arcsinh", "arccoth": "arctanh"},
}
OF_ONE = {
    **{"sin": "sin", "cos": "cos", "tan": "tan", "floor": "floor", "ceiling": "ceil"},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "factorial": "factorial"},
}


def _of_one(what: str, arg: Expr) -> Expr | None:
    """Return a function of one number; None where there is none such."""
    if what in OF_ONE:
        return Call(OF_ONE[what], (arg,))
    if what in INVERTED:
        below = _of_one(INVERTED[what], arg)
        return None if below is None else Binary("/", Number(1.0), below)
    if what in OF_INVERSE:
        return _of_one(OF_INVERSE[what], Binary("/", Number(1.0), arg))
    if what in ("sinh", "cosh", "tanh"):
        return _hyperbolic(what, arg)
    if what in ("arcsinh", "arccosh", "arctanh"):
        return _area(what, arg)
    return None


def _area(what: str, arg: Expr) -> Expr:
    """Return the inverse of a hyperbolic function."""
    one = Number(1.0)
    if what == "arctanh":
        ratio = Binary("/", Binary("+", one, arg), Binary("-", one, arg))
        return Binary("/", Call("log", (ratio,)), Number(2.0))
    square = Binary("*", arg, arg)
    if what == "arccosh":
        return Call("log", (Binary("+", arg, Call("sqrt", (Binary("-", square, one),))),))
    # of the size, so that no digits are lost below 0
    root = Call("sqrt", (Binary("+", square, one),))
    size = Call("log", (Binary("+", Call("abs", (arg,)), root),))
    return Call("if", (Binary(">=", arg, Number(0.0)), size, Unary("-", size)))


def _hyperbolic(what: str, arg: Expr) -> Expr:
    up, down = Call("exp", (arg,)), Call("exp", (Unary("-", arg),))
    if what == "tanh":  # stays finite for large arguments
        twice = Call("exp", (Binary("*", Number(-2.0), Call("abs", (arg,))),))
        size = Binary("/", Binary("-", Number(1.0), twice), Binary("+", Number(1.0), twice))
        return Call("if", (Binary(">=", arg, Number(0.0)), size, Unary("-", size)))
    both = Binary("-" if what == "sinh" else "+", up, down)
    return Binary("/", both, Number(2.0))


def folded(op: str, args: Sequence[Expr]) -> Expr:
    """Join operands from the left; very many as a balanced tree, so that depth stays small."""
    if not args:
        return Number(0.0 if op == "+" else 1.0)
    if len(args) > 16:
        middle = len(args) // 2
        return Binary(op, folded(op, args[:middle]), folded(op, args[middle:]))
    result = args[0]
    for arg in args[1:]:
        result = Binary(op, result, arg)
    return result
