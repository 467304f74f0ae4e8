"""senescape beside its peers, in one run on one machine, in interleaved pairs.

Usage: make benchmark, or QUICK=1 make benchmark (under five minutes; prints one JSON object)

Every ratio is the median over pairs of (CPU seconds a trajectory of the peer) over (CPU seconds a
trajectory of senescape), each on one thread, the same network, the same outputs. Beside it stands
the achieved agreement: the largest |z| over species of the difference of final means. A peer that
is not installed is named as missing, with the reason; nothing is estimated.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from leap_network import scaled
from linear_noise import limit
from networks import network, sbml, stiff

HERE = Path(__file__).parent
RESULTS = HERE / "results"

# Simulated days, and trajectories of a pair: (senescape, peer); a second or two each.
WORK = {8: (30.0, 640, 12), 30: (6.0, 1024, 16), 60: (3.0, 1024, 12)}
PEERS = {
    "exact_vs_copasi": ("copasi", 8, 1.0),
    "exact_vs_copasi_30": ("copasi", 30, 1.0),
    "exact_vs_copasi_60": ("copasi", 60, 1.0),
    "exact_vs_rebop": ("rebop", 8, 1.0),
    "exact_vs_libroadrunner": ("libroadrunner", 8, 0.4),
}
# The leap at this many times the cells of the small network (1,500).
SCALES = {"leap_vs_copasi_adaptive": 1e2, "leap_vs_copasi_adaptive_1e9": 1e6}
class Ode(NamedTuple):
    """Differential equations for 30 days; tolerances with about the same achieved error."""

    tool: str
    size: int
    stiff: bool
    ours: int  # trajectories of a pair
    peer: int
    tolerance: float
    peer_tolerance: float


ODES = {
    "ode_vs_cvode": Ode("cvode", 8, False, 8192, 300, 1e-6, 1e-6),
    "ode_vs_cvode_60": Ode("cvode", 60, False, 1024, 40, 1e-6, 1e-6),
    "ode_vs_diffrax": Ode("diffrax", 8, False, 8192, 1000, 1e-6, 1e-6),
    "ode_stiff_vs_cvode": Ode("cvode", 8, True, 4096, 300, 3e-6, 1e-7),
    "ode_stiff_vs_diffrax": Ode("diffrax", 8, True, 4096, 200, 3e-6, 3e-7),
}
TIGHT, CHECKED = 1e-12, 8  # of the reference that both are compared with, and how many
LEAPS = 4  # a trajectory of the leap costs a tenth of an exact one
LIVE = ["P", "S", "R", "A", "E"]


class Worker:
    """A process that runs trajectories when told to."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"SENESCAPE_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self._answer()

    def run(self, number: int, seed: int) -> dict:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{number} {seed}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def job_of(
    size: int, until: float, scale: float | None = None, *, stiffened: bool = False
) -> dict:
    net = network(size) if scale is None else scaled(scale)
    net = stiff(net) if stiffened else net
    reactions = []
    for consumed, made, rate in net.reactions:
        # rebop takes reactants of a rate law as given: modifiers stay in the text of the law
        left = [n for n, k in consumed.items() for _ in range(k)]
        right = [n for n, k in made.items() for _ in range(k)]
        reactions.append((rate, left, right))
    return {
        "sbml": sbml(net), "species": net.species, "parameters": net.parameters,
        "reactions": [_mass_action(r, net.parameters) for r in reactions],
        "laws": net.reactions,
        "until": until, "outputs": 31, "scale": scale,
        "compare": list(net.species) if scale is None else LIVE,
    }  # fmt: skip


def _mass_action(reaction: tuple, parameters: dict[str, float]) -> tuple:
    """Give rebop a number where a law is mass action: its own fast path."""
    rate, left, right = reaction
    words = rate.split(" * ")
    species = [w for w in words if w not in parameters]
    if all(w.isidentifier() for w in words) and len(species) <= 2:
        factor = math.prod(parameters[w] for w in words if w in parameters)
        others = [s for s in species if s not in left]
        return factor, left + others, right + others
    return rate, left, right


