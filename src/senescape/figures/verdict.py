"""Pictures of a verdict: the ladder of doses, the effect over time, the census, the counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from senescape.cohort import WellPrediction
from senescape.verdict import BOX_WORDS, PLAYER_WORDS, RULES, Rule, Verdict

from .style import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    SOFT,
    YELLOW,
    new_figure,
    styled,
)

RULE_COLOURS = {
    Rule.RENORMALISED: INK,
    Rule.DIE: RED,
    Rule.INERT: PURPLE,
    Rule.RECOVER: BLUE,
}
BOX_COLOURS = {
    "cleared_rapid_apoptosis": "#004d3a",
    "cleared_after_senescence": GREEN,
    "complete_arrest": SKY,
    "alive_under_burden": GREY,
    "relapse_never_senescent": "#7a3b00",
    "relapse_recovery": RED,
    "relapse_reentry": ORANGE,
    "relapse_preexisting": YELLOW,
    "relapse_acquired": PURPLE,
    "death_other": INK,
}


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


@styled
def recovered_wells(wells: Sequence[WellPrediction]) -> Figure:
    """Draw wells recovered at each dose: measured points on predictions with 90 % intervals."""
    figure, axes = _axes(7.2, 2.9)
    at = np.arange(len(wells))
    predicted = np.array([w.predicted for w in wells])
    low, high = np.array([w.low for w in wells]), np.array([w.high for w in wells])
    axes.vlines(at, low, high, color=SKY, linewidth=9, alpha=0.55, label="predicted, 90 %")
    axes.plot(at, predicted, "_", color=BLUE, markersize=13, markeredgewidth=2.2, label="mean")
    axes.plot(at, [w.recovered for w in wells], "o", color=INK, markersize=5.5, label="measured")
    axes.set_xticks(at, [w.regimen for w in wells])
    most = max(w.wells for w in wells)
    axes.set_ylim(-0.4, most + 0.4)
    axes.set_yticks(range(0, most + 1, max(1, most // 6)))
    axes.set_ylabel(f"wells recovered, of {most}")
    axes.legend(loc="lower left", ncols=3)
    return figure


@styled
def mean_counts(wells: Sequence[WellPrediction]) -> Figure:
    """Draw measured mean counts on predicted ones, one panel a regimen, log scale."""
    columns = 5
    rows = -(-len(wells) // columns)
    figure = new_figure(7.2, 1.75 * rows + 0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(wells) :]:
        panel.set_visible(False)
    for panel, item in zip(panels.flat, wells, strict=False):
        panel.fill_between(
            item.time, item.mean_low, item.mean_high, color=SKY, alpha=0.45, linewidth=0
        )
        panel.plot(item.time, item.mean, color=BLUE, linewidth=1.4)
        panel.plot(item.observed_time, item.observed, ".", color=INK, markersize=2.6)
        panel.set_yscale("log")
        panel.set_title(item.regimen)
        panel.grid(axis="y", color=GRID, linewidth=0.5)
    figure.supxlabel("days after the start of treatment", fontsize=10)
    figure.supylabel("live cells a well", fontsize=10)
    return figure


@styled
def effect_by_regimen(verdicts: Sequence[Verdict]) -> Figure:
    """Draw the effect of senescence at the horizon, each regimen under each rule."""
    figure, axes = _axes(7.2, 3.2)
    first = verdicts[0]
    delta = first.question.deltas[first.question.headline]
    axes.axhspan(-delta, delta, color=GRID, alpha=0.7, linewidth=0)
    axes.axhline(0.0, color=SOFT, linewidth=0.8)
    for index, rule in enumerate(RULES):
        shift = 0.16 * (index - 1.5)
        at = np.arange(len(verdicts)) + shift
        effects = [v.rules[rule].effect for v in verdicts]
        axes.vlines(
            at,
            [e.low for e in effects],
            [e.high for e in effects],
            color=RULE_COLOURS[rule],
            linewidth=2.4,
            alpha=0.45,
        )
        axes.plot(
            at, [e.estimate for e in effects], "o", color=RULE_COLOURS[rule], markersize=4.5,
            label=rule.value,
        )  # fmt: skip
    axes.set_xticks(range(len(verdicts)), [v.regimen for v in verdicts])
    axes.set_ylabel(f"effect of senescence ({first.unit})")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


@styled
def effect_curve(verdict: Verdict) -> Figure:
    """Draw V(t) under the default rule with its interval, and the other rules as lines."""
    figure, axes = _axes(7.2, 3.0)
    time = verdict.curve_time
    main = verdict.main
    axes.axhline(0.0, color=SOFT, linewidth=0.8)
    axes.fill_between(time, main.curve[:, 1], main.curve[:, 2], color=GREY, alpha=0.35, linewidth=0)
    for rule in RULES:
        width = 2.0 if rule is Rule.RENORMALISED else 1.2
        curve = verdict.rules[rule].curve[:, 0]
        axes.plot(time, curve, color=RULE_COLOURS[rule], linewidth=width, label=rule.value)
    axes.axvline(verdict.question.horizon, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        "horizon",
        (verdict.question.horizon, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, -9),
        textcoords="offset points",
        color=SOFT,
        fontsize=9,
    )
    if verdict.question.data_end < verdict.question.look_ahead:
        axes.axvspan(
            verdict.question.data_end, verdict.question.look_ahead, color=GRID, alpha=0.45, lw=0
        )
        axes.annotate(
            "extrapolated",
            (verdict.question.data_end, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, 5),
            textcoords="offset points",
            color=SOFT,
            fontsize=9,
        )
    axes.set_xlim(time[0], time[-1])
    axes.set_xlabel("days after the start of treatment")
    axes.set_ylabel(f"effect so far ({verdict.unit})")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


@styled
def census_bars(verdicts: Sequence[Verdict]) -> Figure:
    """Draw what became of the hosts: the boxes of Figure 1, in numbers."""
    present = [name for name in BOX_COLOURS if any(v.census[name] >= 0.005 for v in verdicts)]
    figure, axes = _axes(7.2, 0.34 * len(verdicts) + 0.55 + 0.2 * -(-len(present) // 2))
    at = np.arange(len(verdicts))[::-1]
    left = np.zeros(len(verdicts))
    for name in present:
        share = 100.0 * np.array([v.census[name] for v in verdicts])
        axes.barh(at, share, left=left, height=0.72, color=BOX_COLOURS[name], label=BOX_WORDS[name])
        left += share
    axes.set_yticks(at, [v.regimen for v in verdicts])
    axes.set_xlim(0.0, 100.0)
    axes.set_xlabel(f"% of hosts at day {verdicts[0].question.horizon:g}")
    figure.legend(loc="outside upper left", ncols=2, fontsize=9)
    return figure


@styled
def share_bars(verdict: Verdict) -> Figure:
    """Draw the share of each player in the effect, with what is not known as a bar."""
    shown = [(p, e) for p, e in verdict.shares.items() if e.estimate or e.low or e.high]
    figure, axes = _axes(7.2, 0.36 * max(1, len(shown)) + 0.75)
    at = np.arange(len(shown))[::-1]
    estimates = np.array([e.estimate for _, e in shown])
    colours = [GREEN if x >= 0.0 else RED for x in estimates]
    axes.axvline(0.0, color=SOFT, linewidth=0.8)
    axes.barh(at, estimates, height=0.62, color=colours, alpha=0.75)
    axes.hlines(at, [e.low for _, e in shown], [e.high for _, e in shown], color=INK, linewidth=1.3)
    axes.set_yticks(at, [PLAYER_WORDS[p.value] for p, _ in shown])
    axes.set_xlabel(f"share of the effect ({verdict.unit}); friend to the right")
    return figure
