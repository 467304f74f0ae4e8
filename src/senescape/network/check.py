"""The invariants of a network that can be checked before numbers are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from senescape.errors import ExpressionError, NetworkError, Where, nearest
from senescape.expressions import BOOLEAN, Expr, Number, dimension_of
from senescape.units import COUNT, DIMENSIONLESS, RATE, TIME, Dimension

from .forcing import Add, Input, Redistribute, Set, Visit
from .nouns import Event, Kind, Network, SignalKind, Transition, When

MAX_STAGES = 200


def check_network(network: Network) -> None:
    """Refuse a network that breaks an invariant.

    Raises
    ------
    NetworkError
        Two equal names or numbers, a name that is not declared, a stage number out of range, a
        timed exit from a compartment that does not age.
    ExpressionError
        A formula with the wrong dimension or an unknown symbol.
    """
    _check_unique(network)
    _check_compartments(network)
    rates = network.dimensions()
    ids = {c.id for c in network.compartments}
    for transition in network.transitions:
        _check_transition(transition, network, rates, ids)
    _check_signals(network)
    _check_ports(network)
    _check_assays(network, ids)
    _check_births(network, ids)
    _check_forcing(network, ids)
    _check_plain(network)


def expect_dimension(
    expr: Expr, expected: Dimension, table: Mapping[str, Dimension], place: str
) -> None:
    """Refuse a formula whose dimension is not the expected one."""
    found = _dimension(expr, table, place)
    if found != expected and expr != Number(0.0):  # nothing fits any dimension
        raise ExpressionError(
            f"{expr} has dimension {found}",
            allowed=f"dimension {expected}",
            remedy="check the units of the parameters in this formula",
            check="network.dimension",
            where=Where(field=place),
        )


def _dimension(expr: Expr, table: Mapping[str, Dimension], place: str) -> object:
    try:
        return dimension_of(expr, table)
    except ExpressionError as error:
        raise error.at(Where(field=place)) from None


def _check_unique(network: Network) -> None:
    groups: dict[str, Iterable[object]] = {
        "compartment": [c.id for c in network.compartments],
        "transition": [t.id for t in network.transitions],
        "transition number": [t.number for t in network.transitions],
        # Assays stand on the tape beside the other symbols: one name means one thing everywhere.
        "symbol": [
            "time",
            *(x.name for x in network.parameters),
            *(x.name for x in network.signals),
            *(x.name for x in network.ports),
            *(a.id for a in network.assays),
        ],
    }
    for what, names in groups.items():
        seen: set[object] = set()
        for name in names:
            if name in seen:
                raise NetworkError(
                    f"{what} {name} is declared twice",
                    allowed=f"each {what} once",
                    remedy="rename or remove one of them",
                    check="network.duplicate",
                )
            seen.add(name)


def _check_compartments(network: Network) -> None:
    table = network.dimensions()
    for item in network.compartments:
        if not 1 <= item.stages <= MAX_STAGES:
            raise NetworkError(
                f"compartment {item.id} has {item.stages} stages",
                allowed=f"1 to {MAX_STAGES} stages",
                remedy="choose a stage number from the coefficient of variation, k = 1 / CV^2",
                check="network.stages",
            )
        if item.advance is None and item.stages > 1:
            raise NetworkError(
                f"compartment {item.id} has {item.stages} stages but no advance hazard",
                allowed="an advance hazard wherever stages > 1",
                remedy="state the mean dwell time",
                check="network.advance-missing",
            )
        if item.advance is not None:
            expect_dimension(item.advance, RATE, table, f"{item.id}.advance")


def _check_transition(
    item: Transition, network: Network, table: Mapping[str, Dimension], ids: set[str]
) -> None:
    if item.kind is Kind.INFLOW:
        # cells per day, or events per day where each brings one cell
        if _dimension(item.hazard, table, item.id) != COUNT * RATE:
            expect_dimension(item.hazard, RATE, table, item.id)
    elif item.kind is Kind.GENERAL and item.source is None:
        expected = DIMENSIONLESS if network.plain else RATE
        expect_dimension(item.hazard, expected, table, item.id)
    elif item.source is None or item.source not in ids:
        raise _unknown("compartment", str(item.source), ids, item.id)
    elif item.when is When.TIMED:
        source = next(c for c in network.compartments if c.id == item.source)
        if source.advance is None:
            raise NetworkError(
                f"{item.id} is timed but {item.source} does not age",
                allowed="a timed exit from a compartment with stages and an advance hazard",
                remedy="give the compartment a mean dwell time, or make the exit any_age",
                check="network.timed-without-stages",
            )
        expect_dimension(item.hazard, DIMENSIONLESS, table, item.id)
    else:
        expect_dimension(item.hazard, RATE, table, item.id)
    parameters = {p.name for p in network.parameters}
    for name in (item.gate, item.route):
        if name is not None and name not in parameters:
            raise _unknown("parameter", name, parameters, item.id)
    if not item.routes:
        raise NetworkError(
            f"{item.id} has no route",
            allowed="at least one route",
            remedy="name what becomes of the cell; an empty product list lets it vanish",
            check="network.no-route",
        )
    for route in item.routes:
        for outcome in route.outcomes:
            expect_dimension(outcome.probability, DIMENSIONLESS, table, item.id)
            for product, count in outcome.products:
                if product not in ids:
                    raise _unknown("compartment", product, ids, item.id)
                net = item.kind is Kind.GENERAL and item.source is None
                if count == 0 or (count < 0 and not net):
                    raise NetworkError(
                        f"{item.id} makes {count} cells of {product}",
                        allowed="whole numbers of at least 1",
                        remedy="leave the product out if no cell is made",
                        check="network.product-count",
                    )


def _check_signals(network: Network) -> None:
    parameters = {p.name: p.dimension for p in network.parameters}
    assays = {a.id: a.dimension for a in network.assays}
    for signal in network.signals:
        expect_dimension(signal.initial, signal.dimension, parameters, f"{signal.name}.initial")
        for term in signal.terms:
            source = DIMENSIONLESS
            if term.source is not None:
                known = {s.name: s.dimension for s in network.signals} | assays
                if term.source not in known:
                    raise _unknown("signal or assay", term.source, known, signal.name)
                source = known[term.source]
                if term.source in assays and signal.kind is SignalKind.EXOGENOUS:
                    raise NetworkError(
                        f"{signal.name} is exogenous but reads the cells through {term.source}",
                        allowed="treatment and time alone",
                        remedy="declare the signal as linear (secreted by cells)",
                        check="network.exogenous-reads-cells",
                    )
            expect_dimension(
                term.coefficient, signal.dimension / TIME / source, parameters, signal.name
            )


def _check_ports(network: Network) -> None:
    table = network.dimensions()
    for port in network.ports:
        table.pop(port.name)
    table |= {a.id: a.dimension for a in network.assays}
    for port in network.ports:
        expect_dimension(port.closure, port.dimension, table, port.name)
        if network.plain:  # a rule may read those above it
            table[port.name] = port.dimension


def _check_assays(network: Network, ids: set[str]) -> None:
    parameters = {p.name: p.dimension for p in network.parameters}
    for assay in network.assays:
        for compartment, weight in assay.weights:
            if compartment not in ids:
                raise _unknown("compartment", compartment, ids, assay.id)
            dimension_of(weight, parameters)


def _check_births(network: Network, ids: set[str]) -> None:
    parameters = {p.name: p.dimension for p in network.parameters}
    for birth in network.births:
        if _dimension(birth.total, parameters, "births.total") != DIMENSIONLESS:
            expect_dimension(birth.total, COUNT, parameters, "births.total")
        for compartment, share in birth.shares:
            if compartment not in ids:
                raise _unknown("compartment", compartment, ids, "births")
            expect_dimension(share, DIMENSIONLESS, parameters, f"births.{compartment}")


def _check_forcing(network: Network, ids: set[str]) -> None:
    parameters = {p.name: p.dimension for p in network.parameters}
    signals = {s.name: s.dimension for s in network.signals}
    seen = network.dimensions() | {a.id: a.dimension for a in network.assays}
    running: dict[int, str] = {}
    previous = network.forcing.start
    for point in network.forcing.breakpoints:
        if not previous <= point.time < float("inf"):
            raise NetworkError(
                f"breakpoint at {point.time} day follows {previous} day",
                allowed="finite times in order, not before the start",
                remedy="sort the regimen by time, or start earlier",
                check="network.breakpoint-order",
            )
        previous = point.time
        for action in point.actions:
            place = point.label or f"t={point.time} day"
            if isinstance(action, Add | Set | Input):
                if action.signal not in signals:
                    raise _unknown("signal", action.signal, signals, place)
                expected = signals[action.signal]
                if isinstance(action, Add):
                    expect_dimension(action.amount, expected, parameters, place)
                elif isinstance(action, Set):
                    expect_dimension(action.value, expected, parameters, place)
                else:
                    expect_dimension(action.rate, expected / TIME, parameters, place)
                    _check_infusion(action, running, place)
            elif isinstance(action, Redistribute):
                if action.source not in ids:
                    raise _unknown("compartment", action.source, ids, place)
                for target, probability in action.targets:
                    if target is not None and target not in ids:
                        raise _unknown("compartment", target, ids, place)
                    expect_dimension(probability, DIMENSIONLESS, parameters, place)
            elif isinstance(action, Visit):
                unknown = [name for name in action.signals if name not in signals]
                if unknown:
                    raise _unknown("signal", unknown[0], signals, place)
                if _dimension(action.condition, seen, place) is not BOOLEAN:
                    expect_dimension(action.condition, DIMENSIONLESS, seen, place)
                expect_dimension(action.factor, DIMENSIONLESS, parameters, place)


def _check_plain(network: Network) -> None:
    """Refuse events outside plain networks, and in these what their kernels do not expect."""
    if not network.plain:
        laws = [s.name for s in network.signals if s.law is not None]
        for name in (*(e.id for e in network.events), *(r.name for r in network.readings), *laws):
            raise NetworkError(
                f"{name} is an event, a reading or a rate rule",
                allowed="these in plain networks (SBML) only",
                remedy="write doses as forcing, and rates as arrows",
                check="network.not-plain",
            )
        return
    names = [c.id for c in network.compartments]
    single = all(
        t.kind is Kind.GENERAL
        and t.source is None
        and t.gate is None
        and len(t.routes) == 1
        and len(t.routes[0].outcomes) == 1
        for t in network.transitions
    )
    alone = all(a.weights == ((a.id, Number(1.0)),) for a in network.assays)
    if not single or not alone or [a.id for a in network.assays] != names:
        raise NetworkError(
            "a plain network with other arrows than general ones, or other assays than its numbers",
            allowed="general transitions with one outcome; one assay a compartment, of its name",
            remedy="make it with senescape.files.read_sbml",
            check="network.plain",
        )
    table = network.dimensions()
    for signal in network.signals:
        if signal.law is not None:
            expect_dimension(signal.law, DIMENSIONLESS, table, signal.name)
    for reading in network.readings:
        expect_dimension(reading.value, DIMENSIONLESS, table, reading.name)
    for event in network.events:
        _check_event(event, network, table)


def _check_event(event: Event, network: Network, table: Mapping[str, Dimension]) -> None:
    if _dimension(event.trigger, table, event.id) is not BOOLEAN:
        raise NetworkError(
            f"the trigger {event.trigger} is no condition",
            allowed="a comparison, or several joined by and, or, not",
            remedy="compare it with something",
            check="network.event-trigger",
            where=Where(field=event.id),
        )
    if event.priority is not None:
        expect_dimension(event.priority, DIMENSIONLESS, table, event.id)
    known = {c.id for c in network.compartments} | {s.name for s in network.signals}
    for target, value in event.assignments:
        if target not in known:
            raise _unknown("compartment or signal", target, known, event.id)
        expect_dimension(value, DIMENSIONLESS, table, event.id)


def _check_infusion(action: Input, running: dict[int, str], place: str) -> None:
    """Refuse an end without its start, or a second start under one number."""
    known = running.get(action.number) == action.signal
    if action.number < 0 or (not known if action.ends else action.number in running):
        what = "ends before it starts" if action.ends else "starts under a number in use"
        raise NetworkError(
            f"infusion {action.number} into {action.signal} {what}",
            allowed="one start, then one end, under a number of its own (0 or more)",
            remedy="number the infusions from 0",
            check="network.infusion",
            where=Where(field=place),
        )
    if action.ends:
        del running[action.number]
    else:
        running[action.number] = action.signal


def _unknown(what: str, name: str, known: Iterable[str], place: str) -> NetworkError:
    return NetworkError(
        f"{what} {name} is not declared",
        allowed=f"a declared {what}",
        remedy=nearest(name, known),
        check="network.unknown-name",
        where=Where(field=place),
    )
