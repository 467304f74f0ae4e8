"""Twins in the exact engine: exact in law, the same bytes until arms differ, less noise in a difference.

Oracles: closed forms of each process, the slow reading of the same points in plain Python
(slow_clocks.py), and identities that need no oracle. Engines of both couplings, and the slow one on
fewer lanes, run the same tests of the law. Random tests have the false alarms of tests/statistics.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import expm
from tests.bundled import read_scenario
from tests.engines import builders as b
from tests.engines.slow_clocks import SlowClocks
from tests.statistics import ALARM, same_mean, same_share, same_variance

import senescape.engines.exact.clocks as clocks_module
import senescape.engines.exact.coupling as coupling_module
import senescape.engines.exact.engine as exact_engine
from senescape.compile import Program, TransitionKind, compile_scenario
from senescape.engines.exact import Coupling, Exact
from senescape.engines.exact.points import WINDOW, first_point, next_point, strip_floor, strip_width
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine, observe, run_engine
from senescape.engines.state import State, Streams
from senescape.engines.tables import tables_of
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Add, Breakpoint, Forcing, Network, Set
from senescape.rng import absorb, draw_key
from senescape.run import run_lanes

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
LANES = 60 if PLAIN else 3000
FEW = 10  # of the slow engine

COUPLED = [Coupling.CELL_DAYS, Coupling.DAYS]
BOTH = pytest.mark.parametrize("coupling", COUPLED, ids=lambda c: c.value)
ENGINES: list[Engine] = [
    *(Exact(coupling=c) for c in COUPLED),
    SlowClocks(Coupling.CELL_DAYS, 4.0),
]
EACH = pytest.mark.parametrize("engine", ENGINES, ids=lambda e: f"{e.name}, {e.coupling.value}")


def three_doors(shut: float = 1.0, *, spare: bool = False) -> Network:
    """A chain of three stages with three timed exits, the last of them gated; losses at any age."""
    return Network(
        (
            b.rate("pace", 3.0),
            b.rate("loss", 0.2),
            b.rate("inflow", 2.0),
            b.number("gate", shut),
            b.cells("n0", 12.0),
        ),
        (b.state("W", stages=3, advance="pace"), b.state("Q"), b.state("S")),
        (
            b.exit_of(10, "divide", "W", 0.5, b.outcome("0.7", W=2), b.outcome("0.3", W=1, Q=1), timed=True),
            b.exit_of(20, "rest", "W", 0.3, b.outcome(Q=1), timed=True),
            b.exit_of(30, "arrest", "W", 0.2, b.outcome(S=1), timed=True, gate="gate"),
            b.exit_of(40, "loss", "W", "loss", b.outcome()),
            b.exit_of(50, "arrival", None, "inflow", b.outcome(W=1)),
            *([b.exit_of(5, "spare", "Q", "0 * loss", b.outcome())] if spare else []),
        ),
        assays=(b.assay("live", "W", "Q", "S"),),
        births=(b.born("n0", W=1),),
    )  # fmt: skip


def treated(
    gate: float = 1.0, *, doses: tuple[float, ...] = (1.0,), start: float = 20.0
) -> Network:
    """Division, death and a kill by a drug that decays; the kill has a gate."""
    return Network(
        (
            b.rate("birth", 0.6),
            b.rate("death", 0.2),
            b.rate("kill", 0.9),
            b.rate("ke", 0.8),
            b.number("dose", 2.0),
            b.number("gate", gate),
            b.cells("n0", start),
        ),
        (b.state("A"),),
        (
            b.exit_of(1, "division", "A", "birth", b.outcome(A=2)),
            b.exit_of(2, "death", "A", "death", b.outcome()),
            b.exit_of(3, "kill", "A", "kill * drug / (1 + drug)", b.outcome(), gate="gate"),
        ),
        signals=(b.drug(),),
        assays=(b.assay("live", "A"),),
        births=(b.born("n0", A=1),),
        forcing=Forcing(b.doses(doses)),
    )


NETWORKS = {
    "birth and death": b.birth_death(birth=0.5, death=0.3, start=10.0),
    "crowded": b.logistic(growth=0.9, capacity=60.0, start=10.0),
    "stages": b.cycle(stages=3, death=0.2, quiet=0.3, start=10.0),
    "doors": three_doors(),
    "two types": b.two_types(start=15.0, mutation=0.2),
    "secretion": b.secreting(start=8.0),
    "drug": treated(start=8.0, doses=(0.25, 0.6)),
    "waning drug": b.dosing(b.doses([0.0]), ke=4.0, dose=4.0, kill=0.7, start=8.0),
}


def states(
    engine: Engine,
    program: Program,
    times: Float | list[float],
    lanes: int,
    *,
    first: int = 0,
    seed: int = 1,
    **changes: float,
) -> list[State]:
    table, streams = b.lanes_of(program, lanes, **changes), Streams.hosts(seed, lanes, first=first)
    grid = np.asarray(times, np.float64)
    return [s.copy() for s in run_engine(engine, program, table, streams, grid)]


def live(engine: Engine, program: Program, until: float, share: float = 1.0) -> Float:
    """Return the first assay of as many lanes as the engine can bear."""
    lanes = FEW if isinstance(engine, SlowClocks) else LANES
    (last,) = states(engine, program, [until], max(1, int(lanes * share)))
    return observe(program, last)[0]


def assert_same(one: State, other: State) -> None:
    for name in ("counts", "tally", "signal"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


# --- points ---------------------------------------------------------------------------------------
def test_strips_tile_the_heights() -> None:
    for strip in range(20):
        assert strip_floor(strip) + strip_width(strip) == strip_floor(strip + 1)


@pytest.mark.parametrize("strip", [0, 3, 11])
def test_points_are_poisson_of_rate_one(strip: int) -> None:
    """Area 6, not a whole number of windows: chi-square against Poisson(6), false alarm 1e-6."""
    until, law = 6.0 / strip_width(strip), stats.poisson(6.0)
    found = []
    for key in range(LANES):
        number, at = 0, first_point(np.uint64(key), strip, 0.0)
        while at[2] <= until:
            number, at = number + 1, next_point(np.uint64(key), strip, *at)
        found.append(number)
    cuts = np.array([3, 4, 5, 6, 7, 8])
    seen = np.bincount(np.searchsorted(cuts, found), minlength=7)
    below = np.concatenate([[0.0], law.cdf(cuts), [1.0]])
    assert stats.chisquare(seen, LANES * np.diff(below)).pvalue > ALARM


def test_a_point_is_found_from_anywhere() -> None:
    """Looking from any time of the clock gives the next point of the walk from zero, to the last bit."""
    walk = [first_point(np.uint64(7), 9, 0.0)]
    while walk[-1][2] < 20.0 * WINDOW / strip_width(9):
        walk.append(next_point(np.uint64(7), 9, *walk[-1]))
    for before, after in zip(walk, walk[1:], strict=False):
        assert first_point(np.uint64(7), 9, before[2]) == after
        assert first_point(np.uint64(7), 9, 0.5 * (before[2] + after[2])) == after


# --- kernel and slow reading ----------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("name", NETWORKS)
def test_the_kernel_reads_the_points_as_the_slow_engine_does(name: str, coupling: Coupling) -> None:
    """Two stops on the way: clocks go on where they stood."""
    program = b.program_of(NETWORKS[name])
    ceiling = 4.0 if coupling is Coupling.CELL_DAYS else 64.0
    times = [0.4, 0.75, 1.0]
    quick = states(Exact(coupling=coupling), program, times, 3)
    slow = states(SlowClocks(coupling, ceiling), program, times, 3)
    for one, other in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.tally, other.tally)
        np.testing.assert_allclose(one.signal, other.signal, rtol=1e-12)
    assert quick[-1].tally.sum() > 5


# --- law ------------------------------------------------------------------------------------------
@EACH
@pytest.mark.parametrize(("birth", "death", "until"), [(1.0, 0.5, 1.5), (0.3, 0.9, 3.0)])
def test_birth_death_moments_and_extinction(
    birth: float, death: float, until: float, engine: Engine
) -> None:
    """Kendall 1948: mean, variance and the chance that n0 lines have all ended."""
    n0 = 6.0
    found = live(engine, b.program_of(b.birth_death(birth=birth, death=death, start=n0)), until)
    r, e = birth - death, math.exp((birth - death) * until)
    variance = n0 * (birth + death) / r * e * (e - 1)
    same_mean(found, n0 * e, variance)
    same_variance(found, variance)
    line = death * (e - 1) / (birth * e - death)
    same_share(float((found == 0).sum()), float(found.size), line**n0)


@EACH
def test_immigration_and_death_are_poisson_in_the_end(engine: Engine) -> None:
    """Stationary law Poisson(3); chi-square, false alarm 1e-6."""
    program = b.program_of(b.immigration_death(inflow=3.0, death=1.0, start=3.0))
    found = live(engine, program, 10.0)
    law = stats.poisson(3.0)
    cuts = np.array([1, 2, 3, 4])
    seen = np.bincount(np.searchsorted(cuts, found), minlength=5)
    below = np.concatenate([[0.0], law.cdf(cuts), [1.0]])
    assert stats.chisquare(seen, found.size * np.diff(below)).pvalue > ALARM


@EACH
@pytest.mark.parametrize("stages", [1, 4])
def test_dwell_times_are_erlang(stages: int, engine: Engine) -> None:
    program = b.program_of(b.erlang_chain(stages=stages, mean=2.0, start=10.0))
    law = stats.gamma(stages, scale=2.0 / stages)
    for until in (1.0, 2.5):
        found = live(engine, program, until, 0.5)
        same_share(found.sum(), 10.0 * found.size, law.sf(until))


@EACH
def test_a_chain_that_divides_and_dies_has_the_mean_of_its_stages(engine: Engine) -> None:
    """Stages, timed exits with outcomes, losses at any age: mean by the matrix exponential."""
    network = b.cycle(stages=3, death=0.2, quiet=0.3, start=10.0)
    program = b.program_of(network)
    pace = float(b.lanes_of(program)[program.parameter("stage_rate"), 0])
    drift = np.zeros((4, 4))  # three stages, quiescent
    for s in range(3):
        drift[s, s] -= pace + 0.2
    drift[1, 0], drift[2, 1] = pace, pace
    drift[0, 2], drift[3, 2] = 0.7 * 2 * pace, 0.3 * 2 * pace
    mean = expm(2.0 * drift)[:, 0].sum() * 10.0
    found = live(engine, program, 2.0)
    same_mean(found, mean, float(found.var()))


@EACH
def test_doors_are_chosen_by_their_shares(engine: Engine) -> None:
    """0.5 : 0.3 : 0.2 of those who leave, and 0.7 of the divisions make two of W."""
    program = b.program_of(three_doors())
    lanes = FEW if isinstance(engine, SlowClocks) else LANES // 2
    (last,) = states(engine, program, [1.5], lanes)
    left = last.tally[:3].sum(axis=1)
    same_share(left[0], left.sum(), 0.5)
    same_share(left[2], left.sum(), 0.2)


@EACH
def test_a_rate_that_reads_time(engine: Engine) -> None:
    """Hazard d (d t)^2 rises through six strips: survival exp(-d^3 t^3 / 3)."""
    network = b.birth_death(birth=0.0, death=0.4, start=20.0)
    death = replace(network.transitions[1], hazard=parse("death * (time * death)^2"))
    program = b.program_of(replace(network, transitions=(network.transitions[0], death)))
    found = live(engine, program, 3.0, 0.5)
    same_share(found.sum(), 20.0 * found.size, math.exp(-(0.4**3) * 27 / 3))


@EACH
def test_death_under_a_decaying_drug_follows_the_area_under_it(engine: Engine) -> None:
    points = (Breakpoint(0.5, (Add("drug", parse("dose")),)),)
    program = b.program_of(b.dosing(points, dose=3.0, kill=0.7, ke=0.8, start=20.0))
    survival = math.exp(-0.7 * 3.0 / 0.8 * (1.0 - math.exp(-0.8 * 1.5)))
    found = live(engine, program, 2.0, 0.5)
    same_share(found.sum(), 20.0 * found.size, survival)


@BOTH
def test_a_drug_before_day_zero_kills_as_much(coupling: Coupling) -> None:
    """Times are negative until the end of the run: the law is that of its duration alone."""
    network = b.dosing(b.doses([-4.0]), dose=3.0, kill=0.7, ke=0.8, start=20.0, start_time=-5.0)
    survival = math.exp(-0.7 * 3.0 / 0.8 * (1.0 - math.exp(-0.8 * 2.0)))
    found = live(Exact(coupling=coupling), b.program_of(network), -2.0, 0.5)
    same_share(found.sum(), 20.0 * found.size, survival)


@BOTH
def test_growth_before_during_and_after_treatment(coupling: Coupling) -> None:
    """Kendall with piecewise rates: mean n0 exp(r T - kill t) over three pieces."""
    program = b.program_of(b.treated_birth_death(start=20.0, on=0.5, off=1.5))
    found = live(Exact(coupling=coupling), program, 3.0, 0.5)
    same_mean(found, 20.0 * math.exp(0.5 * 3.0 - 1.1), float(found.var()))


@BOTH
def test_a_dose_of_a_millionth_of_a_day_is_not_skipped(coupling: Coupling) -> None:
    """Set to 1e6 for 1e-6 day, no elimination: area 1, survival exp(-kill)."""
    points = (
        Breakpoint(1.0, (Set("drug", parse("1e6")),)),
        Breakpoint(1.0 + 1e-6, (Set("drug", parse("0")),)),
    )
    program = b.program_of(b.dosing(points, kill=0.7, start=20.0))
    found = live(Exact(coupling=coupling), program, 3.0, 0.5)
    same_share(found.sum(), 20.0 * found.size, math.exp(-0.7))


@BOTH
def test_secretion_feeds_back(coupling: Coupling) -> None:
    """Cells secrete what speeds division: the exact mean stands near the mean field (0.5 %)."""
    program = b.program_of(b.secreting(start=200.0))
    found = live(Exact(coupling=coupling), program, 2.0, 0.1 if PLAIN else 0.02)
    mean = b.run_assay(MeanField(), program, [2.0])[0, 0, 0]
    same_mean(found, mean, float(found.var()) * 1.5)


def test_zero_absorbs_and_time_may_be_negative() -> None:
    network = b.birth_death(birth=0.1, death=5.0, start=3.0)
    program = b.program_of(replace(network, forcing=Forcing((), start=-6.0)))
    found = np.array(
        [s.counts[0] for s in states(Exact(coupling=Coupling.DAYS), program, np.arange(-6.0, 6.0), 20)]
    )  # fmt: skip
    ended = np.maximum.accumulate(found == 0, axis=0)
    assert (found[0] == 3).all() and ended[-1].all() and (found[ended] == 0).all()


# --- bytes ----------------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("name", ["doors", "secretion"])
def test_no_byte_depends_on_neighbours(name: str, coupling: Coupling) -> None:
    program = b.program_of(NETWORKS[name])
    (many,) = states(Exact(coupling=coupling), program, [1.0], 9)
    for first, count in ((0, 1), (3, 4), (8, 1)):
        (part,) = states(Exact(coupling=coupling), program, [1.0], count, first=first)
        lanes = slice(first, first + count)
        np.testing.assert_array_equal(part.counts, many.counts[:, lanes])
        np.testing.assert_array_equal(part.signal, many.signal[:, lanes])
        np.testing.assert_array_equal(part.clock, many.clock[..., lanes])
    (other,) = states(Exact(coupling=coupling), program, [1.0], 9, seed=2)
    assert (other.counts != many.counts).any()


@BOTH
def test_no_byte_depends_on_threads(coupling: Coupling, monkeypatch: pytest.MonkeyPatch) -> None:
    program = b.program_of(NETWORKS["drug"])
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setenv("SENESCAPE_THREADS", str(threads))
        table, streams = b.lanes_of(program, 7), Streams.hosts(1, 7)
        times = np.array([0.5, 1.0])
        result = run_lanes(Exact(coupling=coupling), program, table, streams, times)
        found.append(result.tobytes())
    assert found[0] == found[1] == found[2]


@BOTH
@pytest.mark.parametrize("name", ["birth and death", "crowded", "doors"])
def test_a_stop_leaves_no_trace(name: str, coupling: Coupling) -> None:
    """A path that is looked at 40 times is the path that nobody looked at; so is a copy's."""
    program = b.program_of(NETWORKS[name])
    engine = Exact(coupling=coupling)
    *_, half, last = states(engine, program, np.linspace(0.0, 2.0, 41)[1:], 5)
    (straight,) = states(engine, program, [2.0], 5)
    assert_same(last, straight)
    np.testing.assert_array_equal(last.clock, straight.clock)
    engine.advance(program, half, 2.0)
    assert_same(half, straight)


