"""A Program's arrays as one tuple that compiled kernels accept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program

Int = NDArray[np.int32]


class Tables(NamedTuple):
    """The index tables of a Program in the order in which kernels read them.

    Meanings and shapes are those of :class:`senescape.compile.Program`.
    """

    tape: Int
    lane_end: int
    time_end: int
    parameter_row: int
    signal_row: int
    time_row: int
    assay_row: int
    slot_ptr: Int
    advance_row: Int
    transition: Int
    exit_ptr: Int
    exit: Int
    route_row: Int
    route_ptr: Int
    outcome_ptr: Int
    outcome_row: Int
    product_ptr: Int
    product: Int
    coupling: Int
    secretion: Int
    weight: Int


def tables_of(program: Program) -> Tables:
    """Return the tables of a program."""
    return Tables(*(getattr(program, name) for name in Tables._fields))
