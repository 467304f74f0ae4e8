"""Networks from SBML in the exact engine: closed forms, exact times, events, refusals.

Statistical tests use the z-tests of tests/statistics.py: false alarm 1e-6 each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numba import config
from scipy import stats
from tests import sbml_texts as x
from tests.statistics import same_mean, same_share, same_variance

from senescape.compile import Program, lower
from senescape.engines.exact import Exact
from senescape.engines.exact.general import advance_general, start_general
from senescape.engines.leap import Leap
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine
from senescape.engines.state import State, Streams
from senescape.errors import SenescapeError
from senescape.files import parse_sbml
from senescape.run import networks
from senescape.run.networks import Counted, output_times, run_network


class Scalar(Exact):
    """The exact engine by the scalar kernel, whatever faster one it would choose."""

    def start(self, program: Program, parameters: np.ndarray, streams: Streams) -> State:
        return start_general(program, parameters, streams)

    def advance(self, program: Program, state: State, until: float) -> None:
        advance_general(program, state, until, self.max_events)


LANES = 200 if config.DISABLE_JIT else 20_000
BOTH: tuple[Engine, ...] = (Exact(), MeanField())
EXACT = pytest.mark.parametrize("exact", [Exact(), Scalar()], ids=["exact", "scalar"])
K = x.parameter("k", 0.5)


def program(**parts: Any) -> Program:
    return lower(parse_sbml(x.model(**parts)))


def run(
    engine: Engine, until: float, every: float, *, lanes: int = 1, seed: int = 1, **parts: Any
) -> Counted:
    return run_network(
        engine, program(**parts), output_times(until, every), replicates=lanes, seed=seed
    )


def path(counted: Counted, name: str) -> list[float]:
    return [float(v) for v in counted.values[counted.names.index(name), :, 0]]


# --- the law


@EXACT
def test_immigration_and_death_from_zero_is_poisson(exact: Exact) -> None:
    """X(t) is Poisson with mean (a / m)(1 - e^-mt); mean and variance, and the chance of none."""
    found = run(
        exact,
        3.0,
        3.0,
        lanes=LANES,
        species=(x.species("X"),),
        reactions=(x.reaction("In", "2", {}, {"X": 1}), x.reaction("Out", "0.5 * X", {"X": 1})),
    ).values[0, -1]
    mean = 4.0 * (1.0 - math.exp(-1.5))
    same_mean(found, mean, mean)
    same_variance(found, mean)
    same_share(int((found == 0).sum()), len(found), math.exp(-mean))


@EXACT
def test_pairs_are_counted_as_the_law_says(exact: Exact) -> None:
    """Two particles that meet: X(X-1)/2 = 1, so that both are left with chance e^-kt.

    A law of X^2 / 2 would give e^-2kt: 0.37 in place of 0.61, seen by any sample above 100.
    """
    found = run(
        exact,
        1.0,
        1.0,
        lanes=LANES,
        species=(x.species("X", 2), x.species("XX")),
        parameters=(K,),
        reactions=(x.reaction("Meet", "k * X * (X - 1) / 2", {"X": 2}, {"XX": 1}),),
    ).values
    assert set(np.unique(found[0, -1])) <= {0.0, 2.0}
    assert (found[0] / 2.0 + found[1] == 1.0).all()
    same_share(int((found[0, -1] == 2).sum()), found.shape[2], math.exp(-0.5))


@EXACT
def test_a_stoichiometry_above_one_comes_in_batches(exact: Exact) -> None:
    found = run(
        exact, 2.0, 2.0, lanes=LANES,
        species=(x.species("X"),),
        reactions=(x.reaction("In", "1.5", {}, {"X": 5}),),
    ).values[0, -1]  # fmt: skip
    assert (found % 5 == 0).all()
    same_mean(found, 15.0, 75.0)
    same_variance(found / 5.0, 3.0)


@EXACT
def test_a_concentration_is_an_amount_over_the_size(exact: Exact) -> None:
    """First order: the size cancels in k * X * cell; without the factor death is four times slower."""
    parts: dict[str, Any] = {
        "size": 'size="4"',
        "species": (x.species("X", 100, hasOnlySubstanceUnits="false"),),
        "parameters": (K,),
    }
    for law, speed in (("k * X * cell", 0.5), ("k * X", 0.125)):
        reactions = (x.reaction("Death", law, {"X": 1}),)
        found = run(exact, 1.0, 1.0, lanes=LANES, reactions=reactions, **parts).values[0, -1]
        left = math.exp(-speed)
        same_mean(found, 100.0 * left, 100.0 * left * (1.0 - left))


@EXACT
@pytest.mark.parametrize(
    ("law", "mean"),
    [
        ("3 * time", 6.0),
        ("2 * exp(-time)", 2.0 * (1.0 - math.exp(-2.0))),
        ("if(time < 0.5, 4, 0)", 2.0),
        ("rising", 4.0),
    ],
)
def test_propensities_that_read_time_are_thinned(exact: Exact, law: str, mean: float) -> None:
    """A Poisson process of rate f(t): the number up to 2 is Poisson with mean int f."""
    found = run(
        exact, 2.0, 1.0, lanes=LANES,
        species=(x.species("X"),),
        parameters=(x.parameter("rising", 1, "false"),),
        rules=(x.rate("rising", "1"),),
        reactions=(x.reaction("In", law, {}, {"X": 1}),),
    ).values[0, -1]  # fmt: skip
    same_mean(found, mean, mean)
    same_variance(found, mean)


# --- events

FLOW = (x.reaction("In", "10", {}, {"X": 1}), x.reaction("Out", "0.1 * X", {"X": 1}))


@pytest.mark.parametrize(
    "trigger", ["time >= 25", "not (time < 25)", "2 * time - 9 >= 41", "25 <= time"]
)
def test_a_timed_event_happens_exactly_at_its_time(trigger: str) -> None:
    """At t = 25 every replicate has 50; the wrong order (events after the output) shows 92."""
    found = run(
        Exact(), 26.0, 1.0, lanes=100, species=(x.species("X"),), reactions=FLOW,
        events=(x.event("reset", trigger, {"X": "50"}),),
    )  # fmt: skip
    assert (found.values[0, 25] == 50.0).all()
    assert found.sd[0, 24] > 5.0 and 0.0 < found.sd[0, 26] < 6.0


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
@pytest.mark.parametrize("trigger", ["time > 25", "2 * time - 9 > 41", "25 < time"])
def test_what_is_due_right_after_a_time_has_not_happened_at_it(
    engine: Engine, trigger: str
) -> None:
    """As in COPASI and libRoadRunner; whatever comes after, it happens once."""
    found = run(
        engine, 27.0, 1.0,
        species=(x.species("X", 7, boundaryCondition="true"),),
        parameters=(x.parameter("at", 0, "false"),),
        events=(x.event("late", trigger, {"X": "X + 1", "at": "time"}),),
    )  # fmt: skip
    assert path(found, "X")[24:] == [7, 7, 8, 8] and path(found, "at")[-1] == 25.0


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
def test_the_time_of_an_event_may_be_no_output(engine: Engine) -> None:
    found = run(
        engine, 3.0, 1.0,
        species=(x.species("X", 7, boundaryCondition="true"),),
        parameters=(x.parameter("at", 0, "false"),),
        events=(x.event("late", "time >= 1.7", {"X": "X + 1", "at": "time"}),),
    )  # fmt: skip
    assert path(found, "X") == [7, 7, 8, 8] and path(found, "at")[-1] == 1.7


def test_a_counter_that_is_reset_is_a_poisson_number_modulo_ten() -> None:
    """An event when X reaches 10 sets 0: X(t) = N(t) mod 10, its law by summing a Poisson's."""
    found = run(
        Exact(), 7.0, 7.0, lanes=LANES, species=(x.species("X"),),
        reactions=(x.reaction("In", "3", {}, {"X": 1}),),
        events=(x.event("reset", "X >= 10", {"X": "0"}),),
    ).values[0, -1]  # fmt: skip
    law = stats.poisson.pmf(np.arange(200), 21.0).reshape(20, 10).sum(axis=0)
    for value, chance in enumerate(law):
        same_share(int((found == value).sum()), len(found), float(chance))


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
@pytest.mark.parametrize(
    ("trigger", "initial", "fired"),
    [
        ("time >= 0", "true", [0, 0]),
        ("time >= 0", "false", [1, 1]),
        ("time > 0", "true", [0, 1]),
        ("time > 0", "false", [0, 1]),
        ("X > 5", "true", [0, 0]),
        ("X > 5", "false", [1, 1]),
        ("X < 5", "false", [0, 0]),
    ],
)
def test_initial_values_decide_at_the_start(
    engine: Engine, trigger: str, initial: str, fired: list[int]
) -> None:
    found = run(
        engine, 1.0, 1.0,
        species=(x.species("X", 7, boundaryCondition="true"), x.species("Y", 0, boundaryCondition="true")),
        events=(x.event("e", trigger, {"Y": "Y + 1"}, initial=initial),),
    )  # fmt: skip
    assert path(found, "Y") == fired


