"""What is judged: end points, horizon, and the smallest difference that matters."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import Field

from .base import Amount, Noun
from .cells import Name


class EndpointName(Enum):
    """End points; all are oriented so that larger is better for the host."""

    COMPLETE_ARREST = "complete_arrest"
    CURE = "cure"
    NO_REGROWTH = "no_regrowth"
    TIME_TO_PROGRESSION = "time_to_progression"
    BURDEN = "burden"
    SURVIVAL = "survival"


class Endpoint(Noun):
    """``smallest_difference`` is the smallest effect that matters to somebody."""

    smallest_difference: Amount
    label: str = ""
    source: str = "assumption"
    threshold: Amount | None = None
    observable: Name | None = None


class Progression(Noun):
    """A host has progressed at ``factor`` times a reference number of cells, and ``least`` cells.

    ``baseline``: the reference is the number at the first treatment, the same in both worlds of a
    verdict. ``nadir``: the smallest number so far, as for measured wells; it calls a tumour that
    shrank more "progressed" earlier, so that killing cells can look harmful.
    """

    relative_to: Literal["baseline", "nadir"] = "baseline"
    factor: Amount = Field(default=2, validate_default=True)
    least: Amount = Field(default="1000 cells", validate_default=True)


class OutcomeNoun(Noun):
    """Horizon T of the question, how far zero crossings are searched, and the end points.

    ``data_end``: beyond it no measurement stands behind a prediction. ``regimen``: the one that the
    headline is about where several are judged.
    """

    horizon: Amount
    look_ahead: Amount | None = None
    headline: EndpointName
    endpoints: dict[EndpointName, Endpoint]
    progression: Progression = Field(default_factory=Progression)
    data_end: Amount | None = None
    regimen: str | None = None