def pair_of(name: str, python: str, pairs: int, folder: Path) -> dict:
    """Run one comparison."""
    scale = SCALES.get(name)
    tool, size, share = PEERS.get(name, ("copasi-adaptive", 8, 8.0))
    until, ours_number, peer_number = WORK[size]
    peer_number = max(2, round(share * peer_number))
    ours_number *= LEAPS if scale else 1
    path = folder / f"{name}.json"
    job = job_of(size, until, scale)
    path.write_text(json.dumps(job), encoding="utf-8")
    ours = Worker(sys.executable, str(HERE / "ours.py"), str(path))
    peer = Worker(python, str(HERE / "peer.py"), tool, str(path))
    ratios, ends = [], {"ours": [], "peer": []}
    each = {"ours": [], "peer": []}
    for seed in range(1, pairs + 1):
        a, b = ours.run(ours_number, seed), peer.run(peer_number, seed)
        each["ours"].append(a["cpu"] / ours_number)
        each["peer"].append(b["cpu"] / peer_number)
        ratios.append(each["peer"][-1] / each["ours"][-1])
        ends["ours"] += a["ends"]
        ends["peer"] += b["ends"]
    ours.close()
    peer.close()
    every = list(job["species"])
    x = np.array(ends["ours"])
    y = np.array(ends["peer"])[:, [every.index(n) for n in job["compare"]]]
    error = np.sqrt(x.var(0, ddof=1) / len(x) + y.var(0, ddof=1) / len(y))
    gap = np.abs(x.mean(0) - y.mean(0))
    z = np.where(error > 0.0, gap / np.where(error > 0.0, error, 1.0), np.where(gap > 0, 99.0, 0.0))
    errors = {}
    if scale:
        mean, sd = (
            v[[every.index(n) for n in job["compare"]]] for v in limit(scaled(scale), until)
        )
        for who, ends_of in (("ours", x), ("peer", y)):
            off = np.abs(ends_of.mean(0) / mean - 1.0), np.abs(ends_of.std(0, ddof=1) / sd - 1.0)
            errors[who] = {
                k: round(float(v.max()), 4) for k, v in zip(("mean", "sd"), off, strict=True)
            }
    return {
        "ratio": round(statistics.median(ratios), 2),
        "pairs": [round(r, 2) for r in ratios],
        "largest_errors": errors or None,
        "cpu_ms_a_trajectory": {k: round(1e3 * statistics.median(v), 4) for k, v in each.items()},
        "network": f"{len(x[0])} species, {len(network(size).reactions)} reactions, {until:g} days",
        "largest_z_of_means": round(float(z.max()), 2),
        "trajectories": {"ours": len(x), "peer": len(y)},
        "scale": scale or 1.0,
        "relative_difference_of_means": round(
            float((gap / np.maximum(y.mean(0), 1e-9))[y.mean(0) > 10.0].max(initial=0.0)), 5
        ),
    }


