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
from .lanes import VERDICT_TOLERANCE, Monitor, Silent, workers

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

    def one(lane: int) -> None:
        laws = branching_laws(
            program, parameters[:, lane : lane + 1], until=until, groups=groups, engine=engine
        )
        result[:, lane] = [law.none_probability for law in laws]

    with ThreadPoolExecutor(workers()) as pool:
        for _ in pool.map(one, range(lanes)):
            monitor.advance(1)
    monitor.stop()
    return result
