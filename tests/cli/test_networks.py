"""senescape simulate FILE.xml: what it prints, and its refusals: one line, exit status 2, quickly."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sqlite3
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from numba import config
from tests import sbml_texts as x
from tests.files.test_bad_sbml import REFUSALS
from tests.stopwatch import without_tracer

from senescape.cli import main

LIMIT = 20.0 if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"} else 1.5


def model(law: str = "k * X", k: float = 0.5) -> str:
    """Return a decay that notes when few are left."""
    return x.model(
        species=(x.species("X", 20),),
        parameters=(x.parameter("k", k), x.parameter("done", 0, "false")),
        reactions=(x.reaction("Death", law, {"X": 1}),),
        events=(x.event("stop", "X < 3", {"done": "1"}),),
    )


MODEL = model()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.xml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["senescape", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.mark.parametrize("engine", ["exact", "mean-field"])
def test_json_has_the_documented_keys(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    words = (
        f"simulate {file} --engine {engine} --replicates 30 --until 2 --every 0.5 --seed 7 --json"
    )
    assert command(monkeypatch, *words.split()) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["time"] == [0.0, 0.5, 1.0, 1.5, 2.0] and data["time_unit"] == "as in the file"
    assert list(data["variables"]) == ["X", "done"]
    assert data["constants"] == {"cell": 1.0, "k": 0.5}
    assert data["variables"]["X"]["mean"][0] == 20.0 and data["variables"]["X"]["sd"][0] == 0.0
    assert data["engine"] == engine and data["seed"] == 7
    assert data["replicates"] == (30 if engine == "exact" else 1)
    documented = (Path(__file__).parents[2] / "docs" / "sbml.md").read_text(encoding="utf-8")
    assert all(f'"{key}"' in documented for key in (*data, *data["variables"]["X"]))


def test_the_same_seed_gives_the_same_csv_for_any_number_of_threads(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("SENESCAPE_THREADS", threads)
        words = f"simulate {file} --replicates 100 --until 2 --every 1 --output {threads}.csv"
        assert command(monkeypatch, *words.split()) == 0
        found.append(Path(f"{threads}.csv").read_text(encoding="utf-8"))
    assert found[0] == found[1]
    rows = list(csv.reader(io.StringIO(found[0])))
    assert rows[0] == ["time", "X-mean", "X-sd", "done-mean", "done-sd"]
    assert [row[0] for row in rows[1:]] == ["0.0", "1.0", "2.0"]


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def test_replicates_in_a_store_are_not_run_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The numbers of the command without a store; only what is missing is computed."""
    words = f"simulate {file} --until 2 --every 1 --json --replicates"
    assert command(monkeypatch, *words.split(), "90") == 0
    plain = told(capsys)["variables"]
    kept = ["--store", "kept", "--run", "mine"]
    assert command(monkeypatch, *words.split(), "60", *kept) == 0
    first = told(capsys)["provenance"]["run"]["store"]
    assert (first["found"], first["computed"]) == (0, 60)
    assert command(monkeypatch, *words.split(), "90", *kept, "--processes") == 0
    second = told(capsys)
    assert second["variables"] == plain
    run = second["provenance"]["run"]["store"]
    assert (run["found"], run["computed"], run["run"]) == (60, 30, first["run"])
    assert command(monkeypatch, *["runs", "verify", "kept"]) == 0
    assert "1 runs, 90 replicates: no damage found" in capsys.readouterr().out
    # a damaged replicate is found by its digest, told, and computed again
    with contextlib.closing(sqlite3.connect("kept/index.sqlite")) as index:
        index.execute("UPDATE replicate SET value = zeroblob(length(value)) WHERE replicate = 7")
        index.commit()
    assert command(monkeypatch, *words.split(), "90", *kept) == 0
    said = capsys.readouterr()
    assert "1 replicates" in said.err and json.loads(said.out)["variables"] == plain


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"law": "k * X * X"}, ""),
        ({"k": 0.6}, ""),
        ({}, "--seed 2"),
        ({}, "--every 0.5"),
        ({}, "--engine mean-field"),
    ],
    ids=["law", "number", "seed", "times", "engine"],
)
def test_another_network_or_question_under_the_name_of_a_run_is_refused(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    options: str,
) -> None:
    words = f"simulate {file} --until 2 --replicates 5 --store kept".split()
    assert command(monkeypatch, *words, "--run", "mine") == 0
    file.write_text(model(**changed), encoding="utf-8")
    assert command(monkeypatch, *words, *options.split(), "--run", "mine") == 2
    assert "[store.changed]" in capsys.readouterr().err
    # without the name it is another run beside the first
    assert command(monkeypatch, *words, *options.split()) == 0
    capsys.readouterr()
    assert command(monkeypatch, *["runs", "list", "kept", "--json"]) == 0
    assert len(told(capsys)["runs"]) == 2


def test_a_table_is_printed_without_json(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "simulate", str(file), "--until", "2") == 0
    out = capsys.readouterr().out
    assert out.startswith("mean (sd) of 100 replicates, engine exact") and "X" in out


OPTIONS = {
    "--until 2 --engine leap": "run.event",
    "--until 2 --engine exakt": "did you mean exact?",
    "": "run.until",
    "--until 0": "run.output-times",
    "--until nan": "run.output-times",
    "--until 2 --every 0": "run.output-times",
    "--until 1e9 --every 1e-9": "run.output-times",
    "--until 2 --replicates 0": "cli.usage",
    "--until 2 --replicates 100000000": "run.result-size",
    "--until 2 --hosts 3": "cli.option",
    "--until 2 --regimen pulse": "cli.option",
    "--until 2 --variant v": "cli.option",
    "--until 2 --output none/x.csv": "output.unwritable",
}


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    began = time.process_time()
    status = command(monkeypatch, "simulate", *words)
    seconds = time.process_time() - began
    captured = capsys.readouterr()
    assert status == 2 and captured.out == ""
    assert captured.err.startswith("senescape: ") and captured.err.count("\n") == 1
    assert said in captured.err
    again = partial(command, monkeypatch, "simulate", *words)
    assert seconds < LIMIT or without_tracer(again) < LIMIT


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_options_are_refused(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
) -> None:
    refused(monkeypatch, capsys, [str(file), *options.split()], OPTIONS[options])


@pytest.mark.skipif(
    config.DISABLE_JIT,
    reason="78 processes; plain Python refuses them in tests/files/test_bad_sbml.py",
)
@pytest.mark.parametrize("name", REFUSALS)
def test_bad_sbml_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    given, check, _ = REFUSALS[name]
    path = tmp_path / "bad.xml"
    path.write_text(given if isinstance(given, str) else given(), encoding="utf-8")
    refused(monkeypatch, capsys, [str(path), "--until", "1"], check)
    refused(monkeypatch, capsys, [str(path), "--until", "1", "--engine", "mean-field"], "bad.xml")


def test_options_of_networks_are_refused_with_a_scenario(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(monkeypatch, capsys, ["mcf7-doxorubicin", "--every", "1"], "cli.option")
    refused(monkeypatch, capsys, ["mcf7-doxorubicin", "--replicates", "9"], "cli.option")
