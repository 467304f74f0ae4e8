"""Look at simulated wells and hosts through the assays of a scenario."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Compiled, compile_scenario
from senescape.compile.names import Names
from senescape.compile.numbers import scenario_names
from senescape.compile.question import load_assay, question_of
from senescape.engines.protocol import check_times
from senescape.errors import RunError, nearest
from senescape.model import ASSUMPTION, ParameterNoun, Scenario, Value
from senescape.model.assays import (
    AssayNoun,
    ColonyAssay,
    ConfluenceAssay,
    CountAssay,
    ShareAssay,
    SurvivalAssay,
    VolumeAssay,
)
from senescape.model.base import read_value
from senescape.model.cells import Initial
from senescape.model.signals import PortNoun
from senescape.results import Observed, Reading, Status
from senescape.rng import Purpose
from senescape.run import Monitor, check_run, check_size, engine_named, run_lanes
from senescape.units import (
    AREA,
    COUNT,
    DIMENSIONLESS,
    RATE,
    TIME,
    VOLUME,
    Dimension,
    unit_dimension,
    unit_factor,
)

from .draws import Cohort, cohort_of, lane_values, uniforms, word_of
from .readings import counted, lingering, positives, visits
from .simulate import default_times

Float = NDArray[np.float64]

DEFAULT_SUBJECTS = 6
DEFAULT_STEP = 1.0 / 6.0
COLONY_STEP = 1.0 / 6.0
SINGLE = "single_cell"
READING_NUMBERS = 32  # a reading takes as much memory as so many numbers


def observe(
    scenario: Scenario,
    regimen: str,
    *,
    assays: tuple[str, ...] | None = None,
    subjects: int = DEFAULT_SUBJECTS,
    times: Float | None = None,
    seed: int = 1,
    step: float = DEFAULT_STEP,
    variant: str | None = None,
    uncertain: bool = False,
    monitor: Monitor | None = None,
) -> Observed:
    """Return what the assays of a scenario would have read.

    Parameters
    ----------
    assays : tuple of str, optional
        Names of assays; all by default.
    subjects : int
        Wells, dishes or hosts.
    times : (times,), optional
        When counts, shares and volumes are read [day]; daily from the first treatment to the
        horizon by default. Survival and colonies keep their own times.
    uncertain : bool
        Draw what is not known, one draw a subject.

    Raises
    ------
    SenescapeError
        Unknown assay or regimen, no assay in the scenario, a run that cannot go on.
    """
    wanted = _known(scenario, assays)
    if not 1 <= subjects <= 1_000_000:
        raise RunError(
            f"{subjects} subjects",
            allowed="1 to 1000000",
            remedy="ask for at least one",
            check="run.subjects",
        )
    compiled = compile_scenario(scenario, regimen, variant)
    if times is None:
        days = default_times(scenario, compiled.program.forcing.start, None)
        times = days[days >= 0.0]
    times = np.unique(times)
    check_times(compiled.program, times)
    check_size(READING_NUMBERS * len(wanted), len(times), subjects)
    check_run(engine_named("leap", step=step), compiled.program, times, lanes=subjects)
    # dishes of colonies are cohorts of their own
    shared = any(not isinstance(scenario.assays[name], ColonyAssay) for name in wanted)
    cohort = _cohort(compiled, subjects if shared else 1, seed, uncertain)
    look = _Look(scenario, compiled, cohort, times, step, monitor)
    parts = []
    for name in wanted:
        noun = scenario.assays[name]
        if isinstance(noun, ColonyAssay):
            chosen = (regimen, variant, subjects, seed, uncertain)
            parts.append(_colonies(scenario, name, noun, chosen, monitor))
        elif isinstance(noun, SurvivalAssay):
            parts.append(look.survival(name, noun))
        else:
            parts.append(look.series(name, noun))
    return Observed(tuple(r for part in parts for r in part), f"{scenario.name}, seed {seed}")


def surviving_fraction(treated: Observed, control: Observed) -> tuple[float, float, float]:
    """Return plating efficiency treated / control, with its 95 % interval (Katz, on the logarithm).

    Half a colony is added on each side where there is none; with no colony treated the fraction
    itself is 0 and only the upper end tells something.
    """
    (a, n), (b, m) = _pooled(treated), _pooled(control)
    middle = (a / n) / (b / m) if b else math.inf
    x, y = (a, b) if a and b else (a + 0.5, b + 0.5)
    centre = (x / n) / (y / m)
    width = 1.959964 * math.sqrt(max(0.0, 1 / x - 1 / n + 1 / y - 1 / m))
    return middle, centre * math.exp(-width), centre * math.exp(width)


def _pooled(observed: Observed) -> tuple[float, int]:
    plated = sum(r.scored for r in observed.readings)
    if not plated:
        raise RunError(
            "no dish with plated cells",
            allowed="readings of an assay of colonies",
            remedy="choose them with observed.of(assay, regimen)",
            check="run.no-colonies",
        )
    return sum(round(r.value * r.scored) for r in observed.readings), plated


def _known(scenario: Scenario, assays: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the assays that are asked for, each once; all by default."""
    wanted = tuple(dict.fromkeys(scenario.assays if assays is None else assays))
    for name in wanted:
        if name not in scenario.assays:
            raise _unknown(name, scenario)
    if not wanted:
        raise _unknown("nothing to read", scenario)
    return wanted


