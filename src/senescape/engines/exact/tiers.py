"""Which round the lock-step kernel draws with: the interpreter, or one generated for the program.

The interpreter is compiled once a machine. A generated round is two to four times as fast and takes
seconds to compile: it is made when a program has fired :data:`PAYS` events, and kept in a folder of
the user under the digest of its source, so that the next process only loads it. Both give the same
bytes, so a run may change from one to the other anywhere.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

import numba
import numpy as np
from numba import cfunc, config, typeof

from senescape import lane_math
from senescape.engines import interpreter as tape_module
from senescape.engines.interpreter import tape_reader
from senescape.rng import keys

from .flat import Flat
from .generate import FORMAT, carries, source_of
from .lockstep import draw_signature, interpreter

# Events after which compiling pays: seconds of interpreting, as long as compiling takes.
PAYS = 100_000_000
FOLDER = "SENESCAPE_CACHE"

TAIL = """

from numba import njit as _njit
draw = _njit(cache=True, nogil=True, error_model="numpy")(draw)
"""


class Tier:
    """The round of one program; shared by all threads that run it.

    Parameters
    ----------
    flat : Flat
    kept : set of int
        Rows that are read outside the round.
    """

    def __init__(self, flat: Flat, kept: set[int]) -> None:
        self.flat, self.kept = flat, kept
        self.events = 0.0
        self.generated: Any = None
        self._lock = Lock()

    def draw(self) -> tuple[Any, bool]:
        """Return the round to use now, and whether it can let the events happen itself."""
        pays = self.generated is None and self.events >= PAYS and not config.DISABLE_JIT
        # one thread compiles, the others go on with the interpreter
        if pays and self._lock.acquire(blocking=False):
            try:
                if self.generated is None:
                    self.generated = generated_round(source_of(self.flat, self.kept))
            finally:
                self._lock.release()
        if self.generated is None:
            return interpreter(), False
        return self.generated, carries(self.flat)


def generated_round(source: str) -> Any:
    """Return a generated round as a pointer, from the folder of kernels where that can be used.

    Parameters
    ----------
    source : str
        As :func:`.generate.source_of` writes it.
    """
    text = source + TAIL
    try:
        return _pointer(_loaded(_written(text, kernel_folder())))
    except Exception:  # a damaged or closed cache must not stop a run, whatever is wrong with it
        with tempfile.TemporaryDirectory() as folder:
            return _pointer(_loaded(_written(text, Path(folder))))


def _pointer(draw: Any) -> Any:
    if config.DISABLE_JIT:
        return draw
    signature = draw_signature(typeof(tape_reader()))

    def call(
        tape: Any, read: Any, place: Any, block: Any, f: Any, words: Any, until: float
    ) -> None:
        draw(tape, read, place, block, f, words, until)

    return cfunc(signature)(call)


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
    for module in (lane_math, tape_module, keys):
        sha.update(Path(str(module.__file__)).read_bytes())
    sha.update(f"{FORMAT} {numba.__version__} {np.__version__}".encode())
    return sha.hexdigest()[:32]


def _written(text: str, folder: Path) -> Path:
    """Write a source under its digest, whole or not at all; return its path.

    A file whose content is not what its name says (half-written, changed) is written again.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"round_{_digest(text)}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    return path


def _loaded(path: Path) -> Any:
    """Import a generated module; it is in no list of modules."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    draw = module.draw
    if not config.DISABLE_JIT:
        draw.compile(draw_signature(typeof(tape_reader())).args)
    return draw
