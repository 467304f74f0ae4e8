"""A scenario at every point of a design: one batch of lanes of one program."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import cohort_of, default_times
from senescape.cohort.simulate import DEFAULT_SEED, counted_rows, in_units
from senescape.compile import Program, compile_scenario
from senescape.errors import RunError, nearest
from senescape.model import Scenario, Value
from senescape.results import Provenance
from senescape.run import Monitor, check_size, engine_named, run_lanes
from senescape.run.failures import Failure
from senescape.units import Quantity
from senescape.verdict import regimens_of

from .points import Design

if TYPE_CHECKING:
    import xarray

Float = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
STATISTICS = ("mean", "sd", *(f"{level:g}" for level in LEVELS), "failed")


def sweep(
    scenario: Scenario,
    design: Design,
    *,
    regimens: Sequence[str] = (),
    hosts: int = 20,
    seed: int = DEFAULT_SEED,
    engine: str = "leap",
    step: float | None = None,
    until: float | None = None,
    times: Float | None = None,
    variant: str | None = None,
    uncertain: bool = False,
    every_host: bool = False,
    monitor: Monitor | None = None,
) -> xarray.Dataset:
    """Run a scenario at every point of a design.

    Parameters
    ----------
    regimens : sequence of str
        By default all.
    hosts : int
        At each point, the same hosts and the same chance at all: points differ by what was varied.
    until, times, engine, step, variant, uncertain
        As in :func:`senescape.cohort.simulate.simulate`. What is varied has the value of the point
        in every draw, or, where it is uncertain itself, is scaled to it as a variant's is.
    every_host : bool
        Return every host in place of statistics over hosts.

    Returns
    -------
    xarray.Dataset
        A variable an observable, with dimensions regimen, point (of a grid: one for each factor),
        time, and statistic (mean, sd, quantiles, share of hosts that failed) or host. Where hosts
        cannot go on the others stand for all; ``attrs["failures"]`` tells how.

    Raises
    ------
    SenescapeError
        What is varied does not stand in the equations; unknown names; more work or memory than the
        budget allows, before the start.
    """
    import xarray

    began = clock.perf_counter()
    chosen = regimens_of(scenario, tuple(regimens))
    runner = engine_named(engine, step=step)
    lanes = hosts if runner.stochastic or uncertain or scenario.variation else 1
    found: list[Float] = []
    failures: list[dict[str, Any]] = []
    units: list[str] = []
    rows = counted_rows(scenario)
    for regimen in chosen:
        program = compile_scenario(scenario, regimen, variant).program
        if times is None:
            times = default_times(scenario, program.forcing.start, until)
        check_size(len(rows), len(times), lanes * design.points)
        table = _defaults(program, design)
        _check_setters(scenario, design, regimen, variant)
        _check_effects(scenario, design, program, regimen, variant, uncertain=uncertain)
        cohorts = [
            cohort_of(
                # the spread between hosts may be stated over what is varied; draws are scaled
                scenario if uncertain else _changed(scenario, design, defaults, program),
                replace(program, parameter_defaults=defaults),
                seed=seed,
                draws=lanes if uncertain else 1,
                hosts=1 if uncertain else lanes,
                uncertain=uncertain,
            )
            for defaults in table
        ]
        failed: list[Failure] = []
        values = run_lanes(
            runner,
            program,
            np.concatenate([cohort.parameters for cohort in cohorts], axis=1),
            cohorts[0].streams.part(np.tile(np.arange(lanes), design.points)),
            times,
            assays=rows,
            monitor=monitor,
            failures=failed,
        )
        failures += (
            {"regimen": regimen, "point": f.lane // lanes, "host": f.lane % lanes, "what": f.what}
            for f in failed
        )
        units = in_units(scenario, values)
        shaped = values[: len(scenario.observables)].reshape(
            len(scenario.observables), len(times), design.points, lanes
        )
        found.append(shaped if every_host else _statistics(shaped))
    assert times is not None
    whole = np.moveaxis(np.array(found), 2, 3)  # regimen, observable, point, time, last
    places = tuple(f.name for f in design.factors) if design.shape else ("point",)
    along = design.shape or (design.points,)
    last = "host" if every_host else "statistic"
    variables = {
        name: (
            ("regimen", *places, "time", last),
            whole[:, row].reshape(len(chosen), *along, len(times), -1),
            {"units": units[row], "long_name": scenario.observables[name].label or name},
        )
        for row, name in enumerate(scenario.observables)
    }
    question = {
        "regimens": list(chosen),
        "hosts": lanes,
        "variant": variant,
        "uncertain": uncertain,
        "design": design.kind,
        "design_seed": design.seed,
        "points": design.points,
        "factors": [factor.words() for factor in design.factors],
        "step": step,
        "times": times.tolist(),
        "every_host": every_host,
    }
    taken: dict[str, object] = {"seconds": clock.perf_counter() - began}
    provenance = Provenance(scenario.name, scenario.digest, seed, runner.name, question, taken)
    attributes = {
        "title": scenario.title,
        "provenance": json.dumps(provenance.to_dict()),
        "failures": json.dumps(failures),
        "note": "a research tool, not for decisions about patients",
    }
    coordinates: dict[str, Any] = {
        "regimen": list(chosen),
        "time": ("time", times, {"units": "day", "long_name": "time since treatment"}),
        last: np.arange(lanes) if every_host else list(STATISTICS),
    }
    return xarray.Dataset(variables, coordinates | _placed(design), attributes)


def _placed(design: Design) -> dict[str, Any]:
    """Return the coordinates of the points: a dimension a factor, or all along one."""
    if design.shape:
        return {f.name: (f.name, np.array(f.levels), {"units": f.unit}) for f in design.factors}
    points: dict[str, Any] = {"point": np.arange(design.points)}
    return points | {
        f.name: ("point", design.values[:, i], {"units": f.unit})
        for i, f in enumerate(design.factors)
    }


def _defaults(program: Program, design: Design) -> Float:
    """Return the parameters of a program at every point, (points, parameters), canonical units."""
    table = np.repeat(program.parameter_defaults[None, :], design.points, axis=0)
    for index, factor in enumerate(design.factors):
        if factor.name not in program.parameter_names:
            raise RunError(
                f"{factor.name} stands in no equation of this regimen",
                allowed="what a rate, a start or a dose reads; not times, stages or distributions",
                remedy=nearest(factor.name, program.parameter_names),
                check="design.not-in-equations",
            )
        table[:, program.parameter(factor.name)] = design.values[:, index] * factor.scale
    return table


def _changed(scenario: Scenario, design: Design, defaults: Float, program: Program) -> Scenario:
    """Return a scenario that states the numbers of a point."""
    stated = dict(scenario.parameters)
    for factor in design.factors:
        noun = stated[factor.name]
        assert noun.value.quantity is not None
        dimension = noun.value.quantity.dimension
        number = float(defaults[program.parameter(factor.name)])
        quantity = Quantity(number, dimension, dimension.canonical_unit, number)
        stated[factor.name] = noun.model_copy(update={"value": Value(repr(number), quantity)})
    return scenario.model_copy(update={"parameters": stated})


def _check_setters(scenario: Scenario, design: Design, regimen: str, variant: str | None) -> None:
    """Refuse what a regimen or the variant sets itself: a point would undo what it stands for."""
    setters = {f"regimen {regimen}": scenario.regimens[regimen].set}
    if variant is not None:
        setters[f"variant {variant}"] = scenario.variants[variant].set
    for who, numbers in setters.items():
        for factor in design.factors:
            if factor.name in numbers:
                raise RunError(
                    f"{factor.name} is varied, and set by the {who}",
                    allowed="numbers that regimens and the variant leave as they are",
                    remedy="choose other regimens with --regimen, or vary another number",
                    check="design.set-elsewhere",
                )


def _check_effects(
    scenario: Scenario,
    design: Design,
    program: Program,
    regimen: str,
    variant: str | None,
    *,
    uncertain: bool,
) -> None:
    """Refuse what lanes of one program cannot show: else it would be without effect, unsaid.

    A scenario that states other numbers must compile to the same program. Both ends of all ranges
    are tried together; only where they fail is each number tried alone, to name it.
    """
    for end in (np.min, np.max):
        ends = replace(design, values=end(design.values, axis=0)[None])
        (defaults,) = _defaults(program, ends)
        other = _changed(scenario, ends, defaults, program)
        if compile_scenario(other, regimen, variant).program.digest != program.digest:
            names = [
                factor.name
                for factor in design.factors
                if compile_scenario(
                    _changed(scenario, replace(ends, factors=(factor,)), defaults, program),
                    regimen,
                    variant,
                ).program.digest
                != program.digest
            ] or [factor.name for factor in design.factors]
            raise RunError(
                f"{' and '.join(names)}: read for times, stages or classes under {regimen}",
                allowed="what a rate, a start or a dose reads; not times, stages or classes",
                remedy="write a scenario for each of its values (extends: ...)",
                check="design.not-in-equations",
            )
        own = replace(program, parameter_defaults=defaults)
        here, there = (
            cohort_of(each, own, seed=0, draws=1, hosts=2, uncertain=False).parameters
            for each in (scenario, other)
        )
        if uncertain and not np.array_equal(here, there):
            raise RunError(
                "what is varied says how hosts differ, and what is uncertain is drawn",
                allowed="either of them",
                remedy="leave out --uncertain, or vary another number",
                check="design.variation",
            )


def _statistics(values: Float) -> Float:
    """Return statistics over hosts that did not fail, (rows, times, points, statistics)."""
    lost = np.isnan(values)
    count = (~lost).sum(axis=-1)
    shown = np.where(lost, 0.0, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = shown.sum(axis=-1) / count
        squares = np.where(lost, 0.0, (values - mean[..., None]) ** 2).sum(axis=-1)
        sd = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), 0.0 * mean)
    many = np.full((len(LEVELS), *mean.shape), np.nan)
    whole = ~lost.any(axis=(0, 1, 3))
    many[..., whole] = np.quantile(values[:, :, whole], LEVELS, axis=-1)
    for point in np.nonzero(~whole)[0]:
        good = ~lost[0, 0, point]
        if good.any():
            many[..., point] = np.quantile(values[:, :, point, good], LEVELS, axis=-1)
    failed = lost.mean(axis=-1)
    return np.stack([mean, sd, *many, failed], axis=-1)
