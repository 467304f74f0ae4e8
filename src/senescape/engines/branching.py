"""What is the chance that no cell is left? The branching law in a mean-field environment.

An ODE never ends a population: 0.002 of a cell regrows. Here each cell is followed on its own: the
probability that none of its descendants stands in a forbidden compartment at a stated time solves a
backward equation, and cells that start together are independent. What cells do to each other
(crowding, secreted signals) comes from the mean field, which is right while the population is large
and does not matter once it is small.

Assumption: the environment of a host is its mean; visits act as they do for that mean.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import ActionKind, Program, TransitionKind
from senescape.errors import RunError
from senescape.lane_math import WIDTH
from senescape.network import BirthLaw

from .births import LAWS, stage_profile
from .mean_field.backward import backward_flows
from .mean_field.blocks import chances_before, record_environment
from .mean_field.engine import FEW_STEPS, STEPS_A_DAY, MeanField, hazard_error
from .mean_field.explicit import REACHED
from .mean_field.flows import FINE, driving_assays, environment_of, flows, pack
from .mean_field.outcome import SolverOutcome
from .mean_field.track import Track, environment_at
from .protocol import apply_breakpoint
from .state import State, Streams

Float = NDArray[np.float64]
Int = NDArray[np.int32]


SMALLEST_CHANCE = 1e-22  # a chance of 1e-12 a cell decides the fate of 1e12 cells
LONGEST_TRACKED = 0.25  # [day]: cubic interpolation between recorded steps stays below 1e-6
MOST_POINTS = 20_000  # of a recorded environment; LSODA takes what is longer


@dataclass(frozen=True, slots=True)
class BranchingLaw:
    """Chances at the start of the regimen.

    Parameters
    ----------
    none_probability : (lanes,)
        That no cell at all stands in a forbidden compartment at the end.
    some_per_cell : (slots, lanes)
        For one cell that starts in each slot, the chance that it leaves at least one forbidden
        cell; kept as this small number, not as 1 minus it, so that 1e9 cells can be counted.
    immigration : (lanes,)
        Expected number of arrivals (inflows) that leave a forbidden cell.
    """

    none_probability: Float
    some_per_cell: Float
    immigration: Float


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The environment of every lane between two stops.

    Parameters
    ----------
    tracks : list of Track
        One a block of WIDTH lanes.
    solution : dict from lane to callable
        Of lanes without a track (stiff ones): the environment at a time [day].
    """

    first: float
    last: float
    tracks: list[Track]
    solution: dict[int, Callable[[float], Float]]


def probability_none(
    program: Program, parameters: Float, *, until: float, compartments: Collection[int]
) -> float:
    """Return the chance that no cell stands in ``compartments`` at ``until``.

    Parameters
    ----------
    parameters : (parameters,) or (parameters, 1)
        One lane, canonical units.
    until : float
        [day]
    compartments : collection of int
        Indices; all tumour compartments for cure, those that can cycle for complete arrest.
    """
    law = branching_law(program, parameters, until=until, compartments=compartments)
    return float(law.none_probability[0])


def branching_law(
    program: Program,
    parameters: Float,
    *,
    until: float,
    compartments: Collection[int],
    explicit: bool | None = None,
) -> BranchingLaw:
    """Return all chances behind :func:`probability_none`.

    Parameters
    ----------
    parameters : (parameters,) or (parameters, lanes)
    explicit : bool, optional
        Use the explicit method where it is enough, or LSODA for everything; as
        :class:`MeanField` does by default.

    Raises
    ------
    RunError
        ``until`` before the start, an unknown compartment, a general transition, or a hazard that
        is negative or not finite.
    """
    columns = np.asarray(parameters, np.float64)
    columns = columns.reshape(len(columns), -1)
    engine = MeanField() if explicit is None else MeanField(explicit=explicit)
    return branching_laws(program, columns, until=until, groups=(compartments,), engine=engine)[0]


def branching_laws(
    program: Program,
    parameters: Float,
    *,
    until: float,
    groups: Sequence[Collection[int]],
    engine: MeanField | None = None,
) -> list[BranchingLaw]:
    """Return the chances of several questions; the environment is found once.

    Parameters
    ----------
    parameters : (parameters, lanes)
    groups : sequence of collections of int
        Forbidden compartments of each question.
    """
    for compartments in groups:
        _check_question(program, until, compartments)
    engine = engine or MeanField()
    lanes = parameters.shape[1]
    state = engine.start(program, parameters, Streams.hosts(0, lanes))
    forward = _Forward(program, engine)
    stretches = forward.run(state, until)
    backward = _Backward(program, state.registers, engine)
    laws = []
    for compartments in groups:
        # the last number is the expected harmful immigration
        some = np.zeros((program.slots + 1, lanes))
        for compartment in compartments:
            some[program.slot_ptr[compartment] : program.slot_ptr[compartment + 1]] = 1.0
        for item in reversed(stretches):
            some = (
                backward.redistribute(some, item)
                if isinstance(item, int)
                else backward.through(some, item)
            )
        slots = np.clip(some[:-1], 0.0, 1.0)
        log_none = _births(program, state.registers, slots) - some[-1]
        laws.append(BranchingLaw(np.exp(log_none), slots, some[-1]))
    return laws


