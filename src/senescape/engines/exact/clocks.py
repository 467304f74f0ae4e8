"""Every event by the clock of its own channel, so that twins share what does not concern them.

A channel is a transition, or the advance out of one stage. Its clock runs by the cell-days that its
source has lived (or by the calendar). It strikes at the points of :mod:`.points`; a strike is an
event where the height of the point lies below the hazard at that time. That is the random time
change representation (Anderson & Kurtz 2011, doi:10.1007/978-1-4419-6766-4_1; with common clocks
the common reaction path of Rathinam, Sheppard & Khammash 2010, doi:10.1063/1.3509776; searched as
Anderson 2007, doi:10.1063/1.2799998, does) with a height in place of an integral: at a constant
hazard the accepted points are a unit-rate Poisson process of hazard times cell-days; where the
hazard moves between two events the law stays exact, and no integral is needed.

Bounds over a window only say which points to look at. A point is accepted or not whatever the
bound, the window or the other channels, hence:

- a channel's events depend on its key, its hazard and its source, not on the other channels;
- an arm with a higher hazard keeps all points of the lower, and adds some.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import norm, propagate
from senescape.engines.tables import Tables
from senescape.lane_math import lane_log
from senescape.rng import absorb, draw_key, uniform

from .bounds import enclose_signals, read_tape_bounds
from .points import (
    DRAWS,
    HIGHEST,
    OF_STAGE,
    OF_TRANSITION,
    OUTCOME,
    STAGE,
    STRIPS,
    channel_key,
    first_point,
    next_point,
    point_height,
    strip_floor,
)
from .step import (
    ANY_AGE,
    BROKEN,
    DONE,
    HALVINGS,
    LOOSE,
    MARGIN,
    TIMED,
    TOO_MANY,
    UNBOUNDED,
    fire,
    happen,
    load_assays,
)

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]
Int = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def fill_hazards(
    transition: Int, advance_row: Int, slot_ptr: Int, registers: Float, counts: Float,
    hazard: Float, cells: Float, strict: bool,
) -> int:  # fmt: skip
    """Write the hazard of every channel and the number of cells exposed to it.

    Channels are the transitions, then the slots (their advance). ``strict``: a hazard that is
    negative or not finite returns -1 - transition (compartments are counted after them); otherwise
    0, and negative ones count as 0. Where no cell is exposed nothing is read.
    """
    transitions = transition.shape[0]
    for t in range(transitions):
        kind, source = transition[t, 0], transition[t, 1]
        hazard[t], cells[t] = 0.0, 0.0
        if kind == TIMED:
            continue
        cells[t] = 1.0
        if kind == ANY_AGE:
            total = 0.0
            for slot in range(slot_ptr[source], slot_ptr[source + 1]):
                total += counts[slot]
            cells[t] = total
            if total == 0.0:
                continue
        value = registers[transition[t, 2]]
        if strict and not 0.0 <= value < math.inf:
            return -1 - t
        hazard[t] = max(0.0, value)
    for c in range(advance_row.shape[0]):
        row = advance_row[c]
        for slot in range(slot_ptr[c], slot_ptr[c + 1]):
            hazard[transitions + slot], cells[transitions + slot] = 0.0, 0.0
            if row < 0 or counts[slot] == 0.0:
                continue
            value = registers[row]
            if strict and not 0.0 <= value < math.inf:
                return -1 - transitions - c
            hazard[transitions + slot] = max(0.0, value)
            cells[transitions + slot] = counts[slot]
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def advance_stage(
    tables: Tables, registers: Float, counts: Float, tally: Float, slot: int, own: int, index: int
) -> None:
    """Let one cell pass on to its next stage, or after the last through one of the timed exits.

    Exits race, each with an exponential time of its own divided by its share (the exit is then
    drawn by share): shutting one re-routes only the cells that would have taken it.
    """
    compartment = 0
    while tables.slot_ptr[compartment + 1] <= slot:
        compartment += 1
    if slot + 1 < tables.slot_ptr[compartment + 1]:
        counts[slot] -= 1.0
        counts[slot + 1] += 1.0
        return
    soonest, timed = math.inf, -1
    for e in range(tables.exit_ptr[compartment], tables.exit_ptr[compartment + 1]):
        t = tables.exit[e]
        share = registers[tables.transition[t, 2]]
        if tables.transition[t, 0] == TIMED and share > 0.0:
            chance = uniform(draw_key(own, index, tables.transition[t, 3], 0), 0)
            at = -lane_log(chance) / share
            if at < soonest:
                soonest, timed = at, t
    if timed < 0:
        return  # no open door: the cell stays in its last stage
    counts[slot] -= 1.0
    chance = uniform(own, DRAWS * index + OUTCOME)
    fire(tables, registers, counts, tally, timed, chance)


@njit(cache=True, nogil=True, error_model="numpy")
def raise_strips(
    key: int, bound: float, lived: float, top: int, window: Float, index: Float, place: Float
) -> int:
    """Look up the next point of every strip that reaches below ``bound``; return their number."""
    while top < STRIPS and strip_floor(top) < bound:
        window[top], index[top], place[top] = first_point(key, top, lived)
        top += 1
    return top


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_strip(place: Float, top: int) -> int:
    """Return the strip whose next point comes first; 0 where there is none."""
    nearest = 0
    for strip in range(1, top):
        if place[strip] < place[nearest]:
            nearest = strip
    return nearest


@njit(cache=True, nogil=True, error_model="numpy")
def load_environment(
    tape: Int, coupling: Int, lane_end: int, signal_row: int, time_row: int, registers: Float,
    signal: Float, given: Float, lag: float, time: float, there: Float, work: Float,
) -> None:  # fmt: skip
    """Bring the registers to ``time``, ``lag`` after the time at which ``signal`` is known."""
    for i in range(signal.shape[0]):
        there[i] = signal[i]
    propagate(coupling, registers, there, given, lag, work)
    for i in range(signal.shape[0]):
        registers[signal_row + i] = there[i]
    registers[time_row] = time
    read_tape_lane(tape, lane_end, tape.shape[0], registers)


@njit(cache=True, nogil=True, error_model="numpy")
def grid_end(time: float, speed: float) -> float:
    """Return the next multiple of the largest power of two below half the signals' time scale."""
    width = 2.0 ** math.floor(math.log2(0.5 / speed))
    return (math.floor(time / width) + 1.0) * width


