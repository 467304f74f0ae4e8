"""SBML in: what each element becomes, against hand-written networks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests import sbml_texts as x

from senescape.compile import lower
from senescape.expressions import Number, evaluate, parse
from senescape.files import parse_sbml
from senescape.network import Event, Network, SignalKind


def read(**parts: Any) -> Network:
    return parse_sbml(x.model(**parts))


X = x.species("X", 10)
DEATH = x.reaction("Death", "k * X", {"X": 1})
K = x.parameter("k", 0.5)


def changes(network: Network, name: str) -> dict[str, int]:
    (found,) = [t for t in network.transitions if t.id == name]
    return dict(found.routes[0].outcomes[0].products)


def test_a_reaction_becomes_a_general_transition_with_its_law_as_written() -> None:
    law = "k * X * (X - 1) / 2"
    network = read(
        species=(X, x.species("X2")),
        parameters=(K,),
        reactions=(x.reaction("Join", law, {"X": 2}, {"X2": 1}),),
    )
    (join,) = network.transitions
    assert join.hazard == parse("k * X * (X - 1) / 2")
    assert join.source is None and changes(network, "Join") == {"X": -2, "X2": 1}
    assert [c.id for c in network.compartments] == ["X", "X2"]


def test_a_species_on_both_sides_changes_by_the_difference() -> None:
    birth = x.reaction("Birth", "k * X", {"X": 1}, {"X": 3})
    network = read(species=(X,), parameters=(K,), reactions=(birth,))
    assert changes(network, "Birth") == {"X": 2}


def test_local_parameters_hide_global_ones_of_the_same_id() -> None:
    death = x.reaction("Death", "k * X", {"X": 1}, local={"k": 0.25})
    network = read(
        species=(X,), parameters=(K,), reactions=(death, x.reaction("In", "k", {}, {"X": 1}))
    )
    values = {p.name: p.value for p in network.parameters}
    assert [str(t.hazard) for t in network.transitions] == ["Death.k * X", "k"]
    assert values == {"cell": 1.0, "k": 0.5, "Death.k": 0.25}


def test_without_substance_units_a_name_is_a_concentration() -> None:
    network = read(
        size='size="4"',
        species=(x.species("X", 10, hasOnlySubstanceUnits="false"),),
        parameters=(K,),
        reactions=(DEATH,),
        events=(x.event("reset", "X > 3", {"X": "2"}),),
    )
    assert str(network.transitions[0].hazard) == "k * (X / cell)"
    assert network.births[0].total == Number(10.0)
    assert network.events == (Event("reset", parse("X / cell > 3"), (("X", parse("2 * cell")),)),)


def test_an_initial_concentration_is_times_the_size() -> None:
    own = x.species("X", None, initialConcentration="2.5", hasOnlySubstanceUnits="false")
    network = read(size='size="4"', species=(own,), parameters=(K,), reactions=(DEATH,))
    assert network.births[0].total == Number(10.0)


def test_functions_are_written_out_with_their_own_arguments() -> None:
    network = read(
        functions=(
            x.function("twice", ("k",), "k + k"),
            x.function(
                "law",
                ("a", "b"),
                "<apply><ci> twice </ci><apply><times/><ci> a </ci><ci> b </ci></apply></apply>",
            ),
        ),
        species=(X,),
        parameters=(K,),
        reactions=(
            x.reaction("Death", "<apply><ci> law </ci><ci> k </ci><ci> X </ci></apply>", {"X": 1}),
        ),
    )
    assert str(network.transitions[0].hazard) == "k * X + k * X"


def test_initial_assignments_are_worked_out_in_the_order_of_their_need() -> None:
    network = read(
        species=(x.species("X", None), x.species("Y", 3)),
        parameters=(K, x.parameter("half")),
        initials=(x.initial("X", "2 * half + Y"), x.initial("half", "k * 8")),
        rules=(),
        reactions=(DEATH, x.reaction("Gone", "half * Y", {"Y": 1})),
    )
    totals = {b.shares[0][0]: b.total for b in network.births}
    assert totals == {"X": Number(11.0), "Y": Number(3.0)}
    assert {p.name: p.value for p in network.parameters}["half"] == 4.0


def test_assignment_rules_become_ports_in_the_order_of_their_need() -> None:
    network = read(
        species=(X,),
        parameters=(K, x.parameter("a", constant="false"), x.parameter("b", constant="false")),
        rules=(x.assignment("a", "b * 2"), x.assignment("b", "X + k")),
        reactions=(x.reaction("Death", "a", {"X": 1}),),
    )
    assert [(p.name, str(p.closure)) for p in network.ports] == [("b", "X + k"), ("a", "b * 2")]
    assert [r.name for r in network.readings] == ["X", "a", "b"]


def test_a_rate_rule_becomes_a_signal_and_a_constant_rate_a_straight_line() -> None:
    network = read(
        species=(X,),
        parameters=(K, x.parameter("y", 3, "false"), x.parameter("z", 1, "false")),
        rules=(x.rate("y", "-k * y"), x.rate("z", "k")),
        reactions=(DEATH,),
    )
    (signal,) = network.signals
    assert (signal.name, signal.kind, str(signal.law)) == ("y", SignalKind.RATE_RULE, "-k * y")
    assert [(p.name, str(p.closure)) for p in network.ports] == [("z", "1 + k * time")]


def test_boundary_and_constant_species_are_not_changed_by_reactions() -> None:
    network = read(
        species=(
            X,
            x.species("In", 5, boundaryCondition="true"),
            x.species("Out", 0, boundaryCondition="true", constant="true"),
        ),
        parameters=(K,),
        reactions=(x.reaction("Pass", "k * In * X", {"In": 1, "X": 1}, {"Out": 1}),),
    )
    assert changes(network, "Pass") == {"X": -1}
    assert [r.name for r in network.readings] == ["X", "In", "Out"]


def test_a_parameter_called_time_is_not_time() -> None:
    hazard = "<apply><times/><ci> time </ci><ci> X </ci></apply>"
    network = read(
        species=(X,),
        parameters=(x.parameter("time", 2),),
        reactions=(x.reaction("D", hazard, {"X": 1}),),
    )
    assert {p.name: p.value for p in network.parameters}["id.time"] == 2.0
    assert network.transitions[0].hazard.names() == {"id.time", "X"}


def test_a_reaction_read_by_name_means_its_rate() -> None:
    network = read(
        species=(X, x.species("Y", 0)),
        parameters=(K,),
        reactions=(DEATH, x.reaction("Echo", "2 * Death", {}, {"Y": 1})),
    )
    assert [(p.name, str(p.closure)) for p in network.ports] == [("Death", "k * X")]


def test_a_stoichiometry_may_be_assigned_once() -> None:
    text = x.model(
        species=(X,),
        parameters=(K, x.parameter("n", 5)),
        initials=(x.initial("size", "n"),),
        reactions=(x.reaction("In", "k", {}, {"X": 1}),),
    ).replace('stoichiometry="1" constant="true"', 'id="size" constant="true"')
    assert changes(parse_sbml(text), "In") == {"X": 5}


def test_level_two_triggers_start_true_and_persist() -> None:
    text = """<?xml version="1.0"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
