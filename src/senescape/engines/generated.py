"""Kernels that are written for one program, compiled, and kept in a folder of the user.

A kernel is kept under the digest of its source and of all that is compiled into it, so that the
next process only loads it. A damaged, closed or read-only folder stops no run: the kernel is then
compiled in a temporary one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numba
import numpy as np
from numba import config

from senescape import lane_math
from senescape.rng import keys

from . import interpreter

FOLDER = "SENESCAPE_CACHE"
Made = TypeVar("Made")

TAIL = """

from numba import njit as _njit
{name} = _njit(cache=True, nogil=True, error_model="numpy")({name})
"""


class Late(Generic[Made]):
    """What is made once, when it pays; shared by all threads.

    Parameters
    ----------
    make : callable
        Returns it: a kernel, with whatever its callers need to know of it.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self.make = make
        self.made: Made | None = None
        self._lock = Lock()

    def get(self, pays: bool) -> Made | None:
        """Return it if it is made, or pays now and is made here; else None.

        One thread makes it, the others go on without.
        """
        pays = pays and self.made is None and not config.DISABLE_JIT
        if pays and self._lock.acquire(blocking=False):
            try:
                self.made = self.make() if self.made is None else self.made
            finally:
                self._lock.release()
        return self.made


def generated(source: str, name: str, kind: str, arguments: tuple[Any, ...]) -> Any:
    """Return a generated kernel, from the folder of kernels where that can be used.

    Parameters
    ----------
    source : str
        Of a module that defines the kernel.
    name : str
        Of the kernel in its source.
    kind : str
        What it does and in which version of its meaning; its file is called by it.
    arguments : tuple of Numba types
    """
    text = source + TAIL.format(name=name)
    try:
        return _loaded(_written(text, kind, kernel_folder()), name, arguments)
    except Exception:  # a damaged or closed cache must not stop a run, whatever is wrong with it
        with tempfile.TemporaryDirectory() as folder:
            return _loaded(_written(text, kind, Path(folder)), name, arguments)


def kernel_folder() -> Path:
    """Return where generated kernels are kept: SENESCAPE_CACHE, or the user's cache folder."""
    given = os.environ.get(FOLDER, "").strip()
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME", "").strip() or str(Path.home() / ".cache")
    return Path(base) / "senescape"


def _digest(text: str) -> str:
    """Return the digest of a source and of all that is compiled into it."""
    sha = hashlib.sha256(text.encode())
    for module in (lane_math, interpreter, keys):
        sha.update(Path(str(module.__file__)).read_bytes())
    sha.update(f"{numba.__version__} {np.__version__}".encode())
    return sha.hexdigest()[:32]


def _written(text: str, kind: str, folder: Path) -> Path:
    """Write a source under its digest, whole or not at all; return its path.

    A file whose content is not what its name says (half-written, changed) is written again.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{kind}_{_digest(text)}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    return path


def _loaded(path: Path, name: str, arguments: tuple[Any, ...]) -> Any:
    """Import a generated module; it is in no list of modules."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, name)
    if not config.DISABLE_JIT:
        made.compile(arguments)
    return made
