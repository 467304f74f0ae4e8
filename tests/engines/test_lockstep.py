"""The exact engine in lock-step: twin, tiers, neighbours and caches change no byte."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pytest
from numba import config
from numpy.typing import NDArray
from tests.bundled import read_scenario
from tests.engines import builders as b
from tests.statistics import same_mean, same_variance

from senescape.compile import Program, compile_scenario
from senescape.engines.exact import Exact, tiers
from senescape.engines.exact.alone import advance_lanes_alone
from senescape.engines.exact.flat import ADVANCE, BY_AGE, PLAIN, flat_of
from senescape.engines.exact.generate import carries, source_of
from senescape.engines.exact.lockstep import (
    LANES,
    TIME,
    TOTAL,
    advance_lanes_together,
    interpreter,
)
from senescape.engines.exact.together import may_be_negative, read_outside, together_of
from senescape.engines.interpreter import tape_reader
from senescape.engines.state import State, Streams
from senescape.engines.tables import tables_of
from senescape.errors import SenescapeError
from senescape.expressions import Binary, Call, Expr, Number, Symbol, parse
from senescape.network import Compartment, Kind, Network, Outcome, Port, Route, Transition
from senescape.units import DIMENSIONLESS

Float = NDArray[np.float64]
compiled = pytest.mark.skipif(
    config.DISABLE_JIT, reason="a run stays in its tier where kernels are not compiled"
)


def lawful(*functions: str) -> Network:
    """Return a network as from SBML, in which A dies by functions of its number."""
    law: Expr = Number(2.0)
    for name in functions:
        value = Call(name, (Binary("/", Symbol("A"), Number(60.0)),))
        law = Binary("+", law, Call("abs", (value,)))

    def changing(number: int, name: str, hazard: Expr, change: int) -> Transition:
        route = Route("as written", (Outcome((("A", change),)),))
        return Transition(number, name, hazard, (route,), kind=Kind.GENERAL)

    return Network(
        parameters=(),
        compartments=(Compartment("A", "A", "particle"),),
        transitions=(changing(0, "die", law, -1), changing(1, "arrive", Number(9.0), 1)),
        assays=(b.assay("A", "A"),),
        births=(b.born(20.0, A=1),),
        plain=True,
    )


NETWORKS = {
    "birth and death": b.birth_death(birth=0.5, death=0.3, start=20.0),
    "logistic": b.logistic(growth=0.9, capacity=60.0, start=10.0),
    "stages": b.cycle(stages=3, death=0.2, quiet=0.3, start=20.0),
    "two types": b.two_types(start=5.0, mutation=0.2),
    "arrivals": b.immigration_death(),
    "functions of SBML": lawful("sin", "cos", "tan", "floor", "ceil", "factorial"),
    "inverse functions of SBML": lawful("asin", "acos", "atan"),
}


def state_of(program: Program, lanes: int, first: int = 0) -> State:
    streams = Streams.hosts(7, lanes, first=first)
    return Exact().start(program, b.lanes_of(program, lanes), streams)


def together(
    program: Program, lanes: int, until: float, draw: object = None, carry: bool = False
) -> State:
    """Run the lock-step kernel itself, whatever the number of lanes."""
    state, flat = state_of(program, lanes), flat_of(program)
    assert flat is not None
    how = (carry, not carry, not carry)
    outcome, *_ = advance_lanes_together(
        flat, tables_of(program), tape_reader(), draw or interpreter(), *how, state.counts,
        state.tally, state.registers, state.key, state.counter, state.time, until, 10**6,
    )  # fmt: skip
    assert outcome == 0
    return state


def alone(program: Program, lanes: int, until: float) -> State:
    state, flat = state_of(program, lanes), flat_of(program)
    assert flat is not None
    outcome, *_ = advance_lanes_alone(
        flat, tables_of(program), tape_reader(), state.counts, state.tally, state.registers,
        state.key, state.counter, state.time, until, 10**6,
    )  # fmt: skip
    assert outcome == 0
    return state


def assert_same(one: State, other: State) -> None:
    for name in ("counts", "tally", "counter"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_kernel_and_its_twin_give_the_same_bytes(name: str) -> None:
    """More lanes than a block holds: places are filled again as lanes arrive."""
    program = b.program_of(NETWORKS[name])
    lanes = LANES + 9
    found = together(program, lanes, 1.5)
    assert_same(found, alone(program, lanes, 1.5))
    assert found.tally.sum() > lanes


@pytest.mark.parametrize("name", ["stages", "two types"])
def test_no_byte_depends_on_neighbours(name: str) -> None:
    """A lane in a full block, in a block of its own, and in two runs of half the lanes."""
    program = b.program_of(NETWORKS[name])
    many = state_of(program, LANES + 9)
    Exact().advance(program, many, 1.5)
    for first, count in ((0, 1), (0, 9), (9, LANES), (LANES, 9)):
        part = state_of(program, count, first)
        Exact().advance(program, part, 1.5)
        np.testing.assert_array_equal(part.counts, many.counts[:, first : first + count])
        np.testing.assert_array_equal(part.counter, many.counter[first : first + count])


def test_what_kinds_of_events_there_are() -> None:
    kinds = {}
    for name, network in NETWORKS.items():
        flat = flat_of(b.program_of(network))
        assert flat is not None
        kinds[name] = set(flat.event[:, 0].tolist())
    assert kinds["birth and death"] == {PLAIN}
    assert kinds["stages"] == {BY_AGE, ADVANCE}
    assert BY_AGE in kinds["two types"]


def test_what_moves_between_events_is_not_laid_flat() -> None:
    assert flat_of(b.program_of(b.secreting(start=5.0))) is None
    assert flat_of(b.program_of(b.treated_birth_death())) is None
    assert flat_of(compile_scenario(read_scenario("mcf7-doxorubicin"), "100nM").program) is None


def test_a_staged_chain_has_the_law_of_its_dwell() -> None:
    """Erlang 4, mean 2 days, 100 cells a lane; binomial mean and variance, false alarm 1e-6 each."""
    from scipy.stats import gamma

    program = b.program_of(b.erlang_chain(stages=4, mean=2.0, start=100.0))
    state = together(program, 200, 2.5)
    left = state.counts[: int(program.slot_ptr[1])].sum(axis=0)
    share = float(gamma(4, scale=0.5).sf(2.5))
    same_mean(left, 100.0 * share, 100.0 * share * (1.0 - share))
    same_variance(left, 100.0 * share * (1.0 - share))


@pytest.mark.parametrize("name", NETWORKS)
def test_generated_rounds_give_the_same_bytes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    program = b.program_of(NETWORKS[name])
    flat = flat_of(program)
    assert flat is not None
    source = source_of(flat, read_outside(program, flat))
    draw, interpreted = tiers.generated_round(source), together(program, LANES + 9, 1.5)
    assert_same(together(program, LANES + 9, 1.5, draw), interpreted)
    assert carries(flat) == (name not in ("stages", "two types"))  # these draw an outcome, a stage
    if carries(flat):
        assert_same(together(program, LANES + 9, 1.5, draw, carry=True), interpreted)


def test_long_programs_are_generated_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty types: more rows than one loop takes."""
    from senescape.engines.exact import generate

    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    monkeypatch.setattr(generate, "WHOLE", 3)
    monkeypatch.setattr(generate, "PART", 2)
    program = b.program_of(NETWORKS["stages"])
    flat = flat_of(program)
    assert flat is not None
    draw = tiers.generated_round(source_of(flat, read_outside(program, flat)))
    assert_same(together(program, LANES, 1.5, draw), together(program, LANES, 1.5))


