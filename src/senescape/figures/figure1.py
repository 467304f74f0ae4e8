"""Figure 1 of the seed article, drawn anew with the numbers of one scenario."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from senescape.cohort import Passages
from senescape.model import Figure1

from .style import GREEN, GREY, INK, RED, SKY, SOFT, new_figure, styled

# name: (x, y, words, edge)
BOXES = {
    "tumour": (1.1, 3.2, "tumour\ncells", INK),
    "undecided": (4.0, 3.2, "damaged,\nundecided", INK),
    "senescent": (7.2, 3.2, "senescent", SKY),
    "rapid": (4.0, 5.6, "rapid\napoptosis", GREEN),
    "late": (6.6, 5.6, "delayed\napoptosis", GREEN),
    "cleared": (9.3, 5.6, "cleared by\nthe host", GREEN),
    "regrowth": (7.2, 0.6, "growing\nagain", RED),
}
HALF_WIDTH, HALF_HEIGHT = 0.78, 0.46

# arrow: (from point, to point, bend, colour, label point)
ARROWS = {
    Figure1.DNA_DAMAGE: ((1.9, 3.2), (3.2, 3.2), 0.0, GREY, (2.55, 3.5)),
    Figure1.RAPID_APOPTOSIS: ((4.0, 3.68), (4.0, 5.1), 0.0, GREEN, (4.0, 4.4)),
    Figure1.SENESCENCE: ((4.8, 3.2), (6.4, 3.2), 0.0, SKY, (5.6, 3.5)),
    Figure1.DELAYED_APOPTOSIS: ((7.0, 3.68), (6.7, 5.1), 0.0, GREEN, (6.45, 4.4)),
    Figure1.CLEARANCE: ((7.6, 3.68), (9.1, 5.1), 0.0, GREEN, (8.75, 4.4)),
    Figure1.REENTRY: ((7.2, 2.72), (7.2, 1.1), 0.0, RED, (7.2, 1.9)),
    Figure1.RECOVERY: ((4.2, 2.72), (6.4, 0.85), 0.12, GREY, (4.75, 1.65)),
    Figure1.ESCAPE_ACQUIRED: ((7.9, 2.75), (7.95, 0.95), -0.55, RED, (9.25, 1.9)),
    Figure1.ESCAPE_PREEXISTING: ((1.1, 2.72), (6.4, 0.5), 0.28, RED, (2.6, 0.75)),
    Figure1.PARACRINE_ARREST: ((1.3, 3.68), (6.9, 3.68), -0.32, SKY, (2.2, 4.6)),
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
    Figure1.ESCAPE_PREEXISTING: "clone of before",
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


@styled
def figure1(numbers: Passages) -> Figure:
    """Draw the fates of a hundred tumour cells: friends green, foes red, widths by passages.

    An arrow that the scenario does not have is dotted, and says so.
    """
    figure = new_figure(8.6, 5.6)
    axes = figure.add_subplot()
    axes.set_xlim(0.0, 10.4)
    axes.set_ylim(-0.75, 6.3)
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
                words.append(f"({passed(found[1])} to {passed(found[2])})".replace(" cells", ""))
        _label(axes, label, "\n".join(words))
    _arrow(axes, (6.5, 2.75), (1.75, 2.75), -0.22, RED, 3.0 if numbers.fed else None)
    _label(axes, (4.1, 2.3), "feeds growth" if numbers.fed else "feeding: not in this scenario")
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
        axes.text(x, y, name, ha="center", va="center", fontsize=10, weight="bold", zorder=4)
    axes.text(0.05, -0.7, legend_words(numbers), fontsize=8.5, color=SOFT, va="bottom")
    return figure


def legend_words(numbers: Passages) -> str:
    """Return the legend of the figure in words."""
    regimen = numbers.scenario.regimens[numbers.regimen].label or numbers.regimen
    variant = ""
    if numbers.variant is not None:
        noun = numbers.scenario.variants[numbers.variant]
        variant = f", {noun.label or numbers.variant}"
    return (
        f"{numbers.scenario.title}{variant}; {regimen}.\n"
        f"Passages to day {numbers.until:g} for 100 tumour cells at the first treatment "
        f"({numbers.cells:,.0f}): median (90 %) of {numbers.hosts} draws.\n"
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
        fontsize=8.5,
        linespacing=1.15,
        zorder=5,
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.9,
        },
    )
