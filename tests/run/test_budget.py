"""Budgets: the estimate meets the count, and what is too large is refused before it starts.

Oracles: the steps and events that the engines themselves take; a birth-death process, whose number
of events is known in closed form.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bundled import read_scenario
from tests.engines import builders as b
from tests.files.test_bad_scenarios import GOOD
from tests.stopwatch import without_tracer

from senescape.cohort import cohort_of, observe, passages, simulate
from senescape.compile import Program, TransitionKind, compile_scenario
from senescape.engines.exact import Exact
from senescape.engines.leap import Leap
from senescape.engines.leap import engine as leap_engine
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine, run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.run import Budget, check_lanes, check_run, check_size, cost_of, run_lanes
from senescape.run.budget import allow, least_cost
from senescape.run.sharing import CHUNK
from senescape.verdict import judge

PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
LIMIT = 20.0 if PLAIN else 1.0
compiled = pytest.mark.skipif(PLAIN, reason="minutes where kernels are not compiled")
SMALL = parse_scenario(GOOD)
DAYS = np.arange(0.0, 15.0)
BIRTHS = b.program_of(b.birth_death(start=100.0))


def steps_taken(
    monkeypatch: pytest.MonkeyPatch, engine: Leap, program: Program, lanes: int, until: float
) -> int:
    """Run the leap and count its steps, as its kernel returns them."""
    total = 0
    kernel = leap_engine.advance_lanes

    def counting(*arguments: object) -> tuple[int, int, float, int]:
        nonlocal total
        result = kernel(*arguments)  # type: ignore[arg-type]
        total += result[3]
        return result

    monkeypatch.setattr(leap_engine, "advance_lanes", counting)
    start = program.forcing.start
    times = np.unique(np.append(np.arange(math.ceil(start), until), [start, until]))
    for _ in run_engine(
        engine, program, b.lanes_of(program, lanes), Streams.hosts(1, lanes), times
    ):
        pass
    return total


@compiled
@pytest.mark.parametrize("hours", [1.0, 4.0, 24.0])
@pytest.mark.parametrize(
    ("name", "regimen"),
    [("mcf7-doxorubicin", "100nM"), ("mcf7-doxorubicin", "UTCtrl"), ("figure-1", "chemo")],
)
def test_steps_of_the_leap_are_estimated(
    name: str, regimen: str, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = compile_scenario(read_scenario(name), regimen).program
    engine = Leap(step=hours / 24.0)
    taken = steps_taken(monkeypatch, engine, program, 4, 20.0)
    times = np.append(program.forcing.start, np.arange(0.0, 21.0))
    cost = cost_of(engine, program, times, lanes=4)
    assert cost.what == "steps"
    assert taken / 3.0 < cost.work * 4 < 3.0 * taken


def events_of(program: Program, start: float, until: float, lanes: int) -> float:
    """Run the exact engine; every firing and every stage passed, of one lane on average."""
    table = b.lanes_of(program, lanes)
    times = np.array([start, until])
    *_, state = run_engine(Exact(), program, table, Streams.hosts(1, lanes), times)
    kind, source = program.transition[:, 0], program.transition[:, 1]
    passed = np.where(kind == TransitionKind.TIMED, program.stages[source], 1)
    return float((passed[:, None] * state.tally).sum() / lanes)


@compiled
@pytest.mark.parametrize(
    ("name", "regimen", "days"),
    [("mcf7-doxorubicin", "100nM", 8.0), ("mcf7-doxorubicin", "UTCtrl", 6.0)]
    + [("a549-etoposide-navitoclax", "chemo", 0.2)],
)
def test_events_of_the_exact_engine_are_estimated(name: str, regimen: str, days: float) -> None:
    program = compile_scenario(read_scenario(name), regimen).program
    start = program.forcing.start
    taken = events_of(program, start, start + days, 2)
    cost = cost_of(Exact(), program, np.array([start, start + days]), lanes=2)
    assert cost.what == "events"
    assert taken / 3.0 < cost.work < 3.0 * taken


@pytest.mark.parametrize("start", [1e3, 1e9])
def test_events_of_births_and_deaths_are_those_of_the_closed_form(start: float) -> None:
    """n0 (b + d) (exp((b - d) t) - 1) / (b - d), for any number of cells."""
    program = b.program_of(b.birth_death(birth=0.8, death=0.3, start=start))
    expected = start * 1.1 * (math.exp(0.5 * 10.0) - 1.0) / 0.5
    cost = cost_of(Exact(), program, np.array([0.0, 10.0]), lanes=3)
    assert cost.work == pytest.approx(expected, rel=0.3)


def test_more_than_a_million_billion_cells_are_counted_as_at_least_so_many_events() -> None:
    program = b.program_of(b.birth_death(birth=9.0, death=0.0, start=1e9))
    assert cost_of(Exact(), program, np.array([0.0, 10.0]), lanes=1).work >= 1e15


def test_where_the_leap_has_no_law_the_rates_at_the_start_stand_for_the_events() -> None:
    """Three daughters: exact and refused by the leap, so 1000 cells x 0.5 / day x 2 days."""
    network = b.Network(
        parameters=(b.rate("birth", 0.5), b.cells("n0", 1000.0)),
        compartments=(b.state("A"),),
        transitions=(b.exit_of(1, "burst", "A", "birth", b.outcome(A=3)),),
        assays=(b.assay("live", "A"),),
        births=(b.born("n0", A=1),),
    )
    program = b.program_of(network)
    cost = cost_of(Exact(), program, np.array([0.0, 2.0]), lanes=1)
    assert cost.work == pytest.approx(1000.0, abs=2.0)
    assert cost_of(Leap(), program, np.array([0.0, 2.0]), lanes=1).work == 12.0


def test_a_fast_rate_halves_the_steps_of_the_leap_in_the_estimate() -> None:
    """A hazard of 48 a day and at most 0.5 a step: 96 steps a day in place of 4."""
    program = b.program_of(b.birth_death(birth=0.0, death=48.0, start=10.0))
    slow = least_cost(Leap(step=0.25), program, DAYS, lanes=1).work
    assert slow == 56.0
    fine = cost_of(Leap(step=0.25), program, DAYS, lanes=1).work
    assert fine == pytest.approx(32 * slow)


def test_stops_beside_the_grid_are_steps_of_their_own() -> None:
    program = b.program_of(b.dosing(b.doses([0.3, 0.5, 9.0])))
    times = np.array([0.0, 0.7, 1.0])
    assert least_cost(Leap(step=0.25), program, times, lanes=1).work == 6.0
    assert least_cost(MeanField(), program, times, lanes=1).work == 4.0
    assert least_cost(MeanField(), program, np.array([0.0, 30.0]), lanes=1).work == 30.0
    assert least_cost(Exact(), program, times, lanes=1).work == 4.0


def ring(states: int) -> Program:
    """Return a network in which 1,000 cells go round, each at 2 a day."""
    names = [f"S{i}" for i in range(states)]
    network = b.Network(
        parameters=(b.rate("move", 2.0), b.cells("n0", 1000.0)),
        compartments=tuple(b.state(name) for name in names),
        transitions=tuple(
            b.exit_of(i, f"from {name}", name, "move", b.outcome(**{names[i % states]: 1}))
            for i, name in enumerate(names, 1)
        ),
        assays=(b.assay("live", *names),),
        births=(b.born("n0", S0=1),),
    )
    return b.program_of(network)


def seconds_of(engine: Engine, program: Program, lanes: int, times: np.ndarray) -> float:
    """Return the CPU time of a run on one thread: the least of five."""
    took = []
    for seed in range(6):
        began = time.process_time()
        table, streams = b.lanes_of(program, lanes), Streams.hosts(seed, lanes)
        for _ in run_engine(engine, program, table, streams, times):
            pass
        took.append(time.process_time() - began)
    return min(took[1:])


@compiled
@pytest.mark.parametrize(
    ("engine", "made", "until"),
    [
        (Exact(), lambda: b.program_of(b.birth_death(start=1000.0)), 5.0),
        (Exact(), lambda: ring(40), 5.0),
        (
            Leap(),
            lambda: compile_scenario(read_scenario("mcf7-doxorubicin"), "100nM").program,
            20.0,
        ),
    ],
    ids=["births and deaths", "40 states", "leap"],
)
@pytest.mark.parametrize("number", [4, CHUNK])
def test_seconds_are_those_that_few_lanes_and_a_full_block_take(
    engine: Engine,
    made: Callable[[], Program],
    until: float,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within a factor of 5 on any machine: the exact engine's estimate was 40 times too high."""
    monkeypatch.setenv("SENESCAPE_THREADS", "1")
    program = made()
    times = np.array([program.forcing.start, until])
    took = seconds_of(engine, program, number, times)
    cost = cost_of(engine, program, times, lanes=number)
    assert took / 5.0 < cost.seconds < 5.0 * took


