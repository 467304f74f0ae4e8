"""What happens at stated times: doses, infusion edges, wash-out, resets and visits.

No engine owns a dosing loop: all stop exactly at each breakpoint and apply its actions in the order
in which they are written. A value recorded at a breakpoint is the value *after* its actions.
"""

from __future__ import annotations

from dataclasses import dataclass

from senescape.expressions import Expr


@dataclass(frozen=True, slots=True)
class Add:
    """Add an amount to a signal at once (bolus, fraction)."""

    signal: str
    amount: Expr


@dataclass(frozen=True, slots=True)
class Set:
    """Set a signal to a value (medium exchanged, wash-out)."""

    signal: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Input:
    """Start (or end) a constant input into a signal: one infusion.

    Start and end share ``number``, so that the end takes away exactly what the start gave, also
    where a visit has changed the dose in between.
    """

    signal: str
    rate: Expr
    number: int
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Redistribute:
    """Move each cell of a compartment at once, independently, with stated probabilities.

    ``targets`` are (compartment id or None for vanishing, probability); a cell stays with the
    remaining probability. Used for acute kill by radiation and for a new exposure that redraws
    sensitivity.
    """

    source: str
    targets: tuple[tuple[str | None, Expr], ...]
    number: int


@dataclass(frozen=True, slots=True)
class Visit:
    """Look at the host and change what is given from now on.

    Where ``condition`` (a formula over assays, parameters, signals and time) is true, later
    :class:`Add`, :class:`Set` and :class:`Input` actions on ``signals`` are multiplied by
    ``factor``: 0 holds or stops, a fraction reduces, 1 resumes.
    """

    condition: Expr
    signals: tuple[str, ...]
    factor: Expr


Action = Add | Set | Input | Redistribute | Visit


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Actions at one time [day], in order."""

    time: float
    actions: tuple[Action, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Forcing:
    """All breakpoints of one regimen, in order of time; ``start`` is where the run begins [day]."""

    breakpoints: tuple[Breakpoint, ...] = ()
    start: float = 0.0
