"""Tier 0: the tape is read row by row over lanes; nothing is compiled for a model.

Registers are a (register_count, lanes) array; a row of the tape computes one register for all lanes
in a loop that vectorises. :func:`read_tape` is compiled once a machine, its ``py_func`` is the
plain-Python twin; :func:`read_tape_bounds` reads the same rows in intervals.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import config, njit, types
from numpy.typing import NDArray

from senescape.expressions import Op
from senescape.lane_math import lane_exp, lane_hill, lane_log, lane_power

Registers = NDArray[np.float64]
Tape = NDArray[np.int32]

ADD, SUB, MUL, DIV, POW, NEG = (int(op) for op in (Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.POW, Op.NEG))
EXP, LOG, SQRT, ABS, MIN, MAX = (
    int(op) for op in (Op.EXP, Op.LOG, Op.SQRT, Op.ABS, Op.MIN, Op.MAX)
)
HILL, LT, LE, GT, GE, EQ, NE = (
    int(op) for op in (Op.HILL, Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE)
)
AND, OR, NOT, SELECT = (int(op) for op in (Op.AND, Op.OR, Op.NOT, Op.SELECT))
SIN, COS, TAN, ASIN = (int(op) for op in (Op.SIN, Op.COS, Op.TAN, Op.ASIN))
ACOS, ATAN, FLOOR, CEIL = (int(op) for op in (Op.ACOS, Op.ATAN, Op.FLOOR, Op.CEIL))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def lesser(a: float, b: float) -> float:
    """Return the smaller, or NaN where one is NaN: a failed rate must not hide behind a bound."""
    return a if a <= b or a != a else b


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def greater(a: float, b: float) -> float:
    """Return the larger, or NaN where one is NaN."""
    return a if a >= b or a != a else b


@njit(cache=True, nogil=True, error_model="numpy")
def factorial(x: float) -> float:
    """Return x!, for numbers between whole ones the gamma function; NaN below 0."""
    if not 0.0 <= x <= 170.0:
        return np.inf if x > 170.0 else np.nan
    return math.gamma(x + 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _foreign(op: int, x: float) -> float:
    """Return what only networks from SBML use, by the functions of the system."""
    if op == SIN:
        value = np.sin(x)
    elif op == COS:
        value = np.cos(x)
    elif op == TAN:
        value = np.tan(x)
    elif op == ASIN:
        value = np.arcsin(x)
    elif op == ACOS:
        value = np.arccos(x)
    elif op == ATAN:
        value = np.arctan(x)
    elif op == FLOOR:
        value = np.floor(x)
    elif op == CEIL:
        value = np.ceil(x)
    else:
        value = factorial(x)
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def _unary(op: int, d: Registers, a: Registers, lanes: int) -> None:
    if op == NEG:
        for i in range(lanes):
            d[i] = -a[i]
    elif op == EXP:
        for i in range(lanes):
            d[i] = lane_exp(a[i])
    elif op == LOG:
        for i in range(lanes):
            d[i] = lane_log(a[i])
    elif op == SQRT:
        for i in range(lanes):
            d[i] = np.sqrt(a[i])
    elif op == ABS:
        for i in range(lanes):
            d[i] = abs(a[i])
    elif op == NOT:
        for i in range(lanes):
            d[i] = 1.0 if a[i] == 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _truth(op: int, x: float, y: float) -> float:
    if op == LT:
        truth = x < y
    elif op == LE:
        truth = x <= y
    elif op == GT:
        truth = x > y
    elif op == GE:
        truth = x >= y
    elif op == EQ:
        truth = x == y
    elif op == NE:
        truth = x != y
    elif op == AND:
        truth = x != 0.0 and y != 0.0
    else:
        truth = x != 0.0 or y != 0.0
    return 1.0 if truth else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(op: int, d: Registers, a: Registers, b: Registers, lanes: int) -> None:
    for i in range(lanes):
        d[i] = _truth(op, a[i], b[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _rare(tape: Tape, row: int, registers: Registers, lanes: int) -> None:
    """Compute one register by what is rare or long; kept out of the loop that must stay short."""
    op = tape[row, 0]
    d, a = registers[tape[row, 1]], registers[tape[row, 2]]
    b, c = registers[tape[row, 3]], registers[tape[row, 4]]
    if op == HILL:
        for i in range(lanes):
            d[i] = lane_hill(a[i], b[i], c[i])
    elif op == POW:
        for i in range(lanes):
            d[i] = lane_power(a[i], b[i])
    elif op == MIN:
        for i in range(lanes):
            d[i] = lesser(a[i], b[i])
    elif op == MAX:
        for i in range(lanes):
            d[i] = greater(a[i], b[i])
    elif op == SELECT:
        for i in range(lanes):
            d[i] = b[i] if a[i] != 0.0 else c[i]
    elif op == NEG or op == EXP or op == LOG or op == SQRT or op == ABS or op == NOT:
        _unary(op, d, a, lanes)
    elif op >= SIN:
        for i in range(lanes):
            d[i] = _foreign(op, a[i])
    else:
        _compare(op, d, a, b, lanes)


@njit(cache=True, nogil=True, error_model="numpy")
def read_tape(tape: Tape, first: int, last: int, registers: Registers) -> None:
    """Compute the registers of rows ``first`` to ``last`` (excluded) for all lanes.

    Parameters
    ----------
    tape : (rows, 5)
        See :class:`senescape.compile.Program`.
    registers : (register_count, lanes)
        Changed in place.
    """
    lanes = registers.shape[1]
    # No view of a row is handed to a function in this loop: counting references to it costs twice
    # as much as the row itself.
    for row in range(first, last):
        op = tape[row, 0]
        d, a = registers[tape[row, 1]], registers[tape[row, 2]]
        b = registers[tape[row, 3]]
        if op == MUL:
            for i in range(lanes):
                d[i] = a[i] * b[i]
        elif op == ADD:
            for i in range(lanes):
                d[i] = a[i] + b[i]
        elif op == SUB:
            for i in range(lanes):
                d[i] = a[i] - b[i]
        elif op == DIV:
            for i in range(lanes):
                d[i] = a[i] / b[i]
        else:
            _rare(tape, row, registers, lanes)


class Pointer:
    """A kernel as its callers see it: an address and the types of its arguments.

    A kernel that calls another by name is compiled with all of it inside, and so is each of its
    callers in turn; called through a pointer it is compiled once.

    Parameters
    ----------
    kernel : compiled function
        It returns nothing.
    arguments : tuple of Numba types
    """

    def __init__(self, kernel: Any, arguments: tuple[Any, ...]) -> None:
        self.kernel, self.form = kernel, types.void(*arguments)
        self.address = 0

    @property
    def _numba_type_(self) -> Any:
        return types.FunctionType(self.form)

    def __wrapper_address__(self) -> int:
        if not self.address:
            # by arguments alone, as a call from Python does: in the cache a return type differs
            self.kernel.compile(self.form.args)
            made = self.kernel.get_compile_result(self.form)
            name = made.fndesc.llvm_cfunc_wrapper_name
            self.address = int(made.library.get_pointer_to_function(name))
        return self.address


@lru_cache(maxsize=1)
def tape_reader() -> Any:
    """Return :func:`read_tape` as a pointer."""
    if config.DISABLE_JIT:
        return read_tape
    rows, numbers = types.Array(types.int32, 2, "C"), types.Array(types.float64, 2, "C")
    return Pointer(read_tape, (rows, types.int64, types.int64, numbers))


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def read_tape_lane(tape: Tape, first: int, last: int, registers: Registers) -> None:
    """Do what :func:`read_tape` does for one lane whose registers are a vector."""
    for row in range(first, last):
        op = tape[row, 0]
        a = registers[tape[row, 2]]
        b = registers[tape[row, 3]]
        if op == MUL:
            value = a * b
        elif op == ADD:
            value = a + b
        elif op == SUB:
            value = a - b
        elif op == DIV:
            value = a / b
        elif op == HILL:
            value = lane_hill(a, b, registers[tape[row, 4]])
        elif op == POW:
            value = lane_power(a, b)
        elif op == MIN:
            value = lesser(a, b)
        elif op == MAX:
            value = greater(a, b)
        elif op == SELECT:
            value = b if a != 0.0 else registers[tape[row, 4]]
        elif op == NEG:
            value = -a
        elif op == EXP:
            value = lane_exp(a)
        elif op == LOG:
            value = lane_log(a)
        elif op == SQRT:
            value = np.sqrt(a)
        elif op == ABS:
            value = abs(a)
        elif op == NOT:
            value = 1.0 if a == 0.0 else 0.0
        elif op >= SIN:
            value = _foreign(op, a)
        else:
            value = _truth(op, a, b)
        registers[tape[row, 1]] = value