@njit(cache=True, nogil=True, error_model="numpy")
def bound_hazards(
    tables: Tables, registers: Float, counts: Float, signal: Float, given: Float, time: float,
    end: float, hazard: Float, bound: Float, cells: Float, low: Float, high: Float, box: Float,
    work: Float,
) -> float:  # fmt: skip
    """Write upper bounds of all hazards from ``time`` on; return until when, -inf where none is.

    ``signal``: at ``time``. ``box``: (3, signals), scratch.
    """
    transition, advance_row, slot_ptr = tables.transition, tables.advance_row, tables.slot_ptr
    now = 0.0
    for k in range(hazard.shape[0]):
        now += hazard[k] * cells[k]
    width = end - time
    for _ in range(HALVINGS + 1):
        last = box[2]
        for i in range(signal.shape[0]):
            last[i] = signal[i]
        propagate(tables.coupling, registers, last, given, width, work)
        held = enclose_signals(
            tables.coupling, registers, signal, last, given, width, box[0], box[1], work
        )
        if held:
            for i in range(registers.shape[0]):
                low[i], high[i] = registers[i], registers[i]
            for i in range(signal.shape[0]):
                low[tables.signal_row + i] = box[0, i]
                high[tables.signal_row + i] = box[1, i]
            high[tables.time_row] = time + width
            read_tape_bounds(tables.tape, tables.lane_end, tables.tape.shape[0], low, high)
            fill_hazards(transition, advance_row, slot_ptr, high, counts, bound, cells, False)
            total, highest = 0.0, 0.0
            for k in range(bound.shape[0]):
                bound[k] *= 1.0 + MARGIN
                highest = max(highest, bound[k] * max(1.0, cells[k]))
                total += bound[k] * cells[k]
            if highest < HIGHEST and (total <= LOOSE * now or total * width <= 1.0):
                return end if width >= end - time else time + width
        width *= 0.5
        if time + width <= time:
            break  # a window shorter than the time's last digit would never pass
    return -math.inf


