"""One verdict, or a ladder of them, as a self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from senescape.cohort import Passages, WellPrediction
from senescape.model import ASSUMPTION
from senescape.results.provenance import package_versions
from senescape.verdict import DISCLAIMER, Verdict, interval, signed
from senescape.verdict.sentences import PHRASES
from senescape.verdict.words import Effect


def verdict_page(
    verdicts: Sequence[Verdict],
    wells: Sequence[WellPrediction] = (),
    numbers: Passages | None = None,
) -> str:
    """Return the page as HTML: pictures inline, nothing loaded from elsewhere.

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
    from markupsafe import Markup

    from senescape.figures import (
        census_bars,
        effect_by_regimen,
        effect_curve,
        figure1,
        mean_counts,
        recovered_wells,
        share_bars,
        svg_of,
    )

    chosen = chosen_verdict(verdicts)
    scenario = chosen.scenario
    pictures = {
        "effects": effect_by_regimen(verdicts) if len(verdicts) > 1 else None,
        "curve": effect_curve(chosen),
        "census": census_bars(verdicts),
        "shares": share_bars(chosen) if any(e.estimate for e in chosen.shares.values()) else None,
        "wells": recovered_wells(wells) if wells else None,
        "counts": mean_counts(wells) if wells else None,
        "figure1": figure1(numbers) if numbers is not None else None,
    }
    titles = {
        "effects": "effect of senescence by regimen",
        "curve": "effect of senescence over time",
        "shares": "share of each arrow in the effect",
        "census": "what became of the hosts",
        "wells": "wells recovered, predicted and measured",
        "counts": "mean counts, predicted and measured",
        "figure1": "Figure 1 of the seed article with the numbers of this scenario",
    }
    inline = {
        name: Markup(svg_of(picture, titles[name]))  # noqa: S704  # our own drawing
        for name, picture in pictures.items()
        if picture is not None
    }
    environment = Environment(
        autoescape=select_autoescape(["html", "j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(
        files("senescape").joinpath("report", "templates", "verdict.html.j2").read_text("utf-8")
    )
    question = chosen.question
    return template.render(
        scenario=scenario,
        verdicts=list(verdicts),
        chosen=chosen,
        headline=chosen.headline(),
        disclaimer=f"{DISCLAIMER} {scenario.place.capitalize()}.",
        phrase=PHRASES[question.headline],
        question=question,
        delta=question.deltas[question.headline],
        unit=chosen.unit,
        figures={name: inline.get(name, "") for name in pictures},
        wells=list(wells),
        measured=next(iter(scenario.measured.values()), None),
        mean_error=float(np.mean([w.log_error for w in wells])) if wells else 0.0,
        assumptions=[n for n, p in scenario.parameters.items() if p.source == ASSUMPTION],
        interval=interval,
        short=short,
        share_sum=sum(e.estimate for e in chosen.shares.values()),
        packages=package_versions(),
    )


def chosen_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict that the headline is about: the outcome's regimen, else the last."""
    outcome = verdicts[0].scenario.outcome
    wanted = None if outcome is None else outcome.regimen
    return next((v for v in verdicts if v.regimen == wanted), verdicts[-1])


def short(effect: Effect) -> str:
    """Return estimate and interval as a table wants them: ``+4.2 (+1.0 to +7.3)``."""
    return f"{signed(effect.estimate)} ({signed(effect.low)} to {signed(effect.high)})"
