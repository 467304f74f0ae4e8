"""Pictures of the effect: by regimen, over time, and shared out among the players."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from senescape.verdict import PLAYER_WORDS, RULES, Effect, Rule, Verdict, signed

from .style import (
    FOE,
    FRIEND,
    GREY,
    GRID,
    INK,
    RULE_COLOURS,
    RULE_DASHES,
    SOFT,
    new_axes,
    new_figure,
    styled,
)

TIME = "time after the first treatment [day]"


@styled
def effect_by_regimen(verdicts: Sequence[Verdict]) -> Figure:
    """Draw the effect of senescence at the horizon, each regimen under each rule."""
    figure, axes = new_axes(7.2, 3.2)
    first = verdicts[0]
    _no_matter(axes, first)
    for index, rule in enumerate(RULES):
        at = np.arange(len(verdicts)) + 0.16 * (index - 1.5)
        _intervals(axes, at, [v.rules[rule].effect for v in verdicts], rule)
    axes.set_xticks(range(len(verdicts)), [v.regimen for v in verdicts])
    axes.set_xlabel("regimen")
    axes.set_ylabel(f"effect of senescence [{first.unit}]")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


@styled
def effect_curve(verdict: Verdict) -> Figure:
    """Draw V(t) under the four rules with its changes of sign, and what each says at the horizon.

    The band is the interval under the default rule; those of all rules stand at the horizon.
    """
    figure = new_figure(7.2, 3.3)
    axes, beside = figure.subplots(1, 2, width_ratios=[5.4, 1.0], sharey=True)
    for panel in (axes, beside):
        _no_matter(panel, verdict)
    _over_time(axes, verdict)
    _changes_of_sign(axes, verdict)
    mark_times(axes, verdict)
    for at, rule in enumerate(RULES):
        _intervals(beside, np.array([float(at)]), [verdict.rules[rule].effect], rule, label=False)
    beside.set_xlim(-0.7, len(RULES) - 0.3)
    beside.set_xticks([])
    beside.tick_params(axis="y", left=False)
    beside.spines["left"].set_visible(False)
    beside.set_xlabel(f"day {verdict.question.horizon:g}, 90 %")
    axes.set_xlim(verdict.curve_time[0], verdict.curve_time[-1])
    axes.set_xlabel(TIME)
    axes.set_ylabel(f"effect so far [{verdict.unit}]")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


def mark_times(axes: Axes, verdict: Verdict) -> None:
    """Mark the horizon, and shade what lies beyond the last measurement."""
    question = verdict.question
    axes.axvline(question.horizon, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
    words = [(question.horizon, "horizon", "right", 3)]
    if question.data_end < question.look_ahead:
        axes.axvspan(question.data_end, question.look_ahead, color=GRID, alpha=0.45, lw=0)
        line = 3 if question.horizon <= question.data_end else 14
        words.append((question.data_end, "extrapolated", "left", line))
    for day, word, side, line in words:
        axes.annotate(
            word,
            (day, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-2 if side == "right" else 3, line),
            textcoords="offset points",
            ha=side,
            color=SOFT,
            fontsize=9,
        )


def _over_time(axes: Axes, verdict: Verdict) -> None:
    time, main = verdict.curve_time, verdict.main
    axes.fill_between(time, main.curve[:, 1], main.curve[:, 2], color=GREY, alpha=0.35, linewidth=0)
    for rule in RULES:
        axes.plot(
            time,
            verdict.rules[rule].curve[:, 0],
            color=RULE_COLOURS[rule],
            linestyle=RULE_DASHES[rule],
            linewidth=2.2 if rule is Rule.RENORMALISED else 1.5,
            label=rule.value,
        )


def _changes_of_sign(axes: Axes, verdict: Verdict) -> None:
    """Mark where each mean effect changes sign; hollow where no data stand behind it."""
    for rule in RULES:
        for day in verdict.rules[rule].flips:
            beyond = day > verdict.question.data_end
            axes.plot(
                [day],
                [0.0],
                "D",
                markersize=6.5 if rule is Rule.RENORMALISED else 4.5,
                color=RULE_COLOURS[rule],
                markerfacecolor="white" if beyond else RULE_COLOURS[rule],
                zorder=5,
            )


def _no_matter(axes: Axes, verdict: Verdict) -> None:
    """Shade the differences that do not matter, and draw zero."""
    delta = verdict.question.deltas[verdict.question.headline]
    axes.axhspan(-delta, delta, color=GRID, alpha=0.6, linewidth=0)
    axes.axhline(0.0, color=SOFT, linewidth=0.8)


def _intervals(
    axes: Axes,
    at: NDArray[np.floating[Any]],
    effects: Sequence[Effect],
    rule: Rule,
    *,
    label: bool = True,
) -> None:
    low, high = [e.low for e in effects], [e.high for e in effects]
    axes.vlines(at, low, high, color=RULE_COLOURS[rule], linewidth=2.4, alpha=0.45)
    axes.plot(
        at,
        [e.estimate for e in effects],
        "o",
        color=RULE_COLOURS[rule],
        markersize=4.5,
        label=rule.value if label else None,
    )


@styled
def share_bars(verdict: Verdict) -> Figure:
    """Draw the share of each of the nine players, with what is not known as a line."""
    shares = list(verdict.shares.items())
    figure, axes = new_axes(7.2, 0.34 * max(1, len(shares)) + 0.75)
    at = np.arange(len(shares))[::-1]
    estimates = np.array([e.estimate for _, e in shares])
    colours = [FRIEND if x >= 0.0 else FOE for x in estimates]
    axes.axvline(0.0, color=SOFT, linewidth=0.8)
    axes.barh(at, estimates, height=0.62, color=colours, alpha=0.75)
    axes.hlines(
        at, [e.low for _, e in shares], [e.high for _, e in shares], color=INK, linewidth=1.3
    )
    for row, (_, effect) in zip(at, shares, strict=True):
        axes.annotate(
            share_words(effect),
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
        )
    axes.set_yticks(at, [PLAYER_WORDS[p.value] for p, _ in shares])
    axes.tick_params(axis="y", left=False, labelcolor=INK)
    axes.set_xlabel(f"share of the effect [{verdict.unit}]; for the host to the right")
    return figure


def share_words(effect: Effect) -> str:
    """Return a share and its interval; a player that does nothing has exactly 0."""
    if not (effect.estimate or effect.low or effect.high):
        return "0"
    return f"{signed(effect.estimate)} ({signed(effect.low)} to {signed(effect.high)})"
