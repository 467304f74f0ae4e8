"""Pictures of measured wells: how many recovered, and how many cells they held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from senescape.cohort import WellPrediction

from .style import BLUE, GRID, INK, SKY, new_axes, new_figure, styled


@styled
def recovered_wells(wells: Sequence[WellPrediction]) -> Figure:
    """Draw wells recovered at each dose: measured points on predictions with 90 % intervals."""
    figure, axes = new_axes(7.2, 2.9)
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
    axes.set_ylabel(f"wells recovered, of {most} [wells]")
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
        panel.yaxis.set_major_formatter(lambda cells, _: f"{cells:,.10g}")
        panel.yaxis.set_minor_formatter(lambda cells, _: "")
        panel.set_title(item.regimen)
        panel.grid(axis="y", color=GRID, linewidth=0.5)
    figure.supxlabel("time after the first treatment [day]", fontsize=10)
    figure.supylabel("live cells in a well [cells]", fontsize=10)
    return figure
