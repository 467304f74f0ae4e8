"""docs/figure1.md: every row is whole, what it names exists, and the page is as it is made.

Oracle: faults that are planted in sound documents must be found, one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.docs.planted import ROOT, make_figure1, make_index, plant, row, stamp, write_rows


@pytest.fixture
def small(tmp_path: Path) -> Path:
    plant(tmp_path)
    return tmp_path


def test_sound_documents_pass_and_so_do_ours(small: Path) -> None:
    assert make_figure1.problems(small) == []
    assert make_figure1.problems(ROOT) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"says": ""}, "rapid apoptosis, no statement"),
        ({"code": []}, "rapid apoptosis, Code: names nothing"),
        ({"code": ["planned"]}, "Code: no such file: planned"),
        ({"code": ["src/gone.py"]}, "Code: no such file: src/gone.py"),
        ({"tests": []}, "Tests: names nothing"),
        ({"tests": ["tests/test_gone.py::test_small"]}, "Tests: no such file: tests/test_gone.py"),
        ({"tests": ["tests/test_small.py::test_gone"]}, "no such test: tests/test_small.py::test_gone"),
        ({"tests": ["tests/test_small.py"]}, "Tests: no such test: tests/test_small.py"),
        ({"picture": ""}, "Picture: names nothing"),
        ({"picture": "docs/gone.svg"}, "Picture: no such file: docs/gone.svg"),
        ({"carried_by": "clearance"}, "Scenarios: none in which cells pass along clearance"),
        ({"arrow": "rapid"}, "no row for the arrow 'rapid apoptosis'"),
        ({"arrow": "rapid"}, "no arrow is called 'rapid'"),
        ({"more": "x"}, "rapid apoptosis: not one field each: more"),
    ],
)  # fmt: skip
def test_what_a_row_lacks_is_found(small: Path, change: dict[str, Any], problem: str) -> None:
    whole = [row(name) for name in make_figure1.ARROWS]
    whole[1] |= change
    write_rows(small, whole, page="more" not in change)
    found = make_figure1.problems(small)
    assert any(problem in text for text in found), found


def test_a_page_edited_by_hand_or_left_behind_is_found(small: Path) -> None:
    page = small / make_figure1.PAGE
    page.write_text(page.read_text(encoding="utf-8") + "\nmore\n", encoding="utf-8")
    assert any("differs" in text for text in make_figure1.problems(small))
    make_figure1.main(small)
    assert make_figure1.problems(small) == []
    write_rows(small, [row(n, says="Other words") for n in make_figure1.ARROWS], page=False)
    assert any("differs" in text for text in make_figure1.problems(small))


def test_scenarios_are_those_whose_page_says_that_cells_pass(small: Path) -> None:
    """Two of all pages carry clearance: the row names these two; an arrow of all names the index."""
    for name in ("figure-1", "mcf7-doxorubicin"):
        text = stamp(name, arrows=["dna_damage", "clearance"])
        (small / make_index.FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
    rows = [row(name) for name in make_figure1.ARROWS]
    rows[6]["carried_by"] = "clearance"
    write_rows(small, rows)
    lines = (small / make_figure1.PAGE).read_text(encoding="utf-8").splitlines()
    (seventh,) = (line for line in lines if line.startswith("| 7 |"))
    assert "[figure-1](scenarios/figure-1.md), [mcf7-doxorubicin](" in seventh
    assert seventh.count("(scenarios/") == 2
    (first,) = (line for line in lines if line.startswith("| 1 |"))
    assert f"[all {len(make_index.bundled_scenarios())}](scenarios/README.md)" in first


def test_no_cell_of_ours_is_planned() -> None:
    text = (ROOT / make_figure1.PAGE).read_text(encoding="utf-8")
    assert "planned" not in text
    assert [row.arrow for row in make_figure1.rows_of(ROOT)] == list(make_figure1.ARROWS)
