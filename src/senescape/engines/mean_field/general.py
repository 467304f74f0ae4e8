"""Plain networks (SBML) as ordinary differential equations with events and rate rules.

Every law is read as it is written: dX/dt is the sum of propensities times net stoichiometry, which
may be negative (a reversible reaction), and rate rules stand beside. Many lanes of a network
without events advance in blocks by the explicit solver, those that are stiff and all others by
LSODA of SciPy. That takes one step at a time; no step crosses a time at which a condition or a law
is known to have a corner; a condition that the numbers turn is found by bisection on the step's own
interpolant.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import thread_time
from typing import Any, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError

from ..births import mean_births
from ..events import (
    FINE,
    FLOWING,
    WRITTEN,
    EventTables,
    described,
    event_error,
    event_tables,
    load,
    settle,
    settle_start,
)
from ..state import State, Streams, start_state
from ..tables import Tables, tables_of
from .blocks import Numbers, advance_lanes, lowest_of
from .compact import layout_of
from .explicit import REACHED, STIFF
from .pointers import general as general_slope
from .rosenbrock import stiff_of
from .steppers import Stepper, explicit_stepper, implicit_stepper

Float = NDArray[np.float64]
Int = NDArray[np.int32]

# Places within a step at which conditions are looked at: a condition that holds for less than a
# twentieth of a step of the solver may be missed.
LOOKS = 20
BISECTIONS = 200
# How far below 0 rounding may leave an amount, relative to the largest there has been.
NEGATIVE_ROUNDING = 1e-6
MOST_EVENTS = 1_000_000
# Below so many lanes LSODA is faster, for nothing has to be compiled; beyond so many explicit steps
# between two outputs it is too.
FEW_LANES, FEW_STEPS = 8, 1_000
# Explicit steps held short by stability, of which so many may be left.
PATIENCE = 100.0
AT_ONCE = 4_096  # lanes between two looks at whether a generated step pays


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tables of a program."""

    tables: Tables
    events: EventTables
    law: Int
    stop: Int
    steppers: tuple[Stepper, ...]


@njit(cache=True, nogil=True, error_model="numpy")
def slope(
    time: float, y: Float, tables: Tables, law: Int, slots: int, registers: Float, dy: Float
) -> None:
    """Write the rates of change of numbers and signals (one lane) into ``dy``."""
    load(tables, y[:slots], y[slots:], registers, time)
    dy[:] = 0.0
    for t in range(tables.transition.shape[0]):
        rate = registers[tables.transition[t, 2]]
        for p in range(tables.product_ptr[t], tables.product_ptr[t + 1]):
            dy[tables.product[p, 0]] += rate * tables.product[p, 1]
    for s in range(law.shape[0]):
        if law[s] >= 0:
            dy[slots + s] = registers[law[s]]


@njit(cache=True, nogil=True, error_model="numpy")
def look(
    time: float,
    y: Float,
    tables: Tables,
    events: EventTables,
    slots: int,
    registers: Float,
    holds: Float,
) -> None:
    """Write whether each condition holds (1 or 0) at a point of the solution."""
    load(tables, y[:slots], y[slots:], registers, time)
    for e in range(events.event.shape[0]):
        holds[e] = 1.0 if registers[events.event[e, FLOWING]] != 0.0 else 0.0


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
        Try the explicit solver first, where there are many lanes and no events.
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
    smooth = not len(own.events.event) and not len(own.stop)
    together = explicit and smooth and state.lanes >= FEW_LANES
    left: Any = range(state.lanes)
    if together:
        left = _advance_together(state, until, own, relative, times, path)
    for lane in left:
        walk = _Walk(program, state, int(lane), own, relative)
        for index, time in enumerate((*times.tolist(), until)):
            walk.to(time, most_steps)
            if index < len(times):
                numbers = (state.counts[:, lane], state.signal[:, lane])
                path[index, :, lane] = np.concatenate(numbers)
    state.time = until


