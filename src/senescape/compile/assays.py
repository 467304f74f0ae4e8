"""The assays of a scenario: every number read, every name known, before anything runs."""

from __future__ import annotations

from senescape.errors import ScenarioError, Where
from senescape.model import Scenario, Value
from senescape.model.assays import (
    AssayNoun,
    ColonyAssay,
    ConfluenceAssay,
    CountAssay,
    ShareAssay,
    SurvivalAssay,
    VolumeAssay,
)
from senescape.units import AREA, COUNT, DIMENSIONLESS, RATE, TIME, VOLUME, Dimension

from .names import Names, unknown
from .numbers import scenario_names
from .question import question_of

SHARE = (0.0, 1.0)


def check_assays(scenario: Scenario) -> None:
    """Refuse an assay that names what is not there, or whose numbers make no sense."""
    if scenario.assays:
        names = scenario_names(scenario)
        for name, noun in scenario.assays.items():
            _Check(scenario, names, f"assays.{name}").assay(noun)


class _Check:
    """Checks one assay."""

    def __init__(self, scenario: Scenario, names: Names, place: str) -> None:
        self.scenario, self.names, self.place = scenario, names, place

    def assay(self, noun: AssayNoun) -> None:
        if isinstance(noun, CountAssay):
            self.observable(noun.of, "of")
        elif isinstance(noun, ConfluenceAssay):
            self.states(noun.area, "area", AREA)
            self.positive(noun.dish, "dish", AREA)
            self.noise(noun, DIMENSIONLESS)
        elif isinstance(noun, ShareAssay):
            self.states(noun.positive, "positive", DIMENSIONLESS, SHARE)
            self.at_least_one(noun.scored, "scored")
            self.number(noun.correlation, "correlation", DIMENSIONLESS, (0.0, 0.999))
        elif isinstance(noun, VolumeAssay):
            self.volume(noun)
        elif isinstance(noun, ColonyAssay):
            self.observable(noun.counts, "counts")
            self.at_least_one(noun.plated, "plated")
            self.at_least_one(noun.least, "least")
            self.positive(noun.read, "read", TIME)
        else:
            self.survival(noun)

    def volume(self, noun: VolumeAssay) -> None:
        self.states(noun.size, "size", VOLUME)
        if noun.debris is not None:
            self.states(noun.debris.size, "debris.size", VOLUME)
            self.positive(noun.debris.lifetime, "debris.lifetime", TIME)
        self.number(noun.packing, "packing", DIMENSIONLESS, (1e-6, 1.0))
        self.number(noun.stroma, "stroma", DIMENSIONLESS, (0.0, 0.999))
        if noun.least is not None:
            self.number(noun.least, "least", VOLUME, (0.0, float("inf")))
        self.noise(noun, VOLUME)

    def survival(self, noun: SurvivalAssay) -> None:
        self.positive(noun.every, "every", TIME)
        if noun.lost is not None:
            self.number(noun.lost, "lost", RATE, (0.0, float("inf")))
        if self.scenario.outcome is None or question_of(self.scenario).rule.fatal == float("inf"):
            raise ScenarioError(
                "an assay of survival without a load at which a host dies",
                allowed="outcome.endpoints.survival with threshold and observable",
                remedy="add that end point, or leave the assay out",
                check="scenario.assay-survival",
                where=Where(field=self.place),
            )

    def noise(self, noun: ConfluenceAssay | VolumeAssay, dimension: Dimension) -> None:
        if noun.noise is not None:
            wide = (0.0, float("inf"))
            self.number(noun.noise.multiplicative, "noise.multiplicative", DIMENSIONLESS, wide)
            if noun.noise.additive is not None:
                self.number(noun.noise.additive, "noise.additive", dimension, wide)

    def states(
        self,
        given: dict[str, Value],
        field: str,
        dimension: Dimension,
        limits: tuple[float, float] = (0.0, float("inf")),
    ) -> None:
        known = self.scenario.cells.states
        for state, value in given.items():
            place = f"{field}.{state}"
            if state not in known:
                raise unknown("state", state, known, f"{self.place}.{place}")
            self.number(value, place, dimension, limits)

    def observable(self, name: str, field: str) -> None:
        if name not in self.scenario.observables:
            raise unknown("observable", name, self.scenario.observables, f"{self.place}.{field}")

    def positive(self, value: Value, field: str, dimension: Dimension) -> None:
        self.number(value, field, dimension, (1e-12, float("inf")))

    def at_least_one(self, value: Value, field: str) -> None:
        self.number(value, field, COUNT, (1.0, 1e6))

    def number(
        self, value: Value, field: str, dimension: Dimension, limits: tuple[float, float]
    ) -> None:
        place = f"{self.place}.{field}"
        found = self.names.number(value, place, dimension)
        low, high = limits
        if not low <= found <= high:
            raise ScenarioError(
                f"{value}",
                allowed=f"{low:g} to {high:g}",
                remedy="correct the number or its unit",
                check="scenario.assay-number",
                where=Where(field=place),
            )
