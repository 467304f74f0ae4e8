"""Picture of a comparison: every engine and tool, one panel an observable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from senescape.run.comparing import Comparison, Solution

from .style import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, styled

MOST_PANELS = 6
COLOURS = (INK, SKY, BLUE, ORANGE, GREEN, PURPLE, RED)
MARKS = ("", "", "", "", "o", "x", "+")


@styled
def comparison(found: Comparison, observables: Sequence[str] = ()) -> Figure:
    """Draw what each engine and tool found.

    Parameters
    ----------
    found : Comparison
    observables : sequence of str
        By default the first six that ever come to more than a cell, states first.

    Notes
    -----
    Bands are means of stochastic engines with two standard errors; the others have none.
    """
    solutions = [s for s in found.solutions if s.mean is not None]
    shown = list(observables) or _counting(found, solutions)
    rows = -(-len(shown) // 2)
    figure = Figure(figsize=(7.2, 0.9 + 2.1 * rows), layout="constrained")
    panels = figure.subplots(rows, min(2, len(shown)), squeeze=False, sharex=True)
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.flat, shown, strict=False):
        _panel(axes, found, solutions, name)
    figure.supxlabel("day")
    figure.supylabel("cells")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=8.5)
    return figure


def _counting(found: Comparison, solutions: Sequence[Solution]) -> list[str]:
    """Return the first observables that come to more than a cell, states after the others."""
    means = [s.mean for s in solutions if s.mean is not None]
    most = [max(float(mean[i].max()) for mean in means) for i in range(len(found.observables))]
    named = [name for name, top in zip(found.observables, most, strict=True) if top > 1.0]
    states = [name for name in named if name.startswith("state:")]
    return [*states, *(n for n in named if n not in states)][:MOST_PANELS] or [found.observables[0]]


def _panel(axes: Axes, found: Comparison, solutions: Sequence[Solution], name: str) -> None:
    row = found.observables.index(name)
    for number, solution in enumerate(solutions):
        assert solution.mean is not None
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
        mean, label = solution.mean[row], solution.name
        if solution.error is not None:
            spread = 2.0 * solution.error[row]
            axes.fill_between(
                found.time, mean - spread, mean + spread, color=colour, alpha=0.25, linewidth=0.0
            )
            label = f"{label} ({solution.runs} runs)"
        every = slice(number % 4, None, 4) if mark else slice(None)
        axes.plot(
            found.time[every],
            mean[every],
            color=colour,
            label=label,
            marker=mark or None,
            markersize=4.0,
            linestyle="" if mark else ("-", "--")[number % 2],
            linewidth=1.3,
            fillstyle="none",
        )
    axes.set_title(name.removeprefix("state:"))
    top = max(float(np.nanmax(s.mean[row])) for s in solutions if s.mean is not None)
    axes.set_ylim(0.0, 1.06 * top if top > 0.0 else 1.0)
