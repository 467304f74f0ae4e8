"""What a progress bar looks like: how far, how fast, how long still, and the answer so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from time import monotonic

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

SEEN_SECONDS = 30.0  # of work that the rate is taken from


class Pace(ProgressColumn):
    """Runs a second, time that has passed, and time that is left at this rate."""

    max_refresh = 0.5  # numbers that flicker cannot be read

    def render(self, task: Task) -> Text:
        """Return for example ``830 runs/s, 0:00:12 gone, 0:01:40 left``."""
        gone = _clock(task.finished_time if task.finished else task.elapsed)
        if task.speed is None:  # nothing has come back yet: kernels are compiled, or it is slow
            return Text(f"{gone} gone")
        left = "" if task.finished else f", {_clock(task.time_remaining)} left"
        return Text(f"{task.speed:.3g} runs/s, {gone} gone{left}")


class Progressing(Progress):
    """Bars, and below them a line with the answer so far."""

    answer = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the bars and the line."""
        yield from super().get_renderables()
        if self.answer:
            yield Text(f"  so far: {self.answer}", no_wrap=True, overflow="ellipsis")


def progress(
    console: Console | None = None, get_time: Callable[[], float] = monotonic
) -> Progressing:
    """Return what draws bars, by default on standard error; it leaves nothing behind."""
    return Progressing(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:3.0f} %"),
        Pace(),
        console=Console(stderr=True) if console is None else console,
        get_time=get_time,
        speed_estimate_period=SEEN_SECONDS,
        transient=True,
    )


def _clock(seconds: float | None) -> str:
    return "-:--:--" if seconds is None else str(timedelta(seconds=max(0, round(seconds))))
