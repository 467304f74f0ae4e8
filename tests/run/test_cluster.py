"""Workers of a Dask scheduler as who computes, started by the commands that docs/cluster.md gives.

Oracle: threads of this process; the squares, whatever dies on the way; workers that were planted.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_runs import run
from tests.cohort.test_simulate import TEXT
from tests.run import pieces
from tests.run.schedulers import BY, Dask, wait_until
from tests.store.test_simulated import from_store

from senescape.cohort import simulate
from senescape.errors import RunError
from senescape.files import parse_scenario
from senescape.run import Silent, cluster, work_through
from senescape.store import Store

SCENARIO = parse_scenario(TEXT)
SHORT: dict[str, Any] = {"until": 2.0, "step": 0.5}

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="distributed is not installed: pip install 'senescape[cluster]'",
)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Two workers that are replaced when they die; a task may kill one, not two."""
    made = Dask(tmp_path_factory.mktemp("dask"))
    made.worker("--nworkers", "2")
    yield made
    made.end()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Dask]:
    """A scheduler without workers."""
    made = Dask(tmp_path)
    yield made
    made.end()


class Once(Silent):
    """Does something when the first hosts are finished."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.do: Callable[[], None] | None = do

    def advance(self, units: int) -> None:
        if units and self.do is not None:
            do, self.do = self.do, None
            do()


# --- the same bytes, whatever dies


@needs_dask
def test_a_cluster_changes_no_byte(dask: Dask, tmp_path: Path) -> None:
    """Also where a worker is killed while hosts are computed, with a store and without."""
    wanted = SHORT | {"hosts": 200}
    address = json.loads(dask.file.read_text())["address"]
    for options in ({}, {"uncertain": True}, {"engine": "mean-field", "step": None}):
        plain = simulate(SCENARIO, "pulse", **(wanted | options))
        there = cluster.on_scheduler(str(dask.file))
        found = simulate(SCENARIO, "pulse", executor=there, **(wanted | options))
        assert found.values.tobytes() == plain.values.tobytes()
    plain = simulate(SCENARIO, "pulse", **wanted)
    there = cluster.on_scheduler(address)
    pid = there.submit(pieces.process, 0).result(100)
    killing = Once(lambda: os.kill(pid, signal.SIGKILL))
    with Store(tmp_path, writing=True) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("senescape.run.lanes.MOST_KEPT", 5)
        kept = simulate(SCENARIO, "pulse", executor=there, store=store, monitor=killing, **wanted)
    assert killing.do is None
    assert kept.values.tobytes() == plain.values.tobytes()


@needs_dask
def test_the_command_prints_the_same(dask: Dask, tmp_path: Path) -> None:
    """Also for more regimens than one: the scheduler is asked once."""
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    words = ["simulate", str(path), "--hosts", "20", "--until", "2", "--seed", "3"]
    plain = run(*words)
    assert "pulse" in plain and "control" in plain
    assert run(*words, "--scheduler", str(dask.file), "--store", str(tmp_path / "s")) == plain


@needs_dask
def test_what_a_dead_worker_had_is_done_again(dask: Dask, tmp_path: Path) -> None:
    """Once; the scheduler of this test gives up at the second death."""
    found: dict[int, int] = {}
    work_through(
        cluster.on_scheduler(str(dask.file)),
        pieces.die_times,
        [(tmp_path, number, 1 if number == 1 else 0) for number in range(5)],
        lambda task, value: found.update({task[1]: value}),
        workers=2,
    )
    assert found == {n: n * n for n in range(5)}
    with pytest.raises(RunError, match="died 2 times") as caught:
        work_through(
            cluster.on_scheduler(str(dask.file)),
            pieces.die_times,
            [(tmp_path, 7, 99)],
            lambda task, value: None,
            workers=1,
        )
    assert caught.value.check == "run.worker-died"
    assert len(list(tmp_path.glob("7.*"))) == 2


@needs_dask
def test_a_refusal_comes_through_and_a_stop_cancels(dask: Dask, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        work_through(
            cluster.on_scheduler(str(dask.file)),
            pieces.refuse,
            [7],
            lambda task, value: None,
            workers=1,
        )
    assert (caught.value.given, caught.value.check) == ("7", "run.planted")

    def stopped(task: object, value: int) -> None:
        raise KeyboardInterrupt

    tasks = [(tmp_path, number, 0.1 if number == 0 else 2.0) for number in range(9)]
    with cluster.Cluster(str(dask.file)) as there:
        assert there.count == 2
        executor = there.executor()
        with pytest.raises(KeyboardInterrupt):
            work_through(executor, pieces.marked, tasks, stopped, workers=3)
        with pytest.raises(RuntimeError, match="shut down"):
            executor.submit(pieces.square, 0)
        wait_until(lambda: dask.asked(tasks_left) == 0)
        # six were handed out to two workers: what waited was never begun
        assert len(list(tmp_path.iterdir())) <= 4
        assert there.executor().submit(pieces.square, 3).result(100.0) == 9


def tasks_left(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)


# --- what is refused


@needs_dask
def test_a_scheduler_or_its_workers_that_are_gone(
    alone: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a refusal; what was acknowledged is kept, and the same run goes on."""
    with pytest.raises(RunError, match=r"no worker for 0\.2 s") as caught:
        cluster.Cluster(str(alone.file), worker_seconds=0.2)
    assert caught.value.check == "cluster.no-workers"
    planted = alone.worker("--no-nanny", NUMBA_DISABLE_JIT="1")
    with pytest.raises(RunError, match="kernels: compiled -> interpreted") as caught:
        cluster.Cluster(str(alone.file))
    assert caught.value.check == "cluster.versions"
    planted.kill()
    planted.wait()
    monkeypatch.setattr(cluster, "LONELY_SECONDS", 0.5)
    monkeypatch.setattr("senescape.run.lanes.MOST_KEPT", 5)
    wanted = SHORT | {"hosts": 300}
    plain = simulate(SCENARIO, "pulse", **wanted)
    ends: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("cluster.no-workers", lambda: worker.kill()),
        ("cluster.lost", alone.scheduler.kill),
    )
    for check, end in ends:
        worker = alone.worker("--no-nanny")
        with Store(tmp_path / check, writing=True) as store:
            there = cluster.on_scheduler(str(alone.file))
            with pytest.raises(RunError) as caught:
                simulate(
                    SCENARIO, "pulse", executor=there, store=store, monitor=Once(end), **wanted
                )
            assert caught.value.check == check
            assert "\n" not in str(caught.value)
            (info,) = store.runs()
            assert 0 < info.acknowledged < 300
            whole = simulate(SCENARIO, "pulse", store=store, **wanted)
        assert whole.values.tobytes() == plain.values.tobytes()
        assert from_store(whole)[0] == info.acknowledged


