"""The leap engine: whole numbers of cells at a cost that does not grow with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.births import sampled_births
from senescape.engines.state import State, Streams, refuse_general, start_state
from senescape.engines.tables import Tables, tables_of
from senescape.errors import RunError

from .advance import advance_lanes
from .block_rates import block_rates
from .lanes import scratch_of
from .plan import Plan, plan_of
from .pointers import kernels
from .rates import empty_rates
from .together import advance_blocks

Float = NDArray[np.float64]

FOUR_HOURS = 1.0 / 6.0
# Below so many lanes a block costs more than one lane after another.
FEWEST = 8


@dataclass(frozen=True, slots=True)
class Leap:
    """Integer exact-transition leaping (see docs/engines.md).

    Parameters
    ----------
    step : float
        Longest step, and the grid that keys the random numbers [day].
    tolerance : float
        Largest change of hazard * step within a step, from one evaluation to the next.
    composition : float
        Largest hazard * step; limits the error of splitting compartments from each other.
    threads : int
        Lanes are shared out; the numbers do not depend on it.

    Notes
    -----
    Never a negative or fractional count; zero absorbs; the cost does not depend on the number of
    cells. At constant rates a compartment of one stage on its own has the exact law of Kendall for
    a step of any length.
    """

    step: float = FOUR_HOURS
    tolerance: float = 0.05
    composition: float = 0.5
    threads: int = 1
    name: str = "leap"
    stochastic: bool = True

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        """Return lanes with sampled initial cells.

        Raises
        ------
        RunError
            A general transition, an outcome without a law, parameters that are not finite.
        """
        refuse_general(program, self.name)
        plan = plan_of(program)
        state = start_state(program, parameters, streams, sampled_births)
        state.prepared = (tables_of(program), plan)
        return state

    def advance(self, program: Program, state: State, until: float) -> None:
        """Advance all lanes to ``until`` [day], in place.

        Raises
        ------
        RunError
            A rate that is negative or not finite; more than 1e15 cells.
        """
        if state.prepared is None:
            state.prepared = (tables_of(program), plan_of(program))
        lanes = state.lanes
        chunks = [c for c in np.array_split(np.arange(lanes), max(1, self.threads)) if len(c)]

        def run(chunk: NDArray[np.int64]) -> None:
            self._advance_chunk(program, state, slice(int(chunk[0]), int(chunk[-1]) + 1), until)

        if len(chunks) == 1:
            run(chunks[0])
        else:
            with ThreadPoolExecutor(len(chunks)) as pool:
                list(pool.map(run, chunks))
        state.time = until

    def _advance_chunk(self, program: Program, state: State, lanes: slice, until: float) -> None:
        if lanes.stop - lanes.start < FEWEST:
            self._advance_alone(program, state, lanes, until)
            return
        tables, plan = cast(tuple[Tables, Plan], state.prepared)
        outcome, lane, time = advance_blocks(
            kernels(),
            tables,
            plan,
            block_rates(tables, plan),
            block_rates(tables, plan),
            scratch_of(state.counts.shape[0]),
            state.counts,
            state.signal,
            state.input,
            state.tally,
            state.registers,
            state.key,
            lanes.start,
            lanes.stop,
            state.time,
            until,
            self.step,
            self.tolerance,
            self.composition,
        )
        if outcome != 0:
            raise _refusal(program, outcome, lane, time)

    def _advance_alone(self, program: Program, state: State, lanes: slice, until: float) -> None:
        fields = (state.counts, state.signal, state.input, state.tally, state.registers)
        counts, signal, supply, tally, registers = (
            np.ascontiguousarray(a[:, lanes].T) for a in fields
        )
        tables, plan = cast(tuple[Tables, Plan], state.prepared)
        outcome, lane, time, _ = advance_lanes(
            tables,
            plan,
            empty_rates(tables, plan),
            empty_rates(tables, plan),
            counts,
            signal,
            supply,
            tally,
            registers,
            state.key[lanes],
            state.time,
            until,
            self.step,
            self.tolerance,
            self.composition,
        )
        state.counts[:, lanes] = counts.T
        state.signal[:, lanes] = signal.T
        state.tally[:, lanes] = tally.T
        state.registers[:, lanes] = registers.T
        if outcome != 0:
            raise _refusal(program, outcome, lane + lanes.start, time)


def _refusal(program: Program, outcome: int, lane: int, time: float) -> RunError:
    if outcome > 0:
        return RunError(
            f"more than 1e15 cells at t = {time:.6g} day (lane {lane})",
            allowed="at most 1e15 cells",
            remedy="limit growth by crowding, or shorten the horizon",
            check="run.too-many-cells",
        )
    index = -1 - outcome
    source = program.compartment_ids[program.transition[index, 1]]
    return RunError(
        f"the rate of {program.transition_ids[index]} out of {source} is negative or not finite at "
        f"t = {time:.6g} day (lane {lane})",
        allowed="finite rates of at least 0",
        remedy="look at the formula and its parameters with `senescape show --equations`",
        check="run.rate",
    )