@njit(cache=True, nogil=True, error_model="numpy")
def strike_time(
    place: Float, top: int, nearest: int, shown: float, since: float, speed: float
) -> float:
    """Return when a clock reaches the next point of its strips; infinity: never."""
    if speed == 0.0 or top == 0:
        return math.inf
    return since + (place[nearest] - shown) / speed


@njit(cache=True, nogil=True, error_model="numpy")
def set_clocks(
    keys: Keys, bound: Float, cells: Float, time: float, daily: bool, clock: Float, top: Float,
    nearest: Float, when: Float, window: Float, index: Float, place: Float,
) -> None:  # fmt: skip
    """Let every clock run at its present speed, and look up the points below the present bounds.

    A clock whose speed and strips are as they were keeps the time of its next strike to the bit.
    ``daily``: clocks run by the calendar, and heights (``bound``, changed) are hazards times cells.
    """
    shown, since, speed = clock[0], clock[1], clock[2]
    for k in range(keys.shape[0]):
        if daily:
            bound[k] *= cells[k]
            cells[k] = 1.0
        if cells[k] != speed[k]:
            shown[k] += speed[k] * (time - since[k])
            since[k], speed[k] = time, cells[k]
            when[k] = -math.inf
        if cells[k] > 0.0 and bound[k] > 0.0 and (top[k] == 0 or strip_floor(top[k]) < bound[k]):
            lived = shown[k] + speed[k] * (time - since[k])
            top[k] = raise_strips(keys[k], bound[k], lived, top[k], window[k], index[k], place[k])
            nearest[k] = nearest_strip(place[k], top[k])
            when[k] = -math.inf
        if when[k] == -math.inf:
            when[k] = strike_time(place[k], top[k], nearest[k], shown[k], since[k], speed[k])


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lane(
    tables: Tables,
    moves: bool,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    assays: int,
    keys: Keys,
    clock: Float,
    start: float,
    until: float,
    most: int,
    daily: bool,
) -> tuple[int, float]:
    """Advance one lane; returns (outcome, time reached).

    Parameters
    ----------
    keys : (channels,)
    clock : (3, channels)
        What the clock showed at the last change of its speed, when that was, and the speed since:
        a stop at which nothing changes leaves no trace.
    moves, most
        As in :func:`.step.advance_lane`, and so are the outcomes.
    """
    # local names: passing the whole tuple on costs more than the arithmetic
    transition, advance_row, slot_ptr = tables.transition, tables.advance_row, tables.slot_ptr
    tape, coupling, lane_end = tables.tape, tables.coupling, tables.lane_end
    signal_row, time_row = tables.signal_row, tables.time_row
    transitions, channels, signals = transition.shape[0], keys.shape[0], signal.shape[0]
    shown, since, speed = clock[0], clock[1], clock[2]
    hazard, bound, cells = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    true_hazard = np.zeros(channels)
    top, nearest = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    when = np.full(channels, math.inf)
    window = np.empty((channels, STRIPS), np.int64)
    index = np.empty((channels, STRIPS), np.int64)
    place = np.empty((channels, STRIPS))
    work, box = np.zeros((2, signals)), np.zeros((3, signals))
    given, there = np.zeros(signals), np.zeros(signals)
    low, high = registers.copy(), registers.copy()
    time, known, happened = start, start, 0  # `known`: time at which `signal` holds
    while time < until:
        load_assays(tables, counts, registers, assays)
        for i in range(signals):
            given[i] = supply[i]
        for s in range(tables.secretion.shape[0]):
            total = registers[tables.assay_row + tables.secretion[s, 1]]
            given[tables.secretion[s, 0]] += registers[tables.secretion[s, 2]] * total
        load_environment(
            tape,
            coupling,
            lane_end,
            signal_row,
            time_row,
            registers,
            signal,
            given,
            time - known,
            time,
            there,
            work,
        )
        bad = fill_hazards(
            transition, advance_row, slot_ptr, registers, counts, hazard, cells, True
        )
        if bad < 0:
            return bad, time
        end, rate = until, norm(tables.coupling, registers)
        if moves:
            if rate > 0.0:
                end = min(until, grid_end(time, rate))
            grid = end
            end = bound_hazards(
                tables, registers, counts, there, given, time, end, hazard, bound, cells, low,
                high, box, work,
            )  # fmt: skip
            if end == -math.inf:
                return UNBOUNDED, time
        else:
            grid = end
            for k in range(channels):
                bound[k] = hazard[k]
                if bound[k] * max(1.0, cells[k]) >= HIGHEST:
                    return UNBOUNDED, time
        set_clocks(keys, bound, cells, time, daily, clock, top, nearest, when, window, index, place)
        while True:
            k = 0
            for other in range(1, channels):
                if when[other] < when[k]:
                    k = other
            if when[k] >= end:
                time = end
                if end == grid:
                    propagate(tables.coupling, registers, signal, given, time - known, work)
                    known = time
                break
            strip = nearest[k]
            at, point = window[k, strip], index[k, strip]
            height = point_height(keys[k], strip, at, point)
            strikes = height < bound[k]
            if strikes and moves:
                struck = max(time, when[k])
                load_environment(
                    tape,
                    coupling,
                    lane_end,
                    signal_row,
                    time_row,
                    registers,
                    signal,
                    given,
                    struck - known,
                    struck,
                    there,
                    work,
                )
                bad = fill_hazards(
                    transition, advance_row, slot_ptr, registers, counts, true_hazard, cells, True
                )
                if bad < 0:
                    return bad, struck
                true = true_hazard[k] * (cells[k] if daily else 1.0)
                if true > bound[k] * (1.0 + 1e-6):
                    return BROKEN, struck
                strikes = height < true
            reached = place[k, strip]
            # a strip far above the hazard is dropped; it is looked up again when it is needed
            if not strikes and strip == top[k] - 1 and bound[k] <= 0.5 * strip_floor(strip):
                top[k] -= 1
            else:
                window[k, strip], index[k, strip], place[k, strip] = next_point(
                    keys[k], strip, at, point, reached
                )
            nearest[k] = nearest_strip(place[k], top[k])
            if not strikes:
                when[k] = strike_time(place[k], top[k], nearest[k], shown[k], since[k], speed[k])
                continue
            time = max(time, when[k])
            if signals > 0:
                propagate(tables.coupling, registers, signal, given, time - known, work)
                known = time
            shown[k], since[k], when[k] = reached, time, -math.inf
            own = draw_key(keys[k], at, strip, 0)
            if k < transitions:
                first = uniform(own, DRAWS * point + STAGE)
                second = uniform(own, DRAWS * point + OUTCOME)
                happen(tables, registers, counts, tally, k, first, second)
            else:
                advance_stage(tables, registers, counts, tally, k - transitions, own, point)
            happened += 1
            if happened > most:
                return TOO_MANY, time
            break
    return DONE, until


