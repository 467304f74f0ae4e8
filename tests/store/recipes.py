"""A small recipe, its replicates and a store of them, without any engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senescape.store import KeptRun, Key, Recipe, Store

SHAPE = (2, 3)


def recipe(seed: int = 1, **changes: Any) -> Recipe:
    """Return a recipe; changes go into its scenario."""
    scenario = {"name": "mine", "parameters": {"growth": {"value": "0.7 1/day"}}} | changes
    engine = {"name": "leap", "options": {"step": 0.25}, "version": {"senescape": "0.1.0"}}
    return Recipe(scenario, "pulse", None, {"assays": ["a", "b"]}, engine, (0.0, 1.0, 2.0), seed)


def keys(count: int, first: int = 0) -> list[Key]:
    """Return the keys of hosts of one draw."""
    return [Key(0, host, "", 0) for host in range(first, first + count)]


def values(given: list[Key], shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    """Return arrays that are functions of their keys alone, (variables, times, lanes)."""
    made = [np.random.default_rng([k.draw, k.host]).normal(size=shape) for k in given]
    return np.stack(made, axis=2)


def opened(store: Store, of: Recipe | None = None, shape: tuple[int, int] = SHAPE) -> KeptRun:
    """Return the run of a recipe in a store."""
    return store.open_run(of or recipe(), shape, scenario={"name": "mine"})


def filled(folder: Path, count: int = 20, shape: tuple[int, int] = SHAPE) -> Path:
    """Make a store that holds one run, in three chunks; return its folder."""
    with Store(folder, writing=True) as store, opened(store, shape=shape) as run:
        for first in range(0, count, 8):
            some = keys(min(8, count - first), first)
            run.keep(some, values(some, shape))
    return folder


def missing(
    folder: Path, count: int = 20, shape: tuple[int, int] = SHAPE
) -> tuple[list[int], NDArray[np.float64], list[str]]:
    """Return which hosts must be computed again, what was read, and what was told."""
    told: list[str] = []
    result = np.full((*shape, count), np.nan)
    with Store(folder, writing=True, tell=told.append) as store, opened(store, shape=shape) as run:
        done = run.fetch(keys(count), result)
    return np.flatnonzero(~done).tolist(), result, told
