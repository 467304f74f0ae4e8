"""Does the scenario predict recovery as well as a curve drawn through it?

Usage: .venv/bin/python verification/recovery_score.py

Log score (sum of binomial log likelihoods of wells recovered) on the informative doses, 75 to 300
nM: the fitted scenario against a two-parameter logistic in log dose, in sample; and the logistic
with each dose left out. The logistic sees nothing but these numbers; the scenario must also follow
the counts.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.stats import binom

from senescape.cohort import predict_wells
from senescape.files import read_scenario

INFORMATIVE = ("75nM", "100nM", "125nM", "150nM", "300nM")


def curve(parameters: np.ndarray, dose: np.ndarray) -> np.ndarray:
    middle, slope = parameters
    return 1.0 / (1.0 + np.exp(np.clip(slope * (np.log(dose) - middle), -30.0, 30.0)))


def fitted(dose: np.ndarray, seen: np.ndarray, wells: np.ndarray) -> np.ndarray:
    def loss(parameters: np.ndarray) -> float:
        share = np.clip(curve(parameters, dose), 1e-9, 1 - 1e-9)
        return -float(binom.logpmf(seen, wells, share).sum())

    starts = [np.array([m, s]) for m in (4.6, 4.9, 5.2) for s in (2.0, 6.0, 15.0)]
    return min((minimize(loss, s, method="Nelder-Mead") for s in starts), key=lambda r: r.fun).x


def main() -> None:
    scenario = read_scenario("mcf7-doxorubicin")
    table = scenario.measured["counts"]
    rows = [
        w for w in predict_wells(scenario, table, draws=300, seed=9) if w.regimen in INFORMATIVE
    ]
    dose = np.array([float(w.regimen.removesuffix("nM")) for w in rows])
    seen, wells = np.array([w.recovered for w in rows]), np.array([w.wells for w in rows])
    ours = np.clip([w.predicted / w.wells for w in rows], 1e-9, 1 - 1e-9)
    logistic = np.clip(curve(fitted(dose, seen, wells), dose), 1e-9, 1 - 1e-9)
    left_out = []
    for i in range(len(dose)):
        keep = np.arange(len(dose)) != i
        left_out.append(curve(fitted(dose[keep], seen[keep], wells[keep]), dose[i : i + 1])[0])
    print(f"{'dose':>6} {'seen':>6} {'scenario':>9} {'logistic':>9} {'left out':>9}")
    for d, s, n, a, b, c in zip(dose, seen, wells, ours, logistic, left_out, strict=True):
        print(f"{d:6.0f} {s:3d}/{n:d} {n * a:9.2f} {n * b:9.2f} {n * c:9.2f}")
    for name, share in (("scenario", ours), ("logistic", logistic), ("left out", left_out)):
        score = binom.logpmf(seen, wells, np.clip(share, 1e-9, 1 - 1e-9)).sum()
        print(f"log score, {name}: {score:.2f}")


if __name__ == "__main__":
    main()
