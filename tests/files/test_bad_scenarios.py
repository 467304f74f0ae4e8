"""Bad scenarios: each is refused in one line by the check that is named, at the line of the fault."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from tests.stopwatch import without_tracer

from senescape.errors import SenescapeError
from senescape.files import parse_scenario

ROOT = Path(__file__).resolve().parents[2]
FORMAT = (ROOT / "docs" / "scenario-format.md").read_text(encoding="utf-8")
GOOD = re.search(r"```yaml\n(.*?)```", FORMAT, re.DOTALL).group(1)  # type: ignore[union-attr]
CHECKED_ELSEWHERE = {
    "file.too-long": "tests below",
    "file.not-a-mapping": "tests below",
    "file.encoding": "tests/files/test_reading.py",
    "file.folder": "tests/files/test_reading.py",
    "file.missing": "tests/files/test_reading.py",
    "file.unreadable": "needs a file without permission; root reads all",
    "file.unknown-scenario": "tests/files/test_reading.py",
    "scenario.no-outcome": "only when a verdict is asked for: tests/files/test_reading.py",
    "scenario.too-many-compartments": "tests below",
    "scenario.expectation": "many faults of one kind: tests/verdict/test_expectations.py",
    "scenario.unknown-": "made from the kind of name; each kind has its case",
}

PULSE = "{bath: drug, concentration: 2 uM, from: 0 h, to: 48 h}"
BODY = (
    "drug: {kinetics: {model: medium}}",
    "drug: {kinetics: {model: one_compartment, volume: volume, half_life: death_time}}",
)
VOLUME = ("  growth:  ", "  volume: {value: 2 mL, source: assumption}\n  growth:  ")
PROPERTY = "  has: {axis: cell, distribution: bernoulli"
FOREIGN = """variants:
  here: {set: {repair: 0.2 / day}}
  foreign: {set: {repair: 0.3 / day}, only: {class: [genotoxic]}}
contrasts:
  c: {label: x, of: outcome, left: {regimen: pulse, variant: foreign}, right: {regimen: pulse}}
