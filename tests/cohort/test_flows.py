"""Figure 1 in numbers: what is counted is what passed."""

from __future__ import annotations

import os

import numpy as np
import pytest

from senescape.cohort import passages
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.model import Figure1

TEXT = """
senescape: 1
name: fates
title: A hundred damaged cells and their fates
setting: culture
parameters:
  killing: {{value: 3 / day, source: assumption}}
  arresting: {{value: 1 / day, source: assumption}}
  seeded: {{value: {seeded} cells, source: assumption}}
cells:
  states:
    D: {{role: undecided}}
    S: {{role: senescent_mature}}
    A: {{role: apoptotic}}
    R: {{role: cycling}}
    silent: {{role: quiescent, can_cycle: false}}
  initial: [{{state: D, total: seeded}}]
arrows:
  death: {{from: D, to: A, rate: killing, figure1: rapid_apoptosis}}
  senescence: {{from: D, to: S, rate: arresting, figure1: senescence}}
rerouting: {{die: A, inert: silent, recover: R}}
regimens: {{none: {{}}}}
observables: {{live: {{sum: {{D: 1, S: 1}}}}}}
outcome:
  horizon: 30 day
  headline: burden
  endpoints: {{burden: {{smallest_difference: 0.1}}}}
"""


def test_fates_split_as_their_hazards() -> None:
    """3 to 1: 75 and 25 of a hundred; 40 hosts of 20,000 cells, five standard errors."""
    draws, cells = (4, 2000) if os.environ.get("NUMBA_DISABLE_JIT", "0") == "1" else (40, 20_000)
    found = passages(parse_scenario(TEXT.format(seeded=cells)), "none", draws=draws, step=1.0)
    error = 100.0 * np.sqrt(0.75 * 0.25 / cells)
    assert found.arrows[Figure1.RAPID_APOPTOSIS][0] == pytest.approx(75.0, abs=5 * error)
    assert found.arrows[Figure1.SENESCENCE][0] == pytest.approx(25.0, abs=5 * error)
    assert found.cells == cells and found.until == 30.0
    assert set(found.arrows) == {Figure1.RAPID_APOPTOSIS, Figure1.SENESCENCE} and not found.fed


def test_without_cells_there_is_nothing_to_count() -> None:
    with pytest.raises(SenescapeError) as caught:
        passages(parse_scenario(TEXT.format(seeded=0)), "none", draws=2, step=1.0)
    assert caught.value.check == "run.no-cells"
