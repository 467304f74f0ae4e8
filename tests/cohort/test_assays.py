"""The assays of scenarios: what they read, and that they read nothing that is not there."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from tests.bundled import read_scenario
from tests.files.test_bad_scenarios import GOOD

from senescape.cohort import kaplan_meier, observe, surviving_fraction
from senescape.cohort.assays import single_cells
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.results import Observed, Reading, Status

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)


def means(observed: Observed, assay: str) -> dict[float, float]:
    return {g.time: g.mean for g in observed.of(assay).groups()}


WORLD = """senescape: 1
name: plain
title: a birth-death world
setting: culture
parameters:
  birth: {value: 0.9 / day, source: assumption}
  death: {value: BIRTHS / day, source: assumption}
  seeded: {value: 1000 cells, source: assumption}
  plated: {value: 4000 cells, source: assumption}
  read_at: {value: 6 day, source: assumption}
cells:
  states: {P: {role: cycling}}
  initial: [{state: P, total: seeded}]
arrows:
  division: {from: P, to: [P, P], rate: birth, figure1: housekeeping}
  death: {from: P, to: [], rate: death, figure1: rapid_apoptosis}
regimens: {control: {label: untreated}}
observables: {live: {sum: {P: 1}}}
assays:
  colonies: {kind: colonies, plated: plated, read: read_at, counts: live}
