"""From formulas to a tape: one row an operation, over registers that hold one value a lane.

Equal sub-expressions are computed once. Every row knows how often it must be read again: once a
lane (parameters only), whenever time or treatment moves, or whenever the cells do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import (
    FOREIGN,
    Binary,
    Call,
    Expr,
    Number,
    Op,
    Symbol,
    Unary,
    simplify,
)

Int = NDArray[np.int32]


class Level(IntEnum):
    """How often a register changes."""

    LANE = 0
    TIME = 1
    STATE = 2


@dataclass(frozen=True, slots=True)
class Register:
    """A register under construction: a named input, a constant, or the result of a row."""

    index: int
    level: Level


_BINARY = {
    "+": Op.ADD,
    "-": Op.SUB,
    "*": Op.MUL,
    "/": Op.DIV,
    "^": Op.POW,
    "<": Op.LT,
    "<=": Op.LE,
    ">": Op.GT,
    ">=": Op.GE,
    "==": Op.EQ,
    "!=": Op.NE,
    "and": Op.AND,
    "or": Op.OR,
}
_UNARY = {"-": Op.NEG, "not": Op.NOT}
_CALL = {
    "exp": Op.EXP,
    "log": Op.LOG,
    "sqrt": Op.SQRT,
    "abs": Op.ABS,
    "min": Op.MIN,
    "max": Op.MAX,
    "pow": Op.POW,
    "hill": Op.HILL,
    "if": Op.SELECT,
    **FOREIGN,
}
_COMMUTES = {Op.ADD, Op.MUL, Op.MIN, Op.MAX, Op.EQ, Op.NE, Op.AND, Op.OR}


class TapeBuilder:
    """Collects rows; inputs stand in the first registers, constants and results follow.

    Parameters
    ----------
    inputs : sequence of (name, level)
        Named registers in order.
    """

    def __init__(self, inputs: Sequence[tuple[str, Level]]) -> None:
        self._named = {name: Register(i, level) for i, (name, level) in enumerate(inputs)}
        self._count = len(inputs)
        self._constants: dict[float, Register] = {}
        self._rows: list[tuple[Op, Register, Register, Register, Register]] = []
        self._known: dict[tuple[Op, int, int, int], Register] = {}
        self._closures: dict[str, Expr] = {}
        self._written: dict[str, Register] = {}
        self._levels = {r.index: r.level for r in self._named.values()}

    def define(self, name: str, closure: Expr) -> None:
        """Let ``name`` stand for a formula (a port)."""
        self._closures[name] = closure

    def constant(self, value: float) -> Register:
        """Return the register that holds a constant."""
        if value not in self._constants:
            self._constants[value] = self._new(Level.LANE)
        return self._constants[value]

    def add(self, expr: Expr) -> int:
        """Put a formula on the tape and return the index of its register."""
        return self._visit(simplify(expr)).index

    def _new(self, level: Level) -> Register:
        self._levels[self._count] = level
        self._count += 1
        return Register(self._count - 1, level)

    def _visit(self, expr: Expr) -> Register:
        if isinstance(expr, Number):
            return self.constant(float(expr.value))
        if isinstance(expr, Symbol):
            if expr.name in self._closures:
                # once: closures that read each other would be gone through without end
                if expr.name not in self._written:
                    closure = simplify(self._closures[expr.name])
                    self._written[expr.name] = self._visit(closure)
                return self._written[expr.name]
            return self._named[expr.name]
        if isinstance(expr, Unary):
            return self._emit(_UNARY[expr.op], [self._visit(expr.arg)])
        if isinstance(expr, Binary):
            return self._emit(_BINARY[expr.op], [self._visit(expr.left), self._visit(expr.right)])
        assert isinstance(expr, Call)
        args = [self._visit(arg) for arg in expr.args]
        if expr.function in ("min", "max"):
            result = args[0]
            for arg in args[1:]:
                result = self._emit(_CALL[expr.function], [result, arg])
            return result
        return self._emit(_CALL[expr.function], args)

    def _emit(self, op: Op, args: list[Register]) -> Register:
        if op in _COMMUTES and args[0].index > args[1].index:
            args = [args[1], args[0]]
        a, b, c = (args + [args[0]] * 2)[:3]
        key = (op, a.index, b.index, c.index)
        if key not in self._known:
            result = self._new(max(a.level, b.level, c.level))
            self._rows.append((op, result, a, b, c))
            self._known[key] = result
        return self._known[key]

    def level(self, index: int) -> Level:
        """Return how often a register changes."""
        return self._levels[index]

    def finish(self) -> tuple[Int, tuple[int, int], Int, NDArray[np.float64], int]:
        """Return tape, section ends (lane, time), constant registers and values, register count."""
        rows = sorted(self._rows, key=lambda row: row[1].level)  # stable: order of need is kept
        tape = np.array(
            [[int(op), r.index, a.index, b.index, c.index] for op, r, a, b, c in rows], np.int32
        ).reshape(-1, 5)
        levels = [row[1].level for row in rows]
        ends = (levels.count(Level.LANE), len(levels) - levels.count(Level.STATE))
        where = np.array([r.index for r in self._constants.values()], np.int32)
        values = np.array(list(self._constants), np.float64)
        return tape, ends, where, values, self._count
