"""Events of a plain network (SBML): which are due now, in which order, and what they set.

Both engines that take events share this: one finds the moment by its reactions, the other by roots.
Semantics of SBML Level 3: an event is due when its condition changes from false to true; all that
are due wait, the one of highest priority goes first, and its effects may make others due or call
them off.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import GeneralTable, Program
from senescape.errors import RunError
from senescape.rng import uniform

from .interpreter import read_tape_lane
from .state import State
from .tables import Tables

Float = NDArray[np.float64]
Int = NDArray[np.int32]

# columns of the event table
WRITTEN, EXACT, FLOWING, PERSISTENT, INITIAL, PRIORITY, AT_TRIGGER = range(7)

FINE, BAD_VALUE, NO_END, TWICE = 0, 6, 7, 8
MOST_AT_ONCE = 10_000


class EventTables(NamedTuple):
    """What kernels read of a :class:`senescape.compile.GeneralTable`."""

    event: Int
    root: Int
    assign_ptr: Int
    assign: Int


def event_tables(general: GeneralTable) -> EventTables:
    """Return the tables of a program's events."""
    return EventTables(*(getattr(general, name) for name in EventTables._fields))


@njit(cache=True, nogil=True, error_model="numpy")
def load(tables: Tables, counts: Float, signal: Float, registers: Float, time: float) -> None:
    """Bring the registers of one lane up to date with its numbers, signals and time."""
    for k in range(counts.shape[0]):
        registers[tables.assay_row + k] = counts[k]
    for k in range(signal.shape[0]):
        registers[tables.signal_row + k] = signal[k]
    registers[tables.time_row] = time
    read_tape_lane(tables.tape, tables.lane_end, tables.tape.shape[0], registers)


@njit(cache=True, nogil=True, error_model="numpy")
def _look(
    tables: EventTables,
    column: int,
    registers: Float,
    before: Float,
    waiting: Int,
    values: Float,
) -> int:
    """Note which conditions have become true or false; returns an event that waits twice, or -1."""
    event = tables.event
    twice = -1
    for e in range(event.shape[0]):
        now = registers[event[e, column]] != 0.0
        if now and before[e] == 0.0:
            if waiting[e] == 1:
                twice = e
            waiting[e] = 1
            for k in range(tables.assign_ptr[e], tables.assign_ptr[e + 1]):
                values[k] = registers[tables.assign[k, 2]]
        elif not now and event[e, PERSISTENT] == 0:
            waiting[e] = 0
        before[e] = 1.0 if now else 0.0
    return twice


@njit(cache=True, nogil=True, error_model="numpy")
def _first(
    tables: EventTables, registers: Float, waiting: Int, key: int, counter: int
) -> tuple[int, int]:
    """Return the event that goes first (-1: none waits) and the position in the stream."""
    chosen, alike, highest = -1, 0, -math.inf
    for e in range(tables.event.shape[0]):
        if waiting[e] == 0:
            continue
        row = tables.event[e, PRIORITY]
        priority = registers[row] if row >= 0 else -math.inf
        if chosen < 0 or priority > highest:
            chosen, highest, alike = e, priority, 1
        elif row >= 0 and priority == highest:
            # each of the equals with the same chance, whatever their number
            alike += 1
            if uniform(key, counter) * alike < 1.0:
                chosen = e
            counter += 1
    return chosen, counter


