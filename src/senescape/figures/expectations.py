"""Pictures of expectations: what is compared, over draws, with the mechanism and without."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from senescape.compile.contrasts import regimen_of
from senescape.compile.expectations import measure_dimension
from senescape.compile.numbers import scenario_names
from senescape.model import Arm, EndpointName, Scenario
from senescape.units import convert
from senescape.verdict import ExpectationResult
from senescape.verdict.sentences import ENDPOINT_UNITS, PHRASES

from .style import BLUE, GREEN, INK, ORANGE, SOFT, new_figure, styled

Float = NDArray[np.float64]

ENDPOINTS = {name.value for name in EndpointName}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
WIDE = 8.0  # a range of ratios or cells beyond this factor is drawn on a log scale
DECADES = 3.0  # ratios further than this from the line that decides stand at the edge
TITLE_LINE, AWAY_LINE, AXIS_LINE = 76, 92, 84
ROWS = ((1.0, "as it stands", BLUE), (0.0, "taken away", ORANGE))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an expectation compares, as one number a draw.

    Parameters
    ----------
    what, unit : str
        Name of the axis: a ratio of both sides, their difference, or the left side alone.
    standing, without : (draws,)
        As the scenario stands, and with the mechanism taken away.
    low, high : float
        The statement holds strictly between the two; one of them may be infinite.
    cells : bool
        Whether the numbers are counts or ratios of them, for which a log scale fits.
    """

    what: str
    unit: str
    standing: Float
    without: Float
    low: float
    high: float
    cells: bool


def comparison(scenario: Scenario, result: ExpectationResult) -> Comparison:
    """Return the numbers that decide an expectation.

    Counts are compared by their ratio, end points (and whatever has a margin) by their
    difference, a limit with the left side itself. Where both counts are 0 nothing is decided: the
    ratio stands on the line.
    """
    noun = result.noun
    relation, factor = noun.relation, noun.factor
    names = scenario_names(scenario)
    dimension = measure_dimension(scenario, noun.left.measure)
    margin = names.number(noun.margin, "margin", dimension)
    observed = scenario.observables.get(noun.left.measure)
    unit = observed.unit if observed else ENDPOINT_UNITS.get(EndpointName(noun.left.measure), "1")
    sides = ((result.left, result.right), (result.left_without, result.right_without))
    scale = convert(1.0, unit) if observed else 1.0
    middle = 0.0
    cells = observed is not None and observed.unit == "cells"
    if noun.limit is not None:
        middle = scale * factor * names.number(noun.limit, "limit", dimension)
        values = [scale * left for left, _ in sides]
        what = f"{measure_words(scenario, noun.left.measure)}{moment_words(noun.left)}"
    elif observed is not None and margin == 0.0 and relation != "alike":
        middle, unit, cells = factor, "1", True
        values = [_ratio(left, right, factor) for left, right in sides]
        what = pair_words(scenario, noun.left, noun.right or noun.left, " / ")
    else:
        values = [scale * (left - factor * right) for left, right in sides]
        times = "" if factor == 1.0 else f"{factor:g} times "
        cells = False
        what = pair_words(scenario, noun.left, noun.right or noun.left, f" \N{MINUS SIGN} {times}")
    gap = scale * margin
    low = -math.inf if relation == "less" else middle + (gap if relation == "more" else -gap)
    high = math.inf if relation == "more" else middle + (gap if relation == "alike" else -gap)
    return Comparison(what, unit, values[0], values[1], low, high, cells)


def _ratio(left: Float, right: Float, neither: float) -> Float:
    nothing = np.where(left > 0.0, np.inf, neither)
    return np.where(right > 0.0, left / np.where(right > 0.0, right, 1.0), nothing)


def measure_words(scenario: Scenario, measure: str) -> str:
    """Return what is measured: an observable without its remarks, or an end point."""
    if measure in scenario.observables:
        return scenario.observables[measure].label.split(" (")[0] or measure.replace("_", " ")
    return PHRASES[EndpointName(measure)]


