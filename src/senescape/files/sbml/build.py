"""From the plain data of an SBML model to the one intermediate form."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from senescape.compile import equalities_with_time
from senescape.errors import SenescapeError, Where
from senescape.expressions import Binary, Expr, Number, Symbol, Unary, evaluate, substitute
from senescape.network import (
    Assay,
    Birth,
    Compartment,
    Event,
    Kind,
    Network,
    Outcome,
    Parameter,
    Port,
    Reading,
    Route,
    Signal,
    SignalKind,
    Transition,
    check_network,
)
from senescape.units import DIMENSIONLESS

from .formulas import TIME, folded
from .refusals import refuse, refuse_unsupported
from .symbols import Fate, Symbols, formulas_of, inner, rate_of, references

Plain = dict[str, Any]
MOST_COUNT = 2**31 - 1


def network_of(answer: Plain, file: str) -> Network:
    """Return the network of a parsed document.

    Parameters
    ----------
    answer : dict
        As :func:`senescape.files.sbml.process.parsed` returns it.
    file : str
        As the user named it.

    Raises
    ------
    ModelError
        What is not supported or not complete, by name and line.
    SenescapeError
        A formula that uses a truth value as a number, or the reverse.
    """
    refuse_unsupported(answer, file)
    network = _Builder(answer["model"], file).network()
    try:
        check_network(network)
    except SenescapeError as error:
        raise error.at(Where(file)) from None
    return network


class _Builder:
    """One model; formulas are read once and kept by what they define."""

    def __init__(self, model: Plain, file: str) -> None:
        self.model, self.file = model, file
        self.symbols = Symbols.of(model, file)
        self.formulas = formulas_of(model, file)
        names = self.symbols.names
        self.fixed = self._fixed()
        self.counts = self._counts()
        self.rules = {
            name: self.read(rule, names, f"{rule['kind']} rule of {name}")
            for name, rule in self.symbols.rules.items()
        }
        self.laws = {r["id"]: self.law(r) for r in model["reactions"]}
        self.flows = self._flows()
        self.slopes = {rate_of(n): self.slope(n) for n in self._ruled_by_no_port()}
        self.start = self.initial_values()

    def read(self, item: Plain, names: Mapping[str, Expr], place: str, key: str = "math") -> Expr:
        return self.formulas.tree(item[key], names, place, item["line"])

    # --- stoichiometries

    def _fixed(self) -> dict[str, float]:
        """Return the parameters that have a given value and keep it."""
        return {
            inner(p["id"]): p["value"]
            for p in self.model["parameters"]
            if self.symbols.fate[p["id"]] is Fate.PARAMETER
            and p["id"] not in self.symbols.initial
            and p["value"] is not None
        }

    def _counts(self) -> dict[str, list[tuple[str, int, Expr]]]:
        """Return, of every species that reactions change, (reaction, sign, number) of each part.

        A number is what one reaction adds or takes, conversion factor included; it is a formula
        where it is not known before the run.
        """
        found: dict[str, list[tuple[str, int, Expr]]] = {}
        factor = {s["id"]: s["factor"] or self.model["factor"] for s in self.model["species"]}
        for reaction in self.model["reactions"]:
            for side, sign in (("reactants", -1), ("products", 1)):
                for reference in reaction[side]:
                    species = reference["species"]
                    if self.symbols.fate.get(species) is not Fate.COMPARTMENT:
                        continue
                    count = self._count(reaction, reference)
                    if factor[species]:
                        by = self.formulas.tree(
                            ["name", factor[species]],
                            self.symbols.names,
                            f"conversion factor of {species}",
                            self.symbols.line[species],
                        )
                        count = Binary("*", count, by)
                    number = self._with_constants(count)
                    found.setdefault(species, []).append((reaction["id"], sign, number))
        return found

    def _count(self, reaction: Plain, reference: Plain) -> Expr:
        """Return the stoichiometry of a reactant or product, as it is written."""
        name, names = reference["id"], self.symbols.names
        if reference["math"] is not None:
            return self.read(reference, names, f"a stoichiometry in {reaction['id']}")
        if name and (name in self.symbols.rules or self.symbols.fate[name] is Fate.SIGNAL):
            return names[name]
        if name in self.symbols.initial:
            expr = self._with_constants(
                self.read(self.symbols.initial[name], names, f"initial assignment of {name}")
            )
            return expr if isinstance(expr, Number) else names[name]
        value = reference["stoichiometry"]
        if value is None or not math.isfinite(value):
            refuse(
                self.file,
                reference["line"],
                f"reaction {reaction['id']} has the stoichiometry {value} "
                f"of {reference['species']}",
                "a number, an assignment or a rule",
                "state it",
                "stoichiometry",
            )
        return Number(float(value))

    def _with_constants(self, expr: Expr) -> Expr:
        """Return a number where a formula reads nothing but parameters with a given value."""
        return Number(evaluate(expr, self.fixed)) if expr.names() <= self.fixed.keys() else expr

    def _flows(self) -> dict[str, Expr]:
        """Return the rate of change of each species that does not change by whole numbers.

        Those are no particles that reactions make one by one: they become signals.
        """
        flows = {}
        for species, parts in self.counts.items():
            if all(isinstance(n, Number) and _whole(n.value) for _, _, n in parts):
                continue
            self.symbols.fate[species] = Fate.SIGNAL
            flows[species] = self._flow(species)
        return flows

    def _flow(self, species: str) -> Expr:
        terms: list[Expr] = []
        for reaction, sign, number in self.counts.get(species, ()):
            term = Binary("*", number, Symbol(inner(reaction)))
            terms.append(Unary("-", term) if sign < 0 else term)
        return folded("+", terms)

    def _ruled_by_no_port(self) -> list[str]:
        return [name for name, fate in self.symbols.fate.items() if fate is not Fate.PORT]

    def slope(self, name: str) -> Expr:
        """Return the rate of change of the value of an id (between events)."""
        if name in self.rules:
            return self.rules[name]
        if name not in self.counts:
            return Number(0.0)
        size = self.symbols.size.get(name)
        flow = self._flow(name)
        if size is None:
            return flow
        own = Binary("/", flow, size)
        home = next(s["compartment"] for s in self.model["species"] if s["id"] == name)
        if home not in self.rules:
            return own
        # what is in a compartment that grows is diluted
        growth = Binary("/", Symbol(rate_of(home)), size)
        return Binary("-", own, Binary("*", self.symbols.names[name], growth))

    def law(self, reaction: Plain) -> Expr:
        own = {p["id"]: Symbol(f"{reaction['id']}.{p['id']}") for p in reaction["local"]}
        names = {**self.symbols.names, **own}
        return self.read(reaction, names, f"reaction {reaction['id']}", "law")

    # --- values at the start

    def initial_values(self) -> dict[str, float]:
        """Return the value of every symbol at time 0, each after those that it reads."""
        formulas = self._initial_formulas()
        order = self._ordered(
            {name: expr.names() & formulas.keys() for name, expr in formulas.items()}
        )
        values = {"time": 0.0}
        for name in order:
            formula = formulas[name]
            if formula.names() <= values.keys():
                values[name] = evaluate(formula, values)
        wanted = {inner(n) for n, fate in self.symbols.fate.items() if fate is not Fate.PORT}
        for name in sorted(wanted & set(formulas)):
            if not math.isfinite(values.get(name, math.nan)):
                refuse(
                    self.file,
                    self.symbols.line.get(name),
                    f"{name} starts at {values.get(name, math.nan)}",
                    "a finite number",
                    "correct its initial value or assignment",
                    "initial-value",
                )
        return values

    def _initial_formulas(self) -> dict[str, Expr]:
        found: dict[str, Expr] = {}
        for group, key in (("compartments", "size"), ("parameters", "value")):
            for item in self.model[group]:
                expr = self._assigned(item)
                if expr is None and item[key] is not None:
                    expr = Number(item[key])
                if expr is not None:
                    found[inner(item["id"])] = expr
        for item in self.model["species"]:
            found[inner(item["id"])] = self._initial_species(item)
        for reaction in self.model["reactions"]:
            found[inner(reaction["id"])] = self.laws[reaction["id"]]
            for local in reaction["local"]:
                found[f"{reaction['id']}.{local['id']}"] = Number(self._local(reaction, local))
        for name, reference in references(self.model).items():
            expr = self._assigned(reference)
            if expr is None and reference["stoichiometry"] is not None:
                expr = Number(reference["stoichiometry"])
            if expr is not None:
                found[inner(name)] = expr
        return found | self.slopes

    def _local(self, reaction: Plain, local: Plain) -> float:
        value = local["value"]
        if value is None or not math.isfinite(value):
            what = f"the local parameter {local['id']} of reaction {reaction['id']} is {value}"
            refuse(self.file, local["line"], what, "a finite number", "state it", "no-value")
        return float(value)

    def _assigned(self, item: Plain) -> Expr | None:
        """Return what an assignment rule or initial assignment gives an id, in its own unit."""
        name = item["id"]
        rule = self.symbols.rules.get(name)
        if rule is not None and rule["kind"] == "assignment":
            return self.rules[name]
        assigned = self.symbols.initial.get(name)
        if assigned is None:
            return None
        return self.read(assigned, self.symbols.names, f"initial assignment of {name}")

    def _initial_species(self, item: Plain) -> Expr:
        name = item["id"]
        expr = self._assigned(item)
        if expr is not None:
            return self.symbols.held(name, expr)
        size = self.symbols.names.get(item["compartment"])
        valued = name in self.symbols.valued and name in self.symbols.size
        if item["amount"] is not None:
            amount = Number(item["amount"])
            return Binary("/", amount, self.symbols.size[name]) if valued else amount
        if item["concentration"] is not None and size is not None:
            value = Number(item["concentration"])
            return value if valued else Binary("*", value, size)
        refuse(
            self.file,
            item["line"],
            f"species {name} has no initial amount",
            "an initial amount, concentration or assignment",
            "state how many there are at the start",
            "no-value",
        )

    def _ordered(self, reads: Mapping[str, Collection[str]]) -> list[str]:
        try:
            return list(TopologicalSorter(reads).static_order())
        except CycleError as error:
            circle = " -> ".join(str(name) for name in error.args[1])
            refuse(
                self.file,
                self.symbols.line.get(str(error.args[1][0])),
                f"values that depend on each other: {circle}",
                "assignments that can be put in order",
                "break the circle",
                "circle",
            )

    # --- the parts of the network

    def network(self) -> Network:
        """Return the network."""
        numbers = self._of(Fate.COMPARTMENT)
        parameters = [*self._of(Fate.PARAMETER), *self._locals()]
        ports = self._ports()
        known = {p.name for p in ports}
        signals = [self._signal(name) for name in self._of(Fate.SIGNAL) if inner(name) not in known]
        return Network(
            parameters=tuple(
                Parameter(inner(n), DIMENSIONLESS, self.start[inner(n)])
                for n in parameters
                if inner(n) in self.start
            ),
            compartments=tuple(Compartment(inner(n), n, "particle") for n in numbers),
            transitions=tuple(
                self._transition(i, r) for i, r in enumerate(self.model["reactions"])
            ),
            signals=tuple(signals),
            ports=ports,
            assays=tuple(
                Assay(inner(n), ((inner(n), Number(1.0)),), DIMENSIONLESS) for n in numbers
            ),
            births=tuple(
                Birth(((inner(n), Number(1.0)),), Number(self._amount(n))) for n in numbers
            ),
            events=tuple(self._event(i, e) for i, e in enumerate(self.model["events"])),
            readings=tuple(self._readings()),
            plain=True,
        )

    def _of(self, fate: Fate) -> list[str]:
        return [name for name, own in self.symbols.fate.items() if own is fate]

    def _locals(self) -> list[str]:
        return [f"{r['id']}.{p['id']}" for r in self.model["reactions"] for p in r["local"]]

    def _amount(self, name: str) -> float:
        value = self.start[inner(name)]
        if value < 0.0:
            refuse(
                self.file,
                self.symbols.line[name],
                f"species {name} starts at {value:g}",
                "amounts of at least 0",
                "correct its initial value",
                "initial-value",
            )
        return value

    def _ports(self) -> tuple[Port, ...]:
        """Return assignment rules, rates that are read by name, and straight lines, in order."""
        closures = {inner(n): self.rules[n] for n in self._of(Fate.PORT)}
        closures |= {inner(n): line for n in self._of(Fate.SIGNAL) if (line := self._line(n))}
        everything = [*self.rules.values(), *self.laws.values(), *self.flows.values()]
        for event in self.model["events"]:
            everything += self._event_formulas(event)
        read = {name for expr in everything for name in expr.names()}
        candidates = {inner(n): law for n, law in self.laws.items()} | self.slopes
        while wanted := (read & candidates.keys()) - closures.keys():
            for name in wanted:
                closures[name] = candidates[name]
                read |= candidates[name].names()
        order = self._ordered({n: e.names() & closures.keys() for n, e in closures.items()})
        return tuple(Port(name, DIMENSIONLESS, closures[name]) for name in order)

    def _line(self, name: str) -> Expr | None:
        """Return the closed form of what grows at a constant rate and is set by no event."""
        rule = self.symbols.rules.get(name)
        set_by = {a["symbol"] for e in self.model["events"] for a in e["assignments"]}
        if rule is None or name in set_by:
            return None
        rate = self.symbols.held(name, self.rules[name])
        constants = {inner(n) for n in self._of(Fate.PARAMETER)}
        if not rate.names() <= constants:
            return None
        return Binary("+", Number(self.start[inner(name)]), Binary("*", rate, TIME))

    def _signal(self, name: str) -> Signal:
        rule, law = self.rules.get(name), self.flows.get(name)
        if rule is not None:
            law = self.symbols.held(name, rule)
        start = Number(self.start[inner(name)])
        return Signal(inner(name), DIMENSIONLESS, SignalKind.RATE_RULE, (), start, law)

    def _transition(self, number: int, reaction: Plain) -> Transition:
        change: dict[str, int] = {}
        for species, parts in self.counts.items():
            for name, sign, count in parts:
                if name == reaction["id"] and self.symbols.fate[species] is Fate.COMPARTMENT:
                    assert isinstance(count, Number)
                    change[species] = change.get(species, 0) + sign * int(count.value)
        products = tuple((inner(name), count) for name, count in change.items() if count)
        return Transition(
            number,
            reaction["id"],
            self.laws[reaction["id"]],
            (Route("as written", (Outcome(products),)),),
            kind=Kind.GENERAL,
        )

    def _event_formulas(self, event: Plain) -> list[Expr]:
        names, place = self.symbols.names, f"event {event['id']}"
        found = [self.read(event, names, place, "trigger")]
        if event["priority"] is not None:
            found.append(self.read(event, names, place, "priority"))
        return found + [self.read(a, names, place) for a in event["assignments"]]

    def _event(self, number: int, event: Plain) -> Event:
        name = event["id"] or f"event {number + 1}"
        trigger, *rest = self._event_formulas(event)
        priority = rest.pop(0) if event["priority"] is not None else None
        ports = {inner(n): self.rules[n] for n in self._of(Fate.PORT)}
        for found in equalities_with_time(substitute(trigger, ports)):
            refuse(
                self.file,
                event["line"],
                f"event {name} waits for {found}, which holds for no length of time",
                "<, <=, >, >= with time",
                "write >= in place of ==",
                "equality-with-time",
            )
        symbols = [a["symbol"] for a in event["assignments"]]
        for symbol in symbols:
            if self.symbols.fate.get(symbol) not in (Fate.COMPARTMENT, Fate.SIGNAL):
                what = f"event {name} sets {symbol}"
                allowed = "species and parameters that are not constant"
                refuse(self.file, event["line"], what, allowed, "set another", "event-target")
        return Event(
            name,
            trigger,
            tuple(
                (inner(s), self.symbols.held(s, value))
                for s, value in zip(symbols, rest, strict=True)
            ),
            persistent=event["persistent"],
            initial=event["initial"],
            priority=priority,
            at_trigger=event["at_trigger"],
        )

    def _readings(self) -> list[Reading]:
        """Return every species as its amount, then everything else that may change."""
        found = [Reading(s["id"], self.symbols.amount(s["id"])) for s in self.model["species"]]
        others = [*self.model["parameters"], *self.model["compartments"]]
        for name in (*(item["id"] for item in others), *references(self.model)):
            if self.symbols.fate[name] is not Fate.PARAMETER:
                found.append(Reading(name, Symbol(inner(name))))
        return found


def _whole(value: float) -> bool:
    return 0 <= value <= MOST_COUNT and value == int(value)
