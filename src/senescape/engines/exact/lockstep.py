"""Direct stochastic simulation of many lanes in lock-step: one event of each lane a round.

LANES trajectories (of hosts, wells, replicates) stand side by side; a round reads the tape once
for all of them, and every loop over lanes is vectorised. A lane that reaches the stop makes room
for the next; by the lack of memory its next event is drawn anew. The draws of a lane are those at
its own positions of its own stream: no byte depends on its neighbours, their number or their order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cfunc, config, njit, typeof, types
from numpy.typing import NDArray

from senescape.engines.interpreter import ADD, DIV, MUL, SUB, tape_reader
from senescape.engines.tables import Tables
from senescape.lane_math import lane_log_of_normal
from senescape.rng import stream_word, uniform

from .flat import ACC, BY_AGE, PLAIN, Flat
from .step import ANY_AGE, DONE, TIMED, TOO_MANY

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Places = NDArray[np.int64]
Keys = NDArray[np.uint64]

LANES = 64
# Rows of a block lie this far apart: a whole page (eight rows of 64) would let the processor take
# what is written to one row for what is read from another.
STRIDE = LANES + 8
TIME, OVER, PLACE, CHOSEN, LIVE, TOTAL, WAIT, ALARM, CARRY = (LANES * row for row in range(9))
DRAWS = 5  # positions of the stream that a round uses: wait, event, stage, exit, outcome
BAD_RATE, BELOW_ZERO = -1, -1_000_000  # less the number of the event


@njit(cache=True, nogil=True, error_model="numpy")
def interpreted_round(
    tape: Int, read: Any, place: Places, block: Float, f: Float, words: Keys, until: float
) -> None:
    """Draw the next event of every lane: its time, whether that is too late, and which it is.

    Parameters
    ----------
    tape, read
        See :class:`.flat.Flat` and :func:`senescape.engines.interpreter.tape_reader`.
    place : (2,)
        Row of the first cumulative rate, and of the last.
    block : (rows, STRIDE)
    f : (9 LANES,)
        Written: TOTAL, TIME, OVER, CHOSEN. A generated round of few rows also lets the event happen
        where CARRY is 1. LIVE is left alone; the rest is scratch.
    words : (LANES,)
        Where the stream of each lane stands.
    until : float
        [day]
    """
    for row in range(tape.shape[0]):
        op = tape[row, 0]
        d, a = block[tape[row, 1]], block[tape[row, 2]]
        b, c = block[tape[row, 3]], block[tape[row, 4]]
        if op == ACC:
            for i in range(LANES):
                d[i] = c[i] + a[i] * b[i]
        elif op == MUL:
            for i in range(LANES):
                d[i] = a[i] * b[i]
        elif op == ADD:
            for i in range(LANES):
                d[i] = a[i] + b[i]
        elif op == SUB:
            for i in range(LANES):
                d[i] = a[i] - b[i]
        elif op == DIV:
            for i in range(LANES):
                d[i] = a[i] / b[i]
        else:
            read(tape, row, row + 1, block)
    total = block[place[1]]
    for i in range(LANES):
        f[TOTAL + i] = total[i] + 0.0  # 0 * (0 - 1) is -0, and would wait -inf
    for i in range(LANES):
        f[WAIT + i] = uniform(words[i], 0)
        f[PLACE + i] = uniform(words[i], 1)
    for i in range(LANES):
        at = f[TIME + i] - lane_log_of_normal(f[WAIT + i]) / f[TOTAL + i]
        late = 0.0 if at <= until else 1.0
        f[OVER + i] = late
        f[TIME + i] = until if late != 0.0 else at
        f[PLACE + i] *= f[TOTAL + i]
        f[CHOSEN + i] = 0.0
    for event in range(place[0], place[1]):
        sums = block[event]
        for i in range(LANES):
            f[CHOSEN + i] += 1.0 if f[PLACE + i] >= sums[i] else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def read_rows(flat: Flat, read: Any, block: Float) -> None:
    """Compute every row of the tape; ``block``: (rows, 1)."""
    for row in range(flat.tape.shape[0]):
        op, d = flat.tape[row, 0], flat.tape[row, 1]
        a, b, c = (
            block[flat.tape[row, 2], 0],
            block[flat.tape[row, 3], 0],
            block[flat.tape[row, 4], 0],
        )
        if op == ACC:
            block[d, 0] = c + a * b
        elif op == MUL:
            block[d, 0] = a * b
        elif op == ADD:
            block[d, 0] = a + b
        elif op == SUB:
            block[d, 0] = a - b
        elif op == DIV:
            block[d, 0] = a / b
        else:
            read(flat.tape, row, row + 1, block)


@lru_cache(maxsize=1)
def interpreter() -> Any:
    """Return :func:`interpreted_round` as a pointer, or in plain Python itself."""
    if config.DISABLE_JIT:
        return interpreted_round

    read = tape_reader()

    def draw(
        tape: Int, read: Any, place: Places, block: Float, f: Float, words: Keys, until: float
    ) -> None:
        interpreted_round(tape, read, place, block, f, words, until)

    return cfunc(draw_signature(typeof(read)), cache=True)(draw)


def draw_signature(read: Any) -> Any:
    """Return the type of a round, given that of the pointer to the tape's reader."""
    rows, numbers = types.Array(types.int32, 2, "C"), types.Array(types.float64, 2, "C")
    vector = types.Array(types.float64, 1, "C")
    places, words = types.Array(types.int64, 1, "C"), types.Array(types.uint64, 1, "C")
    return types.void(rows, read, places, numbers, vector, words, types.float64)


