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

from .coupling import Coupling, Prepared, advance_coupled, prepared_of, start_coupled
from .general import advance_general, start_general
from .moving import Moving, moving_of
from .refusal import refusal
from .step import DONE, advance_lanes
from .together import Together, together_error, together_of

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exact:
    """Direct stochastic simulation (Gillespie 1977, doi:10.1021/j100540a008) with thinning.

    Parameters
    ----------
    max_events : int
        Budget of events of one lane between two stops.
    coupling : Coupling
        What two arms of one host share. By default nothing beyond their first different event: one
        stream a lane is the fastest. Not for networks from SBML.

    Notes
    -----
    Rates that move between events (a drug that decays, time in a formula) are bounded from both
    sides over a window and candidates are accepted with the ratio of the true rate to the upper
    bound: exact in law, whatever the window. The cost grows with the number of events: use the leap
    for many cells.
    """

    max_events: int = 1_000_000_000
    coupling: Coupling = Coupling.NONE
    name: str = "exact"
    stochastic: bool = True

    def start(self, program: Program, parameters: Float, streams: Streams) -> State:
        """Return lanes with sampled initial cells.

        Raises
        ------
        RunError
            A general transition, parameters that are not finite.
        """
        if self.coupling is not Coupling.NONE:
            return start_coupled(program, parameters, streams)
        if program.general is not None:
            state = start_general(program, parameters, streams)
        else:
            refuse_general(program, self.name)
            state = start_state(program, parameters, streams, sampled_births)
        together = together_of(program)
        if together is not None:
            state.prepared = together
        return state

    def advance(self, program: Program, state: State, until: float) -> None:
        """Advance all lanes to ``until`` [day], in place; no breakpoint lies between.

        Raises
        ------
        RunError
            A rate that is negative, not finite or without bound; more events than the budget.
        """
        if self.coupling is not Coupling.NONE:
            if state.prepared is None:
                state.prepared = prepared_of(program, rates_move(program))
            advance_coupled(
                program,
                state,
                until,
                cast(Prepared, state.prepared),
                most=self.max_events,
                coupling=self.coupling,
            )
            return
        if isinstance(state.prepared, Together):
            self._advance_together(program, state, state.prepared, until)
            return
        if program.general is not None:
            advance_general(program, state, until, self.max_events)
            return
        if state.prepared is None:
            state.prepared = (tables_of(program), moving_of(program, rates_move(program)))
        tables, moving = cast(tuple[Tables, Moving], state.prepared)
        fields = (state.counts, state.signal, state.input, state.tally, state.registers)
        counts, signal, supply, tally, registers = (np.ascontiguousarray(a.T) for a in fields)
        with np.errstate(all="ignore"):  # the plain kernel meets NumPy's warnings
            outcome, lane, time = advance_lanes(
                tables, moving, counts, signal, supply, tally, registers, state.key, state.counter,
                state.time, until, self.max_events,
            )  # fmt: skip
        state.counts[:] = counts.T
        state.signal[:] = signal.T
        state.tally[:] = tally.T
        state.registers[:] = registers.T
        if outcome != 0:
            raise refusal(program, outcome, lane, time)
        state.time = until

    def _advance_together(
        self, program: Program, state: State, together: Together, until: float
    ) -> None:
        with np.errstate(all="ignore"):  # the plain twin meets NumPy's warnings
            how = together.advance(program, state, until, self.max_events)
        if how[0] != DONE:
            raise together_error(program, state, together.flat, how)
        state.time = until


def rates_move(program: Program) -> bool:
    """Whether a rate or a share of an outcome reads time or a signal: it moves between events."""
    first, last = program.signal_row, program.time_row + 1
    moving = set(range(first, last))
    for _, target, *sources in program.tape[program.lane_end :]:
        if moving & {int(s) for s in sources}:
            moving.add(int(target))
    p = program
    rates = (*p.transition[:, 2], *p.advance_row, *p.outcome_row, *p.route_row)
    return bool({int(r) for r in rates} & moving)
