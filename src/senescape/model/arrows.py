"""The arrows: who becomes what, at which rate, and which arrow of Figure 1 that is."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, field_validator

from .base import Amount, Noun
from .cells import Name
from .players import Player


class Figure1(Enum):
    """Arrows of Figure 1 of the seed article, and what is none of them."""

    DNA_DAMAGE = "dna_damage"
    RAPID_APOPTOSIS = "rapid_apoptosis"
    SENESCENCE = "senescence"
    RECOVERY = "recovery"
    REENTRY = "reentry"
    DELAYED_APOPTOSIS = "delayed_apoptosis"
    CLEARANCE = "clearance"
    FEEDER = "feeder"
    PARACRINE_ARREST = "paracrine_arrest"
    ESCAPE_PREEXISTING = "escape_preexisting"
    ESCAPE_ACQUIRED = "escape_acquired"
    HOUSEKEEPING = "housekeeping"


class Arrow(Noun):
    """One arrow, or the same arrow out of several states.

    Parameters
    ----------
    from_ : list of str
        Source states; empty for an inflow (cells that arrive from outside).
    to : list of str
        States of all cells that exist afterwards: one name for a change of state, two for a
        division, none for a loss.
    rate : Amount
        Per cell and time; cells per time for an inflow; the share among the timed arrows of a
        state for ``when: timed`` (1 by default).
    to_clone : str, optional
        The clone of the first product (mutation); the others keep their own.
    switch : str, optional
        A structural switch of ``uncertainty.switches`` that multiplies the rate by 0 or 1.
    player : Player, optional
        Who is credited with the arrow; where the player is off, so is the arrow.
    """

    from_: Annotated[tuple[Name, ...], Field(alias="from")]
    to: tuple[Name, ...]
    rate: Amount = Field(default=1, validate_default=True)
    when: Literal["any_age", "timed"] = "any_age"
    figure1: Figure1
    label: str = ""
    to_clone: Name | None = None
    clones: tuple[Name, ...] | None = None
    switch: Name | None = None
    player: Player | None = None

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _one_or_many(cls, given: object) -> object:
        if given is None:
            return ()
        return (given,) if isinstance(given, str) else given


class Rerouting(Noun):
    """Where cells go that would have become senescent, in the worlds without senescence."""

    die: Name
    inert: Name
    recover: Name
