"""The numbers of a scenario: parameters, what derives from them, and how individuals differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from senescape.errors import ScenarioError, SenescapeError, Where
from senescape.expressions import Binary, Call, Expr, Number, Symbol
from senescape.model import (
    Distribution,
    Regimen,
    Scenario,
    Value,
    Variation,
    player_parameter,
    read_value,
)
from senescape.units import DIMENSIONLESS, Dimension, is_unit_name, parse_quantity

from .classes import strata
from .names import Names, unknown
from .variants import chosen_variant

HOSTLIKE = ("host", "well", "batch")


def scenario_names(scenario: Scenario) -> Names:
    """Return the parameters of a scenario, without its cells: enough to read numbers."""
    builder = NumberBuilder(scenario, next(iter(scenario.regimens)), None)
    builder.declare_parameters()
    builder.declare_variation()
    return builder.names


@dataclass(slots=True)
class NumberBuilder:
    """Declares every number that a formula may read.

    ``axis`` holds what each class of a cell axis stands for, ``weights`` its share, ``factors``
    what multiplies the doses of a drug, ``overrides`` the values that a clone has of its own.
    """

    scenario: Scenario
    regimen: str
    variant: str | None
    names: Names = field(default_factory=Names)
    axis: dict[str, list[Expr]] = field(default_factory=dict)
    weights: dict[str, list[Expr]] = field(default_factory=dict)
    factors: dict[str, list[Expr]] = field(default_factory=dict)
    overrides: dict[str, dict[str, Expr]] = field(default_factory=dict)
    chosen: Regimen = field(default_factory=Regimen)

    def check_sources(self) -> None:
        """Refuse a source that is neither cited nor the word assumption."""
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

    def declare_parameters(self) -> None:
        """Declare parameters, what derives from them, switches, and numbers of single clones."""
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
            symbol = names.parameter(f"switch.{name}", DIMENSIONLESS, 1.0, "uncertainty.switches")
            names.claim(name, DIMENSIONLESS, "uncertainty.switches")
            names.aliases[name] = symbol
        self._declare_players()
        for clone, noun in scenario.cells.clones.items():
            self.overrides[clone] = {}
            for name, value in noun.set.items():
                place = f"cells.clones.{clone}.set.{name}"
                if name not in values:
                    raise unknown("parameter", name, values, place)
                expr = names.expr(value, place, names.dimensions[name], constant=True, free=True)
                if noun.player is not None:
                    parent = names.resolve(Symbol(name))
                    on = Symbol(player_parameter(noun.player))
                    gain = Binary("*", on, Binary("-", expr, parent))
                    expr = Binary("+", parent, gain)
                self.overrides[clone][name] = expr

    def _declare_players(self) -> None:
        """Give every player of an arrow or clone its parameter; check those of parameters."""
        scenario, names = self.scenario, self.names
        credited = [a.player for a in scenario.arrows.values()]
        credited += [c.player for c in scenario.cells.clones.values()]
        for player in dict.fromkeys(credited):
            if player is not None:
                names.parameter(player_parameter(player), DIMENSIONLESS, 1.0, "players")
        for name, noun in scenario.parameters.items():
            if noun.player is not None and name not in names.values:
                raise ScenarioError(
                    f"{name} is derived, and credited to the player {noun.player.value}",
                    allowed="a player on a plain number",
                    remedy="credit one of the numbers that it is derived from",
                    check="scenario.player-derived",
                    where=Where(field=f"parameters.{name}.player"),
                )

    def _changes(self) -> Iterator[tuple[str, Mapping[str, Value]]]:
        if self.variant is not None:
            place = f"variants.{self.variant}"
            yield f"{place}.set", chosen_variant(self.scenario, self.variant, place).set
        yield f"regimens.{self.regimen}.set", self.chosen.set

    def declare_variation(self) -> None:
        """Declare what differs between hosts and cells."""
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
        if noun.distribution == "bernoulli":
            self._two_classes(name, noun, place)
            return
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
                allowed="lognormal, normal or bernoulli",
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
        nodes, weights = strata(noun.classes)
        names.claim(name, dimension, "variation")
        self.weights[name] = [Number(w) for w in weights]
        if log:
            self.axis[name] = [
                Binary("*", middle, Call("exp", (Binary("*", width, Number(x)),))) for x in nodes
            ]
        else:
            self.axis[name] = [Binary("+", middle, Binary("*", width, Number(x))) for x in nodes]

    def _two_classes(self, name: str, noun: Variation, place: str) -> None:
        """Declare an axis of cells that have a property (1) or not (0)."""
        if noun.classes not in (None, 2):
            raise ScenarioError(
                f"{noun.classes} classes of a property that a cell has or not",
                allowed="2 classes",
                remedy="leave classes out",
                check="scenario.bernoulli-classes",
                where=Where(field=f"{place}.classes"),
            )
        assert noun.mean is not None
        share = self.names.expr(noun.mean, f"{place}.mean", DIMENSIONLESS, constant=True, free=True)
        number = self.names.number(noun.mean, f"{place}.mean", DIMENSIONLESS)
        if not 0.0 <= number <= 1.0:
            raise ScenarioError(
                f"a share of {noun.mean}",
                allowed="0 to 1",
                remedy="correct the share",
                check="scenario.bernoulli-share",
                where=Where(field=f"{place}.mean"),
            )
        self.names.claim(name, DIMENSIONLESS, "variation")
        self.axis[name] = [Number(0.0), Number(1.0)]
        self.weights[name] = [Binary("-", Number(1.0), share), share]

    def unit(self, unit: str, place: str) -> Dimension:
        """Return the dimension of a unit."""
        try:
            return parse_quantity(f"1 {unit}" if unit != "1" else "1").dimension
        except SenescapeError as error:
            raise error.at(Where(field=place)) from None


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
        "bernoulli": ("mean",),
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
    if not is_unit_name(name):
        return
    raise ScenarioError(
        f"parameter {name} is called like a unit",
        allowed="other names",
        remedy="choose a longer name",
        check="scenario.name-is-unit",
        where=Where(field=f"parameters.{name}"),
    )