def _unknown(given: str, scenario: Scenario) -> RunError:
    return RunError(
        given,
        allowed=", ".join(scenario.assays) or f"{scenario.name} declares no assays",
        remedy=nearest(given, scenario.assays) if scenario.assays else "add a section assays",
        check="run.assay",
    )


def _cohort(compiled: Compiled, subjects: int, seed: int, uncertain: bool) -> Cohort:
    return cohort_of(
        compiled.scenario,
        compiled.program,
        seed=seed,
        draws=subjects if uncertain else 1,
        hosts=1 if uncertain else subjects,
        uncertain=uncertain,
    )


@dataclass(slots=True)
class _Look:
    """One cohort, looked at through one assay after the other."""

    scenario: Scenario
    compiled: Compiled
    cohort: Cohort
    times: Float
    step: float
    monitor: Monitor | None
    names: Names | None = None
    cells: dict[str, Float] | None = None
    deaths: dict[str, Float] | None = None

    def series(self, name: str, noun: AssayNoun) -> list[Reading]:
        """Return readings at every time."""
        if self.cells is None:
            self._run()
        if isinstance(noun, CountAssay):
            return self._count(name, noun)
        if isinstance(noun, ConfluenceAssay):
            area = self._sum(noun.area, f"assays.{name}.area", AREA)
            covered = np.minimum(1.0, area / self._lane(noun.dish, f"assays.{name}.dish", AREA))
            return self._rows(name, np.minimum(1.0, self._noisy(name, noun, covered, "1")), "1")
        if isinstance(noun, ShareAssay):
            return self._share(name, noun)
        assert isinstance(noun, VolumeAssay)
        return self._volume(name, noun)

    def survival(self, name: str, noun: SurvivalAssay) -> list[Reading]:
        """Return one reading a host: its death, or when it was last seen alive."""
        question = question_of(self.scenario)
        every = float(self._lane(noun.every, f"assays.{name}.every", TIME)[0])
        check_size(1, math.ceil(question.horizon / every) + 1, len(self.cohort.streams))
        days = np.append(np.arange(0.0, question.horizon, every), question.horizon)
        load = self._lanes((load_assay(self.scenario),), days)[0]
        lost = np.full(load.shape[1], np.inf)
        if noun.lost is not None:
            rate = self._lane(noun.lost, f"assays.{name}.lost", RATE)
            with np.errstate(divide="ignore"):
                lost = -np.log(self._chance(name, "lost", np.zeros(1))[0]) / rate
        last, died = visits(days, load, question.rule.fatal, lost)
        return [
            Reading(
                name,
                self.compiled.regimen,
                str(i + 1),
                float(t),
                float(t),
                "day",
                0,
                Status.DIED if d else Status.CENSORED,
            )
            for i, (t, d) in enumerate(zip(last, died, strict=True))
        ]

    def _run(self) -> None:
        states = tuple(self.scenario.cells.states)
        home = {
            term[0]: state
            for assay in self.compiled.network.assays
            for state in states
            if assay.id == f"state:{state}"
            for term in assay.weights
        }
        arrows = self.scenario.arrows
        gone: dict[str, list[int]] = {s: [] for s in states}
        for i, transition in enumerate(
            sorted(self.compiled.network.transitions, key=lambda t: t.number)
        ):
            arrow = arrows.get(self.compiled.program.transition_ids[i].split("|")[0])
            if arrow is not None and not arrow.to and transition.source is not None:
                gone[home[transition.source]].append(i)
        observables = tuple(self.scenario.observables)
        wanted = observables + tuple(f"state:{s}" for s in states)
        found = self._lanes(wanted, self.times, tuple(tuple(g) for g in gone.values()))
        self.cells = dict(zip((*observables, *(f"state:{s}" for s in states)), found, strict=False))
        self.deaths = dict(zip(states, found[len(wanted) :], strict=True))

    def _lanes(
        self, assays: tuple[str, ...], times: Float, tallies: tuple[tuple[int, ...], ...] = ()
    ) -> Float:
        return run_lanes(
            engine_named("leap", step=self.step),
            self.compiled.program,
            self.cohort.parameters,
            self.cohort.streams,
            times,
            assays=assays,
            tallies=tallies,
            monitor=self.monitor,
        )

    def _count(self, name: str, noun: CountAssay) -> list[Reading]:
        assert self.cells is not None
        observable, place = self.scenario.observables[noun.of], f"observables.{noun.of}"
        dimension = unit_dimension(observable.unit)
        true = self.cells[noun.of].copy()
        if observable.background is not None:
            true += self._lane(observable.background, f"{place}.background", dimension)
        if observable.noise is not None:
            spread = observable.noise.multiplicative
            wide = self._lane(spread, f"{place}.noise.multiplicative", DIMENSIONLESS)
            floor = self._lane(observable.noise.additive, f"{place}.noise.additive", dimension)
            u, v = self._chance(name, "relative"), self._chance(name, "absolute")
            true = counted(true, wide, floor, u, v)
        return self._rows(name, true / unit_factor(observable.unit), observable.unit)

    def _share(self, name: str, noun: ShareAssay) -> list[Reading]:
        assert self.cells is not None
        place = f"assays.{name}"
        looked = sum((self.cells[f"state:{s}"] for s in noun.positive), np.zeros(1))
        called = self._sum(noun.positive, f"{place}.positive", DIMENSIONLESS)
        scored = np.floor(np.minimum(looked, self._lane(noun.scored, f"{place}.scored", COUNT)))
        share = np.clip(called / np.maximum(looked, 1.0), 0.0, 1.0)
        correlation = self._lane(noun.correlation, f"{place}.correlation", DIMENSIONLESS)
        u, v = self._chance(name, "reading"), self._chance(name, "cells")
        number = positives(share, scored, correlation, u, v)
        return self._rows(name, number / np.maximum(scored, 1.0), "1", scored)

    def _volume(self, name: str, noun: VolumeAssay) -> list[Reading]:
        assert self.deaths is not None
        place = f"assays.{name}"
        volume = self._sum(noun.size, f"{place}.size", VOLUME)
        if noun.debris is not None:
            lifetime = self._lane(noun.debris.lifetime, f"{place}.debris.lifetime", TIME)
            for state, size in noun.debris.size.items():
                each = self._lane(size, f"{place}.debris.size.{state}", VOLUME)
                volume = volume + each * lingering(self.times, self.deaths[state], lifetime)
        packing = self._lane(noun.packing, f"{place}.packing", DIMENSIONLESS)
        stroma = self._lane(noun.stroma, f"{place}.stroma", DIMENSIONLESS)
        seen = self._noisy(name, noun, volume / packing / (1.0 - stroma), noun.unit)
        least = self._lane(noun.least, f"{place}.least", VOLUME)
        below = seen < least
        factor = unit_factor(noun.unit)
        return self._rows(name, np.where(below, least, seen) / factor, noun.unit, None, below)

    def _noisy(
        self, name: str, noun: ConfluenceAssay | VolumeAssay, true: Float, unit: str
    ) -> Float:
        if noun.noise is None:
            return true
        dimension = DIMENSIONLESS if unit == "1" else unit_dimension(unit)
        place = f"assays.{name}.noise"
        wide = self._lane(noun.noise.multiplicative, f"{place}.multiplicative", DIMENSIONLESS)
        floor = self._lane(noun.noise.additive, f"{place}.additive", dimension)
        u, v = self._chance(name, "relative"), self._chance(name, "absolute")
        return counted(true, wide, floor, u, v)

    def _sum(self, weights: dict[str, Value], place: str, dimension: Dimension) -> Float:
        assert self.cells is not None
        total = np.zeros((len(self.times), len(self.cohort.streams)))
        for state, weight in weights.items():
            each = self._lane(weight, f"{place}.{state}", dimension)
            total += each * self.cells[f"state:{state}"]
        return total

    def _lane(self, value: Value | None, place: str, dimension: Dimension) -> Float:
        """Return a number of the scenario for every subject (it may be uncertain)."""
        if self.names is None:
            self.names = scenario_names(self.scenario)
        rows = {n: i for i, n in enumerate(self.compiled.program.parameter_names)}
        return lane_values(self.names, value, place, dimension, rows, self.cohort.parameters)

    def _chance(self, name: str, what: str, times: Float | None = None) -> Float:
        """Return uniform numbers, keyed by assay and time: more readings leave the others alone."""
        keys = self.cohort.streams.keys(Purpose.OBSERVATION)
        seconds = np.rint((self.times if times is None else times) * 86400.0).astype(int)
        return np.array([uniforms(keys, word_of(f"{name}|{what}|{s}")) for s in seconds])

    def _rows(
        self,
        name: str,
        values: Float,
        unit: str,
        scored: Float | None = None,
        below: NDArray[np.bool_] | None = None,
    ) -> list[Reading]:
        """Return readings; where no cell could be scored there is none."""
        made = []
        for i, time in enumerate(self.times):
            for lane in range(values.shape[1]):
                number = 0 if scored is None else int(scored[i, lane])
                if scored is not None and number == 0:
                    continue
                status = Status.BELOW if below is not None and below[i, lane] else Status.SEEN
                subject, value = str(lane + 1), float(values[i, lane])
                regimen = self.compiled.regimen
                made.append(
                    Reading(name, regimen, subject, float(time), value, unit, number, status)
                )
        return made


