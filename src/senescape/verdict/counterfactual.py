"""Worlds without senescence: the same hosts and chance, with the arrow into it sent elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import Cohort
from senescape.compile import ORIGINS, ROUTES, Compiled
from senescape.compile.counting import CYCLING, TUMOUR, UNDECIDED
from senescape.compile.question import load_assay
from senescape.model import EndpointName
from senescape.run import (
    VERDICT_TOLERANCE,
    Monitor,
    engine_named,
    prepare,
    run_chances,
    run_lanes,
)

from .endpoints import History

Float = NDArray[np.float64]

ASSAYS = (TUMOUR, CYCLING, UNDECIDED)
TOGETHER = 4096  # lanes of several worlds that are run side by side


class Rule(Enum):
    """Where the cells go that would have become senescent."""

    RENORMALISED = "renormalised"
    DIE = "die"
    INERT = "inert"
    RECOVER = "recover"

    @property
    def words(self) -> str:
        """The rule as a reader sees it."""
        return {
            "renormalised": "had they split between dying and recovering as the rest did",
            "die": "had they died",
            "inert": "had they stopped and kept silent",
            "recover": "had they shrugged it off",
        }[self.value]


RULES = tuple(Rule)


@dataclass(frozen=True, slots=True)
class Worlds:
    """Histories of the same hosts with senescence, and without it under each rule.

    Parameters
    ----------
    chances : mapping from end point to (2, hosts)
        From an engine without chance: probabilities of cure and complete arrest at the horizon by
        the branching law, with senescence and without it (renormalised). Else empty.
    """

    on: History
    off: dict[Rule, History]
    chances: dict[EndpointName, Float] = field(default_factory=dict)


def arm_parameters(compiled: Compiled, cohort: Cohort, rule: Rule | None) -> Float:
    """Return the cohort's parameters in one world; None: senescence as it is.

    Only entries into senescence differ: ``renormalised`` closes their gate, the other rules keep
    the hazard and send the cell elsewhere.
    """
    parameters = cohort.parameters.copy()
    for name, value in world_of(compiled, rule).items():
        parameters[compiled.program.parameter(name)] = value
    return parameters


def world_of(compiled: Compiled, rule: Rule | None) -> dict[str, float]:
    """Return the parameters that a world fixes, and their values."""
    if rule is None:
        return {}
    if rule is Rule.RENORMALISED:
        return dict.fromkeys(compiled.gates, 0.0)
    return dict.fromkeys(compiled.routes, float(ROUTES.index(rule.value)))


def history_rows(compiled: Compiled) -> tuple[str, ...]:
    """Return the assays that a history is made of; the tally of entries comes after them."""
    return (
        *ASSAYS,
        *(f"origin:{origin}" for origin in ORIGINS),
        load_assay(compiled.scenario),
    )


def history_of(times: Float, values: Float) -> History:
    """Return the history of :func:`history_rows` and, last, the entries into senescence."""
    origins = values[len(ASSAYS) : len(ASSAYS) + len(ORIGINS)]
    return History(times, values[0], values[1], values[2], origins, values[-1], values[-2])


def run_arms(
    compiled: Compiled,
    arms: Sequence[Float],
    cohort: Cohort,
    times: Float,
    *,
    engine: str = "leap",
    step: float | None = None,
    monitor: Monitor | None = None,
) -> list[History]:
    """Run the hosts of a cohort in several worlds, each given by its parameters.

    Parameters
    ----------
    arms : sequence of (parameters, hosts)
        Run side by side, as many as make :data:`TOGETHER` lanes: few hosts would leave one core
        waiting for the other at the end of every world.
    """
    hosts = len(cohort.streams)
    at_once = max(1, TOGETHER // hosts)
    found: list[History] = []
    for first in range(0, len(arms), at_once):
        some = arms[first : first + at_once]
        values = run_lanes(
            engine_named(engine, step=step, tolerance=VERDICT_TOLERANCE, twins=True),
            compiled.program,
            np.concatenate(some, axis=1),
            cohort.streams.part(np.tile(np.arange(hosts), len(some))),
            times,
            assays=history_rows(compiled),
            tallies=(compiled.entries,),
            monitor=monitor,
        )
        found += (history_of(times, part) for part in np.split(values, len(some), axis=2))
    return found


def run_worlds(
    compiled: Compiled,
    cohort: Cohort,
    times: Float,
    *,
    engine: str = "leap",
    step: float | None = None,
    rules: tuple[Rule, ...] = RULES,
    horizon: float | None = None,
    monitor: Monitor | None = None,
) -> Worlds:
    """Run the cohort with senescence and under each rule, with common random numbers.

    Parameters
    ----------
    times : (times,)
        The first at or before 0 [day].
    horizon : float, optional
        With an engine without chance: when to ask the branching law [day].
    """
    by_law = horizon is not None and not engine_named(engine).stochastic
    if by_law:
        prepare("mean-field")

    # nothing to switch off: the worlds are one, down to the byte
    asked = (None, *rules) if compiled.entries else (None,)
    arms = [arm_parameters(compiled, cohort, rule) for rule in asked]
    same, *others = run_arms(
        compiled, arms, cohort, times, engine=engine, step=step, monitor=monitor
    )
    off = dict(zip(rules, others or [same] * len(rules), strict=True))
    if horizon is None or not by_law:
        return Worlds(same, off)
    return Worlds(same, off, chances_at(compiled, cohort, horizon, monitor=monitor))


def chances_at(
    compiled: Compiled,
    cohort: Cohort,
    horizon: float,
    *,
    rules: tuple[Rule, ...] = (Rule.RENORMALISED,),
    monitor: Monitor | None = None,
) -> dict[EndpointName, Float]:
    """Return the probabilities of cure and complete arrest, with senescence and under each rule.

    Returns
    -------
    mapping from end point to (1 + rules, hosts)
    """
    program = compiled.program
    groups = {
        EndpointName.CURE: _compartments(compiled, TUMOUR),
        EndpointName.COMPLETE_ARREST: _compartments(compiled, CYCLING)
        + _compartments(compiled, UNDECIDED),
    }
    worlds = [
        run_chances(
            program,
            arm_parameters(compiled, cohort, rule),
            horizon,
            tuple(groups.values()),
            monitor,
        )
        for rule in (None, *rules)
    ]
    return {name: np.array([w[i] for w in worlds]) for i, name in enumerate(groups)}


def _compartments(compiled: Compiled, assay: str) -> tuple[int, ...]:
    """Return the compartments that an assay of the census counts."""
    weights = next(a.weights for a in compiled.network.assays if a.id == assay)
    return tuple(compiled.program.compartment_ids.index(name) for name, _ in weights)
