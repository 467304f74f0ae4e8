"""Pictures of the outcome census: the boxes of Figure 1 in which the hosts end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from senescape.verdict import BOX_WORDS, Rule, Verdict, wilson

from .style import (
    BOX_COLOURS,
    GREY,
    INK,
    RULE_COLOURS,
    SOFT,
    WITH_COLOUR,
    new_axes,
    styled,
)


def what_is_counted(verdict: Verdict) -> str:
    """Return the word for those that are counted."""
    return "wells" if verdict.scenario.setting == "culture" else "hosts"


@styled
def census_bars(verdicts: Sequence[Verdict]) -> Figure:
    """Draw what became of the hosts under each regimen, with senescence as it is."""
    present = [name for name in BOX_COLOURS if any(v.census[name] >= 0.005 for v in verdicts)]
    figure, axes = new_axes(7.2, 0.34 * len(verdicts) + 0.55 + 0.2 * -(-len(present) // 2))
    at = np.arange(len(verdicts))[::-1]
    left = np.zeros(len(verdicts))
    for name in present:
        share = 100.0 * np.array([v.census[name] for v in verdicts])
        axes.barh(
            at,
            share,
            left=left,
            height=0.72,
            color=BOX_COLOURS[name],
            edgecolor="white",
            linewidth=0.6,
            label=BOX_WORDS[name],
        )
        left += share
    axes.set_yticks(at, [v.regimen for v in verdicts])
    axes.set_xlim(0.0, 100.0)
    day = verdicts[0].question.horizon
    axes.set_xlabel(f"{what_is_counted(verdicts[0])} at day {day:g} [%]")
    figure.legend(loc="outside upper left", ncols=2, fontsize=9)
    return figure


@styled
def census_worlds(verdict: Verdict) -> Figure:
    """Draw the share of hosts in each box, with senescence and without it (default rule).

    The lines are 95 % Wilson intervals: what the number of simulated hosts leaves open.
    """
    figure, axes = new_axes(7.2, 4.3)
    boxes = list(BOX_COLOURS)
    rows = np.arange(len(boxes))[::-1]
    worlds = (
        ("with senescence", verdict.census, WITH_COLOUR, 0.2),
        (
            "without, had they split as the rest did",
            verdict.census_off[Rule.RENORMALISED],
            RULE_COLOURS[Rule.RENORMALISED],
            -0.2,
        ),
    )
    hosts = verdict.draws * verdict.hosts
    for label, census, colour, shift in worlds:
        shares = np.array([census[name] for name in boxes])
        edges = 100.0 * np.array([wilson(share * hosts, hosts) for share in shares])
        axes.barh(rows + shift, 100.0 * shares, height=0.38, color=colour, alpha=0.8, label=label)
        axes.hlines(rows + shift, edges[:, 0], edges[:, 1], color=GREY, linewidth=1.4)
        for row, share, high in zip(rows, shares, edges[:, 1], strict=True):
            axes.text(
                high + 1.0,
                row + shift,
                f"{100.0 * share:.0f}",
                va="center",
                fontsize=8.5,
                color=INK if share > 0.0 else SOFT,
            )
    axes.set_yticks(rows, [BOX_WORDS[name] for name in boxes])
    axes.tick_params(axis="y", left=False, labelcolor=INK)
    axes.set_ylim(-0.6, len(boxes) - 0.4)
    axes.set_xlim(0.0, 105.0)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel(f"{what_is_counted(verdict)} at day {verdict.question.horizon:g} [%]")
    figure.legend(loc="outside upper left", ncols=2)
    return figure
