"""Faults injected into kept runs: is what was acknowledged there, is the result the same bytes?

Each injection takes a fresh store, a random number of threads or processes and a random chunk,
disturbs ``senescape simulate --store`` at a random moment, lets the same command finish, and
compares every byte with the undisturbed run. Results: faults.json, words in faults.md.

    .venv/bin/python verification/faults.py [ROUNDS] [SEED] [KIND ...]

What is found is added to what stands in faults.json.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from senescape.cohort import simulate
from senescape.files import read_scenario
from senescape.store import Store, rebuild, verify
from senescape.store.database import NAME

HERE = Path(__file__).resolve().parent
SCENARIO, REGIMEN, HOSTS, DAYS, STEP = "mcf7-doxorubicin", "100nM", 600, 6.0, 0.25
MAIN = (
    "import sys; import senescape.run.lanes as lanes; lanes.MOST_KEPT = int(sys.argv.pop(1)); "
    "from senescape.cli import main; main()"
)


class Trial:
    """One store, the command that fills it, and the chance of this injection."""

    def __init__(self, folder: Path, seed: list[int]) -> None:
        self.folder, self.random = folder, np.random.default_rng(seed)
        self.threads = int(self.random.choice([1, 2, 3, 8]))
        self.chunk = int(self.random.choice([8, 20, 64]))
        self.processes = bool(self.random.random() < 0.2)
        self.least = 0  # replicates that must be there after the fault

    def start(
        self,
        *options: str,
        scenario: str = SCENARIO,
        processes: bool | None = None,
        before: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """Start the command in a session of its own."""
        command = [sys.executable, "-c", MAIN, str(self.chunk), "simulate", scenario]
        command += ["-r", REGIMEN, "--hosts", str(HOSTS), "--until", str(DAYS), "--json"]
        command += ["--step-hours", str(24 * STEP), "--store", str(self.folder), *options]
        if self.processes if processes is None else processes:
            command.append("--processes")
        return subprocess.Popen(
            command,
            env={**os.environ, "SENESCAPE_THREADS": str(self.threads)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=before,
        )

    def begun(self, *options: str, processes: bool | None = None) -> subprocess.Popen[str]:
        """Start it and wait for the first acknowledged chunk, and then some."""
        before = self.acknowledged()
        started = self.start(*options, processes=processes)
        deadline = time.monotonic() + 120.0
        while self.acknowledged() <= before and time.monotonic() < deadline:
            if started.poll() is not None:
                break
            time.sleep(0.01)
        time.sleep(float(self.random.uniform(0.0, 0.6)))
        return started

    def stopped(self, number: int, status: int, *, processes: bool | None = None) -> None:
        """Stop it by a signal and expect an exit status, unless it was finished before."""
        started = self.begun(processes=processes)
        began = time.monotonic()
        os.killpg(started.pid, number) if number == signal.SIGINT else started.send_signal(number)
        _, err = started.communicate(timeout=60)
        at_the_end = started.returncode == -number and self.acknowledged() == HOSTS
        if started.returncode != 0 and not at_the_end:  # the interpreter itself was ending
            assert started.returncode == status, (started.returncode, err)
            assert time.monotonic() - began < 5.0
            assert number == signal.SIGKILL or "resume with:" in err, err
        self.least = self.acknowledged()

    def refused(self, check: str, **options: Any) -> None:
        """Run the command and expect one line and exit status 2."""
        started = self.start(**options)
        out, err = started.communicate(timeout=120)
        assert (started.returncode, out) == (2, ""), (started.returncode, err)
        assert err.count("\n") == 1 and f"[{check}]" in err, err

    def some(self) -> None:
        """Have some replicates, by a kill."""
        self.stopped(signal.SIGKILL, -signal.SIGKILL, processes=False)

    def acknowledged(self) -> int:
        """Return how many replicates were said to be kept."""
        counts = [int(p.read_text()) for p in self.folder.glob("runs/*/acknowledged")]
        return max(counts, default=0)


def killed(trial: Trial) -> None:
    """SIGKILL of the coordinator."""
    trial.stopped(signal.SIGKILL, -signal.SIGKILL)


def killed_often(trial: Trial) -> None:
    """SIGKILL of the coordinator, three times one after the other."""
    for _ in range(3):
        trial.stopped(signal.SIGKILL, -signal.SIGKILL)


def spawned(pid: int) -> list[int]:
    """Return the worker processes that a process has started."""
    found = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def worker_killed(trial: Trial) -> None:
    """SIGKILL of a worker process."""
    started = trial.begun(processes=True)
    workers = spawned(started.pid)
    if workers:
        os.kill(int(trial.random.choice(workers)), signal.SIGKILL)
    _, err = started.communicate(timeout=300)
    assert started.returncode == 0, err
    trial.least = HOSTS


def control_c(trial: Trial) -> None:
    """SIGINT to the whole session, as a terminal sends it."""
    trial.stopped(signal.SIGINT, 130, processes=False)


def control_c_processes(trial: Trial) -> None:
    """SIGINT to the whole session, with worker processes."""
    trial.stopped(signal.SIGINT, 130, processes=True)


def terminated(trial: Trial) -> None:
    """SIGTERM of the coordinator."""
    trial.stopped(signal.SIGTERM, 143)


def paused(trial: Trial) -> None:
    """SIGSTOP for three seconds, then SIGCONT."""
    started = trial.begun()
    os.killpg(started.pid, signal.SIGSTOP)
    time.sleep(3.0)
    os.killpg(started.pid, signal.SIGCONT)
    _, err = started.communicate(timeout=300)
    assert started.returncode == 0, err
    trial.least = HOSTS


def full_disk(trial: Trial) -> None:
    """No file may grow beyond a random size (RLIMIT_FSIZE): the disk fills up half-way."""
    limit = int(trial.random.integers(150_000, 700_000))
    limits = (limit, limit)
    trial.refused(
        "store.unwritable", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    )
    trial.least = trial.acknowledged()


def full_from_the_start(trial: Trial) -> None:
    """No file may grow at all."""
    trial.refused(
        "store.unwritable", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    )


def read_only(trial: Trial) -> None:
    """The store cannot be written."""
    trial.some()
    places = [trial.folder, *trial.folder.rglob("*")]
    modes = [place.stat().st_mode for place in places]
    for place, mode in zip(places, modes, strict=True):
        place.chmod(mode & 0o555)
    trial.refused("store.unwritable", before=_bound_by_permissions)
    for place, mode in zip(places, modes, strict=True):
        place.chmod(mode)


def _bound_by_permissions() -> None:
    library = ctypes.CDLL(None)
    for capability in (1, 2):  # root may write anywhere by CAP_DAC_OVERRIDE
        library.prctl(24, capability, 0, 0, 0)


def truncated(trial: Trial) -> None:
    """The database is cut off at a random byte."""
    _finish(trial)
    size = (trial.folder / NAME).stat().st_size
    os.truncate(trial.folder / NAME, int(trial.random.integers(0, size - 4096)))
    trial.refused("store.damaged")
    rebuild(trial.folder)


def overwritten(trial: Trial) -> None:
    """A random page of the database is overwritten with rubbish."""
    _finish(trial)
    data = bytearray((trial.folder / NAME).read_bytes())
    page = int(trial.random.integers(0, len(data) // 4096)) * 4096
    data[page : page + 4096] = trial.random.bytes(4096)
    (trial.folder / NAME).write_bytes(bytes(data))
    rebuild(trial.folder)


def flipped(trial: Trial) -> None:
    """A random bit of a random stored array is flipped."""
    _finish(trial)
    data = bytearray((trial.folder / NAME).read_bytes())
    with Store(trial.folder) as store:
        (info,) = store.runs()
        host = int(trial.random.integers(0, HOSTS))
        (row,) = store.database.rows(info.digest, draws=(0, 0), hosts=(host, host))
    assert row.value is not None
    piece = row.value[64:96]  # within the row's own page, whatever overflows
    place = data.find(row.sha256) if data.find(piece) < 0 else data.find(piece)
    data[place + int(trial.random.integers(0, 32))] ^= 1 << int(trial.random.integers(0, 8))
    (trial.folder / NAME).write_bytes(bytes(data))
    with Store(trial.folder) as store:
        assert len(verify(store)) >= 1


def log_deleted(trial: Trial) -> None:
    """The write-ahead log is deleted after a kill."""
    trial.some()
    for suffix in ("-wal", "-shm"):
        (trial.folder / f"{NAME}{suffix}").unlink(missing_ok=True)
    trial.least = 0


def database_deleted(trial: Trial) -> None:
    """The database is deleted: never a silent new start."""
    trial.some()
    for suffix in ("-wal", "-shm", ""):
        (trial.folder / f"{NAME}{suffix}").unlink(missing_ok=True)
    trial.refused("store.damaged")
    rebuild(trial.folder)
    trial.least = 0


def manifest_damaged(trial: Trial) -> None:
    """A random byte of the manifest is changed."""
    trial.some()
    (path,) = trial.folder.glob("runs/*/manifest.json")
    data = bytearray(path.read_bytes())
    data[int(trial.random.integers(0, len(data)))] ^= 0x04
    path.write_bytes(bytes(data))


def twice(trial: Trial) -> None:
    """The same run is started while it runs."""
    first = trial.begun()
    second = trial.start()
    _, err = second.communicate(timeout=300)
    assert second.returncode == 0 or "[store.locked]" in err, err
    _, err = first.communicate(timeout=300)
    assert first.returncode == 0, err
    trial.least = HOSTS


def changed(trial: Trial) -> None:
    """The scenario is changed under the name of a run."""
    started = trial.begun("--run", "mine")
    started.kill()
    started.communicate()
    trial.least = trial.acknowledged()
    other = trial.folder.parent / "other.yaml"
    changed_text = "senescape: 1\nname: other\ntitle: Other\nextends: mcf7-doxorubicin\n"
    other.write_text(changed_text, encoding="utf-8")
    second = trial.start("--run", "mine", scenario=str(other))
    _, err = second.communicate(timeout=300)
    assert second.returncode == 2, err
    assert "scenario.name: mcf7-doxorubicin -> other" in err, err


def few_files(trial: Trial) -> None:
    """Twenty-four file descriptors."""
    started = trial.start(
        processes=False, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    )
    _, err = started.communicate(timeout=300)
    assert started.returncode == 0, err
    trial.least = HOSTS


def copied(trial: Trial) -> None:
    """The folder of a killed run is copied, and the copy goes on."""
    trial.some()
    moved = trial.folder.with_name("moved")
    trial.folder.rename(moved)
    shutil.copytree(moved, trial.folder)


def rebuild_killed(trial: Trial) -> None:
    """A rebuild is killed at a random moment and started again."""
    _finish(trial)
    code = "import sys; from pathlib import Path; from senescape.store import rebuild; "
    code += "print(flush=True); rebuild(Path(sys.argv[1]))"
    started = subprocess.Popen(
        [sys.executable, "-c", code, str(trial.folder)], stdout=subprocess.PIPE
    )
    assert started.stdout is not None
    started.stdout.readline()
    time.sleep(float(trial.random.uniform(0.0, 0.15)))
    started.kill()
    started.communicate()
    rebuild(trial.folder)
    trial.least = HOSTS


def _finish(trial: Trial) -> None:
    started = trial.start(processes=False)
    _, err = started.communicate(timeout=300)
    assert started.returncode == 0, err


KINDS: tuple[Callable[[Trial], None], ...] = (
    killed,
    killed_often,
    worker_killed,
    control_c,
    control_c_processes,
    terminated,
    paused,
    full_disk,
    full_from_the_start,
    read_only,
    truncated,
    overwritten,
    flipped,
    log_deleted,
    database_deleted,
    manifest_damaged,
    twice,
    changed,
    few_files,
    copied,
    rebuild_killed,
)


def injected(kind: Callable[[Trial], None], seed: list[int], plain: bytes) -> int:
    """Inject one fault; return how many replicates were found by the command that resumed."""
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(Path(scratch) / "store", seed)
        kind(trial)
        started = trial.start(processes=False)
        out, err = started.communicate(timeout=300)
        assert started.returncode == 0, err
        found = int(json.loads(out)["provenance"]["run"]["store"]["found"])
        assert found >= trial.least, (found, trial.least)
        with Store(trial.folder, writing=True) as store:
            assert verify(store) == ()
            kept = undisturbed(store)
        assert kept == plain
    return found


def undisturbed(store: Store | None = None) -> bytes:
    """Return the bytes of the run."""
    scenario = read_scenario(SCENARIO)
    found = simulate(scenario, REGIMEN, hosts=HOSTS, until=DAYS, step=STEP, store=store)
    return found.values.tobytes()


def added(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the rows of all runs so far, one a kind, with these in them."""
    file = HERE / "faults.json"
    before = json.loads(file.read_text(encoding="utf-8"))["kinds"] if file.exists() else []
    known = {row["kind"]: row for row in before}
    for row in rows:
        old = known.get(str(row["kind"]), {})
        for name in ("injected", "same", "found", "problems"):
            row[name] = old[name] + row[name] if old else row[name]
        known[str(row["kind"])] = row
    return [known[kind.__name__] for kind in KINDS if kind.__name__ in known]


def main(rounds: int, seed: int, *names: str) -> int:
    """Inject every kind so many times; print a line each; the exit status is 1 if one failed."""
    plain, rows, failed = undisturbed(), [], 0
    for number, kind in enumerate(KINDS):
        if names and kind.__name__ not in names:
            continue
        found, problems, began = [], [], time.monotonic()
        for turn in range(rounds):
            try:
                found.append(injected(kind, [seed, number, turn], plain))
            except (AssertionError, subprocess.TimeoutExpired) as error:
                problems.append(f"{turn}: {error}")
        seconds = (time.monotonic() - began) / rounds
        what = (kind.__doc__ or "").strip()
        rows.append(
            {"kind": kind.__name__, "what": what, "injected": rounds, "same": len(found)}
            | {"found": found, "problems": problems}
        )
        failed += len(problems)
        print(
            f"{kind.__name__}: {len(found)} of {rounds}, {seconds:.1f} s each",
            *problems,
            flush=True,
        )
    data = {"scenario": SCENARIO, "kinds": added(rows)}
    (HERE / "faults.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    sys.exit(main(*numbers, *(3, 1)[len(numbers) :], *sys.argv[3:]))