def test_each_change_from_false_to_true_is_one_event() -> None:
    """A condition that holds from 1 to 2 and from 3 on: two events, whatever the outputs."""
    for engine in BOTH:
        found = run(
            engine, 5.0, 5.0, species=(x.species("Y", 0, boundaryCondition="true"),),
            events=(x.event("e", "time > 1 and (time < 2 or time > 3)", {"Y": "Y + 1"}),),
        )  # fmt: skip
        assert path(found, "Y")[-1] == 2


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        # values of the moment of triggering, or of execution after the other's
        ({"at_trigger": "true", "priority": "1"}, {"priority": "2"}, 1.0),
        ({"at_trigger": "false", "priority": "1"}, {"priority": "2"}, 10.0),
        # the higher priority goes first, whatever the order of writing
        ({"at_trigger": "false", "priority": "3"}, {"priority": "2"}, 1.0),
        # without priority comes last
        ({"at_trigger": "false"}, {"priority": "-5"}, 10.0),
    ],
)
def test_priorities_and_values(
    engine: Engine, own: dict[str, str], other: dict[str, str], expected: float
) -> None:
    found = run(
        engine, 2.0, 1.0,
        species=(x.species("X", 1, boundaryCondition="true"), x.species("Y", 0, boundaryCondition="true")),
        events=(
            x.event("copy", "time >= 1", {"Y": "X"}, **own),
            x.event("raise", "time >= 1", {"X": "10 * X"}, **other),
        ),
    )  # fmt: skip
    assert path(found, "Y")[-1] == expected and path(found, "X")[-1] == 10.0


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
@pytest.mark.parametrize(("persistent", "expected"), [("true", 1), ("false", 0)])
def test_an_event_that_does_not_persist_is_called_off(
    engine: Engine, persistent: str, expected: int
) -> None:
    found = run(
        engine, 2.0, 1.0,
        species=(x.species("X", 1, boundaryCondition="true"), x.species("Y", 0, boundaryCondition="true")),
        events=(
            x.event("late", "time >= 1 and X > 0", {"Y": "1"}, persistent=persistent, priority="1"),
            x.event("first", "time >= 1", {"X": "0"}, priority="2"),
        ),
    )  # fmt: skip
    assert path(found, "Y")[-1] == expected


