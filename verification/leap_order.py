"""How does the error of the leap shrink with its step where rates depend on the numbers of cells?

Usage: .venv/bin/python verification/leap_order.py [--seed 1]

Steps are forced (no halving): the error of the mean and of the variance at day 4 is measured at
steps of 1 to 1/16 day (few cells: 1 to 1/8 day); a step^slope is fitted to it, with the standard
error that sampling gives. Expected: 2 +- 0.3. Written: leap_order.json.

Networks of tests/engines/builders.py: logistic growth with death; senescent cells whose secreted
factor speeds division (a linear signal, fed back).

- Many cells (1e10 at the start): the mean field and the linear-noise equations, written here and
  solved by SciPy, are exact to 1e-10; means are known to 1e-7.
- Logistic, 200 places, 20 cells: the law itself by the matrix exponential of the master equation.
- Distributions at the default settings: logistic against that law (an upper bound of the total
  variation that holds with confidence 1 - 1e-6; DKW), secreting against the exact engine (two
  samples, DKW bound for each and bins of the joint law).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import curve_fit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.engines import builders as b  # noqa: E402

from senescape.compile import Program  # noqa: E402
from senescape.engines.exact import Exact  # noqa: E402
from senescape.engines.leap import Leap  # noqa: E402
from senescape.engines.protocol import Engine  # noqa: E402
from senescape.network import Network  # noqa: E402

Float = NDArray[np.float64]

UNTIL = 4.0  # day
# lanes at each step [day]
MANY_STEPS = {1.0: 400_000, 1 / 2: 400_000, 1 / 4: 400_000, 1 / 8: 200_000, 1 / 16: 50_000}
FEW_STEPS = {1.0: 2_000_000, 1 / 2: 2_000_000, 1 / 4: 2_000_000, 1 / 8: 400_000}
GROWTH, DEATH = 0.9, 0.2
MANY, PLACES, START = 1e10, 200, 20
SECRETION, CLEARANCE, BOOST, DIVISION, ENTRY, LOSS = 0.02, 3.0, 0.5, 0.5, 0.3, 0.1
CELLS = 50
WANTED, SPAN = 2.0, 0.3
Z, KNOWN = 2.58, 0.15  # a slope is missed beyond 2.58 standard errors, known below 0.15
CONFIDENCE = 1e-6


def logistic(capacity: float, start: float) -> Network:
    """Logistic growth with death."""
    base = b.logistic(growth=GROWTH, capacity=capacity, start=start)
    return replace(
        base,
        parameters=(*base.parameters, b.rate("death", DEATH)),
        transitions=(*base.transitions, b.exit_of(2, "death", "A", "death", b.outcome())),
    )


def secreting(start: float) -> Network:
    """Senescent cells speed division; a cell secretes less where there are more cells."""
    return b.secreting(
        secretion=SECRETION * CELLS / start, clearance=CLEARANCE, boost=BOOST, start=start
    )


def forced(step: float) -> Leap:
    """Return the engine with steps that nothing halves."""
    return Leap(step=step, tolerance=1e9, composition=1e9)


def sample(engine: Engine, program: Program, lanes: int, seed: int) -> Float:
    """Return assays at the end, shape (assays, lanes)."""
    table = b.lanes_of(program, lanes)
    return b.run_assay(engine, program, [UNTIL], parameters=table, seed=seed)[0]


# --- truth ---------------------------------------------------------------------------------------
def law_of_places() -> Float:
    """Return P(n cells at the end) of the logistic network by its master equation."""
    n = np.arange(PLACES + 1.0)
    up, down = GROWTH * n * (1 - n / PLACES), DEATH * n
    generator = np.diag(-(up + down)) + np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    return expm(generator * UNTIL)[START]


def linear_noise(
    drift: Callable[[Float], Float],
    jacobian: Callable[[Float], Float],
    noise: Callable[[Float], Float],
    start: Float,
) -> tuple[Float, Float]:
    """Return mean and covariance at the end, numbers in units of the start."""
    n = len(start)

    def slope(_: float, y: Float) -> Float:
        x, c = y[:n], y[n:].reshape(n, n)
        j = jacobian(x)
        return np.concatenate([drift(x), (j @ c + c @ j.T + noise(x)).ravel()])

    first = np.concatenate([start, np.zeros(n * n)])
    y = solve_ivp(slope, (0.0, UNTIL), first, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    return y[:n], y[n:].reshape(n, n)


def logistic_limit() -> tuple[Float, Float]:
    """Return mean and variance of the assays, in units of the start, for many cells (1/10 full)."""
    k = PLACES / START
    mean, cov = linear_noise(
        lambda x: GROWTH * x * (1 - x / k) - DEATH * x,
        lambda x: np.array([[GROWTH * (1 - 2 * x[0] / k) - DEATH]]),
        lambda x: np.array([[GROWTH * x[0] * (1 - x[0] / k) + DEATH * x[0]]]),
        np.array([1.0]),
    )
    return mean, np.diag(cov)


def secreting_limit() -> tuple[Float, Float]:
    """Return the same for (live, senescent); the third variable is the factor."""

    def faster(f: float) -> float:
        return DIVISION * (1 + BOOST * f / (1 + f))

    def drift(x: Float) -> Float:
        p, s, f = x
        return np.array(
            [
                (faster(f) - ENTRY) * p,
                ENTRY * p - LOSS * s,
                SECRETION * CELLS * s - CLEARANCE * f,
            ]
        )

    def jacobian(x: Float) -> Float:
        p, _, f = x
        return np.array(
            [
                [faster(f) - ENTRY, 0.0, DIVISION * BOOST * p / (1 + f) ** 2],
                [ENTRY, -LOSS, 0.0],
                [0.0, SECRETION * CELLS, -CLEARANCE],
            ]
        )

    def noise(x: Float) -> Float:
        p, s, f = x
        moved = ENTRY * p
        return np.array(
            [
                [faster(f) * p + moved, -moved, 0.0],
                [-moved, moved + LOSS * s, 0.0],
                [0.0, 0.0, 0.0],
            ]
        )

    mean, cov = linear_noise(drift, jacobian, noise, np.array([1.0, 0.0, 0.0]))
    pick = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    return pick @ mean, np.diag(pick @ cov @ pick.T)


# --- slope ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Slope:
    """Relative errors at each step, their standard errors, the slope of their logarithm."""

    what: str
    steps: tuple[float, ...]
    error: tuple[float, ...]
    se: tuple[float, ...]
    slope: float
    slope_se: float
    verdict: str


def verdict_of(slope: float, se: float) -> str:
    """Say whether the slope is as expected, is not, or is not known well enough."""
    if abs(slope - WANTED) - Z * se > SPAN:
        return "missed"
    return "met" if abs(slope - WANTED) <= SPAN and se <= KNOWN else "not resolved"


def slope_of(what: str, steps: Float, error: Float, se: Float) -> Slope:
    """Fit error = a step^slope, with the standard errors of sampling and 2 % for the law itself."""
    sigma = np.hypot(se, 0.02 * np.abs(error))
    first = (float(error[0] / steps[0] ** WANTED), WANTED)
    (_, slope), cov = curve_fit(
        lambda h, a, s: a * h**s, steps, error, first, sigma, absolute_sigma=True, maxfev=20_000
    )
    return Slope(
        what,
        tuple(map(float, steps)),
        tuple(map(float, error)),
        tuple(map(float, se)),
        float(slope),
        float(np.sqrt(cov[1, 1])),
        verdict_of(float(slope), float(np.sqrt(cov[1, 1]))),
    )


def slopes(
    name: str,
    program: Program,
    limit: tuple[Float, Float],
    scale: float,
    lanes: dict[float, int],
    seed: int,
) -> list[Slope]:
    """Measure mean and variance of every assay at every step; ``limit``: in units of ``scale``."""
    rows, (mean, variance) = [], limit
    for place, (step, count) in enumerate(lanes.items()):
        x = sample(forced(step), program, count, seed + place) / scale
        centred = x - x.mean(axis=1, keepdims=True)
        second = (centred**2).mean(axis=1)
        fourth = (centred**4).mean(axis=1)
        unit = variance / scale
        rows.append(
            (
                x.mean(axis=1) / mean - 1,
                np.sqrt(second / count) / mean,
                second / unit - 1,
                np.sqrt((fourth - second**2) / count) / unit,
            )
        )
    table, steps = np.array(rows), np.array(list(lanes))
    found = []
    for a, assay in enumerate(program.assay_ids):
        found.append(slope_of(f"{name}: mean of {assay}", steps, table[:, 0, a], table[:, 1, a]))
        found.append(
            slope_of(f"{name}: variance of {assay}", steps, table[:, 2, a], table[:, 3, a])
        )
    return found


# --- distributions -------------------------------------------------------------------------------
def total_variation_bound(found: Float, law: Float, lanes: int) -> tuple[float, float]:
    """Return the plug-in distance of a sample from a law, and its upper bound (McDiarmid)."""
    plain = 0.5 * float(np.abs(found - law).sum())
    noise = 0.5 * float(np.sqrt(found * (1 - found) / lanes).sum())
    return plain, plain + noise + float(np.sqrt(np.log(1 / CONFIDENCE) / (2 * lanes)))


def against_law(program: Program, law: Float, lanes: int, seed: int) -> dict[str, float]:
    """Compare the default leap with the master equation."""
    live = sample(Leap(), program, lanes, seed)[0].astype(np.int64)
    found = np.bincount(live, minlength=len(law)) / lanes
    extra = float(found[len(law) :].sum())
    plain, bound = total_variation_bound(found[: len(law)], law, lanes)
    gap = float(np.abs(np.cumsum(found[: len(law)]) - np.cumsum(law)).max())
    n = np.arange(len(law))
    mean, second = float(law @ n), float(law @ n**2)
    return {
        "lanes": lanes,
        "beyond_the_law": extra,
        "total_variation": plain,
        "total_variation_at_most": bound + extra,
        "gap": gap,
        "dkw_p": float(min(1.0, 2 * np.exp(-2 * lanes * gap**2))),
        "mean": float(live.mean() / mean - 1),
        "mean_se": float(live.std() / np.sqrt(lanes) / mean),
        "sd": float(live.std() / np.sqrt(second - mean**2) - 1),
        "sd_se": float(1 / np.sqrt(2 * lanes)),
    }


def against_exact(program: Program, lanes: int, seed: int) -> dict[str, dict[str, float]]:
    """Compare the default leap with the exact engine, lanes of each."""
    ours, theirs = sample(Leap(), program, lanes, seed), sample(Exact(), program, lanes, seed + 1)
    found = {}
    for a, assay in enumerate(program.assay_ids):
        x, y = ours[a], theirs[a]
        gap = float(stats.ks_2samp(x, y, method="asymp").statistic)
        edges = np.unique(np.quantile(y, np.linspace(0, 1, 21)[1:-1]))
        p, q = (np.bincount(np.searchsorted(edges, s), minlength=20) / lanes for s in (x, y))
        plain = 0.5 * float(np.abs(p - q).sum())
        noise = 0.5 * float((np.sqrt(p * (1 - p) / lanes) + np.sqrt(q * (1 - q) / lanes)).sum())
        bound = plain + noise + 2 * float(np.sqrt(np.log(2 / CONFIDENCE) / (2 * lanes)))
        found[assay] = {
            "lanes": lanes,
            "gap": gap,
            "gap_p": float(stats.kstwobign.sf(gap * np.sqrt(lanes / 2))),
            "gap_at_most": gap + 2 * float(np.sqrt(np.log(4 / CONFIDENCE) / (2 * lanes))),
            "total_variation_of_20_bins": plain,
            "total_variation_at_most": bound,
            "mean": float(x.mean() / y.mean() - 1),
            "mean_se": float(np.hypot(x.std(), y.std()) / np.sqrt(lanes) / y.mean()),
            "sd": float(x.std() / y.std() - 1),
            "sd_se": float(1 / np.sqrt(lanes)),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the stated lanes")
    options = parser.parse_args()
    began, share, seed = time.process_time(), options.share, 100 * options.seed
    found: list[Slope] = []

    def scaled(lanes: dict[float, int]) -> dict[float, int]:
        return {step: int(count * share) for step, count in lanes.items()}

    for name, network, limit in (
        ("logistic, many cells", logistic(MANY * PLACES / START, MANY), logistic_limit),
        ("secreting, many cells", secreting(MANY), secreting_limit),
    ):
        found += slopes(name, b.program_of(network), limit(), MANY, scaled(MANY_STEPS), seed)
        seed += 10
    law = law_of_places()
    n = np.arange(PLACES + 1)
    mean = law @ n
    few = b.program_of(logistic(PLACES, START))
    moments = np.array([mean]), np.array([law @ n**2 - mean**2])
    found += slopes("logistic, 200 places", few, moments, 1.0, scaled(FEW_STEPS), seed)
    for row in found:
        errors = " ".join(f"{e:+.1e}" for e in row.error)
        print(
            f"{row.what:>42}: slope {row.slope:.2f} +- {row.slope_se:.2f} {row.verdict} | {errors}"
        )
    logistic_law = against_law(few, law, int(400_000 * share), seed + 20)
    exact_law = against_exact(b.program_of(secreting(CELLS)), int(50_000 * share), seed + 30)
    print("logistic, default, against the master equation:", logistic_law)
    for assay, row in exact_law.items():
        print(f"secreting, default, against exact, {assay}:", row)
    seconds = time.process_time() - began
    print(f"{seconds:.0f} s of CPU time")
    data = {
        "engine": "leap",
        "seed": options.seed,
        "until_days": UNTIL,
        "wanted": [WANTED - SPAN, WANTED + SPAN],
        "slopes": [asdict(row) for row in found],
        "logistic_against_master_equation": logistic_law,
        "secreting_against_exact": exact_law,
        "cpu_seconds": seconds,
    }
    if share == 1.0:
        (HERE / "leap_order.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(not all(row.verdict == "met" for row in found))


if __name__ == "__main__":
    main()
