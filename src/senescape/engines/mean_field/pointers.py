"""The right-hand sides of a block as pointers: each is compiled once, and not into the solver."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import config, typeof, types

from ..interpreter import Pointer, tape_reader
from .track import Track
from .wide import Block, wide_backward, wide_flows


@lru_cache(maxsize=1)
def forward() -> Any:
    """Return :func:`wide_flows` as a pointer."""
    return wide_flows if config.DISABLE_JIT else Pointer(wide_flows, _arguments())


@lru_cache(maxsize=1)
def backward() -> Any:
    """Return :func:`wide_backward` as a pointer."""
    return wide_backward if config.DISABLE_JIT else Pointer(wide_backward, _arguments())


def _arguments() -> tuple[Any, ...]:
    """Return the types of the arguments of both."""
    lane, rows, table = (types.Array(types.float64, n, "C") for n in (1, 2, 3))
    lengths, packed = types.Array(types.int64, 1, "C"), types.Array(types.int32, 1, "C")
    block = types.NamedTuple((typeof(tape_reader()), packed, *([rows] * 6)), Block)
    track = types.NamedTuple((lengths, rows, table, table), Track)
    return rows, lane, block, track, lane, rows
