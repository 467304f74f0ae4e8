"""One lane of a plain network on its way from stop to stop, by LSODA, with its events.

No step crosses a time at which a condition or a law is known to have a corner; a condition that the
numbers turn is found by bisection on the step's own interpolant.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError

from ..events import FINE, FLOWING, WRITTEN, EventTables, described, event_error, load, settle
from ..state import State
from ..tables import Tables
from .steppers import Stepper

Float = NDArray[np.float64]
Int = NDArray[np.int32]

# Places within a step at which conditions are looked at: a condition that holds for less than a
# twentieth of a step of the solver may be missed.
LOOKS = 20
BISECTIONS = 200
# How far below 0 rounding may leave an amount, relative to the largest there has been.
NEGATIVE_ROUNDING = 1e-6
MOST_EVENTS = 1_000_000


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


def absolute(largest: Float, slots: int, relative: float) -> Float:
    """Return absolute tolerances of numbers that are at most this large, (numbers, ...).

    Of amounts by the largest of all, of signals by their own.
    """
    size = np.maximum(largest, 1e-6 * largest.max(axis=0, initial=0.0))
    amounts = largest[:slots].max(axis=0, initial=0.0)
    size[:slots] = np.where(amounts > 0.0, np.minimum(1.0, amounts), 1.0)
    tolerance: Float = relative * np.where(size > 0.0, size, 1.0) * 0.1
    return tolerance


class Walk:
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

    def along(self, times: tuple[float, ...], most: int, path: Float) -> None:
        """Go to a stop by LSODA, with outputs on the way that are written to ``path``."""
        for index, time in enumerate(times):
            self.until, self.left = time, most
            self.solve(time)
            self.check()
            if index < len(path):
                path[index] = self.y
        self.write()

    def arrive(self, stop: float, *, settled: bool) -> None:
        """Take over what blocks have computed; at an output what is due as written happens."""
        state, lane = self.state, self.lane
        self.y = np.concatenate([state.counts[:, lane], state.signal[:, lane]])
        self.time = stop
        if settled:
            self.settle(WRITTEN)
            self.write()

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
        self.write()

    def write(self) -> None:
        """Write the lane back."""
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
        self.check()
        self.settle(FLOWING if self.time < self.until else WRITTEN)

    def check(self) -> None:
        """Bring amounts that rounding left below 0 to 0; others stop the run."""
        low = self.y[: self.slots].min(initial=0.0)
        if low < -NEGATIVE_ROUNDING * self.largest[: self.slots].max(initial=0.0):
            self.fail_below_zero()
        self.y[: self.slots] = np.maximum(self.y[: self.slots], 0.0)

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
        """Write whether each condition holds at a point of the solution."""
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
        """Return where the lane stands, in words."""
        self.state.counts[:, self.lane] = self.y[: self.slots]
        return described(self.program, self.state, self.lane, time)

    def fail(self, time: float, why: str) -> None:
        """Stop the run with the solver's reason."""
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
        """Name the amount that has fallen below 0."""
        name = self.program.compartment_ids[int(self.y[: self.slots].argmin())]
        raise RunError(
            f"{name} falls below 0 {self.place(self.time)}",
            allowed="laws that are 0 where a reactant is missing",
            remedy="let the law fall to 0 with its reactant",
            check="run.below-zero",
        )
