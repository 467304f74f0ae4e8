"""One-two punch in A549, beside its expectations: nothing where nothing is killed, and time.

One hundred prior draws of one dish, seed 1.
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
from senescape.run import engine_named, run_lanes

Float = NDArray[np.float64]

DRAWS = 100
pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)


@lru_cache
def senescent(regimen: str, *changes: tuple[str, float]) -> Float:
    """Senescent cells on day 12 in every draw, with some numbers set to a value."""
    scenario = read_scenario("a549-etoposide-navitoclax")
    compiled = compile_scenario(scenario, regimen)
    cohort = cohort_of(scenario, compiled.program, seed=1, draws=DRAWS, hosts=1)
    for name, value in changes:
        cohort.parameters[compiled.program.parameter(name)] = value
    counted: Float = run_lanes(
        engine_named("leap", step=0.25),
        compiled.program,
        cohort.parameters,
        cohort.streams,
        np.array([0.0, 12.0]),
        assays=("senescent_cells",),
    )
    return counted[0, 1]


@pytest.mark.parametrize(("name", "value"), [("senolytic_kill", 0.0), ("nonresponding", 1.0)])
def test_it_fails_without_kill_or_where_no_cell_depends_on_bcl_xl(name: str, value: float) -> None:
    ratio = senescent("after", (name, value)) / senescent("chemo", (name, value))
    assert (np.abs(np.log(ratio)) < 0.05).mean() >= 0.95


def test_the_early_course_would_work_if_cells_turned_senescent_at_once() -> None:
    """The mechanism is time: few cells are senescent in the first two days, fewer are mature.

    With arrest and commitment within the hour and immature cells as sensitive as mature ones, most
    of the gap between the courses (in ln cells) closes.
    """
    quick = (("arrest_rate", 50.0), ("commitment_rate", 50.0), ("senolytic_immature", 1.0))
    usual = np.log(senescent("together") / senescent("after"))
    at_once = np.log(senescent("together", *quick) / senescent("after", *quick))
    assert (usual > 0).mean() >= 0.8
    assert np.median(at_once) < 0.5 * np.median(usual)