# --- arms -----------------------------------------------------------------------------------------
def first_difference(one: list[State], other: list[State]) -> Iterator[int]:
    """Yield, lane by lane, the first output at which counts differ (the number of outputs: never)."""
    a, c = (np.array([s.counts for s in arm]) for arm in (one, other))
    differs = (a != c).any(axis=1)
    for lane in range(differs.shape[1]):
        yield int(np.argmax(differs[:, lane])) if differs[:, lane].any() else len(differs)


@BOTH
def test_a_dose_changes_nothing_before_it(coupling: Coupling) -> None:
    """One more dose at day 2: every byte before it is the same, every lane differs in the end."""
    times = np.linspace(0.0, 3.5, 29)
    arms = [
        states(Exact(coupling=coupling), b.program_of(treated(doses=d)), times, 20)
        for d in ((1.0,), (1.0, 2.0))
    ]
    for one, other in zip(*(arm[: int(np.argmax(times >= 2.0))] for arm in arms), strict=True):
        assert_same(one, other)
    assert (arms[0][-1].counts != arms[1][-1].counts).mean() > 0.8


@BOTH
def test_two_regimens_of_a_scenario_are_the_same_until_the_first_dose(coupling: Coupling) -> None:
    """MCF-7 at 100 and 125 nM, from day -1.9: stages, classes, 70 transitions, drug and damage."""
    scenario = read_scenario("mcf7-doxorubicin")
    times = [-1.85] if PLAIN else [-1.0, 0.0, 0.5]
    arms = []
    for regimen in ("100nM", "125nM"):
        program = compile_scenario(scenario, regimen).program
        arms.append(states(Exact(coupling=coupling), program, times, 1 if PLAIN else 3))
    before = slice(0, 1)  # at day 0 itself the drug has been given
    for one, other in zip(arms[0][before], arms[1][before], strict=True):
        assert_same(one, other)
        assert one.tally.sum() > 10
    if not PLAIN:
        np.testing.assert_array_equal(arms[0][1].counts, arms[1][1].counts)
        assert (arms[0][1].signal != arms[1][1].signal).any()
        assert (arms[0][2].counts != arms[1][2].counts).any()


