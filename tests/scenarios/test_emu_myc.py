"""Emu-myc lymphomas by genotype, beside the expectations of the scenario.

One hundred prior draws of one host each, seed 1, the same hosts for every genotype. A share that is
0.8 in truth would be seen at or below 0.68 with probability 0.002.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.compile.question import question_of
from senescape.files import read_scenario
from senescape.model import Scenario
from senescape.verdict import Rule, progression_time, run_worlds

Float = NDArray[np.float64]

DRAWS = 100
pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)


@lru_cache
def lymphoma() -> Scenario:
    return read_scenario("emu-myc-cyclophosphamide")


@lru_cache
def hosts(variant: str | None, without: tuple[str, ...] = ()) -> tuple[Float, Float, Float]:
    """Return relapse with and without senescence [day], and the tumour at day 7 / day 0."""
    scenario = lymphoma()
    question = question_of(scenario)
    compiled = compile_scenario(scenario, "chemo", variant)
    cohort = cohort_of(scenario, compiled.program, seed=1, draws=DRAWS, hosts=1)
    for name in without:
        row = compiled.program.parameter(name)
        cohort.parameters[row] = {"senescence_factor": 0.0, "apoptosis_factor": 1.0}[name]
    times = np.arange(0.0, question.horizon + 1.0)
    worlds = run_worlds(compiled, cohort, times, rules=(Rule.RENORMALISED,), step=0.25)
    on, off = (
        np.minimum(progression_time(h, question.rule), question.horizon)
        for h in (worlds.on, worlds.off[Rule.RENORMALISED])
    )
    return on, off, worlds.on.tumour[7] / worlds.on.tumour[0]


def test_control_and_bcl2_relapse_after_ink4a_arf_null() -> None:
    """Both, in the same draw (Schmitt et al. 2002)."""
    control, bcl2, ink = (hosts(v)[0] for v in (None, "bcl2", "ink4a_arf_null"))
    assert (np.minimum(control, bcl2) > ink).mean() >= 0.8


def test_control_tumours_shrink() -> None:
    assert (hosts(None)[2] < 0.2).mean() >= 0.8


def test_without_entry_senescence_is_nothing_to_bcl2_hosts() -> None:
    on, off, _ = hosts("bcl2", ("senescence_factor",))
    assert (np.abs(on - off) <= 2.0).mean() >= 0.95


def test_senescence_matters_little_to_hosts_of_p53_null_tumours() -> None:
    on, off, _ = hosts("p53_null")
    assert (np.abs(on - off) <= 2.0).mean() >= 0.8