<listOfCompartments><compartment id="cell" size="1"/></listOfCompartments>
<listOfSpecies><species id="X" compartment="cell" initialAmount="3" hasOnlySubstanceUnits="true"/></listOfSpecies>
<listOfReactions><reaction id="R" reversible="false"><listOfProducts><speciesReference species="X"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> k </ci></math>
<listOfParameters><parameter id="k" value="2"/></listOfParameters></kineticLaw></reaction></listOfReactions>
<listOfEvents><event id="e"><trigger>TRIGGER</trigger><listOfEventAssignments>
<eventAssignment variable="X">ZERO</eventAssignment></listOfEventAssignments></event></listOfEvents></model></sbml>"""
    text = text.replace("TRIGGER", x.math("X > 9")).replace("ZERO", x.math("0"))
    network = parse_sbml(text)
    (event,) = network.events
    assert event.initial and event.persistent and event.at_trigger
    assert {p.name: p.value for p in network.parameters}["R.k"] == 2.0
    assert changes(network, "R") == {"X": 1}


def test_rules_that_double_each_other_are_read_and_lowered_at_once() -> None:
    """Forty rules, each twice the one before: written out, they would be 2^40 nodes."""
    names = [f"r{i}" for i in range(41)]
    rules = [x.assignment("r0", "time + X")]
    rules += [x.assignment(b, f"{a} + {a}") for a, b in zip(names, names[1:], strict=False)]
    network = read(
        species=(X,),
        parameters=(K, *(x.parameter(name, constant="false") for name in names)),
        rules=tuple(rules),
        reactions=(DEATH,),
        events=(x.event("late", "r40 > 1e13", {"X": "0"}),),
    )
    program = lower(network)
    assert program.general is not None and not program.general.located.any()
    assert len(program.tape) < 100


LEVEL_1 = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model name="m">
<listOfCompartments><compartment name="cell" volume="2"/></listOfCompartments>
<listOfSpecies><species name="X" compartment="cell" initialAmount="6"/></listOfSpecies>
<listOfReactions><reaction name="R" reversible="false"><listOfReactants>
<speciesReference species="X" stoichiometry="4" denominator="2"/></listOfReactants>
<kineticLaw formula="k * X"><listOfParameters><parameter name="k" value="3"/></listOfParameters>
</kineticLaw></reaction></listOfReactions></model></sbml>"""


