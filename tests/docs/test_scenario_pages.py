"""Pages of scenarios: none is missing or stale, and their numbers are those of the commands.

Oracles: faults planted in sound documents; the output of ``senescape expect`` and ``verdict`` for
a small world.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from tests.docs.planted import ROOT, make_index, plant, stamp
from tests.verdict.worlds import WORLD
from typer.testing import CliRunner

from senescape.cli.app import app
from senescape.files import read_scenario
from senescape.model import Scenario

import make_scenario_page  # isort: skip  # planted has put docs on the path
import make_scenarios  # isort: skip

FACTS = {
    "regrow": 0.7, "hit": 3, "recovers": 3, "dies": 0, "senesces": 1.5, "returns": 0, "secretion": 0,
    "boost": 0, "headline": "burden\n  regimen: pulse",
}  # fmt: skip
QUESTIONS = """
citations:
  someone: {text: "Someone A & B (2002) <i>", doi: 10.1016/S0092-8674(02)00734-1}
variants:
  unarmed: {label: nobody senesces, set: {senesces: 0 / day}}
contrasts:
  worth: {label: "V minus V | none", of: effect, left: {}, right: {variant: unarmed}}
expectations:
  arrest_holds:
    says: arrested cells are fewer | than <b>
    source: someone
    grade: recalled
    left: {measure: burden}
    right: {measure: burden, world: recover}
    relation: more
    without: {label: nobody senesces, set: {senesces: 0 / day}}
  nonsense:
    says: untreated cells hardly grow
    source: assumption
    grade: assumption
    left: {measure: live, at: 3 day, regimen: none}
    limit: 310 cells
    relation: less
    without: {label: they do not grow, set: {growth: 0 / day}}