def moment_words(arm: Arm) -> str:
    """Return when an arm is read: `` on day 12``, or nothing at the horizon."""
    if arm.at is None:
        return ""
    day = str(arm.at) if arm.at.quantity is None else f"day {arm.at.quantity.value:g}"
    return f" to {day}" if arm.measure in ENDPOINTS else f" on {day}"


def pair_words(scenario: Scenario, left: Arm, right: Arm, sign: str) -> str:
    """Return both sides of a comparison, what they share said once."""
    measures = [measure_words(scenario, arm.measure) for arm in (left, right)]
    moments = [moment_words(arm) for arm in (left, right)]
    text = "".join(words[0] for words in (measures, moments) if words[0] == words[1]).strip()
    own: tuple[list[str], list[str]] = ([], [])
    for side, measure, moment in zip(own, measures, moments, strict=True):
        apart = (measure, measures), (moment, moments)
        side.append("".join(word for word, both in apart if both[0] != both[1]).strip())
    for one, other in zip(_setting(scenario, left), _setting(scenario, right), strict=True):
        if one != other:
            own[0].append(one)
            own[1].append(other)
    pair = sign.join(", ".join(word for word in words if word) for words in own)
    return f"{text}: {pair}" if text else pair


def _setting(scenario: Scenario, arm: Arm) -> tuple[str, str, str]:
    return (
        regimen_of(scenario, arm),
        arm.variant.replace("_", " ") if arm.variant else "no variant",
        "with senescence" if arm.world == "on" else f"without ({arm.world})",
    )


