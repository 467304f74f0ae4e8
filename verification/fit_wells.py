"""Fit one parameter set to the wells of a cell line of Howard et al. (2022), over all ten doses.

Usage: .venv/bin/python verification/fit_wells.py [--line MCF-7] [--starts 5] [--draws 48]
       [--leave-out] [--write]

Reads the measured means, spreads and recovered wells from the scenario itself (derived from
doi:10.1371/journal.pcbi.1009104; no single wells). ``--write`` puts the best parameters and the
joint draws into the scenario file; ``--leave-out`` fits again without each informative dose in
turn and scores it; ``--loser NAME`` fits a rival.

The composite log density is minus half the sum of squared residuals
  means:     ln(predicted / measured mean) of each day, as if ten of the days of a dose were
             independent (they are autocorrelated), over 0.13^2 + v, v half of the sampling variance
             of a final mean over six wells (at most 1 / 12);
  recovery:  deviance residual of the recovered wells, counted 15 times (their fate
             is the question, and six wells a dose would otherwise drown in the means); the share
             is the mean over wells of a logistic in ln(final count / bound), of scale 0.25, so
             that a dose at which every well regrows still tells the search which way to go;
  spread:    ln ratio of the between-well sd of ln final counts, over 0.15;
  prior:     log-normal (the apoptotic share: its odds), medians and widths below.
``--weights`` sets the 0.13, the 0.15 and the 15.

Search: Gauss-Newton with a trust region. A start first fits tumours thirty times as large (chance
is then small and the landscape smooth), then the wells as they are, with fresh chance in every
step, so that no single sample of wells is fitted. The draws are the Laplace approximation at the
best start, with the slopes averaged over samples.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from scipy.stats import binom, norm

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
SCENARIOS = ROOT / "src" / "senescape" / "scenarios"

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
# Not every cell that is counted at plating attaches and grows; asked for one line only.
PLATING = {"founders": ("1551 cells", 0.15)}
HOUR = 1.0 / 24.0

LOSERS = {
    "half-life 4 h": {"damage_half_life": 4.0 * HOUR},
    "no heterogeneity": {"sensitivity_spread": 1e-3},
    "no senescence": {"commitment_rate": 1e-9},
    "Poisson-only escape": {"recovery_rate": 1e-9},
}
# what differs between wells, and the parameter that says how much
SPREADS = {
    "dose_factor": "well_dose_spread",
    "founders": "founders_spread",
    "capacity": "capacity_spread",
    "growth": "growth_spread",
}
STEP = 8.0 * HOUR  # no bias against 0.5 h in 1500 wells a dose: verification/leap_step.md
FEW_WELLS = 8
SOFT = 0.25
SLOPE, REACH = 0.2, 1.5  # difference for slopes, longest step of a search, in prior widths
SCREENED = 40


class Weights(NamedTuple):
    """How much each part of the composite density counts: two widths and a weight."""

    means: float = 0.13
    spread: float = 0.15
    recovery: float = 15.0


class Line(NamedTuple):
    """A cell line: its scenario, the first dose that tells on recovery, other prior medians."""

    scenario: str
    informative: float  # [nM]
    medians: dict[str, str]
    priors: dict[str, tuple[str, float]] = PRIORS
    weights: Weights = Weights()

    @property
    def file(self) -> Path:
        return SCENARIOS / f"{self.scenario}.yaml"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.priors)

    @property
    def texts(self) -> dict[str, str]:
        return {n: text for n, (text, _) in self.priors.items()} | self.medians

    @property
    def median(self) -> np.ndarray:
        return np.array([parse_quantity(text).value for text in self.texts.values()])

    @property
    def width(self) -> np.ndarray:
        return np.array([width for _, width in self.priors.values()])

    @property
    def units(self) -> list[str]:
        return [parse_quantity(text).unit for text in self.texts.values()]


# Assumption: medians from a first rough fit of each line's single pulses; widths are those above.
LINES = {
    "MCF-7": Line("mcf7-doxorubicin", 75.0, {}),
    "BT-474": Line(
        "bt474-doxorubicin",
        43.0,
        {
            "growth": "0.0110 / h",
            "capacity": "6.1e4 cells",
            "crowding_power": "1.5",
            "arrest_threshold": "27.5 nM*day",
            "steepness": "2.9",
            "commitment_ratio": "1.21",
            "recovery_rate": "0.098 / h",
            "hysteresis": "0.75",
            "maturation_time": "7.5 day",
            "senescent_loss": "0.060 / day",
            "apoptosis_time": "60 h",
            "background": "180 cells",
        },
    ),
    "MDA-MB-231": Line(
        "mda231-doxorubicin",
        150.0,
        {
            "growth": "0.0226 / h",
            "capacity": "4.6e4 cells",
            "crowding_power": "1.1",
            "arrest_rate": "0.19 / h",
            "arrest_threshold": "40 nM*day",
            "steepness": "2.4",
            "commitment_rate": "0.031 / h",
            "recovery_rate": "0.036 / h",
            "hysteresis": "0.57",
            "maturation_time": "2 day",
            "senescent_loss": "0.042 / day",
            "apoptotic_share": "0.9",
            "apoptotic_ratio": "6.6",
            "apoptosis_time": "101 h",
            "sensitivity_spread": "0.67",
            "background": "200 cells",
        },
        PRIORS | PLATING,
    ),
}


class Stage(NamedTuple):
    """One leg of a search: size of the tumours, wells of an informative dose, steps."""

    scale: float
    wells: int
    steps: int


STAGES = (Stage(30.0, 12, 12), Stage(1.0, 24, 8), Stage(1.0, 48, 3))
SHORT = (Stage(1.0, 24, 3), Stage(1.0, 48, 2))
FINAL_WELLS = 96


def stages_of(text: str) -> tuple[Stage, ...]:
    """Read SCALE:WELLS:STEPS,... as it stands on the command line."""
    parts = [part.split(":") for part in text.split(",")]
    return tuple(Stage(float(scale), int(wells), int(steps)) for scale, wells, steps in parts)


class Target:
    """The measured table and the compiled regimens, with one cohort of wells each."""

    def __init__(
        self,
        line: Line,
        many: int = FINAL_WELLS,
        step: float = STEP,
        seed: int = 1,
        scale: float = 1.0,
    ) -> None:
        self.line = line
        self.scenario = read_scenario(line.scenario)
        self.table = self.scenario.measured["counts"]
        self.step = step
        self.seed = seed
        self.scale = scale
        names = scenario_names(self.scenario)
        self.rows = []
        for name, row in self.table.regimens.items():
            dose = 0.0 if name == "UTCtrl" else float(name.removesuffix("nM"))
            wells = many if dose >= line.informative else FEW_WELLS
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
            for extensive in ("founders", "capacity"):
                matrix[program.parameter(extensive)] *= self.scale
            streams = Streams.hosts(self.seed, wells)
            assay = program.assay("live_cells")
            states = run_engine(Leap(step=self.step), program, matrix, streams, times)
            counts = np.array([observe(program, s)[assay] for s in states])
            counts = counts / self.scale + values.get("background", self.background)
            mean = counts[np.searchsorted(times, grid)].mean(axis=1)
            error = np.log(mean / np.array(row.mean.values))
            result.append(
                {
                    "regimen": name,
                    "dose": dose,
                    "wells": wells,
                    "errors": error,
                    "rms": float(np.sqrt(np.mean(error**2))),
                    "soft": soft_share(times, counts),
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


def soft_share(times: np.ndarray, counts: np.ndarray) -> float:
    """Return the share recovered, with a slope where the hard rule has none."""
    nadir = counts[times >= 1.0].min(axis=0)
    last = np.median(counts[times >= times[-1] - 1.0], axis=0)
    share = expit(np.log(last / np.maximum(2.0 * nadir, 1000.0)) / SOFT).mean()
    return float(np.clip(share, 1e-6, 1.0 - 1e-6))


def deviance(recovered: int, of: int, share: float) -> float:
    """Return the signed deviance residual of a binomial count."""
    seen = recovered / of
    loss = sum(
        k * math.log(k / (of * p))
        for k, p in ((recovered, share), (of - recovered, 1 - share))
        if k
    )
    return math.copysign(math.sqrt(max(0.0, 2.0 * loss)), share - seen)


def blocks_of(rows: list[dict], weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the residuals of means, recovery and spread."""
    means = [
        r["errors"]
        * math.sqrt(10.0 / len(r["errors"]))
        / math.sqrt(weights.means**2 + 0.5 * min(1.0, r["log_sd"]) ** 2 / r["of"])
        for r in rows
    ]
    recovery = [
        math.sqrt(weights.recovery) * deviance(r["recovered"], r["of"], r["soft"]) for r in rows
    ]
    spread = [math.log(max(r["sd"], 1e-3) / r["log_sd"]) / weights.spread for r in rows]
    return np.concatenate(means), np.array(recovery), np.array(spread)


