"""What a scenario becomes: classes, clones, entries into senescence and their re-routing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bundled import read_scenario
from tests.files.test_bad_scenarios import GOOD

from senescape.compile import ROUTES, compile_scenario
from senescape.compile.classes import strata
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.files import parse_scenario


@pytest.mark.parametrize("classes", [1, 2, 5, 11, 40])
def test_classes_stand_for_a_standard_normal(classes: int) -> None:
    nodes, weights = (np.array(x) for x in strata(classes))
    assert weights.sum() == pytest.approx(1.0)
    assert (weights * nodes).sum() == pytest.approx(0.0, abs=1e-12)
    if classes > 1:
        assert (weights * nodes**2).sum() == pytest.approx(1.0)
    assert len(nodes) == classes


def test_eleven_classes_see_the_tail() -> None:
    """E[exp(2 z)] = e^2 to 10 %, and the share beyond 2.5 sd to a factor of two."""
    nodes, weights = (np.array(x) for x in strata(11))
    assert (weights * np.exp(2.0 * nodes)).sum() == pytest.approx(np.exp(2.0), rel=0.1)


def test_every_bundled_regimen_compiles() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    for regimen in scenario.regimens:
        compiled = compile_scenario(scenario, regimen)
        assert len(compiled.entries) == 11
        assert compiled.gates == ("gate.senescence",)
        assert compiled.routes == ("route.senescence",)


def test_entries_are_found_by_role_and_sent_where_the_rules_say() -> None:
    """One cell state after another: with only D's exit open, all cells are where the rule sends them."""
    scenario = parse_scenario(
        GOOD.replace("{state: P, total: seeded}", "{state: D, total: seeded}")
        .replace("repair:      {value: 0.1", "repair:      {value: 0")
        .replace("dying:       {value: 0.1", "dying:       {value: 0")
        .replace("growth:      {value: 0.6", "growth:      {value: 0")
        .replace("death_time:  {value: 1 day", "death_time:  {value: 1000000 day")
    )
    compiled = compile_scenario(scenario, "control")
    program = compiled.program
    for number, (rule, state) in enumerate(zip(ROUTES, ("S", "A", "silent", "R"), strict=True)):
        table = program.parameter_defaults[:, None].copy()
        table[program.parameter("route.senescence")] = number
        (last,) = run_engine(MeanField(), program, table, Streams.hosts(0, 1), np.array([40.0]))
        counted = observe(program, last)[:, 0]
        assert counted[program.assay(f"state:{state}")] == pytest.approx(1000.0, rel=1e-3), rule
    table[program.parameter("gate.senescence")] = 0.0
    (last,) = run_engine(MeanField(), program, table, Streams.hosts(0, 1), np.array([40.0]))
    assert observe(program, last)[program.assay("state:D"), 0] == pytest.approx(1000.0)


def test_a_cell_keeps_its_class_and_draws_one_where_it_had_none() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    program = compile_scenario(scenario, "100nM").program
    names = program.compartment_ids

    def targets(arrow: str, source: str) -> set[str]:
        index = program.transition_ids.index(f"{arrow}|{source}")
        route = program.route_ptr[index]
        found = set()
        for outcome in range(program.outcome_ptr[route], program.outcome_ptr[route + 1]):
            first, last = program.product_ptr[outcome], program.product_ptr[outcome + 1]
            found |= {names[c] for c, _ in program.product[first:last]}
        return found

    assert targets("arrest", "P[sensitivity=3]") == {"D[sensitivity=3]"}
    assert targets("division", "P[sensitivity=3]") == {"P[sensitivity=3]"}
    assert targets("recovery", "D[sensitivity=3]") == {f"E_D[growth_class={i}]" for i in range(5)}
    assert targets("senescence", "D[sensitivity=3]") == {"S1"}


CLONES = GOOD.replace(
    "  initial: [{state: P, total: seeded}]",
    """  clones:
    founder: {}
    mutant: {parent: founder, set: {sensitivity: 0 / (uM*day)}}
  initial:
    - {state: P, total: seeded}
    - {state: P, clone: mutant, total: escapes, law: luria_delbrueck}""",
).replace("  seeded: ", "  escapes: {value: 2, source: assumption}\n  seeded: ")


