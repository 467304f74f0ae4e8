"""The database of a store: one row a replicate, committed before it is acknowledged.

SQLite with a write-ahead log and ``synchronous=FULL``. A row carries the digest of its own key and
bytes, so that a bit that flips on disk, or a row that lands in a wrong place, is found.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from senescape.errors import StoreError

from .places import shown, unwritable

NAME = "index.sqlite"
APPLICATION = 0x53454E45  # "SENE"
FORMAT = 1
WAIT_SECONDS = 60.0
SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE replicate (
  run BLOB NOT NULL,
  draw INTEGER NOT NULL,
  host INTEGER NOT NULL,
  arm TEXT NOT NULL,
  replicate INTEGER NOT NULL,
  value BLOB,
  shard TEXT,
  sha256 BLOB NOT NULL
);
CREATE UNIQUE INDEX key ON replicate (run, draw, host, arm, replicate);
"""
COLUMNS = "draw, host, arm, replicate, value, shard, sha256"


class Key(NamedTuple):
    """Which replicate of a run.

    Parameters
    ----------
    draw, host, replicate : int
        Outer draw, host (in vitro: a well), repetition of the same host.
    arm : str
        World of a comparison; empty where there is one.
    """

    draw: int
    host: int
    arm: str
    replicate: int


class Row(NamedTuple):
    """A replicate as the database holds it: its bytes, or the name of the file with them."""

    key: Key
    value: bytes | None
    shard: str | None
    sha256: bytes


def row_digest(run: str, key: Key, content: bytes) -> bytes:
    """Return the SHA-256 of a replicate: run, key and bytes.

    The text before the bytes is ``run|draw|host|arm|replicate|``.
    """
    head = f"{run}|{key.draw}|{key.host}|{key.arm}|{key.replicate}|"
    return hashlib.sha256(head.encode() + content).digest()


