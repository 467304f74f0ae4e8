"""The typed tree of a formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Op(IntEnum):
    """Operations of the tape; the numbers are part of the Program's format."""

    ADD = 1
    SUB = 2
    MUL = 3
    DIV = 4
    POW = 5
    NEG = 6
    EXP = 7
    LOG = 8
    SQRT = 9
    ABS = 10
    MIN = 11
    MAX = 12
    HILL = 13
    LT = 14
    LE = 15
    GT = 16
    GE = 17
    EQ = 18
    NE = 19
    AND = 20
    OR = 21
    NOT = 22
    SELECT = 23
    SIN = 24
    COS = 25
    TAN = 26
    ASIN = 27
    ACOS = 28
    ATAN = 29
    FLOOR = 30
    CEIL = 31
    FACTORIAL = 32


# function: (fewest, most) arguments
FUNCTIONS: dict[str, tuple[int, int]] = {
    "exp": (1, 1),
    "log": (1, 1),
    "sqrt": (1, 1),
    "abs": (1, 1),
    "min": (2, 32),
    "max": (2, 32),
    "pow": (2, 2),
    "hill": (3, 3),
    "if": (3, 3),
}

# Functions of one number that other people's models use. The parser of scenarios does not know
# them: they have no bounds over an interval, which the exact engine needs where rates move.
FOREIGN = {
    "sin": Op.SIN,
    "cos": Op.COS,
    "tan": Op.TAN,
    "asin": Op.ASIN,
    "acos": Op.ACOS,
    "atan": Op.ATAN,
    "floor": Op.FLOOR,
    "ceil": Op.CEIL,
    "factorial": Op.FACTORIAL,
}

# operator: (left, right) binding powers; ^ binds tighter on its left and so groups to the right
BINDING: dict[str, tuple[int, int]] = {
    "or": (10, 11),
    "and": (20, 21),
    "<": (40, 41),
    "<=": (40, 41),
    ">": (40, 41),
    ">=": (40, 41),
    "==": (40, 41),
    "!=": (40, 41),
    "+": (50, 51),
    "-": (50, 51),
    "*": (60, 61),
    "/": (60, 61),
    "^": (81, 80),
}
NOT_BINDING = 30
SIGN_BINDING = 70
COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
LOGICAL = frozenset({"and", "or"})


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of a formula; frozen, hashable, equal by structure."""

    def children(self) -> tuple[Expr, ...]:
        """Return the operands."""
        return ()

    def names(self) -> frozenset[str]:
        """Return every symbol that occurs."""
        return frozenset().union(*(child.names() for child in self.children()))

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """A plain number, without dimension."""

    value: float

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Symbol(Expr):
    """A name."""

    name: str

    def names(self) -> frozenset[str]:
        """Return the name itself."""
        return frozenset({self.name})

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """``-`` or ``not``."""

    op: str
    arg: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return the operand."""
        return (self.arg,)

    def names(self) -> frozenset[str]:
        """Return every symbol that occurs."""
        return self.arg.names()

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An operator between two formulas."""

    op: str
    left: Expr
    right: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return both operands."""
        return (self.left, self.right)

    def names(self) -> frozenset[str]:
        """Return every symbol that occurs."""
        return self.left.names() | self.right.names()

    def __str__(self) -> str:
        return to_text(self)


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function of the closed list."""

    function: str
    args: tuple[Expr, ...]

    def children(self) -> tuple[Expr, ...]:
        """Return the arguments."""
        return self.args

    def __str__(self) -> str:
        return to_text(self)


def to_text(expr: Expr, outer: int = 0) -> str:
    """Return text that parses back to the same tree (a negative number to the negated literal)."""
    if isinstance(expr, Number):
        text = repr(float(expr.value))
        text = text[:-2] if text.endswith(".0") else text
        # a folded negative number is no literal: -2^x would read back as -(2^x)
        return f"({text})" if text[0] == "-" and outer > SIGN_BINDING else text
    if isinstance(expr, Symbol):
        return expr.name
    if isinstance(expr, Call):
        return f"{expr.function}({', '.join(to_text(arg) for arg in expr.args)})"
    if isinstance(expr, Unary):
        own = NOT_BINDING if expr.op == "not" else SIGN_BINDING
        text = ("not " if expr.op == "not" else "-") + to_text(expr.arg, own)
    else:
        assert isinstance(expr, Binary)
        own_left, own_right = BINDING[expr.op]
        own = min(own_left, own_right)
        if expr.op in COMPARISONS:
            own_left = own_right = own + 1
        text = f"{to_text(expr.left, own_left)} {expr.op} {to_text(expr.right, own_right)}"
        if expr.op == "^":
            text = f"{to_text(expr.left, own_left)}^{to_text(expr.right, own_right)}"
    return f"({text})" if own < outer else text


def substitute(expr: Expr, mapping: Mapping[str, Expr]) -> Expr:
    """Return the formula with symbols replaced by formulas, all at once."""
    if isinstance(expr, Symbol):
        return mapping.get(expr.name, expr)
    if isinstance(expr, Binary):
        left, right = substitute(expr.left, mapping), substitute(expr.right, mapping)
        same = left is expr.left and right is expr.right
        return expr if same else Binary(expr.op, left, right)
    if isinstance(expr, Number):
        return expr
    return rebuild(expr, tuple([substitute(child, mapping) for child in expr.children()]))


def rebuild(expr: Expr, children: tuple[Expr, ...]) -> Expr:
    """Return the same node over other operands."""
    if isinstance(expr, Unary):
        return Unary(expr.op, children[0])
    if isinstance(expr, Binary):
        return Binary(expr.op, children[0], children[1])
    if isinstance(expr, Call):
        return Call(expr.function, children)
    return expr
