"""Looking after a store: verify all of it, make its index again, compare two runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .database import NAME, Database, Row, create, salvaged
from .experiments import (
    MANIFEST,
    RUNS,
    RunInfo,
    Store,
    check_marker,
    manifests,
    store_lock,
    write_marker,
)
from .kept import ACKNOWLEDGED, acknowledged, run_content
from .places import MOUNTS, check_local, flush_folder, told, write_whole
from .recipe import differences
from .shards import FOLDER, shard_rows

Float = NDArray[np.float64]

REBUILDING = "index.rebuilding.sqlite"
BATCH = 1000
ALL = (-(2**62), 2**62)


class Damage(NamedTuple):
    """Something that is not as it was written.

    Parameters
    ----------
    run : str
        Digest; empty for the database as a whole.
    what : str
        One line.
    """

    run: str
    what: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has saved.

    Parameters
    ----------
    runs, replicates : int
        In the new index.
    lost : int
        Replicates that were acknowledged and are gone; the same command computes them again.
    aside : tuple of str
        Files of the old index, kept beside the new one.
    """

    runs: int
    replicates: int
    lost: int
    aside: tuple[str, ...]


def verify(store: Store, run: RunInfo | None = None) -> tuple[Damage, ...]:
    """Compare every replicate with its digest, every count with what was acknowledged.

    Parameters
    ----------
    run : RunInfo, optional
        Only this one; by default the whole store and the file of the database.
    """
    found = [] if run is not None else [Damage("", text) for text in store.database.problems()]
    for each in store.runs() if run is None else (run,):
        found += _damage_of(store, each)
    if run is None:
        found += _broken_folders(store)
    return tuple(found)


def _damage_of(store: Store, run: RunInfo) -> Iterator[Damage]:
    folder = store.run_folder(run.digest)
    size = 8 * int(np.prod(run.manifest["shape"]))
    for row in store.database.rows(run.digest, draws=ALL, hosts=ALL):
        content = run_content(folder, run.digest, row)
        if content is None or len(content) != size:
            place = "" if row.shard is None else f" (file {row.shard})"
            yield Damage(run.digest, f"{_named(row)} is not what was written{place}")
    if run.replicates < run.acknowledged:
        lost = run.acknowledged - run.replicates
        yield Damage(run.digest, f"{lost} of {run.acknowledged} acknowledged replicates are gone")


def _broken_folders(store: Store) -> Iterator[Damage]:
    whole = {digest for digest, _ in manifests(store.folder)}
    for path in sorted((store.folder / RUNS).glob("*")):
        if path.name not in whole and (path / MANIFEST).exists():
            yield Damage(path.name, "its manifest is not what was written")
    for digest in store.database.runs():
        if digest not in whole and not (store.run_folder(digest) / MANIFEST).exists():
            yield Damage(digest, "its folder has no manifest")


def _named(row: Row) -> str:
    arm = f", arm {row.key.arm}" if row.key.arm else ""
    return f"draw {row.key.draw}, host {row.key.host}{arm}, replicate {row.key.replicate}"


def rebuild(folder: Path, *, mounts: Path = MOUNTS) -> Rebuilt:
    """Make the index again from the folders and from whatever rows of the old one are whole.

    Every row is compared with its digest. The old files are put aside, never removed. A rebuild
    that is killed can be started again.

    Raises
    ------
    StoreError
        No store; a process still works in it; nothing can be written.
    """
    folder = Path(folder)
    check_local(folder, mounts)
    if not any(manifests(folder)):
        check_marker(folder)
    with store_lock(folder, shared=False), told(folder):
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{REBUILDING}{suffix}").unlink(missing_ok=True)
        create(folder / REBUILDING)
        shapes = {digest: m["shape"] for digest, m in manifests(folder)}
        fresh = Database(folder / REBUILDING, writing=True)
        try:
            for digest in shapes:
                place = folder / RUNS / digest
                rows = shard_rows(place / FOLDER)
                whole = [row for row in rows if run_content(place, digest, row) is not None]
                fresh.insert(digest, whole, replace=False)
            for source in (folder / NAME, *sorted(folder.glob("index.damaged-*.sqlite"))):
                _save(folder, source, fresh, shapes)
            counts = {digest: fresh.count(digest) for digest in shapes}
        finally:
            fresh.close()
        aside = _put_aside(folder)
        os.replace(folder / REBUILDING, folder / NAME)
        write_marker(folder)
        flush_folder(folder)
        lost = 0
        for digest, count in counts.items():
            place = folder / RUNS / digest
            lost += max(0, acknowledged(place) - count)
            write_whole(place / ACKNOWLEDGED, str(count).encode())
    return Rebuilt(len(counts), sum(counts.values()), lost, aside)


def _save(folder: Path, source: Path, fresh: Database, shapes: dict[str, list[int]]) -> None:
    """Copy the whole rows of an index into another."""
    if not source.exists():
        return
    waiting: dict[str, list[Row]] = {}
    for digest, row in salvaged(source):
        if digest not in shapes:
            continue
        content = run_content(folder / RUNS / digest, digest, row)
        if content is None or len(content) != 8 * shapes[digest][0] * shapes[digest][1]:
            continue
        rows = waiting.setdefault(digest, [])
        rows.append(row)
        if len(rows) >= BATCH:
            fresh.insert(digest, waiting.pop(digest), replace=False)
    for digest, rows in waiting.items():
        fresh.insert(digest, rows, replace=False)


def _put_aside(folder: Path) -> tuple[str, ...]:
    """Rename the old index and its log: a log that stayed would be applied to the new one."""
    number = 1
    while any(folder.glob(f"index.damaged-{number}.sqlite*")):
        number += 1
    moved = []
    for suffix in ("-wal", "-shm", ""):
        old = folder / f"{NAME}{suffix}"
        if old.exists():
            moved.append(f"index.damaged-{number}.sqlite{suffix}")
            os.replace(old, folder / moved[-1])
    return tuple(moved)


def compared(store: Store, one: RunInfo, other: RunInfo) -> dict[str, Any]:
    """Return how two runs differ: in their recipes, and in the replicates that both have.

    Returns
    -------
    dict
        ``recipe`` (paths with both values), ``common``, ``equal`` (byte for byte), ``largest``
        (difference of two numbers, None where the arrays are not of one shape).
    """
    same_shape = one.manifest["shape"] == other.manifest["shape"]
    rows = (store.database.rows(run.digest, draws=ALL, hosts=ALL) for run in (one, other))
    first, second = rows
    left, right = next(first, None), next(second, None)
    common = equal = 0
    largest = 0.0
    while left is not None and right is not None:
        if left.key != right.key:
            if left.key < right.key:
                left = next(first, None)
            else:
                right = next(second, None)
            continue
        contents = [
            run_content(store.run_folder(run.digest), run.digest, row)
            for run, row in ((one, left), (other, right))
        ]
        if contents[0] is not None and contents[1] is not None:
            common += 1
            equal += contents[0] == contents[1]
            if same_shape:
                a, b = (np.frombuffer(c, "<f8") for c in contents if c is not None)
                largest = max(largest, float(np.abs(a - b).max(initial=0.0)))
        left, right = next(first, None), next(second, None)
    return {
        "recipe": list(differences(one.manifest["recipe"], other.manifest["recipe"])),
        "common": common,
        "equal": equal,
        "largest": largest if same_shape else None,
    }