@njit(cache=True, nogil=True, error_model="numpy")
def fill_keys(tables: Tables, names: Keys, key: int, keys: Keys) -> None:
    """Write the key of every channel of a lane: by stable number, or by name and stage."""
    transitions = tables.transition.shape[0]
    for t in range(transitions):
        keys[t] = channel_key(key, OF_TRANSITION, tables.transition[t, 3], 0)
    for c in range(names.shape[0]):
        for slot in range(tables.slot_ptr[c], tables.slot_ptr[c + 1]):
            stage = slot - tables.slot_ptr[c]
            keys[transitions + slot] = channel_key(absorb(key, names[c]), OF_STAGE, stage, 0)


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    moves: bool,
    names: Keys,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    assays: int,
    key: Keys,
    clock: Float,
    start: float,
    until: float,
    most: int,
    daily: bool,
) -> tuple[int, int, float]:
    """Advance lanes one after another (lane first in every array); returns outcome, lane, time.

    Parameters
    ----------
    names : (compartments,)
        A word made of the name of each compartment.
    clock : (lanes, 3, channels)
    """
    keys = np.empty(clock.shape[2], np.uint64)
    for lane in range(counts.shape[0]):
        fill_keys(tables, names, key[lane], keys)
        outcome, time = advance_lane(
            tables,
            moves,
            counts[lane],
            signal[lane],
            supply[lane],
            tally[lane],
            registers[lane],
            assays,
            keys,
            clock[lane],
            start,
            until,
            most,
            daily,
        )
        if outcome != DONE:
            return outcome, lane, time
    return DONE, -1, until