PLANTS = {
    "one_draw_for_time_and_event": ("uniform(words[i], 1)", "uniform(words[i], 0)"),
    "rates_are_five_percent_high": ("/ total", "/ (1.05 * total)"),
    "time_starts_anew_at_each_event": (f"at = f[{TIME} + i] -", "at = 0.0 -"),
    "the_next_event_happens": ("n = 0.0", "n = 1.0"),
    "events_happen_after_the_stop": ("0.0 if at <= until else 1.0", "0.0"),
    "the_wait_is_uniform": ("- lane_log_of_normal(uniform(words[i], 0))", "+ uniform(words[i], 0)"),
    "numbers_change_after_the_stop": ("(at <= until) & (total < np.inf)", "total < np.inf"),
    "the_first_event_changes_nothing": ("x = 1.0", "x = 0.0"),
    "a_later_event_changes_as_the_first": ("x = x + (-2.0 if", "x = x + (0.0 if"),
    # the sum of the round before still stands in the buffer when the new one is made
    "rates_are_one_event_late": (
        f"        f[{TOTAL} + i] = total\n",
        f"        total, f[{TOTAL} + i] = max(1.0, f[{TOTAL} + i]), total\n",
    ),
}


@pytest.mark.skipif(
    config.DISABLE_JIT, reason="a planted run may take a million rounds: too long in plain Python"
)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_bug_planted_in_a_generated_round_is_caught(
    plant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the comparison with the twin, which is an ordinary test above."""
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    program = b.program_of(NETWORKS["birth and death"])
    flat = flat_of(program)
    assert flat is not None
    right, wrong = PLANTS[plant]
    source = source_of(flat, set())
    assert source.count(right) >= 1
    draw = tiers.generated_round(source.replace(right, wrong))
    twin = alone(program, 20, 1.5)
    with pytest.raises(AssertionError):  # of other bytes, or of a run that does not end well
        assert_same(together(program, 20, 1.5, draw, carry=True), twin)


@compiled
def test_a_run_changes_its_tier_where_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    program = b.program_of(b.birth_death(birth=0.51, death=0.29, start=21.0))
    plain = state_of(program, LANES)
    for until in (1.0, 2.0, 3.0):
        Exact().advance(program, plain, until)
    monkeypatch.setattr(tiers, "PAYS", 1)
    together_of.cache_clear()
    quick = state_of(program, LANES)
    for until in (1.0, 2.0, 3.0):
        Exact().advance(program, quick, until)
    assert list(tmp_path.glob("round_*.py"))
    assert_same(plain, quick)


def _draw_in(folder: str, done: Queue[bytes]) -> None:
    os.environ[tiers.FOLDER] = folder
    program = b.program_of(NETWORKS["logistic"])
    flat = flat_of(program)
    assert flat is not None
    draw = tiers.generated_round(source_of(flat, set()))
    done.put(together(program, 3, 1.0, draw).counts.tobytes())


@pytest.mark.parametrize("damage", ["half", "changed", "index", "folder"])
def test_a_damaged_cache_costs_time_only(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path / "kernels"))
    program = b.program_of(NETWORKS["logistic"])
    flat = flat_of(program)
    assert flat is not None
    source = source_of(flat, set())
    expected = together(program, 3, 1.0, tiers.generated_round(source)).counts
    (path,) = (tmp_path / "kernels").glob("round_*.py")
    text = path.read_text(encoding="utf-8")
    if damage == "half":
        path.write_text(text[: len(text) // 2], encoding="utf-8")
    elif damage == "changed":
        path.write_text(text.replace("total", "until"), encoding="utf-8")
    elif damage == "index":
        for file in (tmp_path / "kernels").rglob("*.nb*"):
            file.write_bytes(b"damaged")
    else:
        monkeypatch.setenv(tiers.FOLDER, str(path))  # a file stands where the folder should
    found = together(program, 3, 1.0, tiers.generated_round(source)).counts
    np.testing.assert_array_equal(found, expected)
    if damage != "folder":
        assert path.read_text(encoding="utf-8") == text


def test_two_processes_may_write_the_same_kernel(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    both = [context.Process(target=_draw_in, args=(str(tmp_path), done)) for _ in range(2)]
    for process in both:
        process.start()
    answers = {done.get(timeout=120) for _ in both}
    for process in both:
        process.join()
    assert len(answers) == 1
    assert not list(tmp_path.glob("*.part"))


def crowded(law: str) -> Network:
    """Cells that grow beyond the 20 at which ``law`` turns, for arrivals do not mind."""
    return Network(
        (b.cells("n0", 15.0), b.rate("k", 1.0), b.rate("inflow", 5.0), b.cells("room", 20.0)),
        (b.state("A"),),
        (
            b.exit_of(1, "grow", "A", law, b.outcome(A=2)),
            b.exit_of(2, "arrive", None, "inflow", b.outcome(A=1)),
        ),
        ports=(Port("crowd", DIMENSIONLESS, parse("live / room")),),
        assays=(b.assay("live", "A"),),
        births=(b.born("n0", A=1),),
    )


@pytest.mark.parametrize("lanes", [2, LANES])
def test_too_many_events_stop_the_run(lanes: int) -> None:
    program = b.program_of(b.birth_death(birth=2.0, death=0.0, start=10.0))
    state = state_of(program, lanes)
    with pytest.raises(SenescapeError) as caught:
        Exact(max_events=20).advance(program, state, 5.0)
    assert caught.value.check == "run.too-many-events"


@pytest.mark.parametrize("lanes", [2, LANES])
@pytest.mark.parametrize("law", ["k * (1 - crowd)", "k * log(2 - crowd)"])
def test_a_rate_that_turns_bad_stops_the_run(law: str, lanes: int) -> None:
    """Above capacity the birth rate is negative, or no number: transition, time and lane are named."""
    program = b.program_of(crowded(law))
    state = state_of(program, lanes)
    with pytest.raises(SenescapeError, match="the rate of grow out of A is negative") as caught:
        Exact().advance(program, state, 50.0)
    assert caught.value.check == "run.rate"
    assert 0.0 < state.counts.max() <= 42.0


@compiled
def test_an_infinite_rate_shows_the_numbers_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a generated round lets events happen, the one that has no time to happen in does not."""
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    monkeypatch.setattr(tiers, "PAYS", 0)
    program = b.program_of(crowded("k / abs(crowd - 1)"))
    state = state_of(program, LANES)
    with pytest.raises(SenescapeError, match="the rate of grow out of A") as caught:
        Exact(max_events=10_000).advance(program, state, 50.0)
    assert caught.value.check == "run.rate"
    assert 20.0 in state.counts
    assert not (state.counts == 21.0).any()


@compiled
def test_a_rate_that_turns_negative_stops_a_run_that_could_be_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tiers.FOLDER, str(tmp_path))
    monkeypatch.setattr(tiers, "PAYS", 0)
    program = b.program_of(crowded("k * (1 - crowd)"))
    with pytest.raises(SenescapeError, match="the rate of grow out of A is negative"):
        Exact().advance(program, state_of(program, LANES), 50.0)


def test_only_rates_that_could_be_negative_are_watched() -> None:
    for law, watched in (("k * (1 - crowd)", True), ("k / (1 + crowd)", False)):
        program = b.program_of(crowded(law))
        flat = flat_of(program)
        assert flat is not None
        assert may_be_negative(program, flat, state_of(program, 2).registers) == watched
