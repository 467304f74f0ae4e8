"""What every engine offers, and how a run passes its breakpoints.

An engine starts a state and advances it to a time; it never crosses a breakpoint, and it knows
nothing of doses. :func:`run_engine` alternates ``advance`` with the actions of breakpoints and
records assays at the output times, after the actions of a breakpoint at that very time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from senescape.compile import ActionKind, Program
from senescape.errors import RunError
from senescape.rng import binomial_quantile, draw_key, uniform

from .interpreter import read_tape
from .signals import load_totals
from .state import State, Streams

Float = NDArray[np.float64]
REDISTRIBUTION_KEY = 1 << 30
LATEST = 1e5
# Numbers of a lane that are read off between two stops: 32 kB.
MOST_NUMBERS = 4096


@runtime_checkable
class Engine(Protocol):
    """The seam between engines and everything above them."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def stochastic(self) -> bool:
        """Whether it moves whole cells by chance."""

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        """Return the lanes at the start of the regimen."""

    def advance(self, program: Program, state: State, until: float) -> None:
        """Advance all lanes to ``until`` [day], in place; no breakpoint lies between."""


@runtime_checkable
class Reading(Protocol):
    """An engine for which an output is no stop: it reads the solution off on the way."""

    def read_off(
        self, program: Program, state: State, times: Float, until: float
    ) -> Iterator[State]:
        """Advance to ``until``, yielding the state at each time; no breakpoint lies between."""


def run_engine(
    engine: Engine,
    program: Program,
    parameters: Float,
    streams: Streams,
    times: Float,
    *,
    begun: State | None = None,
) -> Iterator[State]:
    """Yield the state at each output time; the same object, changed in place.

    Parameters
    ----------
    parameters : (parameters, lanes)
        Canonical units.
    times : (outputs,)
        Not before the start, not decreasing, at most 100000 days.
    begun : State, optional
        Of :func:`run_until`: the lanes go on from there, and times are not before it.

    Raises
    ------
    RunError
        Times out of order, before the start or not finite; a rate that is negative or not finite.
    """
    check_times(program, times)
    state = engine.start(program, parameters, streams)
    if begun is not None:
        resume(state, begun)
    if isinstance(engine, Reading):
        yield from _read_off(engine, program, state, times)
        return
    for time in times:
        advance_to(engine, program, state, float(time))
        yield state


def run_until(
    engine: Engine,
    program: Program,
    parameters: Float,
    streams: Streams,
    until: float,
    *,
    begun: State | None = None,
) -> State:
    """Return the lanes at a time, before the actions of a breakpoint at that very time."""
    state = engine.start(program, parameters, streams)
    if begun is not None:
        resume(state, begun)
    before = program.forcing.time[program.forcing.time < until]
    if len(before) > state.next_breakpoint:
        advance_to(engine, program, state, float(before[-1]))
    if until > state.time:
        engine.advance(program, state, until)
    return state


def resume(state: State, begun: State) -> None:
    """Let lanes that have just been started stand where others of their kind have arrived.

    The programs may differ in what is given from then on, and in infusions beyond those known.

    Raises
    ------
    RunError
        States of different networks.
    """
    known = len(begun.infusion)
    state.infusion[:known] = begun.infusion
    kept = ("registers", "infusion")
    for name, value in begun.arrays().items():
        own = getattr(state, name)
        if name not in kept and own.shape != value.shape:
            raise RunError(
                f"{name} of shape {value.shape} where the network has {own.shape}",
                allowed="a state of the same network and as many hosts",
                remedy="make the checkpoint again",
                check="run.other-state",
            )
        if name not in kept:
            setattr(state, name, value.copy())
    state.time, state.next_breakpoint = begun.time, begun.next_breakpoint


