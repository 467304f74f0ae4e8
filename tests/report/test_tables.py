"""Tables of the page: what they say in words is what the verdict and the scenario say in numbers."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from tests.bundled import read_scenario
from tests.verdict.worlds import friend, friendly_verdict

from senescape.model import ASSUMPTION, EndpointName
from senescape.report.numbers import number_rows, other_rows, split_value
from senescape.report.tables import (
    arrest_words,
    census_rows,
    commands,
    p_words,
    reading_rows,
    survival_definition,
    survival_gain,
    survival_rows,
    turn_list,
    turn_words,
    turns,
    words_by_rule,
)
from senescape.verdict import RULES, Reading, Rule, Verdict, Word
from senescape.verdict.judge import flips_of


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return friendly_verdict()


def bent(verdict: Verdict, mean: np.ndarray, error: float = 0.1, **question: float) -> Verdict:  # type: ignore[type-arg]
    """Return a verdict whose default curve is another one, with its changes of sign."""
    curve = np.column_stack([mean, mean, mean, np.full(len(mean), error)])
    flips = flips_of(verdict.curve_time, curve)
    rules = verdict.rules | {Rule.RENORMALISED: replace(verdict.main, curve=curve, flips=flips)}
    return replace(verdict, rules=rules, question=replace(verdict.question, **question))


# --- changes of sign ------------------------------------------------------------------------------
def test_changes_of_sign_say_which_way_and_whether_data_stand_behind_them(verdict: Verdict) -> None:
    """Up at day 3, down at day 7; the last measurement is on day 5."""
    time = verdict.curve_time
    made = bent(verdict, -(time - 3.0) * (time - 7.0), data_end=5.0)
    found = turns(made, Rule.RENORMALISED)
    assert [turn.day for turn in found] == pytest.approx([3.0, 7.0], abs=0.3)
    assert [turn.for_the_host for turn in found] == [True, False]
    assert [turn.extrapolated for turn in found] == [False, True]
    words = turn_words(made, Rule.RENORMALISED)
    assert words == "day 3, to a gain; day 7, to a loss (extrapolated)"
    assert turn_list(made) == [f"{r.value}: {turn_words(made, r)}" for r in RULES]


def test_without_a_change_of_sign_the_last_day_is_named(verdict: Verdict) -> None:
    made = bent(verdict, np.ones_like(verdict.curve_time))
    assert turn_words(made, Rule.RENORMALISED) == "none to day 10"
    assert turn_list(replace(made, rules={r: replace(made.main, rule=r) for r in RULES})) == [
        "none to day 10, under any rule"
    ]
    unsure = bent(verdict, verdict.curve_time - 3.0, error=100.0)
    assert turn_words(unsure, Rule.RENORMALISED) == "none to day 10"


def test_one_change_late_in_the_curve_points_to_its_end(verdict: Verdict) -> None:
    found = turns(bent(verdict, 8.0 - verdict.curve_time), Rule.RENORMALISED)
    assert [t.for_the_host for t in found] == [False]


# --- survival -------------------------------------------------------------------------------------
def test_a_median_that_is_not_reached_and_a_test_of_nothing_are_said(verdict: Verdict) -> None:
    never = np.full_like(verdict.lifetimes.progression, np.inf)
    made = replace(verdict, lifetimes=replace(verdict.lifetimes, progression=never))
    rows = survival_rows(made)
    assert len(rows) == 1 + len(RULES)
    assert {row.median for row in rows} == {"not reached"}
    assert [row.log_rank for row in rows] == ["", *["nothing to test"] * 4]
    assert rows[0].restricted_mean == "8.0 (8.0 to 8.0)" and rows[0].events == "0 of 12"


def test_the_gain_is_the_effect_on_the_same_event(verdict: Verdict) -> None:
    gain = survival_gain(verdict)
    assert gain is verdict.endpoints[EndpointName.TIME_TO_PROGRESSION][1]
    assert survival_gain(replace(verdict, endpoints={})) is None
    assert survival_definition(verdict) == (
        "Progression: 2 times the number at the first treatment, and at least 1,000 tumour cells."
    )


def test_death_is_defined_by_the_scenario(verdict: Verdict) -> None:
    scenario = read_scenario("emu-myc-cyclophosphamide")
    deltas = verdict.question.deltas | {EndpointName.SURVIVAL: 2.0}
    made = replace(verdict, scenario=scenario, question=replace(verdict.question, deltas=deltas))
    said = survival_definition(made)
    assert said.startswith("A host dies at 5e9 cells (humane end point)") and "volume" in said


def test_small_p_values_are_bounds() -> None:
    assert [p_words(p) for p in (1.0, 0.049, 0.001, 9e-4, 0.0)] == [
        "1", "0.049", "0.001", "< 0.001", "< 0.001",
    ]  # fmt: skip


# --- census, structures, words --------------------------------------------------------------------
def test_the_census_of_every_world_sums_to_a_hundred(verdict: Verdict) -> None:
    table = np.array([row.percents for row in census_rows(verdict)])
    assert table.shape == (10, 1 + len(RULES))
    np.testing.assert_allclose(table.sum(axis=0), 100.0)


def test_complete_arrests_are_counted_with_their_days(verdict: Verdict) -> None:
    days = np.array([2.0, 4.0, 6.0, np.inf])
    words = arrest_words(replace(verdict, arrested=days))
    assert words.endswith("to day 8: 75 %, first on day 4 (half of them between 3 and 5).")
    assert arrest_words(replace(verdict, arrested=np.full(3, np.inf))).endswith(": 0 %.")


def test_structures_carry_their_words_and_what_has_too_few_draws(verdict: Verdict) -> None:
    effect = replace(
        verdict.main.effect, draws=200, probability_beneficial=1.0, probability_negligible=0.0,
        probability_harmful=0.0,
    )  # fmt: skip
    no = replace(effect, probability_beneficial=0.5)
    made = replace(
        verdict,
        readings={"returns": Reading(effect, no, 0.6), "growth": Reading(effect, None, 1.0)},
    )
    first, second = reading_rows(made)
    assert (first.present_word, first.absent_word) == (Word.FRIEND.value, Word.UNDETERMINED.value)
    assert first.decisive and first.percent == 60.0
    assert second.absent == "too few draws" and not second.decisive


def test_the_same_word_under_all_rules_is_said_once(verdict: Verdict) -> None:
    same = {r: replace(x, word=Word.FOE) for r, x in verdict.rules.items()}
    assert words_by_rule(replace(verdict, rules=same)) == "foe under all four"
    same[Rule.RECOVER] = replace(same[Rule.RECOVER], word=Word.FRIEND)
    assert words_by_rule(replace(verdict, rules=same)) == (
        "foe: renormalised, die, inert; friend: recover"
    )


# --- how to compute it again ----------------------------------------------------------------------
def test_the_command_holds_every_option_that_changes_a_number(verdict: Verdict) -> None:
    (line,) = commands([verdict])
    assert shlex.split(line) == [
        "senescape", "verdict", "toy-world", "--regimen", "pulse", "--draws", "6", "--hosts", "2",
        "--seed", "1", "--engine", "leap", "--step-hours", "6", "--output", "verdict.html",
    ]  # fmt: skip


def test_all_regimens_need_no_names_and_other_draws_another_line(verdict: Verdict) -> None:
    none = replace(verdict, regimen="none")
    (line,) = commands([verdict, none])
    assert "--regimen" not in line
    more = replace(none, draws=80, variant="a b")
    first, second = commands([verdict, more])
    assert "--regimen pulse --draws 6" in first
    assert "--regimen none --variant 'a b' --draws 80" in second


# --- numbers and their sources --------------------------------------------------------------------
def test_every_parameter_stands_in_the_table_with_its_source() -> None:
    scenario = read_scenario("emu-myc-cyclophosphamide")
    rows = {row.name: row for row in number_rows(scenario, "chemo", "bcl2")}
    assert list(rows) == list(scenario.parameters)
    for name, noun in scenario.parameters.items():
        row = rows[name]
        if not row.changed:
            assert (row.value, row.unit) == split_value(noun.value)
        if noun.source == ASSUMPTION:
            assert row.reference is None and row.source == ASSUMPTION
        else:
            key = list(scenario.citations)[(row.reference or 0) - 1]
            assert key == noun.source and row.doi == scenario.citations[key].doi
    assumed = sum(row.source == ASSUMPTION for row in rows.values()) / len(rows)
    assert assumed == scenario.assumed_fraction()


def test_what_a_variant_sets_is_shown_as_it_was_run() -> None:
    scenario = read_scenario("emu-myc-cyclophosphamide")
    usual = {row.name: row for row in number_rows(scenario, "chemo", None)}
    rows = {row.name: row for row in number_rows(scenario, "chemo", "bcl2")}
    assert (rows["apoptosis_factor"].value, rows["apoptosis_factor"].changed) == (
        "0.05", "variant bcl2",
    )  # fmt: skip
    assert usual["apoptosis_factor"].value == "1" and not usual["apoptosis_factor"].changed
    assert usual["reentry_rate"].unknown.endswith("absent in 50 %")
    assert "between hosts: lognormal, sd 0.3" in usual["killing"].varies
    others = {row.name for row in other_rows(scenario)}
    assert {"backup", "exposure", "sensitivity"} <= others and "killing" not in others


def test_a_formula_has_no_unit_of_its_own() -> None:
    scenario = friend()
    changed = scenario.with_parameters({"regrow": "2 * growth", "sated": "1.5e-3 uM"})
    rows = {row.name: row for row in number_rows(changed, "pulse", None)}
    assert (rows["regrow"].value, rows["regrow"].unit) == ("2 * growth", "")
    assert (rows["sated"].value, rows["sated"].unit) == ("1.5e-3", "uM")
    assert (rows["boost"].value, rows["boost"].unit) == ("0", "1")
