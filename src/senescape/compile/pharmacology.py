"""Drugs to linear signals, regimens to breakpoints: the only place that knows dosing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from senescape.errors import ScenarioError, Where
from senescape.expressions import BOOLEAN, Binary, Call, Expr, Number, Symbol, Unary
from senescape.model import (
    Bath,
    Compartmental,
    Dose,
    Drug,
    Every,
    Fraction,
    Infusion,
    Look,
    Medium,
    Radiation,
    Regimen,
    Scenario,
    Times,
    Value,
    Washout,
)
from senescape.network import (
    Action,
    Add,
    Breakpoint,
    Input,
    Redistribute,
    Set,
    Signal,
    SignalKind,
    Term,
    Visit,
)
from senescape.units import (
    AMOUNT,
    CONCENTRATION,
    DIMENSIONLESS,
    DOSE,
    MASS,
    RATE,
    TIME,
    VOLUME,
    Dimension,
)

from .names import Names, kind_of, unknown

LN2 = Number(0.6931471805599453)

# At one time: what ends comes first, then visits look, cells are renewed, doses are given.
ENDS, LOOKS, RENEWS, STARTS = 0, 1, 2, 3


@dataclass(slots=True)
class Site:
    """Where a drug is given and where it acts."""

    given: str
    oral: str | None
    acts: str
    all: tuple[str, ...]
    volume: Expr | None = None
    bioavailability: Expr = field(default_factory=lambda: Number(1.0))


def drug_signals(scenario: Scenario, names: Names) -> tuple[list[Signal], dict[str, Site]]:
    """Return the signals of all drugs, and where each drug is given and acts.

    Under its own name, a formula reads the concentration at the site of action.
    """
    signals: list[Signal] = []
    sites: dict[str, Site] = {}
    for name, drug in scenario.drugs.items():
        home = f"drugs.{name}"
        made, site = (
            _medium(name, drug, home, names)
            if isinstance(drug.kinetics, Medium)
            else _body(scenario, name, drug, home, names)
        )
        for signal in made:
            names.claim(signal.name, signal.dimension, home)
        alias: Expr = Symbol(site.acts)
        if isinstance(drug.kinetics, Compartmental):
            unbound = names.expr(drug.kinetics.unbound, f"{home}.kinetics.unbound", DIMENSIONLESS)
            if unbound != Number(1.0):
                alias = Binary("*", unbound, alias)
        names.claim(name, CONCENTRATION, "drugs")
        names.aliases[name] = alias
        signals += made
        sites[name] = site
    return signals, sites


def _signal(name: str, dimension: Dimension, terms: list[Term]) -> Signal:
    return Signal(name, dimension, SignalKind.EXOGENOUS, tuple(terms))


def _exchange(rate: Expr, inside: str, outside: str) -> list[Term]:
    return [Term(rate, outside), Term(Unary("-", rate), inside)]


def _medium(name: str, drug: Drug, home: str, names: Names) -> tuple[list[Signal], Site]:
    kinetics = drug.kinetics
    assert isinstance(kinetics, Medium)
    medium, cell = f"{name}_medium", f"{name}_cell"
    loss = []
    if kinetics.decay is not None:
        decay = names.expr(kinetics.decay, f"{home}.kinetics.decay", RATE, constant=True)
        loss = [Term(Unary("-", decay), medium)]
    signals = [_signal(medium, CONCENTRATION, loss)]
    half_life = kinetics.cell_half_life
    if half_life is None or (half_life.quantity is not None and half_life.quantity.value == 0.0):
        return signals, Site(medium, None, medium, (medium,))
    time = names.expr(half_life, f"{home}.kinetics.cell_half_life", TIME, constant=True)
    signals.append(_signal(cell, CONCENTRATION, _exchange(Binary("/", LN2, time), cell, medium)))
    return signals, Site(medium, None, cell, (medium, cell))


def _body(
    scenario: Scenario, name: str, drug: Drug, home: str, names: Names
) -> tuple[list[Signal], Site]:
    kinetics = drug.kinetics
    assert isinstance(kinetics, Compartmental)
    home = f"{home}.kinetics"

    def constant(value: Value, what: str, *expect: Dimension) -> Expr:
        return names.expr(value, f"{home}.{what}", expect, constant=True)

    def per_body_mass(value: Value, what: str, plain: Dimension) -> Expr:
        expr = constant(value, what, plain, plain / MASS)
        table = names.constants()
        if names.dimension(value, what, table) == plain:
            return expr
        return Binary("*", expr, body_mass(scenario, names, f"{home}.{what}"))

    volume = per_body_mass(kinetics.volume, "volume", VOLUME)
    given = [
        w for w in ("half_life", "clearance", "elimination") if getattr(kinetics, w) is not None
    ]
    if len(given) != 1:
        raise ScenarioError(
            f"{' and '.join(given) or 'no elimination'} given",
            allowed="exactly one of half_life, clearance, elimination",
            remedy="keep one of them",
            check="scenario.elimination",
            where=Where(field=home),
        )
    if kinetics.half_life is not None:
        out: Expr = Binary("/", LN2, constant(kinetics.half_life, "half_life", TIME))
    elif kinetics.clearance is not None:
        out = Binary("/", per_body_mass(kinetics.clearance, "clearance", VOLUME / TIME), volume)
    else:
        assert kinetics.elimination is not None
        out = constant(kinetics.elimination, "elimination", RATE)
    plasma, tissue, gut, effect = (f"{name}_{s}" for s in ("plasma", "tissue", "gut", "effect"))
    terms = [Term(Unary("-", out), plasma)]
    signals: list[Signal] = []
    both = (kinetics.to_tissue, kinetics.from_tissue)
    two = kinetics.model == "two_compartment"
    if (None in both) if two else (both != (None, None)):
        raise ScenarioError(
            f"{kinetics.model} with {'no ' if two else ''}to_tissue and from_tissue",
            allowed="both for two_compartment, none for one_compartment",
            remedy="give both exchange rates, or choose the other model",
            check="scenario.exchange",
            where=Where(field=home),
        )
    if two:
        assert kinetics.to_tissue is not None and kinetics.from_tissue is not None
        k12 = constant(kinetics.to_tissue, "to_tissue", RATE)
        k21 = constant(kinetics.from_tissue, "from_tissue", RATE)
        terms += [Term(Unary("-", k12), plasma), Term(k21, tissue)]
        signals.append(
            _signal(tissue, CONCENTRATION, [Term(k12, plasma), Term(Unary("-", k21), tissue)])
        )
    if kinetics.absorption is not None:
        ka = constant(kinetics.absorption, "absorption", RATE)
        terms.append(Term(Binary("/", ka, volume), gut))
        signals.append(_signal(gut, AMOUNT, [Term(Unary("-", ka), gut)]))
    signals.insert(0, _signal(plasma, CONCENTRATION, terms))
    acts = plasma
    if kinetics.effect_delay is not None:
        delay = constant(kinetics.effect_delay, "effect_delay", TIME)
        rate = Binary("/", Number(1.0), delay)
        signals.append(_signal(effect, CONCENTRATION, _exchange(rate, effect, plasma)))
        acts = effect
    oral = gut if kinetics.absorption is not None else None
    share = constant(kinetics.bioavailability, "bioavailability", DIMENSIONLESS)
    return signals, Site(plasma, oral, acts, tuple(s.name for s in signals), volume, share)


def body_mass(scenario: Scenario, names: Names, field: str) -> Expr:
    """Return the host's body mass, or refuse where it is needed and not given."""
    if scenario.host is None or scenario.host.body_mass is None:
        raise ScenarioError(
            "a quantity per body mass, but the host has no body mass",
            allowed="host.body_mass",
            remedy="give the host's body mass",
            check="scenario.body-mass",
            where=Where(field=field),
        )
    return names.expr(scenario.host.body_mass, "host.body_mass", MASS, constant=True)