@njit(cache=True, nogil=True, error_model="numpy")
def _assign(
    tables: EventTables,
    chosen: int,
    values: Float,
    counts: Float,
    signal: Float,
    registers: Float,
    whole: bool,
) -> bool:
    """Set what an event sets, all at once; False where a number cannot be."""
    first, last = tables.assign_ptr[chosen], tables.assign_ptr[chosen + 1]
    if tables.event[chosen, AT_TRIGGER] == 0:
        for k in range(first, last):
            values[k] = registers[tables.assign[k, 2]]
    for k in range(first, last):
        value = values[k]
        if not math.isfinite(value):
            return False
        if tables.assign[k, 0] == 1:
            signal[tables.assign[k, 1]] = value
        else:
            if value < 0.0 or (whole and value != math.floor(value)):
                return False
            counts[tables.assign[k, 1]] = value
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def settle(
    tables: Tables,
    events: EventTables,
    column: int,
    counts: Float,
    signal: Float,
    before: Float,
    registers: Float,
    time: float,
    whole: bool,
    key: int,
    counter: int,
) -> tuple[int, int, int, int]:
    """Let every event that is due happen, in one lane whose registers are up to date.

    Parameters
    ----------
    column : int
        Which form of the conditions is read (:data:`WRITTEN`, :data:`EXACT`, :data:`FLOWING`).
    before : (events,)
        Whether each condition held at the last look (1 or 0); changed in place.
    whole : bool
        Whether numbers of particles must stay whole.
    key, counter : int
        Stream from which ties of priority are drawn.

    Returns
    -------
    tuple
        FINE, BAD_VALUE, NO_END or TWICE; the event; how many happened; position in the stream.
    """
    due = False
    for e in range(events.event.shape[0]):
        now = registers[events.event[e, column]] != 0.0
        if now and before[e] == 0.0:
            due = True
        elif not now:
            before[e] = 0.0
    if not due:
        return FINE, -1, 0, counter
    waiting = np.zeros(before.shape[0], np.int32)
    values = np.zeros(events.assign.shape[0])
    happened = 0
    while True:
        twice = _look(events, column, registers, before, waiting, values)
        if twice >= 0:
            return TWICE, twice, happened, counter
        chosen, counter = _first(events, registers, waiting, key, counter)
        if chosen < 0:
            return FINE, -1, happened, counter
        happened += 1
        if happened > MOST_AT_ONCE:
            return NO_END, chosen, happened, counter
        waiting[chosen] = 0
        if not _assign(events, chosen, values, counts, signal, registers, whole):
            return BAD_VALUE, chosen, happened, counter
        load(tables, counts, signal, registers, time)


@njit(cache=True, nogil=True, error_model="numpy")
def settle_start(
    tables: Tables,
    events: EventTables,
    counts: Float,
    signal: Float,
    before: Float,
    registers: Float,
    time: float,
    whole: bool,
    key: int,
    counter: int,
) -> tuple[int, int, int, int]:
    """Let the events of the start happen.

    ``time > 0`` is false at 0 and due right after, at the next step; ``time >= 0`` is true at 0
    already, and is due only if its initial value is false.
    """
    load(tables, counts, signal, registers, time)
    for e in range(before.shape[0]):
        before[e] = events.event[e, INITIAL]
    return settle(
        tables, events, WRITTEN, counts, signal, before, registers, time, whole, key, counter
    )


def event_error(program: Program, kind: int, event: int, place: str) -> RunError:
    """Return the refusal that belongs to an outcome of :func:`settle`."""
    assert program.general is not None
    name = program.general.event_ids[event]
    if kind == NO_END:
        return RunError(
            f"event {name} and others set each other off without end {place}",
            allowed=f"at most {MOST_AT_ONCE} events at one time",
            remedy="let an event make its own condition false",
            check="run.events-without-end",
        )
    if kind == TWICE:
        return RunError(
            f"event {name} becomes due again before it has happened {place}",
            allowed="an event that waits once",
            remedy="give the events that act on its condition another priority",
            check="run.event-twice",
        )
    return RunError(
        f"event {name} sets a value that cannot be {place}",
        allowed="finite numbers; amounts of at least 0, whole in the exact engine",
        remedy="look at its assignments, or use the mean-field engine",
        check="run.event-value",
    )


def described(program: Program, state: State, lane: int, time: float) -> str:
    """Say where a run stopped: time, lane and the first numbers of particles."""
    shown = [
        f"{name} = {count:g}"
        for name, count in zip(program.compartment_ids, state.counts[:, lane], strict=True)
    ]
    more = ", ..." if len(shown) > 8 else ""
    return f"at time {time:.6g} (replicate {lane}; {', '.join(shown[:8])}{more})"
