"""One run of a store while it is being computed: what is known is read, what is new is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .database import Database, Key, Row, row_digest
from .lock import Lock
from .places import told, write_whole
from .shards import FOLDER, SMALLEST, read_shard, write_shard

Float = NDArray[np.float64]

ACKNOWLEDGED = "acknowledged"


def run_content(folder: Path, digest: str, row: Row) -> bytes | None:
    """Return the bytes of a replicate; None where they are not those that were written."""
    content = row.value
    if row.shard is not None:
        content = read_shard(folder / FOLDER, row.shard)
    if content is None or row_digest(digest, row.key, content) != row.sha256:
        return None
    return content


def acknowledged(folder: Path) -> int:
    """Return how many replicates were said to be kept."""
    try:
        return int((folder / ACKNOWLEDGED).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


class KeptRun:
    """A run that this process computes; a context that holds its lock.

    Parameters
    ----------
    database : Database
        Open for writing.
    folder : Path
        Of the run.
    digest : str
        Of its recipe.
    shape : (int, int)
        Of the array of one replicate: (variables, times).
    tell : callable
        Told each finding of damage or loss in one line.

    Attributes
    ----------
    lost : int
        Replicates that were acknowledged earlier and are gone (a write-ahead log was deleted).
    damaged : int
        Replicates found whose bytes are not those that were written; they count as missing.
    found, added : int
        Replicates read from the store, and newly kept.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        digest: str,
        shape: tuple[int, int],
        *,
        tell: Callable[[str], None],
    ) -> None:
        self.tell = tell
        self.database, self.folder, self.digest, self.shape = database, folder, digest, shape
        self.lost = self.damaged = self.found = self.added = 0
        self._count = 0
        self._bad: set[Key] = set()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> KeptRun:
        with contextlib.ExitStack() as stack:
            stack.enter_context(Lock(self.folder / "lock", f"run {self.digest[:12]}"))
            self._count = self.database.count(self.digest)
            self.lost = max(0, acknowledged(self.folder) - self._count)
            if self.lost:
                self.tell(
                    f"{self.lost} acknowledged replicates of run {self.digest[:12]} are gone (was "
                    "a file of the database deleted?); they are computed again"
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def fetch(self, keys: Sequence[Key], result: Float) -> NDArray[np.bool_]:
        """Fill in the replicates that are kept and whole; return which those are, (lanes,).

        Parameters
        ----------
        keys : sequence of Key, one a lane
        result : (variables, times, lanes)
            Changed in place.
        """
        done = np.zeros(len(keys), dtype=bool)
        if not keys or not self._count:
            return done
        lane = {key: index for index, key in enumerate(keys)}
        draws, hosts = [key.draw for key in keys], [key.host for key in keys]
        rows = self.database.rows(
            self.digest, draws=(min(draws), max(draws)), hosts=(min(hosts), max(hosts))
        )
        for row in rows:
            index = lane.get(row.key)
            if index is None:
                continue
            content = run_content(self.folder, self.digest, row)
            if content is None or len(content) != 8 * self.shape[0] * self.shape[1]:
                self._bad.add(row.key)
                continue
            result[:, :, index] = np.frombuffer(content, "<f8").reshape(self.shape)
            done[index] = True
        self.found, self.damaged = int(done.sum()), len(self._bad)
        if self._bad:
            self.tell(
                f"{self.damaged} replicates of run {self.digest[:12]} are not what was written; "
                "they are computed again"
            )
        return done

    def keep(self, keys: Sequence[Key], values: Float) -> None:
        """Have replicates on disk; on return they are acknowledged.

        Parameters
        ----------
        values : (variables, times, lanes)

        Raises
        ------
        StoreError
            The disk is full or cannot be written; none of these replicates is kept then.
        """
        with told(self.folder):
            rows = [self._row(key, values[:, :, lane]) for lane, key in enumerate(keys)]
        replaced = [row for row in rows if row.key in self._bad]
        fresh = [row for row in rows if row.key not in self._bad]
        added = self.database.insert(self.digest, fresh, replace=False) if fresh else 0
        if replaced:
            self.database.insert(self.digest, replaced, replace=True)
            self._bad.difference_update(row.key for row in replaced)
        self._count += added
        self.added += added + len(replaced)
        with told(self.folder):
            write_whole(self.folder / ACKNOWLEDGED, str(self._count).encode())

    def _row(self, key: Key, values: Float) -> Row:
        content = np.ascontiguousarray(values, "<f8").tobytes()
        sha = row_digest(self.digest, key, content)
        if len(content) < SMALLEST:
            return Row(key, content, None, sha)
        return Row(key, None, write_shard(self.folder / FOLDER, key, values, sha), sha)