@dataclass(slots=True)
class Plan:
    """What a regimen does, before it is put in order of time."""

    scenario: Scenario
    names: Names
    sites: dict[str, Site]
    factors: dict[str, list[Expr]]
    start: float
    landing: Callable[[str, str | None], list[tuple[str, list[tuple[str | None, Expr]]]]]
    assays: dict[str, Dimension]
    actions: list[tuple[float, int, Action]] = field(default_factory=list)
    infusions: int = 0
    moves: int = 0

    def give(self, name: str, regimen: Regimen) -> None:
        """Note everything that a regimen gives."""
        for index, entry in enumerate(regimen.give):
            place = f"regimens.{name}.give[{index}]"
            handler = {
                Bath: self._bath,
                Dose: self._dose,
                Infusion: self._infusion,
                Fraction: self._fraction,
                Washout: self._washout,
                Look: self._look,
            }[type(entry)]
            handler(entry, place)  # type: ignore[operator]

    def breakpoints(self) -> tuple[Breakpoint, ...]:
        """Return the breakpoints, equal times merged in the order written."""
        ordered = sorted(self.actions, key=lambda item: item[:2])
        groups: dict[float, list[Action]] = {}
        for time, _, action in ordered:
            groups.setdefault(time, []).append(action)
        return tuple(Breakpoint(time, tuple(actions)) for time, actions in groups.items())

    def times(self, given: Times, place: str) -> list[float]:
        """Return stated times [day]; none before the start."""
        if isinstance(given, Every):
            first = self.names.number(given.first, f"{place}.first", TIME)
            every = self.names.number(given.every, f"{place}.every", TIME)
            if every <= 0.0:
                raise ScenarioError(
                    f"doses every {given.every}",
                    allowed="an interval above 0",
                    remedy="correct the interval",
                    check="scenario.interval",
                    where=Where(field=f"{place}.every"),
                )
            return [self.check(first + i * every, place) for i in range(given.times)]
        return [
            self.check(self.names.number(value, f"{place}[{i}]", TIME), place)
            for i, value in enumerate(given)
        ]

    def check(self, time: float, place: str) -> float:
        """Refuse a time before the start of the scenario."""
        if time < self.start:
            raise ScenarioError(
                f"t = {time:g} day lies before the start at {self.start:g} day",
                allowed="times from the start on",
                remedy="move it, or start the scenario earlier",
                check="scenario.before-start",
                where=Where(field=place),
            )
        return time

    def span(self, first: Value, last: Value, place: str) -> tuple[float, float]:
        """Return two times of which the second is later."""
        a = self.check(self.names.number(first, f"{place}.from", TIME), f"{place}.from")
        b = self.names.number(last, f"{place}.to", TIME)
        if b <= a:
            raise ScenarioError(
                f"ends at {last}, not after it begins at {first}",
                allowed="an end after the beginning",
                remedy="correct from or to",
                check="scenario.span",
                where=Where(field=f"{place}.to"),
            )
        return a, b

    def drug(self, name: str, place: str) -> Site:
        """Return where a drug is given."""
        if name not in self.sites:
            raise unknown("drug", name, self.sites, place)
        return self.sites[name]

    def scaled(self, drug: str, amount: Expr) -> Expr:
        """Multiply what is given by how this host's doses differ."""
        for factor in self.factors.get(drug, []):
            amount = Binary("*", amount, factor)
        return amount

    def positive(self, value: Value, expr: Expr, place: str) -> Expr:
        """Refuse a negative dose."""
        if value.quantity is not None and value.quantity.value < 0.0:
            raise ScenarioError(
                f"a dose of {value}",
                allowed="0 or more",
                remedy="correct the sign",
                check="scenario.negative-dose",
                where=Where(field=place),
            )
        return expr

    def _needs(self, name: str, site: Site, medium: bool, place: str) -> None:
        if (site.volume is None) is not medium:
            kind = "medium" if site.volume is None else "body"
            raise ScenarioError(
                f"{name} has kinetics in {kind}",
                allowed="bath and washout for medium; dose and infusion for a body",
                remedy="choose the entry that fits the drug's kinetics",
                check="scenario.entry-kinetics",
                where=Where(field=place),
            )

    def _bath(self, entry: Bath, place: str) -> None:
        site = self.drug(entry.bath, f"{place}.bath")
        self._needs(entry.bath, site, True, place)
        level = self.names.expr(
            entry.concentration, f"{place}.concentration", CONCENTRATION, constant=True, free=True
        )
        level = self.positive(entry.concentration, level, f"{place}.concentration")
        if entry.to is not None:
            first, last = self.span(entry.from_, entry.to, place)
            self.actions.append((last, ENDS, Set(site.given, Number(0.0))))
        else:
            first = self.check(self.names.number(entry.from_, f"{place}.from", TIME), place)
        self.actions.append((first, STARTS, Set(site.given, self.scaled(entry.bath, level))))

    def amount(self, name: str, entry: Dose | Infusion, place: str) -> Expr:
        """Return a dose as an amount of substance."""
        given = [w for w in ("amount", "per_body_mass") if getattr(entry, w) is not None]
        if len(given) != 1:
            raise ScenarioError(
                f"{' and '.join(given) or 'no amount'} given",
                allowed="exactly one of amount and per_body_mass",
                remedy="keep one of them",
                check="scenario.amount",
                where=Where(field=place),
            )
        value = entry.amount if entry.amount is not None else entry.per_body_mass
        assert value is not None
        what = f"{place}.{given[0]}"
        per = MASS if given[0] == "per_body_mass" else DIMENSIONLESS
        expr = self.names.expr(value, what, (AMOUNT / per, MASS / per), constant=True, free=True)
        expr = self.positive(value, expr, what)
        if self.names.dimension(value, what, self.names.constants()) == MASS / per:
            drug = self.scenario.drugs[name]
            if drug.molar_mass is None:
                raise ScenarioError(
                    f"{name} is given by mass, but its molar mass is not stated",
                    allowed=f"drugs.{name}.molar_mass",
                    remedy="state the molar mass, or give an amount in mol",
                    check="scenario.molar-mass",
                    where=Where(field=what),
                )
            molar = self.names.expr(
                drug.molar_mass, f"drugs.{name}.molar_mass", MASS / AMOUNT, constant=True
            )
            expr = Binary("/", expr, molar)
        if given[0] == "per_body_mass":
            expr = Binary("*", expr, body_mass(self.scenario, self.names, what))
        return self.scaled(name, expr)

    def _dose(self, entry: Dose, place: str) -> None:
        site = self.drug(entry.dose, f"{place}.dose")
        self._needs(entry.dose, site, False, place)
        amount = self.amount(entry.dose, entry, place)
        if entry.route == "oral":
            if site.oral is None:
                raise ScenarioError(
                    f"{entry.dose} is given orally, but its absorption is not stated",
                    allowed=f"drugs.{entry.dose}.kinetics.absorption",
                    remedy="state the absorption rate, or give a bolus",
                    check="scenario.absorption",
                    where=Where(field=f"{place}.route"),
                )
            action = Add(site.oral, Binary("*", site.bioavailability, amount))
        else:
            assert site.volume is not None
            action = Add(site.given, Binary("/", amount, site.volume))
        for time in self.times(entry.at, f"{place}.at"):
            self.actions.append((time, STARTS, action))

    def _infusion(self, entry: Infusion, place: str) -> None:
        site = self.drug(entry.infusion, f"{place}.infusion")
        self._needs(entry.infusion, site, False, place)
        first, last = self.span(entry.from_, entry.to, place)
        length = self.names.parameter(f"{place}.duration", TIME, last - first, "numbers")
        assert site.volume is not None
        amount = self.amount(entry.infusion, entry, place)
        rate = Binary("/", Binary("/", amount, site.volume), length)
        number = self.infusions
        self.infusions += 1
        self.actions.append((first, STARTS, Input(site.given, rate, number)))
        self.actions.append((last, ENDS, Input(site.given, rate, number, ends=True)))

    def _washout(self, entry: Washout, place: str) -> None:
        site = self.drug(entry.washout, f"{place}.washout")
        self._needs(entry.washout, site, True, place)
        for time in self.times(entry.at, f"{place}.at"):
            self.actions.append((time, ENDS, Set(site.given, Number(0.0))))

    def _fraction(self, entry: Fraction, place: str) -> None:
        sources = self.scenario.radiation
        if entry.fraction not in sources:
            raise unknown("radiation", entry.fraction, sources, f"{place}.fraction")
        ray, home = sources[entry.fraction], f"radiation.{entry.fraction}"

        def constant(value: Value, what: str, expect: Dimension) -> Expr:
            return self.names.expr(value, f"{home}.{what}", expect, constant=True)

        dose = self.names.expr(entry.dose, f"{place}.dose", DOSE, constant=True, free=True)
        dose = self.scaled(entry.fraction, self.positive(entry.dose, dose, f"{place}.dose"))
        protraction = constant(ray.dose_protraction, "dose_protraction", DIMENSIONLESS)
        squared = Binary("*", protraction, Binary("^", dose, Number(2.0)))
        alpha = constant(ray.alpha, "alpha", DIMENSIONLESS / DOSE)
        beta = constant(ray.beta, "beta", DIMENSIONLESS / DOSE**2)
        lesions = Binary("+", Binary("*", alpha, dose), Binary("*", beta, squared))
        killed = Binary("-", Number(1.0), Call("exp", (Unary("-", lesions),)))
        for time in self.times(entry.at, f"{place}.at"):
            if ray.feeds is not None:
                self._feed(ray, home, dose, squared, time)
            if ray.lethal is None:
                continue
            for state in ray.lethal.from_:
                for source, targets in self.landing(state, ray.lethal.to):
                    moves = tuple((t, Binary("*", p, killed)) for t, p in targets)
                    self.actions.append((time, STARTS, Redistribute(source, moves, self.moves)))
                    self.moves += 1

    def _feed(self, ray: Radiation, home: str, dose: Expr, squared: Expr, time: float) -> None:
        assert ray.feeds is not None
        if ray.feeds not in self.scenario.signals:
            raise unknown("signal", ray.feeds, self.scenario.signals, f"{home}.feeds")
        unit = self.names.dimensions[ray.feeds]
        parts: list[Expr] = []
        if ray.per_gray is not None:
            slope = self.names.expr(ray.per_gray, f"{home}.per_gray", unit / DOSE, constant=True)
            parts.append(Binary("*", slope, dose))
        if ray.per_gray2 is not None:
            bend = self.names.expr(
                ray.per_gray2, f"{home}.per_gray2", unit / DOSE**2, constant=True
            )
            parts.append(Binary("*", bend, squared))
        for part in parts:
            self.actions.append((time, STARTS, Add(ray.feeds, part)))

    def _look(self, entry: Look, place: str) -> None:
        site = self.drug(entry.drug, f"{place}.drug")
        formula = entry.when.formula
        table = self.names.constants() | self.assays
        if formula is None:
            raise ScenarioError(
                f"{entry.when} is no condition",
                allowed="a comparison such as tumour_cells > limit",
                remedy="write a condition over observables and parameters",
                check="scenario.visit-condition",
                where=Where(field=f"{place}.when"),
            )
        if kind_of(formula, table, f"{place}.when") is not BOOLEAN:
            raise ScenarioError(
                f"{entry.when} is a number",
                allowed="a comparison such as tumour_cells > limit",
                remedy="compare it with a limit",
                check="scenario.visit-condition",
                where=Where(field=f"{place}.when"),
            )
        condition = self.names.resolve(formula)
        if (entry.then == "reduce") is not (entry.factor is not None):
            raise ScenarioError(
                f"{entry.then} {'without' if entry.factor is None else 'with'} a factor",
                allowed="a factor for reduce, none for hold and resume",
                remedy="add or drop the factor",
                check="scenario.visit-factor",
                where=Where(field=place),
            )
        factor: Expr = Number(0.0 if entry.then == "hold" else 1.0)
        if entry.factor is not None:
            factor = self.names.expr(
                entry.factor, f"{place}.factor", DIMENSIONLESS, constant=True, free=True
            )
        given = tuple(s for s in (site.given, site.oral) if s is not None)
        for time in self.times(entry.visit, f"{place}.visit"):
            self.actions.append((time, LOOKS, Visit(condition, given, factor)))
