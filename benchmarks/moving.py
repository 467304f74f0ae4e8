"""The exact engine where rates move between events: this version beside another, interleaved.

Usage: .venv/bin/python benchmarks/moving.py --against FOLDER [--pairs N] [--only NAME]

FOLDER is the ``src`` of another version, for example of a ``git worktree``. Each version runs in a
process of its own, on one thread; a pair runs one after the other. Prints one JSON object a
scenario: CPU microseconds a transition of both (medians over pairs; passing a stage is not counted
as one), their ratio (median, least and most), and the achieved agreement: of the direct method the
largest |z| over assays of the difference of final means, which the same law keeps below about 4; of
clocks, whose cells are the same whatever bounds are used, how many lanes end with other cells.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Regimen, days after the start, lanes of a pair here and of the other version.
WORK = {
    "mcf7-doxorubicin": ("100nM", 5.0, 100, 4),
    "figure-1": ("chemo", 0.05, 40, 4),
}
COUPLINGS = ("none", "days")


class Worker:
    """A version in a process of its own, told what to run line by line."""

    def __init__(self, source: Path, name: str, coupling: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, "--coupling", coupling],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(source), "SENESCAPE_THREADS": "1"},
        )
        self.answer()

    def answer(self) -> dict:
        """Return the next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: ended without an answer")
        return json.loads(line)

    def ask(self, lanes: int, seed: int) -> dict:
        """Run some lanes."""
        assert self.process.stdin is not None
        print(lanes, seed, file=self.process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(name: str, coupling: str) -> None:
    """Answer on standard output what standard input asks for."""
    from senescape.compile import compile_scenario
    from senescape.engines.exact import Coupling, Exact
    from senescape.engines.protocol import observe, run_engine
    from senescape.engines.state import State, Streams
    from senescape.files import read_scenario

    regimen, days, *_ = WORK[name]
    program = compile_scenario(read_scenario(name), regimen).program
    until = np.array([program.forcing.start + days])

    def run(lanes: int, seed: int) -> State:
        table = np.repeat(program.parameter_defaults[:, None], lanes, axis=1)
        engine = Exact(coupling=Coupling(coupling))
        *_, last = run_engine(engine, program, table, Streams.hosts(seed, lanes), until)
        return last

    run(1, 1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        lanes, seed = (int(x) for x in line.split())
        began = time.process_time()
        last = run(lanes, seed)
        answer = {"cpu": time.process_time() - began, "fired": float(last.tally.sum())}
        print(json.dumps(answer | {"ends": observe(program, last).tolist()}), flush=True)


def largest_z(one: Float, other: Float) -> float:
    """Return the largest |z| over assays of the difference of means; (assays, lanes)."""
    error = np.sqrt(one.var(1, ddof=1) / one.shape[1] + other.var(1, ddof=1) / other.shape[1])
    moves = error > 0.0
    return float(np.abs((one.mean(1) - other.mean(1))[moves] / error[moves]).max(initial=0.0))


def unlike(one: Float, other: Float) -> int:
    """Return how many lanes of the smaller table end otherwise in the larger; (assays, lanes)."""
    return int((one[:, : other.shape[1]] != other).any(axis=0).sum())


def compare(name: str, coupling: str, against: Path, pairs: int) -> dict[str, object]:
    """Run one scenario on both versions, one after the other, ``pairs`` times."""
    *_, ours, others = WORK[name]
    here = Worker(Path(__file__).parents[1] / "src", name, coupling)
    there = Worker(against, name, coupling)
    cost: list[tuple[float, float]] = []
    ends: tuple[list[Float], list[Float]] = ([], [])
    for pair in range(pairs):
        apart = 100 if coupling == "none" else 0
        one, other = here.ask(ours, 1 + pair), there.ask(others, 1 + pair + apart)
        cost.append((1e6 * one["cpu"] / one["fired"], 1e6 * other["cpu"] / other["fired"]))
        ends[0].append(np.array(one["ends"]))
        ends[1].append(np.array(other["ends"]))
    here.close()
    there.close()
    ratios = [other / one for one, other in cost]
    agreement = (
        {"largest_z": round(largest_z(*(np.concatenate(e, axis=1) for e in ends)), 2)}
        if coupling == "none"
        else {"lanes_that_differ": sum(unlike(*both) for both in zip(*ends, strict=True))}
    )
    return {
        "scenario": name,
        "coupling": coupling,
        "us_here": round(statistics.median(one for one, _ in cost), 3),
        "us_there": round(statistics.median(other for _, other in cost), 3),
        "ratio": round(statistics.median(ratios), 1),
        "ratio_least": round(min(ratios), 1),
        "ratio_most": round(max(ratios), 1),
        "lanes": [pairs * ours, pairs * others],
    } | agreement


def main() -> None:
    """Print a line a scenario and coupling."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--against", type=Path, help="src of another version")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=WORK)
    parser.add_argument("--serve", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--coupling", choices=COUPLINGS, default="none", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.coupling)
        return
    if given.against is None:
        parser.error("--against FOLDER: the src of another version")
    for name in [given.only] if given.only else WORK:
        for coupling in COUPLINGS:
            found = compare(name, coupling, given.against.resolve(), given.pairs)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
