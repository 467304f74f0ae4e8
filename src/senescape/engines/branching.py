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
from senescape.network import BirthLaw

from .births import LAWS, stage_profile
from .mean_field.backward import backward_flows
from .mean_field.engine import FEW_STEPS, STEPS_A_DAY, MeanField, hazard_error
from .mean_field.explicit import (
    REACHED,
    Control,
    Lane,
    Track,
    empty_track,
    environment_at,
    integrate,
    no_track,
)
from .mean_field.flows import FINE, flows, pack
from .mean_field.outcome import SolverOutcome
from .protocol import apply_breakpoint
from .state import State, Streams

Float = NDArray[np.float64]
Int = NDArray[np.int32]


SMALLEST_CHANCE = 1e-22  # a chance of 1e-12 a cell decides the fate of 1e12 cells
LONGEST_TRACKED = 0.25  # [day]: cubic interpolation between recorded steps stays below 1e-6


@dataclass(frozen=True, slots=True)
class BranchingLaw:
    """Chances at the start of the regimen.

    Parameters
    ----------
    none_probability : float
        That no cell at all stands in a forbidden compartment at the end.
    some_per_cell : (slots,)
        For one cell that starts in each slot, the chance that it leaves at least one forbidden
        cell; kept as this small number, not as 1 minus it, so that 1e9 cells can be counted.
    immigration : float
        Expected number of arrivals (inflows) that leave a forbidden cell.
    """

    none_probability: float
    some_per_cell: Float
    immigration: float


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The environment between two stops; as a track too, where it is not stiff."""

    first: float
    last: float
    solution: Callable[[float], Float]
    track: Track | None = None


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
    return branching_law(
        program, parameters, until=until, compartments=compartments
    ).none_probability


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
    explicit : bool, optional
        Use the explicit method where it is enough, or LSODA for everything; as
        :class:`MeanField` does by default.

    Raises
    ------
    RunError
        ``until`` before the start, an unknown compartment, a general transition, or a hazard that
        is negative or not finite.
    """
    column = np.asarray(parameters, np.float64).reshape(-1, 1)
    engine = MeanField() if explicit is None else MeanField(explicit=explicit)
    return branching_laws(program, column, until=until, groups=(compartments,), engine=engine)[0]


def branching_laws(
    program: Program,
    parameters: Float,
    *,
    until: float,
    groups: Sequence[Collection[int]],
    engine: MeanField | None = None,
) -> list[BranchingLaw]:
    """Return the chances of several questions about one lane; its environment is found once.

    Parameters
    ----------
    parameters : (parameters, 1)
    groups : sequence of collections of int
        Forbidden compartments of each question.
    """
    for compartments in groups:
        _check_question(program, until, compartments)
    engine = engine or MeanField()
    state = engine.start(program, parameters, Streams.hosts(0, 1))
    stretches = _environment(program, engine, state, until)
    backward = _Backward(program, state.registers, engine)
    laws = []
    for compartments in groups:
        some = np.zeros(program.slots + 1)  # the last number is the expected harmful immigration
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
        laws.append(BranchingLaw(math.exp(log_none), slots, float(some[-1])))
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


def _environment(
    program: Program, engine: MeanField, state: State, until: float
) -> list[_Stretch | int]:
    """Run the mean field with dense output; breakpoints stand between stretches by number."""
    path: list[_Stretch | int] = []
    points = program.forcing.time
    while state.next_breakpoint < len(points) and points[state.next_breakpoint] <= until:
        time = float(points[state.next_breakpoint])
        if time > state.time:
            path.append(_dense(program, engine, state, time))
        apply_breakpoint(program, state, state.next_breakpoint, whole=False)
        path.append(state.next_breakpoint)
        state.next_breakpoint += 1
    if until > state.time:
        path.append(_dense(program, engine, state, until))
    return path


def _dense(program: Program, engine: MeanField, state: State, until: float) -> _Stretch:
    """Advance the one lane to ``until`` and keep the whole solution."""
    slots, signals = program.slots, len(program.signal_names)
    y = np.concatenate([state.counts[:, 0], state.signal[:, 0]])
    supply = np.ascontiguousarray(state.input[:, 0])
    packed, worst = pack(program), np.zeros(4)
    registers = np.ascontiguousarray(state.registers[:, 0])
    scale = engine.scales(y, slots, signals, supply, until - state.time)
    stretch = None
    if engine.explicit:
        lane = Lane(packed, registers, supply, worst)
        stretch = _tracked(lane, y.copy(), scale, engine, (state.time, until))
    if stretch is None:
        worst[:] = 0.0
        stretch = _by_lsoda(
            program, Lane(packed, registers, supply, worst), y, scale, engine, (state.time, until)
        )
    end = stretch.solution(until)
    state.counts[:, 0] = np.maximum(end[:slots], 0.0)
    state.signal[:, 0] = end[slots:]
    state.time = until
    return stretch


