"""Does the leap keep counts whole and never negative, in a million steps of random networks?

Usage: .venv/bin/python verification/leap_fuzz.py [--steps 1000000] [--seed 1]

Random networks of two to five compartments with one to twelve stages: births, deaths, moves, pairs
of cells sent elsewhere, mutation at division, asymmetric division, timed exits with shares, gates,
re-routing, inflow; rates that read a drug, a secreted factor or crowding; boluses, infusions and
redistributions between and at steps. Rates over six decades (1e-4 to 1e2 a day), steps of 1e-3 to
10 days, forced (no halving, so that rate times step reaches 1000), 0 to 1e12 cells a compartment.

After every step of every lane: no count negative, fractional or not finite; no tally that shrinks;
no cell out of none where nothing arrives; where every transition has one outcome, counts are the
start plus what the tallies say, to the last cell. Growth beyond 1e15 cells must be refused as such
(the run ends there). A sixth of the networks run at the default settings of halving, checked
at the end of each longest step; their steps are counted apart. Half of the others run as blocks of
lanes in lock-step. Last, chains that must keep their
number of cells, by step. Written: leap_fuzz.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.engines import builders as b  # noqa: E402

import senescape.engines.leap.engine as leap_engine  # noqa: E402
from senescape.compile import Program, TransitionKind  # noqa: E402
from senescape.engines.leap import Leap  # noqa: E402
from senescape.engines.protocol import advance_to, observe  # noqa: E402
from senescape.engines.state import State, Streams  # noqa: E402
from senescape.errors import RunError  # noqa: E402
from senescape.network import (  # noqa: E402
    Breakpoint,
    Compartment,
    Forcing,
    Network,
    Outcome,
    Parameter,
    Port,
    Redistribute,
    Signal,
    SignalKind,
    Term,
    Transition,
)
from senescape.units import DIMENSIONLESS  # noqa: E402

Float = NDArray[np.float64]

LANES, ROUNDS = 8, 60
SLOWEST, FASTEST = -4.0, 2.0  # decades of rates [1/day]
SHORTEST, LONGEST = -3.0, 1.0  # decades of steps [day]
MOST_CELLS = 12.0  # decades
STAGES = (1, 1, 1, 2, 4, 12)
DEFAULT_EVERY = 6
EXACT_BELOW = 2.0**53


# --- random networks -----------------------------------------------------------------------------
@dataclass
class Draft:
    """A network in the making."""

    rng: np.random.Generator
    single: bool
    parameters: list[Parameter] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    rates: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    gates: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)

    def rate(self) -> str:
        """Return the formula of a new rate, perhaps one that the surroundings change."""
        name = f"r{len(self.rates)}"
        self.rates.append(name)
        self.parameters.append(b.rate(name, 1.0))
        form = self.rng.choice(
            ["{}", "{}", "{}", "{} * drug", "{} / (1 + factor)", "{} * room", "{} * (1 + drug)"]
        )
        return str(form).format(name)

    def weight(self) -> str:
        """Return a new share of a timed exit."""
        name = f"w{len(self.weights)}"
        self.weights.append(name)
        self.parameters.append(b.number(name, 1.0))
        return name

    def gate(self) -> str | None:
        """Return a new gate, or none."""
        if self.rng.random() < 0.8:
            return None
        name = f"g{len(self.gates)}"
        self.gates.append(name)
        self.parameters.append(b.number(name, 1.0))
        return name

    def row(self, products: list[dict[str, int]]) -> list[Outcome]:
        """Return outcomes with random shares, rare ones among them."""
        if self.single or len(products) == 1:
            return [b.outcome(1.0, **products[0])]
        rare = float(10 ** self.rng.uniform(-9, -0.3))
        shares = [1.0 - rare, rare]
        if len(products) > 2:
            third = float(self.rng.random()) * (1.0 - rare)
            shares = [1.0 - rare - third, rare, third]
        return [b.outcome(s, **p) for s, p in zip(shares, products, strict=False)]

    def add(
        self, source: str | None, hazard: str, rows: list[list[Outcome]], *, timed: bool = False
    ) -> None:
        """Add one transition; several rows are routes, chosen by a parameter."""
        index, route = len(self.transitions) + 1, None
        if len(rows) > 1:
            route = f"route{len(self.routes)}"
            self.routes.append(route)
            self.parameters.append(b.number(route, 0.0))
        self.transitions.append(
            b.exit_of(
                index,
                f"t{index}",
                source,
                hazard,
                *(rows[0] if route is None else ()),
                timed=timed,
                gate=self.gate(),
                route=route,
                routes=rows if route is not None else (),
            )
        )


def products(rng: np.random.Generator, own: str, others: list[str], kind: str) -> dict[str, int]:
    """Return what one cell becomes."""
    other = str(rng.choice(others))
    return {
        "two": {own: 2},
        "none": {},
        "move": {other: 1},
        "pair": {other: 2},
        "one": {own: 1, other: 1},
        "many": {own: 1, other: 3},
    }[kind]


def network_of(rng: np.random.Generator) -> tuple[Network, Draft]:
    """Draw one network."""
    draft = Draft(rng, single=bool(rng.random() < 0.4))
    names = [f"C{i}" for i in range(int(rng.integers(2, 6)))]
    compartments: list[Compartment] = []
    births = []
    for name in names:
        others = [n for n in names if n != name]
        stages = int(rng.choice(STAGES))
        clocked = stages > 1 or rng.random() < 0.2
        advance = draft.rate() if clocked else None
        compartments.append(b.state(name, stages=stages, advance=advance))
        draft.parameters.append(b.cells(f"n{name}", 0.0))
        births.append(b.born(f"n{name}", **{name: 1.0}))
        leaving = ["none", "move", "pair"]
        anything = [*leaving, "two", "two", "one", "many"]
        for timed in [True] * int(clocked and rng.integers(0, 4)) + [False] * int(
            rng.integers(0, 4)
        ):
            kinds = leaving if stages > 1 and not timed else anything
            rows = [
                draft.row(
                    [
                        products(rng, name, others, str(rng.choice(kinds)))
                        for _ in range(int(rng.integers(1, 4)))
                    ]
                )
                for _ in range(1 + int(rng.random() < 0.2))
            ]
            hazard = draft.weight() if timed else draft.rate()
            draft.add(name, hazard, rows, timed=timed)
    if rng.random() < 0.3 or not draft.transitions:
        draft.add(None, draft.rate(), [draft.row([{str(rng.choice(names)): 1}])])
    draft.parameters += [
        b.rate("ke", 1.0),
        b.number("dose", 1.0),
        b.rate("speed", 1.0),
        b.rate("secretion", 1.0),
        b.rate("clearance", 1.0),
        b.cells("unit", 1.0),
        b.cells("capacity", 1.0),
    ]
    factor = Signal(
        "factor",
        DIMENSIONLESS,
        SignalKind.LINEAR,
        (Term(b.formula("secretion / unit"), "secretors"), Term(b.formula("-clearance"), "factor")),
    )
    return (
        Network(
            parameters=tuple(draft.parameters),
            compartments=tuple(compartments),
            transitions=tuple(draft.transitions),
            signals=(b.drug(), factor),
            ports=(Port("room", DIMENSIONLESS, b.formula("max(0, 1 - live / capacity)")),),
            assays=(b.assay("live", *names), b.assay("secretors", names[-1])),
            births=tuple(births),
            forcing=Forcing(events(rng, names, draft.single)),
        ),
        draft,
    )


def events(rng: np.random.Generator, names: list[str], single: bool) -> tuple[Breakpoint, ...]:
    """Draw doses; their times are in steps, and scaled when the step is known."""
    points = list(b.doses(sorted(rng.uniform(0, ROUNDS, int(rng.integers(0, 4))))))
    if rng.random() < 0.3:
        start = float(rng.integers(0, ROUNDS))
        points += b.infusion(start, start + float(rng.choice([1e-6, 0.5, 7.0])))
    if not single and rng.random() < 0.3:
        source, target = rng.choice(names, 2, replace=False)
        moved = (
            (None, b.formula(float(rng.uniform(0, 0.5)))),
            (str(target), b.formula(float(rng.uniform(0, 0.5)))),
        )
        when = float(rng.integers(1, ROUNDS))
        points.append(Breakpoint(when, (Redistribute(str(source), moved, 0),)))
    return tuple(sorted(points, key=lambda p: p.time))


def scaled(network: Network, step: float) -> Network:
    """Return the network with the times of its events in days."""
    from dataclasses import replace

    points = tuple(replace(p, time=p.time * step) for p in network.forcing.breakpoints)
    return replace(network, forcing=Forcing(points))


def table_of(
    rng: np.random.Generator, program: Program, draft: Draft, step: float, top: float
) -> Float:
    """Draw the parameters of every lane; rate times step is at most ``top``."""

    def decades(low: float, high: float) -> Float:
        return 10 ** rng.uniform(low, high, LANES)

    # every second network keeps growth within bounds over its run, the others may burst
    if rng.random() < 0.5:
        top = min(top, 0.5 / ROUNDS * 10 ** float(rng.uniform(0, 2)))
    changes: dict[str, Float] = {}
    for name in draft.rates:
        changes[name] = np.minimum(decades(SLOWEST, FASTEST), top / step)
        changes[name][rng.random(LANES) < 0.05] = 0.0
    for parameter in draft.parameters:
        if parameter.name.startswith("nC"):
            start = np.floor(decades(-1, MOST_CELLS))
            start[rng.random(LANES) < 0.2] = 0.0
            changes[parameter.name] = start
    for name in draft.weights:
        changes[name] = rng.random(LANES) * (rng.random(LANES) < 0.9)
    for name in draft.gates:
        changes[name] = rng.integers(0, 2, LANES).astype(float)
    for name in draft.routes:
        changes[name] = rng.integers(0, 2, LANES).astype(float)
    changes["ke"] = np.minimum(decades(-4, 2), 1e3 / step)
    changes["clearance"] = np.minimum(decades(-4, 2), 1e3 / step)
    changes["dose"] = decades(-3, 1)
    changes["speed"] = decades(-3, 1)
    changes["secretion"] = decades(-12, -1)
    changes["capacity"] = decades(1, 13)
    if rng.random() < 0.3:  # few cells, that may die out
        for parameter in draft.parameters:
            if parameter.name.startswith("nC"):
                changes[parameter.name] = np.floor(decades(-1, 1.5))
    # nothing at all, in every lane of a few networks
    if rng.random() < 0.02:
        for name in changes:
            if name.startswith("nC"):
                changes[name] = np.zeros(LANES)
    return b.lanes_of(program, LANES, **changes)


# --- checks --------------------------------------------------------------------------------------
class Balance:
    """What counts must be, from the tallies, where every transition has one outcome."""

    def __init__(self, program: Program, state: State, table: Float) -> None:
        self.program = program
        self.change = np.zeros((len(program.compartment_ids), len(program.transition_ids), LANES))
        for t, (_, source, _, _) in enumerate(program.transition.tolist()):
            for lane in range(LANES):
                row, first = int(program.route_row[t]), int(program.route_ptr[t])
                route = first + (int(table[row, lane]) if row >= 0 else 0)
                outcome = int(program.outcome_ptr[route])
                if source >= 0:
                    self.change[source, t, lane] -= 1.0
                for p in range(program.product_ptr[outcome], program.product_ptr[outcome + 1]):
                    self.change[program.product[p, 0], t, lane] += program.product[p, 1]
        self.start = self.cells(state)
        self.budding = np.zeros((len(program.compartment_ids), LANES), np.bool_)
        for t, (kind, source, _, _) in enumerate(program.transition.tolist()):
            if kind == TransitionKind.TIMED and program.stages[source] > 1:
                self.budding[source] |= self.change[source, t] == 0.0

    def cells(self, state: State) -> Float:
        return np.add.reduceat(state.counts, self.program.slot_ptr[:-1], axis=0)

    def wrong(self, state: State) -> tuple[int, int]:
        """Count the lanes that do not add up; and those of them outside budding chains.

        A budding chain has stages and a timed exit that leaves one cell behind: see leap_fuzz.md.
        """
        moved = (self.change * state.tally).sum(axis=1)
        size = (np.abs(self.change) * state.tally).sum(axis=1)
        exact = (size + self.start < EXACT_BELOW).all(axis=0)
        off = (self.cells(state) != self.start + moved) & exact
        return int(off.any(axis=0).sum()), int((off & ~self.budding).any(axis=0).sum())


@dataclass
class Found:
    """Numbers of steps and of each failure, and the largest numbers seen."""

    networks: int = 0
    steps_checked: int = 0
    steps_default: int = 0
    lane_steps_extinct: int = 0
    lanes_that_died_out: int = 0
    balanced_lane_steps: int = 0
    refused_too_many_cells: int = 0
    negative: int = 0
    fractional: int = 0
    not_finite: int = 0
    tally_shrank: int = 0
    back_from_extinction: int = 0
    out_of_balance: int = 0
    out_of_balance_elsewhere: int = 0
    other_refusals: int = 0
    errors: list[str] = field(default_factory=list)
    largest_count: float = 0.0
    largest_tally: float = 0.0
    longest_step: float = 0.0
    shortest_step: float = np.inf
    largest_rate_times_step: float = 0.0

    @property
    def failures(self) -> int:
        return (
            self.negative
            + self.fractional
            + self.not_finite
            + self.tally_shrank
            + self.back_from_extinction
            + self.out_of_balance
            + self.other_refusals
        )


def check(found: Found, state: State, tally: Float, dead: NDArray[np.bool_]) -> None:
    """Count what is wrong with the state after a step."""
    counts = state.counts
    for numbers in (counts, state.tally):
        found.not_finite += int((~np.isfinite(numbers)).sum())
        found.negative += int((numbers < 0.0).sum())
        found.fractional += int((numbers != np.floor(numbers)).sum())
    found.tally_shrank += int((state.tally < tally).sum())
    found.back_from_extinction += int((dead & (counts.sum(axis=0) > 0.0)).sum())
    found.largest_count = max(found.largest_count, float(counts.max()))
    found.largest_tally = max(found.largest_tally, float(state.tally.max()))


def fuzz(found: Found, seed: int, index: int, taken: list[int]) -> None:
    """Run one random network."""
    rng = np.random.default_rng([seed, index])
    default = index % DEFAULT_EVERY == 0
    # every second network in blocks; steps are counted where lanes run one after another
    leap_engine.FEWEST = 10**9 if default or index % 2 else 1
    step = float(10 ** rng.uniform(SHORTEST, LONGEST))
    draft_network, draft = network_of(rng)
    program = b.program_of(scaled(draft_network, step))
    table = table_of(rng, program, draft, step, 50.0 if default else np.inf)
    engine = Leap(step=step) if default else Leap(step=step, tolerance=1e9, composition=1e9)
    arrives = any(t.source is None for t in draft_network.transitions)
    state = engine.start(program, table, Streams.hosts(seed, LANES, first=index * LANES))
    balance = Balance(program, state, table) if draft.single else None
    found.networks += 1
    found.longest_step = max(found.longest_step, step)
    found.shortest_step = min(found.shortest_step, step)
    rates = [table[program.parameter(name)].max() for name in draft.rates]
    found.largest_rate_times_step = max(found.largest_rate_times_step, step * max(rates))
    was_alive = state.counts.sum(axis=0) > 0.0
    for turn in range(ROUNDS):
        tally = state.tally.copy()
        dead = (state.counts.sum(axis=0) == 0.0) & (not arrives)
        taken[0] = 0
        try:
            advance_to(engine, program, state, (turn + 1) * step)
        except RunError as refusal:
            if refusal.check == "run.too-many-cells":
                found.refused_too_many_cells += 1
            else:
                found.other_refusals += 1
                found.errors.append(f"network {index}: {refusal}")
            break
        before = found.failures
        check(found, state, tally, dead)
        if balance is not None:
            off, elsewhere = balance.wrong(state)
            found.out_of_balance += off
            found.out_of_balance_elsewhere += elsewhere
            found.balanced_lane_steps += LANES
        if found.failures > before:
            found.errors.append(f"network {index}, step {turn}")
        if default:
            found.steps_default += taken[0]
        else:
            found.steps_checked += LANES  # steps cut by a dose are checked at their end only
        found.lane_steps_extinct += int(dead.sum())
    observe(program, state)
    if not arrives:
        found.lanes_that_died_out += int((was_alive & (state.counts.sum(axis=0) == 0.0)).sum())


def chain_of(stages: int, cycle: float, *, balanced: bool) -> Network:
    """Return a chain that keeps its cells: each buds off one, or half divide and half leave."""
    ends = (b.outcome(0.5, P=2), b.outcome(0.5, Q=2)) if balanced else (b.outcome(1.0, P=1, Q=1),)
    return Network(
        parameters=(b.rate("pass", stages / cycle), b.cells("n0", 1e9)),
        compartments=(b.state("P", stages=stages, advance="pass"), b.state("Q")),
        transitions=(b.exit_of(1, "end", "P", 1.0, *ends, timed=True),),
        assays=(b.assay("stem", "P"),),
        births=(b.born("n0", P=1),),
    )


def grown() -> list[dict[str, Any]]:
    """Return by how much chains that keep their 1e9 cells have grown at day ten."""
    rows = []
    for balanced in (False, True):
        for cycle in (1.0, 0.25):
            for stages in (2, 3, 4, 12):
                program = b.program_of(chain_of(stages, cycle, balanced=balanced))
                for step in (1 / 24, 1 / 6, 1.0):
                    stem = b.run_assay(Leap(step=step), program, [10.0])[0, 0, 0]
                    rows.append(
                        {
                            "law": "two or none" if balanced else "one stays",
                            "cycle_days": cycle,
                            "stages": stages,
                            "step_days": step,
                            "growth": float(stem / 1e9 - 1.0),
                        }
                    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, found, taken, index = time.process_time(), Found(), [0], 0
    inner = leap_engine.advance_lanes

    def counted(*arguments: object) -> tuple[int, int, float, int]:
        result = inner(*arguments)
        taken[0] += result[3]
        return result  # type: ignore[no-any-return]

    leap_engine.advance_lanes = counted
    while found.steps_checked < options.steps:
        fuzz(found, options.seed, index, taken)
        index += 1
    seconds = time.process_time() - began
    data = {
        "engine": "leap",
        "seed": options.seed,
        "pass": found.failures == 0,
        **{k: v for k, v in vars(found).items() if k != "errors"},
        "errors": found.errors[:20],
        "chains_that_should_not_grow": grown(),
        "cpu_seconds": seconds,
    }
    print(json.dumps(data, indent=1))
    if options.steps >= 1_000_000:
        (HERE / "leap_fuzz.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(found.failures > 0)


if __name__ == "__main__":
    main()
