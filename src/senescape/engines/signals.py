"""Linear signals in closed form: drugs, damage, what cells secrete.

x' = A x + u with A and u constant over an interval is solved by its Taylor series on sub-intervals
on which the norm of A is below one half: exact to rounding for any A, with no special case for
equal rates (the ka = ke limit of Bateman).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
Int = NDArray[np.int32]

TERMS = 16
LARGEST_NORM = 1e6


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def derivative(coupling: Int, registers: Float, x: Float, supply: Float, out: Float) -> None:
    """Write A x + supply into ``out``; constant terms of the law are part of A's table."""
    n = x.shape[0]
    for i in range(n):
        out[i] = supply[i]
    for k in range(coupling.shape[0]):
        i = coupling[k, 0]
        j = coupling[k, 1]
        value = registers[coupling[k, 2]]
        out[i] += value if j < 0 else value * x[j]


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def norm(coupling: Int, registers: Float) -> float:
    """Return an upper bound of the norm of A [1/day]."""
    total = 0.0
    for k in range(coupling.shape[0]):
        if coupling[k, 1] >= 0:
            total += abs(registers[coupling[k, 2]])
    return total


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def propagate(
    coupling: Int, registers: Float, x: Float, supply: Float, step: float, work: Float
) -> None:
    """Advance the signals of one lane by ``step`` days, in place.

    Parameters
    ----------
    registers : (register_count,)
        Of this lane.
    x, supply : (signals,)
        Values, and constant input (infusion plus secretion).
    work : (2, signals)
        Scratch.
    """
    n = x.shape[0]
    if n == 0 or step <= 0.0:
        return
    size = min(norm(coupling, registers) * step, LARGEST_NORM)
    parts = max(1, int(math.ceil(2.0 * size)))
    h = step / parts
    term = work[0]
    new = work[1]
    for _ in range(parts):
        derivative(coupling, registers, x, supply, term)
        for i in range(n):
            term[i] *= h
            x[i] += term[i]
        for order in range(2, TERMS):
            for i in range(n):
                new[i] = 0.0
            largest = 0.0
            for k in range(coupling.shape[0]):
                j = coupling[k, 1]
                if j >= 0:
                    new[coupling[k, 0]] += registers[coupling[k, 2]] * term[j]
            for i in range(n):
                term[i] = new[i] * h / order
                x[i] += term[i]
                largest = max(largest, abs(term[i]) - 1e-18 * abs(x[i]))
            if largest <= 0.0:
                break


@njit(cache=True, nogil=True, error_model="numpy")
def secreted(secretion: Int, registers: Float, assay_row: int, base: Float, supply: Float) -> None:
    """Write ``base`` plus what the cells secrete now into ``supply`` (assay registers are read)."""
    for i in range(base.shape[0]):
        supply[i] = base[i]
    for k in range(secretion.shape[0]):
        total = registers[assay_row + secretion[k, 1]]
        supply[secretion[k, 0]] += registers[secretion[k, 2]] * total


@njit(cache=True, nogil=True, error_model="numpy")
def load_totals(
    weight: Int, slot_ptr: Int, assay_row: int, assays: int, counts: Float, registers: Float
) -> None:
    """Compute every assay of every lane from the counts, into the assay registers."""
    lanes = counts.shape[1]
    for a in range(assays):
        row = registers[assay_row + a]
        for lane in range(lanes):
            row[lane] = 0.0
    for k in range(weight.shape[0]):
        row = registers[assay_row + weight[k, 0]]
        value = registers[weight[k, 2]]
        for slot in range(slot_ptr[weight[k, 1]], slot_ptr[weight[k, 1] + 1]):
            cells = counts[slot]
            for lane in range(lanes):
                row[lane] += value[lane] * cells[lane]


@njit(cache=True, nogil=True, error_model="numpy")
def propagate_lanes(
    coupling: Int, registers: Float, x: Float, supply: Float, step: Float, work: Float
) -> None:
    """Advance the signals of a block of lanes, each by its own step; the bytes of a lane alone.

    Parameters
    ----------
    registers, x, supply : (registers or signals, WIDTH)
    step : (WIDTH,)
        0 in a lane that waits.
    work : (2 signals + 4, WIDTH)
        Scratch.
    """
    n = x.shape[0]
    if n == 0:
        return
    size, h, parts, largest = work[2 * n], work[2 * n + 1], work[2 * n + 2], work[2 * n + 3]
    for i in range(WIDTH):
        size[i] = 0.0
    for k in range(coupling.shape[0]):
        if coupling[k, 1] >= 0:
            value = registers[coupling[k, 2]]
            for i in range(WIDTH):
                size[i] += abs(value[i])
    most = 0.0
    for i in range(WIDTH):
        bound = size[i] * step[i]
        bound = bound if bound < LARGEST_NORM else LARGEST_NORM
        cuts = np.ceil(2.0 * bound)
        parts[i] = cuts if cuts > 1.0 else 1.0
        size[i] = step[i] / parts[i]
    for i in range(WIDTH):
        most = max(most, parts[i])
    for part in range(int(most)):
        for i in range(WIDTH):
            h[i] = size[i] if part < parts[i] else 0.0
        for j in range(n):
            term, given = work[j], supply[j]
            for i in range(WIDTH):
                term[i] = given[i]
        for k in range(coupling.shape[0]):
            term, value = work[coupling[k, 0]], registers[coupling[k, 2]]
            if coupling[k, 1] < 0:
                for i in range(WIDTH):
                    term[i] += value[i]
            else:
                own = x[coupling[k, 1]]
                for i in range(WIDTH):
                    term[i] += value[i] * own[i]
        for j in range(n):
            term, own = work[j], x[j]
            for i in range(WIDTH):
                term[i] *= h[i]
                own[i] += term[i]
        for order in range(2, TERMS):
            for j in range(n):
                new = work[n + j]
                for i in range(WIDTH):
                    new[i] = 0.0
            for k in range(coupling.shape[0]):
                if coupling[k, 1] >= 0:
                    new, value = work[n + coupling[k, 0]], registers[coupling[k, 2]]
                    term = work[coupling[k, 1]]
                    for i in range(WIDTH):
                        new[i] += value[i] * term[i]
            for i in range(WIDTH):
                largest[i] = 0.0
            for j in range(n):
                term, new, own = work[j], work[n + j], x[j]
                for i in range(WIDTH):
                    term[i] = new[i] * h[i] / order
                    own[i] += term[i]
                    excess = abs(term[i]) - 1e-18 * abs(own[i])
                    largest[i] = excess if excess > largest[i] else largest[i]
            going = 0
            for i in range(WIDTH):
                # a lane that is done stands still, as it does alone
                h[i] = h[i] if largest[i] > 0.0 else 0.0
                going += 1 if largest[i] > 0.0 else 0
            if going == 0:
                break
