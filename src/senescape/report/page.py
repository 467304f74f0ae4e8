"""One verdict, or a ladder of them, as a self-contained page."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.resources import files

from senescape.cohort import Passages, WellPrediction
from senescape.model import EndpointName
from senescape.results.provenance import package_versions
from senescape.verdict import DISCLAIMER, RULES, Verdict, interval
from senescape.verdict.lifetimes import survival_event
from senescape.verdict.sentences import ENDPOINT_UNITS, PHRASES

from . import tables
from .numbers import number_rows, other_rows, reference
from .pictures import pictures, survival_title


def verdict_page(
    verdicts: Sequence[Verdict],
    wells: Sequence[WellPrediction] = (),
    numbers: Passages | None = None,
) -> str:
    """Return the page as HTML: pictures inline, nothing loaded from elsewhere, no scripts.

    Parameters
    ----------
    verdicts : sequence of Verdict
        At least one, all of one scenario.
    wells : sequence of WellPrediction
        Predicted and measured wells, where there are measurements.
    numbers : Passages, optional
        Passages along the arrows of Figure 1, to be drawn.
    """
    from jinja2 import Environment, StrictUndefined, select_autoescape

    chosen = chosen_verdict(verdicts)
    environment = Environment(
        autoescape=select_autoescape(["html", "j2"], default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(
        files("senescape").joinpath("report", "templates", "verdict.html.j2").read_text("utf-8")
    )
    return template.render(
        figures=pictures(verdicts, chosen, wells, numbers),
        verdicts=list(verdicts),
        chosen=chosen,
        wells=list(wells),
        mean_error=tables.mean_error(wells),
        **_words(chosen),
        **_tables(verdicts, chosen),
    )


def _words(chosen: Verdict) -> dict[str, object]:
    question, scenario = chosen.question, chosen.scenario
    measured = next(iter(scenario.measured.values()), None)
    return {
        "scenario": scenario,
        "headline": chosen.headline(),
        "precision": "" if chosen.precision is None else chosen.precision.sentence(),
        "disclaimer": f"{DISCLAIMER} {scenario.place.capitalize()}.",
        "phrase": PHRASES[question.headline],
        "question": question,
        "delta": question.deltas[question.headline],
        "unit": chosen.unit,
        "whom": "wells" if scenario.setting == "culture" else "hosts",
        "regimen": scenario.regimens[chosen.regimen].label or chosen.regimen,
        "measured": measured,
        "measured_reference": None if measured is None else reference(scenario, measured.source),
        "survival_title": survival_title(chosen),
        "survival_asked": survival_event(question) is EndpointName.SURVIVAL,
        "survival_definition": tables.survival_definition(chosen),
        "survival_gain": tables.survival_gain(chosen),
        "arrest_words": tables.arrest_words(chosen),
        "share_sum": sum(e.estimate for e in chosen.shares.values()),
    }


def _tables(verdicts: Sequence[Verdict], chosen: Verdict) -> dict[str, object]:
    return {
        "rules": RULES,
        "endpoint_units": ENDPOINT_UNITS,
        "interval": interval,
        "short": tables.short,
        "measured_number": tables.measured_number,
        "turn_list": tables.turn_list(chosen),
        "words_by_rule": tables.words_by_rule,
        "survival_rows": tables.survival_rows(chosen),
        "census_rows": tables.census_rows(chosen),
        "reading_rows": tables.reading_rows(chosen),
        "number_rows": number_rows(chosen.scenario, chosen.regimen, chosen.variant),
        "other_rows": other_rows(chosen.scenario),
        "commands": tables.commands(verdicts),
        "packages": package_versions() | {"Python": platform.python_version()},
        "machine": platform.machine(),
    }


def chosen_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict that the headline is about: the outcome's regimen, else the last."""
    outcome = verdicts[0].scenario.outcome
    wanted = None if outcome is None else outcome.regimen
    return next((v for v in verdicts if v.regimen == wanted), verdicts[-1])
