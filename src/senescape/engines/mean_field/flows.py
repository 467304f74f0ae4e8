"""The right-hand side of the mean field: expected flows along every arrow, read from tables.

The vector is (cells of every slot, signals, expected firings of every transition). Nothing here is
compiled for a model: one kernel reads the tables of any Program.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind

from ..interpreter import read_tape_lane
from ..signals import derivative, secreted
from ..tables import Tables, tables_of

Float = NDArray[np.float64]
Int = NDArray[np.int32]

ANY_AGE = int(TransitionKind.ANY_AGE)
TIMED = int(TransitionKind.TIMED)

# Rows of the record of the worst hazard met: code, place, value, time.
FINE, NOT_FINITE, NEGATIVE = 0.0, 1.0, 2.0
# A solver's trial point may carry a rate a little below zero where the solution does not.
SLIGHTLY_NEGATIVE = -1e-9


def pack(program: Program) -> Int:
    """Return all index tables as one array; weights are those of driving assays."""
    driving = driving_assays(program)
    weight = program.weight[np.isin(program.weight[:, 0], driving)]
    nothing = np.zeros(0, np.int32)
    tables = tables_of(program)._replace(weight=weight)
    return packed_of(tables, driving, nothing, (nothing, nothing, nothing))


def packed_of(tables: Tables, driving: Int, law: Int, implicit: tuple[Int, Int, Int]) -> Int:
    """Return tables as one array: a solver's callback then unboxes one, not twenty.

    Layout: for each field of :class:`Tables`, for the driving assays, for ``law`` (registers of
    rates of change, of networks from SBML) and for the tapes and places of implicit steps
    (:class:`.rosenbrock.Stiff`), its offset and its number of rows (or its value and 0), then the
    tables themselves.
    """
    fields = (*tables, driving, law, *implicit)
    head = np.zeros(2 * len(fields), np.int32)
    parts: list[Int] = []
    offset = len(head)
    for index, value in enumerate(fields):
        if isinstance(value, np.ndarray):
            head[2 * index : 2 * index + 2] = offset, len(value)
            parts.append(np.ascontiguousarray(value, np.int32).ravel())
            offset += value.size
        else:
            head[2 * index] = int(value)  # type: ignore[call-overload]  # a scalar of the tuple
    return np.concatenate([head, *parts])


def driving_assays(program: Program) -> Int:
    """Return the assays that a rate or a secretion reads; all others are only observed."""
    read = [program.tape[:, 2:].ravel(), program.transition[:, 2], program.advance_row]
    read += [program.outcome_row, program.coupling[:, 2], program.secretion[:, 2]]
    read += [program.weight[:, 2], program.route_row]
    rows = np.concatenate(read) - program.assay_row
    rows = np.concatenate([rows, program.secretion[:, 1]])
    return np.unique(rows[(rows >= 0) & (rows < len(program.assay_ids))]).astype(np.int32)


# Field numbers in the head of a packed program, by name. NumPy's numbers on purpose: Numba compiles
# what takes a plain constant once for each of its values.
(
    TAPE, LANE_END, TIME_END, PARAMETER_ROW, SIGNAL_ROW, TIME_ROW, ASSAY_ROW, SLOT_PTR, ADVANCE_ROW,
    TRANSITION, EXIT_PTR, EXIT, ROUTE_ROW, ROUTE_PTR, OUTCOME_PTR, OUTCOME_ROW, PRODUCT_PTR,
    PRODUCT, COUPLING, SECRETION, WEIGHT, DRIVING, LAW, FACTORS, SOLUTION, PLACES,
) = (np.int64(i) for i in range(len(Tables._fields) + 5))  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def at(packed: Int, field: int, index: int) -> int:
    """Return one number of a packed table (rows of a wide table follow each other)."""
    return packed[packed[2 * field] + index]


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def size(packed: Int, field: int) -> int:
    """Return the number of rows of a packed table."""
    return int(np.int64(packed[2 * field + 1]))  # not of 32 bits: callers would be compiled twice


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def table_of(packed: Int, field: int, width: int) -> Int:
    """Return a packed table as rows of ``width`` numbers."""
    first, rows = np.int64(packed[2 * field]), np.int64(packed[2 * field + 1])
    return packed[first : first + rows * width].reshape((rows, width))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def slots_of(packed: Int) -> int:
    """Return the number of slots."""
    return int(np.int64(at(packed, SLOT_PTR, size(packed, SLOT_PTR) - 1)))


@njit(cache=True, nogil=True, error_model="numpy")
def environment_of(y: Float, packed: Int, registers: Float, signals: int, out: Float) -> None:
    """Write what rates read of a state: signals, then driving assays.

    Parameters
    ----------
    out : (signals + driving assays,)
        Written.
    """
    slots = slots_of(packed)
    for i in range(signals):
        out[i] = y[slots + i]
    place, assay = signals - 1, -1  # weights stand in the order of their assays
    out[signals:] = 0.0
    for k in range(size(packed, WEIGHT)):
        compartment = at(packed, WEIGHT, 3 * k + 1)
        cells = 0.0
        for slot in range(at(packed, SLOT_PTR, compartment), at(packed, SLOT_PTR, compartment + 1)):
            cells += y[slot]
        while assay != at(packed, WEIGHT, 3 * k):
            place += 1
            assay = at(packed, DRIVING, place - signals)
        out[place] += registers[at(packed, WEIGHT, 3 * k + 2)] * cells


@njit(cache=True, nogil=True, error_model="numpy")
def load_environment(
    around: Float, time: float, packed: Int, signals: int, registers: Float
) -> None:
    """Bring the registers (one lane) up to date with an environment and time."""
    for i in range(signals):
        registers[packed[2 * SIGNAL_ROW] + i] = around[i]
    for i in range(size(packed, DRIVING)):
        registers[packed[2 * ASSAY_ROW] + at(packed, DRIVING, i)] = around[signals + i]
    registers[packed[2 * TIME_ROW]] = time
    tape = table_of(packed, TAPE, 5)
    read_tape_lane(tape, packed[2 * LANE_END], tape.shape[0], registers)


@njit(cache=True, nogil=True, error_model="numpy")
def checked(value: float, place: int, time: float, worst: Float) -> float:
    """Return a hazard at or above zero; note the worst value met, its place and its time."""
    if not math.isfinite(value):
        if worst[0] != NOT_FINITE:
            worst[0], worst[1], worst[2], worst[3] = NOT_FINITE, place, value, time
        return 0.0
    if value < 0.0:
        if value < SLIGHTLY_NEGATIVE and worst[0] != NOT_FINITE and value < worst[2]:
            worst[0], worst[1], worst[2], worst[3] = NEGATIVE, place, value, time
        return 0.0
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def hazard_of(packed: Int, index: int, registers: Float, time: float, worst: Float) -> float:
    """Return the hazard of a transition, at or above zero."""
    return checked(registers[at(packed, TRANSITION, 4 * index + 2)], index, time, worst)


@njit(cache=True, nogil=True, error_model="numpy")
def advance_of(packed: Int, compartment: int, registers: Float, time: float, worst: Float) -> float:
    """Return the hazard of passing one stage; 0 where a compartment does not age."""
    row = at(packed, ADVANCE_ROW, compartment)
    if row < 0:
        return 0.0
    return checked(registers[row], size(packed, TRANSITION) + compartment, time, worst)


@njit(cache=True, nogil=True, error_model="numpy")
def chosen_route(packed: Int, index: int, registers: Float) -> int:
    """Return the route that this lane has chosen for a transition."""
    row = at(packed, ROUTE_ROW, index)
    first = at(packed, ROUTE_PTR, index)
    return first if row < 0 else first + int(registers[row])


@njit(cache=True, nogil=True, error_model="numpy")
def _deliver(flow: float, index: int, packed: Int, registers: Float, rate: Float) -> None:
    """Send a flow to the first stage of each product, by outcome."""
    route = chosen_route(packed, index, registers)
    for o in range(at(packed, OUTCOME_PTR, route), at(packed, OUTCOME_PTR, route + 1)):
        part = flow * registers[at(packed, OUTCOME_ROW, o)]
        for p in range(at(packed, PRODUCT_PTR, o), at(packed, PRODUCT_PTR, o + 1)):
            slot = at(packed, SLOT_PTR, at(packed, PRODUCT, 2 * p))
            rate[slot] += part * at(packed, PRODUCT, 2 * p + 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _exits(
    compartment: int,
    y: Float,
    time: float,
    packed: Int,
    registers: Float,
    tally: Float,
    worst: Float,
) -> float:
    """Write the flow along every exit of a compartment; return the any-age hazard per cell."""
    first, end = at(packed, SLOT_PTR, compartment), at(packed, SLOT_PTR, compartment + 1)
    cells = 0.0
    for slot in range(first, end):
        cells += y[slot]
    loss = 0.0
    shares = 0.0
    exits = range(at(packed, EXIT_PTR, compartment), at(packed, EXIT_PTR, compartment + 1))
    for e in exits:
        index = at(packed, EXIT, e)
        kind = at(packed, TRANSITION, 4 * index)
        hazard = hazard_of(packed, index, registers, time, worst)
        tally[index] = hazard
        if kind == TIMED:
            shares += hazard
        elif kind == ANY_AGE:
            loss += hazard
            tally[index] = hazard * cells
    out = y[end - 1] * advance_of(packed, compartment, registers, time, worst)
    for e in exits:
        index = at(packed, EXIT, e)
        if at(packed, TRANSITION, 4 * index) == TIMED and shares > 0.0:
            tally[index] *= out / shares
    return loss


@njit(cache=True, nogil=True, error_model="numpy")
def _move(
    compartment: int, y: Float, advance: float, loss: float, packed: Int, tally: Float, rate: Float
) -> None:
    """Take out of every stage what leaves it, and pass on what ages."""
    first, end = at(packed, SLOT_PTR, compartment), at(packed, SLOT_PTR, compartment + 1)
    for slot in range(first, end):
        rate[slot] -= loss * y[slot]
        if slot < end - 1:
            rate[slot] -= advance * y[slot]
            rate[slot + 1] += advance * y[slot]
    for e in range(at(packed, EXIT_PTR, compartment), at(packed, EXIT_PTR, compartment + 1)):
        index = at(packed, EXIT, e)
        kind = at(packed, TRANSITION, 4 * index)
        if kind == TIMED:
            rate[end - 1] -= tally[index]
        elif kind != ANY_AGE:
            rate[first] -= tally[index]  # general: the whole propensity takes one cell


@njit(cache=True, nogil=True, error_model="numpy")
def flows(
    y: Float, time: float, packed: Int, registers: Float, supply: Float, worst: Float
) -> Float:
    """Return dy/dt of one lane.

    Parameters
    ----------
    y : (slots + signals,) or (slots + signals + transitions,)
        Cells, signals, and (only if present) expected firings.
    packed : (n,)
        See :func:`pack`.
    registers : (register_count,)
        Parameters of the lane; the rest is scratch.
    supply : (signals,)
        Constant input rates (infusions).
    worst : (4,)
        Record of the worst hazard met; changed in place.
    """
    slots = slots_of(packed)
    signals = supply.shape[0]
    transitions = size(packed, TRANSITION)
    around = np.empty(signals + size(packed, DRIVING))
    environment_of(y, packed, registers, signals, around)
    load_environment(around, time, packed, signals, registers)
    dy = np.zeros(slots + signals + transitions)
    tally = dy[slots + signals :]
    base = np.empty(signals)
    secretion = table_of(packed, SECRETION, 3)
    secreted(secretion, registers, packed[2 * ASSAY_ROW], supply, base)
    signal = slice(slots, slots + signals)
    derivative(table_of(packed, COUPLING, 3), registers, y[signal], base, dy[signal])
    for compartment in range(size(packed, ADVANCE_ROW)):
        loss = _exits(compartment, y, time, packed, registers, tally, worst)
        advance = advance_of(packed, compartment, registers, time, worst)
        _move(compartment, y, advance, loss, packed, tally, dy)
    for index in range(transitions):
        if at(packed, TRANSITION, 4 * index + 1) < 0:
            tally[index] = hazard_of(packed, index, registers, time, worst)
        if tally[index] != 0.0:
            _deliver(tally[index], index, packed, registers, dy)
    return dy[: y.shape[0]]


@njit(cache=True, nogil=True, error_model="numpy")
def jacobian(
    y: Float, time: float, packed: Int, registers: Float, supply: Float, worst: Float
) -> Float:
    """Return d(dy/dt)/dy by forward differences, columns of signals and cells only.

    Tallies drive nothing: their columns are zero and cost no evaluation.
    """
    n = y.shape[0]
    states = slots_of(packed) + supply.shape[0]
    ignored = np.zeros(4)
    base = flows(y, time, packed, registers, supply, ignored).copy()
    result = np.zeros((n, n))
    moved = y.copy()
    for j in range(states):
        step = 1.5e-8 * max(abs(y[j]), 1e-3)
        moved[j] = y[j] + step
        step = moved[j] - y[j]
        column = flows(moved, time, packed, registers, supply, ignored)
        for i in range(n):
            result[i, j] = (column[i] - base[i]) / step
        moved[j] = y[j]
    return result
