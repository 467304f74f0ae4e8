"""Figure 1 drawn: every arrow stands there with its number; the files are what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cohort.test_flows import TEXT
from typer.testing import CliRunner

from senescape.cli.app import app
from senescape.cohort import Passages
from senescape.figures import figure1, svg_of
from senescape.files import parse_scenario
from senescape.model import Figure1


def numbers(**arrows: tuple[float, float, float]) -> Passages:
    return Passages(
        parse_scenario(TEXT.format(seeded=100)),
        "none",
        None,
        {Figure1[name]: value for name, value in arrows.items()},
        False,
        100.0,
        30.0,
        60,
    )


def test_numbers_stand_at_their_arrows_and_the_absent_say_so() -> None:
    drawn = svg_of(
        figure1(numbers(SENESCENCE=(37.0, 20.0, 50.0), REENTRY=(2e-4, 0.0, 1e-3))), "figure"
    )
    assert ">37<" in drawn and "1 in 500,000 cells" in drawn and "(20 to 50)" in drawn
    assert drawn.count("not in this scenario") == 9
    assert "not for decisions about patients" in drawn


@pytest.mark.parametrize(
    ("ending", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_a_picture_is_written_in_its_format(tmp_path: Path, ending: str, begins: bytes) -> None:
    scenario = tmp_path / "fates.yaml"
    scenario.write_text(TEXT.format(seeded=200), encoding="utf-8")
    target = tmp_path / f"f.{ending}"
    result = CliRunner().invoke(app, ["figure1", str(scenario), "-o", str(target), "--draws", "2"])
    assert result.exit_code == 0, result.output
    assert target.read_bytes().startswith(begins)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    scenario = tmp_path / "fates.yaml"
    scenario.write_text(TEXT.format(seeded=200), encoding="utf-8")
    result = CliRunner().invoke(app, ["figure1", str(scenario), "-o", str(tmp_path / "f.gif")])
    assert result.exit_code != 0 and not (tmp_path / "f.gif").exists()
