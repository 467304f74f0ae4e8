"""Every refusal of a network, by its check id; the oracle is the list of invariants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.engines import builders as b

from senescape.errors import SenescapeError
from senescape.network import (
    Add,
    Birth,
    Breakpoint,
    Forcing,
    Input,
    Kind,
    Network,
    Outcome,
    Port,
    Redistribute,
    Route,
    Set,
    Signal,
    SignalKind,
    Term,
    Transition,
    Visit,
    check_network,
)
from senescape.units import COUNT, DIMENSIONLESS

BASE = b.dosing(b.doses([1.0]))


def with_transition(item: Transition) -> Network:
    return replace(BASE, transitions=(*BASE.transitions, item))


def with_actions(*actions: object, time: float = 1.0) -> Network:
    return replace(BASE, forcing=Forcing((Breakpoint(time, actions),)))  # type: ignore[arg-type]


def with_first(**changes: object) -> Network:
    return replace(BASE, transitions=(replace(BASE.transitions[0], **changes),))  # type: ignore[arg-type]


def with_signal(*terms: Term, **changes: object) -> Network:
    signal = replace(BASE.signals[0], terms=terms or BASE.signals[0].terms, **changes)  # type: ignore[arg-type]
    return replace(BASE, signals=(signal,))


REFUSALS: dict[str, tuple[Callable[[], Network], str, str]] = {
    "two compartments of one name": (
        lambda: replace(BASE, compartments=BASE.compartments * 2),
        "network.duplicate",
        "compartment A",
    ),
    "two transitions of one name": (
        lambda: with_transition(replace(BASE.transitions[0], number=9)),
        "network.duplicate",
        "transition kill",
    ),
    "two transitions of one number": (
        lambda: with_transition(replace(BASE.transitions[0], id="other")),
        "network.duplicate",
        "transition number 1",
    ),
    "a parameter named like a signal": (
        lambda: replace(BASE, parameters=(*BASE.parameters, b.rate("drug", 1.0))),
        "network.duplicate",
        "symbol drug",
    ),
    "an assay named like a parameter": (
        lambda: replace(BASE, assays=(b.assay("kill", "A"),)),
        "network.duplicate",
        "symbol kill",
    ),
    "a parameter named time": (
        lambda: replace(BASE, parameters=(*BASE.parameters, b.rate("time", 1.0))),
        "network.duplicate",
        "symbol time",
    ),
    "no stages": (
        lambda: replace(BASE, compartments=(b.state("A", stages=0),)),
        "network.stages",
        "0 stages",
    ),
    "too many stages": (
        lambda: replace(BASE, compartments=(b.state("A", stages=201, advance="ke"),)),
        "network.stages",
        "201 stages",
    ),
    "stages without an advance hazard": (
        lambda: replace(BASE, compartments=(b.state("A", stages=2),)),
        "network.advance-missing",
        "A has 2 stages",
    ),
    "an advance hazard that is no rate": (
        lambda: replace(BASE, compartments=(b.state("A", advance="dose"),)),
        "network.dimension",
        "A.advance",
    ),
    "an unknown source": (
        lambda: with_first(source="B"),
        "network.unknown-name",
        "compartment B",
    ),
    "a unary transition without a source": (
        lambda: with_first(source=None),
        "network.unknown-name",
        "compartment None",
    ),
    "a timed exit where nothing ages": (
        lambda: with_transition(b.exit_of(2, "t", "A", 1.0, b.outcome(), timed=True)),
        "network.timed-without-stages",
        "A does not age",
    ),
    "a share with a dimension": (
        lambda: replace(
            BASE,
            compartments=(b.state("A", advance="ke"),),
            transitions=(b.exit_of(2, "t", "A", "ke", b.outcome(), timed=True),),
        ),
        "network.dimension",
        "allowed: dimension",
    ),
    "a hazard that is no rate": (
        lambda: with_first(hazard=b.formula("dose")),
        "network.dimension",
        "kill",
    ),
    "a general propensity that is no rate": (
        lambda: with_transition(
            replace(b.exit_of(2, "g", None, "dose", b.outcome(A=1)), kind=Kind.GENERAL)
        ),
        "network.dimension",
        "dose",
    ),
    "an inflow that is no rate": (
        lambda: with_transition(b.exit_of(2, "in", None, "dose", b.outcome(A=1))),
        "network.dimension",
        "dose",
    ),
    "a hazard that reads a raw number of cells": (
        lambda: with_first(hazard=b.formula("kill * live / n0")),
        "expression",
        "live",
    ),
    "an unknown gate": (lambda: with_first(gate="door"), "network.unknown-name", "parameter door"),
    "an unknown route": (lambda: with_first(route="row"), "network.unknown-name", "parameter row"),
    "no route at all": (lambda: with_first(routes=()), "network.no-route", "kill has no route"),
    "an unknown product": (
        lambda: with_first(routes=(Route("r", (b.outcome(AA=1),)),)),
        "network.unknown-name",
        "did you mean A?",
    ),
    "a product made zero times": (
        lambda: with_first(routes=(Route("r", (Outcome((("A", 0),)),)),)),
        "network.product-count",
        "makes 0 cells of A",
    ),
    "a probability with a dimension": (
        lambda: with_first(routes=(Route("r", (b.outcome("ke", A=1),)),)),
        "network.dimension",
        "ke",
    ),
    "an initial value of a wrong dimension": (
        lambda: with_signal(initial=b.formula("ke")),
        "network.dimension",
        "drug.initial",
    ),
    "an unknown source of a signal": (
        lambda: with_signal(Term(b.formula("ke"), "drugs")),
        "network.unknown-name",
        "did you mean drug?",
    ),
    "an exogenous signal that reads cells": (
        lambda: with_signal(Term(b.formula("ke / n0"), "live")),
        "network.exogenous-reads-cells",
        "drug is exogenous",
    ),
    "a coefficient of a wrong dimension": (
        lambda: with_signal(Term(b.formula("dose"), "drug")),
        "network.dimension",
        "drug",
    ),
    "a port of a wrong dimension": (
        lambda: replace(BASE, ports=(Port("room", DIMENSIONLESS, b.formula("live")),)),
        "network.dimension",
        "room",
    ),
    "a port that reads a port": (
        lambda: replace(
            BASE,
            ports=(
                Port("room", COUNT, b.formula("live")),
                Port("more", COUNT, b.formula("2 * room")),
            ),
        ),
        "expression",
        "room",
    ),
    "an assay of an unknown compartment": (
        lambda: replace(BASE, assays=(b.assay("live", "B"),)),
        "network.unknown-name",
        "compartment B",
    ),
    "a birth into an unknown compartment": (
        lambda: replace(BASE, births=(b.born("n0", B=1),)),
        "network.unknown-name",
        "compartment B",
    ),
    "a birth share with a dimension": (
        lambda: replace(BASE, births=(b.born("n0", A="ke"),)),
        "network.dimension",
        "births.A",
    ),
    "a total that is no number of cells": (
        lambda: replace(BASE, births=(b.born("ke", A=1),)),
        "network.dimension",
        "births.total",
    ),
    "a total with an unknown name": (
        lambda: replace(BASE, births=(Birth((("A", b.formula(1)),), b.formula("nought")),)),
        "expression",
        "nought",
    ),
    "breakpoints out of order": (
        lambda: replace(BASE, forcing=Forcing(b.doses([2.0, 1.0]))),
        "network.breakpoint-order",
        "1.0 day follows 2.0",
    ),
    "a breakpoint before the start": (
        lambda: replace(BASE, forcing=Forcing(b.doses([-1.0]))),
        "network.breakpoint-order",
        "not before the start",
    ),
    "a breakpoint at no time": (
        lambda: replace(BASE, forcing=Forcing(b.doses([float("nan")]))),
        "network.breakpoint-order",
        "nan day",
    ),
    "a breakpoint at infinity": (
        lambda: replace(BASE, forcing=Forcing(b.doses([float("inf")]))),
        "network.breakpoint-order",
        "inf day",
    ),
    "a dose of an unknown drug": (
        lambda: with_actions(Add("drag", b.formula("dose"))),
        "network.unknown-name",
        "did you mean drug?",
    ),
    "a dose of a wrong dimension": (
        lambda: with_actions(Add("drug", b.formula("speed"))),
        "network.dimension",
        "t=1.0 day",
    ),
    "a wash-out to a wrong dimension": (
        lambda: with_actions(Set("drug", b.formula("speed"))),
        "network.dimension",
        "t=1.0 day",
    ),
    "an infusion that is no rate": (
        lambda: with_actions(Input("drug", b.formula("dose"), 0)),
        "network.dimension",
        "t=1.0 day",
    ),
    "an infusion that ends before it starts": (
        lambda: with_actions(Input("drug", b.formula("speed"), 0, ends=True)),
        "network.infusion",
        "ends before it starts",
    ),
    "an infusion that starts twice": (
        lambda: with_actions(*(Input("drug", b.formula("speed"), 0) for _ in range(2))),
        "network.infusion",
        "starts under a number in use",
    ),
    "a redistribution out of nowhere": (
        lambda: with_actions(Redistribute("B", (), 0)),
        "network.unknown-name",
        "compartment B",
    ),
    "a redistribution into nowhere": (
        lambda: with_actions(Redistribute("A", (("B", b.formula(1)),), 0)),
        "network.unknown-name",
        "compartment B",
    ),
    "a redistribution with a rate": (
        lambda: with_actions(Redistribute("A", ((None, b.formula("ke")),), 0)),
        "network.dimension",
        "t=1.0 day",
    ),
    "a visit about an unknown drug": (
        lambda: with_actions(Visit(b.formula("live > n0"), ("drag",), b.formula(0))),
        "network.unknown-name",
        "drag",
    ),
    "a visit that looks at an unknown thing": (
        lambda: with_actions(Visit(b.formula("lives > n0"), ("drug",), b.formula(0))),
        "expression",
        "lives",
    ),
    "a visit whose condition is a number of cells": (
        lambda: with_actions(Visit(b.formula("live"), ("drug",), b.formula(0))),
        "network.dimension",
        "live",
    ),
    "a visit whose factor is a rate": (
        lambda: with_actions(Visit(b.formula("live > n0"), ("drug",), b.formula("ke"))),
        "network.dimension",
        "ke",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_names_its_check_and_what_was_given(name: str) -> None:
    make, check, given = REFUSALS[name]
    with pytest.raises(SenescapeError) as caught:
        check_network(make())
    assert caught.value.check.startswith(check)
    assert given in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        b.birth_death,
        b.immigration_death,
        b.erlang_chain,
        b.cycle,
        b.two_types,
        b.bateman,
        b.logistic,
        b.secreting,
        b.treated_birth_death,
        lambda: BASE,
        lambda: b.dosing(b.infusion(1.0, 2.0)),
        lambda: with_actions(
            Visit(b.formula("live > n0"), ("drug",), b.formula("0.5")),
            Redistribute("A", ((None, b.formula("0.5")),), 0),
            Set("drug", b.formula("0")),
        ),
    ],
)
def test_sound_networks_are_let_through(make: Callable[[], Network]) -> None:
    """Negative control of the test above: the checks do not refuse everything."""
    check_network(make())


def test_a_signal_may_not_be_declared_linear_by_mistake() -> None:
    """The same reading of cells is allowed once the signal says that cells drive it."""
    secreted = Signal(
        "drug", DIMENSIONLESS, SignalKind.LINEAR, (Term(b.formula("ke / n0"), "live"),)
    )
    check_network(replace(BASE, signals=(secreted,)))
