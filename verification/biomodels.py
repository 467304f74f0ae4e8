"""Does the mean field solve other people's SBML models as libRoadRunner does?

Usage, with libRoadRunner in an environment of its own:

    .venv/bin/python verification/biomodels.py ours numbers.json
    python3 -m venv other && other/bin/pip install libroadrunner
    other/bin/python verification/biomodels.py theirs numbers.json

Five models of BioModels (senescence, p53, proliferation and quiescence, virotherapy) from
suites/biomodels of the folder that SENESCAPE_SHARED names, over spans that hold their events (p53:
stress at 3600 s for 60 s; senescence: irradiation on day 2 for 60 s, a change on day 8). `theirs`
solves with CVODE at a relative tolerance of 1e-10 and prints the largest difference of an amount,
relative to the largest value of that amount, over the times and all species. Its steps are bounded
by ten seconds where there are events, so that it cannot step over them.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SPANS = {188: 20_000.0, 287: 900_000.0, 582: 100.0, 700: 2_000.0, 764: 50.0}
STEPS = 20


def model(number: int) -> Path:
    """Return the file of a model."""
    shared = os.environ.get("SENESCAPE_SHARED", str(HERE.parents[1] / "shared"))
    return Path(shared) / "suites" / "biomodels" / f"BIOMD{number:010d}.xml"


def ours() -> dict[str, Any]:
    """Return the amounts of every species, by senescape."""
    from senescape.compile import lower
    from senescape.files import read_sbml
    from senescape.run import engine_named, output_times, run_network

    found = {}
    for number, until in SPANS.items():
        network = lower(read_sbml(model(number)))
        times = output_times(until, until / STEPS)
        counted = run_network(engine_named("mean-field"), network, times, replicates=1, seed=1)
        found[str(number)] = dict(zip(counted.names, counted.mean.tolist(), strict=True))
    return found


def theirs(numbers: dict[str, Any]) -> None:
    """Compare with libRoadRunner and print the largest differences."""
    import numpy as np
    import roadrunner

    print(f"libRoadRunner {roadrunner.__version__}; largest difference of an amount")
    for number, until in SPANS.items():
        solver = roadrunner.RoadRunner(str(model(number)))
        solver.integrator.relative_tolerance = 1e-10
        solver.integrator.absolute_tolerance = 1e-14
        if number in (188, 287):
            solver.integrator.maximum_time_step = 10.0
            solver.integrator.maximum_num_steps = 1_000_000
        names = [*solver.model.getFloatingSpeciesIds(), *solver.model.getBoundarySpeciesIds()]
        solver.timeCourseSelections = ["time", *names]
        path = np.array(solver.simulate(0.0, until, STEPS + 1))
        worst, where = 0.0, ""
        for column, name in enumerate(names, 1):
            own, other = np.array(numbers[str(number)][name]), path[:, column]
            gap = float(np.abs(own - other).max() / max(np.abs(other).max(), 1e-9))
            if gap > worst:
                worst, where = gap, name
        print(f"BIOMD{number:010d} to {until:g}: {worst:.1e} ({where}, {len(names)} species)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("who", choices=("ours", "theirs"))
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    if options.who == "ours":
        options.file.write_text(json.dumps(ours()), encoding="utf-8")
    else:
        theirs(json.loads(options.file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
