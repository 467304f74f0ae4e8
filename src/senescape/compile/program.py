"""The Program: a network lowered to arrays, the same for every engine.

Index conventions: a *slot* is one stage of one compartment; registers, counts and parameters carry
lanes on their last axis. Tables come in compressed rows: entries of item i stand at
``ptr[i]:ptr[i + 1]``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .general import GeneralTable

Int = NDArray[np.int32]
Float = NDArray[np.float64]


class ActionKind(IntEnum):
    """Kinds of rows in the forcing table."""

    ADD = 1
    SET = 2
    INPUT = 3
    REDISTRIBUTE = 4
    VISIT = 5


class TransitionKind(IntEnum):
    """Kinds of rows in the transition table."""

    ANY_AGE = 0
    TIMED = 1
    INFLOW = 2
    GENERAL = 3


@dataclass(frozen=True, slots=True)
class ForcingTable:
    """Breakpoints as arrays.

    ``action`` rows are (kind, target, register, extra). Add and set: signal, register of the
    amount. Input: signal, register of the rate, plus or minus (infusion number + 1) for its start
    or end. Redistribute: source compartment, stable number, entry whose targets (compartment or
    -1, register) stand at ``move_ptr[extra]:``. Visit: register of the factor, register of the
    condition, row of ``visit_signal``.
    """

    start: float
    time: Float
    action_ptr: Int
    action: Int
    move_ptr: Int
    move: Int
    visit_signal: NDArray[np.bool_]

    @property
    def infusions(self) -> int:
        """Number of infusions (one more than the largest number)."""
        rows = self.action[self.action[:, 0] == ActionKind.INPUT]
        return int(np.abs(rows[:, 3]).max(initial=0))


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Arrays only: hashable by content, picklable, well under 1 MB.

    Parameters
    ----------
    tape : (rows, 5)
        (operation, result, a, b, c) over registers; rows before ``lane_end`` need parameters only,
        rows before ``time_end`` also signals and time, the rest also numbers of cells.
    parameter_row, signal_row, time_row, assay_row : int
        First register of each group of inputs.
    slot_ptr : (compartments + 1,)
        Slots of each compartment; a compartment has as many as stages.
    advance_row : (compartments,)
        Register of the hazard of passing one stage; -1: does not age.
    transition : (transitions, 4)
        (kind, source compartment or -1, register, number). The register holds the hazard, times
        its gate.
    exit_ptr, exit : compressed rows
        Transitions leaving each compartment.
    route_row : (transitions,)
        Parameter register that holds the chosen route; -1: the first.
    route_ptr, outcome_ptr, product_ptr : compressed rows
        Routes of a transition, outcomes of a route, products of an outcome.
    outcome_row : (outcomes,)
        Register of the probability.
    product : (products, 2)
        (compartment, number of cells).
    coupling : (entries, 3)
        (signal, source signal or -1 for constant, register): dx/dt = sum register * source.
    secretion : (entries, 3)
        (signal, assay, register).
    signal_linear : (signals,)
        Whether cells drive the signal.
    signal_initial : (signals,)
        Register of the initial value.
    weight : (entries, 3)
        (assay, compartment, register).
    birth : (births, 3)
        (law, register of the total, 1 if spread over stages as in exponential growth).
    birth_ptr, birth_share : compressed rows
        (compartment, register of the share).
    general : GeneralTable or None
        Events, rate rules and readings of a plain network (SBML); None for scenarios.
    """

    parameter_names: tuple[str, ...]
    parameter_defaults: Float
    compartment_ids: tuple[str, ...]
    compartment_states: tuple[str, ...]
    compartment_roles: tuple[str, ...]
    compartment_clones: tuple[str, ...]
    transition_ids: tuple[str, ...]
    transition_arrows: tuple[str, ...]
    signal_names: tuple[str, ...]
    assay_ids: tuple[str, ...]
    tape: Int
    lane_end: int
    time_end: int
    constant_row: Int
    constant: Float
    register_count: int
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
    signal_linear: NDArray[np.bool_]
    signal_initial: Int
    weight: Int
    birth: Int
    birth_ptr: Int
    birth_share: Int
    forcing: ForcingTable
    general: GeneralTable | None = None

    @property
    def slots(self) -> int:
        """Number of slots (stages of all compartments)."""
        return int(self.slot_ptr[-1])

    @property
    def stages(self) -> Int:
        """Number of stages of each compartment."""
        return np.diff(self.slot_ptr)

    @property
    def digest(self) -> str:
        """SHA-256 over every array and name, in the order of the fields.

        Default values are left out: a number that each lane sets for itself (a gate, a route) is no
        part of what the program is.
        """
        sha = hashlib.sha256()
        own = () if self.general is None else (self.general,)
        tables: tuple[Program | ForcingTable | GeneralTable, ...] = (self, self.forcing, *own)
        for table in tables:
            for item in fields(table):
                value = getattr(table, item.name)
                if item.name in ("forcing", "general", "parameter_defaults"):
                    continue
                sha.update(item.name.encode())
                if isinstance(value, np.ndarray):
                    sha.update(f"{value.dtype.str}{value.shape}".encode())
                    sha.update(np.ascontiguousarray(value).tobytes())
                else:
                    sha.update(repr(value).encode())
        return sha.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_forcing(self, forcing: ForcingTable) -> Program:
        """Return the same program under another regimen."""
        return replace(self, forcing=forcing)

    def compartment(self, name: str) -> int:
        """Return the index of a compartment."""
        return self.compartment_ids.index(name)

    def assay(self, name: str) -> int:
        """Return the index of an assay."""
        return self.assay_ids.index(name)

    def parameter(self, name: str) -> int:
        """Return the index of a parameter."""
        return self.parameter_names.index(name)
