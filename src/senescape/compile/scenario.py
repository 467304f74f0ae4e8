"""Scenario to network: clones and classes become compartments, arrows become transitions.

Formulas are checked here, field by field, so that a refusal names the place in the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from senescape.errors import ScenarioError, SenescapeError, Where
from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary
from senescape.model import (
    Arrow,
    Distribution,
    Figure1,
    Regimen,
    Role,
    Scenario,
    State,
    Value,
    Variation,
    read_value,
)
from senescape.network import (
    Assay,
    Birth,
    BirthLaw,
    Compartment,
    Forcing,
    Kind,
    Network,
    Outcome,
    Port,
    Route,
    Signal,
    SignalKind,
    Term,
    Transition,
    When,
)
from senescape.units import (
    COUNT,
    DIMENSIONLESS,
    RATE,
    TIME,
    Dimension,
    parse_quantity,
)

from .classes import strata
from .lower import lower
from .names import Names, unknown
from .pharmacology import Plan, Site, drug_signals
from .program import Program

ROUTES = ("on", "die", "inert", "recover")
ORIGINS = ("never_senescent", "recovery", "reentry", "preexisting", "acquired")
TUMOUR, CYCLING, UNDECIDED = "tumour:alive", "tumour:cycling", "tumour:undecided"
SENESCENT = "tumour:senescent"
HOSTLIKE = ("host", "well", "batch")
MAX_COMPARTMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program, and what its rows mean to a verdict.

    Parameters
    ----------
    entries : tuple of int
        Transitions by which tumour cells enter senescence.
    gates, routes : tuple of str
        Parameters that switch these arrows off, or send their cells elsewhere.
    """

    scenario: Scenario
    regimen: str
    network: Network
    program: Program
    entries: tuple[int, ...]
    gates: tuple[str, ...]
    routes: tuple[str, ...]


def compile_scenario(scenario: Scenario, regimen: str, variant: str | None = None) -> Compiled:
    """Compile one regimen of a scenario.

    Raises
    ------
    SenescapeError
        Names that are not declared, dimensions that do not fit, contradictions; each with the
        field of the scenario.
    """
    network, entries = _Builder(scenario, regimen, variant).build()
    program = lower(network)
    numbers = tuple(
        i for i, name in enumerate(program.transition_ids) if name.split("|")[0] in entries
    )
    present = set(program.parameter_names)
    gates = tuple(g for e in entries if (g := f"gate.{e}") in present)
    routes = tuple(r for e in entries if (r := f"route.{e}") in present)
    return Compiled(scenario, regimen, network, program, numbers, gates, routes)


def scenario_names(scenario: Scenario) -> Names:
    """Return the parameters of a scenario, without its cells: enough to read numbers."""
    builder = _Builder(scenario, next(iter(scenario.regimens)), None)
    builder._parameters()
    builder._variation()
    return builder.names


def scenario_network(scenario: Scenario, regimen: str, variant: str | None = None) -> Network:
    """Return the network of one regimen."""
    return _Builder(scenario, regimen, variant).build()[0]


