"""Where the points of a channel's Poisson random measure lie: the same in every arm.

A channel (a transition, or the advance of one stage) has points in the plane of what its clock
shows and height, one a unit of area on average. The heights are cut into strips that double in
width, the lowest being [0, BASE); within a strip the points come one after the other as a unit-rate
Poisson process of width times the clock's time. Each strip is drawn in windows of WINDOW points on
average, each from a key of its own (lane, channel, strip, window), so that any window can be drawn
without those before it and no point depends on which of them somebody has looked at.

Windows are as long as a power of two, so that places are the same to the last bit from anywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from senescape.lane_math import lane_log
from senescape.rng import absorb, draw_key, uniform

# Heights are hazards [1/day]: once in a thousand days is well below what fires often, and a strip
# of that width costs next to nothing.
BASE = 2.0**-10
STRIPS = 60
HIGHEST = BASE * 2.0 ** (STRIPS - 1)
WINDOW = 4.0
# a table: a power costs more than all else that is done to a channel between two events
WIDTH = np.array([BASE, *(BASE * 2.0**strip for strip in range(STRIPS))])
FLOOR = np.array([0.0, *WIDTH[1:]])

# Draws of a point: the gap before it, its height, which stage, which outcome.
DRAWS, HEIGHT, STAGE, OUTCOME = 4, 1, 2, 3

# Domains of keys: apart from each other, and from what else is keyed by the lane's own key.
OF_TRANSITION, OF_STAGE = 0x7457494E, 0x53544147


@njit(cache=True, nogil=True, error_model="numpy")
def channel_key(key: int, domain: int, number: int, stage: int) -> int:
    """Return the key of a channel of a lane; ``number``: of the transition or compartment."""
    return draw_key(absorb(key, domain), number, stage, 0)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def strip_floor(strip: int) -> float:
    """Return the lowest height of a strip."""
    return FLOOR[strip]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def strip_width(strip: int) -> float:
    """Return the width of a strip: as much as all strips below it together."""
    return WIDTH[strip]


@njit(cache=True, nogil=True, error_model="numpy")
def point_height(key: int, strip: int, window: int, index: int) -> float:
    """Return the height of a point; ``key``: of its channel."""
    own = draw_key(key, window, strip, 0)
    return strip_floor(strip) + strip_width(strip) * uniform(own, DRAWS * index + HEIGHT)


@njit(cache=True, nogil=True, error_model="numpy")
def next_point(
    key: int, strip: int, window: int, index: int, place: float
) -> tuple[int, int, float]:
    """Return (window, index, place) of the point of a strip after the given one.

    Index -1 with the begin of a window as its place stands for the begin of that window.
    """
    width = strip_width(strip)
    length = WINDOW / width
    while True:
        own = draw_key(key, window, strip, 0)
        index += 1
        place -= lane_log(uniform(own, DRAWS * index)) / width
        if place < (window + 1) * length:
            return window, index, place
        # the process has no memory: what lies beyond is drawn by the next window
        window, index, place = window + 1, -1, (window + 1) * length


@njit(cache=True, nogil=True, error_model="numpy")
def first_point(key: int, strip: int, after: float) -> tuple[int, int, float]:
    """Return (window, index, place) of the first point of a strip beyond a time of its clock."""
    length = WINDOW / strip_width(strip)
    window = int(math.floor(after / length))
    index, place = -1, window * length
    while True:
        window, index, place = next_point(key, strip, window, index, place)
        if place > after:
            return window, index, place
