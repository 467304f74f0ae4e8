"""The verdict in words and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from senescape.model import EndpointName

from .counterfactual import Rule
from .words import Effect, Word, word_of

if TYPE_CHECKING:
    from senescape.model import Scenario

    from .nouns import RuleResult, Verdict

DISCLAIMER = "A research tool, not for decisions about patients."

PHRASES = {
    EndpointName.TIME_TO_PROGRESSION: "days to regrowth",
    EndpointName.SURVIVAL: "days of life",
    EndpointName.NO_REGROWTH: "probability of no regrowth",
    EndpointName.COMPLETE_ARREST: "probability of complete arrest",
    EndpointName.CURE: "probability of cure",
    EndpointName.BURDEN: "natural logarithms fewer cells",
}
ENDPOINT_UNITS = {
    EndpointName.TIME_TO_PROGRESSION: "day",
    EndpointName.SURVIVAL: "day",
    EndpointName.BURDEN: "ln cells",
}
BOX_WORDS = {
    "cleared_rapid_apoptosis": "cleared by rapid apoptosis",
    "cleared_after_senescence": "cleared after senescence",
    "complete_arrest": "complete arrest",
    "relapse_recovery": "regrowth by recovered undecided cells",
    "relapse_reentry": "regrowth by re-entry from senescence",
    "relapse_preexisting": "regrowth by a pre-existing clone",
    "relapse_acquired": "regrowth by acquired escape",
    "relapse_never_senescent": "regrowth by cells never arrested",
    "alive_under_burden": "alive without regrowth",
    "death_other": "death otherwise",
}


PLAYER_WORDS = {
    "arrest": "arrest",
    "reentry": "re-entry",
    "delayed_apoptosis": "delayed apoptosis",
    "clearance": "immune clearance",
    "feeder": "feeding",
    "sasp_survival": "SASP survival",
    "paracrine_arrest": "paracrine arrest",
    "escape_preexisting": "pre-existing escape",
    "escape_acquired": "acquired escape",
}


def signed(value: float) -> str:
    """Return a number with its sign and as many digits as a reader needs."""
    digits = 1 if abs(value) < 10.0 else 0
    if abs(value) < 0.095:
        digits = 2
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.{digits}f}") else f"{0:.{digits}f}"


def interval(effect: Effect) -> str:
    """Return estimate and interval, for example ``+4.2 (90 % +1.0 to +7.3)``."""
    return (
        f"{signed(effect.estimate)} "
        f"({100 * effect.level:.0f} % {signed(effect.low)} to {signed(effect.high)})"
    )


def probability_of(word: Word, effect: Effect) -> float:
    """Return the probability that a word rests on."""
    return {
        Word.FRIEND: effect.probability_beneficial,
        Word.FOE: effect.probability_harmful,
        Word.NEGLIGIBLE: effect.probability_negligible,
    }.get(word, max(effect.probability_beneficial, effect.probability_harmful))


def headline(verdict: Verdict) -> str:
    """Return the verdict as sentences, from one template."""
    main, question = verdict.main, verdict.question
    regimen = verdict.scenario.regimens[verdict.regimen].label or verdict.regimen
    horizon = f"to day {question.horizon:g}"
    place = verdict.place
    phrase = PHRASES[question.headline]
    effect = main.effect
    text = (
        f"With {regimen}, {horizon}, {place}: {_claim(verdict)}. "
        f"{interval(effect)} {phrase} compared with the same cells {main.rule.words}. "
        f"{_census_sentence(verdict)} {_share_sentence(verdict)} {_flip_sentence(verdict)} "
        f"{100 * verdict.scenario.assumed_fraction():.0f} % of the numbers are assumptions. "
        f"{DISCLAIMER}"
    )
    return " ".join(text.split())


def _claim(verdict: Verdict) -> str:
    word = verdict.word
    if word is Word.DEPENDS:
        return (
            "whether inducing senescence is friend or foe DEPENDS on "
            f"{' and on '.join(_grounds(verdict))}"
        )
    probability = probability_of(word, verdict.main.effect)
    if word in (Word.FRIEND, Word.FOE):
        return f"inducing senescence is a {word.value.upper()} (P {probability:.2f})"
    if word is Word.NEGLIGIBLE:
        return f"the effect of inducing senescence is NEGLIGIBLE (P {probability:.2f})"
    return f"whether inducing senescence is friend or foe is {word.value.upper()}"


def _grounds(verdict: Verdict) -> list[str]:
    """Say on what the word depends: re-routing rules, structures that are not known."""
    groups: dict[str, list[str]] = {}
    for rule, result in verdict.rules.items():
        groups.setdefault(result.word.value, []).append(rule.value)
    grounds = []
    if len(groups) > 1:
        parts = "; ".join(f"{name} under {', '.join(rules)}" for name, rules in groups.items())
        grounds.append(f"where the cells would otherwise have gone ({parts})")
    for name, (present, absent) in verdict.decisive.items():
        label = structure_label(verdict.scenario, name)
        grounds.append(f"whether there is {label} ({present.value} with, {absent.value} without)")
    return grounds


def structure_label(scenario: Scenario, name: str) -> str:
    """Return how a structure that is not known is called: its own label, or its name."""
    switch = scenario.uncertainty.switches.get(name)
    label = switch.label if switch is not None else scenario.parameters[name].label
    return label or name.replace("_", " ")


def _census_sentence(verdict: Verdict) -> str:
    parts = [
        f"{100 * share:.0f} {BOX_WORDS[name]}"
        for name, share in sorted(verdict.census.items(), key=lambda item: -item[1])
        if round(100 * share) > 0
    ]
    what = "wells" if verdict.scenario.setting == "culture" else "hosts"
    return f"Of 100 {what}: {', '.join(parts)}."


def _share_sentence(verdict: Verdict) -> str:
    """Say who is for it and who against, those that stand out of their Monte Carlo error."""
    seen = {
        PLAYER_WORDS[player.value]: effect.estimate
        for player, effect in verdict.shares.items()
        if abs(effect.estimate) > 2.0 * effect.monte_carlo_error and signed(effect.estimate) != "0"
    }
    parts = []
    for label, sign in (("For it", 1.0), ("against", -1.0)):
        side = sorted(((n, v) for n, v in seen.items() if sign * v > 0.0), key=lambda x: -abs(x[1]))
        if side:
            parts.append(f"{label}: {', '.join(f'{n} {signed(v)}' for n, v in side)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _flip_sentence(verdict: Verdict) -> str:
    flips, ahead = verdict.main.flips, verdict.question.look_ahead
    if not flips:
        return f"No change of sign to day {ahead:g}."
    return f"Changes sign at day {', '.join(f'{x:.0f}' for x in flips)}."


def plain_effect(effect: Effect, unit: str) -> dict[str, object]:
    """Return an effect with the documented keys."""
    return {
        "estimate": effect.estimate,
        "low": effect.low,
        "high": effect.high,
        "level": effect.level,
        "monte_carlo_error": effect.monte_carlo_error,
        "unit": unit,
    }


def _plain_curve(verdict: Verdict, result: RuleResult) -> dict[str, object]:
    return {
        "time_unit": "day",
        "time": verdict.curve_time.tolist(),
        "estimate": result.curve[:, 0].tolist(),
        "low": result.curve[:, 1].tolist(),
        "high": result.curve[:, 2].tolist(),
    }


def plain(verdict: Verdict) -> dict[str, object]:
    """Return the verdict as plain data; its keys are documented in docs/verdict.md."""
    main, question = verdict.main, verdict.question
    rules = {
        rule.value: {
            "verdict": result.word.value,
            "meaning": rule.words,
            "probability_beneficial": result.effect.probability_beneficial,
            "probability_harmful": result.effect.probability_harmful,
            "probability_negligible": result.effect.probability_negligible,
            "effect": plain_effect(result.effect, verdict.unit),
            "flips": list(result.flips),
            "hosts": {
                "helped": result.helped,
                "harmed": result.harmed,
                "unchanged": result.unchanged,
            },
            "census": verdict.census_off[rule],
            "curve": _plain_curve(verdict, result),
        }
        for rule, result in verdict.rules.items()
    }
    endpoints = {
        name.value: {
            "verdict": word.value,
            "probability_beneficial": effect.probability_beneficial,
            "probability_harmful": effect.probability_harmful,
            "effect": plain_effect(effect, ENDPOINT_UNITS.get(name, "probability")),
        }
        for name, (word, effect) in verdict.endpoints.items()
    }
    return {
        "verdict": verdict.word.value,
        "headline": headline(verdict),
        "regimen": verdict.regimen,
        "endpoint": question.headline.value,
        "rule": Rule.RENORMALISED.value,
        "probability_beneficial": main.effect.probability_beneficial,
        "probability_harmful": main.effect.probability_harmful,
        "probability_negligible": main.effect.probability_negligible,
        "effect": plain_effect(main.effect, verdict.unit),
        "smallest_difference": question.deltas[question.headline],
        "horizon": {"value": question.horizon, "unit": "day"},
        "look_ahead": {"value": question.look_ahead, "unit": "day"},
        "curve": _plain_curve(verdict, main),
        "rules": rules,
        "endpoints": endpoints,
        "census": verdict.census,
        "regrowth": verdict.recovered,
        "complete_arrest": _plain_arrest(verdict),
        "shares": {
            player.value: plain_effect(effect, verdict.unit)
            for player, effect in verdict.shares.items()
        },
        "readings": {
            name: {
                "share_of_draws": reading.share,
                "present": _plain_reading(reading.present, verdict.unit),
                "absent": _plain_reading(reading.absent, verdict.unit),
                "decisive": name in verdict.decisive,
            }
            for name, reading in verdict.readings.items()
        },
        "flips": list(main.flips),
        "assumed_fraction": verdict.scenario.assumed_fraction(),
        "seed": verdict.provenance.seed,
        "draws": verdict.draws,
        "hosts_per_draw": verdict.hosts,
        "notes": list(verdict.notes),
        "scenario": {"name": verdict.scenario.name, "digest": verdict.scenario.digest},
        "provenance": verdict.provenance.to_dict(),
    }


def _plain_arrest(verdict: Verdict) -> dict[str, object]:
    """Return how many hosts were ever completely arrested, and when first, with quartiles."""
    ever = verdict.arrested[np.isfinite(verdict.arrested)]
    quartiles = np.quantile(ever, [0.25, 0.5, 0.75]).tolist() if len(ever) else None
    return {
        "share_ever": len(ever) / len(verdict.arrested),
        "first_day_quartiles": quartiles,
        "time_unit": "day",
    }


def _plain_reading(effect: Effect | None, unit: str) -> dict[str, object] | None:
    if effect is None:
        return None
    return {
        "verdict": word_of(effect).value,
        "probability_beneficial": effect.probability_beneficial,
        "probability_harmful": effect.probability_harmful,
        "effect": plain_effect(effect, unit),
    }


def html(verdict: Verdict) -> str:
    """Return a small table for notebooks."""
    from html import escape

    rows = "".join(
        f"<tr><td>{escape(rule.value)}</td><td>{escape(result.word.value)}</td>"
        f"<td>{escape(interval(result.effect))} {escape(verdict.unit)}</td></tr>"
        for rule, result in verdict.rules.items()
    )
    return (
        f"<p>{escape(headline(verdict))}</p>"
        f"<table><tr><th>rule</th><th>verdict</th><th>effect</th></tr>{rows}</table>"
    )
