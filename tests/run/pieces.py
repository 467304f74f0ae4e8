"""Pieces of work that processes can be given: some kill the process that has them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from senescape.errors import RunError


def square(number: int) -> int:
    """Return the square."""
    return number * number


def die_times(task: tuple[Path, int, int]) -> int:
    """Kill this process the first ``times`` times that a number is tried; then return its square."""
    folder, number, times = task
    tried = len(list(folder.glob(f"{number}.*")))
    (folder / f"{number}.{tried}").touch()
    if tried < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def refuse(number: int) -> int:
    """Raise one of our errors."""
    raise RunError(f"{number}", allowed="none", remedy="no", check="run.planted")


def slow(seconds: float) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


def process(_: int) -> int:
    """Return the number of this process."""
    return os.getpid()


def marked(task: tuple[Path, int, float]) -> int:
    """Leave a file with this number, then sleep."""
    folder, number, seconds = task
    (folder / str(number)).touch()
    time.sleep(seconds)
    return number