def solved(name: str, python: str, pairs: int, folder: Path) -> dict:
    """Compare solutions of differential equations, each trajectory with its own parameters."""
    ode = ODES[name]
    ours_number, peer_number = ode.ours, ode.peer
    job = job_of(ode.size, 30.0, stiffened=ode.stiff)
    paths = {}
    for who, tolerance in (
        ("ours", ode.tolerance), ("peer", ode.peer_tolerance), ("true", TIGHT),
    ):  # fmt: skip
        paths[who] = folder / f"{name}-{who}.json"
        text = json.dumps(job | {"tolerance": tolerance, "stiff": ode.stiff, "batch": peer_number})
        paths[who].write_text(text, encoding="utf-8")
    reference = Worker(python, str(HERE / "peer.py"), "cvode", str(paths["true"]))
    true = np.array(reference.run(CHECKED, 1)["ends"])
    reference.close()
    ours = Worker(sys.executable, str(HERE / "ours.py"), str(paths["ours"]))
    peer = Worker(python, str(HERE / "peer.py"), ode.tool, str(paths["peer"]))
    each: dict[str, list[float]] = {"ours": [], "peer": []}
    errors = {}
    for seed in range(1, pairs + 1):
        for who, worker, number in (("ours", ours, ours_number), ("peer", peer, peer_number)):
            answer = worker.run(number, seed)
            each[who].append(answer["cpu"] / number)
            if seed == 1:
                found = np.array(answer["ends"][:CHECKED])
                shape = (CHECKED, job["outputs"], -1)
                gap = np.abs(found - true).reshape(shape).max(1)
                largest = np.abs(true).reshape(shape).max(1)
                errors[who] = float(f"{(gap / largest).max():.1e}")
    ours.close()
    peer.close()
    ratios = [b / a for a, b in zip(each["ours"], each["peer"], strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 2),
        "pairs": [round(r, 2) for r in ratios],
        "largest_errors": errors,
        "cpu_ms_a_trajectory": {k: round(1e3 * statistics.median(v), 4) for k, v in each.items()},
        "network": f"{len(job['species'])} species, {len(job['laws'])} reactions, 30 days",
        "tolerance": {"ours": ode.tolerance, "peer": ode.peer_tolerance},
        "trajectories": {"ours": pairs * ours_number, "peer": pairs * peer_number},
    }


THREADS = """
import json, sys, time
import numpy as np
from senescape.compile import lower
from senescape.engines.exact import Exact, tiers
from senescape.engines.state import Streams
from senescape.files.sbml import parse_sbml
from senescape.run import run_lanes
tiers.PAYS = 0
job = json.load(open(sys.argv[1], encoding="utf-8"))
program = lower(parse_sbml(job["sbml"]))
times = np.linspace(0.0, job["until"], job["outputs"])
def run(n):
    table = np.repeat(program.parameter_defaults[:, None], n, axis=1)
    return run_lanes(Exact(), program, table, Streams.hosts(1, n), times)
run(64)
began = time.perf_counter()
found = run(int(sys.argv[2]))
print(json.dumps({"wall": time.perf_counter() - began, "sum": float(found.sum())}))
"""


def two_threads(pairs: int, folder: Path) -> dict:
    """Wall time of one thread over that of two; the same bytes."""
    path = folder / "threads.json"
    path.write_text(json.dumps(job_of(8, 10.0)), encoding="utf-8")
    ratios, sums = [], set()
    for _ in range(pairs):
        wall = []
        for threads in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-c", THREADS, str(path), "1024"],
                env=os.environ | {"SENESCAPE_THREADS": threads},
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            answer = json.loads(done.stdout)
            wall.append(answer["wall"])
            sums.add(answer["sum"])
        ratios.append(wall[0] / wall[1])
    return {
        "ratio": round(statistics.median(ratios), 2),
        "pairs": [round(r, 2) for r in ratios],
        "same_result": len(sums) == 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", required=True, help="Python of the peers' environment")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    quick = os.environ.get("QUICK", "0") not in {"", "0"}
    pairs = 5 if quick else 9
    began = time.perf_counter()
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key in (*PEERS, *SCALES, *ODES, "two_threads"):
            if options.only and key not in options.only:
                continue
            try:
                if key == "two_threads":
                    found[key] = two_threads(3 if quick else 5, folder)
                else:
                    compare = solved if key in ODES else pair_of
                    found[key] = compare(key, options.peers, pairs, folder)
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                found[key] = {"missing": str(error)}
            print(key, found[key], file=sys.stderr)
    report = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": round(time.perf_counter() - began, 1),
        "load": os.getloadavg()[0],
        "ratios": {k: v["ratio"] for k, v in found.items() if "ratio" in v},
        "details": found,
    }
    if not options.only:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"peers-{report['date']}{'-quick' if quick else ''}.json"
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
