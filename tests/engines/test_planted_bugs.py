"""Bugs that a simulator of this kind is known for, planted one by one: the ordinary tests see each.

Every plant changes the code under test and runs an ordinary test as it stands; that test must fail.
One more plant, rates frozen between events, stands beside the test that catches it in test_exact.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.engines import builders, test_exact, test_leap

import senescape.engines.protocol as protocol
from senescape.compile import Program
from senescape.compile.forcing import lower_forcing
from senescape.engines.births import sampled_births
from senescape.engines.leap import Leap
from senescape.engines.state import State, Streams, start_state
from senescape.expressions import Binary, Number
from senescape.network import Network
from senescape.rng import Purpose

Plant = Callable[[pytest.MonkeyPatch], None]
APPLY, KEYS, LOWER = protocol.apply_breakpoint, Streams.keys, builders.lower


def doses_are_skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocol, "apply_breakpoint", lambda *a, **k: None)


def doses_are_given_twice(patch: pytest.MonkeyPatch) -> None:
    def twice(*args: object, **options: object) -> None:
        APPLY(*args, **options)
        APPLY(*args, **options)

    patch.setattr(protocol, "apply_breakpoint", twice)


def infusions_never_end(patch: pytest.MonkeyPatch) -> None:
    def go_on(program: Program, state: State, index: int, *, whole: bool) -> None:
        before = state.input.copy()
        APPLY(program, state, index, whole=whole)
        np.maximum(state.input, before, out=state.input)

    patch.setattr(protocol, "apply_breakpoint", go_on)


def actions_are_reversed(patch: pytest.MonkeyPatch) -> None:
    def backwards(forcing, *rest):  # type: ignore[no-untyped-def]
        points = tuple(replace(p, actions=p.actions[::-1]) for p in forcing.breakpoints)
        return lower_forcing(replace(forcing, breakpoints=points), *rest)

    patch.setattr(sys.modules["senescape.compile.lower"], "lower_forcing", backwards)


def outputs_come_before_doses(patch: pytest.MonkeyPatch) -> None:
    def early(engine, program, state, until):  # type: ignore[no-untyped-def]
        points = program.forcing.time
        while state.next_breakpoint < len(points) and points[state.next_breakpoint] < until:
            time = float(points[state.next_breakpoint])
            if time > state.time:
                engine.advance(program, state, time)
            APPLY(program, state, state.next_breakpoint, whole=engine.stochastic)
            state.next_breakpoint += 1
        if until > state.time:
            engine.advance(program, state, until)

    patch.setattr(protocol, "advance_to", early)


def all_hosts_share_a_seed(patch: pytest.MonkeyPatch) -> None:
    def one(self: Streams, purpose: Purpose) -> np.ndarray:
        return np.full(len(self), KEYS(self, purpose)[0])

    patch.setattr(Streams, "keys", one)


def the_seed_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Streams, "keys", lambda self, purpose: KEYS(replace(self, seed=0), purpose))


def keys_depend_on_the_place_in_the_batch(patch: pytest.MonkeyPatch) -> None:
    def by_place(self: Streams, purpose: Purpose) -> np.ndarray:
        return KEYS(replace(self, host=np.arange(len(self))), purpose)

    patch.setattr(Streams, "keys", by_place)


def rates_are_five_percent_high(patch: pytest.MonkeyPatch) -> None:
    def faster(network: Network) -> Program:
        raised = tuple(
            replace(t, hazard=Binary("*", Number(1.05), t.hazard)) for t in network.transitions
        )
        return LOWER(replace(network, transitions=raised))

    patch.setattr(builders, "lower", faster)


def stages_are_lumped(patch: pytest.MonkeyPatch) -> None:
    """One stage with the same mean dwell: means are kept, the law is not."""

    def lumped(network: Network) -> Program:
        cells = tuple(
            c
            if c.advance is None
            else replace(c, stages=1, advance=Binary("/", c.advance, Number(float(c.stages))))
            for c in network.compartments
        )
        return LOWER(replace(network, compartments=cells))

    patch.setattr(builders, "lower", lumped)


@dataclass(frozen=True)
class ClippedPoisson:
    """The leap of the textbooks: Poisson numbers of births and deaths, clipped at zero."""

    step: float = 0.5
    tolerance: float = 0.0
    composition: float = 0.0
    name: str = "clipped"
    stochastic: bool = True

    def start(self, program: Program, parameters: np.ndarray, streams: Streams) -> State:
        return start_state(program, parameters, streams, sampled_births)

    def advance(self, program: Program, state: State, until: float) -> None:
        rng = np.random.default_rng(int(state.key[0] % np.uint64(2**32)))
        rows = state.registers[program.transition[:, 2]]
        n, h = state.counts[0], until - state.time
        born = rng.poisson(n * rows[0] * h)
        dead = rng.poisson(n * rows[1] * h) if len(rows) > 1 else 0
        state.counts[0] = np.maximum(0.0, n + born - dead)
        state.time = until


def a_clipped_poisson_leaps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(test_leap, "Leap", ClippedPoisson)


def the_dead_come_back(patch: pytest.MonkeyPatch) -> None:
    class Raising(Leap):
        def advance(self, program: Program, state: State, until: float) -> None:
            super().advance(program, state, until)
            state.counts[0] = np.maximum(state.counts[0], 1.0)

    patch.setattr(test_leap, "Leap", Raising)


def gates_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        builders,
        "lower",
        lambda network: LOWER(
            replace(network, transitions=tuple(replace(t, gate=None) for t in network.transitions))
        ),
    )


def extinct_lines_are_kept_at_a_fraction(patch: pytest.MonkeyPatch) -> None:
    class Fractional(Leap):
        def advance(self, program: Program, state: State, until: float) -> None:
            super().advance(program, state, until)
            state.counts[0] = np.maximum(state.counts[0], 0.002)

    patch.setattr(test_leap, "Leap", Fractional)


PLANTS: list[tuple[Plant, Callable[[], None]]] = [
    (doses_are_skipped, lambda: test_leap.test_a_bolus_kills_as_much_as_its_exposure(1.0)),
    (doses_are_given_twice, lambda: test_leap.test_a_bolus_kills_as_much_as_its_exposure(1.0)),
    (infusions_never_end, test_leap.test_a_long_infusion_kills_as_much_as_its_exposure),
    (actions_are_reversed, test_leap.test_actions_at_one_time_happen_in_the_written_order),
    (outputs_come_before_doses, test_leap.test_doses_at_the_start_and_at_an_output_count_once),
    (all_hosts_share_a_seed, test_leap.test_other_seeds_and_other_hosts_differ),
    (the_seed_is_ignored, test_leap.test_other_seeds_and_other_hosts_differ),
    (
        keys_depend_on_the_place_in_the_batch,
        lambda: test_leap.test_results_do_not_depend_on_threads_or_chunks("birth-death"),
    ),
    (
        rates_are_five_percent_high,
        lambda: test_leap.test_one_step_of_any_length_has_the_exact_mean_and_variance(
            3.0, 1.0, 0.5
        ),
    ),
    (stages_are_lumped, lambda: test_exact.test_dwell_times_are_erlang(4)),
    (
        a_clipped_poisson_leaps,
        lambda: test_leap.test_one_step_of_any_length_has_the_exact_mean_and_variance(
            3.0, 0.4, 0.7
        ),
    ),
    (the_dead_come_back, test_leap.test_extinction_absorbs_and_does_happen),
    (gates_are_ignored, test_leap.test_arms_with_the_same_gates_have_the_same_bytes),
    (
        extinct_lines_are_kept_at_a_fraction,
        lambda: test_leap.test_counts_are_whole_and_never_negative("birth-death", 1.5),
    ),
]


@pytest.mark.parametrize(("plant", "ordinary"), PLANTS, ids=[p.__name__ for p, _ in PLANTS])
def test_a_planted_bug_is_caught(
    plant: Plant, ordinary: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, KeyError)) as caught:
        ordinary()
    assert not isinstance(caught.value, KeyError), "the ordinary test does not exist by this name"


@pytest.mark.parametrize("ordinary", [o for _, o in PLANTS], ids=[p.__name__ for p, _ in PLANTS])
def test_without_the_plant_the_ordinary_test_passes(ordinary: Callable[[], None]) -> None:
    ordinary()
