"""Plain networks (SBML) as ordinary differential equations with events and rate rules.

Every law is read as it is written: dX/dt is the sum of propensities times net stoichiometry, which
may be negative (a reversible reaction), and rate rules stand beside. Many lanes advance in blocks,
by explicit steps or, where they are stiff, by implicit ones; where laws have corners and events
happen at times that all lanes share, from one such time to the next. All others are LSODA's
(:mod:`.walk`).
"""

from __future__ import annotations

from functools import lru_cache
from time import thread_time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program

from ..births import mean_births
from ..events import FINE, FLOWING, described, event_error, event_tables, settle_start
from ..state import State, Streams, start_state
from ..tables import tables_of
from ..written import arity
from .blocks import Numbers, advance_lanes, lowest_of
from .compact import Layout, layout_of
from .explicit import REACHED, STIFF
from .pointers import general as general_slope
from .rosenbrock import stiff_of
from .steppers import Stepper, explicit_stepper, implicit_stepper
from .walk import NEGATIVE_ROUNDING, Prepared, Walk, absolute

Float = NDArray[np.float64]

# Below so many lanes LSODA is faster, for nothing has to be compiled; beyond so many explicit steps
# between two outputs it is too.
FEW_LANES, FEW_STEPS = 8, 1_000
# Explicit steps held short by stability, of which so many may be left.
PATIENCE = 100.0
# The same where only LSODA is left for what is stiff.
LSODAS = 3_000.0
AT_ONCE = 4_096  # lanes between two looks at whether a generated step pays


# The plain twin meets NumPy's warnings where kernels look for themselves.
@np.errstate(all="ignore")
def start_flow(program: Program, parameters: Float, streams: Streams) -> State:
    """Return lanes at the start, with the events of the start behind them."""
    state = start_state(program, parameters, streams, mean_births)
    assert program.general is not None
    state.trigger = np.zeros((len(program.general.event_ids), state.lanes))
    own = _prepared(program, state)
    fields = (state.counts, state.signal, state.trigger, state.registers)
    for lane in range(state.lanes) if len(own.events.event) else ():
        counts, signal, before, registers = (np.ascontiguousarray(a[:, lane]) for a in fields)
        kind, event, _, state.counter[lane] = settle_start(
            own.tables,
            own.events,
            counts,
            signal,
            before,
            registers,
            state.time,
            False,
            state.key[lane],
            0,
        )
        state.counts[:, lane], state.signal[:, lane] = counts, signal
        state.trigger[:, lane] = before
        if kind != FINE:
            raise event_error(program, kind, event, described(program, state, lane, state.time))
    return state


@np.errstate(all="ignore")
def advance_flow(
    program: Program,
    state: State,
    until: float,
    times: Float,
    path: Float,
    *,
    relative: float,
    most_steps: int,
    explicit: bool = False,
) -> None:
    """Advance all lanes to ``until``, in place.

    Parameters
    ----------
    times : (outputs,)
        In order, not after ``until``.
    path : (outputs, numbers, lanes)
        Counts and signals at those times, written.
    explicit : bool
        Go in blocks where there are many lanes that share the times of events and corners.
    relative : float
        Tolerance of each number in each step; the absolute one is this times the largest of its
        kind so far.
    most_steps : int
        Budget of steps of one lane from one output to the next.

    Raises
    ------
    RunError
        A law that is not finite, an amount below 0, an event that sets what cannot be, more steps
        than the budget.
    """
    own = _prepared(program, state)
    stops = common_stops(program, state) if explicit and state.lanes >= FEW_LANES else None
    if stops is not None and (len(own.events.event) or len(stops)):
        _advance_in_stretches(program, state, until, own, relative, most_steps, times, path, stops)
        return
    left: Any = range(state.lanes)
    if stops is not None:
        left = advance_together(state, until, own.steppers, relative, times, path)
    for lane in left:
        walk = Walk(program, state, int(lane), own, relative)
        for index, time in enumerate((*times.tolist(), until)):
            walk.to(time, most_steps)
            if index < len(times):
                path[index, :, lane] = walk.y
    state.time = until


def common_stops(program: Program, state: State) -> Float | None:
    """Return the times of corners and events if all lanes share them, else None, (stops,)."""
    general = program.general
    assert general is not None
    if not general.located.all() or not set(general.root.tolist()) <= set(general.stop.tolist()):
        return None
    if _read_numbers(program) & set(general.event[:, FLOWING].tolist()):
        return None
    stops = state.registers[general.stop]
    if (stops != stops[:, :1]).any():
        return None
    return np.unique(stops[:, 0])


@lru_cache(maxsize=64)
def _read_numbers(program: Program) -> frozenset[int]:
    """Return the registers that numbers of particles or signals decide on."""
    assays = max(len(program.assay_ids), program.slots)
    signals = len(program.signal_names)
    moved = set(range(program.assay_row, program.assay_row + assays))
    moved |= set(range(program.signal_row, program.signal_row + signals))
    for op, target, *sources in program.tape.tolist():
        if moved & set(sources[: arity(op)]):
            moved.add(target)
    return frozenset(moved)


