"""Where what is finished is kept, and who computes: options of what is simulated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from senescape.errors import RunError
from senescape.run import Processes, workers

from .arguments import refuse_options
from .output import tell
from .stopping import resumable

if TYPE_CHECKING:
    from senescape.store import Store


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where what is finished is kept, under which name, and who computes it."""

    folder: Path | None = None
    name: str | None = None
    processes: bool = False
    scheduler: str | None = None

    @contextlib.contextmanager
    def computing(self) -> Iterator[Callable[[], Executor | None]]:
        """Give who computes a regimen; a cluster is asked before a store is made.

        Raises
        ------
        RunError
            Two answers to who computes; a scheduler that is not there, or whose workers differ.
        """
        if self.scheduler is None:
            yield lambda: Processes(workers()) if self.processes else None
            return
        refuse_options({"--processes": self.processes}, "--scheduler")
        from senescape.run.cluster import Cluster  # Dask is loaded where it is asked for

        with Cluster(self.scheduler, quiet=True) as cluster:
            yield cluster.executor

    @contextlib.contextmanager
    def opened(self) -> Iterator[Store | None]:
        """Open the store.

        Raises
        ------
        RunError
            A name without a store.
        StoreError
            The folder is no store, damaged, or cannot be written.
        """
        if self.folder is None:
            if self.name is not None:
                raise RunError(
                    f"--run {self.name} without a store",
                    allowed="--store FOLDER --run NAME",
                    remedy="add --store",
                    check="cli.option",
                )
            yield None
            return
        from senescape.store import Store  # knows scenarios: heavy for a network

        with Store(self.folder, writing=True, tell=tell) as store:
            yield store

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """While work is done, and until all of it is printed, a stop says how to go on."""
        return contextlib.nullcontext() if self.folder is None else resumable()
