"""BT-474 and MDA-MB-231 against the wells that they were fitted to, on wells they were not fitted with.

The limits are those of the calibration (verification/fit_bt474_mda231.md).
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.bundled import read_scenario

from senescape.cohort import WellPrediction, predict_wells

if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}:
    pytest.skip("ten doses of 42 slots take minutes uncompiled", allow_module_level=True)

LINES = {"bt474-doxorubicin": 0.10, "mda231-doxorubicin": 0.12}


def wells(name: str, uncertain: bool) -> list[WellPrediction]:
    """With what is not known, or 240 wells a dose at the fitted parameters."""
    scenario = read_scenario(name)
    draws = 60 if uncertain else 40
    table = scenario.measured["counts"]
    return predict_wells(scenario, table, draws=draws, seed=5, uncertain=uncertain)


@pytest.mark.parametrize("name", LINES)
def test_mean_counts_follow_the_measured_ones(name: str) -> None:
    """Root mean square of ln(predicted / measured), mean over ten doses."""
    assert np.mean([w.log_error for w in wells(name, False)]) <= LINES[name]


@pytest.mark.parametrize("name", LINES)
def test_as_many_wells_recover_as_were_seen(name: str) -> None:
    """Within 3 of 60, by the rule that is applied to the measured wells too; intervals hold them."""
    found = wells(name, True)
    assert sum(abs(w.predicted - w.recovered) for w in found) <= 3.0
    assert sum(w.low <= w.recovered <= w.high for w in found) >= 9


@pytest.mark.parametrize("name", LINES)
def test_a_damage_signal_of_four_hours_does_not_explain_the_wells(name: str) -> None:
    """Planted rival: with a half-life of 4 h the wells of the high doses regrow early."""
    scenario = read_scenario(name).with_parameters({"damage_half_life": "4 h"})
    rival = predict_wells(scenario, scenario.measured["counts"], draws=4, seed=5, uncertain=False)
    assert np.mean([w.log_error for w in rival]) > 2 * LINES[name]
