"""The lock-step kernel for one lane, slow and obvious: its twin, and what few lanes run on.

The same tables, the same draws at the same positions, the same order of operations: the same bytes.
Read this file to learn what :mod:`.lockstep` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.tables import Tables
from senescape.lane_math import lane_log_of_normal
from senescape.rng import stream_word, uniform

from .flat import PLAIN, Flat
from .lockstep import BAD_RATE, BELOW_ZERO, DRAWS, bad_event, happen, load_lane, read_rows
from .step import DONE, TOO_MANY

Float = NDArray[np.float64]
Places = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lane_alone(
    flat: Flat,
    tables: Tables,
    read: Any,
    block: Float,
    fired: Float,
    word: int,
    start: float,
    until: float,
    most: int,
) -> tuple[int, float, int]:
    """Advance one lane; returns (outcome, time, rounds)."""
    time, rounds, happened = start, 0, 0
    while True:
        read_rows(flat, read, block)
        total = block[flat.total, 0] + 0.0  # 0 * (0 - 1) is -0, and would wait -inf
        event = bad_event(flat, block, 0)
        if event >= 0:
            return BAD_RATE - event, time, rounds
        time -= lane_log_of_normal(uniform(word, 0)) / total
        place = uniform(word, 1) * total
        if not time <= until:
            return DONE, until, rounds + 1
        event = 0
        while event < flat.event.shape[0] - 1 and place >= block[flat.first + event, 0]:
            event += 1
        if flat.event[event, 0] == PLAIN:
            low = 0.0
            for d in range(flat.changes):
                block[flat.changed[event, d], 0] += flat.change[event, d]
                low = min(low, block[flat.changed[event, d], 0])
            fired[event, 0] += 1.0
            if low < 0.0:
                for d in range(flat.changes):  # the numbers before it are what explains it
                    block[flat.changed[event, d], 0] -= flat.change[event, d]
                return BELOW_ZERO - event, time, rounds
        else:
            happen(flat, tables, block, fired, 0, event, word)
        happened += 1
        if happened > most:
            return TOO_MANY, time, rounds
        word = stream_word(word, DRAWS)
        rounds += 1


@njit(cache=True, nogil=True, error_model="numpy")
def advance_lanes_alone(
    flat: Flat,
    tables: Tables,
    read: Any,
    counts: Float,
    tally: Float,
    registers: Float,
    key: Float,
    counter: Places,
    start: float,
    until: float,
    most: int,
) -> tuple[int, int, float]:
    """Do what :func:`.lockstep.advance_lanes_together` does, a lane after the other."""
    events = flat.event.shape[0]
    block, fired = np.zeros((flat.rows, 1)), np.zeros((events + 1 + tally.shape[0], 1))
    for lane in range(counts.shape[1]):
        load_lane(block, fired, flat, counts, registers, 0, lane)
        block[flat.one, 0] = 1.0
        word = stream_word(key[lane], counter[lane])
        outcome, time, rounds = advance_lane_alone(
            flat, tables, read, block, fired, word, start, until, most
        )
        for r in range(flat.slots):
            counts[r, lane] = block[r, 0]
        if outcome != DONE:
            return outcome, lane, time
        counter[lane] += DRAWS * rounds
        for event in range(events):
            if flat.event[event, 1] >= 0:
                tally[flat.event[event, 1], lane] += fired[event, 0]
        for r in range(tally.shape[0]):
            tally[r, lane] += fired[events + 1 + r, 0]
    return DONE, -1, until