@compiled
@pytest.mark.parametrize("engine", [Leap(step=1 / 6), Exact(), MeanField()], ids=lambda e: e.name)
def test_an_estimate_is_quick(engine: Engine) -> None:
    """Some 30 ms on a quiet core, for the largest bundled scenario; four times that is allowed."""
    program = compile_scenario(read_scenario("a549-etoposide-navitoclax"), "together").program

    def estimated() -> None:
        cost_of(engine, program, np.arange(0.0, 31.0), lanes=10_000)

    took = []
    for _ in range(5):
        began = time.process_time()
        estimated()
        took.append(time.process_time() - began)
    assert min(took) < 0.12 or without_tracer(estimated) < 0.12


# --- what is too large

CELLS = "seeded:      {value: 1000"
POPULATED = {n: parse_scenario(GOOD.replace(CELLS, f"seeded:      {{value: {n}"))
             for n in ("1e9", "1e12", "1e15")}  # fmt: skip
COLONIES = parse_scenario(
    GOOD.replace(
        "observables:\n",
        "assays:\n  dish: {kind: colonies, plated: seeded, read: death_time, counts: live}\n"
        "  wells: {kind: count, of: live}\nobservables:\n",
    ).replace(CELLS, "seeded:      {value: 1e6")
)
MICE = parse_scenario(
    GOOD.replace("  endpoints:\n", "  endpoints:\n    survival: {smallest_difference: 1 day, "
                 "threshold: 1e9 cells, observable: live}\n")
    .replace("observables:\n", "assays:\n  mice: {kind: survival, every: 1e-7 day}\nobservables:\n")
)  # fmt: skip


