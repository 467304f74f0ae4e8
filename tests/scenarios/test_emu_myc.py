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
from tests.bundled import read_scenario

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.compile.question import question_of
from senescape.model import Scenario
from senescape.verdict import Rule, Worlds, progression_time, run_worlds
from senescape.verdict.endpoints import History

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
def worlds_of(variant: str | None, *, off: bool, without: tuple[str, ...] = ()) -> Worlds:
    """Run the hosts of a genotype with senescence, and (``off``) without."""
    scenario = lymphoma()
    question = question_of(scenario)
    compiled = compile_scenario(scenario, "chemo", variant)
    cohort = cohort_of(scenario, compiled.program, seed=1, draws=DRAWS, hosts=1)
    for name in without:
        row = compiled.program.parameter(name)
        cohort.parameters[row] = {"senescence_factor": 0.0, "apoptosis_factor": 1.0}[name]
    times = np.arange(0.0, question.horizon + 1.0)
    rules = (Rule.RENORMALISED,) if off else ()
    return run_worlds(compiled, cohort, times, rules=rules, step=0.25)


def relapse(history: History) -> Float:
    """Return the day of relapse of each host, at most the horizon."""
    question = question_of(lymphoma())
    return np.minimum(progression_time(history, question.rule), question.horizon)


def change(variant: str, without: tuple[str, ...] = ()) -> Float:
    """Return by how many days senescence moves the relapse of each host."""
    worlds = worlds_of(variant, off=True, without=without)
    return np.abs(relapse(worlds.on) - relapse(worlds.off[Rule.RENORMALISED]))


def test_control_and_bcl2_relapse_after_ink4a_arf_null() -> None:
    """Both, in the same draw (Schmitt et al. 2002)."""
    control, bcl2, ink = (
        relapse(worlds_of(v, off=False).on) for v in (None, "bcl2", "ink4a_arf_null")
    )
    assert (np.minimum(control, bcl2) > ink).mean() >= 0.8


def test_control_tumours_shrink() -> None:
    tumour = worlds_of(None, off=False).on.tumour
    assert (tumour[7] / tumour[0] < 0.2).mean() >= 0.8


def test_without_entry_senescence_is_nothing_to_bcl2_hosts() -> None:
    assert (change("bcl2", ("senescence_factor",)) <= 2.0).mean() >= 0.95


def test_senescence_matters_little_to_hosts_of_p53_null_tumours() -> None:
    assert (change("p53_null") <= 2.0).mean() >= 0.8
