"""Loops over lanes are vectorised: packed arithmetic in the machine code, not a stopwatch."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit, types
from numpy.typing import NDArray

from senescape.engines.interpreter import read_tape
from senescape.lane_math import WIDTH, lane_log
from senescape.rng import lanes

PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
pytestmark = pytest.mark.skipif(
    PLAIN or platform.machine() not in {"x86_64", "AMD64"},
    reason="there is no compiled code, or not of a machine whose names of operations are known here",
)
Float = NDArray[np.float64]
VECTOR, TABLE = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")
ROWS = types.Array(types.int32, 2, "C")


def packed_share(function: Callable[..., Any], signature: tuple[Any, ...]) -> float:
    """The share of packed operations among all of the arithmetic on floats."""
    kernel = njit(nogil=True, error_model="numpy")(function)
    kernel.compile(signature)
    code = kernel.inspect_asm(kernel.signatures[0])
    packed = len(re.findall(r"\bv?(?:mul|add|sub|div|fmadd\d*)pd\b", code))
    single = len(re.findall(r"\bv?(?:mul|add|sub|div|fmadd\d*)sd\b", code))
    assert packed + single > 10
    return packed / (packed + single)


def a_branch_a_lane(f: Float) -> None:
    """Leave the loop where a lane says so: no compiler may look ahead."""
    for i in range(WIDTH):
        if f[i] > 1.0:
            break
        f[WIDTH + i] = lane_log(f[i] * 1.5 + 0.5) / (f[i] - 3.0)


@pytest.mark.parametrize(
    ("kernel", "signature", "least"),
    [
        (lanes._expand, (VECTOR,), 0.5),
        (lanes._invert, (VECTOR,), 0.9),
        (read_tape, (ROWS, types.int64, types.int64, TABLE), 0.35),
    ],
    ids=["large counts", "small counts", "tape"],
)
def test_kernels_over_lanes_are_vectorised(
    kernel: Any, signature: tuple[Any, ...], least: float
) -> None:
    """What remains single are lanes done alone (far tails), and the ends of loops of any length."""
    assert packed_share(kernel.py_func, signature) >= least


def test_a_loop_that_cannot_be_vectorised_is_told_apart() -> None:
    assert packed_share(a_branch_a_lane, (VECTOR,)) < 0.1