def lanes(engine: Engine, number: int, times: np.ndarray = DAYS) -> None:
    check_run(engine, BIRTHS, times, lanes=number)


# name: (call, check, what the line must hold)
CASES: dict[str, tuple[Callable[[], object], str, str]] = {
    "no host": (lambda: simulate(SMALL, "pulse", hosts=0), "run.hosts", "0 hosts"),
    "hosts below zero": (lambda: simulate(SMALL, "pulse", hosts=-5), "run.hosts", "-5"),
    "a billion hosts": (lambda: simulate(SMALL, "pulse", hosts=10**9), "run.hosts", "10000000"),
    "ten million hosts": (lambda: simulate(SMALL, "pulse", hosts=10**7), "run.result-size", "GB"),
    "a hundred million output times": (
        lambda: simulate(SMALL, "pulse", hosts=10, times=np.zeros(10**8)),
        "run.result-size",
        "100000000 times",
    ),
    "1e9 cells, each event": (
        lambda: simulate(POPULATED["1e9"], "pulse", hosts=100, engine="exact"),
        "run.budget-hours",
        "use the leap engine",
    ),
    "1e12 cells, each event": (
        lambda: simulate(POPULATED["1e12"], "pulse", hosts=1, engine="exact"),
        "run.budget-hours",
        "events of the exact engine",
    ),
    "1e15 cells, each event": (
        lambda: simulate(POPULATED["1e15"], "pulse", hosts=1, engine="exact"),
        "run.budget-hours",
        "e+15 events",
    ),
    "growth for a hundred days, each event": (
        lambda: check_run(
            Exact(), b.program_of(b.birth_death(birth=1.0, death=0.0)), np.arange(100.0), lanes=1
        ),
        "run.budget-hours",
        "events",
    ),
    "a step of a millisecond": (
        lambda: simulate(SMALL, "pulse", hosts=1000, step=1e-8),
        "run.budget-hours",
        "longer step",
    ),
    "a fast rate in many hosts": (
        lambda: check_run(
            Leap(),
            b.program_of(b.birth_death(birth=0.0, death=1e5, start=1.0)),
            DAYS,
            lanes=10**5,
        ),
        "run.budget-hours",
        "of the leap engine",
    ),
    "a step of zero": (lambda: simulate(SMALL, "pulse", step=0.0), "run.step", "0 h"),
    "a step below zero": (lambda: simulate(SMALL, "pulse", step=-0.1), "run.step", "-2.4 h"),
    "a step of nan": (lambda: simulate(SMALL, "pulse", step=math.nan), "run.step", "nan"),
    "a step of a month": (lambda: simulate(SMALL, "pulse", step=30.0), "run.step", "24 h"),
    "until nan": (lambda: simulate(SMALL, "pulse", until=math.nan), "run.until", "nan"),
    "until the end of time": (lambda: simulate(SMALL, "pulse", until=math.inf), "run.until", "inf"),
    "until before the start": (lambda: simulate(SMALL, "pulse", until=-9.0), "run.until", "-9"),
    "an output at nan": (
        lambda: simulate(SMALL, "pulse", times=np.array([0.0, math.nan])),
        "run.output-times",
        "nan",
    ),
    "outputs out of order": (
        lambda: simulate(SMALL, "pulse", times=np.array([2.0, 1.0])),
        "run.output-times",
        "in order",
    ),
    "an output after the sun": (
        lambda: simulate(SMALL, "pulse", times=np.array([0.0, 1e12])),
        "run.output-times",
        "100000 day",
    ),
    "an output before the start": (
        lambda: simulate(SMALL, "pulse", times=np.array([-1.0, 1.0])),
        "run.output-times",
        "start",
    ),
    "a seed below zero": (lambda: simulate(SMALL, "pulse", seed=-1), "run.seed", "-1"),
    "a seed of 65 bits": (lambda: simulate(SMALL, "pulse", seed=2**64), "run.seed", "1844"),
    "an unknown engine": (lambda: simulate(SMALL, "pulse", engine="laep"), "run.engine", "leap"),
    "a verdict of no draw": (lambda: judge(SMALL, "pulse", draws=0), "verdict.draws", "1"),
    # with senescence, and without it under four rules
    "a verdict of 1e12 hosts": (
        lambda: judge(SMALL, "pulse", draws=10**6, hosts=10**6),
        "run.budget-hours",
        "5000000000000 hosts",
    ),
    "a verdict with a step of nan": (
        lambda: judge(SMALL, "pulse", draws=1, step=math.nan),
        "run.step",
        "nan",
    ),
    "passages of no draw": (lambda: passages(SMALL, "pulse", draws=0), "run.draws", "0"),
    "passages of a billion draws": (
        lambda: passages(SMALL, "pulse", draws=10**9),
        "run.budget-hours",
        "1000000000 hosts",
    ),
    "passages of 1e15 draws": (
        lambda: passages(SMALL, "pulse", draws=10**15),
        "run.budget-hours",
        "hours of one core",
    ),
    "no dish": (lambda: observe(COLONIES, "pulse", subjects=0), "run.subjects", "0"),
    "a billion dishes": (
        lambda: observe(COLONIES, "pulse", subjects=10**9),
        "run.subjects",
        "1000000",
    ),
    "a million wells, read daily": (
        lambda: observe(COLONIES, "pulse", subjects=10**6, times=np.arange(0.0, 1000.0)),
        "run.result-size",
        "GB",
    ),
    "1e12 plated cells": (
        lambda: observe(COLONIES, "pulse", subjects=10**6, assays=("dish",), times=np.zeros(1)),
        "run.budget-memory",
        "hosts",
    ),
    "a reading at nan": (
        lambda: observe(COLONIES, "pulse", times=np.array([math.nan])),
        "run.output-times",
        "nan",
    ),
    "mice looked at a hundred times a second": (
        lambda: observe(MICE, "pulse", subjects=100),
        "run.result-size",
        "100 hosts",
    ),
    "ten billion lanes of the leap": (
        lambda: lanes(Leap(), 10**10),
        "run.budget-hours",
        "84 steps",
    ),
    "1e12 lanes of the mean field": (
        lambda: lanes(MeanField(), 10**12),
        "run.budget-hours",
        "stretches of the mean-field engine",
    ),
    "ten billion lanes of each event": (
        lambda: lanes(Exact(), 10**10),
        "run.budget-hours",
        "at most",
    ),
    "parameters beyond memory": (lambda: check_lanes(BIRTHS, 10**9), "run.budget-memory", "GB"),
    "result beyond memory": (lambda: check_size(10, 1000, 10**6), "run.result-size", "80 GB"),
}


