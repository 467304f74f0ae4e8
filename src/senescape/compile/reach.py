"""Which parameters a world depends on, where some are fixed: found on the tables, without a run.

Where the gate into senescence is shut no cell ever stands behind it, nothing is secreted, and what
these cells would have done decides on nothing. A parameter that is not named here leaves the
expected course as it is, to the last bit; one that is named may still do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import Op

from .program import ActionKind, Program

Bool = NDArray[np.bool_]

# Of operations that are 0 where their first operand is, where any is, where both are.
FIRST = frozenset({Op.NEG, Op.ABS, Op.SQRT, Op.HILL})
ANY, BOTH = frozenset({Op.MUL, Op.AND}), frozenset({Op.ADD, Op.SUB, Op.MIN, Op.MAX, Op.OR})
UNARY = frozenset(
    {Op.NEG, Op.ABS, Op.SQRT, Op.EXP, Op.LOG, Op.NOT, *range(Op.SIN, Op.FACTORIAL + 1)}
)


def parameters_that_matter(program: Program, fixed: Mapping[str, float]) -> frozenset[str]:
    """Return the parameters that a run can depend on where some have a known value in every lane.

    Parameters
    ----------
    fixed : mapping of parameter to value
        A gate at 0, a route by its number.

    Notes
    -----
    0 times what is finite is 0: a formula that is infinite where nobody reads it is not looked for.
    The leap's steps also follow the fastest hazard out of compartments that are empty, so there the
    law is the same, not the bits.
    """
    reach = _Reach(program, fixed)
    while reach.grow():
        pass
    names = program.parameter_names
    return frozenset(name for i, name in enumerate(names) if reach.used >> i & 1)


@dataclass(slots=True)
class _Reach:
    """What has been found to be there so far; every pass over the tables may find more.

    Registers are known to be 0 or not, and carry the parameters that they depend on as bits. What a
    signal or a number of cells depends on is in ``used`` already once it is there at all.
    """

    program: Program
    fixed: Mapping[str, float]
    live: Bool
    signals: Bool
    zero: Bool
    bits: list[int]
    used: int

    def __init__(self, program: Program, fixed: Mapping[str, float]) -> None:
        self.program, self.fixed = program, fixed
        self.live = np.zeros(len(program.compartment_ids), np.bool_)
        self.signals = np.zeros(len(program.signal_names), np.bool_)
        self.zero = np.zeros(program.register_count, np.bool_)
        self.bits = [0] * program.register_count
        self.used = 0

    def grow(self) -> bool:
        """Go over all tables once; tell whether anything more is there than before."""
        before = (self.live.tobytes(), self.signals.tobytes(), self.used)
        self._registers()
        self._births()
        self._signals()
        self._forcing()
        self._transitions()
        return (self.live.tobytes(), self.signals.tobytes(), self.used) != before

    def _take(self, *registers: int) -> bool:
        """Count what a product of registers depends on; nothing, and False, where one is 0."""
        if any(self.zero[row] for row in registers):
            return False
        for row in registers:
            self.used |= self.bits[row]
        return True

    def _registers(self) -> None:
        program = self.program
        self.zero[:] = False
        for index, name in enumerate(program.parameter_names):
            row = program.parameter_row + index
            self.bits[row] = 0 if name in self.fixed else 1 << index
            self.zero[row] = self.fixed.get(name, 1.0) == 0.0
        self.zero[program.constant_row] = program.constant == 0.0
        self.zero[program.signal_row : program.signal_row + len(self.signals)] = ~self.signals
        assays = slice(program.assay_row, program.assay_row + len(program.assay_ids))
        self.zero[assays] = True
        for assay, compartment, weight in program.weight.tolist():
            row = program.assay_row + assay
            if self.live[compartment] and not self.zero[weight]:
                self.zero[row] = False
        self._read(program.tape.tolist())
        for _, compartment, weight in program.weight.tolist():
            if self.live[compartment]:
                self._take(weight)

    def _read(self, tape: list[list[int]]) -> None:
        zero, bits, program = self.zero, self.bits, self.program
        above = set(program.constant_row[program.constant > 0.0].tolist())
        for op, row, a, b, c in tape:
            read = (a,) if op in UNARY else (a, b, c) if op in (Op.SELECT, Op.HILL) else (a, b)
            found = sum_of_bits = 0
            for register in read:
                sum_of_bits |= bits[register]
            if op in FIRST:
                found = zero[a]
            elif op in ANY:
                found = zero[a] or zero[b]
            elif op in BOTH:
                found = zero[a] and zero[b]
            elif op == Op.POW:
                found = zero[a] and b in above
            elif op == Op.DIV:
                found = zero[a] and not zero[b]
            elif op == Op.SELECT and zero[a]:
                found, sum_of_bits = zero[c], bits[c]
            elif op == Op.SELECT:
                found = zero[b] and zero[c]
            zero[row] = bool(found)
            bits[row] = 0 if found else sum_of_bits

    def _births(self) -> None:
        program = self.program
        for index, (_, total, _) in enumerate(program.birth.tolist()):
            begin, end = program.birth_ptr[index], program.birth_ptr[index + 1]
            for compartment, share in program.birth_share[begin:end].tolist():
                self.live[compartment] |= self._take(total, share)

    def _signals(self) -> None:
        program, first = self.program, self.program.signal_row
        for signal, register in enumerate(program.signal_initial.tolist()):
            self.signals[signal] |= self._take(register)
        for signal, source, register in program.coupling.tolist():
            here = () if source < 0 else (first + source,)
            self.signals[signal] |= self._take(register, *here)
        for signal, assay, register in program.secretion.tolist():
            self.signals[signal] |= self._take(register, program.assay_row + assay)

    def _forcing(self) -> None:
        table = self.program.forcing
        for kind, target, register, extra in table.action.tolist():
            if kind == ActionKind.REDISTRIBUTE:
                moves = table.move[table.move_ptr[extra] : table.move_ptr[extra + 1]].tolist()
                for compartment, share in moves if self.live[target] else ():
                    if self._take(share) and compartment >= 0:
                        self.live[compartment] = True
            elif kind == ActionKind.VISIT:
                self.used |= self.bits[target] | self.bits[register]
            else:
                self.signals[target] |= self._take(register)

    def _transitions(self) -> None:
        program = self.program
        for index, (_, source, hazard, _) in enumerate(program.transition.tolist()):
            if source >= 0 and not self.live[source]:
                continue
            if source >= 0 and (advance := program.advance_row[source]) >= 0:
                self.used |= self.bits[advance]
            if not self._take(hazard):
                continue
            for route in self._routes(index):
                begin, end = program.outcome_ptr[route], program.outcome_ptr[route + 1]
                for outcome in range(begin, end):
                    if self._take(program.outcome_row[outcome]):
                        first, last = program.product_ptr[outcome], program.product_ptr[outcome + 1]
                        self.live[program.product[first:last, 0]] = True

    def _routes(self, index: int) -> range:
        """Return the routes that a transition may take; the chosen one where that is fixed."""
        program = self.program
        first, last = int(program.route_ptr[index]), int(program.route_ptr[index + 1])
        row = int(program.route_row[index])
        if row < 0:
            return range(first, min(first + 1, last))
        name = program.parameter_names[row - program.parameter_row]
        if name in self.fixed:
            chosen = first + int(self.fixed[name])
            return range(chosen, chosen + 1)
        self.used |= self.bits[row]
        return range(first, last)
