"""What the page of a verdict says in tables: rules, survival, census, structures, the command."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senescape.cohort import WellPrediction
from senescape.model import EndpointName
from senescape.verdict import BOX_WORDS, BOXES, RULES, Rule, Verdict, signed, word_of
from senescape.verdict.lifetimes import WORLDS, WorldSurvival, survival_event, survival_in
from senescape.verdict.sentences import structure_label
from senescape.verdict.words import Effect


def short(effect: Effect) -> str:
    """Return estimate and interval as a table wants them: ``+4.2 (+1.0 to +7.3)``."""
    return f"{signed(effect.estimate)} ({signed(effect.low)} to {signed(effect.high)})"


def words_by_rule(verdict: Verdict) -> str:
    """Return the words of the four rules, each word once: ``foe: die, inert; friend: recover``."""
    groups: dict[str, list[str]] = {}
    for rule, result in verdict.rules.items():
        groups.setdefault(result.word.value, []).append(rule.value)
    if len(groups) == 1:
        return f"{next(iter(groups))} under all four"
    return "; ".join(f"{word}: {', '.join(rules)}" for word, rules in groups.items())


@dataclass(frozen=True, slots=True)
class Turn:
    """A day on which the mean effect changes sign.

    Parameters
    ----------
    for_the_host : bool
        Whether it is a gain from then on.
    extrapolated : bool
        Whether no measurement stands behind it.
    """

    day: float
    for_the_host: bool
    extrapolated: bool

    def __str__(self) -> str:
        """Return the change in words."""
        words = f"day {self.day:.0f}, to a {'gain' if self.for_the_host else 'loss'}"
        return f"{words} (extrapolated)" if self.extrapolated else words


def turns(verdict: Verdict, rule: Rule) -> list[Turn]:
    """Return every change of sign under a rule, to ``look_ahead``; signs alternate."""
    result = verdict.rules[rule]
    mean, error = result.curve[:, 0], result.curve[:, 3]
    sure = mean[np.abs(mean) > np.maximum(2.0 * error, 1e-12)]
    count = len(result.flips)
    return [
        Turn(
            day,
            bool((sure[-1] > 0.0) == ((count - 1 - index) % 2 == 0)),
            day > verdict.question.data_end,
        )
        for index, day in enumerate(result.flips)
    ]


def turn_words(verdict: Verdict, rule: Rule) -> str:
    """Return every change of sign in words, or that there is none."""
    found = turns(verdict, rule)
    ahead = verdict.question.look_ahead
    if found:
        return "; ".join(str(turn) for turn in found)
    return f"none to day {ahead:g}"


def turn_list(verdict: Verdict) -> list[str]:
    """Return the changes of sign under every rule, once where there is none at all."""
    named = [f"{rule.value}: {turn_words(verdict, rule)}" for rule in RULES]
    if any(verdict.rules[rule].flips for rule in RULES):
        return named
    return [f"none to day {verdict.question.look_ahead:g}, under any rule"]


@dataclass(frozen=True, slots=True)
class SurvivalRow:
    """One world in the table of survival, in words."""

    world: str
    events: str
    median: str
    restricted_mean: str
    log_rank: str


def survival_rows(verdict: Verdict) -> list[SurvivalRow]:
    """Return survival in every world, to the horizon."""
    return [
        _survival_row(rule, survival_in(verdict.lifetimes, verdict.question, rule))
        for rule in WORLDS
    ]


def _survival_row(rule: Rule | None, found: WorldSurvival) -> SurvivalRow:
    world = "with senescence" if rule is None else f"without, {rule.value}: {rule.words}"
    p = found.log_rank_p
    return SurvivalRow(
        world,
        f"{found.events} of {found.hosts}",
        f"{found.median:.1f}" if math.isfinite(found.median) else "not reached",
        f"{found.restricted_mean:.1f} ({found.low:.1f} to {found.high:.1f})",
        "" if rule is None else "nothing to test" if p is None else p_words(p),
    )


def p_words(p: float) -> str:
    """Return a p-value as readers expect it.

    Examples
    --------
    >>> p_words(0.0312), p_words(2e-9)
    ('0.031', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def survival_gain(verdict: Verdict) -> Effect | None:
    """Return the paired gain in days under the default rule, where the scenario asks for it."""
    found = verdict.endpoints.get(survival_event(verdict.question))
    return None if found is None else found[1]


def survival_definition(verdict: Verdict) -> str:
    """Say when a host counts as dead, or as progressed."""
    rule, scenario = verdict.question.rule, verdict.scenario
    if survival_event(verdict.question) is EndpointName.SURVIVAL:
        assert scenario.outcome is not None
        noun = scenario.outcome.endpoints[EndpointName.SURVIVAL]
        what = "live tumour cells"
        if noun.observable is not None:
            what = scenario.observables[noun.observable].label or noun.observable
        label = f" ({noun.label})" if noun.label else ""
        return f"A host dies at {noun.threshold}{label}; counted is: {what}."
    whom = "the smallest number so far" if rule.from_nadir else "the number at the first treatment"
    return (
        f"Progression: {rule.factor:g} times {whom}, and at least {rule.least:,.0f} tumour cells."
    )


@dataclass(frozen=True, slots=True)
class CensusRow:
    """One box of Figure 1: percent of hosts with senescence, and without under each rule."""

    box: str
    percents: tuple[float, ...]


def census_rows(verdict: Verdict) -> list[CensusRow]:
    """Return every box in every world."""
    worlds = [verdict.census, *(verdict.census_off[rule] for rule in RULES)]
    return [
        CensusRow(BOX_WORDS[box.value], tuple(100.0 * world[box.value] for world in worlds))
        for box in BOXES
    ]


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """The effect with a structure and without it."""

    name: str
    label: str
    decisive: bool
    percent: float
    present: str
    present_word: str
    absent: str
    absent_word: str


def reading_rows(verdict: Verdict) -> list[ReadingRow]:
    """Return the effect by each structure that is not known, and whether it changes the word."""
    rows = []
    for name, reading in verdict.readings.items():
        label, plain = structure_label(verdict.scenario, name), name.replace("_", " ")
        sides = []
        for effect in (reading.present, reading.absent):
            sides += ["too few draws", ""] if effect is None else [
                short(effect), word_of(effect).value
            ]  # fmt: skip
        rows.append(
            ReadingRow(
                plain,
                "" if label == plain else label,
                name in verdict.decisive,
                100.0 * reading.share,
                *sides,
            )
        )
    return rows


def arrest_words(verdict: Verdict) -> str:
    """Say how many were ever completely arrested to the horizon, and when first."""
    ever = verdict.arrested[np.isfinite(verdict.arrested)]
    percent = 100.0 * len(ever) / len(verdict.arrested)
    text = f"Completely arrested at some time to day {verdict.question.horizon:g}: {percent:.0f} %"
    if not len(ever):
        return f"{text}."
    low, middle, high = np.quantile(ever, [0.25, 0.5, 0.75])
    return f"{text}, first on day {middle:.0f} (half of them between {low:.0f} and {high:.0f})."


def mean_error(wells: Sequence[WellPrediction]) -> float:
    """Return the log error of mean counts over the regimens that were counted; NaN if none was."""
    errors = [w.log_error for w in wells if math.isfinite(w.log_error)]
    return float(np.mean(errors)) if errors else math.nan


def measured_number(value: float) -> str:
    """Return a number that only a measurement can give, or that there was none."""
    return f"{value:.2f}" if math.isfinite(value) else "not measured"


def commands(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the command lines that compute the page again, one a number of draws."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for verdict in verdicts:
        groups.setdefault(_options(verdict), []).append(verdict.regimen)
    scenario = verdicts[0].scenario
    lines = []
    for options, regimens in groups.items():
        named: list[str] = []
        if set(regimens) != set(scenario.regimens):
            named = [word for regimen in regimens for word in ("--regimen", regimen)]
        words = ["senescape", "verdict", scenario.name, *named, *options]
        lines.append(shlex.join([*words, "--output", "verdict.html"]))
    return lines


def _options(verdict: Verdict) -> tuple[str, ...]:
    """Return everything but the regimen that the numbers depend on, as options."""
    asked = verdict.provenance.question
    variant = () if verdict.variant is None else ("--variant", verdict.variant)
    return (
        *variant,
        "--draws", str(verdict.draws),
        "--hosts", str(verdict.hosts),
        "--seed", str(verdict.provenance.seed),
        "--engine", verdict.provenance.engine,
        "--step-hours", f"{asked['step_hours']:.9g}",
    )  # fmt: skip
