"""The mean field against closed forms; its restart at every breakpoint; its refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import expm
from scipy.optimize import brentq
from tests.engines import builders as b

from senescape.engines.mean_field import MeanField
from senescape.engines.mean_field.engine import flagged_compartments
from senescape.engines.mean_field.outcome import SolverOutcome
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Add, Breakpoint, Network, Set

Float = NDArray[np.float64]
EXACT = {"rtol": 1e-6}


def course(network: Network, times: list[float], **changes: float) -> Float:
    """The first assay at the times."""
    program = b.program_of(network)
    return b.run_assay(MeanField(), program, times, parameters=b.lanes_of(program, **changes))[
        :, 0, 0
    ]


def test_birth_and_death() -> None:
    times = [0.0, 1e-3, 1.0, 10.0]
    network = b.birth_death(birth=0.9, death=0.4, start=7.0)
    np.testing.assert_allclose(course(network, times), 7.0 * np.exp(0.5 * np.array(times)), **EXACT)


def test_immigration_and_death() -> None:
    t = np.array([0.5, 2.0, 9.0])
    expected = 50.0 + (5.0 - 50.0) * np.exp(-0.4 * t)
    np.testing.assert_allclose(course(b.immigration_death(), t.tolist()), expected, **EXACT)


def test_logistic_growth() -> None:
    t = np.array([1.0, 5.0, 12.0])
    expected = 1000.0 / (1.0 + 99.0 * np.exp(-0.9 * t))
    np.testing.assert_allclose(course(b.logistic(), t.tolist()), expected, **EXACT)


@pytest.mark.parametrize("stages", [1, 4, 12])
def test_dwell_times_are_erlang(stages: int) -> None:
    """The law, and with it the CV 1 / sqrt(k)."""
    t = np.array([0.3, 1.0, 2.0, 5.0])
    law = stats.gamma(stages, scale=2.0 / stages)
    found = course(b.erlang_chain(stages=stages, mean=2.0, start=100.0), t.tolist())
    np.testing.assert_allclose(found, 100.0 * law.sf(t), rtol=1e-5)


@pytest.mark.parametrize(("stages", "death"), [(2, 0.0), (8, 0.1)])
def test_a_cycle_grows_as_euler_and_lotka_say(stages: int, death: float) -> None:
    """2 (k / (k + (r + d) T))^k = 1 for the growth rate r, with mean cycle time T."""
    advance = math.log(2) / 1.2 / (2 ** (1 / stages) - 1)
    rate = brentq(lambda r: 2 * (advance / (advance + r + death)) ** stages - 1, -0.4, 2.0)
    late = course(b.cycle(stages=stages, doubling=1.2, death=death), [20.0, 21.0])
    assert math.log(late[1] / late[0]) == pytest.approx(rate, rel=1e-5)


def test_an_oral_dose_is_absorbed_as_bateman_says() -> None:
    program = b.program_of(b.bateman(ka=3.0, ke=0.8, dose=2.0))
    times = np.array([0.2, 1.0, 4.0])
    plasma = program.signal_names.index("plasma")
    states = run_engine(MeanField(), program, b.lanes_of(program), Streams.hosts(1, 1), times)
    found = [float(s.signal[plasma, 0]) for s in states]
    expected = 2.0 * 3.0 / (3.0 - 0.8) * (np.exp(-0.8 * times) - np.exp(-3.0 * times))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def killed(points: tuple[Breakpoint, ...], until: float = 3.0) -> float:
    network = b.dosing(points, ke=0.8, dose=2.0, kill=0.7, start=1000.0)
    return float(course(network, [until])[0] / 1000.0)


def area(time: float, dose: float, until: float = 3.0) -> float:
    return dose / 0.8 * (1.0 - math.exp(-0.8 * (until - time)))


@pytest.mark.parametrize("time", [0.0, 0.7318, 2.9999])
def test_a_dose_kills_by_its_area(time: float) -> None:
    assert killed(b.doses([time])) == pytest.approx(math.exp(-0.7 * area(time, 2.0)), rel=1e-6)


def test_a_pulse_of_a_millionth_of_a_day_is_not_skipped() -> None:
    points = (
        Breakpoint(1.0, (Set("drug", parse("2e6")),)),
        Breakpoint(1.0 + 1e-6, (Set("drug", parse("0")),)),
    )
    assert killed(points) == pytest.approx(math.exp(-1.4), rel=1e-5)


def test_two_actions_at_one_time_act_in_order() -> None:
    add, wash = Add("drug", parse("2")), Set("drug", parse("0"))
    assert killed((Breakpoint(1.0, (add, wash)),)) == pytest.approx(1.0, rel=1e-9)
    assert killed((Breakpoint(1.0, (wash, add)),)) == pytest.approx(
        math.exp(-0.7 * area(1.0, 2.0)), rel=1e-6
    )


def test_more_outputs_change_nothing() -> None:
    network = b.secreting(start=50.0)
    few = course(network, [6.0])[-1]
    many = course(network, np.linspace(0.0, 6.0, 97).tolist())[-1]
    assert many == pytest.approx(few, rel=2e-7)


@settings(max_examples=5)
@given(st.lists(st.floats(0.05, 2.0), min_size=9, max_size=9))
def test_linear_networks_follow_the_matrix_exponential(rates: list[float]) -> None:
    """Three states, every exchange and death: exp(M t) n0."""
    names = "ABC"
    moves = [(i, j) for i in range(3) for j in range(3) if i != j]
    parameters = [b.rate(f"r{k}", rates[k]) for k in range(9)]
    exits, drift = [], np.zeros((3, 3))
    for k, (i, j) in enumerate(moves):
        exits.append(b.exit_of(k + 1, f"move{k}", names[i], f"r{k}", b.outcome(**{names[j]: 1})))
        drift[j, i] += rates[k]
        drift[i, i] -= rates[k]
    for i in range(3):
        exits.append(b.exit_of(10 + i, f"death{i}", names[i], f"r{6 + i}", b.outcome()))
        drift[i, i] -= rates[6 + i]
    network = Network(
        tuple(parameters),
        tuple(b.state(n) for n in names),
        tuple(exits),
        assays=tuple(b.assay(f"n{n}", n) for n in names),
        births=(b.born(90, A=0.5, B=0.5, C=0.0),),
    )
    program = b.program_of(network)
    found = b.run_assay(MeanField(), program, [1.7])[0, :, 0]
    np.testing.assert_allclose(found, expm(1.7 * drift) @ [45.0, 45.0, 0.0], rtol=1e-6)


def test_expected_firings_are_counted() -> None:
    """Deaths are what is missing; births are what came."""
    program = b.program_of(b.birth_death(birth=0.9, death=0.4, start=7.0))
    (last,) = run_engine(
        MeanField(), program, b.lanes_of(program), Streams.hosts(1, 1), np.array([2.0])
    )
    births, deaths = last.tally[:, 0]
    assert births / deaths == pytest.approx(0.9 / 0.4, rel=1e-6)
    assert births - deaths == pytest.approx(observe(program, last)[0, 0] - 7.0, rel=1e-6)


def test_small_compartments_are_flagged() -> None:
    program = b.program_of(b.two_types(start=1000.0, mutation=0.001))
    states = run_engine(
        MeanField(), program, b.lanes_of(program), Streams.hosts(1, 1), np.array([0.5, 1.0])
    )
    counts = np.array([s.counts.copy() for s in states])
    assert flagged_compartments(program, counts) == ("M",)


def broken(text: str) -> Network:
    network = b.birth_death()
    return replace(
        network,
        transitions=(replace(network.transitions[0], hazard=parse(text)), network.transitions[1]),
    )


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (lambda: broken("birth - 2 * birth"), "run.hazard"),
        (lambda: broken("birth * (1 - time * birth)"), "run.hazard"),
        (lambda: broken("birth^2 / (birth - birth)"), "run.hazard"),
    ],
)
def test_a_hazard_that_is_none_stops_the_run(make: Callable[[], Network], check: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        course(make(), [3.0])
    assert caught.value.check == check
    assert "division" in str(caught.value)


@pytest.mark.parametrize("outcome", list(SolverOutcome))
def test_every_ending_of_the_solver_has_its_advice(outcome: SolverOutcome) -> None:
    error = outcome.error(0.0, 1.0)
    assert error.check.startswith("run.solver-") and error.remedy


def test_messages_of_the_solver_are_known() -> None:
    assert SolverOutcome.from_message("Integration successful.").reached
    assert (
        SolverOutcome.from_message("Excess work done on this call") is SolverOutcome.TOO_MANY_STEPS
    )
    assert SolverOutcome.from_message("something new") is SolverOutcome.INTERNAL


@pytest.mark.parametrize(
    "network",
    [
        b.cycle(stages=3, death=0.2, quiet=0.3, start=20.0),
        b.secreting(start=50.0),
        b.immigration_death(),
    ],
    ids=["cycle", "secreting", "immigration"],
)
def test_the_kernel_is_the_plain_reading(network: Network) -> None:
    """The same equations straight from the formulas, integrated by scipy."""
    from scipy.integrate import solve_ivp

    from senescape.engines.mean_field.plain import plain_flows

    values = {p.name: p.value for p in network.parameters}
    places = [(c.id, stage) for c in network.compartments for stage in range(c.stages)]
    names = [s.name for s in network.signals]

    def slope(time: float, y: Float) -> list[float]:
        cells = dict(zip(places, y[: len(places)], strict=True))
        signals = dict(zip(names, y[len(places) :], strict=True))
        rate, change, _ = plain_flows(
            network, values, time, cells, signals, dict.fromkeys(names, 0.0)
        )
        return [*(rate[p] for p in places), *(change[n] for n in names)]

    program = b.program_of(network)
    (first,) = run_engine(
        MeanField(), program, b.lanes_of(program), Streams.hosts(1, 1), np.array([0.0])
    )
    begin = np.concatenate([first.counts[:, 0], first.signal[:, 0]])
    end = solve_ivp(slope, (0.0, 3.0), begin, rtol=1e-9, atol=1e-9).y[:, -1]
    (last,) = run_engine(
        MeanField(), program, b.lanes_of(program), Streams.hosts(1, 1), np.array([3.0])
    )
    np.testing.assert_allclose(
        np.concatenate([last.counts[:, 0], last.signal[:, 0]]), end, rtol=1e-6, atol=1e-6
    )


def test_rounding_below_zero_is_measured_by_the_tolerance() -> None:
    """At the tolerance of a verdict a fading count may end 1e-5 below zero; it stopped the run."""
    one = np.array([[0.2], [0.1]])
    assert MeanField(1e-5, 1e-5).lowest(one)[0] == pytest.approx(-2e-4)
    assert MeanField().lowest(one)[0] == pytest.approx(-1e-6)
    assert MeanField().lowest(1e9 * one)[0] == pytest.approx(-200.0)
