"""What each SBML id means in a formula, and what becomes of it in a network.

A species that reactions change becomes a compartment of the network (a number of particles: its
amount); what only events or a rate rule change becomes a signal; an assignment rule a port; all
else a parameter. Where ``hasOnlySubstanceUnits`` is false, the id of a species stands for amount
divided by the size of its compartment, as the standard says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from senescape.errors import ModelError, Where
from senescape.expressions import Binary, Expr, Number, Symbol

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
    line : dict
        Where each id is declared.
    """

    file: str
    names: dict[str, Expr] = field(default_factory=dict)
    fate: dict[str, Fate] = field(default_factory=dict)
    size: dict[str, Expr] = field(default_factory=dict)
    line: dict[str, int] = field(default_factory=dict)
    rules: dict[str, Plain] = field(default_factory=dict)
    initial: dict[str, Plain] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Plain, file: str) -> Symbols:
        """Read the ids of a model.

        Raises
        ------
        ModelError
            An id that stands for two things, a compartment whose size changes.
        """
        own = cls(file)
        own.rules = {r["symbol"]: r for r in model["rules"]}
        own.initial = {i["symbol"]: i for i in model["initial"]}
        for group in ("compartments", "species", "parameters", "reactions", "functions"):
            for item in model[group]:
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
        for item in model["compartments"]:
            self._refuse_moving_size(item, assigned)
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

    def _refuse_moving_size(self, item: Plain, assigned: set[str]) -> None:
        if item["id"] in self.rules or item["id"] in assigned:
            raise ModelError(
                f"the size of compartment {item['id']} changes",
                allowed="compartments of constant size",
                remedy="fix the size, or use another simulator",
                check="sbml.variable-size",
                where=Where(self.file, item["line"], f"compartment {item['id']}"),
            )

    def _mean(self, model: Plain) -> None:
        sized = set()
        for item in model["compartments"]:
            if item["size"] is not None or item["id"] in self.initial:
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
                    if reference["id"] and reference["stoichiometry"] is not None:
                        self.names[reference["id"]] = Number(reference["stoichiometry"])

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
        if self.fate[name] is not Fate.PORT:  # a rule gives the concentration itself
            self.names[name] = Binary("/", own, size)

    def amount(self, name: str, value: Expr) -> Expr:
        """Return the amount of a species whose id has a value."""
        return Binary("*", value, self.size[name]) if name in self.size else value


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
