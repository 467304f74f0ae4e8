"""Mean field: expected numbers of cells by ordinary differential equations.

Right for the mean wherever hazards do not depend on the cells, and for large numbers elsewhere. It
says nothing about chance: a population that falls below one cell lives on as a fraction here; ask
:mod:`senescape.engines.branching` for the probability of cure.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numba import config
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError

from ..births import mean_births
from ..state import State, Streams, start_state
from .blocks import Numbers, advance_lanes, lowest_of
from .explicit import REACHED, explicit
from .flows import FINE, NOT_FINITE, SLIGHTLY_NEGATIVE, flows, jacobian, pack
from .general import advance_flow, start_flow
from .outcome import SolverOutcome

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Arguments = tuple[Int, Float, Float, Float]

MAX_STATES = 1_000_000
FEW_CELLS = 10.0
# Explicit steps between two stops beyond which LSODA is cheaper.
FEW_STEPS, STEPS_A_DAY = 300, 100.0
# A solver may leave a fading compartment this far below zero: relative to the largest one, and in
# units of what its tolerance allows in one step.
NEGATIVE_ROUNDING, NEGATIVE_STEPS = 1e-6, 10.0


@dataclass(frozen=True, slots=True)
class MeanField:
    """The deterministic engine: Runge-Kutta of order 5 for all lanes, LSODA where that is stiff.

    Parameters
    ----------
    relative_tolerance : float
        Of each number in each step; 1e-8 keeps end points to about six digits.
    absolute_tolerance : float
        Cells (one cell is the natural scale); signals use it relative to their own scale.
    max_steps : int
        Budget of steps of LSODA between two stops.
    explicit : bool
        Try the explicit method first; without it LSODA does everything, its slow and trusted twin.
        By default where kernels are compiled: as plain Python its loops are slower than LSODA.

    Notes
    -----
    Positivity: counts are not clipped inside a step. At the end of an interval a count a little
    below 0 becomes 0 (:meth:`lowest`); one further below stops the run. No rate beyond a breakpoint
    is ever read (LSODA: ``tcrit``). A lane that takes the explicit method more than
    :data:`FEW_STEPS` and :data:`STEPS_A_DAY`, that meets a bad hazard, or whose counts fall too far
    below 0, is done again by LSODA.
    """

    relative_tolerance: float = 1e-8
    absolute_tolerance: float = 1e-9
    max_steps: int = 100_000
    explicit: bool = not config.DISABLE_JIT

    name = "mean-field"
    stochastic = False

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        """Return expected initial counts; random streams are not used."""
        states = program.slots + len(program.signal_names)
        if states > MAX_STATES:
            raise RunError(
                f"{states} states",
                allowed=f"at most {MAX_STATES}",
                remedy="use fewer heterogeneity classes or stages",
                check="run.too-many-states",
            )
        if program.general is not None:
            return start_flow(program, parameters, streams)
        return start_state(program, parameters, streams, mean_births)

    def advance(self, program: Program, state: State, until: float) -> None:
        """Advance all lanes to ``until`` [day], in place; no breakpoint lies between."""
        for _ in self.read_off(program, state, np.empty(0), until):
            pass

    def read_off(
        self, program: Program, state: State, times: Float, until: float
    ) -> Iterator[State]:
        """Advance to ``until``, yielding the state (the same object) at each time on the way.

        Parameters
        ----------
        times : (outputs,)
            In order, from ``state.time`` to ``until`` [day].
        """
        numbers = [state.counts, state.signal]
        if program.general is None:  # networks from SBML keep no tally
            numbers.append(state.tally)
        path = np.empty((len(times), sum(len(n) for n in numbers), state.lanes))
        if until > state.time:
            self._advance(program, state, times, path, until)
        else:
            path[:] = np.concatenate(numbers)
        end = [n.copy() for n in numbers]
        borders = np.cumsum([len(n) for n in numbers])[:-1]
        for time, row in zip(times, path, strict=True):
            state.time = float(time)
            for own, part in zip(numbers, np.split(row, borders), strict=True):
                own[:] = part
            yield state
        state.time = until
        for own, part in zip(numbers, end, strict=True):
            own[:] = part

    def _advance(
        self, program: Program, state: State, times: Float, path: Float, until: float
    ) -> None:
        """Advance all lanes and write the numbers at each time, (outputs, numbers, lanes)."""
        if program.general is not None:
            advance_flow(
                program,
                state,
                until,
                times,
                path,
                relative=self.relative_tolerance,
                most_steps=self.max_steps,
                explicit=self.explicit,
            )
            return
        if state.prepared is None:
            state.prepared = pack(program)
        packed = cast(Int, state.prepared)
        left: Any = range(state.lanes)
        if self.explicit:
            left = self._advance_explicitly(packed, state, until, times, path)
        start = state.time
        for lane in left:
            for index, time in enumerate((*times.tolist(), until)):
                if time > state.time:
                    self._advance_lane(program, packed, state, int(lane), time)
                    state.time = time
                if index < len(times):
                    numbers = (state.counts, state.signal, state.tally)
                    path[index, :, lane] = np.concatenate([n[:, lane] for n in numbers])
            state.time = start
        state.time = until

    def _advance_explicitly(
        self, packed: Int, state: State, until: float, times: Float, path: Float
    ) -> NDArray[np.int64]:
        """Advance the lanes that are not stiff; return those that LSODA must take."""
        worst, outcome = np.zeros((state.lanes, 4)), np.zeros(state.lanes, np.int64)
        counts, signal, tally = state.counts.copy(), state.signal.copy(), state.tally.copy()
        advance_lanes(
            Numbers(
                counts,
                signal,
                tally,
                state.registers,
                state.input,
                np.zeros((0, state.lanes)),
                times,
                path,
            ),
            state.pace,
            (state.time, until),
            packed,
            (self.relative_tolerance, self.absolute_tolerance),
            FEW_STEPS + int(STEPS_A_DAY * (until - state.time)),
            worst,
            outcome,
            explicit(),
        )
        reached = (outcome == REACHED) & (worst[:, 0] == FINE)
        lowest = np.minimum(counts.min(axis=0, initial=0.0), lowest_of(path, len(counts)))
        done = reached & (lowest >= self.lowest(state.counts))
        state.counts[:, done] = np.maximum(counts[:, done], 0.0)
        state.signal[:, done], state.tally[:, done] = signal[:, done], tally[:, done]
        return np.nonzero(~done)[0]

    def lowest(self, before: Float) -> Float:
        """Return how far below 0 rounding may leave a count, given those before, (lanes,)."""
        largest = np.maximum(1.0, before.max(axis=0, initial=0.0))
        step = self.absolute_tolerance + self.relative_tolerance * largest
        lowest: Float = -np.maximum(NEGATIVE_ROUNDING * largest, NEGATIVE_STEPS * step)
        return lowest

    def _advance_lane(
        self, program: Program, packed: Int, state: State, lane: int, until: float
    ) -> None:
        slots, signals = program.slots, len(program.signal_names)
        y = np.concatenate(
            [state.counts[:, lane], state.signal[:, lane], np.zeros(len(program.transition))]
        )
        supply = np.ascontiguousarray(state.input[:, lane])
        worst = np.zeros(4)
        registers = np.ascontiguousarray(state.registers[:, lane])
        arguments = (packed, registers, supply, worst)
        scale = self.scales(y, slots, signals, supply, until - state.time)
        end = self.solve(y, state.time, until, arguments, scale)
        check_hazards(program, worst, y, state.time, lane, arguments, self, scale)
        counts = end[:slots]
        if counts.min(initial=0.0) < self.lowest(state.counts[:, lane]):
            raise SolverOutcome.NEGATIVE.error(state.time, until)
        state.counts[:, lane] = np.maximum(counts, 0.0)
        state.signal[:, lane] = end[slots : slots + signals]
        state.tally[:, lane] += end[slots + signals :]

    def scales(self, y: Float, slots: int, signals: int, supply: Float, duration: float) -> Float:
        """Return the absolute tolerance of each number."""
        scale = np.full(len(y), self.absolute_tolerance)
        size = np.abs(y[slots : slots + signals]) + np.abs(supply) * duration
        # A signal that starts at zero is driven by others: near-relative accuracy is asked of it.
        scale[slots : slots + signals] *= np.maximum(size, 1e-6)
        return scale

    def solve(
        self, y: Float, first: float, last: float, arguments: Arguments, scale: Float
    ) -> Float:
        """Return the numbers at ``last``.

        Raises
        ------
        RunError
            With the name of the outcome and its advice.
        """
        from scipy.integrate import odeint  # half a second of import: only when it is needed

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            path, info = odeint(  # type: ignore[call-overload]  # arguments after (y, t)
                flows,
                y,
                np.array([first, last]),
                args=arguments,
                Dfun=jacobian,
                tcrit=np.array([last]),
                rtol=self.relative_tolerance,
                atol=scale,
                mxstep=self.max_steps,
                full_output=True,
            )
        worst = arguments[3]
        outcome = SolverOutcome.from_message(str(info["message"]))
        if not np.isfinite(path[-1]).all():
            outcome = SolverOutcome.OVERFLOW
        if not outcome.reached and worst[0] == FINE:
            raise outcome.error(first, last)
        end: Float = path[-1]
        return end


def check_hazards(
    program: Program,
    worst: Float,
    y: Float,
    first: float,
    lane: int,
    arguments: Arguments,
    engine: MeanField,
    scale: Float,
) -> None:
    """Stop if a hazard was negative or not finite on the solution (invariant I1).

    The solver also reads hazards at trial points that it then rejects. A negative value is
    therefore looked at once more, on the solution at the time where it was worst.
    """
    if worst[0] == FINE:
        return
    if worst[0] != NOT_FINITE:
        time = float(worst[3])
        packed, registers, supply, _ = arguments
        again = np.zeros(4)
        there = y
        if time > first:
            there = engine.solve(y, first, time, (packed, registers, supply, np.zeros(4)), scale)
        flows(there, time, packed, registers, supply, again)
        if again[0] == FINE or again[2] >= SLIGHTLY_NEGATIVE:
            return
        worst = again
    raise hazard_error(program, worst, lane)


def hazard_error(program: Program, worst: Float, lane: int) -> RunError:
    """Return the refusal that names transition, time and compartment."""
    place, value, time = int(worst[1]), float(worst[2]), float(worst[3])
    transitions = len(program.transition)
    if place >= transitions:
        compartment = place - transitions
        what = f"advance hazard of {program.compartment_ids[compartment]}"
    else:
        compartment = int(program.transition[place, 1])
        what = f"hazard of {program.transition_ids[place]}"
    source = "outside" if compartment < 0 else program.compartment_ids[compartment]
    return RunError(
        f"{what} is {value:.6g} at {time:.6g} day (source {source}, lane {lane})",
        allowed="finite numbers of at least 0",
        remedy="bound the formula of this arrow with max(0, ...), or check its parameters",
        check="run.hazard",
    )


def flagged_compartments(program: Program, counts: Float) -> tuple[str, ...]:
    """Return the compartments whose mean stands between 0 and 10 cells at some output.

    Parameters
    ----------
    counts : (outputs, slots) or (outputs, slots, lanes)
        Cells as the mean field gave them.

    Notes
    -----
    There a mean is no picture of any one host: some hosts have lost the compartment, others have
    not. The branching law gives the probabilities.
    """
    flat = counts.reshape(counts.shape[0], program.slots, -1)
    names = []
    for index, name in enumerate(program.compartment_ids):
        cells = flat[:, program.slot_ptr[index] : program.slot_ptr[index + 1]].sum(axis=1)
        if ((cells > 0.0) & (cells < FEW_CELLS)).any():
            names.append(name)
    return tuple(names)


Solution = Callable[[float], Float]
