"""An explicit solver for blocks of lanes in lock-step: Runge-Kutta of order 5 (Tsitouras).

Most scenarios are not stiff. LSODA, restarted at every breakpoint, then spends its time on
starting; this method has no memory, costs nothing to restart, and holds no lock while it runs.
WIDTH lanes step together, each with its own time and its own step; one that has arrived stands
still until the slowest has. Outputs cost no step: they are read off by a polynomial of order 4
between the ends of a step. Where a lane would need many steps (it is stiff) it says so, and another
method takes over.

Coefficients: Ch. Tsitouras (2011), doi:10.1016/j.camwa.2011.06.002; tests/engines/test_explicit.py
checks row sums, order conditions and the order of convergence.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH, lane_exp, lane_log

from .flows import TRANSITION, slots_of
from .flows import size as size_of
from .track import Track
from .wide import Block, gather_environment

Float = NDArray[np.float64]
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
# Of the polynomials that weigh the slopes within a step: theta, theta^2, theta^3, theta^4.
WITHIN = (
    1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216,
    0.0, 0.13169999999999998, -0.2234, 0.1017,
    0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253,
    0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902,
    0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928,
    0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661,
    0.0, 1.5, -4.0, 2.5,
)
# fmt: on

REACHED, STIFF, BROKEN, RUNNING = 0, 1, 2, 3  # outcomes of a lane
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
# Every so many attempts h times the largest eigenvalue is looked at; above BOUND, as often as LOOKS
# one after the other, stability (its limit is 3.5 on the negative axis) keeps the steps short.
LOOK, LOOKS, BOUND = 8, 3, 2.5
FIRST_STEP = 1.0  # [day]: bold, for a step that is refused costs less than a slow start
SHORTEST_STEP = 1e-9


class Problem(NamedTuple):
    """What is integrated.

    Parameters
    ----------
    slope : pointer
        :func:`.pointers.forward` or :func:`.pointers.backward`.
    block : Block
    around : Track
        The environment of chances; none forward in time.
    lent : int
        So many registers of the block are copied behind the rows of the work.
    """

    slope: Any
    block: Block
    around: Track
    lent: int


class Outputs(NamedTuple):
    """Where a solution is read off on the way.

    Parameters
    ----------
    times : (outputs,)
        In order, within the span; none is read where there are no rows.
    path : (outputs, numbers, WIDTH)
        Written, for lanes that reach them.
    """

    times: Float
    path: Float


@njit(cache=True, nogil=True, error_model="numpy")
def outputs_of(times: Float, numbers: int) -> Outputs:
    """Return room for what is read off at these times."""
    return Outputs(times, np.zeros((times.shape[0], numbers, WIDTH)))


class Method(NamedTuple):
    """What the control of steps has to know of a method.

    Parameters
    ----------
    order : float
        Of its error: a step h has an error of h^order.
    within : (4 (STAGES + 1),)
        Of the polynomials that weigh the slopes within a step.
    patience : float
        Steps that may be left to do where stability, not error, decides on their length; with more
        the lane is called stiff. 0: this is not looked at.
    """

    order: float
    within: Float
    patience: float


def explicit(patience: float = 0.0) -> Method:
    """Return what the control of steps has to know of this method."""
    return Method(5.0, np.array(WITHIN), patience)


class Control(NamedTuple):
    """When a step is good enough, and when to give up.

    Parameters
    ----------
    relative : float
    scale : (numbers, WIDTH)
        A step is taken if the root mean square of error / (scale + relative |y|) is at most 1.
    most : int
        Steps, taken or refused, after which the problem is called stiff.
    longest : float
        Longest step [day].
    method : Method
    """

    relative: float
    scale: Float
    most: int
    longest: float
    method: Method


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _combine(y: Float, h: Float, k: Float, first: int, stage: int, rows: int, out: Float) -> None:
    """Write y + h times a weighted sum of the first ``stage`` slopes, for the first ``rows``."""
    for r in range(rows):
        d, base, k0 = out[r], y[r], k[0, r]
        w = WEIGHTS[first]
        for i in range(WIDTH):
            d[i] = w * k0[i]
        for j in range(1, stage):
            w, kj = WEIGHTS[first + j], k[j, r]
            for i in range(WIDTH):
                d[i] += w * kj[i]
        for i in range(WIDTH):
            d[i] = base[i] + h[i] * d[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _end_of_step(y: Float, h: Float, k: Float, trial: Float) -> None:
    """Write the numbers at the end of the step."""
    for r in range(y.shape[0]):
        d, base = trial[r], y[r]
        k0, k1, k2, k3, k4, k5 = k[0, r], k[1, r], k[2, r], k[3, r], k[4, r], k[5, r]
        for i in range(WIDTH):
            total = LAST[0] * k0[i] + LAST[1] * k1[i] + LAST[2] * k2[i] + LAST[3] * k3[i]
            d[i] = base[i] + h[i] * (total + LAST[4] * k4[i] + LAST[5] * k5[i])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _errors(
    y: Float, h: Float, k: Float, trial: Float, scales: Float, relative: float, out: Float
) -> None:
    """Write the error of the step of each lane, in units of what is allowed."""
    for i in range(WIDTH):
        out[i] = 0.0
    for r in range(y.shape[0]):
        own, end, scale = y[r], trial[r], scales[r]
        k0, k1, k2, k3 = k[0, r], k[1, r], k[2, r], k[3, r]
        k4, k5, k6 = k[4, r], k[5, r], k[6, r]
        for i in range(WIDTH):
            total = ERROR[0] * k0[i] + ERROR[1] * k1[i] + ERROR[2] * k2[i] + ERROR[3] * k3[i]
            total = total + ERROR[4] * k4[i] + ERROR[5] * k5[i] + ERROR[6] * k6[i]
            before, after = abs(own[i]), abs(end[i])
            allowed = scale[i] + relative * (before if before > after else after)
            part = h[i] * total / allowed
            out[i] += part * part
    for i in range(WIDTH):
        out[i] = math.sqrt(out[i] / y.shape[0])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _keep(kept: Track, lane: int, x: float, env: Float, env_slope: Float) -> None:
    """Write one point of a lane's environment down."""
    row = kept.length[lane]
    kept.times[row, lane] = x
    for k in range(env.shape[0]):
        kept.path[row, k, lane] = env[k, lane]
        kept.slope[row, k, lane] = env_slope[k, lane]
    kept.length[lane] += 1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _keep_some(kept: Track, which: Outcomes, x: Float, y: Float, k: Float, block: Block) -> None:
    """Write the environment of those lanes down whose step was taken."""
    numbers = kept.path.shape[1]
    env, env_slope = np.empty((numbers, WIDTH)), np.empty((numbers, WIDTH))
    gather_environment(y, block, env)
    gather_environment(k, block, env_slope)  # linear in the numbers: so is its derivative
    for lane in range(WIDTH):
        if which[lane] != 0:
            _keep(kept, lane, x[lane], env, env_slope)


