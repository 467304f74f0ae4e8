"""What is drawn: distributions, joint tables, switches; each number keyed by what it is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from tests.bundled import read_scenario
from tests.files.test_bad_scenarios import GOOD
from tests.statistics import ALARM, Z, same_mean, same_share

from senescape.cohort import Cohort, cohort_of
from senescape.compile import compile_scenario
from senescape.files import parse_scenario

DRAWS = 4000


def drawn(
    edit: str, variation: str = "", draws: int = DRAWS, hosts: int = 1, seed: int = 1
) -> Cohort:
    text = GOOD.replace("    repair: {distribution: lognormal, sd: 0.4}\n", edit)
    scenario = parse_scenario(text.replace("outcome:\n", f"{variation}outcome:\n"))
    program = compile_scenario(scenario, "pulse").program
    return cohort_of(scenario, program, seed=seed, draws=draws, hosts=hosts)


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        ("{distribution: lognormal, sd: 0.4}", stats.lognorm(0.4, scale=0.1)),
        ("{distribution: lognormal, median: 0.3 / day, sd: 0.7}", stats.lognorm(0.7, scale=0.3)),
        ("{distribution: normal, sd: 0.02 / day}", stats.norm(0.1, 0.02)),
        ("{distribution: uniform, low: 0.1 / day, high: 0.5 / day}", stats.uniform(0.1, 0.4)),
        ("{distribution: loguniform, low: 0.001 / day, high: 1 / day}", stats.loguniform(1e-3, 1)),
    ],
)
def test_uncertain_numbers_have_their_distribution(distribution: str, law: object) -> None:
    """Kolmogorov-Smirnov at a false alarm of 1e-6; 4000 draws see a shift of 0.1 sd with power 0.9."""
    values = drawn(f"    repair: {distribution}\n").outer["repair"]
    assert stats.kstest(values, law.cdf).pvalue > ALARM  # type: ignore[attr-defined]


def test_a_mechanism_that_may_not_exist_is_zero_that_often() -> None:
    values = drawn("    repair: {distribution: lognormal, sd: 0.4, zero: 0.3}\n").outer["repair"]
    same_share(float((values == 0.0).sum()), DRAWS, 0.3)
    assert stats.kstest(values[values > 0], stats.lognorm(0.4, scale=0.1).cdf).pvalue > ALARM


def test_a_share_has_mean_and_spread() -> None:
    text = (
        "    repair: {distribution: lognormal, sd: 0.1}\n  switches:\n    s: {probability: 0.25}\n"
    )
    cohort = drawn(text)
    same_share(float(cohort.outer["switch.s"].sum()), DRAWS, 0.25)


def test_correlated_numbers_are_correlated() -> None:
    """Fisher z at a false alarm of 1e-6."""
    edit = (
        "    repair: {distribution: lognormal, sd: 0.4}\n    dying: {distribution: lognormal, sd: 0.2}\n"
        "  correlations: [{between: [repair, dying], correlation: -0.7}]\n"
    )
    outer = drawn(edit).outer
    found = np.corrcoef(np.log(outer["repair"]), np.log(outer["dying"]))[0, 1]
    z = (math.atanh(found) - math.atanh(-0.7)) * math.sqrt(DRAWS - 3)
    assert abs(z) < 4.9


def test_joint_draws_take_whole_rows_in_their_units() -> None:
    edit = (
        "    growth: {distribution: lognormal, sd: 0.1}\n"
        "  draws: {parameters: [repair, death_time], units: [1/h, h], rows: [[1, 2], [3, 4]]}\n"
    )
    outer = drawn(edit).outer
    pairs = {
        (round(r / 24.0, 9), round(t * 24.0, 9))
        for r, t in zip(outer["repair"], outer["death_time"], strict=True)
    }
    assert pairs == {(1.0, 2.0), (3.0, 4.0)}
    same_share(float((outer["repair"] > 48).sum()), DRAWS, 0.5)


def test_another_uncertain_number_leaves_the_others_as_they_are() -> None:
    one = drawn("    repair: {distribution: lognormal, sd: 0.4}\n", draws=50)
    two = drawn(
        "    dying: {distribution: lognormal, sd: 0.4}\n    repair: {distribution: lognormal, sd: 0.4}\n",
        draws=50,
    )
    np.testing.assert_array_equal(one.outer["repair"], two.outer["repair"])
    assert (two.outer["repair"] != two.outer["dying"]).all()
    other = drawn("    repair: {distribution: lognormal, sd: 0.4}\n", draws=50, seed=2)
    assert (one.outer["repair"] != other.outer["repair"]).all()


VARIATION = """variation:
  wells: {axis: well, distribution: lognormal, sd: 0.2, of: seeded}
  batch_room: {axis: batch, distribution: lognormal, sd: 0.3, of: room}
  dose: {axis: host, distribution: lognormal, median: 1, sd: 0.1, scales: drug}
