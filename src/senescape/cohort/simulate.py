"""Simulate regimens of a scenario: one ensemble of hosts each, as an assay would count them."""

from __future__ import annotations

import contextlib
import hashlib
import time as clock
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, compile_scenario
from senescape.compile.numbers import scenario_names
from senescape.compile.question import question_of
from senescape.engines.protocol import check_times
from senescape.errors import RunError
from senescape.model import Scenario
from senescape.results import Ensemble, Provenance
from senescape.rng import Purpose
from senescape.run import (
    Monitor,
    Silent,
    check_run,
    check_size,
    engine_named,
    run_lanes,
    told_of,
)
from senescape.store import KeptRun, Recipe, Store, canonical_scenario
from senescape.store.versions import engine_recipe
from senescape.units import COUNT, DIMENSIONLESS, unit_factor

from .draws import cohort_of, uniforms, word_of
from .readings import counted as counted_cells
from .watching import watch_hosts

Float = NDArray[np.float64]

DEFAULT_SEED = 1
DEFAULT_HOSTS = 100
DEFAULT_DAYS = 28.0


def simulate(
    scenario: Scenario,
    regimen: str,
    *,
    hosts: int = DEFAULT_HOSTS,
    seed: int = DEFAULT_SEED,
    engine: str = "leap",
    step: float | None = None,
    times: Float | None = None,
    until: float | None = None,
    variant: str | None = None,
    uncertain: bool = False,
    counted: bool = False,
    monitor: Monitor | None = None,
    store: Store | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    stop_when: str | None = None,
) -> Ensemble:
    """Run one regimen in many hosts (in culture: wells).

    Parameters
    ----------
    hosts : int
        With ``uncertain`` each host has its own draw of what we do not know.
    engine : str
        ``leap`` (default), ``exact`` or ``mean-field``.
    step : float, optional
        Longest step of the leap [day].
    times : (times,), optional
        Output times [day]; by default daily from the start to ``until`` (else the horizon).
    uncertain : bool
        Draw uncertain parameters; otherwise they stand at their stated values.
    counted : bool
        Add background and counting noise of each observable, as the assay would.
    store : Store, optional
        Open for writing: hosts in it are not run again, new ones are kept as they are finished.
    name : str, optional
        Of the run in the store; refused where it stands for another scenario or other options.
    executor : Executor, optional
        Who computes; threads by default. It is shut down in the end.
    stop_when : str, optional
        End with the first block of 64 hosts after which the mean is precise enough, for example
        ``half-width of live at 21 < 100`` (:mod:`senescape.expressions.stop_rules`); by default
        the first observable on the last day. ``hosts`` are the most there will be.

    Returns
    -------
    Ensemble
        Observables by id, then ``state:NAME`` for every state.

    Raises
    ------
    SenescapeError
        Unknown regimen or engine, too many hosts, a rule of what there is not, a run that cannot
        go on.
    """
    began = clock.perf_counter()
    if not 1 <= hosts <= 10_000_000:
        raise RunError(
            f"{hosts} hosts",
            allowed="1 to 10000000",
            remedy="ask for at least one host",
            check="run.hosts",
        )
    compiled = compile_scenario(scenario, regimen, variant)
    program = compiled.program
    if times is None:
        times = default_times(scenario, program.forcing.start, until)
    runner = engine_named(engine, step=step)
    many = hosts if runner.stochastic or uncertain or scenario.variation else 1
    observables = tuple(scenario.observables)
    rows = counted_rows(scenario)
    check_size(len(rows), len(times), many)
    check_times(program, times)
    if store is None:  # else what is missing is priced once it is known
        check_run(runner, program, times, lanes=many)
    cohort = cohort_of(
        scenario,
        program,
        seed=seed,
        draws=many if uncertain else 1,
        hosts=1 if uncertain else many,
        uncertain=uncertain,
    )
    recipe = Recipe(
        canonical_scenario(scenario) if store is not None else {},
        regimen,
        variant,
        {
            "kind": "hosts",
            "assays": rows,
            "uncertain": uncertain,
            "order": _order(program),
        },
        engine_recipe(runner) if store is not None else {},
        tuple(times.tolist()),
        seed,
    )
    units = units_of(scenario)
    keys = cohort.streams.keys(Purpose.OBSERVATION) if counted else None
    read = partial(_read, scenario, observables, keys)
    watch = None
    if stop_when is not None or monitor is not None:
        watch = watch_hosts(
            rows,
            units,
            times,
            hosts=many,
            stop_when=stop_when,
            read=read,
            monitor=monitor or Silent(),
        )
    with _kept(store, recipe, scenario, name) as kept:
        values = run_lanes(
            runner,
            program,
            cohort.parameters,
            cohort.streams,
            times,
            assays=rows,
            monitor=monitor,
            kept=kept,
            executor=executor,
            watch=watch,
        )
    read(values, times, 0)
    precision = None if watch is None else watch.looks.precision()
    question = {
        "regimen": regimen,
        "hosts": values.shape[2],
        "variant": variant,
        "uncertain": uncertain,
    }
    provenance = Provenance(
        scenario.name,
        scenario.digest,
        seed,
        runner.name,
        question | ({} if precision is None else {"precision": precision.to_dict()}),
        {"seconds": clock.perf_counter() - began} | told_of(kept),
    )
    return Ensemble(times, rows, tuple(units), values, regimen, provenance, precision)


