"""What the commands share: whole files or none, progress bars on a terminal, plain data."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from senescape.errors import RunError


def write_text(path: Path, content: str) -> None:
    """Write a file whole: into a neighbour first, then moved over it.

    Raises
    ------
    RunError
        The folder is missing or cannot be written.
    """
    handle, temporary = -1, ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise RunError(
            f"cannot write {path}: {error.strerror}",
            allowed="a file in a folder that exists and can be written",
            remedy="create the folder or choose another name",
            check="output.unwritable",
        ) from None


def plain_json(data: object) -> str:
    """Return data as JSON: keys as they stand, numbers with all their digits, no NaN."""
    return json.dumps(_finite(data), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(data: Any) -> Any:
    """Replace numbers that JSON cannot hold by null."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data


class Bar:
    """A progress bar on standard error; silent where that is no terminal."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self.what = what
        self.task: Any = None

    def start(self, what: str, total: int) -> None:
        """Begin a piece of work."""
        self.task = self.progress.add_task(f"{self.what}: {what}", total=total)

    def advance(self, units: int) -> None:
        """Say that units are finished."""
        self.progress.advance(self.task, units)

    def stop(self) -> None:
        """End the piece of work."""
        self.progress.remove_task(self.task)

    @contextlib.contextmanager
    def shown(self) -> Iterator[Bar]:
        """Show the bar while work goes on."""
        with self.progress:
            yield self


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a plain table: columns aligned, numbers as they come."""
    widths = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]

    def line(cells: list[str]) -> str:
        return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    return "\n".join([line(heads), line(["-" * w for w in widths]), *(line(r) for r in rows)])