@BOTH
def test_a_dose_of_nothing_changes_no_count(coupling: Coupling) -> None:
    times = np.linspace(0.0, 3.0, 13)
    one = states(Exact(coupling=coupling), b.program_of(treated(doses=(1.0,))), times, 10)
    points = (*b.doses((1.0,)), *b.doses((1.7, 2.2), "0 * dose"))
    network = replace(treated(), forcing=Forcing(points))
    other = states(Exact(coupling=coupling), b.program_of(network), times, 10)
    for a, c in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.counts, c.counts)
        np.testing.assert_array_equal(a.tally, c.tally)


@BOTH
@pytest.mark.parametrize(
    ("network", "gated"), [(three_doors(), 2), (treated(), 2)], ids=["timed door", "kill"]
)
def test_a_gate_changes_nothing_before_its_first_firing(
    network: Network, gated: int, coupling: Coupling
) -> None:
    """To the last bit, in every lane: the arms part at the first firing of what the gate shuts."""
    lanes, stops = (4, 41) if PLAIN else (12, 401)
    program, times = b.program_of(network), np.linspace(0.0, 2.0, stops)
    engine = Exact(coupling=coupling)
    one = states(engine, program, times, lanes)
    other = states(engine, program, times, lanes, gate=0.0)
    fired = np.array([s.tally[gated] for s in one]) > 0
    assert all(s.tally[gated].sum() == 0 for s in other)
    parted = list(first_difference(one, other))
    for lane, output in enumerate(parted):
        first = int(np.argmax(fired[:, lane])) if fired[:, lane].any() else len(times)
        assert output == first
        for a, c in zip(one[:first], other[:first], strict=True):
            assert a.signal[:, lane].tobytes() == c.signal[:, lane].tobytes()
    assert min(parted) < len(times)


