"""Faults from outside, in processes of their own; each is compared by bytes with the undisturbed run.

The short part; verification/faults.py injects more kinds, more often.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from numba import config
from tests.cohort.test_simulate import TEXT

from senescape.cohort import simulate
from senescape.files import parse_scenario
from senescape.store import Store, verify
from senescape.store.database import NAME

pytestmark = pytest.mark.skipif(
    config.DISABLE_JIT, reason="too slow as plain Python: up to 400,000 hosts in other processes"
)
ROOT = Path(__file__).resolve().parents[2]
MANY, FEW = 400_000, 3000
# The command line with chunks of a few lanes, so that there are many moments to be disturbed at.
MAIN = (
    "import sys; import senescape.run.lanes as lanes; lanes.MOST_KEPT = int(sys.argv.pop(1)); "
    "from senescape.cli import main; main()"
)


class Command:
    """``senescape simulate`` with a store, in a process of its own."""

    def __init__(self, folder: Path, hosts: int, *options: str, chunk: int = 64) -> None:
        self.folder = folder
        scenario = folder.parent / "mine.yaml"
        if not scenario.exists():
            scenario.write_text(TEXT, encoding="utf-8")
        self.command = [sys.executable, "-c", MAIN, str(chunk), "simulate", str(scenario)]
        self.command += ["-r", "pulse", "--until", "2", "--step-hours", "12", "--json"]
        self.command += ["--hosts", str(hosts), "--store", str(folder), *options]

    def start(self, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SENESCAPE_THREADS": "2"}
        return subprocess.Popen(
            self.command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )

    def run(self, before: Callable[[], None] | None = None) -> tuple[int, str, str]:
        started = self.start(before)
        out, err = started.communicate(timeout=120)
        return started.returncode, out, err

    def until_kept(self) -> subprocess.Popen[str]:
        """Start it and wait for the first acknowledged chunk."""
        started = self.start()
        deadline = time.monotonic() + 100.0
        while not list(self.folder.glob("runs/*/acknowledged")) and time.monotonic() < deadline:
            assert started.poll() is None, started.communicate()
            time.sleep(0.01)
        return started


def cli(*arguments: str, before: Callable[[], None] | None = None) -> tuple[int, str, str]:
    """Run another command."""
    ran = subprocess.run(
        [sys.executable, "-c", "from senescape.cli import main; main()", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
    )
    return ran.returncode, ran.stdout, ran.stderr


def whole(folder: Path, hosts: int = FEW) -> None:
    """Run the rest in this process and compare all with the run without a store."""
    scenario = parse_scenario(TEXT)
    with Store(folder, writing=True) as store:
        assert verify(store) == ()
        kept = simulate(scenario, "pulse", hosts=hosts, until=2.0, step=0.5, store=store)
        assert verify(store) == ()
    plain = simulate(scenario, "pulse", hosts=hosts, until=2.0, step=0.5)
    assert kept.values.tobytes() == plain.values.tobytes()


def acknowledged(folder: Path) -> int:
    (path,) = folder.glob("runs/*/acknowledged")
    return int(path.read_text(encoding="ascii"))


def one_line(err: str, check: str) -> None:
    assert err.count("\n") == 1 and err.startswith("senescape: ") and f"[{check}]" in err, err


def test_a_killed_coordinator_loses_nothing_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    for _ in range(3):
        command = Command(folder, MANY)
        before = acknowledged(folder) if folder.exists() else 0
        started = command.until_kept()
        deadline = time.monotonic() + 60.0
        while acknowledged(folder) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        started.kill()
        started.communicate()
        count = acknowledged(folder)
        with Store(folder) as store:
            (info,) = store.runs()
        assert before < count <= info.replicates < MANY
    whole(folder, acknowledged(folder) + 100)


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    started = Command(folder, FEW, "--processes", chunk=20).until_kept()
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    workers = [
        int(pid)
        for pid in children
        if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    ]
    os.kill(workers[0], signal.SIGKILL)
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err
    assert json.loads(out)["provenance"]["run"]["store"]["computed"] == FEW
    whole(folder)


def test_a_file_that_may_not_grow_is_one_line(tmp_path: Path) -> None:
    """The limit of file sizes stands for a full disk: the write fails half-way."""
    folder = tmp_path / "store"
    limit = 400_000
    status, out, err = Command(folder, FEW).run(
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert (status, out) == (2, "")
    one_line(err, "store.unwritable")
    assert 0 < acknowledged(folder) < FEW
    whole(folder)


def bound_by_permissions() -> None:
    """Take from root, who may write anywhere, what lets it: CAP_DAC_OVERRIDE and _READ_SEARCH."""
    library = ctypes.CDLL(None)
    for capability in (1, 2):
        library.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP, in force from exec on


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    Command(folder, 1)  # writes the scenario
    tmp_path.chmod(0o555)
    status, out, err = Command(folder, 10).run(bound_by_permissions)
    tmp_path.chmod(0o755)
    assert (status, out) == (2, "")
    one_line(err, "store.unwritable")
    assert "ermission denied" in err and not folder.exists()
    assert Command(folder, FEW // 2).run()[0] == 0
    places = [folder, *folder.rglob("*")]
    modes = [place.stat().st_mode for place in places]
    for place, mode in zip(places, modes, strict=True):
        place.chmod(mode & 0o555)
    status, out, err = Command(folder, FEW).run(bound_by_permissions)
    listed = cli("runs", "verify", str(folder), before=bound_by_permissions)
    for place, mode in zip(places, modes, strict=True):
        place.chmod(mode)
    assert (status, out) == (2, "")
    one_line(err, "store.unwritable")
    assert listed == (0, f"1 runs, {FEW // 2} replicates: no damage found\n", "")
    whole(folder)


def test_the_same_run_twice_at_once_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    first = Command(folder, MANY).until_kept()
    status, out, err = Command(folder, FEW).run()
    assert (status, out) == (2, "")
    one_line(err, "store.locked")
    assert re.search(rf"in use by process {first.pid}\b", err)
    first.kill()
    first.communicate()
    whole(folder)


def test_a_truncated_database_is_rebuilt_and_finished(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert Command(folder, FEW).run()[0] == 0
    os.truncate(folder / NAME, (folder / NAME).stat().st_size // 2)
    status, out, err = Command(folder, FEW).run()
    assert (status, out) == (2, "")
    one_line(err, "store.damaged")
    status, out, err = cli("runs", "rebuild", str(folder))
    assert (status, err) == (0, "") and "are gone" in out
    whole(folder)


def test_few_file_descriptors_are_enough(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert (
        Command(folder, FEW).run(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))[0]
        == 0
    )
    whole(folder)
