"""The progress bar: what it says, that it is silent without a terminal, and changes nothing."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from rich.console import Console

from senescape.cli import bars
from senescape.cli.output import Bar


class Clock:
    """A time that passes when it is told to [s]."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(width: int = 110) -> tuple[Bar, Clock, Callable[[], str]]:
    """Return a bar on a terminal that is none, its clock, and what is to be seen."""
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    progress = bars.progress(console, clock)
    screen = Console(file=io.StringIO(), width=width, color_system=None)

    def seen() -> str:
        with screen.capture() as capture:
            screen.print(progress.get_renderable())
        return capture.get()

    return Bar("pulse", progress), clock, seen


def test_rate_and_time_left_are_those_of_the_work() -> None:
    """500 of 2,000 in 50 s: 25 % at 10 a second, 150 s left."""
    bar, clock, seen = drawn()
    bar.start("simulating", 2000)
    assert "0 %" in seen() and "left" not in seen()
    for _ in range(10):
        clock.now += 5.0
        bar.advance(50)
    text = seen()
    assert "pulse: simulating" in text and "25 %" in text
    assert "10 runs/s, 0:00:50 gone, 0:02:30 left" in text


def test_the_rate_is_the_recent_one() -> None:
    """A minute of compiling before the first result is not taken for the pace of the rest."""
    bar, clock, seen = drawn()
    bar.start("simulating", 1000)
    clock.now += 60.0
    for _ in range(40):
        bar.advance(10)
        clock.now += 1.0
    assert "10 runs/s" in seen() and "0:01:40 gone, 0:01:00 left" in seen()


def test_the_answer_so_far_stands_below_in_one_line() -> None:
    bar, _, seen = drawn(width=60)
    bar.start("judging", 10)
    assert "so far" not in seen()
    bar.estimate("V +0.43 day, 95 % +0.21 to +0.65, after 64 draws and more words than fit")
    *_, last = seen().rstrip("\n").splitlines()
    assert last.startswith("  so far: V +0.43 day") and last.endswith("…") and len(last) <= 60


def test_a_bar_that_has_ended_leaves_nothing() -> None:
    bar, _, seen = drawn()
    with bar.shown() as shown:
        shown.start("simulating", 3)
        shown.advance(3)
        shown.stop()
    assert "simulating" not in seen()


def test_without_a_terminal_nothing_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    bar = Bar("pulse")
    with bar.shown() as shown:
        shown.start("simulating", 3)
        shown.advance(1)
        shown.estimate("no one reads this")
        shown.stop()
    assert bar.progress is None and capfd.readouterr() == ("", "")


def test_on_a_terminal_the_bar_is_drawn_and_the_result_is_the_same() -> None:
    """The program itself, with standard error on a pseudo-terminal and on a pipe."""
    words = "simulate mcf7-doxorubicin -r 100nM --hosts 128 --until 3 --step-hours 12"
    command = [sys.executable, "-c", "from senescape.cli import main; main()", *words.split()]
    ours, theirs = pty.openpty()
    drawn: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                drawn.append(part)
        except OSError:  # nobody has the other end any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    shown = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    plain = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert shown.stdout == plain.stdout and plain.stderr == b""
    text = b"".join(drawn).decode()
    assert "100nM: simulating" in text and "so far: live_cells at day 3 " in text
    assert "128 hosts" in text
