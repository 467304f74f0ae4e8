"""Has the leap the law of the number of mutants, from 1e6 to 1e9 cells, under five regimens?

Usage: .venv/bin/python verification/leap_mutants.py [--lanes 10000] [--more 100000] [--seed 1]
       [--regimens "none" "bolus" ...] [--cost]

Some regimens alone, or the cost alone, are put in their place in the written result.

Wild-type cells divide and die, one daughter of a division is a mutant with chance mu; mutants
divide and die. Regimens: none; one bolus of a drug that decays; repeated fractions, each leaving a
binomial share of either type; a constant kill; a kill for a day and regrowth. Written:
leap_mutants.json.

Truth. u(t) = 1 - E[z^M | one wild-type cell at t] and v(t) for a mutant obey the backward
equations, solved by SciPy for every z without any code of the engine; M has the generating function
(1 - u(0))^N. P(no mutant) is its value at z = 0; the law of M modulo K is exact by a Fourier sum
over the K-th roots of unity (K at least 1024 and 24 standard deviations; where K is larger, the
terms left out are asserted to be below 1e-12).

Statistics. For each of 140 cases: exact binomial for P(no mutant), Dvoretzky-Kiefer-Wolfowitz for
the law of M mod K. Two stages: 1e4 lanes, p < 1e-3; on a hit fresh streams, 1e5 lanes, p < 1e-4.
False alarms: 280 statistics x 1e-7 = 3e-5 at most. Power, asserted: an error of 0.03 of
P(no mutant) or a gap of 0.035 between distribution functions is seen with power 0.98. A case that
is missed stays missed; it is run once more at a quarter of the step, to tell an error of the step
from another.

Cost: CPU time a lane from 1e5 to 1e9 cells, interleaved, the least of the rounds; flat means that
the largest is at most 1.2 times the least.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import solve_ivp

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.engines import builders as b  # noqa: E402

from senescape.compile import Program  # noqa: E402
from senescape.engines.leap import Leap  # noqa: E402
from senescape.engines.protocol import observe, run_engine  # noqa: E402
from senescape.engines.state import Streams  # noqa: E402
from senescape.network import (  # noqa: E402
    Breakpoint,
    Forcing,
    Network,
    Redistribute,
    Signal,
    SignalKind,
)
from senescape.units import DIMENSIONLESS  # noqa: E402

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]

CELLS = (1e6, 1e7, 1e8, 1e9)
MUTATION = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
UNTIL = 3.0  # day
STEP = 1.0 / 24.0  # [day]
BIRTH, DEATH, MUTANT_BIRTH, MUTANT_DEATH = 1.2, 0.4, 1.0, 0.3  # 1/day
FIRST_ALARM, SECOND_ALARM = 1e-3, 1e-4
SEEN_SHARE, SEEN_GAP, POWER = 0.03, 0.035, 0.98
ROOTS = 1024
FINER = 4.0  # a case that is missed is run again at this part of the step
FLAT = 1.2


# --- regimens ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Regimen:
    """Extra death of the wild type, and instants at which cells of each type survive by chance.

    ``kill``: 1/day at a time; ``cuts``: times at which it has a corner or a jump; ``fractions``:
    (time, survival of the wild type, of mutants).
    """

    name: str
    kill: Callable[[float], float]
    cuts: tuple[float, ...] = ()
    fractions: tuple[tuple[float, float, float], ...] = ()


DOSE, LOSS, DOSED = 4.0, 1.5, 0.7318  # bolus [1/day of kill], 1/day, day
FRACTIONS = tuple((time, 0.3, 0.8) for time in (0.6, 1.3, 2.0))
KILL, ON, OFF = 5.0, 0.5, 1.5

REGIMENS = (
    Regimen("none", lambda t: 0.0),
    Regimen(
        "bolus",
        lambda t: DOSE * np.exp(-LOSS * (t - DOSED)) if t >= DOSED else 0.0,
        (DOSED,),
    ),
    Regimen("fractions", lambda t: 0.0, (), FRACTIONS),
    Regimen("constant kill", lambda t: KILL),
    Regimen("kill and regrowth", lambda t: KILL if ON <= t < OFF else 0.0, (ON, OFF)),
)


def network_of(regimen: Regimen) -> Network:
    """Build the two types of the tests with the regimen's extra death."""
    base = b.two_types(
        birth=BIRTH, death=DEATH, mutant_birth=MUTANT_BIRTH, mutant_death=MUTANT_DEATH
    )
    if regimen.fractions:
        return replace(base, forcing=Forcing(tuple(_fraction(*f) for f in regimen.fractions)))
    bolus = regimen.name == "bolus"
    signal = b.drug() if bolus else Signal("drug", DIMENSIONLESS, SignalKind.EXOGENOUS, ())
    points: tuple[Breakpoint, ...] = b.doses([DOSED]) if bolus else ()
    if regimen.name == "constant kill":
        points = b.doses([0.0])
    elif regimen.name == "kill and regrowth":
        points = (*b.doses([ON]), *b.doses([OFF], "-dose"))
    return replace(
        base,
        parameters=(
            *base.parameters,
            b.rate("ke", LOSS),
            b.number("dose", DOSE if bolus else KILL),
            b.rate("unit_kill", 0.0 if regimen.name == "none" else 1.0),
        ),
        transitions=(
            *base.transitions,
            b.exit_of(5, "kill", "A", "unit_kill * drug", b.outcome()),
        ),
        signals=(signal,),
        forcing=Forcing(points),
    )


