"""Verdicts by the mean field and the branching law, against the leap and in refusal."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.verdict.worlds import friend, world

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.errors import SenescapeError
from senescape.model import EndpointName
from senescape.verdict import RULES, Rule, chances_at, complete_arrest, cure, judge, run_worlds

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)


@compiled
def test_chances_of_cure_and_arrest_are_those_that_the_leap_sees() -> None:
    """Sixty cells, half of them hit hard: 4,000 hosts of the leap at 5 standard errors (6e-7).

    Nothing in this world depends on the number of cells, so that the branching law is exact.
    """
    scenario = world(hit=12, recovers=0.05, dies=2, senesces=1.5).with_parameters(
        {"seeded": "60 cells"}
    )
    item = compile_scenario(scenario, "pulse")
    times = np.array([0.0, 8.0])
    one = cohort_of(scenario, item.program, seed=3, draws=1, hosts=1, uncertain=False)
    many = cohort_of(scenario, item.program, seed=3, draws=1, hosts=4000, uncertain=False)
    law = chances_at(item, one, 8.0, rules=RULES)
    seen = run_worlds(item, many, times, step=1 / 24)
    for row, rule in enumerate((None, *RULES)):
        history = seen.on if rule is None else seen.off[rule]
        for name, measure in (
            (EndpointName.CURE, cure),
            (EndpointName.COMPLETE_ARREST, complete_arrest),
        ):
            found = float(measure(history)[-1].mean())
            expected = float(law[name][row, 0])
            error = np.sqrt(max(expected * (1 - expected), 1e-4) / 4000)
            assert abs(found - expected) < 5 * error, (rule, name)
    spread = law[EndpointName.COMPLETE_ARREST][:, 0]
    assert 0.05 < spread[0] < 0.95 and spread[0] != spread[1 + RULES.index(Rule.RENORMALISED)]


@compiled
def test_a_verdict_by_the_mean_field_is_that_of_the_leap_where_cells_are_many() -> None:
    many = friend().with_parameters({"seeded": "1e7 cells"})
    law, leap = (judge(many, "pulse", draws=40, hosts=1, engine=e) for e in ("mean-field", "leap"))
    for rule in Rule:
        here, there = law.rules[rule].effect, leap.rules[rule].effect
        assert here.estimate == pytest.approx(there.estimate, abs=0.01)
    assert any("expected numbers" in note for note in law.notes)


def test_a_headline_that_only_chance_can_follow_is_refused() -> None:
    with pytest.raises(SenescapeError, match="branching law") as caught:
        judge(world(headline="cure"), "pulse", draws=10, engine="mean-field")
    assert caught.value.check == "verdict.engine"
