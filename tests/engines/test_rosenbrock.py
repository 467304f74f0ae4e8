"""Implicit steps: derivatives, elimination, one step, its order, stiff problems, generated code."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import sbml_texts as x
from tests.engines import builders as b
from tests.engines.test_general_blocks import program, reversible
from tests.engines.test_straight import assert_caught, functions, step_of

from senescape.compile import Program
from senescape.engines import generated
from senescape.engines.interpreter import read_tape
from senescape.engines.mean_field import MeanField, general, rosenbrock, steppers
from senescape.engines.mean_field import explicit as ex
from senescape.engines.mean_field.blocks import no_outputs
from senescape.engines.mean_field.compact import Layout, layout_of
from senescape.engines.mean_field.derivatives import CONSTANT, NoDerivative, derivatives
from senescape.engines.mean_field.elimination import factors, solution
from senescape.engines.mean_field.pointers import general as slope_pointer
from senescape.engines.mean_field.pointers import implicit_trial
from senescape.engines.mean_field.rosenbrock import Stiff, implicit, stiff_of
from senescape.engines.mean_field.rows import Rows, constants_of, numbered
from senescape.engines.mean_field.straight_implicit import implicit_source_of
from senescape.engines.mean_field.track import track_of
from senescape.engines.mean_field.wide import Block, block_of
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.expressions import Op
from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)


def of_one_row(op: Op) -> Layout:
    """Three numbers; the rate of change of the first is one operation on all of them, and time."""
    nothing = np.zeros(0, np.int32)
    tape = np.array([[op, 4, 0, 1, 2], [Op.MUL, 5, 4, 3, 3]], np.int32)
    law = np.array([5, 1, 3], np.int32)
    return Layout(nothing, tape, law, np.arange(4, dtype=np.int32), np.zeros(0), 6)


def evaluated(layout: Layout, at: Float) -> tuple[Float, Float]:
    """Return rates and derivatives (numbers, numbers and time) by their rows."""
    numbers, rows = len(layout.law), Rows()
    own = derivatives(layout, rows)
    for i, slopes in enumerate(own.slope):
        rows.write(("rate", i), own.rate[i])
        for j, slope in slopes.items():
            rows.write(("slope", 10 * i + j), slope)
    place: dict[Any, int] = {("in", float(r)): r for r in range(len(layout.kept))}
    count = len(place)
    for value in constants_of(rows.rows):
        place["k", value], count = count, count + 1
    tape, count, _ = numbered(rows.rows, place, count)
    registers = np.zeros((count, 1))
    registers[: len(at), 0] = at
    for (kind, value), register in place.items():
        if kind == "k":
            registers[register] = value
    # results may share registers once nothing reads them: each is looked at when it is made
    found = np.zeros((numbers, numbers + 2))
    for row, (_, (kind, where), _) in enumerate(rows.rows):
        read_tape(tape, row, row + 1, registers)
        if kind in ("rate", "slope"):
            i, j = (int(where), numbers + 1) if kind == "rate" else divmod(int(where), 10)
            found[i, j] = registers[tape[row, 1], 0]
    return found[:, -1], found[:, :-1]


def differences(layout: Layout, at: Float) -> Float:
    """The same derivatives by central differences of the tape."""
    found = np.zeros((len(layout.law), len(layout.law) + 1))
    for j in range(len(layout.law) + 1):
        ends = []
        for sign in (1.0, -1.0):
            registers = np.zeros((layout.registers, 1))
            registers[: len(at), 0] = at
            registers[j] += sign * 1e-6
            read_tape(layout.tape, 0, len(layout.tape), registers)
            ends.append(registers[layout.law, 0])
        found[:, j] = (ends[0] - ends[1]) / 2e-6
    return found


@pytest.mark.parametrize("op", [op for op in Op if op is not Op.FACTORIAL])
@pytest.mark.parametrize("at", [(0.7, 0.4, 1.6), (0.3, 0.8, 2.5)])
def test_derivatives_of_every_operation(op: Op, at: tuple[float, ...]) -> None:
    """Against central differences; those of a comparison and of whole numbers are 0."""
    layout, point = of_one_row(op), np.array([*at, 1.3])
    _, found = evaluated(layout, point)
    np.testing.assert_allclose(found, differences(layout, point), rtol=1e-7, atol=1e-8)
    if op in CONSTANT:
        assert found[0, :3].tolist() == [0.0, 0.0, 0.0]


def test_what_has_no_derivative_here_says_so() -> None:
    with pytest.raises(NoDerivative, match="FACTORIAL"):
        derivatives(of_one_row(Op.FACTORIAL), Rows())


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_derivatives_at_the_end_of_their_range(power: float) -> None:
    """x^n and Hill functions where x is 0: never NaN where the function is smooth from the right."""
    layout = of_one_row(Op.HILL)
    with np.errstate(all="ignore"):  # what is not selected may be anything
        _, found = evaluated(layout, np.array([0.0, 0.4, power, 1.0]))
    assert found[0, :3].tolist() == [0.0, 0.0, 0.0]


OPERATIONS: dict[Op, Any] = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.DIV: operator.truediv,
    Op.NEG: operator.neg,
}


@pytest.mark.parametrize("seed", range(6))
def test_elimination_solves_what_lapack_solves(seed: int) -> None:
    """Sparse matrices of 9 numbers with a heavy diagonal, three right-hand sides."""
    rng = np.random.default_rng(seed)
    size = 9
    matrix = np.where(rng.random((size, size)) < 0.25, rng.standard_normal((size, size)), 0.0)
    matrix += np.diag(4.0 + rng.random(size))
    rows, after = Rows(), Rows(letter="s")
    entries = {(i, j): ("m", 10.0 * i + j) for i, j in zip(*np.nonzero(matrix), strict=True)}
    parts = factors({(int(i), int(j)): n for (i, j), n in entries.items()}, size, rows)
    found = solution(parts, [("b", i) for i in range(size)], after)
    for _ in range(3):
        right = rng.standard_normal(size)
        values = {("m", 10.0 * i + j): matrix[i, j] for i, j in entries}
        values |= {("b", i): right[i] for i in range(size)}
        for op, name, sources in [*rows.rows, *after.rows]:
            own = [s[1] if s[0] == "k" else values[s] for s in sources]
            values[name] = OPERATIONS[Op(op)](*own)
        ours = [n[1] if n[0] == "k" else values[n] for n in found]
        np.testing.assert_allclose(ours, np.linalg.solve(matrix, right), rtol=1e-12, atol=1e-13)


def test_the_pivot_that_fills_least_comes_first() -> None:
    """An arrow: eliminating its tip first would fill the matrix, last it fills nothing."""
    entries = {(i, i): ("m", float(i)) for i in range(6)}
    entries |= {(0, i): ("r", float(i)) for i in range(1, 6)}
    entries |= {(i, 0): ("c", float(i)) for i in range(1, 6)}
    parts = factors(entries, 6, Rows())
    assert parts.order == [1, 2, 3, 4, 0, 5]  # of the last two either fills nothing
    assert len(parts.lower) == len(parts.upper) == 5


def block_for(made: Program, stiff: Stiff, lent: int, lanes: int = WIDTH) -> tuple[Float, Block]:
    table = b.lanes_of(made, lanes) * np.linspace(0.5, 1.5, lanes)
    state = MeanField().start(made, table, Streams.hosts(1, lanes))
    signals = len(state.signal)
    registers = stiff.registers_of(state.registers, lent)
    block = block_of(stiff.packed, registers, np.zeros((signals, WIDTH)), np.zeros((WIDTH, 4)))
    return np.concatenate([state.counts, state.signal]), block


def one_step(source: str | None, made: Program, *, plain: bool = False) -> Float:
    """Return end, increments and error of one step, read from tapes or generated."""
    stiff = stiff_of(made, layout_of(made))
    assert stiff is not None
    _, lent = implicit_source_of(stiff)
    y, block = block_for(made, stiff, lent)
    work = ex.work_of(y, np.full(y.shape, 1e-6), len(y), block.registers[:lent])
    work.x[:], work.h[:] = np.linspace(0.0, 1.0, WIDTH), np.linspace(0.001, 0.5, WIDTH)
    problem = ex.Problem(slope_pointer(), block, track_of(0, 0), lent)
    step = rosenbrock.attempt if source is None else step_of(source, plain)
    step(problem, len(y), 1e-6, work)
    slopes = work.k[: rosenbrock.STAGES].reshape(-1, WIDTH)
    return np.concatenate([work.trial, slopes, work.error[None]])


def plain_step(made: Program) -> Float:
    """The same in NumPy, lane by lane, from the formulas of the book and central differences."""
    layout = layout_of(made)
    stiff = stiff_of(made, layout)
    assert stiff is not None
    y0, block = block_for(made, stiff, 0)
    numbers, found = len(y0), []
    weights = np.array(rosenbrock.WEIGHTS).reshape(6, 6)
    coupling = np.array(rosenbrock.COUPLING).reshape(6, 6)
    for lane in range(WIDTH):
        h, time = np.linspace(0.001, 0.5, WIDTH)[lane], np.linspace(0.0, 1.0, WIDTH)[lane]
        registers = block.registers[:, lane : lane + 1].copy()

        def rate(y: Float, t: float, registers: Float = registers) -> Float:
            registers[:numbers, 0], registers[numbers] = y, t
            read_tape(layout.tape, 0, len(layout.tape), registers)
            found: Float = registers[layout.law, 0].copy()
            return found

        y, eps = y0[:, lane], 1e-5
        jacobian = np.array(
            [
                (rate(y + eps * e, time) - rate(y - eps * e, time)) / (2 * eps)
                for e in np.eye(numbers)
            ]
        ).T
        moving = (rate(y, time + eps) - rate(y, time - eps)) / (2 * eps)
        matrix = np.eye(numbers) / rosenbrock.GAMMA - h * jacobian
        k = np.zeros((6, numbers))
        for s in range(6):
            f = rate(y + h * weights[s] @ k, time + rosenbrock.NODES[s] * h)
            k[s] = np.linalg.solve(matrix, f + rosenbrock.TIMES[s] * h * moving + coupling[s] @ k)
        found.append(np.concatenate([y + h * np.array(rosenbrock.LAST) @ k, k.ravel()]))
    return np.array(found).T


NETWORKS = {"reversible": reversible, "functions": functions}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_is_that_of_the_book(name: str) -> None:
    made = NETWORKS[name]()
    ours, plain = one_step(None, made)[:-1], plain_step(made)
    size = np.abs(plain).max(axis=1, keepdims=True)
    np.testing.assert_allclose(ours / size, plain / size, atol=3e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_generated_step_has_the_bytes_of_the_one_that_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made = NETWORKS[name]()
    stiff = stiff_of(made, layout_of(made))
    assert stiff is not None
    read = one_step(None, made)
    assert np.isfinite(read).all() and read[-1].min() > 0.0
    np.testing.assert_array_equal(one_step(implicit_source_of(stiff)[0], made), read)


PLANTS = {
    "a_weight": ("2.896124015972201", "2.896124015972202"),
    "a_coupling": ("-9.594562251023355", "-9.594562251023"),
    "time_is_forgotten": ("-0.1043 *", "0.0 *"),
    "a_node": ("0.386)", "0.387)"),
    "gamma": ("(4.0)", "(4.1)"),
    "the_error_is_another_increment": (
        " + i]\n            before",
        " + i] * 1.0000001\n            before",
    ),
    "a_slope_is_not_solved_for": (
        "    for first in range(0, 32, 8):\n        solve(w[first:])\n",
        "",
    ),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_bug_planted_in_a_generated_step_is_caught(
    plant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison with the twin, which is an ordinary test above."""
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made = functions()
    stiff = stiff_of(made, layout_of(made))
    assert stiff is not None
    source, _ = implicit_source_of(stiff)
    assert_caught(one_step, made, source, PLANTS[plant])


