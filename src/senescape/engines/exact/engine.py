"""The exact engine: every event of every cell, for small numbers and as the judge of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.births import sampled_births
from senescape.engines.state import State, Streams, refuse_general, start_state
from senescape.engines.tables import Tables, tables_of
from senescape.errors import RunError

from .general import advance_general, start_general
from .step import BROKEN, TOO_MANY, UNBOUNDED, advance_lanes

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exact:
    """Direct stochastic simulation (Gillespie 1977, doi:10.1021/j100540a008) with thinning.

    Parameters
    ----------
    max_events : int
        Budget of events of one lane between two stops.

    Notes
    -----
    Rates that move between events (a drug that decays, time in a formula) are bounded over a window
    and candidates are accepted with the ratio of the true rate to the bound: exact in law, whatever
    the window. The cost grows with the number of events: use the leap for many cells.
    """

    max_events: int = 1_000_000_000
    name: str = "exact"
    stochastic: bool = True

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        """Return lanes with sampled initial cells.

        Raises
        ------
        RunError
            A general transition, parameters that are not finite.
        """
        if program.general is not None:
            return start_general(program, parameters, streams)
        refuse_general(program, self.name)
        return start_state(program, parameters, streams, sampled_births)

    def advance(self, program: Program, state: State, until: float) -> None:
        """Advance all lanes to ``until`` [day], in place; no breakpoint lies between.

        Raises
        ------
        RunError
            A rate that is negative, not finite or without bound; more events than the budget.
        """
        if program.general is not None:
            advance_general(program, state, until, self.max_events)
            return
        if state.prepared is None:
            state.prepared = (tables_of(program), rates_move(program))
        tables, moves = cast(tuple[Tables, bool], state.prepared)
        fields = (state.counts, state.signal, state.input, state.tally, state.registers)
        counts, signal, supply, tally, registers = (np.ascontiguousarray(a.T) for a in fields)
        outcome, lane, time = advance_lanes(
            tables,
            moves,
            counts,
            signal,
            supply,
            tally,
            registers,
            len(program.assay_ids),
            state.key,
            state.counter,
            state.time,
            until,
            self.max_events,
        )
        state.counts[:] = counts.T
        state.signal[:] = signal.T
        state.tally[:] = tally.T
        state.registers[:] = registers.T
        if outcome != 0:
            raise refusal(program, outcome, lane, time)
        state.time = until


def rates_move(program: Program) -> bool:
    """Whether a rate reads time or a signal: then it can change between two events."""
    first, last = program.signal_row, program.time_row + 1
    moving = set(range(first, last))
    for _, target, *sources in program.tape[program.lane_end :]:
        if moving & {int(s) for s in sources}:
            moving.add(int(target))
    rates = {int(r) for r in program.transition[:, 2]} | {int(r) for r in program.advance_row}
    return bool(rates & moving)


def refusal(program: Program, outcome: int, lane: int, time: float) -> RunError:
    """Return the error that belongs to an outcome of the kernel."""
    place = f"at t = {time:.6g} day (lane {lane})"
    if outcome == TOO_MANY:
        return RunError(
            f"the budget of events is used up {place}",
            allowed="as many events as max_events",
            remedy="use the leap engine, or fewer cells",
            check="run.too-many-events",
        )
    if outcome == UNBOUNDED:
        return RunError(
            f"a rate has no bound {place}",
            allowed="rates that stay finite over a short window",
            remedy="look for a division by a signal that passes zero",
            check="run.rate-unbounded",
        )
    if outcome == BROKEN:
        return RunError(
            f"a rate exceeds its bound {place}",
            allowed="a bound that holds",
            remedy="report this as a bug, with the scenario",
            check="run.bound-broken",
        )
    index = -1 - outcome
    if index < len(program.transition):
        source = program.transition[index, 1]
        what = program.transition_ids[index]
    else:
        source = index - len(program.transition)
        what = "the advance"
    of = "outside" if source < 0 else program.compartment_ids[source]
    return RunError(
        f"the rate of {what} out of {of} is negative or not finite {place}",
        allowed="finite rates of at least 0",
        remedy="look at the formula and its parameters with `senescape show --equations`",
        check="run.rate",
    )
