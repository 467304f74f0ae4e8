"""What of a Program can change between two events, and what each rate needs: made once a program.

The kernels of this engine read few formulas an event. These tables say which: the rows that move
at all, those among them that a number of cells moves, and for each rate (and each firing, whose
outcomes may have formulas too) the rows that it alone depends on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind

Int = NDArray[np.int32]
Places = NDArray[np.int64]


class Moving(NamedTuple):
    """Rates are numbered: the transitions, then the compartments (passing one stage).

    Parameters
    ----------
    moves : bool
        Whether a rate reads signals or time.
    tape : (rows, 5)
        Rows of the Program's tape that a rate reads and that can change between two events.
    crowd : (rows, 5)
        Those among them that change with a number of cells.
    rate_row : (rates,)
        Register of the hazard; -1: no rate (a timed exit, a state that does not age).
    source : (rates,)
        Compartment whose cells are exposed; -1: inflow.
    fixed : (rates,)
        Whether the hazard stands still.
    need_ptr, need : compressed rows, (rows, 5)
        Rows of the tape that a rate needs; after the rates, what each of their firings needs.
    drifts : (2 rates,)
        Whether these rows read signals or time.
    asks : (rates,)
        Whether the shares of its outcomes can change between two events.
    count_ptr, counted : compressed rows
        Which of the ``watched`` these rows read.
    watched : (watched,)
        Assays that move a rate, or of which a signal is secreted.
    ranged, driving : (watched,)
        Whether bounds of rates lean on it; whether they do so through a signal.
    part_ptr, part : compressed rows
        (compartment, register of its weight) of each of the watched.
    feeds : (compartments,)
        Whether a signal depends on its cells.
    home : (slots,)
        Compartment of a slot.
    leave_ptr, leave : compressed rows
        Transitions at any age out of each compartment.
    assay_row : int
    most_changed : int
        Most slots that one event touches.
    """

    moves: bool
    tape: Int
    crowd: Int
    rate_row: Int
    source: Int
    fixed: NDArray[np.bool_]
    need_ptr: Places
    need: Int
    drifts: NDArray[np.bool_]
    asks: NDArray[np.bool_]
    count_ptr: Int
    counted: Int
    watched: Int
    ranged: NDArray[np.bool_]
    driving: NDArray[np.bool_]
    part_ptr: Int
    part: Int
    feeds: NDArray[np.bool_]
    home: Int
    leave_ptr: Int
    leave: Places
    assay_row: int
    most_changed: int


@dataclass(frozen=True)
class _Rows:
    """The rows of the tape that move, and what each of them rests on."""

    program: Program
    inputs: frozenset[int]

    def moving(self) -> dict[int, int]:
        """Return the row of the tape that makes each register that can change."""
        moved, made = set(self.inputs), {}
        for row in range(self.program.lane_end, len(self.program.tape)):
            _, target, *sources = (int(x) for x in self.program.tape[row])
            if moved & set(sources):
                moved.add(target)
                made[target] = row
        return made

    def needed(self, registers: Iterable[int], made: dict[int, int]) -> tuple[list[int], set[int]]:
        """Return the rows that make some registers, in order, and the inputs that these read."""
        rows: set[int] = set()
        read: set[int] = set()
        open_ = list(registers)
        while open_:
            register = open_.pop()
            if register in self.inputs:
                read.add(register)
            elif register in made and made[register] not in rows:
                rows.add(made[register])
                open_ += [int(x) for x in self.program.tape[made[register], 2:]]
        return sorted(rows), read


@lru_cache(maxsize=64)
def moving_of(program: Program, moves: bool) -> Moving:
    """Return the tables of a program.

    Parameters
    ----------
    moves : bool
        Whether signals and time are looked at between two events; without it numbers of cells
        alone change a rate.
    """
    p, assays = program, len(program.assay_ids)
    assay_rows = set(range(p.assay_row, p.assay_row + assays))
    drifting = set(range(p.signal_row, p.time_row + 1)) if moves else set()
    rows = _Rows(p, frozenset(assay_rows | drifting))
    made = rows.moving()
    rate_row = [-1 if k == TransitionKind.TIMED else int(r) for k, _, r, _ in p.transition]
    rate_row += [int(r) for r in p.advance_row]
    source = [int(s) for s in p.transition[:, 1]] + list(range(len(p.advance_row)))
    wanted = [[r] if r >= 0 else [] for r in rate_row] + _read_when_firing(p)
    needs = [rows.needed(registers, made) for registers in wanted]
    rates = len(rate_row)
    every = sorted({row for own, _ in needs[:rates] for row in own})
    crowd = _rows_after(p, every, assay_rows)
    secreted = {p.assay_row + int(a) for a in p.secretion[:, 1]}
    read = set().union(*(inputs for _, inputs in needs)) & assay_rows
    bounding = set().union(*(inputs for _, inputs in needs[:rates])) & assay_rows
    drift = [bool(inputs & drifting) for _, inputs in needs]
    drives = secreted if any(drift[:rates]) else set()
    watched = sorted(read | secreted)
    parts = [p.weight[p.weight[:, 0] == a - p.assay_row][:, 1:] for a in watched]
    feeding = {
        int(c) for a, part in zip(watched, parts, strict=True) if a in secreted for c, _ in part
    }
    leave = [
        [int(t) for t in p.exit[first:end] if p.transition[t, 0] == TransitionKind.ANY_AGE]
        for first, end in zip(p.exit_ptr, p.exit_ptr[1:], strict=False)
    ]
    return Moving(
        moves=any(drift[:rates]),
        tape=p.tape[every],
        crowd=p.tape[crowd],
        rate_row=np.array(rate_row, np.int32),
        source=np.array(source, np.int32),
        fixed=np.array([not inputs for _, inputs in needs[:rates]]),
        need_ptr=_pointers([own for own, _ in needs]).astype(np.int64),
        need=p.tape[[row for own, _ in needs for row in own]],
        drifts=np.array(drift),
        asks=np.array([bool(inputs) for _, inputs in needs[rates:]]),
        count_ptr=_pointers([inputs & assay_rows for _, inputs in needs]),
        counted=np.array(
            [watched.index(a) for _, inputs in needs for a in sorted(inputs & assay_rows)], np.int32
        ),
        watched=np.array(watched, np.int32),
        ranged=np.array([a in bounding | drives for a in watched], bool),
        driving=np.array([a in drives for a in watched], bool),
        part_ptr=_pointers(parts),
        part=np.concatenate([np.zeros((0, 2), np.int32), *parts]),
        feeds=np.array([c in feeding for c in range(len(p.advance_row))]),
        home=np.repeat(np.arange(len(p.stages)), p.stages).astype(np.int32),
        leave_ptr=_pointers(leave),
        leave=np.array([t for own in leave for t in own], np.int64),
        assay_row=p.assay_row,
        most_changed=3 + int(np.diff(p.product_ptr).max(initial=0)),
    )  # fmt: skip


def _pointers(items: Iterable[Iterable[object]]) -> Int:
    return np.cumsum([0, *(len(list(item)) for item in items)]).astype(np.int32)


def _rows_after(program: Program, rows: list[int], inputs: set[int]) -> list[int]:
    """Return those of some rows that depend on some inputs, in order."""
    reached, found = set(inputs), []
    for row in rows:
        _, target, *sources = (int(x) for x in program.tape[row])
        if reached & set(sources):
            reached.add(target)
            found.append(row)
    return found


def _read_when_firing(program: Program) -> list[list[int]]:
    """Return the registers that are read when a transition, or the end of a stage, has fired."""
    p = program
    outcomes = []
    for t in range(len(p.transition)):
        first, end = p.outcome_ptr[p.route_ptr[t : t + 2]]
        route = [int(p.route_row[t])] if p.route_row[t] >= 0 else []
        outcomes.append([*route, *(int(r) for r in p.outcome_row[first:end])])
    ends: list[list[int]] = []
    for c in range(len(p.advance_row)):
        own: list[int] = []
        for t in p.exit[p.exit_ptr[c] : p.exit_ptr[c + 1]]:
            if p.transition[t, 0] == TransitionKind.TIMED:
                own += [int(p.transition[t, 2]), *outcomes[t]]
        ends.append(own)
    return [*outcomes, *ends]
