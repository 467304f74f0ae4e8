"""One process a run: a lock that the kernel lets go when its holder dies, with its name in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType

from senescape.errors import StoreError

from .places import told

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Lock:
    """Hold a lock file while inside ``with``.

    Parameters
    ----------
    path : Path
        The file; it stays behind, free.
    what : str
        Named in the refusal, for example ``run 0123456789ab``.
    shared : bool
        Several holders may share it; one that is not shared needs it alone.

    Notes
    -----
    The kernel keeps the lock (``flock``), so a holder that was killed holds nothing and no file has
    to be judged stale. Process and boot are written into it to say who holds it.

    Raises
    ------
    StoreError
        Somebody else holds it.
    """

    def __init__(self, path: Path, what: str, *, shared: bool = False) -> None:
        self.path, self.what, self.shared = path, what, shared
        self._handle = -1

    def __enter__(self) -> Lock:
        with told(self.path.parent):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if self.shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            holder = _holder(os.pread(handle, 4096, 0))
            os.close(handle)
            raise StoreError(
                f"{self.what} is in use by {holder}",
                allowed="one process at a time",
                remedy="wait until it ends, or stop it; what it has finished is kept",
                check="store.locked",
            ) from None
        self._handle = handle
        content = json.dumps({"pid": os.getpid(), "boot_id": boot_id()}).encode()
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its holder's name
            os.ftruncate(handle, 0)
            os.pwrite(handle, content, 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def boot_id() -> str:
    """Return the kernel's name for the time since this machine started; empty where it has none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _holder(content: bytes) -> str:
    try:
        data = json.loads(content)
        here = data["boot_id"] == boot_id()
        return f"process {int(data['pid'])}" + ("" if here else " of another machine or boot")
    except (ValueError, KeyError, TypeError):
        return "another process"
