"""What each SBML id means in a formula, and what becomes of it in a network.

A species that reactions change becomes a compartment of the network (a number of particles: its
amount); what only events or a rate rule change becomes a signal; an assignment rule a port; all
else a parameter. Where ``hasOnlySubstanceUnits`` is false, the id of a species stands for amount
divided by the size of its compartment, as the standard says.

The network holds amounts, so that a compartment that grows dilutes what is in it; but for a species
whose concentration follows a rule of its own, it holds the value of the id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from senescape.errors import ModelError, Where
from senescape.expressions import Binary, Expr, Symbol

from .formulas import Formulas, Function

Plain = dict[str, Any]


class Fate(Enum):
    """What an id becomes."""

    PARAMETER = "parameter"
    COMPARTMENT = "compartment"
    SIGNAL = "signal"
    PORT = "port"


@dataclass(slots=True)
class Symbols:
    """The ids of one model.

    Parameters
    ----------
    names : dict
        SBML id to what it means in a formula, over the symbols of the network.
    fate : dict
        What becomes of each species, parameter and compartment.
    size : dict
        Species id to the symbol of the size that turns its value into an amount; absent: the id
        stands for the amount itself.
    valued : set
        Species of which the network holds the value, not the amount.
    line : dict
        Where each id is declared.
    """

    file: str
    names: dict[str, Expr] = field(default_factory=dict)
    fate: dict[str, Fate] = field(default_factory=dict)
    size: dict[str, Expr] = field(default_factory=dict)
    valued: set[str] = field(default_factory=set)
    line: dict[str, int] = field(default_factory=dict)
    rules: dict[str, Plain] = field(default_factory=dict)
    initial: dict[str, Plain] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Plain, file: str) -> Symbols:
        """Read the ids of a model.

        Raises
        ------
        ModelError
            An id that stands for two things, a concentration that follows a rule in a compartment
            that events resize.
        """
        own = cls(file)
        own.rules = {r["symbol"]: r for r in model["rules"]}
        own.initial = {i["symbol"]: i for i in model["initial"]}
        for group in ("compartments", "species", "parameters", "reactions", "functions"):
            for item in model[group]:
                own._declare(item)
        for item in references(model).values():
            own._declare(item)
        own._classify(model)
        own._mean(model)
        return own

    def _declare(self, item: Plain) -> None:
        if item["id"] in self.line:
            raise ModelError(
                f"the id {item['id']} is declared twice",
                allowed="each id once",
                remedy="rename one of them",
                check="sbml.duplicate",
                where=Where(self.file, item["line"]),
            )
        self.line[item["id"]] = item["line"]

    def _classify(self, model: Plain) -> None:
        moved = {
            reference["species"]
            for reaction in model["reactions"]
            for side in ("reactants", "products")
            for reference in reaction[side]
        }
        held = {s["id"] for s in model["species"] if s["boundary"] or s["constant"]}
        assigned = {a["symbol"] for e in model["events"] for a in e["assignments"]}
        for group in ("compartments", "species", "parameters"):
            for item in model[group]:
                name = item["id"]
                kind = self.rules.get(name, {}).get("kind")
                if kind == "assignment":
                    self.fate[name] = Fate.PORT
                elif group == "species" and name in moved - held:
                    self.fate[name] = Fate.COMPARTMENT
                elif kind == "rate" or name in assigned:
                    self.fate[name] = Fate.SIGNAL
                else:
                    self.fate[name] = Fate.PARAMETER
        for name in references(model):
            kind = self.rules.get(name, {}).get("kind")
            changes = Fate.SIGNAL if kind == "rate" or name in assigned else Fate.PARAMETER
            self.fate[name] = Fate.PORT if kind == "assignment" else changes
        self._hold_values(model, assigned)

    def _hold_values(self, model: Plain, assigned: set[str]) -> None:
        """Note the species whose value a rule gives, in whatever room there is."""
        for item in model["species"]:
            name, home = item["id"], item["compartment"]
            ruled = name in self.rules and self.fate[name] is Fate.SIGNAL
            if self.fate[name] is Fate.PORT or (ruled and home in self.rules):
                self.valued.add(name)
            if ruled and home in self.rules and home in assigned and not item["substance_only"]:
                raise ModelError(
                    f"the concentration {name} follows a rate rule, and events resize {home}, "
                    "whose size follows a rule",
                    allowed="one of them",
                    remedy="write the rate rule for the amount (hasOnlySubstanceUnits)",
                    check="sbml.variable-size",
                    where=Where(self.file, item["line"], f"species {name}"),
                )

    def _mean(self, model: Plain) -> None:
        sized = set()
        for item in model["compartments"]:
            if item["size"] is not None or {item["id"]} & (self.initial.keys() | self.rules.keys()):
                sized.add(item["id"])
                self.names[item["id"]] = Symbol(inner(item["id"]))
        points = {c["id"] for c in model["compartments"] if c["point"]}
        for item in model["parameters"]:
            changed = item["id"] in self.rules or item["id"] in self.initial
            if item["value"] is not None or changed:
                self.names[item["id"]] = Symbol(inner(item["id"]))
        for item in model["species"]:
            self._mean_species(item, sized, points)
        for item in model["reactions"]:
            self.names[item["id"]] = Symbol(inner(item["id"]))
            for side in ("reactants", "products"):
                for reference in item[side]:
                    if reference["id"]:
                        self.names[reference["id"]] = Symbol(inner(reference["id"]))
        for name, fate in self.fate.items():
            if fate is not Fate.PORT:
                self.names[rate_of(name)] = Symbol(rate_of(name))

    def _mean_species(self, item: Plain, sized: set[str], points: set[str]) -> None:
        name, own = item["id"], Symbol(inner(item["id"]))
        self.names[name] = own
        if item["substance_only"] or item["compartment"] in points:
            return
        if item["compartment"] not in sized:
            raise ModelError(
                f"species {name} stands for a concentration, but compartment "
                f"{item['compartment']} has no size",
                allowed="a size, or hasOnlySubstanceUnits",
                remedy="state the size of the compartment",
                check="sbml.no-size",
                where=Where(self.file, item["line"], f"species {name}"),
            )
        size = Symbol(inner(item["compartment"]))
        self.size[name] = size
        if name not in self.valued:
            self.names[name] = Binary("/", own, size)

    def held(self, name: str, value: Expr) -> Expr:
        """Return what the network holds of an id that has a value."""
        if name in self.valued or name not in self.size:
            return value
        return Binary("*", value, self.size[name])

    def amount(self, name: str) -> Expr:
        """Return the amount of a species (the value of any other id)."""
        own = Symbol(inner(name))
        if name in self.valued and name in self.size:
            return Binary("*", own, self.size[name])
        return own


def references(model: Plain) -> dict[str, Plain]:
    """Return the reactants and products that have an id: it stands for the stoichiometry."""
    return {
        reference["id"]: reference
        for reaction in model["reactions"]
        for side in ("reactants", "products")
        for reference in reaction[side]
        if reference["id"]
    }


def rate_of(name: str) -> str:
    """Return the symbol of the rate of change of an id."""
    return f"rate of {name}"


def inner(name: str) -> str:
    """Return the symbol of an id in our expressions, in which ``time`` is taken."""
    return "id.time" if name == "time" else name


def formulas_of(model: Plain, file: str) -> Formulas:
    """Return the reader of a model's formulas, with its function definitions."""
    table = {
        f["id"]: Function(tuple(f["arguments"]), f["math"])
        for f in model["functions"]
        if f["math"] is not None
    }
    return Formulas(file, table)
