"""Figure 1 in numbers: how many cells passed along each arrow of a scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import compile_scenario
from senescape.compile.question import question_of
from senescape.errors import RunError
from senescape.model import Figure1, Player, Scenario
from senescape.run import Monitor, check_run, engine_named, run_lanes

from .draws import cohort_of

Float = NDArray[np.float64]

ALIVE, CLONES = "tumour:alive", "origin:preexisting"


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages along the arrows of Figure 1, for a hundred tumour cells at the first treatment.

    Parameters
    ----------
    arrows : mapping of arrow to (median, low, high)
        Over draws and hosts, 90 %; the arrows that the scenario has. ``escape_preexisting``:
        cycling cells of clones that were there before. ``feeder`` has no cells of its own.
    fed : bool
        Whether anything in the scenario feeds neighbours.
    cells : float
        Median number of tumour cells at the first treatment.
    until : float
        Counted from the first treatment to this day.
    """

    scenario: Scenario
    regimen: str
    variant: str | None
    arrows: dict[Figure1, tuple[float, float, float]]
    fed: bool
    cells: float
    until: float
    hosts: int


def passages(
    scenario: Scenario,
    regimen: str,
    *,
    variant: str | None = None,
    draws: int = 60,
    seed: int = 1,
    step: float = 1.0 / 6.0,
    monitor: Monitor | None = None,
) -> Passages:
    """Count the passages along each arrow until the horizon, one host in each draw.

    Raises
    ------
    SenescapeError
        No question in the scenario; no tumour cell at the first treatment.
    """
    question = question_of(scenario)
    compiled = compile_scenario(scenario, regimen, variant)
    runner = engine_named("leap", step=step)
    start = compiled.program.forcing.start
    times = np.unique([start, 0.0, question.horizon])
    check_run(runner, compiled.program, times, lanes=draws)
    cohort = cohort_of(scenario, compiled.program, seed=seed, draws=draws, hosts=1)
    groups: dict[Figure1, tuple[int, ...]] = {
        a: t for a, t in compiled.flows.items() if a is not Figure1.HOUSEKEEPING
    }
    counted = run_lanes(
        runner,
        compiled.program,
        cohort.parameters,
        cohort.streams,
        times,
        assays=(ALIVE, CLONES),
        tallies=tuple(groups.values()),
        monitor=monitor,
    )
    at = int(np.searchsorted(times, 0.0))
    alive = counted[0, at]
    if not alive.any():
        raise RunError(
            "no tumour cell at the first treatment",
            allowed="at least one",
            remedy="check cells.initial and start",
            check="run.no-cells",
        )
    alive = np.maximum(alive, 1.0)
    made = counted[2:, -1] - counted[2:, at]
    arrows = {arrow: _hundred(row, alive) for arrow, row in zip(groups, made, strict=True)}
    if len(scenario.cells.clones) > 1:
        arrows[Figure1.ESCAPE_PREEXISTING] = _hundred(counted[1, at], alive)
    fed = any(p.player is Player.FEEDER for p in scenario.parameters.values())
    median = float(np.median(alive))
    return Passages(scenario, regimen, variant, arrows, fed, median, question.horizon, draws)


def _hundred(passed: Float, alive: Float) -> tuple[float, float, float]:
    low, middle, high = np.quantile(100.0 * passed / alive, [0.05, 0.5, 0.95])
    return float(middle), float(low), float(high)
