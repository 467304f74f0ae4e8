"""Plain networks (SBML), every reaction one by one: the direct method with events.

A propensity is read as it is written, over numbers of particles, parameters and time, and a
reaction changes numbers by its net stoichiometry (Gillespie 1977, doi:10.1021/j100540a008).
Between two reactions numbers stand still, so that a condition of an event can turn only where time
itself turns it: those times are formulas (:mod:`senescape.compile.general`), the walk stops exactly
there, and draws its waiting time anew, which is right because waiting has no memory. Propensities
that read time are bounded over a window and candidates thinned, as in :mod:`.step`.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.births import mean_births
from senescape.engines.events import (
    EXACT,
    FINE,
    WRITTEN,
    EventTables,
    described,
    event_error,
    event_tables,
    load,
    settle,
    settle_start,
)
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.state import State, Streams, start_state
from senescape.engines.tables import Tables, tables_of
from senescape.errors import RunError
from senescape.rng import uniform

from .bounds import read_tape_bounds
from .step import choose

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]

DONE, TOO_MANY, UNBOUNDED, BROKEN, BAD_RATE, BELOW_ZERO = range(6)
MARGIN = 1e-9
HALVINGS = 50
LOOSE = 1.5

Prepared = tuple[Tables, EventTables, bool]


@njit(cache=True, nogil=True, error_model="numpy")
def sum_rates(transition: Float, registers: Float, rates: Float) -> tuple[float, int]:
    """Write every propensity; return their sum and the first that is none (-1: all are)."""
    total = 0.0
    for t in range(transition.shape[0]):
        rate = registers[transition[t, 2]]
        if not 0.0 <= rate < math.inf:
            return 0.0, t
        rates[t] = rate
        total += rate
    return total, -1


@njit(cache=True, nogil=True, error_model="numpy")
def bound_rates(transition: Float, high: Float) -> float:
    """Return the sum of upper bounds of all propensities."""
    total = 0.0
    for t in range(transition.shape[0]):
        total += max(0.0, high[transition[t, 2]])
    return total * (1.0 + MARGIN)


@njit(cache=True, nogil=True, error_model="numpy")
def happen(tables: Tables, chosen: int, counts: Float, tally: Float) -> bool:
    """Change numbers by a reaction; False (and nothing changed) where one would fall below 0."""
    first, last = tables.product_ptr[chosen], tables.product_ptr[chosen + 1]
    for p in range(first, last):
        if counts[tables.product[p, 0]] + tables.product[p, 1] < 0.0:
            return False
    for p in range(first, last):
        counts[tables.product[p, 0]] += tables.product[p, 1]
    tally[chosen] += 1.0
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def next_stop(root: Float, registers: Float, time: float, until: float) -> float:
    """Return the next time at which a condition may turn, or ``until``."""
    stop = until
    for k in range(root.shape[0]):
        if time < registers[root[k]] < stop:
            stop = registers[root[k]]
    return stop


@njit(cache=True, nogil=True, error_model="numpy")
def window_of(
    tables: Tables, registers: Float, low: Float, high: Float, now: float, time: float, stop: float
) -> tuple[float, float]:
    """Return a window after ``time`` and a bound of the propensities over it (inf: none found)."""
    window = stop - time
    rows = tables.tape.shape[0]
    for _ in range(HALVINGS):
        for i in range(registers.shape[0]):
            low[i], high[i] = registers[i], registers[i]
        high[tables.time_row] = time + window
        read_tape_bounds(tables.tape, tables.lane_end, rows, low, high)
        bound = bound_rates(tables.transition, high)
        if bound < math.inf and (bound <= LOOSE * now or bound * window <= 1.0):
            return window, bound
        window *= 0.5
    return window, math.inf


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lane(
    tables: Tables,
    events: EventTables,
    moves: bool,
    counts: Float,
    signal: Float,
    tally: Float,
    before: Float,
    registers: Float,
    key: int,
    counter: int,
    start: float,
    until: float,
    most: int,
) -> tuple[int, int, float, int]:
    """Advance one lane; returns (outcome, reaction or event, time reached, position in stream).

    ``moves``: whether a propensity reads time. Events due at ``until`` have happened, but not those
    that are due right after it (``time > until``).
    """
    tape, transition = tables.tape, tables.transition
    rates = np.zeros(transition.shape[0])
    low, high = registers.copy(), registers.copy()
    with_events = events.event.shape[0] > 0
    time, happened = start, 0
    load(tables, counts, signal, registers, time)
    if with_events and time < until:  # what is due right after the last stop
        kind, event, _, counter = settle(
            tables, events, EXACT, counts, signal, before, registers, time, True, key, counter
        )
        if kind != FINE:
            return kind, event, time, counter
    while time < until:
        stop = next_stop(events.root, registers, time, until)
        now, bad = sum_rates(transition, registers, rates)
        if bad >= 0:
            return BAD_RATE, bad, time, counter
        window, bound = stop - time, now
        if moves:
            window, bound = window_of(tables, registers, low, high, now, time, stop)
            if bound == math.inf:
                return UNBOUNDED, -1, time, counter
        wait = math.inf
        if bound > 0.0:
            wait = -math.log(uniform(key, counter)) / bound
            counter += 1
        fires = wait < window
        if fires:
            time += wait
        else:
            time = stop if window >= stop - time else time + window
        if moves or with_events:
            registers[tables.time_row] = time
            read_tape_lane(tape, tables.lane_end, tape.shape[0], registers)
        if fires:
            if moves:
                now, bad = sum_rates(transition, registers, rates)
                if bad >= 0:
                    return BAD_RATE, bad, time, counter
                if now > bound * (1.0 + 1e-6):
                    return BROKEN, -1, time, counter
            place = uniform(key, counter) * bound
            counter += 1
            if place >= now:
                continue
            chosen = choose(rates, place)
            if not happen(tables, chosen, counts, tally):
                return BELOW_ZERO, chosen, time, counter
            happened += 1
            if happened > most:
                return TOO_MANY, -1, time, counter
            load(tables, counts, signal, registers, time)
        if with_events:
            kind, event, _, counter = settle(
                tables,
                events,
                EXACT if time < until else WRITTEN,
                counts,
                signal,
                before,
                registers,
                time,
                True,
                key,
                counter,
            )
            if kind != FINE:
                return kind, event, time, counter
    return DONE, -1, until, counter


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    events: EventTables,
    moves: bool,
    counts: Float,
    signal: Float,
    tally: Float,
    before: Float,
    registers: Float,
    key: Keys,
    counter: Float,
    start: float,
    until: float,
    most: int,
) -> tuple[int, int, int, float]:
    """Advance lanes one after another; returns (outcome, reaction or event, lane, time)."""
    for lane in range(counts.shape[0]):
        outcome, index, time, position = advance_lane(
            tables,
            events,
            moves,
            counts[lane],
            signal[lane],
            tally[lane],
            before[lane],
            registers[lane],
            key[lane],
            counter[lane],
            start,
            until,
            most,
        )
        counter[lane] = position
        if outcome != DONE:
            return outcome, index, lane, time
    return DONE, -1, -1, until


# The plain twin meets NumPy's warnings where kernels look for themselves.
@np.errstate(all="ignore")
def start_general(program: Program, parameters: Float, streams: Streams) -> State:
    """Return lanes at the start, with the events of the start behind them.

    Raises
    ------
    RunError
        What this engine cannot do exactly: a rate rule, an event whose condition reads time
        otherwise than in a straight line, an amount that is not whole.
    """
    _refuse(program)
    state = start_state(program, parameters, streams, mean_births)
    _check_whole(program, state)
    general = program.general
    assert general is not None
    state.trigger = np.zeros((len(general.event_ids), state.lanes))
    tables, events, _ = _prepared(program, state)
    fields = (state.counts, state.signal, state.trigger, state.registers)
    for lane in range(state.lanes):
        counts, signal, before, registers = (np.ascontiguousarray(a[:, lane]) for a in fields)
        own = state.key[lane]
        kind, event, _, state.counter[lane] = settle_start(
            tables, events, counts, signal, before, registers, state.time, True, own, 0
        )
        state.counts[:, lane], state.signal[:, lane] = counts, signal
        state.trigger[:, lane] = before
        if kind != FINE:
            raise event_error(program, kind, event, described(program, state, lane, state.time))
    return state


@np.errstate(all="ignore")
def advance_general(program: Program, state: State, until: float, most: int) -> None:
    """Advance all lanes to ``until``, in place.

    Raises
    ------
    RunError
        A propensity that is negative, not finite or without bound; a number that would fall below
        0; an event that sets what cannot be; more reactions than ``most`` in one lane.
    """
    tables, events, moves = _prepared(program, state)
    fields = (state.counts, state.signal, state.tally, state.trigger, state.registers)
    counts, signal, tally, before, registers = (np.ascontiguousarray(a.T) for a in fields)
    outcome, index, lane, time = advance_lanes(
        tables,
        events,
        moves,
        counts,
        signal,
        tally,
        before,
        registers,
        state.key,
        state.counter,
        state.time,
        until,
        most,
    )
    state.counts[:], state.signal[:] = counts.T, signal.T
    state.tally[:], state.trigger[:], state.registers[:] = tally.T, before.T, registers.T
    if outcome != DONE:
        raise stop_error(program, state, outcome, index, lane, time)
    state.time = until


def _prepared(program: Program, state: State) -> Prepared:
    if state.prepared is None:
        assert program.general is not None
        prepared = tables_of(program), event_tables(program.general), rates_read_time(program)
        state.prepared = prepared
    return cast(Prepared, state.prepared)


def rates_read_time(program: Program) -> bool:
    """Whether a propensity reads time."""
    moving = {program.time_row}
    for _, target, *sources in program.tape[program.lane_end :].tolist():
        if moving & set(sources):
            moving.add(target)
    return bool(moving & set(program.transition[:, 2].tolist()))


def _refuse(program: Program) -> None:
    general = program.general
    assert general is not None
    for name, row in zip(program.signal_names, general.law, strict=True):
        if row >= 0:
            raise RunError(
                f"{name} follows a rate rule that is not constant",
                allowed="numbers that reactions and events change, in the exact engine",
                remedy="use the mean-field engine",
                check="run.rate-rule",
            )
    for name, located in zip(general.event_ids, general.located, strict=True):
        if not located:
            raise RunError(
                f"the trigger of event {name} reads time otherwise than in a straight line",
                allowed="comparisons linear in time, in the exact engine",
                remedy="use the mean-field engine, or write the time of the event",
                check="run.event-time",
            )


def _check_whole(program: Program, state: State) -> None:
    for index, name in enumerate(program.compartment_ids):
        counts = state.counts[index]
        if (counts != np.floor(counts)).any():
            raise RunError(
                f"{name} starts at {counts[counts != np.floor(counts)][0]:g}",
                allowed="whole numbers of particles in the exact engine",
                remedy="use the mean-field engine, or state amounts as numbers",
                check="run.not-whole",
            )


def stop_error(
    program: Program, state: State, outcome: int, index: int, lane: int, time: float
) -> RunError:
    """Return the error that belongs to an outcome; ``index``: of the transition."""
    place = described(program, state, lane, time)
    if outcome == BAD_RATE:
        rate = state.registers[program.transition[index, 2], lane]
        return RunError(
            f"the propensity of {program.transition_ids[index]} is {rate:g} {place}",
            allowed="finite propensities of at least 0",
            remedy="split a reversible reaction in two, or check its law",
            check="run.rate",
        )
    if outcome == BELOW_ZERO:
        return RunError(
            f"{program.transition_ids[index]} would take more than there is {place}",
            allowed="laws that are 0 where a reactant is missing",
            remedy="write X * (X - 1) / 2 for pairs, and check the law",
            check="run.below-zero",
        )
    if outcome == TOO_MANY:
        return RunError(
            f"the budget of events is used up {place}",
            allowed="as many events as max_events",
            remedy="use the mean-field engine, or fewer particles",
            check="run.too-many-events",
        )
    if outcome == UNBOUNDED:
        return RunError(
            f"a propensity has no bound {place}",
            allowed="propensities that stay finite over a short window",
            remedy="look for a division by something that passes zero",
            check="run.rate-unbounded",
        )
    if outcome == BROKEN:
        return RunError(
            f"a propensity exceeds its bound {place}",
            allowed="a bound that holds",
            remedy="report this as a bug, with the model",
            check="run.bound-broken",
        )
    return event_error(program, outcome, index, place)