def moving() -> Program:
    """dy/dt = 2 t y - y^2 / 50 + ...: not linear, and time stands in it."""
    return program(
        species=(x.species("A", 5), x.species("B", 1)),
        parameters=(x.parameter("k", 0.5),),
        reactions=(
            x.reaction("In", "k * time * A", {}, {"A": 1}, modifiers=("A",)),
            x.reaction("Out", "k * A^2 / 10", {"A": 1}, {"B": 1}),
            x.reaction("Decay", "k * B * A / (1 + B)", {"B": 1}, modifiers=("A",)),
        ),
    )


def fixed_steps(step: float, until: float, outputs: Float) -> tuple[Float, Float]:
    """Numbers at the end, and in between, after steps of one length (every error is allowed)."""
    made = moving()
    stiff = stiff_of(made, layout_of(made))
    assert stiff is not None
    y, block = block_for(made, stiff, 0)
    control = ex.Control(1e9, np.full(y.shape, 1e9), 100_000, step, implicit())
    outcome, none = np.full(WIDTH, ex.RUNNING), track_of(0, 0)
    seen = ex.outputs_of(outputs, len(y)) if len(outputs) else no_outputs()
    problem = ex.Problem(slope_pointer(), block, none, 0)
    size = np.full(WIDTH, step)
    ex.integrate(y, (0.0, until), implicit_trial(), problem, control, none, seen, size, outcome)
    assert (outcome == ex.REACHED).all()
    return y, seen.path