uncertainty:
"""
REGIMEN = "  control: {label: untreated}\n"


def given(entry: str) -> list[tuple[str, str]]:
    """Edits that make the drug one of a body and give it in one way."""
    return [BODY, VOLUME, (PULSE, entry)]


def extra(section: str) -> list[tuple[str, str]]:
    """An edit that adds a section before the observables."""
    return [("observables:\n", f"{section}observables:\n")]


def together(*pairs: str) -> list[tuple[str, str]]:
    """An edit that adds numbers that vary, and what goes together among them."""
    wide = "distribution: lognormal, sd: 0.2"
    axis = f"axis: cell, {wide}, median: 1, classes: 3"
    lines = [f"  u: {{axis: well, {wide}, of: room}}", f"  v: {{axis: well, {wide}, of: seeded}}"]
    lines += [
        f"  w: {{axis: well, {wide}, of: growth}}",
        f"  b: {{axis: batch, {wide}, of: dying}}",
    ]
    lines += [f"  y: {{{axis}}}", f"  z: {{{axis}}}", "covariation:"]
    lines += [f"  - {pair}" for pair in pairs]
    return extra("variation:\n" + "\n".join(lines) + "\n")


RAY = "radiation:\n  ray: {alpha: sensitivity, beta: sensitivity}\n"

# name: (edits, check, text on the line that must be named, what the message must hold)
CASES: dict[str, tuple[list[tuple[str, str]], str, str, str]] = {
    "tab": ([("  P:      {role", "\tP:      {role")], "file.yaml", "", "YAML"),
    "unclosed bracket": ([("from: P, to: [P, P],", "from: P, to: [P, P,")], "file.yaml", "", ""),
    "assay chance over 1": (
        extra("assays:\n  stain: {kind: share, scored: seeded, positive: {P: 2}}\n"),
        "scenario.assay-number",
        "  stain:",
        "0 to 1",
    ),
    "assay of mice that cannot die": (
        extra("assays:\n  mice: {kind: survival, every: death_time}\n"),
        "scenario.assay-survival",
        "  mice:",
        "threshold",
    ),
    "assay of an unknown state": (
        extra("assays:\n  stain: {kind: share, scored: seeded, positive: {PP: 0.2}}\n"),
        "scenario.unknown-state",
        "  stain:",
        "PP",
    ),
    "assay of an unknown kind": (
        extra("assays:\n  stain: {kind: shares, scored: seeded, positive: {P: 0.2}}\n"),
        "scenario.unknown-choice",
        "  stain:",
        "shares",
    ),
    "assay that counts what is not there": (
        extra("assays:\n  wells: {kind: count, of: lives}\n"),
        "scenario.unknown-observable",
        "  wells:",
        "lives",
    ),
    "assay without a number of cells": (
        extra("assays:\n  stain: {kind: share, positive: {P: 0.2}}\n"),
        "scenario.missing-field",
        "  stain:",
        "scored",
    ),
    "duplicate key": (
        [("  seeded: ", "  growth: {value: 1 / day, source: assumption}\n  seeded: ")],
        "file.duplicate-key",
        "  growth: {value: 1 / day",
        "growth",
    ),
    "alias": (
        [("title: Cells", "note: &a x\ntitle: *a #")],
        "file.alias",
        "note: &a x",
        "alias",
    ),
    "tag": ([("title: Cells", "title: !!python/name:os.system Cells")], "file.tag", "title:", ""),
    "mapping tag": ([("parameters:\n", "parameters: !!omap\n")], "file.tag", "", ""),
    "merge key": ([("  control: {label", "  <<: {label")], "file.key", "  <<:", ""),
    "control character": (
        [("title: Cells", "title: \x07Cells")],
        "file.control-character",
        "title",
        "",
    ),
    "too deep": (
        [("title: Cells that arrest under a drug", "title: " + "[" * 60 + "]" * 60)],
        "file.depth",
        "title",
        "40",
    ),
    "number without end": ([("horizon: 14 day", "horizon: 1e999")], "file.number", "horizon", ""),
    "no version": ([("senescape: 1\n", "")], "file.version", "", "senescape: 1"),
    "newer version": ([("senescape: 1\n", "senescape: 2\n")], "file.version", "senescape: 2", ""),
    "unknown field": (
        [("title:", "titel: x\ntitle:")],
        "scenario.unknown-field",
        "titel",
        "title?",
    ),
    "misspelt field below": (
        [("label: recovered", "lable: recovered")],
        "scenario.unknown-field",
        "lable: recovered",
        "did you mean label?",
    ),
    "missing field": ([("setting: culture\n", "")], "scenario.missing-field", "", "setting"),
    "wrong type": ([("stages: 2", "stages: two")], "scenario.wrong-type", "stages", "two"),
    "out of range": ([("stages: 2", "stages: 0")], "scenario.out-of-range", "stages: 0", ""),
    "unknown choice": (
        [("{role: undecided", "{role: undecidd")],
        "scenario.unknown-choice",
        "undecidd",
        "did you mean undecided?",
    ),
    "bad name": ([("name: small-example", "name: Small Example")], "scenario.name", "name:", ""),
    "bad name of a state": ([("    silent: {", "    si-lent: {")], "scenario.name", "si-lent", ""),
    "empty list": (
        [("initial: [{state: P, total: seeded}]", "initial: []")],
        "scenario.length",
        "initial",
        "",
    ),
    "a truth value as number": (
        [("capacity: room", "capacity: true")],
        "scenario.value-type",
        "capacity",
        "",
    ),
    "unit-like parameter": (
        [("  repair: ", "  h: {value: 1 / day, source: assumption}\n  repair: ")],
        "scenario.name-is-unit",
        "  h: {value",
        "",
    ),
    "name declared twice": (
        [("drugs:\n  drug:", "drugs:\n  growth: {kinetics: {model: medium}}\n  drug:")],
        "scenario.duplicate-name",
        "",
        "growth",
    ),
    "reserved name": (
        [("  repair: ", "  time: {value: 1 / day, source: assumption}\n  repair: ")],
        "scenario.reserved-name",
        "  time: {value",
        "",
    ),
    "quantity without unit": (
        [("horizon: 14 day", "horizon: 14")],
        "scenario.dimension",
        "horizon: 14",
        "time",
    ),
    "wrong dimension": (
        [("value: 0.6 / day", "value: 0.6 uM")],
        "scenario.dimension",
        "  division:",
        "",
    ),
    "unknown unit": ([("48 h}", "48 hrz}")], "quantity.unit-unknown", "48 hrz", ""),
    "decimal comma": (
        [("value: 0.6 / day", "value: '0,6 / day'")],
        "quantity.number-format",
        "0,6",
        "",
    ),
    "unknown name in a formula": (
        [
            (
                "rate: growth * crowding, figure1: housekeeping}\n  arrest",
                "rate: grwth * crowding, figure1: housekeeping}\n  arrest",
            )
        ],
        "expression.unknown-name",
        "grwth",
        "did you mean growth?",
    ),
    "unknown function": (
        [("rate: repair,", "rate: sin(repair),")],
        "expression.unknown-function",
        "sin(",
        "",
    ),
    "code in a formula": (
        [("rate: repair,", "rate: \"__import__('os')\",")],
        "expression.character",
        "__import__",
        "",
    ),
    "condition as rate": (
        [("rate: repair,", "rate: repair > dying,")],
        "scenario.condition",
        "repair >",
        "",
    ),
    "parameters in a circle": (
        [
            (
                "{value: 0.1 / day, source: assumption}\n  decision",
                "{value: 2 * decision, source: assumption}\n  decision",
            ),
            ("{value: 0.5 / day, source: assumption}", "{value: 3 * repair, source: assumption}"),
        ],
        "scenario.circular",
        "",
        "depends on itself",
    ),
    "number without source": (
        [("rate: repair,", "rate: 0.1 / day,")],
        "scenario.number-without-source",
        "rate: 0.1 / day",
        "",
    ),
    "unknown source": (
        [("source: someone2020}\n  sensitivity", "source: somone2020}\n  sensitivity")],
        "scenario.unknown-source",
        "somone2020",
        "did you mean someone2020?",
    ),
    "unknown state in an arrow": (
        [("from: D, to: R", "from: D, to: RR")],
        "scenario.unknown-state",
        "RR",
        "",
    ),
    "unknown clone": (
        [("from: D, to: R,", "from: D, to: R, to_clone: m,")],
        "scenario.unknown-clone",
        "to_clone",
        "",
    ),
    "unknown switch": (
        [("from: D, to: R,", "from: D, to: R, switch: m,")],
        "scenario.unknown-switch",
        "switch",
        "",
    ),
    "unknown drug": (
        [("bath: drug", "bath: drgu")],
        "scenario.unknown-drug",
        "drgu",
        "did you mean drug?",
    ),
    "unknown observable": (
        [("counts: live", "counts: lve")],
        "scenario.unknown-observable",
        "lve",
        "",
    ),
    "unknown axis": (
        [("R:      {role: cycling,", "R:      {role: cycling, axes: [z],")],
        "scenario.unknown-axis",
        "axes: [z]",
        "",
    ),
    "unknown signal": (
        extra("signals:\n  x: {unit: uM, law: {inputs: [{from: drgu}]}}\n"),
        "scenario.unknown-signal-or-drug",
        "drgu",
        "",
    ),
    "unknown secreting state": (
        extra("signals:\n  x: {unit: uM, law: {secreted: [{by: Z, rate: repair}]}}\n"),
        "scenario.unknown-state-or-observable",
        "by: Z",
        "",
    ),
    "unknown regimen of the headline": (
        [("  headline:", "  regimen: puls\n  headline:")],
        "scenario.unknown-regimen",
        "puls",
        "did you mean pulse?",
    ),
    "unknown parameter that varies": (
        extra("variation:\n  v: {axis: well, distribution: lognormal, sd: 0.1, of: foundrs}\n"),
        "scenario.unknown-parameter",
        "foundrs",
        "",
    ),
    "unknown uncertain parameter": (
        [("    repair: {distribution", "    repare: {distribution")],
        "scenario.unknown-parameter",
        "repare",
        "did you mean repair?",
    ),
    "correlation of a certain parameter": (
        [
            (
                "outcome:\n",
                "  correlations: [{between: [repair, dying], correlation: 0.5}]\noutcome:\n",
            )
        ],
        "scenario.unknown-uncertain-parameter",
        "correlations",
        "dying",
    ),
    "unknown end point of the headline": (
        [("headline: time_to_progression", "headline: cure")],
        "scenario.unknown-end-point",
        "headline: cure",
        "",
    ),
    "unknown radiation": (
        [(PULSE, "{fraction: ray, dose: 2 Gy, at: 0 h}")],
        "scenario.unknown-radiation",
        "ray",
        "",
    ),
    "timed exit without dwell": (
        [("rate: repair,", "when: timed,")],
        "scenario.timed-without-dwell",
        "when: timed, figure1: recovery",
        "",
    ),
    "stages without dwell": (
        [("stages: 2, dwell: death_time", "stages: 2")],
        "scenario.dwell-missing",
        "stages: 2",
        "",
    ),
    "no rerouting": (
        [("rerouting: {die: A, inert: silent, recover: R}\n", "")],
        "scenario.rerouting",
        "  senescence:",
        "",
    ),
    "rerouting into senescence": (
        [("die: A, inert", "die: S, inert")],
        "scenario.rerouting-senescent",
        "rerouting",
        "",
    ),
    "inert cells that divide": (
        [("inert: silent", "inert: P")],
        "scenario.rerouting-inert",
        "rerouting",
        "",
    ),
    "cells of the host in a clone of the tumour": (
        [
            (
                "  initial: [{state: P, total: seeded}]",
                "  clones: {founder: {}, mutant: {parent: founder}}\n  initial: [{state: P, clone: founder, total: seeded}, {state: H, clone: mutant, total: seeded}]",
            ),
            ("    silent: {role", "    H:      {role: effector, tumour: false}\n    silent: {role"),
        ],
        "scenario.clone-of-host",
        "H:",
        "founder",
    ),
    "axis that the state does not carry": (
        [
            *extra(
                "variation:\n  z: {axis: cell, distribution: lognormal, median: 1, sd: 0.3, classes: 3}\n"
            ),
            ("rate: sensitivity * drug", "rate: z * sensitivity * drug"),
        ],
        "scenario.axis-missing",
        "  arrest:",
        "axes",
    ),
    "axis without classes": (
        extra("variation:\n  z: {axis: cell, distribution: lognormal, median: 1, sd: 0.3}\n"),
        "scenario.classes",
        "  z:",
        "",
    ),
    "uniform axis": (
        extra(
            "variation:\n  z: {axis: cell, distribution: uniform, low: 0, high: 1, classes: 3}\n"
        ),
        "scenario.axis-distribution",
        "uniform",
        "",
    ),
    "negative dose": ([("2 uM", "-2 uM")], "scenario.negative-dose", "-2 uM", ""),
    "dose before the start": ([("from: 0 h", "from: -5 h")], "scenario.before-start", "-5 h", ""),
    "end before the beginning": ([("to: 48 h", "to: 0 h")], "scenario.span", "to: 0 h", ""),
    "start after the first treatment": (
        [("cells:\n", "start: 1 day\ncells:\n")],
        "scenario.start",
        "start: 1 day",
        "",
    ),
    "bath of a drug in a body": ([BODY, VOLUME], "scenario.entry-kinetics", "bath", ""),
    "mass without molar mass": (
        given("{dose: drug, amount: 5 mg, at: 0 h}"),
        "scenario.molar-mass",
        "5 mg",
        "",
    ),
    "per body mass without body mass": (
        given("{dose: drug, per_body_mass: 5 umol/kg, at: 0 h}"),
        "scenario.body-mass",
        "per_body_mass",
        "",
    ),
    "oral without absorption": (
        given("{dose: drug, amount: 5 umol, route: oral, at: 0 h}"),
        "scenario.absorption",
        "oral",
        "",
    ),
    "two amounts": (
        given("{dose: drug, amount: 5 umol, per_body_mass: 1 umol/kg, at: 0 h}"),
        "scenario.amount",
        "amount",
        "",
    ),
    "interval of zero": (
        given("{dose: drug, amount: 5 umol, at: {first: 0 h, every: 0 h, times: 3}}"),
        "scenario.interval",
        "every",
        "",
    ),
    "unknown entry": ([(PULSE, "{bth: drug}")], "scenario.entry-kind", "bth", "did you mean bath?"),
    "unknown field of an entry": (
        [("from: 0 h, to: 48 h", "from: 0 h, until: 48 h")],
        "scenario.unknown-field",
        "until",
        "",
    ),
    "two ways of elimination": (
        [
            (BODY[0], BODY[1].replace("half_life:", "elimination: repair, half_life:")),
            VOLUME,
            (PULSE, "{dose: drug, amount: 5 umol, at: 0 h}"),
        ],
        "scenario.elimination",
        "elimination",
        "",
    ),
    "half an exchange": (
        [
            (BODY[0], BODY[1].replace("half_life:", "to_tissue: repair, half_life:")),
            VOLUME,
            (PULSE, "{dose: drug, amount: 5 umol, at: 0 h}"),
        ],
        "scenario.exchange",
        "to_tissue",
        "",
    ),
    "visit without condition": (
        [(PULSE, "{visit: 1 day, when: live, then: hold, drug: drug}")],
        "scenario.visit-condition",
        "visit",
        "",
    ),
    "visit that reduces by nothing": (
        [(PULSE, "{visit: 1 day, when: live > room, then: reduce, drug: drug}")],
        "scenario.visit-factor",
        "visit",
        "",
    ),
    "distribution without width": (
        [("{distribution: lognormal, sd: 0.4}", "{distribution: lognormal}")],
        "scenario.distribution",
        "lognormal",
        "sd",
    ),
    "distribution with too much": (
        [
            (
                "{distribution: lognormal, sd: 0.4}",
                "{distribution: lognormal, sd: 0.4, high: 1 / day}",
            )
        ],
        "scenario.distribution",
        "lognormal",
        "high",
    ),
    "negative width": ([("sd: 0.4", "sd: -0.4")], "scenario.distribution-negative", "sd: -0.4", ""),
    "bounds exchanged": (
        [
            (
                "{distribution: lognormal, sd: 0.4}",
                "{distribution: uniform, low: 2 / day, high: 1 / day}",
            )
        ],
        "scenario.distribution-order",
        "uniform",
        "",
    ),
    "correlations that contradict": (
        [
            (
                "    repair: {distribution: lognormal, sd: 0.4}\n",
                "    repair: {distribution: lognormal, sd: 0.4}\n    dying: {distribution: lognormal, sd: 0.4}\n    growth: {distribution: lognormal, sd: 0.4}\n  correlations:\n    - {between: [repair, dying], correlation: 0.9}\n    - {between: [dying, growth], correlation: 0.9}\n    - {between: [repair, growth], correlation: -0.9}\n",
            ),
        ],
        "scenario.correlations",
        "correlations",
        "",
    ),
    "correlation of a number with itself": (
        [
            (
                "outcome:\n",
                "  correlations: [{between: [repair, repair], correlation: 0.5}]\noutcome:\n",
            )
        ],
        "scenario.correlation-pair",
        "correlations",
        "itself",
    ),
    "a correlation stated twice": (
        together("{between: [v, w], correlation: 0.1}", "{between: [w, v], correlation: 0.2}"),
        "scenario.correlation-pair",
        "{between: [w, v]",
        "again",
    ),
    "covariation of what does not vary": (
        together("{between: [v, ww], correlation: 0.5}"),
        "scenario.unknown-variation",
        "{between: [v, ww]",
        "did you mean w?",
    ),
    "covariation above one": (
        together("{between: [v, w], correlation: 1.5}"),
        "scenario.out-of-range",
        "correlation: 1.5",
        "1.5",
    ),
    "covariation of hosts and batches": (
        together("{between: [v, b], correlation: 0.5}"),
        "scenario.covariation-axis",
        "{between: [v, b]",
        "b (axis batch)",
    ),
    "covariation of cells": (
        together("{between: [z, y], correlation: 0.5}"),
        "scenario.covariation-axis",
        "{between: [z, y]",
        "z (axis cell)",
    ),
    "covariation that contradicts itself": (
        together(
            "{between: [v, w], correlation: 0.9}",
            "{between: [w, u], correlation: 0.9}",
            "{between: [v, u], correlation: -0.9}",
        ),
        "scenario.correlations",
        "covariation",
        "u, v, w",
    ),
    "a well that keeps its value": (
        extra(
            "variation:\n  w: {axis: well, distribution: lognormal, sd: 0.1, of: room, kept: 1}\n"
        ),
        "scenario.kept",
        "  w: {axis",
        "kept on a well axis",
    ),
    "joint draws without units": (
        [("outcome:\n", "  draws: {parameters: [dying], units: [], rows: [[1]]}\noutcome:\n")],
        "scenario.draws-units",
        "draws",
        "",
    ),
    "joint draws and a distribution": (
        [
            (
                "outcome:\n",
                "  draws: {parameters: [repair], units: [1/day], rows: [[1]]}\noutcome:\n",
            )
        ],
        "scenario.draws-twice",
        "    repair:",
        "",
    ),
    "a short row of joint draws": (
        [
            (
                "outcome:\n",
                "  draws: {parameters: [dying, decision], units: [1/day, 1/day], rows: [[1]]}\noutcome:\n",
            )
        ],
        "scenario.draws-row",
        "draws",
        "",
    ),
    "ten million doses at once": (
        given("{dose: drug, amount: 5 umol, at: {first: 0 h, every: 1 s, times: 10000000}}"),
        "scenario.out-of-range",
        "times: 10000000",
        "100000",
    ),
    "ten million doses in a hundred entries": (
        given(
            ", ".join(
                100 * ["{dose: drug, amount: 5 umol, at: {first: 0 h, every: 1 s, times: 100000}}"]
            )
        ),
        "scenario.too-many-doses",
        "times: 100000",
        "100000",
    ),
    "visits without end": (
        given(
            ", ".join(
                2
                * [
                    "{visit: {first: 0 h, every: 1 s, times: 90000}, when: live > seeded, "
                    "then: hold, drug: drug}"
                ]
            )
        ),
        "scenario.too-many-doses",
        "times: 90000",
        "infusion",
    ),
    "horizon after the sun": (
        [("horizon: 14 day", "horizon: 1e15 day")],
        "scenario.horizon",
        "horizon",
        "100000 day",
    ),
    "look ahead beyond reason": (
        [("  headline:", "  look_ahead: 1e12 day\n  headline:")],
        "scenario.horizon",
        "look_ahead",
        "earlier",
    ),
    "wells measured for ever": (
        [
            (
                "uncertainty:\n",
                "measured:\n  w:\n    source: someone2020\n    observable: live\n    rule: {least: 10 cells, after: 1 day}\n    regimens: {pulse: {wells: 3, recovered: 1, until: 1e12 day}}\nuncertainty:\n",
            )
        ],
        "scenario.horizon",
        "until: 1e12",
        "earlier",
    ),
    "horizon of zero": ([("horizon: 14 day", "horizon: 0 day")], "scenario.horizon", "horizon", ""),
    "look ahead that looks back": (
        [("  headline:", "  look_ahead: 3 day\n  headline:")],
        "scenario.look-ahead",
        "look_ahead",
        "",
    ),
    "negative difference": ([("0.05}", "-0.05}")], "scenario.smallest-difference", "-0.05", ""),
    "weights of two kinds": (
        [*extra("ports:\n  p: {unit: '1', formula: 1}\n"), ("sum: {P: 1,", "sum: {P: growth,")],
        "scenario.weights",
        "live:",
        "",
    ),
    "unit of an observable": (
        [("live: {label: live cells,", "live: {label: live cells, unit: uM,")],
        "scenario.observable-unit",
        "live:",
        "",
    ),
    "survival without a threshold": (
        [
            (
                "    complete_arrest: {smallest",
                "    survival: {smallest_difference: 1 day}\n    complete_arrest: {smallest",
            )
        ],
        "scenario.survival-threshold",
        "    survival: ",
        "",
    ),
    "extends what is not there": (
        [("senescape: 1\n", "senescape: 1\nextends: nowhere\n")],
        "file.unknown-scenario",
        "extends: nowhere",
        "nowhere",
    ),
    "extends a number": (
        [("senescape: 1\n", "senescape: 1\nextends: 4\n")],
        "file.extends",
        "extends: 4",
        "",
    ),
    "a property in three classes": (
        [("uncertainty:\n", f"variation:\n{PROPERTY}, mean: 0.4, classes: 3}}\nuncertainty:\n")],
        "scenario.bernoulli-classes",
        "  has: {axis",
        "3 classes",
    ),
    "a share above one": (
        [("uncertainty:\n", f"variation:\n{PROPERTY}, mean: 1.4}}\nuncertainty:\n")],
        "scenario.bernoulli-share",
        "  has: {axis",
        "1.4",
    ),
    "a derived number with a player": (
        [
            (
                "  growth:  ",
                "  doubled: {value: 2 * growth, source: assumption, player: feeder}\n  growth:  ",
            )
        ],
        "scenario.player-derived",
        "  doubled: ",
        "feeder",
    ),
    "a contrast with the variant of another inducer": (
        [
            ("uncertainty:\n", "inducer: {class: genetic, line: mine}\n" + FOREIGN),
        ],
        "scenario.variant-inducer",
        "  c: {label: x",
        "the class genotoxic",
    ),
    "a contrast with the variant of another line": (
        [
            ("uncertainty:\n", "inducer: {class: genotoxic, line: mine}\n" + FOREIGN),
            ("class: [genotoxic]", "line: [H1299, A549]"),
        ],
        "scenario.variant-inducer",
        "  c: {label: x",
        "the line H1299 or A549, and here senescence is induced by the class genotoxic in the line mine",
    ),
    "a contrast with a variant of an inducer that is not stated": (
        [("uncertainty:\n", FOREIGN)],
        "scenario.variant-inducer",
        "  c: {label: x",
        "nothing that the scenario states",
    ),
    "a class of inducers that is none": (
        [("uncertainty:\n", FOREIGN), ("class: [genotoxic]", "class: [genotoxc]")],
        "scenario.unknown-choice",
        "  foreign:",
        "did you mean genotoxic?",
    ),
    "a variant for no inducer at all": (
        [("uncertainty:\n", FOREIGN), ("class: [genotoxic]", "class: []")],
        "scenario.length",
        "  foreign:",
        "",
    ),
    "more wells recovered than there are": (
        [
            (
                "uncertainty:\n",
                "measured:\n  w:\n    source: someone2020\n    observable: live\n    rule: {least: 10 cells, after: 1 day}\n    regimens: {pulse: {wells: 3, recovered: 4, until: 9 day}}\nuncertainty:\n",
            )
        ],
        "scenario.recovered",
        "recovered: 4",
        "",
    ),
}


def edited(edits: list[tuple[str, str]]) -> str:
    text = GOOD
    for old, new in edits:
        assert old in text, f"the example no longer holds {old!r}"
        text = text.replace(old, new, 1)
    return text


def test_the_example_itself_is_good() -> None:
    assert parse_scenario(GOOD).name == "small-example"


@pytest.mark.parametrize("name", CASES)
def test_a_bad_scenario_is_refused_in_one_line(name: str) -> None:
    edits, check, line, said = CASES[name]
    text = edited(edits)
    began = time.process_time()
    with pytest.raises(SenescapeError) as caught:
        parse_scenario(text, "tumour.yaml")
    took = time.process_time() - began
    assert took < 1.0 or without_tracer(lambda: parse_scenario(text, "tumour.yaml")) < 1.0
    error = caught.value
    message = str(error)
    assert error.check == check, message
    assert "\n" not in message and message.startswith("tumour.yaml:")
    assert said in message
    if line:
        at = error.where.line
        assert at is not None and line in text.splitlines()[at - 1], message


def test_every_check_of_scenarios_has_its_case() -> None:
    used = set()
    for path in (ROOT / "src" / "senescape").rglob("*.py"):
        used |= set(re.findall(r'"((?:scenario|file)\.[a-z-]+)"', path.read_text(encoding="utf-8")))
        used |= set(re.findall(r'f"((?:scenario)\.unknown-)\{', path.read_text(encoding="utf-8")))
    used -= {"scenario.json"}  # a file in a crate
    covered = {check for _, check, _, _ in CASES.values()} | set(CHECKED_ELSEWHERE)
    assert used - covered == set()


def test_a_file_without_end_is_not_read() -> None:
    with pytest.raises(SenescapeError) as caught:
        parse_scenario("#" * 5_000_000)
    assert caught.value.check == "file.too-long"


def test_too_many_classes_are_counted_before_they_are_made() -> None:
    axes = "variation:\n" + "".join(
        f"  z{i}: {{axis: cell, distribution: lognormal, median: 1, sd: 0.3, classes: 101}}\n"
        for i in range(3)
    )
    text = edited(
        [
            *extra(axes),
            ("{role: cycling, label: proliferating}", "{role: cycling, axes: [z0, z1, z2]}"),
        ]
    )
    with pytest.raises(SenescapeError) as caught:
        parse_scenario(text)
    assert caught.value.check == "scenario.too-many-compartments"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "# only a comment\n"])
def test_what_is_no_scenario_at_all_is_refused(text: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        parse_scenario(text, "tumour.yaml")
    assert caught.value.check == "file.not-a-mapping"
    assert str(caught.value).startswith("tumour.yaml:1:")
