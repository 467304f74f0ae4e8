"""Drugs and radiation of a scenario file, run with the mean field, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.linalg import expm

from senescape.compile import compile_scenario
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.files import parse_scenario

Float = NDArray[np.float64]

SCENARIO = """
senescape: 1
name: drug-test
title: Idle cells under a drug
setting: host
host: {{body_mass: mass}}
parameters:
  mass:    {{value: 20 g, source: assumption}}
  volume:  {{value: 0.5 L/kg, source: assumption}}
  half:    {{value: 8 h, source: assumption}}
  gone:    {{value: 1.5 / day, source: assumption}}
  flow:    {{value: 0.75 L/(kg*day), source: assumption}}
  out:     {{value: 2 / day, source: assumption}}
  back:    {{value: 0.7 / day, source: assumption}}
  take:    {{value: 6 / day, source: assumption}}
  kept:    {{value: 12 h, source: assumption}}
  late:    {{value: 10 h, source: assumption}}
  part:    {{value: 0.6, source: assumption}}
  molar:   {{value: 500 g/mol, source: assumption}}
  kill:    {{value: 0 / (uM*day), source: assumption}}
  alpha:   {{value: 0.3 / Gy, source: assumption}}
  beta:    {{value: 0.04 / Gy^2, source: assumption}}
  limit:   {{value: 500 cells, source: assumption}}
  seeded:  {{value: 1000 cells, source: assumption}}
cells:
  states:
    P: {{role: cycling}}
    A: {{role: apoptotic}}
  initial: [{{state: P, total: seeded}}]
arrows:
  dying: {{from: P, to: A, rate: kill * drug, figure1: rapid_apoptosis}}
{extra}
drugs:
  drug: {{molar_mass: molar, kinetics: {kinetics}}}
regimens:
  r: {{give: [{give}]}}
observables:
  live: {{sum: {{P: 1}}}}