@pytest.mark.parametrize("engine", BOTH, ids=lambda e: e.name)
def test_events_set_each_other_off_at_one_time(engine: Engine) -> None:
    """A period that sets its own next time; each tick is exactly at its time."""
    found = run(
        engine, 1.0, 0.125,
        parameters=(x.parameter("next", 0.125, "false"), x.parameter("ticks", 0, "false")),
        events=(x.event("tick", "time >= next", {"next": "next + 0.125", "ticks": "ticks + 1"}),),
    )  # fmt: skip
    assert path(found, "ticks") == list(range(9))


def test_equal_priorities_are_drawn_with_equal_chances() -> None:
    found = run(
        Exact(), 1.0, 1.0, lanes=LANES,
        species=(x.species("X", 0, boundaryCondition="true"),),
        events=tuple(x.event(f"e{i}", "time >= 1", {"X": f"{i}"}, priority="1") for i in range(3)),
    ).values[0, -1]  # fmt: skip
    for value in range(3):
        same_share(int((found == value).sum()), len(found), 1.0 / 3.0)


# --- determinism


def test_results_do_not_depend_on_threads_or_on_company(monkeypatch: pytest.MonkeyPatch) -> None:
    own = program(
        species=(x.species("X"),), reactions=FLOW, events=(x.event("e", "X > 30", {"X": "5"}),)
    )
    times = output_times(6.0, 2.0)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("SENESCAPE_THREADS", threads)
        found.append(run_network(Exact(), own, times, replicates=150, seed=3).values)
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()
    few = run_network(Exact(), own, times, replicates=7, seed=3).values
    assert (few == found[0][:, :, :7]).all()
    other = run_network(Exact(), own, times, replicates=7, seed=4).values
    assert (few != other).any()