def _read(
    scenario: Scenario,
    observables: tuple[str, ...],
    keys: NDArray[np.uint64] | None,
    values: Float,
    times: Float,
    first: int,
) -> None:
    """Make readings in their units of counted cells, in place: hosts from ``first`` on.

    Parameters
    ----------
    keys : (hosts,), optional
        For background and noise, as the assay would count.
    values : (variables, times, hosts)
    """
    units = in_units(scenario, values)
    if keys is not None:
        part = keys[first : first + values.shape[2]]
        _count(scenario, values, observables, part, units, times)


@contextlib.contextmanager
def _kept(
    store: Store | None, recipe: Recipe, scenario: Scenario, name: str | None
) -> Iterator[KeptRun | None]:
    """Hold the run of a recipe while it is computed; nothing where there is no store."""
    if store is None:
        yield None
        return
    if name is not None:
        store.bind(name, recipe)
    shape = (len(recipe.question["assays"]), len(recipe.times))
    written = scenario.model_dump(mode="json", by_alias=True)
    with store.open_run(recipe, shape, scenario=written) as kept:
        yield kept


def _order(program: Program) -> str:
    """Return a digest of the order of compartments and transitions, whose numbers key streams.

    The scenario's own digest does not know it: a file with its arrows in another order is the same
    scenario, and gives other numbers of the same law.
    """
    names = "\n".join((*program.compartment_ids, "", *program.transition_ids))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def default_times(scenario: Scenario, start: float, until: float | None) -> Float:
    """Return daily times from the start of a scenario to ``until`` or its horizon [day]."""
    if until is None:
        until = question_of(scenario).horizon if scenario.outcome is not None else DEFAULT_DAYS
    if not start < until < 1e5:
        raise RunError(
            f"until day {until:g}",
            allowed=f"after the start at day {start:g}, below 100000 days",
            remedy="choose a later time",
            check="run.until",
        )
    days = np.arange(np.ceil(start), np.floor(until) + 1.0)
    return np.unique(np.concatenate([[start], days, [until]]))


def counted_rows(scenario: Scenario) -> tuple[str, ...]:
    """Return what a simulation counts: observables, then ``state:NAME`` for every state."""
    return tuple(scenario.observables) + tuple(f"state:{name}" for name in scenario.cells.states)


def units_of(scenario: Scenario) -> list[str]:
    """Return the unit of each of :func:`counted_rows`."""
    return [noun.unit for noun in scenario.observables.values()] + ["cells"] * len(
        scenario.cells.states
    )


def in_units(scenario: Scenario, values: Float) -> list[str]:
    """Turn the rows of :func:`counted_rows` into their units and ratios, in place; return units."""
    units = units_of(scenario)
    for row, unit in enumerate(units):
        values[row] /= unit_factor(unit) if unit != "1" else 1.0
    _ratios(scenario, values, tuple(scenario.observables))
    return units


def _ratios(scenario: Scenario, values: Float, observables: tuple[str, ...]) -> None:
    raw = values[: len(observables)].copy()
    for row, name in enumerate(observables):
        per = scenario.observables[name].per
        if per is not None:
            below = raw[observables.index(per)]
            with np.errstate(divide="ignore", invalid="ignore"):
                values[row] = np.where(below == 0.0, 0.0, raw[row] / below)


def _count(
    scenario: Scenario,
    values: Float,
    observables: tuple[str, ...],
    keys: NDArray[np.uint64],
    units: list[str],
    times: Float,
) -> None:
    """Add background and noise, in place; a count never falls below zero."""
    names = scenario_names(scenario)
    seconds = np.rint(times * 86400.0).astype(int)
    for row, name in enumerate(observables):
        noun = scenario.observables[name]
        factor = unit_factor(units[row]) if units[row] != "1" else 1.0
        if noun.background is not None:
            level = names.number(noun.background, f"observables.{name}.background", COUNT)
            values[row] += level / factor
        if noun.noise is None:
            continue
        spread = names.number(
            noun.noise.multiplicative, f"observables.{name}.noise.multiplicative", DIMENSIONLESS
        )
        floor = 0.0
        if noun.noise.additive is not None:
            floor = names.number(noun.noise.additive, f"observables.{name}.noise", COUNT) / factor
        u, v = (
            np.array([uniforms(keys, word_of(f"{name}|{what}|{s}")) for s in seconds])
            for what in ("relative", "absolute")
        )
        values[row] = counted_cells(values[row], spread, floor, u, v)
