"""What we do not know (uncertainty), apart from what differs between individuals (variation)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Amount, Noun
from .cells import Name


class Distribution(Noun):
    """A distribution of one number.

    Parameters
    ----------
    distribution : str
        ``lognormal`` (median, sd of the natural logarithm), ``normal`` (mean, sd), ``uniform`` and
        ``loguniform`` (low, high), ``beta`` (mean, sd; between 0 and 1), ``bernoulli`` (1 with the
        probability ``mean``, else 0).
    zero : float
        Probability that the number is exactly 0 instead (a mechanism that may not exist).
    """

    distribution: Literal["lognormal", "normal", "uniform", "loguniform", "beta", "bernoulli"]
    median: Amount | None = None
    mean: Amount | None = None
    sd: Amount | None = None
    low: Amount | None = None
    high: Amount | None = None
    zero: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    source: str = "assumption"
    note: str = ""


class Correlation(Noun):
    """Correlation of two numbers on the scale of normal scores (Gaussian copula).

    Between two uncertain parameters it says what we would learn of one from the other; between two
    entries of the variation (``covariation``), how the hosts differ.
    """

    between: tuple[Name, Name]
    correlation: Annotated[float, Field(ge=-1.0, le=1.0)]


class Switch(Noun):
    """A structure that is not known: on with a probability."""

    label: str = ""
    probability: Annotated[float, Field(ge=0.0, le=1.0)]
    source: str = "assumption"


class Draws(Noun):
    """Joint draws of several parameters (a posterior sample); one row is taken a draw.

    Parameters
    ----------
    parameters : list of str
    units : list of str
    rows : list of list of float
    """

    parameters: tuple[Name, ...]
    units: tuple[str, ...]
    rows: Annotated[tuple[tuple[float, ...], ...], Field(min_length=1, max_length=100_000)]
    source: str = "assumption"
    note: str = ""


class Uncertainty(Noun):
    """All that we do not know."""

    parameters: dict[Name, Distribution] = Field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    switches: dict[Name, Switch] = Field(default_factory=dict)
    draws: Draws | None = None


class Variation(Distribution):
    """How one number differs between individuals.

    Parameters
    ----------
    axis : str
        ``host`` (in culture: ``well``), ``batch``, ``founder`` or ``cell``.
    classes : int
        Number of classes that the distribution is cut into (founder and cell).
    inheritance : str
        ``inherited``: a daughter carries her mother's class; ``redrawn``: a new one at each entry.
    of : str, optional
        The parameter that varies; by default the one of the same name.
    scales : str, optional
        The drug whose doses it multiplies.
    kept : Amount, optional
        Correlation of a cell's value between separated treatments (founder and cell); by default a
        cell keeps its value for good.
    treatments : tuple of str, optional
        Drugs and rays whose treatments renew it; by default all.
    apart : Amount, optional
        Time without any of them after which a treatment is a new one; by default 0.
    """

    axis: Literal["host", "well", "batch", "founder", "cell"]
    classes: Annotated[int, Field(ge=1, le=101)] | None = None
    inheritance: Literal["inherited", "redrawn"] = "inherited"
    of: Name | None = None
    scales: Name | None = None
    kept: Amount | None = None
    treatments: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    apart: Amount | None = None
