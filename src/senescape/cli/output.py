"""What the commands share: whole files or none, progress bars on a terminal, plain data."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from senescape.errors import RunError

if TYPE_CHECKING:
    from senescape.cli.bars import Progressing

LONGEST_NAME = 255


def check_output(path: Path) -> Path:
    """Return the file that a path stands for, before hours are spent on what goes into it.

    Raises
    ------
    RunError
        A folder; a folder that is missing or cannot be written.
    """
    try:
        try:
            found = path.stat()
        except FileNotFoundError:
            found = None
        target = Path(os.path.realpath(path))
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if found is None and not stat.S_ISDIR(target.parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "its folder is a file")
        special = found is not None and not stat.S_ISREG(found.st_mode)
        if not os.access(path if special else target.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission to write there")
        if len(os.fsencode(target.name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, "the name is too long")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    return target


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a neighbour of a file to write to; it takes the file's place once all of it is on disk.

    Where anything fails, or the user stops, the neighbour is removed and the file stays as it was.
    A link is followed, and an old file's permissions are kept.

    Raises
    ------
    RunError
        The place cannot be written, or is no file (a pipe, a device).
    """
    target = check_output(path)
    temporary: Path | None = None
    try:
        if target.exists() and not target.is_file():
            raise OSError(errno.EINVAL, "it is no file")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=".senescape.", suffix=target.suffix[:20]
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_text(path: Path, content: str) -> None:
    """Write a file whole or not at all; a pipe or device gets the text as it is.

    Raises
    ------
    RunError
        The folder is missing or cannot be written.
    """
    data = content.encode("utf-8", "backslashreplace")
    check_output(path)
    if path.exists() and not path.is_file():
        try:
            # without a reader a pipe would be waited for, without end
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb") as stream:
                os.set_blocking(stream.fileno(), True)
                stream.write(data)
        except OSError as error:
            raise _unwritable(path, error) from None
        return
    with whole(path) as temporary:
        temporary.write_bytes(data)


def shown(path: Path) -> str:
    """Return a path as it can be printed, whatever its bytes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def tell(text: str) -> None:
    """Print a line beside the result, on standard error."""
    line = f"senescape: {text}"
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)


def _unwritable(path: Path, error: Exception) -> RunError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return RunError(
        f"cannot write {shown(path)}: {reason}",
        allowed="a file in a folder that exists and can be written",
        remedy="create the folder or choose another name",
        check="output.unwritable",
    )


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
    """A progress bar on standard error; silent, and without Rich, where that is no terminal.

    Parameters
    ----------
    what : str
        Stands before every piece of work.
    progress : Progressing, optional
        What draws; by default one for standard error.
    """

    def __init__(self, what: str, progress: Progressing | None = None) -> None:
        self.progress = progress
        if progress is None and sys.stderr.isatty():
            from senescape.cli import bars

            self.progress = bars.progress()
        self.what = what
        self.task: Any = None

    @property
    def seen(self) -> bool:
        """Whether anybody sees it; else nothing need be computed for it."""
        return self.progress is not None

    def start(self, what: str, total: int) -> None:
        """Begin a piece of work."""
        if self.progress is not None:
            self.task = self.progress.add_task(f"{self.what}: {what}", total=total)

    def advance(self, units: int) -> None:
        """Say that units are finished."""
        if self.progress is not None:
            self.progress.advance(self.task, units)

    def estimate(self, text: str) -> None:
        """Say what the answer looks like so far."""
        if self.progress is not None:
            self.progress.answer = text

    def stop(self) -> None:
        """End the piece of work."""
        if self.progress is not None:
            self.progress.remove_task(self.task)

    @contextlib.contextmanager
    def shown(self) -> Iterator[Bar]:
        """Show the bar while work goes on."""
        with self.progress or contextlib.nullcontext():
            yield self


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a plain table: columns aligned, numbers as they come."""
    widths = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]

    def line(cells: list[str]) -> str:
        return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    return "\n".join([line(heads), line(["-" * w for w in widths]), *(line(r) for r in rows)])
