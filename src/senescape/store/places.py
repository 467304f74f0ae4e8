"""Folders and small files of a store: written whole, flushed, never on a network."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from senescape.errors import StoreError

MOUNTS = Path("/proc/mounts")
NETWORKS = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "gfs", "gfs2"),
        *("glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs"),
        *("pvfs2", "smb3", "smbfs"),
    }
)
# A file system in user space is one of these by its second word: fuse.sshfs.
NETWORKS_IN_USER_SPACE = frozenset(
    {
        *("afpfs", "ceph", "curlftpfs", "davfs", "davfs2", "gcsfuse", "glusterfs", "goofys"),
        *("juicefs", "nfs", "rclone", "s3fs", "smb", "smbnetfs", "sshfs"),
    }
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def check_local(folder: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a folder on a network file system: SQLite's write-ahead log needs shared memory.

    Parameters
    ----------
    mounts : Path
        The kernel's table of mounts; where there is none, nothing is refused.

    Raises
    ------
    StoreError
        Naming the file system.
    """
    kind, place = _file_system(Path(os.path.realpath(folder)), mounts)
    outer, _, inner = kind.partition(".")
    if outer in NETWORKS or (outer.startswith("fuse") and inner in NETWORKS_IN_USER_SPACE):
        raise StoreError(
            f"{shown(folder)} is on a network file system ({kind} at {place})",
            allowed="a folder on a disk of this machine: the database's log needs shared memory",
            remedy="compute in a local folder and copy it when the run is finished",
            check="store.network",
        )


def _file_system(folder: Path, mounts: Path) -> tuple[str, str]:
    """Return the type of the file system that holds a folder, and where it is mounted."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return "", ""
    found = ("", "")
    for line in lines:
        words = line.split(" ")
        if len(words) < 3:
            continue
        place = _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[1])
        # the last of equal places is the one that is seen
        if folder.is_relative_to(place) and len(place) >= len(found[1]):
            found = (words[2], place)
    return found


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: temporary, flush, rename, flush the folder."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    flush_folder(path.parent)


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Turn what the operating system says into one line with a remedy.

    Raises
    ------
    StoreError
        A full disk; a folder that cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error.strerror or str(error)) from None


def unwritable(folder: Path, reason: str) -> StoreError:
    """Return the refusal of a store that cannot be written; what it holds stays."""
    return StoreError(
        f"cannot write the store {shown(folder)}: {reason}",
        allowed="a folder that can be written, on a disk with room",
        remedy="make room or give permission, then the same command: what is finished is kept",
        check="store.unwritable",
    )


def shown(path: Path) -> str:
    """Return a path as it can be printed, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
