"""Does the exact engine have the means and standard deviations of the stochastic SBML suite?

Usage: .venv/bin/python verification/dsmts.py [--runs 10000] [--more 100000] [--seed 1]
       [--cases 00001 00002] [--calibrate SEEDS]

The cases (Evans, Gillespie & Wilkinson 2008, doi:10.1093/bioinformatics/btm566) lie in the folder
that SENESCAPE_SHARED names (default ../shared), under suites/dsmts. Written, where all cases are
run: dsmts.json beside this file.

The suite's own bands alarm on correct simulators: |Z| < 3 at each of 50 correlated times in 2 to
6 % of runs, and |Y| < 5 for the standard deviation in 87 % of runs of case 00003, whose tail is
heavy. Here one omnibus statistic stands for a case. For each variable and each fifth time, g holds
x - m and (x - m)^2 - s^2 of a run, with the suite's m and s: its mean is 0 if the engine is right.
With S the mean of g g' over n runs, T = n mean(g)' S^+ mean(g) is chi-squared with rank(S) degrees
of freedom. Where the suite says s = 0, every run must have m exactly (a dose at an output time).

False alarms. Two stages: n runs, p < 1e-3; on a hit a fresh seed and ten times the runs,
p < 5e-4. That is 5e-7 a case and 1.4e-5 for 27 if p is calibrated; as both stages must fail, p
may be twice too small at each and 27 cases stay below 1e-4. --calibrate measures it.

Power. A shift of the mean by d standard deviations at one time has a noncentrality of at least
n d^2, and a relative error e of the variance at least n e^2 / (kurtosis - 1): the smallest d that
is seen with power 0.99 is asserted in tests/engines/test_dsmts.py (0.12 at n = 10,000), and a
variance is tested only where an error of a half is seen.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from senescape.compile import lower
from senescape.engines.exact import Exact
from senescape.files import read_sbml
from senescape.run import Counted, output_times, run_network

Float = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
FIRST_ALARM, SECOND_ALARM = 1e-3, 5e-4
EVERY = 5
POWER, SEEN_VARIANCE = 0.99, 0.5
RANK = 1e-9


@dataclass(frozen=True)
class Case:
    """One case: its model, times, and what each variable's mean and sd should be."""

    name: str
    file: Path
    time: Float
    mean: dict[str, Float]
    sd: dict[str, Float]


@dataclass(frozen=True)
class Judged:
    """One comparison.

    ``p`` of the omnibus statistic, ``fixed``: whether what has no spread is as it should be,
    ``shift`` and ``variance``: what is seen with power 0.99, at the times that are tested.
    """

    runs: int
    seed: int
    statistic: float
    freedom: int
    p: float
    fixed: bool
    shift: float
    variance: float
    seconds: float


def suite() -> Path:
    """Return the folder of the cases."""
    shared = os.environ.get("SENESCAPE_SHARED", str(HERE.parents[1] / "shared"))
    return Path(shared) / "suites" / "dsmts"


def read_case(folder: Path) -> Case:
    """Read one case from its folder."""
    with (folder / f"{folder.name}-results.csv").open(encoding="utf-8-sig", newline="") as text:
        rows = [
            {(key or "").strip(): value for key, value in row.items()}
            for row in csv.DictReader(text)
        ]
    columns = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key}
    at = next(key for key in columns if key.lower() == "time")
    names = [key[: -len("-mean")] for key in columns if key.endswith("-mean")]
    (file,) = folder.glob(f"{folder.name}-sbml-*.xml")
    return Case(
        folder.name,
        file,
        columns[at],
        {name: columns[f"{name}-mean"] for name in names},
        {name: columns[f"{name}-sd"] for name in names},
    )


def simulate(case: Case, runs: int, seed: int, *, text: str | None = None) -> Counted:
    """Run a case; ``text``: another model in its place (a planted error)."""
    from senescape.files import parse_sbml

    program = lower(read_sbml(case.file) if text is None else parse_sbml(text))
    times = output_times(float(case.time[-1]), float(case.time[1] - case.time[0]))
    assert np.allclose(times, case.time)
    # each case has its own stream: the same numbers in every case would be one test, not many
    own = seed * 1_000_003 + int(case.name)
    return run_network(Exact(), program, times, replicates=runs, seed=own)


