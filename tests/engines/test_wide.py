"""Blocks of lanes against the scalar kernels: the same numbers, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray
from tests.bundled import read_scenario
from tests.engines import builders as b

from senescape.cohort import cohort_of
from senescape.compile import Program, compile_scenario
from senescape.engines.branching import branching_law
from senescape.engines.mean_field import MeanField, explicit, wide
from senescape.engines.mean_field import flows as flows_module
from senescape.engines.mean_field.backward import backward_flows
from senescape.engines.mean_field.flows import (
    FINE,
    NEGATIVE,
    driving_assays,
    environment_of,
    flows,
    pack,
)
from senescape.engines.mean_field.track import Track, track_of
from senescape.engines.mean_field.wide import (
    Block,
    block_of,
    gather_environment,
    wide_backward,
    wide_flows,
)
from senescape.engines.state import State, Streams
from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
NETWORKS = {
    "cycle": b.cycle(stages=3, death=0.2, quiet=0.3, start=20.0),
    "secreting": b.secreting(start=50.0),
    "immigration": b.immigration_death(),
    "two types": b.two_types(start=3.0, mutation=0.1),
    "logistic": b.logistic(),
}


def bundled(name: str, regimen: str) -> tuple[Program, Float]:
    """A bundled scenario with one drawn host a lane; every third lane re-routed."""
    scenario = read_scenario(name)
    compiled = compile_scenario(scenario, regimen)
    cohort = cohort_of(scenario, compiled.program, seed=4, draws=WIDTH, hosts=1)
    parameters = cohort.parameters.copy()
    for route in compiled.routes:
        parameters[compiled.program.parameter(route), ::3] = 1.0
    return compiled.program, parameters


def program_and_lanes(name: str) -> tuple[Program, Float]:
    if name in NETWORKS:
        program = b.program_of(NETWORKS[name])
        lanes = np.repeat(b.lanes_of(program), WIDTH, axis=1)
        return program, lanes * np.linspace(0.9, 1.1, WIDTH)
    return bundled(*name.split(":"))


def everywhere(program: Program, parameters: Float) -> tuple[State, Float, Float, Block]:
    """A state with cells in every slot, a time for each lane, and its block."""
    state = MeanField().start(program, parameters, Streams.hosts(1, WIDTH))
    rng = np.random.default_rng(3)
    cells = rng.uniform(0.0, 100.0, (program.slots, WIDTH))
    signal = rng.uniform(0.0, 0.1, state.signal.shape)
    y = np.concatenate([cells, signal, np.zeros((len(program.transition), WIDTH))])
    registers, worst = state.registers.copy(), np.zeros((WIDTH, 4))
    block = block_of(pack(program), registers, state.input.copy(), worst)
    return state, y, np.arange(WIDTH) / 8.0, block


def steady(time: Float, around: Float) -> Track:
    """A track of each lane from its time to a day later, in which nothing changes."""
    track = track_of(2, len(around))
    track.length[:] = 2
    track.times[0], track.times[1] = time, time + 1.0
    track.path[:] = around
    track.slope[:] = 0.0
    return track


def flows_of(y: Float, time: Float, block: Block, out: Float) -> None:
    """Call the right-hand side forward in time; what belongs to the other direction is empty."""
    wide_flows(y, time, block, track_of(0, 0), np.empty(WIDTH), out)


PROGRAMS = [*NETWORKS, "figure-1:chemo", "mcf7-doxorubicin:100nM"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_block_gives_the_bytes_of_each_lane_alone(name: str) -> None:
    program, parameters = program_and_lanes(name)
    state, y, time, block = everywhere(program, parameters)
    packed, signals = pack(program), len(program.signal_names)
    found = np.empty_like(y)
    flows_of(y, time, block, found)
    around = np.empty((signals + len(driving_assays(program)), WIDTH))
    gather_environment(y, block, around)
    some = np.random.default_rng(5).uniform(0.0, 1.0, (program.slots + 1, WIDTH))
    before = np.empty_like(some)
    there = np.empty(WIDTH)
    wide_backward(some, np.ones(WIDTH), block, steady(time, around), there, before)
    np.testing.assert_array_equal(there, time)
    assert found.any()
    assert before.any()
    for lane in range(0, WIDTH, 5):
        registers = state.registers[:, lane].copy()
        own, supply = y[:, lane].copy(), state.input[:, lane].copy()
        alone = flows(own, time[lane], packed, registers, supply, np.zeros(4))
        np.testing.assert_array_equal(found[:, lane], alone)
        environment = np.empty(len(around))
        environment_of(own, packed, registers, signals, environment)
        np.testing.assert_array_equal(around[:, lane], environment)
        back = backward_flows(
            some[:, lane].copy(), environment, time[lane], packed, registers, signals, np.zeros(4)
        )
        np.testing.assert_array_equal(before[:, lane], back)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_bad_hazard_is_noted_in_its_own_lane_only(value: float) -> None:
    program = b.program_of(b.birth_death(birth=0.5, death=0.2, start=10.0))
    lanes = np.repeat(b.lanes_of(program), WIDTH, axis=1)
    _, y, time, block = everywhere(program, lanes)
    clean = np.empty_like(y)
    flows_of(y, time, block, clean)
    assert (block.worst == FINE).all()
    row = int(program.transition[0, 2])
    block.registers[row, 7] = value
    found = np.empty_like(y)
    with np.errstate(invalid="ignore"):
        flows_of(y, time, block, found)
    assert np.nonzero(block.worst[:, 0])[0].tolist() == [7]
    assert (block.worst[7, 0] == NEGATIVE) == (value == -1.0)
    others = np.arange(WIDTH) != 7
    np.testing.assert_array_equal(found[:, others], clean[:, others])


def test_driving_assays_are_those_that_a_rate_reads() -> None:
    """Crowding and secretion read totals; what is only observed costs the solver nothing."""
    logistic = b.program_of(b.logistic())
    assert [logistic.assay_ids[i] for i in driving_assays(logistic)] == ["live"]
    plain = b.program_of(b.birth_death(birth=0.5, death=0.2, start=10.0))
    assert driving_assays(plain).tolist() == []


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_each_kernel_is_compiled_for_one_set_of_types() -> None:
    """A constant or an index of 32 bits as an argument costs a compilation of its own."""
    program, parameters = program_and_lanes("figure-1:chemo")
    branching_law(program, parameters[:, :1], until=1.0, compartments=(0,))
    forms = {
        kernel.__name__: len(kernel.signatures)
        for kernel in (
            explicit.integrate,
            wide.wide_flows,
            wide.wide_backward,
            wide.gather_environment,
            wide._load_hazard,
            wide._some_after,
            flows_module.size,
        )
    }
    assert {name: n for name, n in forms.items() if n > 1} == {}
    assert forms["integrate"] == forms["wide_flows"] == forms["wide_backward"] == 1
