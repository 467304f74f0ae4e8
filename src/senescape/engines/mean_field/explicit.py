"""An explicit solver for many lanes at once: Runge-Kutta of order 5 (Tsitouras), compiled once.

Most scenarios are not stiff. LSODA, restarted at every output, then spends its time on starting;
this method has no memory, costs nothing to restart, and holds no lock while it runs. Where it
would need many steps (stiff lanes) it says so, and LSODA takes over.

Coefficients: Ch. Tsitouras (2011), doi:10.1016/j.camwa.2011.06.002; tests/engines/test_explicit.py
checks row sums, order conditions and the order of convergence.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .backward import backward_flows
from .flows import flows

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Outcomes = NDArray[np.int64]

STAGES = 6
NODES = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0)
# fmt: off
WEIGHTS = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.161, 0.0, 0.0, 0.0, 0.0, 0.0,
    -0.008480655492356989, 0.335480655492357, 0.0, 0.0, 0.0, 0.0,
    2.8971530571054935, -6.359448489975075, 4.3622954328695815, 0.0, 0.0, 0.0,
    5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525, 0.0, 0.0,
    5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401,
    -0.028269050394068383, 0.0,
)
LAST = (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081,
        2.324710524099774)
ERROR = (-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995,
         -0.1447110071732629, 0.5823571654525552, -0.45808210592918697, 0.015151515151515152)
# fmt: on

REACHED, STIFF, BROKEN, FULL = 0, 1, 2, 3  # outcomes of a lane
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
FIRST_STEP = 1.0  # [day]


class Track(NamedTuple):
    """A solution at the ends of its steps; no steps: there is none.

    Parameters
    ----------
    times : (steps,)
        In order [day].
    path, slope : (steps, states)
        Cells and signals, and their derivatives.
    """

    times: Float
    path: Float
    slope: Float


class Lane(NamedTuple):
    """What the right-hand side of one lane reads; see :func:`.flows.flows`."""

    packed: Int
    registers: Float
    supply: Float
    worst: Float


class Control(NamedTuple):
    """When a step is good enough, and when to give up.

    Parameters
    ----------
    relative : float
    scale : (states,)
        A step is taken if the root mean square of error / (scale + relative |y|) is at most 1.
    most : int
        Steps, taken or refused, after which the problem is called stiff.
    longest : float
        Longest step [day].
    """

    relative: float
    scale: Float
    most: int
    longest: float


def no_track() -> Track:
    """Return the track of nothing."""
    return Track(np.empty(0), np.empty((0, 0)), np.empty((0, 0)))


def empty_track(steps: int, states: int) -> Track:
    """Return room for a track."""
    return Track(np.empty(steps), np.empty((steps, states)), np.empty((steps, states)))


@njit(cache=True, nogil=True, error_model="numpy")
def environment_at(time: float, track: Track, y: Float) -> None:
    """Write a recorded solution at a time into ``y``: cubic Hermite between the steps."""
    last = len(track.times) - 1
    right = min(max(int(np.searchsorted(track.times, time)), 1), last)
    left = right - 1
    h = track.times[right] - track.times[left]
    s = (time - track.times[left]) / h
    a, b = (1.0 + 2.0 * s) * (1.0 - s) ** 2, s * (1.0 - s) ** 2 * h
    c, d = s * s * (3.0 - 2.0 * s), s * s * (s - 1.0) * h
    for i in range(len(y)):
        here = a * track.path[left, i] + b * track.slope[left, i]
        y[i] = here + c * track.path[right, i] + d * track.slope[right, i]


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(y: Float, x: float, lane: Lane, around: Track, scratch: Float) -> Float:
    """Return dy/dx: forward in time, or (where an environment is given) of chances backward."""
    if len(around.times) == 0:
        return flows(y, x, lane.packed, lane.registers, lane.supply, lane.worst)
    time = around.times[-1] - x
    environment_at(time, around, scratch)
    signals = len(lane.supply)
    return backward_flows(y, scratch, time, lane.packed, lane.registers, signals, lane.worst)


@njit(cache=True, nogil=True, error_model="numpy")
def _try_step(
    y: Float,
    x: float,
    h: float,
    k: Float,
    trial: Float,
    lane: Lane,
    control: Control,
    around: Track,
    scratch: Float,
) -> float:
    """Fill the stages and the trial point; return the error in units of what is allowed."""
    n = len(y)
    for stage in range(1, STAGES):
        for i in range(n):
            total = 0.0
            for j in range(stage):
                total += WEIGHTS[STAGES * stage + j] * k[j, i]
            trial[i] = y[i] + h * total
        k[stage] = _slope(trial, x + NODES[stage] * h, lane, around, scratch)
    for i in range(n):
        total = 0.0
        for j in range(STAGES):
            total += LAST[j] * k[j, i]
        trial[i] = y[i] + h * total
    k[STAGES] = _slope(trial, x + h, lane, around, scratch)
    error = 0.0
    for i in range(n):
        total = 0.0
        for j in range(STAGES + 1):
            total += ERROR[j] * k[j, i]
        allowed = control.scale[i] + control.relative * max(abs(y[i]), abs(trial[i]))
        error += (h * total / allowed) ** 2
    return math.sqrt(error / n)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(kept: Track, row: int, x: float, y: Float, slope: Float) -> None:
    """Write one point of a solution down."""
    states = kept.path.shape[1]
    kept.times[row], kept.path[row], kept.slope[row] = x, y[:states], slope[:states]


@njit(cache=True, nogil=True, error_model="numpy")
def integrate(
    y: Float,
    first: float,
    last: float,
    lane: Lane,
    control: Control,
    around: Track,
    kept: Track,
) -> tuple[int, int]:
    """Advance ``y`` from ``first`` to ``last`` in place.

    Parameters
    ----------
    around : Track
        Not empty: ``y`` are chances, ``first`` and ``last`` times before the end of this track.
    kept : Track
        Room for the solution, or empty.

    Returns
    -------
    tuple
        REACHED, STIFF, BROKEN (not finite) or FULL (no room to keep more), and points kept.
    """
    k = np.empty((STAGES + 1, len(y)))
    trial, scratch, x = np.empty(len(y)), np.empty(around.path.shape[1]), first
    k[0] = _slope(y, x, lane, around, scratch)
    # bold: a step that is refused costs less than a slow start at every output
    h = min(FIRST_STEP, last - first, control.longest)
    points = 0
    if len(kept.times) > 0:
        _keep(kept, 0, x, y, k[0])
        points = 1
    for _ in range(control.most):
        ends = x + h >= last - 1e-12 * max(1.0, abs(last))
        h = last - x if ends else h
        error = _try_step(y, x, h, k, trial, lane, control, around, scratch)
        if not math.isfinite(error):
            if h < 1e-9:
                return BROKEN, points
            h *= SHRINK
            continue
        if error <= 1.0:
            x = last if ends else x + h
            y[:], k[0] = trial, k[STAGES]
            if points > 0:
                if points == len(kept.times):
                    return FULL, points
                _keep(kept, points, x, y, k[0])
                points += 1
            if ends:
                return REACHED, points
        h *= min(GROW, max(SHRINK, SAFETY * max(error, 1e-10) ** -0.2))
        h = min(h, control.longest)
    return STIFF, points


@njit(cache=True, nogil=True, error_model="numpy")
def signal_scale(scale: Float, slots: int, signal: Float, supply: Float, duration: float) -> None:
    """Make the tolerance of each signal relative to its own size, in place."""
    for i in range(len(signal)):
        scale[slots + i] *= max(abs(signal[i]) + abs(supply[i]) * duration, 1e-6)


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes(
    counts: Float,
    signal: Float,
    tally: Float,
    registers: Float,
    supply: Float,
    span: tuple[float, float],
    packed: Int,
    tolerance: tuple[float, float],
    most: int,
    worst: Float,
    outcome: Outcomes,
) -> None:
    """Advance every lane; a lane that is not REACHED, or met a bad hazard, keeps its numbers.

    Parameters
    ----------
    counts, signal, tally, registers, supply : (rows, lanes)
    span : (first, last)
        [day]
    tolerance : (relative, absolute)
    worst : (lanes, 4)
        Worst hazard met in each lane.
    outcome : (lanes,)
        Written.
    """
    first, last = span
    slots, signals = counts.shape[0], signal.shape[0]
    y = np.empty(slots + signals + tally.shape[0])
    none = Track(np.empty(0), np.empty((0, 0)), np.empty((0, 0)))
    for i in range(counts.shape[1]):
        own = np.ascontiguousarray(supply[:, i])
        y[:slots], y[slots : slots + signals] = counts[:, i], signal[:, i]
        y[slots + signals :] = 0.0
        scale = np.full(len(y), tolerance[1])
        signal_scale(scale, slots, y[slots : slots + signals], own, last - first)
        lane = Lane(packed, np.ascontiguousarray(registers[:, i]), own, worst[i])
        control = Control(tolerance[0], scale, most, last - first)
        outcome[i], _ = integrate(y, first, last, lane, control, none, none)
        if outcome[i] == REACHED and worst[i, 0] == 0.0:
            counts[:, i], signal[:, i] = y[:slots], y[slots : slots + signals]
            tally[:, i] += y[slots + signals :]
