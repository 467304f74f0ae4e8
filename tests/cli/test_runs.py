"""Runs kept by the command line: the same output, names, looking after a store, and a stop.

Oracle: the command without a store; planted damage; the exit status of a shell.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numba import config
from tests.cohort.test_simulate import TEXT
from tests.store.recipes import filled
from typer.testing import CliRunner

from senescape.cli import stopping
from senescape.cli.app import app
from senescape.errors import SenescapeError
from senescape.store.database import NAME

RUNNER = CliRunner()
ROOT = Path(__file__).resolve().parents[2]
SHORT = ["-r", "pulse", "--until", "2", "--step-hours", "12", "--json"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def run(*arguments: str, status: int = 0) -> str:
    result = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def numbers(text: str) -> str:
    data = json.loads(text)
    data["provenance"].pop("run")
    return json.dumps(data)


def test_a_store_changes_nothing_that_is_printed(file: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "store")
    plain = numbers(run("simulate", file, "--hosts", "6", *SHORT))
    for hosts, found in (("4", 0), ("6", 4), ("6", 6)):
        text = run("simulate", file, "--hosts", hosts, "--store", folder, "--run", "mine", *SHORT)
        assert json.loads(text)["provenance"]["run"]["store"]["found"] == found
    assert numbers(text) == plain
    other = tmp_path / "mine.yaml"
    other.write_text(TEXT.replace("dust:  {value: 500 cells", "dust:  {value: 7 cells"))
    with pytest.raises(SenescapeError, match="500.0 cells -> 7.0 cells"):
        run("simulate", file, "--hosts", "6", "--store", folder, "--run", "mine", *SHORT)
    with pytest.raises(SenescapeError, match="--run mine without a store"):
        run("simulate", file, "--run", "mine")


def test_runs_are_listed_shown_compared_and_removed(file: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "store")
    for seed in ("1", "2"):
        name = f"seed-{seed}"
        options = ["--store", folder, "--run", name, "--seed", seed, *SHORT]
        run("simulate", file, "--hosts", "3", *options)
    listed = json.loads(run("runs", "list", folder, "--json"))["runs"]
    assert [(r["names"], r["seed"], r["replicates"]) for r in listed] == [
        (["seed-1"], 1, 3),
        (["seed-2"], 2, 3),
    ]
    digest = listed[0]["run"]
    lines = run("runs", "list", folder).splitlines()
    assert len(lines) == 4 and digest[:12] in lines[2] and "pulse" in lines[2]
    shown = json.loads(run("runs", "show", folder, digest[:8], "--json"))
    assert shown["manifest"]["run"] == digest and shown["names"] == ["seed-1"]
    assert shown["manifest"]["scenario"]["parameters"]["dust"]["source"] == "assumption"
    text = run("runs", "show", folder, "seed-1")
    assert digest in text and "3 (3 acknowledged)" in text and "step=0.5" in text
    found = json.loads(run("runs", "compare", folder, "seed-1", "seed-2", "--json"))
    assert found["recipe"] == ["seed: 1 -> 2"] and (found["common"], found["equal"]) == (3, 0)
    text = run("runs", "compare", folder, "seed-1", "seed-1")
    assert text == "the recipes are the same\n3 in both, 3 equal; largest difference 0\n"
    assert run("runs", "remove", folder, "seed-1") == f"removed {digest[:12]}: 3 replicates\n"
    assert [r["names"] for r in json.loads(run("runs", "list", folder, "--json"))["runs"]] == [
        ["seed-2"]
    ]
    removed = json.loads(run("runs", "remove", folder, "seed-2", "--json"))["removed"]
    assert list(removed.values()) == [3]
    with pytest.raises(SenescapeError, match="no store of runs"):
        run("runs", "remove", str(tmp_path / "none"), "seed-2")
    assert not (tmp_path / "none").exists()


def test_a_run_is_exported_as_a_crate(tmp_path: Path) -> None:
    folder, crate = str(filled(tmp_path / "store")), tmp_path / "crate"
    (digest,) = (p.name for p in (tmp_path / "store" / "runs").iterdir())
    text = run("runs", "export", folder, digest[:8], "--crate", str(crate))
    assert text == f"{crate}: 20 replicates of {digest[:12]}\n"
    archive = ["--crate", f"{crate}.zip", "--license", "CC-BY-4.0", "--json"]
    told = json.loads(run("runs", "export", folder, digest[:8], *archive))
    assert told["replicates"] == 20 and told["run"] == digest
    assert sorted(told["files"]) == sorted(p.name for p in crate.iterdir())
    bad: tuple[tuple[str, list[str], str], ...] = (
        (digest, ["--crate", str(crate)], "crate.unwritable"),
        (digest, ["--crate", f"{crate}.zip"], "crate.unwritable"),
        (digest, ["--crate", str(tmp_path / "none" / "crate")], "crate.unwritable"),
        (digest, ["--crate", str(tmp_path / ("x" * 300))], "crate.unwritable"),
        (digest, ["--crate", str(tmp_path / "a"), "--license", "mine, all mine"], "crate.licence"),
        (digest, ["--crate", str(tmp_path / "a"), "--license", ""], "crate.licence"),
        ("nobody", ["--crate", str(tmp_path / "a")], "store.unknown-run"),
    )
    before = set(tmp_path.iterdir())
    for name, options, check in bad:
        with pytest.raises(SenescapeError) as caught:
            run("runs", "export", folder, name, *options)
        assert caught.value.check == check and "\n" not in str(caught.value)
    assert set(tmp_path.iterdir()) == before


def test_a_store_is_verified_and_rebuilt(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    assert run("runs", "verify", str(folder)) == "1 runs, 20 replicates: no damage found\n"
    os.truncate(folder / NAME, 5000)
    with pytest.raises(SenescapeError, match="runs rebuild"):
        run("runs", "verify", str(folder))
    copy = shutil.copytree(folder, tmp_path / "copy")
    found = json.loads(run("runs", "rebuild", str(folder), "--json"))
    assert found["runs"] == 1 and found["replicates"] + found["lost"] == 20 and found["lost"]
    assert "put aside: index.damaged-1.sqlite" in run("runs", "rebuild", str(copy))
    (digest,) = (p.name for p in (folder / "runs").iterdir())
    (folder / "runs" / digest / "acknowledged").write_text("99", encoding="utf-8")
    text = run("runs", "verify", str(folder), digest[:5], status=1)
    assert f"{digest[:12]}: {99 - found['replicates']} of 99 acknowledged" in text
    data = json.loads(run("runs", "verify", str(folder), "--json", status=1))
    assert data["damage"][0]["run"] == digest


# --- being stopped


def test_a_stop_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "simulate", "my file"])
    for raised, status, by in (
        (KeyboardInterrupt(), 130, "by the user"),
        (SystemExit(143), 143, "by SIGTERM"),
    ):
        with pytest.raises(SystemExit) as caught, stopping.resumable():
            raise raised
        assert caught.value.code == status
        said = capsys.readouterr().err
        assert f"stopped {by}" in said and "resume with: senescape simulate 'my file'" in said
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"), stopping.resumable():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before


def heeding() -> None:
    """Heed Ctrl-C: where tests run in the background of a shell, it is ignored, which is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(
    config.DISABLE_JIT, reason="too slow as plain Python: 400,000 hosts in another process"
)
@pytest.mark.parametrize(
    ("number", "status", "options"),
    [(signal.SIGINT, 130, []), (signal.SIGTERM, 143, []), (signal.SIGINT, 130, ["--processes"])],
    ids=["ctrl-c", "sigterm", "ctrl-c-processes"],
)
def test_a_stopped_command_goes_on_where_it_was(
    number: signal.Signals, status: int, options: list[str], file: str, tmp_path: Path
) -> None:
    """Stopped after its first kept chunk: it ends within 5 s, and the same command finishes it."""
    command = [sys.executable, "-c", "from senescape.cli import main; main()", "simulate", file]
    command += ["--hosts", "400000", *SHORT[:-1], "--json"]
    folder = tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SENESCAPE_THREADS": "2"}
    started = subprocess.Popen(
        [*command, "--store", str(folder), *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heeding,
    )
    deadline = time.monotonic() + 100.0
    while not list(folder.glob("runs/*/acknowledged")) and time.monotonic() < deadline:
        assert started.poll() is None, started.communicate()
        time.sleep(0.02)
    began = time.monotonic()
    os.killpg(started.pid, number)
    out, err = started.communicate(timeout=60)
    assert time.monotonic() - began < 5.0
    assert (started.returncode, out) == (status, "")
    assert err.count("\n") == 1 and "resume with: senescape simulate" in err
    (listed,) = json.loads(run("runs", "list", str(folder), "--json"))["runs"]
    assert 0 < listed["replicates"] < 400000
    assert "no damage" in run("runs", "verify", str(folder))
    few = str(listed["replicates"] + 50)
    with contextlib.closing(sqlite3.connect(folder / NAME)) as index:
        ((there,),) = index.execute("SELECT count(*) FROM replicate WHERE host < ?", (int(few),))
    again = run("simulate", file, "--hosts", few, "--store", str(folder), *SHORT)
    told = json.loads(again)["provenance"]["run"]["store"]
    # hosts are counted one by one: a chunk that does not end within the grace leaves a gap
    assert (told["found"], told["computed"]) == (there, int(few) - there)
    assert numbers(again) == numbers(run("simulate", file, "--hosts", few, *SHORT))
