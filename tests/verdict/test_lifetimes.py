"""Times of progression and death in every world, and survival in numbers.

Oracles: the effect that the verdict states for the same end point, hand-made histories, and
scipy's log-rank test by way of cohort/survival.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from senescape.cohort import kaplan_meier, log_rank, restricted_mean
from senescape.model import EndpointName
from senescape.verdict import RULES, Rule, Verdict, judge
from senescape.verdict.lifetimes import Lifetimes, survival_event, survival_in

from .worlds import friendly_verdict, null

PROGRESSION = EndpointName.TIME_TO_PROGRESSION


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return friendly_verdict()


def test_restricted_means_differ_by_the_effect_on_the_time_to_progression(verdict: Verdict) -> None:
    """Without censoring before the horizon the two are the same mean of min(t, horizon)."""
    worlds = [survival_in(verdict.lifetimes, verdict.question, r) for r in (None, *RULES)]
    gain = worlds[0].restricted_mean - worlds[1].restricted_mean
    assert gain == pytest.approx(verdict.endpoints[PROGRESSION][1].estimate)
    assert worlds[0].hosts == 12
    assert worlds[0].events == round(12 * verdict.recovered)
    assert all(w.low <= w.restricted_mean <= w.high for w in worlds)


def test_numbers_are_those_of_the_survival_room(verdict: Verdict) -> None:
    times, question = verdict.lifetimes, verdict.question
    on = times.seen(PROGRESSION, None, question.horizon)
    off = times.seen(PROGRESSION, Rule.DIE, question.horizon)
    found = survival_in(times, question, Rule.DIE)
    assert found.log_rank_p == log_rank(*on, *off)[1]
    assert found.restricted_mean == restricted_mean(*off, question.horizon)[0]
    assert found.median == kaplan_meier(*off).median


def test_the_plain_data_hold_a_summary_and_no_arrays(verdict: Verdict) -> None:
    data = verdict.to_dict()["survival"]
    assert isinstance(data, dict) and len(json.dumps(data)) < 2500
    assert data["event"] == "time_to_progression" and data["until"] == {"value": 8, "unit": "day"}
    assert list(data["worlds"]) == ["with_senescence", *(r.value for r in RULES)]
    assert data["worlds"]["with_senescence"]["log_rank_p"] is None


def times(progression: list[list[float]]) -> Lifetimes:
    worlds = np.array(progression + [progression[-1]] * (1 + len(RULES) - len(progression)))
    return Lifetimes(worlds, np.full_like(worlds, np.inf), 10.0)


def test_a_host_without_the_event_is_censored_at_the_last_day(verdict: Verdict) -> None:
    made = times([[2.0, 9.0, np.inf], [1.0, 9.5, np.inf]])
    time, seen = made.seen(PROGRESSION, None, 8.0)
    np.testing.assert_array_equal(time, [2.0, 8.0, 8.0])
    np.testing.assert_array_equal(seen, [True, False, False])
    assert made.seen(PROGRESSION, None, 99.0)[0][-1] == 10.0
    found = survival_in(made, verdict.question, None)
    assert found.median == np.inf and found.events == 1
    assert found.restricted_mean == pytest.approx((2 + 8 + 8) / 3)


@pytest.mark.parametrize(
    "progression",
    [[[np.inf, np.inf]], [[3.0, 3.0]], [[3.0]]],
    ids=["nobody", "all at once", "one host"],
)
def test_where_there_is_nothing_to_test_there_is_no_p(
    progression: list[list[float]], verdict: Verdict
) -> None:
    found = survival_in(times(progression), verdict.question, Rule.DIE)
    assert found.log_rank_p is None


def test_worlds_that_are_one_have_the_same_survival() -> None:
    verdict = judge(null(), "pulse", draws=4, hosts=1, step=0.25)
    worlds = [survival_in(verdict.lifetimes, verdict.question, r) for r in (None, *RULES)]
    assert all(replace(w, log_rank_p=None) == worlds[0] for w in worlds)
    assert all(w.log_rank_p is None or w.log_rank_p == 1.0 for w in worlds[1:])


def test_death_is_the_event_where_the_scenario_asks_for_it(verdict: Verdict) -> None:
    question = verdict.question
    asked = replace(question, deltas=question.deltas | {EndpointName.SURVIVAL: 1.0})
    assert survival_event(question) is PROGRESSION
    assert survival_event(asked) is EndpointName.SURVIVAL
    assert survival_in(verdict.lifetimes, asked, None).events == 0
