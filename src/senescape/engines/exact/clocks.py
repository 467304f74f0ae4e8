"""Every event by the clock of its own channel, so that twins share what does not concern them.

A channel is a transition, or the advance out of one stage. Its clock runs by the cell-days that its
source has lived (or by the calendar). It strikes at the points of :mod:`.points`; a strike is an
event where the height of the point lies below the hazard at that time. That is the random time
change representation (Anderson & Kurtz 2011, doi:10.1007/978-1-4419-6766-4_1; with common clocks
the common reaction path of Rathinam, Sheppard & Khammash 2010, doi:10.1063/1.3509776; searched as
Anderson 2007, doi:10.1063/1.2799998, does) with a height in place of an integral: at a constant
hazard the accepted points are a unit-rate Poisson process of hazard times cell-days; where the
hazard moves between two events the law stays exact, and no integral is needed.

Bounds over a window (:mod:`.windows`) only say which points to look at, and for which of them the
hazard must be read. A point is accepted or not whatever the bounds, the window or the other
channels, hence:

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

from .moving import Moving
from .points import (
    BASE,
    DRAWS,
    OF_STAGE,
    OF_TRANSITION,
    OUTCOME,
    STAGE,
    channel_key,
    next_point,
    point_height,
    strip_floor,
)
from .step import BROKEN, DONE, TIMED, TOO_MANY, UNBOUNDED, VAIN, fire, happen
from .strips import (
    Strips,
    expose,
    grid_end,
    nearest_strip,
    new_strips,
    raise_strips,
    strike_time,
    touched,
)
from .trees import first_of_all, set_first
from .windows import (
    BROKEN_BY,
    Window,
    doubtful,
    events_left,
    first_window,
    load_given,
    load_signals,
    load_watched,
    look,
    new_window,
    open_window,
    read_needed,
    widen,
)

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]
Int = NDArray[np.int32]
Places = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def advance_stage(
    transition: Int, exit_ptr: Int, exits: Int, slot_ptr: Int, route_row: Int, route_ptr: Int,
    outcome_ptr: Int, outcome_row: Int, product_ptr: Int, product: Int, home: Int, registers: Float,
    counts: Float, tally: Float, changed: Places, slot: int, own: int, index: int,
) -> None:  # fmt: skip
    """Let one cell pass on to its next stage, or after the last through one of the timed exits.

    Exits race, each with an exponential time of its own divided by its share (the exit is then
    drawn by share): shutting one re-routes only the cells that would have taken it.
    """
    compartment = home[slot]
    changed[0], changed[1] = 1, slot
    if slot + 1 < slot_ptr[compartment + 1]:
        counts[slot] -= 1.0
        counts[slot + 1] += 1.0
        changed[0], changed[2] = 2, slot + 1
        return
    soonest, timed = math.inf, -1
    for e in range(exit_ptr[compartment], exit_ptr[compartment + 1]):
        t = exits[e]
        share = registers[transition[t, 2]]
        if transition[t, 0] == TIMED and share > 0.0:
            chance = uniform(draw_key(own, index, transition[t, 3], 0), 0)
            at = -lane_log(chance) / share
            if at < soonest:
                soonest, timed = at, t
    if timed < 0:
        return  # no open door: the cell stays in its last stage
    counts[slot] -= 1.0
    chance = uniform(own, DRAWS * index + OUTCOME)
    fire(
        slot_ptr, route_row, route_ptr, outcome_ptr, outcome_row, product_ptr, product, registers,
        counts, tally, changed, timed, chance,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def set_clocks(
    which: Places, number: int, keys: Keys, bound: Float, cells: Float, time: float, clock: Float,
    top: Places, nearest: Places, when: Float, window: Places, index: Places, place: Float,
    first: Places,
) -> None:  # fmt: skip
    """Let some clocks run at their present speed, and look up the points below their bounds.

    A clock whose speed and strips are as they were keeps the time of its next strike to the bit.
    """
    shown, since, speed = clock[0], clock[1], clock[2]
    for n in range(number):
        k = which[n]
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
            set_first(first, when.shape[0], when, k)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def advance_lane(
    tables: Tables,
    moving: Moving,
    bounds: Window,
    strips: Strips,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    keys: Keys,
    clock: Float,
    start: float,
    until: float,
    most_events: int,
    daily: bool,
) -> tuple[int, float]:
    """Advance one lane; returns (outcome, time reached).

    Parameters
    ----------
    keys : (channels,)
    clock : (3, channels)
        What the clock showed at the last change of its speed, when that was, and the speed since:
        a stop at which nothing changes leaves no trace.
    most_events
        As in :func:`.step.advance_lane`, and so are the outcomes.
    """
    # local names: passing a whole tuple on costs more than the arithmetic
    coupling, secretion, transition = tables.coupling, tables.secretion, tables.transition
    slot_ptr, exit_ptr, exits = tables.slot_ptr, tables.exit_ptr, tables.exit
    route_row, route_ptr = tables.route_row, tables.route_ptr
    outcome_ptr, outcome_row = tables.outcome_ptr, tables.outcome_row
    product_ptr, product = tables.product_ptr, tables.product
    signal_row, time_row, assay_row = tables.signal_row, tables.time_row, tables.assay_row
    home, source, leave_ptr, leave = moving.home, moving.source, moving.leave_ptr, moving.leave
    need_ptr, need, drifts, count_ptr = (
        moving.need_ptr,
        moving.need,
        moving.drifts,
        moving.count_ptr,
    )
    count, watched, part_ptr, part = moving.counted, moving.watched, moving.part_ptr, moving.part
    rate_row, fixed, feeds, asks = moving.rate_row, moving.fixed, moving.feeds, moving.asks
    least, most, given, there, work = (
        bounds.least, bounds.most, bounds.given, bounds.there, bounds.work
    )  # fmt: skip
    bound, sure, cells, when, first = (
        strips.bound, strips.sure, strips.cells, strips.when, strips.first
    )  # fmt: skip
    top, nearest, window, index, place = (
        strips.top, strips.nearest, strips.window, strips.number, strips.place
    )  # fmt: skip
    which, totals, changed, found = strips.which, strips.totals, strips.changed, strips.found
    transitions, channels, signals = transition.shape[0], keys.shape[0], signal.shape[0]
    rates, shown, since, speed = rate_row.shape[0], clock[0], clock[1], clock[2]
    for c in range(totals.shape[0]):
        totals[c] = 0.0
    for slot in range(counts.shape[0]):
        totals[home[slot]] += counts[slot]
    for k in range(when.shape[0]):
        when[k] = math.inf
    first_of_all(first, when.shape[0], when)
    for k in range(channels):
        top[k], nearest[k], when[k] = 0, 0, -math.inf
    registers[time_row] = start
    for i in range(signals):
        registers[signal_row + i] = signal[i]
    load_watched(watched, part_ptr, part, totals, registers)
    read_tape_lane(tables.tape, tables.lane_end, tables.tape.shape[0], registers)
    first_window(tables, moving, bounds, registers)
    pace = norm(coupling, registers) if moving.moves else 0.0
    width, share = math.inf, 0.125
    time, known, happened = start, start, 0  # `known`: time at which `signal` holds
    while time < until:
        load_watched(watched, part_ptr, part, totals, registers)
        load_given(secretion, assay_row, registers, supply, given)
        load_signals(
            coupling, signal_row, time_row, registers, signal, given, there, work, time - known,
            time,
        )  # fmt: skip
        bad = look(moving, bounds, registers, totals)
        if bad < 0:
            return bad, time
        grid = until if pace == 0.0 else min(until, grid_end(time, pace))
        end = open_window(
            tables, moving, bounds, registers, totals, supply, time, grid, 2.0 * width
        )
        if end == -math.inf:
            return UNBOUNDED, time
        width = end - time if end < grid else max(width, end - time)
        narrow, fresh, vain, doubts, left = True, True, VAIN, 0, 0
        while True:
            if narrow:
                if not fresh:
                    load_watched(watched, part_ptr, part, totals, registers)
                    load_signals(
                        coupling, signal_row, time_row, registers, signal, given, there, work,
                        time - known, time,
                    )  # fmt: skip
                    bad = look(moving, bounds, registers, totals)
                    if bad < 0:
                        return bad, time
                share = widen(
                    tables, moving, bounds, registers, totals, supply, time, end,
                    min(1.0, 2.0 * share),
                )  # fmt: skip
                if share < 0.0:
                    share = 0.125
                    break
                doubts = doubtful(moving, bounds, found)
                left = events_left(moving, bounds, registers)
                for k in range(channels):
                    which[k] = k
                if not expose(
                    which, channels, home, source, rate_row, fixed, least, most, counts, totals,
                    daily, bound, sure, cells,
                ):  # fmt: skip
                    return UNBOUNDED, time
                set_clocks(
                    which, channels, keys, bound, cells, time, clock, top, nearest, when, window,
                    index, place, first,
                )  # fmt: skip
                narrow, fresh = False, False
            k = first[1]
            if when[k] >= end:
                time = end
                if end == grid:
                    propagate(coupling, registers, signal, given, time - known, work)
                    known = time
                break
            struck = max(time, when[k])
            for n in range(doubts):
                doubt = found[n]
                if source[doubt] >= 0 and totals[source[doubt]] == 0.0:
                    continue
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    struck - known, struck, doubt,
                )  # fmt: skip
                if not 0.0 <= registers[rate_row[doubt]] < math.inf:
                    return -1 - doubt, struck
            strip = nearest[k]
            at, point = window[k, strip], index[k, strip]
            height = point_height(keys[k], strip, at, point)
            strikes = height < bound[k]
            rate = k if k < transitions else transitions + home[k - transitions]
            if strikes and height >= sure[k]:
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    struck - known, struck, rate,
                )  # fmt: skip
                true = registers[rate_row[rate]]
                if not 0.0 <= true < math.inf:
                    return -1 - rate, struck
                if daily and k >= transitions:
                    true *= counts[k - transitions]
                elif daily and source[k] >= 0:
                    true *= totals[source[k]]
                slip = BROKEN_BY * (bound[k] + BASE)
                if true > bound[k] + slip or true < sure[k] - slip:
                    return BROKEN, struck
                strikes = height < true
                vain -= 0 if strikes else 1
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
                set_first(first, when.shape[0], when, k)
                if vain == 0:
                    time, vain = struck, VAIN
                    break
                continue
            time = struck
            shown[k], since[k], when[k] = reached, time, -math.inf
            if asks[rate]:
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    time - known, time, rates + rate,
                )  # fmt: skip
            own = draw_key(keys[k], at, strip, 0)
            if k < transitions:
                stage_chance = uniform(own, DRAWS * point + STAGE)
                outcome_chance = uniform(own, DRAWS * point + OUTCOME)
                happen(
                    transition, exit_ptr, exits, slot_ptr, route_row, route_ptr, outcome_ptr,
                    outcome_row, product_ptr, product, home, registers, counts, tally, changed, k,
                    stage_chance, outcome_chance,
                )  # fmt: skip
            else:
                advance_stage(
                    transition, exit_ptr, exits, slot_ptr, route_row, route_ptr, outcome_ptr,
                    outcome_row, product_ptr, product, home, registers, counts, tally, changed,
                    k - transitions, own, point,
                )  # fmt: skip
            happened += 1
            vain += 1
            if happened > most_events:
                return TOO_MANY, time
            if signals > 0:
                fed = False
                for n in range(1, changed[0] + 1):
                    fed = fed or feeds[home[changed[n]]]
                if fed:
                    propagate(coupling, registers, signal, given, time - known, work)
                    known = time
            which[0] = k
            number = touched(
                changed, home, leave_ptr, leave, slot_ptr, transitions, counts, totals, which, 1
            )
            if known == time and signals > 0:
                load_watched(watched, part_ptr, part, totals, registers)
                load_given(secretion, assay_row, registers, supply, given)
            if not expose(
                which, number, home, source, rate_row, fixed, least, most, counts, totals, daily,
                bound, sure, cells,
            ):  # fmt: skip
                break
            set_clocks(
                which, number, keys, bound, cells, time, clock, top, nearest, when, window, index,
                place, first,
            )  # fmt: skip
            left -= 1
            if left < 0:
                load_watched(watched, part_ptr, part, totals, registers)
                left = events_left(moving, bounds, registers)
                narrow = left < 1
    return DONE, until


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
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
    moving: Moving,
    names: Keys,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    key: Keys,
    clock: Float,
    start: float,
    until: float,
    most_events: int,
    daily: bool,
) -> tuple[int, int, float]:
    """Advance lanes one after another (lane first in every array); returns outcome, lane, time.

    Parameters
    ----------
    names : (compartments,)
        A word made of the name of each compartment.
    clock : (lanes, 3, channels)
    """
    channels = clock.shape[2]
    keys, bounds = np.empty(channels, np.uint64), new_window(tables, moving, registers.shape[1])
    strips = new_strips(channels, len(names), len(moving.rate_row), moving.most_changed)
    for lane in range(counts.shape[0]):
        fill_keys(tables, names, key[lane], keys)
        outcome, time = advance_lane(
            tables, moving, bounds, strips, counts[lane], signal[lane], supply[lane], tally[lane],
            registers[lane], keys, clock[lane], start, until, most_events, daily,
        )  # fmt: skip
        if outcome != DONE:
            return outcome, lane, time
    return DONE, -1, until