def _check_question(program: Program, until: float, compartments: Collection[int]) -> None:
    if not program.forcing.start <= until < math.inf:
        raise RunError(
            f"asked for {until} day, start is {program.forcing.start} day",
            allowed="a finite time not before the start",
            remedy="choose a later horizon",
            check="run.output-times",
        )
    known = range(len(program.compartment_ids))
    for compartment in compartments:
        if compartment not in known:
            raise RunError(
                f"compartment number {compartment}",
                allowed=f"0 to {len(known) - 1}",
                remedy="use Program.compartment to find it by name",
                check="run.unknown-compartment",
            )
    for index in np.nonzero(program.transition[:, 0] == TransitionKind.GENERAL)[0]:
        raise RunError(
            f"{program.transition_ids[index]} is a general transition",
            allowed="unary and inflow transitions",
            remedy="cells that meet each other are not independent: use the exact engine",
            check="run.general-transition",
        )


class _Forward:
    """The mean field of every lane, with its environment kept."""

    def __init__(self, program: Program, engine: MeanField) -> None:
        self.program, self.engine = program, engine
        self.packed = pack(program)
        self.signals = len(program.signal_names)
        self.width = self.signals + len(driving_assays(program))

    def run(self, state: State, until: float) -> list[_Stretch | int]:
        """Run to ``until``; breakpoints stand between stretches by number."""
        path: list[_Stretch | int] = []
        points = self.program.forcing.time
        while state.next_breakpoint < len(points) and points[state.next_breakpoint] <= until:
            time = float(points[state.next_breakpoint])
            if time > state.time:
                path.append(self._through(state, time))
            apply_breakpoint(self.program, state, state.next_breakpoint, whole=False)
            path.append(state.next_breakpoint)
            state.next_breakpoint += 1
        if until > state.time:
            path.append(self._through(state, until))
        return path

    def _through(self, state: State, until: float) -> _Stretch:
        """Advance all lanes to ``until`` and keep their environment."""
        outcome = np.full(state.lanes, -1)
        tracks: list[Track] = []
        span = until - state.time
        if self.engine.explicit and span < 0.5 * LONGEST_TRACKED * MOST_POINTS:
            most = min(MOST_POINTS, FEW_STEPS + int(STEPS_A_DAY * span))
            tracks, outcome = record_environment(
                state.counts,
                state.signal,
                state.registers,
                state.input,
                (state.time, until),
                self.packed,
                (self.engine.relative_tolerance, self.engine.absolute_tolerance),
                (most, LONGEST_TRACKED),
            )
        stiff = np.nonzero(outcome != REACHED)[0]
        solution = {int(lane): self._by_lsoda(state, int(lane), until) for lane in stiff}
        first, state.time = state.time, until
        np.maximum(state.counts, 0.0, out=state.counts)
        return _Stretch(first, until, tracks, solution)

    def _by_lsoda(self, state: State, lane: int, until: float) -> Callable[[float], Float]:
        """Advance one lane by LSODA; return its environment at any time before."""
        from scipy.integrate import solve_ivp  # half a second of import: only when it is needed

        slots, span, worst = self.program.slots, (state.time, until), np.zeros(4)
        y = np.concatenate([state.counts[:, lane], state.signal[:, lane]])
        supply = np.ascontiguousarray(state.input[:, lane])
        registers = np.ascontiguousarray(state.registers[:, lane])
        scale = self.engine.scales(y, slots, self.signals, supply, until - state.time)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = solve_ivp(
                lambda time, now: flows(
                    np.ascontiguousarray(now), time, self.packed, registers, supply, worst
                ),
                span,
                y,
                method="LSODA",
                rtol=self.engine.relative_tolerance,
                atol=scale,
                dense_output=True,
            )
        if not result.success or not np.isfinite(result.y[:, -1]).all():
            if worst[0] != FINE:
                raise hazard_error(self.program, worst, lane)
            raise SolverOutcome.INTERNAL.error(*span)
        assert result.sol is not None
        dense: Callable[[float], Float] = result.sol
        state.counts[:, lane], state.signal[:, lane] = result.y[:slots, -1], result.y[slots:, -1]

        def environment(time: float) -> Float:
            around = np.empty(self.width)
            there = np.ascontiguousarray(dense(time))
            environment_of(there, self.packed, registers, self.signals, around)
            return around

        return environment


