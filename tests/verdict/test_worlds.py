"""Planted friend, foe and null worlds come out as what they are; ordering; common random numbers."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engines import builders as b

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.compile.question import question_of
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import parse
from senescape.network import Network
from senescape.verdict import Rule, Verdict, Word, judge, run_worlds
from senescape.verdict.drawing import difference, inner_means
from senescape.verdict.judge import flips_of

from .worlds import foe, friend, null, world

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
# Wilson: all of 75 draws of one sign are needed for a word, at least
DRAWS = 80
slow_uncompiled = pytest.mark.skipif(PLAIN, reason="minutes where kernels are not compiled")


def run(scenario, regimen: str = "pulse", **options: object) -> Verdict:  # type: ignore[no-untyped-def]
    settings: dict[str, object] = {
        "draws": DRAWS,
        "hosts": 1 if PLAIN else 2,
        "step": 0.25,
    } | options
    return judge(scenario, regimen, **settings)  # type: ignore[arg-type]


@slow_uncompiled
def test_a_friend_is_called_a_friend() -> None:
    verdict = run(friend())
    assert verdict.main.word is Word.FRIEND
    assert verdict.rules[Rule.RECOVER].word is Word.FRIEND
    assert verdict.main.effect.estimate > 0.2
    assert "FRIEND" in verdict.headline() or "DEPENDS" in verdict.headline()
    assert verdict.census["relapse_recovery"] + verdict.census["relapse_never_senescent"] > 0.5


@slow_uncompiled
def test_a_foe_is_called_a_foe_under_every_rule_that_removes_it() -> None:
    """Had they split, died or kept silent, fewer cells would grow; had they recovered, more."""
    verdict = run(foe())
    for rule in (Rule.RENORMALISED, Rule.DIE, Rule.INERT):
        assert verdict.rules[rule].word is Word.FOE, rule
        assert verdict.rules[rule].effect.estimate < 0.0
    assert verdict.main.harmed > 0.9


@slow_uncompiled
def test_where_nothing_becomes_senescent_the_effect_is_exactly_nothing() -> None:
    for verdict in (run(null(), draws=80), run(friend(), "none", draws=80)):
        assert verdict.word is Word.NEGLIGIBLE
        for result in verdict.rules.values():
            assert result.effect.estimate == 0.0 and not np.any(result.curve[:, :3])
            assert result.flips == ()
        assert "NEGLIGIBLE" in verdict.headline()


@slow_uncompiled
def test_senescence_that_is_silence_is_nothing_under_the_rule_inert() -> None:
    """A senescent cell that does what a silent one does: the same bytes."""
    verdict = run(world(senesces=1.5), draws=20)
    assert verdict.rules[Rule.INERT].effect.estimate == 0.0
    assert verdict.rules[Rule.RENORMALISED].effect.estimate != 0.0


@slow_uncompiled
@pytest.mark.parametrize("headline", ["burden", "time_to_progression"])
def test_without_feeding_dead_is_worst_to_beat_and_recovered_easiest(headline: str) -> None:
    """V_die <= V_inert <= V_recover without immunity, feeding and crowding."""
    rules = run(world(headline=headline), draws=40).rules
    values = [rules[r].effect.estimate for r in (Rule.DIE, Rule.INERT, Rule.RECOVER)]
    assert values[0] <= values[1] + 1e-9 and values[1] <= values[2] + 1e-9


@slow_uncompiled
def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again, other = (run(friend(), draws=10, seed=s).to_dict() for s in (4, 4, 5))
    for item in (first, again, other):
        item["provenance"].pop("run")  # type: ignore[union-attr]
    assert json.dumps(first) == json.dumps(again)
    assert json.dumps(first["effect"]) != json.dumps(other["effect"])


def test_more_draws_leave_earlier_ones_as_they_were() -> None:
    scenario = friend()
    compiled = compile_scenario(scenario, "pulse")
    few = cohort_of(scenario, compiled.program, seed=3, draws=4, hosts=2)
    more = cohort_of(scenario, compiled.program, seed=3, draws=2, hosts=2, first_draw=2)
    np.testing.assert_array_equal(few.parameters[:, 4:], more.parameters)
    times = np.array([0.0, 4.0, 8.0])
    all_four = run_worlds(compiled, few, times, rules=(Rule.DIE,))
    last_two = run_worlds(compiled, more, times, rules=(Rule.DIE,))
    np.testing.assert_array_equal(
        all_four.off[Rule.DIE].tumour[:, 4:], last_two.off[Rule.DIE].tumour
    )


@slow_uncompiled
def test_a_budget_adds_draws_where_they_could_decide() -> None:
    few = run(friend(), draws=20)
    assert few.main.word is Word.UNDETERMINED_MONTE_CARLO
    enough = run(friend(), draws=20, budget=80)
    assert enough.draws == 80 and enough.main.word is Word.FRIEND


@slow_uncompiled
def test_common_random_numbers_cut_the_noise() -> None:
    """The variance of V(die) with shared chance is less than half of that with other chance."""
    scenario = world(senesces=0.3)
    compiled = compile_scenario(scenario, "pulse")
    question = question_of(scenario)
    lanes = 40 if PLAIN else 200
    one = cohort_of(scenario, compiled.program, seed=1, draws=1, hosts=lanes, uncertain=False)
    other = cohort_of(scenario, compiled.program, seed=2, draws=1, hosts=lanes, uncertain=False)
    times = np.array([0.0, 8.0])
    shared = run_worlds(compiled, one, times, rules=(Rule.DIE,))
    apart = run_worlds(compiled, other, times, rules=(Rule.DIE,))
    same = difference(shared.on, shared.off[Rule.DIE], question.headline, question)[-1]
    different = difference(shared.on, apart.off[Rule.DIE], question.headline, question)[-1]
    assert same.var() < 0.5 * different.var()


def test_numbers_of_draws_and_hosts_are_checked() -> None:
    for options, check in (({"draws": 0}, "verdict.draws"), ({"hosts": 0}, "verdict.hosts")):
        with pytest.raises(SenescapeError) as caught:
            run(friend(), **options)
        assert caught.value.check == check


def test_a_verdict_beyond_the_budget_is_refused_before_it_starts() -> None:
    with pytest.raises(SenescapeError) as caught:
        run(friend(), draws=1_000_000, hosts=1_000_000)
    assert caught.value.check.startswith("run.")


def test_flips_are_found_where_the_sign_is_sure() -> None:
    """A curve that crosses at 3 and at 7; a wobble within the error is no crossing."""
    time = np.arange(0.0, 11.0)
    mean = (time - 3.0) * (time - 7.0)
    curve = np.column_stack([mean, mean, mean, np.full(11, 0.1)])
    assert flips_of(time, curve) == pytest.approx((3.0, 7.0), abs=0.5)
    assert flips_of(time, np.column_stack([mean, mean, mean, np.full(11, 100.0)])) == ()


def test_errors_of_inner_means_are_pooled() -> None:
    rng = np.random.default_rng(1)
    gain = (np.repeat(rng.normal(0, 3, 400), 4) + rng.normal(0, 2, 1600)).astype(float)
    values, errors = inner_means(gain, 400, 4)
    assert values.var() == pytest.approx(9 + 1, rel=0.3)
    assert errors[0] == pytest.approx(1.0, rel=0.1) and len(set(errors)) == 1


# --- the analytic inequality ----------------------------------------------------------------------
@pytest.mark.parametrize("escape", [0.0, 0.02, 0.2])
@pytest.mark.parametrize(("recover", "boost"), [(0.1, 0.0), (0.1, 0.05), (0.5, 0.3), (0.01, 0.4)])
def test_friend_or_foe_as_the_inequality_says(recover: float, boost: float, escape: float) -> None:
    """ln[(R + rho M) / (R + eps M e^(-r l - B(l)))] > B(T): senescence is beneficial.

    R cells recover anyway, M are hit; without senescence a share rho of them grows from day 0; with
    it a share eps comes back at day l, while all cycling cells grow faster by the factor 1 + m.
    Cycling cells only, no crowding: the mean field must fall on the same side.
    """
    unhurt, hurt, growth, lag, until = 100.0, 1000.0, 0.5, 3.0, 9.0
    fed = boost * growth * until
    late = math.exp(-growth * lag - boost * growth * lag)
    left = math.log((unhurt + recover * hurt) / (unhurt + escape * hurt * late))
    with_it = cycling(unhurt, escape * hurt, growth * (1 + boost), lag, until)
    without = cycling(unhurt + recover * hurt, 0.0, growth, lag, until)
    assert (with_it < without) is (left > fed)


def cycling(start: float, later: float, growth: float, lag: float, until: float) -> float:
    """Cycling cells at ``until``, of which ``later`` stand still until ``lag``."""
    base = b.birth_death(birth=growth, death=0.0, start=start)
    wake = replace(
        base.transitions[0],
        number=3,
        id="wake",
        source="S",
        hazard=parse("if(time < lag, 0 * birth, birth)"),
        routes=(replace(base.transitions[0].routes[0], outcomes=(b.outcome(S=2),)),),
    )
    network = Network(
        (*base.parameters, b.cells("n1", later), b.Parameter("lag", b.RATE**-1, lag)),
        (*base.compartments, b.state("S")),
        (*base.transitions, wake),
        assays=(b.assay("live", "A", "S"),),
        births=(*base.births, b.born("n1", S=1)),
    )
    program = b.program_of(network)
    streams = Streams.hosts(0, 1)
    *_, last = run_engine(
        MeanField(), program, b.lanes_of(program), streams, np.array([lag, until])
    )
    return float(observe(program, last)[0, 0])
