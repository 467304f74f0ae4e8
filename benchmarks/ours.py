"""senescape in a process of its own, told what to run line by line; see peer.py.

Usage: .venv/bin/python benchmarks/ours.py FILE.json
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from leap_network import cells_network
from peer import spread

from senescape.compile import lower
from senescape.engines.exact import Exact, tiers
from senescape.engines.leap import Leap
from senescape.engines.mean_field import MeanField, steppers
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.files.sbml import parse_sbml


BATCH = 1024  # lanes of one call where differential equations are solved


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    tiers.PAYS = 0  # generated kernels from the first event or step: their compiling is not timed
    steppers.PAYS = 0.0
    scale = job.get("scale")
    engine = Exact() if scale is None else Leap()
    program = lower(parse_sbml(job["sbml"]) if scale is None else cells_network(scale))
    times = np.linspace(0.0, job["until"], job["outputs"])
    rows = [program.compartment(name) for name in job["compare"]]

    def inputs(number: int, seed: int) -> np.ndarray:
        """Return parameters; of differential equations each trajectory has its own."""
        table = np.repeat(program.parameter_defaults[:, None], number, axis=1)
        own = [program.parameter(name) for name in job["parameters"]]
        for lane in range(number) if "tolerance" in job else ():
            table[own, lane] *= spread(seed + lane, len(own))
        return table

    def run(table: np.ndarray, seed: int) -> np.ndarray:
        number = table.shape[1]
        if "tolerance" in job:
            solver = MeanField(relative_tolerance=job["tolerance"])
            found = np.empty((number, len(times) * len(rows)))
            for first in range(0, number, BATCH):
                part = slice(first, min(first + BATCH, number))
                lanes = Streams.hosts(seed, part.stop - part.start, first=first)
                states = run_engine(solver, program, table[:, part], lanes, times)
                path = np.array([state.counts[rows] for state in states])
                found[part] = path.transpose(2, 0, 1).reshape(len(lanes), -1)
            return found
        state = None
        for state in run_engine(engine, program, table, Streams.hosts(seed, number), times):
            pass
        assert state is not None
        return state.counts[rows].T

    run(inputs(64, 1), 1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        number, seed = (int(x) for x in line.split())
        table = inputs(number, 1000 * seed)
        wall, began = time.perf_counter(), time.process_time()
        ends = run(table, 1000 * seed)
        answer = {"cpu": time.process_time() - began, "wall": time.perf_counter() - wall}
        print(json.dumps(answer | {"ends": ends.tolist()}), flush=True)


if __name__ == "__main__":
    main()
