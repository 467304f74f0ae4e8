"""Do the survival statistics agree with lifelines, which was written by others?

Usage, with lifelines in an environment of its own (it asks for an older pandas):

    .venv/bin/python verification/survival.py ours numbers.json
    python3 -m venv other && other/bin/pip install lifelines
    other/bin/python verification/survival.py theirs numbers.json

`ours` writes data and what senescape makes of them: the 6-mercaptopurine trial of Freireich et al.
(doi:10.1182/blood.V21.6.699.699), 200 random pairs of groups, censored, half of them with ties, and
mice of `emu-myc-cyclophosphamide` as the assay `mice` sees them. `theirs` needs lifelines only, and
prints the largest difference of each number over each kind of data.

lifelines gives no standard error of a restricted mean (its `return_variance` is the variance of
min(death, until)). It is found here as the infinitesimal jackknife: the root of the summed squares
of the derivatives of lifelines' restricted mean by the weight of each host, which for a
Kaplan-Meier curve is Greenwood's error.
"""

from __future__ import annotations

import argparse
import json
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

FREIREICH: dict[str, Any] = {
    "kind": "Freireich",
    "until": 22.5,
    "groups": [
        {
            "time": [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
            "died": [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
        },
        {
            "time": [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23],
            "died": [1] * 21,
        },
    ],
}
WEIGHT_STEP = 1e-4
MICE = 60


def random_sets(count: int) -> list[dict[str, Any]]:
    """Pairs of groups of 2 to 60 hosts, exponential deaths and losses; half in whole days."""
    rng = np.random.default_rng(2024)
    sets = []
    for index in range(count):
        groups = []
        for _ in range(2):
            hosts = int(rng.integers(2, 61))
            death = rng.exponential(rng.uniform(5.0, 30.0), hosts)
            leave = rng.exponential(rng.uniform(5.0, 60.0), hosts)
            time = np.minimum(death, leave)
            time = np.ceil(time) if index % 2 else time
            groups.append({"time": time.tolist(), "died": (death <= leave).astype(int).tolist()})
        kind = "random, ties" if index % 2 else "random"
        sets.append({"kind": kind, "until": float(rng.uniform(3.0, 40.0)), "groups": groups})
    return sets


def mice() -> dict[str, Any]:
    """Hosts of control lymphomas against hosts of Bcl-2 lymphomas, seen every other day."""
    from senescape.cohort import observe
    from senescape.files import read_scenario

    scenario = read_scenario("emu-myc-cyclophosphamide")
    groups = []
    for variant in (None, "bcl2"):
        seen = observe(
            scenario,
            "chemo",
            assays=("mice",),
            subjects=MICE,
            seed=3,
            variant=variant,
            uncertain=True,
        )
        died = np.asarray(seen.died(), dtype=int)
        groups.append({"time": np.asarray(seen.values()).tolist(), "died": died.tolist()})
    return {"kind": f"{MICE} mice a group", "until": 50.0, "groups": groups}


def exact_median(time: list[float], died: list[int]) -> float | None:
    """The first day at which at most half are alive, in whole numbers."""
    times, dead, alive = np.array(time), np.array(died, dtype=bool), Fraction(1)
    for day in np.unique(times):
        risk, deaths = int((times >= day).sum()), int(((times == day) & dead).sum())
        alive *= Fraction(risk - deaths, risk)
        if alive <= Fraction(1, 2):
            return float(day)
    return None


def ours(path: Path) -> None:
    from senescape.cohort import kaplan_meier, log_rank, restricted_mean

    sets = [FREIREICH, *random_sets(200), mice()]
    for data in sets:
        results = []
        for group in data["groups"]:
            curve = kaplan_meier(group["time"], group["died"])
            mean, error = restricted_mean(group["time"], group["died"], data["until"])
            results.append(
                {
                    "day": curve.time.tolist(),
                    "share": curve.share.tolist(),
                    "low": curve.low.tolist(),
                    "high": curve.high.tolist(),
                    "median": curve.median if np.isfinite(curve.median) else None,
                    "exact median": exact_median(group["time"], group["died"]),
                    "mean": mean,
                    "error": error,
                }
            )
        one, other = data["groups"]
        statistic, p = log_rank(one["time"], one["died"], other["time"], other["died"])
        data["ours"] = {"groups": results, "chi2": statistic**2, "p": p}
    path.write_text(json.dumps(sets), encoding="utf-8")
    hosts = sum(len(group["time"]) for data in sets for group in data["groups"])
    print(f"{len(sets)} pairs of groups, {hosts} hosts: {path}")


def theirs(path: Path) -> None:
    from lifelines import KaplanMeierFitter, __version__
    from lifelines.statistics import logrank_test
    from lifelines.utils import restricted_mean_survival_time

    warnings.simplefilter("ignore")
    largest: dict[str, dict[str, float]] = {}

    def note(kind: str, what: str, difference: float) -> None:
        row = largest.setdefault(kind, {})
        row[what] = max(row.get(what, 0.0), float(difference))

    def mean_of(group: dict[str, list[float]], until: float, weights: np.ndarray) -> float:
        fitter = KaplanMeierFitter().fit(group["time"], group["died"], weights=weights)
        return float(restricted_mean_survival_time(fitter, until))

    sets = json.loads(path.read_text(encoding="utf-8"))
    medians: dict[str, int] = {"the same": 0, "ours exact, theirs not": 0, "ours not exact": 0}
    for data in sets:
        kind, until = data["kind"], data["until"]
        for group, found in zip(data["groups"], data["ours"]["groups"], strict=True):
            fitter = KaplanMeierFitter().fit(group["time"], group["died"])
            share = fitter.survival_function_.loc[found["day"]].to_numpy()[:, 0]
            note(kind, "share alive", np.abs(share - found["share"]).max())
            band = fitter.confidence_interval_survival_function_.loc[found["day"]].to_numpy()
            inside = (np.array(found["share"]) > 0) & (np.array(found["share"]) < 1)
            for column, bound in enumerate(("low", "high")):
                apart = np.abs(band[inside, column] - np.array(found[bound])[inside])
                note(kind, "its interval", apart.max(initial=0.0))
            median = float(fitter.median_survival_time_)
            median_ = median if np.isfinite(median) else None
            if found["median"] != found["exact median"]:
                medians["ours not exact"] += 1
            else:
                same = found["median"] == median_
                medians["the same" if same else "ours exact, theirs not"] += 1
            whole = np.ones(len(group["time"]))
            note(kind, "restricted mean", abs(mean_of(group, until, whole) - found["mean"]))
            # where nobody is left, weights that do not sum to the byte leave lifelines a remainder
            end = min(until, found["day"][-1]) if found["share"][-1] == 0.0 else until
            slopes = []
            for host in range(len(whole)):
                step = np.zeros(len(whole))
                step[host] = WEIGHT_STEP
                up, down = (mean_of(group, end, whole + s * step) for s in (1, -1))
                slopes.append((up - down) / (2 * WEIGHT_STEP))
            error = float(np.sqrt(np.sum(np.square(slopes))))
            note(kind, "its standard error", abs(error - found["error"]))
        one, other = data["groups"]
        test = logrank_test(one["time"], other["time"], one["died"], other["died"])
        note(kind, "log-rank chi2", abs(test.test_statistic - data["ours"]["chi2"]))
        note(kind, "log-rank p", abs(test.p_value - data["ours"]["p"]))
    print(f"lifelines {__version__}; largest differences, time in days (Freireich: weeks)")
    names = list(next(iter(largest.values())))
    print(f"{'':<22}" + "".join(f"{kind:>20}" for kind in largest))
    for name in names:
        print(f"{name:<22}" + "".join(f"{row[name]:>20.1e}" for row in largest.values()))
    print("medians: " + ", ".join(f"{what} {count}" for what, count in medians.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("side", choices=("ours", "theirs"))
    parser.add_argument("numbers", type=Path)
    options = parser.parse_args()
    (ours if options.side == "ours" else theirs)(options.numbers)


if __name__ == "__main__":
    main()
