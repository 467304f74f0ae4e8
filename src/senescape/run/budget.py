"""What a run will cost, estimated before it starts, and what it may cost.

A run that would never end, or not fit into memory, is refused in one line within a second, with the
estimate and what to lower. The budget of one run is 24 hours of one core and 4 GB of numbers; who
means to spend more says so in the environment, SENESCAPE_BUDGET_HOURS and SENESCAPE_BUDGET_GB.
There is no other switch: a budget belongs to a machine, not to a scenario.

The work is counted (steps of the leap, events of the exact engine, stretches of the mean field) and
turned into seconds by the rates below. Where chance and drugs decide the count, a few lanes are run
coarsely by the leap first; that costs some 10 ms, and is left out where no outcome of it could
matter. An estimate does not see what happens to one host in a thousand, nor another program on the
same cores.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.engines.births import mean_births
from senescape.engines.protocol import Engine, advance_to, refresh
from senescape.engines.signals import norm
from senescape.engines.state import State, Streams, start_state
from senescape.errors import RunError, SenescapeError

from .kernels import prepare
from .sharing import CHUNK, workers

Float = NDArray[np.float64]

FOUR_HOURS = 1.0 / 6.0  # the longest step of the leap where none is given
# Seconds on one core of a server of 2023, measured over the bundled scenarios (42 to 124 slots): a
# fixed part, and one for each row of the tape, transition, outcome and slot that is gone through.
STEP_SECONDS, STEP_ITEM_SECONDS = 2e-6, 25e-9
EVENT_SECONDS, EVENT_ITEM_SECONDS = 1e-6, 25e-9
# A step of a block of the leap takes as long as of so many lanes in a full one; of a lane alone.
STEP_BLOCK, STEP_ALONE = 16.0, 2.0
# An event where no rate moves: in a full block of lanes in lock-step, and how much longer alone.
ROUND_SECONDS, ROUND_ITEM_SECONDS, ROUND_ALONE = 5e-9, 0.25e-9, 13.0
WINDOW_ITEM_SECONDS = 1e-9  # an event where rates move: formulas are read once in many events
STRETCH_SECONDS, STRETCH_ITEM_SECONDS = 3e-4, 1e-8
LANE_SECONDS = 2e-5
# A candidate of the exact engine is refused about one time in four where rates move.
CANDIDATES = 1.3
FINEST = 14  # the leap halves a step at most so often
PILOT_LANES, PILOT_BLOCK, PILOT_STEPS, PILOT_BREAKPOINTS, PILOT_STOPS = 3, 8, 450, 64, 16
MOST_CELLS = 1e15


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may cost.

    Parameters
    ----------
    hours : float
        Of one core, whatever the number of threads [h].
    gigabytes : float
        Of numbers held at once [GB].
    """

    hours: float = 24.0
    gigabytes: float = 4.0

    @classmethod
    def allowed(cls) -> Budget:
        """Return the budget of this machine: the default, or what the environment says.

        Raises
        ------
        RunError
            A setting that is no number above 0.
        """
        return cls(
            _setting("SENESCAPE_BUDGET_HOURS", cls().hours),
            _setting("SENESCAPE_BUDGET_GB", cls().gigabytes),
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run is expected to cost.

    Parameters
    ----------
    engine, what : str
        Its engine, and what is counted: steps, events or stretches.
    lanes : int
    work : float
        Counted in one lane, on average.
    seconds : float
        Of one core, all lanes [s].
    """

    engine: str
    what: str
    lanes: int
    work: float
    seconds: float

    def times(self, worlds: float) -> Cost:
        """Return the cost of as many runs, one after the other."""
        lanes = round(self.lanes * worlds)
        return Cost(self.engine, self.what, lanes, self.work, self.seconds * worlds)


def _setting(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise RunError(
            f"{name}={text}",
            allowed=f"a number above 0 (default {default:g})",
            remedy="correct it, or leave it out of the environment",
            check="run.budget-setting",
        )
    return value


def check_lanes(program: Program, lanes: int) -> None:
    """Refuse more lanes than their parameters fit into memory (twice: a world is a copy).

    Raises
    ------
    RunError
        With the largest number of lanes.
    """
    each = 16.0 * (len(program.parameter_names) + 8)
    allowed = Budget.allowed().gigabytes
    if lanes * each > allowed * 1e9:
        raise RunError(
            f"{lanes} hosts need {_rounded(lanes * each / 1e9)} GB for their parameters",
            allowed=f"{allowed:g} GB, {int(allowed * 1e9 / each)} hosts",
            remedy="ask for fewer draws or hosts, or allow more with SENESCAPE_BUDGET_GB",
            check="run.budget-memory",
        )


def check_size(variables: int, times: int, lanes: int) -> None:
    """Refuse a result that does not fit into memory.

    Raises
    ------
    RunError
        With its size.
    """
    size = 8e-9 * variables * times * lanes
    allowed = Budget.allowed().gigabytes
    if size > allowed:
        raise RunError(
            f"a result of {variables} variables x {times} times x {lanes} hosts, "
            f"{_rounded(size)} GB",
            allowed=f"{allowed:g} GB",
            remedy="ask for fewer hosts or output times, or allow more with SENESCAPE_BUDGET_GB",
            check="run.result-size",
        )


def check_run(
    engine: Engine,
    program: Program,
    times: Float,
    *,
    lanes: int,
    worlds: float = 1.0,
    parameters: Float | None = None,
    streams: Streams | None = None,
) -> None:
    """Refuse a run that would cost more than the budget allows.

    Parameters
    ----------
    worlds : float
        How often the lanes are run (a verdict: with senescence, without it, ...).
    parameters, streams : optional
        Of the lanes, where they are drawn already; else the program's own numbers stand for all.

    Raises
    ------
    RunError
        With the estimate and what to lower.
    """
    allowed = 3600.0 * Budget.allowed().hours
    least = least_cost(engine, program, times, lanes=lanes).times(worlds)
    most = math.inf if engine.name == "exact" else 2.0**FINEST * least.seconds
    if engine.name == "mean-field" or most <= allowed or least.seconds > allowed:
        allow(least)
        return
    cost = cost_of(engine, program, times, lanes=lanes, parameters=parameters, streams=streams)
    allow(cost.times(worlds))


def allow(cost: Cost) -> None:
    """Refuse a cost beyond the budget.

    Raises
    ------
    RunError
        With the estimate and what to lower.
    """
    allowed = Budget.allowed().hours
    hours = cost.seconds / 3600.0
    if hours <= allowed:
        return
    fewer = int(cost.lanes * allowed / hours)
    lower = {
        "exact": "use the leap engine or fewer cells",
        "mean-field": "ask for fewer doses or output times",
    }.get(cost.engine, "choose a longer step or an earlier end")
    if fewer >= 1:
        lower = f"ask for at most {_rounded(fewer)} hosts in all, or {lower}"
    raise RunError(
        f"{cost.lanes} hosts x {_rounded(cost.work)} {cost.what} of the {cost.engine} engine "
        f"would take about {_rounded(hours)} hours of one core",
        allowed=f"{allowed:g} hours",
        remedy=f"{lower}, or allow more with SENESCAPE_BUDGET_HOURS",
        check="run.budget-hours",
    )


def least_cost(engine: Engine, program: Program, times: Float, *, lanes: int) -> Cost:
    """Return what a run costs at least: every step at its longest, no cell in it."""
    first = program.forcing.start
    until = float(times[-1]) if len(times) else first
    points = program.forcing.time
    stops = np.concatenate([points[(points > first) & (points <= until)], times[times > first]])
    if engine.name == "mean-field":
        # long stretches are counted by the day
        what, work = "stretches", float(max(len(np.unique(stops)), math.ceil(until - first)))
    elif engine.name == "exact":
        what, work = "events", float(len(stops))
    else:
        step = float(getattr(engine, "step", FOUR_HOURS))
        off = np.unique(stops[np.abs(stops / step - np.rint(stops / step)) > 1e-9])
        what, work = "steps", math.ceil((until - first) / step) + float(len(off))
    return _priced(engine, program, what, lanes, work, work)


def cost_of(
    engine: Engine,
    program: Program,
    times: Float,
    *,
    lanes: int,
    parameters: Float | None = None,
    streams: Streams | None = None,
) -> Cost:
    """Return what a run is expected to cost, from a coarse run of a few of its lanes.

    Notes
    -----
    Steps of the leap: those of the grid, halved as often as the fastest hazard on the way asks
    for. Events of the exact engine: every firing, and every stage passed.
    """
    least = least_cost(engine, program, times, lanes=lanes)
    first = program.forcing.start
    if engine.name == "mean-field" or not len(times) or not times[-1] > first or not lanes:
        return least
    if parameters is None or streams is None:
        hosts = min(lanes, PILOT_BLOCK)
        parameters = np.repeat(program.parameter_defaults[:, None], hosts, axis=1)
        streams = Streams.hosts(1, hosts)
    if engine.name == "exact":
        chosen = _some(len(streams), PILOT_LANES)
        events, vain = _events(program, parameters[:, chosen], streams.part(chosen), times)
        work = least.work + events
        return _priced(engine, program, "events", lanes, work, work + vain)
    # a block, where the run goes in blocks: the kernel for lanes alone then need not be compiled
    chosen = _some(len(streams), PILOT_LANES if lanes < PILOT_BLOCK else PILOT_BLOCK)
    try:
        pilot = _Pilot.of(program, parameters[:, chosen], streams.part(chosen), float(times[-1]))
    except SenescapeError:
        return least  # the run itself will say what is wrong
    work = least.work * pilot.refinement(engine)
    return _priced(engine, program, "steps", lanes, work, work)


def _priced(
    engine: Engine, program: Program, what: str, lanes: int, work: float, paid: float
) -> Cost:
    """Return a cost; ``paid`` is the work with what is done for it in vain."""
    slots, transitions = program.slots, len(program.transition)
    items = len(program.tape) - program.lane_end + transitions + slots
    many = float(lanes)
    if what == "steps":
        each = STEP_SECONDS + STEP_ITEM_SECONDS * (items + len(program.outcome_row))
        many = _filled(lanes, STEP_BLOCK, STEP_ALONE)
    elif what == "events" and _in_lock_step(engine, program):
        each = ROUND_SECONDS + ROUND_ITEM_SECONDS * items
        many = _filled(lanes, CHUNK, ROUND_ALONE)
    elif what == "events":
        from senescape.engines.exact.engine import rates_move

        windows = program.general is None and rates_move(program)
        each = EVENT_SECONDS + (WINDOW_ITEM_SECONDS if windows else EVENT_ITEM_SECONDS) * items
    else:
        columns = slots + len(program.signal_names)
        each = STRETCH_SECONDS + STRETCH_ITEM_SECONDS * columns * (items + len(program.outcome_row))
    return Cost(engine.name, what, lanes, work, lanes * LANE_SECONDS + paid * many * each)


def _filled(lanes: int, block: float, alone: float) -> float:
    """Return how many lanes in full blocks take as long as ``lanes`` do, shared out to threads.

    Few lanes leave one block of each thread partly empty, or are run one after another.
    """
    return max(float(lanes), min(workers() * block, alone * lanes))


def _in_lock_step(engine: Engine, program: Program) -> bool:
    """Tell whether the exact engine draws events of many lanes at once."""
    from senescape.engines.exact import Coupling
    from senescape.engines.exact.together import together_of

    single = getattr(engine, "coupling", Coupling.NONE) is Coupling.NONE
    return single and together_of(program) is not None


def _events(
    program: Program, parameters: Float, streams: Streams, times: Float
) -> tuple[float, float]:
    """Return the expected events of one lane, and how many more are tried in vain."""
    from senescape.engines.exact.engine import rates_move

    until = float(times[-1])
    try:
        pilot = _Pilot.of(program, parameters, streams, until)
        events, registers = pilot.events, pilot.registers
    except SenescapeError as error:
        state = start_state(program, parameters, streams, mean_births)
        refresh(program, state)
        rate = (_leaving(program, state.registers, per_stage=True) * _cells(program, state)).sum(0)
        events = float(rate.mean()) * (until - program.forcing.start)
        if error.check == "run.too-many-cells":
            events = max(events, MOST_CELLS)
        registers = state.registers
    if not rates_move(program):
        return events, 0.0
    speed = float(norm(program.coupling, np.ascontiguousarray(registers[:, 0])))
    windows = 2.0 * speed * (until - program.forcing.start)
    return events, (CANDIDATES - 1.0) * events + windows


@dataclass(frozen=True, slots=True)
class _Pilot:
    """A few lanes, run coarsely.

    Parameters
    ----------
    time : (stops,)
        [day]
    pace : (stops, lanes)
        Fastest hazard out of any compartment [1/day].
    events : float
        Of one lane, on average, to the end.
    registers : (registers, lanes)
        At the end.
    """

    time: Float
    pace: Float
    events: float
    registers: Float

    @classmethod
    def of(cls, program: Program, parameters: Float, streams: Streams, until: float) -> _Pilot:
        """Run to ``until``, or to the last breakpoint that is looked at, and go on from there."""
        from senescape.engines.leap import Leap

        if len(streams) >= PILOT_BLOCK:
            prepare("leap")
        first, points = program.forcing.start, program.forcing.time
        end = until
        if np.count_nonzero(points <= until) > PILOT_BREAKPOINTS:
            end = float(points[PILOT_BREAKPOINTS - 1])
        steps = min(PILOT_STEPS // len(streams), max(48, math.ceil(4.0 * (end - first))))
        engine = Leap(step=(end - first) / steps, tolerance=math.inf, composition=math.inf)
        state = engine.start(program, parameters, streams)
        grid = np.linspace(first, end, PILOT_STOPS + 1)
        stops = np.unique(np.concatenate([grid, points[(points >= first) & (points <= end)]]))
        pace = []
        for stop in stops:
            advance_to(engine, program, state, float(stop))
            refresh(program, state)
            pace.append(_leaving(program, state.registers).max(axis=0, initial=0.0))
        kind, source = program.transition[:, 0], program.transition[:, 1]
        passed = np.where(kind == TransitionKind.TIMED, program.stages[source], 1)
        events = float((passed[:, None] * state.tally).sum(axis=0).mean())
        events *= (until - first) / (end - first)
        return cls(stops, np.array(pace), events, state.registers)

    def refinement(self, engine: Engine) -> float:
        """Return how many steps stand for one of the grid, on average over time and lanes."""
        step, most = float(getattr(engine, "step", FOUR_HOURS)), getattr(engine, "composition", 0.5)
        with np.errstate(divide="ignore"):
            level = np.ceil(np.log2(self.pace * step / most))
        factor = 2.0 ** np.clip(level, 0.0, FINEST)
        width = np.diff(self.time)[:, None]
        return float((0.5 * (factor[1:] + factor[:-1]) * width).sum(0).mean() / width.sum())


def _some(lanes: int, most: int) -> NDArray[np.int64]:
    """Return the first, some between and the last lane, or all there are."""
    return np.unique(np.linspace(0, lanes - 1, min(lanes, most)).astype(np.int64))


def _cells(program: Program, state: State) -> Float:
    """Return cells by compartment, (compartments, lanes)."""
    return np.add.reduceat(state.counts, program.slot_ptr[:-1], axis=0)


def _leaving(program: Program, registers: Float, *, per_stage: bool = False) -> Float:
    """Return the hazard out of each compartment, (compartments, lanes) [1/day].

    A chain of stages counts as one over its dwell time, or (``per_stage``) with every stage.
    """
    total = np.zeros((len(program.compartment_ids), registers.shape[1]))
    exits = program.transition[program.transition[:, 0] == TransitionKind.ANY_AGE]
    np.add.at(total, exits[:, 1], registers[exits[:, 2]])
    ages = np.nonzero(program.advance_row >= 0)[0]
    stages = np.ones((len(ages), 1)) if per_stage else program.stages[ages][:, None]
    total[ages] += registers[program.advance_row[ages]] / stages
    return np.nan_to_num(np.maximum(total, 0.0), posinf=1e12)


def _rounded(number: float) -> str:
    """Return two digits, all of a whole number below a million."""
    return f"{number:.2g}" if number >= 1e6 or number != int(number) else f"{int(number)}"