def test_clones_have_numbers_of_their_own() -> None:
    """The mutant ignores the drug: it is not arrested, and counts as pre-existing in the census."""
    compiled = compile_scenario(parse_scenario(CLONES), "pulse")
    program = compiled.program
    table = program.parameter_defaults[:, None]
    (last,) = run_engine(MeanField(), program, table, Streams.hosts(0, 1), np.array([2.0]))
    counted = dict(zip(program.assay_ids, observe(program, last)[:, 0], strict=True))
    founder = program.compartment("founder.P")
    mutant = program.compartment("mutant.P")
    assert last.counts[program.slot_ptr[founder], 0] < 150.0  # 1000 exp(-(1.6 - 0.6) 2) = 135
    assert last.counts[program.slot_ptr[mutant], 0] > 2.0
    assert counted["origin:preexisting"] == pytest.approx(last.counts[program.slot_ptr[mutant], 0])
    total = sum(v for k, v in counted.items() if k.startswith("origin:"))
    assert total == pytest.approx(counted["tumour:cycling"])


def test_a_mutation_changes_the_clone_of_one_daughter() -> None:
    text = CLONES.replace(
        "  arrest:     {from: P",
        "  mutation: {from: P, to: [P, P], rate: dying, to_clone: mutant, clones: [founder], figure1: escape_acquired}\n  arrest:     {from: P",
    )
    program = compile_scenario(parse_scenario(text), "control").program
    index = program.transition_ids.index("mutation|founder.P")
    route = program.route_ptr[index]
    outcome = program.outcome_ptr[route]
    made = program.product[program.product_ptr[outcome] : program.product_ptr[outcome + 1]]
    assert {(program.compartment_ids[c], int(k)) for c, k in made} == {
        ("mutant.P", 1),
        ("founder.P", 1),
    }


def test_variants_and_regimens_change_numbers() -> None:
    text = GOOD.replace(
        "  control: {label: untreated}", "  control: {label: untreated, set: {decision: 2 / day}}"
    )
    text = text.replace(
        "uncertainty:\n", "variants:\n  fast: {set: {growth: 9 / day}}\nuncertainty:\n"
    )
    scenario = parse_scenario(text)
    for regimen, variant, growth, decision in (
        ("pulse", None, 0.6, 0.5),
        ("control", None, 0.6, 2.0),
        ("pulse", "fast", 9.0, 0.5),
    ):
        program = compile_scenario(scenario, regimen, variant).program
        assert program.parameter_defaults[program.parameter("growth")] == growth
        assert program.parameter_defaults[program.parameter("decision")] == decision


def test_derived_parameters_follow_what_they_derive_from() -> None:
    text = GOOD.replace("decision:    {value: 0.5 / day", "decision:    {value: 5 * repair")
    program = compile_scenario(parse_scenario(text), "pulse").program
    assert "decision" not in program.parameter_names
    table = program.parameter_defaults[:, None].copy()
    table[program.parameter("repair")] = 0.0
    (last,) = run_engine(MeanField(), program, table, Streams.hosts(0, 1), np.array([5.0]))
    assert observe(program, last)[program.assay("state:S"), 0] == 0.0


def test_secreted_signals_are_linear_in_cells() -> None:
    """Quasi-steady level: secretion * cells / decay."""
    text = GOOD.replace(
        "observables:\n",
        """signals:
  sasp: {unit: uM, law: {decay: clearance, secreted: [{by: P, rate: secretion}]}}
observables:
""",
    ).replace(
        "  seeded: ",
        "  clearance: {value: 50 / day, source: assumption}\n  secretion: {value: 1e-3 uM/(day*cells), source: assumption}\n  seeded: ",
    )
    program = compile_scenario(parse_scenario(text), "control").program
    (last,) = run_engine(
        MeanField(),
        program,
        program.parameter_defaults[:, None],
        Streams.hosts(0, 1),
        np.array([3.0]),
    )
    cells = observe(program, last)[program.assay("state:P"), 0]
    level = last.signal[program.signal_names.index("sasp"), 0]
    assert level == pytest.approx(1e-3 * cells / 50.0, rel=0.02)