@needs_dask
def test_nobody_there() -> None:
    with socket.socket() as silent:
        silent.bind((BY, 0))
        address = f"tcp://{BY}:{silent.getsockname()[1]}"
        for listening in (False, True):
            if listening:
                silent.listen()
            with pytest.raises(RunError, match=r"within 0\.5 s") as caught:
                cluster.on_scheduler(address, connect_seconds=0.5)
            assert caught.value.check == "cluster.unreachable"


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"pip install 'senescape\[cluster\]'") as caught:
        cluster.on_scheduler("tcp://127.0.0.1:8786")
    assert caught.value.check == "cluster.missing"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "Expecting"),
        ("[]", "holds no address"),
        ("{}", "holds no address"),
        ('{"address": 1}', "holds no address"),
        ('{"address": "inproc://x"}', "no tcp://HOST:PORT"),
        ('{"address": "tcp://[::1:1"}', "no tcp://HOST:PORT"),
        ("[" * 100_000, "maximum recursion"),
    ],
)
def test_a_file_without_an_address_is_refused(content: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(content)
    with pytest.raises(RunError, match=what) as caught:
        cluster.address_of(str(path))
    assert caught.value.check == "cluster.address"


def test_a_worker_that_comes_later_compares_before_it_unpickles() -> None:
    """Planted: another numpy; and a payload that nobody could unpickle."""
    with pytest.raises(RunError, match=r"numpy: 1\.0 -> ") as caught:
        cluster._work(cluster.fingerprint() | {"numpy": "1.0"}, b"rubbish")
    assert caught.value.check == "cluster.versions"


def test_arithmetic_is_told_by_its_last_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: an exponential that is off by one unit in the last place, once in 2,001 times."""
    import numpy as np

    exp, mine = np.exp, cluster._arithmetic()

    def other(x: Any) -> Any:
        found = exp(x)
        found[1000] = np.nextafter(found[1000], 0.0)
        return found

    monkeypatch.setattr(np, "exp", other)
    assert cluster._arithmetic() != mine
