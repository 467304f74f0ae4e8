"""The first use of a machine: kernels of the mean field are compiled on two cores at once.

Numba holds one lock while it compiles, so two threads would take turns. A second process compiles
one half and leaves it in Numba's cache beside the installed package, where this one finds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from numba import config, types

from senescape.engines.interpreter import tape_reader
from senescape.engines.mean_field.flows import flows
from senescape.engines.mean_field.pointers import backward, forward, solver, trial
from senescape.engines.mean_field.track import track_of

from .sharing import workers

PATIENCE = 300.0  # [s]
SECOND = "from senescape.run.kernels import compile_slopes; compile_slopes()"


def compile_solver() -> None:
    """Compile, or load from the cache, the solver, what reads formulas, and slopes back in time."""
    for pointer in (tape_reader(), solver(), backward()):
        pointer.__wrapper_address__()


def compile_slopes() -> None:
    """Compile, or load from the cache, a step of a block and slopes forward in time.

    These are 8 s of CPU, and so is what :func:`compile_solver` does (measured).
    """
    for pointer in (trial(), forward()):
        pointer.__wrapper_address__()
    lane, packed = types.Array(types.float64, 1, "C"), types.Array(types.int32, 1, "C")
    flows.compile((lane, types.float64, packed, lane, lane, lane))


def is_cold() -> bool:
    """Tell whether this machine has not compiled the block solver yet, by its smallest kernel."""
    track_of(0, 0)
    return bool(track_of.stats.cache_misses)


def prepare_mean_field(cold: Callable[[], bool] = is_cold) -> None:
    """Compile the mean field and the branching law on two cores, where nothing is compiled yet.

    A convenience: what is not there when it is needed is compiled then. Nothing is done where
    kernels are in the cache, on one core, or without Numba.
    """
    if config.DISABLE_JIT or workers() < 2 or not cold():
        return
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        second = subprocess.Popen(
            [sys.executable, "-P", "-c", SECOND],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:  # no second process: everything is compiled here
        return
    try:
        compile_solver()
        second.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        second.kill()
        second.wait()
