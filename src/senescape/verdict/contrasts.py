"""Contrasts: the effect of senescence, or the outcome itself, between two settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.compile.contrasts import regimen_of
from senescape.compile.question import Question, question_of
from senescape.errors import RunError, nearest
from senescape.model import Contrast, EndpointName, Scenario, Setting
from senescape.run import Monitor

from .counterfactual import Rule, arm_parameters, run_arms
from .drawing import inner_means
from .endpoints import endpoint_values
from .judge import DEFAULT_STEP, curve_times
from .sentences import ENDPOINT_UNITS, plain_effect
from .words import Effect, effect_of

Float = NDArray[np.float64]

DEFAULT_DRAWS = 100


@dataclass(frozen=True, slots=True)
class ContrastResult:
    """One contrast at the horizon.

    Parameters
    ----------
    left, right, difference : Effect
        Of V or of the end point, over outer draws, in ``unit``; the difference is taken host by
        host before it is averaged. Probabilities are those of lying beyond the smallest
        difference that matters.
    """

    name: str
    noun: Contrast
    endpoint: EndpointName
    left: Effect
    right: Effect
    difference: Effect

    @property
    def unit(self) -> str:
        """Unit of all three."""
        return ENDPOINT_UNITS.get(self.endpoint, "probability")

    def to_dict(self) -> dict[str, object]:
        """Return the contrast as plain data, as ``senescape contrast --json`` prints it."""
        sides = {"left": self.left, "right": self.right, "difference": self.difference}
        return {
            "name": self.name,
            "label": self.noun.label,
            "of": self.noun.of,
            "endpoint": self.endpoint.value,
            **{name: plain_effect(side, self.unit) for name, side in sides.items()},
            "probability_above": self.difference.probability_beneficial,
            "probability_below": self.difference.probability_harmful,
        }


def contrasts(
    scenario: Scenario,
    wanted: tuple[str, ...] = (),
    *,
    draws: int = DEFAULT_DRAWS,
    hosts: int = 1,
    seed: int = 1,
    step: float | None = None,
    rule: Rule = Rule.RENORMALISED,
    endpoint: EndpointName | None = None,
    monitor: Monitor | None = None,
) -> tuple[ContrastResult, ...]:
    """Return the contrasts that a scenario declares, or some of them by name.

    Parameters
    ----------
    draws, hosts : int
        Outer draws, and hosts in each; the same in both settings.
    step : float, optional
        Longest step of the leap engine [day]; 4 h by default.
    rule : Rule
        Where cells go that would have entered senescence, for contrasts of the effect.
    endpoint : EndpointName, optional
        The end point of the headline by default.

    Raises
    ------
    SenescapeError
        No such contrast; a run that cannot go on.
    """
    question = question_of(scenario)
    for name in wanted:
        if name not in scenario.contrasts:
            raise RunError(
                f"contrast {name} is not in {scenario.name}",
                allowed=", ".join(scenario.contrasts) or "a scenario with a section contrasts",
                remedy=nearest(name, scenario.contrasts),
                check="run.contrast",
            )
    target = endpoint or question.headline
    step = DEFAULT_STEP if step is None else step
    known: dict[tuple[str, str | None, str], Float] = {}
    results = []
    for name in wanted or tuple(scenario.contrasts):
        noun = scenario.contrasts[name]
        sides = []
        for setting in (noun.left, noun.right):
            key = (regimen_of(scenario, setting), setting.variant, noun.of)
            if key not in known:
                known[key] = _hosts(
                    scenario,
                    setting,
                    noun.of,
                    question,
                    target,
                    draws,
                    hosts,
                    seed,
                    step,
                    rule,
                    monitor,
                )
            sides.append(known[key])
        delta = question.deltas.get(target, 0.0)
        effects = [
            effect_of(*inner_means(values, draws, hosts), delta)
            for values in (*sides, sides[0] - sides[1])
        ]
        results.append(ContrastResult(name, noun, target, *effects))
    return tuple(results)


def _hosts(
    scenario: Scenario,
    setting: Setting,
    of: str,
    question: Question,
    endpoint: EndpointName,
    draws: int,
    hosts: int,
    seed: int,
    step: float,
    rule: Rule,
    monitor: Monitor | None,
) -> Float:
    """Return V, or the end point, of every host at the horizon, (hosts,)."""
    compiled = compile_scenario(scenario, regimen_of(scenario, setting), setting.variant)
    cohort = cohort_of(scenario, compiled.program, seed=seed, draws=draws, hosts=hosts)
    times = curve_times(compiled.program.forcing.start, question)
    times = times[times <= question.horizon]
    worlds = (None, rule) if of == "effect" else (None,)
    arms = [arm_parameters(compiled, cohort, world) for world in worlds]
    histories = run_arms(compiled, arms, cohort, times, step=step, monitor=monitor)
    ends = [endpoint_values(h, endpoint.value, question.rule)[-1] for h in histories]
    result: Float = ends[0] - ends[1] if of == "effect" else ends[0]
    return result
