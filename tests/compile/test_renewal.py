"""A cell's value is partly drawn anew at the next treatment: closed forms, in every engine."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.statistics import same_mean

from senescape.compile import compile_scenario
from senescape.compile.classes import strata
from senescape.compile.renewal import renewed_shares
from senescape.compile.scenario import Compiled, scenario_network
from senescape.engines.branching import probability_none
from senescape.engines.protocol import advance_to
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.expressions import Number, Symbol, evaluate
from senescape.files import parse_scenario
from senescape.network import Redistribute
from senescape.run import engine_named

Float = NDArray[np.float64]

SCENARIO = """
senescape: 1
name: renewal-test
title: Idle cells that differ under a drug that is given again
setting: culture
parameters:
  spread:   {value: 0.6, source: assumption}
  strength: {value: 0.7 / (uM*day), source: assumption}
  rho:      {value: 0.3, source: assumption}
  half:     {value: 0.4, source: assumption}
  alpha:    {value: 0 / Gy, source: assumption}
  seeded:   {value: 40 cells, source: assumption}
cells:
  clones: {founder: {}, other: {parent: founder}}
  states:
    P: {role: cycling, axes: [z, has]}
    A: {role: apoptotic}
  initial: [{state: P, total: seeded}, {state: P, clone: other, total: seeded}]
arrows:
  dying: {from: P, to: A, rate: z * strength * drug, figure1: rapid_apoptosis}
variation:
  z: {axis: cell, distribution: lognormal, median: 1, sd: spread, classes: 5, KEPT}
  has: {axis: cell, distribution: bernoulli, mean: half}
drugs:
  drug: {kinetics: {model: medium}}
  second: {kinetics: {model: medium}}
radiation:
  ray: {alpha: alpha, beta: alpha / one_gray}
regimens:
  r: {give: [GIVE]}
observables:
  live: {sum: {P: 1}}
