"""The verdict as a value: words, effects, curves and census, one result a rule."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from senescape.compile.question import Question
from senescape.model import EndpointName, Player, Scenario
from senescape.results import Precision, Provenance

from .counterfactual import Rule
from .lifetimes import Lifetimes, plain_survival
from .sentences import ENDPOINT_UNITS, headline, html, plain
from .words import Effect, Word, differ, word_of

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The verdict under one re-routing rule.

    Parameters
    ----------
    curve : (times, 3)
        Mean of V and its interval, at ``Verdict.curve_time``.
    helped, harmed, unchanged : float
        Shares of hosts whose own difference is above, below, within the smallest difference.
    """

    rule: Rule
    word: Word
    effect: Effect
    curve: Float
    flips: tuple[float, ...]
    helped: float
    harmed: float
    unchanged: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The effect where a structure that is not known is present, and where it is absent.

    Parameters
    ----------
    present, absent : Effect or None
        None where fewer than ten draws have it so.
    share : float
        Share of draws in which it is present.
    """

    present: Effect | None
    absent: Effect | None
    share: float

    @property
    def words(self) -> tuple[Word, Word] | None:
        """The words with the structure and without it, where both have draws enough."""
        if self.present is None or self.absent is None:
            return None
        return word_of(self.present), word_of(self.absent)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is inducing senescence friend or foe, by how much, and how surely.

    Parameters
    ----------
    word : Word
        DEPENDS where the rules, or a structure that is not known, give different words.
    rules : mapping
        One result a rule; the headline effect is that of ``renormalised``.
    endpoints : mapping
        Word and effect of every declared end point under ``renormalised``.
    census : mapping
        Share of hosts in each box at the horizon, with senescence as it is.
    census_off : mapping of rule to the same without senescence
    recovered : float
        Share of hosts that have progressed by the horizon.
    arrested : (hosts,)
        When the arrest of each host was first complete [day], inf where never by the horizon.
    lifetimes : Lifetimes
        When each host progressed and died, in every world.
    shares : mapping of player to its share of the effect
        They sum to the effect; empty where they were not asked for.
    readings : mapping
        The effect by each structure that is not known, under ``renormalised``.
    precision : Precision or None
        Where a rule was to end the run: whether it did, and how precise the effect is.
    """

    scenario: Scenario
    regimen: str
    variant: str | None
    question: Question
    word: Word
    rules: dict[Rule, RuleResult]
    endpoints: dict[EndpointName, tuple[Word, Effect]]
    curve_time: Float
    census: dict[str, float]
    census_off: dict[Rule, dict[str, float]]
    recovered: float
    draws: int
    hosts: int
    provenance: Provenance
    arrested: Float
    lifetimes: Lifetimes
    notes: tuple[str, ...] = field(default=())
    shares: dict[Player, Effect] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    precision: Precision | None = None

    @property
    def decisive(self) -> dict[str, tuple[Word, Word]]:
        """Structures that are not known and change the word: with and without them."""
        pairs = {name: reading.words for name, reading in self.readings.items()}
        return {name: pair for name, pair in pairs.items() if pair and differ(*pair)}

    @property
    def main(self) -> RuleResult:
        """The result under the default rule."""
        return self.rules[Rule.RENORMALISED]

    @property
    def place(self) -> str:
        """The words that say where the verdict holds, with the variant."""
        if self.variant is None:
            return self.scenario.place
        return (
            f"{self.scenario.place}, {self.scenario.variants[self.variant].label or self.variant}"
        )

    @property
    def unit(self) -> str:
        """Unit of the headline effect."""
        return ENDPOINT_UNITS.get(self.question.headline, "probability")

    def headline(self) -> str:
        """Return the verdict as a sentence."""
        return headline(self)

    def to_dict(self) -> dict[str, object]:
        """Return the verdict as plain data, as ``senescape verdict --json`` prints it."""
        return plain(self) | {"survival": plain_survival(self.lifetimes, self.question)}

    def _repr_html_(self) -> str:
        return html(self)
