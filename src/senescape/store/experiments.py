"""The store as a folder: its marker, its runs with their manifests, the names given to them."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from senescape.errors import StoreError, nearest
from senescape.results.provenance import package_versions
from senescape.version import __version__

from .database import NAME, Database, create, damaged
from .kept import KeptRun, acknowledged
from .lock import Lock, boot_id
from .places import MOUNTS, check_local, flush_folder, shown, told, write_whole
from .recipe import Recipe, content_digest, differences
from .versions import PACKAGES

MARKER = "senescape-store.json"
FORMAT = 1
MANIFEST = "manifest.json"
RUNS, NAMES = "runs", "names"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
SHORTEST = 4
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as its manifest tells it.

    Parameters
    ----------
    digest : str
    manifest : dict
        Recipe, shape of a replicate, scenario with its sources, provenance.
    replicates, acknowledged : int
        In the database, and said to be kept; the first is smaller where something was lost.
    names : tuple of str
        Given by ``--run``.
    """

    digest: str
    manifest: dict[str, Any]
    replicates: int
    acknowledged: int
    names: tuple[str, ...]


class Store:
    """An experiment store; a context manager.

    Parameters
    ----------
    folder : Path
    writing : bool
        Allow runs to be kept and removed. Without it nothing is changed.
    new : bool
        With ``writing``: make the store where there is none.
    mounts : Path
        The kernel's table of mounts.
    tell : callable
        Told each finding of damage or loss in one line; by default a warning.

    Raises
    ------
    StoreError
        A folder with something else in it; a network file system; a damaged database; a newer
        format; a store that is being rebuilt.

    Examples
    --------
    >>> import tempfile
    >>> from senescape.store import Store
    >>> with tempfile.TemporaryDirectory() as folder, Store(Path(folder), writing=True) as store:
    ...     store.runs()
    ()
    """

    def __init__(
        self,
        folder: Path,
        *,
        writing: bool = False,
        new: bool = True,
        mounts: Path = MOUNTS,
        tell: Callable[[str], None] = warnings.warn,
    ) -> None:
        self.folder, self.writing, self.tell = Path(folder), writing, tell
        self._stack = contextlib.ExitStack()
        if writing:
            check_local(self.folder, mounts)
        if writing and new:
            _make(self.folder)
        else:
            check_marker(self.folder)
        with contextlib.ExitStack() as stack:
            if writing:
                stack.enter_context(store_lock(self.folder, shared=True))
            self.database = Database(self.folder / NAME, writing=writing)
            stack.callback(self.database.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let others rebuild the store."""
        self._stack.close()

    def run_folder(self, digest: str) -> Path:
        """Return the folder of a run."""
        return self.folder / RUNS / digest

    def open_run(
        self, recipe: Recipe, shape: tuple[int, int], *, scenario: dict[str, Any]
    ) -> KeptRun:
        """Return a run to be computed or continued.

        Parameters
        ----------
        shape : (variables, times)
            Of one replicate.
        scenario : dict
            As written, with sources, for the manifest.
        """
        digest = recipe.digest
        folder = self.run_folder(digest)
        with told(self.folder):
            folder.mkdir(exist_ok=True)
            flush_folder(folder.parent)
            if read_manifest(folder / MANIFEST) is None:
                if (folder / MANIFEST).exists():
                    self.tell(f"the manifest of run {digest[:12]} was damaged; it is written again")
                manifest = _manifest(recipe, digest, shape, scenario)
                text = json.dumps(manifest, indent=1, ensure_ascii=False)
                write_whole(folder / MANIFEST, text.encode())
        return KeptRun(self.database, folder, digest, shape, tell=self.tell)

    def runs(self) -> tuple[RunInfo, ...]:
        """Return every run that has a manifest, the oldest first."""
        names: dict[str, list[str]] = {}
        for name in self.names():
            for digest in self.named(name).values():
                names.setdefault(digest, []).append(name)
        found = [
            RunInfo(
                digest,
                manifest,
                self.database.count(digest),
                acknowledged(self.run_folder(digest)),
                tuple(names.get(digest, ())),
            )
            for digest, manifest in manifests(self.folder)
        ]
        return tuple(
            sorted(found, key=lambda run: (run.manifest["provenance"]["created"], run.digest))
        )

    def find(self, given: str) -> RunInfo:
        """Return the run with a name of its own, or whose digest begins so (4 letters or more).

        Raises
        ------
        StoreError
            None, or more than one.
        """
        runs = self.runs()
        of_name = [run for run in runs if given in run.names]
        of_digest = [run for run in runs if len(given) >= SHORTEST and run.digest.startswith(given)]
        found = of_name or of_digest
        if len(found) == 1:
            return found[0]
        known = [run.digest[:12] for run in runs] + list(self.names())
        raise StoreError(
            f"{len(found) or 'no'} runs are called {given}",
            allowed=f"one run, by its name or the first letters ({SHORTEST} or more) of its digest",
            remedy=", ".join(run.digest[:12] for run in found) or nearest(given, known),
            check="store.unknown-run",
        )

    def names(self) -> tuple[str, ...]:
        """Return the names that were given to runs."""
        return tuple(sorted(file.stem for file in (self.folder / NAMES).glob("*.json")))

    def named(self, name: str) -> dict[str, str]:
        """Return the digest of each regimen under a name."""
        path = self.folder / NAMES / f"{name}.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return {str(regimen): str(digest) for regimen, digest in data.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise damaged(path, f"it cannot be read ({type(error).__name__})") from None

    def bind(self, name: str, recipe: Recipe) -> None:
        """Give a run a name; the same name for the same run is no change.

        Raises
        ------
        StoreError
            A name that is no name; one that stands for another run: with what differs.
        """
        if _NAME.fullmatch(name) is None:
            raise StoreError(
                f"a run called {name}",
                allowed="a letter, then letters, digits, _ . and -, at most 60",
                remedy="choose another name",
                check="store.name",
            )
        digest, bound = recipe.digest, self.named(name)
        known = bound.get(recipe.regimen, digest)
        if known != digest:
            raise StoreError(
                f"the run {name} was begun with something else ({recipe.regimen}): "
                + self._difference(known, recipe),
                allowed="the same scenario, options and code under the same name",
                remedy="undo the change, or choose another --run for a run of its own",
                check="store.changed",
            )
        if recipe.regimen not in bound:
            text = json.dumps(bound | {recipe.regimen: digest}, indent=1, sort_keys=True)
            with told(self.folder):
                write_whole(self.folder / NAMES / f"{name}.json", text.encode())

    def remove(self, run: RunInfo) -> int:
        """Remove a run with all its replicates and names; return how many replicates it had."""
        folder = self.run_folder(run.digest)
        with Lock(folder / "lock", f"run {run.digest[:12]}"), told(self.folder):
            for name in run.names:
                left = {r: d for r, d in self.named(name).items() if d != run.digest}
                path = self.folder / NAMES / f"{name}.json"
                write_whole(path, json.dumps(left, indent=1, sort_keys=True).encode())
                if not left:
                    path.unlink()
            removed = self.database.remove(run.digest)
            (folder / MANIFEST).unlink()  # from here on it is no run; what is left is no loss
            shutil.rmtree(folder)
            flush_folder(folder.parent)
        return removed

    def _difference(self, digest: str, recipe: Recipe) -> str:
        stored = dict(manifests(self.folder)).get(digest)
        if stored is None:
            return f"run {digest[:12]}, which is gone"
        found = list(differences(stored["recipe"], recipe.content()))
        more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
        return ", ".join(found[:MOST_SHOWN]) + more


def store_lock(folder: Path, *, shared: bool) -> Lock:
    """Return the lock of a whole store: shared by runs, alone for a rebuild."""
    return Lock(folder / "lock", f"the store {shown(folder)}", shared=shared)


def manifests(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield digest and manifest of every run whose manifest is whole.

    Raises
    ------
    StoreError
        A manifest of a newer format.
    """
    for path in sorted((folder / RUNS).glob(f"*/{MANIFEST}")):
        digest = path.parent.name
        manifest = read_manifest(path)
        if manifest is not None and _DIGEST.fullmatch(digest):
            yield digest, manifest


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return a manifest whose recipe has the digest of its folder, else None."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] == FORMAT and isinstance(manifest["provenance"]["created"], str):
            right = content_digest(manifest["recipe"]) == path.parent.name
            shape = [int(x) for x in manifest["shape"]]
            return dict(manifest) if right and len(shape) == 2 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def check_marker(folder: Path) -> None:
    """Refuse a folder that is no store, or one of a newer format.

    Raises
    ------
    StoreError
        Saying which.
    """
    path = folder / MARKER
    try:
        version = json.loads(path.read_text(encoding="utf-8"))["format"]
    except FileNotFoundError:
        raise StoreError(
            f"{shown(folder)} is no store of runs",
            allowed=f"a folder that senescape simulate --store has made (it holds {MARKER})",
            remedy="correct the path",
            check="store.none",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"it cannot be read ({type(error).__name__})") from None
    if version != FORMAT:
        raise StoreError(
            f"{shown(folder)} has format version {version}",
            allowed=f"version {FORMAT}",
            remedy="use a newer senescape",
            check="store.version",
        )


def _make(folder: Path) -> None:
    """Make a store of a new or empty folder; leave one that stands as it is."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MARKER).exists():
            check_marker(folder)
            return
        inside = sorted(path.name for path in folder.iterdir())
    begun = {NAME, f"{NAME}-wal", f"{NAME}-shm", RUNS, NAMES, "lock"}
    strange = [n for n in inside if n not in begun and not n.startswith(".writing.")]
    if strange:
        raise StoreError(
            f"{shown(folder)} holds {strange[0]} and is no store",
            allowed="a store, or a new or empty folder",
            remedy="name another folder",
            check="store.not-empty",
        )
    if RUNS in inside and any((folder / RUNS).iterdir()):
        raise damaged(folder / MARKER, "it is missing, but there are runs")
    with told(folder), Lock(folder / "lock", f"the store {shown(folder)}"):
        if (folder / MARKER).exists():
            return
        (folder / RUNS).mkdir(exist_ok=True)
        (folder / NAMES).mkdir(exist_ok=True)
        # a start that was killed before the marker stood has kept nothing
        for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
            (folder / name).unlink(missing_ok=True)
        create(folder / NAME)
        write_marker(folder)


def write_marker(folder: Path) -> None:
    """Write what says that a folder is a store; it is written last."""
    write_whole(folder / MARKER, json.dumps({"format": FORMAT}).encode())


def _manifest(
    recipe: Recipe, digest: str, shape: tuple[int, int], scenario: dict[str, Any]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": digest,
        "recipe": recipe.content(),
        "shape": list(shape),
        "scenario": scenario,
        "provenance": {
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
            "senescape": __version__,
            "seed": recipe.seed,
            "command": shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
            "packages": package_versions(PACKAGES),
            "python": platform.python_version(),
            "machine": {
                "name": platform.node(),
                "type": platform.machine(),
                "system": platform.platform(),
                "boot_id": boot_id(),
            },
        },
    }