# Without compilation NumPy multiplies such numbers of cells in 32 bits, and refuses.
BEYOND_32_BITS = {"1e12 cells, each event", "1e15 cells, each event"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=compiled if n in BEYOND_32_BITS else ()) for n in CASES]
)
def test_what_is_too_large_or_no_number_is_refused_before_it_starts(name: str) -> None:
    call, check, said = CASES[name]
    began = time.process_time()
    with pytest.raises(SenescapeError) as caught:
        call()
    took = time.process_time() - began
    assert took < LIMIT or without_tracer(call) < LIMIT
    message = str(caught.value)
    assert caught.value.check == check, message
    assert said in message and "\n" not in message
    assert caught.value.allowed and caught.value.remedy


@pytest.mark.parametrize("name", ["SENESCAPE_BUDGET_HOURS", "SENESCAPE_BUDGET_GB"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "lots", "1e999", "1,5", "24 h"])
def test_a_budget_that_is_no_number_above_zero_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SenescapeError) as caught:
        simulate(SMALL, "pulse", hosts=1)
    assert caught.value.check == "run.budget-setting" and f"{name}={value}" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-2", "2.5", "many", "9" * 30, "1025", "\u0661"])
def test_threads_that_are_no_number_are_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENESCAPE_THREADS", value)
    with pytest.raises(SenescapeError) as caught:
        run_lanes(Leap(), BIRTHS, b.lanes_of(BIRTHS, 1), Streams.hosts(1, 1), np.array([0.0]))
    assert caught.value.check == "run.threads"