def prior_residuals(line: Line, z: np.ndarray, fixed: dict[str, float]) -> np.ndarray:
    """Return the residuals of the prior; recovery below the arrest threshold: hysteresis < 0.97."""
    free = np.array([n not in fixed for n in line.names])
    excess = max(0.0, values_of(line, z, fixed)["hysteresis"] - 0.97)
    return np.append(np.where(free, z, 0.0), math.sqrt(2e3) * excess)


def natural(line: Line, z: np.ndarray) -> np.ndarray:
    """Return parameters from normal scores (..., parameters): log-normal, a share by its odds."""
    factor = np.exp(line.width * z)
    found = line.median * factor
    share = line.names.index("apoptotic_share")
    odds = line.median[share] / (1.0 - line.median[share]) * factor[..., share]
    found[..., share] = odds / (1.0 + odds)
    return found


def values_of(line: Line, z: np.ndarray, fixed: dict[str, float]) -> dict[str, float]:
    return dict(zip(line.names, natural(line, z), strict=True)) | fixed


def residuals(
    target: Target, z: np.ndarray, fixed: dict[str, float], only: set[str] | None = None
) -> np.ndarray | None:
    """Return all residuals, or none where the model cannot be run."""
    if np.abs(z).max() > 6.0:
        return None
    try:
        rows = target.predict(values_of(target.line, z, fixed), only)
    except SenescapeError:
        return None
    found = np.concatenate(
        [*blocks_of(rows, target.line.weights), prior_residuals(target.line, z, fixed)]
    )
    return found if np.isfinite(found).all() else None


