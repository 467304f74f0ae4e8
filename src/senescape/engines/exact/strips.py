"""What a clock needs between two of its strikes: its strips, its bounds, who is exposed to it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .points import HIGHEST, STRIPS, first_point, strip_floor
from .trees import leaves_for

Float = NDArray[np.float64]
Int = NDArray[np.int32]
Places = NDArray[np.int64]


class Strips(NamedTuple):
    """Room for the clocks of one lane.

    Parameters
    ----------
    bound, sure : (channels,)
        Heights below which a point may be, and below which it is an event.
    cells : (channels,)
        How fast a clock runs.
    when : (leaves,)
        Time of the next point; infinity: none.
    first : (2 * leaves,)
        Which channel comes first, in a tree.
    top, nearest : (channels,)
        Number of strips that are looked at, and which of them has the next point.
    window, number, place : (channels, STRIPS)
        Next point of each strip.
    which : (1 + most_changed * channels,)
        Channels to be looked at.
    totals : (compartments,)
    changed : (most_changed + 1,)
        How many slots an event touches, then which.
    found : (rates,)
    """

    bound: Float
    sure: Float
    cells: Float
    when: Float
    first: Places
    top: Places
    nearest: Places
    window: Places
    number: Places
    place: Float
    which: Places
    totals: Float
    changed: Places
    found: Places


@njit(cache=True, nogil=True, error_model="numpy")
def new_strips(channels: int, compartments: int, rates: int, most_changed: int) -> Strips:
    """Return room for the clocks of a lane."""
    leaves = leaves_for(channels)
    return Strips(
        np.zeros(channels), np.zeros(channels), np.zeros(channels), np.zeros(leaves),
        np.zeros(2 * leaves, np.int64), np.zeros(channels, np.int64), np.zeros(channels, np.int64),
        np.empty((channels, STRIPS), np.int64), np.empty((channels, STRIPS), np.int64),
        np.empty((channels, STRIPS)), np.zeros(1 + most_changed * channels, np.int64),
        np.zeros(compartments), np.zeros(most_changed + 1, np.int64), np.zeros(rates, np.int64),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def raise_strips(
    key: int, bound: float, lived: float, top: int, window: Float, index: Float, place: Float
) -> int:
    """Look up the next point of every strip that reaches below ``bound``; return their number."""
    while top < STRIPS and strip_floor(top) < bound:
        window[top], index[top], place[top] = first_point(key, top, lived)
        top += 1
    return top


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def nearest_strip(place: Float, top: int) -> int:
    """Return the strip whose next point comes first; 0 where there is none."""
    nearest = 0
    for strip in range(1, top):
        if place[strip] < place[nearest]:
            nearest = strip
    return nearest


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def strike_time(
    place: Float, top: int, nearest: int, shown: float, since: float, speed: float
) -> float:
    """Return when a clock reaches the next point of its strips; infinity: never."""
    if speed == 0.0 or top == 0:
        return math.inf
    return since + (place[nearest] - shown) / speed


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def grid_end(time: float, speed: float) -> float:
    """Return the next multiple of the largest power of two below half the signals' time scale."""
    width = 2.0 ** math.floor(math.log2(0.5 / speed))
    return (math.floor(time / width) + 1.0) * width


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def expose(
    which: Places, number: int, home: Int, source: Int, rate_row: Int, fixed: Int, least: Float,
    most: Float, counts: Float, totals: Float, daily: bool, bound: Float, sure: Float, cells: Float,
) -> bool:  # fmt: skip
    """Write bounds and speeds of some channels; False: one of them has no bound.

    ``daily``: clocks run by the calendar, and heights are hazards times cells.
    """
    transitions, bounded = most.shape[0] - totals.shape[0], True
    for n in range(number):
        k = which[n]
        rate, exposed = k, 1.0
        if k >= transitions:
            rate, exposed = transitions + home[k - transitions], counts[k - transitions]
        elif source[k] >= 0:
            exposed = totals[source[k]]
        if rate_row[rate] < 0:
            exposed = 0.0
        height = exposed if daily else 1.0
        cells[k] = 1.0 if daily else exposed
        bound[k], sure[k] = 0.0, math.inf  # where a hazard stands still, its bound says all
        if exposed > 0.0:
            bound[k] = most[rate] * height
            if not fixed[rate]:
                sure[k] = least[rate] * height
            bounded = bounded and bound[k] * max(1.0, cells[k]) < HIGHEST
    return bounded


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def touched(
    changed: Places, home: Int, leave_ptr: Int, leave: Int, slot_ptr: Int, transitions: int,
    counts: Float, totals: Float, which: Places, number: int,
) -> int:  # fmt: skip
    """Bring totals up to date after an event and list the channels out of what it has touched."""
    for n in range(1, changed[0] + 1):
        slot = changed[n]
        compartment, total = home[slot], 0.0
        for s in range(slot_ptr[compartment], slot_ptr[compartment + 1]):
            total += counts[s]
        totals[compartment] = total
        which[number] = transitions + slot
        number += 1
        for e in range(leave_ptr[compartment], leave_ptr[compartment + 1]):
            which[number] = leave[e]
            number += 1
    return number
