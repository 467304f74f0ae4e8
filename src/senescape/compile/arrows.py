"""Arrows become transitions; those into senescence get a gate and the rows of re-routing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from senescape.errors import ScenarioError, Where
from senescape.expressions import Binary, Symbol
from senescape.model import Arrow, player_parameter
from senescape.network import Kind, Route, Transition, When
from senescape.units import COUNT, DIMENSIONLESS, RATE, Dimension

from .names import unknown
from .places import Place, PlaceBuilder

ROUTES = ("on", "die", "inert", "recover")


@dataclass(slots=True)
class ArrowBuilder(PlaceBuilder):
    """Makes the transitions, one for each compartment that an arrow leaves."""

    def transitions(self) -> tuple[list[Transition], list[str]]:
        """Return all transitions, and the arrows by which tumour cells enter senescence."""
        made: list[Transition] = []
        entries: list[str] = []
        for name, arrow in self.scenario.arrows.items():
            place = f"arrows.{name}"
            self._check_arrow(arrow, place)
            if self._is_entry(arrow):
                entries.append(name)
                for what in ("gate", "route"):
                    default = 1.0 if what == "gate" else 0.0
                    self.names.parameter(f"{what}.{name}", DIMENSIONLESS, default, "arrows")
        if entries and self.scenario.rerouting is None:
            raise ScenarioError(
                "tumour cells enter senescence, but nothing says where else they might go",
                allowed="rerouting: {die, inert, recover}",
                remedy="name the state for each of the three rules",
                check="scenario.rerouting",
                where=Where(field=f"arrows.{entries[0]}"),
            )
        self._check_rerouting()
        for name, arrow in self.scenario.arrows.items():
            for cell in self._sources(arrow):
                made.append(self._transition(name, arrow, cell, len(made) + 1, name in entries))
        return made, entries

    def _check_arrow(self, arrow: Arrow, place: str) -> None:
        states, clones = self.scenario.cells.states, self.scenario.cells.clones
        for key, group in (("from", arrow.from_), ("to", arrow.to)):
            for state in group:
                if state not in states:
                    raise unknown("state", state, states, f"{place}.{key}")
        for clone in (*(arrow.clones or ()), *((arrow.to_clone,) if arrow.to_clone else ())):
            if clone not in clones:
                raise unknown("clone", clone, clones, place)
        if arrow.switch is not None and arrow.switch not in self.scenario.uncertainty.switches:
            raise unknown(
                "switch", arrow.switch, self.scenario.uncertainty.switches, f"{place}.switch"
            )
        if arrow.when == "timed":
            for state in arrow.from_:
                if states[state].dwell is None:
                    raise ScenarioError(
                        f"a timed exit from {state}, which has no dwell time",
                        allowed="states with a dwell time",
                        remedy=f"give {state} a dwell time, or make the exit any_age",
                        check="scenario.timed-without-dwell",
                        where=Where(field=f"{place}.when"),
                    )

    def _is_entry(self, arrow: Arrow) -> bool:
        """Whether this arrow is first passage of tumour cells into senescence."""
        states = self.scenario.cells.states
        into = any(states[t].role.senescent and states[t].tumour for t in arrow.to)
        out_of = [states[s] for s in arrow.from_]
        return into and any(s.tumour and not s.role.senescent for s in out_of)

    def _check_rerouting(self) -> None:
        rules, states = self.scenario.rerouting, self.scenario.cells.states
        if rules is None:
            return
        for rule in ("die", "inert", "recover"):
            target = getattr(rules, rule)
            if target not in states:
                raise unknown("state", target, states, f"rerouting.{rule}")
            if states[target].role.senescent:
                raise ScenarioError(
                    f"rule {rule} leads to {target}, which is senescent",
                    allowed="a state outside senescence",
                    remedy="choose another state",
                    check="scenario.rerouting-senescent",
                    where=Where(field=f"rerouting.{rule}"),
                )
        if states[rules.inert].cycles:
            raise ScenarioError(
                f"rule inert leads to {rules.inert}, whose cells may divide",
                allowed="a silent arrested state (can_cycle: false)",
                remedy="add such a state",
                check="scenario.rerouting-inert",
                where=Where(field="rerouting.inert"),
            )

    def _sources(self, arrow: Arrow) -> Iterator[Place | None]:
        if not arrow.from_:
            yield None
            return
        for state in arrow.from_:
            for cell in self.ids:
                if cell.state == state and (arrow.clones is None or cell.clone in arrow.clones):
                    yield cell

    def _transition(
        self, name: str, arrow: Arrow, cell: Place | None, number: int, entry: bool
    ) -> Transition:
        place = f"arrows.{name}.rate"
        expect: tuple[Dimension, ...] = (RATE,)
        if cell is None:
            expect = (COUNT * RATE, RATE)
        elif arrow.when == "timed":
            expect = (DIMENSIONLESS,)
        here = self.here(cell) if cell is not None else {}
        hazard = self.names.expr(arrow.rate, place, expect, here=here)
        if cell is not None:
            self.check_axes(hazard, cell, place)
        if arrow.switch is not None:
            hazard = Binary("*", Symbol(f"switch.{arrow.switch}"), hazard)
        if arrow.player is not None:
            hazard = Binary("*", Symbol(player_parameter(arrow.player)), hazard)
        own = cell.clone if cell is not None else next(iter(self.scenario.cells.clones))
        first = arrow.to_clone or own
        clones = tuple(first if i == 0 else own for i in range(len(arrow.to)))
        routes = [Route("on", self.outcomes(cell, clones, arrow.to))]
        if entry:
            rules = self.scenario.rerouting
            assert rules is not None
            for rule in ROUTES[1:]:
                target = getattr(rules, rule)
                routes.append(Route(rule, self.outcomes(cell, (own,), (target,))))
        source = self.ids[cell] if cell is not None else None
        return Transition(
            number,
            f"{name}|{source}" if source is not None else f"{name}|",
            hazard,
            tuple(routes),
            source=source,
            kind=Kind.UNARY if cell is not None else Kind.INFLOW,
            when=When.TIMED if arrow.when == "timed" else When.ANY_AGE,
            gate=f"gate.{name}" if entry else None,
            route=f"route.{name}" if entry else None,
            arrow=arrow.figure1.value,
        )