def test_a_larger_budget_is_allowed_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Budget.allowed() == Budget(24.0, 4.0)
    with pytest.raises(SenescapeError):
        lanes(Leap(), 10**10)
    monkeypatch.setenv("SENESCAPE_BUDGET_HOURS", "1e9")
    monkeypatch.setenv("SENESCAPE_BUDGET_GB", " 1e6 ")
    assert Budget.allowed() == Budget(1e9, 1e6)
    lanes(Leap(), 10**10)
    lanes(Exact(), 10**7)
    check_lanes(BIRTHS, 10**9)
    check_size(10, 1000, 10**6)


def test_a_smaller_budget_refuses_a_small_run_and_says_how_many_hosts_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cost = least_cost(Leap(), BIRTHS, DAYS, lanes=1000)
    monkeypatch.setenv("SENESCAPE_BUDGET_HOURS", repr(cost.seconds / 3600.0 / 4.0))
    with pytest.raises(SenescapeError) as caught:
        allow(cost)
    assert "ask for at most 250 hosts" in str(caught.value)
    with pytest.raises(SenescapeError) as caught:
        run_lanes(Leap(), BIRTHS, b.lanes_of(BIRTHS, 1000), Streams.hosts(1, 1000), DAYS)
    assert caught.value.check == "run.budget-hours"


def test_lanes_that_are_drawn_are_those_that_are_estimated() -> None:
    """Every fourth lane divides fast; all three that the exact engine's pilot takes are such lanes."""
    birth = np.where(np.arange(9) % 4 == 0, 1.0, 0.0)
    table = b.lanes_of(BIRTHS, 9, birth=birth, death=0.0)
    streams, times = Streams.hosts(1, 9), np.array([0.0, 5.0])
    cost = cost_of(Exact(), BIRTHS, times, lanes=9, parameters=table, streams=streams)
    assert cost.work == pytest.approx(100.0 * (math.exp(5.0) - 1.0), rel=0.3)


def test_a_parameter_that_is_no_number_is_left_to_the_run_to_refuse() -> None:
    table = b.lanes_of(BIRTHS, 2, birth=math.nan)
    with pytest.raises(SenescapeError) as caught:
        run_lanes(Leap(), BIRTHS, table, Streams.hosts(1, 2), DAYS)
    assert caught.value.check == "run.parameter-not-finite"


@given(
    st.sampled_from([Leap(), Leap(step=1e-6), Leap(step=1.0), Exact(), MeanField()]),
    st.integers(0, 10**15),
    st.lists(st.floats(0.0, 1e4), min_size=1, max_size=5).map(sorted),
    st.floats(1e-3, 1e3),
)
def test_an_estimate_is_finite_and_grows_with_hosts(
    engine: Engine, number: int, days: list[float], worlds: float
) -> None:
    times = np.array(days)
    cost = least_cost(engine, BIRTHS, times, lanes=number)
    more = least_cost(engine, BIRTHS, times, lanes=number + 1)
    assert 0.0 <= cost.work < math.inf and 0.0 <= cost.seconds <= more.seconds < math.inf
    assert cost.times(worlds).seconds == pytest.approx(cost.seconds * worlds)


def test_draws_of_a_cohort_are_counted_before_they_are_made() -> None:
    program = compile_scenario(SMALL, "pulse").program
    for draws, hosts, check in (
        (0, 1, "run.draws"),
        (1, -1, "run.hosts"),
        (10**6, 10**6, "run.budget-memory"),
    ):
        with pytest.raises(SenescapeError) as caught:
            cohort_of(SMALL, program, seed=1, draws=draws, hosts=hosts)
        assert caught.value.check == check