@njit(cache=True, nogil=True, error_model="numpy")
def _place(
    flat: Flat, tables: Tables, block: Float, fired: Float, lane: int, index: int, chance: float
) -> None:
    """Place the products of one firing of a transition; the source cell has been taken away."""
    own = flat.slots  # registers of the Program stand after the slots
    route = tables.route_ptr[index]
    row = tables.route_row[index]
    if row >= 0:
        route += min(max(int(block[own + row, lane]), 0), tables.route_ptr[index + 1] - route - 1)
    fired[flat.event.shape[0] + 1 + index, lane] += 1.0
    last = tables.outcome_ptr[route + 1]
    for outcome in range(tables.outcome_ptr[route], last):
        chance -= block[own + tables.outcome_row[outcome], lane]
        if chance < 0.0 or outcome == last - 1:
            for p in range(tables.product_ptr[outcome], tables.product_ptr[outcome + 1]):
                block[tables.slot_ptr[tables.product[p, 0]], lane] += tables.product[p, 1]
            return


@njit(cache=True, nogil=True, error_model="numpy")
def _take(tables: Tables, block: Float, lane: int, source: int, chance: float) -> int:
    """Take one cell out of a compartment, each as likely as the other; return its slot."""
    first, end = tables.slot_ptr[source], tables.slot_ptr[source + 1]
    cells = 0.0
    for slot in range(first, end):
        cells += block[slot, lane]
    left, taken = chance * cells, first
    for slot in range(first, end):
        if block[slot, lane] > 0.0:
            taken = slot
            left -= block[slot, lane]
            if left < 0.0:
                break
    block[taken, lane] -= 1.0
    return taken


@njit(cache=True, nogil=True, error_model="numpy")
def _leave_by_share(
    flat: Flat,
    tables: Tables,
    block: Float,
    fired: Float,
    lane: int,
    source: int,
    slot: int,
    first: float,
    second: float,
) -> None:
    """Let a cell at the end of its stages take one of the timed exits, by their shares."""
    shares, chosen = 0.0, -1
    exits = range(tables.exit_ptr[source], tables.exit_ptr[source + 1])
    for e in exits:
        index = tables.exit[e]
        if tables.transition[index, 0] == TIMED:
            shares += block[flat.slots + tables.transition[index, 2], lane]
    left = first * shares
    for e in exits:
        index = tables.exit[e]
        share = block[flat.slots + tables.transition[index, 2], lane]
        if tables.transition[index, 0] == TIMED and share > 0.0:
            chosen = index
            left -= share
            if left < 0.0:
                break
    if chosen < 0:
        block[slot, lane] += 1.0  # no open door: the cell stays in its last stage
    else:
        _place(flat, tables, block, fired, lane, chosen, second)