def loss(found: np.ndarray | None) -> float:
    return 1e9 if found is None else 0.5 * float(found @ found)


def slopes(
    target: Target, z: np.ndarray, fixed: dict[str, float], only: set[str] | None, here: np.ndarray
) -> np.ndarray:
    """Return d residuals / d z by one-sided differences, (residuals, parameters)."""
    table = np.zeros((len(here), len(z)))
    for i, name in enumerate(target.line.names):
        if name in fixed:
            continue
        for move in (SLOPE, -SLOPE):
            there = z.copy()
            there[i] += move
            found = residuals(target, there, fixed, only)
            if found is not None:
                table[:, i] = (found - here) / move
                break
    return table


def descend(
    line: Line,
    z: np.ndarray,
    stages: tuple[Stage, ...],
    seed: int,
    fixed: dict[str, float],
    only: set[str] | None = None,
) -> np.ndarray:
    """Return the end of a Gauss-Newton search from ``z`` through the stages."""
    for stage in stages:
        damping, table = 0.1, None
        for step in range(stage.steps):
            sample = 1000 * seed + (0 if stage.scale > 1.0 else step)
            target = Target(line, stage.wells, seed=sample + 1, scale=stage.scale)
            here = residuals(target, z, fixed, only)
            if here is None:
                return z
            found = slopes(target, z, fixed, only, here)
            # half of what earlier samples said: the slopes of few wells are noisy
            table = found if table is None or stage.scale > 1.0 else 0.5 * (table + found)
            square, slope = table.T @ table, table.T @ here
            square += 1e-9 * np.eye(len(z))
            best = (loss(here), z, damping * 10.0)
            for factor in (0.1, 1.0, 10.0, 100.0):
                ridge = damping * factor * np.diag(np.maximum(np.diag(square), 1.0))
                move = -np.linalg.solve(square + ridge, slope)
                move *= min(1.0, REACH / max(np.abs(move).max(), 1e-12))
                level = loss(residuals(target, z + move, fixed, only))
                if level < best[0]:
                    best = (level, z + move, max(damping * factor, 1e-3))
                elif best[1] is not z:
                    break
            gain = loss(here) - best[0]
            z, damping = best[1], min(best[2], 10.0)
            if stage.scale > 1.0 and gain < 0.2:
                break
    return z


