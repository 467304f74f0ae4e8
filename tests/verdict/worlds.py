"""Toy worlds in which it is known what senescence does."""

from __future__ import annotations

from functools import cache

from senescape.files import parse_scenario
from senescape.model import Scenario
from senescape.verdict import Verdict, judge

WORLD = """
senescape: 1
name: toy-world
title: A planted world
setting: culture
parameters:
  growth:    {{value: 0.7 / day, source: assumption}}
  regrow:    {{value: {regrow} / day, source: assumption}}
  hit:       {{value: {hit} / (uM*day), source: assumption}}
  recovers:  {{value: {recovers} / day, source: assumption}}
  dies:      {{value: {dies} / day, source: assumption}}
  senesces:  {{value: {senesces} / day, source: assumption}}
  returns:   {{value: {returns} / day, source: assumption}}
  secretion: {{value: {secretion} uM/(day*cells), source: assumption}}
  cleared:   {{value: 20 / day, source: assumption}}
  sated:     {{value: 1 uM, source: assumption}}
  boost:     {{value: {boost}, source: assumption}}
  seeded:    {{value: 300 cells, source: assumption}}
cells:
  states:
    P: {{role: cycling}}
    D: {{role: undecided}}
    R: {{role: cycling}}
    S: {{role: senescent_mature}}
    A: {{role: apoptotic}}
    silent: {{role: quiescent, can_cycle: false}}
  initial: [{{state: P, total: seeded}}]
signals:
  sasp: {{unit: uM, law: {{decay: cleared, secreted: [{{by: S, rate: secretion}}]}}}}
arrows:
  division:   {{from: P, to: [P, P], rate: "growth * (1 + boost * sasp / (sated + sasp))", figure1: housekeeping}}
  regrowth:   {{from: R, to: [R, R], rate: "regrow * (1 + boost * sasp / (sated + sasp))", figure1: housekeeping}}
  arrest:     {{from: P, to: D, rate: hit * drug, figure1: dna_damage}}
  recovery:   {{from: D, to: R, rate: recovers, figure1: recovery}}
  apoptosis:  {{from: D, to: A, rate: dies, figure1: rapid_apoptosis}}
  senescence: {{from: D, to: S, rate: senesces, figure1: senescence}}
  reentry:    {{from: S, to: R, rate: returns, figure1: reentry}}
  removal:    {{from: A, to: [], rate: cleared, figure1: housekeeping}}
rerouting: {{die: A, inert: silent, recover: R}}
drugs:
  drug: {{kinetics: {{model: medium}}}}
regimens:
  pulse: {{give: [{{bath: drug, concentration: 1 uM, from: 0 h, to: 24 h}}]}}
  none: {{give: []}}
observables:
  live: {{sum: {{P: 1, D: 1, R: 1, S: 1}}}}
uncertainty:
  parameters:
    growth: {{distribution: lognormal, sd: 0.05}}
outcome:
  horizon: 8 day
  look_ahead: 10 day
  headline: {headline}
  endpoints:
    time_to_progression: {{smallest_difference: 0.2 day}}
    burden: {{smallest_difference: 0.1}}
    complete_arrest: {{smallest_difference: 0.05}}
    cure: {{smallest_difference: 0.05}}
    no_regrowth: {{smallest_difference: 0.05}}
"""


def world(**changes: object) -> Scenario:
    """A world in which senescence is an arrest for good, unless changed."""
    numbers: dict[str, object] = {
        "regrow": 0.7,
        "hit": 3,
        "recovers": 0.3,
        "dies": 0.3,
        "senesces": 1.5,
        "returns": 0,
        "secretion": 0,
        "boost": 0,
        "headline": "burden",
    }
    return parse_scenario(WORLD.format(**(numbers | changes)))


def friend() -> Scenario:
    """Senescent cells are arrested for good; otherwise they would have recovered or died."""
    return world(recovers=3, dies=0)


def foe() -> Scenario:
    """Senescent cells feed those that were never hit, and come back; otherwise most would have died."""
    return world(hit=1, recovers=0.02, dies=3, senesces=6, returns=0.3, secretion=2, boost=0.8)


def null() -> Scenario:
    """Nothing becomes senescent."""
    return world(senesces=0)


@cache
def friendly_verdict() -> Verdict:
    """The verdict on :func:`friend`, with shares: one for all who read or draw it; it is frozen."""
    return judge(friend(), "pulse", draws=6, hosts=2, step=0.25, shares=True)