def _colonies(
    scenario: Scenario,
    name: str,
    noun: ColonyAssay,
    chosen: tuple[str, str | None, int, int, bool],
    monitor: Monitor | None,
) -> list[Reading]:
    """Plate single cells, one a lane, and count those that made a colony."""
    regimen, variant, dishes, seed, uncertain = chosen
    names = scenario_names(scenario)
    place = f"assays.{name}"
    plated = round(names.number(noun.plated, f"{place}.plated", COUNT))
    least = names.number(noun.least, f"{place}.least", COUNT)
    read = names.number(noun.read, f"{place}.read", TIME)
    alone = single_cells(scenario)
    compiled = compile_scenario(alone, regimen, variant)
    cohort = cohort_of(
        alone,
        compiled.program,
        seed=seed,
        draws=dishes if uncertain else 1,
        hosts=plated if uncertain else plated * dishes,
        uncertain=uncertain,
        varied=False,
    )
    cells = run_lanes(
        engine_named("leap", step=COLONY_STEP),
        compiled.program,
        cohort.parameters,
        cohort.streams,
        np.array([read]),
        assays=(noun.counts,),
        monitor=monitor,
    )[0, 0]
    colonies = (cells >= least).reshape(dishes, plated).sum(axis=1)
    return [
        Reading(name, regimen, str(i + 1), read, float(n) / plated, "1", plated)
        for i, n in enumerate(colonies)
    ]


def single_cells(scenario: Scenario) -> Scenario:
    """Return the scenario with one cycling cell at the first treatment, and room for ever.

    Growth stands where crowding left it at the scenario's own start: under a Gompertz law the rate
    of division depends on the number of cells, and a dish of colonies has as many as any other.
    """
    cells, ports = scenario.cells, dict(scenario.ports)
    first = next(i for i in cells.initial if cells.states[i.state].cycles)
    if cells.crowding is not None:
        law = cells.crowding
        room = "1"
        if law.law == "gompertz":
            room = f"log(({law.capacity}) / ({first.total}))"
        ports["crowding"] = PortNoun(unit="1", formula=read_value(room), label="room at the start")
    single = ParameterNoun(value=read_value("1 cells"), source=ASSUMPTION, label="a single cell")
    one = Initial(state=first.state, clone=first.clone, total=read_value(SINGLE))
    update = {"initial": (one,), "crowding": None}
    changed: dict[str, object] = {
        "cells": cells.model_copy(update=update),
        "ports": ports,
        "parameters": scenario.parameters | {SINGLE: single},
        "start": read_value(0),
    }
    return scenario.model_copy(update=changed)