def test_convergence_is_of_order_four_and_between_steps_three() -> None:
    """Largest error of all lanes: the slope of ln error in ln step is 4 +- 0.3, and 4 +- 0.5.

    What is read between steps is of order 3, its error over one step of order 4.
    """
    outputs = np.array([0.37, 0.81, 1.33])
    true, between = fixed_steps(1 / 512, 2.0, outputs)
    steps = np.array([1 / 8, 1 / 12, 1 / 16, 1 / 24, 1 / 32])
    ends, middles = [], []
    for step in steps:
        y, path = fixed_steps(step, 2.0, outputs)
        ends.append(np.abs(y - true).max())
        middles.append(np.abs(path - between).max())
    assert np.polyfit(np.log(steps), np.log(ends), 1)[0] == pytest.approx(4.0, abs=0.3)
    assert np.polyfit(np.log(steps), np.log(middles), 1)[0] == pytest.approx(4.0, abs=0.5)


def robertson() -> Program:
    """Robertson's reaction: three species, rates from 0.04 to 3e7."""
    return program(
        species=(x.species("A", 1), x.species("B"), x.species("C")),
        parameters=(x.parameter("one", 0.04), x.parameter("two", 1e4), x.parameter("three", 3e7)),
        reactions=(
            x.reaction("First", "one * A", {"A": 1}, {"B": 1}),
            x.reaction("Second", "two * B * C", {"B": 1}, {"A": 1}, modifiers=("C",)),
            x.reaction("Third", "three * B^2", {"B": 1}, {"C": 1}),
        ),
    )


