"""An implicit step written for one network from SBML; see :mod:`.straight`.

What it computes is :func:`.rosenbrock.attempt`, operation by operation.
"""

from __future__ import annotations

from senescape.lane_math import WIDTH

from ..written import arity
from .rosenbrock import (
    COUPLING,
    FOUND,
    LAST,
    MOVING,
    NODES,
    RATE,
    RIGHT,
    STAGES,
    STEP,
    TIMES,
    WEIGHTS,
    Stiff,
)
from .straight import HEAD, Places, each_group, each_number, error_of, function_of, slope_of


def implicit_source_of(stiff: Stiff) -> tuple[str, int]:
    """Return the source of a step, and how many registers it is lent."""
    layout = stiff.layout
    numbers, kept = len(layout.law), len(layout.kept)
    places = Places(numbers)
    spill = places.register(stiff.registers)
    literals = {kept + i: float(v) for i, v in enumerate(layout.constants)} | stiff.constants
    everywhere = {r: places.register(r) for r in range(stiff.registers) if r not in literals}
    sources = everywhere | {r: places.y(r) for r in range(numbers)}
    sources |= {numbers: 0, int(stiff.places[STEP]): WIDTH}
    lasting = _written(stiff)
    first, one = function_of(
        "factorise",
        stiff.factors.tolist(),
        sources,
        literals,
        [(r, places.register(r)) for r in lasting],
        spill,
    )
    slope, two = slope_of(layout, places, spill)
    found = int(stiff.places[FOUND])
    second, three = function_of(
        "solve",
        stiff.solution.tolist(),
        everywhere,
        literals,
        [(found + n, places.register(found + n)) for n in range(numbers)],
        spill,
    )
    lines = [
        HEAD,
        *first,
        *slope,
        *second,
        "\n\ndef attempt(problem, states, relative, work):\n",
        "    w = work.rows.reshape(-1)\n",
        *each_group("factorise"),
    ]
    for stage in range(STAGES):
        lines += _stage(stiff, places, stage)
    total = _sum(places, LAST)
    lines += each_number(
        f"total = {total}",
        f"w[{places.trial()} + i] = w[{places.y()} + i] + w[{WIDTH} + j] * total",
    )
    lines += error_of(places, f"w[{places.k(STAGES - 1)} + i]")
    return "".join(lines), stiff.registers + max(one, two, three)


def _written(stiff: Stiff) -> list[int]:
    """Return the registers that the first tape makes and others read."""
    read: set[int] = set()
    own: set[int] = set()
    for op, target, *registers in stiff.solution.tolist():
        read |= set(registers[: arity(op)]) - own
        own.add(target)
    numbers = len(stiff.layout.law)
    rates = {int(stiff.places[p]) + n for p in (RATE, MOVING) for n in range(numbers)}
    return sorted(rates | ({int(row[1]) for row in stiff.factors} & read))


def _sum(places: Places, weights: tuple[float, ...]) -> str:
    """Return a weighted sum of slopes as text."""
    return " + ".join(f"{w!r} * w[{places.k(s)} + i]" for s, w in enumerate(weights))


def _stage(stiff: Stiff, places: Places, stage: int) -> list[str]:
    """Return the lines of one stage: a slope, a right-hand side, its solution."""
    right, found = (places.register(int(stiff.places[p])) for p in (RIGHT, FOUND))
    rate, moving = (places.register(int(stiff.places[p])) for p in (RATE, MOVING))
    lines = []
    if stage > 0:
        total = _sum(places, WEIGHTS[STAGES * stage : STAGES * stage + stage])
        lines += [
            *each_number(
                f"total = {total}",
                f"w[{places.trial()} + i] = w[{places.y()} + i] + w[{WIDTH} + j] * total",
            ),
            *each_group("slope", NODES[stage]),
        ]
    slope = rate if stage == 0 else places.k(STAGES)
    body = [
        f"w[{right} + i] = w[{slope} + i] + {TIMES[stage]!r} * w[{WIDTH} + j] * w[{moving} + i]"
    ]
    if stage > 0:
        body.append(f"total = {_sum(places, COUPLING[STAGES * stage : STAGES * stage + stage])}")
        body.append(f"w[{right} + i] += total")
    return [
        *lines,
        *each_number(*body),
        *each_group("solve"),
        *each_number(f"w[{places.k(stage)} + i] = w[{found} + i]"),
    ]
