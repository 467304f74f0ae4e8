"""Does the longest step of the leap bias what the verdict reports?

Usage: .venv/bin/python verification/leap_step.py [--wells 1000]

MCF-7 at 100, 125 and 150 nM: the share of wells recovered by day 33, and the mean of the natural
logarithm of their live cells, at longest steps of 0.5, 1, 2, 4 and 8 h, with standard errors. The
steps use other random numbers, so that errors are independent: a difference below about 3 standard
errors of the difference is none that this check can see.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from senescape.cohort import cohort_of
from senescape.compile import compile_scenario
from senescape.files import read_scenario
from senescape.run import engine_named, run_lanes

UNTIL = 33.0  # day


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wells", type=int, default=1000)
    options = parser.parse_args()
    scenario = read_scenario("mcf7-doxorubicin")
    times = np.arange(1.0, UNTIL + 1.0)
    print(f"{'regimen':>8} {'step':>6} {'recovered':>17} {'ln live cells':>17} {'ms/well':>8}")
    for regimen in ("100nM", "125nM", "150nM"):
        program = compile_scenario(scenario, regimen).program
        for index, hours in enumerate((0.5, 1.0, 2.0, 4.0, 8.0)):
            cohort = cohort_of(
                scenario, program, seed=100 + index, draws=1, hosts=options.wells, uncertain=False
            )
            began = time.perf_counter()
            (live,) = run_lanes(
                engine_named("leap", step=hours / 24.0),
                program,
                cohort.parameters,
                cohort.streams,
                times,
                assays=("live_cells",),
            )
            cost = 1e3 * (time.perf_counter() - began) / options.wells
            share = ((live[-1] >= 2 * live.min(axis=0)) & (live[-1] >= 1000)).mean()
            error = np.sqrt(share * (1 - share) / options.wells)
            final = np.log(np.maximum(live[-1], 1.0))
            print(
                f"{regimen:>8} {hours:5.1f}h {share:8.3f} +- {error:5.3f} {final.mean():8.3f} +- "
                f"{final.std() / np.sqrt(options.wells):5.3f} {cost:8.2f}"
            )


if __name__ == "__main__":
    main()
