"""Outer draws of a verdict, a block after another, with a look at the effect after each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import Cohort, cohort_of
from senescape.compile import Compiled
from senescape.compile.question import Question
from senescape.errors import RunError
from senescape.expressions import parse_stop_rule
from senescape.model import EndpointName
from senescape.results import BLOCK, Asymptotic, Bounded, Looks
from senescape.run import Monitor, Silent, Within, engine_named

from .counterfactual import RULES, Rule, Worlds, run_worlds
from .endpoints import History, endpoint_values
from .sentences import ENDPOINT_UNITS

Float = NDArray[np.float64]


class Draws:
    """Worlds of the draws that have been run so far.

    Parameters
    ----------
    times : (times,)
        With the horizon [day].
    hosts : int
        In each draw.
    looks : Looks, optional
        At the effect; by block, so that nothing depends on who computes.

    Attributes
    ----------
    parts, cohorts : list
        In the order of draws; together they are what all draws at once would have been.
    total : int
        Draws so far.
    stopped : bool
        Whether a look found the effect precise enough.
    """

    def __init__(
        self,
        compiled: Compiled,
        question: Question,
        times: Float,
        *,
        hosts: int,
        seed: int,
        engine: str,
        step: float,
        looks: Looks | None,
        monitor: Monitor | None,
    ) -> None:
        self.compiled, self.question, self.times = compiled, question, times
        self.hosts, self.seed, self.engine, self.step = hosts, seed, engine, step
        self.looks, self.monitor = looks, monitor or Silent()
        self.parts: list[Worlds] = []
        self.cohorts: list[Cohort] = []
        self.total, self.stopped = 0, False

    def run_to(self, wanted: int) -> None:
        """Run draws up to a number, or to the first look that is precise enough."""
        self.monitor.start("judging", (wanted - self.total) * self.hosts * self._worlds())
        size = wanted if self.looks is None else BLOCK
        while self.total < wanted and not self.stopped:
            self._run(min(size, wanted - self.total))
        self.monitor.stop()

    def _worlds(self) -> int:
        """Return how often a host is run or asked about."""
        worlds = 1 + len(RULES) if self.compiled.entries else 1
        return worlds if engine_named(self.engine).stochastic else worlds + 2

    def _run(self, draws: int) -> None:
        cohort = cohort_of(
            self.compiled.scenario,
            self.compiled.program,
            seed=self.seed,
            draws=draws,
            hosts=self.hosts,
            first_draw=self.total,
        )
        worlds = run_worlds(
            self.compiled,
            cohort,
            self.times,
            engine=self.engine,
            step=self.step,
            horizon=self.question.horizon,
            monitor=Within(self.monitor),
        )
        self.cohorts.append(cohort)
        self.parts.append(worlds)
        self.total += draws
        if self.looks is not None:
            off = worlds.off[Rule.RENORMALISED]
            gain = difference(worlds.on, off, self.question.headline, self.question)
            at = int(np.searchsorted(self.times, self.question.horizon))
            self.stopped = self.looks.see(inner_means(gain[at], draws, self.hosts)[0])
            self.monitor.estimate(self.looks.text())


def looks_of(question: Question, draws: int, stop_when: str | None) -> Looks:
    """Return looks at the headline effect V at the horizon, under the rule ``renormalised``.

    Parameters
    ----------
    draws : int
        At most. A draw is one value, the mean of its hosts, which are not independent.

    Raises
    ------
    RunError
        No rule of the grammar, one of another quantity, or relative to an effect that may be 0.
    UnitError
        The bound is not in the unit of the effect.
    """
    rule = None if stop_when is None else parse_stop_rule(stop_when)
    if rule is not None and (rule.name or rule.day is not None or rule.relative):
        raise RunError(
            f"--stop-when {rule.text!r} for a verdict",
            allowed="[asymptotic] half-width < NUMBER [UNIT]: of the effect V at the horizon",
            remedy="leave out the rest",
            check="run.stop-when",
        )
    unit = ENDPOINT_UNITS.get(question.headline, "probability")
    bounds = effect_bounds(question)
    exact = bounds is not None and not (rule is not None and rule.asymptotic)
    return Looks(
        Bounded(*bounds) if exact and bounds is not None else Asymptotic(),
        quantity=f"V at day {question.horizon:g}",
        unit="day" if unit == "day" else "1",
        counted="draws",
        maximum=draws,
        rule=rule,
    )


def effect_bounds(question: Question) -> tuple[float, float] | None:
    """Return between which numbers every V lies; None where there are no such numbers.

    Times count up to the horizon, probabilities from 0 to 1: V is their difference. The logarithm
    of a number of cells has no bound.
    """
    if question.headline is EndpointName.BURDEN:
        return None
    largest = question.horizon if ENDPOINT_UNITS.get(question.headline) == "day" else 1.0
    return -largest, largest


def difference(on: History, off: History, endpoint: EndpointName, question: Question) -> Float:
    """Return Y(on) - Y(off) of every host at every time, shape (times, hosts)."""
    values = [endpoint_values(h, endpoint.value, question.rule) for h in (on, off)]
    result: Float = values[0] - values[1]
    return result


def inner_means(gain: Float, draws: int, hosts: int) -> tuple[Float, Float]:
    """Return the mean over hosts in each draw, and its standard error.

    With few hosts a draw, one draw's own variance says little: the errors share the variance
    pooled over all draws.
    """
    table = gain.reshape(draws, hosts)
    if hosts == 1:
        return table[:, 0], np.zeros(draws)
    pooled = float(table.var(axis=1, ddof=1).mean())
    return table.mean(axis=1), np.full(draws, np.sqrt(pooled / hosts))
