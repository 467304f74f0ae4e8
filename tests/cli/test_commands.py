"""The commands as a user meets them: output, exit status, one line for a refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config
from tests.cohort.test_simulate import MEASURED, TEXT
from typer.testing import CliRunner

from senescape.cli.app import app, main
from senescape.cli.output import plain_json, table, write_text
from senescape.errors import SenescapeError
from senescape.run import comparing

RUNNER = CliRunner()
FEW = ["--draws", "6", "--hosts", "1", "--step-hours", "6"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.replace("uncertainty:\n", f"{MEASURED}uncertainty:\n"), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> str:
    result = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_help_and_version() -> None:
    assert "verdict" in run("--help")
    assert run("--version").startswith("senescape ")


def test_a_verdict_of_one_regimen_has_the_documented_keys(file: str) -> None:
    data = json.loads(run("verdict", file, "-r", "pulse", "--json", *FEW))
    wanted = {
        "verdict", "probability_beneficial", "probability_harmful", "effect", "horizon", "curve",
        "rules", "census", "shares", "flips", "assumed_fraction", "seed", "scenario", "provenance",
    }  # fmt: skip
    assert wanted <= set(data)
    assert set(data["effect"]) == {"estimate", "low", "high", "level", "monte_carlo_error", "unit"}
    assert data["effect"]["level"] == 0.9 and data["horizon"] == {"value": 14.0, "unit": "day"}
    assert sum(data["census"].values()) == pytest.approx(1.0)
    assert set(data["rules"]) == {"renormalised", "die", "inert", "recover"}
    assert set(data["scenario"]) == {"name", "digest"} and data["seed"] == 1
    assert data["wells"]["recovered"] == 2
    documented = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
    assert all(f"`{key}`" in documented for key in data)


@pytest.mark.skipif(
    config.DISABLE_JIT,
    reason="three verdicts in plain Python, no branch that the one above does not take",
)
def test_the_same_seed_prints_the_same_bytes(file: str) -> None:
    def once(seed: str) -> str:
        data = json.loads(run("verdict", file, "-r", "pulse", "--json", "--seed", seed, *FEW))
        data["provenance"].pop("run")
        return json.dumps(data)

    assert once("3") == once("3") != once("4")


def test_a_verdict_of_all_regimens_is_a_table_and_a_page(file: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    text = run("verdict", file, "--output", str(page), *FEW)
    assert "control" in text and "pulse" in text and "2 of 3" in text
    assert "not for decisions about patients" in " ".join(text.split())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    data = json.loads(run("verdict", file, "--json", *FEW))
    assert set(data["regimens"]) == {"control", "pulse"}


def test_simulate_prints_means_and_quantiles(file: str) -> None:
    data = json.loads(
        run("simulate", file, "-r", "pulse", "--hosts", "4", "--until", "3", "--json")
    )
    assert data["time_unit"] == "day" and data["time"] == [0.0, 1.0, 2.0, 3.0]
    live = data["variables"]["live"]
    assert live["unit"] == "cells" and len(live["mean"]) == len(live["quantiles"]["0.05"]) == 4
    assert "state:S" in data["variables"]
    both = json.loads(run("simulate", file, "--hosts", "2", "--until", "1", "--json"))
    assert set(both["regimens"]) == {"control", "pulse"}
    assert "live [cells]" in run("simulate", file, "-r", "pulse", "--hosts", "2", "--until", "2")


def test_simulate_writes_a_whole_file(file: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    run("simulate", file, "-r", "pulse", "--hosts", "2", "--until", "1", "--json", "-o", str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["regimen"] == "pulse"


def test_show_check_scenarios_and_schema(file: str) -> None:
    text = run("show", file, "--equations", "--regimen", "pulse")
    for word in (
        "States",
        "Arrows",
        "Numbers",
        "Regimens",
        "Equations",
        "crowding =",
        "at day 2: set",
    ):
        assert word in text
    assert "good (" in run("check", file)
    assert "mcf7-doxorubicin" in run("scenarios")
    assert json.loads(run("schema"))["title"].startswith("senescape")


def test_check_goes_on_after_a_bad_file(file: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("senescape: 3\n", encoding="utf-8")
    result = RUNNER.invoke(app, ["check", str(bad), file])
    assert result.exit_code == 2
    assert "file.version" in result.output and "good (" in result.output


def test_a_refusal_is_one_line_and_status_two() -> None:
    command = [sys.executable, "-c", "from senescape.cli import main; main()", "verdict", "nosuch"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1 and "Traceback" not in result.stderr


def test_main_turns_refusals_and_interruptions_into_statuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(error: BaseException):  # type: ignore[no-untyped-def]
        def raising(**_: bool) -> None:
            raise error

        return raising

    refusal = SenescapeError("x", allowed="y", remedy="z", check="c")
    for error, status in ((refusal, 2), (KeyboardInterrupt(), 130)):
        monkeypatch.setattr("senescape.cli.app.app", stop(error))
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == status


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(SenescapeError) as caught:
        write_text(tmp_path / "none" / "x.html", "text")
    assert caught.value.check == "output.unwritable"
    write_text(tmp_path / "x.html", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["x.html"]


def test_plain_data_hold_no_number_that_json_cannot() -> None:
    assert json.loads(plain_json({"a": [float("nan"), float("inf"), 1.5, (2,)]})) == {
        "a": [None, None, 1.5, [2]]
    }
    assert table(["a", "bb"], [["ccc", "d"]]).splitlines()[0] == "a    bb"


def test_engines_are_compared_and_drawn(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "compared.svg"
    few = ["-r", "pulse", "--until", "2", "--replicates", "20"]
    honest, found = comparing.compare, []

    def once(*arguments: object, **options: object) -> comparing.Comparison:
        if not found:
            found.append(honest(*arguments, **options))  # type: ignore[arg-type]
        return found[0]

    monkeypatch.setattr("senescape.cli.compare.compare", once)
    said = run("compare", file, *few, "-o", str(picture))
    assert "mean field (LSODA)" in said and "agrees" in said and "leap" in said
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
    data = json.loads(run("compare", file, *few, "--json"))
    assert data["sound"] is True and len(data["time"]) == 41
    assert {"name", "runs", "seconds", "why", "mean", "mean_error"} == set(data["solutions"][0])
    assert data["agreements"][0]["agrees"] is True
    monkeypatch.setattr("senescape.run.comparing.Comparison.sound", False)
    assert RUNNER.invoke(app, ["compare", file, *few]).exit_code == 1


def test_a_scenario_is_written_for_other_tools(file: str, tmp_path: Path) -> None:
    text = run("export", file, "-r", "pulse")
    assert text.startswith("<?xml") and text.endswith("</sbml>\n")
    assert "not for decisions about patients" in text
    model, words = tmp_path / "model.xml", tmp_path / "model.ant"
    assert "model.xml" in run("export", file, "-r", "pulse", "-o", str(model))
    assert model.read_text(encoding="utf-8") == text
    run("export", file, "-r", "pulse", "-o", str(words))
    assert words.read_text(encoding="utf-8") == run(
        "export", file, "-r", "pulse", "--format", "antimony"
    )
    counted = json.loads(
        run(
            "simulate",
            str(model),
            "--engine",
            "mean-field",
            "--until",
            "2",
            "--every",
            "1",
            "--json",
        )
    )
    assert len(counted["time"]) == 3 and counted["variables"]
