"""Predicted against measured wells: how many recover, and how the mean count runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import compile_scenario
from senescape.compile.numbers import scenario_names
from senescape.model import Measured, MeasuredWells, Scenario
from senescape.run import Monitor, engine_named, run_lanes
from senescape.units import COUNT, DIMENSIONLESS, TIME

from .draws import cohort_of

Float = NDArray[np.float64]

DEFAULT_DRAWS = 100
DEFAULT_STEP = 1.0 / 6.0


@dataclass(frozen=True, slots=True)
class WellPrediction:
    """One regimen: wells recovered, predicted and measured.

    Parameters
    ----------
    recovered, wells : int
        Measured.
    predicted : float
        Mean number of wells that recover, of as many wells.
    low, high : int
        90 % predictive interval of that number: parameters, wells and chance together.
    time, mean_low, mean, mean_high : (times,)
        Predicted mean count over as many wells: median and 90 % predictive interval over draws
        [day]. Not the mean over draws, which a few draws in which wells regrow can double; where
        nothing is uncertain, draws only repeat each other and the mean over all wells is meant.
    observed_time, observed : (times,)
        Measured mean counts.
    log_error : float
        Root mean square of ln(predicted mean / measured mean); nan where no mean was measured.
    log_sd, observed_log_sd : float
        Standard deviation between wells of ln(final count): median over draws, and measured.
    """

    regimen: str
    wells: int
    recovered: int
    predicted: float
    low: int
    high: int
    time: Float
    mean_low: Float
    mean: Float
    mean_high: Float
    observed_time: Float
    observed: Float
    log_error: float
    log_sd: float
    observed_log_sd: float


def predict_wells(
    scenario: Scenario,
    table: Measured,
    *,
    draws: int = DEFAULT_DRAWS,
    seed: int = 1,
    step: float = DEFAULT_STEP,
    uncertain: bool = True,
    monitor: Monitor | None = None,
) -> list[WellPrediction]:
    """Predict every regimen of a table of measurements.

    Parameters
    ----------
    draws : int
        Outer draws; in each of them as many wells as were measured.
    step : float
        Longest step of the leap engine [day].
    """
    return [
        predict_row(scenario, table, name, draws, seed, step, uncertain, monitor)
        for name in table.regimens
    ]


def predict_row(
    scenario: Scenario,
    table: Measured,
    regimen: str,
    draws: int,
    seed: int,
    step: float,
    uncertain: bool,
    monitor: Monitor | None,
) -> WellPrediction:
    """Predict the wells of one regimen."""
    row = table.regimens[regimen]
    names = scenario_names(scenario)
    compiled = compile_scenario(scenario, regimen)
    until = names.number(row.until, "until", TIME)
    grid = measured_times(scenario, row)
    times = np.unique(np.concatenate([grid, [until]]))
    cohort = cohort_of(
        scenario, compiled.program, seed=seed, draws=draws, hosts=row.wells, uncertain=uncertain
    )
    counts = run_lanes(
        engine_named("leap", step=step),
        compiled.program,
        cohort.parameters,
        cohort.streams,
        times,
        assays=(table.observable,),
        monitor=monitor,
    )[0]
    noun = scenario.observables[table.observable]
    if noun.background is not None:
        counts = counts + names.number(noun.background, "background", COUNT)
    recovered = well_recovered(scenario, table, times, counts)
    number = recovered.reshape(draws, row.wells).sum(axis=1)
    at = np.searchsorted(times, grid)
    means = counts[at].reshape(len(grid), draws, row.wells).mean(axis=2)
    observed = np.array(row.mean.values) if row.mean is not None else np.full(len(grid), np.nan)
    mean = np.median(means, axis=1) if uncertain else means.mean(axis=1)
    with np.errstate(divide="ignore"):
        error = np.log(mean / observed)
    low, high = np.quantile(number, [0.05, 0.95], method="inverted_cdf")
    final = np.log(counts[-1]).reshape(draws, row.wells)
    spread = np.median(final.std(axis=1, ddof=1)) if row.wells > 1 else np.nan
    return WellPrediction(
        regimen,
        row.wells,
        row.recovered,
        float(number.mean()),
        int(low),
        int(high),
        grid,
        np.quantile(means, 0.05, axis=1),
        mean,
        np.quantile(means, 0.95, axis=1),
        grid,
        observed,
        float(np.sqrt(np.mean(error**2))),
        float(spread),
        float("nan") if row.log_sd is None else row.log_sd,
    )


def measured_times(scenario: Scenario, row: MeasuredWells) -> Float:
    """Return the times of the measured means [day]; daily to the end where there are none."""
    names = scenario_names(scenario)
    if row.mean is None:
        until = names.number(row.until, "until", TIME)
        days: Float = np.arange(0.0, until + 1e-9)
        return days
    first = names.number(row.mean.first, "first", TIME)
    every = names.number(row.mean.every, "every", TIME)
    times: Float = first + every * np.arange(len(row.mean.values), dtype=np.float64)
    return times


def well_recovered(
    scenario: Scenario, table: Measured, times: Float, counts: Float
) -> NDArray[np.bool_]:
    """Return whether each well recovered by the table's rule, shape (wells,).

    Parameters
    ----------
    counts : (times, wells)
        As the assay would count them; the last is the final count.
    """
    names = scenario_names(scenario)
    factor = names.number(table.rule.factor, "factor", DIMENSIONLESS)
    least = names.number(table.rule.least, "least", COUNT)
    after = names.number(table.rule.after, "after", TIME)
    lowest = counts[times >= after].min(axis=0)
    return (counts[-1] >= factor * lowest) & (counts[-1] >= least)
