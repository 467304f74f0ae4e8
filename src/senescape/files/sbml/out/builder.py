"""The parts of a model: stages written out, probabilities of outcomes as factors of laws.

Gates and routes stay parameters. Formulas are our own trees, over ids that SBML allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from senescape.expressions import Binary, Call, Expr, Number, Symbol, simplify, substitute
from senescape.network import Compartment, Input, Kind, Network, Transition, Visit, When
from senescape.units import DIMENSIONLESS, TIME

from .nouns import Ids, Labels, Quantity, Reaction, Species, Start

ZERO, ONE = Number(0.0), Number(1.0)


class Builder:
    """One network; holds the ids while the parts are made."""

    def __init__(self, network: Network, start: Start, labels: Labels) -> None:
        self.network, self.start, self.labels = network, start, labels
        self.ids = Ids()
        for parameter in network.parameters:
            self.ids.new(parameter.name, symbol=True)
        for signal in network.signals:
            self.ids.new(signal.name, symbol=True)
        for name in (*(p.name for p in network.ports), *(a.id for a in network.assays)):
            self.ids.new(name, symbol=True)
        began = network.forcing.start
        clock = Symbol("time")
        self.ids.table["time"] = clock if began == 0.0 else Binary("+", clock, Number(began))
        self.stages = {
            c.id: [self.ids.new(_staged(c, i)) for i in range(c.stages)]
            for c in network.compartments
        }
        self.compartment = {c.id: c for c in network.compartments}
        actions = [a for point in network.forcing.breakpoints for a in point.actions]
        supplied = {a.signal for a in actions if isinstance(a, Input)}
        watched = {name for a in actions if isinstance(a, Visit) for name in a.signals}
        self.supply = {s: self.ids.new(f"supply_{s}") for s in sorted(supplied)}
        self.factor = {s: self.ids.new(f"dose_factor_{s}") for s in sorted(watched)}
        running = {a.number for a in actions if isinstance(a, Input) and a.signal in watched}
        self.infusion = {n: self.ids.new(f"infusion_factor_{n + 1}") for n in sorted(running)}

    def read(self, expr: Expr) -> Expr:
        """Return a formula of the network over ids of the file."""
        return substitute(expr, self.ids.table)

    def id(self, name: str) -> str:
        """Return the id of a symbol of the network."""
        found = self.ids.table[name]
        assert isinstance(found, Symbol)
        return found.name

    def quantities(self) -> Iterable[Quantity]:
        """Yield parameters, signals, what doses need, assays and ports."""
        network = self.network
        for item in network.parameters:
            source = self.labels.sources.get(item.name, "")
            yield Quantity(self.id(item.name), item.name, item.dimension, item.value, source=source)
        for signal, value in zip(network.signals, self.start.signals, strict=True):
            yield Quantity(
                self.id(signal.name),
                signal.name,
                signal.dimension,
                value,
                constant=False,
                rate=self.change(signal.name),
            )
        dimensions = {s.name: s.dimension for s in network.signals}
        for name, own in self.supply.items():
            label = f"input into {name}"
            yield Quantity(own, label, dimensions[name] / TIME, 0.0, constant=False)
        for name, own in self.factor.items():
            label = f"what later doses of {name} are multiplied by"
            yield Quantity(own, label, DIMENSIONLESS, 1.0, constant=False)
        for number, own in self.infusion.items():
            label = f"what infusion {number + 1} was multiplied by"
            yield Quantity(own, label, DIMENSIONLESS, 1.0, constant=False)
        for assay in network.assays:
            rule = self.total(assay.id)
            yield Quantity(self.id(assay.id), assay.id, assay.dimension, None, False, rule)
        for port in network.ports:
            rule = self.read(port.closure)
            yield Quantity(self.id(port.name), port.name, port.dimension, None, False, rule)

    def total(self, assay: str) -> Expr:
        """Return a weighted number of cells, over species."""
        item = next(a for a in self.network.assays if a.id == assay)
        terms = [
            simplify(Binary("*", self.read(weight), Symbol(stage)))
            for name, weight in item.weights
            for stage in self.stages[name]
        ]
        return joined("+", [t for t in terms if t != ZERO], ZERO)

    def change(self, signal: str) -> Expr:
        """Return dx/dt of a signal."""
        item = next(s for s in self.network.signals if s.name == signal)
        terms = []
        for term in item.terms:
            coefficient = self.read(term.coefficient)
            if term.source is not None:
                coefficient = Binary("*", coefficient, Symbol(self.id(term.source)))
            terms.append(coefficient)
        if signal in self.supply:
            terms.append(Symbol(self.supply[signal]))
        return joined("+", terms, ZERO)

    def species(self) -> Iterable[Species]:
        """Yield every stage of every compartment."""
        cells = iter(self.start.cells)
        for item in self.network.compartments:
            for stage, own in enumerate(self.stages[item.id]):
                yield Species(own, _staged(item, stage), next(cells), item.role)

    # --- reactions

    def reactions(self) -> Iterable[Reaction]:
        """Yield the passing of stages, then the outcomes of every transition."""
        for item in self.network.compartments:
            if item.advance is None:
                continue
            own = self.stages[item.id]
            for stage, (one, two) in enumerate(zip(own, own[1:], strict=False)):
                name = f"{item.id} passes stage {stage + 1}"
                law = simplify(Binary("*", self.read(item.advance), Symbol(one)))
                number = self.ids.new(f"stage_{one}")
                yield Reaction(number, name, ((one, 1),), ((two, 1),), law)
        for transition in self.network.transitions:
            yield from self.outcomes(transition)

    def outcomes(self, item: Transition) -> Iterable[Reaction]:
        """Return one reaction for each stage, route and outcome of a transition."""
        for consumed, law in self.flows(item):
            for number, route in enumerate(item.routes):
                chosen = law
                if item.route is not None and len(item.routes) > 1:
                    test = Binary("==", Symbol(self.id(item.route)), Number(float(number)))
                    chosen = Binary("*", law, Call("if", (test, ONE, ZERO)))
                for outcome in route.outcomes:
                    whole = simplify(Binary("*", chosen, self.read(outcome.probability)))
                    if whole == ZERO:
                        continue
                    yield self.reaction(item, consumed, route.name, outcome.products, whole)

    def reaction(
        self,
        item: Transition,
        consumed: str | None,
        route: str,
        products: Sequence[tuple[str, int]],
        law: Expr,
    ) -> Reaction:
        """Return one reaction; what it makes enters the first stage."""
        made: dict[str, int] = {}
        used = {} if consumed is None else {consumed: 1}
        for name, count in products:
            side = made if count > 0 else used  # a general transition may name a net loss
            first = self.stages[name][0]
            side[first] = side.get(first, 0) + abs(count)
        several = len(item.routes) > 1 or len(item.routes[0].outcomes) > 1
        name = f"{item.id} ({route})" if several else item.id
        own = self.ids.new(name if consumed is None else f"{item.id}_{consumed}_{route}")
        term = self.term(item, products)
        return Reaction(own, name, tuple(used.items()), tuple(made.items()), law, term)

    def flows(self, item: Transition) -> Iterable[tuple[str | None, Expr]]:
        """Return (species consumed, cells or events a day) of each stage that it leaves."""
        rate = self.gated(item)
        if item.source is None:
            yield None, rate
            return
        own = self.stages[item.source]
        if item.kind is Kind.GENERAL:
            yield own[0], rate
        elif item.when is When.ANY_AGE:
            for stage in own:
                yield stage, simplify(Binary("*", rate, Symbol(stage)))
        else:
            advance = self.compartment[item.source].advance
            assert advance is not None
            leaving = Binary("*", self.read(advance), Symbol(own[-1]))
            yield own[-1], simplify(Binary("*", leaving, self.share(item, rate)))

    def gated(self, item: Transition) -> Expr:
        """Return a hazard times its gate."""
        hazard = self.read(item.hazard)
        if item.gate is None:
            return hazard
        return simplify(Binary("*", Symbol(self.id(item.gate)), hazard))

    def share(self, item: Transition, own: Expr) -> Expr:
        """Return the share of a timed transition among its rivals; 0 where all are shut."""
        rivals = [
            t
            for t in self.network.transitions
            if t.source == item.source and t.kind is Kind.UNARY and t.when is When.TIMED
        ]
        total = joined("+", [self.gated(t) for t in rivals], ZERO)
        if isinstance(total, Number):
            return ZERO if total == ZERO else simplify(Binary("/", own, total))
        # the divisor is never 0, not even in the branch that is not taken
        above = Binary("!=", total, ZERO)
        safe = Call("if", (above, total, ONE))
        return Call("if", (above, Binary("/", own, safe), ZERO))

    def term(self, item: Transition, products: Sequence[tuple[str, int]]) -> str:
        """Return the process of the Gene Ontology that a transition is a version of, if sure."""
        roles = {self.compartment[name].role for name, count in products if count > 0}
        before = "" if item.source is None else self.compartment[item.source].role
        if "senescent" not in before and any("senescent" in role for role in roles):
            return SENESCENCE
        if before != "apoptotic" and "apoptotic" in roles:
            return APOPTOSIS
        made = sum(count for name, count in products if name == item.source)
        return PROLIFERATION if made > 1 and before == "cycling" else ""


SENESCENCE, APOPTOSIS, PROLIFERATION = "GO:0090398", "GO:0006915", "GO:0008283"


def _staged(item: Compartment, stage: int) -> str:
    return item.id if item.stages == 1 else f"{item.id} stage {stage + 1}"


def joined(op: str, terms: Sequence[Expr], empty: Expr) -> Expr:
    """Join terms from the left, constants folded."""
    if not terms:
        return empty
    result = terms[0]
    for term in terms[1:]:
        result = simplify(Binary(op, result, term))
    return result
