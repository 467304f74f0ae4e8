"""The right-hand sides of :mod:`.flows` and :mod:`.backward` for a block of lanes at once.

Every loop over lanes has the constant length WIDTH, so that it is vectorised; a table is read once
for all lanes of a block. Each lane has its own time. The arithmetic of a lane is that of the scalar
kernels, operation by operation: tests/engines/test_wide.py asks for equal bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

from ..interpreter import tape_reader
from .flows import (
    ADVANCE_ROW,
    ANY_AGE,
    ASSAY_ROW,
    COUPLING,
    DRIVING,
    EXIT,
    EXIT_PTR,
    LANE_END,
    OUTCOME_PTR,
    OUTCOME_ROW,
    PRODUCT,
    PRODUCT_PTR,
    ROUTE_PTR,
    ROUTE_ROW,
    SECRETION,
    SIGNAL_ROW,
    SLOT_PTR,
    TAPE,
    TIME_ROW,
    TIMED,
    TRANSITION,
    WEIGHT,
    at,
    checked,
    size,
    slots_of,
    table_of,
)
from .track import Track, environment_at

Float = NDArray[np.float64]
Int = NDArray[np.int32]


class Block(NamedTuple):
    """What the right-hand side of a block of lanes reads, and its scratch.

    Parameters
    ----------
    read : pointer
        See :func:`..interpreter.tape_reader`.
    packed : (n,)
        See :func:`.flows.pack`.
    registers : (registers, WIDTH)
        Parameters of each lane; the rest is scratch.
    supply : (signals, WIDTH)
        Constant input rates.
    worst : (WIDTH, 4)
        Worst hazard met in each lane.
    cells : (compartments, WIDTH)
    around : (signals + driving assays, WIDTH)
    row : (7, WIDTH)
    """

    read: Any
    packed: Int
    registers: Float
    supply: Float
    worst: Float
    cells: Float
    around: Float
    row: Float


def block_of(packed: Int, registers: Float, supply: Float, worst: Float) -> Block:
    """Return a block around its arrays, with fresh scratch."""
    return Block(
        tape_reader(),
        packed,
        registers,
        supply,
        worst,
        np.empty((size(packed, ADVANCE_ROW), WIDTH)),
        np.empty((supply.shape[0] + size(packed, DRIVING), WIDTH)),
        np.empty((7, WIDTH)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def gather_environment(y: Float, block: Block, out: Float) -> None:
    """Write signals and driving assays of a state into ``out``; see flows.environment_of."""
    packed, registers = block.packed, block.registers
    slots, signals = slots_of(packed), block.supply.shape[0]
    for c in range(size(packed, ADVANCE_ROW)):
        first, end = at(packed, SLOT_PTR, c), at(packed, SLOT_PTR, c + 1)
        total = block.cells[c]
        for i in range(WIDTH):
            total[i] = 0.0
        for slot in range(first, end):
            own = y[slot]
            for i in range(WIDTH):
                total[i] += own[i]
    for k in range(signals):
        for i in range(WIDTH):
            out[k, i] = y[slots + k, i]
    for k in range(signals, out.shape[0]):
        for i in range(WIDTH):
            out[k, i] = 0.0
    place, assay = signals - 1, -1
    for k in range(size(packed, WEIGHT)):
        while assay != at(packed, WEIGHT, 3 * k):
            place += 1
            assay = at(packed, DRIVING, place - signals)
        d = out[place]
        weight = registers[at(packed, WEIGHT, 3 * k + 2)]
        total = block.cells[at(packed, WEIGHT, 3 * k + 1)]
        for i in range(WIDTH):
            d[i] += weight[i] * total[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _read_environment(around: Float, time: Float, block: Block) -> None:
    """Bring the registers up to date with an environment and the time of each lane."""
    packed, registers = block.packed, block.registers
    signals = block.supply.shape[0]
    for k in range(signals):
        row = packed[2 * SIGNAL_ROW] + k
        for i in range(WIDTH):
            registers[row, i] = around[k, i]
    for k in range(size(packed, DRIVING)):
        row = packed[2 * ASSAY_ROW] + at(packed, DRIVING, k)
        for i in range(WIDTH):
            registers[row, i] = around[signals + k, i]
    row = packed[2 * TIME_ROW]
    for i in range(WIDTH):
        registers[row, i] = time[i]
    tape = table_of(packed, TAPE, 5)
    block.read(tape, packed[2 * LANE_END], tape.shape[0], registers)


# Kernels below hand whole arrays and row numbers to each other, never a view of a row: counting
# references to a view costs more than a row of arithmetic. And they assign in loops: a slice on
# the left brings code for an error of shapes with it, seconds of compiling each.
@njit(cache=True, nogil=True, error_model="numpy")
def _load_hazard(
    registers: Float, source: int, place: int, time: Float, worst: Float, out: Float, row: int
) -> None:
    """Copy the hazards of a block, at or above zero; a bad one is noted, lane by lane.

    Its callers say ``np.int64``: a constant, or a number of an index table, has a type of its own
    for Numba and would be compiled once more.
    """
    fault = 0.0  # stays 0 where all are finite and at least 0; a comparison would cost four times
    for i in range(WIDTH):
        value = registers[source, i]
        out[row, i] = value
        fault += abs(value) - value
    if fault != 0.0:
        for i in range(WIDTH):
            out[row, i] = checked(registers[source, i], place, time[i], worst[i])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _signals(block: Block, y: Float, dy: Float) -> None:
    """Write dx/dt of every signal: coupling, constant supply, what cells secrete."""
    packed, registers = block.packed, block.registers
    slots, signals = slots_of(packed), block.supply.shape[0]
    for k in range(signals):
        for i in range(WIDTH):
            dy[slots + k, i] = block.supply[k, i]
    for k in range(size(packed, SECRETION)):
        d = dy[slots + at(packed, SECRETION, 3 * k)]
        total = registers[packed[2 * ASSAY_ROW] + at(packed, SECRETION, 3 * k + 1)]
        rate = registers[at(packed, SECRETION, 3 * k + 2)]
        for i in range(WIDTH):
            d[i] += rate[i] * total[i]
    for k in range(size(packed, COUPLING)):
        d = dy[slots + at(packed, COUPLING, 3 * k)]
        source = at(packed, COUPLING, 3 * k + 1)
        value = registers[at(packed, COUPLING, 3 * k + 2)]
        if source < 0:
            for i in range(WIDTH):
                d[i] += value[i]
        else:
            x = y[slots + source]
            for i in range(WIDTH):
                d[i] += value[i] * x[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _leave(
    packed: Int,
    registers: Float,
    worst: Float,
    cells: Float,
    time: Float,
    y: Float,
    tally: Float,
    rate: Float,
    row: Float,
) -> None:
    """Write the flow along every exit, and what each stage loses and passes on.

    One long function on purpose: handing a block of arrays to a helper for each transition costs
    more than the arithmetic.
    """
    slot_ptr, exit_ptr = table_of(packed, SLOT_PTR, 1), table_of(packed, EXIT_PTR, 1)
    exits, transition = table_of(packed, EXIT, 1), table_of(packed, TRANSITION, 4)
    advance_row = table_of(packed, ADVANCE_ROW, 1)
    loss, shares, advance, out = row[0], row[1], row[2], row[3]
    for c in range(advance_row.shape[0]):
        first, end = slot_ptr[c, 0], slot_ptr[c + 1, 0]
        last, total = y[end - 1], cells[c]
        begins, ends = exit_ptr[c, 0], exit_ptr[c + 1, 0]
        ages = advance_row[c, 0] >= 0
        for i in range(WIDTH):
            loss[i] = 0.0
            shares[i] = 0.0
        for e in range(begins, ends):
            index = np.int64(exits[e, 0])
            kind, flow = transition[index, 0], tally[index]
            source = np.int64(transition[index, 2])
            _load_hazard(registers, source, index, time, worst, tally, index)
            if kind == TIMED:
                for i in range(WIDTH):
                    shares[i] += flow[i]
            elif kind == ANY_AGE:
                for i in range(WIDTH):
                    loss[i] += flow[i]
                    flow[i] = flow[i] * total[i]
            else:  # general: the whole propensity takes one cell
                d = rate[first]
                for i in range(WIDTH):
                    d[i] -= flow[i]
        if ages:
            place = transition.shape[0] + c
            source = np.int64(advance_row[c, 0])
            _load_hazard(registers, source, place, time, worst, row, np.int64(2))
            for i in range(WIDTH):
                gone = last[i] * advance[i]
                out[i] = gone / shares[i] if shares[i] > 0.0 else 0.0
        for slot in range(first, end):
            d, own = rate[slot], y[slot]
            for i in range(WIDTH):
                d[i] -= loss[i] * own[i]
            if ages and slot < end - 1:
                after = rate[slot + 1]
                for i in range(WIDTH):
                    passed = advance[i] * own[i]
                    d[i] -= passed
                    after[i] += passed
        if ages:
            d = rate[end - 1]
            for e in range(begins, ends):
                index = exits[e, 0]
                if transition[index, 0] == TIMED:
                    flow = tally[index]
                    for i in range(WIDTH):
                        flow[i] *= out[i]
                        d[i] -= flow[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _same(registers: Float, row: int) -> bool:
    """Tell whether all lanes of a block chose the same route."""
    apart = 0.0
    for i in range(WIDTH):
        apart += abs(registers[row, i] - registers[row, 0])
    return apart == 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _arrive(
    packed: Int,
    registers: Float,
    worst: Float,
    time: Float,
    tally: Float,
    rate: Float,
    part: Float,
) -> None:
    """Send every flow to the first stage of each product, by outcome."""
    slot_ptr, transition = table_of(packed, SLOT_PTR, 1), table_of(packed, TRANSITION, 4)
    route_row, route_ptr = table_of(packed, ROUTE_ROW, 1), table_of(packed, ROUTE_PTR, 1)
    outcome_ptr, outcome_row = table_of(packed, OUTCOME_PTR, 1), table_of(packed, OUTCOME_ROW, 1)
    product_ptr, product = table_of(packed, PRODUCT_PTR, 1), table_of(packed, PRODUCT, 2)
    for index in range(transition.shape[0]):
        flow = tally[index]
        if transition[index, 1] < 0:
            source = np.int64(transition[index, 2])
            _load_hazard(registers, source, index, time, worst, tally, index)
        total = 0.0
        for i in range(WIDTH):
            total += flow[i]
        if total == 0.0:
            continue
        route, row = route_ptr[index, 0], route_row[index, 0]
        if row >= 0 and not _same(registers, row):
            for lane in range(WIDTH):
                own = route + int(registers[row, lane])
                for o in range(outcome_ptr[own, 0], outcome_ptr[own + 1, 0]):
                    sent = flow[lane] * registers[outcome_row[o, 0], lane]
                    for p in range(product_ptr[o, 0], product_ptr[o + 1, 0]):
                        rate[slot_ptr[product[p, 0], 0], lane] += sent * product[p, 1]
            continue
        route += int(registers[row, 0]) if row >= 0 else 0
        for o in range(outcome_ptr[route, 0], outcome_ptr[route + 1, 0]):
            chance = registers[outcome_row[o, 0]]
            for i in range(WIDTH):
                part[i] = flow[i] * chance[i]
            for p in range(product_ptr[o, 0], product_ptr[o + 1, 0]):
                d, number = rate[slot_ptr[product[p, 0], 0]], np.float64(product[p, 1])
                for i in range(WIDTH):
                    d[i] += part[i] * number


@njit(cache=True, nogil=True, error_model="numpy")
def wide_flows(
    y: Float, time: Float, block: Block, around: Track, scratch: Float, dy: Float
) -> None:
    """Write dy/dt of every lane: cells, signals, expected firings.

    Parameters
    ----------
    y, dy : (slots + signals + transitions, WIDTH)
        Firings are not read.
    time : (WIDTH,)
        Of each lane [day].
    around, scratch
        For the other direction, which :func:`wide_backward` takes: a solver calls both alike.
    """
    packed = block.packed
    states = slots_of(packed) + block.supply.shape[0]
    gather_environment(y, block, block.around)
    _read_environment(block.around, time, block)
    for k in range(dy.shape[0]):
        for i in range(WIDTH):
            dy[k, i] = 0.0
    tally = dy[states:]
    _signals(block, y, dy)
    registers, worst = block.registers, block.worst
    _leave(packed, registers, worst, block.cells, time, y, tally, dy, block.row)
    _arrive(packed, registers, worst, time, tally, dy, block.row[4])


@njit(cache=True, nogil=True, error_model="numpy")
def _some_after(packed: Int, registers: Float, index: int, some: Float, scratch: Float) -> None:
    """Write the chance that the products of one firing leave a forbidden cell into row 5."""
    out, one = scratch[5], scratch[6]
    row, route = at(packed, ROUTE_ROW, index), at(packed, ROUTE_PTR, index)
    for i in range(WIDTH):
        out[i] = 0.0
    if row >= 0 and not _same(registers, row):
        for lane in range(WIDTH):
            own = route + int(registers[row, lane])
            for o in range(at(packed, OUTCOME_PTR, own), at(packed, OUTCOME_PTR, own + 1)):
                either = 0.0
                for p in range(at(packed, PRODUCT_PTR, o), at(packed, PRODUCT_PTR, o + 1)):
                    cell = some[at(packed, SLOT_PTR, at(packed, PRODUCT, 2 * p)), lane]
                    cell = min(1.0, max(0.0, cell))
                    for _ in range(at(packed, PRODUCT, 2 * p + 1)):
                        either += cell - either * cell
                out[lane] += registers[at(packed, OUTCOME_ROW, o), lane] * either
        return
    route += int(registers[row, 0]) if row >= 0 else 0
    for o in range(at(packed, OUTCOME_PTR, route), at(packed, OUTCOME_PTR, route + 1)):
        for i in range(WIDTH):
            one[i] = 0.0
        for p in range(at(packed, PRODUCT_PTR, o), at(packed, PRODUCT_PTR, o + 1)):
            product = some[at(packed, SLOT_PTR, at(packed, PRODUCT, 2 * p))]
            for _ in range(at(packed, PRODUCT, 2 * p + 1)):
                for i in range(WIDTH):
                    cell = product[i] if product[i] > 0.0 else 0.0
                    cell = cell if cell < 1.0 else 1.0
                    one[i] += cell - one[i] * cell
        chance = registers[at(packed, OUTCOME_ROW, o)]
        for i in range(WIDTH):
            out[i] += chance[i] * one[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _before(
    packed: Int, registers: Float, worst: Float, time: Float, some: Float, row: Float, out: Float
) -> None:
    """Write the slopes of every slot."""
    slot_ptr, exit_ptr = table_of(packed, SLOT_PTR, 1), table_of(packed, EXIT_PTR, 1)
    exits, transition = table_of(packed, EXIT, 1), table_of(packed, TRANSITION, 4)
    advance_row = table_of(packed, ADVANCE_ROW, 1)
    loss, gain, shares, timed = row[0], row[1], row[2], row[3]
    hazard, after = row[4], row[5]
    for c in range(advance_row.shape[0]):
        for i in range(WIDTH):
            loss[i] = 0.0
            gain[i] = 0.0
            shares[i] = 0.0
            timed[i] = 0.0
        for e in range(exit_ptr[c, 0], exit_ptr[c + 1, 0]):
            index = np.int64(exits[e, 0])
            source = np.int64(transition[index, 2])
            _load_hazard(registers, source, index, time, worst, row, np.int64(4))
            total = 0.0
            for i in range(WIDTH):
                total += hazard[i]
            if total == 0.0:
                continue
            _some_after(packed, registers, index, some, row)
            if transition[index, 0] == TIMED:
                for i in range(WIDTH):
                    shares[i] += hazard[i]
                    timed[i] += hazard[i] * after[i]
            else:
                for i in range(WIDTH):
                    loss[i] += hazard[i]
                    gain[i] += hazard[i] * after[i]
        first, end = slot_ptr[c, 0], slot_ptr[c + 1, 0]
        for slot in range(first, end):
            d, own = out[slot], some[slot]
            for i in range(WIDTH):
                d[i] = gain[i] - loss[i] * own[i]
        if advance_row[c, 0] < 0:
            continue
        place = transition.shape[0] + c
        source = np.int64(advance_row[c, 0])
        _load_hazard(registers, source, place, time, worst, row, np.int64(4))
        for slot in range(first, end - 1):
            d, own, following = out[slot], some[slot], some[slot + 1]
            for i in range(WIDTH):
                d[i] += hazard[i] * (following[i] - own[i])
        d, own = out[end - 1], some[end - 1]
        for i in range(WIDTH):
            target = timed[i] / shares[i] if shares[i] > 0.0 else own[i]
            d[i] += hazard[i] * (target - own[i])


@njit(cache=True, nogil=True, error_model="numpy")
def wide_backward(
    some: Float, back: Float, block: Block, around: Track, time: Float, out: Float
) -> None:
    """Write d(some)/d(time before the end) of every slot, and of the expected immigration.

    Parameters
    ----------
    some, out : (slots + 1, WIDTH)
    back : (WIDTH,)
        Time before the end of each lane's track [day].
    around : Track
        The numbers of a lane without one are of no use.
    time : (WIDTH,)
        Scratch.
    """
    packed = block.packed
    for lane in range(WIDTH):
        if around.length[lane] > 1:
            time[lane] = around.times[around.length[lane] - 1, lane] - back[lane]
            environment_at(time[lane], lane, around, block.around)
        else:
            time[lane] = 0.0
            for k in range(block.around.shape[0]):
                block.around[k, lane] = 0.0
    _read_environment(block.around, time, block)
    _before(packed, block.registers, block.worst, time, some, block.row, out)
    arrivals = out[out.shape[0] - 1]
    for i in range(WIDTH):
        arrivals[i] = 0.0
    hazard, after = block.row[4], block.row[5]
    for index in range(size(packed, TRANSITION)):
        if at(packed, TRANSITION, 4 * index + 1) < 0:
            source = np.int64(at(packed, TRANSITION, 4 * index + 2))
            _load_hazard(block.registers, source, index, time, block.worst, block.row, np.int64(4))
            _some_after(packed, block.registers, index, some, block.row)
            for i in range(WIDTH):
                arrivals[i] += hazard[i] * after[i]
