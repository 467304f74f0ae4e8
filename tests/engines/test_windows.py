"""Windows of the exact engine: what is kept over many events is what a slow reading finds now.

A kernel runs as plain Python and is stopped at every candidate: sums, signals and every hazard are
made anew from the numbers of cells alone, by the whole tape, and must lie where the kernel holds
them (:class:`SlowReading`). No chance is in it, so that a wrong bound, a stale weight or a rate that
was not read is seen at the first candidate that it concerns; planted bugs stand at the end. The laws
themselves are tested in test_exact and test_coupling.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import expm
from tests.bundled import read_scenario
from tests.engines import builders as b
from tests.engines import test_coupling as twins
from tests.statistics import ALARM, same_share

import senescape.engines.exact.clocks as clocks_module
import senescape.engines.exact.engine as exact_engine
import senescape.engines.exact.step as step_module
import senescape.engines.exact.windows as windows_module
from senescape.compile import Program, compile_scenario
from senescape.engines.exact import Coupling, Exact
from senescape.engines.exact.bounds import enclose_driven_signals
from senescape.engines.exact.moving import Moving, moving_of
from senescape.engines.exact.trees import find_weight, first_of_all, set_first, set_weight, sum_all
from senescape.engines.interpreter import read_tape_lane
from senescape.engines.protocol import run_engine
from senescape.engines.signals import propagate
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Network, Port
from senescape.rng import absorb, draw_key
from senescape.units import DIMENSIONLESS

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
NEAR = 1e-6


# --- networks -------------------------------------------------------------------------------------
def moving_doors() -> Network:
    """Shares of timed exits and of outcomes that read the drug, time and crowding; no rate does."""
    network = twins.three_doors()
    divide, rest, arrest, *others = network.transitions
    split = (
        b.outcome("0.4 + 0.3 * drug / (1 + drug)", W=2),
        b.outcome("0.6 - 0.3 * drug / (1 + drug)", Q=1),
    )
    return replace(
        network,
        parameters=(*network.parameters, b.rate("ke", 0.8), b.number("dose", 2.0), b.cells("K", 30.0)),
        transitions=(
            replace(divide, hazard=parse("0.5 * crowd"), routes=(replace(divide.routes[0], outcomes=split),)),
            replace(rest, hazard=parse("0.3 * drug / (1 + drug)")),
            arrest,
            *others,
        ),
        ports=(Port("crowd", DIMENSIONLESS, parse("live / (K + live)")),),
        signals=(b.drug(),),
        forcing=replace(network.forcing, breakpoints=b.doses([0.2])),
    )  # fmt: skip


def turning() -> Network:
    """A rate that has no bound while nobody is exposed, one that reads time, one that reads both."""
    network = b.two_types(start=12.0, mutation=0.2)
    division, death, mutant_division, mutant_death = network.transitions
    return replace(
        network,
        transitions=(
            replace(division, hazard=parse("birth * (1 + birth * time)")),
            death,
            replace(mutant_division, hazard=parse("mutant_birth * rare")),
            replace(mutant_death, hazard=parse("mutant_death * alone * (1 + birth * time)")),
        ),
        ports=(
            Port("rare", DIMENSIONLESS, parse("live / (mutants + 2 * live)")),
            Port("alone", DIMENSIONLESS, parse("live / mutants")),
        ),
    )


def marked() -> Network:
    """Death at 1 a day leaves M with probability drug, else nothing; the rate itself stands still."""
    network = b.dosing(b.doses([0.0]), ke=2.0, dose=1.0, kill=1.0, start=20.0)
    ends = (b.outcome("drug", M=1), b.outcome("1 - drug"))
    return replace(
        network,
        compartments=(*network.compartments, b.state("M")),
        transitions=(b.exit_of(1, "kill", "A", "kill", *ends),),
    )


NETWORKS = {
    **{n: twins.NETWORKS[n] for n in ("crowded", "doors", "secretion")},
    "drug": twins.treated(start=60.0, doses=(0.25, 0.6)),
    "waning drug": b.dosing(b.doses([0.0]), ke=4.0, dose=4.0, kill=0.7, start=60.0),
    "moving doors": moving_doors(),
    "turning": turning(),
    "filling": b.logistic(growth=3.0, capacity=20.0, start=4.0),
    "marked": marked(),
}


# --- a slow reading beside the kernel -------------------------------------------------------------
@dataclass
class SlowReading:
    """Looks at what a kernel holds; ``at``: its local names."""

    seen: int = 0
    decided: int = 0
    supply: Float = field(default_factory=lambda: np.zeros(0))

    def registers(self, at: dict[str, Any], time: float) -> Float:
        """Return every register at a time, from cells and signals alone; also check what is given."""
        tables, registers = at["tables"], at["registers"].copy()
        counts, slots = at["counts"], at["tables"].slot_ptr
        assays = registers[tables.assay_row :]
        found: dict[int, float] = {}
        for assay, compartment, weight in tables.weight:
            cells = counts[slots[compartment] : slots[compartment + 1]].sum()
            found[int(assay)] = found.get(int(assay), 0.0) + registers[weight] * cells
        for assay, value in found.items():
            assays[assay] = value
        given = at["supply"].copy()
        for signal, assay, rate in tables.secretion:
            given[signal] += registers[rate] * assays[assay]
        np.testing.assert_allclose(at["given"], given, rtol=1e-12)
        there, work = at["signal"].copy(), np.zeros((2, len(given)))
        propagate(tables.coupling, registers, there, given, time - at["known"], work)
        registers[tables.signal_row : tables.signal_row + len(there)] = there
        registers[tables.time_row] = time
        with np.errstate(all="ignore"):
            read_tape_lane(tables.tape, tables.lane_end, len(tables.tape), registers)
        return registers

    def cells(self, at: dict[str, Any], rate: int) -> float:
        moving, counts, slots = at["moving"], at["counts"], at["tables"].slot_ptr
        source = moving.source[rate]
        return 1.0 if source < 0 else float(counts[slots[source] : slots[source + 1]].sum())

    def candidate(self, at: dict[str, Any], time: float) -> None:
        """Every hazard lies within its bounds, whoever the candidate is."""
        self.seen += 1
        moving, registers = at["moving"], self.registers(at, time)
        for rate, row in enumerate(moving.rate_row):
            if row >= 0 and self.cells(at, rate) > 0.0:
                low, value, high = at["least"][rate], registers[row], at["most"][rate]
                assert low * (1 - NEAR) - NEAR <= value <= high * (1 + NEAR) + NEAR, (rate, time)

    def weights(self, at: dict[str, Any], time: float) -> None:
        """Every channel weighs its bound times the cells that are there."""
        self.candidate(at, time)
        moving, counts, leaves = at["moving"], at["counts"], at["leaves"]
        transitions = len(at["tables"].transition)
        for channel in range(transitions + len(counts)):
            slot = channel - transitions
            rate = channel if slot < 0 else transitions + moving.home[slot]
            cells = self.cells(at, rate) if slot < 0 else counts[slot]
            weight = at["most"][rate] * cells if cells > 0.0 and moving.rate_row[rate] >= 0 else 0.0
            assert at["sums"][leaves + channel] == weight, channel
        assert at["sums"][1] == pytest.approx(at["sums"][leaves:].sum(), rel=1e-12)

    def decision(self, at: dict[str, Any], *, accepted: bool) -> None:
        """A candidate is an event where it lies below the true rate, and nowhere else."""
        self.decided += 1
        true = self.registers(at, at["time"])[at["moving"].rate_row[at["rate"]]] * at["cells"]
        if accepted:
            assert at["place"] < true * (1 + NEAR)
        else:
            assert at["place"] > true * (1 - NEAR)

    def firing(self, at: dict[str, Any]) -> None:
        """What is read when an event happens is what the whole tape says."""
        registers, moving = self.registers(at, at["time"]), at["moving"]
        item = len(moving.rate_row) + at["rate"]
        rows = moving.need[moving.need_ptr[item] : moving.need_ptr[item + 1], 1]
        np.testing.assert_allclose(at["registers"][rows], registers[rows], rtol=1e-12)


HOOKS = (
    ("            chosen, place = find_weight(", "            slow.weights(locals(), time)\n"),
    ("                if not place < true * cells:\n", ""),
    ("                    vain -= 1\n", "                    slow.decision(locals(), accepted=False)\n"),
    ("            first, second = uniform(", "            slow.decision(locals(), accepted=True)\n"),
    ("            happen(\n", "            slow.firing(locals())\n"),
)  # fmt: skip


def plain(module: ModuleType, *changes: tuple[str, str], **names: object) -> dict[str, Any]:
    """Return a module's names, its text changed and run as plain Python; ``names`` replace others."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    right = ("from numba import njit", "def njit(**_): return lambda kernel: kernel")
    for old, new in (right, *changes):
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    spec = importlib.util.spec_from_loader(f"{module.__package__}.planted", loader=None)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    # the angle brackets tell coverage that no file holds this text
    exec(compile(text, "<planted>", "exec"), made.__dict__)
    # a compiled function gives back a plain integer, which is too large for the next one
    for name, maker in (("absorb", absorb), ("draw_key", draw_key)):
        setattr(made, name, lambda *words, maker=maker: np.uint64(maker(*words)))
    made.__dict__.update(names)
    return made.__dict__


