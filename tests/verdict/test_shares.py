"""Shares: they sum to the effect, a null player has none, twins have the same, sums are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from senescape.cohort import cohort_of
from senescape.compile import Compiled, compile_scenario
from senescape.compile.question import question_of
from senescape.files import parse_scenario, read_scenario
from senescape.model import Player, Scenario
from senescape.verdict import HostShares, Rule, judge, share_out
from senescape.verdict import shares as shares_module
from senescape.verdict.counterfactual import run_worlds
from senescape.verdict.drawing import difference
from senescape.verdict.shares import orders_of, shapley_by_orders, shapley_in_full

from .worlds import world

Float = NDArray[np.float64]
slow_uncompiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)

LOSSES = """
senescape: 1
name: losses
title: All cells turn senescent at once and are lost by four independent causes
setting: culture
parameters:
  quick:   {{value: 2000 / day, source: assumption}}
  by_death:   {{value: {death} / day, source: assumption}}
  by_host:    {{value: {host} / day, source: assumption}}
  by_other:   {{value: {other} / day, source: assumption, player: feeder}}
  by_fourth:  {{value: {fourth} / day, source: assumption, player: sasp_survival}}
  seeded:  {{value: {seeded} cells, source: assumption}}
cells:
  states:
    D: {{role: undecided}}
    S: {{role: senescent_mature}}
    A: {{role: apoptotic}}
    R: {{role: cycling}}
    silent: {{role: quiescent, can_cycle: false}}
  initial: [{{state: D, total: seeded}}]
arrows:
  senescence: {{from: D, to: S, rate: quick, figure1: senescence, player: arrest}}
  death:  {{from: S, to: [], rate: by_death, figure1: delayed_apoptosis, player: delayed_apoptosis}}
  host:   {{from: S, to: [], rate: by_host, figure1: clearance, player: clearance}}
  other:  {{from: S, to: [], rate: by_other, figure1: clearance}}
  fourth: {{from: S, to: [], rate: by_fourth, figure1: clearance}}
rerouting: {{die: A, inert: silent, recover: R}}
regimens: {{none: {{}}}}
observables: {{live: {{sum: {{D: 1, S: 1}}}}}}
outcome:
  horizon: 5 day
  headline: burden
  endpoints: {{burden: {{smallest_difference: 0.1}}}}
