"""Chances that no cell of a kind is left: the branching law, shared out over threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.branching import branching_laws
from senescape.engines.mean_field import MeanField

from .budget import check_run
from .lanes import VERDICT_TOLERANCE
from .monitors import Monitor, Silent
from .sharing import chunk_size, workers

Float = NDArray[np.float64]


def run_chances(
    program: Program,
    parameters: Float,
    until: float,
    groups: Sequence[Collection[int]],
    monitor: Monitor | None = None,
) -> Float:
    """Return the chance that no cell of each group stands at ``until``, (groups, lanes).

    Parameters
    ----------
    parameters : (parameters, lanes)
        Canonical units.
    until : float
        [day]
    groups : sequence of collections of int
        Compartments of each question.

    Raises
    ------
    RunError
        From the engine; more work than the budget allows.
    """
    lanes = parameters.shape[1]
    engine = MeanField(*VERDICT_TOLERANCE)
    check_run(engine, program, np.array([until]), lanes=lanes, worlds=1 + len(groups))
    monitor = monitor or Silent()
    monitor.start("branching law", lanes)
    result = np.empty((len(groups), lanes))

    def run(first: int) -> int:
        part = slice(first, min(first + size, lanes))
        laws = branching_laws(
            program, parameters[:, part], until=until, groups=groups, engine=engine
        )
        result[:, part] = [law.none_probability for law in laws]
        return part.stop - part.start

    threads = workers()
    size = chunk_size(lanes, threads)
    with ThreadPoolExecutor(threads) as pool:
        for done in pool.map(run, range(0, lanes, size)):
            monitor.advance(done)
    monitor.stop()
    return result
