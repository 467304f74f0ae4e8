"""A step for stiff networks: the Rosenbrock method RODAS4, of order 4, for a block of lanes.

Six stages, each the solution of a linear system with one matrix, I / gamma - h J, that is
factorised once a step. Rates, derivatives, factors and solutions are rows of tapes
(:mod:`.derivatives`, :mod:`.elimination`), so that lanes go through them together as through a
right-hand side. L-stable: what decays at once needs no short steps.

Coefficients: E. Hairer & G. Wanner, Solving Ordinary Differential Equations II (1996), section
IV.7, for slopes in place of increments; tests/engines/test_rosenbrock.py checks the order of
convergence of the steps (4) and of what is read between them (3).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.lane_math import WIDTH

from .compact import Layout
from .derivatives import NoDerivative, derivatives
from .elimination import Matrix, factors, solution
from .explicit import Method, Problem, Work
from .flows import FACTORS, PLACES, SOLUTION, at, table_of
from .rows import ZERO, Name, Rows, TooManyRows, constants_of, numbered

Float = NDArray[np.float64]
Int = NDArray[np.int32]

STAGES = 6
GAMMA = 0.25
NODES = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
TIMES = (0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0)  # of df/dt
# fmt: off
LAST = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895, 1.0, 1.0)
WEIGHTS = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    1.544, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0, 0.0,
    3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0, 0.0,
    1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895, 0.0, 0.0,
    1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895, 1.0, 0.0,
)
COUPLING = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    -5.6688, 0.0, 0.0, 0.0, 0.0, 0.0,
    -2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0, 0.0,
    -0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0, 0.0,
    7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616, 0.0, 0.0,
    8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
    -6.058818238834054, 0.0,
)
BETWEEN = (
    (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823,
     1.025137723295662, 0.0),
    (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386,
     -6.594389125716872, 0.0),
)
# fmt: on
# y + h theta (sum of LAST k + (1 - theta) (BETWEEN[0] k + theta BETWEEN[1] k)), as polynomials
WITHIN = tuple(
    x
    for end, first, second in zip(LAST, *BETWEEN, strict=True)
    for x in (end + first, second - first, -second, 0.0)
) + (0.0, 0.0, 0.0, 0.0)

# Rows beyond which a network is left to LSODA: the factors of a full matrix of forty numbers.
MOST_ROWS = 40_000
# Of PLACES: first registers of the step, of right-hand sides, of solutions, of rates, of df/dt.
STEP, RIGHT, FOUND, RATE, MOVING = range(5)


class Stiff(NamedTuple):
    """A network laid out for implicit steps.

    Parameters
    ----------
    layout : Layout
        That of its right-hand side, whose registers come first.
    packed : (n,)
        See :func:`.flows.packed_of`.
    factors : (rows, 5)
        A tape from numbers, time and step to rates, df/dt and the factors of the matrix.
    solution : (rows, 5)
        A tape from a right-hand side to the solution.
    places : (5,)
        First registers: see STEP and the following.
    constants : dict
        Numbers in further registers.
    registers : int
    """

    layout: Layout
    packed: Int
    factors: Int
    solution: Int
    places: Int
    constants: dict[int, float]
    registers: int

    def registers_of(self, registers: Float, least: int = 0) -> Float:
        """Return the registers of all lanes, at least so many, given those of the Program."""
        made = self.layout.registers_of(registers, max(self.registers, least))
        for register, value in self.constants.items():
            made[register] = value
        return made


def stiff_of(program: Program, layout: Layout) -> Stiff | None:
    """Return a network laid out for implicit steps, or None where that is too long or unknown."""
    numbers, kept = len(layout.law), len(layout.kept)
    first = Rows(most=MOST_ROWS)
    step: Name = ("step", 0.0)
    try:
        own = derivatives(layout, first)
        backwards = first.subtract(ZERO, step)
        matrix: Matrix = {(i, i): ("k", 1.0 / GAMMA) for i in range(numbers)}
        for i, slopes in enumerate(own.slope):
            for j, slope in slopes.items():
                if j < numbers:
                    entry = first.times(backwards, slope)
                    matrix[i, j] = first.add(matrix.get((i, j), ZERO), entry)
            first.write(("rate", i), own.rate[i])
            first.write(("moving", i), slopes.get(numbers, ZERO))
        parts = factors(matrix, numbers, first)
        second = Rows(letter="s", most=MOST_ROWS)
        found = solution(parts, [("right", i) for i in range(numbers)], second)
        for i in range(numbers):
            second.write(("found", i), found[i])
    except (NoDerivative, TooManyRows):
        return None
    place: dict[Name, int] = {("in", r): r for r in range(kept)}
    place |= {("k", v): kept + i for i, v in enumerate(layout.constants.tolist())}
    count = layout.registers
    more = {}
    for value in constants_of([*first.rows, *second.rows]):
        if ("k", value) not in place:
            place["k", value], more[count] = count, value
            count += 1
    places = []
    for kind, size in zip(
        ("step", "right", "found", "rate", "moving"), (1, *[numbers] * 4), strict=True
    ):
        places.append(count)
        place |= {(kind, i): count + i for i in range(size)}
        count += size
    for name in sorted(parts.names - set(place)):
        place[name], count = count, count + 1
    tapes, ends = [], []
    for rows in (first.rows, second.rows):
        tape, end, _ = numbered(rows, place, count)
        tapes.append(tape)
        ends.append(end)
    starts = np.array(places, np.int32)
    packed = layout.packed_with(program, (tapes[0], tapes[1], starts))
    return Stiff(layout, packed, tapes[0], tapes[1], starts, more, max(ends))


def implicit() -> Method:
    """Return what the control of steps has to know of this method."""
    return Method(4.0, np.array(WITHIN), 0.0)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sum(
    weights: tuple[float, ...], first: int, stages: int, k: Float, row: int, out: Float
) -> None:
    """Write a weighted sum of the first slopes of a number into the last row of ``out``."""
    for i in range(WIDTH):
        out[i] = weights[first] * k[0, row, i]
    for j in range(1, stages):
        w = weights[first + j]
        for i in range(WIDTH):
            out[i] += w * k[j, row, i]


@njit(cache=True, nogil=True, error_model="numpy")
def attempt(problem: Problem, states: int, relative: float, work: Work) -> None:
    """Try one step of every lane; see :func:`.explicit.attempt`."""
    block = problem.block
    packed, registers = block.packed, block.registers
    step, right = at(packed, PLACES, STEP), at(packed, PLACES, RIGHT)
    found, rate = at(packed, PLACES, FOUND), at(packed, PLACES, RATE)
    moving = at(packed, PLACES, MOVING)
    x, h, now, y, k, trial = work.x, work.h, work.now, work.y, work.k, work.trial
    total = work.error
    for i in range(WIDTH):
        for r in range(states):
            registers[r, i] = y[r, i]
        registers[states, i] = x[i]
        registers[step, i] = h[i]
    tape, solve = table_of(packed, FACTORS, 5), table_of(packed, SOLUTION, 5)
    block.read(tape, 0, tape.shape[0], registers)
    for stage in range(STAGES):
        if stage > 0:
            for r in range(states):
                _sum(WEIGHTS, STAGES * stage, stage, k, r, total)
                for i in range(WIDTH):
                    trial[r, i] = y[r, i] + h[i] * total[i]
            for i in range(WIDTH):
                now[i] = x[i] + NODES[stage] * h[i]
            problem.slope(trial, now, block, problem.around, total, k[STAGES])
        for r in range(states):
            for i in range(WIDTH):
                f = registers[rate + r, i] if stage == 0 else k[STAGES, r, i]
                registers[right + r, i] = f + TIMES[stage] * h[i] * registers[moving + r, i]
            if stage > 0:
                _sum(COUPLING, STAGES * stage, stage, k, r, total)
                for i in range(WIDTH):
                    registers[right + r, i] += total[i]
        block.read(solve, 0, solve.shape[0], registers)
        for r in range(states):
            for i in range(WIDTH):
                k[stage, r, i] = registers[found + r, i]
    for r in range(states):
        _sum(LAST, 0, STAGES, k, r, total)
        for i in range(WIDTH):
            trial[r, i] = y[r, i] + h[i] * total[i]
    _errors(work, relative)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _errors(work: Work, relative: float) -> None:
    """Write the error of the step of each lane, in units of what is allowed: the last increment."""
    y, trial, k, h = work.y, work.trial, work.k, work.h
    out, scales = work.error, work.scale
    for i in range(WIDTH):
        out[i] = 0.0
    for r in range(y.shape[0]):
        for i in range(WIDTH):
            before, after = abs(y[r, i]), abs(trial[r, i])
            allowed = scales[r, i] + relative * (before if before > after else after)
            part = h[i] * k[STAGES - 1, r, i] / allowed
            out[i] += part * part
    for i in range(WIDTH):
        out[i] = math.sqrt(out[i] / y.shape[0])
