"""Any number of lanes through the explicit solver, a block at a time.

What LSODA must do instead (stiff lanes, bad hazards) is reported lane by lane and left as it was.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

from ..interpreter import tape_reader
from .explicit import (
    BROKEN,
    FIRST_STEP,
    REACHED,
    RUNNING,
    STIFF,
    Control,
    Method,
    Outputs,
    Problem,
    explicit,
    integrate,
    outputs_of,
)
from .flows import ADVANCE_ROW, DRIVING, size
from .pointers import backward, forward, solver, trial
from .track import Track, track_of
from .wide import Block, block_of

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Outcomes = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def fill(out: Float, row: int, source: Float, first: int) -> None:
    """Copy lanes from ``first`` on into the rows of a block from ``row`` on.

    Places beyond the last lane repeat it.
    """
    lanes = source.shape[1]
    for r in range(source.shape[0]):
        for i in range(WIDTH):
            out[row + r, i] = source[r, min(first + i, lanes - 1)]


@njit(cache=True, nogil=True, error_model="numpy")
def take(out: Float, y: Float, row: int, lane: int, place: int) -> None:
    """Copy one lane of a block, from ``row`` on, to its own column."""
    for r in range(out.shape[0]):
        out[r, lane] = y[row + r, place]


@njit(cache=True, nogil=True, error_model="numpy")
def scale_of(
    y: Float, slots: int, supply: Float, duration: float, absolute: float, numbers: int
) -> Float:
    """Return the absolute tolerance of every number; see MeanField.scales."""
    scale = np.full((numbers, WIDTH), absolute)
    for k in range(supply.shape[0]):
        for i in range(WIDTH):
            most = abs(y[slots + k, i]) + abs(supply[k, i]) * duration
            scale[slots + k, i] *= max(most, 1e-6)
    return scale


def lowest_of(path: Float, slots: int) -> Float:
    """Return the smallest count of each lane on a path, and bring counts below 0 to 0, (lanes,)."""
    lowest: Float = path[:, :slots].min(axis=(0, 1), initial=0.0)
    if (lowest < 0.0).any():
        np.maximum(path[:, :slots], 0.0, out=path[:, :slots])
    return lowest


def no_outputs() -> Outputs:
    """Return outputs of a solution that is not read on the way."""
    return outputs_of(np.empty(0), 0)


class Numbers(NamedTuple):
    """What is advanced, and what drives it.

    Parameters
    ----------
    counts, signal, tally : (rows, lanes)
        Changed in place. Networks from SBML keep no tally: no rows.
    registers, supply : (rows, lanes)
    scales : (rows of all three, lanes)
        Absolute tolerance of each number; no rows: that of MeanField.scales.
    times : (outputs,)
        In order, within the span.
    path : (outputs, rows of counts, signal and tally, lanes)
        The numbers at those times, of lanes that are REACHED; written.
    """

    counts: Float
    signal: Float
    tally: Float
    registers: Float
    supply: Float
    scales: Float
    times: Float
    path: Float


def advance_lanes(
    numbers: Numbers,
    pace: Float,
    span: tuple[float, float],
    packed: Int,
    tolerance: tuple[float, float],
    most: int,
    worst: Float,
    outcome: Outcomes,
    method: Method,
    slope: Any = None,
    attempt: Any = None,
    lent: int = 0,
) -> None:
    """Advance every lane; a lane that is not REACHED, or met a bad hazard, keeps its numbers.

    Parameters
    ----------
    numbers : Numbers
    pace : (lanes,)
        Length of the step to try first [day]; not above 0: the lane is not tried. Changed in place.
    span : (first, last)
        [day]
    tolerance : (relative, absolute)
    most : int
        Steps of one lane.
    worst : (lanes, 4)
        Worst hazard met in each lane.
    outcome : (lanes,)
        Written.
    method : Method
        That of ``attempt``.
    slope : pointer, optional
        Right-hand side; that of scenarios by default.
    attempt : pointer, optional
        What tries a step; :func:`.explicit.attempt` by default.
    lent : int
        See :class:`.explicit.Problem`.
    """
    advance_blocks(
        solver(),
        trial() if attempt is None else attempt,
        forward() if slope is None else slope,
        tape_reader(),
        track_of(0, 0),
        numbers,
        pace,
        span,
        packed,
        tolerance,
        most,
        worst,
        outcome,
        method,
        lent,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def advance_blocks(
    solve: Any,
    attempt: Any,
    slope: Any,
    read: Any,
    none: Track,
    numbers: Numbers,
    pace: Float,
    span: tuple[float, float],
    packed: Int,
    tolerance: tuple[float, float],
    most: int,
    worst: Float,
    outcome: Outcomes,
    method: Method,
    lent: int,
) -> None:
    """Do :func:`advance_lanes`: a call from Python for each block costs more than the block."""
    top = np.int64(0)  # a plain 0 has a type of its own: helpers would be compiled twice
    counts, signal, tally = numbers.counts, numbers.signal, numbers.tally
    slots, signals, lanes = counts.shape[0], signal.shape[0], counts.shape[1]
    rows = slots + signals + tally.shape[0]
    y, own = np.zeros((rows, WIDTH)), np.empty((signals, WIDTH))
    table, met = np.empty((numbers.registers.shape[0], WIDTH)), np.empty((WIDTH, 4))
    outputs = outputs_of(numbers.times, rows)
    result, first_step = np.empty(WIDTH, np.int64), np.empty(WIDTH)
    cells, row = np.empty((size(packed, ADVANCE_ROW), WIDTH)), np.empty((7, WIDTH))
    around = np.empty((signals + size(packed, DRIVING), WIDTH))
    for first in range(0, lanes, WIDTH):
        fill(y, top, counts, first)
        fill(y, slots, signal, first)
        fill(y, slots + signals, tally, first)
        fill(own, top, numbers.supply, first)
        fill(table, top, numbers.registers, first)
        for i in range(WIDTH):
            first_step[i] = pace[min(first + i, lanes - 1)]
            result[i] = RUNNING if first_step[i] > 0.0 else STIFF
            for k in range(4):
                met[i, k] = 0.0
        if numbers.scales.shape[0] > 0:
            scale = np.empty((rows, WIDTH))
            fill(scale, top, numbers.scales, first)
        else:
            scale = scale_of(y, slots, own, span[1] - span[0], tolerance[1], rows)
        control = Control(tolerance[0], scale, most, math.inf, method)
        block = Block(read, packed, table, own, met, cells, around, row)
        solve(
            y,
            span,
            attempt,
            Problem(slope, block, none, lent),
            control,
            none,
            outputs,
            first_step,
            result,
        )
        for i in range(min(WIDTH, lanes - first)):
            lane = first + i
            outcome[lane], pace[lane] = result[i], first_step[i]
            for k in range(4):
                worst[lane, k] = met[i, k]
            if result[i] == REACHED and met[i, 0] == 0.0:
                take(counts, y, top, lane, i)
                take(signal, y, slots, lane, i)
                take(tally, y, slots + signals, lane, i)
                for t in range(numbers.times.shape[0]):
                    for r in range(rows):
                        numbers.path[t, r, lane] = outputs.path[t, r, i]


def record_environment(
    counts: Float,
    signal: Float,
    registers: Float,
    supply: Float,
    span: tuple[float, float],
    packed: Int,
    tolerance: tuple[float, float],
    steps: tuple[int, float],
) -> tuple[list[Track], Outcomes]:
    """Advance every lane that is not stiff, in place, and keep its environment.

    Parameters
    ----------
    counts, signal, registers, supply : (rows, lanes)
    span : (first, last)
        [day]
    tolerance : (relative, absolute)
    steps : (most, longest)
        Number and length [day].

    Returns
    -------
    tuple
        A track for each block of WIDTH lanes, and the outcome of each lane: BROKEN too where a
        hazard was bad.
    """
    lanes = counts.shape[1]
    tracks, outcome = [], np.empty(lanes, np.int64)
    for first in range(0, lanes, WIDTH):
        part = slice(first, min(first + WIDTH, lanes))
        track, outcome[part] = _record_block(
            counts, signal, registers, supply, first, span, packed, tolerance, steps
        )
        tracks.append(track)
    return tracks, outcome


def _record_block(
    counts: Float,
    signal: Float,
    registers: Float,
    supply: Float,
    first: int,
    span: tuple[float, float],
    packed: Int,
    tolerance: tuple[float, float],
    steps: tuple[int, float],
) -> tuple[Track, Outcomes]:
    """Do one block of :func:`record_environment`."""
    slots, signals, lanes = counts.shape[0], signal.shape[0], counts.shape[1]
    states = slots + signals
    y, own = np.zeros((states, WIDTH)), np.empty((signals, WIDTH))
    table, met = np.empty((registers.shape[0], WIDTH)), np.zeros((WIDTH, 4))
    fill(y, 0, counts, first)
    fill(y, slots, signal, first)
    fill(own, 0, supply, first)
    fill(table, 0, registers, first)
    scale = scale_of(y, slots, own, span[1] - span[0], tolerance[1], states)
    block = block_of(packed, table, own, met)
    result = np.full(WIDTH, RUNNING)
    track = track_of(steps[0] + 1, block.around.shape[0])
    control = Control(tolerance[0], scale, steps[0], steps[1], explicit())
    step = np.full(WIDTH, FIRST_STEP)
    problem = Problem(forward(), block, track_of(0, 0), 0)
    integrate(y, span, trial(), problem, control, track, no_outputs(), step, result)
    for i in range(WIDTH):
        if met[i, 0] != 0.0:
            result[i] = BROKEN
        if result[i] != REACHED:
            track.length[i] = 0
        elif first + i < lanes:
            take(counts, y, 0, first + i, i)
            take(signal, y, slots, first + i, i)
    points = max(1, track.length.max())
    short = Track(
        track.length,
        track.times[:points].copy(),
        track.path[:points].copy(),
        track.slope[:points].copy(),
    )
    return short, result[: min(WIDTH, lanes - first)]


def chances_before(
    some: Float,
    registers: Float,
    length: float,
    packed: Int,
    signals: int,
    tracks: list[Track],
    tolerance: tuple[float, float],
    most: int,
) -> Outcomes:
    """Carry chances from the end of the tracks to their beginning, in place.

    Parameters
    ----------
    some : (slots + 1, lanes)
    registers : (registers, lanes)
    length : float
        Of the tracks [day].
    signals : int
    tolerance : (relative, absolute)
    most : int
        Steps.

    Returns
    -------
    (lanes,) array
        REACHED, or why a lane keeps its numbers.
    """
    outcome = np.empty(some.shape[1], np.int64)
    for index, track in enumerate(tracks):
        part = slice(index * WIDTH, min((index + 1) * WIDTH, some.shape[1]))
        outcome[part] = _chances_block(
            some, registers, index * WIDTH, length, packed, signals, track, tolerance, most
        )
    return outcome


def _chances_block(
    some: Float,
    registers: Float,
    first: int,
    length: float,
    packed: Int,
    signals: int,
    track: Track,
    tolerance: tuple[float, float],
    most: int,
) -> Outcomes:
    """Do one block of :func:`chances_before`."""
    lanes = some.shape[1]
    y, own = np.empty((some.shape[0], WIDTH)), np.zeros((signals, WIDTH))
    table, met = np.empty((registers.shape[0], WIDTH)), np.zeros((WIDTH, 4))
    fill(y, 0, some, first)
    fill(table, 0, registers, first)
    block = block_of(packed, table, own, met)
    control = Control(tolerance[0], np.full(y.shape, tolerance[1]), most, length, explicit())
    result = np.full(WIDTH, RUNNING)
    for i in range(WIDTH):
        if track.length[i] == 0:
            result[i] = STIFF
    step = np.full(WIDTH, FIRST_STEP)
    problem = Problem(backward(), block, track, 0)
    integrate(
        y, (0.0, length), trial(), problem, control, track_of(0, 0), no_outputs(), step, result
    )
    for i in range(min(WIDTH, lanes - first)):
        if met[i, 0] != 0.0:
            result[i] = BROKEN
        if result[i] == REACHED:
            take(some, y, 0, first + i, i)
    return result[: min(WIDTH, lanes - first)]
