"""The bundled MCF-7 scenario against the wells that it was fitted to, on wells it was not fitted with.

The limits are those of the calibration (verification/fit_mcf7.md); a changed engine, step or
scenario that moves the predictions is seen here.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.bundled import read_scenario

from senescape.cohort import WellPrediction, predict_wells

if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}:
    pytest.skip("ten doses of 42 slots take minutes uncompiled", allow_module_level=True)

INFORMATIVE = ("75nM", "100nM", "125nM", "150nM", "300nM")


def predicted(draws: int, *, uncertain: bool) -> list[WellPrediction]:
    scenario = read_scenario("mcf7-doxorubicin")
    table = scenario.measured["counts"]
    return predict_wells(scenario, table, draws=draws, seed=5, uncertain=uncertain)


# One test a prediction, not one a statement: two workers would each simulate the wells.
def test_counts_follow_the_measured_ones_and_differ_as_much() -> None:
    """480 wells a dose at the fitted parameters, nothing uncertain.

    Root mean square of ln(predicted / measured): mean over doses at most 0.20, none above 0.45.
    Spread of ln final counts within a factor 1.6 at eight doses or more.
    """
    fitted = predicted(80, uncertain=False)
    errors = [w.log_error for w in fitted]
    assert np.mean(errors) <= 0.20
    assert max(errors) <= 0.45
    near = [1 / 1.6 <= w.log_sd / w.observed_log_sd <= 1.6 for w in fitted]
    assert sum(near) >= 8


def test_as_many_wells_recover_as_were_seen() -> None:
    """Within 3 wells; intervals hold what was seen and are not wide; recovery falls with the dose."""
    wells = predicted(60, uncertain=True)
    assert sum(abs(w.predicted - w.recovered) for w in wells) <= 3.0
    assert sum(w.low <= w.recovered <= w.high for w in wells) >= 9
    assert np.mean([w.high - w.low for w in wells]) <= 3.0
    falling = [w.predicted for w in wells if w.regimen in INFORMATIVE]
    assert all(a >= b - 0.3 for a, b in zip(falling, falling[1:], strict=False))


def test_a_damage_signal_of_four_hours_does_not_explain_the_wells() -> None:
    """Planted rival: with a half-life of 4 h every well of the high doses regrows early."""
    scenario = read_scenario("mcf7-doxorubicin").with_parameters({"damage_half_life": "4 h"})
    rival = predict_wells(scenario, scenario.measured["counts"], draws=4, seed=5, uncertain=False)
    assert np.mean([w.log_error for w in rival]) > 0.5
