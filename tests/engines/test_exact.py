"""The exact engine against closed forms; a rate that changes in time is bounded, never frozen."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import expm
from tests.engines import builders as b
from tests.statistics import ALARM, same_mean, same_share, same_variance

import senescape.engines.exact.engine as exact_engine
from senescape.compile import Program
from senescape.compile.tape import TapeBuilder
from senescape.engines.exact import Exact
from senescape.engines.exact.bounds import enclose_signals, read_tape_bounds
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.protocol import observe, run_engine
from senescape.engines.signals import propagate
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Add, Breakpoint, Network, Set

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
LANES = 150 if PLAIN else 5000


def run(program: Program, until: float, lanes: int = LANES, seed: int = 1, assay: int = 0) -> Float:
    table = b.lanes_of(program, lanes)
    streams = Streams.hosts(seed, lanes)
    (last,) = run_engine(Exact(), program, table, streams, np.array([until]))
    return observe(program, last)[assay]


@pytest.mark.parametrize(
    ("birth", "death", "until"), [(1.0, 0.5, 2.0), (0.3, 0.9, 3.0), (0.5, 0.5, 4.0)]
)
def test_birth_death_moments_and_extinction(birth: float, death: float, until: float) -> None:
    """Kendall 1948: mean, variance and the chance that n0 lines have all ended."""
    n0 = 8.0
    program = b.program_of(b.birth_death(birth=birth, death=death, start=n0))
    live = run(program, until)
    r, e = birth - death, math.exp((birth - death) * until)
    variance = 2 * birth * until if r == 0 else (birth + death) / r * e * (e - 1)
    same_mean(live, n0 * e, n0 * variance)
    same_variance(live, n0 * variance)
    line = birth * until / (1 + birth * until) if r == 0 else death * (e - 1) / (birth * e - death)
    same_share(float((live == 0).sum()), float(live.size), line**n0)
    assert (live == np.floor(live)).all() and (live >= 0).all()


def test_immigration_and_death_are_poisson_in_the_end() -> None:
    """Stationary law Poisson(inflow / death); chi-square, false alarm 1e-6."""
    program = b.program_of(b.immigration_death(inflow=3.0, death=1.0, start=3.0))
    live = run(program, 15.0)
    law = stats.poisson(3.0)
    edges = np.arange(0, 8)
    seen = [(live == k).sum() for k in edges] + [(live > edges[-1]).sum()]
    expected = [law.pmf(k) for k in edges] + [law.sf(edges[-1])]
    assert stats.chisquare(seen, live.size * np.array(expected)).pvalue > ALARM


@pytest.mark.parametrize("stages", [1, 4, 9])
def test_dwell_times_are_erlang(stages: int) -> None:
    """The share still waiting at three times, against the gamma law: mean 2 d, CV 1 / sqrt(k)."""
    program = b.program_of(b.erlang_chain(stages=stages, mean=2.0, start=10.0))
    law = stats.gamma(stages, scale=2.0 / stages)
    for until in (1.0, 2.0, 3.5):
        same_share(run(program, until, LANES // 3).sum(), 10.0 * (LANES // 3), law.sf(until))


def test_two_types_have_the_means_of_the_matrix_exponential() -> None:
    program = b.program_of(b.two_types(start=50.0, mutation=0.1))
    # a mutating division leaves the number of A as it is and adds one M
    drift = np.array([[0.5 * 0.9 - 0.2, 0.0], [0.5 * 0.1, 0.6 - 0.1]])
    wild, mutant = expm(3.0 * drift) @ [50.0, 0.0]
    live = run(program, 3.0)
    mutants = run(program, 3.0, assay=1)
    same_mean(live, wild + mutant, float(live.var()))
    same_mean(mutants, mutant, float(mutants.var()))


def test_logistic_growth_has_the_law_of_its_master_equation() -> None:
    """Five cells at most: the whole distribution from the generator's matrix exponential."""
    program = b.program_of(b.logistic(growth=1.0, capacity=5.0, start=1.0))
    generator = np.zeros((6, 6))
    for n in range(1, 5):
        speed = n * (1.0 - n / 5.0)
        generator[n + 1, n] += speed
        generator[n, n] -= speed
    law = expm(1.5 * generator)[:, 1]
    live = run(program, 1.5)
    seen = [(live == n).sum() for n in range(1, 6)]
    assert stats.chisquare(seen, live.size * law[1:]).pvalue > ALARM


def decaying(dose: float = 3.0, kill: float = 0.7, ke: float = 0.8) -> Network:
    points = (Breakpoint(0.5, (Add("drug", parse("dose")),)),)
    return b.dosing(points, dose=dose, kill=kill, ke=ke, start=20.0)


