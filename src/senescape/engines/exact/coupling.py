"""What two arms of one host have in common, and how lanes with common clocks start and advance."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.births import sampled_births
from senescape.engines.state import State, Streams, refuse_general, start_state
from senescape.engines.tables import Tables, tables_of

from . import clocks
from .moving import Moving, moving_of
from .refusal import refusal
from .step import DONE

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]


class Coupling(Enum):
    """What two lanes that share a key (two arms of one host) have in common.

    CELL_DAYS and DAYS share every draw that does not concern the difference of the arms. Which of
    them leaves less noise in a difference depends on what the noise does later: where it grows with
    the population, CELL_DAYS; where crowding or a balance of gains and losses damps it, DAYS
    (measured: verification/twins.md).
    """

    NONE = "none"
    """One stream a lane (the direct method): the same until the first event that differs."""
    CELL_DAYS = "cell-days"
    """A clock a channel that runs by the cell-days lived in its source; heights are hazards."""
    DAYS = "days"
    """A clock a channel that runs by the calendar; heights are hazards times cells."""


class Prepared(NamedTuple):
    """What is made of a program once a run."""

    tables: Tables
    moving: Moving
    names: Keys


def prepared_of(program: Program, moves: bool) -> Prepared:
    """Return the tables of a program; ``moves``: whether rates change between two events."""
    return Prepared(tables_of(program), moving_of(program, moves), name_words(program))


def name_words(program: Program) -> Keys:
    """Return a word for each compartment that its name alone decides.

    The advances of a chain have no number of their own; a place in a table would shift with the
    next compartment that somebody adds.
    """
    digests = (hashlib.sha256(name.encode()).digest() for name in program.compartment_ids)
    return np.array([int.from_bytes(d[:8], "little") for d in digests], np.uint64)


def start_coupled(program: Program, parameters: Float, streams: Streams) -> State:
    """Return lanes with sampled initial cells, and all clocks at zero.

    Raises
    ------
    RunError
        A general transition (a network from SBML), parameters that are not finite.
    """
    refuse_general(program, "coupled exact")
    state = start_state(program, parameters, streams, sampled_births)
    state.clock = np.zeros((3, len(program.transition) + program.slots, state.lanes))
    state.clock[1] = state.time
    return state


def advance_coupled(
    program: Program,
    state: State,
    until: float,
    prepared: Prepared,
    *,
    most: int,
    coupling: Coupling,
) -> None:
    """Advance all lanes to ``until`` [day], in place.

    Raises
    ------
    RunError
        A rate that is negative, not finite or without bound; more than ``most`` events.
    """
    fields = (state.counts, state.signal, state.input, state.tally, state.registers)
    counts, signal, supply, tally, registers = (np.ascontiguousarray(a.T) for a in fields)
    clock = np.ascontiguousarray(state.clock.transpose(2, 0, 1))
    with np.errstate(all="ignore"):  # the plain kernel meets NumPy's warnings
        outcome, lane, time = clocks.advance_lanes(
            prepared.tables, prepared.moving, prepared.names, counts, signal, supply, tally,
            registers, state.key, clock, state.time, until, most, coupling is Coupling.DAYS,
        )  # fmt: skip
    state.counts[:] = counts.T
    state.signal[:] = signal.T
    state.tally[:] = tally.T
    state.registers[:] = registers.T
    state.clock[:] = clock.transpose(1, 2, 0)
    if outcome != DONE:
        raise refusal(program, outcome, lane, time)
    state.time = until
