"""Text files of a user: looked at before they are read, so that none hangs or fills the memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class Unreadable(Exception):
    """Why a file cannot be read.

    Parameters
    ----------
    problem, remedy : str
        What was found, and what to do next.
    kind : str
        missing, folder, unreadable, encoding or too-long.
    """

    def __init__(self, problem: str, remedy: str, kind: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.kind = problem, remedy, kind


def read_text(path: str | Path, largest: int) -> str:
    """Return the text of a regular file in UTF-8, without a byte order mark.

    Pipes and devices are refused: they may never end, or never begin.

    Parameters
    ----------
    largest : int
        Bytes.

    Raises
    ------
    Unreadable
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise Unreadable("a folder", "name a file in it", "folder")
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("a pipe or device", "save it to a file first", "unreadable")
        if status.st_size > largest:
            raise Unreadable(f"{status.st_size} bytes", f"keep it below {largest}", "too-long")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise Unreadable("no such file", "check the path", "missing") from None
    except ValueError:
        raise Unreadable("a zero byte in the path", "check the path", "missing") from None
    except OSError as error:
        problem = error.strerror or "not readable"
        raise Unreadable(problem, "check the path and its permissions", "unreadable") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_what_else(data, error.start), "save it as UTF-8", "encoding") from None


def _what_else(data: bytes, place: int) -> str:
    """Say what the bytes are, where that is plain."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text"
    return f"not UTF-8 text (line {data.count(10, 0, place) + 1})"