def survival(until: float, dose: float = 3.0, kill: float = 0.7, ke: float = 0.8) -> float:
    """exp(-kill * area under the drug): one compartment, bolus at 0.5 d."""
    return math.exp(-kill * dose / ke * (1.0 - math.exp(-ke * (until - 0.5))))


@pytest.mark.parametrize("until", [0.8, 2.0, 6.0])
def test_death_under_a_decaying_drug_follows_the_area_under_it(until: float) -> None:
    program = b.program_of(decaying())
    same_share(run(program, until, LANES // 2).sum(), 20.0 * (LANES // 2), survival(until))


def test_an_engine_that_freezes_rates_between_events_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted bug: the rates of the last event hold until the next one."""
    monkeypatch.setattr(exact_engine, "rates_move", lambda program: False)
    with pytest.raises(AssertionError):
        test_death_under_a_decaying_drug_follows_the_area_under_it(6.0)


def test_a_dose_of_a_millionth_of_a_day_is_not_skipped() -> None:
    """Set to 1e6 for 1e-6 day, no elimination: area 1, survival exp(-kill)."""
    points = (
        Breakpoint(1.0, (Set("drug", parse("1e6")),)),
        Breakpoint(1.0 + 1e-6, (Set("drug", parse("0")),)),
    )
    program = b.program_of(b.dosing(points, kill=0.7, start=20.0))
    same_share(run(program, 3.0, LANES // 2).sum(), 20.0 * (LANES // 2), math.exp(-0.7))


def test_two_doses_at_one_time_act_in_the_order_written() -> None:
    """Set then add: 3 + 2; add then set: 3."""
    for actions, level in (
        ((Set("drug", parse("3")), Add("drug", parse("2"))), 5.0),
        ((Add("drug", parse("2")), Set("drug", parse("3"))), 3.0),
    ):
        program = b.program_of(b.dosing((Breakpoint(0.0, actions),), ke=0.8, kill=0.2, start=20.0))
        share = math.exp(-0.2 * level / 0.8 * (1.0 - math.exp(-0.8)))
        same_share(run(program, 1.0, LANES // 2).sum(), 20.0 * (LANES // 2), share)


def test_a_rate_that_reads_time_is_thinned() -> None:
    """Hazard d (d t)^2: survival exp(-d^3 t^3 / 3)."""
    network = b.birth_death(birth=0.0, death=0.2, start=20.0)
    death = replace(network.transitions[1], hazard=parse("death * (time * death)^2"))
    network = replace(network, transitions=(network.transitions[0], death))
    program = b.program_of(network)
    same_share(
        run(program, 4.0, LANES // 2).sum(), 20.0 * (LANES // 2), math.exp(-(0.2**3) * 64 / 3)
    )


def test_zero_absorbs() -> None:
    program = b.program_of(b.birth_death(birth=0.1, death=5.0, start=3.0))
    table, streams = b.lanes_of(program, 50), Streams.hosts(1, 50)
    states = run_engine(Exact(), program, table, streams, np.linspace(0.0, 30.0, 31))
    live = np.array([observe(program, s)[0] for s in states])
    ended = np.maximum.accumulate(live == 0, axis=0)
    assert ended[-1].all() and (live[ended] == 0).all()


def test_lanes_are_alone_with_their_chance() -> None:
    """A lane gives the same numbers alone, in a batch, and in pieces of time without breakpoints."""
    program = b.program_of(decaying())
    together = run(program, 3.0, 7)
    table = b.lanes_of(program, 1)
    alone = []
    for host in range(7):
        (last,) = run_engine(
            Exact(), program, table, Streams.hosts(1, 1, first=host), np.array([3.0])
        )
        alone.append(observe(program, last)[0, 0])
    assert together.tolist() == alone
    assert run(program, 3.0, 7, seed=2).tolist() != alone


def test_secretion_feeds_back() -> None:
    """Cells secrete what speeds division: the exact mean stands near the mean field (0.5 %)."""
    from senescape.engines.mean_field import MeanField

    program = b.program_of(b.secreting(start=400.0))
    lanes, until = (40, 1.0) if PLAIN else (400, 3.0)
    live = run(program, until, lanes)
    mean = b.run_assay(MeanField(), program, [until])[0, 0, 0]
    same_mean(live, mean, float(live.var()) * 1.5)


@pytest.mark.parametrize(
    ("network", "check"),
    [
        (lambda: negative("birth - 2 * birth"), "run.rate"),
        (lambda: negative("birth^2 / (birth - birth)"), "run.rate"),
    ],
)
def test_a_rate_that_is_none_stops_the_run(network: Callable[[], Network], check: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        run(b.program_of(network()), 1.0, 2)
    assert caught.value.check == check


def negative(text: str) -> Network:
    network = b.birth_death()
    return replace(
        network,
        transitions=(replace(network.transitions[0], hazard=parse(text)), network.transitions[1]),
    )


def test_the_budget_of_events_is_kept() -> None:
    program = b.program_of(b.birth_death(birth=2.0, death=0.0, start=100.0))
    table, streams = b.lanes_of(program, 1), Streams.hosts(1, 1)
    with pytest.raises(SenescapeError) as caught:
        list(run_engine(Exact(max_events=50), program, table, streams, np.array([5.0])))
    assert caught.value.check == "run.too-many-events"


# --- bounds ---------------------------------------------------------------------------------------
NUMBERS = st.floats(min_value=-3.0, max_value=3.0, allow_nan=False)
LEAVES = st.sampled_from(["x", "y", "z", "0.5", "2", "-1.5"])
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(["2", "3", "0.5", "-1"])).map(
            lambda t: f"({t[0]})^({t[1]})"
        ),
        st.tuples(st.sampled_from(["exp", "abs", "sqrt", "log"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
        st.tuples(inner, inner).map(lambda t: f"hill({t[0]}, {t[1]}, 2)"),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">="]), inner, inner).map(
            lambda t: f"if({t[0]} {t[1]} {t[2]}, {t[3]}, 1)"
        ),
    ),
    max_leaves=8,
)


@given(FORMULAS, st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=3), st.integers(0, 999))
def test_bounds_hold_what_the_tape_can_give(
    text: str, box: list[tuple[float, float]], seed: int
) -> None:
    from senescape.compile.tape import Level

    builder = TapeBuilder([(name, Level.STATE) for name in "xyz"])
    row = builder.add(parse(text))
    tape, _, constant_row, constant, count = builder.finish()
    low, high = np.zeros(count), np.zeros(count)
    for array in (low, high):
        array[constant_row] = constant
    for i, (a, c) in enumerate(box):
        low[i], high[i] = min(a, c), max(a, c)
    with np.errstate(all="ignore"):
        read_tape_bounds(tape, 0, len(tape), low, high)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        point = np.zeros(count)
        point[constant_row] = constant
        for i, (a, c) in enumerate(box):
            point[i] = rng.choice([a, c, rng.uniform(min(a, c), max(a, c))])
        with np.errstate(all="ignore"):
            read_tape_lane(tape, 0, len(tape), point)
        value = point[row]
        if math.isfinite(value):
            margin = 1e-9 * (1.0 + abs(value))
            assert low[row] - margin <= value <= high[row] + margin, (text, value)


@given(
    st.lists(st.floats(-4.0, 4.0), min_size=4, max_size=4),
    st.lists(st.floats(-2.0, 2.0), min_size=2, max_size=2),
    st.floats(0.01, 1.0),
)
def test_the_box_holds_the_path_of_the_signals(
    matrix: list[float], start: list[float], part: float
) -> None:
    registers = np.array(matrix)
    coupling = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 2], [1, 1, 3]], np.int32)
    speed = np.abs(registers).sum()
    assume(speed > 0.0)
    h = 0.5 * part / speed
    x, supply, work = np.array(start), np.array([0.3, -0.2]), np.zeros((2, 2))
    end = x.copy()
    propagate(coupling, registers, end, supply, h, work)
    low, high = np.zeros(2), np.zeros(2)
    if not enclose_signals(coupling, registers, x, end, supply, h, low, high, work):
        return
    for share in np.linspace(0.0, 1.0, 21):
        here = x.copy()
        propagate(coupling, registers, here, supply, share * h, work)
        assert (low - 1e-12 <= here).all() and (here <= high + 1e-12).all()


def test_bounds_of_signals_are_found_for_short_windows() -> None:
    """At half the time scale of the fastest signal the box is found: a window never shrinks to nothing."""
    registers = np.array([-50.0, 3.0, -0.2])
    coupling = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 2]], np.int32)
    x, supply, work = np.array([4.0, 1.0]), np.zeros(2), np.zeros((2, 2))
    h = 0.5 / np.abs(registers).sum()
    end = x.copy()
    propagate(coupling, registers, end, supply, h, work)
    low, high = np.zeros(2), np.zeros(2)
    assert enclose_signals(coupling, registers, x, end, supply, h, low, high, work)
    assert (high - low < 3.0).all()


def test_nothing_that_starts_gives_nothing() -> None:
    program = b.program_of(b.birth_death(start=0.0))
    assert run(program, 5.0, 3).tolist() == [0.0, 0.0, 0.0]