def _advance_together(
    state: State, until: float, own: Prepared, relative: float, times: Float, path: Float
) -> NDArray[np.int64]:
    """Advance lanes in blocks; return those that LSODA must take.

    The pace of a lane says how: above 0 explicit steps; below 0, once it was stiff, implicit ones;
    0, where neither will do, LSODA.
    """
    left = state.pace == 0.0
    for stepper in own.steppers:
        which = np.nonzero(state.pace > 0.0 if stepper.explicit else state.pace < 0.0)[0]
        for first in range(0, len(which), AT_ONCE):
            lanes = which[first : first + AT_ONCE]
            good, outcome = _advance_some(state, until, stepper, relative, times, path, lanes)
            stiff = outcome == STIFF
            if stepper.explicit and len(own.steppers) > 1:
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


def absolute(largest: Float, slots: int, relative: float) -> Float:
    """Return absolute tolerances of numbers that are at most this large, (numbers, ...).

    Of amounts by the largest of all, of signals by their own.
    """
    size = np.maximum(largest, 1e-6 * largest.max(axis=0, initial=0.0))
    amounts = largest[:slots].max(axis=0, initial=0.0)
    size[:slots] = np.where(amounts > 0.0, np.minimum(1.0, amounts), 1.0)
    tolerance: Float = relative * np.where(size > 0.0, size, 1.0) * 0.1
    return tolerance


@lru_cache(maxsize=64)
def _steppers_of(program: Program) -> tuple[Stepper, ...]:
    """Return what tries the steps of a program: for all its states, so that time adds up."""
    layout = layout_of(program)
    stiff = stiff_of(program, layout)
    first = explicit_stepper(layout, 0.0 if stiff is None else PATIENCE)
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


