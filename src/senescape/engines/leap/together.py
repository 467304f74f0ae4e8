"""Time stepping of a block of lanes, with the bytes of :func:`.advance.advance_lane`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.signals import propagate_lanes
from senescape.engines.tables import Tables
from senescape.lane_math import WIDTH
from senescape.rng import absorb

from .advance import FINEST, LARGEST_COUNT, next_stop, on_grid, step_key
from .block_rates import (
    BlockRates,
    drift_of_lanes,
    extrapolate_lanes,
    list_rates_of_lanes,
    sum_rates_of_lanes,
)
from .lanes import Chances, Scratch
from .plan import Plan

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]


class Kernels(NamedTuple):
    """What a block calls: pointers, each compiled once and not in its callers.

    Parameters
    ----------
    read : pointer
        To :func:`senescape.engines.interpreter.read_tape`.
    sweep : pointer
        To :func:`.lanes.half_sweep_of_lanes`.
    chances : Chances
        Handed to the sweep.
    """

    read: Any
    sweep: Any
    chances: Chances


@njit(cache=True, nogil=True, error_model="numpy")
def _load_cells(
    tables: Tables, counts: Float, registers: Float, assays: int, cells: Float, total: Float
) -> None:
    """Compute the assay registers from the counts, and the cells of each lane."""
    row = tables.assay_row
    for a in range(assays):
        own = registers[row + a]
        for i in range(WIDTH):
            own[i] = 0.0
    for k in range(tables.weight.shape[0]):
        c = tables.weight[k, 1]
        for i in range(WIDTH):
            cells[i] = 0.0
        for slot in range(tables.slot_ptr[c], tables.slot_ptr[c + 1]):
            here = counts[slot]
            for i in range(WIDTH):
                cells[i] += here[i]
        own, weight = registers[row + tables.weight[k, 0]], registers[tables.weight[k, 2]]
        for i in range(WIDTH):
            own[i] += weight[i] * cells[i]
    for i in range(WIDTH):
        total[i] = 0.0
    for slot in range(counts.shape[0]):
        here = counts[slot]
        for i in range(WIDTH):
            total[i] += here[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _load_rates(
    kernels: Kernels,
    tables: Tables,
    plan: Plan,
    registers: Float,
    signal: Float,
    time: Float,
    rates: BlockRates,
    bad: Float,
    row: Float,
) -> None:
    """Read the tape and list the rates of every lane."""
    for k in range(signal.shape[0]):
        own, value = registers[tables.signal_row + k], signal[k]
        for i in range(WIDTH):
            own[i] = value[i]
    own = registers[tables.time_row]
    for i in range(WIDTH):
        own[i] = time[i]
    kernels.read(tables.tape, tables.lane_end, tables.tape.shape[0], registers)
    list_rates_of_lanes(tables, plan, registers, rates, bad, row)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_secretion(
    tables: Tables, registers: Float, total: Float, supply: Float, given: Float
) -> None:
    for k in range(supply.shape[0]):
        own, value = given[k], supply[k]
        for i in range(WIDTH):
            own[i] = value[i]
    for k in range(tables.secretion.shape[0]):
        own, rate = given[tables.secretion[k, 0]], registers[tables.secretion[k, 2]]
        cells = total[tables.secretion[k, 1]]
        for i in range(WIDTH):
            own[i] += rate[i] * cells[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _take(whole: Float, first: int, last: int, block: Float) -> None:
    """Copy lanes ``first`` to ``last``; lanes that a last block lacks repeat its first."""
    for row in range(whole.shape[0]):
        for i in range(WIDTH):
            block[row, i] = whole[row, first + i if first + i < last else first]


@njit(cache=True, nogil=True, error_model="numpy")
def put(block: Float, first: int, last: int, whole: Float) -> None:
    """Copy lanes of a block back to their places."""
    for row in range(whole.shape[0]):
        for i in range(last - first):
            whole[row, first + i] = block[row, i]


@njit(cache=True, nogil=True, error_model="numpy")
def advance_blocks(
    kernels: Kernels,
    tables: Tables,
    plan: Plan,
    rates: BlockRates,
    ahead: BlockRates,
    scratch: Scratch,
    every_count: Float,
    every_signal: Float,
    every_supply: Float,
    every_tally: Float,
    every_register: Float,
    every_key: Keys,
    begin: int,
    end: int,
    start: float,
    until: float,
    step: float,
    tolerance: float,
    composition: float,
) -> tuple[int, int, float]:
    """Advance lanes ``begin`` to ``end``, block by block; arrays have the lane last.

    Returns (outcome as in :func:`.advance.advance_lane`, lane, time) of the first lane that failed,
    or (0, 0, until). Registers are read only: parameters and what depends on them alone.
    """
    assays, signals = plan.assays, every_signal.shape[0]
    compartments = rates.pace.shape[0]
    counts = np.zeros((every_count.shape[0], WIDTH))
    tally = np.zeros((every_tally.shape[0], WIDTH))
    registers = np.zeros((every_register.shape[0], WIDTH))
    signal, supply = np.zeros((signals, WIDTH)), np.zeros((signals, WIDTH))
    key = np.zeros(WIDTH, np.uint64)
    work = np.zeros((2 * signals + 4, WIDTH))
    middle = np.zeros((signals, WIDTH))
    given = np.zeros((signals, WIDTH))
    before = np.zeros((assays, WIDTH))
    slope = np.zeros((assays, WIDTH))
    change = np.zeros((compartments, WIDTH))
    place = np.zeros((10, WIDTH))
    width, stop, half, at = place[0], place[1], place[2], place[3]
    total, moved, fastest, active = place[4], place[5], place[6], place[7]
    outcome, time = place[8], place[9]
    row, keys = scratch.row, scratch.keys
    first_assay = tables.assay_row
    finest = step * FINEST
    first = begin
    while first < end:
        last = min(first + WIDTH, end)
        lanes = last - first
        _take(every_count, first, last, counts)
        _take(every_tally, first, last, tally)
        _take(every_signal, first, last, signal)
        _take(every_supply, first, last, supply)
        _take(every_register, first, last, registers)
        for i in range(WIDTH):
            key[i] = every_key[first + i if i < lanes else first]
            width[i] = step
            outcome[i] = 0.0
            time[i] = start
            active[i] = 1.0 if i < lanes and start < until else 0.0
        _load_cells(tables, counts, registers, assays, at, total)
        while True:
            _load_rates(kernels, tables, plan, registers, signal, time, rates, outcome, row)
            running = 0
            for i in range(WIDTH):
                # what a lane would meet at its end is not its concern
                outcome[i] = outcome[i] if (i < lanes) & (time[i] < until) else 0.0
                active[i] = 0.0 if outcome[i] != 0.0 else active[i]
                running += 1 if active[i] != 0.0 else 0
            if running == 0:
                break
            sum_rates_of_lanes(tables, plan, rates)
            for a in range(assays):
                mine, value = before[a], registers[first_assay + a]
                for i in range(WIDTH):
                    mine[i] = value[i]
            if plan.senses:
                drift_of_lanes(tables, plan, registers, counts, rates, change, slope, row)
            _add_secretion(tables, registers, before, supply, given)
            settling = 1
            while settling > 0:
                for i in range(WIDTH):
                    there = next_stop(time[i], until, width[i])
                    stop[i] = there
                    half[i] = 0.5 * (there - time[i]) if active[i] != 0.0 else 0.0
                    at[i] = time[i] + half[i]
                for k in range(signals):
                    mine, value = middle[k], signal[k]
                    for i in range(WIDTH):
                        mine[i] = value[i]
                propagate_lanes(tables.coupling, registers, middle, given, half, work)
                for a in range(assays):
                    mine, value, drift = registers[first_assay + a], before[a], slope[a]
                    for i in range(WIDTH):
                        guess = value[i] + half[i] * drift[i]
                        mine[i] = guess if guess > 0.0 else 0.0
                _load_rates(kernels, tables, plan, registers, middle, at, ahead, outcome, row)
                sum_rates_of_lanes(tables, plan, ahead)
                for i in range(WIDTH):
                    moved[i] = 0.0
                    fastest[i] = 0.0
                for c in range(compartments):
                    now, then = rates.pace[c], ahead.pace[c]
                    for i in range(WIDTH):
                        by = abs(then[i] - now[i]) * (2.0 * half[i])
                        moved[i] = by if by > moved[i] else moved[i]
                        pace = (then[i] if then[i] > now[i] else now[i]) * (2.0 * half[i])
                        fastest[i] = pace if pace > fastest[i] else fastest[i]
                settling = 0
                for i in range(WIDTH):
                    active[i] = 0.0 if outcome[i] != 0.0 else active[i]
                    calm = (moved[i] <= tolerance) & (fastest[i] <= composition)
                    again = (not (calm | (width[i] <= finest))) & (active[i] != 0.0)
                    width[i] = 0.5 * width[i] if again else width[i]
                    settling += 1 if again else 0
            for part in range(2):
                for i in range(WIDTH):
                    half[i] = half[i] if active[i] != 0.0 else 0.0
                    at[i] = time[i] + half[i]
                    keys[i] = absorb(step_key(key[i], time[i], step), 1 + part)
                current = rates if part == 0 else ahead
                kernels.sweep(
                    kernels.chances, tables, plan, current, counts, tally, half, part == 1, scratch
                )
                _load_cells(tables, counts, registers, assays, row[0], total)
                for i in range(WIDTH):
                    beyond = (active[i] != 0.0) & (not (total[i] <= LARGEST_COUNT))
                    outcome[i] = 1.0 if beyond else outcome[i]
                    active[i] = 0.0 if beyond else active[i]
                for a in range(assays):
                    mine, mean, value = before[a], slope[a], registers[first_assay + a]
                    for i in range(WIDTH):
                        mean[i] = 0.5 * (mine[i] + value[i])
                        mine[i] = value[i]
                _add_secretion(tables, registers, slope, supply, given)
                propagate_lanes(tables.coupling, registers, signal, given, half, work)
                if part == 0:
                    _load_rates(kernels, tables, plan, registers, signal, at, ahead, outcome, row)
                    for i in range(WIDTH):
                        active[i] = 0.0 if outcome[i] != 0.0 else active[i]
                    extrapolate_lanes(rates, ahead)
                    sum_rates_of_lanes(tables, plan, ahead)
            for i in range(WIDTH):
                if active[i] == 0.0:
                    continue
                time[i] = stop[i]
                calm = (moved[i] <= 0.25 * tolerance) & (fastest[i] <= 0.5 * composition)
                if calm and width[i] < step and on_grid(time[i], 2.0 * width[i]):
                    width[i] *= 2.0
                if not time[i] < until:
                    time[i] = until
                    active[i] = 0.0
        put(counts, first, last, every_count)
        put(tally, first, last, every_tally)
        put(signal, first, last, every_signal)
        for i in range(lanes):
            if outcome[i] != 0.0:
                return int(outcome[i]), first + i, time[i]
        first = last
    return 0, 0, until
