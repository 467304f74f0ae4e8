"""How much less noise does the difference of two arms have, by engine and coupling?

Usage: .venv/bin/python verification/twins.py [--seed 1] [--share 1.0]

Two arms of the same hosts differ in one number. Measured: the variance over hosts of the paired
difference of live cells at the end, against the sum of both variances (what independent arms have).
Reduction = (variance of one arm + variance of the other) / variance of the difference; 1 means no
gain, below 1 a loss. The number of hosts that an effect of a given precision needs is divided by
it. Intervals: 95 %, by the jackknife of log(reduction) over 20 groups of hosts. Written:
twins.json.

Arms (of 1e2, 1e3 and 1e4 cells at the start):
- gate, growth: cells divide, die, arrest and are lost; arrest on or off, 4 days.
- rate, growth: the same, arrest at its rate or at nine tenths of it.
- dose, growth: division, death and a kill by a drug that decays; a dose of 1 or of 1.1, at days 1
  and 3, until day 4.
- rate, crowded: logistic growth to twice the start, arrest at 0.10 or 0.09 a day, 20 days.

Engines: the exact engine with independent seeds, with the shared key of the direct method
(Coupling.NONE), with CELL_DAYS and with DAYS; the leap with its defaults and shared keys. The same
hosts everywhere, seeds apart by case. All numbers of the scenarios are assumptions of this check.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.engines import builders as b  # noqa: E402

from senescape.compile import Program  # noqa: E402
from senescape.engines.exact import Coupling, Exact  # noqa: E402
from senescape.engines.leap import Leap  # noqa: E402
from senescape.engines.protocol import Engine  # noqa: E402
from senescape.network import Forcing, Network, Port  # noqa: E402

Float = NDArray[np.float64]

GROUPS, LEVEL = 20, 0.95
HOSTS = {100: 2000, 1000: 400, 10_000: 60}
ENGINES: dict[str, Engine] = {
    "direct, shared key": Exact(),
    "clocks by cell-days": Exact(coupling=Coupling.CELL_DAYS),
    "clocks by days": Exact(coupling=Coupling.DAYS),
    "leap, shared keys": Leap(),
}


def arrest(start: float, *, crowded: bool = False) -> Network:
    """Cells divide, die, arrest (gated) and are lost."""
    room = Port("room", b.DIMENSIONLESS, b.formula("max(0, 1 - live / capacity)"))
    return Network(
        (
            b.rate("birth", 0.6),
            b.rate("death", 0.1),
            b.rate("arrest", 0.1 if crowded else 0.3),
            b.rate("loss", 0.1),
            b.number("gate", 1.0),
            b.cells("capacity", 2.0 * start),
            b.cells("n0", start),
        ),
        (b.state("P"), b.state("S", role="senescent_mature")),
        (
            b.exit_of(1, "division", "P", "birth * room" if crowded else "birth", b.outcome(P=2)),
            b.exit_of(2, "death", "P", "death", b.outcome()),
            b.exit_of(3, "arrest", "P", "arrest", b.outcome(S=1), gate="gate"),
            b.exit_of(4, "loss", "S", "loss", b.outcome()),
        ),
        ports=(room,) if crowded else (),
        assays=(b.assay("live", "P", "S"),),
        births=(b.born("n0", P=1),),
    )


def killed(start: float) -> Network:
    """Division, death, and a kill by a drug that decays; doses at days 1 and 3."""
    return Network(
        (
            b.rate("birth", 0.6),
            b.rate("death", 0.1),
            b.rate("kill", 0.7),
            b.rate("ke", 0.8),
            b.number("dose", 1.0),
            b.cells("n0", start),
        ),
        (b.state("P"),),
        (
            b.exit_of(1, "division", "P", "birth", b.outcome(P=2)),
            b.exit_of(2, "death", "P", "death", b.outcome()),
            b.exit_of(3, "kill", "P", "kill * drug / (1 + drug)", b.outcome()),
        ),
        signals=(b.drug(),),
        assays=(b.assay("live", "P"),),
        births=(b.born("n0", P=1),),
        forcing=Forcing(b.doses([1.0, 3.0])),
    )


@dataclass(frozen=True)
class Case:
    """Two arms that differ in one number."""

    name: str
    network: str
    number: str
    values: tuple[float, float]
    until: float
    hosts: float = 1.0  # of the stated numbers

    def program(self, start: float) -> Program:
        """Return the program of both arms."""
        if self.network == "killed":
            return b.program_of(killed(start))
        return b.program_of(arrest(start, crowded=self.network == "crowded"))


CASES = (
    Case("gate, growth", "arrest", "gate", (1.0, 0.0), 4.0),
    Case("rate, growth", "arrest", "arrest", (0.3, 0.27), 4.0),
    Case("dose, growth", "killed", "dose", (1.0, 1.1), 4.0),
    Case("rate, crowded", "crowded", "arrest", (0.10, 0.09), 20.0, 0.5),
)


@dataclass(frozen=True)
class Row:
    """One cell of the table."""

    case: str
    cells: int
    engine: str
    hosts: int
    mean_difference: float
    reduction: float
    low: float
    high: float
    seconds: float


def reduction(one: Float, other: Float) -> tuple[float, float, float]:
    """Return the reduction and its interval by the jackknife over groups of hosts."""

    def logarithm(keep: NDArray[np.bool_]) -> float:
        x, y = one[keep], other[keep]
        return float(np.log((x.var(ddof=1) + y.var(ddof=1)) / (x - y).var(ddof=1)))

    group = np.arange(len(one)) % GROUPS
    whole = logarithm(group >= 0)
    parts = np.array([logarithm(group != g) for g in range(GROUPS)])
    se = np.sqrt((GROUPS - 1) / GROUPS * ((parts - parts.mean()) ** 2).sum())
    t = float(stats.t.ppf(0.5 + LEVEL / 2, GROUPS - 1)) * se
    return float(np.exp(whole)), float(np.exp(whole - t)), float(np.exp(whole + t))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the stated hosts")
    options = parser.parse_args()
    began, rows = time.process_time(), []
    for place, case in enumerate(CASES):
        for cells, most in HOSTS.items():
            hosts = max(GROUPS * 2, int(most * case.hosts * options.share))
            program, seed = case.program(float(cells)), 1000 * options.seed + 10 * place

            def live(engine: Engine, value: float, seed: int) -> Float:
                table = b.lanes_of(program, hosts, **{case.number: value})  # noqa: B023
                return b.run_assay(
                    engine,
                    program,  # noqa: B023
                    [case.until],  # noqa: B023
                    parameters=table,
                    seed=seed,
                )[0, 0]

            apart = [
                live(ENGINES["direct, shared key"], v, seed + 1 + i)
                for i, v in enumerate(case.values)
            ]
            for name, engine in {"independent seeds": None, **ENGINES}.items():
                clock = time.process_time()
                one, other = (
                    apart if engine is None else [live(engine, v, seed) for v in case.values]
                )
                spent = time.process_time() - clock
                row = Row(
                    case.name,
                    cells,
                    name,
                    hosts,
                    float((other - one).mean()),
                    *reduction(one, other),
                    spent,
                )
                rows.append(row)
                print(
                    f"{row.case:>14} {cells:>6} cells, {hosts:>5} hosts, {name:>20}: "
                    f"difference {row.mean_difference:+10.1f}, reduction {row.reduction:7.2f} "
                    f"[{row.low:.2f}, {row.high:.2f}], {spent:5.1f} s",
                    flush=True,
                )
    spent = time.process_time() - began
    print(f"{spent:.0f} s of CPU time")
    result = {"seed": options.seed, "share": options.share, "level": LEVEL, "seconds": spent}
    result["rows"] = [asdict(r) for r in rows]
    (HERE / "twins.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