def kernels_of(module: ModuleType, changes: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return the kernels of windows that a module calls, their text changed, as plain Python."""
    own = plain(windows_module, *changes)
    return {name: made for name, made in own.items() if name in vars(module) and callable(made)}


def watched(
    program: Program,
    until: float,
    patch: pytest.MonkeyPatch,
    *,
    step: tuple[tuple[str, str], ...] = (),
    windows: tuple[tuple[str, str], ...] = (),
    tables: Callable[[Moving], Moving] = lambda moving: moving,
    lanes: int = 2,
) -> SlowReading:
    """Run the direct method with a slow reading at its side."""
    slow = SlowReading()
    own = kernels_of(step_module, windows) if windows else {}
    hooks = tuple((line, hook + line) for line, hook in HOOKS)
    kernel = plain(step_module, *hooks, *step, slow=slow, **own)
    patch.setattr(exact_engine, "together_of", lambda program: None)
    patch.setattr(exact_engine, "moving_of", lambda p, moves: tables(moving_of(p, moves)))
    patch.setattr(exact_engine, "advance_lanes", kernel["advance_lanes"])
    table, streams = b.lanes_of(program, lanes), Streams.hosts(1, lanes)
    list(run_engine(Exact(), program, table, streams, np.array([until])))
    return slow


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_is_what_a_slow_reading_finds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = watched(b.program_of(NETWORKS[name]), 1.5, monkeypatch)
    assert slow.seen > 15 and slow.decided > 15


def test_a_scenario_is_what_a_slow_reading_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """MCF-7 after half an hour of the drug: 70 transitions, stages, crowding, drug and damage."""
    program = compile_scenario(read_scenario("mcf7-doxorubicin"), "100nM").program
    slow = watched(program, -1.88 if PLAIN else -1.87, monkeypatch, lanes=1)
    assert slow.seen > 8


# --- law, where the ranges of numbers of cells matter most ----------------------------------------
def test_logistic_growth_outside_the_lock_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five cells at most, the master equation's law; chi-square, false alarm 1e-6."""
    monkeypatch.setattr(exact_engine, "together_of", lambda program: None)
    program = b.program_of(b.logistic(growth=1.0, capacity=5.0, start=1.0))
    generator = np.zeros((6, 6))
    for n in range(1, 5):
        speed = n * (1.0 - n / 5.0)
        generator[n + 1, n] += speed
        generator[n, n] -= speed
    law, lanes = expm(1.5 * generator)[:, 1], 150 if PLAIN else 10_000
    table, streams = b.lanes_of(program, lanes), Streams.hosts(1, lanes)
    (last,) = run_engine(Exact(), program, table, streams, np.array([1.5]))
    seen = [(last.counts[0] == n).sum() for n in range(1, 6)]
    assert stats.chisquare(seen, lanes * law[1:]).pvalue > ALARM


def test_outcomes_follow_the_drug_at_the_time_of_the_event() -> None:
    """The drug decays at 2 a day: a share (1 - e^-3T) / 3 of all cells ends in M."""
    program, lanes = b.program_of(NETWORKS["marked"]), 60 if PLAIN else 2500
    table, streams = b.lanes_of(program, lanes), Streams.hosts(1, lanes)
    for coupling in Coupling:
        engine = Exact(coupling=coupling)
        (last,) = run_engine(engine, program, table, streams, np.array([1.5]))
        same_share(last.counts[1].sum(), 20.0 * lanes, (1.0 - math.exp(-4.5)) / 3.0)


@pytest.mark.parametrize("lanes", [5, 30 if PLAIN else 2500])
def test_outcomes_follow_time_where_all_rates_stand_still(lanes: int) -> None:
    """Without signals too: death at 1 a day, M with probability t / 2, in few lanes and in many."""
    network = b.birth_death(birth=0.5, death=1.0, start=20.0)
    ends = (b.outcome("birth * time", M=1), b.outcome("1 - birth * time"))
    network = replace(
        network,
        compartments=(*network.compartments, b.state("M")),
        transitions=(b.exit_of(1, "death", "A", "death", *ends),),
    )
    program = b.program_of(network)
    table, streams = b.lanes_of(program, lanes), Streams.hosts(2, lanes)
    (last,) = run_engine(Exact(), program, table, streams, np.array([1.5]))
    same_share(last.counts[1].sum(), 20.0 * lanes, 0.5 * (1.0 - 2.5 * math.exp(-1.5)))


@pytest.mark.parametrize("coupling", list(Coupling)[1:], ids=lambda c: c.value)
@pytest.mark.parametrize("name", ["moving doors", "turning"])
def test_twins_of_what_moves_are_those_of_the_slow_engine(
    name: str, coupling: Coupling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(twins.NETWORKS, name, NETWORKS[name])
    twins.test_the_kernel_reads_the_points_as_the_slow_engine_does(name, coupling)


def test_a_rate_that_turns_bad_between_events_stops_the_run() -> None:
    """1 - 0.4 t is negative from 2.5 d on; the direct method says so at a candidate soon after."""
    network = b.birth_death(birth=0.5, start=20.0)
    bad = replace(network.transitions[0], hazard=parse("birth * (1 - 0.8 * birth * time)"))
    program = b.program_of(replace(network, transitions=(bad, network.transitions[1])))
    with pytest.raises(SenescapeError, match=r"t = 2\.[5-9]") as caught:
        list(
            run_engine(
                Exact(), program, b.lanes_of(program, 1), Streams.hosts(1, 1), np.array([5.0])
            )
        )
    assert caught.value.check == "run.rate"


# --- pieces ---------------------------------------------------------------------------------------
def test_trees_say_what_a_walk_through_the_items_says() -> None:
    rng = np.random.default_rng(1)
    sums, when, first = np.zeros(32), np.full(16, math.inf), np.zeros(32, np.int64)
    first_of_all(first, 16, when)
    for _ in range(200):
        item = int(rng.integers(11))
        set_weight(sums, 16, item, float(rng.choice([0.0, rng.uniform()])))
        when[item] = float(rng.integers(5))
        set_first(first, 16, when, item)
        assert first[1] == np.argmin(when)
        kept = sums.copy()
        sum_all(sums, 16)
        np.testing.assert_array_equal(sums, kept)
        if sums[1] > 0.0:
            place = float(rng.choice([rng.uniform() * sums[1], sums[1]]))
            found, inside = find_weight(sums, 16, place)
            before = sums[16 : 16 + found].sum()
            assert sums[16 + found] > 0.0 and before + inside == pytest.approx(place)
            assert place == sums[1] or -1e-12 <= inside <= sums[16 + found] + 1e-12


def test_the_box_holds_signals_whatever_is_secreted() -> None:
    """300 paths whose supply jumps between its bounds at random times."""
    rng = np.random.default_rng(2)
    registers = np.array([-3.0, 2.0, -1.0])
    coupling = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 2]], np.int32)
    x, least, most, h = np.array([1.0, 0.5]), np.array([0.5, 0.0]), np.array([4.0, 0.3]), 0.08
    low, high, work, end = np.zeros(2), np.zeros(2), np.zeros((2, 2)), x.copy()
    propagate(coupling, registers, end, least, h, work)
    assert enclose_driven_signals(coupling, registers, x, end, least, most, h, low, high, *work)
    for _ in range(300):
        here = x.copy()
        for step in np.diff([0.0, *np.sort(rng.uniform(0.0, h, 4)), h]):
            propagate(coupling, registers, here, rng.choice([least, most]), step, work)
            assert (low <= here).all() and (here <= high).all()


