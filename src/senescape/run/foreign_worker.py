"""Solves an SBML file with another tool and prints plain data; run as a script, not imported.

Other simulators bring compilers and solvers of their own, which need not get on with ours in one
process, and may live in another environment. Nothing of senescape is imported: the script stands
alone. Input: {"tool", "file", "names", "span", "steps", "tolerance"} as JSON.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

MISSING = 3


def libroadrunner(job: dict[str, Any]) -> tuple[str, dict[str, list[float]]]:
    """Solve by CVODE."""
    roadrunner = import_module("roadrunner")
    # Its first run of a process may stall at a dose of time 0, and the next of the same file not.
    for attempt in range(3):
        solver = roadrunner.RoadRunner(job["file"])
        solver.integrator.relative_tolerance = job["tolerance"]
        solver.integrator.absolute_tolerance = 1e-10
        solver.integrator.maximum_num_steps = 2_000
        solver.timeCourseSelections = ["time", *job["names"]]
        try:
            path = solver.simulate(0.0, job["span"], job["steps"] + 1)
            break
        except RuntimeError:
            if attempt == 2:
                raise
    columns = {name: [float(x) for x in path[:, i]] for i, name in enumerate(job["names"], 1)}
    return roadrunner.__version__, columns


def copasi(job: dict[str, Any]) -> tuple[str, dict[str, list[float]]]:
    """Solve by LSODA."""
    basico = import_module("basico")
    model = basico.load_model(job["file"])
    path = basico.run_time_course(
        0.0,
        job["span"],
        job["steps"],
        model=model,
        use_numbers=True,
        use_sbml_id=True,
        r_tol=job["tolerance"],
        a_tol=1e-12,
        max_steps=1_000_000,
    )
    if len(path) != job["steps"] + 1:
        raise RuntimeError(f"stopped after {len(path) - 1} of {job['steps']} outputs")
    columns = {name: [float(x) for x in path[name]] for name in job["names"]}
    return basico.__version__, columns


def main() -> None:
    """Read one job from standard input and print what the tool found."""
    job = json.load(sys.stdin)
    tools = {"libRoadRunner": libroadrunner, "COPASI": copasi}
    try:
        version, columns = tools[job["tool"]](job)
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        raise SystemExit(MISSING) from None
    json.dump({"version": version, "values": columns}, sys.stdout)


if __name__ == "__main__":
    main()