"""


@compiled
@pytest.mark.parametrize("death", [0.0, 0.3, 0.8])
def test_colonies_of_a_birth_death_world_follow_kendall(death: float) -> None:
    """P(n >= 50) = (1 - alpha) beta^49; 4000 cells see a gap of 0.03 at 5 standard errors."""
    scenario = parse_scenario(WORLD.replace("BIRTHS", str(death)))
    seen = observe(scenario, "control", subjects=1, times=np.array([0.0]))
    birth, time = 0.9, 6.0
    growth = np.exp((birth - death) * time)
    alpha = death * (growth - 1) / (birth * growth - death)
    beta = birth * (growth - 1) / (birth * growth - death)
    chance = (1 - alpha) * beta**49
    error = np.sqrt(chance * (1 - chance) / 4000)
    assert error < 0.008
    assert abs(seen.readings[0].value - chance) < 5 * error


@compiled
def test_two_waves_of_annexin_v_and_one_where_delayed_apoptosis_is_off() -> None:
    """Rapid death peaks within three days; the late wave needs death out of senescence."""
    base = read_scenario("figure-1").with_parameters(
        {"senescent_loss": "0.3 / day", "annexin_false": "0", "killing": "0 / day"}
    )
    days = np.array([2.0, 3.0, 14.0, 16.0])
    on = means(observe(base, "chemo", assays=("annexin_v",), times=days, subjects=12), "annexin_v")
    off_world = base.with_parameters({"senescent_loss": "0 / day"})
    off = means(
        observe(off_world, "chemo", assays=("annexin_v",), times=days, subjects=12), "annexin_v"
    )
    assert on[2.0] > 0.02
    assert off[2.0] > 0.02
    assert on[16.0] > 0.02
    assert off[16.0] < 0.005


@compiled
def test_sa_b_gal_of_an_untreated_culture_is_its_false_positives() -> None:
    seen = means(
        observe(
            read_scenario("figure-1"), "untreated", assays=("beta_gal",), times=np.array([5.0])
        ),
        "beta_gal",
    )
    assert seen[5.0] == pytest.approx(0.14, abs=0.06)


@compiled
def test_a_tumour_in_stasis_can_look_larger() -> None:
    """Senescent cells are larger and the dead linger: volume does not follow live cells."""
    plain = {"hypertrophy": "1", "debris_lifetime": "0.001 day", "caliper_spread": "0"}
    scenario = read_scenario("figure-1").with_parameters(
        {"caliper_spread": "0", "caliper_least": "0 mm^3"}
    )
    none = scenario.with_parameters(plain)
    at = {"assays": ("caliper",), "times": np.array([0.0, 5.0]), "subjects": 4}
    swollen = means(observe(scenario, "chemo", **at), "caliper")  # type: ignore[arg-type]
    shrunk = means(observe(none, "chemo", **at), "caliper")  # type: ignore[arg-type]
    assert swollen[0.0] == pytest.approx(shrunk[0.0])
    assert swollen[5.0] > 1.3 * shrunk[5.0]


@compiled
def test_survival_is_seen_at_visits_and_censored_by_loss() -> None:
    scenario = read_scenario("emu-myc-cyclophosphamide")
    seen = observe(scenario, "chemo", assays=("mice",), subjects=40, step=0.25).of("mice")
    assert len(seen) == 40
    deaths = seen.values()[seen.died()]
    assert (deaths % 2.0 == 0.0).all()
    assert (seen.values() <= 60.0).all()
    lossy = scenario.with_parameters({"loss_of_mice": "10 / day"})
    gone = observe(lossy, "chemo", assays=("mice",), subjects=40, step=0.25)
    assert not gone.died().any()
    assert kaplan_meier(gone.values(), gone.died()).at(60.0) == 1.0


@compiled
def test_readings_do_not_change_when_others_are_added() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    at = {"times": np.array([3.0, 5.0]), "subjects": 3}
    alone = observe(scenario, "50nM", assays=("wells",), **at)  # type: ignore[arg-type]
    both = observe(scenario, "50nM", assays=("beta_gal", "wells"), **at)  # type: ignore[arg-type]
    assert both.of("wells").readings == alone.readings
    later = observe(scenario, "50nM", assays=("wells",), times=np.array([5.0, 9.0]), subjects=3)
    same = [r for r in later.readings if r.time == 5.0]
    assert len(same) == 3


@compiled
def test_doxorubicin_lowers_clonogenic_survival() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    control, low, high = (
        observe(scenario, r, assays=("colonies",), subjects=2) for r in ("UTCtrl", "35nM", "300nM")
    )
    some, below, above = surviving_fraction(low, control)
    assert below < some < above < 1.0
    none = surviving_fraction(high, control)
    assert none[0] < 0.05
    assert surviving_fraction(control, control)[0] == 1.0


def test_single_cells_keep_the_growth_of_the_dish() -> None:
    alone = single_cells(read_scenario("a549-etoposide-navitoclax"))
    assert str(alone.ports["crowding"].formula) == "log((capacity) / (founders))"
    assert alone.cells.crowding is None
    assert len(alone.cells.initial) == 1


@pytest.mark.parametrize(
    ("arguments", "check"),
    [
        ({"assays": ("beta_gall",)}, "run.assay"),
        ({"subjects": 0}, "run.subjects"),
        ({"regimen": "99nM"}, "scenario.unknown-regimen"),
    ],
)
def test_a_look_that_cannot_be_is_refused(arguments: dict[str, object], check: str) -> None:
    given = {"regimen": "50nM"} | arguments
    with pytest.raises(SenescapeError) as error:
        observe(read_scenario("mcf7-doxorubicin"), **given)  # type: ignore[arg-type]
    assert error.value.check == check


def test_a_scenario_without_assays_and_dishes_without_colonies_are_refused() -> None:
    with pytest.raises(SenescapeError, match="declares no assays"):
        observe(parse_scenario(GOOD).model_copy(update={"assays": {}}), "pulse")
    with pytest.raises(SenescapeError, match="plated"):
        surviving_fraction(Observed(()), Observed(()))


def test_groups_leave_survival_out_and_name_the_unit() -> None:
    row = Reading("a", "r", "1", 1.0, 0.5, "1", 10)
    table = Observed.together(
        [
            Observed((row, row._replace(subject="2", value=0.7)), "one"),
            Observed((row._replace(assay="mice", status=Status.DIED),), "two"),
        ]
    )
    (group,) = table.groups()
    assert (group.subjects, group.mean, round(group.sd, 4)) == (2, 0.6, 0.1414)
    assert table.source == "one; two"
    assert table.assays == ("a", "mice")
    assert table.regimens == ("r",)
    assert table.to_dataframe().status.tolist() == ["seen", "seen", "died"]
    assert replace(table, source="x").source == "x"
