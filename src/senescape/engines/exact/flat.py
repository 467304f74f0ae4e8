"""A Program laid flat for the lock-step kernel: one row a register, one row an event.

Possible where nothing moves between two events: no signals, no rate that reads time. Cells of
single-stage compartments are registers themselves; what no rate needs is dropped; the last rows are
the cumulative rates of all events, so that choosing an event is comparing with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.expressions import Op

Int = NDArray[np.int32]
Float = NDArray[np.float64]

MUL, ADD = int(Op.MUL), int(Op.ADD)
ACC = 1 + max(int(op) for op in Op)  # d = c + a * b
PLAIN, BY_AGE, ADVANCE = 0, 1, 2  # what has to be drawn beside the event itself


class Flat(NamedTuple):
    """Tables of the lock-step kernel.

    Parameters
    ----------
    tape : (rows, 5)
        (operation, result, a, b, c) over rows of the block: slots, then the registers of the
        Program, then totals of compartments, then cumulative rates.
    total : int
        Row of the sum of all rates.
    first : int
        Row of the first cumulative rate.
    one : int
        Row that holds the number 1.
    slots : int
    rows : int
        Rows of a block.
    event : (events, 3)
        (kind, transition or -1, source compartment or -1). PLAIN: the deltas say all; BY_AGE: the
        stage of the cell, or the outcome, is drawn; ADVANCE: a cell passes a stage.
    drawn : bool
        Whether there are events other than PLAIN.
    changes : int
        Largest number of slots that a PLAIN event changes.
    changed, change : (events + 1, changes)
        Slots that a PLAIN event changes, and by how much; filled up with the row of ones and 0. The
        last row changes nothing.
    """

    tape: Int
    total: int
    first: int
    one: int
    slots: int
    rows: int
    event: Int
    drawn: bool
    changes: int
    changed: NDArray[np.uint64]
    change: Float


@dataclass
class _Builder:
    program: Program

    def __post_init__(self) -> None:
        p = self.program
        self.rows: list[list[int]] = []
        self.width = p.slots + p.register_count
        self.place = {r: p.slots + r for r in range(p.register_count)}
        self.totals: dict[int, int] = {}
        self.one = self._constant(1.0)

    def _constant(self, value: float) -> int | None:
        """Return the register that holds a constant, if one does."""
        where = np.nonzero(self.program.constant == value)[0]
        return int(self.program.constant_row[where[0]]) if len(where) else None

    def new(self) -> int:
        self.width += 1
        return self.width - 1

    def cells(self, compartment: int) -> int:
        """Return the row of the number of cells in a compartment."""
        first, end = (int(x) for x in self.program.slot_ptr[compartment : compartment + 2])
        if end - first == 1:
            return first
        if compartment not in self.totals:
            row, left = self.new(), first
            for slot in range(first + 1, end):
                self.rows.append([ADD, row, left, slot, slot])
                left = row
            self.totals[compartment] = row
        return self.totals[compartment]

    def assays(self, needed: set[int]) -> None:
        """Compute the assays that a rate reads, or read the slot itself in their place."""
        p = self.program
        for assay in range(len(p.assay_ids)):
            register = p.assay_row + assay
            if register not in needed:
                continue
            entries = p.weight[p.weight[:, 0] == assay]
            single = len(entries) == 1 and int(entries[0, 2]) == self.one
            if single:
                self.place[register] = self.cells(int(entries[0, 1]))
                continue
            target = self.place[register]
            for number, (_, compartment, weight) in enumerate(entries):
                cells, factor = self.cells(int(compartment)), self.place[int(weight)]
                if number == 0:
                    self.rows.append([MUL, target, factor, cells, cells])
                else:
                    self.rows.append([ACC, target, factor, cells, target])

    def shares_move(self) -> bool:
        """Tell whether a share of an outcome changes with time or numbers of cells."""
        p = self.program
        kept, read = self.needed({int(r) for r in (*p.outcome_row, *p.route_row) if r >= 0})
        assays = range(p.assay_row, p.assay_row + len(p.assay_ids))
        return bool(kept) or not read.isdisjoint({p.time_row, *assays})

    def needed(self, roots: set[int]) -> tuple[list[Int], set[int]]:
        """Return the rows of the tape that the roots need, and all registers that are read."""
        read, kept = set(roots), []
        for row in self.program.tape[self.program.lane_end :][::-1]:
            if int(row[1]) in read:
                kept.append(row)
                read |= {int(r) for r in row[2:]}
        return kept[::-1], read


def flat_of(program: Program) -> Flat | None:
    """Return a Program laid flat, or None where something moves between its events."""
    if program.signal_names or (program.general is not None and len(program.general.event)):
        return None
    transition = program.transition
    timed = transition[:, 0] == TransitionKind.TIMED
    ages = np.nonzero(program.advance_row >= 0)[0]
    roots = {int(r) for r in transition[:, 2]} | {int(program.advance_row[c]) for c in ages}
    build = _Builder(program)
    kept, read = build.needed(roots)
    if program.time_row in read or build.shares_move():
        return None
    build.assays(read)
    for op, d, a, b, c in kept:
        build.rows.append([int(op), *(build.place[int(r)] for r in (d, a, b, c))])

    events, factors, deltas = [], [], []
    for index, (kind, source, hazard, _) in enumerate(transition):
        if timed[index]:
            continue
        route = int(program.route_ptr[index])
        outcomes = range(program.outcome_ptr[route], program.outcome_ptr[route + 1])
        settled = program.route_row[index] < 0 and len(outcomes) == 1
        stages = 1
        if kind == TransitionKind.ANY_AGE:
            stages = int(program.slot_ptr[source + 1] - program.slot_ptr[source])
            factors.append((build.place[int(hazard)], build.cells(int(source))))
        else:
            factors.append((build.place[int(hazard)], -1))
        if settled and stages == 1:
            change: dict[int, int] = {}
            if kind == TransitionKind.ANY_AGE:
                change[int(program.slot_ptr[source])] = -1
            first, last = (int(x) for x in program.product_ptr[outcomes[0] : outcomes[0] + 2])
            for compartment, count in program.product[first:last]:
                slot = int(program.slot_ptr[compartment])
                change[slot] = change.get(slot, 0) + int(count)
            events.append((PLAIN, index, int(source)))
            deltas.append([(s, n) for s, n in change.items() if n])
        else:
            events.append((BY_AGE, index, int(source)))
            deltas.append([])
    for compartment in ages:
        factors.append(
            (build.place[int(program.advance_row[compartment])], build.cells(int(compartment)))
        )
        events.append((ADVANCE, -1, int(compartment)))
        deltas.append([])
    if not events:
        return None
    one, first = build.new(), build.width
    build.width += len(events)
    _accumulate(build.rows, factors, first, one)
    return Flat(
        np.array(build.rows, np.int32),
        first + len(events) - 1,
        first,
        one,
        program.slots,
        build.width,
        np.array(events, np.int32),
        any(kind != PLAIN for kind, *_ in events),
        *_padded([*deltas, []], one),
    )


def _padded(
    deltas: list[list[tuple[int, int]]], unused: int
) -> tuple[int, NDArray[np.uint64], Float]:
    """Return the changes of all events as tables of one width."""
    width = max(1, *(len(d) for d in deltas))
    changed = np.full((len(deltas), width), unused, np.uint64)
    change = np.zeros((len(deltas), width))
    for event, entries in enumerate(deltas):
        for number, (slot, count) in enumerate(entries):
            changed[event, number], change[event, number] = slot, count
    return width, changed, change


def _accumulate(
    rows: list[list[int]], factors: list[tuple[int, int]], first: int, one: int
) -> None:
    """Append the cumulative rates; a product that serves one rate only is folded into its sum."""
    uses: dict[int, int] = {}
    for op, _, a, b, c in rows:
        for register in {a, b, c} if op not in (MUL, ADD) else {a, b}:
            uses[register] = uses.get(register, 0) + 1
    for a, b in factors:
        for register in (a, b):
            uses[register] = uses.get(register, 0) + 1
    made = {row[1]: index for index, row in enumerate(rows)}
    dropped = set()
    sums = []
    for number, (a, b) in enumerate(factors):
        target, before = first + number, first + number - 1
        index = made.get(a)
        if b < 0 and index is not None and rows[index][0] == MUL and uses[a] == 1:
            a, b = rows[index][2], rows[index][3]
            dropped.add(index)
        if b < 0:
            sums.append([ADD, target, a, before, before] if number else [MUL, target, a, one, one])
        elif number:
            sums.append([ACC, target, a, b, before])
        else:
            sums.append([MUL, target, a, b, b])
    rows[:] = [row for index, row in enumerate(rows) if index not in dropped]
    rows.extend(sums)


def may_take_too_much(program: Program, flat: Flat) -> bool:
    """Tell whether an event could happen that takes what is not there.

    It cannot where every event takes at most one of a kind, and its rate has the number of that
    kind as a factor.
    """
    made = {int(row[1]): row for row in flat.tape}

    def vanishes(row: int, slot: int) -> bool:
        """Whether a row is 0 where a slot is: seen through products only."""
        if row == slot:
            return True
        maker = made.get(row)
        if maker is None or int(maker[0]) != MUL:
            return False
        return vanishes(int(maker[2]), slot) or vanishes(int(maker[3]), slot)

    for number, (kind, index, _) in enumerate(flat.event):
        if kind != PLAIN or program.transition[index, 0] == TransitionKind.ANY_AGE:
            continue
        op, _, a, b, _ = (int(x) for x in made[flat.first + number])
        factors = [a] if op == ADD else [a, b]
        for slot, change in zip(flat.changed[number], flat.change[number], strict=True):
            if change < 0.0 and not (
                change == -1.0 and any(vanishes(f, int(slot)) for f in factors)
            ):
                return True
    return False