"""


def test_hosts_differ_and_a_batch_is_shared() -> None:
    edit = "    growth: {distribution: lognormal, sd: 0.1}\n"
    cohort = drawn(edit, VARIATION, draws=40, hosts=50)
    scenario = parse_scenario(GOOD.replace("outcome:\n", f"{VARIATION}outcome:\n"))
    program = compile_scenario(scenario, "pulse").program
    table = {n: cohort.parameters[i].reshape(40, 50) for i, n in enumerate(program.parameter_names)}
    seeds = np.log(table["seeded"] / 1000.0).ravel()
    assert stats.kstest(seeds, stats.norm(0, 0.2).cdf).pvalue > ALARM
    same_mean(np.log(table["dose"]).ravel(), 0.0, 0.01)
    assert (np.ptp(table["room"], axis=1) == 0).all() and np.ptp(table["room"]) > 0
    assert (np.ptp(table["growth"], axis=1) == 0).all()


TOGETHER = """covariation:
  - {between: [wells, other], correlation: 0.6}
  - {between: [batch_room, batch_growth], correlation: -0.8}
"""
MORE = """  other: {axis: well, distribution: uniform, low: 0 / day, high: 1 / day, of: decision}
  apart: {axis: well, distribution: lognormal, sd: 0.3, of: dying}
  batch_growth: {axis: batch, distribution: lognormal, sd: 0.1, of: growth}
