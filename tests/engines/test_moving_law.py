"""Laws of the exact engine where rates move between events, in each of its couplings.

Oracles: Kendall's law of a birth-death process whose rates read time, the time change of the first
and of the thirty-first event, the mean field and the branching law of linear programs. Every check
has a false alarm of 1e-6, about 5e-5 for all of them; seeds are fixed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad
from tests.engines import builders as b
from tests.engines import test_coupling as twins
from tests.engines import test_windows as windows
from tests.statistics import ALARM, same_mean, same_share, same_variance

import senescape.engines.exact.clocks as clocks_module
import senescape.engines.exact.coupling as coupling_module
import senescape.engines.exact.engine as exact_engine
import senescape.engines.exact.step as step_module
import senescape.engines.exact.windows as windows_module
from senescape.compile import Program
from senescape.engines.branching import probability_none
from senescape.engines.exact import Coupling, Exact
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Network
from senescape.run import run_lanes

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
LANES = 60 if PLAIN else 5000
TIMES = 60 if PLAIN else 1500
EACH = pytest.mark.parametrize("coupling", list(Coupling), ids=lambda c: c.value)


def live(
    program: Program, coupling: Coupling, stops: Float, lanes: int = LANES, seed: int = 3
) -> Float:
    """Return the first assay of every lane at the last stop."""
    table, streams = b.lanes_of(program, lanes), Streams.hosts(seed, lanes)
    *_, last = run_engine(Exact(coupling=coupling), program, table, streams, stops)
    return observe(program, last)[0]


# --- birth and death under a drug that decays -----------------------------------------------------
N0, BIRTH, DEATH, KILL, KE, DOSE, UNTIL = 10.0, 0.6, 0.2, 0.9, 0.8, 2.0, 2.0


def death(t: float) -> float:
    drug = DOSE * math.exp(-KE * t)
    return DEATH + KILL * drug / (1.0 + drug)


def shrinking(t: float) -> float:
    """Integral of death less birth; that of drug / (1 + drug) is a logarithm."""
    area = math.log((1.0 + DOSE) / (1.0 + DOSE * math.exp(-KE * t))) / KE
    return (DEATH - BIRTH) * t + KILL * area


def kendall() -> tuple[float, float, float]:
    """Mean, variance and chance of extinction of N0 lines (Kendall 1948)."""
    rho = shrinking(UNTIL)
    spread, _ = quad(lambda t: math.exp(shrinking(t)) * (BIRTH + death(t)), 0.0, UNTIL)
    ended, _ = quad(lambda t: math.exp(shrinking(t)) * death(t), 0.0, UNTIL)
    mean = N0 * math.exp(-rho)
    return mean, N0 * math.exp(-2.0 * rho) * spread, (ended / (1.0 + ended)) ** N0


@EACH
@pytest.mark.parametrize("stops", [1, 40])
def test_moments_and_extinction_under_a_drug(coupling: Coupling, stops: int) -> None:
    """The same whether windows are as long as the engine likes, or cut by 40 stops."""
    program = b.program_of(twins.treated(start=N0, doses=(0.0,)))
    mean, variance, none = kendall()
    found = live(program, coupling, np.linspace(0.0, UNTIL, stops + 1)[1:])
    same_mean(found, mean, variance)
    same_variance(found, variance)
    same_share(float((found == 0).sum()), float(found.size), none)


def test_the_mean_field_and_the_branching_law_have_these_numbers() -> None:
    program = b.program_of(twins.treated(start=N0, doses=(0.0,)))
    mean, _, none = kendall()
    table, stream = b.lanes_of(program), Streams.hosts(0, 1)
    (last,) = run_engine(MeanField(), program, table, stream, np.array([UNTIL]))
    assert observe(program, last)[0, 0] == pytest.approx(mean, rel=1e-5)
    chance = probability_none(program, table, until=UNTIL, compartments=[0])
    assert chance == pytest.approx(none, rel=1e-4)


# --- a linear program without a closed form -------------------------------------------------------
def treated_cycle() -> Network:
    """Three stages whose pace and losses read the drug, with a quiescent end."""
    network = b.cycle(stages=3, death=0.3, quiet=0.2, start=8.0)
    division, loss = network.transitions
    cycling, quiescent = network.compartments
    return replace(
        network,
        parameters=(*network.parameters, b.rate("ke", 0.7), b.number("dose", 1.5)),
        compartments=(
            replace(cycling, advance=parse("stage_rate / (1 + drug)")),
            quiescent,
        ),
        transitions=(division, replace(loss, hazard=parse("death * drug"))),
        signals=(b.drug(),),
        forcing=replace(network.forcing, breakpoints=b.doses([0.3, 1.1])),
    )


@EACH
def test_a_cycle_under_a_drug_has_the_mean_field_and_the_branching_law(coupling: Coupling) -> None:
    """The variance of the mean is that of the sample; the branching law gives extinction."""
    program = b.program_of(treated_cycle())
    table, stream = b.lanes_of(program), Streams.hosts(0, 1)
    (last,) = run_engine(MeanField(), program, table, stream, np.array([2.0]))
    found = live(program, coupling, np.array([2.0]))
    same_mean(found, float(observe(program, last)[0, 0]), float(found.var(ddof=1)))
    few = b.lanes_of(program, LANES, n0=2.0)
    (last,) = run_engine(
        Exact(coupling=coupling), program, few, Streams.hosts(4, LANES), np.array([2.0])
    )
    none = probability_none(program, b.lanes_of(program, n0=2.0), until=2.0, compartments=[0, 1])
    gone = observe(program, last)[0] == 0
    assert 0.05 < none < 0.95
    same_share(float(gone.sum()), float(LANES), none)


# --- times of events ------------------------------------------------------------------------------
class Stopped(Exception):
    """The budget is used up."""


def times_of(program: Program, coupling: Coupling, number: int, patch: pytest.MonkeyPatch) -> Float:
    """Return when event ``number`` of each lane happens; one host after another."""
    times: list[float] = []

    def note(_: Program, outcome: int, __: int, time: float) -> Stopped:
        assert outcome == step_module.TOO_MANY
        times.append(time)
        return Stopped()

    for module in (exact_engine, coupling_module):
        patch.setattr(module, "refusal", note)
    engine = Exact(max_events=number - 1, coupling=coupling)
    for host in range(TIMES):
        stream = Streams.hosts(5, 1, first=host)
        with pytest.raises(Stopped):
            list(run_engine(engine, program, b.lanes_of(program), stream, np.array([9e4])))
    return np.array(times)


def same_law(sample: Float, law: Callable[[Float], Float]) -> None:
    """Kolmogorov-Smirnov, false alarm 1e-6; a gap of 0.14 (1,500 times) is seen with 1 - 1e-6."""
    assert stats.kstest(sample, law).pvalue > ALARM


@EACH
def test_the_first_event_has_the_law_of_its_hazard(
    coupling: Coupling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten cells: 1 - exp(-10 times the integral of birth + death)."""
    program = b.program_of(twins.treated(start=N0, doses=(0.0,)))
    found = times_of(program, coupling, 1, monkeypatch)
    same_law(found, lambda t: 1.0 - np.exp([-N0 * (shrinking(x) + 2.0 * BIRTH * x) for x in t]))


