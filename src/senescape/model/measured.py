"""What was measured: mean counts and recovered wells, with the rule of recovery."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Amount, Noun
from .cells import Name


class RecoveryRule(Noun):
    """A well has recovered if its final count is ``factor`` times its minimum and ``least`` cells.

    The minimum is taken from ``after`` on; data and simulation are judged alike.
    """

    factor: Amount = Field(default=2, validate_default=True)
    least: Amount
    after: Amount


class MeanSeries(Noun):
    """Mean counts over wells at ``first``, ``first + every``, ..."""

    first: Amount
    every: Amount
    values: Annotated[tuple[float, ...], Field(min_length=1, max_length=10_000)]


class MeasuredWells(Noun):
    """Wells of one regimen: how many, how many recovered by ``until``, and their mean counts.

    ``log_sd`` is the standard deviation between wells of the natural logarithm of the final count.
    """

    wells: Annotated[int, Field(ge=1)]
    recovered: Annotated[int, Field(ge=0)]
    until: Amount
    mean: MeanSeries | None = None
    log_sd: float | None = None


class Measured(Noun):
    """A table of measurements of one observable; its rows are named like regimens."""

    label: str = ""
    source: str
    observable: Name
    rule: RecoveryRule
    regimens: dict[str, MeasuredWells]
