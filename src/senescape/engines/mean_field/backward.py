"""The backward equation: the chance that a cell leaves descendants where none should be.

One kernel reads the tables of any Program, as :mod:`.flows` does forward in time.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .flows import (
    ADVANCE_ROW,
    EXIT,
    EXIT_PTR,
    OUTCOME_PTR,
    OUTCOME_ROW,
    PRODUCT,
    PRODUCT_PTR,
    SLOT_PTR,
    TIMED,
    TRANSITION,
    advance_of,
    at,
    chosen_route,
    hazard_of,
    load_environment,
    size,
)

Float = NDArray[np.float64]
Int = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def some_after(index: int, packed: Int, registers: Float, some: Float) -> float:
    """Return the chance that the products of one firing leave a forbidden cell."""
    route = chosen_route(packed, index, registers)
    chance = 0.0
    for o in range(at(packed, OUTCOME_PTR, route), at(packed, OUTCOME_PTR, route + 1)):
        one = 0.0
        for p in range(at(packed, PRODUCT_PTR, o), at(packed, PRODUCT_PTR, o + 1)):
            slot = at(packed, SLOT_PTR, at(packed, PRODUCT, 2 * p))
            cell = min(1.0, max(0.0, some[slot]))
            for _ in range(at(packed, PRODUCT, 2 * p + 1)):
                one += cell - one * cell  # this or that; no digit is lost where both are small
        chance += registers[at(packed, OUTCOME_ROW, o)] * one
    return chance


@njit(cache=True, nogil=True, error_model="numpy")
def _backward_compartment(
    compartment: int,
    some: Float,
    time: float,
    packed: Int,
    registers: Float,
    out: Float,
    worst: Float,
) -> None:
    """Write the slopes of one compartment's slots."""
    loss, gain, shares, timed = 0.0, 0.0, 0.0, 0.0
    for e in range(at(packed, EXIT_PTR, compartment), at(packed, EXIT_PTR, compartment + 1)):
        index = at(packed, EXIT, e)
        hazard = hazard_of(packed, index, registers, time, worst)
        if hazard == 0.0:
            continue
        after = some_after(index, packed, registers, some)
        if at(packed, TRANSITION, 4 * index) == TIMED:
            shares += hazard
            timed += hazard * after
        else:
            loss += hazard
            gain += hazard * after
    advance = advance_of(packed, compartment, registers, time, worst)
    first, end = at(packed, SLOT_PTR, compartment), at(packed, SLOT_PTR, compartment + 1)
    for slot in range(first, end):
        out[slot] = gain - loss * some[slot]
        if slot < end - 1:
            out[slot] += advance * (some[slot + 1] - some[slot])
        elif shares > 0.0:
            out[slot] += advance * (timed / shares - some[slot])


@njit(cache=True, nogil=True, error_model="numpy")
def backward_flows(
    some: Float,
    around: Float,
    time: float,
    packed: Int,
    registers: Float,
    signals: int,
    worst: Float,
) -> Float:
    """Return d(some)/d(time before the end) for every slot, and of the expected immigration.

    Parameters
    ----------
    around : (signals + driving assays,)
        See :func:`.flows.environment_of`.

    Notes
    -----
    With e = 1 - q: de/d(back) = sum over what can happen of hazard * (1 - prod(1 - e_product) - e).
    """
    load_environment(around, time, packed, signals, registers)
    out = np.zeros(some.shape[0])
    for compartment in range(size(packed, ADVANCE_ROW)):
        _backward_compartment(compartment, some, time, packed, registers, out, worst)
    for index in range(size(packed, TRANSITION)):
        if at(packed, TRANSITION, 4 * index + 1) < 0:
            hazard = hazard_of(packed, index, registers, time, worst)
            out[-1] += hazard * some_after(index, packed, registers, some)
    return out