def test_level_one_is_read_too() -> None:
    network = parse_sbml(LEVEL_1)
    assert str(network.transitions[0].hazard) == "R.k * (X / cell)"
    assert changes(network, "R") == {"X": -2}
    assert {p.name: p.value for p in network.parameters} == {"cell": 2.0, "R.k": 3.0}


def test_functions_of_every_kind_are_translated() -> None:
    """Against the standard library's functions, at one point."""
    texts = {
        "<root/><degree><cn> 3 </cn></degree>": 8.0 ** (1.0 / 3.0),
        "<root/>": math.sqrt(8.0),
        "<log/>": math.log10(8.0),
        "<log/><logbase><cn> 2 </cn></logbase>": 3.0,
        "<sinh/>": math.sinh(8.0),
        "<cosh/>": math.cosh(8.0),
        "<tanh/>": math.tanh(8.0),
        "<abs/>": 8.0,
        "<exp/>": math.exp(8.0),
        "<minus/>": -8.0,
        "<plus/>": 8.0,
        "<times/><pi/><exponentiale/>": math.pi * math.e * 8.0,
        "<times/>" + "<cn> 1 </cn>" * 40: 8.0,
        "<power/><cn> 2 </cn>": 256.0,
    }
    for text, value in texts.items():
        law = f"<apply>{text}<ci> X </ci></apply>"
        network = read(species=(x.species("X", 8),), reactions=(x.reaction("R", law, {"X": 1}),))
        assert evaluate(network.transitions[0].hazard, {"X": 8.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("<apply><xor/><true/><false/></apply>", True),
        ("<apply><xor/><true/><true/></apply>", False),
        ("<apply><lt/><cn> 1 </cn><cn> 2 </cn><cn> 3 </cn></apply>", True),
        ("<apply><lt/><cn> 1 </cn><cn> 3 </cn><cn> 2 </cn></apply>", False),
        ("<apply><and/></apply>", True),
        ("<apply><or/></apply>", False),
        ("<apply><not/><false/></apply>", True),
    ],
)
def test_conditions_of_every_kind_are_translated(condition: str, truth: bool) -> None:
    law = f"<piecewise><piece><cn> 5 </cn>{condition}</piece><otherwise><cn> 7 </cn></otherwise></piecewise>"
    network = read(species=(X,), reactions=(x.reaction("R", law, {"X": 1}),))
    assert evaluate(network.transitions[0].hazard, {}) == (5.0 if truth else 7.0)


def test_the_mathematics_of_version_2_is_no_package() -> None:
    """LibSBML lists it among the packages of every file of Level 3 Version 2."""
    text = x.model(species=(X,), parameters=(K,), reactions=(DEATH,))
    second = text.replace("version1/core", "version2/core").replace('version="1"', 'version="2"')
    second = second.replace(' fast="false"', "")
    assert 'level="3" version="2"' in second
    assert [t.id for t in parse_sbml(second).transitions] == ["Death"]
