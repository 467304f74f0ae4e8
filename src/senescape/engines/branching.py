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
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import ActionKind, Program, TransitionKind
from senescape.errors import RunError
from senescape.network import BirthLaw

from .births import LAWS, stage_profile
from .mean_field.engine import MeanField, hazard_error
from .mean_field.flows import (
    ADVANCE_ROW,
    EXIT,
    EXIT_PTR,
    FINE,
    OUTCOME_PTR,
    OUTCOME_ROW,
    PRODUCT,
    PRODUCT_PTR,
    SLOT_PTR,
    TIMED,
    TRANSITION,
    advance_of,
    at,
    chosen_route,
    flows,
    hazard_of,
    load_environment,
    pack,
    size,
)
from .mean_field.outcome import SolverOutcome
from .protocol import apply_breakpoint
from .state import State, Streams

Float = NDArray[np.float64]
Int = NDArray[np.int32]


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
    """The environment between two stops, as a function of time."""

    first: float
    last: float
    solution: Callable[[float], Float]


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
    program: Program, parameters: Float, *, until: float, compartments: Collection[int]
) -> BranchingLaw:
    """Return all chances behind :func:`probability_none`.

    Raises
    ------
    RunError
        ``until`` before the start, an unknown compartment, a general transition, or a hazard that
        is negative or not finite.
    """
    _check_question(program, until, compartments)
    column = np.asarray(parameters, np.float64).reshape(-1, 1)
    engine = MeanField()
    state = engine.start(program, column, Streams.hosts(0, 1))
    stretches = _environment(program, engine, state, until)
    backward = _Backward(program, state.registers)
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
    return BranchingLaw(math.exp(log_none), slots, float(some[-1]))


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
    from scipy.integrate import solve_ivp  # half a second of import: only when it is needed

    slots, signals = program.slots, len(program.signal_names)
    y = np.concatenate([state.counts[:, 0], state.signal[:, 0]])
    supply = np.ascontiguousarray(state.input[:, 0])
    packed, worst = pack(program), np.zeros(4)
    registers = np.ascontiguousarray(state.registers[:, 0])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = solve_ivp(
            lambda time, now: flows(
                np.ascontiguousarray(now), time, packed, registers, supply, worst
            ),
            (state.time, until),
            y,
            method="LSODA",
            rtol=engine.relative_tolerance,
            atol=engine.scales(y, slots, signals, supply, until - state.time),
            dense_output=True,
        )
    if not result.success or not np.isfinite(result.y[:, -1]).all():
        if worst[0] != FINE:
            raise hazard_error(program, worst, 0)
        raise SolverOutcome.INTERNAL.error(state.time, until)
    assert result.sol is not None
    stretch = _Stretch(state.time, until, result.sol)
    state.counts[:, 0] = np.maximum(result.y[:slots, -1], 0.0)
    state.signal[:, 0] = result.y[slots:, -1]
    state.time = until
    return stretch


class _Backward:
    """The backward equation of one lane."""

    def __init__(self, program: Program, registers: Float) -> None:
        self.program = program
        self.packed = pack(program)
        self.registers = np.ascontiguousarray(registers[:, 0])
        self.signals = len(program.signal_names)

    def through(self, some: Float, stretch: _Stretch) -> Float:
        """Carry the chances from the end of a stretch to its beginning."""
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
                atol=1e-22,  # a chance of 1e-12 a cell decides the fate of 1e12 cells
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


@njit(cache=True, nogil=True, error_model="numpy")
def some_after(index: int, packed: Int, registers: Float, some: Float) -> float:
    """Return the chance that the products of one firing leave a forbidden cell."""
    route = chosen_route(packed, index, registers)
    chance = 0.0
    for o in range(at(packed, OUTCOME_PTR, route), at(packed, OUTCOME_PTR, route + 1)):
        log_none = 0.0
        for p in range(at(packed, PRODUCT_PTR, o), at(packed, PRODUCT_PTR, o + 1)):
            slot = at(packed, SLOT_PTR, at(packed, PRODUCT, 2 * p))
            cell = min(1.0, max(0.0, some[slot]))
            log_none += at(packed, PRODUCT, 2 * p + 1) * np.log1p(-cell)
        chance -= registers[at(packed, OUTCOME_ROW, o)] * np.expm1(log_none)
    return chance


@njit(cache=True, nogil=True, error_model="numpy")
def _backward_compartment(
    compartment: int,
    some: Float,
    time: float,
    packed: Int,
    registers: Float,
    out: Float,
    worst: Float,
) -> None:
    """Write the slopes of one compartment's slots."""
    loss, gain, shares, timed = 0.0, 0.0, 0.0, 0.0
    for e in range(at(packed, EXIT_PTR, compartment), at(packed, EXIT_PTR, compartment + 1)):
        index = at(packed, EXIT, e)
        hazard = hazard_of(packed, index, registers, time, worst)
        if hazard == 0.0:
            continue
        after = some_after(index, packed, registers, some)
        if at(packed, TRANSITION, 4 * index) == TIMED:
            shares += hazard
            timed += hazard * after
        else:
            loss += hazard
            gain += hazard * after
    advance = advance_of(packed, compartment, registers, time, worst)
    first, end = at(packed, SLOT_PTR, compartment), at(packed, SLOT_PTR, compartment + 1)
    for slot in range(first, end):
        out[slot] = gain - loss * some[slot]
        if slot < end - 1:
            out[slot] += advance * (some[slot + 1] - some[slot])
        elif shares > 0.0:
            out[slot] += advance * (timed / shares - some[slot])


@njit(cache=True, nogil=True, error_model="numpy")
def backward_flows(
    some: Float, y: Float, time: float, packed: Int, registers: Float, signals: int, worst: Float
) -> Float:
    """Return d(some)/d(time before the end) for every slot, and of the expected immigration.

    Notes
    -----
    With e = 1 - q: de/d(back) = sum over what can happen of hazard * (1 - prod(1 - e_product) - e).
    """
    load_environment(y, time, packed, signals, registers)
    out = np.zeros(some.shape[0])
    for compartment in range(size(packed, ADVANCE_ROW)):
        _backward_compartment(compartment, some, time, packed, registers, out, worst)
    for index in range(size(packed, TRANSITION)):
        if at(packed, TRANSITION, 4 * index + 1) < 0:
            hazard = hazard_of(packed, index, registers, time, worst)
            out[-1] += hazard * some_after(index, packed, registers, some)
    return out


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
