"""The explicit method: its coefficients, its order, LSODA as its twin, and when it gives up."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.bundled import read_scenario
from tests.engines import builders as b

from senescape.compile import Program, compile_scenario
from senescape.engines.branching import branching_law
from senescape.engines.mean_field import MeanField
from senescape.engines.mean_field import explicit as ex
from senescape.engines.mean_field.blocks import no_outputs
from senescape.engines.mean_field.flows import pack
from senescape.engines.mean_field.pointers import forward, trial
from senescape.engines.mean_field.track import track_of
from senescape.engines.mean_field.wide import block_of
from senescape.engines.protocol import apply_breakpoint, run_engine
from senescape.engines.state import Streams
from senescape.lane_math import WIDTH
from senescape.network import Network

Float = NDArray[np.float64]
compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)

A = np.array(ex.WEIGHTS).reshape(ex.STAGES, ex.STAGES)
C, B = np.array(ex.NODES), np.array(ex.LAST)
E = np.array(ex.ERROR)


def test_the_coefficients_fulfil_the_seventeen_conditions_of_order_five() -> None:
    """Butcher's conditions, one a rooted tree; the last row of weights is the method itself."""
    np.testing.assert_allclose(A.sum(axis=1), C, atol=1e-14)
    ac, ac2, ac3, aac = A @ C, A @ C**2, A @ C**3, A @ (A @ C)
    trees = {
        "1": (B.sum(), 1),
        "c": (B @ C, 1 / 2),
        "c2": (B @ C**2, 1 / 3),
        "Ac": (B @ ac, 1 / 6),
        "c3": (B @ C**3, 1 / 4),
        "cAc": (B @ (C * ac), 1 / 8),
        "Ac2": (B @ ac2, 1 / 12),
        "AAc": (B @ aac, 1 / 24),
        "c4": (B @ C**4, 1 / 5),
        "c2Ac": (B @ (C**2 * ac), 1 / 10),
        "(Ac)2": (B @ ac**2, 1 / 20),
        "cAc2": (B @ (C * ac2), 1 / 15),
        "Ac3": (B @ ac3, 1 / 20),
        "cAAc": (B @ (C * aac), 1 / 30),
        "AcAc": (B @ (A @ (C * ac)), 1 / 40),
        "AAc2": (B @ (A @ ac2), 1 / 60),
        "AAAc": (B @ (A @ aac), 1 / 120),
    }
    for name, (found, expected) in trees.items():
        assert found == pytest.approx(expected, abs=1e-13), name


def test_the_error_estimate_is_blind_below_order_five_only() -> None:
    """Its weights vanish on every tree to order four, and not on that of c^4."""
    full = np.append(C, 1.0)
    for power in range(4):
        assert E @ full**power == pytest.approx(0.0, abs=1e-12)
    assert abs(E @ full**4) > 1e-5


def within(part: float) -> Float:
    """The weights of the seven slopes at a part of the step."""
    powers = part ** np.arange(1, 5)
    weights: Float = np.array(ex.WITHIN).reshape(ex.STAGES + 1, 4) @ powers
    return weights


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 1.0])
def test_outputs_fulfil_the_eight_conditions_of_order_four(part: float) -> None:
    """At every part of the step; at its end they are the method itself."""
    full = np.zeros((ex.STAGES + 1, ex.STAGES + 1))
    full[: ex.STAGES, : ex.STAGES], full[ex.STAGES, : ex.STAGES] = A, B
    c, w = np.append(C, 1.0), within(part)
    trees = {
        "1": (w.sum(), part),
        "c": (w @ c, part**2 / 2),
        "c2": (w @ c**2, part**3 / 3),
        "Ac": (w @ (full @ c), part**3 / 6),
        "c3": (w @ c**3, part**4 / 4),
        "cAc": (w @ (c * (full @ c)), part**4 / 8),
        "Ac2": (w @ (full @ c**2), part**4 / 12),
        "AAc": (w @ (full @ (full @ c)), part**4 / 24),
    }
    for name, (found, expected) in trees.items():
        assert found == pytest.approx(expected, abs=1e-12), name
    if part == 1.0:
        np.testing.assert_allclose(w, np.append(B, 0.0), atol=1e-12)


def test_outputs_are_no_stops_and_right() -> None:
    """Logistic growth: at each of many outputs and of few; a doubled output is given twice."""
    program, engine = b.program_of(b.logistic()), MeanField(explicit=True)

    def path(times: Float) -> Float:
        states = run_engine(engine, program, b.lanes_of(program), Streams.hosts(1, 1), times)
        return np.array([s.counts[0, 0] for s in states])

    many = path(np.linspace(0.0, 8.0, 41))
    exact = 1000.0 / (1.0 + 99.0 * np.exp(-0.9 * np.linspace(0.0, 8.0, 41)))
    np.testing.assert_allclose(many, exact, rtol=1e-7)
    few = path(np.array([0.0, 2.0, 2.0, 8.0]))
    assert few[1] == few[2]
    np.testing.assert_allclose(few, many[[0, 10, 10, 40]], rtol=1e-7)


