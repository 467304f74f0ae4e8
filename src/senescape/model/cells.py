"""Cells: states with stages, clones, where they start, and what crowds them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import Field

from .base import Amount, Noun
from .players import Player

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$")]
MAX_STAGES = 500


class Role(Enum):
    """What a state is, whatever it is called."""

    CYCLING = "cycling"
    QUIESCENT = "quiescent"
    UNDECIDED = "undecided"
    SENESCENT_IMMATURE = "senescent_immature"
    SENESCENT_MATURE = "senescent_mature"
    POLYPLOID = "polyploid"
    APOPTOTIC = "apoptotic"
    EFFECTOR = "effector"
    STROMA = "stroma"
    NORMAL = "normal"

    @property
    def senescent(self) -> bool:
        """Whether entering this role is entering senescence; undecided is not."""
        return self in (Role.SENESCENT_IMMATURE, Role.SENESCENT_MATURE)


class Clone(Noun):
    """A lineage with its own values of some parameters.

    Parameters
    ----------
    parent : str, optional
        The clone that it arises from.
    set : mapping
        Parameters that differ, with their values (formulas may use the parent's value).
    player : Player, optional
        Who is credited with the difference; where the player is off, the clone is as its parent.
    """

    label: str = ""
    parent: Name | None = None
    set: dict[Name, Amount] = Field(default_factory=dict)
    player: Player | None = None


class State(Noun):
    """One state of a cell.

    Parameters
    ----------
    role : Role
        What the state is.
    tumour : bool
        Whether its cells belong to the tumour.
    can_cycle : bool, optional
        Whether its cells divide or may divide again; by default those in a cycling or quiescent
        role. Complete arrest means that no such tumour cell and no undecided one is left.
    stages : int
        Number of stages that a cell passes in order (Erlang dwell time).
    dwell : Amount, optional
        Mean time in the state if nothing else happens; each stage is left at stages / dwell.
        Required where stages > 1.
    axes : list of str
        Axes of heterogeneity (names in ``variation``) whose class a cell of this state carries.
    """

    label: str = ""
    role: Role
    tumour: bool = True
    can_cycle: bool | None = None
    stages: Annotated[int, Field(ge=1, le=MAX_STAGES)] = 1
    dwell: Amount | None = None
    axes: tuple[Name, ...] = ()

    @property
    def cycles(self) -> bool:
        """Whether a cell in this state divides or may divide again."""
        if self.can_cycle is not None:
            return self.can_cycle
        return self.role in (Role.CYCLING, Role.QUIESCENT)


class Initial(Noun):
    """Cells at the start.

    Parameters
    ----------
    total : Amount
        Number of cells; for Luria-Delbrueck the expected number of mutations.
    stages : str
        ``first``, or ``stationary``: spread over the stages as in unlimited growth.
    """

    state: Name
    clone: Name = "founder"
    total: Amount
    law: Literal["fixed", "poisson", "luria_delbrueck"] = "fixed"
    stages: Literal["first", "stationary"] = "first"


class Crowding(Noun):
    """A closed law that defines the port ``crowding``: a factor on division, 1 in an empty place.

    ``theta_logistic``: max(0, 1 - (n / capacity)^power); ``gompertz``: max(0, -ln(n / capacity));
    n is the observable ``counts``.
    """

    counts: Name
    law: Literal["theta_logistic", "gompertz"] = "theta_logistic"
    capacity: Amount
    power: Amount = Field(default=1, validate_default=True)


class Cells(Noun):
    """All states, clones and the cells at the start."""

    clones: dict[Name, Clone] = Field(default_factory=lambda: {"founder": Clone()})
    states: Annotated[dict[Name, State], Field(min_length=1)]
    initial: Annotated[tuple[Initial, ...], Field(min_length=1)]
    crowding: Crowding | None = None