def _fraction(time: float, wild: float, mutant: float) -> Breakpoint:
    return Breakpoint(
        time,
        (
            Redistribute("A", ((None, b.formula(1.0 - wild)),), 0),
            Redistribute("M", ((None, b.formula(1.0 - mutant)),), 1),
        ),
    )


# --- truth ---------------------------------------------------------------------------------------
def segments(regimen: Regimen) -> list[tuple[float, float, tuple[float, float]]]:
    """Return (start, end, survival of each type at the end), in order of time."""
    share = {time: (wild, mutant) for time, wild, mutant in regimen.fractions}
    ends = sorted({*regimen.cuts, *share, UNTIL})
    return [
        (start, end, share.get(end, (1.0, 1.0)))
        for start, end in zip([0.0, *ends[:-1]], ends, strict=True)
    ]


def death_at(regimen: Regimen, start: float, end: float) -> Callable[[float], float]:
    """Return the death of the wild type within one segment, from the right at its start."""
    if regimen.name == "bolus":
        return lambda t: DEATH + regimen.kill(t) * (start >= DOSED)
    constant = DEATH + regimen.kill(0.5 * (start + end))
    return lambda t: constant


def line_of(regimen: Regimen, mu: float, z: Complex) -> Complex:
    """Return u(0) = 1 - E[z^M | one wild-type cell at 0] for every z."""
    u, v = np.zeros_like(z), 1.0 - z
    n = len(z)
    for start, end, (wild, mutant) in reversed(segments(regimen)):
        u, v = wild * u, mutant * v
        death = death_at(regimen, start, end)

        def slope(back: float, y: Complex, end: float = end, death: object = death) -> Complex:
            u, v = y[:n], y[n:]
            d = death(end - back)  # type: ignore[operator]
            of_u = (BIRTH * (1 - mu) - d) * u - BIRTH * (1 - mu) * u * u
            of_u += BIRTH * mu * v * (1 - u)
            of_v = (MUTANT_BIRTH - MUTANT_DEATH) * v - MUTANT_BIRTH * v * v
            return np.concatenate([of_u, of_v])

        y = solve_ivp(
            slope,
            (0.0, end - start),
            np.concatenate([u, v]),
            method="DOP853",
            rtol=1e-12,
            atol=1e-18,
        ).y[:, -1]
        u, v = y[:n], y[n:]
    return u


def moments_of(regimen: Regimen, mu: float, cells: float) -> Float:
    """Return mean and variance of wild type and mutants: (mean A, mean M, var A, cov, var M)."""
    y = np.array([cells, 0.0, 0.0, 0.0, 0.0])
    for start, end, (wild, mutant) in segments(regimen):
        death = death_at(regimen, start, end)

        def slope(t: float, y: Float, death: object = death) -> list[float]:
            a, m, va, c, vm = y
            d = death(t)  # type: ignore[operator]
            ra, rm = BIRTH * (1 - mu) - d, MUTANT_BIRTH - MUTANT_DEATH
            out = BIRTH * mu
            return [
                ra * a,
                out * a + rm * m,
                2 * ra * va + (BIRTH * (1 - mu) + d) * a,
                (ra + rm) * c + out * va,
                2 * rm * vm + 2 * out * c + out * a + (MUTANT_BIRTH + MUTANT_DEATH) * m,
            ]

        y = solve_ivp(slope, (start, end), y, method="DOP853", rtol=1e-11, atol=1e-30).y[:, -1]
        a, m, va, c, vm = y
        y = np.array(
            [
                wild * a,
                mutant * m,
                wild**2 * va + wild * (1 - wild) * a,
                wild * mutant * c,
                mutant**2 * vm + mutant * (1 - mutant) * m,
            ]
        )
    return y


@dataclass(frozen=True)
class Law:
    """P(no mutant), and the distribution function of (M - first) mod its length."""

    none: float
    cdf: Float
    first: int


