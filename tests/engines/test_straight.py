"""Generated steps: the bytes of the reading ones, bugs planted in them, and when they are made."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray
from tests import sbml_texts as x
from tests.engines import builders as b
from tests.engines.test_general_blocks import program, reversible

from senescape.compile import Program
from senescape.engines import generated
from senescape.engines.mean_field import MeanField, general, steppers, straight
from senescape.engines.mean_field.compact import layout_of
from senescape.engines.mean_field.explicit import Problem, attempt, work_of
from senescape.engines.mean_field.pointers import general as slope_pointer
from senescape.engines.mean_field.track import track_of
from senescape.engines.mean_field.wide import block_of
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is generated for plain Python")
TIMES = np.array([0.0, 0.3, 1.0, 1.1, 4.0])


def functions() -> Program:
    """Every kind of operation, a number that nothing changes, a law that is a constant."""
    return program(
        species=(x.species("A", 10), x.species("B", 4), x.species("C", 3)),
        parameters=(
            *(x.parameter("k", 0.3), x.parameter("n", 2.0)),
            *(x.parameter("p", 1, "false"), x.parameter("q", 0.5, "false")),
        ),
        rules=(x.rate("p", "<apply><sin/><ci> q </ci></apply>"), x.rate("q", "0.25")),
        reactions=(
            x.reaction("Out", "k * A^n / (1 + A^n)", {"A": 1}),
            x.reaction("In", "if(p > q, p, q) + k * abs(p)", {}, {"A": 2}),
            x.reaction("Both", "if(B > 1, k * B, 0.1 * B)", {"B": 1}, {"A": 1}),
            x.reaction("Root", "A^0.5 * exp(-k * time) / log(3 + B)", {"A": 1}, modifiers=("B",)),
        ),
    )


def long() -> Program:
    """A chain of thirty species: more lines than one loop takes."""
    names = [f"S{i}" for i in range(30)]
    crowd = " + ".join(names)
    reactions = [
        x.reaction(
            f"R{i}", f"k * {a} / (1 + ({crowd}) / 100)", {a: 1}, {c: 1}, modifiers=tuple(names)
        )
        for i, (a, c) in enumerate(zip(names, names[1:], strict=False))
    ]
    return program(
        species=(x.species("S0", 50), *(x.species(n) for n in names[1:])),
        parameters=(x.parameter("k", 2.0),),
        reactions=tuple(reactions),
    )


NETWORKS = {"reversible": reversible, "functions": functions, "long": long}


def step_of(source: str, plain: bool) -> Any:
    """Return a generated step, compiled or (what is quicker for one step) as plain Python."""
    if plain:
        space: dict[str, Any] = {}
        exec(re.sub(r"@njit\(.*\)", "", source), space)
        return space["attempt"]
    made = steppers.step_of(source)
    return getattr(made, "kernel", made)


def one_step(source: str | None, made: Program, *, plain: bool = False) -> Float:
    """Return slopes, end and error of one step of a block, read from the tape or generated."""
    table = b.lanes_of(made, WIDTH) * np.linspace(0.5, 1.5, WIDTH)
    state = MeanField().start(made, table, Streams.hosts(1, WIDTH))
    layout = layout_of(made)
    _, lent = straight.source_of(layout)
    registers = layout.registers_of(state.registers, lent)
    signals = len(state.signal)
    block = block_of(layout.packed, registers, np.zeros((signals, WIDTH)), np.zeros((WIDTH, 4)))
    y = np.concatenate([state.counts, state.signal])
    work = work_of(y, np.full(y.shape, 1e-6), len(y), registers[:lent])
    work.x[:], work.h[:] = np.linspace(0.0, 1.0, WIDTH), np.linspace(0.001, 0.03, WIDTH)
    problem = Problem(slope_pointer(), block, track_of(0, 0), lent)
    slope = getattr(slope_pointer(), "kernel", slope_pointer())
    slope(work.y, work.x, block, track_of(0, 0), work.error, work.k[0])
    step = attempt if source is None else step_of(source, plain)
    step(problem, len(y), 1e-6, work)
    return np.concatenate([work.trial, work.k.reshape(-1, WIDTH), work.error[None]])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_generated_step_has_the_bytes_of_the_one_that_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made = NETWORKS[name]()
    source, _ = straight.source_of(layout_of(made))
    read, written = one_step(None, made), one_step(source, made)
    assert np.isfinite(read).all() and read[-1].min() > 0.0
    np.testing.assert_array_equal(written, read)


def assert_caught(
    step: Callable[..., Float], made: Program, source: str, plant: tuple[str, str]
) -> None:
    """Assert that a generated step equals the one that is read, and that planting a bug ends that."""
    right, wrong = plant
    assert right in source
    honest = step(None, made)
    np.testing.assert_array_equal(step(source, made, plain=True), honest)
    assert (step(source.replace(right, wrong, 1), made, plain=True) != honest).any()


PLANTS = {
    "a_weight_of_the_third_stage": ("0.335480655492357", "0.335480655492358"),
    "a_node": ("0.327)", "0.328)"),
    "the_error_ignores_a_slope": ("0.015151515151515152", "0.0"),
    "the_step_is_not_scaled": (f"w[{WIDTH} + j] * total\n", "total\n"),
    "the_smaller_end_is_allowed_for": ("before if before > after", "before if before < after"),
    "lanes_of_the_second_group_are_the_first": (f"range(0, {WIDTH}, 8)", "(0, 0, 16, 24)"),
    "a_logarithm_for_an_exponential": ("= lane_exp(", "= lane_log("),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_bug_planted_in_a_generated_step_is_caught(
    plant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison with the twin, which is an ordinary test above."""
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made = functions()
    source, _ = straight.source_of(layout_of(made))
    assert_caught(one_step, made, source, PLANTS[plant])


def path(made: Program, lanes: int) -> Float:
    table = b.lanes_of(made, lanes) * np.linspace(0.5, 1.5, lanes)
    states = run_engine(MeanField(explicit=True), made, table, Streams.hosts(1, lanes), TIMES)
    return np.array([np.concatenate([s.counts, s.signal]) for s in states])


@compiled
def test_a_run_changes_to_the_generated_step_where_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no byte changes with it, in one go or in many."""
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made = functions()
    read = path(made, 2 * WIDTH + 3)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(steppers, "PAYS", 0.0)
    monkeypatch.setattr(general, "AT_ONCE", WIDTH + 1)
    np.testing.assert_array_equal(path(made, 2 * WIDTH + 3), read)
    assert len(list(tmp_path.glob("step_*.py"))) == 1
