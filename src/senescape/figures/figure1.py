"""Figure 1 of the seed article, drawn anew with the numbers of one scenario."""

from __future__ import annotations

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from senescape.cohort import Passages
from senescape.model import Figure1

from .style import FOE, FRIEND, GREY, INK, SENESCENT, SOFT, new_figure, styled

# name: (x, y, words, edge)
BOXES = {
    "tumour": (1.1, 3.2, "tumour\ncells", INK),
    "undecided": (4.2, 3.2, "damaged,\nundecided", INK),
    "senescent": (7.5, 3.2, "senescent", SENESCENT),
    "rapid": (4.2, 5.6, "rapid\napoptosis", FRIEND),
    "late": (6.9, 5.6, "delayed\napoptosis", FRIEND),
    "cleared": (9.6, 5.6, "cleared by\nthe host", FRIEND),
    "regrowth": (7.5, 0.6, "growing\nagain", FOE),
}
HALF_WIDTH, HALF_HEIGHT = 0.78, 0.46
TITLE_LINE = 105

# arrow: (from point, to point, bend, colour, label point)
ARROWS = {
    Figure1.DNA_DAMAGE: ((1.9, 3.2), (3.4, 3.2), 0.0, GREY, (2.65, 3.74)),
    Figure1.RAPID_APOPTOSIS: ((4.2, 3.68), (4.2, 5.1), 0.0, FRIEND, (4.85, 4.05)),
    Figure1.SENESCENCE: ((5.0, 3.2), (6.7, 3.2), 0.0, SENESCENT, (5.8, 3.6)),
    Figure1.DELAYED_APOPTOSIS: ((7.3, 3.68), (7.0, 5.1), 0.0, FRIEND, (6.5, 4.68)),
    Figure1.CLEARANCE: ((7.9, 3.68), (9.4, 5.1), 0.0, FRIEND, (9.6, 4.35)),
    Figure1.REENTRY: ((7.5, 2.72), (7.5, 1.1), 0.0, FOE, (7.5, 1.9)),
    Figure1.RECOVERY: ((4.4, 2.72), (6.7, 0.85), 0.12, GREY, (4.95, 1.65)),
    Figure1.ESCAPE_ACQUIRED: ((8.2, 2.75), (8.25, 0.95), -0.6, FOE, (10.15, 1.9)),
    Figure1.ESCAPE_PREEXISTING: ((1.1, 2.72), (6.7, 0.5), 0.28, FOE, (2.6, 0.75)),
    Figure1.PARACRINE_ARREST: ((1.3, 3.68), (7.1, 3.68), -0.32, SENESCENT, (2.2, 4.6)),
}
WORDS = {
    Figure1.DNA_DAMAGE: "damage",
    Figure1.RAPID_APOPTOSIS: "",
    Figure1.SENESCENCE: "",
    Figure1.DELAYED_APOPTOSIS: "",
    Figure1.CLEARANCE: "clearance",
    Figure1.REENTRY: "re-entry",
    Figure1.RECOVERY: "recovery",
    Figure1.ESCAPE_ACQUIRED: "acquired escape",
    Figure1.ESCAPE_PREEXISTING: "pre-existing clone",
    Figure1.PARACRINE_ARREST: "paracrine arrest",
}


def passed(hundred: float) -> str:
    """Return a number of passages for a hundred cells in words.

    Examples
    --------
    >>> passed(37.2), passed(0.42), passed(2e-4), passed(0.0)
    ('37', '0.4', '1 in 500,000 cells', 'none')
    """
    if hundred <= 0.0:
        return "none"
    if hundred >= 10.0:
        return f"{hundred:,.0f}"
    if hundred >= 0.1:
        return f"{hundred:.1f}"
    size = 10.0 ** (math.floor(math.log10(100.0 / hundred)) - 1)
    return f"1 in {round(100.0 / hundred / size) * size:,.0f} cells"


