"""Friend or foe: the effect of inducing senescence, its uncertainty, and the word it allows."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import Cohort
from senescape.compile import Compiled, compile_scenario
from senescape.compile.question import Question, question_of
from senescape.errors import RunError, nearest
from senescape.model import EndpointName, Player, Scenario
from senescape.results import Provenance
from senescape.run import Monitor, Silent, Within, check_run, engine_named

from .counterfactual import RULES, Rule, Worlds
from .drawing import Draws, difference, inner_means, looks_of
from .endpoints import BOXES, History, arrest_time, box_of, progression_time
from .lifetimes import lifetimes_of
from .nouns import Reading, RuleResult, Verdict
from .shares import share_out, worlds_of_shares
from .words import Effect, Word, effect_of, headline_word, word_of

Float = NDArray[np.float64]

DEFAULT_DRAWS = 200
DEFAULT_HOSTS = 2
DEFAULT_SEED = 1
DEFAULT_STEP = 1.0 / 6.0
CURVE_POINTS = 60
FEWEST_DRAWS_OF_A_READING = 10
BY_CHANCE = (EndpointName.CURE, EndpointName.COMPLETE_ARREST)


def judge(
    scenario: Scenario,
    regimen: str,
    *,
    draws: int = DEFAULT_DRAWS,
    hosts: int = DEFAULT_HOSTS,
    budget: int | None = None,
    seed: int = DEFAULT_SEED,
    engine: str = "leap",
    step: float | None = None,
    variant: str | None = None,
    shares: bool = False,
    monitor: Monitor | None = None,
    stop_when: str | None = None,
) -> Verdict:
    """Return the verdict on inducing senescence under one regimen.

    Parameters
    ----------
    draws : int
        Outer draws of what we do not know.
    hosts : int
        Hosts (in culture: wells) in each draw; their inner noise is taken out of the interval.
    budget : int, optional
        Where more draws could decide the word, they are added up to this number.
    step : float, optional
        Longest step of the leap engine [day]; 4 h by default.
    shares : bool
        Share the effect out among the players of Figure 1 (more worlds are run).
    stop_when : str, optional
        End with the first block of 64 draws after which the effect V at the horizon is precise
        enough, for example ``half-width < 0.01`` (:mod:`senescape.expressions.stop_rules`);
        ``draws`` are the most there will be.

    Raises
    ------
    SenescapeError
        No question in the scenario, an unknown regimen, a rule of something else than V, a budget
        beside a rule, a run that cannot go on.
    """
    began = clock.perf_counter()
    _check_numbers(draws, hosts)
    question = question_of(scenario)
    _check_engine(engine, question)
    if budget is not None and stop_when is not None:
        raise RunError(
            "--budget together with --stop-when",
            allowed="one of them: draws until the word is sure, or until the effect is precise",
            remedy="leave one out",
            check="run.stop-when",
        )
    looks = looks_of(question, draws, stop_when)
    compiled = compile_scenario(scenario, regimen, variant)
    times = curve_times(compiled.program.forcing.start, question)
    step = DEFAULT_STEP if step is None else step
    check_run(
        engine_named(engine, step=step, twins=True),
        compiled.program,
        times,
        lanes=max(draws, budget or 0) * hosts,
        worlds=1 + len(RULES),
    )
    drawn = Draws(
        compiled,
        question,
        times,
        hosts=hosts,
        seed=seed,
        engine=engine,
        step=step,
        looks=None if monitor is None and stop_when is None else looks,
        monitor=monitor,
    )
    wanted = draws
    while True:
        drawn.run_to(wanted)
        rules = _rules(drawn.parts, question, drawn.total, hosts)
        undecided = any(r.word is Word.UNDETERMINED_MONTE_CARLO for r in rules.values())
        if not undecided or budget is None or drawn.total >= budget:
            break
        wanted = min(2 * drawn.total, budget)
    parts, cohorts, total = drawn.parts, drawn.cohorts, drawn.total
    precision = looks.precision()
    verdict = _verdict(compiled, parts, question, rules, variant, total, hosts, seed, engine, step)
    found: dict[Player, Effect] = {}
    if shares:
        found = _shares(
            compiled, cohorts, parts, question, times, total, hosts, engine, step, monitor
        )
    asked = verdict.provenance.question
    if precision is not None:
        asked = asked | {"precision": precision.to_dict()}
    took = clock.perf_counter() - began
    provenance = replace(verdict.provenance, question=asked, run={"seconds": took})
    readings = _readings(scenario, parts, cohorts, question, hosts)
    pairs = [pair for r in readings.values() if (pair := r.words)]
    word = headline_word({rule.value: result.word for rule, result in rules.items()}, pairs)
    return replace(
        verdict,
        word=word,
        shares=found,
        readings=readings,
        provenance=provenance,
        precision=precision,
    )


def _shares(
    compiled: Compiled,
    cohorts: list[Cohort],
    worlds: list[Worlds],
    question: Question,
    times: Float,
    draws: int,
    hosts: int,
    engine: str,
    step: float,
    monitor: Monitor | None,
) -> dict[Player, Effect]:
    """Return the share of every player over draws; 0 for those that the scenario does not have."""
    at = int(np.searchsorted(times, question.horizon))
    whole = monitor or Silent()
    whole.start("sharing out", draws * hosts * worlds_of_shares(compiled))
    parts = [
        share_out(
            compiled,
            cohort,
            question,
            times,
            engine=engine,
            step=step,
            whole=difference(w.on, w.off[Rule.RENORMALISED], question.headline, question)[at],
            monitor=Within(whole),
        )
        for cohort, w in zip(cohorts, worlds, strict=True)
    ]
    whole.stop()
    values = np.concatenate([p.values for p in parts], axis=1)
    delta = question.deltas[question.headline]
    nothing = np.zeros(draws)
    result = {player: effect_of(nothing, nothing, delta) for player in Player}
    for player, row in zip(parts[0].players, values, strict=True):
        result[player] = effect_of(*inner_means(row, draws, hosts), delta)
    return result


def _readings(
    scenario: Scenario,
    parts: list[Worlds],
    cohorts: list[Cohort],
    question: Question,
    hosts: int,
) -> dict[str, Reading]:
    """Return the effect by each structure that is not known: a switch, or a mechanism at zero."""
    on = _join(p.on for p in parts)
    off = _join(p.off[Rule.RENORMALISED] for p in parts)
    at = int(np.searchsorted(on.time, question.horizon))
    gain = difference(on, off, question.headline, question)[at]
    delta = question.deltas[question.headline]
    noun = scenario.uncertainty
    names = [f"switch.{name}" for name in noun.switches]
    names += [name for name, d in noun.parameters.items() if 0.0 < d.zero < 1.0]
    result = {}
    for name in names:
        present = np.concatenate([c.outer[name] for c in cohorts]) != 0.0

        def effect(chosen: NDArray[np.bool_]) -> Effect | None:
            draws = int(chosen.sum())
            if draws < FEWEST_DRAWS_OF_A_READING:
                return None
            return effect_of(*inner_means(gain[np.repeat(chosen, hosts)], draws, hosts), delta)

        share = float(present.mean())
        result[name.removeprefix("switch.")] = Reading(effect(present), effect(~present), share)
    return result


def _check_engine(engine: str, question: Question) -> None:
    """Refuse a headline that an engine without chance cannot follow over time."""
    if question.headline in BY_CHANCE and not engine_named(engine).stochastic:
        raise RunError(
            f"{question.headline.value} as the headline, by the engine {engine}",
            allowed="leap or exact: the branching law gives such a probability at the horizon only",
            remedy="choose another engine, or another end point for the headline",
            check="verdict.engine",
        )


def _check_numbers(draws: int, hosts: int) -> None:
    for name, number in (("draws", draws), ("hosts", hosts)):
        if not 1 <= number <= 1_000_000:
            raise RunError(
                f"{number} {name}",
                allowed="1 to 1000000",
                remedy=f"ask for at least one of the {name}",
                check=f"verdict.{name}",
            )


def curve_times(start: float, question: Question) -> Float:
    """Return the start, daily times (at least 60) to ``look_ahead``, and the horizon [day]."""
    spacing = min(1.0, question.look_ahead / CURVE_POINTS)
    grid = np.arange(0.0, question.look_ahead + 0.5 * spacing, spacing)
    return np.unique(np.concatenate([[start], grid, [question.horizon, question.look_ahead]]))


def _join(parts: Iterable[History]) -> History:
    items = list(parts)
    return History(
        items[0].time,
        *(
            np.concatenate([getattr(item, name) for item in items], axis=-1)
            for name in ("tumour", "cycling", "undecided", "origins", "entered", "load")
        ),
    )


def _rules(
    parts: list[Worlds], question: Question, draws: int, hosts: int
) -> dict[Rule, RuleResult]:
    on = _join(p.on for p in parts)
    at = int(np.searchsorted(on.time, question.horizon))
    delta = question.deltas[question.headline]
    results = {}
    for rule in RULES:
        off = _join(p.off[rule] for p in parts)
        gain = difference(on, off, question.headline, question)
        values, errors = inner_means(gain[at], draws, hosts)
        effect = effect_of(values, errors, delta)
        curve = np.array([_interval(row, draws, hosts, delta) for row in gain[on.time >= 0.0]])
        own = gain[at]
        results[rule] = RuleResult(
            rule,
            word_of(effect),
            effect,
            curve,
            flips_of(on.time[on.time >= 0.0], curve),
            float((own > delta).mean()),
            float((own < -delta).mean()),
            float((np.abs(own) <= delta).mean()),
        )
    return results


def _interval(row: Float, draws: int, hosts: int, delta: float) -> list[float]:
    values, errors = inner_means(row, draws, hosts)
    effect = effect_of(values, errors, delta)
    return [effect.estimate, effect.low, effect.high, effect.monte_carlo_error]


def flips_of(time: Float, curve: Float) -> tuple[float, ...]:
    """Return when the mean effect changes sign [day].

    A sign counts only where the mean stands more than two Monte Carlo errors from zero; the
    crossing is interpolated between the last time of one sign and the first of the other.
    """
    mean, error = curve[:, 0], curve[:, 3]
    sure = np.nonzero(np.abs(mean) > np.maximum(2.0 * error, 1e-12))[0]
    flips = []
    for a, b in zip(sure[:-1], sure[1:], strict=True):
        if mean[a] * mean[b] < 0.0:
            part = mean[a] / (mean[a] - mean[b])
            flips.append(float(time[a] + part * (time[b] - time[a])))
    return tuple(flips)


def _verdict(
    compiled: Compiled,
    parts: list[Worlds],
    question: Question,
    rules: dict[Rule, RuleResult],
    variant: str | None,
    draws: int,
    hosts: int,
    seed: int,
    engine: str,
    step: float,
) -> Verdict:
    scenario = compiled.scenario
    on = _join(p.on for p in parts)
    off = {rule: _join(p.off[rule] for p in parts) for rule in RULES}
    at = int(np.searchsorted(on.time, question.horizon))
    endpoints: dict[EndpointName, tuple[Word, Effect]] = {}
    for name, delta in question.deltas.items():
        gain = difference(on, off[Rule.RENORMALISED], name, question)[at]
        if name in parts[0].chances:  # an engine without chance: by the branching law
            chances = np.concatenate([p.chances[name] for p in parts], axis=1)
            gain = chances[0] - chances[1]
        effect = effect_of(*inner_means(gain, draws, hosts), delta)
        endpoints[name] = (word_of(effect), effect)
    progressed = progression_time(on, question.rule) <= question.horizon
    provenance = Provenance(
        scenario.name,
        scenario.digest,
        seed,
        engine,
        {
            "regimen": compiled.regimen,
            "variant": variant,
            "draws": draws,
            "hosts": hosts,
            "step_hours": round(24.0 * step, 9),
        },
        {},
    )
    return Verdict(
        scenario=scenario,
        regimen=compiled.regimen,
        variant=variant,
        question=question,
        word=headline_word({rule.value: result.word for rule, result in rules.items()}),
        rules=rules,
        endpoints=endpoints,
        curve_time=on.time[on.time >= 0.0],
        census=_census(on, at, question),
        census_off={rule: _census(history, at, question) for rule, history in off.items()},
        recovered=float(progressed.mean()),
        draws=draws,
        hosts=hosts,
        provenance=provenance,
        arrested=_arrested(on, question),
        lifetimes=lifetimes_of(on, off, question),
        notes=_notes(scenario, question, engine),
    )


def _arrested(on: History, question: Question) -> Float:
    """Return when each arrest was first complete, inf where that is not by the horizon."""
    when = arrest_time(on)
    return np.where(when <= question.horizon, when, np.inf)


def _census(history: History, at: int, question: Question) -> dict[str, float]:
    boxes = box_of(history, at, question.rule)
    return {box.value: float((boxes == i).mean()) for i, box in enumerate(BOXES)}


def _notes(scenario: Scenario, question: Question, engine: str) -> tuple[str, ...]:
    notes = ["Senescent means S1 and S2 roles; cells that are arrested but undecided are not."]
    if not engine_named(engine).stochastic:
        notes.append(
            "Hosts are expected numbers, without the chance of single cells: none is ever cured. "
            "The probabilities of cure and complete arrest are those of the branching law."
        )
    if scenario.scope == "beyond_seed":
        notes.append("The inducer does not damage DNA: beyond the seed article.")
    if question.look_ahead > question.data_end:
        notes.append(f"Beyond day {question.data_end:g} no data stand behind it: extrapolated.")
    return tuple(notes)


def regimens_of(scenario: Scenario, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regimens asked for, or all; unknown names are refused."""
    for name in wanted:
        if name not in scenario.regimens:
            raise RunError(
                f"regimen {name} is not in {scenario.name}",
                allowed=", ".join(scenario.regimens),
                remedy=nearest(name, scenario.regimens),
                check="run.regimen",
            )
    return wanted or tuple(scenario.regimens)
