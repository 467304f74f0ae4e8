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

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Name = tuple[str, float]


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


@dataclass(slots=True)
class _Rows:
    """Rows under construction, over names of what they read and write.

    ("r", register of the Program), ("k", constant), ("d", number whose rate of change it is),
    ("t", row: a product in between).
    """

    rows: list[tuple[int, Name, list[Name]]] = field(default_factory=list)
    started: set[int] = field(default_factory=set)

    def add(self, place: int, value: Name, times: int) -> None:
        """Add so many times a value to the rate of change of a number."""
        own: Name = ("d", place)
        before: Name = own if place in self.started else ("k", 0.0)
        self.started.add(place)
        if abs(times) > 1:
            scaled: Name = ("t", len(self.rows))
            self.rows.append((int(Op.MUL), scaled, [value, ("k", float(abs(times)))]))
            value = scaled
        self.rows.append((int(Op.ADD if times > 0 else Op.SUB), own, [before, value]))


def layout_of(program: Program) -> Layout:
    """Return a network from SBML laid out for blocks."""
    general = program.general
    assert general is not None
    slots, signals = program.slots, len(program.signal_names)
    tape = program.tape[program.lane_end :]
    made = {int(row[1]) for row in tape}
    rows = _Rows()
    changed = _changes(program)
    laws = {int(r): slots + s for s, r in enumerate(general.law) if r >= 0}

    def known(register: int) -> None:
        for place, times in changed.get(register, ()):
            rows.add(place, ("r", register), times)
        for place in [p for r, p in laws.items() if r == register]:
            rows.add(place, ("r", register), 1)

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
    return _numbered(program, rows, kept, slots + signals)


def _changes(program: Program) -> dict[int, list[tuple[int, int]]]:
    """Return, by register of a propensity, (slot, number) of what a reaction changes."""
    tables = tables_of(program)
    changes: dict[int, list[tuple[int, int]]] = {}
    for t, register in enumerate(tables.transition[:, 2].tolist()):
        for p in range(tables.product_ptr[t], tables.product_ptr[t + 1]):
            compartment, times = (int(x) for x in tables.product[p])
            slot = int(tables.slot_ptr[compartment])
            changes.setdefault(register, []).append((slot, times))
    return changes


def _numbered(program: Program, rows: _Rows, kept: list[int], numbers: int) -> Layout:
    """Give every name a register; one that is not read again is given to the next."""
    used = [n for _, _, sources in rows.rows for n in sources]
    constants = sorted({n[1] for n in used if n[0] == "k"} | {0.0})
    place: dict[Name, int] = {("r", r): i for i, r in enumerate(kept)}
    place |= {("k", value): len(kept) + i for i, value in enumerate(constants)}
    count = len(kept) + len(constants)
    for number in sorted(rows.started):
        place["d", number] = count
        count += 1
    lasting, last = set(place), {}
    for index, (_, target, sources) in enumerate(rows.rows):
        for name in (target, *sources):
            last[name] = index
    free: list[int] = []
    tape = np.zeros((len(rows.rows), 5), np.int32)
    for index, (op, target, sources) in enumerate(rows.rows):
        numbered = [place[name] for name in sources]
        for name in set(sources):
            if name not in lasting and last[name] == index:
                free.append(place[name])
        if target not in place:
            if free:
                place[target] = free.pop()
            else:
                place[target], count = count, count + 1
        if last[target] == index and target not in lasting:  # read by nothing
            free.append(place[target])
        padded = [*numbered, *([numbered[0]] * (3 - len(numbered)))]
        tape[index] = [op, place[target], *padded]
    zero = place["k", 0.0]
    law = np.array([place.get(("d", n), zero) for n in range(numbers)], np.int32)
    slots, signals = program.slots, len(program.signal_names)
    nothing = np.zeros(0, np.int32)
    tables = tables_of(program)._replace(
        tape=tape,
        lane_end=0,
        time_end=0,
        assay_row=0,
        signal_row=slots,
        time_row=slots + signals,
        advance_row=nothing,
        transition=np.zeros((0, 4), np.int32),
        weight=np.zeros((0, 3), np.int32),
    )
    packed = packed_of(tables, nothing, law)
    return Layout(packed, tape, law, np.array(kept, np.int32), np.array(constants), count)
