"""Many lanes of one program: shared out over threads, put together in the order of lanes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.protocol import Engine, check_times, observe, run_engine, run_until
from senescape.engines.state import State, Streams
from senescape.errors import RunError, nearest

from .budget import PILOT_BLOCK, check_run, check_size, cost_of
from .driver import GRACE_SECONDS, at_once, threads, work_through
from .failures import Done, Failure, renumbered, run_forgiving
from .kernels import prepare
from .monitors import Monitor, Silent
from .sharing import CHUNK, chunk_size, workers

if TYPE_CHECKING:
    from senescape.store import KeptRun
    from senescape.store.database import Key

Float = NDArray[np.float64]

KEPT_SECONDS, MOST_KEPT = 5.0, 4096  # work and lanes of a chunk that is kept at once
LONGEST_STEP = 1.0
ENGINES = ("mean-field", "exact", "leap")
# relative, absolute [cells]: end points of a verdict to four digits, near the longest stable step
VERDICT_TOLERANCE = (1e-5, 1e-5)


class Watch(Protocol):
    """Shown every block of lanes once all lanes before its end are there."""

    block: int

    def see(self, values: Float) -> bool:
        """Take the next block, (rows, outputs, lanes); return whether the run may end with it."""


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
    kept: KeptRun | None = None,
    executor: Executor | None = None,
    begun: State | None = None,
    failures: list[Failure] | None = None,
    watch: Watch | None = None,
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
    kept : KeptRun, optional
        A run of a store, entered: lanes in it are not run again, new ones are kept as they come.
    executor : Executor, optional
        Who computes; threads by default. It is shut down in the end.
    begun : State, optional
        Of :func:`run_to`: the lanes go on from there, not from the start.
    failures : list of Failure, optional
        Taken, in the order of lanes: a lane that cannot go on then stops no other, and is not a
        number in the result.
    watch : Watch, optional
        Sees blocks in the order of lanes, however they were computed, and may end the run.

    Returns
    -------
    (assays + groups, outputs, lanes) array
        The same for any number of workers and any chunking: lanes share nothing. Where a watch
        ended the run, the lanes to the end of that block.

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
    result = np.empty(shape)
    keys = [] if kept is None else keys_of(streams)
    done = np.zeros(lanes, np.bool_) if kept is None else kept.fetch(keys, result)
    watched = _Watched(watch, result, done)
    monitor = monitor or Silent()
    monitor.start("simulating", lanes)
    watched.look()
    missing = np.flatnonzero(~done[: watched.end])
    todo, part = parameters, streams
    if len(missing) < lanes:
        todo, part = parameters[:, missing], streams.part(missing)
    check_run(engine, program, times, lanes=len(missing), parameters=todo, streams=part)
    monitor.advance(int(done.sum()))
    executor = threads(workers()) if executor is None else executor
    count = at_once(executor)
    size = chunk_size(len(missing), count)
    if kept is not None:
        size = _chunk_size(engine, program, todo, part, times, count)
    if engine.name == "leap" and min(size, len(missing)) >= PILOT_BLOCK:
        prepare("leap")

    run = partial(run_block, engine, program, times, rows, tallies)

    def accept(block: Block, back: Done) -> None:
        values = back.values
        if kept is not None:
            good = np.flatnonzero(~np.isin(block.lanes, [f.lane for f in back.failures]))
            kept.keep([keys[lane] for lane in block.lanes[good]], values[:, :, good])
        if failures is not None:
            failures[:] = sorted([*failures, *back.failures])
        result[:, :, block.lanes] = values
        monitor.advance(len(block.lanes))
        done[block.lanes] = True
        watched.look()

    parts = (missing[first : first + size] for first in range(0, len(missing), size))
    chunks = takewhile(lambda _: not watched.ended, parts)
    work_through(
        executor,
        partial(run_piece, failures is not None, run),
        (_block(lanes, parameters, streams, begun) for lanes in chunks),
        accept,
        workers=partial(at_once, executor),
        grace=0.0 if kept is None else GRACE_SECONDS,
    )
    monitor.stop()
    return np.ascontiguousarray(result[:, :, : watched.end])


class _Watched:
    """Shows a watch the blocks that are complete, in order, until it ends the run.

    Parameters
    ----------
    result : (rows, outputs, lanes)
    done : (lanes,) of bool
        Which lanes are there; both are changed by others.

    Attributes
    ----------
    end : int
        Lanes of the result.
    """

    def __init__(self, watch: Watch | None, result: Float, done: NDArray[np.bool_]) -> None:
        self.watch, self.result, self.done = watch, result, done
        self.end, self.seen, self.ended = len(done), 0, False

    def look(self) -> None:
        """Show what is complete by now; the last block may be shorter."""
        while self.watch is not None and not self.ended and self.seen < self.end:
            stop = min(self.seen + self.watch.block, self.end)
            if not self.done[self.seen : stop].all():
                return
            if self.watch.see(self.result[:, :, self.seen : stop]):
                self.ended, self.end = True, stop
            self.seen = stop


class Block(NamedTuple):
    """Lanes that one worker runs.

    Parameters
    ----------
    lanes : (lanes,)
        Their places in the whole.
    parameters : (parameters, lanes)
    streams : Streams
    begun : State or None
        Where they stand already.
    """

    lanes: NDArray[np.int64]
    parameters: Float
    streams: Streams
    begun: State | None = None


def _block(
    lanes: NDArray[np.int64], parameters: Float, streams: Streams, begun: State | None
) -> Block:
    own = None if begun is None else begun.part(lanes)
    return Block(lanes, parameters[:, lanes], streams.part(lanes), own)


def run_piece(forgiving: bool, run: Callable[[Block], Float], block: Block) -> Done:
    """Run some lanes, in any process; with leave to fail, each that can goes on to the end."""
    return run_forgiving(run, block) if forgiving else Done(run(block), [])


def run_block(
    engine: Engine,
    program: Program,
    times: Float,
    rows: NDArray[np.int64],
    tallies: tuple[tuple[int, ...], ...],
    block: Block,
) -> Float:
    """Run some lanes, in any process, and return what was counted, (rows, outputs, lanes)."""
    values = np.empty((len(rows) + len(tallies), len(times), len(block.lanes)))
    states = run_engine(engine, program, block.parameters, block.streams, times, begun=block.begun)
    try:
        for index, state in enumerate(states):
            values[: len(rows), index] = observe(program, state)[rows]
            for group, members in enumerate(tallies, len(rows)):
                values[group, index] = state.tally[list(members)].sum(axis=0)
    except RunError as error:
        raise renumbered(error, block.lanes) from None
    return values


def run_to(
    engine: Engine,
    program: Program,
    parameters: Float,
    streams: Streams,
    until: float,
    *,
    begun: State | None = None,
    monitor: Monitor | None = None,
) -> State:
    """Run every lane to a time, and return where they stand: the whole state.

    Raises
    ------
    RunError
        As :func:`run_lanes`.
    """
    times = np.array([until])
    check_times(program, times)
    check_run(engine, program, times, lanes=len(streams), parameters=parameters, streams=streams)
    monitor = monitor or Silent()
    monitor.start("simulating", len(streams))
    count = workers()
    size = chunk_size(len(streams), count)
    chunks = np.split(np.arange(len(streams)), range(size, len(streams), size))
    found: dict[int, State] = {}

    def accept(block: Block, state: State) -> None:
        found[int(block.lanes[0])] = state
        monitor.advance(len(block.lanes))

    work_through(
        threads(count),
        partial(_block_to, engine, program, until),
        (_block(lanes, parameters, streams, begun) for lanes in chunks),
        accept,
        workers=count,
    )
    monitor.stop()
    return State.joined([found[first] for first in sorted(found)])


def _block_to(engine: Engine, program: Program, until: float, block: Block) -> State:
    return run_until(engine, program, block.parameters, block.streams, until, begun=block.begun)


def told_of(kept: KeptRun | None) -> dict[str, object]:
    """Return what a result owes to a store, for its provenance."""
    if kept is None:
        return {}
    return {"store": {"run": kept.digest, "found": kept.found, "computed": kept.added}}


def keys_of(streams: Streams) -> list[Key]:
    """Return under which key each lane is kept."""
    from senescape.store.database import Key  # the store knows scenarios: heavy for a network

    numbers = zip(
        streams.draw.tolist(), streams.host.tolist(), streams.replicate.tolist(), strict=True
    )
    return [Key(draw, host, "", replicate) for draw, host, replicate in numbers]


def _chunk_size(
    engine: Engine,
    program: Program,
    parameters: Float,
    streams: Streams,
    times: Float,
    count: int,
) -> int:
    """Return how many lanes are kept at once: some seconds of predicted work, or less."""
    lanes = len(streams)
    if not lanes:
        return 1
    cost = cost_of(engine, program, times, lanes=lanes, parameters=parameters, streams=streams)
    by_time = int(KEPT_SECONDS * lanes / max(cost.seconds, 1e-9))
    fair = max(CHUNK, -(-lanes // (4 * count)))
    return max(1, min(by_time, fair, -(-lanes // count), MOST_KEPT))