def test_tables_say_what_a_rate_depends_on() -> None:
    program = b.program_of(NETWORKS["drug"])
    moving, frozen = moving_of(program, True), moving_of(program, False)
    assert moving.moves and moving.fixed.tolist() == [True, True, False, True]
    assert frozen.fixed.all() and not frozen.moves and not len(frozen.tape)
    kill = moving.need[moving.need_ptr[2] : moving.need_ptr[3]]
    assert kill[-1, 1] == program.transition[2, 2] and moving.drifts[2]
    crowd = moving_of(b.program_of(NETWORKS["crowded"]), True)
    assert len(crowd.crowd) == len(crowd.tape) > 0 and crowd.ranged.all()


# --- planted bugs ---------------------------------------------------------------------------------
def stale(moving: Moving) -> Moving:
    """No state has transitions that leave it at any age."""
    return moving._replace(leave_ptr=np.zeros_like(moving.leave_ptr))


def unread(moving: Moving) -> Moving:
    """The first row that each rate needs is left out."""
    own = [
        list(range(a + (z > a and item < len(moving.rate_row)), z))
        for item, (a, z) in enumerate(zip(moving.need_ptr, moving.need_ptr[1:], strict=False))
    ]
    ptr = np.cumsum([0, *(len(rows) for rows in own)])
    return moving._replace(need=moving.need[[r for rows in own for r in rows]], need_ptr=ptr)


PLANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a_bound_that_is_three_percent_low": (
        "waning drug", {"windows": (("max(0.0, top) * (1.0 + MARGIN)", "max(0.0, top) * 0.97"),)},
    ),
    "a_lower_bound_that_is_too_high": (
        "waning drug", {"windows": (("window.low[row] * (1.0 - MARGIN)", "window.low[row] * 1.6"),)},
    ),
    "a_squeeze_on_the_wrong_side": (
        "drug", {"step": (("place < least[rate] * cells", "place < most[rate] * cells"),)},
    ),
    "weights_are_stale_after_an_event": ("drug", {"tables": stale}),
    "a_rate_does_not_read_all_that_it_depends_on": ("drug", {"tables": unread}),
    "crowding_is_not_watched": (
        "crowded",
        {"tables": lambda m: m._replace(ranged=np.zeros_like(m.ranged))},
    ),
    "a_window_outlives_its_range": ("crowded", {"step": (("narrow = left < 1", "narrow = False"),)}),
    "secretion_is_not_enclosed": (
        "secretion", {"windows": (("product_bounds(speed, speed, low[assay], high[assay])", "0.0, 0.0"),)},
    ),
    "what_is_secreted_is_not_brought_up_to_date": (
        "secretion", {"tables": lambda m: m._replace(feeds=np.zeros_like(m.feeds))},
    ),
    "signals_are_bounded_where_they_are_now": (
        "waning drug",
        {"windows": (("high[tables.signal_row + i] = window.box[1, i]", "high[tables.signal_row + i] = 0.9 * window.there[i]"),)},
    ),
    "outcomes_are_those_of_the_last_reading": (
        "moving doors", {"step": (("if asks[rate]", "if False"),)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, how = PLANTS[name]
    with pytest.raises((AssertionError, SenescapeError)) as caught:
        watched(b.program_of(NETWORKS[network]), 1.5, monkeypatch, **how)
    error = caught.value
    assert not isinstance(error, SenescapeError) or error.check == "run.bound-broken"


Plant = tuple[tuple[str, str], ...]
CLOCK_PLANTS: dict[str, tuple[str, Plant, Plant]] = {
    "a_squeeze_on_the_wrong_side": ("drug", (("height >= sure[k]", "height >= bound[k]"),), ()),
    "a_point_is_looked_at_with_the_signals_of_long_ago": (
        "waning drug", (("struck - known, struck, rate,", "0.0, struck, rate,"),), (),
    ),
    "what_is_secreted_is_not_brought_up_to_date": (
        "secretion", (("fed = fed or feeds[home[changed[n]]]", "fed = False"),), (),
    ),
    "a_window_outlives_its_range": ("filling", (("narrow = left < 1", "narrow = False"),), ()),
    "outcomes_are_those_of_the_last_reading": (
        "marked", (("if asks[rate]", "if False"),), (),
    ),
    "a_bound_that_is_a_tenth_low": (
        "waning drug", (), (("max(0.0, top) * (1.0 + MARGIN)", "max(0.0, top) * 0.9"),),
    ),
    "a_lower_bound_that_is_too_high": (
        "waning drug", (), (("window.low[row] * (1.0 - MARGIN)", "window.low[row] * 1.6"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOCK_PLANTS)
def test_a_bug_planted_in_clocks_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the slow reading of the same points, or by the kernel's own check of its bounds."""
    network, clocks, windows = CLOCK_PLANTS[name]
    kernel = plain(clocks_module, *clocks, **kernels_of(clocks_module, windows))
    monkeypatch.setattr(clocks_module, "advance_lanes", kernel["advance_lanes"])
    monkeypatch.setitem(twins.NETWORKS, network, NETWORKS[network])
    with pytest.raises((AssertionError, SenescapeError)) as caught:
        twins.test_the_kernel_reads_the_points_as_the_slow_engine_does(network, Coupling.CELL_DAYS)
    error = caught.value
    assert not isinstance(error, SenescapeError) or error.check == "run.bound-broken"


def test_a_rate_beyond_its_bound_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the slow reading too: bounds a third too low, in the kernel alone."""
    own = kernels_of(step_module, (("max(0.0, top) * (1.0 + MARGIN)", "max(0.0, top) * 0.6"),))
    kernel = plain(step_module, **own)
    monkeypatch.setattr(exact_engine, "advance_lanes", kernel["advance_lanes"])
    program = b.program_of(NETWORKS["drug"])
    with pytest.raises(SenescapeError, match="outside its bounds") as caught:
        list(
            run_engine(
                Exact(), program, b.lanes_of(program, 3), Streams.hosts(1, 3), np.array([2.0])
            )
        )
    assert caught.value.check == "run.bound-broken"