def _read_off(engine: Reading, program: Program, state: State, times: Float) -> Iterator[State]:
    """Yield the state at each time, with no stop but breakpoints.

    How many outputs are read in one go depends on the program alone, so that the same lanes in
    other company take the same steps.
    """
    assert isinstance(engine, Engine)
    points = program.forcing.time
    rows = program.slots + len(program.signal_names) + len(program.transition)
    most = max(1, MOST_NUMBERS // max(1, rows))
    # Right after a dose a scenario may be too stiff to go far in one go: stretches grow from there.
    least = most if program.general is not None else 1
    first, size = 0, least
    while first < len(times):
        advance_to(engine, program, state, state.time)  # what is due here
        left = points[state.next_breakpoint :]
        before = int(np.searchsorted(times, left[0], "left")) if len(left) else len(times)
        if before <= first:
            advance_to(engine, program, state, float(left[0]))
            size = least
            continue
        last = min(before, first + size)
        size = min(most, 2 * size) if last < before else least
        stops = last < before or last == len(times)  # else go on to the breakpoint
        until = float(times[last - 1] if stops else left[0])
        yield from engine.read_off(program, state, times[first:last], until)
        first = last


def check_times(program: Program, times: Float) -> None:
    """Refuse output times out of order, before the start, or not finite.

    Raises
    ------
    RunError
        With the first and the last.
    """
    if not len(times):
        return
    start = program.forcing.start
    ordered = bool((times[1:] >= times[:-1]).all())
    if ordered and start <= times[0] and times[-1] <= LATEST:
        return
    raise RunError(
        f"output times run from {times[0]:g} to {times[-1]:g} day, start is {start:g} day",
        allowed=f"times in order, not before the start, at most {LATEST:g} day",
        remedy="sort them, or move the scenario's start",
        check="run.output-times",
    )


def advance_to(engine: Engine, program: Program, state: State, until: float) -> None:
    """Advance to ``until``, stopping exactly at each breakpoint on the way and applying it."""
    points = program.forcing.time
    while state.next_breakpoint < len(points) and points[state.next_breakpoint] <= until:
        time = float(points[state.next_breakpoint])
        if time > state.time:
            engine.advance(program, state, time)
        apply_breakpoint(program, state, state.next_breakpoint, whole=engine.stochastic)
        state.next_breakpoint += 1
    if until > state.time:
        engine.advance(program, state, until)


def observe(program: Program, state: State) -> Float:
    """Return every assay of every lane now, shape (assays, lanes)."""
    assays = len(program.assay_ids)
    load_totals(
        program.weight, program.slot_ptr, program.assay_row, assays, state.counts, state.registers
    )
    return state.registers[program.assay_row : program.assay_row + assays].copy()


def apply_breakpoint(program: Program, state: State, index: int, *, whole: bool) -> None:
    """Apply the actions of one breakpoint in order."""
    table = program.forcing
    registers = state.registers
    for row in range(table.action_ptr[index], table.action_ptr[index + 1]):
        kind, target, register, extra = (int(x) for x in table.action[row])
        if kind == ActionKind.ADD:
            state.signal[target] += state.factor[target] * registers[register]
        elif kind == ActionKind.SET:
            state.signal[target] = state.factor[target] * registers[register]
        elif kind == ActionKind.INPUT:
            number = abs(extra) - 1
            if extra > 0:
                state.infusion[number] = state.factor[target]
            state.input[target] += np.sign(extra) * state.infusion[number] * registers[register]
        elif kind == ActionKind.REDISTRIBUTE:
            _redistribute(program, state, target, register, extra, whole=whole)
        else:
            refresh(program, state)
            seen = registers[register] != 0.0
            for signal in np.nonzero(table.visit_signal[extra])[0]:
                state.factor[signal] = np.where(seen, registers[target], state.factor[signal])


def refresh(program: Program, state: State) -> None:
    """Bring every register up to date with time, signals and cells."""
    first = program.signal_row
    state.registers[first : first + len(state.signal)] = state.signal
    state.registers[program.time_row] = state.time
    observe(program, state)
    with np.errstate(all="ignore"):
        read_tape(program.tape, program.lane_end, len(program.tape), state.registers)


def _redistribute(
    program: Program, state: State, source: int, number: int, entry: int, *, whole: bool
) -> None:
    table = program.forcing
    moves = table.move[table.move_ptr[entry] : table.move_ptr[entry + 1]]
    first, last = program.slot_ptr[source], program.slot_ptr[source + 1]
    # keyed by the second at which it happens, so that an added dose shifts no other draw
    second = round(float(table.time[state.next_breakpoint]) * 86400.0)
    for lane in range(state.lanes):
        key = np.uint64(draw_key(state.key[lane], second, REDISTRIBUTION_KEY + number, 0))
        counter = 0
        for slot in range(first, last):
            left, rest = state.counts[slot, lane], 1.0
            for target, register in moves:
                chance = float(np.clip(state.registers[register, lane], 0.0, 1.0))
                if whole:
                    share = min(1.0, chance / rest) if rest > 0.0 else 0.0
                    moved = binomial_quantile(left, share, uniform(key, counter))
                    left -= moved
                    rest -= chance
                    counter += 1
                else:
                    moved = chance * left
                state.counts[slot, lane] -= moved
                if target >= 0:
                    state.counts[program.slot_ptr[target], lane] += moved
