"""What a world can depend on: against runs with the parameters changed, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines import builders as b

from senescape.cohort import cohort_of
from senescape.compile import Compiled, compile_scenario
from senescape.compile.question import question_of
from senescape.compile.reach import parameters_that_matter
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import run_engine
from senescape.files import bundled, read_scenario
from senescape.model import Player
from senescape.verdict import Rule
from senescape.verdict.counterfactual import world_of

GENES = {Player.ESCAPE_PREEXISTING, Player.ESCAPE_ACQUIRED}


def players_that_act(compiled: Compiled, rule: Rule | None) -> set[Player]:
    matter = parameters_that_matter(compiled.program, world_of(compiled, rule))
    return {p for p, names in compiled.players.items() if not matter.isdisjoint(names)}


def course(compiled: Compiled, fixed: dict[str, float], days: float) -> np.ndarray:
    """Return cells of every compartment, by the mean field, with some parameters set."""
    program = compiled.program
    cohort = cohort_of(compiled.scenario, program, seed=5, draws=1, hosts=1)
    parameters = cohort.parameters.copy()
    for name, value in fixed.items():
        parameters[program.parameter(name)] = value
    times = program.forcing.start + np.linspace(0.0, days, 4)
    states = run_engine(MeanField(), program, parameters, cohort.streams, times)
    return np.array([state.counts for state in states])


@pytest.mark.parametrize("name", bundled())
def test_what_is_said_to_do_nothing_does_nothing(name: str) -> None:
    """All such parameters are tripled, one by one half: the same cells to the last bit."""
    scenario = read_scenario(name)
    compiled = compile_scenario(scenario, list(scenario.regimens)[-1])
    program = compiled.program
    fixed = world_of(compiled, Rule.RENORMALISED)
    matter = parameters_that_matter(program, fixed)
    days = min(20.0, question_of(scenario).horizon)
    plain = course(compiled, fixed, days)
    start = dict(zip(program.parameter_names, program.parameter_defaults, strict=True))
    idle = [n for n in program.parameter_names if n not in matter and n not in fixed]
    assert idle
    routes = set(compiled.routes)
    other = {n: start[n] * (1.0 if n in routes else 3.0) for n in idle}
    np.testing.assert_array_equal(course(compiled, fixed | other, days), plain)


@pytest.mark.parametrize("name", bundled())
def test_only_genes_act_where_no_cell_becomes_senescent(name: str) -> None:
    """Written by hand: fibroblasts are senescent from the start; the liver's cells are cleared."""
    scenario = read_scenario(name)
    compiled = compile_scenario(scenario, list(scenario.regimens)[-1])
    beside = {
        "breast-fibroblasts": set(compiled.players) - {Player.PARACRINE_ARREST},
        "liver-p53-restoration": {Player.CLEARANCE} | GENES,
    }.get(name, GENES & set(compiled.players))
    assert players_that_act(compiled, Rule.RENORMALISED) == beside
    # with senescence, whoever is there can act
    assert players_that_act(compiled, None) == set(compiled.players)


def test_a_route_that_is_chosen_is_the_only_one() -> None:
    """Routed to the inert, cells are no senescent ones; an open route may be any."""
    compiled = compile_scenario(read_scenario("figure-1"), "chemo")
    assert players_that_act(compiled, Rule.INERT) == GENES
    assert Player.CLEARANCE in players_that_act(compiled, None)


def test_what_nobody_feeds_is_nothing() -> None:
    """Without cells nothing acts; without arrest nothing is secreted; written by hand."""
    program = b.program_of(b.secreting(start=50.0))
    names = set(program.parameter_names)
    assert parameters_that_matter(program, {}) == names
    assert parameters_that_matter(program, {"n0": 0.0}) == set()
    assert parameters_that_matter(program, {"entry": 0.0}) == {"growth", "n0"}
    assert parameters_that_matter(program, {"secretion": 0.0}) == {"growth", "n0", "entry", "loss"}