""".replace("  alpha: ", "  one_gray: {value: 1 Gy, source: assumption}\n  alpha: ")
PULSE = "{bath: drug, concentration: 1 uM, from: 0 h, to: 24 h}"
AGAIN = "{bath: drug, concentration: 1 uM, from: 3 day, to: 4 day}"
SENSITIVITY = np.exp(0.6 * np.array(strata(5)[0]))
SHARE = np.array(strata(5)[1])
LEFT = np.exp(-0.7 * SENSITIVITY)  # share of each class that outlives one pulse


def compiled(kept: str = "kept: rho", give: str = f"{PULSE}, {AGAIN}") -> Compiled:
    text = SCENARIO.replace(", KEPT", f", {kept}" if kept else "").replace("GIVE", give)
    return compile_scenario(parse_scenario(text), "r")


def lanes(made: Compiled, count: int = 1, **changes: float) -> Float:
    table = np.repeat(made.program.parameter_defaults[:, None], count, axis=1)
    for name, value in changes.items():
        table[made.program.parameter(name)] = value
    return table


def run(made: Compiled, engine: str, until: float, count: int = 1, **changes: float) -> Float:
    """Return live cells by clone, class of z and class of the other axis, (2, 5, 2, lanes)."""
    program, chosen = made.program, engine_named(engine)
    streams = Streams(4, *(np.arange(count), *np.zeros((2, count), np.int64)))
    state = chosen.start(program, lanes(made, count, **changes), streams)
    advance_to(chosen, program, state, until)
    index = {
        (clone, z, has): program.compartment(f"{clone}.P[z={z},has={has}]")
        for clone in ("founder", "other")
        for z in range(5)
        for has in range(2)
    }
    found = state.counts[[program.slot_ptr[i] for i in index.values()]]
    return found.reshape(2, 5, 2, count)


def outlives(rho: float) -> float:
    """Chance that one cell outlives both pulses."""
    once = SHARE * LEFT
    return float(rho * (once * LEFT).sum() + (1.0 - rho) * once.sum() * (SHARE * LEFT).sum())


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.99, 1.0])
@pytest.mark.parametrize("weights", [SHARE, [0.6, 0.4], [1.0, 0.0], [0.0, 1.0], [1.0]], ids=str)
def test_moves_one_after_the_other_make_the_whole(rho: float, weights: list[float]) -> None:
    """Product of the single moves = rho + (1 - rho) w, also where kept is a parameter."""
    classes = len(weights)
    for kept in (Number(rho), Symbol("rho")):
        rows = renewed_shares([Number(float(w)) for w in weights], kept)
        whole = np.eye(classes)
        for own, row in enumerate(rows):
            move = np.eye(classes)
            move[own] = [evaluate(share, {"rho": rho}) for share in row]
            move[own, own] = 1.0 - move[own].sum()
            assert (move >= -1e-15).all()
            whole = whole @ move
        expected = rho * np.eye(classes) + (1.0 - rho) * np.asarray(weights)
        np.testing.assert_allclose(whole, expected, atol=1e-14)


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_survivors_take_a_share_of_their_class_to_the_next_treatment(rho: float) -> None:
    made = compiled()
    before, after = (run(made, "mean-field", day, rho=rho) for day in (2.9, 3.0))
    np.testing.assert_allclose(before[0].sum(axis=1)[:, 0], 40.0 * SHARE * LEFT, rtol=1e-4)
    total = before.sum(axis=1, keepdims=True)
    expected = rho * before + (1.0 - rho) * SHARE[None, :, None, None] * total
    np.testing.assert_allclose(after, expected, rtol=1e-9)
    # what the other axis and the clones hold is not touched
    np.testing.assert_allclose(after.sum(axis=1), before.sum(axis=1), rtol=1e-12)
    end = run(made, "mean-field", 5.0, rho=rho).sum()
    assert end == pytest.approx(80.0 * outlives(rho), rel=1e-4)


@pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"},
    reason="minutes where kernels are not compiled",
)
@pytest.mark.parametrize("engine", ["exact", "leap"])
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_whole_cells_follow_the_same_law(engine: str, rho: float) -> None:
    """Binomial mean, 400 lanes of 80 cells; false alarm 1e-6, sees 0.018 in a share of 0.25.

    Negative control: between the two values of rho the share differs by 0.029.
    """
    live = run(compiled(), engine, 5.0, count=400, rho=rho).sum(axis=(0, 1, 2))
    share = outlives(rho)
    same_mean(live, 80.0 * share, 80.0 * share * (1.0 - share))
    assert outlives(0.8) - outlives(0.0) > 0.025


@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_the_branching_law_passes_a_renewal(rho: float) -> None:
    """Nobody is left with chance (1 - p)^80."""
    made = compiled()
    program = made.program
    alive = [i for i, name in enumerate(program.compartment_ids) if ".P[" in name]
    found = probability_none(program, lanes(made, rho=rho), until=5.0, compartments=alive)
    assert np.log(found) == pytest.approx(80.0 * np.log1p(-outlives(rho)), rel=1e-5)


@pytest.mark.parametrize(
    ("give", "more", "days"),
    [
        (PULSE, "", []),
        (f"{PULSE}, {AGAIN}", "", [3.0]),
        (f"{AGAIN}, {PULSE}", "", [3.0]),
        (f"{PULSE}, {AGAIN}", ", apart: 2 day", []),
        (f"{PULSE}, {AGAIN}", ", apart: 1.9 day", [3.0]),
        (f"{PULSE}, {AGAIN.replace('drug', 'second')}", "", [3.0]),
        (f"{PULSE}, {AGAIN.replace('drug', 'second')}", ", treatments: [drug]", []),
        (f"{PULSE}, {{bath: drug, concentration: 2 uM, from: 24 h, to: 30 h}}", "", []),
        (f"{PULSE}, {{bath: second, concentration: 2 uM, from: 12 h, to: 6 day}}, {AGAIN}", "", []),
        ("{bath: drug, concentration: 1 uM, from: 0 h}, " + AGAIN, "", []),
        (
            "{bath: drug, concentration: 1 uM, from: 0 h}, {washout: drug, at: 1 day}, " + AGAIN,
            "",
            [3.0],
        ),
        ("{fraction: ray, dose: 2 Gy, at: {first: 0 day, every: 1 day, times: 3}}", "", [1.0, 2.0]),
        (
            "{fraction: ray, dose: 2 Gy, at: [0 day, 1 day, 2 day, 9 day]}",
            ", apart: 3 day",
            [9.0],
        ),
    ],
    ids=str,
)
def test_when_a_treatment_is_a_new_one(give: str, more: str, days: list[float]) -> None:
    made = compiled(f"kept: 0.5{more}", give)
    points = made.network.forcing.breakpoints
    renewed = [p for p in points if any(isinstance(a, Redistribute) for a in p.actions)]
    assert [p.time for p in renewed] == days
    for point in renewed:
        kinds = [isinstance(a, Redistribute) for a in point.actions]
        assert kinds == sorted(kinds, reverse=True), "cells are renewed before the dose"


def test_one_treatment_is_as_if_nothing_were_said() -> None:
    with_kept, without = compiled("kept: 0.5", PULSE), compiled("", PULSE)
    assert with_kept.program.digest == without.program.digest
    network = scenario_network(compiled("", f"{PULSE}, {AGAIN}").scenario, "r")
    actions = [a for p in network.forcing.breakpoints for a in p.actions]
    assert not any(isinstance(a, Redistribute) for a in actions)


def test_fields_that_came_later_leave_older_digests() -> None:
    plain, usual = (compiled("", PULSE).scenario, compiled("kept: 0.5", PULSE).scenario)
    for scenario in (plain, usual):
        assert '"apart"' not in scenario.canonical_text()
        assert '"treatments"' not in scenario.canonical_text()
    more = compiled("kept: 0.5, apart: 2 day, treatments: [drug]", PULSE).scenario
    assert len({plain.digest, usual.digest, more.digest}) == 3


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("kept: 1.5", "a correlation of 1.5; allowed: 0 to 1"),
        ("kept: 0.5, apart: -1 day", "treatments -1 day apart; allowed: 0 or more"),
        ("kept: 0.5, treatments: [drugg]", "did you mean drug?"),
        ("apart: 1 day", "apart without kept"),
        ("treatments: [drug]", "treatments without kept"),
        ("kept: 2 day", "such as"),
    ],
)
def test_what_cannot_be_kept_is_refused(kept: str, said: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        compiled(kept)
    assert said in str(caught.value) and "variation.z" in str(caught.value)


def test_stages_and_hosts_do_not_keep() -> None:
    text = SCENARIO.replace(", KEPT", ", kept: 0.5").replace("GIVE", PULSE)
    stages = text.replace("axes: [z, has]}", "axes: [z, has], stages: 3, dwell: dwell}").replace(
        "  rho: ", "  dwell: {value: 1 day, source: assumption}\n  rho: "
    )
    with pytest.raises(SenescapeError, match="state P carries z and has 3 stages"):
        parse_scenario(stages)
    hosts = text.replace(
        "drugs:\n",
        "  w: {axis: host, distribution: lognormal, sd: 0.1, of: seeded, kept: 0.5}\ndrugs:\n",
    )
    with pytest.raises(SenescapeError, match="kept on a host axis; allowed: kept on a cell or"):
        parse_scenario(hosts)
