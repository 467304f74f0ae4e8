"""Many replicates of a plain network (SBML): shared out over threads, the same for any number."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.protocol import Engine, advance_to, refresh
from senescape.engines.state import State, Streams
from senescape.errors import RunError

from .budget import Budget, check_size
from .driver import GRACE_SECONDS, at_once, threads, work_through
from .lanes import KEPT_SECONDS, MOST_KEPT, keys_of
from .monitors import Monitor, Silent
from .sharing import chunk_size, workers

if TYPE_CHECKING:
    from senescape.engines.exact import Exact
    from senescape.store import KeptRun, Recipe

Float = NDArray[np.float64]

MOST_REPLICATES, MOST_TIMES = 100_000_000, 1_000_000
# Seconds of one core: a reaction, each row of the tape and each propensity in it, an output.
EVENT_SECONDS, ITEM_SECONDS = 6e-8, 4e-9
REPLICATE_SECONDS = 5e-6
# One replicate is tried over growing parts of the time, until so many reactions have happened.
PILOT_EVENTS, PILOT_HALVINGS = 200_000, 60


@dataclass(frozen=True, slots=True)
class Counted:
    """What replicates of a network showed.

    Parameters
    ----------
    names : tuple of str
        Species (amounts), then parameters that may change.
    time : (times,)
        In the unit of the file.
    values : (names, times, replicates)
    """

    names: tuple[str, ...]
    time: Float
    values: Float

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return self.values.shape[2]

    @property
    def mean(self) -> Float:
        """Mean over replicates, (names, times)."""
        return self.values.mean(axis=2)

    @property
    def sd(self) -> Float:
        """Standard deviation over replicates (n - 1; 0 where there is one), (names, times)."""
        if self.replicates < 2:
            return np.zeros(self.values.shape[:2])
        return self.values.std(axis=2, ddof=1)


def output_times(until: float, every: float) -> Float:
    """Return 0, every, 2 every, ... and ``until``; multiples without rounding errors of a sum.

    Raises
    ------
    RunError
        Numbers that are not finite or not above 0; more than a million times.
    """
    if not (0.0 < until < math.inf and 0.0 < every < math.inf):
        raise RunError(
            f"output every {every:g} until {until:g}",
            allowed="finite times above 0",
            remedy="correct --until and --every",
            check="run.output-times",
        )
    if until / every > MOST_TIMES:
        raise RunError(
            f"{until / every:.3g} output times",
            allowed=f"at most {MOST_TIMES}",
            remedy="choose a longer --every",
            check="run.output-times",
        )
    steps = int(math.floor(until / every * (1.0 + 1e-12)))
    # the shortest decimal that reads back as each multiple: 0.3, not 0.30000000000000004
    times = [float(f"{every * k:.15g}") for k in range(steps + 1)]
    if abs(times[-1] - until) <= 1e-12 * until:
        times[-1] = until
    else:
        times.append(until)
    return np.array(times)


def network_recipe(name: str, engine: Engine, program: Program, times: Float, seed: int) -> Recipe:
    """Return what names a run of a network in a store: its equations and numbers, not its file."""
    from senescape.store import Recipe  # knows scenarios: heavy for a network
    from senescape.store.versions import engine_recipe

    assert program.general is not None
    numbers = hashlib.sha256("\n".join(program.parameter_names).encode())
    numbers.update(program.parameter_defaults.astype("<f8").tobytes())
    network = {"name": name, "network": program.digest, "numbers": numbers.hexdigest()}
    question = {"kind": "replicates", "assays": program.general.reading_names}
    return Recipe(network, "-", None, question, engine_recipe(engine), tuple(times.tolist()), seed)


def run_network(
    engine: Engine,
    program: Program,
    times: Float,
    *,
    replicates: int,
    seed: int,
    monitor: Monitor | None = None,
    kept: KeptRun | None = None,
    executor: Executor | None = None,
) -> Counted:
    """Run a plain network many times.

    Parameters
    ----------
    engine : Engine
        Exact, or the mean field (which runs once: its replicates would be equal).
    times : (outputs,)
        In order, from 0 on, in the unit of the file.
    replicates, seed : int
        Replicate i is a function of the seed and i alone.
    kept : KeptRun, optional
        Of :func:`network_recipe`, entered: replicates in it are not run again, new ones are kept.
    executor : Executor, optional
        Who computes; threads by default. It is shut down in the end.

    Returns
    -------
    Counted
        Byte for byte the same for any number of threads.

    Raises
    ------
    RunError
        From the engine; more work or memory than the budget allows: before the start.
    """
    general = program.general
    if general is None:
        raise TypeError("a network of an SBML file is needed")
    lanes = replicates if engine.stochastic else 1
    if not 1 <= replicates <= MOST_REPLICATES:
        raise RunError(
            f"{replicates} replicates",
            allowed=f"1 to {MOST_REPLICATES}",
            remedy="ask for fewer",
            check="run.replicates",
        )
    check_size(len(general.reading), len(times), lanes)
    result = np.empty((len(general.reading), len(times), lanes))
    keys = [] if kept is None else keys_of(_streams(seed, np.arange(lanes)))
    done = np.zeros(lanes, np.bool_) if kept is None else kept.fetch(keys, result)
    missing = np.flatnonzero(~done)
    each = _allow(engine, program, times, len(missing), seed) if len(missing) else 0.0
    monitor = monitor or Silent()
    monitor.start("simulating", lanes)
    monitor.advance(lanes - len(missing))
    executor = threads(workers()) if executor is None else executor
    size = chunk_size(len(missing), at_once(executor))
    if kept is not None:
        fair = -(-len(missing) // at_once(executor))
        size = max(1, min(int(KEPT_SECONDS / max(each, 1e-9)), fair, MOST_KEPT))

    def accept(chosen: NDArray[np.int64], values: Float) -> None:
        if kept is not None:
            kept.keep([keys[lane] for lane in chosen], values)
        result[:, :, chosen] = values
        monitor.advance(len(chosen))

    work_through(
        executor,
        partial(_replicates, engine, program, times, seed),
        (missing[first : first + size] for first in range(0, len(missing), size)),
        accept,
        workers=partial(at_once, executor),
        grace=0.0 if kept is None else GRACE_SECONDS,
    )
    monitor.stop()
    return Counted(general.reading_names, times, result)


def _replicates(
    engine: Engine, program: Program, times: Float, seed: int, chosen: NDArray[np.int64]
) -> Float:
    """Run some replicates, in any process; return (readings, times, replicates)."""
    assert program.general is not None
    reading = program.general.reading
    values = np.empty((len(reading), len(times), len(chosen)))
    state = _start(engine, program, seed, chosen)
    for index, time in enumerate(times):
        advance_to(engine, program, state, float(time))
        refresh(program, state)
        values[:, index] = state.registers[reading]
    return values


def _streams(seed: int, chosen: NDArray[np.int64]) -> Streams:
    zero = np.zeros(len(chosen), np.int64)
    return Streams(seed, zero, zero, chosen)


def _start(engine: Engine, program: Program, seed: int, chosen: NDArray[np.int64]) -> State:
    parameters = np.repeat(program.parameter_defaults[:, None], len(chosen), axis=1)
    return engine.start(program, parameters, _streams(seed, chosen))


def _allow(engine: Engine, program: Program, times: Float, lanes: int, seed: int) -> float:
    """Refuse what would take longer than the budget, by one replicate over parts of the time.

    Returns
    -------
    float
        Seconds that a replicate is expected to take; 0 where nobody has looked.
    """
    _start(engine, program, seed, np.arange(1))  # what cannot be run at all says so first
    from senescape.engines.exact import Exact  # what it compiles is loaded only where it is needed

    if not isinstance(engine, Exact):
        return 0.0
    events = _events(engine, program, float(times[-1]), seed)
    each = EVENT_SECONDS + ITEM_SECONDS * (len(program.tape) + 2 * len(program.transition))
    seconds = REPLICATE_SECONDS * len(times) + events * each
    hours = lanes * seconds / 3600.0
    allowed = Budget.allowed().hours
    if hours > allowed:
        raise RunError(
            f"{lanes} replicates of about {events:.2g} reactions would take about {hours:.2g} "
            "hours of one core",
            allowed=f"{allowed:g} hours",
            remedy="ask for fewer replicates or an earlier end, use the mean-field engine, or "
            "allow more with SENESCAPE_BUDGET_HOURS",
            check="run.budget-hours",
        )
    return seconds


def _events(engine: Exact, program: Program, until: float, seed: int) -> float:
    """Return the reactions of one replicate, or an estimate where there are very many."""
    pilot = replace(engine, max_events=PILOT_EVENTS)
    state = _start(pilot, program, seed, np.arange(1))
    estimate = 0.0
    for halving in range(PILOT_HALVINGS, -1, -1):
        part = 2.0**-halving
        try:
            advance_to(pilot, program, state, until * part)
        except RunError as error:
            if error.check == "run.too-many-events":
                return max(estimate, float(state.tally.sum()) / part)
            return estimate  # the run itself will say what is wrong
        estimate = float(state.tally.sum()) / part
        if estimate * part > PILOT_EVENTS:
            break
    return estimate
