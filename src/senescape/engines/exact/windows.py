"""Bounds of every rate over a window: a length of time, and a range of every number of cells.

A window lasts many events. As long as it does, the hazard of a cell lies between ``least`` and
``most`` whatever has happened in it: signals and time are enclosed over its length, numbers of
cells (and what they secrete) over their ranges. A candidate below ``least`` is an event, one above
``most`` is none, and only what falls between has its formula read, and no formula but its own.

Kernels here allocate nothing (``_nrt=False``): counting references would cost more than what they
compute.

A window ends with its time, or when a number of cells may leave its range. How long it is and how
far it reaches are matters of cost alone: the law does not depend on it. Ranges of numbers of cells
are those of the rejection-based algorithm (Thanh, Priami & Zunino 2014, doi:10.1063/1.4896985).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.interpreter import read_tape_lane
from senescape.engines.signals import propagate
from senescape.engines.tables import Tables

from .bounds import enclose_driven_signals, product_bounds, read_tape_bounds
from .moving import Moving

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Places = NDArray[np.int64]

MARGIN = 1e-9
HALVINGS = 50
# Bounds this many times the rates now are tight enough: by time alone, and with numbers of cells.
TIGHT, LOOSE = 1.25, 1.5
# Least share of a number of cells (and of so many cells more) by which it may change in a window.
NARROWEST, CELLS = 2.0**-12, 16.0
FOREVER = 1 << 40
BROKEN_BY = 1e-6


class Window(NamedTuple):
    """Bounds over a window, and the scratch to find them.

    Parameters
    ----------
    now, least, most : (rates,)
        Hazards when the window was opened, and between what they stay. Where no cell was exposed
        when it was opened, ``most`` may be infinite.
    low, high : (registers,)
    ranges : (2, watched)
        Between what the watched numbers of cells stay.
    unit : (watched,)
        Most by which one event changes them.
    positive : (watched,)
        Whether they cannot be negative.
    there, given : (signals,)
        Signals at the time that is looked at; what is infused and secreted.
    box : (5, signals)
    work : (2, signals)
    weight : (compartments,)
    """

    now: Float
    least: Float
    most: Float
    low: Float
    high: Float
    ranges: Float
    unit: Float
    positive: NDArray[np.bool_]
    there: Float
    given: Float
    box: Float
    work: Float
    weight: Float


@njit(cache=True, nogil=True, error_model="numpy")
def new_window(tables: Tables, moving: Moving, registers: int) -> Window:
    """Return room for the windows of a lane."""
    rates, watched = moving.rate_row.shape[0], moving.watched.shape[0]
    signals, compartments = tables.time_row - tables.signal_row, moving.leave_ptr.shape[0] - 1
    return Window(
        np.zeros(rates), np.zeros(rates), np.zeros(rates), np.zeros(registers),
        np.zeros(registers), np.zeros((2, watched)), np.zeros(watched),
        np.zeros(watched, np.bool_), np.zeros(signals), np.zeros(signals), np.zeros((5, signals)),
        np.zeros((2, signals)), np.zeros(compartments),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def first_window(tables: Tables, moving: Moving, window: Window, registers: Float) -> None:
    """Write what stands still in all windows of a lane; ``registers``: every row has been read."""
    for i in range(registers.shape[0]):
        window.low[i], window.high[i] = registers[i], registers[i]
    for rate in range(moving.rate_row.shape[0]):
        row = moving.rate_row[rate]
        window.least[rate], window.most[rate] = 0.0, 0.0
        if row >= 0 and moving.fixed[rate]:
            value = registers[row]
            sound = 0.0 <= value < math.inf
            window.least[rate] = value if sound else -1.0
            window.most[rate] = value if sound else math.inf
    weight = window.weight
    for w in range(moving.watched.shape[0]):
        for c in range(weight.shape[0]):
            weight[c] = 0.0
        window.positive[w] = True
        for k in range(moving.part_ptr[w], moving.part_ptr[w + 1]):
            weight[moving.part[k, 0]] += registers[moving.part[k, 1]]
            if registers[moving.part[k, 1]] < 0.0:
                window.positive[w] = False
        window.unit[w] = largest_change(tables, weight)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def largest_change(tables: Tables, weight: Float) -> float:
    """Return by how much one event can change a weighted number of cells."""
    largest = 0.0
    for t in range(tables.transition.shape[0]):
        source = tables.transition[t, 1]
        gone = weight[source] if source >= 0 else 0.0
        first, end = tables.route_ptr[t], tables.route_ptr[t + 1]
        for outcome in range(tables.outcome_ptr[first], tables.outcome_ptr[end]):
            change = -gone
            for p in range(tables.product_ptr[outcome], tables.product_ptr[outcome + 1]):
                change += weight[tables.product[p, 0]] * tables.product[p, 1]
            largest = max(largest, abs(change))
    return largest


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def load_watched(watched: Int, part_ptr: Int, part: Int, totals: Float, registers: Float) -> None:
    """Compute the watched assays from the numbers of cells in the compartments."""
    for w in range(watched.shape[0]):
        value = 0.0
        for k in range(part_ptr[w], part_ptr[w + 1]):
            value += registers[part[k, 1]] * totals[part[k, 0]]
        registers[watched[w]] = value


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def load_given(
    secretion: Int, assay_row: int, registers: Float, supply: Float, given: Float
) -> None:
    """Compute what is infused and secreted, from the watched assays."""
    for i in range(supply.shape[0]):
        given[i] = supply[i]
    for s in range(secretion.shape[0]):
        given[secretion[s, 0]] += (
            registers[secretion[s, 2]] * registers[assay_row + secretion[s, 1]]
        )


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def load_signals(
    coupling: Int, signal_row: int, time_row: int, registers: Float, signal: Float, given: Float,
    there: Float, work: Float, lag: float, time: float,
) -> None:  # fmt: skip
    """Bring signals and time to ``time``, ``lag`` after the time at which ``signal`` is known."""
    for i in range(signal.shape[0]):
        there[i] = signal[i]
    propagate(coupling, registers, there, given, lag, work)
    for i in range(signal.shape[0]):
        registers[signal_row + i] = there[i]
    registers[time_row] = time


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def look(moving: Moving, window: Window, registers: Float, totals: Float) -> int:
    """Read every hazard now; return -1 - rate where one is negative or not finite, else 0.

    Where no cell is exposed nothing is asked.
    """
    # from 0 on; a 0 that is written here would be compiled for itself
    read_tape_lane(moving.tape, moving.need_ptr[0], moving.tape.shape[0], registers)
    for rate in range(moving.rate_row.shape[0]):
        row, source = moving.rate_row[rate], moving.source[rate]
        window.now[rate] = 0.0
        if row < 0 or (source >= 0 and totals[source] == 0.0):
            continue
        value = registers[row]
        if not 0.0 <= value < math.inf:
            return -1 - rate
        window.now[rate] = value
    return 0


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def all_rates(moving: Moving, hazard: Float, totals: Float) -> float:
    """Return the sum of hazards times the cells that are exposed to them."""
    total = 0.0
    for rate in range(hazard.shape[0]):
        source = moving.source[rate]
        if moving.rate_row[rate] < 0 or (source >= 0 and totals[source] == 0.0):
            continue
        total += hazard[rate] * (totals[source] if source >= 0 else 1.0)
    return total


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def set_ranges(moving: Moving, window: Window, registers: Float, share: float) -> None:
    """Let every number of cells have a range around what it is now; ``share`` 0: none."""
    for w in range(moving.watched.shape[0]):
        register = moving.watched[w]
        value = registers[register]
        reach = share * (abs(value) + CELLS * window.unit[w]) if moving.ranged[w] else 0.0
        lowest = value - reach
        if window.positive[w] and lowest < 0.0:
            lowest = 0.0
        window.ranges[0, w], window.ranges[1, w] = lowest, value + reach
        window.low[register], window.high[register] = lowest, value + reach


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def enclose(
    tables: Tables, moving: Moving, window: Window, registers: Float, supply: Float, time: float,
    width: float,
) -> bool:  # fmt: skip
    """Bound signals and time over the window, from ``there`` on; False: it must be shorter."""
    low, high, least, most = window.low, window.high, window.box[3], window.box[4]
    if not moving.moves:
        return True
    for i in range(supply.shape[0]):
        least[i], most[i], window.box[2, i] = supply[i], supply[i], window.there[i]
    for s in range(tables.secretion.shape[0]):
        i, assay = tables.secretion[s, 0], tables.assay_row + tables.secretion[s, 1]
        speed = registers[tables.secretion[s, 2]]
        bottom, top = product_bounds(speed, speed, low[assay], high[assay])
        least[i] += bottom
        most[i] += top
    propagate(tables.coupling, registers, window.box[2], window.given, width, window.work)
    held = enclose_driven_signals(
        tables.coupling, registers, window.there, window.box[2], least, most, width,
        window.box[0], window.box[1], window.work[0], window.work[1],
    )  # fmt: skip
    for i in range(supply.shape[0]):
        low[tables.signal_row + i] = window.box[0, i]
        high[tables.signal_row + i] = window.box[1, i]
    low[tables.time_row], high[tables.time_row] = time, time + width
    return held


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def write_bounds(moving: Moving, window: Window) -> None:
    """Take the bounds of the hazards from the intervals of their registers."""
    for rate in range(moving.rate_row.shape[0]):
        row = moving.rate_row[rate]
        if row < 0 or moving.fixed[rate]:
            continue
        top = window.high[row]
        window.most[rate] = max(0.0, top) * (1.0 + MARGIN) if top < math.inf else math.inf
        window.least[rate] = window.low[row] * (1.0 - MARGIN)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def open_window(
    tables: Tables, moving: Moving, window: Window, registers: Float, totals: Float,
    supply: Float, time: float, end: float, width: float,
) -> float:  # fmt: skip
    """Bound every rate as numbers of cells are now; return until when, -inf where none is found.

    Parameters
    ----------
    end, width : float
        The window ends at ``end`` at the latest, and is tried no longer than ``width`` at first.
    """
    now = all_rates(moving, window.now, totals)
    set_ranges(moving, window, registers, 0.0)
    width = min(width, end - time)
    for _ in range(HALVINGS + 1):
        last = end if width >= end - time else time + width
        if last <= time:
            break  # a window shorter than the time's last digit would never pass
        width = last - time
        if enclose(tables, moving, window, registers, supply, time, width):
            read_tape_bounds(moving.tape, 0, moving.tape.shape[0], window.low, window.high)
            write_bounds(moving, window)
            total = all_rates(moving, window.most, totals)
            if total < math.inf and (total <= TIGHT * now or total * width <= 1.0):
                return last
        width *= 0.5
    return -math.inf


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def widen(
    tables: Tables, moving: Moving, window: Window, registers: Float, totals: Float,
    supply: Float, time: float, end: float, share: float,
) -> float:  # fmt: skip
    """Let numbers of cells have ranges in an open window; return their share, -1: none is found.

    ``share``: tried first. Hazards and numbers of cells have been looked at, at ``time``.
    """
    ranged, driving = False, False
    for w in range(moving.watched.shape[0]):
        ranged = ranged or moving.ranged[w]
        driving = driving or moving.driving[w]
    if not ranged:
        return share
    now, width = all_rates(moving, window.now, totals), end - time
    while True:
        tried = share if share >= NARROWEST else 0.0
        set_ranges(moving, window, registers, tried)
        held = True
        if driving:
            held = enclose(tables, moving, window, registers, supply, time, width)
            read_tape_bounds(moving.tape, 0, moving.tape.shape[0], window.low, window.high)
        else:
            read_tape_bounds(moving.crowd, 0, moving.crowd.shape[0], window.low, window.high)
        write_bounds(moving, window)
        total = all_rates(moving, window.most, totals)
        sound = held and total < math.inf
        if sound and (total <= LOOSE * now or total * width <= 1.0 or tried == 0.0):
            return max(share, NARROWEST)
        if tried == 0.0:
            return -1.0
        share *= 0.5


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def events_left(moving: Moving, window: Window, registers: Float) -> int:
    """Return how many events can happen before a number of cells could leave its range."""
    fewest = float(FOREVER)
    for w in range(moving.watched.shape[0]):
        if moving.ranged[w] and window.unit[w] > 0.0:
            value = registers[moving.watched[w]]
            room = window.ranges[1, w] - value
            if not (window.positive[w] and window.ranges[0, w] == 0.0):
                room = min(room, value - window.ranges[0, w])
            fewest = min(fewest, room / window.unit[w] * (1.0 - MARGIN))
    return int(max(0.0, fewest))


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def doubtful(moving: Moving, window: Window, found: Places) -> int:
    """List the rates that may turn negative in the window; return their number."""
    number = 0
    for rate in range(moving.rate_row.shape[0]):
        if moving.rate_row[rate] >= 0 and not window.least[rate] >= 0.0:
            found[number] = rate
            number += 1
    return number


# What is done for a candidate takes arrays one by one: passing a whole tuple on costs more.
@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def read_needed(
    need_ptr: Places, need: Int, drifts: Int, count_ptr: Int, count: Int, watched: Int,
    part_ptr: Int, part: Int, coupling: Int, signal_row: int, time_row: int, registers: Float,
    totals: Float, signal: Float, given: Float, there: Float, work: Float, lag: float,
    time: float, item: int,
) -> None:  # fmt: skip
    """Read the rows that a rate depends on (or, after the rates, a firing), as things are now."""
    if drifts[item]:
        load_signals(
            coupling, signal_row, time_row, registers, signal, given, there, work, lag, time
        )
    for n in range(count_ptr[item], count_ptr[item + 1]):
        w, value = count[n], 0.0
        for k in range(part_ptr[w], part_ptr[w + 1]):
            value += registers[part[k, 1]] * totals[part[k, 0]]
        registers[watched[w]] = value
    read_tape_lane(need, need_ptr[item], need_ptr[item + 1], registers)
