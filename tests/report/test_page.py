"""The page of a verdict: whole in one file, safe, and with its warning; pictures that are SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from tests.cohort.test_simulate import MEASURED, TEXT

from senescape.cohort import WellPrediction, passages, predict_wells
from senescape.figures import (
    census_bars,
    effect_by_regimen,
    effect_curve,
    mean_counts,
    recovered_wells,
    svg_of,
)
from senescape.files import parse_scenario
from senescape.report import chosen_verdict, verdict_page
from senescape.verdict import Verdict, judge

Results = tuple[list[Verdict], list[WellPrediction]]


@pytest.fixture(scope="module")
def results() -> Results:
    text = TEXT.replace("uncertainty:\n", f"{MEASURED}uncertainty:\n")
    text = text.replace(
        "title: Cells that arrest", "title: Cells <script>alert(1)</script> that arrest"
    )
    scenario = parse_scenario(text)
    verdicts = [judge(scenario, r, draws=6, hosts=1, step=0.25) for r in scenario.regimens]
    return verdicts, predict_wells(scenario, scenario.measured["wells"], draws=4, step=0.25)


def test_the_page_is_whole_and_says_that_it_is_for_research(results: Results) -> None:
    page = verdict_page(*results)
    assert "not for decisions about patients" in page
    assert "in this culture; no host" in page
    loaded = re.findall(r'(?:src|href)="(?!https://doi\.org/|#)([^"]+)"', page)
    assert loaded == []
    assert not re.search(r"<(script|link|iframe)", page)
    assert page.count("<svg") == 5


def test_the_page_draws_figure_1_where_its_numbers_are_given(results: Results) -> None:
    scenario = results[0][0].scenario
    numbers = passages(scenario, "pulse", draws=2, step=0.5)
    page = verdict_page(*results, numbers)
    assert page.count("<svg") == 6 and "Where the cells go" in page
    assert "not in this scenario" in page and "<script>" not in page


def test_a_hostile_title_is_text(results: Results) -> None:
    page = verdict_page(*results)
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_page_of_one_verdict_needs_no_wells(results: Results) -> None:
    page = verdict_page(results[0][:1])
    assert page.count("<svg") == 2 and "Predicted and measured" not in page


def test_the_headline_is_about_the_chosen_regimen(results: Results) -> None:
    assert chosen_verdict(results[0]).regimen == "pulse"


def test_pictures_are_svg_and_the_same_twice(results: Results) -> None:
    verdicts, wells = results
    for draw in (
        lambda: effect_by_regimen(verdicts),
        lambda: effect_curve(verdicts[1]),
        lambda: census_bars(verdicts),
        lambda: recovered_wells(wells),
        lambda: mean_counts(wells),
    ):
        first, second = svg_of(draw(), "a picture"), svg_of(draw(), "a picture")
        root = ElementTree.fromstring(first)
        assert root.tag.endswith("svg") and first == second
        assert "<title>a picture</title>" in first
        assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) > 3


def test_a_notebook_shows_a_verdict(results: Results) -> None:
    shown = results[0][1]._repr_html_()
    assert "<table>" in shown and "renormalised" in shown