def _advance_in_stretches(
    program: Program,
    state: State,
    until: float,
    own: Prepared,
    relative: float,
    most: int,
    times: Float,
    path: Float,
    stops: Float,
) -> None:
    """Advance all lanes from stop to stop in blocks; events happen lane by lane.

    A stretch begins and ends a few roundings within: a step reads laws at its very ends, where they
    would be those of the other side.
    """
    walks = [Walk(program, state, lane, own, relative) for lane in range(state.lanes)]
    start = state.time
    here = times <= start
    path[here] = np.concatenate([state.counts, state.signal])
    inner = stops[(stops > start) & (stops < until)]
    for stop in (*inner.tolist(), until):
        for walk in walks:  # what is due right after the last stop
            walk.settle(FLOWING)
            walk.write()
        inside = (times > start) & (times < stop)
        near = 4.0 * float(np.spacing(max(abs(start), abs(stop))))
        state.time = start + near if start in inner else start
        end = stop - near if stop in inner else stop
        part = path[inside]
        for lane in advance_together(state, end, own.steppers, relative, times[inside], part):
            walks[lane].along((*times[inside].tolist(), stop), most, part[..., lane])
        path[inside] = part
        here = times == stop
        for walk in walks:
            walk.arrive(stop, settled=bool(here.any()) or stop == until)
        path[here] = np.concatenate([state.counts, state.signal])
        start = stop
    state.time = until


def advance_together(
    state: State,
    until: float,
    steppers: tuple[Stepper, ...],
    relative: float,
    times: Float,
    path: Float,
) -> NDArray[np.int64]:
    """Advance lanes in blocks; return those that LSODA must take.

    The pace of a lane says how: above 0 explicit steps; below 0, once it was stiff, implicit ones;
    0, where neither will do, LSODA.
    """
    left = state.pace == 0.0
    for stepper in steppers:
        which = np.nonzero(state.pace > 0.0 if stepper.explicit else state.pace < 0.0)[0]
        for first in range(0, len(which), AT_ONCE):
            lanes = which[first : first + AT_ONCE]
            good, outcome = _advance_some(state, until, stepper, relative, times, path, lanes)
            stiff = outcome == STIFF
            if stepper.explicit and len(steppers) > 1:
                state.pace[lanes[stiff]] *= -1.0
                good |= stiff
            else:
                state.pace[lanes[stiff]] = 0.0
            left[lanes[~good]] = True
    return np.nonzero(left)[0]


def _advance_some(
    state: State,
    until: float,
    stepper: Stepper,
    relative: float,
    times: Float,
    path: Float,
    lanes: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Advance some lanes by one method; return which have arrived, and the outcome of each."""
    began = thread_time()
    attempt, lent = stepper.attempt()
    before, signal = state.counts[:, lanes], state.signal[:, lanes]
    counts, slots = before.copy(), len(before)
    numbers = Numbers(
        counts,
        signal,
        np.zeros((0, len(lanes))),
        stepper.layout.registers_of(state.registers[:, lanes], lent),
        state.input[:, lanes],
        absolute(np.abs(np.concatenate([counts, signal])), slots, relative),
        times,
        np.empty((*path.shape[:2], len(lanes))),
    )
    outcome, pace = np.zeros(len(lanes), np.int64), np.abs(state.pace[lanes])
    advance_lanes(
        Numbers(*(np.ascontiguousarray(a) for a in numbers)),
        pace,
        (state.time, until),
        stepper.layout.packed,
        (relative, relative),
        FEW_STEPS * (len(times) + 1),
        np.zeros((len(lanes), 4)),
        outcome,
        stepper.method,
        general_slope(),
        attempt,
        lent,
    )
    state.pace[lanes] = np.copysign(pace, state.pace[lanes])
    largest = np.maximum(counts.max(axis=0, initial=0.0), before.max(axis=0, initial=0.0))
    lowest = np.minimum(counts.min(axis=0, initial=0.0), lowest_of(numbers.path, slots))
    good = (outcome == REACHED) & (lowest >= -NEGATIVE_ROUNDING * largest)
    done = lanes[good]
    state.counts[:, done], state.signal[:, done] = np.maximum(counts[:, good], 0.0), signal[:, good]
    path[..., done] = numbers.path[..., good]
    stepper.spent += thread_time() - began
    return good, outcome


@lru_cache(maxsize=64)
def _steppers_of(program: Program) -> tuple[Stepper, ...]:
    """Return what tries the steps of a program: for all its states, so that time adds up."""
    return steppers_for(program, layout_of(program))


def steppers_for(program: Program, layout: Layout) -> tuple[Stepper, ...]:
    """Return explicit steps for a layout, and implicit ones where they can be had."""
    stiff = stiff_of(program, layout)
    first = explicit_stepper(layout, LSODAS if stiff is None else PATIENCE)
    return (first,) if stiff is None else (first, implicit_stepper(stiff))


def _prepared(program: Program, state: State) -> Prepared:
    if state.prepared is None:
        general = program.general
        assert general is not None
        state.prepared = Prepared(
            tables_of(program),
            event_tables(general),
            general.law,
            general.stop,
            _steppers_of(program),
        )
    return cast(Prepared, state.prepared)
