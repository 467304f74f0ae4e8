"""Fit one parameter set to the MCF-7 wells of Howard et al. (2022), over all ten doses.

Usage: .venv/bin/python verification/fit_mcf7.py [--starts 5] [--evaluations 700] [--write]

Reads the measured means, spreads and recovered wells from the scenario itself (derived from
doi:10.1371/journal.pcbi.1009104; no single wells), and needs the package ``cma`` (extra ``dev``).
``--write`` puts the best parameters into the scenario file. ``--loser NAME`` fits a rival: a
damage half-life of 4 h, no heterogeneity between cells, Poisson-only escape, no senescence.

The composite log density of a parameter set is the sum of
  means:     -5 r^2 / (0.13^2 + v) a dose, r the root mean square of ln(predicted / measured mean)
             and v the sampling variance of a mean over six wells, half of the final one (at most
             1 / 12), as if ten of the daily points were independent (they are autocorrelated);
  recovery:  3 times the binomial log likelihood of the recovered wells (their fate is the question,
             and six wells a dose would otherwise drown in the means);
  spread:    -(ln ratio of the between-well sd of ln final counts / 0.25)^2 / 2 a dose;
  prior:     log-normal, medians and widths below.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.stats import norm

from senescape.cohort.wells import measured_times, well_recovered
from senescape.compile import compile_scenario
from senescape.compile.numbers import scenario_names
from senescape.engines.leap import Leap
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.errors import SenescapeError
from senescape.files import read_scenario
from senescape.units import COUNT, TIME, parse_quantity

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "src" / "senescape" / "scenarios" / "mcf7-doxorubicin.yaml"

# name: (median, standard deviation of the logarithm). Assumption: medians and widths from the
# ranges that the biology allows; the width says how far the data may pull a number.
PRIORS = {
    "growth": ("0.0263 / h", 0.1),
    "capacity": ("5.4e4 cells", 0.1),
    "crowding_power": ("0.83", 0.3),
    "arrest_rate": ("0.08 / h", 0.5),
    "arrest_threshold": ("16 nM*day", 0.5),
    "steepness": ("4", 0.35),
    "commitment_rate": ("0.042 / h", 0.3),
    "commitment_ratio": ("0.8", 0.35),
    "recovery_rate": ("0.065 / h", 0.4),
    "hysteresis": ("0.62", 0.2),
    "damage_half_life": ("100 h", 0.6),
    "apoptotic_share": ("0.2", 1.0),
    "apoptotic_ratio": ("3", 0.5),
    "apoptosis_time": ("36 h", 0.5),
    "maturation_time": ("3 day", 0.4),
    "senescent_loss": ("0.09 / day", 0.4),
    "recovered_growth": ("0.8", 0.15),
    "recovered_spread": ("0.22", 0.35),
    "slowing_ratio": ("4", 0.5),
    "sensitivity_spread": ("0.3", 0.4),
    "well_dose_spread": ("0.055", 0.35),
    "growth_spread": ("0.02", 0.5),
    "background": ("160 cells", 0.25),
}
NAMES = tuple(PRIORS)
MEDIAN = np.array([parse_quantity(PRIORS[n][0]).value for n in NAMES])
WIDTH = np.array([PRIORS[n][1] for n in NAMES])
UNITS = [parse_quantity(PRIORS[n][0]).unit for n in NAMES]
HOUR = 1.0 / 24.0

LOSERS = {
    "half-life 4 h": {"damage_half_life": 4.0 * HOUR},
    "no heterogeneity": {"sensitivity_spread": 1e-3},
    "no senescence": {"commitment_rate": 1e-9},
    "Poisson-only escape": {"recovery_rate": 1e-9},
}
# Start 0: the values of an earlier fit of the same wells; the other starts are the best of some
# draws from the prior, because a search that begins where every well recovers sees no slope there.
EARLIER = (
    "0.0263 / h", "5.4e4 cells", "0.83", "0.065 / h", "15.7 nM*day", "4.2", "0.048 / h", "0.62",
    "0.039 / h", "0.53", "83 h", "0.07", "2.2", "22 h", "49 h", "0.114 / day", "0.8", "0.22", "4",
    "0.32", "0.065", "0.02", "140 cells",
)  # fmt: skip
# what differs between wells, and the parameter that says how much
SPREADS = {
    "dose_factor": "well_dose_spread",
    "founders": "founders_spread",
    "capacity": "capacity_spread",
    "growth": "growth_spread",
}
SCREENED = 60
EVALUATIONS, POPULATION, STEP = 700, 12, 4.0 * HOUR
FEW_WELLS, MANY_WELLS = 8, 96
MISFIT = 0.13
INFORMATIVE = 75.0


class Target:
    """The measured table and the compiled regimens, with one cohort of wells each."""

    def __init__(self, many: int = MANY_WELLS, step: float = STEP, seed: int = 1) -> None:
        self.scenario = read_scenario("mcf7-doxorubicin")
        self.table = self.scenario.measured["counts"]
        self.step = step
        self.seed = seed
        names = scenario_names(self.scenario)
        self.rows = []
        for name, row in self.table.regimens.items():
            dose = 0.0 if name == "UTCtrl" else float(name.removesuffix("nM"))
            wells = many if dose >= INFORMATIVE else FEW_WELLS
            program = compile_scenario(self.scenario, name).program
            grid = measured_times(self.scenario, row)
            until = names.number(row.until, "until", TIME)
            times = np.unique(np.concatenate([grid, [until]]))
            assert row.mean is not None and row.log_sd is not None
            self.rows.append((name, dose, wells, program, grid, times, row))
        # what differs between wells stands at even quantiles, shuffled: a sample of a few wells
        # then has the spread that is stated, not one of luck
        shuffle = np.random.default_rng(seed)
        self.strata = {
            wells: [shuffle.permutation(even_scores(wells)) for _ in SPREADS]
            for wells in (FEW_WELLS, many)
        }
        self.background = names.number(
            self.scenario.observables["live_cells"].background, "background", COUNT
        )

    def predict(self, values: dict[str, float], only: set[str] | None = None) -> list[dict]:
        """Return root mean square error, share recovered and spread of every regimen."""
        scenario, strata = self.scenario, self.strata
        result = []
        for name, dose, wells, program, grid, times, row in self.rows:
            if only is not None and name not in only:
                continue
            matrix = np.repeat(program.parameter_defaults[:, None], wells, axis=1)
            for key, value in values.items():
                if key in program.parameter_names:
                    matrix[program.parameter(key)] = value
            for (target, width), scores in zip(SPREADS.items(), strata[wells], strict=True):
                line = program.parameter(target)
                sd = values.get(width, matrix[program.parameter(width), 0])
                matrix[line] *= np.exp(sd * scores)
            streams = Streams.hosts(self.seed, wells)
            assay = program.assay("live_cells")
            states = run_engine(Leap(step=self.step), program, matrix, streams, times)
            counts = np.array([observe(program, s)[assay] for s in states])
            counts += values.get("background", self.background)
            mean = counts[np.searchsorted(times, grid)].mean(axis=1)
            error = np.log(mean / np.array(row.mean.values))
            result.append(
                {
                    "regimen": name,
                    "dose": dose,
                    "wells": wells,
                    "rms": float(np.sqrt(np.mean(error**2))),
                    "share": float(well_recovered(scenario, self.table, times, counts).mean()),
                    "recovered": row.recovered,
                    "of": row.wells,
                    "sd": float(np.log(counts[-1]).std(ddof=1)),
                    "log_sd": row.log_sd,
                }
            )
        return result


def even_scores(wells: int) -> np.ndarray:
    """Return normal scores at even quantiles, with variance 1 (n - 1)."""
    scores = norm.ppf((np.arange(wells) + 0.5) / wells)
    return scores / scores.std(ddof=1)


def parts_of(rows: list[dict]) -> tuple[float, float, float]:
    """Return the three parts of the composite log likelihood."""
    means = sum(
        -5.0 * r["rms"] ** 2 / (MISFIT**2 + 0.5 * min(1.0, r["log_sd"]) ** 2 / r["of"])
        for r in rows
    )
    recovery = 0.0
    for r in rows:
        share = min(max(r["share"], 0.5 / r["wells"]), 1.0 - 0.5 / r["wells"])
        recovery += 3.0 * (
            r["recovered"] * math.log(share) + (r["of"] - r["recovered"]) * math.log(1.0 - share)
        )
    spread = sum(-0.5 * (math.log(max(r["sd"], 1e-3) / r["log_sd"]) / 0.25) ** 2 for r in rows)
    return means, recovery, spread


def log_prior(z: np.ndarray, fixed: dict[str, float]) -> float:
    free = np.array([n not in fixed for n in NAMES])
    penalty = max(
        0.0,
        math.exp(WIDTH[NAMES.index("hysteresis")] * z[NAMES.index("hysteresis")])
        * MEDIAN[NAMES.index("hysteresis")]
        - 0.97,
    )
    return float(-0.5 * (z[free] ** 2).sum() - 1e3 * penalty**2)


def values_of(z: np.ndarray, fixed: dict[str, float]) -> dict[str, float]:
    return dict(zip(NAMES, MEDIAN * np.exp(WIDTH * z), strict=True)) | fixed


def density(target: Target, z: np.ndarray, fixed: dict[str, float]) -> float:
    if np.abs(z).max() > 6.0:
        return -1e5 - float(np.abs(z).max())
    try:
        rows = target.predict(values_of(z, fixed))
    except SenescapeError:
        return -1e6
    return sum(parts_of(rows)) + log_prior(z, fixed)


def fit(
    task: tuple[int, int, dict[str, float], list[float] | None],
) -> tuple[float, list[float], float]:
    """Run one start; returns log density, normal scores of the parameters, seconds."""
    import cma

    seed, evaluations, fixed, begin = task
    began = time.perf_counter()
    target = Target()
    draws = np.random.default_rng(seed).standard_normal((SCREENED, len(NAMES)))
    if begin is not None:
        start = np.array(begin)
    elif seed == 0:
        start = np.log(np.array([parse_quantity(t).value for t in EARLIER]) / MEDIAN) / WIDTH
    else:
        start = max(0.7 * draws, key=lambda z: density(target, z, fixed))
    search = cma.CMAEvolutionStrategy(
        start, 0.35, {"seed": seed + 1, "popsize": POPULATION, "verbose": -9}
    )
    best: tuple[float, np.ndarray] = (-1e9, start)
    used = 0
    while used < evaluations:
        points = search.ask()
        scores = [density(target, p, fixed) for p in points]
        used += len(points)
        search.tell(points, [-s for s in scores])
        top = int(np.argmax(scores))
        if scores[top] > best[0]:
            best = (scores[top], points[top])
    middle = density(target, search.mean, fixed)
    if middle > best[0]:
        best = (middle, search.mean)
    return best[0], list(map(float, best[1])), time.perf_counter() - began


def sample(task: tuple[int, list[float], int]) -> tuple[list[list[float]], float]:
    """Draw from exp(log density) by robust adaptive Metropolis (Vihola 2012).

    Returns the second half of the chain, and the share of proposals that were accepted.
    """
    seed, start, steps = task
    rng = np.random.default_rng(seed)
    target = Target(many=40)  # half the wells: a chain needs steps more than smooth ones
    here = np.array(start)
    level = density(target, here, {})
    factor = 0.1 * np.eye(len(here))
    chain, accepted = [], 0
    for step in range(steps):
        move = rng.standard_normal(len(here))
        proposal = here + factor @ move
        other = density(target, proposal, {})
        chance = min(1.0, math.exp(min(0.0, other - level)))
        if rng.random() < chance:
            here, level = proposal, other
            accepted += 1
        gain = min(1.0, len(here) * (step + 1) ** -0.66) * (chance - 0.234)
        unit = move / np.linalg.norm(move)
        inner = np.eye(len(here)) + gain * np.outer(unit, unit)
        factor = np.linalg.cholesky(factor @ inner @ factor.T)
        if step >= steps // 2:
            chain.append(here.tolist())
    return chain, accepted / steps


def show(z: np.ndarray, fixed: dict[str, float], many: int = 120, step: float = HOUR) -> dict:
    """Print and return how a parameter set does on fresh, more numerous wells."""
    values = values_of(z, fixed)
    rows = Target(many=many, step=step, seed=2).predict(values)
    parts = parts_of(rows)
    print(f"{'regimen':>8} {'rms':>6} {'predicted':>9} {'observed':>8} {'sd ratio':>8}")
    for r in rows:
        print(
            f"{r['regimen']:>8} {r['rms']:6.2f} {6 * r['share']:9.1f} {r['recovered']:8d} "
            f"{r['sd'] / r['log_sd']:8.2f}"
        )
    rms = [r["rms"] for r in rows]
    gap = sum(abs(r["of"] * r["share"] - r["recovered"]) for r in rows)
    near = sum(1 / 1.6 <= r["sd"] / r["log_sd"] <= 1.6 for r in rows)
    rate = math.log(2.0) / values["damage_half_life"]
    summary = {
        "log_density": sum(parts) + log_prior(z, fixed),
        "parts": parts,
        "rms_mean": float(np.mean(rms)),
        "rms_max": max(rms),
        "recovery_gap": gap,
        "spread_within_1.6": near,
        "half_life_h": values["damage_half_life"] * 24.0,
        "s_over_kr": values["commitment_rate"] / rate,
        "K_times_arr": values["arrest_threshold"] * values["arrest_rate"],
    }
    print(json.dumps(summary, indent=1))
    return summary


def write(z: np.ndarray, rows: list[list[float]]) -> None:
    """Put the parameters, and joint draws around them, into the scenario file."""
    text = FILE.read_text(encoding="utf-8")
    factors = [parse_quantity(f"1 {u}" if u != "1" else "1").value for u in UNITS]
    for name, value, unit, factor in zip(
        NAMES, MEDIAN * np.exp(WIDTH * z), UNITS, factors, strict=True
    ):
        shown = f"{value / factor:.3g}" + ("" if unit == "1" else f" {unit}")
        text, count = re.subn(
            rf"(^  {name}: +\{{value: )[^,]+(,)", rf"\g<1>{shown}\g<2>", text, flags=re.M
        )
        assert count == 1, name
    if rows:
        table = MEDIAN * np.exp(WIDTH * np.array(rows)) / np.array(factors)
        lines = [
            "  draws:",
            "    source: fit_howard2022",
            "    note: joint draws of the fitted parameters (verification/fit_mcf7.py)",
            f"    parameters: [{', '.join(NAMES)}]",
            f"    units: [{', '.join(repr(u) for u in UNITS)}]",
            "    rows:",
            *(f"      - [{', '.join(f'{x:.3g}' for x in row)}]" for row in table),
        ]
        text, count = re.subn(
            r"^  draws:\n(?:    .*\n)+", "\n".join(lines) + "\n", text, flags=re.M
        )
        assert count == 1
    FILE.write_text(text, encoding="utf-8")


def report(chain: np.ndarray) -> None:
    """Print medians and 90 % intervals of what is asked most."""
    values = MEDIAN * np.exp(WIDTH * chain)
    column = {name: values[:, i] for i, name in enumerate(NAMES)}
    rate = math.log(2.0) / column["damage_half_life"]
    for label, numbers in (
        ("damage half-life [h]", 24.0 * column["damage_half_life"]),
        ("s / kr", column["commitment_rate"] / rate),
        ("K arr [nM]", 1e3 * column["arrest_threshold"] * column["arrest_rate"]),
        ("K [nM day]", 1e3 * column["arrest_threshold"]),
        ("arr [1/h]", column["arrest_rate"] / 24.0),
    ):
        low, middle, high = np.quantile(numbers, [0.05, 0.5, 0.95])
        print(f"{label:>22}: {middle:.3g} ({low:.3g} to {high:.3g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--loser", choices=sorted(LOSERS))
    parser.add_argument("--draws", type=int, default=0, help="joint draws to take and write")
    parser.add_argument("--steps", type=int, default=800, help="steps of each chain")
    parser.add_argument("--from-file", type=Path, help="begin from the best of an earlier --output")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    fixed = LOSERS[options.loser] if options.loser else {}
    seeds = range(options.first, options.first + options.starts)
    tasks = [(seed, options.evaluations, fixed, None) for seed in seeds]
    began = time.perf_counter()
    if options.from_file:
        earlier = max(json.loads(options.from_file.read_text()), key=lambda r: r["found"])
        if fixed:
            tasks = [(seed, options.evaluations, fixed, earlier["z"]) for seed in seeds]
            results = [fit(task) for task in tasks]
        else:
            results = [(earlier["found"], earlier["z"], 0.0)]
            tasks = [(earlier.get("seed", 0), 0, fixed, None)]
    else:
        with ProcessPoolExecutor(options.processes) as pool:
            results = list(pool.map(fit, tasks))
    print(f"{options.starts} starts in {(time.perf_counter() - began) / 60:.1f} min")
    summaries = []
    for (score, z, seconds), (seed, *_) in zip(results, tasks, strict=True):
        print(f"start {seed}: log density {score:.2f} in {seconds:.0f} s")
        summaries.append({"seed": seed, "found": score, "z": z} | show(np.array(z), fixed))
    best = max(results, key=lambda r: r[0])
    print({n: float(f"{v:.4g}") for n, v in values_of(np.array(best[1]), fixed).items()})
    if options.output:
        options.output.write_text(json.dumps(summaries, indent=1))
    rows: list[list[float]] = []
    if options.draws:
        tasks = [(seed, best[1], options.steps) for seed in range(1, options.processes + 1)]
        with ProcessPoolExecutor(options.processes) as pool:
            chains = list(pool.map(sample, tasks))
        print(f"accepted: {', '.join(f'{share:.2f}' for _, share in chains)}")
        every = [row for chain, _ in chains for row in chain]
        take = np.linspace(0, len(every) - 1, options.draws).astype(int)
        rows = [every[i] for i in take]
        report(np.array(every))
    if options.write:
        write(np.array(best[1]), rows)


if __name__ == "__main__":
    main()
