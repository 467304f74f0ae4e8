"""Who computes, in which pieces, with which stops: are the bytes those of one thread left alone?

    .venv/bin/python verification/configurations.py [COUNT] [SEED]

Each configuration draws a question (scenario, engine, options), who computes it (threads, processes
or the workers of a Dask scheduler; 1, 2, 3 or 8), how many hosts make a piece, and a disturbance:
none, SIGKILL of the command once or twice, Ctrl-C, SIGKILL of a worker, SIGKILL of the scheduler.
A command that was stopped is resumed with the same store by somebody else, drawn anew. Compared
with one thread that nobody disturbed: every byte of every replicate, and all that the command
prints but for the part called run. Written: configurations.json, words in configurations.md.

What faults.py asks of a store (full disks, flipped bits, locks) is not asked again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# what the tests build networks, schedulers and workers with lies beside this folder
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import spawned
from tests.run.schedulers import Dask

from senescape.cohort import simulate
from senescape.files import read_scenario
from senescape.store import Store, verify

HERE = Path(__file__).resolve().parent

MAIN = (
    "import sys, senescape.run.lanes as lanes, senescape.run.sharing as sharing; "
    "lanes.MOST_KEPT = sharing.CHUNK = int(sys.argv.pop(1)); "
    "from senescape.cli import main; main()"
)
KINDS = ("threads", "processes", "dask")
WORKERS = (1, 2, 3, 8)
CHUNKS = (1, 7, 20, 64)
PATIENCE = 300.0  # s, for a command that hangs


class Question(NamedTuple):
    """What is simulated; some seconds of one core."""

    scenario: str
    regimen: str
    engine: str
    hosts: int
    until: float
    step: float | None = None  # day
    uncertain: bool = False
    counted: bool = False

    def words(self) -> list[str]:
        """Return the command."""
        words = ["simulate", self.scenario, "-r", self.regimen, "--engine", self.engine, "--json"]
        words += ["--hosts", str(self.hosts), "--until", str(self.until)]
        words += [] if self.step is None else ["--step-hours", str(24.0 * self.step)]
        return words + [f"--{n}" for n in ("uncertain", "counted") if getattr(self, n)]

    def values(self, store: Store | None = None) -> str:
        """Return the digest of every byte."""
        found = simulate(read_scenario(self.scenario), store=store, **self._options())
        return hashlib.sha256(found.values.tobytes()).hexdigest()

    def _options(self) -> dict[str, Any]:
        return {k: v for k, v in self._asdict().items() if k != "scenario"}


QUESTIONS = (
    Question("mcf7-doxorubicin", "100nM", "leap", 1500, 6.0, 0.25),
    Question("mcf7-doxorubicin", "150nM", "leap", 1200, 6.0, uncertain=True, counted=True),
    Question("mcf7-doxorubicin", "100nM", "exact", 120, 2.0),
    Question("mcf7-doxorubicin", "100nM", "mean-field", 600, 12.0, uncertain=True),
    Question("bt474-doxorubicin", "15nM", "leap", 800, 6.0, counted=True),
    Question("figure-1", "silenced", "leap", 600, 10.0),
    Question("emu-myc-cyclophosphamide", "chemo", "leap", 400, 6.0, uncertain=True),
    Question("gbm-temozolomide", "one-two", "leap", 600, 6.0),
    Question("a549-etoposide-navitoclax", "after", "mean-field", 300, 8.0, uncertain=True),
    Question("h1299-camptothecin", "chemo", "leap", 600, 6.0),
    Question("hct116-doxorubicin", "silenced", "leap", 500, 6.0, uncertain=True),
)


class Who(NamedTuple):
    """Who computes, and in pieces of how many hosts."""

    kind: str
    workers: int
    chunk: int


class Configuration:
    """One draw: a question, a store, and a command after the other until it is answered."""

    def __init__(self, folder: Path, random: np.random.Generator, kinds: tuple[str, ...]) -> None:
        self.folder, self.random, self.kinds = folder, random, kinds
        self.question = QUESTIONS[int(random.integers(len(QUESTIONS)))]
        self.by: list[Who] = []
        self.found: list[int] = []
        self.schedulers = 0
        first = self.who()
        others = {"processes": ["worker killed"], "dask": ["worker killed", "scheduler killed"]}
        some = ["none", "none", "killed", "killed twice", "ctrl-c", *others.get(first.kind, [])]
        self.disturbance = str(random.choice(some))
        self.first = first

    def who(self) -> Who:
        """Draw who computes."""
        chance = self.random
        workers = int(chance.choice(WORKERS, p=(0.3, 0.3, 0.25, 0.15)))  # eight start for long
        return Who(str(chance.choice(self.kinds)), workers, int(chance.choice(CHUNKS)))

    def answered(self) -> str:
        """Run it, disturbed as drawn, until it is finished; return what it prints."""
        turns = {"none": 0, "killed twice": 2}.get(self.disturbance, 1)
        who = self.first
        for _ in range(turns):
            out = self._disturbed(who)
            if out is not None:
                return out
            who = self.who()
        with self._started(who) as (command, _):
            out, err = command.communicate(timeout=PATIENCE)
        assert command.returncode == 0, err
        return out

    def _disturbed(self, who: Who) -> str | None:
        """Run the command and disturb it; return what it prints where it ends all the same."""
        with self._started(who) as (command, dask):
            before = self._acknowledged()
            while self._acknowledged() <= before and command.poll() is None:
                time.sleep(0.01)
            time.sleep(float(self.random.uniform(0.0, 0.4)))
            status = self._disturb(command, dask)
            out, err = command.communicate(timeout=PATIENCE)
        if command.returncode == 0:
            return out
        assert command.returncode == status, (command.returncode, err)
        assert status == -signal.SIGKILL or err.count("\n") == 1, err
        self.found.append(self._acknowledged())
        return None

    def _disturb(self, command: subprocess.Popen[str], dask: Dask | None) -> int:
        """Disturb a command as drawn; return the exit status that it then has, if it ends."""
        if self.disturbance == "ctrl-c":
            os.killpg(command.pid, signal.SIGINT)
            return 130
        if self.disturbance == "scheduler killed":
            assert dask is not None
            dask.scheduler.kill()
            return 2
        if self.disturbance == "worker killed":
            nanny = command if dask is None else dask.running[1]
            for pid in spawned(nanny.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return 0
        command.kill()
        return -signal.SIGKILL

    @contextlib.contextmanager
    def _started(self, who: Who) -> Iterator[tuple[subprocess.Popen[str], Dask | None]]:
        """Start the command with who computes it; nobody is left in the end."""
        self.by.append(who)
        dask = None
        words = [sys.executable, "-c", MAIN, str(who.chunk), *self.question.words()]
        words += ["--store", str(self.folder / "store")]
        if who.kind == "processes":
            words.append("--processes")
        if who.kind == "dask":
            self.schedulers += 1
            place = self.folder / f"dask-{self.schedulers}"
            place.mkdir()
            dask = Dask(place)
            processes = min(who.workers, 2 if who.workers == 8 else 3)
            dask.worker("--nworkers", str(processes), "--nthreads", str(who.workers // processes))
            words += ["--scheduler", str(dask.file)]
        command = subprocess.Popen(
            words,
            env=os.environ | {"SENESCAPE_THREADS": str(who.workers)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            yield command, dask
        finally:
            command.kill()
            command.wait()
            if dask is not None:
                dask.end()

    def _acknowledged(self) -> int:
        counts = [int(p.read_text()) for p in self.folder.glob("store/runs/*/acknowledged")]
        return max(counts, default=0)


def printed(text: str) -> Any:
    """Return what a command printed, without what differs from run to run."""
    data = json.loads(text)
    data["provenance"].pop("run")
    return data


def undisturbed(question: Question) -> tuple[str, Any]:
    """Return the digest of all bytes and what is printed, by one thread and without a store."""
    words = [sys.executable, "-c", MAIN, "64", *question.words()]
    environment = os.environ | {"SENESCAPE_THREADS": "1"}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    os.environ["SENESCAPE_THREADS"] = "1"
    return question.values(), printed(ran.stdout)


def main(count: int, seed: int) -> int:
    """Try configurations; print a line each; the exit status is 1 if one has other bytes."""
    dask = importlib.util.find_spec("distributed") is not None
    kinds = KINDS if dask else KINDS[:2]
    plain: dict[Question, tuple[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    for number in range(count):
        with tempfile.TemporaryDirectory() as scratch:
            drawn = Configuration(Path(scratch), np.random.default_rng([seed, number]), kinds)
            question, problem = drawn.question, ""
            if question not in plain:
                plain[question] = undisturbed(question)
            try:
                shown = printed(drawn.answered())
                with Store(Path(scratch) / "store", writing=True) as store:
                    (run,) = store.runs()
                    whole = run.replicates == question.hosts and verify(store) == ()
                    same = (question.values(store), shown) == plain[question]
                problem = "" if whole and same else "other bytes" if whole else "not whole"
            except (AssertionError, subprocess.TimeoutExpired) as error:
                problem = str(error)
        rows.append(
            {"question": " ".join(question.words()), "disturbance": drawn.disturbance}
            | {"by": [who._asdict() for who in drawn.by], "kept_at_stops": drawn.found}
            | {"same": not problem, "problem": problem}
        )
        who = ", then ".join(f"{w.workers} {w.kind} by {w.chunk}" for w in drawn.by)
        print(f"{number}: {question.scenario} {question.engine}; {who}; {drawn.disturbance}; "
              f"kept {drawn.found}; {problem or 'same'}", flush=True)  # fmt: skip
        data = {"seed": seed, "kinds": kinds, "configurations": rows}
        text = json.dumps(data, indent=1) + "\n"
        (HERE / "configurations.json").write_text(text, encoding="utf-8")
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    sys.exit(main(*numbers, *(60, 1)[len(numbers) :]))
