"""Direct stochastic simulation of one lane: every event, candidates thinned to the true rate.

Candidates come at the sum of the upper bounds of :mod:`.windows`; one that falls below the lower
bound of its own rate is an event, one between has the formula of its own rate read, and no other.
An event changes the weights of what leaves the states that it touches, and nothing else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import TransitionKind
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import norm, propagate
from senescape.engines.tables import Tables
from senescape.rng import uniform

from .moving import Moving
from .trees import find_weight, leaves_for, set_weight, sum_all
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
Int = NDArray[np.int32]
Places = NDArray[np.int64]

ANY_AGE = int(TransitionKind.ANY_AGE)
TIMED = int(TransitionKind.TIMED)
INFLOW = int(TransitionKind.INFLOW)

DONE, TOO_MANY, UNBOUNDED, BROKEN = 0, 1, 2, 3
# So many candidates in vain, beyond as many as events, and the window is bounded anew.
VAIN = 32


class Scratch(NamedTuple):
    """Room for one lane.

    Parameters
    ----------
    totals : (compartments,)
        Cells.
    sums : (2 * leaves,)
        Weights of the channels (transitions, then slots), in a tree.
    changed : (most_changed + 1,)
        How many slots an event touches, then which.
    found : (rates,)
    """

    totals: Float
    sums: Float
    changed: Places
    found: Places


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def fire(
    slot_ptr: Int, route_row: Int, route_ptr: Int, outcome_ptr: Int, outcome_row: Int,
    product_ptr: Int, product: Int, registers: Float, counts: Float, tally: Float, changed: Places,
    index: int, chance: float,
) -> None:  # fmt: skip
    """Place the products of one firing of a transition; the source cell has been taken away.

    ``changed``: how many slots the event has touched so far, then which.
    """
    route = route_ptr[index]
    row = route_row[index]
    if row >= 0:
        route += min(max(int(registers[row]), 0), route_ptr[index + 1] - route - 1)
    tally[index] += 1.0
    first, last = outcome_ptr[route], outcome_ptr[route + 1]
    for outcome in range(first, last):
        chance -= registers[outcome_row[outcome]]
        if chance < 0.0 or outcome == last - 1:
            for p in range(product_ptr[outcome], product_ptr[outcome + 1]):
                slot = slot_ptr[product[p, 0]]
                counts[slot] += product[p, 1]
                changed[0] += 1
                changed[changed[0]] = slot
            return


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def happen(
    transition: Int, exit_ptr: Int, exits: Int, slot_ptr: Int, route_row: Int, route_ptr: Int,
    outcome_ptr: Int, outcome_row: Int, product_ptr: Int, product: Int, home: Int, registers: Float,
    counts: Float, tally: Float, changed: Places, chosen: int, first: float, second: float,
) -> None:  # fmt: skip
    """Let one event happen: a transition, or the advance of a cell out of a slot.

    ``changed``: written, how many slots it touches, then which.
    """
    changed[0] = 0
    transitions = transition.shape[0]
    if chosen < transitions:
        source = transition[chosen, 1]
        if transition[chosen, 0] == ANY_AGE:
            begin, end = slot_ptr[source], slot_ptr[source + 1]
            cells = 0.0
            for slot in range(begin, end):
                cells += counts[slot]
            place = first * cells
            taken = -1
            for slot in range(begin, end):
                if counts[slot] > 0.0:
                    taken = slot
                    place -= counts[slot]
                    if place < 0.0:
                        break
            counts[taken] -= 1.0
            changed[0], changed[1] = 1, taken
        fire(
            slot_ptr, route_row, route_ptr, outcome_ptr, outcome_row, product_ptr, product,
            registers, counts, tally, changed, chosen, second,
        )  # fmt: skip
        return
    slot = chosen - transitions
    counts[slot] -= 1.0
    changed[0], changed[1] = 1, slot
    compartment = home[slot]
    if slot + 1 < slot_ptr[compartment + 1]:
        counts[slot + 1] += 1.0
        changed[0], changed[2] = 2, slot + 1
        return
    begin, end = exit_ptr[compartment], exit_ptr[compartment + 1]
    shares, timed = 0.0, -1
    for e in range(begin, end):
        index = exits[e]
        if transition[index, 0] == TIMED:
            shares += registers[transition[index, 2]]
    place = first * shares
    for e in range(begin, end):
        index = exits[e]
        share = registers[transition[index, 2]]
        if transition[index, 0] == TIMED and share > 0.0:
            timed = index
            place -= share
            if place < 0.0:
                break
    if timed < 0:
        counts[slot] += 1.0  # no open door: the cell stays in its last stage
        return
    fire(
        slot_ptr, route_row, route_ptr, outcome_ptr, outcome_row, product_ptr, product, registers,
        counts, tally, changed, timed, second,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def choose(rates: Float, place: float) -> int:
    """Return the event in whose part of the sum ``place`` falls."""
    last = 0
    for i in range(rates.shape[0]):
        if rates[i] > 0.0:
            last = i
            place -= rates[i]
            if place < 0.0:
                return i
    return last


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def weigh(
    moving: Moving, most: Float, counts: Float, totals: Float, sums: Float, leaves: int
) -> None:
    """Write the weight of every channel: bound times cells. Channels: transitions, then slots."""
    slots, compartments = moving.home.shape[0], totals.shape[0]
    transitions = most.shape[0] - compartments
    for t in range(transitions):
        source, cells = moving.source[t], 1.0
        if source >= 0:
            cells = totals[source]
        sums[leaves + t] = most[t] * cells if cells > 0.0 else 0.0
    for slot in range(slots):
        bound, cells = most[transitions + moving.home[slot]], counts[slot]
        sums[leaves + transitions + slot] = bound * cells if cells > 0.0 else 0.0
    sum_all(sums, leaves)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def reweigh(
    changed: Places, home: Int, slot_ptr: Int, leave_ptr: Int, leave: Int, most: Float,
    counts: Float, totals: Float, sums: Float, leaves: int, transitions: int,
) -> bool:  # fmt: skip
    """Bring totals and weights up to date after an event; False: a rate has no bound."""
    bounded = True
    for n in range(1, changed[0] + 1):
        slot = changed[n]
        compartment = home[slot]
        total = 0.0
        for s in range(slot_ptr[compartment], slot_ptr[compartment + 1]):
            total += counts[s]
        totals[compartment] = total
        bound = most[transitions + compartment]
        weight = bound * counts[slot] if counts[slot] > 0.0 else 0.0
        bounded = bounded and weight < math.inf
        set_weight(sums, leaves, transitions + slot, weight)
        for e in range(leave_ptr[compartment], leave_ptr[compartment + 1]):
            weight = most[leave[e]] * total if total > 0.0 else 0.0
            bounded = bounded and weight < math.inf
            set_weight(sums, leaves, leave[e], weight)
    return bounded


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def advance_lane(
    tables: Tables,
    moving: Moving,
    window: Window,
    scratch: Scratch,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    key: int,
    counter: int,
    start: float,
    until: float,
    most_events: int,
) -> tuple[int, float, int]:
    """Advance one lane; returns (outcome, time reached, position in its stream).

    Outcome: DONE, TOO_MANY, UNBOUNDED, BROKEN, or -1 - the number of a transition (or, after them,
    compartment) whose hazard is none.
    """
    # local names: counting references to what stands in a tuple costs more than the arithmetic
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
    transitions, rates, signals = transition.shape[0], rate_row.shape[0], signal.shape[0]
    totals, sums, changed, found = scratch.totals, scratch.sums, scratch.changed, scratch.found
    for c in range(totals.shape[0]):
        totals[c] = 0.0
    for slot in range(counts.shape[0]):
        totals[home[slot]] += counts[slot]
    registers[time_row] = start
    for i in range(signals):
        registers[signal_row + i] = signal[i]
    load_watched(watched, part_ptr, part, totals, registers)
    read_tape_lane(tables.tape, tables.lane_end, tables.tape.shape[0], registers)
    first_window(tables, moving, window, registers)
    least, most, given, there, work = (
        window.least, window.most, window.given, window.there, window.work
    )  # fmt: skip
    leaves = sums.shape[0] // 2
    for node in range(sums.shape[0]):
        sums[node] = 0.0
    speed = norm(coupling, registers) if moving.moves else 0.0
    longest = 0.5 / speed if speed > 0.0 else math.inf
    width, share = longest, 0.125
    time, known, happened = start, start, 0  # `known`: time at which `signal` holds
    while time < until:
        propagate(coupling, registers, signal, given, time - known, work)
        known = time
        load_watched(watched, part_ptr, part, totals, registers)
        load_given(secretion, assay_row, registers, supply, given)
        load_signals(
            coupling, signal_row, time_row, registers, signal, given, there, work, 0.0, time
        )
        bad = look(moving, window, registers, totals)
        if bad < 0:
            return bad, time, counter
        end = open_window(
            tables, moving, window, registers, totals, supply, time, until,
            min(longest, 2.0 * width),
        )  # fmt: skip
        if end == -math.inf:
            return UNBOUNDED, time, counter
        width = end - time
        narrow, vain, fresh = True, VAIN, True
        doubts, left = 0, 0
        while True:
            if narrow:
                if not fresh:
                    load_watched(watched, part_ptr, part, totals, registers)
                    load_signals(
                        coupling, signal_row, time_row, registers, signal, given, there, work,
                        time - known, time,
                    )  # fmt: skip
                    bad = look(moving, window, registers, totals)
                    if bad < 0:
                        return bad, time, counter
                share = widen(
                    tables, moving, window, registers, totals, supply, time, end,
                    min(1.0, 2.0 * share),
                )  # fmt: skip
                if share < 0.0:
                    share = 0.125
                    break
                doubts = doubtful(moving, window, found)
                left = events_left(moving, window, registers)
                weigh(moving, most, counts, totals, sums, leaves)
                narrow, fresh = False, False
            bound = sums[1]
            wait = math.inf
            if bound > 0.0:
                wait = -math.log(uniform(key, counter)) / bound
                counter += 1
            if not time + wait < end:
                time = end  # nothing happens any more; the next candidate is drawn anew (no memory)
                break
            time += wait
            for n in range(doubts):
                doubt = found[n]
                if source[doubt] >= 0 and totals[source[doubt]] == 0.0:
                    continue
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    time - known, time, doubt,
                )  # fmt: skip
                if not 0.0 <= registers[rate_row[doubt]] < math.inf:
                    return -1 - doubt, time, counter
            chosen, place = find_weight(sums, leaves, uniform(key, counter) * bound)
            counter += 1
            rate = chosen if chosen < transitions else transitions + home[chosen - transitions]
            cells = 1.0
            if chosen >= transitions:
                cells = counts[chosen - transitions]
            elif source[chosen] >= 0:
                cells = totals[source[chosen]]
            if not place < least[rate] * cells:
                if fixed[rate]:
                    continue  # by rounding
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    time - known, time, rate,
                )  # fmt: skip
                true = registers[rate_row[rate]]
                if not 0.0 <= true < math.inf:
                    return -1 - rate, time, counter
                slip = BROKEN_BY * bound
                if (
                    true * cells > most[rate] * cells + slip
                    or true * cells < least[rate] * cells - slip
                ):
                    return BROKEN, time, counter
                if not place < true * cells:
                    vain -= 1
                    if vain == 0:
                        break
                    continue
            first, second = uniform(key, counter), uniform(key, counter + 1)
            counter += 2
            if asks[rate]:
                read_needed(
                    need_ptr, need, drifts, count_ptr, count, watched, part_ptr, part, coupling,
                    signal_row, time_row, registers, totals, signal, given, there, work,
                    time - known, time, rates + rate,
                )  # fmt: skip
            happen(
                transition, exit_ptr, exits, slot_ptr, route_row, route_ptr, outcome_ptr,
                outcome_row, product_ptr, product, home, registers, counts, tally, changed, chosen,
                first, second,
            )  # fmt: skip
            happened += 1
            vain += 1
            if happened > most_events:
                return TOO_MANY, time, counter
            bounded = reweigh(
                changed, home, slot_ptr, leave_ptr, leave, most, counts, totals, sums, leaves,
                transitions,
            )  # fmt: skip
            if signals > 0:
                fed = False
                for n in range(1, changed[0] + 1):
                    fed = fed or feeds[home[changed[n]]]
                if fed:
                    propagate(coupling, registers, signal, given, time - known, work)
                    known = time
                    load_watched(watched, part_ptr, part, totals, registers)
                    load_given(secretion, assay_row, registers, supply, given)
            if not bounded:
                break
            left -= 1
            if left < 0:
                load_watched(watched, part_ptr, part, totals, registers)
                left = events_left(moving, window, registers)
                narrow = left < 1
    propagate(coupling, registers, signal, given, until - known, work)
    return DONE, until, counter


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    moving: Moving,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    key: Float,
    counter: Float,
    start: float,
    until: float,
    most_events: int,
) -> tuple[int, int, float]:
    """Advance lanes one after another (lane first in every array); returns outcome, lane, time."""
    window = new_window(tables, moving, registers.shape[1])
    compartments = moving.leave_ptr.shape[0] - 1
    leaves = leaves_for(tables.transition.shape[0] + counts.shape[1])
    scratch = Scratch(
        np.zeros(compartments), np.zeros(2 * leaves), np.zeros(moving.most_changed + 1, np.int64),
        np.zeros(moving.rate_row.shape[0], np.int64),
    )  # fmt: skip
    for lane in range(counts.shape[0]):
        outcome, time, position = advance_lane(
            tables, moving, window, scratch, counts[lane], signal[lane], supply[lane], tally[lane],
            registers[lane], key[lane], counter[lane], start, until, most_events,
        )  # fmt: skip
        counter[lane] = position
        if outcome != DONE:
            return outcome, lane, time
    return DONE, -1, until