@dataclass(frozen=True, slots=True)
class _Cell:
    """Where a compartment stands: clone, state, class on each axis."""

    clone: str
    state: str
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class _Builder:
    scenario: Scenario
    regimen: str
    variant: str | None
    names: Names = field(default_factory=Names)
    ids: dict[_Cell, str] = field(default_factory=dict)
    axis: dict[str, list[Expr]] = field(default_factory=dict)
    factors: dict[str, list[Expr]] = field(default_factory=dict)
    overrides: dict[str, dict[str, Expr]] = field(default_factory=dict)
    chosen: Regimen = field(default_factory=Regimen)

    def build(self) -> tuple[Network, tuple[str, ...]]:
        scenario = self.scenario
        if self.regimen not in scenario.regimens:
            raise unknown("regimen", self.regimen, scenario.regimens, "regimens")
        self.chosen = scenario.regimens[self.regimen]
        self._check_sources()
        self._parameters()
        self._variation()
        self._cells()
        drugs, sites = drug_signals(scenario, self.names)
        for name, noun in scenario.signals.items():
            self.names.claim(name, self._unit(noun.unit, f"signals.{name}.unit"), "signals")
        assays = self._assays()
        ports = self._ports(assays)
        signals = drugs + self._signals(sites, assays)
        transitions, entries = self._arrows()
        births = self._births()
        start = self.names.number(scenario.start, "start", TIME)
        if start > 0.0:
            raise ScenarioError(
                f"the scenario starts at {scenario.start}",
                allowed="0 or earlier: t = 0 is the first treatment",
                remedy="move the start to 0 or before",
                check="scenario.start",
                where=Where(field="start"),
            )
        plan = Plan(
            scenario,
            self.names,
            sites,
            self.factors,
            start,
            self._acute,
            {a.id: a.dimension for a in assays},
        )
        points = plan.breakpoints(self.regimen, self.chosen)
        network = Network(
            self.names.parameters(),
            tuple(self._compartments()),
            tuple(transitions),
            tuple(signals),
            tuple(ports),
            tuple(assays),
            tuple(births),
            Forcing(points, start),
        )
        return network, tuple(entries)

    # ---- numbers -------------------------------------------------------------------------

    def _check_sources(self) -> None:
        known = set(self.scenario.citations) | {"assumption"}
        groups: list[tuple[str, str]] = [
            (f"parameters.{n}", p.source) for n, p in self.scenario.parameters.items()
        ]
        unknowns = self.scenario.uncertainty
        groups += [
            (f"uncertainty.parameters.{n}", d.source) for n, d in unknowns.parameters.items()
        ]
        groups += [(f"uncertainty.switches.{n}", s.source) for n, s in unknowns.switches.items()]
        groups += [(f"variation.{n}", v.source) for n, v in self.scenario.variation.items()]
        groups += [(f"variants.{n}", v.source) for n, v in self.scenario.variants.items()]
        if unknowns.draws is not None:
            groups.append(("uncertainty.draws", unknowns.draws.source))
        if self.scenario.outcome is not None:
            groups += [
                (f"outcome.endpoints.{n.value}", e.source)
                for n, e in self.scenario.outcome.endpoints.items()
            ]
        for place, source in groups:
            if source not in known:
                raise unknown("source", source, known, f"{place}.source")

    def _parameters(self) -> None:
        scenario, names = self.scenario, self.names
        values = {n: p.value for n, p in scenario.parameters.items()}
        for where, changes in self._changes():
            for name, value in changes.items():
                if name not in values:
                    raise unknown("parameter", name, values, f"{where}.{name}")
                values[name] = value
        derived = {}
        for name, value in values.items():
            _refuse_unit_name(name)
            if value.quantity is None:
                derived[name] = value
            else:
                quantity = value.quantity
                names.parameter(name, quantity.dimension, quantity.value, "parameters")
        waiting = dict(derived)
        while waiting:
            ready = [
                n
                for n, v in waiting.items()
                if v.formula is not None and not v.formula.names() & set(waiting)
            ]
            if not ready:
                first = next(iter(waiting))
                raise ScenarioError(
                    f"{first} = {waiting[first]} depends on itself",
                    allowed="formulas without circles",
                    remedy="break the circle",
                    check="scenario.circular",
                    where=Where(field=f"parameters.{first}.value"),
                )
            for name in ready:
                value, place = waiting.pop(name), f"parameters.{name}.value"
                assert value.formula is not None
                dimension = names.dimension(value, place, names.constants())
                resolved = names.resolve(value.formula)
                names.claim(name, dimension, "parameters")
                names.aliases[name] = resolved
        for name in scenario.uncertainty.switches:
            names.parameter(f"switch.{name}", DIMENSIONLESS, 1.0, "uncertainty.switches")
        for clone, noun in scenario.cells.clones.items():
            self.overrides[clone] = {}
            for name, value in noun.set.items():
                place = f"cells.clones.{clone}.set.{name}"
                if name not in values:
                    raise unknown("parameter", name, values, place)
                expr = names.expr(value, place, names.dimensions[name], constant=True, free=True)
                self.overrides[clone][name] = expr

    def _changes(self) -> Iterator[tuple[str, Mapping[str, Value]]]:
        if self.variant is not None:
            variants = self.scenario.variants
            if self.variant not in variants:
                raise unknown("variant", self.variant, variants, "variants")
            yield f"variants.{self.variant}.set", variants[self.variant].set
        yield f"regimens.{self.regimen}.set", self.chosen.set

    def _variation(self) -> None:
        for name, noun in self.scenario.variation.items():
            place = f"variation.{name}"
            check_distribution(noun, place, centre_elsewhere=noun.axis in HOSTLIKE)
            if noun.axis in HOSTLIKE:
                self._host_axis(name, noun, place)
            else:
                self._cell_axis(name, noun, place)

    def _host_axis(self, name: str, noun: Variation, place: str) -> None:
        target = noun.of or name
        if noun.of is not None and noun.of not in self.names.values:
            raise unknown("parameter", noun.of, self.names.values, f"{place}.of")
        if target not in self.names.values:
            centre = noun.median or noun.mean or read_value(1)
            dimension = self.names.dimension(centre, place, self.names.constants())
            value = self.names.number(centre, f"{place}.median", dimension)
            self.names.parameter(name, dimension, value, "variation")
        if noun.scales is not None:
            known = set(self.scenario.drugs) | set(self.scenario.radiation)
            if noun.scales not in known:
                raise unknown("drug", noun.scales, known, f"{place}.scales")
            self.factors.setdefault(noun.scales, []).append(Symbol(target))

    def _cell_axis(self, name: str, noun: Variation, place: str) -> None:
        if noun.classes is None:
            raise ScenarioError(
                "a cell or founder axis without classes",
                allowed="1 to 101 classes",
                remedy="say into how many classes it is cut, for example 11",
                check="scenario.classes",
                where=Where(field=place),
            )
        if noun.distribution not in ("lognormal", "normal"):
            raise ScenarioError(
                f"distribution {noun.distribution} on a {noun.axis} axis",
                allowed="lognormal or normal",
                remedy="choose one of them",
                check="scenario.axis-distribution",
                where=Where(field=f"{place}.distribution"),
            )
        names = self.names
        centre = noun.median if noun.distribution == "lognormal" else noun.mean
        assert centre is not None and noun.sd is not None
        dimension = names.dimension(centre, place, names.constants())
        middle = names.expr(centre, f"{place}.median", dimension, constant=True, free=True)
        log = noun.distribution == "lognormal"
        width = names.expr(
            noun.sd, f"{place}.sd", DIMENSIONLESS if log else dimension, constant=True, free=True
        )
        nodes, _ = strata(noun.classes)
        names.claim(name, dimension, "variation")
        if log:
            self.axis[name] = [
                Binary("*", middle, Call("exp", (Binary("*", width, Number(x)),))) for x in nodes
            ]
        else:
            self.axis[name] = [Binary("+", middle, Binary("*", width, Number(x))) for x in nodes]

    def _unit(self, unit: str, place: str) -> Dimension:
        try:
            return parse_quantity(f"1 {unit}" if unit != "1" else "1").dimension
        except SenescapeError as error:
            raise error.at(Where(field=place)) from None

    # ---- cells ---------------------------------------------------------------------------

    def _cells(self) -> None:
        cells = self.scenario.cells
        for name, state in cells.states.items():
            for axis in state.axes:
                if axis not in self.axis:
                    raise unknown("axis", axis, self.axis, f"cells.states.{name}.axes")
            if state.stages > 1 and state.dwell is None:
                raise ScenarioError(
                    f"{state.stages} stages without a dwell time",
                    allowed="dwell: the mean time in the state",
                    remedy="give the mean dwell time",
                    check="scenario.dwell-missing",
                    where=Where(field=f"cells.states.{name}"),
                )
        for clone, noun in cells.clones.items():
            if noun.parent is not None and noun.parent not in cells.clones:
                raise unknown("clone", noun.parent, cells.clones, f"cells.clones.{clone}.parent")
        for clone in cells.clones:
            for name, state in cells.states.items():
                if clone != next(iter(cells.clones)) and not state.tumour:
                    continue
                for cell in self._places(clone, name, state):
                    self.ids[cell] = self._id(cell)
        if len(self.ids) > MAX_COMPARTMENTS:
            raise ScenarioError(
                f"{len(self.ids)} compartments once clones and classes are counted",
                allowed=f"at most {MAX_COMPARTMENTS}",
                remedy="use fewer classes, or carry fewer axes in each state",
                check="scenario.too-many-compartments",
                where=Where(field="cells"),
            )

    def _places(self, clone: str, name: str, state: State) -> Iterator[_Cell]:
        ranges = [range(len(self.axis[a])) for a in state.axes]
        for indices in product(*ranges):
            yield _Cell(clone, name, tuple(zip(state.axes, indices, strict=True)))

    def _id(self, cell: _Cell) -> str:
        head = cell.state if len(self.scenario.cells.clones) == 1 else f"{cell.clone}.{cell.state}"
        tail = ",".join(f"{axis}={index}" for axis, index in cell.classes)
        return f"{head}[{tail}]" if tail else head

    def _compartments(self) -> Iterator[Compartment]:
        for cell, name in self.ids.items():
            state = self.scenario.cells.states[cell.state]
            advance: Expr | None = None
            if state.dwell is not None:
                place = f"cells.states.{cell.state}.dwell"
                dwell = self.names.expr(state.dwell, place, TIME, here=self._here(cell))
                self._check_axes(dwell, cell, place)
                advance = Binary("/", Number(float(state.stages)), dwell)
            yield Compartment(
                name,
                cell.state,
                state.role.value,
                cell.clone,
                cell.classes,
                state.stages,
                advance,
            )

    def _here(self, cell: _Cell) -> dict[str, Expr]:
        """Return what axes and the clone's own parameters stand for in this compartment."""
        own = dict(self.overrides.get(cell.clone, {}))
        return own | {axis: self.axis[axis][index] for axis, index in cell.classes}

    def _check_axes(self, formula: Expr, cell: _Cell, place: str) -> None:
        missing = formula.names() & set(self.axis)
        if missing:
            axis = min(missing)
            raise ScenarioError(
                f"the formula reads {axis}, but state {cell.state} does not carry it",
                allowed=f"states with axes: [{axis}]",
                remedy=f"add {axis} to the axes of {cell.state}, or drop it from the formula",
                check="scenario.axis-missing",
                where=Where(field=place),
            )

    def _landing(self, cell: _Cell | None, clone: str, target: str) -> list[tuple[str, Expr]]:
        """Return the compartments of ``target`` in which a cell may land, with probabilities."""
        state = self.scenario.cells.states[target]
        carried = dict(cell.classes) if cell is not None else {}
        choices: list[list[tuple[int, float]]] = []
        for axis in state.axes:
            noun = self.scenario.variation[axis]
            if axis in carried and (noun.inheritance == "inherited" or cell.state == target):  # type: ignore[union-attr]
                choices.append([(carried[axis], 1.0)])
            else:
                _, weights = strata(len(self.axis[axis]))
                choices.append(list(enumerate(weights)))
        landing: list[tuple[str, Expr]] = []
        for combination in product(*choices):
            weight = 1.0
            for _, share in combination:
                weight *= share
            indices = tuple(i for i, _ in combination)
            place = _Cell(clone, target, tuple(zip(state.axes, indices, strict=True)))
            landing.append((self.ids[place], Number(weight)))
        return landing

    def _outcomes(
        self, cell: _Cell | None, clones: tuple[str, ...], targets: tuple[str, ...]
    ) -> tuple[Outcome, ...]:
        spread = [self._landing(cell, c, t) for c, t in zip(clones, targets, strict=True)]
        outcomes = []
        for combination in product(*spread):
            weight = 1.0
            for _, share in combination:
                assert isinstance(share, Number)
                weight *= share.value
            counts: dict[str, int] = {}
            for name, _ in combination:
                counts[name] = counts.get(name, 0) + 1
            outcomes.append(Outcome(tuple(counts.items()), Number(weight)))
        return tuple(outcomes)

    def _acute(
        self, state: str, target: str | None
    ) -> list[tuple[str, list[tuple[str | None, Expr]]]]:
        """Return, for radiation, each compartment of a state and where its cells go."""
        states = self.scenario.cells.states
        for name in (state, *(() if target is None else (target,))):
            if name not in states:
                raise unknown("state", name, states, "radiation")
        moves: list[tuple[str, list[tuple[str | None, Expr]]]] = []
        for cell, source in self.ids.items():
            if cell.state == state:
                if target is None:
                    moves.append((source, [(None, Number(1.0))]))
                else:
                    landing = self._landing(cell, cell.clone, target)
                    moves.append((source, [(name, share) for name, share in landing]))
        return moves

    def _births(self) -> list[Birth]:
        births = []
        for index, noun in enumerate(self.scenario.cells.initial):
            place = f"cells.initial[{index}]"
            cells = self.scenario.cells
            if noun.state not in cells.states:
                raise unknown("state", noun.state, cells.states, f"{place}.state")
            if noun.clone not in cells.clones:
                raise unknown("clone", noun.clone, cells.clones, f"{place}.clone")
            expect = (COUNT, DIMENSIONLESS)
            total = self.names.expr(noun.total, f"{place}.total", expect, constant=True)
            births.append(
                Birth(
                    tuple(self._landing(None, noun.clone, noun.state)),
                    total,
                    BirthLaw(noun.law),
                    noun.stages,
                )
            )
        return births

    # ---- arrows --------------------------------------------------------------------------

    def _arrows(self) -> tuple[list[Transition], list[str]]:
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

    def _sources(self, arrow: Arrow) -> Iterator[_Cell | None]:
        if not arrow.from_:
            yield None
            return
        for state in arrow.from_:
            for cell in self.ids:
                if cell.state == state and (arrow.clones is None or cell.clone in arrow.clones):
                    yield cell

    def _transition(
        self, name: str, arrow: Arrow, cell: _Cell | None, number: int, entry: bool
    ) -> Transition:
        place = f"arrows.{name}.rate"
        expect: tuple[Dimension, ...] = (RATE,)
        if cell is None:
            expect = (COUNT * RATE, RATE)
        elif arrow.when == "timed":
            expect = (DIMENSIONLESS,)
        here = self._here(cell) if cell is not None else {}
        hazard = self.names.expr(arrow.rate, place, expect, here=here)
        if cell is not None:
            self._check_axes(hazard, cell, place)
        if arrow.switch is not None:
            hazard = Binary("*", Symbol(f"switch.{arrow.switch}"), hazard)
        own = cell.clone if cell is not None else next(iter(self.scenario.cells.clones))
        first = arrow.to_clone or own
        clones = tuple(first if i == 0 else own for i in range(len(arrow.to)))
        routes = [Route("on", self._outcomes(cell, clones, arrow.to))]
        if entry:
            rules = self.scenario.rerouting
            assert rules is not None
            for rule in ROUTES[1:]:
                target = getattr(rules, rule)
                routes.append(Route(rule, self._outcomes(cell, (own,), (target,))))
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

    # ---- what is counted -----------------------------------------------------------------

    def _assays(self) -> list[Assay]:
        made = [self._observable(name) for name in self.scenario.observables]
        states = self.scenario.cells.states
        one = Number(1.0)

        def group(name: str, cells: list[_Cell]) -> None:
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

    def _origin(self, cell: _Cell) -> str:
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
            if any(a.figure1 is figure1 and cell.state in a.to for a in arrows):
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
        unit = self._unit(noun.unit, f"{place}.unit")
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

    def _ports(self, assays: list[Assay]) -> list[Port]:
        counted = {a.id: a.dimension for a in assays}
        ports = []
        for name, noun in self.scenario.ports.items():
            place = f"ports.{name}"
            dimension = self._unit(noun.unit, f"{place}.unit")
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

    def _signals(self, sites: dict[str, Site], assays: list[Assay]) -> list[Signal]:
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


