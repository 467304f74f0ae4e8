"""Derive the table `measured` of a scenario from the wells of Howard et al. (2022).

Usage: SENESCAPE_SHARED=... .venv/bin/python verification/measured_wells.py MDA-MB-231

Prints YAML: means over six wells on a daily grid, recovered wells, and the spread between wells.
The same rules for every line: a frame below half of the running median of +-20 h of its well is
left out (stitching artefacts; frames before treatment are not used), then a running median of
+-8 h smooths each well; means and spread of a dose end where its first well does; a well has
recovered if the median of its own last 24 h is at least twice its smallest smoothed count after
24 h, and 1000 cells. Beside them stands the authors' own call.
"""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

HOUR_GRID, FIRST = 24.0, 12.0


def running_median(time: np.ndarray, counts: np.ndarray, half_width: float) -> np.ndarray:
    """Return the median of the counts within ``half_width`` hours of each time."""
    near = [counts[np.abs(time - t) <= half_width] for t in time]
    return np.array([np.median(n) for n in near])


def smooth(well: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return times and smoothed counts of one well after treatment, artefacts left out."""
    well = well[(well.time_h > 0.0) & well.live_cells.notna()].sort_values("time_h")
    time, counts = well.time_h.to_numpy(), well.live_cells.to_numpy()
    kept = counts >= 0.5 * running_median(time, counts, 20.0)
    time, counts = time[kept], counts[kept]
    return time, running_median(time, counts, 8.0)


def row(name: str, wells: pd.DataFrame) -> str:
    """Return the YAML of one dose."""
    curves = [smooth(well) for _, well in wells.groupby("well")]
    until = min(time[-1] for time, _ in curves)
    grid = np.arange(FIRST, until + 1e-9, HOUR_GRID)
    means = np.mean([np.interp(grid, time, counts) for time, counts in curves], axis=0)
    final, recovered = [], 0
    for time, counts in curves:
        inside = time <= until
        final.append(np.log(np.median(counts[inside & (time >= until - 24.0)])))
        last = np.median(counts[time >= time[-1] - 24.0])
        recovered += bool(last >= 2.0 * counts[time >= 24.0].min() and last >= 1000.0)
    values = ", ".join(str(round(m)) for m in means)
    listed = textwrap.fill(values, 78, initial_indent=" " * 10, subsequent_indent=" " * 12)
    return (
        f"      {name}:\n"
        f"        {{wells: {len(curves)}, recovered: {recovered}, until: {until:.2f} h, "
        f"log_sd: {np.std(final, ddof=1):.3f},\n"
        f"        mean: {{first: 12 h, every: 24 h,\n"
        f"          values: [{listed.strip()}]}}}}"
    )


def main() -> None:
    data = Path(os.environ.get("SENESCAPE_SHARED", "../shared")) / "data"
    counts = pd.read_csv(data / "doxorubicin_single_pulse_counts.csv")
    calls = pd.read_csv(data / "doxorubicin_single_pulse_recovery.csv")
    counts = counts[counts.cell_line == sys.argv[1]]
    calls = calls[calls.cell_line == sys.argv[1]]
    first = counts[counts.time_h == counts.time_h.min()].live_cells
    print(f"# founders {first.mean():.0f}, sd of the logarithm {np.log(first).std(ddof=1):.3f}")
    doses = sorted(
        set(counts.condition), key=lambda c: -1.0 if c == "UTCtrl" else float(c.removesuffix("nM"))
    )
    for dose in doses:
        flagged = calls[calls.condition == dose].recovered.sum()
        print(f"{row(dose, counts[counts.condition == dose])}  # authors' call: {flagged:.0f}")


if __name__ == "__main__":
    main()
