"""Whether a scenario shows what is expected of it, and no longer without the mechanism."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import Cohort, cohort_of
from senescape.compile import Compiled, compile_scenario
from senescape.compile.contrasts import regimen_of
from senescape.compile.expectations import measure_dimension
from senescape.compile.names import Names
from senescape.compile.numbers import scenario_names
from senescape.compile.question import Question, question_of
from senescape.model import Arm, Expectation, Scenario
from senescape.run import Monitor, engine_named, run_lanes
from senescape.units import TIME

from .counterfactual import Rule, arm_parameters, history_of, history_rows
from .endpoints import endpoint_values

Float = NDArray[np.float64]
# Regimen, variant, world, hosts, changed parameters of one run.
Key = tuple[str, str | None, str, int, tuple[tuple[str, float], ...]]

DEFAULT_DRAWS = 100
DEFAULT_STEP = 0.25
HOLDS = 0.8  # of the draws must fulfil an expectation
VANISHES = 0.2  # at most, once its mechanism is taken away


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """How one expectation fared over draws from the priors.

    Parameters
    ----------
    holds, without : float
        Share of draws that fulfil it: as the scenario stands, and with its mechanism taken away.
    left, right, left_without, right_without : (draws,)
        What was compared, canonical units.
    """

    name: str
    noun: Expectation
    holds: float
    without: float
    left: Float
    right: Float
    left_without: Float
    right_without: Float

    @property
    def met(self) -> bool:
        """Whether it holds in most draws, and in few without the mechanism."""
        return self.holds >= HOLDS and self.without <= VANISHES


def expect(
    scenario: Scenario,
    *,
    draws: int = DEFAULT_DRAWS,
    seed: int = 1,
    step: float = DEFAULT_STEP,
    monitor: Monitor | None = None,
) -> tuple[ExpectationResult, ...]:
    """Try every expectation of a scenario on draws from its priors.

    Parameters
    ----------
    draws : int
        A share that is 0.8 in truth is seen at or below 0.68 of 100 draws with probability 0.002.
    step : float
        Longest step of the leap engine [day].

    Raises
    ------
    SenescapeError
        A run that cannot go on.
    """
    bench = _Bench(scenario, draws, seed, step, monitor)
    return tuple(bench.tried(name, noun) for name, noun in scenario.expectations.items())


class _Bench:
    """Runs each arm once, whatever the number of expectations that read it."""

    def __init__(
        self, scenario: Scenario, draws: int, seed: int, step: float, monitor: Monitor | None
    ) -> None:
        self.scenario, self.draws, self.seed = scenario, draws, seed
        self.step, self.monitor = step, monitor
        self.names: Names = scenario_names(scenario)
        self.question: Question = question_of(scenario)
        self.known: dict[Key, tuple[Float, Float]] = {}
        arms = [a for e in scenario.expectations.values() for a in (e.left, e.right) if a]
        self.moments = [self.moment(a) for a in arms]
        own = {name for a in arms if (name := a.measure) in scenario.observables}
        per = {p for name in own if (p := scenario.observables[name].per) is not None}
        self.observables = tuple(sorted(own | per))
        self.until: dict[Key, float] = {}
        for noun in scenario.expectations.values():
            for changes in ({}, self.numbers(noun)):
                for arm in (a for a in (noun.left, noun.right) if a):
                    key = self.key(arm, noun.hosts, changes)
                    self.until[key] = max(self.moment(arm), self.until.get(key, 0.0))

    def numbers(self, noun: Expectation) -> dict[str, float]:
        """Return the parameters without the mechanism of an expectation, canonical units."""
        return {
            p: self.names.number(v, f"without.set.{p}", self.names.dimensions[p])
            for p, v in noun.without.set.items()
        }

    def key(self, arm: Arm, hosts: int, changes: Mapping[str, float]) -> Key:
        """Return what tells one run from another."""
        regimen = regimen_of(self.scenario, arm)
        return regimen, arm.variant, arm.world, hosts, tuple(sorted(changes.items()))

    def moment(self, arm: Arm) -> float:
        if arm.at is None:
            return self.question.horizon
        return self.names.number(arm.at, "at", TIME)

    def tried(self, name: str, noun: Expectation) -> ExpectationResult:
        """Compare the two sides in every draw, with and without the mechanism."""
        dimension = measure_dimension(self.scenario, noun.left.measure)
        margin = self.names.number(noun.margin, "margin", dimension)
        sides: list[Float] = []
        shares: list[float] = []
        for numbers in ({}, self.numbers(noun)):
            left = self.measured(noun.left, noun.hosts, numbers)
            if noun.right is not None:
                right = self.measured(noun.right, noun.hosts, numbers)
            else:
                assert noun.limit is not None
                right = np.full(self.draws, self.names.number(noun.limit, "limit", dimension))
            sides += [left, right]
            shares.append(float(fulfilled(noun, left, right, margin).mean()))
        return ExpectationResult(name, noun, shares[0], shares[1], *sides)

    def measured(self, arm: Arm, hosts: int, changes: Mapping[str, float]) -> Float:
        """Return the measure of one arm in every draw, its hosts averaged, (draws,)."""
        key = self.key(arm, hosts, changes)
        if key not in self.known:
            self.known[key] = self.run(arm, hosts, changes, self.until[key])
        times, values = self.known[key]
        at = int(np.searchsorted(times, self.moment(arm)))
        if arm.measure in self.scenario.observables:
            row = values[self.observables.index(arm.measure), at]
            per = self.scenario.observables[arm.measure].per
            if per is not None:
                row = row / np.maximum(values[self.observables.index(per), at], 1e-300)
        else:
            history = history_of(times, values[len(self.observables) :])
            row = endpoint_values(history, arm.measure, self.question.rule)[at]
        averaged: Float = row.reshape(self.draws, hosts).mean(axis=1)
        return averaged

    def run(
        self, arm: Arm, hosts: int, changes: Mapping[str, float], until: float
    ) -> tuple[Float, Float]:
        """Run one arm until it is last read; returns the times and, for each, what was counted.

        The stops before that are those of all arms: a run that ends early is the beginning of one
        that does not, to the byte.
        """
        regimen = regimen_of(self.scenario, arm)
        compiled: Compiled = compile_scenario(self.scenario, regimen, arm.variant)
        program = compiled.program
        cohort: Cohort = cohort_of(
            self.scenario, program, seed=self.seed, draws=self.draws, hosts=hosts
        )
        for name, value in changes.items():
            cohort.parameters[program.parameter(name)] = value
        rule = None if arm.world == "on" else Rule(arm.world)
        days = np.arange(0.0, max(self.moments) + 1.0)
        times = np.unique(np.concatenate([[program.forcing.start], days, self.moments]))
        times = times[times <= until]
        values = run_lanes(
            engine_named("leap", step=self.step),
            program,
            arm_parameters(compiled, cohort, rule),
            cohort.streams,
            times,
            assays=self.observables + history_rows(compiled),
            tallies=(compiled.entries,),
            monitor=self.monitor,
        )
        return times, values


def fulfilled(noun: Expectation, left: Float, right: Float, margin: float) -> NDArray[np.bool_]:
    """Return in which draws an expectation is fulfilled, (draws,)."""
    gap = left - noun.factor * right
    if noun.relation == "less":
        return gap < -margin
    if noun.relation == "more":
        return gap > margin
    return np.abs(gap) <= margin
