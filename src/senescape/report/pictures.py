"""The pictures of a verdict's page, with the words that stand for them where they are not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from senescape.cohort import Passages, WellPrediction
from senescape.model import EndpointName
from senescape.verdict import BOX_WORDS, PLAYER_WORDS, RULES, Rule, Verdict, interval
from senescape.verdict.lifetimes import survival_event, survival_in

from .tables import measured_number, turn_words

if TYPE_CHECKING:
    from markupsafe import Markup


def pictures(
    verdicts: Sequence[Verdict],
    chosen: Verdict,
    wells: Sequence[WellPrediction],
    numbers: Passages | None,
) -> dict[str, Markup]:
    """Return the pictures of the page as inline SVG, by name; those without content are left out.

    Survival, shares and the curve are drawn for the chosen verdict alone, whatever the number of
    regimens.
    """
    from markupsafe import Markup

    drawn = _of_one(chosen, numbers)
    if len(verdicts) > 1:
        drawn |= _of_many(verdicts)
    if wells:
        drawn |= _of_wells(wells)
    # our own drawing: every word in it is escaped by the writer of the SVG
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704


def _of_one(chosen: Verdict, numbers: Passages | None) -> dict[str, str]:
    from senescape import figures

    drawn = {
        "curve": figures.svg_of(
            figures.effect_curve(chosen), "effect of senescence over time", curve_words(chosen)
        ),
        "survival": figures.svg_of(
            figures.survival_curves(chosen), survival_title(chosen), survival_words(chosen)
        ),
        "census": figures.svg_of(
            figures.census_worlds(chosen),
            "what becomes of the hosts, with senescence and without",
            census_words(chosen),
        ),
    }
    if chosen.shares:
        drawn["shares"] = figures.svg_of(
            figures.share_bars(chosen),
            "share of each player in the effect",
            "; ".join(f"{PLAYER_WORDS[p.value]} {interval(e)}" for p, e in chosen.shares.items()),
        )
    if numbers is not None:
        drawn["figure1"] = figures.svg_of(
            figures.figure1(numbers),
            "Figure 1 of the seed article with the numbers of this scenario",
            "; ".join(f"{a.value.replace('_', ' ')} {n[0]:.2g}" for a, n in numbers.arrows.items()),
        )
    return drawn


def _of_many(verdicts: Sequence[Verdict]) -> dict[str, str]:
    from senescape import figures

    return {
        "effects": figures.svg_of(
            figures.effect_by_regimen(verdicts),
            "effect of senescence by regimen",
            "; ".join(f"{v.regimen}: {interval(v.main.effect)} {v.unit}" for v in verdicts),
        ),
        "ladder": figures.svg_of(
            figures.census_bars(verdicts),
            "what becomes of the hosts under each regimen",
            "; ".join(f"{v.regimen}: {_boxes(v.census)}" for v in verdicts),
        ),
    }


def _of_wells(wells: Sequence[WellPrediction]) -> dict[str, str]:
    from senescape import figures

    return {
        "wells": figures.svg_of(
            figures.recovered_wells(wells),
            "wells recovered, predicted and measured",
            "; ".join(
                f"{w.regimen}: {w.recovered} of {w.wells}, predicted {w.predicted:.1f}"
                for w in wells
            ),
        ),
        "counts": figures.svg_of(
            figures.mean_counts(wells),
            "mean counts, predicted and measured",
            "; ".join(f"{w.regimen}: log error {measured_number(w.log_error)}" for w in wells),
        ),
    }


def survival_title(verdict: Verdict) -> str:
    """Return what the Kaplan-Meier curves show."""
    if survival_event(verdict.question) is EndpointName.SURVIVAL:
        return "Survival with senescence and without"
    return "Time to progression with senescence and without"


def curve_words(verdict: Verdict) -> str:
    """Return the effect at the horizon under each rule, with its changes of sign."""
    day = verdict.question.horizon
    return f"At day {day:g}: " + "; ".join(
        f"{rule.value} {interval(verdict.rules[rule].effect)} {verdict.unit}, "
        f"changes of sign: {turn_words(verdict, rule)}"
        for rule in RULES
    )


def survival_words(verdict: Verdict) -> str:
    """Return the medians of the two worlds that are drawn with bands."""
    parts = []
    for name, rule in (("with senescence", None), ("without", Rule.RENORMALISED)):
        median = survival_in(verdict.lifetimes, verdict.question, rule).median
        parts.append(f"{name} {f'{median:.1f} days' if math.isfinite(median) else 'not reached'}")
    return f"Median to day {verdict.question.horizon:g}: {', '.join(parts)}."


def census_words(verdict: Verdict) -> str:
    """Return the boxes that hold somebody, with senescence and without."""
    off = verdict.census_off[Rule.RENORMALISED]
    return f"With senescence: {_boxes(verdict.census)}. Without: {_boxes(off)}."


def _boxes(census: dict[str, float]) -> str:
    held = sorted((item for item in census.items() if item[1] > 0.0), key=lambda x: -x[1])
    return ", ".join(f"{100 * share:.0f} % {BOX_WORDS[name]}" for name, share in held)