@BOTH
def test_a_gate_of_one_changes_no_byte(coupling: Coupling) -> None:
    """A gate at 1 and no gate at all, a shut gate on an inert arrow: the same bytes throughout."""
    open_gate, times = three_doors(), np.linspace(0.0, 2.0, 9)
    bare = replace(
        open_gate, transitions=tuple(replace(t, gate=None) for t in open_gate.transitions)
    )
    spare = three_doors(spare=True)
    found = [
        states(Exact(coupling=coupling), b.program_of(n), times, 6)
        for n in (open_gate, bare, spare)
    ]
    for one, other, third in zip(*found, strict=True):
        assert_same(one, other)
        np.testing.assert_array_equal(one.counts, third.counts)
        np.testing.assert_array_equal(one.tally, third.tally[1:])


@BOTH
def test_an_inert_arrow_or_state_shifts_nothing(coupling: Coupling) -> None:
    """A transition with a lower number and a compartment before all others, nobody in it."""
    plain, times = treated(), np.linspace(0.0, 3.0, 13)
    more = replace(
        plain,
        compartments=(b.state("Z", stages=2, advance="kill"), *plain.compartments),
        transitions=(
            b.exit_of(0, "nothing", "Z", "kill * drug", b.outcome(A=1)),
            b.exit_of(4, "leave", "Z", 1.0, b.outcome(A=2), timed=True),
            *plain.transitions,
        ),
    )
    one = states(Exact(coupling=coupling), b.program_of(plain), times, 10)
    other = states(Exact(coupling=coupling), b.program_of(more), times, 10)
    for a, c in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.counts, c.counts[2:])
        np.testing.assert_array_equal(a.signal, c.signal)
        np.testing.assert_array_equal(a.tally, c.tally[1:4])