class _Walk:
    """One lane on its way from stop to stop."""

    def __init__(
        self, program: Program, state: State, lane: int, own: Prepared, relative: float
    ) -> None:
        self.program, self.state, self.lane, self.own = program, state, lane, own
        self.relative, self.left = relative, 0
        self.slots = program.slots
        self.registers = np.ascontiguousarray(state.registers[:, lane])
        self.before = np.ascontiguousarray(state.trigger[:, lane])
        self.time = self.until = state.time
        self.y = np.concatenate([state.counts[:, lane], state.signal[:, lane]])
        self.largest = np.abs(self.y)  # in the present stretch
        self.happened = 0

    def to(self, until: float, most: int) -> None:
        """Go to ``until`` in at most so many steps and write the lane back."""
        self.until, self.left = until, most
        if not self.time < until:
            return
        self.settle(FLOWING)  # what is due right after the last stop
        while self.time < until:
            stops = self.registers[self.own.stop]
            later = stops[(stops > self.time) & (stops < until)]
            self.stretch(float(later.min()) if len(later) else until)
        state, lane = self.state, self.lane
        state.counts[:, lane] = np.maximum(self.y[: self.slots], 0.0)
        state.signal[:, lane] = self.y[self.slots :]
        state.trigger[:, lane] = self.before

    def stretch(self, stop: float) -> None:
        """Go to a stop, or to the first event before it, and let events happen there."""
        if len(self.y):
            self.solve(stop)
        else:
            self.time = stop
        low = self.y[: self.slots].min(initial=0.0)
        if low < -NEGATIVE_ROUNDING * self.largest[: self.slots].max(initial=0.0):
            self.fail_below_zero()
        self.y[: self.slots] = np.maximum(self.y[: self.slots], 0.0)
        self.settle(FLOWING if self.time < self.until else WRITTEN)

    def solve(self, stop: float) -> None:
        """Integrate to ``stop``, or to where a condition first becomes true."""
        from scipy.integrate import LSODA  # half a second of import: only when it is needed

        largest = self.largest = np.abs(self.y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solver = LSODA(
                self.slope,
                self.time,
                self.y,
                stop,
                rtol=self.relative,
                atol=absolute(largest, self.slots, self.relative),
            )
            while str(solver.status) == "running":
                message = solver.step()
                self.left -= 1
                failed = str(solver.status) == "failed" or self.left < 0
                if failed or not np.isfinite(solver.y).all():
                    self.fail(solver.t, str(message or "too many steps, or a number not finite"))
                np.maximum(largest, np.abs(solver.y), out=largest)
                if len(self.before) and self.crossed(solver.t_old, solver.t, solver.dense_output):
                    return
        self.time, self.y = stop, np.array(solver.y)

    def slope(self, time: float, y: Float) -> Float:
        """Return dy/dt."""
        dy = np.empty_like(y)
        slope(time, y, self.own.tables, self.own.law, self.slots, self.registers, dy)
        if not np.isfinite(dy).all():
            self.fail_law(time, y)
        return dy

    def crossed(
        self, first: float, last: float, interpolant: Callable[[], Callable[[float], Float]]
    ) -> bool:
        """Look for a condition that becomes true within a step; go there if there is one."""
        solution = interpolant()
        holds, previous = np.empty_like(self.before), first
        for time in np.linspace(first, last, LOOKS + 1)[1:]:
            self.look(time, solution(time), holds)
            if (holds > self.before).any():
                self.time = self.bisect(previous, float(time), solution)
                self.y = np.array(solution(self.time))
                return True
            self.before[:], previous = holds, float(time)
        return False

    def bisect(self, low: float, high: float, solution: Callable[[float], Float]) -> float:
        """Return the first time at which some condition has become true."""
        holds = np.empty_like(self.before)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            self.look(middle, solution(middle), holds)
            if (holds > self.before).any():
                high = middle
            else:
                low = middle
        return high

    def look(self, time: float, y: Float, holds: Float) -> None:
        own = self.own
        look(float(time), y, own.tables, own.events, self.slots, self.registers, holds)

    def settle(self, column: int) -> None:
        """Let events happen that are due here by one form of the conditions."""
        if not len(self.before):
            return
        own, lane = self.own, self.lane
        counts, signal = self.y[: self.slots].copy(), self.y[self.slots :].copy()
        load(own.tables, counts, signal, self.registers, self.time)
        kind, event, happened, self.state.counter[lane] = settle(
            own.tables,
            own.events,
            column,
            counts,
            signal,
            self.before,
            self.registers,
            self.time,
            False,
            self.state.key[lane],
            self.state.counter[lane],
        )
        self.y = np.concatenate([counts, signal])
        self.happened += happened
        if kind != FINE:
            raise event_error(self.program, kind, event, self.place(self.time))
        if self.happened > MOST_EVENTS:
            self.fail(self.time, f"more than {MOST_EVENTS} events")

    def place(self, time: float) -> str:
        self.state.counts[:, self.lane] = self.y[: self.slots]
        return described(self.program, self.state, self.lane, time)

    def fail(self, time: float, why: str) -> None:
        raise RunError(
            f"the solver stopped {self.place(time)}: {why}",
            allowed="a solution to the end",
            remedy="look for laws that grow without bound, or ask for an earlier end",
            check="run.solver",
        )

    def fail_law(self, time: float, y: Float) -> None:
        """Name the law that is no number."""
        program, names = self.program, self.program.transition_ids
        assert program.general is not None
        rates = self.registers[program.transition[:, 2]]
        bad = [f"the rate of {names[i]}" for i in np.nonzero(~np.isfinite(rates))[0]]
        bad += [f"the rate rule of {name}" for name in program.signal_names]
        self.y = np.array(y)
        raise RunError(
            f"{bad[0]} is not finite {self.place(time)}",
            allowed="finite laws",
            remedy="look for a division by something that passes zero",
            check="run.rate",
        )

    def fail_below_zero(self) -> None:
        name = self.program.compartment_ids[int(self.y[: self.slots].argmin())]
        raise RunError(
            f"{name} falls below 0 {self.place(self.time)}",
            allowed="laws that are 0 where a reactant is missing",
            remedy="let the law fall to 0 with its reactant",
            check="run.below-zero",
        )