def fit(
    task: tuple[
        Line, int, dict[str, float], list[float] | None, list[str] | None, tuple[Stage, ...]
    ],
) -> tuple[float, list[float], float]:
    """Run one start; returns log density, normal scores of the parameters, seconds.

    A start without a given point begins at the best of some draws from the prior.
    """
    line, seed, fixed, begin, names, stages = task
    began = time.perf_counter()
    only = None if names is None else set(names)
    if begin is None:
        target = Target(line, STAGES[0].wells, seed=seed, scale=STAGES[0].scale)
        draws = np.random.default_rng(seed).standard_normal((SCREENED, len(line.names)))
        start = min(draws, key=lambda z: loss(residuals(target, z, fixed, only)))
        z = descend(line, start, STAGES, seed, fixed, only)
    else:
        z = descend(line, np.array(begin), stages, seed, fixed, only)
    level = -loss(residuals(Target(line, FINAL_WELLS, seed=99), z, fixed, only))
    return level, list(map(float, z)), time.perf_counter() - began


def laplace(
    task: tuple[Line, list[float], int, int, list[str] | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the Laplace approximation (draws, parameters) and its covariance."""
    line, start, count, seed, names = task
    z, only = np.array(start), None if names is None else set(names)
    tables = []
    for sample in range(6 if names is None else 3):
        target = Target(line, 48, seed=5000 + sample)
        here = residuals(target, z, {}, only)
        assert here is not None
        tables.append(slopes(target, z, {}, only, here))
    table = np.mean(tables, axis=0)
    covariance = np.linalg.inv(table.T @ table)
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(z, covariance, size=count), covariance


def left_out(task: tuple[Line, str, list[str], list[float]]) -> tuple[str, float, float]:
    """Fit without one regimen; return its name, predicted share and log score."""
    line, name, names, start = task
    rest = [n for n in names if n != name]
    _, z, _ = fit((line, 7, {}, start, rest, SHORT))
    draws, _ = laplace((line, z, 40, 11, rest))
    target = Target(line, 96, seed=77)
    rows = []
    for draw in draws:
        try:
            rows += target.predict(values_of(line, draw, {}), {name})
        except SenescapeError:  # a draw in a tail where no program can be made
            continue
    share = np.array([(96 * r["share"] + 0.5) / 97.0 for r in rows])
    row = rows[0]
    chance = binom.pmf(row["recovered"], row["of"], share).mean()
    return name, float(share.mean()), float(math.log(chance))


def show(
    line: Line, z: np.ndarray, fixed: dict[str, float], many: int = 120, step: float = HOUR
) -> dict:
    """Print and return how a parameter set does on fresh, more numerous wells."""
    values = values_of(line, z, fixed)
    rows = Target(line, many=many, step=step, seed=2).predict(values)
    parts = [-0.5 * float(b @ b) for b in blocks_of(rows, line.weights)]
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
        "log_density": sum(parts) - loss(prior_residuals(line, z, fixed)),
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


def write(line: Line, z: np.ndarray, rows: list[list[float]]) -> None:
    """Put the parameters, and joint draws around them, into the scenario file."""
    text = line.file.read_text(encoding="utf-8")
    factors = [parse_quantity(f"1 {u}" if u != "1" else "1").value for u in line.units]
    for name, value, unit, factor in zip(
        line.names, natural(line, z), line.units, factors, strict=True
    ):
        shown = f"{value / factor:.3g}" + ("" if unit == "1" else f" {unit}")
        text, count = re.subn(
            rf"(^  {name}: +\{{value: )[^,]+(,)", rf"\g<1>{shown}\g<2>", text, flags=re.M
        )
        assert count == 1, name
    if rows:
        table = natural(line, np.array(rows)) / np.array(factors)
        lines = [
            "  draws:",
            "    source: fit_howard2022",
            "    note: joint draws of the fitted parameters (verification/fit_wells.py)",
            f"    parameters: [{', '.join(line.names)}]",
            f"    units: [{', '.join(repr(u) for u in line.units)}]",
            "    rows:",
            *(f"      - [{', '.join(f'{x:.3g}' for x in row)}]" for row in table),
        ]
        text, count = re.subn(
            r"^  draws:(?: null)?\n(?:    .*\n)*", "\n".join(lines) + "\n", text, flags=re.M
        )
        assert count == 1
    line.file.write_text(text, encoding="utf-8")


def report(line: Line, chain: np.ndarray) -> None:
    """Print medians and 90 % intervals of what is asked most."""
    values = natural(line, chain)
    column = {name: values[:, i] for i, name in enumerate(line.names)}
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
    parser.add_argument("--line", choices=sorted(LINES), default="MCF-7")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--loser", choices=sorted(LOSERS))
    parser.add_argument("--draws", type=int, default=0, help="joint draws to take")
    parser.add_argument("--leave-out", action="store_true", help="fit without each dose in turn")
    parser.add_argument("--from-file", type=Path, help="begin from the best of an earlier --output")
    parser.add_argument(
        "--stages",
        type=stages_of,
        default=SHORT,
        help="with --from-file: SCALE:WELLS:STEPS,... of the search",
    )
    parser.add_argument(
        "--weights",
        type=lambda text: Weights(*map(float, text.split(","))),
        default=Weights(),
        help="MEANS,SPREAD,RECOVERY of the density; default {},{},{}".format(*Weights()),
    )
    parser.add_argument("--write", action="store_true", help="put the result into the scenario")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    line = LINES[options.line]._replace(weights=options.weights)
    fixed = LOSERS[options.loser] if options.loser else {}
    begin = None
    if options.from_file:
        begin = max(json.loads(options.from_file.read_text()), key=lambda r: r["found"])["z"]
        begin += [0.0] * (len(line.names) - len(begin))
    tasks = [
        (line, seed, fixed, begin, None, options.stages)
        for seed in range(options.first, options.first + options.starts)
    ]
    began = time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(fit, tasks))
        print(f"{len(tasks)} starts in {(time.perf_counter() - began) / 60:.1f} min")
        summaries = []
        for (score, z, seconds), (_, seed, *_) in zip(results, tasks, strict=True):
            print(f"start {seed}: log density {score:.2f} in {seconds:.0f} s")
            summaries.append(
                {"seed": seed, "found": score, "z": z} | show(line, np.array(z), fixed)
            )
        best = max(results, key=lambda r: r[0])
        print({n: float(f"{v:.4g}") for n, v in values_of(line, np.array(best[1]), fixed).items()})
        if options.output:
            options.output.write_text(json.dumps(summaries, indent=1))
        rows: list[list[float]] = []
        if options.draws:
            draws, covariance = laplace((line, best[1], 1000, 3, None))
            report(line, draws)
            print(
                "sd over prior width:",
                dict(zip(line.names, np.sqrt(np.diag(covariance)).round(2), strict=True)),
            )
            rows = draws[: options.draws].tolist()
            target = Target(line, FINAL_WELLS, seed=99)
            drop = [-loss(residuals(target, np.array(r), {})) - best[0] for r in rows]
            print(
                f"log density of the draws against the best: median {np.median(drop):.1f}",
                f"({min(drop):.1f} to {max(drop):.1f}); expected {-len(line.names) / 2}",
            )
        if options.leave_out:
            names = list(read_scenario(line.scenario).measured["counts"].regimens)
            doses = [n for n in names if n != "UTCtrl" and float(n[:-2]) >= line.informative]
            scores = list(pool.map(left_out, [(line, n, names, best[1]) for n in doses]))
            for name, share, score in scores:
                print(f"without {name}: {6 * share:.2f} of 6 wells, log score {score:.2f}")
            print(f"log score, left out: {sum(s for _, _, s in scores):.2f}")
    if options.write:
        write(line, np.array(best[1]), rows)


if __name__ == "__main__":
    main()