def _tracked(
    lane: Lane, y: Float, scale: Float, engine: MeanField, span: tuple[float, float]
) -> _Stretch | None:
    """Return the solution by the explicit method, or none where it is stiff or a hazard is bad."""
    first, last = span
    most = FEW_STEPS + int(STEPS_A_DAY * (last - first))
    track = empty_track(most + 1, len(y))
    control = Control(engine.relative_tolerance, scale, most, LONGEST_TRACKED)
    outcome, kept = integrate(y, first, last, lane, control, no_track(), track)
    if outcome != REACHED or lane.worst[0] != FINE:
        return None
    track = Track(track.times[:kept], track.path[:kept].copy(), track.slope[:kept].copy())

    def solution(time: float) -> Float:
        there = np.empty(len(y))
        environment_at(time, track, there)
        return there

    return _Stretch(first, last, solution, track)


def _by_lsoda(
    program: Program,
    lane: Lane,
    y: Float,
    scale: Float,
    engine: MeanField,
    span: tuple[float, float],
) -> _Stretch:
    """Return the solution by LSODA with dense output."""
    from scipy.integrate import solve_ivp  # half a second of import: only when it is needed

    packed, registers, supply, worst = lane
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = solve_ivp(
            lambda time, now: flows(
                np.ascontiguousarray(now), time, packed, registers, supply, worst
            ),
            span,
            y,
            method="LSODA",
            rtol=engine.relative_tolerance,
            atol=scale,
            dense_output=True,
        )
    if not result.success or not np.isfinite(result.y[:, -1]).all():
        if worst[0] != FINE:
            raise hazard_error(program, worst, 0)
        raise SolverOutcome.INTERNAL.error(*span)
    assert result.sol is not None
    return _Stretch(*span, result.sol)


class _Backward:
    """The backward equation of one lane."""

    def __init__(self, program: Program, registers: Float, engine: MeanField) -> None:
        self.program, self.engine = program, engine
        self.packed = pack(program)
        self.registers = np.ascontiguousarray(registers[:, 0])
        self.signals = len(program.signal_names)

    def through(self, some: Float, stretch: _Stretch) -> Float:
        """Carry the chances from the end of a stretch to its beginning."""
        if stretch.track is not None:
            found = self._explicitly(some.copy(), stretch, stretch.track)
            if found is not None:
                return found
        return self._by_lsoda(some, stretch)

    def _explicitly(self, some: Float, stretch: _Stretch, track: Track) -> Float | None:
        length = stretch.last - stretch.first
        relative = min(1e-6, self.engine.relative_tolerance)
        most = FEW_STEPS + int(STEPS_A_DAY * length)
        control = Control(relative, np.full(len(some), SMALLEST_CHANCE), most, length)
        lane = Lane(self.packed, self.registers, np.zeros(self.signals), np.zeros(4))
        outcome, _ = integrate(some, 0.0, length, lane, control, track, no_track())
        return np.maximum(some, 0.0) if outcome == REACHED and lane.worst[0] == FINE else None

    def _by_lsoda(self, some: Float, stretch: _Stretch) -> Float:
        from scipy.integrate import odeint

        worst = np.zeros(4)

        def slope(now: Float, back: float) -> Float:
            time = stretch.last - back
            y = np.ascontiguousarray(stretch.solution(time))
            return backward_flows(now, y, time, self.packed, self.registers, self.signals, worst)

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
            raise hazard_error(self.program, worst, 0)
        outcome = SolverOutcome.from_message(str(info["message"]))
        if not outcome.reached:
            raise outcome.error(stretch.first, stretch.last)
        before: Float = np.maximum(path[-1], 0.0)
        return before

    def redistribute(self, some: Float, index: int) -> Float:
        """Carry the chances over the redistributions of one breakpoint, last action first."""
        table, slot_ptr = self.program.forcing, self.program.slot_ptr
        rows = range(table.action_ptr[index], table.action_ptr[index + 1])
        for row in reversed(rows):
            kind, source, _, entry = (int(x) for x in table.action[row])
            if kind != ActionKind.REDISTRIBUTE:
                continue
            after = some.copy()
            stay, reached = 1.0, 0.0
            for target, register in table.move[table.move_ptr[entry] : table.move_ptr[entry + 1]]:
                chance = float(np.clip(self.registers[register], 0.0, 1.0))
                stay -= chance
                reached += chance * after[slot_ptr[target]] if target >= 0 else 0.0
            own = slice(slot_ptr[source], slot_ptr[source + 1])
            some = after.copy()
            some[own] = reached + max(0.0, stay) * after[own]
        return some


def _births(program: Program, registers: Float, some: Float) -> float:
    """Return the log of the chance that the initial cells leave none."""
    log_none = 0.0
    for index, (law, row, stationary) in enumerate(program.birth):
        total = float(registers[row, 0])
        mean = 0.0
        for compartment, share in program.birth_share[
            program.birth_ptr[index] : program.birth_ptr[index + 1]
        ]:
            profile = stage_profile(program, int(compartment), registers, bool(stationary))[:, 0]
            first = program.slot_ptr[compartment]
            chance = float(profile @ some[first : first + len(profile)])
            mean += float(registers[share, 0]) * chance
        log_none += _log_none(LAWS[law], total, min(1.0, mean))
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