"""
BODY = "model: one_compartment, volume: volume"
# 20 g, 0.5 L/kg: 10 mL = 1e4 mm3; 1 umol = 1e6 pmol: 100 uM
LEVEL = 100.0
VOLUME = 1e4


def levels(kinetics: str, give: str, signal: str, times: list[float], extra: str = "") -> Float:
    text = SCENARIO.format(kinetics="{" + kinetics + "}", give=give, extra=extra)
    program = compile_scenario(parse_scenario(text), "r").program
    row = program.signal_names.index(signal)
    table = program.parameter_defaults[:, None]
    states = run_engine(MeanField(), program, table, Streams.hosts(0, 1), np.array(times))
    return np.array([float(s.signal[row, 0]) for s in states])


@pytest.mark.parametrize(
    ("elimination", "rate"),
    [("half_life: half", 3 * math.log(2)), ("elimination: gone", 1.5), ("clearance: flow", 1.5)],
)
def test_a_bolus_decays(elimination: str, rate: float) -> None:
    """Amount per body mass, volume per body mass, and every way to state the loss."""
    t = [0.0, 0.4, 2.0]
    found = levels(
        f"{BODY}, {elimination}",
        "{dose: drug, per_body_mass: 50 umol/kg, at: 0 h}",
        "drug_plasma",
        t,
    )
    np.testing.assert_allclose(found, LEVEL * np.exp(-rate * np.array(t)), rtol=1e-6)


def test_a_mass_is_an_amount_by_its_molar_mass() -> None:
    """0.5 mg of 500 g/mol is 1 umol, in 10 mL 100 uM; 25 mg/kg in 20 g the same."""
    for entry in ("amount: 0.5 mg", "per_body_mass: 25 mg/kg", "amount: 1 umol"):
        found = levels(
            f"{BODY}, elimination: gone", f"{{dose: drug, {entry}, at: 0 h}}", "drug_plasma", [0.0]
        )
        assert found[0] == pytest.approx(LEVEL, rel=1e-12)


def test_repeated_boluses_add() -> None:
    give = "{dose: drug, amount: 1 umol, at: {first: 0 day, every: 1 day, times: 3}}"
    found = levels(f"{BODY}, elimination: gone", give, "drug_plasma", [2.5])
    expected = LEVEL * sum(math.exp(-1.5 * (2.5 - k)) for k in range(3))
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_an_infusion_fills_and_drains() -> None:
    """rate / k (1 - e^-kt) while it runs, then e^-k(t - T)."""
    give = "{infusion: drug, amount: 2 umol, from: 0 h, to: 12 h}"
    found = levels(f"{BODY}, elimination: gone", give, "drug_plasma", [0.3, 0.5, 2.0])
    speed = 2 * LEVEL / 0.5
    full = speed / 1.5 * (1 - math.exp(-0.75))
    expected = [speed / 1.5 * (1 - math.exp(-0.45)), full, full * math.exp(-1.5 * 1.5)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_oral_dose_follows_bateman() -> None:
    kinetics = f"{BODY}, elimination: gone, absorption: take, bioavailability: part"
    t = np.array([0.1, 0.5, 3.0])
    found = levels(
        kinetics, "{dose: drug, amount: 1 umol, route: oral, at: 0 h}", "drug_plasma", t.tolist()
    )
    expected = 0.6 * LEVEL * 6.0 / (6.0 - 1.5) * (np.exp(-1.5 * t) - np.exp(-6.0 * t))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_two_compartments_follow_the_matrix_exponential() -> None:
    kinetics = "model: two_compartment, volume: volume, elimination: gone, to_tissue: out, from_tissue: back"
    t = [0.2, 1.0, 5.0]
    give = "{dose: drug, amount: 1 umol, at: 0 h}"
    drift = np.array([[-3.5, 0.7], [2.0, -0.7]])
    for index, signal in enumerate(("drug_plasma", "drug_tissue")):
        expected = [(expm(x * drift) @ [LEVEL, 0.0])[index] for x in t]
        np.testing.assert_allclose(levels(kinetics, give, signal, t), expected, rtol=1e-6)


def test_an_effect_comes_late() -> None:
    kinetics = f"{BODY}, elimination: gone, effect_delay: late"
    t = np.array([0.2, 1.0])
    found = levels(kinetics, "{dose: drug, amount: 1 umol, at: 0 h}", "drug_effect", t.tolist())
    ke = 2.4
    expected = LEVEL * ke / (ke - 1.5) * (np.exp(-1.5 * t) - np.exp(-ke * t))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_pulse_in_the_medium_is_none_in_the_cell() -> None:
    """Half-life of exchange 12 h: it fills during the bath and stays after the wash-out."""
    k = math.log(2) / 0.5
    give = "{bath: drug, concentration: 2 uM, from: 0 h, to: 24 h}"
    found = levels("model: medium, cell_half_life: kept", give, "drug_cell", [0.5, 1.0, 1.5])
    np.testing.assert_allclose(found, [1.0, 1.5, 0.75], rtol=1e-6)
    assert k == pytest.approx(1.386, abs=1e-3)
    medium = levels("model: medium, cell_half_life: kept", give, "drug_medium", [0.5, 1.0, 1.5])
    assert medium.tolist() == [2.0, 0.0, 0.0]


def test_a_bath_ends_before_the_next_begins() -> None:
    """Written in either order, at 24 h the second concentration holds."""
    first = "{bath: drug, concentration: 2 uM, from: 0 h, to: 24 h}"
    second = "{bath: drug, concentration: 5 uM, from: 24 h, to: 48 h}"
    for give in (f"{first}, {second}", f"{second}, {first}"):
        assert levels("model: medium", give, "drug_medium", [0.9, 1.0, 2.0]).tolist() == [
            2.0,
            5.0,
            0.0,
        ]
    washed = "{bath: drug, concentration: 2 uM, from: 0 h}, {washout: drug, at: [12 h]}"
    assert levels("model: medium", washed, "drug_medium", [0.4, 0.5]).tolist() == [2.0, 0.0]


def test_a_visit_holds_and_resumes_doses() -> None:
    """1000 cells are above the limit: doses after the first visit are held, then reduced by half."""
    give = (
        "{visit: 0.5 day, when: live > limit, then: hold, drug: drug}, "
        "{visit: 1.5 day, when: live > limit, then: reduce, drug: drug, factor: 0.5}, "
        "{dose: drug, amount: 1 umol, at: [0 day, 1 day, 2 day]}"
    )
    found = levels(f"{BODY}, elimination: gone", give, "drug_plasma", [0.0, 1.0, 2.0])
    once = math.exp(-1.5)
    expected = [LEVEL, LEVEL * once, LEVEL * once**2 + 0.5 * LEVEL]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_drug_kills_by_its_name() -> None:
    """Log survival is the area of the unbound drug times the slope."""
    text = SCENARIO.format(
        kinetics="{" + f"{BODY}, elimination: gone, unbound: part" + "}",
        give="{dose: drug, amount: 1 umol, at: 0 h}",
        extra="",
    ).replace("kill:    {value: 0 /", "kill:    {value: 0.02 /")
    program = compile_scenario(parse_scenario(text), "r").program
    (last,) = run_engine(
        MeanField(),
        program,
        program.parameter_defaults[:, None],
        Streams.hosts(0, 1),
        np.array([2.0]),
    )
    area, _ = quad(lambda t: 0.6 * LEVEL * math.exp(-1.5 * t), 0.0, 2.0)
    live = observe(program, last)[program.assay("live"), 0]
    assert live == pytest.approx(1000.0 * math.exp(-0.02 * area), rel=1e-6)


def test_fractions_kill_by_the_linear_quadratic_law_and_feed_damage() -> None:
    extra = """
radiation:
  ray: {alpha: alpha, beta: beta, lethal: {from: [P], to: A}, feeds: lesions, per_gray: alpha, per_gray2: beta}
signals:
  lesions: {unit: '1', law: {}}
"""
    text = SCENARIO.format(
        kinetics="{model: medium}",
        give="{fraction: ray, dose: 2 Gy, at: [1 day, 2 day, 3 day]}",
        extra=extra,
    )
    program = compile_scenario(parse_scenario(text), "r").program
    survive = math.exp(-0.3 * 2 - 0.04 * 4)
    states = run_engine(
        MeanField(),
        program,
        program.parameter_defaults[:, None],
        Streams.hosts(0, 1),
        np.array([0.9, 1.0, 3.5]),
    )
    found = [
        (
            observe(program, s)[program.assay("live"), 0],
            s.signal[program.signal_names.index("lesions"), 0],
        )
        for s in states
    ]
    np.testing.assert_allclose(
        [f[0] for f in found], [1000.0, 1000 * survive, 1000 * survive**3], rtol=1e-9
    )
    np.testing.assert_allclose([f[1] for f in found], [0.0, 0.76, 3 * 0.76], rtol=1e-9)
