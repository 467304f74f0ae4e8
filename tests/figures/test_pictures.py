"""Pictures of a verdict: what stands in them is what the verdict says, also in the bad cases.

Oracles: the numbers of the verdict, and cohort/survival for the Kaplan-Meier curves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from tests.verdict.worlds import foe, friend, friendly_verdict, null

from senescape.cohort import kaplan_meier
from senescape.figures import (
    census_bars,
    census_worlds,
    effect_by_regimen,
    effect_curve,
    save,
    share_bars,
    survival_curves,
    svg_of,
)
from senescape.figures.style import BOX_COLOURS, RULE_COLOURS, WITH_COLOUR, new_axes, styled
from senescape.figures.survival import steps
from senescape.model import EndpointName, Uncertainty
from senescape.verdict import BOX_WORDS, BOXES, PLAYER_WORDS, RULES, Rule, Verdict, judge, signed
from senescape.verdict.lifetimes import Lifetimes

PROGRESSION = EndpointName.TIME_TO_PROGRESSION
PICTURES: list[Callable[[Verdict], Figure]] = [
    effect_curve,
    survival_curves,
    census_worlds,
    share_bars,
    lambda verdict: census_bars([verdict]),
    lambda verdict: effect_by_regimen([verdict]),
]


def words_of(figure: Figure) -> list[str]:
    """Return every text of a picture, in the order of the file."""
    root = ElementTree.fromstring(svg_of(figure, "a picture"))
    return ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return friendly_verdict()


def with_times(verdict: Verdict, days: list[list[float]]) -> Verdict:
    """Return a verdict with other times of progression and of death."""
    rows = np.array(days + [days[-1]] * (1 + len(RULES) - len(days)))
    return replace(verdict, lifetimes=Lifetimes(rows, rows, verdict.question.look_ahead))


# --- bad cases ------------------------------------------------------------------------------------
def one_draw() -> Verdict:
    return judge(friend(), "pulse", draws=1, hosts=1, step=0.25, shares=True)


def nothing_unknown() -> Verdict:
    scenario = friend().model_copy(update={"uncertainty": Uncertainty()})
    return judge(scenario, "pulse", draws=3, hosts=1, step=0.25, shares=True)


def no_entries() -> Verdict:
    return judge(null(), "pulse", draws=3, hosts=1, step=0.25, shares=True)


def untreated() -> Verdict:
    return judge(foe(), "none", draws=3, hosts=1, step=0.25)


@pytest.mark.parametrize("case", [one_draw, nothing_unknown, no_entries, untreated])
def test_bad_cases_are_drawn(case: Callable[[], Verdict]) -> None:
    """One draw; nothing that is not known; nothing becomes senescent; no treatment, no shares."""
    verdict = case()
    for draw in PICTURES:
        assert svg_of(draw(verdict), "a picture").startswith("<svg")


@pytest.mark.parametrize(
    "days",
    [[[np.inf] * 3], [[1.0] * 3], [[0.0, 2.0, np.inf], [1.0, 1.0, 1.0]]],
    ids=["nobody", "all at once", "at the first treatment"],
)
def test_survival_is_drawn_for_every_cohort(days: list[list[float]], verdict: Verdict) -> None:
    words = words_of(survival_curves(with_times(verdict, days)))
    assert "number at risk" in words and "wells without progression [share]" in words


# --- what the pictures say ------------------------------------------------------------------------
def test_survival_without_that_end_point_is_named_progression(verdict: Verdict) -> None:
    asked = replace(verdict.question, deltas=verdict.question.deltas | {EndpointName.SURVIVAL: 1.0})
    alive = words_of(survival_curves(replace(verdict, question=asked)))
    assert "wells without progression [share]" in words_of(survival_curves(verdict))
    assert "wells alive [share]" in alive and "wells without progression [share]" not in alive


def test_the_curve_drawn_is_the_kaplan_meier_curve(verdict: Verdict) -> None:
    made = with_times(verdict, [[1.0, 3.0, 9.5, np.inf], [1.0, 2.0, 3.0, 4.0]])
    axes = survival_curves(made).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    for label, rule in (
        ("with senescence", None),
        ("without: renormalised", RULES[0]),
        ("die", RULES[1]),
    ):
        curve = kaplan_meier(*made.lifetimes.seen(PROGRESSION, rule, made.question.look_ahead))
        day, share, _, _ = steps(curve, made.question.look_ahead)
        np.testing.assert_array_equal(lines[label].get_xdata(), day)
        np.testing.assert_array_equal(lines[label].get_ydata(), share)
    assert lines["with senescence"].get_color() == WITH_COLOUR
    assert {c.get_label() for c in axes.lines if c.get_label() in {r.value for r in RULES}} == {
        "die", "inert", "recover",
    }  # fmt: skip
    assert len(axes.collections) >= 2, "a band for each of the two main worlds"


def test_a_curve_stops_where_nobody_is_left_and_else_at_the_last_day() -> None:
    day, share, low, high = steps(kaplan_meier([1.0, 2.0], [True, True]), 10.0)
    assert (day[0], share[0], day[-1], share[-1]) == (0.0, 1.0, 2.0, 0.0)
    day, share, low, high = steps(kaplan_meier([1.0, 10.0], [True, False]), 10.0)
    assert (day[-1], share[-1]) == (10.0, 0.5)
    assert (low <= share).all() and (share <= high).all()


def test_the_number_at_risk_is_counted_from_the_times(verdict: Verdict) -> None:
    """Four hosts: at day 2 (one of the ticks) those that progressed on day 1 are gone."""
    made = with_times(verdict, [[1.0, 3.0, 9.5, np.inf], [1.0, 1.5, 3.0, 4.0]])
    below = survival_curves(made).axes[1]
    rows = {0.0: [], 1.0: []}  # type: ignore[var-annotated]
    for text in below.texts:
        rows[text.get_position()[1]].append(text.get_text())
    assert list(below.get_xticks()) == [0, 2, 4, 6, 8, 10]
    assert rows[1.0] == ["4", "3", "2", "2", "2", "1"]
    assert rows[0.0] == ["4", "2", "1", "0", "0", "0"]


def test_the_census_names_every_box_with_its_percent(verdict: Verdict) -> None:
    figure = census_worlds(verdict)
    words = words_of(figure)
    assert all(BOX_WORDS[box.value] in words for box in BOXES)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    on = [100.0 * verdict.census[name] for name in BOX_COLOURS]
    off = [100.0 * verdict.census_off[Rule.RENORMALISED][name] for name in BOX_COLOURS]
    np.testing.assert_allclose(widths, [*on, *off])
    assert sum(on) == pytest.approx(100.0)


def test_all_nine_players_stand_there_with_their_shares(verdict: Verdict) -> None:
    figure = share_bars(verdict)
    words = words_of(figure)
    assert all(word in words for word in PLAYER_WORDS.values())
    assert words.count("0") >= 7, "players that the scenario does not have do exactly nothing"
    arrest = next(e for p, e in verdict.shares.items() if p.value == "arrest")
    assert f"{signed(arrest.estimate)} ({signed(arrest.low)} to {signed(arrest.high)})" in words
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert sum(widths) == pytest.approx(verdict.main.effect.estimate)


def test_the_curve_has_four_rules_their_intervals_and_the_changes_of_sign(verdict: Verdict) -> None:
    flipped = replace(
        verdict,
        question=replace(verdict.question, data_end=5.0),
        rules=verdict.rules | {Rule.RENORMALISED: replace(verdict.main, flips=(3.0, 7.0))},
    )
    figure = effect_curve(flipped)
    axes, beside = figure.axes
    for rule in RULES:
        line = next(x for x in axes.lines if x.get_label() == rule.value)
        np.testing.assert_array_equal(line.get_ydata(), verdict.rules[rule].curve[:, 0])
    diamonds = [x for x in axes.lines if x.get_marker() == "D"]
    assert [x.get_xdata()[0] for x in diamonds] == [3.0, 7.0]
    assert diamonds[0].get_markerfacecolor() != "white" == diamonds[1].get_markerfacecolor()
    dots = [x for x in beside.lines if x.get_marker() == "o"]
    assert [x.get_ydata()[0] for x in dots] == [verdict.rules[r].effect.estimate for r in RULES]
    words = words_of(figure)
    assert "horizon" in words and "extrapolated" in words
    assert "extrapolated" not in words_of(effect_curve(verdict))


def test_axes_say_what_they_are_and_in_which_unit(verdict: Verdict) -> None:
    for draw in PICTURES:
        axes = draw(verdict).axes[0]
        assert "[" in axes.get_xlabel() + axes.get_ylabel()


# --- style ----------------------------------------------------------------------------------------
def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_each_rule_and_each_box_has_its_own_colour() -> None:
    assert set(RULE_COLOURS) == set(RULES) and set(BOX_COLOURS) == {b.value for b in BOXES}
    assert len({WITH_COLOUR, *RULE_COLOURS.values()}) == 1 + len(RULES)
    assert len(set(BOX_COLOURS.values())) == len(BOXES)
    # the two worlds that are set against each other differ in lightness, not in hue alone
    assert luminance(WITH_COLOUR) - luminance(RULE_COLOURS[Rule.RENORMALISED]) > 0.3


@styled
def labelled(text: str) -> Figure:
    figure, axes = new_axes(2.0, 2.0)
    axes.set_xlabel(text)
    return figure


def test_a_label_is_text_whatever_it_holds() -> None:
    """Markup is escaped, and a pair of dollars is no formula."""
    hostile = "<script>alert(1)</script> for $5 and $x^{"
    drawn = svg_of(labelled(hostile), hostile, "a & b")
    assert "<script>" not in drawn and "<desc>a &amp; b</desc>" in drawn
    assert hostile in words_of(labelled(hostile))
    assert 'role="img"' in drawn and "&lt;script&gt;" in drawn


def test_pictures_of_one_page_do_not_share_names(verdict: Verdict) -> None:
    """Identifiers that remain are of markers and clips, named by what they hold."""
    drawn = svg_of(effect_curve(verdict), "curve")
    assert "<g id=" not in drawn
    root = ElementTree.fromstring(drawn)
    names = {item.get("id") for item in root.iter() if item.get("id")}
    used = {
        item.get("{http://www.w3.org/1999/xlink}href", "#")[1:] for item in root.iter()
    } - {""}  # fmt: skip
    assert used <= names


def test_a_saved_picture_is_on_white(tmp_path: Path) -> None:
    save(labelled("x"), tmp_path / "x.png")
    assert imread(tmp_path / "x.png")[0, 0].tolist() == [1.0, 1.0, 1.0, 1.0]
