"""CPU seconds from a file of SBML to the first result: whole processes, imports included.

Usage: .venv/bin/python benchmarks/first_result.py [--repeats 5] [--profile] [--output FILE]

``senescape simulate FILE.xml --engine exact --replicates 64`` for 60 species and 136 reactions over
one day. Kernels of this version are in the cache (the run before the first counts for nothing):

  new: a network that no run has seen; cached: the same file again; version: ``--version`` alone,
  python: an interpreter that does nothing. The last two say how fast the machine is just now.

User and system time of the process and of its children, median of the repeats, in turns; wall time
says little beside other work. ``--profile`` names the packages that imports spend their time in.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from networks import network, sbml

from report import written

LIMITS = {"new": 1.5, "cached": 1.0, "version": 0.3}
SPECIES = 60
START = "from senescape.cli import main; main()"


def simulate(file: Path) -> list[str]:
    options = ["--engine", "exact", "--replicates", "64", "--until", "1"]
    return [START, "simulate", str(file), *options, "--output", str(file.with_suffix(".csv"))]


def cpu_seconds(arguments: list[str]) -> float:
    """Return user and system time of one interpreter and of its children."""
    # without bytecode of our own modules each run would compile them anew
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", *arguments]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{arguments}: status {child.returncode}")
    return used.ru_utime + used.ru_stime


def fresh(text: str, folder: Path, number: int) -> Path:
    """Write a network that differs from all others in a number."""
    file = folder / f"network{number}.xml"
    value = 0.7 + 1e-6 * (number + os.getpid())
    changed = text.replace('value="0.7"', f'value="{value!r}"')
    if changed == text:
        raise RuntimeError("the network has no parameter of the value 0.7")
    file.write_text(changed, encoding="utf-8")
    return file


def measured(repeats: int, folder: Path) -> dict[str, list[float]]:
    text = sbml(network(SPECIES))
    cpu_seconds(simulate(fresh(text, folder, 0)))
    found: dict[str, list[float]] = {name: [] for name in ("new", "cached", "version", "python")}
    for number in range(1, repeats + 1):
        file = fresh(text, folder, number)
        found["new"].append(cpu_seconds(simulate(file)))
        found["cached"].append(cpu_seconds(simulate(file)))
        found["version"].append(cpu_seconds([START, "--version"]))
        found["python"].append(cpu_seconds(["pass"]))
    return found


def imports(file: Path) -> dict[str, float]:
    """Return milliseconds of imports by package, those above 10 ms."""
    command = [sys.executable, "-X", "importtime", "-c", *simulate(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    spent: Counter[str] = Counter()
    for line in ran.stderr.splitlines():
        cells = line.removeprefix("import time:").split("|")
        if len(cells) == 3 and cells[0].strip().isdigit():
            spent[cells[2].strip().split(".")[0]] += int(cells[0])
    return {name: round(time / 1000.0) for name, time in spent.most_common() if time > 10_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = measured(options.repeats, folder)
        spent = imports(folder / "network1.xml") if options.profile else {}
    report = {
        "cpu_seconds": {
            name: {
                "median": round(statistics.median(times), 3),
                "least": round(min(times), 3),
                "most": round(max(times), 3),
                "limit": LIMITS.get(name),
            }
            for name, times in found.items()
        },
        **({"import_milliseconds": spent} if spent else {}),
    }
    written(report, options.output)


if __name__ == "__main__":
    main()
