"""What a scenario is expected to show, and the mechanism without which it should not."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Amount, Noun
from .cells import Name
from .contrasts import Setting

World = Literal["on", "renormalised", "die", "inert", "recover"]


class Arm(Setting):
    """One side of a comparison: what is measured, when, under which treatment and in which world.

    Parameters
    ----------
    measure : str
        An observable, or an end point (oriented so that larger is better for the host).
    at : Amount, optional
        Needed for an observable; an end point is read at the horizon by default.
    world : str
        ``on``: senescence as it is; else the re-routing rule under which nobody enters it.
    """

    measure: Name
    at: Amount | None = None
    world: World = "on"


class Without(Noun):
    """The mechanism taken away: numbers set in every host, over whatever was drawn for them."""

    label: str
    set: Annotated[dict[Name, Amount], Field(min_length=1)]


class Expectation(Noun):
    """A statement that most draws from the priors fulfil, and hardly any without its mechanism.

    Parameters
    ----------
    grade : str
        ``read``: the source says so; ``recalled``: not read again, only the order is meant;
        ``assumption``: follows from the model's own assumptions.
    left, right : Arm
        The same draws, hosts and chance on both sides.
    limit : Amount, optional
        A number in place of ``right``.
    relation : str
        ``less``: left < factor * right - margin; ``more``: left > factor * right + margin;
        ``alike``: they differ by at most ``margin``.
    hosts : int
        Hosts in each draw; their measures are averaged.
    """

    says: str
    source: str
    grade: Literal["read", "recalled", "assumption"]
    left: Arm
    right: Arm | None = None
    limit: Amount | None = None
    relation: Literal["less", "more", "alike"]
    factor: Annotated[float, Field(gt=0.0, lt=1e6)] = 1.0
    margin: Amount = Field(default=0, validate_default=True)
    hosts: Annotated[int, Field(ge=1, le=1000)] = 1
    without: Without
