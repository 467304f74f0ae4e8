"""Many lanes: the same bytes for any number of threads; refusals; progress."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines import builders as b

from senescape.engines.exact import Coupling, Exact
from senescape.engines.leap import Leap
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.run import engine_named, run_lanes, workers

TIMES = np.array([0.0, 1.0, 2.0])


class Counting:
    """A monitor that keeps what it is told."""

    def __init__(self) -> None:
        self.total, self.done, self.ended = 0, 0, False

    def start(self, what: str, total: int) -> None:
        self.total = total

    def advance(self, units: int) -> None:
        self.done += units

    def estimate(self, text: str) -> None:
        raise AssertionError("lanes know no answer")

    def stop(self) -> None:
        self.ended = True


def test_threads_and_chunks_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    program = b.program_of(b.birth_death(start=30.0))
    table, streams = b.lanes_of(program, 150), Streams.hosts(1, 150)
    results = []
    for threads in ("1", "4"):
        monkeypatch.setenv("SENESCAPE_THREADS", threads)
        assert workers() == int(threads)
        results.append(run_lanes(Leap(), program, table, streams, TIMES))
    np.testing.assert_array_equal(*results)
    part = run_lanes(Leap(), program, table[:, 70:90], Streams.hosts(1, 20, first=70), TIMES)
    np.testing.assert_array_equal(results[0][:, :, 70:90], part)


def test_progress_and_firings_are_told() -> None:
    program = b.program_of(b.birth_death(birth=0.0, death=1.0, start=40.0))
    monitor = Counting()
    values = run_lanes(
        Leap(),
        program,
        b.lanes_of(program, 70),
        Streams.hosts(1, 70),
        TIMES,
        tallies=((1,),),
        monitor=monitor,
    )
    assert (monitor.total, monitor.done, monitor.ended) == (70, 70, True)
    np.testing.assert_array_equal(values[0] + values[1], np.full((3, 70), 40.0))


def test_a_lane_that_fails_stops_the_run() -> None:
    program = b.program_of(b.birth_death(birth=60.0, death=0.0, start=1e9))
    with pytest.raises(SenescapeError) as caught:
        run_lanes(Leap(), program, b.lanes_of(program, 3), Streams.hosts(1, 3), TIMES)
    assert caught.value.check == "run.too-many-cells"


def test_a_result_that_does_not_fit_is_refused_before_it_is_run() -> None:
    program = b.program_of(b.birth_death())
    lanes = 10
    with pytest.raises(SenescapeError) as caught:
        run_lanes(
            Leap(), program, b.lanes_of(program, lanes), Streams.hosts(1, lanes), np.zeros(10**8)
        )
    assert caught.value.check == "run.result-size"


def test_engines_are_known_by_name() -> None:
    for name in ("mean-field", "exact", "leap"):
        assert engine_named(name).name == name
    assert engine_named("leap", step=0.5) == Leap(step=0.5)
    assert engine_named("exact") == Exact()
    assert engine_named("exact", twins=True) == Exact(coupling=Coupling.DAYS)
    with pytest.raises(SenescapeError, match="did you mean leap"):
        engine_named("leep")