"""
RUN = make_scenario_page.Run(
    expectation_draws=10, contrast_draws=10, passage_draws=10, verdict_draws=12
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "toy-world.yaml"
    text = WORLD.format(**FACTS).replace("A planted world", "A planted * world") + QUESTIONS
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def results(file: Path) -> make_scenario_page.Results:
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}:
        pytest.skip("minutes where kernels are not compiled")
    return make_scenarios.results_of(read_scenario(file), RUN)


@pytest.fixture(scope="module")
def page(results: make_scenario_page.Results) -> str:
    return make_scenario_page.page_text(results)


def section(page: str, title: str) -> list[list[str]]:
    """Return the cells of the table of a section."""
    text = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def output(command: list[str]) -> object:
    result = CliRunner().invoke(app, command)
    return json.loads(result.stdout)


# --- numbers


def test_shares_are_those_of_the_command_expect(page: str, file: Path) -> None:
    said = output(["expect", str(file), "--draws", "10", "--seed", "1", "--json"])
    assert isinstance(said, list) and len(said) == 2
    for row, wanted in zip(section(page, "What it should show"), said, strict=True):
        assert row[2] == f"{100 * wanted['holds']:.0f} %"
        assert row[3] == f"{100 * wanted['without']:.0f} %"
        assert row[4] == wanted["mechanism"]
        assert row[5] == ("yes" if wanted["met"] else "**no**")
    assert [row[5] for row in section(page, "What it should show")] == ["yes", "**no**"]


def test_the_verdict_is_that_of_the_command(page: str, file: Path) -> None:
    command = "verdict toy-world --regimen pulse --draws 12 --hosts 1 --step-hours 6 --seed 1"
    said = output([*command.replace("toy-world", str(file)).split(" "), "--json"])
    assert isinstance(said, dict)
    rows = {row[0]: row for row in section(page, "Friend or foe")}
    assert set(rows) == set(said["rules"])
    for name, rule in said["rules"].items():
        assert rows[name][2] == rule["verdict"]
        shown = float(rows[name][3].split(" ")[0].replace("\N{MINUS SIGN}", "-"))
        assert shown == pytest.approx(rule["effect"]["estimate"], abs=0.051)
        assert rows[name][4] == f"{rule['probability_beneficial']:.2f}"
    assert f"senescape {command}\n" in page


def test_the_contrast_stands_there(page: str, results: make_scenario_page.Results) -> None:
    (row,) = section(page, "Contrasts")
    assert row[0] == "V minus V \\| none" and row[3] == "0.00"
    assert row[2].lstrip("+") == f"{results.contrasts[0].left.estimate:.1f}"


def test_every_number_stands_there_with_its_source(
    page: str, results: make_scenario_page.Results
) -> None:
    rows = {row[0].strip("`"): row for row in section(page, "Numbers")}
    assert set(results.scenario.parameters) <= set(rows)
    assert rows["growth"][1:3] == ["0.7", "/ day"] and rows["growth"][4] == "lognormal, sd 0.05"
    assert rows["growth"][6] == "assumption"
    assert "100 % of the 12 numbers are assumptions" in page


def test_words_of_a_scenario_are_text(page: str) -> None:
    """Marks of Markdown and HTML in titles, sentences and citations are shown, not obeyed."""
    assert "# A planted * world" in page
    (first, _) = section(page, "What it should show")
    assert (
        first[0] == "Arrested cells are fewer \\| than &lt;b>"
        and first[1] == "[1](#sources), recalled"
    )
    assert "A &amp; B (2002) &lt;i>" in page
    assert "(https://doi.org/10.1016/S0092-8674%2802%2900734-1)" in page


def test_the_stamp_holds_digests_word_and_arrows(
    page: str, results: make_scenario_page.Results
) -> None:
    found = json.loads(make_index.STAMP.findall(page)[0])
    assert found["digest"] == results.scenario.digest
    assert (found["met"], found["expectations"]) == (1, 2)
    assert found["word"] == results.verdict.word.value and found["regimen"] == "pulse"
    # cells recover and become senescent; nobody dies, comes back, or is fed
    assert found["arrows"] == ["dna_damage", "recovery", "senescence"]


def test_pictures_are_drawn_on_white_and_small(results: make_scenario_page.Results) -> None:
    drawn = make_scenarios.pictures(results)
    assert set(drawn) == {"figure1", "effect", "expectations"}
    for svg in drawn.values():
        assert 'fill="#fff"' in svg and "<desc>" in svg
        assert len(svg.encode()) < make_scenarios.LARGEST


@pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
def test_a_page_of_ours_says_what_is_computed_now() -> None:
    """Digests do not see a change of the code: the quickest page is computed again.

    Oracle: the commands' own functions. Words of a verdict are the same; shares of a hundred draws
    may differ by three draws between machines, estimates by one standard error.
    """
    name = "bt474-doxorubicin"
    text = (ROOT / make_index.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    now = make_scenarios.results_of(read_scenario(name))
    rows = {row[0]: row for row in section(text, "Friend or foe")}
    for rule, result in now.verdict.rules.items():
        assert rows[rule.value][2] == result.word.value, "run make docs"
        shown = float(rows[rule.value][3].split(" ")[0].replace("\N{MINUS SIGN}", "-"))
        error = result.effect.monte_carlo_error
        assert shown == pytest.approx(result.effect.estimate, abs=error + 0.051)
    assert json.loads(make_index.STAMP.findall(text)[0])["word"] == now.verdict.word.value
    for row, found in zip(section(text, "What it should show"), now.expectations, strict=True):
        assert float(row[2].split(" ")[0]) == pytest.approx(100 * found.holds, abs=3.1)
        assert float(row[3].split(" ")[0]) == pytest.approx(100 * found.without, abs=3.1)


# --- pages that are missing or stale


@pytest.fixture
def small(tmp_path: Path) -> Path:
    plant(tmp_path)
    return tmp_path


def wrong(root: Path, scenarios: dict[str, Scenario] | None = None) -> list[str]:
    found: list[str] = make_index.wrong_pages(root, scenarios or make_index.bundled_scenarios())
    return found


def test_sound_pages_pass(small: Path) -> None:
    assert wrong(small) == []


def test_a_missing_page_is_found(small: Path) -> None:
    (small / make_index.FOLDER / "figure-1.md").unlink()
    (problem,) = wrong(small)
    assert "figure-1.md: no such page" in problem and "make docs" in problem


@pytest.mark.parametrize("key", ["digest", "questions"])
def test_a_stale_page_is_found(small: Path, key: str) -> None:
    page = small / make_index.FOLDER / "figure-1.md"
    page.write_text(stamp("figure-1", **{key: "0"}), encoding="utf-8")
    (problem,) = wrong(small)
    assert f"figure-1.md: stale, {key} changed: run make docs" in problem


def test_a_changed_scenario_makes_its_page_stale(small: Path) -> None:
    """A number changes the digest; a factor in an expectation, or a contrast, the questions."""
    all_of_them = make_index.bundled_scenarios()
    scenario = all_of_them["figure-1"]
    name, noun = next(iter(scenario.expectations.items()))
    stricter = scenario.expectations | {name: noun.model_copy(update={"factor": 0.9})}
    for changed, key in (
        (scenario.with_parameters({"growth": "0.3 / day"}), "digest"),
        (scenario.model_copy(update={"expectations": stricter}), "questions"),
        (scenario.model_copy(update={"contrasts": {}}), "questions"),
    ):
        (problem,) = wrong(small, all_of_them | {"figure-1": changed})
        assert f"stale, {key} changed" in problem


def test_a_page_of_no_scenario_is_found(small: Path) -> None:
    gone = small / make_index.FOLDER / "gone.md"
    gone.write_text(stamp("figure-1"), encoding="utf-8")
    assert any("no scenario is called gone" in text for text in wrong(small))


def test_an_index_that_says_something_else_is_found(small: Path) -> None:
    page = small / make_index.FOLDER / "figure-1.md"
    page.write_text(stamp("figure-1", word="foe"), encoding="utf-8")
    (problem,) = wrong(small)
    assert "README.md: differs from what the pages say" in problem
    make_index.main(small)
    assert wrong(small) == []
    index = (small / make_index.FOLDER / "README.md").read_text(encoding="utf-8")
    (line,) = (line for line in index.splitlines() if "[figure-1]" in line)
    assert "| foe | 2 of 2 |" in line and "DNA-damaging drug" in line


def test_our_pages_have_their_pictures_and_no_others() -> None:
    folder = ROOT / make_index.FOLDER
    shown = {
        name
        for page in folder.glob("*.md")
        for name in re.findall(r"\]\(pictures/([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    there = {path.name: path.stat().st_size for path in (folder / "pictures").iterdir()}
    assert shown == set(there)
    assert [name for name, size in there.items() if size > make_scenarios.LARGEST] == []


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_scenarios.main(["figure-2"])
    assert "no scenario is called figure-2" in capsys.readouterr().err