def law_of(regimen: Regimen, mu: float, cells: float, mean: float, sd: float) -> Law:
    """Invert the generating function."""
    none = float(np.exp(cells * np.log1p(-line_of(regimen, mu, np.zeros(1, complex)).real))[0])
    size = 2 ** int(np.ceil(np.log2(max(ROOTS, 24 * sd))))
    first = max(0, int(mean - size / 2))
    j = np.arange(min(ROOTS, size // 2) + 1)
    angle = 2 * np.pi * j / size
    value = np.exp(cells * np.log1p(-line_of(regimen, mu, np.exp(1j * angle))))
    if len(j) < size // 2 + 1:
        assert abs(value[-1]) < 1e-12, "too few terms of the Fourier sum"
    whole = np.zeros(size // 2 + 1, complex)
    whole[: len(j)] = np.conj(value * np.exp(-1j * ((angle * first) % (2 * np.pi))))
    mass = np.fft.irfft(whole, size)
    assert -mass[mass < 0.0].sum() < 1e-6, "the Fourier sum has lost its precision"
    return Law(none, np.cumsum(mass), first)


# --- statistics ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Judged:
    """One comparison of one case."""

    lanes: int
    none: int
    p_none: float
    gap: float
    p_gap: float
    mean: float
    sd: float
    wild_mean: float


def judge(
    program: Program, law: Law, mu: float, cells: float, lanes: int, seed: int, step: float
) -> Judged:
    """Run one case and compare."""
    table = b.lanes_of(program, lanes, mutation=mu, n0=cells)
    engine = Leap(step=step)
    (state,) = run_engine(engine, program, table, Streams.hosts(seed, lanes), np.array([UNTIL]))
    live, mutants = observe(program, state)
    none = int((mutants == 0.0).sum())
    tail = min(stats.binom.cdf(none, lanes, law.none), stats.binom.sf(none - 1, lanes, law.none))
    size = len(law.cdf)
    places = np.mod(mutants.astype(np.int64) - law.first, size)
    found = np.cumsum(np.bincount(places, minlength=size)) / lanes
    gap = float(np.abs(found - law.cdf).max())
    return Judged(
        lanes,
        none,
        float(min(1.0, 2 * tail)),
        gap,
        float(min(1.0, 2 * np.exp(-2 * lanes * gap**2))),
        float(mutants.mean()),
        float(mutants.std()),
        float((live - mutants).mean()),
    )


def assert_power(lanes: int, more: int) -> float:
    """Assert that both stages together see the stated errors; return the least power found."""
    least = 1.0
    for share in np.linspace(0.0, 1.0 - SEEN_SHARE, 98):
        for truth, other in ((share, share + SEEN_SHARE), (share + SEEN_SHARE, share)):
            both = 1.0
            for n, alarm in ((lanes, FIRST_ALARM), (more, SECOND_ALARM)):
                low = stats.binom.ppf(alarm / 2, n, truth) - 1
                high = stats.binom.isf(alarm / 2, n, truth) + 1
                both *= stats.binom.cdf(low, n, other) + stats.binom.sf(high - 1, n, other)
            least = min(least, float(both))
    gap = 1.0
    for n, alarm in ((lanes, FIRST_ALARM), (more, SECOND_ALARM)):
        edge = np.sqrt(np.log(2 / alarm) / (2 * n))
        gap *= 1 - np.exp(-2 * n * max(0.0, SEEN_GAP - edge) ** 2)
    least = min(least, float(gap))
    assert least >= POWER, f"power {least:.3f}: more lanes are needed"
    return least


# --- cost ----------------------------------------------------------------------------------------
def cost(rounds: int = 7, lanes: int = 1000) -> dict[str, dict[str, float]]:
    """Return CPU microseconds a lane by regimen and number of cells.

    At one mutation rate more cells also mean more mutants, from none to tens of thousands; at a
    rate of 100 / cells every number of cells meets as many mutants.
    """
    numbers = (1e5, *CELLS)
    found: dict[str, dict[str, float]] = {}
    for regimen in REGIMENS:
        if regimen.fractions:
            continue  # their cost lies in the protocol, not in the engine
        program = b.program_of(network_of(regimen))
        for what in ("rate 1e-6", "rate 100 / cells", "no mutation"):
            best = dict.fromkeys(numbers, np.inf)
            for turn in range(rounds):
                for cells in numbers:
                    mu = {"rate 1e-6": 1e-6, "no mutation": 0.0}.get(what, 100 / cells)
                    table = b.lanes_of(program, lanes, mutation=mu, n0=cells)
                    streams = Streams.hosts(100 + turn, lanes)
                    began = time.process_time()
                    list(run_engine(Leap(step=STEP), program, table, streams, np.array([UNTIL])))
                    best[cells] = min(best[cells], (time.process_time() - began) / lanes)
            found[f"{regimen.name}, {what}"] = {
                f"{cells:g}": round(1e6 * t, 1) for cells, t in best.items()
            }
    return found


def sizes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the largest relative errors of mean and sd, where sampling knows a mean to 0.25 %."""
    known = [
        (r, r["stages"][-1])
        for r in rows
        if r["sd"] < 0.0025 * r["mean"] * np.sqrt(r["stages"][-1]["lanes"])
    ]
    return {
        "cases": len(known),
        "mean": max(abs(s["mean"] / r["mean"] - 1) for r, s in known),
        "sd": max(abs(s["sd"] / r["sd"] - 1) for r, s in known),
        "wild_mean": max(abs(r["stages"][-1]["wild_mean"] / r["wild_mean"] - 1) for r in rows),
    }


def save(rows: list[dict[str, Any]], times: dict[str, Any], seed: int, power: float) -> None:
    """Put new cases and times in the place of old ones in the written result."""
    path = HERE / "leap_mutants.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    new = {row["regimen"] for row in rows}
    known = [row for row in old.get("cases", []) if row["regimen"] not in new] + rows
    order = [regimen.name for regimen in REGIMENS]
    known.sort(key=lambda row: (order.index(row["regimen"]), row["cells"], row["mutation"]))
    times = times or old.get("microseconds_a_lane", {})
    data = {
        "engine": "leap",
        "step_days": STEP,
        "seed": seed,
        "passed": sum(row["pass"] for row in known),
        "of": len(known),
        "power": power,
        "false_alarm": len(known) * 2 * FIRST_ALARM * SECOND_ALARM,
        "largest_errors": sizes(known) if known else {},
        "microseconds_a_lane": times,
        "cost_largest_over_least": {k: max(t.values()) / min(t.values()) for k, t in times.items()},
        "cases": known,
    }
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def run_case(
    regimen: Regimen, program: Program, cells: float, mu: float, seed: int, options: Any
) -> dict[str, Any]:
    """Judge one case in two stages; one that is missed once more at a quarter of the step."""
    wild, mean, _, _, variance = moments_of(regimen, mu, cells)
    sd = float(np.sqrt(variance))
    law = law_of(regimen, mu, cells, mean, sd)
    run = [judge(program, law, mu, cells, options.lanes, seed, STEP)]
    hit = [run[0].p_none < FIRST_ALARM, run[0].p_gap < FIRST_ALARM]
    if any(hit):
        run.append(judge(program, law, mu, cells, options.more, seed + 500_000, STEP))
        hit[0] = hit[0] and run[1].p_none < SECOND_ALARM
        hit[1] = hit[1] and run[1].p_gap < SECOND_ALARM
    finer = None
    if any(hit):
        short = STEP / FINER
        finer = judge(program, law, mu, cells, options.lanes, seed + 700_000, short)
    last = run[-1]
    print(
        f"{regimen.name:>17} {cells:.0e} {mu:.0e} none {last.none / last.lanes:.4f} "
        f"({law.none:.4f}) gap {last.gap:.4f} mean {last.mean:.6g} ({mean:.6g}) sd "
        f"{last.sd:.4g} ({sd:.4g}){' second stage' if len(run) > 1 else ''}"
        f"{'' if finer is None else f' MISSED (quarter step: gap {finer.gap:.4f})'}",
        flush=True,
    )
    return {
        "regimen": regimen.name,
        "cells": cells,
        "mutation": mu,
        "none": law.none,
        "mean": mean,
        "sd": sd,
        "wild_mean": wild,
        "pass": not any(hit),
        "stages": [asdict(r) for r in run],
        "quarter_step": None if finer is None else asdict(finer),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lanes", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--regimens", nargs="*", default=[r.name for r in REGIMENS])
    parser.add_argument("--cost", action="store_true", help="only the cost")
    options = parser.parse_args()
    power = assert_power(options.lanes, options.more)
    rows: list[dict[str, Any]] = []
    times: dict[str, Any] = {}
    began = time.process_time()
    for place, regimen in enumerate(REGIMENS):
        if options.cost or regimen.name not in options.regimens:
            continue
        program = b.program_of(network_of(regimen))
        for index, (cells, mu) in enumerate((c, m) for c in CELLS for m in MUTATION):
            seed = 1000 * options.seed + 100 * place + index
            rows.append(run_case(regimen, program, cells, mu, seed, options))
    passed = sum(row["pass"] for row in rows)
    if rows:
        print(f"{passed} of {len(rows)} cases pass; power {power:.3f}")
    if options.cost or len(rows) == len(REGIMENS) * len(CELLS) * len(MUTATION):
        times = cost()
    flat = True
    for name, own in times.items():
        ratio = max(own.values()) / min(own.values())
        flat = flat and ratio <= FLAT
        print(f"{name:>35} microseconds a lane {own}; largest over least {ratio:.2f}")
    print(f"{time.process_time() - began:.0f} s of CPU time")
    save(rows, times, options.seed, power)
    raise SystemExit(passed != len(rows) or not flat)


if __name__ == "__main__":
    main()
