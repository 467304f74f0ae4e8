"""Direct stochastic simulation of one lane: every event, candidates thinned to the true rate."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import TransitionKind
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import norm, propagate
from senescape.engines.tables import Tables
from senescape.rng import uniform

from .bounds import enclose_signals, read_tape_bounds

Float = NDArray[np.float64]

ANY_AGE = int(TransitionKind.ANY_AGE)
TIMED = int(TransitionKind.TIMED)
INFLOW = int(TransitionKind.INFLOW)

DONE, TOO_MANY, UNBOUNDED, BROKEN = 0, 1, 2, 3
MARGIN = 1e-9
HALVINGS = 50
# A bound this many times the rate now is tight enough; a candidate costs less than a better bound.
LOOSE = 1.5


@njit(cache=True, nogil=True, error_model="numpy")
def load_assays(tables: Tables, counts: Float, registers: Float, assays: int) -> None:
    """Compute the assay registers from the counts."""
    weight, slot_ptr, row = tables.weight, tables.slot_ptr, tables.assay_row
    for a in range(assays):
        registers[row + a] = 0.0
    for k in range(weight.shape[0]):
        cells = 0.0
        for slot in range(slot_ptr[weight[k, 1]], slot_ptr[weight[k, 1] + 1]):
            cells += counts[slot]
        registers[row + weight[k, 0]] += registers[weight[k, 2]] * cells


@njit(cache=True, nogil=True, error_model="numpy")
def fill_propensities(
    transition: Float,
    advance_row: Float,
    slot_ptr: Float,
    registers: Float,
    counts: Float,
    rates: Float,
    strict: bool,
) -> float:
    """Write the rate of every transition, then of every slot's advance; return their sum.

    ``strict``: a hazard that is negative or not finite returns -1 - transition (advances are
    counted after the transitions); otherwise negative ones count as 0.
    """
    transitions, compartments = transition.shape[0], advance_row.shape[0]
    total = 0.0
    for t in range(transitions):
        kind, source = transition[t, 0], transition[t, 1]
        rates[t] = 0.0
        if kind == TIMED:
            continue
        cells = 1.0
        if kind == ANY_AGE:
            cells = 0.0
            for slot in range(slot_ptr[source], slot_ptr[source + 1]):
                cells += counts[slot]
            if cells == 0.0:
                continue
        hazard = registers[transition[t, 2]]
        if strict and not 0.0 <= hazard < math.inf:
            return -1.0 - t
        rates[t] = max(0.0, hazard) * cells
        total += rates[t]
    for c in range(compartments):
        row = advance_row[c]
        for slot in range(slot_ptr[c], slot_ptr[c + 1]):
            rates[transitions + slot] = 0.0
            if row < 0 or counts[slot] == 0.0:
                continue
            hazard = registers[row]
            if strict and not 0.0 <= hazard < math.inf:
                return -1.0 - transitions - c
            rates[transitions + slot] = max(0.0, hazard) * counts[slot]
            total += rates[transitions + slot]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def fire(
    tables: Tables, registers: Float, counts: Float, tally: Float, index: int, chance: float
) -> None:
    """Place the products of one firing of a transition; the source cell has been taken away."""
    route = tables.route_ptr[index]
    row = tables.route_row[index]
    if row >= 0:
        route += min(max(int(registers[row]), 0), tables.route_ptr[index + 1] - route - 1)
    tally[index] += 1.0
    first, last = tables.outcome_ptr[route], tables.outcome_ptr[route + 1]
    for outcome in range(first, last):
        chance -= registers[tables.outcome_row[outcome]]
        if chance < 0.0 or outcome == last - 1:
            for p in range(tables.product_ptr[outcome], tables.product_ptr[outcome + 1]):
                slot = tables.slot_ptr[tables.product[p, 0]]
                counts[slot] += tables.product[p, 1]
            return


@njit(cache=True, nogil=True, error_model="numpy")
def happen(
    tables: Tables,
    registers: Float,
    counts: Float,
    tally: Float,
    chosen: int,
    first: float,
    second: float,
) -> None:
    """Let one event happen: a transition, or the advance of a cell out of a slot."""
    transitions = tables.transition.shape[0]
    if chosen < transitions:
        source = tables.transition[chosen, 1]
        if tables.transition[chosen, 0] == ANY_AGE:
            begin, end = tables.slot_ptr[source], tables.slot_ptr[source + 1]
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
        fire(tables, registers, counts, tally, chosen, second)
        return
    slot = chosen - transitions
    counts[slot] -= 1.0
    compartment = 0
    while tables.slot_ptr[compartment + 1] <= slot:
        compartment += 1
    if slot + 1 < tables.slot_ptr[compartment + 1]:
        counts[slot + 1] += 1.0
        return
    begin, end = tables.exit_ptr[compartment], tables.exit_ptr[compartment + 1]
    shares, timed = 0.0, -1
    for e in range(begin, end):
        index = tables.exit[e]
        if tables.transition[index, 0] == TIMED:
            shares += registers[tables.transition[index, 2]]
    place = first * shares
    for e in range(begin, end):
        index = tables.exit[e]
        share = registers[tables.transition[index, 2]]
        if tables.transition[index, 0] == TIMED and share > 0.0:
            timed = index
            place -= share
            if place < 0.0:
                break
    if timed < 0:
        counts[slot] += 1.0  # no open door: the cell stays in its last stage
        return
    fire(tables, registers, counts, tally, timed, second)


@njit(cache=True, nogil=True, error_model="numpy")
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
    key: int,
    counter: int,
    start: float,
    until: float,
    most: int,
) -> tuple[int, float, int]:
    """Advance one lane; returns (outcome, time reached, position in its stream).

    ``moves``: whether rates can change between two events. Outcome: DONE, TOO_MANY, UNBOUNDED,
    BROKEN, or -1 - the number of a transition (or, after them, compartment) whose hazard is none.
    """
    tape, coupling, secretion = tables.tape, tables.coupling, tables.secretion
    transition, advance_row, slot_ptr = tables.transition, tables.advance_row, tables.slot_ptr
    lane_end, rows = tables.lane_end, tape.shape[0]
    signals = signal.shape[0]
    events = transition.shape[0] + counts.shape[0]
    rates, most_rates = np.zeros(events), np.zeros(events)
    work, given, end = np.zeros((2, signals)), np.zeros(signals), np.zeros(signals)
    low_signal, high_signal = np.zeros(signals), np.zeros(signals)
    low, high = registers.copy(), registers.copy()
    time, happened = start, 0
    while time < until:
        load_assays(tables, counts, registers, assays)
        for i in range(signals):
            given[i] = supply[i]
            registers[tables.signal_row + i] = signal[i]
        for k in range(secretion.shape[0]):
            total = registers[tables.assay_row + secretion[k, 1]]
            given[secretion[k, 0]] += registers[secretion[k, 2]] * total
        registers[tables.time_row] = time
        read_tape_lane(tape, lane_end, rows, registers)
        now = fill_propensities(transition, advance_row, slot_ptr, registers, counts, rates, True)
        if now < 0.0:
            return int(now), time, counter
        window, bound = until - time, now
        if moves:
            speed = norm(coupling, registers)
            if speed > 0.0:
                window = min(window, 0.5 / speed)
            for halving in range(HALVINGS + 1):
                for i in range(signals):
                    end[i] = signal[i]
                propagate(coupling, registers, end, given, window, work)
                held = enclose_signals(
                    coupling, registers, signal, end, given, window, low_signal, high_signal, work
                )
                if held:
                    for i in range(registers.shape[0]):
                        low[i], high[i] = registers[i], registers[i]
                    for i in range(signals):
                        low[tables.signal_row + i] = low_signal[i]
                        high[tables.signal_row + i] = high_signal[i]
                    high[tables.time_row] = time + window
                    read_tape_bounds(tape, lane_end, rows, low, high)
                    bound = fill_propensities(
                        transition, advance_row, slot_ptr, high, counts, most_rates, False
                    )
                    bound *= 1.0 + MARGIN
                    if bound < math.inf and (bound <= LOOSE * now or bound * window <= 1.0):
                        break
                if halving == HALVINGS:
                    return UNBOUNDED, time, counter
                window *= 0.5
        wait = math.inf
        if bound > 0.0:
            wait = -math.log(uniform(key, counter)) / bound
            counter += 1
        step = min(wait, window)
        propagate(coupling, registers, signal, given, step, work)
        if wait >= window:
            # nothing happens in this window; the next candidate is drawn anew (no memory)
            time = until if window >= until - time else time + window
            continue
        time += wait
        if moves:
            for i in range(signals):
                registers[tables.signal_row + i] = signal[i]
            registers[tables.time_row] = time
            read_tape_lane(tape, lane_end, rows, registers)
            now = fill_propensities(
                transition, advance_row, slot_ptr, registers, counts, rates, True
            )
            if now < 0.0:
                return int(now), time, counter
            if now > bound * (1.0 + 1e-6):
                return BROKEN, time, counter
        place = uniform(key, counter) * bound
        counter += 1
        if place >= now:
            continue
        chosen = choose(rates, place)
        first, second = uniform(key, counter), uniform(key, counter + 1)
        counter += 2
        happen(tables, registers, counts, tally, chosen, first, second)
        happened += 1
        if happened > most:
            return TOO_MANY, time, counter
    return DONE, until, counter


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    moves: bool,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    assays: int,
    key: Float,
    counter: Float,
    start: float,
    until: float,
    most: int,
) -> tuple[int, int, float]:
    """Advance lanes one after another (lane first in every array); returns outcome, lane, time."""
    for lane in range(counts.shape[0]):
        outcome, time, position = advance_lane(
            tables,
            moves,
            counts[lane],
            signal[lane],
            supply[lane],
            tally[lane],
            registers[lane],
            assays,
            key[lane],
            counter[lane],
            start,
            until,
            most,
        )
        counter[lane] = position
        if outcome != DONE:
            return outcome, lane, time
    return DONE, -1, until