def between(low: float, high: float) -> str:
    """Return an interval of passages for a hundred cells in words, both ends said alike.

    Examples
    --------
    >>> between(20.0, 50.0), between(4e-3, 38.0), between(0.0, 5.0)
    ('20 to 50', '<0.01 to 38', '0 to 5.0')
    >>> between(0.0, 1e-3), between(3e-5, 0.02)
    ('none to 1 in 100,000', '1 in 3,300,000 to 5,000')
    """
    if high < 0.1:
        last = passed(high).removesuffix(" cells")
        if low <= 0.0:
            return f"none to {last}"
        return f"{passed(low).removesuffix(' cells')} to {last.removeprefix('1 in ')}"
    if low <= 0.0:
        return f"0 to {passed(high)}"
    if low < 0.1:
        return f"{f'{low:.2f}' if low >= 0.01 else '<0.01'} to {passed(high)}"
    return f"{passed(low)} to {passed(high)}"


@styled
def figure1(numbers: Passages) -> Figure:
    """Draw the fates of a hundred tumour cells: friends green, foes red, widths by passages.

    An arrow that the scenario does not have is dotted, and says so.
    """
    figure = new_figure(8.6, 5.6)
    axes = figure.add_subplot()
    axes.set_xlim(0.2, 11.4)
    axes.set_ylim(-0.8, 6.3)
    axes.set_axis_off()
    for arrow, (start, end, bend, colour, label) in ARROWS.items():
        found = numbers.arrows.get(arrow)
        _arrow(axes, start, end, bend, colour, None if found is None else found[0])
        words = [WORDS[arrow]] if WORDS[arrow] else []
        if found is None:
            words.append("not in this scenario")
        else:
            words.append(passed(found[0]))
            if found[2] > 0.0:
                words.append(f"({between(found[1], found[2])})")
        _label(axes, label, "\n".join(words))
    _arrow(axes, (6.8, 2.75), (1.75, 2.75), -0.22, FOE, 3.0 if numbers.fed else None)
    _label(axes, (3.2, 2.32), "feeds growth" if numbers.fed else "feeding: not in this scenario")
    for x, y, name, edge in BOXES.values():
        axes.add_patch(
            FancyBboxPatch(
                (x - HALF_WIDTH, y - HALF_HEIGHT),
                2 * HALF_WIDTH,
                2 * HALF_HEIGHT,
                boxstyle="round,pad=0.02,rounding_size=0.14",
                facecolor="white",
                edgecolor=edge,
                linewidth=1.8,
                zorder=3,
            )
        )
        axes.text(x, y, name, ha="center", va="center", fontsize=10.5, weight="bold", zorder=4)
    axes.text(0.3, -0.75, legend_words(numbers), fontsize=9.2, color=SOFT, va="bottom")
    return figure


def legend_words(numbers: Passages) -> str:
    """Return the legend of the figure in words."""
    regimen = numbers.scenario.regimens[numbers.regimen].label or numbers.regimen
    variant = ""
    if numbers.variant is not None:
        noun = numbers.scenario.variants[numbers.variant]
        variant = f", {noun.label or numbers.variant}"
    title = textwrap.fill(f"{numbers.scenario.title}{variant}; {regimen}.", TITLE_LINE)
    return (
        f"{title}\n"
        f"Passages to day {numbers.until:g} for 100 tumour cells at the first treatment "
        f"({float(f'{numbers.cells:.2g}'):,.0f}): median (90 %) of {numbers.hosts} draws.\n"
        "A cell may pass more than once. Green: friend; red: foe; well mixed. "
        "Research tool, not for decisions about patients."
    )


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    bend: float,
    colour: str,
    hundred: float | None,
) -> None:
    width = 1.2 if not hundred else min(7.0, 1.6 + 1.1 * math.log10(1.0 + 10.0 * hundred))
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=9 + 2.2 * width,
            linewidth=width,
            linestyle="-" if hundred else ":",
            color=colour,
            alpha=0.85,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def _label(axes: Axes, at: tuple[float, float], words: str) -> None:
    axes.text(
        *at,
        words,
        ha="center",
        va="center",
        fontsize=9.5,
        linespacing=1.15,
        zorder=5,
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.9,
        },
    )