@EACH
def test_the_thirty_first_event_has_the_law_of_its_hazard(
    coupling: Coupling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrivals at 10 (1 + drug) / (2 + drug) a day: the integral at the 31st is gamma of shape 31."""
    network = b.dosing(b.doses([0.0]), ke=KE, dose=DOSE, kill=10.0, start=0.0)
    arrival = b.exit_of(1, "arrival", None, "kill * (1 + drug) / (2 + drug)", b.outcome(A=1))
    program = b.program_of(replace(network, transitions=(arrival,)))
    found = times_of(program, coupling, 31, monkeypatch)
    there = np.exp(-KE * found)
    # (1 + c) / (2 + c) = 1/2 + c / (2 (2 + c)), c = DOSE e^(-KE t)
    area = 0.5 * found + 0.5 * np.log((2.0 + DOSE) / (2.0 + DOSE * there)) / KE
    same_law(10.0 * area, stats.gamma(31.0).cdf)


def test_rates_that_are_frozen_are_seen_in_these_laws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the drug stands still between two stops."""
    monkeypatch.setattr(exact_engine, "rates_move", lambda program: False)
    with pytest.raises(AssertionError):
        test_the_thirty_first_event_has_the_law_of_its_hazard(Coupling.NONE, monkeypatch)


# --- windows leave no trace -----------------------------------------------------------------------
SHORT = (
    ("TIGHT, LOOSE = 1.25, 1.5", "TIGHT, LOOSE = 1.002, 1.02"),
    ("CELLS = 2.0**-12, 16.0", "CELLS = 2.0**-12, 1.0"),
)


@pytest.mark.parametrize("coupling", twins.COUPLED, ids=lambda c: c.value)
@pytest.mark.parametrize("name", ["drug", "secretion", "crowded", "turning", "moving doors"])
def test_twins_by_clocks_do_not_see_the_windows(
    name: str, coupling: Coupling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tight bounds, hence short windows and narrow ranges: the same cells, to the last bit."""
    program = b.program_of(windows.NETWORKS[name])
    stops = [0.4, 1.0]
    one = twins.states(Exact(coupling=coupling), program, stops, 3)
    own = windows.kernels_of(clocks_module, SHORT)
    kernel = windows.plain(clocks_module, **own)
    monkeypatch.setattr(clocks_module, "advance_lanes", kernel["advance_lanes"])
    other = twins.states(Exact(coupling=coupling), program, stops, 3)
    for a, c in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.counts, c.counts)
        np.testing.assert_array_equal(a.tally, c.tally)
        np.testing.assert_allclose(a.signal, c.signal, rtol=1e-12)


def test_the_direct_method_has_the_same_law_in_short_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred lanes in plain Python, tight bounds."""
    own = windows.kernels_of(step_module, SHORT)
    kernel = windows.plain(step_module, **own)
    monkeypatch.setattr(exact_engine, "advance_lanes", kernel["advance_lanes"])
    program = b.program_of(twins.treated(start=N0, doses=(0.0,)))
    mean, variance, _ = kendall()
    same_mean(live(program, Coupling.NONE, np.array([UNTIL]), lanes=100), mean, variance)
    assert windows_module.TIGHT == 1.25


# --- bytes ----------------------------------------------------------------------------------------
@EACH
@pytest.mark.parametrize("name", ["drug", "secretion", "moving doors", "turning"])
def test_a_lane_is_the_same_alone_in_any_order_and_with_any_threads(
    name: str, coupling: Coupling, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, engine = b.program_of(windows.NETWORKS[name]), Exact(coupling=coupling)
    times, lanes = np.array([0.5, 1.2]), 5
    alone = [
        [s.counts.copy() for s in run_engine(engine, program, b.lanes_of(program), stream, times)]
        for stream in (Streams.hosts(6, 1, first=host) for host in range(lanes))
    ]
    turned = Streams.hosts(6, lanes)
    turned = replace(turned, draw=turned.draw[::-1], host=turned.host[::-1])
    table = b.lanes_of(program, lanes)
    backwards = [s.counts.copy() for s in run_engine(engine, program, table, turned, times)]
    for host in range(lanes):
        for stop in range(2):
            np.testing.assert_array_equal(
                backwards[stop][:, lanes - 1 - host], alone[host][stop][:, 0]
            )
    found = set()
    for threads in (1, 2, 3):
        monkeypatch.setenv("SENESCAPE_THREADS", str(threads))
        streams = Streams.hosts(6, lanes)
        with np.errstate(all="ignore"):  # of the pilot run by the leap, as plain Python
            found.add(run_lanes(engine, program, table, streams, times).tobytes())
    assert len(found) == 1


# --- what cannot go on ----------------------------------------------------------------------------
def stopped_by(formula: str, coupling: Coupling) -> SenescapeError:
    """Return the error of births and deaths at 0.5 a day each, the births by another formula."""
    network = b.birth_death(birth=0.5, death=0.5, start=20.0)
    bad = replace(network.transitions[0], hazard=parse(formula))
    other = replace(network.transitions[1], hazard=parse("0.1 * birth"))
    program = b.program_of(replace(network, transitions=(bad, other)))
    with pytest.raises(SenescapeError) as caught:
        live(program, coupling, np.array([5.0]), lanes=2)
    return caught.value


@EACH
def test_a_rate_with_a_pole_stops_just_before_it(coupling: Coupling) -> None:
    """(1 - t)^(-1/4) can be integrated: the run comes as near to day 1 as numbers go, and stops."""
    error = stopped_by("birth * (1 - 2 * birth * time)^(-0.25)", coupling)
    assert error.check == "run.rate-unbounded" and "t = 1 day (lane 0)" in str(error)


@EACH
def test_a_rate_that_turns_negative_is_named_with_its_time_and_state(coupling: Coupling) -> None:
    error = stopped_by("birth * (1 - birth * time)", coupling)
    assert error.check == "run.rate" and "division out of A" in str(error)
    assert "t = 2." in str(error)
