"""Every bundled scenario shows what is expected of it, and no longer without the mechanism.

One hundred draws from the priors, seed 1. A share that is 0.8 in truth would be seen at or below
0.68 with probability 0.002; one that is 0.2 at or above 0.32 with the same.
"""

from __future__ import annotations

import os

import pytest
from tests.bundled import read_scenario

from senescape.files import bundled
from senescape.verdict import HOLDS, VANISHES, expect


@pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
@pytest.mark.parametrize("name", bundled())
def test_a_scenario_shows_what_is_expected_and_not_without_the_mechanism(name: str) -> None:
    results = expect(read_scenario(name))
    failed = [
        f"{r.name}: {r.holds:.2f}, without {r.without:.2f}"
        for r in results
        if not (r.holds >= HOLDS and r.without <= VANISHES)
    ]
    assert not failed


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_scenario_states_expectations(name: str) -> None:
    scenario = read_scenario(name)
    assert len(scenario.expectations) >= 2
    for noun in scenario.expectations.values():
        assert noun.says and noun.without.label
        assert noun.source != "assumption" or noun.grade == "assumption"
