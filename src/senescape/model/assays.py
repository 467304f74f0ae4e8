"""Assays: what a laboratory would have read of these cells, with its errors (biology.md 5.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Amount, Noun
from .cells import Name
from .observation import Noise


class CountAssay(Noun):
    """Cells counted: an observable with its own background and noise."""

    kind: Literal["count"]
    of: Name
    label: str = ""


class ConfluenceAssay(Noun):
    """Share of a dish that is covered: area of each cell, at most the whole dish.

    Assumption: cells lie beside each other until the dish is full.
    """

    kind: Literal["confluence"]
    area: dict[Name, Amount]
    dish: Amount
    noise: Noise | None = None
    label: str = ""


class ShareAssay(Noun):
    """Share of scored cells that are positive: Annexin V, EdU, SA-b-gal, p16.

    Parameters
    ----------
    positive : mapping
        Chance that a cell of this state is called positive: sensitivity where it should be,
        false-positive rate where it should not. States that are not named are not scored.
    scored : Amount
        Cells looked at in one reading; all where there are fewer.
    correlation : Amount
        Correlation between cells of one reading (threshold, staining, density), 0 to 1: readings
        vary more than binomially.
    """

    kind: Literal["share"]
    positive: dict[Name, Amount]
    scored: Amount
    correlation: Amount = Field(default=0, validate_default=True)
    label: str = ""


class Debris(Noun):
    """Volume of dead cells, which leaves only slowly: of each state, mean ``lifetime``."""

    size: dict[Name, Amount]
    lifetime: Amount


class VolumeAssay(Noun):
    """Tumour volume: cells of their own size, dead cells that linger, stroma between them.

    Parameters
    ----------
    size : mapping
        Volume of a living cell of each state.
    packing : Amount
        Share of tumour tissue that cells fill.
    stroma : Amount
        Share of the tumour that is not tumour tissue.
    least : Amount, optional
        Volume below which a caliper reads nothing.
    """

    kind: Literal["volume"]
    size: dict[Name, Amount]
    debris: Debris | None = None
    packing: Amount = Field(default=1, validate_default=True)
    stroma: Amount = Field(default=0, validate_default=True)
    least: Amount | None = None
    noise: Noise | None = None
    unit: str = "mm^3"
    label: str = ""


class ColonyAssay(Noun):
    """Clonogenic survival: single cells plated and treated, colonies counted once.

    A cell whose descendants are fewer than ``least`` at ``read`` is no colony: late escapers are
    missed. Plated at the first treatment; no crowding, no host, nothing secreted by other colonies.
    """

    kind: Literal["colonies"]
    plated: Amount
    read: Amount
    least: Amount = Field(default="50 cells", validate_default=True)
    counts: Name
    label: str = ""


class SurvivalAssay(Noun):
    """Survival: the humane end point of the outcome, looked for at every visit; loss from sight.

    ``lost``: rate at which hosts leave for other reasons (a probability per time).
    """

    kind: Literal["survival"]
    every: Amount
    lost: Amount | None = None
    label: str = ""


AssayNoun = Annotated[
    CountAssay | ConfluenceAssay | ShareAssay | VolumeAssay | ColonyAssay | SurvivalAssay,
    Field(discriminator="kind"),
]
