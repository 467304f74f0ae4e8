"""The environment of a block of lanes: recorded forward in time, read by the backward equation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
Outcomes = NDArray[np.int64]


class Track(NamedTuple):
    """The environment of a block at the ends of each lane's steps; no rows: there is none.

    Parameters
    ----------
    length : (WIDTH,)
        Points of each lane.
    times : (points, WIDTH)
        In order [day].
    path, slope : (points, signals + driving assays, WIDTH)
        The environment and its derivative.
    """

    length: Outcomes
    times: Float
    path: Float
    slope: Float


@njit(cache=True, nogil=True, error_model="numpy")
def track_of(points: int, numbers: int) -> Track:
    """Return room for a track."""
    return Track(
        np.zeros(WIDTH, np.int64),
        np.empty((points, WIDTH)),
        np.empty((points, numbers, WIDTH)),
        np.empty((points, numbers, WIDTH)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def environment_at(time: float, lane: int, track: Track, out: Float) -> None:
    """Write the recorded environment of one lane at a time: cubic Hermite between the steps."""
    left, right = 0, track.length[lane] - 1
    while right - left > 1:
        middle = (left + right) // 2
        if track.times[middle, lane] < time:
            left = middle
        else:
            right = middle
    right = left + 1
    h = track.times[right, lane] - track.times[left, lane]
    s = (time - track.times[left, lane]) / h
    a, b = (1.0 + 2.0 * s) * (1.0 - s) ** 2, s * (1.0 - s) ** 2 * h
    c, d = s * s * (3.0 - 2.0 * s), s * s * (s - 1.0) * h
    for k in range(out.shape[0]):
        here = a * track.path[left, k, lane] + b * track.slope[left, k, lane]
        out[k, lane] = here + c * track.path[right, k, lane] + d * track.slope[right, k, lane]