def check_distribution(noun: Distribution, place: str, *, centre_elsewhere: bool = False) -> None:
    """Refuse a distribution whose numbers are missing or too many.

    ``centre_elsewhere``: the centre may be left out, it is the value of the parameter itself.
    """
    needed = {
        "lognormal": ("sd",) if centre_elsewhere else ("median", "sd"),
        "normal": ("sd",) if centre_elsewhere else ("mean", "sd"),
        "uniform": ("low", "high"),
        "loguniform": ("low", "high"),
        "beta": ("mean", "sd"),
    }[noun.distribution]
    optional = ("median",) if noun.distribution == "lognormal" else ("mean",)
    for what in ("median", "mean", "sd", "low", "high"):
        given = getattr(noun, what) is not None
        if given and what not in needed and what not in optional:
            problem = f"{noun.distribution} with {what}"
        elif not given and what in needed:
            problem = f"{noun.distribution} without {what}"
        else:
            continue
        raise ScenarioError(
            problem,
            allowed=f"{', '.join(needed)}",
            remedy=f"{'drop' if given else 'add'} {what}",
            check="scenario.distribution",
            where=Where(field=place),
        )
    for what in ("sd", "low"):
        value = getattr(noun, what)
        if value is not None and value.quantity is not None and value.quantity.value < 0.0:
            if what == "low" and noun.distribution == "uniform":
                continue
            raise ScenarioError(
                f"{what} is {value}",
                allowed="0 or more",
                remedy="correct the sign",
                check="scenario.distribution-negative",
                where=Where(field=f"{place}.{what}"),
            )
    low, high = noun.low, noun.high
    if low is None or high is None or low.quantity is None or high.quantity is None:
        return
    if not low.quantity.value < high.quantity.value:
        raise ScenarioError(
            f"low {low} is not below high {high}",
            allowed="low < high",
            remedy="exchange them",
            check="scenario.distribution-order",
            where=Where(field=place),
        )


def _refuse_unit_name(name: str) -> None:
    """Refuse a parameter called like a unit: "2 * h" could mean either."""
    if not _is_unit(name):
        return
    raise ScenarioError(
        f"parameter {name} is called like a unit",
        allowed="other names",
        remedy="choose a longer name",
        check="scenario.name-is-unit",
        where=Where(field=f"parameters.{name}"),
    )


@lru_cache(maxsize=4096)
def _is_unit(name: str) -> bool:
    try:
        parse_quantity(f"1 {name}")
    except SenescapeError:
        return False
    return True