def judge(case: Case, runs: int, seed: int, *, text: str | None = None) -> Judged:
    """Compare a case once."""
    began = time.perf_counter()
    found = simulate(case, runs, seed, text=text)
    parts, fixed, kurtosis = [], True, 1.0
    for name, mean in case.mean.items():
        x = found.values[found.names.index(name)]
        sd = case.sd[name]
        still = sd == 0.0
        fixed = fixed and bool((x[still] == mean[still, None]).all())
        for t in range(0, len(mean), EVERY):
            if still[t]:
                continue
            z = (x[t] - mean[t]) / sd[t]
            parts.append(z)
            own = float(np.mean(z**4))
            if needed(2 * len(mean) // EVERY) * (own - 1.0) <= runs * SEEN_VARIANCE**2:
                parts.append(z**2 - 1.0)
                kurtosis = max(kurtosis, own)
    statistic, freedom = omnibus(np.array(parts))
    return Judged(
        runs,
        seed,
        statistic,
        freedom,
        float(stats.chi2.sf(statistic, freedom)),
        fixed,
        float(np.sqrt(needed(freedom) / runs)),
        float(np.sqrt(needed(freedom) * (kurtosis - 1.0) / runs)),
        time.perf_counter() - began,
    )


def omnibus(g: Float) -> tuple[float, int]:
    """Return n mean(g)' S^+ mean(g) and the rank of S; ``g``: (components, runs)."""
    scale = np.sqrt(np.mean(g**2, axis=1, keepdims=True))
    scaled = g / np.where(scale > 0.0, scale, 1.0)
    values, vectors = np.linalg.eigh(scaled @ scaled.T / g.shape[1])
    kept = values > RANK * values.max()
    projected = vectors[:, kept].T @ scaled.mean(axis=1)
    return float(g.shape[1] * (projected**2 / values[kept]).sum()), int(kept.sum())


def needed(freedom: int) -> float:
    """Return the noncentrality that the first stage sees with power 0.99."""
    edge = stats.chi2.isf(FIRST_ALARM, freedom)

    def short(noncentrality: float) -> float:
        return float(stats.ncx2.sf(edge, freedom, noncentrality)) - POWER

    return float(optimize.brentq(short, 1.0, 1e4))


def passes(case: Case, runs: int, more: int, seed: int) -> tuple[bool, list[Judged]]:
    """Judge a case in two stages; the second only where the first alarms."""
    first = judge(case, runs, seed)
    if not first.fixed:
        return False, [first]
    if first.p >= FIRST_ALARM:
        return True, [first]
    second = judge(case, more, seed + 1_000_000)
    return second.fixed and second.p >= SECOND_ALARM, [first, second]


def cases(names: list[str]) -> list[Case]:
    """Return the cases of these names, all by default."""
    folders = sorted(path for path in suite().iterdir() if path.is_dir())
    return [read_case(folder) for folder in folders if not names or folder.name in names]


def calibrate(chosen: list[Case], runs: int, seeds: int) -> dict[str, list[float]]:
    """Return the p of each case over many seeds."""
    return {
        case.name: [judge(case, runs, 10_000 + seed).p for seed in range(seeds)] for case in chosen
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calibrate", type=int, default=0)
    parser.add_argument("--cases", nargs="*", default=[])
    options = parser.parse_args()
    chosen = cases(options.cases)
    if options.calibrate:
        found = calibrate(chosen, options.runs, options.calibrate)
        every = np.array([p for own in found.values() for p in own])
        for level in (0.5, 0.1, 0.01, 1e-3):
            print(f"p < {level:g}: {(every < level).mean():.4f} of {every.size}")
        return
    results = {}
    for case in chosen:
        good, judged = passes(case, options.runs, options.more, options.seed)
        results[case.name] = {"pass": good, "stages": [asdict(j) for j in judged]}
        last = judged[-1]
        print(
            f"{case.name} {'pass' if good else 'FAIL'} p = {last.p:.3f} "
            f"({last.freedom} degrees of freedom, {last.runs} runs, {last.seconds:.1f} s; sees a "
            f"shift of {last.shift:.3f} sd, {100 * last.variance:.0f} % of a variance)"
        )
    passed = sum(bool(r["pass"]) for r in results.values())
    print(f"{passed} of {len(results)} cases pass")
    if not options.cases:
        data = {
            "suite": "DSMTS, SBML stochastic test suite",
            "engine": "exact",
            "seed": options.seed,
            "passed": passed,
            "cases": results,
        }
        (HERE / "dsmts.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(passed != len(results))


if __name__ == "__main__":
    main()
