"""Survival drawn: Kaplan-Meier curves of the same hosts in every world, and how many are left."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from senescape.cohort import Survival
from senescape.model import EndpointName
from senescape.verdict import RULES, Rule, Verdict
from senescape.verdict.lifetimes import survival_event, survival_in

from .census import what_is_counted
from .style import INK, RULE_COLOURS, RULE_DASHES, SOFT, WITH_COLOUR, new_figure, styled
from .verdict import TIME, mark_times

Float = NDArray[np.float64]

MAIN: tuple[Rule | None, ...] = (None, Rule.RENORMALISED)
TICKS = 6


@styled
def survival_curves(verdict: Verdict) -> Figure:
    """Draw the share of hosts alive, or without progression where nobody asks for death.

    With senescence and under the default rule with bands, medians and numbers at risk; the other
    rules as thin lines.
    """
    event = survival_event(verdict.question)
    figure = new_figure(7.2, 4.2)
    axes, below = figure.subplots(2, 1, height_ratios=[6.0, 1.0], sharex=True)
    for rule in (*(r for r in RULES if r not in MAIN), *reversed(MAIN)):
        _curve(axes, verdict, event, rule)
    axes.axhline(0.5, color=SOFT, linewidth=0.7, linestyle=(0, (1, 2)))
    mark_times(axes, verdict)
    axes.set_ylim(0.0, 1.03)
    until = verdict.lifetimes.until
    axes.set_xlim(0.0, until)
    axes.tick_params(labelbottom=True)
    axes.set_xlabel(TIME)
    alive = "alive" if event is EndpointName.SURVIVAL else "without progression"
    axes.set_ylabel(f"{what_is_counted(verdict)} {alive} [share]")
    _at_risk(below, verdict, event, _round_days(until))
    drawn = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    words = [world_words(rule) for rule in (None, *RULES)]
    figure.legend([drawn[w] for w in words], words, loc="outside upper left", ncols=5)
    return figure


def steps(curve: Survival, until: float) -> tuple[Float, Float, Float, Float]:
    """Return day, share, low and high of a step curve: all at day 0, until nobody is left."""
    last = curve.time[-1] if curve.share[-1] == 0.0 else until
    day = np.concatenate([[0.0], curve.time, [last]])
    values = [
        np.concatenate([[1.0], row, row[-1:]]) for row in (curve.share, curve.low, curve.high)
    ]
    return day, values[0], values[1], values[2]


def world_words(rule: Rule | None) -> str:
    """Return the name of a world as the legend has it."""
    if rule is None:
        return "with senescence"
    return f"without: {rule.value}" if rule in MAIN else rule.value


def _curve(axes: Axes, verdict: Verdict, event: EndpointName, rule: Rule | None) -> None:
    day, share, low, high = steps(verdict.lifetimes.curve(event, rule), verdict.lifetimes.until)
    colour = WITH_COLOUR if rule is None else RULE_COLOURS[rule]
    main = rule in MAIN
    if main:
        axes.fill_between(day, low, high, step="post", color=colour, alpha=0.22, linewidth=0)
    axes.step(
        day,
        share,
        where="post",
        color=colour,
        linewidth=2.4 if main else 1.1,
        linestyle="-" if rule is None else RULE_DASHES[rule],
        label=world_words(rule),
    )
    median = survival_in(verdict.lifetimes, verdict.question, rule).median
    if main and np.isfinite(median):
        axes.plot([median], [0.5], "o", color=colour, markersize=6, zorder=5)


def _round_days(until: float) -> Float:
    """Return some round days from 0 on, not later than the last."""
    wanted = until / TICKS
    size = 10.0 ** np.floor(np.log10(wanted))
    step = min((m * size for m in (1.0, 2.0, 5.0, 10.0)), key=lambda s: abs(s - wanted))
    days: Float = np.arange(0.0, until + 1e-9, step)
    return days


def _at_risk(axes: Axes, verdict: Verdict, event: EndpointName, days: Float) -> None:
    """Write how many hosts are left at each tick, one line a world."""
    axes.set_xticks(days)
    axes.set_ylim(-0.6, len(MAIN) - 0.4)
    axes.set_yticks([1, 0], ["with", "without"])
    axes.set_title("number at risk", fontsize=9, weight="normal", color=SOFT, pad=2)
    axes.tick_params(left=False, bottom=False, labelbottom=False, labelcolor=INK, pad=16)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for row, rule in zip((1, 0), MAIN, strict=True):
        time, _ = verdict.lifetimes.seen(event, rule, verdict.lifetimes.until)
        for day in days:
            left = int((time >= day).sum())
            axes.text(day, row, f"{left}", ha="center", va="center", fontsize=9, clip_on=False)
