"""Lanes that fail harm no other: the others have the bytes of a run in which none fails."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engines import builders as b

from senescape.compile import Program
from senescape.engines.state import Streams
from senescape.errors import RunError
from senescape.run import engine_named, run_lanes
from senescape.run.failures import Failure, run_forgiving
from senescape.run.lanes import Block, run_block

Float = NDArray[np.float64]
LANES = 70
TIMES = np.array([0.0, 2.0, 5.0])


def growing() -> Program:
    """Logistic growth; its rate is negative from the start on where ``growth`` is."""
    return b.program_of(b.logistic())


def table(program: Program, bad: tuple[int, ...]) -> Float:
    made = b.lanes_of(program, LANES)
    made[program.parameter("n0")] = np.linspace(5.0, 40.0, LANES)
    made[program.parameter("growth"), list(bad)] = -0.3
    return made


@pytest.mark.parametrize("engine", ["leap", "mean-field", "exact"])
def test_the_others_are_not_harmed(engine: str) -> None:
    """Three lanes of 70 have a negative rate; all others the bytes of a run of good lanes only."""
    program, bad = growing(), (0, 31, 66)
    runner = engine_named(engine)
    good = run_lanes(runner, program, table(program, ()), Streams.hosts(1, LANES), TIMES)
    failures: list[Failure] = []
    found = run_lanes(
        runner, program, table(program, bad), Streams.hosts(1, LANES), TIMES, failures=failures
    )
    assert [f.lane for f in failures] == list(bad)
    check = "run.hazard" if engine == "mean-field" else "run.rate"
    assert all(f.check == check and f"lane {f.lane})" in f.what for f in failures)
    assert all("division" in f.what and " day (" in f.what for f in failures)
    kept = np.setdiff1d(np.arange(LANES), bad)
    np.testing.assert_array_equal(found[:, :, kept], good[:, :, kept])
    assert np.isnan(found[:, :, list(bad)]).all()


def test_where_every_lane_fails_all_are_told() -> None:
    program = growing()
    failures: list[Failure] = []
    everyone = tuple(range(LANES))
    found = run_lanes(
        engine_named("mean-field"),
        program,
        table(program, everyone),
        Streams.hosts(1, LANES),
        TIMES,
        failures=failures,
    )
    assert np.isnan(found).all() and [f.lane for f in failures] == list(everyone)


def test_without_leave_the_first_failure_stops_the_run_and_names_its_lane() -> None:
    """Lane 66 is the third of the second piece: its number is that of the whole."""
    program = growing()
    with pytest.raises(RunError, match=r"lane 66\)"):
        run_lanes(
            engine_named("leap"), program, table(program, (66,)), Streams.hosts(1, LANES), TIMES
        )


def test_what_is_no_failure_of_a_lane_is_not_forgiven() -> None:
    """Planted: a bug in the engine is no outcome of a lane."""

    def bug(block: Block) -> Float:
        raise IndexError(len(block.lanes))

    block = Block(np.arange(2), np.zeros((1, 2)), Streams.hosts(1, 2))
    with pytest.raises(IndexError):
        run_forgiving(bug, block)


def test_few_tries_find_few_failures() -> None:
    """Halving: at most 2 log2(64) + 1 tries for one lane of 64."""
    program, tries = growing(), []
    rows = np.arange(len(program.assay_ids))
    run = partial(run_block, engine_named("leap"), program, TIMES, rows, ())

    def counting(block: Block) -> Float:
        tries.append(len(block.lanes))
        return run(block)

    many = table(program, (17,))[:, :64]
    done = run_forgiving(counting, Block(np.arange(64), many, Streams.hosts(1, 64)))
    assert [f.lane for f in done.failures] == [17]
    assert len(tries) <= 13 and set(tries) == {64}