def run(made: Program, times: Float, table: Float, tolerance: float = 1e-7) -> Float:
    engine = MeanField(relative_tolerance=tolerance, explicit=True)
    states = run_engine(engine, made, table, Streams.hosts(1, table.shape[1]), times)
    return np.array([np.concatenate([s.counts, s.signal]) for s in states])


def test_robertsons_reaction_at_40_and_40000(monkeypatch: pytest.MonkeyPatch) -> None:
    """Published values (Hairer & Wanner 1996; the example of CVODE); no lane is left to LSODA."""
    monkeypatch.setattr(general, "Walk", None)
    made = robertson()
    found = run(made, np.array([0.0, 40.0, 40_000.0]), b.lanes_of(made, 8))
    expected = [(0.7158270688, 9.185534765e-6, 0.2841637458), (3.898e-2, 1.622e-7, 0.9610)]
    np.testing.assert_allclose(found[1, :, 0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[2, :, 0], expected[1], rtol=1e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)  # nothing is lost
    assert (found == found[..., :1]).all()


def test_stiff_lanes_change_no_byte_of_their_neighbours() -> None:
    """A reaction that is 1e5 times as fast in two of twelve lanes."""
    made = program(
        species=(x.species("A", 100), x.species("B")),
        parameters=(x.parameter("k", 1.0), x.parameter("back", 0.5)),
        reactions=(
            x.reaction("Go", "k * A", {"A": 1}, {"B": 1}),
            x.reaction("Back", "k * back * B", {"B": 1}, {"A": 1}),
        ),
    )
    table = b.lanes_of(made, 12)
    table[made.parameter("k"), [3, 7]] = 1e5
    times = np.linspace(0.0, 20.0, 5)
    found = run(made, times, table)
    np.testing.assert_array_equal(found[..., :3], run(made, times, table)[..., :3])
    alone = run(made, times, np.delete(table, [3, 7], axis=1))
    np.testing.assert_array_equal(np.delete(found, [3, 7], axis=2), alone)
    both = run(made, times, table[:, [7] * 8])
    np.testing.assert_array_equal(found[..., 7], both[..., 0])
    k = table[made.parameter("k")]
    exact = 100.0 / 3.0 * (1.0 + 2.0 * np.exp(-1.5 * k * times[:, None]))
    np.testing.assert_allclose(found[:, 0], exact, rtol=1e-6, atol=1e-5)


@compiled
def test_a_stiff_run_changes_to_the_generated_step_where_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(generated.FOLDER, str(tmp_path))
    made, times = robertson(), np.array([0.0, 1.0, 40.0])
    table = b.lanes_of(made, WIDTH + 3) * np.linspace(0.5, 1.5, WIDTH + 3)
    read = run(made, times, table)
    monkeypatch.setattr(steppers, "PAYS", 0.0)
    np.testing.assert_array_equal(run(made, times, table), read)
    assert len(list(tmp_path.glob("step_*.py"))) == 2


def test_a_network_too_long_or_without_derivatives_is_left_to_lsoda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = robertson()
    monkeypatch.setattr(rosenbrock, "MOST_ROWS", 10)
    assert stiff_of(made, layout_of(made)) is None
    general._steppers_of.cache_clear()
    found = run(made, np.array([0.0, 40.0]), b.lanes_of(made, 8), 1e-9)
    np.testing.assert_allclose(found[1, 0], 0.7158270688, rtol=1e-6)
