"""What an assay would see: weighted numbers of cells with background and noise."""

from __future__ import annotations

from pydantic import Field

from .base import Amount, Noun
from .cells import Name


class Noise(Noun):
    """Relative (multiplicative) and absolute (additive) standard deviation of one reading."""

    multiplicative: Amount = Field(default=0, validate_default=True)
    additive: Amount | None = None


class Observable(Noun):
    """A weighted number of cells.

    Parameters
    ----------
    sum : mapping
        Weight of each state; states that are not named count nothing.
    per : str, optional
        Another observable to divide by (a fraction of cells).
    background : Amount, optional
        What the assay counts where there is no cell.
    clones : list of str, optional
        Only these clones.
    """

    label: str = ""
    unit: str = "cells"
    sum: dict[Name, Amount]
    per: Name | None = None
    background: Amount | None = None
    noise: Noise | None = None
    clones: tuple[Name, ...] | None = None