class _Backward:
    """The backward equation of every lane."""

    def __init__(self, program: Program, registers: Float, engine: MeanField) -> None:
        self.program, self.engine = program, engine
        self.packed = pack(program)
        self.registers = registers
        self.signals = len(program.signal_names)
        self.width = self.signals + len(driving_assays(program))

    def through(self, some: Float, stretch: _Stretch) -> Float:
        """Carry the chances from the end of a stretch to its beginning."""
        before = some.copy()
        left = np.arange(some.shape[1])
        if stretch.tracks:
            length = stretch.last - stretch.first
            outcome = chances_before(
                before,
                self.registers,
                length,
                self.packed,
                self.signals,
                stretch.tracks,
                (min(1e-6, self.engine.relative_tolerance), SMALLEST_CHANCE),
                FEW_STEPS + int(STEPS_A_DAY * length),
            )
            left = np.nonzero(outcome != REACHED)[0]
        for lane in left:
            before[:, lane] = self._by_lsoda(some[:, lane].copy(), int(lane), stretch)
        found: Float = np.maximum(before, 0.0)
        return found

    def _by_lsoda(self, some: Float, lane: int, stretch: _Stretch) -> Float:
        from scipy.integrate import odeint

        worst = np.zeros(4)
        registers = np.ascontiguousarray(self.registers[:, lane])

        def slope(now: Float, back: float) -> Float:
            time = stretch.last - back
            around = self._environment(stretch, lane, time)
            return backward_flows(now, around, time, self.packed, registers, self.signals, worst)

        length = stretch.last - stretch.first
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            path, info = odeint(
                slope,
                some,
                np.array([0.0, length]),
                tcrit=np.array([length]),
                rtol=1e-9,
                atol=SMALLEST_CHANCE,
                mxstep=100_000,
                full_output=True,
            )
        if worst[0] != FINE:
            raise hazard_error(self.program, worst, lane)
        outcome = SolverOutcome.from_message(str(info["message"]))
        if not outcome.reached:
            raise outcome.error(stretch.first, stretch.last)
        end: Float = path[-1]
        return end

    def _environment(self, stretch: _Stretch, lane: int, time: float) -> Float:
        if lane in stretch.solution:
            return stretch.solution[lane](time)
        around = np.empty((self.width, WIDTH))
        environment_at(time, lane % WIDTH, stretch.tracks[lane // WIDTH], around)
        return around[:, lane % WIDTH].copy()

    def redistribute(self, some: Float, index: int) -> Float:
        """Carry the chances over the redistributions of one breakpoint, last action first."""
        table, slot_ptr = self.program.forcing, self.program.slot_ptr
        rows = range(table.action_ptr[index], table.action_ptr[index + 1])
        for row in reversed(rows):
            kind, source, _, entry = (int(x) for x in table.action[row])
            if kind != ActionKind.REDISTRIBUTE:
                continue
            stay, reached = np.ones(some.shape[1]), np.zeros(some.shape[1])
            for target, register in table.move[table.move_ptr[entry] : table.move_ptr[entry + 1]]:
                chance = np.clip(self.registers[register], 0.0, 1.0)
                stay -= chance
                if target >= 0:
                    reached += chance * some[slot_ptr[target]]
            own = slice(slot_ptr[source], slot_ptr[source + 1])
            some = some.copy()
            some[own] = reached + np.maximum(0.0, stay) * some[own]
        return some


def _births(program: Program, registers: Float, some: Float) -> Float:
    """Return the log of the chance that the initial cells leave none, (lanes,)."""
    log_none = np.zeros(some.shape[1])
    for index, (law, row, stationary) in enumerate(program.birth):
        mean = np.zeros(some.shape[1])
        for compartment, share in program.birth_share[
            program.birth_ptr[index] : program.birth_ptr[index + 1]
        ]:
            profile = stage_profile(program, int(compartment), registers, bool(stationary))
            first = program.slot_ptr[compartment]
            mean += registers[share] * (profile * some[first : first + len(profile)]).sum(axis=0)
        for lane, total in enumerate(registers[row]):
            log_none[lane] += _log_none(LAWS[law], float(total), min(1.0, float(mean[lane])))
    return log_none


def _log_none(law: BirthLaw, total: float, some: float) -> float:
    """Return log E[(1 - some)^N] for a number N of cells with the stated law."""
    if some <= 0.0 or total <= 0.0:
        return 0.0
    if law is BirthLaw.POISSON:
        return -total * some
    if law is BirthLaw.LURIA_DELBRUECK:
        # Lea & Coulson: G(z) = (1 - z)^(m (1 - z) / z).
        return -total if some >= 1.0 else total * some / (1.0 - some) * math.log(some)
    return -math.inf if some >= 1.0 else round(total) * math.log1p(-some)
