"""Counter-based random numbers: a draw is a pure function of who draws, when, and for what.

Results are therefore the same for a lane alone, in a batch, or in any order. Words are mixed with
the finaliser of splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numba import config, njit
from numpy.typing import NDArray

Words = NDArray[np.int64]
Keys = NDArray[np.uint64]

# Without compilation Python's own integers, masked to 64 bits, give the same numbers.
word: Callable[[Any], Any] = int if config.DISABLE_JIT else np.uint64

MASK = word(0xFFFFFFFFFFFFFFFF)
GOLDEN = word(0x9E3779B97F4A7C15)
FIRST = word(0xBF58476D1CE4E5B9)
SECOND = word(0x94D049BB133111EB)
ONE = word(1)
S11, S27, S30, S31 = word(11), word(27), word(30), word(31)
UNIT = 2.0**-53


class Purpose(IntEnum):
    """What a stream is for; streams of different purposes are independent."""

    INITIAL = 1
    EVENTS = 2
    CLONE = 3
    KINETICS = 4
    OBSERVATION = 5
    PARAMETERS = 6
    HETEROGENEITY = 7
    ORDER = 8


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def mix(z: int) -> int:
    """Return the finaliser of splitmix64, a bijection of 64-bit words."""
    z = ((z ^ (z >> S30)) * FIRST) & MASK
    z = ((z ^ (z >> S27)) * SECOND) & MASK
    return z ^ (z >> S31)


@njit(cache=True, nogil=True, error_model="numpy")
def absorb(state: int, value: int) -> int:
    """Mix one more word into a key."""
    return mix(mix((word(state) + GOLDEN) & MASK) ^ (((word(value) & MASK) * SECOND) & MASK))


@njit(cache=True, nogil=True, error_model="numpy")
def lane_key(seed: int, draw: int, host: int, replicate: int, purpose: int) -> int:
    """Return the key of one lane's stream.

    Parameters
    ----------
    seed, draw, host, replicate, purpose : int
        See :class:`senescape.engines.state.Streams` and :class:`Purpose`.
    """
    key = absorb(word(seed), word(draw))
    key = absorb(key, word(host))
    key = absorb(key, word(replicate))
    return absorb(key, word(purpose))


@njit(cache=True, nogil=True, error_model="numpy")
def lane_keys(seed: int, draw: Words, host: Words, replicate: Words, purpose: int) -> Keys:
    """Return the keys of many lanes, shape (lanes,)."""
    keys = np.empty(len(host), np.uint64)
    for lane in range(len(host)):
        keys[lane] = lane_key(seed, draw[lane], host[lane], replicate[lane], purpose)
    return keys


@njit(cache=True, nogil=True, error_model="numpy")
def draw_key(key: int, window: int, transition: int, channel: int) -> int:
    """Return the key of one draw: of a lane, in a window of time, for a transition and channel."""
    key = absorb(key, word(window))
    key = absorb(key, word(transition))
    return absorb(key, word(channel))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def uniform(key: int, counter: int) -> float:
    """Return the number at ``counter`` of a stream, in the open interval (0, 1)."""
    z = mix((word(key) + (word(counter) + ONE) * GOLDEN) & MASK)
    return (float(z >> S11) + 0.5) * UNIT


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def stream_word(key: int, counter: int) -> int:
    """Return the key whose stream begins at ``counter`` of this one."""
    return (word(key) + word(counter) * GOLDEN) & MASK


def generator(seed: int, *words: int, purpose: Purpose) -> np.random.Generator:
    """Return a numpy generator with its own stream, for work outside the kernels."""
    sequence = np.random.SeedSequence([seed, int(purpose), *words])
    return np.random.Generator(np.random.Philox(sequence))
