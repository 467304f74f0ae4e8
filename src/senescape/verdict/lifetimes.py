"""When each host progressed and died, in every world of a verdict; survival in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.cohort.survival import Survival, kaplan_meier, log_rank, restricted_mean
from senescape.compile.question import Question
from senescape.model import EndpointName

from .counterfactual import RULES, Rule
from .endpoints import History, progression_time, survival_time
from .words import Z95

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

LEVEL = 0.95
WITH_SENESCENCE = "with_senescence"
WORLDS: tuple[Rule | None, ...] = (None, *RULES)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """When each host progressed and when it died, in every world.

    Parameters
    ----------
    progression, death : (worlds, hosts)
        [day]; the first row is the world with senescence, then one for each of :data:`RULES`;
        inf where it was not seen by ``until``. A host is the same column in every row.
    until : float
        Hosts were watched to this day.
    """

    progression: Float
    death: Float
    until: float

    def seen(self, event: EndpointName, rule: Rule | None, until: float) -> tuple[Float, Bool]:
        """Return the day of the event or the last day of watching, and whether it was the event.

        Parameters
        ----------
        event : EndpointName
            ``survival`` or ``time_to_progression``.
        rule : Rule or None
            None: the world with senescence.
        until : float
            Hosts without the event are censored at this day, or at the end of watching.
        """
        times = self.death if event is EndpointName.SURVIVAL else self.progression
        own, last = times[WORLDS.index(rule)], min(until, self.until)
        return np.minimum(own, last), own <= last

    def curve(self, event: EndpointName, rule: Rule | None) -> Survival:
        """Return the Kaplan-Meier curve over all that was watched."""
        return kaplan_meier(*self.seen(event, rule, self.until), LEVEL)


@dataclass(frozen=True, slots=True)
class WorldSurvival:
    """Survival in one world, to the horizon.

    Parameters
    ----------
    median : float
        First day at which at most half are left; inf if that is not by the horizon.
    restricted_mean, low, high : float
        Mean of min(event, horizon) [day] and its ``level`` interval (Greenwood), hosts taken as
        independent.
    log_rank_p : float or None
        Against the world with senescence. The groups are twins, the test takes them as
        independent: it describes, it does not decide. None where there is nothing to test.
    """

    hosts: int
    events: int
    median: float
    restricted_mean: float
    low: float
    high: float
    level: float
    log_rank_p: float | None


def lifetimes_of(on: History, off: dict[Rule, History], question: Question) -> Lifetimes:
    """Return the times of progression and death of the same hosts in every world."""
    worlds = [on, *(off[rule] for rule in RULES)]
    progressed = np.array([progression_time(world, question.rule) for world in worlds])
    died = np.array([survival_time(world, question.rule) for world in worlds])
    return Lifetimes(progressed, died, float(on.time[-1]))


def survival_event(question: Question) -> EndpointName:
    """Return what is called survival: death where the scenario asks for it, else progression."""
    asked = EndpointName.SURVIVAL in question.deltas
    return EndpointName.SURVIVAL if asked else EndpointName.TIME_TO_PROGRESSION


def survival_in(lifetimes: Lifetimes, question: Question, rule: Rule | None) -> WorldSurvival:
    """Return survival in one world, to the horizon."""
    event = survival_event(question)
    time, seen = lifetimes.seen(event, rule, question.horizon)
    mean, error = restricted_mean(time, seen, question.horizon)
    return WorldSurvival(
        hosts=len(time),
        events=int(seen.sum()),
        median=kaplan_meier(time, seen).median,
        restricted_mean=mean,
        low=max(0.0, mean - Z95 * error),
        high=min(question.horizon, mean + Z95 * error),
        level=LEVEL,
        log_rank_p=None if rule is None else _log_rank_p(lifetimes, question, event, rule),
    )


def _log_rank_p(
    lifetimes: Lifetimes, question: Question, event: EndpointName, rule: Rule
) -> float | None:
    groups = [lifetimes.seen(event, world, question.horizon) for world in (None, rule)]
    if not any(seen.any() for _, seen in groups):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        _, p = log_rank(*groups[0], *groups[1])
    return p if math.isfinite(p) else None


def plain_survival(lifetimes: Lifetimes, question: Question) -> dict[str, object]:
    """Return survival in every world as plain data; its keys stand in docs/verdict.md."""
    worlds = {}
    for rule in WORLDS:
        found = survival_in(lifetimes, question, rule)
        worlds[WITH_SENESCENCE if rule is None else rule.value] = {
            "hosts": found.hosts,
            "events": found.events,
            "median": found.median if math.isfinite(found.median) else None,
            "restricted_mean": {
                "estimate": found.restricted_mean,
                "low": found.low,
                "high": found.high,
                "level": found.level,
                "unit": "day",
            },
            "log_rank_p": found.log_rank_p,
        }
    return {
        "event": survival_event(question).value,
        "until": {"value": question.horizon, "unit": "day"},
        "time_unit": "day",
        "worlds": worlds,
    }
