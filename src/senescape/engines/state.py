"""What a run carries from one breakpoint to the next, and how it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.errors import RunError
from senescape.rng import Purpose, lane_keys

from .interpreter import read_tape

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Streams:
    """Who each lane is, so that its random draws are its own wherever it runs.

    Parameters
    ----------
    seed : int
        Of the whole run.
    draw, host, replicate : (lanes,) integers
        Outer draw (what we do not know), host (in vitro a well), and repetition of the same host.
        The arm is never part of it: two arms of one host share their draws.
    """

    seed: int
    draw: NDArray[np.int64]
    host: NDArray[np.int64]
    replicate: NDArray[np.int64]

    @classmethod
    def hosts(cls, seed: int, count: int, *, first: int = 0) -> Streams:
        """Return streams for ``count`` hosts of one draw."""
        host = np.arange(first, first + count, dtype=np.int64)
        zero = np.zeros(count, np.int64)
        return cls(seed, zero, host, zero)

    def keys(self, purpose: Purpose) -> Keys:
        """Return the key of each lane for one purpose, shape (lanes,)."""
        return lane_keys(self.seed, self.draw, self.host, self.replicate, int(purpose))

    def part(self, lanes: NDArray[np.int64]) -> Streams:
        """Return those of some lanes, in this order; one may stand more than once."""
        return Streams(self.seed, self.draw[lanes], self.host[lanes], self.replicate[lanes])

    def __len__(self) -> int:
        return len(self.host)


@dataclass(slots=True)
class State:
    """Lanes at one time; arrays only, lanes on the last axis.

    Parameters
    ----------
    time : float
        [day]
    counts : (slots, lanes)
        Cells in each stage of each compartment; whole numbers except in the mean field.
    signal, input, factor : (signals, lanes)
        Values, constant input rates, and what visits multiply later doses by.
    infusion : (infusions, lanes)
        The factor with which each infusion was started.
    tally : (transitions, lanes)
        How often each transition has fired so far.
    registers : (register_count, lanes)
        Parameters and everything that follows from them; the rest is scratch.
    key : (lanes,)
        Key of the event stream of each lane.
    counter : (lanes,)
        Position in a sequential stream (exact engine).
    pace : (lanes,)
        Length of the step that a solver tries next (mean field) [day].
    trigger : (events, lanes)
        Whether the condition of each event held at the last look (plain networks).
    clock : (3, channels, lanes)
        Where the clock of each channel stands (exact engine for twins).
    next_breakpoint : int
        First breakpoint that has not been applied.
    prepared : object
        Tables that the engine has made of the program, kept so that they are made once a run.
    """

    time: float
    counts: Float
    signal: Float
    input: Float
    factor: Float
    infusion: Float
    tally: Float
    registers: Float
    key: Keys
    counter: NDArray[np.int64]
    pace: Float
    trigger: Float
    clock: Float
    next_breakpoint: int = 0
    prepared: object = None

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return self.counts.shape[1]

    def arrays(self) -> dict[str, Any]:
        """Return every array by name."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}

    def copy(self) -> State:
        """Return an independent copy (a checkpoint)."""
        return replace(self, **{name: value.copy() for name, value in self.arrays().items()})

    def part(self, lanes: NDArray[np.int64]) -> State:
        """Return a copy of some lanes, without what an engine has prepared."""
        own = {name: value[..., lanes] for name, value in self.arrays().items()}
        return replace(self, prepared=None, **own)

    @classmethod
    def joined(cls, parts: Sequence[State]) -> State:
        """Return lanes that stand at the same time as one state, in order."""
        own = [part.arrays() for part in parts]
        whole: dict[str, Any] = {
            name: np.concatenate([o[name] for o in own], axis=-1) for name in own[0]
        }
        return replace(parts[0], prepared=None, **whole)


def lane_registers(program: Program, parameters: Float) -> Float:
    """Return registers with constants, parameters and all that depends on them alone.

    Parameters
    ----------
    parameters : (parameters, lanes)
        Canonical units, in the order of ``program.parameter_names``.

    Raises
    ------
    RunError
        A parameter that is not finite, outcome probabilities outside 0 to 1 or not summing to 1.
    """
    bad = ~np.isfinite(parameters)
    if bad.any():
        index, lane = (int(i[0]) for i in np.nonzero(bad))
        raise RunError(
            f"{program.parameter_names[index]} is {parameters[index, lane]} (lane {lane})",
            allowed="finite numbers",
            remedy="look at its distribution in the scenario",
            check="run.parameter-not-finite",
        )
    registers = np.zeros((program.register_count, parameters.shape[1]))
    registers[program.constant_row] = program.constant[:, None]
    registers[program.parameter_row : program.parameter_row + len(parameters)] = parameters
    with np.errstate(all="ignore"):
        read_tape(program.tape, 0, program.lane_end, registers)
    _check_probabilities(program, registers)
    _check_routes(program, parameters)
    return registers