def fixed_steps(network: Network, step: float, until: float) -> float:
    """The first slot after steps of one length (every error is allowed)."""
    program = b.program_of(network)
    state = MeanField().start(program, b.lanes_of(program), Streams.hosts(1, 1))
    column = np.concatenate([state.counts[:, 0], state.signal[:, 0], state.tally[:, 0]])
    y = np.repeat(column[:, None], WIDTH, axis=1)
    block = block_of(
        pack(program),
        np.repeat(state.registers, WIDTH, axis=1),
        np.repeat(state.input, WIDTH, axis=1),
        np.zeros((WIDTH, 4)),
    )
    control = ex.Control(1e9, np.full(y.shape, 1e9), 10_000, step, ex.explicit())
    outcome = np.full(WIDTH, ex.RUNNING)
    none = track_of(0, 0)
    problem = ex.Problem(forward(), block, none, 0)
    ex.integrate(
        y,
        (0.0, until),
        trial(),
        problem,
        control,
        none,
        no_outputs(),
        np.full(WIDTH, step),
        outcome,
    )
    assert (outcome == ex.REACHED).all()
    return float(y[0, 0])


def test_convergence_is_of_order_five() -> None:
    """Logistic growth, largest error at three times: the slope of ln error in ln step is 5 +- 0.3."""
    steps = np.array([0.125, 0.1, 0.08, 0.0625, 0.05])  # above, the next order hides it
    errors = [
        max(
            abs(fixed_steps(b.logistic(), h, t) - 1000.0 / (1.0 + 99.0 * np.exp(-0.9 * t)))
            for t in (2.0, 4.0, 6.0)
        )
        for h in steps
    ]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(5.0, abs=0.3)


def counts(program: Program, engine: MeanField) -> Float:
    times = np.unique([program.forcing.start, 0.0, 0.5, 3.0, 10.0, 30.0])
    parameters = program.parameter_defaults[:, None].copy()
    states = run_engine(engine, program, parameters, Streams.hosts(1, 1), times)
    return np.array([s.counts[:, 0].copy() for s in states])


@compiled
@pytest.mark.parametrize(
    ("name", "regimen"),
    [("figure-1", "chemo"), ("mcf7-doxorubicin", "100nM"), ("emu-myc-cyclophosphamide", "chemo")],
)
def test_both_methods_give_the_same_cells(name: str, regimen: str) -> None:
    """LSODA at 1e-10 is the twin; a drug that leaves the blood in half an hour is the stiff one."""
    program = compile_scenario(read_scenario(name), regimen).program
    twin = counts(program, MeanField(relative_tolerance=1e-10, explicit=False))
    np.testing.assert_allclose(counts(program, MeanField()), twin, rtol=1e-6, atol=1e-6)


def test_a_stiff_interval_is_handed_over() -> None:
    """A rate of 1e6 a day: three hundred explicit steps do not carry a day; LSODA does."""
    network = b.birth_death(birth=0.0, death=1e6, start=1e9)
    program = b.program_of(network)
    engine = MeanField()
    state = engine.start(program, b.lanes_of(program), Streams.hosts(1, 1))
    left = engine._advance_explicitly(pack(program), state, 1.0, np.empty(0), np.empty((0, 2, 1)))
    assert left.tolist() == [0]
    assert state.counts[0, 0] == 1e9
    engine.advance(program, state, 1.0)
    assert state.counts[0, 0] == pytest.approx(0.0, abs=1e-3)


@compiled
def test_a_bad_hazard_on_the_way_to_a_refused_step_is_none() -> None:
    """The bold first step of this scenario ends where a hazard is negative; LSODA need not help."""
    program = compile_scenario(read_scenario("emu-myc-cyclophosphamide"), "chemo").program
    engine = MeanField()
    state = engine.start(program, b.lanes_of(program), Streams.hosts(1, 1))
    apply_breakpoint(program, state, 0, whole=False)
    path = np.empty((0, program.slots + len(program.signal_names) + len(program.transition), 1))
    assert not len(engine._advance_explicitly(pack(program), state, 2.0, np.empty(0), path))


def test_a_lane_does_not_depend_on_its_neighbours() -> None:
    """Byte for byte the same alone and in company."""
    program = b.program_of(b.logistic())
    many = np.repeat(b.lanes_of(program), 3, axis=1)
    many[:, 1] *= 1.1
    together, alone = (
        [
            s.counts.copy()
            for s in run_engine(MeanField(), program, p, Streams.hosts(1, n), np.array([0.0, 4.0]))
        ]
        for p, n in ((many, 3), (many[:, 1:2].copy(), 1))
    )
    np.testing.assert_array_equal(together[-1][:, 1], alone[-1][:, 0])


@compiled
@pytest.mark.parametrize(
    ("name", "regimen"), [("figure-1", "chemo"), ("mcf7-doxorubicin", "150nM")]
)
def test_both_methods_give_the_same_chance_of_no_cycling_cell(name: str, regimen: str) -> None:
    scenario = read_scenario(name).with_parameters({"founders": "300 cells"})
    program = compile_scenario(scenario, regimen).program
    cycling = [i for i, n in enumerate(program.compartment_ids) if n.split("[")[0][-1] in "PD"]
    laws = [
        branching_law(
            program, program.parameter_defaults, until=30.0, compartments=cycling, explicit=e
        )
        for e in (True, False)
    ]
    chances = [float(law.none_probability[0]) for law in laws]
    assert 0.0 < chances[0] < 1.0
    assert chances[0] == pytest.approx(chances[1], rel=1e-4)
    np.testing.assert_allclose(laws[0].some_per_cell, laws[1].some_per_cell, rtol=1e-4, atol=1e-12)
