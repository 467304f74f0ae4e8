"""Blocks of lanes of the leap against one lane alone: the same numbers, byte for byte."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engines import builders as b
from tests.engines.test_wide import bundled

from senescape.compile import Program
from senescape.engines.laws import one_stage
from senescape.engines.laws.lanes import (
    AFTER,
    BIRTH,
    CELLS,
    DIVIDES,
    EMIT,
    EMITS,
    EXIT,
    LAW_ROWS,
    LEFT,
    SENT,
    STEP,
    stage_law,
)
from senescape.engines.leap import Leap
from senescape.engines.leap import engine as leap_engine
from senescape.engines.protocol import run_engine
from senescape.engines.signals import propagate, propagate_lanes
from senescape.engines.state import State, Streams
from senescape.errors import RunError
from senescape.lane_math import WIDTH
from senescape.network import Network
from senescape.rng import count_quantile
from senescape.rng.lanes import DRAW_ROWS, FOUND, MEAN, SHARE, SIZE, U, counts_drawer

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
TRIALS = 20 if PLAIN else 2_000


def put(f: Float, rows: dict[int, Float]) -> None:
    for row, values in rows.items():
        f[row : row + WIDTH] = values


def got(f: Float, row: int) -> Float:
    return f[row : row + WIDTH]


# --- one draw, one law, one propagation -----------------------------------------------------------
def test_counts_of_a_block_are_those_of_each_lane() -> None:
    """Binomials of any chance, Poisson, negative binomials; means 1e-3 to 1e9, the far tails too."""
    rng = np.random.default_rng(1)
    draw = counts_drawer()
    for trial in range(TRIALS):
        kind = rng.integers(0, 4, WIDTH)
        mean = 10 ** rng.uniform(-3, rng.choice([1, 2, 4, 9]), WIDTH)
        small = 10 ** rng.uniform(-10, 0, WIDTH)
        p = np.choose(kind, [small, 0.0, -(10 ** rng.uniform(-6, 1, WIDTH)), 1.0 - small])
        n = np.where(p > 0, np.ceil(mean / np.where(p > 0, p, 1.0)), 0.0)
        n = np.where(p < 0, mean / np.where(p < 0, p, 1.0), n)
        mean = np.where(p == 0, mean, n * p)
        mean[trial % WIDTH] = 0.0
        u = rng.random(WIDTH)
        u[:4] = [2.0**-54, 1 - 2.0**-53, 1e-12, 0.5]
        f = np.zeros(DRAW_ROWS * WIDTH)
        put(f, {SIZE: n, SHARE: p, MEAN: mean, U: u})
        draw(f)
        alone = [count_quantile(*lane) for lane in zip(n, p, mean, u, strict=True)]
        np.testing.assert_array_equal(got(f, FOUND), alone)


@pytest.mark.parametrize("lively", [0, DIVIDES, EMITS, DIVIDES | EMITS])
def test_the_law_of_a_block_is_that_of_each_lane(lively: int) -> None:
    """Few cells and many, shut hazards, equal hazards, steps of no length."""
    rng = np.random.default_rng(lively)
    law, draw = stage_law(), counts_drawer()

    def hazard(shut: float) -> Float:
        return np.where(rng.random(WIDTH) < shut, 0.0, 10 ** rng.uniform(-3, 0.7, WIDTH))

    for _ in range(TRIALS):
        n = np.floor(10 ** rng.uniform(-0.5, rng.choice([1, 3, 9]), WIDTH))
        birth = hazard(0.3) if lively & DIVIDES else np.zeros(WIDTH)
        emit = hazard(0.3) if lively & EMITS else np.zeros(WIDTH)
        death, h = hazard(0.2), hazard(0.05)
        death[:5] = birth[:5]
        keys = rng.integers(0, 2**63, WIDTH).astype(np.uint64)
        f = np.zeros(LAW_ROWS * WIDTH)
        put(f, {CELLS: n, BIRTH: birth, EXIT: death, EMIT: emit, STEP: h})
        law(draw, f, keys, lively)
        lanes = zip(n, birth, death, emit, h, keys, strict=True)
        alone = np.array([one_stage(*lane) for lane in lanes]).T
        np.testing.assert_array_equal([got(f, AFTER), got(f, LEFT), got(f, SENT)], alone)


def test_signals_of_a_block_are_those_of_each_lane() -> None:
    """Three signals, slow and fast, a constant term; steps of no length and of many parts."""
    rng = np.random.default_rng(5)
    coupling = np.array(
        [[0, 0, 0], [1, 0, 1], [1, 1, 2], [2, 1, 3], [2, 2, 4], [0, -1, 5]], np.int32
    )
    registers = rng.uniform(-3.0, 3.0, (6, WIDTH))
    registers[4] *= 1e-9
    x, supply = rng.uniform(0.0, 2.0, (2, 3, WIDTH))
    x[1, :4] = 0.0
    step = np.linspace(0.0, 3.0, WIDTH)
    together = x.copy()
    propagate_lanes(coupling, registers, together, supply, step, np.zeros((10, WIDTH)))
    for i in range(WIDTH):
        own = x[:, i].copy()
        propagate(
            coupling,
            registers[:, i].copy(),
            own,
            supply[:, i].copy(),
            float(step[i]),
            np.zeros((2, 3)),
        )
        np.testing.assert_array_equal(together[:, i], own)


# --- whole runs -----------------------------------------------------------------------------------
def three_fates(start: float) -> Network:
    """A chain whose cells end as two, one beside another, or none; a state that emits."""
    return Network(
        parameters=(b.rate("pace", 4.0), b.rate("slow", 0.3), b.cells("n0", start)),
        compartments=(b.state("A", stages=3, advance="pace"), b.state("B"), b.state("C", stages=2, advance="pace")),
        transitions=(
            b.exit_of(1, "end", "A", 1.0, b.outcome(0.5, A=2), b.outcome(0.3, A=1, B=1), b.outcome(0.2), timed=True),
            b.exit_of(2, "leave", "A", "slow", b.outcome(B=1)),
            b.exit_of(3, "bud", "B", "slow", b.outcome(B=1, C=2)),
            b.exit_of(4, "fade", "B", "2 * slow", b.outcome(0.7), b.outcome(0.3, C=1)),
            b.exit_of(5, "stay", "C", 0.0, b.outcome(), timed=True),
            b.exit_of(6, "rot", "C", "slow", b.outcome()),
        ),
        assays=(b.assay("live", "A", "B"),),
        births=(b.born("n0", A=1),),
    )  # fmt: skip


NETWORKS = {
    "birth-death": b.birth_death(start=300.0),
    "two types": b.two_types(mutation=0.2, start=3e4),
    "cycle": b.cycle(stages=3, death=0.2, quiet=0.3, start=20.0),
    "logistic": b.logistic(capacity=4000.0, start=50.0),
    "secreting": b.secreting(start=200.0),
    "immigration": b.immigration_death(inflow=300.0),
    "dosing": b.dosing(b.doses([0.0, 0.51, 1.0]), start=1e5),
    "three fates": three_fates(1e4),
    "bateman": replace(b.bateman()),
}


def program_and_lanes(name: str) -> tuple[Program, Float]:
    if name in NETWORKS:
        program = b.program_of(NETWORKS[name])
        lanes = np.repeat(b.lanes_of(program), WIDTH, axis=1)
        return program, lanes * np.linspace(0.9, 1.1, WIDTH)
    return bundled(*name.split(":"))


def run(
    patch: pytest.MonkeyPatch, program: Program, lanes: Float, fewest: int, engine: Leap, end: float
) -> State:
    """The last state of a run whose blocks begin at ``fewest`` lanes."""
    patch.setattr(leap_engine, "FEWEST", fewest)
    times = program.forcing.start + np.array([0.0, 0.4 * end, end])
    number = lanes.shape[1]
    *_, last = run_engine(engine, program, lanes, Streams.hosts(7, number), times)
    return last


@pytest.mark.parametrize("name", [*NETWORKS, "figure-1:chemo", "mcf7-doxorubicin:100nM"])
def test_a_block_runs_as_each_lane_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    program, lanes = program_and_lanes(name)
    lanes = lanes[:, :3] if PLAIN else np.concatenate([lanes, lanes[:, :9]], axis=1)
    engine, end = Leap(step=0.25), 0.5 if PLAIN else 3.0
    alone = run(monkeypatch, program, lanes, 10**9, engine, end)
    block = run(monkeypatch, program, lanes, 1, engine, end)
    for field in ("counts", "signal", "tally"):
        np.testing.assert_array_equal(getattr(block, field), getattr(alone, field))


@pytest.mark.parametrize("fewest", [1, 10**9], ids=["block", "alone"])
def test_a_refusal_names_the_first_lane_and_its_time(
    monkeypatch: pytest.MonkeyPatch, fewest: int
) -> None:
    """A rate that turns negative at its own time in each lane; growth beyond 1e15 cells."""
    program = b.program_of(b.logistic(capacity=100.0, start=10.0))
    lanes = np.repeat(b.lanes_of(program), 9, axis=1)
    lanes[program.parameter("growth"), 2:] = -1.0
    with pytest.raises(RunError, match=r"negative or not finite at t = 0 day \(lane 2\)"):
        run(monkeypatch, program, lanes, fewest, Leap(), 1.0)
    many = b.program_of(b.birth_death(birth=9.0, start=1e13))
    lanes = np.repeat(b.lanes_of(many), 9, axis=1)
    lanes[many.parameter("birth"), :4] = 0.1
    with pytest.raises(RunError, match=r"more than 1e15 cells at t = 0.\d+ day \(lane 4\)"):
        run(monkeypatch, many, lanes, fewest, Leap(), 1.0)
