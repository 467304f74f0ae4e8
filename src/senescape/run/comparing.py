"""One regimen of a scenario on every engine of ours and on other simulators, and how they agree.

Every run has the scenario's own numbers: no uncertainty, no variation, no observation. Engines and
tools that solve the same equations must agree to their tolerances. The mean of a stochastic engine
need not be the mean field where numbers are small or rates read them; how far apart they are is
told in standard errors and in shares.
"""

from __future__ import annotations

import math
import sys
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import config
from numpy.typing import NDArray

from senescape.compile import Compiled, compile_scenario
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine
from senescape.engines.state import Streams
from senescape.errors import RunError, SenescapeError
from senescape.files.sbml.out import sbml_text
from senescape.model import Scenario

from .budget import cost_of
from .exporting import export_model
from .foreign import TOOLS, NotInstalledError, solved_by
from .lanes import engine_named, run_lanes
from .monitors import Monitor

Float = NDArray[np.float64]

DAYS, OUTPUTS = 20.0, 40
REFERENCE = "mean field (LSODA)"
# Same equations, other solver: relative to the largest value of an observable.
SAME = 1e-4
# Values below this share of the largest of all are rounding of a sum.
SMALL = 1e-6
# Chance that one comparison of two means of the same law is called a difference.
ALARM = 1e-3
# A mean to which fewer runs contribute (Kish's effective number) has no error to be trusted.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Solution:
    """What one engine or tool found, or why it found nothing.

    Parameters
    ----------
    name : str
    mean : (observables, times) array or None
        Canonical units.
    error : (observables, times) array or None
        Standard errors of the mean, NaN where fewer than :data:`FEWEST` runs make it up (a clone
        in one run of a hundred); None where the solution is deterministic.
    runs : int
    seconds : float
        Wall clock, compiling and starting included.
    why : str
        Reason where there is no solution.
    """

    name: str
    mean: Float | None = None
    error: Float | None = None
    runs: int = 1
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far one solution is from another.

    Parameters
    ----------
    one, other : str
    share : float
        Largest difference, relative to the largest value of its observable.
    observable, day : str, float
        Where that is.
    errors : float or None
        Largest difference in standard errors; None where both are deterministic.
    most_errors : float or None
        What chance allows, at :data:`ALARM` for the whole comparison (normal quantile, Bonferroni).
    agrees : bool
    """

    one: str
    other: str
    share: float
    observable: str
    day: float
    errors: float | None
    most_errors: float | None
    agrees: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Solutions of one regimen, and how they agree.

    Parameters
    ----------
    scenario, regimen : str
    variant : str or None
    observables : tuple of str
    time : (times,) array
        Days; 0 is the first treatment.
    solutions : tuple of Solution
    agreements : tuple of Agreement
    """

    scenario: str
    regimen: str
    variant: str | None
    observables: tuple[str, ...]
    time: Float
    solutions: tuple[Solution, ...]
    agreements: tuple[Agreement, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether all that solve the same equations agree."""
        return all(a.agrees for a in self.agreements if a.errors is None)


def compare(
    scenario: Scenario,
    regimen: str,
    *,
    variant: str | None = None,
    until: float | None = None,
    replicates: int = 200,
    seed: int = 1,
    patience: float = 120.0,
    python: str = sys.executable,
    monitor: Monitor | None = None,
) -> Comparison:
    """Run one regimen of a scenario on every engine and, where installed, on other simulators.

    Parameters
    ----------
    scenario : Scenario
    regimen, variant : str
    until : float, optional
        Day; 20 days after the start by default.
    replicates : int
        Runs of each stochastic engine, at least :data:`FEWEST`.
    seed : int
    patience : float
        Seconds that one engine or tool may be expected to take; what takes longer is not run.
    python : str
        Interpreter of an environment that holds libRoadRunner or COPASI (basico).
    monitor : Monitor, optional

    Returns
    -------
    Comparison

    Raises
    ------
    SenescapeError
        An unknown regimen or variant, too few replicates, an end before the start.
    """
    if replicates < FEWEST:
        raise RunError(
            f"{replicates} replicates",
            allowed=f"at least {FEWEST}: a mean has an error",
            remedy="ask for 200",
            check="compare.replicates",
        )
    compiled = compile_scenario(scenario, regimen, variant)
    time = _times(compiled.network.forcing.start, until)
    own: list[tuple[str, Engine, int]] = [(REFERENCE, MeanField(explicit=False), 1)]
    if not config.DISABLE_JIT:
        own.append(("mean field (lock-step)", MeanField(), 1))
    own += [(name, engine_named(name), replicates) for name in ("leap", "exact")]
    solutions = [
        _solution(name, engine, compiled, time, runs, seed, patience, monitor)
        for name, engine, runs in own
    ]
    model = export_model(scenario, regimen, variant=variant)
    text, ids = sbml_text(model), {q.name: q.id for q in model.quantities}
    names = [ids[name] for name in compiled.program.assay_ids]
    solutions += [_foreign(tool, text, names, time, python, patience) for tool in TOOLS]
    found = Comparison(
        scenario.name, regimen, variant, compiled.program.assay_ids, time, tuple(solutions)
    )
    return replace(found, agreements=pairs(found))


def _times(start: float, until: float | None) -> Float:
    end = start + DAYS if until is None else until
    if not start < end < 1e5:
        raise RunError(
            f"until day {end:g}",
            allowed=f"after the start at day {start:g}, below 100000 days",
            remedy="choose a later time",
            check="run.until",
        )
    return np.linspace(start, end, OUTPUTS + 1)


def _solution(
    name: str,
    engine: Engine,
    compiled: Compiled,
    time: Float,
    runs: int,
    seed: int,
    patience: float,
    monitor: Monitor | None,
) -> Solution:
    program = compiled.program
    parameters = np.repeat(np.array(program.parameter_defaults)[:, None], runs, axis=1)
    streams = Streams.hosts(seed, runs)
    began = clock.perf_counter()
    try:
        if engine.stochastic:
            cost = cost_of(
                engine, program, time, lanes=runs, parameters=parameters, streams=streams
            )
            if cost.seconds > patience:
                about = f"about {cost.seconds:.2g} s for {cost.work:.2g} {cost.what} a run"
                return Solution(name, why=f"{about}; allowed: {patience:g} s (--patience)")
        values = run_lanes(engine, program, parameters, streams, time, monitor=monitor)
    except SenescapeError as error:
        return Solution(name, why=str(error))
    seconds = clock.perf_counter() - began
    spread = None if runs == 1 else errors_of(values)
    return Solution(name, values.mean(axis=2), spread, runs, seconds)


def errors_of(values: Float) -> Float:
    """Return standard errors over the last axis, NaN where few runs make up the mean."""
    spread = values.std(axis=2, ddof=1)
    with np.errstate(invalid="ignore"):
        contribute = values.sum(axis=2) ** 2 / (values**2).sum(axis=2)
    sparse = (spread > 0.0) & (contribute < FEWEST)
    error: Float = np.where(sparse, np.nan, spread / math.sqrt(values.shape[2]))
    return error


def _foreign(
    tool: str, text: str, names: Sequence[str], time: Float, python: str, patience: float
) -> Solution:
    began = clock.perf_counter()
    try:
        version, values = solved_by(
            tool,
            text,
            names,
            span=float(time[-1] - time[0]),
            steps=OUTPUTS,
            python=python,
            patience=patience,
        )
    except NotInstalledError as error:
        return Solution(tool, why=f"not installed; {error.remedy}")
    except RunError as error:
        return Solution(tool, why=str(error))
    return Solution(f"{tool} {version}", values, seconds=clock.perf_counter() - began)


def pairs(found: Comparison) -> tuple[Agreement, ...]:
    """Return how each solution agrees with the reference, and the stochastic ones among them."""
    there = [s for s in found.solutions if s.mean is not None]
    if not there:
        return ()
    first, *rest = there
    made = [agreement(found, solution, first) for solution in rest]
    random = [s for s in rest if s.error is not None]
    made += [agreement(found, b, a) for i, a in enumerate(random) for b in random[i + 1 :]]
    return tuple(made)


def agreement(found: Comparison, one: Solution, other: Solution) -> Agreement:
    """Return how far apart two solutions are, and whether chance or rounding may be why."""
    from scipy.stats import norm

    assert one.mean is not None and other.mean is not None
    gap = np.abs(one.mean - other.mean)
    size = np.abs(other.mean).max(axis=1, keepdims=True)
    share = gap / np.maximum(size, SMALL * float(size.max()) or 1.0)
    row, column = np.unravel_index(int(np.nanargmax(share)), share.shape)
    largest = float(share[row, column])
    errors = most = None
    agrees = largest < SAME
    if one.error is not None or other.error is not None:
        spread = np.hypot(
            0.0 if one.error is None else one.error, 0.0 if other.error is None else other.error
        )
        moving = (spread > 0.0) & (share > SAME)
        errors = float((gap[moving] / spread[moving]).max(initial=0.0))
        most = float(norm.isf(0.5 * ALARM / max(gap.size, 1)))
        # All runs alike: so many cells too few or too many in all of them together are no chance.
        runs = min(s.runs for s in (one, other) if s.error is not None)
        still = (spread == 0.0) & (runs * gap > math.log(max(gap.size, 1) / ALARM))
        agrees = errors <= most and not still.any()
    day = float(found.time[int(column)])
    return Agreement(
        one.name, other.name, largest, found.observables[int(row)], day, errors, most, agrees
    )