"""


def losses(**changes: object) -> Scenario:
    numbers = {"death": 0.2, "host": 0.1, "other": 0.05, "fourth": 0, "seeded": 1000} | changes
    return parse_scenario(LOSSES.format(**numbers))


def shares(
    scenario: Scenario, regimen: str = "none", hosts: int = 3, **options: object
) -> HostShares:
    compiled = compile_scenario(scenario, regimen)
    cohort = cohort_of(scenario, compiled.program, seed=3, draws=1, hosts=hosts)
    settings: dict[str, object] = {"engine": "mean-field"} | options
    times = np.array([0.0, 2.5, question_of(scenario).horizon, 99.0])
    return share_out(compiled, cohort, question_of(scenario), times, **settings)  # type: ignore[arg-type]


@slow_uncompiled
@pytest.mark.parametrize("in_full", [True, False])
def test_where_causes_add_each_has_what_it_adds(in_full: bool) -> None:
    """-ln N(5) = ln-losses add: r * 5 for every cause, 0 for the arrest; mean field, 1 in 1e3."""
    found = shares(losses(), in_full=in_full)
    by = dict(zip(found.players, found.values, strict=True))
    np.testing.assert_allclose(by[Player.ARREST], 0.0, atol=1e-3)
    np.testing.assert_allclose(by[Player.DELAYED_APOPTOSIS], 1.0, rtol=2e-3)
    np.testing.assert_allclose(by[Player.CLEARANCE], 0.5, rtol=2e-3)
    np.testing.assert_allclose(by[Player.FEEDER], 0.25, rtol=2e-3)


@slow_uncompiled
def test_a_null_player_has_exactly_nothing() -> None:
    """A cause of rate 0, by the leap with its chance: the same bytes, so 0 and not almost 0."""
    found = shares(losses(), engine="leap", step=0.5)
    assert not found.values[found.players.index(Player.SASP_SURVIVAL)].any()
    assert found.values[found.players.index(Player.CLEARANCE)].any()


@slow_uncompiled
def test_twins_have_the_same_share() -> None:
    """Two causes of the same rate: equal in the mean field in full; by orders within 5 errors."""
    found = shares(losses(host=0.2), in_full=True)
    a = found.values[found.players.index(Player.DELAYED_APOPTOSIS)]
    b = found.values[found.players.index(Player.CLEARANCE)]
    np.testing.assert_allclose(a, b, rtol=1e-6)
    hosts = 100
    noisy = shares(losses(host=0.2), engine="leap", step=0.5, hosts=hosts)
    gap = (
        noisy.values[noisy.players.index(Player.DELAYED_APOPTOSIS)]
        - noisy.values[noisy.players.index(Player.CLEARANCE)]
    )
    assert abs(gap.mean()) < 5 * gap.std() / np.sqrt(hosts)


@slow_uncompiled
def test_shares_sum_to_the_effect_of_every_host() -> None:
    scenario = losses()
    compiled = compile_scenario(scenario, "none")
    cohort = cohort_of(scenario, compiled.program, seed=3, draws=1, hosts=5)
    question = question_of(scenario)
    times = np.array([0.0, 5.0])
    for rule in (Rule.RENORMALISED, Rule.DIE):
        found = share_out(compiled, cohort, question, times, rule=rule, step=0.5)
        worlds = run_worlds(compiled, cohort, times, rules=(rule,), step=0.5)
        effect = difference(worlds.on, worlds.off[rule], question.headline, question)[-1]
        np.testing.assert_allclose(found.values.sum(axis=0), effect, atol=1e-9)
        # what is known already need not be run again
        again = share_out(compiled, cohort, question, times, rule=rule, step=0.5, whole=effect)
        np.testing.assert_array_equal(again.values, found.values)


def test_orders_estimate_what_all_coalitions_give() -> None:
    """A game with interactions, known in full: the mean over hosts of paired orders, 5 errors.

    Half of the estimates would fall outside 0.7 errors if they were unbiased, few outside 5.
    """
    rng = np.random.default_rng(1)
    players, hosts = 5, 4000
    weights = rng.normal(size=players)
    pairs = rng.normal(size=(players, players))

    def worth(present: NDArray[np.bool_]) -> Float:
        x = present.astype(float)
        result: Float = 2.0 + weights @ x + np.einsum("ih,ij,jh->h", x, pairs, x) + x.prod(axis=0)
        return result

    def worths(coalitions: Sequence[NDArray[np.bool_]]) -> list[Float]:
        return [worth(present) for present in coalitions]

    exact = shapley_in_full(worths, players, 1)[:, 0]
    scores = rng.random((players, hosts))
    found = shapley_by_orders(worths, np.argsort(scores, axis=0))
    error = found.std(axis=1) / np.sqrt(hosts) + 1e-12
    assert (np.abs(found.mean(axis=1) - exact) < 5 * error + 1e-9).all()
    np.testing.assert_allclose(
        found.sum(axis=0), np.repeat(worth(np.ones((players, 1), bool)), hosts)
    )
    # paired orders: interactions of two cancel wholly, so that only the product is left to chance
    assert found[1:].std() < 0.5 * np.abs(pairs).sum()


def test_every_order_is_as_likely_and_keyed_by_the_player() -> None:
    scenario = losses()
    compiled = compile_scenario(scenario, "none")
    cohort = cohort_of(scenario, compiled.program, seed=3, draws=1, hosts=6000)
    three = (Player.REENTRY, Player.CLEARANCE, Player.FEEDER)
    orders = orders_of(cohort, three)
    kinds, counts = np.unique(orders.T, axis=0, return_counts=True)
    assert len(kinds) == 6
    # chi-square with 5 degrees of freedom: beyond 35.9 with probability 1e-6
    assert ((counts - 1000.0) ** 2 / 1000.0).sum() < 35.9
    assert not np.array_equal(orders[0], orders_of(cohort, three[::-1])[0])


@slow_uncompiled
def test_a_verdict_names_its_players() -> None:
    scenario = losses()
    verdict = judge(scenario, "none", draws=12, hosts=2, step=0.5, shares=True)
    assert set(verdict.shares) == set(Player)
    assert verdict.shares[Player.REENTRY].estimate == 0.0
    total = sum(e.estimate for e in verdict.shares.values())
    assert total == pytest.approx(verdict.main.effect.estimate, abs=1e-9)
    assert "For it: delayed apoptosis" in verdict.headline()
    plain = verdict.to_dict()["shares"]
    assert set(plain) == {p.value for p in Player}  # type: ignore[call-overload]


def test_without_entry_into_senescence_there_is_nothing_to_share() -> None:
    scenario = world(senesces=0)
    found = shares(scenario, "pulse", hosts=2)
    assert found.players[0] is Player.ARREST and not found.values.any()


@slow_uncompiled
def test_readings_split_the_draws_by_structure() -> None:
    """Re-entry is there in half of the draws; where it is, senescence helps less."""
    text = LOSSES.format(death=0, host=0, other=0, fourth=0, seeded=1000)
    text = text.replace(
        "outcome:\n", "uncertainty:\n  switches: {wakes: {probability: 0.5}}\noutcome:\n", 1
    ).replace("rate: by_death, figure1", "rate: by_death + wakes * by_host, figure1")
    scenario = parse_scenario(text.replace("by_host:    {value: 0 ", "by_host:    {value: 0.1 "))
    verdict = judge(scenario, "none", draws=40, hosts=1, step=0.5)
    reading = verdict.readings["wakes"]
    assert 0.2 < reading.share < 0.8
    assert reading.present is not None and reading.absent is not None
    # two arrows read by_host: the switched one and that of the player
    assert reading.present.estimate - reading.absent.estimate == pytest.approx(0.5, abs=0.1)


@slow_uncompiled
def test_worlds_that_are_run_once_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without senescence two of eight players act: the same shares as where each world is run.

    By the mean field, whose hosts do not depend on their company. Planted: nobody is said to act.
    """
    scenario = read_scenario("figure-1")
    compiled = compile_scenario(scenario, "chemo")
    cohort = cohort_of(scenario, compiled.program, seed=3, draws=2, hosts=1)
    question = question_of(scenario)
    counted: list[int] = []

    def run(acts: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> Float:
        own = acting(compiled, Rule.RENORMALISED)
        monkeypatch.setattr(shares_module, "_acting", lambda *_: acts(own))
        found = share_out(
            compiled, cohort, question, np.array([0.0, question.horizon]), engine="mean-field"
        )
        return found.values

    def counting(compiled: Compiled, arms: Sequence[Float], *rest: Any, **more: Any) -> Any:
        counted.append(len(arms))
        return arms_of(compiled, arms, *rest, **more)

    acting, arms_of = shares_module._acting, shares_module.run_arms
    monkeypatch.setattr(shares_module, "run_arms", counting)
    few = run(lambda own: own)
    assert sum(counted) <= 1 + shares_module.worlds_of_shares(compiled)  # and everybody, not known
    counted.clear()
    np.testing.assert_array_equal(run(np.ones_like), few)
    assert sum(counted) == 2 * (2 + 2 * (len(compiled.players) - 1))
    assert not np.allclose(run(np.zeros_like), few, rtol=1e-6)
