"""Every arrow of Figure 1 does what it says, alone and against a law written down by hand."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.bundled import read_scenario

from senescape.compile import compile_scenario
from senescape.engines.leap import Leap
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.model import Figure1

from .bench import bench

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
DAYS = tuple(float(d) for d in range(0, 41))
# no feedback of any kind, no growth, arrest for good
STILL = {
    "growth": "0 / day",
    "feeding": "0",
    "survival_gain": "0",
    "paracrine_rate": "0 / day",
    "killing": "0 / day",
    "reentry_rate": "0 / day",
    "senescent_loss": "0 / day",
    "mutation_rate": "0",
    "arrested_mutation": "0 / day",
    "recovery_rate": "0 / day",
}


def test_rapid_and_delayed_apoptosis_are_two_waves() -> None:
    """Rapid death is over by day 15, delayed death has hardly begun by day 3 and peaks later."""
    both = bench(times=DAYS, **STILL | {"senescent_loss": "0.1 / day"})
    rapid, late = both.counts["rapid_dying"], both.counts["late_dying"]
    assert np.argmax(rapid) <= 3 < 6 <= np.argmax(late)
    assert rapid[15] < 0.1 * rapid.max() and late[3] < 0.1 * late.max()
    alone = bench(times=DAYS, **STILL)
    assert not alone.counts["late_dying"].any() and alone.counts["rapid_dying"].any()
    other = bench(times=DAYS, **STILL | {"senescent_loss": "0.1 / day", "apoptosis_factor": "0"})
    assert not other.counts["rapid_dying"].any() and other.counts["late_dying"].any()


@pytest.mark.parametrize(
    ("number", "arrow"),
    [
        ("reentry_rate", Figure1.REENTRY),
        ("senescent_loss", Figure1.DELAYED_APOPTOSIS),
        ("killing", Figure1.CLEARANCE),
        ("paracrine_rate", Figure1.PARACRINE_ARREST),
        ("recovery_rate", Figure1.RECOVERY),
    ],
)
def test_an_arrow_that_is_off_carries_nothing_and_the_others_go_on(
    number: str, arrow: Figure1
) -> None:
    on, off = bench(), bench(**{number: "0 / day"})
    assert on.flows[arrow][-1] > 0.0
    assert off.flows[arrow][-1] == 0.0
    others = [a for a in on.flows if a not in (arrow, Figure1.HOUSEKEEPING)]
    assert all(off.flows[a][-1] > 0.0 for a in others if on.flows[a][-1] > 0.0)


def test_a_player_that_is_off_is_as_if_its_number_were_zero() -> None:
    for player, changes in (
        ("reentry", {"reentry_rate": "0 / day"}),
        ("clearance", {"killing": "0 / day"}),
        ("paracrine_arrest", {"paracrine_rate": "0 / day"}),
        ("delayed_apoptosis", {"senescent_loss": "0 / day"}),
        ("escape_acquired", {"mutation_rate": "0", "arrested_mutation": "0 / day"}),
    ):
        by_player = bench(set_rows={f"player.{player}": 0.0})
        counts = dict(changes)
        if player == "escape_acquired":  # clones of before stay as they were
            by_player = bench(set_rows={f"player.{player}": 0.0}, mutation_rate="1e-30")
            counts["mutation_rate"] = "1e-30"
        by_number = bench(**counts)
        np.testing.assert_allclose(
            by_player.counts["tumour_cells"], by_number.counts["tumour_cells"], rtol=1e-4
        )


def test_escape_of_arrested_cells_is_rate_times_cells_times_time() -> None:
    """With division off and nothing else going on: u_S integral of the arrested, to a part in 1e4."""
    rate = 1e-6
    run = bench(times=DAYS, **STILL | {"arrested_mutation": f"{rate} / day", "stress_gain": "1"})
    arrested = run.counts["senescent_like_cells"]
    expected = rate * np.trapezoid(arrested, run.time)
    assert run.arrows["mutation_arrested"][-1] == pytest.approx(expected, rel=0.02)
    assert run.arrows["mutation"][-1] == 0.0
    assert run.counts["origin:acquired"][-1] > 0.0


def test_the_census_names_cells_by_where_they_come_from() -> None:
    """Nobody was ever arrested without treatment; only the clone of mutants is acquired escape."""
    run = bench("untreated", **{"paracrine_rate": "0 / day", "mutation_rate": "1e-5"})
    never, acquired = run.counts["origin:never_senescent"], run.counts["origin:acquired"]
    assert acquired[0] == 0.0 and never[0] == pytest.approx(1e6, rel=1e-6)
    # no clone stands before therapy beside the one in Luria-Delbrueck numbers
    assert acquired[-1] == pytest.approx(
        run.counts["tumour_cells"][-1] - never[-1] - run.counts["origin:preexisting"][-1], rel=1e-6
    )
    assert 0.0 < acquired[-1] < 0.01 * never[-1]


def test_escape_at_division_is_rate_times_divisions() -> None:
    run = bench("untreated", **{"mutation_rate": "1e-5", "feeding": "0", "stress_gain": "1"})
    divisions = run.arrows["division"][-1]
    assert run.arrows["mutation"][-1] == pytest.approx(1e-5 * divisions, rel=0.01)


def test_stress_raises_mutation_by_its_law_and_the_rise_decays() -> None:
    """d stress/dt = (damage - stress) / memory; factor 1 + (gain - 1) hill(stress, K, 2)."""
    run = bench(times=DAYS, **STILL | {"arrested_mutation": "1e-6 / day"})
    calm = bench(times=DAYS, **STILL | {"arrested_mutation": "1e-6 / day", "stress_gain": "1"})
    ratio = np.diff(run.arrows["mutation_arrested"]) / np.diff(calm.arrows["mutation_arrested"])
    # damage by hand: 100 nM for a day, half-life 100 h; then stress by small steps
    step, decay = 0.001, np.log(2) / (100 / 24)
    time = np.arange(0, 40, step)
    dose = np.where(time < 1.0, 100.0, 0.0)
    damage = stress = 0.0
    factor = np.empty_like(time)
    for i in range(len(time)):
        damage += step * (dose[i] - decay * damage)
        stress += step * (damage - stress) / 7.0
        factor[i] = 1.0 + 19.0 * stress**2 / (stress**2 + 20.0**2)
    by_day = factor.reshape(40, -1).mean(axis=1)
    np.testing.assert_allclose(ratio[3:], by_day[3:], rtol=0.02)
    assert ratio.max() > 5.0 > ratio[-1]


def test_clones_of_before_stand_in_luria_delbrueck_numbers() -> None:
    """P(no resistant cell) = exp(-u N); variance far above the mean (2,000 hosts, five sigma)."""
    scenario = read_scenario("figure-1").with_parameters({"mutation_rate": "1e-6"})
    compiled = compile_scenario(scenario, "untreated")
    program = compiled.program
    hosts = 2000
    parameters = np.repeat(program.parameter_defaults[:, None], hosts, axis=1)
    streams = Streams.hosts(5, hosts)
    (start,) = run_engine(Leap(), program, parameters, streams, np.array([0.0]))
    mutants = observe(program, start)[program.assay("origin:preexisting")]
    expected = np.exp(-1.0)
    error = np.sqrt(expected * (1 - expected) / hosts)
    assert abs((mutants == 0).mean() - expected) < 5 * error
    assert mutants.var() > 10 * mutants.mean()


def test_resistant_clones_ignore_the_dose_and_as_players_behave_as_their_parent() -> None:
    changes = STILL | {"mutation_rate": "1e-4"}
    run = bench(**changes)
    alone = bench(set_rows={"player.escape_preexisting": 0.0}, **changes)
    kept = run.counts["origin:preexisting"]
    assert kept[-1] > 0.5 * kept[0] > 0.0
    assert alone.counts["origin:preexisting"][-1] < 0.05 * kept[0]


def test_feeding_acts_on_cells_that_are_not_senescent_and_only_through_its_gain() -> None:
    fed, unfed = bench(feeding="0.3"), bench(feeding="0")
    assert fed.counts["tumour_cells"][-1] > unfed.counts["tumour_cells"][-1]
    # nobody secretes without treatment: the gain has nothing to act on, to the last bit
    quiet = {"paracrine_rate": "0 / day"}
    a, b = bench("untreated", feeding="0.3", **quiet), bench("untreated", feeding="0", **quiet)
    np.testing.assert_allclose(a.counts["tumour_cells"], b.counts["tumour_cells"], rtol=1e-12)


def test_secretion_protects_the_undecided_from_apoptosis() -> None:
    exposed, shielded = bench(survival_gain="0"), bench(survival_gain="2")
    assert shielded.flows[Figure1.RAPID_APOPTOSIS][-1] < exposed.flows[Figure1.RAPID_APOPTOSIS][-1]


def test_clearance_saturates_and_needs_a_competent_host() -> None:
    """Few cells: rate beta I/I0. Burden kappa: half of it. Aged and nude hosts: their share."""
    few = STILL | {
        "killing": "0.27 / day",
        "founders": "1e3 cells",
        "recruitment": "0",
        "exhaustion": "0 / day",
        "distraction": "0",
    }
    times = (0.0, 30.0, 31.0)

    def rate(**changes: str) -> float:
        run = bench(times=times, **few | changes)
        left = run.counts["senescent_cells"]
        return float(np.log(left[1] / left[2]))

    assert rate() == pytest.approx(0.27, rel=0.01)
    assert rate(competence="0.22") == pytest.approx(0.27 * 0.22, rel=0.01)
    assert rate(immunogenicity="0.5") == pytest.approx(0.135, rel=0.01)
    burden = bench(times=times, **few | {"killing": "0 / day"}).counts["senescent_cells"][-1]
    # the killing is weak, so that the burden stays: half at kappa = burden
    weak = rate(killing="0.002 / day", saturation=f"{burden} cells")
    assert weak == pytest.approx(0.001, rel=0.02)


def test_effectors_are_recruited_and_tire() -> None:
    base = {"growth": "0 / day", "killing": "0 / day"}
    called = bench(recruitment="4", exhaustion="0 / day", **base).counts["effector_cells"]
    uncalled = bench(recruitment="0", exhaustion="0 / day", **base).counts["effector_cells"]
    tired = bench(recruitment="0", exhaustion="1 / day", saturation="1e5 cells", **base).counts[
        "effector_cells"
    ]
    assert uncalled[-1] == pytest.approx(1e5, rel=1e-6)
    assert called.max() > 2e5 and tired[-1] < 5e4


def test_a_senolytic_leaves_those_that_do_not_respond() -> None:
    """After five days at four times the kill the responding are gone; 30 % of the rest stand."""
    changes = STILL | {"senolytic_kill": "20 / day", "senolytic_immature": "1"}
    without, given = bench("chemo", **changes), bench("one-two", **changes)
    share = given.counts["senescent_cells"][-1] / without.counts["senescent_cells"][-1]
    assert share == pytest.approx(0.3, abs=0.005)
    none = bench("one-two", **changes | {"nonresponding": "1"})
    # the few that are still undecided are hit as cycling cells are
    assert none.counts["senescent_cells"][-1] == pytest.approx(
        without.counts["senescent_cells"][-1], rel=1e-4
    )


def test_a_senomorphic_silences_without_killing() -> None:
    """At four half-concentrations the SASP is heard as from a fifth of the cells."""
    loud, hushed = bench("chemo", feeding="0.3"), bench("silenced", feeding="0.3")
    assert hushed.counts["tumour_cells"][-1] < loud.counts["tumour_cells"][-1]
    still = bench("silenced", **STILL), bench("chemo", **STILL)
    np.testing.assert_allclose(
        still[0].counts["senescent_cells"], still[1].counts["senescent_cells"], rtol=1e-6
    )


def test_senescence_as_a_parallel_fate_or_as_a_back_up() -> None:
    """Apoptosis blocked: the hazard into senescence rises only in the reading ``backup``.

    h_S = s H (1 - a) in parallel, s H (1 - phi_a a) as back-up; with nobody dying and nobody
    recovering, the undecided leave by h_S alone.
    """
    changes = STILL | {"apoptosis_factor": "0"}
    parallel = bench(set_rows={"switch.backup": 0.0}, **changes)
    backup = bench(set_rows={"switch.backup": 1.0}, **changes)
    early = 2
    assert backup.counts["senescent_cells"][early] > 1.1 * parallel.counts["senescent_cells"][early]
    intact = STILL | {"apoptosis_factor": "1"}
    np.testing.assert_allclose(
        bench(set_rows={"switch.backup": 1.0}, **intact).counts["senescent_cells"],
        bench(set_rows={"switch.backup": 0.0}, **intact).counts["senescent_cells"],
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("variant", "arrow", "smaller"),
    [
        ("bcl2", Figure1.RAPID_APOPTOSIS, True),
        ("bcl2", Figure1.SENESCENCE, False),
        ("suv39h1_null", Figure1.SENESCENCE, True),
        ("p53_null", Figure1.SENESCENCE, True),
        ("aged", Figure1.CLEARANCE, True),
        ("nude", Figure1.CLEARANCE, True),
    ],
)
def test_genotypes_and_hosts_change_the_arrow_that_they_are_known_for(
    variant: str, arrow: Figure1, smaller: bool
) -> None:
    usual, other = bench(), bench(variant=variant)
    assert bool(other.flows[arrow][3] < usual.flows[arrow][3]) is smaller


def test_without_growth_nobody_is_made() -> None:
    """Cells only change their state: all that lived, died or were cleared add up to the start."""
    run = bench(**{"growth": "0 / day", "mutation_rate": "1e-30"})
    dying = run.counts["rapid_dying"] + run.counts["late_dying"]
    gone = run.arrows["debris"] + run.flows[Figure1.CLEARANCE]
    total = run.counts["tumour_cells"] + dying + gone
    np.testing.assert_allclose(total, total[0], rtol=1e-6)
