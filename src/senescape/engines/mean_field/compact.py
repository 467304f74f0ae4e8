"""A network from SBML laid out for blocks: one short tape that ends in the rates of change.

The tape of a Program keeps every result in a register of its own, and leaves it to the engine to
add propensities up. Here each propensity is added to what it changes as soon as it is known, and
its register is given to the next: what a block of lanes works on stays in the nearest cache (60
species and 136 reactions: 337 registers become about 170), and sums are read at the speed of the
tape, which is twice that of a loop over products.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.expressions import Op

from ..tables import tables_of
from ..written import arity
from .flows import packed_of
from .rows import ZERO, Name, Rows, constants_of, numbered

Float = NDArray[np.float64]
Int = NDArray[np.int32]


class Layout(NamedTuple):
    """A network for blocks.

    Parameters
    ----------
    packed : (n,)
        See :func:`.flows.packed_of`, of the fields that follow.
    tape : (rows, 5)
    law : (numbers,)
        Register of the rate of change of each number.
    kept : (kept,)
        Registers of the Program that come first here, in this order.
    constants : (constants,)
        Numbers in the registers that follow them.
    registers : int
        In all.
    """

    packed: Int
    tape: Int
    law: Int
    kept: Int
    constants: Float
    registers: int

    def registers_of(self, registers: Float, least: int = 0) -> Float:
        """Return the registers of all lanes, at least so many, given those of the Program."""
        made = np.zeros((max(self.registers, least), registers.shape[1]))
        made[: len(self.kept)] = registers[self.kept]
        end = len(self.kept) + len(self.constants)
        made[len(self.kept) : end] = self.constants[:, None]
        return made

    def packed_with(self, program: Program, implicit: tuple[Int, Int, Int]) -> Int:
        """Return the tables as one array, with those of implicit steps (:class:`.Stiff`)."""
        nothing = np.zeros(0, np.int32)
        tables = tables_of(program)._replace(
            tape=self.tape,
            lane_end=0,
            time_end=0,
            assay_row=0,
            signal_row=program.slots,
            time_row=len(self.law),
            advance_row=nothing,
            transition=np.zeros((0, 4), np.int32),
            weight=np.zeros((0, 3), np.int32),
        )
        return packed_of(tables, nothing, self.law, implicit)


@dataclass(slots=True)
class Sums(Rows):
    """Rows that add up to rates of change.

    Names: ("r", register of the Program), ("d", number whose rate of change it is).
    """

    started: set[int] = field(default_factory=set)

    def change(self, place: int, value: Name, times: int) -> None:
        """Add so many times a value to the rate of change of a number."""
        own: Name = ("d", place)
        before = own if place in self.started else ZERO
        self.started.add(place)
        if abs(times) > 1:
            value = self.make(Op.MUL, value, ("k", float(abs(times))))
        self.rows.append((int(Op.ADD if times > 0 else Op.SUB), own, [before, value]))


def layout_of(program: Program) -> Layout:
    """Return a network from SBML laid out for blocks."""
    rows, kept = sums_of(program)
    return _numbered(program, rows, kept, program.slots + len(program.signal_names))


def sums_of(program: Program) -> tuple[Sums, list[int]]:
    """Return the rows of a network's rates of change, and the registers that they read.

    Those of the numbers that change come first, then time.
    """
    general = program.general
    assert general is not None
    slots, signals = program.slots, len(program.signal_names)
    tape = program.tape[program.lane_end :]
    made = {int(row[1]) for row in tape}
    rows = Sums()
    changed = changes_of(program)
    laws: dict[int, list[int]] = {}  # rules that say the same share a register
    for s, register in enumerate(general.law.tolist()):
        if register >= 0:
            laws.setdefault(register, []).append(slots + s)

    def known(register: int) -> None:
        for place, times in changed.get(register, ()):
            rows.change(place, ("r", register), times)
        for place in laws.get(register, ()):
            rows.change(place, ("r", register), 1)

    for register in sorted({*changed, *laws} - made):
        known(register)
    for op, target, *sources in tape.tolist():
        rows.rows.append((op, ("r", target), [("r", s) for s in sources[: arity(op)]]))
        known(target)
    first = [program.assay_row + k for k in range(slots)]
    first += [program.signal_row + k for k in range(signals)]
    first.append(program.time_row)
    read = {int(n[1]) for _, _, sources in rows.rows for n in sources if n[0] == "r"}
    kept = [*first, *sorted(read - made - set(first))]
    return rows, kept


def changes_of(program: Program) -> dict[int, list[tuple[int, int]]]:
    """Return, by register of a propensity, (slot, number) of what a reaction changes."""
    tables = tables_of(program)
    changes: dict[int, list[tuple[int, int]]] = {}
    for t, register in enumerate(tables.transition[:, 2].tolist()):
        for p in range(tables.product_ptr[t], tables.product_ptr[t + 1]):
            compartment, times = (int(x) for x in tables.product[p])
            slot = int(tables.slot_ptr[compartment])
            changes.setdefault(register, []).append((slot, times))
    return changes


def _numbered(program: Program, rows: Sums, kept: list[int], numbers: int) -> Layout:
    """Give every name a register and put the tables together."""
    constants = sorted({*constants_of(rows.rows), 0.0})
    place: dict[Name, int] = {("r", r): i for i, r in enumerate(kept)}
    place |= {("k", value): len(kept) + i for i, value in enumerate(constants)}
    place |= {("d", n): len(place) + i for i, n in enumerate(sorted(rows.started))}
    tape, count, place = numbered(rows.rows, place, len(place))
    zero = place["k", 0.0]
    law = np.array([place.get(("d", n), zero) for n in range(numbers)], np.int32)
    empty = Layout(law, tape, law, np.array(kept, np.int32), np.array(constants), count)
    nothing = np.zeros(0, np.int32)
    return empty._replace(packed=empty.packed_with(program, (nothing, nothing, nothing)))
