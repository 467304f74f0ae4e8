"""The right-hand side of networks from SBML for a block of lanes at once; see :mod:`.compact`.

What it computes is :func:`.walk.slope`: laws as they are written, net stoichiometries, rate
rules; a net rate may be negative. tests/engines/test_general_blocks.py compares the two.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.lane_math import WIDTH

from .flows import (
    ASSAY_ROW,
    LANE_END,
    LAW,
    SIGNAL_ROW,
    TAPE,
    TIME_ROW,
    at,
    slots_of,
    table_of,
)
from .track import Track
from .wide import Block

Float = NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def wide_general(
    y: Float, time: Float, block: Block, around: Track, scratch: Float, dy: Float
) -> None:
    """Write dy/dt of every lane: numbers of particles, signals.

    Parameters
    ----------
    y : (slots + signals, WIDTH)
    dy : (slots + signals, WIDTH)
    time : (WIDTH,)
        Of each lane, in the unit of the file.
    around, scratch
        Not read: a solver calls all right-hand sides alike.
    """
    packed, registers = block.packed, block.registers
    slots, signals = slots_of(packed), block.supply.shape[0]
    row = packed[2 * ASSAY_ROW]
    for k in range(slots):
        for i in range(WIDTH):
            registers[row + k, i] = y[k, i]
    row = packed[2 * SIGNAL_ROW]
    for k in range(signals):
        for i in range(WIDTH):
            registers[row + k, i] = y[slots + k, i]
    row = packed[2 * TIME_ROW]
    for i in range(WIDTH):
        registers[row, i] = time[i]
    tape = table_of(packed, TAPE, 5)
    block.read(tape, packed[2 * LANE_END], tape.shape[0], registers)
    for k in range(slots + signals):
        row = at(packed, LAW, k)
        for i in range(WIDTH):
            dy[k, i] = registers[row, i]
