"""Time stepping of the leap: an absolute grid, steps halved where the environment changes fast."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import propagate
from senescape.engines.tables import Tables
from senescape.rng import draw_key

from .exits import Exits, list_exits, sensed_drift
from .plan import Plan
from .step import sweep

Float = NDArray[np.float64]

FINEST = 14
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
    tables: Tables, plan: Plan, registers: Float, signal: Float, time: float, exits: Exits
) -> int:
    """Read the tape at a time and list the exits; 0, or -1 - transition."""
    for i in range(signal.shape[0]):
        registers[tables.signal_row + i] = signal[i]
    registers[tables.time_row] = time
    read_tape_lane(tables.tape, tables.lane_end, tables.tape.shape[0], registers)
    return list_exits(tables, plan, registers, exits)


@njit(cache=True, nogil=True, error_model="numpy")
def next_stop(time: float, until: float, step: float, level: int) -> float:
    """Return where the step from ``time`` ends: a multiple of step / 2^level, or ``until``."""
    width = step / 2.0**level
    stop = (math.floor(time / width + GRID) + 1.0) * width
    return until if stop >= until - GRID * width else stop


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
    exits: Exits,
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
    The environment of a step (signals, totals that cells sense) is predicted at its middle from the
    drift at its beginning, and rates are frozen there: order 2 in means, 1 in variances
    (verification/leap_order.md). A step is halved, on the
    absolute grid, where a compartment's hazard times the step changes by more than ``tolerance``
    from the last evaluation, or where hazard times the step exceeds ``composition``. Draws are
    keyed by the window of the grid and the place in it, so that an added dose shifts no key.
    """
    assays = plan.sensed.shape[0]
    compartments = exits.pace.shape[0]
    signals = signal.shape[0]
    work = np.zeros((2, signals))
    middle = np.zeros(signals)
    given = np.zeros(signals)
    before = np.zeros(assays)
    slope = np.zeros(assays)
    change = np.zeros(compartments)
    old = np.zeros(compartments)
    born = np.zeros(counts.shape[0] + 4)
    time, level, steps = start, 0, 0
    cells = load_cells(tables, counts, registers, assays)
    bad = load_rates(tables, plan, registers, signal, time, exits)
    if bad < 0:
        return bad, time, steps
    while time < until:
        for a in range(assays):
            before[a] = registers[tables.assay_row + a]
        if plan.senses:
            sensed_drift(tables, registers, counts, exits, change, slope)
        for c in range(compartments):
            old[c] = exits.pace[c]
        add_secretion(tables, registers, before, supply, given)
        while True:
            stop = next_stop(time, until, step, level)
            h = stop - time
            for i in range(signals):
                middle[i] = signal[i]
            propagate(tables.coupling, registers, middle, given, 0.5 * h, work)
            for a in range(assays):
                registers[tables.assay_row + a] = max(0.0, before[a] + 0.5 * h * slope[a])
            bad = load_rates(tables, plan, registers, middle, time + 0.5 * h, exits)
            if bad < 0:
                return bad, time, steps
            moved, fastest = 0.0, 0.0
            for c in range(compartments):
                moved = max(moved, abs(exits.pace[c] - old[c]) * h)
                fastest = max(fastest, exits.pace[c] * h)
            if (moved <= tolerance and fastest <= composition) or level >= FINEST:
                break
            level += 1
        window = math.floor(time / step + GRID)
        place = int((time / step - window) * PLACES + 0.5)
        if cells > 0.0 or plan.arrives:
            own = draw_key(key, int(window), 0, place)
            sweep(tables, plan, exits, registers, counts, tally, h, own, born)
        cells = load_cells(tables, counts, registers, assays)
        if not cells <= LARGEST_COUNT:
            return 1, time, steps
        for a in range(assays):
            before[a] = 0.5 * (before[a] + registers[tables.assay_row + a])
        add_secretion(tables, registers, before, supply, given)
        propagate(tables.coupling, registers, signal, given, h, work)
        time = stop
        steps += 1
        if level > 0 and moved <= 0.25 * tolerance and fastest <= 0.5 * composition:
            width = step / 2.0 ** (level - 1)
            if abs(time / width - math.floor(time / width + 0.5)) < GRID:
                level -= 1
    return 0, until, steps


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    tables: Tables,
    plan: Plan,
    exits: Exits,
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
            exits,
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