def test_output_times_are_multiples_without_rounding() -> None:
    assert list(output_times(0.5, 0.1)) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert list(output_times(1.0, 0.4)) == [0.0, 0.4, 0.8, 1.0]


# --- refusals

X3 = (x.species("X", 3),)
DEATH = (x.reaction("Death", "k * X", {"X": 1}),)


@pytest.mark.parametrize(
    ("engine", "parts", "said"),
    [
        (Exact(), {"species": X3, "reactions": (x.reaction("Gone", "1", {"X": 1}),)}, r"Gone would take more than there is at time .*X = 0\).*run\.below-zero"),
        (Exact(), {"species": X3, "reactions": (x.reaction("Back", "2 - X", {"X": 1}),)}, r"propensity of Back is -1 at time 0 .*X = 3\).*run\.rate\]"),
        (Exact(), {"species": X3, "reactions": (x.reaction("Back", "1 / (X - 3)", {"X": 1}),)}, r"Back is inf"),
        (Exact(), {"species": (x.species("X", 2.5),), "parameters": (K,), "reactions": DEATH}, r"X starts at 2\.5.*run\.not-whole"),
        (Exact(), {"species": X3, "parameters": (K, x.parameter("y", 1, "false")), "reactions": DEATH, "rules": (x.rate("y", "-y"),)}, r"y follows a rate rule.*mean-field.*run\.rate-rule"),
        (Exact(), {"species": X3, "parameters": (K,), "reactions": DEATH, "events": (x.event("e", "time * time > 9", {"X": "0"}),)}, r"event e reads time.*run\.event-time"),
        (Exact(), {"species": X3, "parameters": (K,), "reactions": DEATH, "events": (x.event("half", "time > 1", {"X": "1.5"}),)}, r"event half sets a value.*run\.event-value"),
        (MeanField(), {"species": X3, "parameters": (K,), "reactions": DEATH, "events": (x.event("less", "time > 1", {"X": "-1"}),)}, r"event less sets a value.*run\.event-value"),
        (Exact(), {"parameters": (x.parameter("a", 0, "false"),), "events": (x.event("on", "a < 1", {"a": "1"}, initial="false"), x.event("off", "a > 0", {"a": "0"}))}, r"without end.*run\.events-without-end"),
        (Exact(max_events=100), {"species": X3, "reactions": (x.reaction("In", "1e3", {}, {"X": 1}),)}, r"budget of events.*run\.too-many-events"),
        (Exact(), {"species": X3, "reactions": (x.reaction("In", "1e15", {}, {"X": 1}),)}, r"about 2e\+16 reactions.*run\.budget-hours"),
        (Leap(), {"species": X3, "parameters": (K,), "reactions": DEATH, "events": (x.event("e", "X < 2", {"X": "5"}),)}, r"e is an event.*run\.event"),
        (Leap(), {"species": X3, "parameters": (K,), "reactions": DEATH}, r"Death is a general transition"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_stops_with_its_reason(
    engine: Engine, parts: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if config.DISABLE_JIT:  # 200,000 reactions of a pilot take ten seconds there
        monkeypatch.setattr(networks, "PILOT_EVENTS", 5_000)
    with pytest.raises(SenescapeError, match=said) as caught:
        run(engine, 20.0, 20.0, **parts)
    assert "\n" not in str(caught.value)