@njit(cache=True, nogil=True, error_model="numpy")
def _look_for_stiffness(work: Work, relative: float, out: Float) -> None:
    """Write h times the size of the largest eigenvalue that a step has met in each lane.

    The last two slopes are taken at the same time at two places: how far they are apart, over how
    far the places are apart; see E. Hairer & G. Wanner (1996), section IV.2.
    """
    y, k, scales = work.y, work.k, work.scale
    apart = np.zeros(WIDTH)
    for i in range(WIDTH):
        out[i] = 0.0
    for r in range(y.shape[0]):
        for i in range(WIDTH):
            place = LAST[5] * k[5, r, i]
            for j in range(5):
                place += (LAST[j] - WEIGHTS[STAGES * 5 + j]) * k[j, r, i]
            weight = 1.0 / (scales[r, i] + relative * abs(y[r, i]))
            slope = (k[6, r, i] - k[5, r, i]) * weight
            out[i] += slope * slope
            apart[i] += place * place * weight * weight
    for i in range(WIDTH):
        out[i] = math.sqrt(out[i] / apart[i]) if apart[i] > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def copy_rows(source: Float, target: Float) -> None:
    """Write all rows of one array over another of its shape.

    Not ``target[:] = source``: Numba would compile the text of a refusal as well, for 2 to 3 s.
    """
    for r in range(target.shape[0]):
        for i in range(target.shape[1]):
            target[r, i] = source[r, i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _accept(work: Work, taken: Outcomes) -> None:
    """Go on from the end of the step in those lanes whose step was taken."""
    y, trial, k = work.y, work.trial, work.k
    count = 0
    for i in range(WIDTH):
        count += taken[i]
    if count == WIDTH:  # nearly always
        copy_rows(trial, y)
        copy_rows(k[STAGES], k[0])
        return
    for r in range(y.shape[0]):
        d, end, k0, k6 = y[r], trial[r], k[0, r], k[STAGES, r]
        for i in range(WIDTH):
            d[i] = end[i] if taken[i] != 0 else d[i]
            k0[i] = k6[i] if taken[i] != 0 else k0[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _read_off(
    outputs: Outputs, index: int, lane: int, part: float, h: float, work: Work, within: Float
) -> None:
    """Write the numbers of a lane at a part (0 to 1) of the step that it has just taken."""
    path, y, k, w = outputs.path, work.y, work.k, within
    # weights in scalars: an array of them would be made for every output
    w0 = part * (w[0] + part * (w[1] + part * (w[2] + part * w[3])))
    w1 = part * (w[4] + part * (w[5] + part * (w[6] + part * w[7])))
    w2 = part * (w[8] + part * (w[9] + part * (w[10] + part * w[11])))
    w3 = part * (w[12] + part * (w[13] + part * (w[14] + part * w[15])))
    w4 = part * (w[16] + part * (w[17] + part * (w[18] + part * w[19])))
    w5 = part * (w[20] + part * (w[21] + part * (w[22] + part * w[23])))
    w6 = part * (w[24] + part * (w[25] + part * (w[26] + part * w[27])))
    for r in range(y.shape[0]):
        total = w0 * k[0, r, lane] + w1 * k[1, r, lane] + w2 * k[2, r, lane] + w3 * k[3, r, lane]
        total = total + w4 * k[4, r, lane] + w5 * k[5, r, lane] + w6 * k[6, r, lane]
        path[index, r, lane] = y[r, lane] + h * total


class Work(NamedTuple):
    """What a step works on: rows of one piece of memory, so that generated code knows their places.

    Parameters
    ----------
    rows : (4 + 3 numbers + 7 slopes + lent registers, WIDTH)
        All of the following, in this order, and registers.
    x, h, now, error : (WIDTH,)
        Of each lane: time and length of the step [day], scratch, its error in units of what is
        allowed.
    y, trial, scale : (numbers, WIDTH)
        Before the step, at its end, and the absolute tolerance.
    k : (7, slopes, WIDTH)
    """

    rows: Float
    x: Float
    h: Float
    now: Float
    error: Float
    y: Float
    trial: Float
    scale: Float
    k: Float


@njit(cache=True, nogil=True, error_model="numpy")
def work_of(y: Float, scale: Float, slopes: int, registers: Float) -> Work:
    """Return room for steps that start from these numbers, with registers behind it."""
    n = y.shape[0]
    end = 4 + 3 * n + (STAGES + 1) * slopes
    rows = np.zeros((end + registers.shape[0], WIDTH))
    copy_rows(registers, rows[end:])
    k = rows[4 + 3 * n : end].reshape((STAGES + 1, slopes, WIDTH))
    work = Work(
        rows,
        *(rows[0], rows[1], rows[2], rows[3]),
        *(rows[4 : 4 + n], rows[4 + n : 4 + 2 * n], rows[4 + 2 * n : 4 + 3 * n]),
        k,
    )
    copy_rows(y, work.y)
    copy_rows(y, work.trial)
    copy_rows(scale, work.scale)
    return work


@njit(cache=True, nogil=True, error_model="numpy")
def attempt(problem: Problem, states: int, relative: float, work: Work) -> None:
    """Try one step of every lane: its slopes, its end and its error; the first slope is given.

    Parameters
    ----------
    states : int
        How many numbers a slope reads.
    relative : float
        Tolerance.
    work : Work
        Written.
    """
    slope, block, around = problem.slope, problem.block, problem.around
    x, h, now, k, trial = work.x, work.h, work.now, work.k, work.trial
    for stage in range(1, STAGES):
        _combine(work.y, h, k, STAGES * stage, stage, states, trial)
        for i in range(WIDTH):
            now[i] = x[i] + NODES[stage] * h[i]
        slope(trial, now, block, around, work.error, k[stage])
    _end_of_step(work.y, h, k, trial)
    for i in range(WIDTH):
        now[i] = x[i] + h[i]
    slope(trial, now, block, around, work.error, k[STAGES])
    _errors(work.y, h, k, trial, work.scale, relative, work.error)


@njit(cache=True, nogil=True, error_model="numpy")
def integrate(
    start: Float,
    span: tuple[float, float],
    attempt: Any,
    problem: Problem,
    control: Control,
    kept: Track,
    outputs: Outputs,
    size: Float,
    outcome: Outcomes,
) -> None:
    """Advance a block of lanes through a span, in place.

    Parameters
    ----------
    start : (numbers, WIDTH)
        Cells, signals, and (only if present) expected firings; or chances. Changed in place.
    attempt : pointer
        To :func:`attempt`, or to what is generated in its place.
    problem : Problem
        Around not empty: chances are carried, the span is of times before the end of each lane's
        track.
    kept : Track
        Room for at least ``control.most + 1`` points, or none.
    outputs : Outputs
    size : (WIDTH,)
        Length of the step that each lane tries first, and would try next [day]; changed in place.
    outcome : (WIDTH,)
        REACHED, STIFF or BROKEN (not finite). A lane that enters with another value than RUNNING
        is left as it is.
    """
    first, last = span
    slope, block, around = problem.slope, problem.block, problem.around
    numbers = start.shape[0]
    backward = around.times.shape[0] > 0
    # expected firings drive nothing: no stage needs them, and ``y`` may come without them
    states = numbers if backward else slots_of(block.packed) + block.supply.shape[0]
    rows = numbers if backward else states + size_of(block.packed, TRANSITION)
    work = work_of(start, control.scale, rows, block.registers[: problem.lent])
    x, h, y, k, error = work.x, work.h, work.y, work.k, work.error
    taken = np.zeros(WIDTH, np.int64)
    ends, factor = np.zeros(WIDTH, np.int64), np.empty(WIDTH)
    times, seen = outputs.times, np.zeros(WIDTH, np.int64)
    met = block.worst.copy()
    within, power = control.method.within, -1.0 / control.method.order
    bound, tight = np.empty(WIDTH), np.zeros(WIDTH, np.int64)
    for i in range(WIDTH):
        size[i] = min(size[i], control.longest)
        x[i] = first
    slope(y, x, block, around, error, k[0])
    recording = kept.times.shape[0] > 0
    if recording:
        for lane in range(WIDTH):
            taken[lane] = 1
        _keep_some(kept, taken, x, y, k[0], block)
    nearly = last - 1e-12 * max(1.0, abs(last))
    for attempts in range(control.most):
        running = False
        for i in range(WIDTH):
            runs = outcome[i] == RUNNING
            running |= runs
            ends[i] = 1 if x[i] + size[i] >= nearly else 0
            step = last - x[i] if ends[i] != 0 else size[i]
            h[i] = step if runs else 0.0
        if not running:
            break
        attempt(problem, states, control.relative, work)
        if control.method.patience > 0.0 and attempts % LOOK == LOOK - 1:
            _look_for_stiffness(work, control.relative, bound)
            for i in range(WIDTH):
                tight[i] = tight[i] + 1 if bound[i] > BOUND else 0
                left = (last - x[i]) / max(size[i], SHORTEST_STEP)
                if outcome[i] == RUNNING and tight[i] >= LOOKS and left > control.method.patience:
                    outcome[i] = STIFF
        for i in range(WIDTH):
            limited = error[i] if error[i] > 1e-10 else 1e-10
            factor[i] = SAFETY * lane_exp(power * lane_log(limited))
        for i in range(WIDTH):
            runs = outcome[i] == RUNNING
            taken[i] = 1 if runs and error[i] <= 1.0 else 0
            if runs and not math.isfinite(error[i]):
                if h[i] < SHORTEST_STEP:
                    outcome[i] = BROKEN
                size[i] = h[i] * SHRINK
            elif runs:
                if taken[i] != 0:
                    end = last if ends[i] != 0 else x[i] + h[i]
                    while seen[i] < times.shape[0] and times[seen[i]] <= end:
                        part = (times[seen[i]] - x[i]) / h[i]
                        _read_off(outputs, seen[i], i, part, h[i], work, within)
                        seen[i] += 1
                    x[i] = end
                    if ends[i] != 0:
                        outcome[i] = REACHED
                step = h[i] * min(GROW, max(SHRINK, factor[i]))
                if ends[i] != 0 and taken[i] != 0:  # cut short by the end: no reason to be timid
                    step = max(step, size[i])
                size[i] = min(control.longest, step)
        _accept(work, taken)
        for i in range(WIDTH):  # a bad hazard on the way to a refused step is none
            if block.worst[i, 0] != 0.0:
                for c in range(4):
                    if taken[i] != 0:
                        met[i, c] = block.worst[i, c]
                    else:
                        block.worst[i, c] = met[i, c]
        if recording:
            _keep_some(kept, taken, x, y, k[0], block)
    for i in range(WIDTH):
        if outcome[i] == RUNNING:
            outcome[i] = STIFF
    copy_rows(y, start)