def create(path: Path) -> None:
    """Make an empty database; it must not exist."""
    with _told(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(f"BEGIN; {SCHEMA} COMMIT;")


class Database:
    """An open database; used by one thread.

    Parameters
    ----------
    path : Path
        The file, which must exist and be whole.
    writing : bool
        Without it nothing is changed, and a folder that cannot be written will do.

    Raises
    ------
    StoreError
        Missing, truncated, not ours, of a newer format.
    """

    def __init__(self, path: Path, *, writing: bool) -> None:
        self.path = path
        _check_length(path)
        with _told(path):
            self._connection = _connected(path, writing=writing)
            try:
                self._check_format()
                if writing:
                    self._connection.execute("PRAGMA synchronous = FULL")
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close it; the last to do so folds the log into the file."""
        with _told(self.path):
            self._connection.close()

    def _check_format(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise damaged(self.path, "it is no database of senescape")
        if not 1 <= version <= FORMAT:
            raise StoreError(
                f"{shown(self.path)} has format version {version}",
                allowed=f"versions 1 to {FORMAT}",
                remedy="use a newer senescape",
                check="store.version",
            )

    def insert(self, run: str, rows: Iterable[Row], *, replace: bool) -> int:
        """Add rows in one transaction and return how many are new; it is on disk on return.

        Parameters
        ----------
        replace : bool
            Replicates that are there already are overwritten (they were damaged) or left alone.
        """
        binary = bytes.fromhex(run)
        verb = "REPLACE" if replace else "IGNORE"
        data = [(binary, *row.key, row.value, row.shard, row.sha256) for row in rows]
        with _told(self.path):
            if self._connection.in_transaction:  # a stop came right behind BEGIN
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                done = self._connection.executemany(
                    f"INSERT OR {verb} INTO replicate (run, {COLUMNS}) VALUES (?,?,?,?,?,?,?,?)",
                    data,
                ).rowcount
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
        return done

    def rows(self, run: str, *, draws: tuple[int, int], hosts: tuple[int, int]) -> Iterator[Row]:
        """Yield the replicates of a run between two draws and two hosts, ends included."""
        query = f"SELECT {COLUMNS} FROM replicate WHERE run = ? AND draw BETWEEN ? AND ? "
        query += "AND host BETWEEN ? AND ? ORDER BY draw, host, arm, replicate"
        with _told(self.path):
            for row in self._connection.execute(query, (bytes.fromhex(run), *draws, *hosts)):
                yield _row(row)

    def count(self, run: str) -> int:
        """Return the number of replicates of a run."""
        with _told(self.path):
            (found,) = self._connection.execute(
                "SELECT count(*) FROM replicate WHERE run = ?", (bytes.fromhex(run),)
            ).fetchone()
        return int(found)

    def runs(self) -> tuple[str, ...]:
        """Return the digests of all runs that have a row."""
        with _told(self.path):
            found = self._connection.execute("SELECT DISTINCT run FROM replicate").fetchall()
        return tuple(sorted(bytes(run).hex() for (run,) in found))

    def remove(self, run: str) -> int:
        """Remove all rows of a run and return how many there were."""
        with _told(self.path):
            return self._connection.execute(
                "DELETE FROM replicate WHERE run = ?", (bytes.fromhex(run),)
            ).rowcount

    def problems(self) -> tuple[str, ...]:
        """Return what SQLite's own check of the whole file finds."""
        try:
            found = self._connection.execute("PRAGMA integrity_check(20)").fetchall()
        except sqlite3.DatabaseError as error:
            return (str(error),)
        lines = [" ".join(line.split()) for (text,) in found for line in str(text).splitlines()]
        return tuple(line for line in lines if line != "ok" and not line.startswith("***"))


def salvaged(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield every row that can still be read of a database, damaged or not, with its run.

    Nothing is believed: the caller compares digests. Where a stretch cannot be read, ever larger
    steps are taken over it.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        return
    query = f"SELECT rowid, run, {COLUMNS} FROM replicate WHERE rowid > ? ORDER BY rowid"
    last, stride = 0, 1
    with contextlib.closing(connection):
        while last < 2**40:
            try:
                for number, run, *row in connection.execute(query, (last,)):
                    last, stride = number, 1
                    if isinstance(run, bytes):
                        yield run.hex(), _row(row)
                return
            except sqlite3.Error:
                last, stride = last + stride, min(2 * stride, 2**34)


def damaged(path: Path, reason: str) -> StoreError:
    """Return the refusal of a database that cannot be trusted."""
    return StoreError(
        f"{shown(path)} is damaged: {reason}",
        allowed="the database as it was written",
        remedy=f"senescape runs rebuild {shown(path.parent)} saves what is whole; then the same "
        "command computes what is lost",
        check="store.damaged",
    )


def _row(row: Iterable[object]) -> Row:
    """Return a row; what is of a wrong type (a bit that flipped) becomes what no digest fits."""
    draw, host, arm, replicate, value, shard, sha = row
    numbers = [x if isinstance(x, int) else -1 for x in (draw, host, replicate)]
    return Row(
        Key(numbers[0], numbers[1], str(arm), numbers[2]),
        value if isinstance(value, bytes) else None,
        None if shard is None else str(shard),
        sha if isinstance(sha, bytes) else b"",
    )


def _connected(path: Path, *, writing: bool) -> sqlite3.Connection:
    """Return a connection; where nothing can be written, of the file alone."""
    place = path.resolve().as_uri()
    mode = "rw" if writing else "ro"

    def opened(options: str) -> sqlite3.Connection:
        made = sqlite3.connect(
            f"{place}?{options}", uri=True, isolation_level=None, timeout=WAIT_SECONDS
        )
        try:
            made.execute("SELECT count(*) FROM sqlite_master")
        except BaseException:
            made.close()
            raise
        return made

    try:
        return opened(f"mode={mode}")
    except sqlite3.OperationalError:
        log = path.with_name(f"{path.name}-wal")
        if writing or (log.exists() and log.stat().st_size):
            raise
        return opened("mode=ro&immutable=1")


def _check_length(path: Path) -> None:
    """Refuse a file that is missing or shorter than its own header says."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
        size = path.stat().st_size
        log = path.with_name(f"{path.name}-wal")
        open_log = log.exists() and log.stat().st_size > 0
    except FileNotFoundError:
        raise damaged(path, "it is missing") from None
    except OSError as error:
        raise unwritable(path.parent, error.strerror or str(error)) from None
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise damaged(path, "its head is no database (truncated?)")
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # with an open log the newest size stands there
    if not open_log and size < (65536 if page == 1 else page) * pages:
        raise damaged(path, f"{size} bytes, its head says {page * pages} (truncated?)")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one line with a remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "malformed" in text or "no such table" in text:
            raise damaged(path, text) from None
        raise unwritable(path.parent, text) from None
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from None
