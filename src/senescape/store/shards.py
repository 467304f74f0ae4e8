"""Arrays too large for a row: one ``.npy`` file each, on disk before the row that names it.

The file is named by its key and the digest of its numbers, so that the rows can be made again from
the folder alone.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .database import Key, Row
from .places import write_whole

Float = NDArray[np.float64]

FOLDER = "shards"
SMALLEST = 1 << 20  # bytes; below, a row of the database is the better place
_NAME = re.compile(r"d(\d+)\.h(\d+)\.r(\d+)\.([A-Za-z0-9_-]*)\.([0-9a-f]{64})\.npy")


def shard_name(key: Key, sha256: bytes) -> str:
    """Return the name of the file of a replicate."""
    return f"d{key.draw}.h{key.host}.r{key.replicate}.{key.arm}.{sha256.hex()}.npy"


def write_shard(folder: Path, key: Key, values: Float, sha256: bytes) -> str:
    """Write an array whole and flushed; return the name of its file."""
    buffer = io.BytesIO()
    np.save(buffer, values.astype("<f8", copy=False), allow_pickle=False)
    folder.mkdir(exist_ok=True)
    name = shard_name(key, sha256)
    write_whole(folder / name, buffer.getvalue())
    return name


def read_shard(folder: Path, name: str) -> bytes | None:
    """Return the numbers of a file as little-endian bytes; None where it cannot be read as such."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        found = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return bytes(found.tobytes()) if found.dtype == np.dtype("<f8") else None


def shard_rows(folder: Path) -> list[Row]:
    """Return the rows that the files in a folder stand for, by their names."""
    matches = (_NAME.fullmatch(file.name) for file in sorted(folder.glob("*.npy")))
    return [
        Row(Key(int(m[1]), int(m[2]), m[4], int(m[3])), None, m[0], bytes.fromhex(m[5]))
        for m in matches
        if m is not None
    ]
