"""Expectations in worlds in which it is known what they must give."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.verdict.worlds import WORLD

from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.model import Arm, Expectation, Scenario, Without, read_value
from senescape.verdict import expect
from senescape.verdict.expectations import _Bench, fulfilled

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
NUMBERS = {
    "regrow": 0.7,
    "hit": 3,
    "recovers": 3,
    "dies": 0,
    "senesces": 1.5,
    "returns": 0,
    "secretion": 0,
    "boost": 0,
    "headline": "burden",
}


def world(expectation: str) -> Scenario:
    text = WORLD.format(**NUMBERS) + "expectations:\n  planted:\n    " + expectation
    return parse_scenario(text, "tumour.yaml")


HEAD = "says: planted\n    source: assumption\n    grade: assumption\n    "
FRIEND = (
    HEAD + "left: {measure: burden, regimen: pulse}\n"
    "    right: {measure: burden, regimen: pulse, world: recover}\n"
    "    relation: more\n    margin: 0.1\n"
    "    without: {label: nobody senesces, set: {senesces: 0 / day}}\n"
)


def test_a_planted_friend_is_found_and_vanishes_with_its_mechanism() -> None:
    """Arrest for good against recovery: the burden is lower; with no entry both worlds are one."""
    (result,) = expect(world(FRIEND), draws=5)
    assert result.met and (result.holds, result.without) == (1.0, 0.0)
    np.testing.assert_array_equal(result.left_without, result.right_without)
    assert (result.left > result.right).all()


def test_an_arm_runs_until_it_is_last_read_and_is_the_beginning_of_a_longer_run() -> None:
    """The arm of day 2 stops there; what it holds is the beginning of the run to the end, to the byte."""
    early = FRIEND.replace("regimen: pulse}", "regimen: none, at: 2 day}", 1)
    bench = _Bench(world(early), draws=2, seed=1, step=0.25, monitor=None)
    (noun,) = bench.scenario.expectations.values()
    assert noun.right is not None
    bench.tried("planted", noun)
    times, values = bench.known[bench.key(noun.left, noun.hosts, {})]
    later, _ = bench.known[bench.key(noun.right, noun.hosts, {})]
    assert (times[-1], later[-1]) == (2.0, bench.question.horizon)
    whole, all_values = bench.run(noun.left, noun.hosts, {}, bench.question.horizon)
    np.testing.assert_array_equal(whole[: len(times)], times)
    np.testing.assert_array_equal(all_values[:, : len(times)], values)


@compiled
def test_a_wrong_mechanism_does_not_take_the_outcome_away() -> None:
    """Negative control of the control: secretion has nothing to do with this friend."""
    wrong = FRIEND.replace("senesces: 0 / day", "boost: 0.5")
    (result,) = expect(world(wrong), draws=10)
    assert result.holds == 1.0 and result.without == 1.0 and not result.met


@compiled
def test_an_observable_is_read_at_its_time_against_a_limit() -> None:
    """Untreated cells grow as e^(0.7 t) in the mean: 300 become 2437 in three days."""
    text = (
        HEAD + "left: {measure: live, at: 3 day, regimen: none}\n    limit: 2437 cells\n"
        "    relation: alike\n    margin: 500 cells\n    hosts: 40\n"
        "    without: {label: no growth, set: {growth: 0 / day}}\n"
    )
    (result,) = expect(world(text), draws=10)
    assert result.holds >= 0.8 and result.without == 0.0
    assert np.median(result.left) == pytest.approx(2437, rel=0.15)
    assert (result.left_without == 300.0).all()


@pytest.mark.parametrize(
    ("relation", "factor", "margin", "expected"),
    [
        ("less", 1.0, 0.0, [True, False, False]),
        ("less", 0.5, 0.0, [False, False, False]),
        ("less", 1.0, 1.5, [False, False, False]),
        ("more", 1.0, 0.0, [False, False, True]),
        ("more", 2.0, 0.0, [False, False, False]),
        ("alike", 1.0, 1.0, [True, True, True]),
        ("alike", 1.0, 0.5, [False, True, False]),
    ],
)
def test_relations(relation: str, factor: float, margin: float, expected: list[bool]) -> None:
    noun = Expectation(
        says="",
        source="assumption",
        grade="assumption",
        left=Arm(measure="live", at=read_value("1 day")),
        right=Arm(measure="live", at=read_value("1 day")),
        relation=relation,
        factor=factor,
        without=Without(label="", set={"growth": read_value("0 / day")}),
    )
    found = fulfilled(noun, np.array([1.0, 2.0, 3.0]), np.full(3, 2.0), margin)
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("old", "new", "check", "said"),
    [
        (
            "measure: burden, regimen: pulse}",
            "measure: burdn, regimen: pulse}",
            "scenario.unknown-measure",
            "burden",
        ),
        ("regimen: pulse}", "regimen: puls}", "scenario.unknown-regimen", "pulse"),
        ("world: recover", "world: recovers", "scenario.unknown-choice", "recover"),
        ("senesces: 0 / day", "senescs: 0 / day", "scenario.unknown-parameter", "senesces"),
        ("senesces: 0 / day", "senesces: 1 day", "scenario.dimension", "1/day"),
        ("margin: 0.1", "margin: 0.1 day", "scenario.dimension", "dimension"),
        ("margin: 0.1", "margin: -0.1", "scenario.expectation", "0 or more"),
        ("margin: 0.1", "limit: 3", "scenario.expectation", "both"),
        (
            "measure: burden, regimen: pulse}",
            "measure: live, regimen: pulse}",
            "scenario.expectation",
            "at no time",
        ),
        (
            "measure: burden, regimen: pulse}",
            "measure: survival, regimen: pulse}",
            "scenario.expectation",
            "threshold",
        ),
        (
            "measure: burden, regimen: pulse}",
            "measure: time_to_progression, regimen: pulse}",
            "scenario.expectation",
            "one dimension",
        ),
        ("source: assumption", "source: schmitt", "scenario.unknown-source", "schmitt"),
        ("regimen: pulse}", "regimen: pulse, variant: p53}", "scenario.unknown-variant", "p53"),
    ],
)
def test_an_expectation_that_cannot_be_tried_is_refused(
    old: str, new: str, check: str, said: str
) -> None:
    assert old in FRIEND
    with pytest.raises(SenescapeError) as caught:
        world(FRIEND.replace(old, new, 1))
    assert caught.value.check == check, str(caught.value)
    assert said in str(caught.value)


def test_expectations_are_not_handed_down_and_not_in_the_digest() -> None:
    """What one tumour shows, another need not; and no run depends on what is expected."""
    stated = world(FRIEND)
    assert stated.digest == parse_scenario(WORLD.format(**NUMBERS)).digest
    child = parse_scenario(
        "senescape: 1\nextends: figure-1\nname: child\ntitle: a child\n", "child.yaml"
    )
    assert not child.expectations
