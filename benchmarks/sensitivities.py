"""What forward sensitivities cost beside a run without, in interleaved pairs.

Usage: .venv/bin/python benchmarks/sensitivities.py [--lanes N] [--read] [--output FILE]

The network of 8 species and 18 reactions for 30 days with 31 outputs, 20 of its constants, the same
explicit steps and tolerance for both; CPU time a parameter set of the solver alone. By default both
run on generated code, whose compiling is not timed; ``--read``: both read their tapes. Beside the
ratio stands the largest difference to central differences of runs at a tight tolerance, relative to
the largest derivative by each constant.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from networks import network, sbml
from peer import spread

from report import written
from senescape.compile import lower
from senescape.engines.mean_field import MeanField, forward, general, steppers
from senescape.engines.mean_field.forward import forward_sensitivities
from senescape.engines.mean_field.sensitive import sensitive
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.files.sbml import parse_sbml

TOLERANCE, PAIRS, CONSTANTS = 1e-6, 7, 20
TIMES = np.linspace(0.0, 30.0, 31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lanes", type=int, default=256)
    parser.add_argument("--read", action="store_true", help="no generated code")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    net = network(8)
    program = lower(parse_sbml(sbml(net)))
    chosen = [program.parameter(name) for name in list(net.parameters)[:CONSTANTS]]
    table = np.repeat(program.parameter_defaults[:, None], options.lanes, axis=1)
    for lane in range(options.lanes):
        table[chosen, lane] *= spread(lane, CONSTANTS)
    steppers.PAYS = 1e9 if options.read else 0.0

    def run(lanes: np.ndarray, tolerance: float) -> np.ndarray:
        engine = MeanField(relative_tolerance=tolerance, explicit=True)
        states = run_engine(engine, program, lanes, Streams.hosts(1, lanes.shape[1]), TIMES)
        return np.array([state.counts.copy() for state in states])

    # one set of steppers, as a user's second call would find them in a longer session
    own = sensitive(program, chosen)
    kept = general.steppers_for(program, own.layout)
    forward.steppers_for = lambda program, layout: kept
    spent = [0.0]
    honest = general._advance_some

    def timed(*arguments):
        began = time.process_time()
        found = honest(*arguments)
        spent[0] += time.process_time() - began
        return found

    general._advance_some = timed
    jobs = {
        "run": lambda: run(table, TOLERANCE),
        "sensitivities": lambda: forward_sensitivities(
            program, table, chosen, TIMES, relative=TOLERANCE
        ),
    }
    each: dict[str, list[float]] = {name: [] for name in jobs}
    for pair in range(PAIRS + 1):  # the first compiles
        for name, job in jobs.items():
            spent[0] = 0.0
            job()
            if pair:
                each[name].append(1e3 * spent[0] / options.lanes)
    ratios = [b / a for a, b in zip(each["run"], each["sensitivities"], strict=True)]

    few = table[:, :8].copy()
    _, slopes = forward_sensitivities(program, few, chosen, TIMES, relative=TOLERANCE)
    worst = 0.0
    for k, index in enumerate(chosen):
        step = 1e-4 * few[index]
        ends = []
        for sign in (1.0, -1.0):
            moved = few.copy()
            moved[index] += sign * step
            ends.append(run(moved, 1e-11))
        twin = ((ends[0] - ends[1]) / (2.0 * step)).transpose(1, 0, 2)
        gap = np.abs(slopes[: program.slots, k] - twin).max()
        worst = max(worst, float(gap / np.abs(twin).max()))
    written(
        {
            "ratio": round(statistics.median(ratios), 1),
            "pairs": [round(r, 1) for r in ratios],
            "cpu_ms_a_parameter_set": {k: round(statistics.median(v), 4) for k, v in each.items()},
            "constants": CONSTANTS,
            "tolerance": TOLERANCE,
            "largest_difference": float(f"{worst:.1e}"),
            "generated": not options.read,
        },
        options.output,
    )


if __name__ == "__main__":
    main()
