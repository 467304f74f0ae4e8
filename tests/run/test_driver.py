"""Who computes: threads and processes that die; oracle: the squares, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.run import pieces

from senescape.errors import RunError
from senescape.run import Processes, threads, work_through
from senescape.run.driver import AHEAD

ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: set[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, pids))


@pytest.mark.parametrize("make", [threads, Processes])
def test_every_task_is_done_once(make: Callable[[int], Executor]) -> None:
    found: dict[int, int] = {}
    work_through(make(2), pieces.square, range(9), found.__setitem__, workers=2)
    assert found == {n: n * n for n in range(9)}


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    found: dict[int, int] = {}
    tasks = [(tmp_path, number, 2 if number == 1 else 0) for number in range(5)]
    work_through(
        Processes(2, attempts=4),
        pieces.die_times,
        tasks,
        lambda task, value: found.update({task[1]: value}),
        workers=2,
    )
    assert found == {n: n * n for n in range(5)}
    assert len(list(tmp_path.glob("1.*"))) == 3


def test_what_always_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="died 3 times") as caught:
        work_through(
            Processes(1), pieces.die_times, [(tmp_path, 1, 99)], lambda task, value: None, workers=1
        )
    assert caught.value.check == "run.worker-died"
    assert len(list(tmp_path.glob("1.*"))) == 3


@pytest.mark.parametrize("make", [threads, Processes])
def test_a_refusal_comes_through(make: Callable[[int], Executor]) -> None:
    with pytest.raises(RunError) as caught:
        work_through(make(1), pieces.refuse, [7], lambda task, value: None, workers=1)
    assert (caught.value.given, caught.value.check) == ("7", "run.planted")


def test_tasks_are_made_a_few_ahead() -> None:
    made: list[int] = []
    most = 0
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    def accept(task: int, value: int) -> None:
        nonlocal most
        most = max(most, len(made) - len(taken))
        taken.append(task)

    work_through(threads(3), pieces.square, tasks(), accept, workers=3)
    assert sorted(taken) == list(range(50)) and most <= AHEAD * 3


def test_where_a_result_cannot_be_taken_nothing_more_is_handed_out() -> None:
    seen: list[float] = []

    def accept(task: float, value: float) -> None:
        seen.append(value)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        work_through(threads(1), pieces.slow, [0.01] * 50, accept, workers=1)
    assert len(seen) == 1


class Stopping(ThreadPoolExecutor):
    """Threads whose third task meets Ctrl-C."""

    def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
        self.given = getattr(self, "given", 0) + 1
        if self.given == 3:
            raise KeyboardInterrupt
        return super().submit(*arguments, **options)


@pytest.mark.parametrize(("grace", "taken"), [(5.0, [0.3]), (0.0, [])])
def test_what_runs_at_a_stop_is_taken_within_the_grace(grace: float, taken: list[float]) -> None:
    """One worker: the first task runs, the second waits and is given up."""
    found: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        work_through(
            Stopping(1),
            pieces.slow,
            [0.3, 0.3, 0.3],
            lambda task, value: found.append(value),
            workers=2,
            grace=grace,
        )
    assert found == taken


def test_processes_are_killed_where_nobody_waits() -> None:
    pool = Processes(2)
    pids = {pool.submit(pieces.process, n).result() for n in range(6)}
    pending = pool.submit(pieces.slow, 60.0)
    pool.shutdown(wait=False, cancel_futures=True)
    assert gone(pids, 5.0)
    assert pending.exception(timeout=5.0) is not None
    assert pool.submit(pieces.square, 2).exception() is not None


def test_processes_end_with_their_parent() -> None:
    """A parent that is killed cannot tell them: they watch it."""
    script = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from tests.run import pieces\n"
        "from senescape.run import Processes\n"
        "if __name__ == '__main__':\n"
        "    pool = Processes(1)\n"
        "    print(pool.submit(pieces.process, 1).result(), flush=True)\n"
        "    pool.submit(pieces.slow, 60.0).result()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone({pid}, 5.0)


def test_threads_are_known_by_their_name() -> None:
    with threads(1) as pool:
        assert pool.submit(lambda: threading.current_thread().name).result().startswith("senescape")
