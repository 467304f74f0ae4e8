"""The page of a verdict: whole in one file, safe, and with its warning; pictures that are SVG."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
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
from senescape.model import Citation
from senescape.model.host import Host
from senescape.report import chosen_verdict, verdict_page
from senescape.report.tables import short
from senescape.results import Precision
from senescape.verdict import BOX_WORDS, Verdict, judge
from senescape.verdict.lifetimes import survival_in

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
    # by regimen: effects, census; one regimen: curve, survival, census; wells, counts
    assert page.count("<svg") == 7


def test_the_page_draws_figure_1_where_its_numbers_are_given(results: Results) -> None:
    scenario = results[0][0].scenario
    numbers = passages(scenario, "pulse", draws=2, step=0.5)
    page = verdict_page(*results, numbers)
    assert page.count("<svg") == 8 and "Where the cells go" in page
    assert "not in this scenario" in page and "<script>" not in page


def test_a_verdict_that_was_stopped_says_so(results: Results) -> None:
    (verdict, *_), wells = results
    stopped = Precision(
        rule="half-width < 1 day",
        quantity="V at day 14",
        unit="day",
        counted="draws",
        kind="exact",
        n=128,
        maximum=900,
        block=64,
        low=-0.5,
        high=1.25,
        wanted=1.0,
        reached=True,
    )
    said = (
        "Stopped after 128 of 900 draws by half-width < 1 day: half-width 0.875 day of V at day 14"
    )
    assert said not in plain_text(verdict_page([verdict], wells))
    page = verdict_page([replace(verdict, precision=stopped)], wells)
    assert said in " ".join(plain_text(page).split())


def test_a_hostile_title_is_text(results: Results) -> None:
    page = verdict_page(*results)
    assert "<script" not in page and "&lt;script&gt;" in page


def test_what_was_not_measured_is_said(results: Results) -> None:
    """The control has wells but no counts: no quiet NaN."""
    page = verdict_page(*results)
    assert ">not measured<" in page and not re.search(r"\bnan\b", page)


def test_hostile_names_are_text_in_tables_and_pictures() -> None:
    """In the label of the host, a regimen, a parameter, a source, a switch: nothing is markup."""
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    scenario = parse_scenario(TEXT)
    growth = next(iter(scenario.parameters))
    regimen = next(iter(scenario.regimens))
    scenario = scenario.model_copy(
        update={
            "title": bad,
            "note": bad,
            "host": Host(label=bad),
            "parameters": scenario.parameters
            | {growth: scenario.parameters[growth].model_copy(update={"label": bad, "note": bad})},
            "regimens": scenario.regimens
            | {regimen: scenario.regimens[regimen].model_copy(update={"label": bad})},
            "citations": {"someone2020": Citation(text=bad, doi='10.1/"><script>')},
        }
    )
    verdict = judge(scenario, regimen, draws=2, hosts=1, step=0.5, shares=True)
    numbers = passages(scenario, regimen, draws=2, step=0.5)
    page = verdict_page([verdict], (), numbers)
    assert "<script" not in page and "<img" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert '"><script' not in page


def test_the_page_says_the_numbers_of_the_verdict(results: Results) -> None:
    """Effect, probabilities, hosts, census, survival and command, as the verdict has them."""
    chosen = chosen_verdict(results[0])
    page = " ".join(plain_text(verdict_page([chosen])).split())
    assert " ".join(chosen.headline().split()) in page
    for rule, result in chosen.rules.items():
        effect = result.effect
        assert f"{rule.value}: {rule.words} {result.word.value} {short(effect)}" in page
        assert f"{effect.probability_beneficial:.2f}, {effect.probability_harmful:.2f}" in page
        hosts = (result.helped, result.harmed, result.unchanged)
        assert ", ".join(f"{100 * share:.0f}" for share in hosts) in page
    for name, (word, effect) in chosen.endpoints.items():
        assert f"{name.value.replace('_', ' ')} {word.value} {short(effect)}" in page
    for box, share in chosen.census.items():
        assert f"{BOX_WORDS[box]} {100 * share:.1f}" in page
    for rule in (None, *chosen.rules):
        found = survival_in(chosen.lifetimes, chosen.question, rule)
        assert f"{found.events} of {found.hosts}" in page
        assert f"{found.restricted_mean:.1f} ({found.low:.1f} to {found.high:.1f})" in page
    assert chosen.scenario.digest in page and f"seed {chosen.provenance.seed}" in page
    assert "Survival is no end point of this scenario" in page
    assert "independent: its p describes the curves and decides nothing" in page


def plain_text(page: str) -> str:
    """Return what a reader without pictures and scripts sees."""
    body = re.sub(r"<(style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", body))


def test_the_page_is_read_without_scripts_and_its_pictures_have_words(results: Results) -> None:
    page = verdict_page(*results)
    assert "onclick" not in page and "javascript:" not in page
    assert page.count('role="img" aria-label="') == page.count("<svg") == page.count("<desc>")
    ids = re.findall(r'<li id="(ref-\d+)"', page)
    assert len(ids) == len(set(ids)) == len(results[0][0].scenario.citations)
    assert set(re.findall(r'href="#(ref-\d+)"', page)) <= set(ids)


def test_a_page_of_one_verdict_needs_no_wells(results: Results) -> None:
    page = verdict_page(results[0][:1])
    assert page.count("<svg") == 3 and "Predicted and measured" not in page


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
