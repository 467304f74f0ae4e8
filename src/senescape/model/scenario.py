"""The scenario: a tumour's cells, a host, treatments and the question, as one frozen value."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, field_validator

from .arrows import Arrow, Rerouting
from .assays import AssayNoun
from .base import Amount, Noun, Value
from .cells import Cells, Name
from .contrasts import Contrast
from .expectations import Expectation
from .host import Host
from .measured import Measured
from .observation import Observable
from .outcome import OutcomeNoun
from .players import Player
from .signals import PortNoun, SignalNoun
from .therapy import Drug, Radiation, Regimen
from .uncertainty import Correlation, Uncertainty, Variation

FORMAT = 1
ASSUMPTION = "assumption"
LATER_IN_VARIATION = ("treatments", "apart")

RegimenName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,59}$")]


class Citation(Noun):
    """One reference."""

    text: str
    doi: str | None = None


InducerClass = Literal["genotoxic", "non_genotoxic", "genetic"]


class Inducer(Noun):
    """What induces senescence; outside genotoxic inducers a scenario is beyond the seed article."""

    class_: InducerClass = Field(alias="class")
    line: str = ""


class Only(Noun):
    """The inducers that the numbers of a variant hold for: their classes, their lines, or both."""

    class_: Annotated[tuple[InducerClass, ...], Field(min_length=1)] | None = Field(
        default=None, alias="class"
    )
    line: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def holds_for(self, inducer: Inducer | None) -> bool:
        """Return whether an inducer is among them; where something is asked, none is not."""
        asked = ((self.class_, inducer and inducer.class_), (self.line, inducer and inducer.line))
        return all(allowed is None or found in allowed for allowed, found in asked)

    def __str__(self) -> str:
        parts = (("class", self.class_), ("line", self.line))
        return " and ".join(f"the {what} {' or '.join(names)}" for what, names in parts if names)


class ParameterNoun(Noun):
    """A number with its unit and where it comes from, or a formula over other parameters.

    ``source`` is a key of ``citations`` or the word assumption. ``player``: who is credited with
    this gain; where the player is off, the number is 0 (only a plain number can have one).
    """

    value: Amount
    source: str
    label: str = ""
    symbol: str = ""
    note: str = ""
    player: Player | None = None


class Variant(Noun):
    """Named changes of parameters: a genotype, a line, a reading of the mechanism.

    ``only``: the inducers that they hold for (losing p53 is another thing where no DNA is damaged).
    """

    label: str = ""
    set: dict[Name, Amount]
    source: str = ASSUMPTION
    only: Only | None = None

    def holds_for(self, inducer: Inducer | None) -> bool:
        """Return whether the variant may be chosen under an inducer."""
        return self.only is None or self.only.holds_for(inducer)


class Scenario(Noun):
    """Everything that a verdict needs (see docs/scenario-format.md)."""

    senescape: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
    title: str
    note: str = ""
    setting: Literal["culture", "host"]
    scope: Literal["seed", "beyond_seed"] = "seed"
    start: Amount = Field(default=0, validate_default=True)
    citations: dict[Name, Citation] = Field(default_factory=dict)
    inducer: Inducer | None = None
    parameters: dict[Name, ParameterNoun]
    cells: Cells
    arrows: dict[Name, Arrow]
    rerouting: Rerouting | None = None
    signals: dict[Name, SignalNoun] = Field(default_factory=dict)
    ports: dict[Name, PortNoun] = Field(default_factory=dict)
    host: Host | None = None
    drugs: dict[Name, Drug] = Field(default_factory=dict)
    radiation: dict[Name, Radiation] = Field(default_factory=dict)
    regimens: Annotated[dict[RegimenName, Regimen], Field(min_length=1)]
    observables: dict[Name, Observable] = Field(default_factory=dict)
    assays: dict[Name, AssayNoun] = Field(default_factory=dict)
    uncertainty: Uncertainty = Field(default_factory=Uncertainty)
    variation: dict[Name, Variation] = Field(default_factory=dict)
    covariation: tuple[Correlation, ...] = ()
    variants: dict[Name, Variant] = Field(default_factory=dict)
    outcome: OutcomeNoun | None = None
    measured: dict[Name, Measured] = Field(default_factory=dict)
    contrasts: dict[Name, Contrast] = Field(default_factory=dict)
    expectations: dict[Name, Expectation] = Field(default_factory=dict)

    @field_validator("regimens", mode="before")
    @classmethod
    def _names_as_text(cls, given: object) -> object:
        return {str(k): v for k, v in given.items()} if isinstance(given, dict) else given

    def canonical_text(self) -> str:
        """Return the scenario as JSON with sorted keys: the text that the digest is taken of.

        Contrasts and expectations are left out: no run depends on them. Fields that the format got
        later count only where they are used, so that what was written before keeps its digest.
        """
        data = self.model_dump(mode="json", by_alias=True, exclude={"contrasts", "expectations"})
        for entry in data["variation"].values():
            for field in LATER_IN_VARIATION:
                if entry[field] is None:
                    del entry[field]
        return json.dumps(data, sort_keys=True)

    @property
    def digest(self) -> str:
        """SHA-256 of :meth:`canonical_text`; comments and layout of the file do not change it."""
        return hashlib.sha256(self.canonical_text().encode()).hexdigest()

    @property
    def place(self) -> str:
        """The words that say where the verdict holds."""
        return "in this culture; no host" if self.setting == "culture" else "in this host"

    def assumed_fraction(self) -> float:
        """Return the share of parameters whose source is the word assumption."""
        sources = [p.source for p in self.parameters.values()]
        return sum(s == ASSUMPTION for s in sources) / len(sources) if sources else 0.0

    def with_parameters(self, values: dict[str, str]) -> Scenario:
        """Return the same scenario with other values (text with units) of some parameters."""
        from .base import read_value

        changed = dict(self.parameters)
        for name, text in values.items():
            value: Value = read_value(text)
            changed[name] = changed[name].model_copy(update={"value": value})
        return self.model_copy(update={"parameters": changed})