@njit(cache=True, nogil=True, error_model="numpy")
def happen(
    flat: Flat,
    tables: Tables,
    block: Float,
    fired: Float,
    lane: int,
    event: int,
    word: int,
) -> None:
    """Let one event happen that is more than a fixed change."""
    kind, index, source = flat.event[event, 0], flat.event[event, 1], flat.event[event, 2]
    stage, way, outcome = uniform(word, 2), uniform(word, 3), uniform(word, 4)
    if kind == BY_AGE:
        if tables.transition[index, 0] == ANY_AGE:
            _take(tables, block, lane, source, stage)
        _place(flat, tables, block, fired, lane, index, outcome)
        return
    slot = _take(tables, block, lane, source, stage)
    if slot + 1 < tables.slot_ptr[source + 1]:
        block[slot + 1, lane] += 1.0
    else:
        _leave_by_share(flat, tables, block, fired, lane, source, slot, way, outcome)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sum(f: Float, first: int) -> float:
    """Return the sum of one row of the buffer: halves are added in vectors."""
    for i in range(LANES // 2):
        f[WAIT + i] = f[first + i] + f[first + LANES // 2 + i]
    for i in range(LANES // 4):
        f[WAIT + i] += f[WAIT + LANES // 4 + i]
    for i in range(LANES // 8):
        f[WAIT + i] += f[WAIT + LANES // 8 + i]
    total = 0.0
    for i in range(LANES // 8):
        total += f[WAIT + i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def load_lane(
    block: Float, fired: Float, flat: Flat, counts: Float, registers: Float, place: int, lane: int
) -> None:
    """Put a lane into a place of the block."""
    for r in range(flat.slots):
        block[r, place] = counts[r, lane]
    for r in range(registers.shape[0]):
        block[flat.slots + r, place] = registers[r, lane]
    for r in range(fired.shape[0]):
        fired[r, place] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _show(block: Float, counts: Float, slots: int, place: int, lane: int) -> None:
    """Write the numbers of a lane back, for the error that names them."""
    for r in range(slots):
        counts[r, lane] = block[r, place]


@njit(cache=True, nogil=True, error_model="numpy")
def bad_event(flat: Flat, block: Float, place: int) -> int:
    """Return the first event whose rate is negative or not finite; -1: none."""
    before = 0.0
    for event in range(flat.event.shape[0]):
        now = block[flat.first + event, place]
        if not before <= now < np.inf:
            return event
        before = now
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes_together(
    flat: Flat,
    tables: Tables,
    read: Any,
    draw: Any,
    carry: bool,
    watch: bool,
    guard: bool,
    counts: Float,
    tally: Float,
    registers: Float,
    key: Float,
    counter: Places,
    start: float,
    until: float,
    most: int,
) -> tuple[int, int, float]:
    """Advance every lane from ``start`` to ``until``, in place.

    Parameters
    ----------
    read : pointer
        See :func:`senescape.engines.interpreter.tape_reader`.
    draw : pointer
        :func:`interpreter`, or a round that was generated for this program.
    carry : bool
        The round also lets the events happen (a generated one; never with ``watch`` or ``guard``).
    watch : bool
        Look for negative rates in every round (they are possible in this program).
    guard : bool
        Look for numbers below 0 (likewise).
    counts, tally, registers : (rows, lanes)
    key, counter : (lanes,)
    start, until : float
        [day]
    most : int
        Events of one lane.

    Returns
    -------
    tuple
        (outcome, lane, time): DONE, TOO_MANY, BAD_RATE - event, or BELOW_ZERO - event.
    """
    lanes, events = counts.shape[1], flat.event.shape[0]
    block, fired = np.zeros((flat.rows, STRIDE)), np.zeros((events + 1 + tally.shape[0], LANES))
    # one buffer with constant places: no two rows of it can be thought to overlap
    f, words = np.zeros(9 * LANES), np.zeros(LANES, np.uint64)
    who = np.zeros(LANES, np.int64)
    since, oldest, rounds = np.zeros(LANES, np.int64), 0, 0
    place = np.array([flat.first, flat.total])
    what, changed, change = flat.event, flat.changed, flat.change
    nothing = float(events)
    alive, following = 0, 0
    for i in range(LANES):
        lane = min(i, lanes - 1)
        load_lane(block, fired, flat, counts, registers, i, lane)
        block[flat.one, i] = 1.0
        words[i] = stream_word(key[lane], counter[lane])
        f[TIME + i], who[i] = start, lane
        if i < lanes:
            f[LIVE + i] = 1.0
            f[CARRY + i] = 1.0 if carry else 0.0
            alive, following = alive + 1, following + 1
    while alive > 0:
        draw(flat.tape, read, place, block, f, words, until)
        # a lane at its stop, a rate that is negative or no number: one number for all, by halves
        for i in range(LANES):
            f[ALARM + i] = f[OVER + i] * f[LIVE + i] + (abs(f[TOTAL + i]) - f[TOTAL + i])
        alarm = _sum(f, ALARM)
        fault = 0.0
        if alarm != 0.0:
            for i in range(LANES):
                fault += abs(f[TOTAL + i]) - f[TOTAL + i]
        if watch:
            for event in range(1, events):
                low, high = block[flat.first + event - 1], block[flat.first + event]
                for i in range(LANES):
                    fault += 0.0 if high[i] >= low[i] else 1.0
        if fault != 0.0:
            for i in range(LANES):
                # with events carried out, a lane whose sum is sound stands one event further on
                sound = carry and 0.0 <= f[TOTAL + i] < np.inf
                if sound or f[LIVE + i] == 0.0:
                    continue
                own = block[:, i : i + 1].copy()  # a generated round keeps no sums
                read_rows(flat, read, own)
                bad = bad_event(flat, own, 0)
                if bad >= 0:
                    _show(block, counts, flat.slots, i, who[i])
                    return BAD_RATE - bad, who[i], f[TIME + i]
        if alarm != 0.0 or alive < LANES:  # nothing happens in a lane that stands still
            for i in range(LANES):
                if f[OVER + i] != 0.0 or f[LIVE + i] == 0.0:
                    f[CHOSEN + i] = nothing
        for i in range(LANES if carry else 0):
            fired[np.uint64(f[CHOSEN + i]), i] += 1.0
        for i in range(0 if carry else LANES):
            chosen = np.uint64(f[CHOSEN + i])
            fired[chosen, i] += 1.0
            low = 0.0
            for d in range(flat.changes):  # the same for all events: no branch to guess
                slot = changed[chosen, d]
                now = block[slot, i] + change[chosen, d]
                block[slot, i] = now
                low = min(low, now)
            f[ALARM + i] = low
        if guard and _sum(f, ALARM) < 0.0:
            for i in range(LANES):
                if f[ALARM + i] < 0.0:
                    chosen = np.uint64(f[CHOSEN + i])
                    for d in range(flat.changes):  # the numbers before it are what explains it
                        block[changed[chosen, d], i] -= change[chosen, d]
                    _show(block, counts, flat.slots, i, who[i])
                    return BELOW_ZERO - int(f[CHOSEN + i]), who[i], f[TIME + i]
        if flat.drawn:
            for i in range(LANES):
                event = int(f[CHOSEN + i])
                if event < events and what[event, 0] != PLAIN:
                    happen(flat, tables, block, fired, i, event, words[i])
        if rounds - oldest >= most:
            for i in range(LANES):
                if f[LIVE + i] != 0.0 and rounds - since[i] >= most:
                    return TOO_MANY, who[i], f[TIME + i]
        for i in range(LANES):
            words[i] = stream_word(words[i], DRAWS)
        rounds += 1
        if alarm == 0.0:
            continue
        for i in range(LANES):
            if f[OVER + i] == 0.0 or f[LIVE + i] == 0.0:
                continue
            lane = who[i]
            for r in range(flat.slots):
                counts[r, lane] = block[r, i]
            for event in range(events):
                if what[event, 0] == PLAIN:
                    tally[what[event, 1], lane] += fired[event, i]
            for r in range(tally.shape[0]):
                tally[r, lane] += fired[events + 1 + r, i]
            counter[lane] += DRAWS * (rounds - since[i])
            if following < lanes:
                lane = following
                following += 1
                load_lane(block, fired, flat, counts, registers, i, lane)
                words[i] = stream_word(key[lane], counter[lane])
                since[i], who[i], f[TIME + i] = rounds, lane, start
            else:
                f[LIVE + i], f[CARRY + i] = 0.0, 0.0
                since[i] = 1 << 62
                alive -= 1
        oldest = since.min()
    return DONE, -1, until
