"""A run in pieces is the same run; what happens at a breakpoint happens once and to all."""

from __future__ import annotations

import numpy as np
import pytest

from senescape.engines.exact import Exact
from senescape.engines.leap import Leap
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine, advance_to, observe, refresh, run_engine
from senescape.engines.state import Streams

from . import builders as b

ENGINES = [MeanField(), Exact(), Leap(step=0.25)]
DAYS = np.array([0.0, 0.5, 1.0, 1.5, 3.0])


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_a_run_in_pieces_is_the_run_in_one_go(engine: Engine) -> None:
    """The same outputs, with and without stops between them that nobody asked for.

    The exact engine draws by event and the leap by step: stops lie on its steps. The mean field
    restarts its solver at each stop: equal to its tolerance.
    """
    program = b.program_of(b.dosing(b.doses([0.25, 1.0])))
    lanes = b.lanes_of(program, 3)
    whole = [
        observe(program, s) for s in run_engine(engine, program, lanes, Streams.hosts(4, 3), DAYS)
    ]
    state = engine.start(program, lanes, Streams.hosts(4, 3))
    for time, expected in zip(DAYS, whole, strict=True):
        advance_to(engine, program, state, float(time))
        refresh(program, state)
        rtol = 1e-4 if not engine.stochastic else 1e-12
        np.testing.assert_allclose(observe(program, state), expected, rtol=rtol)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: e.name)
def test_a_stop_at_a_dose_gives_it_once(engine: Engine) -> None:
    program = b.program_of(b.dosing(b.doses([1.0])))
    lanes = b.lanes_of(program, 2)
    state = engine.start(program, lanes, Streams.hosts(4, 2))
    before = state.signal.copy()
    for _ in range(3):
        advance_to(engine, program, state, 1.0)
    once = state.signal.copy()
    assert not before.any() and once.any()
    fresh = engine.start(program, lanes, Streams.hosts(4, 2))
    advance_to(engine, program, fresh, 1.0)
    np.testing.assert_allclose(once, fresh.signal, rtol=1e-9)