def _check_probabilities(program: Program, registers: Float) -> None:
    lane_rows = set(program.tape[: program.lane_end, 1].tolist()) | set(
        program.constant_row.tolist()
    )
    lane_rows |= set(range(program.signal_row))
    for index in range(len(program.transition)):
        for route in range(program.route_ptr[index], program.route_ptr[index + 1]):
            rows = program.outcome_row[program.outcome_ptr[route] : program.outcome_ptr[route + 1]]
            if len(rows) == 0 or not set(rows.tolist()) <= lane_rows:
                continue
            chance = registers[rows]
            total = chance.sum(axis=0)
            wrong = (np.abs(total - 1.0) > 1e-9) | (chance < 0.0).any(axis=0)
            if wrong.any():
                lane = int(np.nonzero(wrong)[0][0])
                raise RunError(
                    f"outcomes of {program.transition_ids[index]} have probabilities "
                    f"{chance[:, lane].tolist()} (lane {lane})",
                    allowed="probabilities from 0 to 1 that sum to 1",
                    remedy="correct the formulas of this arrow",
                    check="run.probabilities",
                )


def _check_routes(program: Program, parameters: Float) -> None:
    routes = np.diff(program.route_ptr)
    for index in np.nonzero(program.route_row >= 0)[0]:
        row = program.route_row[index]
        chosen = parameters[row]
        wrong = (chosen != np.floor(chosen)) | (chosen < 0) | (chosen >= routes[index])
        if wrong.any():
            raise RunError(
                f"parameter {program.parameter_names[row]} chooses route {chosen[wrong][0]:g} "
                f"of {program.transition_ids[index]}",
                allowed=f"a whole number from 0 to {routes[index] - 1}",
                remedy="name one of its routes",
                check="run.route",
            )


def start_state(
    program: Program,
    parameters: Float,
    streams: Streams,
    births: Callable[[Program, Float, Keys], Float],
) -> State:
    """Return the state at the start of the regimen, before its first breakpoint.

    ``births`` turns the birth laws into counts: sampled, or their means.
    """
    shape = (len(program.parameter_names), len(streams))
    if parameters.shape != shape:
        raise RunError(
            f"parameters have shape {parameters.shape}",
            allowed=f"{shape} (parameters, lanes)",
            remedy="give one column a lane",
            check="run.parameter-shape",
        )
    registers = lane_registers(program, parameters)
    signals = len(program.signal_names)
    lanes = len(streams)
    return State(
        time=program.forcing.start,
        counts=births(program, registers, streams.keys(Purpose.INITIAL)),
        signal=registers[program.signal_initial].copy(),
        input=np.zeros((signals, lanes)),
        factor=np.ones((signals, lanes)),
        infusion=np.ones((program.forcing.infusions, lanes)),
        tally=np.zeros((len(program.transition), lanes)),
        registers=registers,
        key=streams.keys(Purpose.EVENTS),
        counter=np.zeros(lanes, np.int64),
        pace=np.ones(lanes),
        trigger=np.zeros((0, lanes)),
        clock=np.zeros((3, 0, lanes)),
    )


def refuse_general(program: Program, engine: str) -> None:
    """Refuse what only plain networks have, and general transitions, where they cannot run."""
    if program.general is not None and program.general.event_ids:
        raise RunError(
            f"{program.general.event_ids[0]} is an event",
            allowed=f"doses at stated times in the {engine} engine",
            remedy="use the exact or the mean-field engine",
            check="run.event",
        )
    for index in np.nonzero(program.transition[:, 0] == TransitionKind.GENERAL)[0]:
        raise RunError(
            f"{program.transition_ids[index]} is a general transition",
            allowed=f"unary and inflow transitions in the {engine} engine",
            remedy="use the mean-field engine (for a network from SBML, or the exact one)",
            check="run.general-transition",
        )
    if program.general is not None:
        raise RunError(
            "a network without transitions",
            allowed=f"networks of cells in the {engine} engine",
            remedy="use the exact or the mean-field engine",
            check="run.general",
        )
