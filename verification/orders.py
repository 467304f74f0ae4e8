"""Does the error of each solver of differential equations shrink as its order says?

Usage: .venv/bin/python verification/orders.py

With steps of one length (every error is allowed): the slope of ln error in ln step at the end, and
between steps. With the control of steps: the error that is achieved at each tolerance, on reference
problems of the field as SBML, beside LSODA's; truth is SciPy's Radau or DOP853 at 1e-12, or a
closed form. What must be kept (mass, a first integral) and whether a number falls below zero is
looked at in the same runs. Written: orders.json.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

# what the tests build networks, schedulers and workers with lies beside this folder
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import sbml_texts as x
from tests.engines import builders as b
from tests.engines import test_explicit, test_rosenbrock

from senescape.compile import Program, lower
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.files import parse_sbml

HERE = Path(__file__).resolve().parent

Float = NDArray[np.float64]
TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
LANES = 8  # a block, all alike


@dataclass(frozen=True)
class Problem:
    """A reference problem: its network, its right-hand side, and what it keeps."""

    source: str
    program: Program
    rates: Callable[[float, Float], list[float]]
    start: tuple[float, ...]
    until: float
    stiff: bool
    kept: Callable[[Float], Float] | None = None


def network(species: str, start: tuple[float, ...], *laws: tuple[str, str, str, str]) -> Program:
    """Return a network; a law is (formula, consumed, made, modifiers), a letter a molecule."""

    def counted(letters: str) -> dict[str, int]:
        return {letter: letters.count(letter) for letter in sorted(set(letters))}

    model = x.model(
        species=tuple(x.species(n, v) for n, v in zip(species, start, strict=True)),
        reactions=tuple(
            x.reaction(f"R{i}", law, counted(used), counted(made), modifiers=tuple(others))
            for i, (law, used, made, others) in enumerate(laws)
        ),
    )
    return lower(parse_sbml(model))


def problems() -> dict[str, Problem]:
    """Return the reference problems."""
    predators = network(
        "AB", (10.0, 5.0), ("1.1 * A", "A", "AA", ""), ("0.4 * A * B", "A", "B", "B"),
        ("0.4 * A * B - 0.1 * A * B", "B", "", "A"), ("0.4 * B", "B", "", ""),
    )  # fmt: skip
    brusselator = network(
        "AB", (1.5, 3.0), ("1", "", "A", ""), ("A * A * B", "B", "A", "A"),
        ("3 * A", "A", "B", ""), ("A", "A", "", ""),
    )  # fmt: skip
    robertson = network(
        "ABC", (1.0, 0.0, 0.0), ("0.04 * A", "A", "B", ""), ("1e4 * B * C", "B", "A", "C"),
        ("3e7 * B * B", "B", "C", ""),
    )  # fmt: skip
    # autocatalysis with fast exchange, E5 of the stiff test set, scaled to molecules of 1
    e5 = network(
        "ABCD", (1.0, 0.0, 0.0, 0.0), ("7.89e-10 * A", "A", "BC", ""),
        ("1.1e7 * 1.76e-3 * A * C", "AC", "D", ""), ("1.13e9 * 1.76e-3 * B * C", "BC", "", ""),
        ("1.13e3 * D", "D", "C", ""),
    )  # fmt: skip

    def fast(t: float, y: Float) -> list[float]:
        a, b_, c, d = y
        one, two = 7.89e-10 * a, 1.1e7 * 1.76e-3 * a * c
        three, four = 1.13e9 * 1.76e-3 * b_ * c, 1.13e3 * d
        return [-one - two, one - three, one - two - three + four, two - four]

    def three(t: float, y: Float) -> list[float]:
        a, b_, c = y
        one, two, last = 0.04 * a, 1e4 * b_ * c, 3e7 * b_ * b_
        return [two - one, one - two - last, last]

    return {
        "Lotka and Volterra": Problem(
            "Lotka 1920; Volterra 1926",
            predators,
            lambda t, y: [1.1 * y[0] - 0.4 * y[0] * y[1], 0.1 * y[0] * y[1] - 0.4 * y[1]],
            (10.0, 5.0),
            20.0,
            False,
            lambda y: 0.1 * y[0] - 0.4 * np.log(y[0]) + 0.4 * y[1] - 1.1 * np.log(y[1]),
        ),
        "Brusselator": Problem(
            "Hairer, Norsett & Wanner 1993, section I.16",
            brusselator,
            lambda t, y: [1.0 + y[0] ** 2 * y[1] - 4.0 * y[0], 3.0 * y[0] - y[0] ** 2 * y[1]],
            (1.5, 3.0),
            20.0,
            False,
        ),
        "Robertson": Problem(
            "Robertson 1966; Hairer & Wanner 1996, section IV.1",
            robertson,
            three,
            (1.0, 0.0, 0.0),
            40.0,
            True,
            lambda y: y.sum(axis=0),
        ),
        "E5": Problem(
            "Enright, Hull & Lindberg 1975; Hairer & Wanner 1996, section IV.10",
            e5,
            fast,
            (1.0, 0.0, 0.0, 0.0),
            1e5,
            True,
            lambda y: y[1] - y[2] - y[3],
        ),
    }


def slopes() -> list[dict[str, object]]:
    """Return orders with steps of one length, of the explicit and the implicit method."""
    found: list[dict[str, object]] = []

    def fitted(what: str, expected: float, steps: Float, errors: list[float]) -> None:
        slope = float(np.polyfit(np.log(steps), np.log(errors), 1)[0])
        row = {"what": what, "expected": expected, "slope": round(slope, 2)}
        found.append(row | {"steps": steps.tolist(), "errors": errors})
        print(f"{what}: {slope:.2f} (expected {expected})", flush=True)

    def logistic(t: float) -> float:
        return float(1000.0 / (1.0 + 99.0 * np.exp(-0.9 * t)))

    steps = np.array([0.125, 0.1, 0.08, 0.0625, 0.05])
    ends = [
        max(
            abs(test_explicit.fixed_steps(b.logistic(), h, t) - logistic(t))
            for t in (2.0, 4.0, 6.0)
        )
        for h in steps.tolist()
    ]
    fitted("explicit (Tsitouras 5), logistic growth, at the end of steps", 5.0, steps, ends)
    outputs = np.array([0.37, 0.81, 1.33])
    steps = np.array([1 / 8, 1 / 12, 1 / 16, 1 / 24, 1 / 32])
    true, between = test_rosenbrock.fixed_steps(1 / 512, 2.0, outputs)
    ends, middles = [], []
    for step in steps.tolist():
        y, path = test_rosenbrock.fixed_steps(step, 2.0, outputs)
        ends.append(float(np.abs(y - true).max()))
        middles.append(float(np.abs(path - between).max()))
    fitted("implicit (RODAS4), rates that move in time, at the end of steps", 4.0, steps, ends)
    fitted("implicit (RODAS4), read off between steps, error of one step", 4.0, steps, middles)
    return found


def achieved(name: str, problem: Problem) -> dict[str, object]:
    """Return errors at each tolerance of blocks and of LSODA, what drifts, what falls below 0."""
    method = "Radau" if problem.stiff else "DOP853"
    times = np.linspace(0.0, problem.until, 11)
    true = solve_ivp(
        problem.rates, (0.0, problem.until), problem.start, method, times, rtol=1e-12, atol=1e-20
    ).y
    scale = np.abs(true).max(axis=1, keepdims=True)
    rows: dict[str, object] = {"source": problem.source, "until": problem.until}
    for engine, explicit in (("blocks", True), ("LSODA", False)):
        errors, drift, least, stopped = [], [], [], {}
        for tolerance in TOLERANCES:
            solver = MeanField(tolerance, tolerance * 1e-9, explicit=explicit)
            lanes = b.lanes_of(problem.program, LANES)
            states = run_engine(solver, problem.program, lanes, Streams.hosts(1, LANES), times)
            try:
                path = np.array([state.counts[:, 0].copy() for state in states]).T
            except SenescapeError as error:
                errors.append(math.nan)
                stopped[f"{tolerance:g}"] = str(error)
                continue
            errors.append(float((np.abs(path - true) / scale).max()))
            least.append(float(path.min()))
            if problem.kept is not None:
                kept = problem.kept(path)
                drift.append(float(np.abs(kept - kept[0]).max()))
        rows[engine] = {
            "errors": [None if math.isnan(e) else e for e in errors],
            "least": min(least),
            "drift": drift,
            "stopped": stopped,
        }
        shown = " ".join(f"{e:.1e}" for e in errors)
        print(f"{name}, {engine}: {shown}; drift {max(drift, default=0.0):.1e}", flush=True)
    return rows


def main() -> None:
    """Measure and write orders.json."""
    data = {
        "orders": slopes(),
        "tolerances": TOLERANCES,
        "problems": {name: achieved(name, problem) for name, problem in problems().items()},
    }
    (HERE / "orders.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
