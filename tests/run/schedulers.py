"""Dask schedulers and workers, started by the commands that docs/cluster.md gives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BY = "127.0.0.1"


class Dask:
    """A scheduler in a folder, and its workers; they end by :meth:`end` alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.running: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler", "--host", BY, "--port", "0", "--scheduler-file", str(self.file)
        )
        wait_until(self.file.exists)

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start workers with one thread each."""
        few = ["--nthreads", "1", "--local-directory", str(self.folder), *options]
        return self._start("worker", "--scheduler-file", str(self.file), *few, **environment)

    def asked(self, function: Callable[..., Any]) -> Any:
        """Return what a function gives in the scheduler."""
        from distributed import Client

        with Client(json.loads(self.file.read_text())["address"], set_as_default=False) as client:
            return client.run_on_scheduler(function)

    def _start(self, what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        ours = {"PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        started = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *options],
            env=os.environ | ours | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.running.append(started)
        return started

    def end(self) -> None:
        """Kill whatever is left, nannies with their workers."""
        for started in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100.0
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)
