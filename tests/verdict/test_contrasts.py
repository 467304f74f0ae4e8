"""Contrasts in toy worlds in which the answer is known."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.verdict.worlds import WORLD

from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.model import EndpointName, Scenario
from senescape.verdict import contrasts, judge

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
NUMBERS: dict[str, object] = {
    "regrow": 0.7,
    "hit": 3,
    "recovers": 3,
    "dies": 1,
    "senesces": 1.5,
    "returns": 0,
    "secretion": 0,
    "boost": 0,
    "headline": "burden",
}
SECTION = """variants:
  blocked: {label: apoptosis blocked, set: {dies: 0 / day}}
  same: {label: nothing changed, set: {dies: 1 / day}}
  none: {label: nobody senesces, set: {senesces: 0 / day}}
contrasts:
  backup: {label: back-up value, of: effect, left: {regimen: pulse, variant: blocked}, right: {regimen: pulse}}
  alike: {label: nothing, of: outcome, left: {regimen: pulse, variant: same}, right: {regimen: pulse}}
  entry: {label: V itself, of: outcome, left: {regimen: pulse}, right: {regimen: pulse, variant: none}}
"""


def world(section: str = SECTION) -> Scenario:
    return parse_scenario(WORLD.format(**NUMBERS) + section, "tumour.yaml")


@compiled
def test_the_back_up_value_is_the_difference_of_two_verdicts() -> None:
    """V of each setting by ``judge``; with apoptosis blocked more cells need the back-up."""
    (found,) = contrasts(world(), ("backup",), draws=20, hosts=2)
    intact = judge(world(), "pulse", draws=20, hosts=2).main.effect
    blocked = judge(world(), "pulse", draws=20, hosts=2, variant="blocked").main.effect
    assert found.left.estimate == pytest.approx(blocked.estimate, rel=1e-12)
    assert found.right.estimate == pytest.approx(intact.estimate, rel=1e-12)
    assert found.difference.estimate == pytest.approx(blocked.estimate - intact.estimate)
    assert found.difference.low > 0.0
    assert found.to_dict()["endpoint"] == "burden" and found.unit == "ln cells"


def test_a_contrast_of_a_setting_with_itself_is_nothing_to_the_byte() -> None:
    (found,) = contrasts(world(), ("alike",), draws=3)
    assert found.difference.estimate == found.difference.low == found.difference.high == 0.0


@compiled
def test_entry_against_no_entry_is_the_effect_itself() -> None:
    """The renormalised world without senescence is the world in which nobody senesces."""
    (found,) = contrasts(world(), ("entry",), draws=20, hosts=2)
    effect = judge(world(), "pulse", draws=20, hosts=2).main.effect
    assert found.difference.estimate == pytest.approx(effect.estimate, rel=1e-9)


@compiled
def test_all_contrasts_and_another_end_point() -> None:
    found = contrasts(world(), draws=10, endpoint=EndpointName.CURE)
    assert [r.name for r in found] == ["backup", "alike", "entry"]
    assert all(np.isfinite(r.difference.estimate) and r.unit == "probability" for r in found)


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("variant: blocked}", "variant: blockd}", "scenario.unknown-variant"),
        (
            "left: {regimen: pulse, variant: same}",
            "left: {regimen: puls}",
            "scenario.unknown-regimen",
        ),
        ("left: {regimen: pulse, variant: same}", "left: {}", "scenario.unknown-regimen"),
        ("of: effect", "of: effects", "scenario.unknown-choice"),
    ],
)
def test_a_contrast_of_what_is_not_there_is_refused(old: str, new: str, check: str) -> None:
    assert old in SECTION
    with pytest.raises(SenescapeError) as caught:
        world(SECTION.replace(old, new, 1))
    assert caught.value.check == check, str(caught.value)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SenescapeError, match="backup"):
        contrasts(world(), ("backupp",), draws=10)
