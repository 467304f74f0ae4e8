"""What is counted and what is sensed: observables, groups of the census, ports, signals."""

from __future__ import annotations

from dataclasses import dataclass

from senescape.errors import ScenarioError, Where
from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary
from senescape.model import Arrow, Figure1, Role
from senescape.network import Assay, Port, Signal, SignalKind, Term
from senescape.units import COUNT, DIMENSIONLESS, RATE, TIME, Dimension

from .arrows import ArrowBuilder
from .names import unknown
from .pharmacology import Site
from .places import Place

ORIGINS = ("never_senescent", "recovery", "reentry", "preexisting", "acquired")
TUMOUR, CYCLING, UNDECIDED = "tumour:alive", "tumour:cycling", "tumour:undecided"
SENESCENT = "tumour:senescent"


def newcomers(arrow: Arrow) -> set[str]:
    """Return the states into which an arrow brings cells of the clone that it acts on.

    Its first product belongs to ``to_clone``, if there is one; a mother that stays is no newcomer.
    """
    own = arrow.to[1:] if arrow.to_clone else arrow.to
    return set(own) - set(arrow.from_)


@dataclass(slots=True)
class CountingBuilder(ArrowBuilder):
    """Makes assays, ports and signals."""

    def assays(self) -> list[Assay]:
        """Return the observables, then a group for each state, role and origin of the census."""
        made = [self._observable(name) for name in self.scenario.observables]
        states = self.scenario.cells.states
        one = Number(1.0)

        def group(name: str, cells: list[Place]) -> None:
            made.append(Assay(name, tuple((self.ids[c], one) for c in cells)))

        for state in states:
            group(f"state:{state}", [c for c in self.ids if c.state == state])
        tumour = [
            c
            for c in self.ids
            if states[c.state].tumour and states[c.state].role is not Role.APOPTOTIC
        ]
        cycling = [c for c in tumour if states[c.state].cycles]
        group(TUMOUR, tumour)
        group(CYCLING, cycling)
        group(UNDECIDED, [c for c in tumour if states[c.state].role is Role.UNDECIDED])
        group(SENESCENT, [c for c in tumour if states[c.state].role.senescent])
        for origin in ORIGINS:
            group(f"origin:{origin}", [c for c in cycling if self._origin(c) == origin])
        return made

    def _origin(self, cell: Place) -> str:
        """Return where a cycling tumour cell comes from, in the words of the census."""
        arrows = self.scenario.arrows.values()
        if cell.clone != next(iter(self.scenario.cells.clones)):
            starts = {i.clone for i in self.scenario.cells.initial}
            return "preexisting" if cell.clone in starts else "acquired"
        for figure1, origin in (
            (Figure1.RECOVERY, "recovery"),
            (Figure1.REENTRY, "reentry"),
            (Figure1.ESCAPE_ACQUIRED, "acquired"),
        ):
            if any(a.figure1 is figure1 and cell.state in newcomers(a) for a in arrows):
                return origin
        return "never_senescent"

    def _observable(self, name: str) -> Assay:
        noun, place = self.scenario.observables[name], f"observables.{name}"
        states = self.scenario.cells.states
        weights: list[tuple[str, Expr]] = []
        kinds = set()
        for state, value in noun.sum.items():
            if state not in states:
                raise unknown("state", state, states, f"{place}.sum.{state}")
            field_ = f"{place}.sum.{state}"
            kinds.add(self.names.dimension(value, field_, self.names.constants()))
            weight = self.names.expr(value, field_, tuple(kinds), constant=True)
            weights += [
                (compartment, weight)
                for cell, compartment in self.ids.items()
                if cell.state == state and (noun.clones is None or cell.clone in noun.clones)
            ]
        if len(kinds) > 1:
            raise ScenarioError(
                f"weights with dimensions {' and '.join(sorted(map(str, kinds)))}",
                allowed="one dimension for all weights",
                remedy="give every state a weight of the same kind",
                check="scenario.weights",
                where=Where(field=f"{place}.sum"),
            )
        if noun.per is not None and noun.per not in self.scenario.observables:
            raise unknown("observable", noun.per, self.scenario.observables, f"{place}.per")
        kind = kinds.pop() if kinds else DIMENSIONLESS
        unit = self.unit(noun.unit, f"{place}.unit")
        expected = COUNT * kind if noun.per is None else DIMENSIONLESS
        if unit != expected:
            raise ScenarioError(
                f"unit {noun.unit} has dimension {unit}",
                allowed=f"dimension {expected}: cells times weight",
                remedy="correct the unit",
                check="scenario.observable-unit",
                where=Where(field=f"{place}.unit"),
            )
        if noun.background is not None:
            self.names.expr(noun.background, f"{place}.background", COUNT * kind, constant=True)
        if noun.noise is not None:
            spread = noun.noise.multiplicative
            self.names.expr(spread, f"{place}.noise.multiplicative", DIMENSIONLESS, constant=True)
            if noun.noise.additive is not None:
                where = f"{place}.noise.additive"
                self.names.expr(noun.noise.additive, where, COUNT * kind, constant=True)
        return Assay(name, tuple(weights), COUNT * kind)

    def ports(self, assays: list[Assay]) -> list[Port]:
        """Return the ports, with ``crowding`` where the scenario has one."""
        counted = {a.id: a.dimension for a in assays}
        ports = []
        for name, noun in self.scenario.ports.items():
            place = f"ports.{name}"
            dimension = self.unit(noun.unit, f"{place}.unit")
            closure = self.names.expr(noun.formula, f"{place}.formula", dimension, extra=counted)
            ports.append(Port(name, dimension, closure))
        crowding = self.scenario.cells.crowding
        if crowding is not None:
            place = "cells.crowding"
            observables = self.scenario.observables
            if crowding.counts not in observables:
                raise unknown("observable", crowding.counts, observables, f"{place}.counts")
            dimension = counted[crowding.counts]
            capacity = self.names.expr(
                crowding.capacity, f"{place}.capacity", dimension, constant=True
            )
            power = self.names.expr(crowding.power, f"{place}.power", DIMENSIONLESS, constant=True)
            filled = Binary("/", Symbol(crowding.counts), capacity)
            room: Expr = Binary("-", Number(1.0), Binary("^", filled, power))
            if crowding.law == "gompertz":
                room = Unary("-", Call("log", (Call("max", (filled, Number(1e-300))),)))
            closure = Call("max", (Number(0.0), room))
            ports.append(Port("crowding", DIMENSIONLESS, closure))
        for port in ports:
            self.names.claim(port.name, port.dimension, "ports")
        return ports

    def signals(self, sites: dict[str, Site], assays: list[Assay]) -> list[Signal]:
        """Return the signals of the scenario (those of drugs stand elsewhere)."""
        counted = {a.id: a.dimension for a in assays}
        return [self._signal(name, sites, counted) for name in self.scenario.signals]

    def _signal(self, name: str, sites: dict[str, Site], counted: dict[str, Dimension]) -> Signal:
        noun, names = self.scenario.signals[name], self.names
        law, place, unit = noun.law, f"signals.{name}.law", names.dimensions[name]
        terms: list[Term] = []
        for index, inflow in enumerate(law.inputs):
            where = f"{place}.inputs[{index}]"
            source, factor = self._input(inflow.from_, sites, where)
            expect = unit / TIME / names.dimensions[source]
            rate = names.expr(inflow.rate, f"{where}.rate", expect, constant=True)
            terms.append(Term(rate if factor is None else Binary("*", factor, rate), source))
        for index, secretion in enumerate(law.secreted):
            where = f"{place}.secreted[{index}]"
            by = secretion.by if secretion.by in counted else f"state:{secretion.by}"
            if by not in counted:
                known = set(self.scenario.cells.states) | set(self.scenario.observables)
                raise unknown("state or observable", secretion.by, known, f"{where}.by")
            expect = unit / TIME / counted[by]
            rate = names.expr(secretion.rate, f"{where}.rate", expect, constant=True)
            terms.append(Term(rate, by))
        if law.supply is not None:
            rate = names.expr(law.supply, f"{place}.supply", unit / TIME, constant=True)
            terms.append(Term(rate, None))
        if law.decay is not None:
            decay = names.expr(law.decay, f"{place}.decay", RATE, constant=True)
            terms.append(Term(Unary("-", decay), name))
        initial: Expr = Number(0.0)
        if noun.initial is not None:
            initial = names.expr(noun.initial, f"signals.{name}.initial", unit, constant=True)
        driven = self._driven_by_cells(name, set())
        kind = SignalKind.LINEAR if driven else SignalKind.EXOGENOUS
        return Signal(name, unit, kind, tuple(terms), initial)

    def _driven_by_cells(self, name: str, seen: set[str]) -> bool:
        if name in seen or name not in self.scenario.signals:
            return False
        law = self.scenario.signals[name].law
        if law.secreted:
            return True
        return any(self._driven_by_cells(i.from_, seen | {name}) for i in law.inputs)

    def _input(self, name: str, sites: dict[str, Site], place: str) -> tuple[str, Expr | None]:
        """Return the signal behind a name, and the unbound share of a drug."""
        if name in sites:
            alias = self.names.aliases[name]
            if isinstance(alias, Symbol):
                return alias.name, None
            assert isinstance(alias, Binary) and isinstance(alias.right, Symbol)
            return alias.right.name, alias.left
        known = set(self.scenario.signals) | {s for site in sites.values() for s in site.all}
        if name not in known:
            raise unknown("signal or drug", name, known | set(sites), f"{place}.from")
        return name, None
