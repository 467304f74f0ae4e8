"""How long a verdict takes on this machine: the three figures that users wait for.

Usage: .venv/bin/python benchmarks/verdict_speed.py [--cold] [--only NAME] [--output FILE]

  curves: V(T) of 1,000 hosts, senescence on and off under four rules, by mean field and
          branching law (MCF-7; curves-generic: figure-1, three times as many compartments)
  census: 1,000 hosts of 1e6 cells by the leap
  shares: shares of the effect by paired permutations, 200 hosts

Each runs in a process of its own and is timed as a whole, imports included; ``--cold`` gives it an
empty cache of kernels (the first use of a machine). No peer does this job: these are times, not
ratios. With ``--output`` the result is written with date and machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import written

LIMITS = {"curves": 20.0, "curves-generic": 20.0, "census": 60.0, "shares": 60.0}  # [s], where one is set


def curves(name: str, regimen: str) -> dict[str, object]:
    from senescape import judge, read_scenario

    verdict = judge(read_scenario(name), regimen, draws=1000, hosts=1, engine="mean-field")
    return {"scenario": name, "hosts": 1000, "effect": verdict.main.effect.estimate}


def census() -> dict[str, object]:
    import numpy as np

    from senescape import compile_scenario, read_scenario
    from senescape.cohort import cohort_of
    from senescape.compile.question import question_of
    from senescape.verdict import BOXES, box_of, curve_times, run_worlds

    scenario = read_scenario("figure-1")
    question = question_of(scenario)
    compiled = compile_scenario(scenario, "chemo")
    cohort = cohort_of(scenario, compiled.program, seed=1, draws=1000, hosts=1)
    times = curve_times(compiled.program.forcing.start, question)
    times = times[times <= question.horizon]
    worlds = run_worlds(compiled, cohort, times, step=1 / 6, rules=())
    boxes = box_of(worlds.on, len(times) - 1, question.rule)
    shares = {b.value: float(np.mean(boxes == i)) for i, b in enumerate(BOXES)}
    return {"scenario": "figure-1", "hosts": 1000, "census": shares}


def shares(hosts: int = 200) -> dict[str, object]:
    from senescape import judge, read_scenario

    verdict = judge(read_scenario("figure-1"), "chemo", draws=hosts, hosts=1, shares=True)
    found = {player.value: effect.estimate for player, effect in verdict.shares.items()}
    return {"scenario": "figure-1", "hosts": hosts, "shares": found}


def small() -> dict[str, object]:
    """A verdict of 40 hosts by the leap: with an empty cache nearly all of it is compiling."""
    from senescape import judge, read_scenario

    verdict = judge(read_scenario("figure-1"), "chemo", draws=20, hosts=2)
    return {"scenario": "figure-1", "hosts": 40, "effect": verdict.main.effect.estimate}


JOBS = {
    "curves": lambda: curves("mcf7-doxorubicin", "100nM"),
    "curves-generic": lambda: curves("figure-1", "chemo"),
    "census": census,
    "shares": shares,
    "shares-100": lambda: shares(100),
    "small": small,
}


def timed(name: str, cold: bool) -> dict[str, object]:
    """Run one job in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({"NUMBA_CACHE_DIR": folder} if cold else {})
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, "--job", name],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        took = time.perf_counter() - began
    result = json.loads(done.stdout)
    return {"seconds": round(took, 1), "limit": LIMITS.get(name), "cold": cold, "result": result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cold", action="store_true", help="with an empty cache of kernels")
    parser.add_argument("--only", choices=sorted(JOBS))
    parser.add_argument("--job", choices=sorted(JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(JOBS[options.job]()))
        return
    names = [options.only] if options.only else list(JOBS)
    found = {name: timed(name, options.cold) for name in names}
    written({"times": found}, options.output)


if __name__ == "__main__":
    main()