"""


def varied(text: str, hosts: int = 50, first: int = 0) -> dict[str, np.ndarray]:
    """Draw hosts; return the parameters by name, each (draws, hosts)."""
    scenario = parse_scenario(GOOD.replace("outcome:\n", f"{text}outcome:\n"))
    program = compile_scenario(scenario, "pulse").program
    draws = DRAWS // 50 - first
    cohort = cohort_of(scenario, program, seed=1, draws=draws, hosts=hosts, first_draw=first)
    table = cohort.parameters.reshape(-1, draws, hosts)
    return dict(zip(program.parameter_names, table, strict=True))


def correlation_z(one: np.ndarray, other: np.ndarray, expected: float) -> float:
    found = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    return float((math.atanh(found) - math.atanh(expected)) * math.sqrt(one.size - 3))


def test_what_goes_together_between_hosts_is_correlated() -> None:
    """Fisher z at a false alarm of 1e-6: 4000 hosts see 0.08 at 0.6, 80 batches 0.5 at -0.8.

    Negative control: without the section the same hosts are 43 standard errors from 0.6.
    """
    table = varied(VARIATION + MORE + TOGETHER)
    seeds = np.log(table["seeded"] / 1000.0) / 0.2
    other = stats.norm.ppf(table["decision"])
    assert abs(correlation_z(seeds, other, 0.6)) < Z
    room, growth = (np.log(table[name][:, 0]) for name in ("room", "growth"))
    assert abs(correlation_z(room, growth, -0.8)) < Z
    assert stats.kstest(seeds.ravel(), stats.norm.cdf).pvalue > ALARM
    assert stats.kstest(table["decision"].ravel(), stats.uniform.cdf).pvalue > ALARM
    apart = varied(VARIATION + MORE)
    assert abs(correlation_z(np.log(apart["seeded"]), apart["decision"], 0.6)) > 8 * Z


def test_what_is_not_in_the_covariation_keeps_its_hosts_to_the_byte() -> None:
    together, alone = varied(VARIATION + MORE + TOGETHER), varied(VARIATION + MORE)
    assert (together["seeded"] != alone["seeded"]).mean() > 0.99
    assert (together["room"] != alone["room"]).all()
    for name in ("dying", "dose", "repair"):
        np.testing.assert_array_equal(together[name], alone[name])
    empty = varied(VARIATION + MORE + "covariation: []\n")
    for name, values in alone.items():
        np.testing.assert_array_equal(empty[name], values)


def test_hosts_that_go_together_do_not_depend_on_how_many_there_are() -> None:
    """Nor on the order of the file: blocks are sorted by name."""
    text = VARIATION + MORE + TOGETHER
    all_, some, later = varied(text), varied(text, hosts=7), varied(text, first=30)
    pair = "{between: [wells, other], correlation: 0.6}"
    turned = varied(text.replace(pair, pair.replace("wells, other", "other, wells")))
    for name, values in all_.items():
        np.testing.assert_array_equal(some[name], values[:, :7])
        np.testing.assert_array_equal(later[name], values[30:])
        np.testing.assert_array_equal(turned[name], values)


def test_a_correlation_leaves_other_uncertain_numbers_to_the_byte() -> None:
    edit = (
        "    repair: {distribution: lognormal, sd: 0.4}\n    dying: {distribution: lognormal, sd: 0.2}\n"
        "    growth: {distribution: lognormal, sd: 0.1}\n"
    )
    pair = "  correlations: [{between: [repair, dying], correlation: -0.7}]\n"
    free, tied = drawn(edit, draws=50).outer, drawn(edit + pair, draws=50).outer
    np.testing.assert_array_equal(free["growth"], tied["growth"])
    assert (free["repair"] != tied["repair"]).all()


@pytest.mark.parametrize("correlation", [1.0, -1.0])
def test_two_numbers_may_be_one(correlation: float) -> None:
    """Correlation 1 and -1 are allowed; the scores are then equal, or opposite."""
    section = f"covariation: [{{between: [wells, apart], correlation: {correlation}}}]\n"
    table = varied(VARIATION + MORE + section)
    one, other = np.log(table["seeded"] / 1000.0) / 0.2, np.log(table["dying"] / 0.1) / 0.3
    np.testing.assert_allclose(one, correlation * other, atol=1e-7)
    assert stats.kstest(one.ravel(), stats.norm.cdf).pvalue > ALARM


def test_cohorts_without_uncertainty_or_variation_stand_at_the_stated_values() -> None:
    scenario = parse_scenario(GOOD.replace("outcome:\n", f"{VARIATION}outcome:\n"))
    program = compile_scenario(scenario, "pulse").program
    cohort = cohort_of(scenario, program, seed=1, draws=2, hosts=3, uncertain=False, varied=False)
    assert (cohort.parameters == program.parameter_defaults[:, None]).all()
    assert cohort.outer == {}


def test_a_variant_multiplies_the_draws_of_what_it_sets() -> None:
    """Three times the repair rate in every draw, and nothing else changed."""
    text = GOOD.replace("outcome:\n", "variants: {fast: {set: {repair: 0.3 / day}}}\noutcome:\n")
    scenario = parse_scenario(text)
    usual, fast = (
        cohort_of(
            scenario, p := compile_scenario(scenario, "pulse", v).program, seed=1, draws=9, hosts=1
        ).parameters[p.parameter("repair")]
        for v in (None, "fast")
    )
    np.testing.assert_allclose(fast, 3.0 * usual, rtol=1e-12)
    assert len(set(usual)) == 9


def test_a_draw_does_not_depend_on_how_many_there_are() -> None:
    """A uniform number that may pass 1 is no share, though the first three draws lie below."""
    repair = "    repair: {distribution: uniform, low: 0.1 / day, high: 3 / day}\n"
    text = GOOD.replace("    repair: {distribution: lognormal, sd: 0.4}\n", repair)
    text = text.replace("outcome:\n", "variants: {fast: {set: {repair: 0.3 / day}}}\noutcome:\n")
    scenario = parse_scenario(text)
    program = compile_scenario(scenario, "pulse", "fast").program
    row = program.parameter("repair")
    many = cohort_of(scenario, program, seed=1, draws=40, hosts=1)
    low = int(np.argmin(many.outer["repair"]))
    few = cohort_of(scenario, program, seed=1, draws=1, hosts=1, first_draw=low)
    assert few.outer["repair"][0] < 1.0 < many.outer["repair"].max()
    assert few.parameters[row, 0] == many.parameters[row, low]
    np.testing.assert_allclose(many.parameters[row], 3.0 * many.outer["repair"], rtol=1e-12)


def test_a_variant_multiplies_the_odds_of_a_share() -> None:
    """0.3 becomes 0.95: odds times 44.3 in every draw, so that no draw passes 1."""
    scenario = read_scenario("a549-etoposide-navitoclax")
    usual, high = (
        cohort_of(
            scenario, p := compile_scenario(scenario, "after", v).program, seed=1, draws=60, hosts=1
        ).parameters[p.parameter("nonresponding")]
        for v in (None, "mcl1_high")
    )
    ratio = (0.95 / 0.05) / (0.3 / 0.7)
    np.testing.assert_allclose(high / (1 - high), ratio * usual / (1 - usual), rtol=1e-9)
    assert usual.max() > 0.6 and high.max() < 1.0
