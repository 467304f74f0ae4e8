"""The first use of a machine: kernels of an engine are compiled on two cores at once.

Numba holds one lock while it compiles, so two threads would take turns. A second process compiles
one half and leaves it in Numba's cache beside the installed package, where this one finds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import Protocol

from numba import config

from .sharing import workers

PATIENCE = 300.0  # [s]
HALVES = {
    "leap": "senescape.engines.leap.pointers",
    "mean-field": "senescape.engines.mean_field.pointers",
}


class Halves(Protocol):
    """A module that can compile an engine's kernels in two halves of about the same length."""

    def is_cold(self) -> bool:
        """Tell whether nothing is in the cache."""

    def compile_first(self) -> None:
        """Compile what this process will need first."""

    def compile_second(self) -> None:
        """Compile the rest."""


def prepare(engine: str, halves: Halves | None = None) -> None:
    """Compile an engine's kernels on two cores, where none is compiled yet.

    A convenience: what is not there when it is needed is compiled then. Nothing is done where
    kernels are in the cache, on one core, without Numba, and for engines without halves.

    Parameters
    ----------
    engine : str
        Its name.
    halves : module, optional
        By default that of :data:`HALVES`.
    """
    if config.DISABLE_JIT or engine not in HALVES or workers() < 2:
        return
    name = HALVES[engine]
    here: Halves = halves or import_module(name)
    if not here.is_cold():
        return
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        second = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {name} import compile_second; compile_second()"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:  # no second process: everything is compiled here
        return
    try:
        here.compile_first()
        second.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        second.kill()
        second.wait()