@styled
def expectation_intervals(scenario: Scenario, results: Sequence[ExpectationResult]) -> Figure:
    """Draw every expectation of a scenario: medians, halves and 90 % of draws, where it holds.

    One panel each. Blue: as the scenario stands; orange: with the mechanism taken away, which is
    the negative control. The shaded side is where the statement holds.
    """
    heads = [_head(result) for result in results]
    lines = [head.count("\n") + 1 for head, _ in heads]
    below = [words.count("\n") + 1 for _, words in heads]
    heights = [1.05 + 0.17 * (a + b) for a, b in zip(lines, below, strict=True)]
    figure = new_figure(7.6, 0.45 + sum(heights))
    panels = figure.subplots(len(results), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, result, (head, words) in zip(panels, results, heads, strict=True):
        _panel(panel, comparison(scenario, result), result)
        count = words.count("\n") + 1
        panel.set_title(head, pad=6 + 12.5 * count, linespacing=1.15)
        panel.annotate(
            words,
            (0.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, 3),
            textcoords="offset points",
            color=SOFT,
            fontsize=9,
            va="bottom",
        )
    handles = [
        Line2D([], [], color=BLUE, marker="o", linewidth=3, label="median, half and 90 % of draws"),
        Line2D([], [], color=ORANGE, marker="D", linewidth=3, label="mechanism taken away"),
        Patch(color=GREEN, alpha=0.16, linewidth=0, label="here the statement holds"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=9)
    return figure


def _head(result: ExpectationResult) -> tuple[str, str]:
    """Return the statement, and the mechanism that is taken away, on lines that fit."""
    away = f"taken away: {result.noun.without.label}"
    return textwrap.fill(sentence(result.noun.says), TITLE_LINE), textwrap.fill(away, AWAY_LINE)


def sentence(words: str) -> str:
    """Return words with a capital, unless they begin with a name that has none.

    Examples
    --------
    >>> sentence("wells regrow"), sentence("p53-null cells die")
    ('Wells regrow', 'p53-null cells die')
    """
    return words[:1].upper() + words[1:] if words.split(" ")[0].isalpha() else words


def _panel(axes: Axes, item: Comparison, result: ExpectationResult) -> None:
    quantiles = [
        # no interpolation: between a number and infinity there is none
        np.quantile(values, QUANTILES, method="inverted_cdf")
        for values in (item.standing, item.without)
    ]
    low, high, log = axis_limits(item, np.concatenate(quantiles))
    if log:
        axes.set_xscale("log")
        ticks = log_ticks(low, high)
        axes.set_xticks(ticks, [plain_number(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set_xlim(low, high)
    axes.axvspan(max(item.low, low), min(item.high, high), color=GREEN, alpha=0.16, linewidth=0)
    for line in (item.low, item.high):
        if low < line < high:
            axes.axvline(line, color=GREEN, linewidth=1.2)
    shares = (result.holds, result.without)
    for (row, _, colour), found, share in zip(ROWS, quantiles, shares, strict=True):
        _row(axes, row, np.clip(found, low, high), colour, "o" if row else "D")
        words = f"holds in {100 * share:.0f} %" if row else f"in {100 * share:.0f} %"
        axes.annotate(
            words,
            (1.015, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9.5,
            annotation_clip=False,
        )
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([row for row, _, _ in ROWS], [name for _, name, _ in ROWS])
    axes.tick_params(axis="y", left=False, labelcolor=INK)
    axes.tick_params(axis="x", labelsize=9)
    unit = item.unit.replace(" ", "\N{NO-BREAK SPACE}")
    axes.set_xlabel(textwrap.fill(f"{item.what} [{unit}]", AXIS_LINE), fontsize=9)


def _row(axes: Axes, row: float, found: Float, colour: str, marker: str) -> None:
    """Draw one distribution; what lies beyond an edge of the axis ends there in an arrow."""
    low, high = axes.get_xlim()
    axes.hlines(row, found[0], found[4], color=colour, linewidth=1.4)
    axes.hlines(row, found[1], found[3], color=colour, linewidth=4.5)
    inside = low < found[2] < high
    axes.plot(
        found[2:3],
        [row],
        marker=marker,
        color=colour,
        markersize=7,
        markerfacecolor="white" if inside else colour,
        markeredgewidth=1.8,
        clip_on=False,
        zorder=5,
    )
    for value, edge, arrow in ((found[0], low, "<"), (found[4], high, ">")):
        if value == edge:
            axes.plot([edge], [row], marker=arrow, color=colour, markersize=6, clip_on=False)


def axis_limits(item: Comparison, found: Float) -> tuple[float, float, bool]:
    """Return the ends of the axis, and whether it is a log axis.

    The line that decides is always on it. On a log axis what is smaller or larger than a
    thousandfold (for cells: than one cell) is left to arrows.
    """
    lines = np.array([line for line in (item.low, item.high) if math.isfinite(line)])
    shown = np.concatenate([found[np.isfinite(found)], lines])
    if item.cells:
        centre = float(lines[0])
        least, most = centre * 10.0**-DECADES, centre * 10.0**DECADES
        if item.unit != "1":
            least, most = 1.0, math.inf
        if bool((shown <= 0.0).any()) or shown.max() / shown.min() > WIDE:
            kept = np.clip(shown, least, most)
            low, high = float(kept.min()), float(kept.max())
            room = (high / low) ** 0.06
            return max(low / room, min(least, low)), high * room, True
    low, high = float(shown.min()), float(shown.max())
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room, False


def plain_number(value: float) -> str:
    """Return a round number without an exponent.

    Examples
    --------
    >>> plain_number(1e6), plain_number(1e-5), plain_number(2.0)
    ('1,000,000', '0.00001', '2')
    """
    return f"{value:,.9f}".rstrip("0").rstrip(".")


def log_ticks(low: float, high: float) -> list[float]:
    """Return at most seven round numbers between two positive ones.

    Examples
    --------
    >>> log_ticks(0.004, 3.0)
    [0.01, 0.1, 1.0]
    >>> log_ticks(0.3, 3.1)
    [0.5, 1.0, 2.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = [10.0**power for power in range(first, last + 1) if low <= 10.0**power <= high]
    if len(decades) < 3:
        every = [m * 10.0**power for power in range(first, last + 1) for m in (1.0, 2.0, 5.0)]
        return [float(f"{tick:.1g}") for tick in every if low <= tick <= high]
    return decades[:: -(-len(decades) // 7)]
