"""Time stepping of the leap: an absolute grid, steps halved where the environment changes fast."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import propagate
from senescape.engines.tables import Tables
from senescape.rng import absorb, draw_key

from .plan import Plan
from .rates import Rates, extrapolate, list_rates, sensed_drift, sum_rates
from .step import half_sweep

Float = NDArray[np.float64]

FINEST = 2.0**-14  # of the longest step
GRID = 1e-9
PLACES = 65536.0
LARGEST_COUNT = 1e15


@njit(cache=True, nogil=True, error_model="numpy")
def load_cells(tables: Tables, counts: Float, registers: Float, assays: int) -> float:
    """Compute the assay registers of one lane from its counts; return the number of cells."""
    row = tables.assay_row
    for a in range(assays):
        registers[row + a] = 0.0
    for k in range(tables.weight.shape[0]):
        c = tables.weight[k, 1]
        cells = 0.0
        for slot in range(tables.slot_ptr[c], tables.slot_ptr[c + 1]):
            cells += counts[slot]
        registers[row + tables.weight[k, 0]] += registers[tables.weight[k, 2]] * cells
    total = 0.0
    for slot in range(counts.shape[0]):
        total += counts[slot]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def load_rates(
    tables: Tables, plan: Plan, registers: Float, signal: Float, time: float, rates: Rates
) -> int:
    """Read the tape at a time and list the rates; 0, or -1 - transition."""
    for i in range(signal.shape[0]):
        registers[tables.signal_row + i] = signal[i]
    registers[tables.time_row] = time
    read_tape_lane(tables.tape, tables.lane_end, tables.tape.shape[0], registers)
    return list_rates(tables, plan, registers, rates)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def next_stop(time: float, until: float, width: float) -> float:
    """Return where the step from ``time`` ends: the next multiple of ``width``, or ``until``."""
    stop = (np.floor(time / width + GRID) + 1.0) * width
    return until if stop >= until - GRID * width else stop


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def on_grid(time: float, width: float) -> bool:
    """Return whether a time is a multiple of ``width``."""
    return abs(time / width - np.floor(time / width + 0.5)) < GRID


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def step_key(key: int, time: float, step: float) -> int:
    """Return the key of the step that begins at ``time``: of its window and its place in it."""
    window = np.floor(time / step + GRID)
    place = (time / step - window) * PLACES + 0.5
    return draw_key(key, np.int64(window), 0, np.int64(place))


@njit(cache=True, nogil=True, error_model="numpy")
def add_secretion(
    tables: Tables, registers: Float, total: Float, supply: Float, given: Float
) -> None:
    """Write ``supply`` plus what cells in numbers ``total`` (by assay) secrete to ``given``."""
    for i in range(given.shape[0]):
        given[i] = supply[i]
    for k in range(tables.secretion.shape[0]):
        rate = registers[tables.secretion[k, 2]]
        given[tables.secretion[k, 0]] += rate * total[tables.secretion[k, 1]]


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lane(
    tables: Tables,
    plan: Plan,
    rates: Rates,
    ahead: Rates,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    key: int,
    start: float,
    until: float,
    step: float,
    tolerance: float,
    composition: float,
) -> tuple[int, float, int]:
    """Advance one lane; returns (0 or -1 - transition, time reached, steps taken).

    Notes
    -----
    The first half of a step runs at the rates of its beginning, the second at twice those of the
    middle that was reached, chance and all, less those of the beginning: the weak trapezoidal rule
    of Anderson & Koyama 2012 (doi:10.1137/110849699) with theta = 1/2, order 2 in means and
    variances (verification/leap_order.md). Signals follow in two halves, by what cells secrete at
    the beginning, the middle and the end.

    A step is halved, on the absolute grid, where a compartment's hazard times the step is expected
    to change by more than ``tolerance`` up to the middle, or where hazard times the step exceeds
    ``composition``: decided by the drift at the beginning, before anything is drawn. Draws are
    keyed by the window of the grid and the place in it, so that an added dose shifts no key.
    """
    assays = plan.assays
    compartments = rates.pace.shape[0]
    signals = signal.shape[0]
    work = np.zeros((2, signals))
    middle = np.zeros(signals)
    given = np.zeros(signals)
    before = np.zeros(assays)
    slope = np.zeros(assays)
    change = np.zeros(compartments)
    born = np.zeros(counts.shape[0])
    fired = np.zeros(4)
    time, width, steps = start, step, 0
    finest = step * FINEST
    cells = load_cells(tables, counts, registers, assays)
    bad = 0
    if time < until:
        bad = load_rates(tables, plan, registers, signal, time, rates)
    while time < until and bad == 0:
        sum_rates(tables, plan, rates)
        for a in range(assays):
            before[a] = registers[tables.assay_row + a]
        if plan.senses:
            sensed_drift(tables, plan, registers, counts, rates, change, slope)
        add_secretion(tables, registers, before, supply, given)
        while True:
            stop = next_stop(time, until, width)
            half = 0.5 * (stop - time)
            for i in range(signals):
                middle[i] = signal[i]
            propagate(tables.coupling, registers, middle, given, half, work)
            for a in range(assays):
                registers[tables.assay_row + a] = max(0.0, before[a] + half * slope[a])
            bad = load_rates(tables, plan, registers, middle, time + half, ahead)
            if bad < 0:
                return bad, time, steps
            sum_rates(tables, plan, ahead)
            moved, fastest = 0.0, 0.0
            for c in range(compartments):
                moved = max(moved, abs(ahead.pace[c] - rates.pace[c]) * (2.0 * half))
                fastest = max(fastest, max(ahead.pace[c], rates.pace[c]) * (2.0 * half))
            if (moved <= tolerance and fastest <= composition) or width <= finest:
                break
            width *= 0.5
        own = step_key(key, time, step)
        for part in range(2):
            if cells > 0.0 or plan.arrives:
                now = rates if part == 0 else ahead
                mine = absorb(own, 1 + part)
                half_sweep(tables, plan, now, counts, tally, half, mine, part == 1, born, fired)
            cells = load_cells(tables, counts, registers, assays)
            if not cells <= LARGEST_COUNT:
                return 1, time, steps
            for a in range(assays):
                found = registers[tables.assay_row + a]
                slope[a] = 0.5 * (before[a] + found)
                before[a] = found
            add_secretion(tables, registers, slope, supply, given)
            propagate(tables.coupling, registers, signal, given, half, work)
            if part == 0:
                bad = load_rates(tables, plan, registers, signal, time + half, ahead)
                if bad < 0:
                    return bad, time, steps
                extrapolate(rates, ahead)
                sum_rates(tables, plan, ahead)
        time = stop
        steps += 1
        calm = moved <= 0.25 * tolerance and fastest <= 0.5 * composition
        if calm and width < step and on_grid(time, 2.0 * width):
            width *= 2.0
        if time < until:
            bad = load_rates(tables, plan, registers, signal, time, rates)
    if bad < 0:
        return bad, time, steps
    return 0, until, steps


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    plan: Plan,
    rates: Rates,
    ahead: Rates,
    counts: Float,
    signal: Float,
    supply: Float,
    tally: Float,
    registers: Float,
    key: Float,
    start: float,
    until: float,
    step: float,
    tolerance: float,
    composition: float,
) -> tuple[int, int, float, int]:
    """Advance lanes one after another; arrays have the lane first.

    Returns (outcome as in :func:`advance_lane`, lane, time, steps of all lanes).
    """
    total = 0
    for lane in range(counts.shape[0]):
        bad, time, steps = advance_lane(
            tables,
            plan,
            rates,
            ahead,
            counts[lane],
            signal[lane],
            supply[lane],
            tally[lane],
            registers[lane],
            key[lane],
            start,
            until,
            step,
            tolerance,
            composition,
        )
        total += steps
        if bad != 0:
            return bad, lane, time, total
    return 0, 0, until, total
