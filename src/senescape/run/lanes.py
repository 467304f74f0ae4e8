"""Many lanes of one program: shared out over threads, put together in the order of lanes."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.protocol import Engine, check_times, observe, run_engine
from senescape.engines.state import Streams
from senescape.errors import RunError, nearest

from .budget import check_run, check_size
from .sharing import chunk_size, workers

Float = NDArray[np.float64]

LONGEST_STEP = 1.0
ENGINES = ("mean-field", "exact", "leap")
# relative, absolute [cells]: end points of a verdict to four digits, near the longest stable step
VERDICT_TOLERANCE = (1e-5, 1e-5)


class Monitor(Protocol):
    """Told how far a run is; the command line shows it as a bar."""

    def start(self, what: str, total: int) -> None:
        """Begin a piece of work of ``total`` units."""

    def advance(self, units: int) -> None:
        """Say that units are finished."""

    def stop(self) -> None:
        """End the piece of work."""


class Silent:
    """A monitor that shows nothing."""

    def start(self, what: str, total: int) -> None:
        """Do nothing."""

    def advance(self, units: int) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


def engine_named(
    name: str,
    *,
    step: float | None = None,
    tolerance: tuple[float, float] | None = None,
    twins: bool = False,
) -> Engine:
    """Return an engine by its name.

    Parameters
    ----------
    name : str
        ``mean-field``, ``exact`` or ``leap``.
    step : float, optional
        Longest step of the leap [day].
    tolerance : (relative, absolute), optional
        Of the mean field.
    twins : bool
        Whether runs of the same streams are compared: the exact engine then gives every arrow a
        clock of its own (by days: the better one wherever crowding acts, verification/twins.md);
        in the leap draws are shared always.

    Raises
    ------
    RunError
        Unknown name; a step that is not above 0 and at most a day.
    """
    if step is not None and not 0.0 < step <= LONGEST_STEP:
        raise RunError(
            f"a step of {24.0 * step:g} h",
            allowed=f"above 0, at most {24.0 * LONGEST_STEP:g} h",
            remedy="leave it out for the default",
            check="run.step",
        )
    if name == "mean-field":
        from senescape.engines.mean_field import MeanField

        return MeanField() if tolerance is None else MeanField(*tolerance)
    if name == "exact":
        from senescape.engines.exact import Coupling, Exact

        return Exact(coupling=Coupling.DAYS if twins else Coupling.NONE)
    if name == "leap":
        from senescape.engines.leap import Leap

        return Leap() if step is None else Leap(step=step)
    raise RunError(
        f"engine {name}",
        allowed=", ".join(ENGINES),
        remedy=nearest(name, ENGINES),
        check="run.engine",
    )


def run_lanes(
    engine: Engine,
    program: Program,
    parameters: Float,
    streams: Streams,
    times: Float,
    *,
    assays: tuple[str, ...] | None = None,
    tallies: tuple[tuple[int, ...], ...] = (),
    monitor: Monitor | None = None,
) -> Float:
    """Run every lane and return what was counted.

    Parameters
    ----------
    parameters : (parameters, lanes)
        Canonical units.
    times : (outputs,)
        In order, not before the start [day].
    assays : tuple of str, optional
        Which assays to keep; all by default.
    tallies : tuple of tuple of int
        Groups of transitions; the firings of each group are summed into one more row.

    Returns
    -------
    (assays + groups, outputs, lanes) array
        The same for any number of threads and any chunking: lanes share nothing.

    Raises
    ------
    RunError
        From the engine; a result that would not fit into memory, or more work than the budget
        allows (see :mod:`senescape.run.budget`): both before the start.
    """
    names = program.assay_ids if assays is None else assays
    rows = np.array([program.assay(name) for name in names], np.int64)
    lanes = len(streams)
    shape = (len(rows) + len(tallies), len(times), lanes)
    check_size(*shape)
    check_times(program, times)
    check_run(engine, program, times, lanes=lanes, parameters=parameters, streams=streams)
    result = np.empty(shape)
    monitor = monitor or Silent()
    monitor.start("simulating", lanes)

    # few lanes are still shared out to every thread
    threads = workers()
    size = chunk_size(lanes, threads)

    def run(first: int) -> int:
        part = slice(first, min(first + size, lanes))
        own = Streams(streams.seed, streams.draw[part], streams.host[part], streams.replicate[part])
        states = run_engine(engine, program, parameters[:, part], own, times)
        for index, state in enumerate(states):
            result[: len(rows), index, part] = observe(program, state)[rows]
            for group, members in enumerate(tallies, len(rows)):
                result[group, index, part] = state.tally[list(members)].sum(axis=0)
        return part.stop - part.start

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run, first) for first in range(0, lanes, size)]
        pending = set(futures)
        while pending:
            done, pending = wait(pending, return_when=FIRST_EXCEPTION, timeout=0.2)
            for future in done:
                if future.exception() is not None:
                    for other in pending:
                        other.cancel()
                monitor.advance(future.result())
    monitor.stop()
    return result