def test_a_stronger_kill_never_leaves_more() -> None:
    """Death alone, by the calendar: who dies at a lower hazard dies at a higher one (each lane)."""
    program = b.program_of(b.dosing(b.doses((0.0, 1.0)), start=30.0))
    times, engine = np.linspace(0.0, 3.0, 13), Exact(coupling=Coupling.DAYS)
    weak = states(engine, program, times, 30)
    strong = states(engine, program, times, 30, dose=2.6)
    assert all((s.counts <= w.counts).all() for s, w in zip(strong, weak, strict=True))
    assert strong[-1].counts.sum() < weak[-1].counts.sum()


@BOTH
def test_twins_differ_less_than_strangers(coupling: Coupling) -> None:
    """A kill of 0.9 and of 0.8: a tenth of the variance at most (measured: a thirtieth or less)."""
    program, lanes = b.program_of(treated(start=30.0)), max(40, LANES // 10)
    engine = Exact(coupling=coupling)
    (one,) = states(engine, program, [3.0], lanes)
    (other,) = states(engine, program, [3.0], lanes, kill=0.8)
    apart = one.counts[0].var() + other.counts[0].var()
    assert (one.counts[0] - other.counts[0]).var() < 0.1 * apart


# --- refusals -------------------------------------------------------------------------------------
def stopped(network: Network, engine: Engine, until: float = 3.0) -> SenescapeError:
    program = b.program_of(network)
    with pytest.raises(SenescapeError) as caught:
        states(engine, program, [until], 2)
    return caught.value


@BOTH
@pytest.mark.parametrize("text", ["birth - 2 * birth", "birth^2 / (birth - birth)"])
def test_a_rate_that_is_none_stops_the_run(text: str, coupling: Coupling) -> None:
    network = b.birth_death()
    bad = replace(network.transitions[0], hazard=parse(text))
    error = stopped(
        replace(network, transitions=(bad, network.transitions[1])), Exact(coupling=coupling)
    )
    assert error.check == "run.rate"
    assert "the rate of division out of A" in str(error) and "t = 0 day" in str(error)


@BOTH
def test_a_rate_that_turns_bad_between_events_stops_the_run(coupling: Coupling) -> None:
    """1 - 0.8 t is negative from 1.25 d on."""
    network = b.birth_death(start=20.0)
    bad = replace(network.transitions[0], hazard=parse("birth * (1 - 0.8 * birth * time)"))
    error = stopped(
        replace(network, transitions=(bad, network.transitions[1])), Exact(coupling=coupling)
    )
    assert error.check == "run.rate" and "t = 1." in str(error)


@BOTH
def test_an_advance_that_is_negative_stops_the_run(coupling: Coupling) -> None:
    network = b.erlang_chain()
    chain = replace(network.compartments[0], advance=parse("stage_rate - 2 * stage_rate"))
    error = stopped(replace(network, compartments=(chain,)), Exact(coupling=coupling))
    assert error.check == "run.rate" and "the advance out of W" in str(error)


@BOTH
def test_the_budget_of_events_is_kept(coupling: Coupling) -> None:
    engine = Exact(max_events=20, coupling=coupling)
    assert stopped(b.birth_death(birth=2.0, start=10.0), engine).check == "run.too-many-events"


@BOTH
@pytest.mark.parametrize("text", ["1e18 * birth", "1e18 * birth * (1 + birth * time)"])
def test_a_rate_without_bound_stops_the_run(text: str, coupling: Coupling) -> None:
    network = b.birth_death(start=20.0, death=0.0)
    bad = replace(network.transitions[1], hazard=parse(text))
    quiet = replace(network.transitions[0], hazard=parse("0 * birth"))
    error = stopped(replace(network, transitions=(quiet, bad)), Exact(coupling=coupling))
    assert error.check == "run.rate-unbounded"


@BOTH
def test_a_network_of_reactions_is_refused(coupling: Coupling) -> None:
    program = b.program_of(b.birth_death())
    table = program.transition.copy()
    table[0, 0] = TransitionKind.GENERAL
    with pytest.raises(SenescapeError, match="coupled exact engine") as caught:
        states(Exact(coupling=coupling), replace(program, transition=table), [1.0], 1)
    assert caught.value.check == "run.general-transition"


# --- planted bugs ---------------------------------------------------------------------------------
def mutant(*changes: tuple[str, str]) -> ModuleType:
    """Return the kernel's module with its text changed, as plain Python (nothing is compiled)."""
    text = Path(str(clocks_module.__file__)).read_text(encoding="utf-8")
    for right, wrong in (
        ("from numba import njit", "def njit(**_): return lambda kernel: kernel"),
        *changes,
    ):
        assert text.count(right) >= 1, right
        text = text.replace(right, wrong)
    spec = importlib.util.spec_from_loader("senescape.engines.exact.planted", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # the angle brackets tell coverage that no file holds this text
    exec(compile(text, "<planted>", "exec"), module.__dict__)
    # a compiled function gives back a plain integer, which is too large for the next one
    for name, maker in (("absorb", absorb), ("draw_key", draw_key)):
        setattr(module, name, lambda *words, maker=maker: np.uint64(maker(*words)))
    return module


def kernel(*changes: tuple[str, str]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(coupling_module, "clocks", mutant(*changes))


def rates_are_frozen_between_events(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exact_engine, "rates_move", lambda program: False)


def channels_are_keyed_by_their_row(patch: pytest.MonkeyPatch) -> None:
    def numbered(program: Program) -> object:
        table = program.transition.copy()
        table[:, 3] = np.arange(len(table))
        return tables_of(program)._replace(transition=table)

    patch.setattr(coupling_module, "tables_of", numbered)


def all_channels_share_a_clock(patch: pytest.MonkeyPatch) -> None:
    def numbered(program: Program) -> object:
        table = program.transition.copy()
        table[:, 3] = 1
        return tables_of(program)._replace(transition=table)

    patch.setattr(coupling_module, "tables_of", numbered)


def stages_are_keyed_by_the_place_of_their_state(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        coupling_module, "name_words", lambda p: np.arange(len(p.compartment_ids), dtype=np.uint64)
    )


def clocks_start_anew_at_each_stop(patch: pytest.MonkeyPatch) -> None:
    advance = coupling_module.advance_coupled

    def forgetful(program: Program, state: State, *rest: object, **options: object) -> None:
        state.clock[:] = 0.0
        state.clock[1] = state.time
        advance(program, state, *rest, **options)  # type: ignore[arg-type]

    patch.setattr(exact_engine, "advance_coupled", forgetful)


def shifted_by_a_state() -> None:
    """A state before the others, nobody in it, shifts no draw of a chain."""
    plain = three_doors()
    more = replace(plain, compartments=(b.state("Z"), *plain.compartments))
    engine = Exact(coupling=Coupling.CELL_DAYS)
    (one,), (other,) = (states(engine, b.program_of(n), [1.0], 5) for n in (plain, more))
    np.testing.assert_array_equal(one.counts, other.counts[1:])


def test_a_state_before_a_chain_shifts_nothing() -> None:
    shifted_by_a_state()


def twin(name: str) -> Callable[[], None]:
    return lambda: test_the_kernel_reads_the_points_as_the_slow_engine_does(
        name, Coupling.CELL_DAYS
    )


def small_law(network: Network, mean: float, variance: float, until: float) -> Callable[[], None]:
    """A closed form on few lanes, for a kernel that runs as plain Python."""

    def check() -> None:
        (last,) = states(Exact(coupling=Coupling.DAYS), b.program_of(network), [until], 60)
        same_mean(last.counts[0], mean, variance)

    return check


DEATH = b.birth_death(birth=0.0, death=0.7, start=40.0)
LEFT = math.exp(-0.7)
DEATH_LAW = small_law(DEATH, 40.0 * LEFT, 40.0 * LEFT * (1.0 - LEFT), 1.0)

PLANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Callable[[], None]]] = {
    "rates_are_frozen_between_events": (
        rates_are_frozen_between_events, twin("waning drug"),
    ),
    "channels_are_keyed_by_their_row": (
        channels_are_keyed_by_their_row,
        lambda: test_an_inert_arrow_or_state_shifts_nothing(Coupling.CELL_DAYS),
    ),
    "all_channels_share_a_clock": (
        all_channels_share_a_clock,
        lambda: test_birth_death_moments_and_extinction(1.0, 0.5, 1.5, ENGINES[1]),
    ),
    "stages_are_keyed_by_the_place_of_their_state": (
        stages_are_keyed_by_the_place_of_their_state, shifted_by_a_state,
    ),
    "clocks_start_anew_at_each_stop": (
        clocks_start_anew_at_each_stop,
        lambda: test_a_stop_leaves_no_trace("crowded", Coupling.CELL_DAYS),
    ),
    "every_candidate_is_an_event": (
        kernel(("strikes = height < bound[k]", "strikes = True")), DEATH_LAW,
    ),
    "a_clock_does_not_follow_the_number_of_cells": (
        kernel(("if cells[k] != speed[k]:", "if speed[k] == 0.0:")), twin("birth and death"),
    ),
    "a_point_is_thinned_by_its_bound": (
        kernel(("strikes = height < true", "strikes = height < bound[k]")), twin("drug"),
    ),
    "a_channel_that_has_struck_is_not_moved_on": (
        kernel(("shown[k], since[k], when[k] = reached", "shown[k], since[k], when[k] = shown[k]")),
        twin("doors"),
    ),
    "doors_by_one_number": (
        kernel(("at = -lane_log(chance) / share", "at = share")), twin("doors"),
    ),
    "signals_stand_still": (
        kernel(("if signals > 0:", "if False:"), ("if end == grid:", "if False:")), twin("secretion"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, ordinary = PLANTS[name]
    plant(monkeypatch)
    with np.errstate(all="ignore"), pytest.raises(AssertionError):
        ordinary()


def test_without_a_plant_the_kernel_as_plain_python_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel()(monkeypatch)
    assert "planted" not in sys.modules
    DEATH_LAW()
    twin("doors")()
