"""A step of the explicit solver written for one network from SBML: straight code for its tape.

What it computes is :func:`.explicit.attempt` over :func:`.wide_general.wide_general`, operation by
operation, so the same bytes; what is saved is reading the tape and passing every number through
memory. Everything that a step works on stands in one piece of memory at literal places: only then
are the loops vectorised. Compiling takes seconds: :mod:`.steppers` says when that pays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from senescape.lane_math import WIDTH

from ..written import IMPORTS, Line, literal, loops, tape_lines
from .compact import Layout
from .explicit import ERROR, LAST, NODES, STAGES, WEIGHTS

GROUP = 8  # lanes that go through the tape together
LENGTH = 40  # lines of a loop: longer ones run out of vector registers

HEAD = f"""\
{IMPORTS}
from numba import njit
"""
FUNCTION = """

@njit(cache=True, nogil=True, error_model="numpy")
def {name}(w{more}):
"""


class Places(NamedTuple):
    """Where things stand in :attr:`.explicit.Work.rows`, given how many numbers change."""

    numbers: int

    def y(self, row: int = 0) -> int:
        """Return where a number before the step stands."""
        return (4 + row) * WIDTH

    def trial(self, row: int = 0) -> int:
        """Return where a number at the end of the step stands."""
        return (4 + self.numbers + row) * WIDTH

    def scale(self) -> int:
        """Return where the tolerances begin."""
        return (4 + 2 * self.numbers) * WIDTH

    def k(self, stage: int, row: int = 0) -> int:
        """Return where a slope of a number stands."""
        return (4 + (3 + stage) * self.numbers + row) * WIDTH

    def register(self, row: int) -> int:
        """Return where a register that is lent stands."""
        return self.k(STAGES + 1, row)


def function_of(
    name: str,
    tape: Sequence[Sequence[int]],
    sources: Mapping[int, int],
    literals: Mapping[int, float],
    results: Sequence[tuple[int, int]],
    spill: int,
    more: Sequence[Line] = (),
) -> tuple[list[str], int]:
    """Return the lines of a function that does a tape for a few lanes, and how much it spills.

    Parameters
    ----------
    sources : dict
        Where registers that the tape reads and does not make stand in the memory.
    literals : dict
        Registers that are constants.
    results : sequence of (register, place)
        What is written to memory at the end.
    spill : int
        Place of the numbers that pass from one loop to the next.
    more : sequence of Line
        Done first; the function then takes the node of the stage.
    """
    names = {r: f"p{r}" for r in sources} | {r: literal(v) for r, v in literals.items()}
    inputs = {f"p{r}": f"w[{place} + i]" for r, place in sources.items()}
    inputs |= {"x": "w[i]", "h": f"w[{WIDTH} + i]"}
    lines = [*more, *tape_lines(tape, names)]
    wanted = {}
    for number, (register, place) in enumerate(results):
        lines.append(Line(f"d{number}", names[register], (names[register],)))
        wanted[f"d{number}"] = (f"w[{place} + i]",)
    bodies, passed = loops(lines, inputs, wanted, lambda n: f"w[{spill + n * WIDTH} + i]", LENGTH)
    text = [FUNCTION.format(name=name, more=", node" if more else "")]
    for body in bodies:
        text.append(f"    for i in range({GROUP}):\n")
        text += [f"        {line}\n" for line in body]
    return text, passed


def slope_of(layout: Layout, places: Places, spill: int) -> tuple[list[str], int]:
    """Return the function from the numbers of the trial to the last slope; see function_of."""
    kept, numbers = len(layout.kept), places.numbers
    sources = {r: places.register(r) for r in range(kept)}
    sources |= {r: places.trial(r) for r in range(numbers)}
    time = Line(f"p{numbers}", "x + node * h", ("x", "h"))
    literals = {kept + i: v for i, v in enumerate(layout.constants.tolist())}
    results = [(r, places.k(STAGES, n)) for n, r in enumerate(layout.law.tolist())]
    return function_of("slope", layout.tape.tolist(), sources, literals, results, spill, [time])


def source_of(layout: Layout) -> tuple[str, int]:
    """Return the source of a step, and how many registers it is lent."""
    places, kept = Places(len(layout.law)), len(layout.kept)
    slope, passed = slope_of(layout, places, places.register(kept))
    lines = [
        HEAD,
        *slope,
        "\n\ndef attempt(problem, states, relative, work):\n",
        "    w = work.rows.reshape(-1)\n",
    ]
    for stage in range(1, STAGES + 1):
        lines += _stage(places, stage)
    return "".join([*lines, *_error(places)]), kept + passed


def _stage(places: Places, stage: int) -> list[str]:
    """Return the lines of one slope: where it is read, reading it, and putting it in its place."""
    weights = LAST if stage == STAGES else WEIGHTS[STAGES * stage : STAGES * stage + stage]
    total = " + ".join(f"{w!r} * w[{places.k(s)} + i]" for s, w in enumerate(weights))
    lines = [
        *each_number(
            f"total = {total}",
            f"w[{places.trial()} + i] = w[{places.y()} + i] + w[{WIDTH} + j] * total",
        ),
        *each_group("slope", 1.0 if stage == STAGES else NODES[stage]),
    ]
    if stage < STAGES:
        lines += each_number(f"w[{places.k(stage)} + i] = w[{places.k(STAGES)} + i]")
    return lines


def _error(places: Places) -> list[str]:
    """Return the loops that write the error of the step; see :func:`.explicit._errors`."""
    total = " + ".join(f"{w!r} * w[{places.k(s)} + i]" for s, w in enumerate(ERROR))
    return error_of(places, total)


def each_number(*body: str) -> list[str]:
    """Return a loop over numbers and lanes: j is the lane, i the place of the number."""
    return [
        "    for r in range(states):\n",
        f"        for j in range({WIDTH}):\n",
        f"            i = r * {WIDTH} + j\n",
        *(f"            {line}\n" for line in body),
    ]


def each_group(name: str, node: float | None = None) -> list[str]:
    """Return a loop that calls a function for a few lanes after the other."""
    more = "" if node is None else f", {node!r}"
    return [
        f"    for first in range(0, {WIDTH}, {GROUP}):\n",
        f"        {name}(w[first:]{more})\n",
    ]


def error_of(places: Places, total: str) -> list[str]:
    """Return the loops that write the error of the step, whose size is h times a text."""
    error = f"w[{3 * WIDTH} + j]"
    return [
        f"    for j in range({WIDTH}):\n",
        f"        {error} = 0.0\n",
        *each_number(
            f"total = {total}",
            f"before, after = abs(w[{places.y()} + i]), abs(w[{places.trial()} + i])",
            "after = before if before > after else after",
            f"allowed = w[{places.scale()} + i] + relative * after",
            f"part = w[{WIDTH} + j] * total / allowed",
            f"{error} += part * part",
        ),
        f"    for j in range({WIDTH}):\n",
        f"        {error} = np.sqrt({error} / {places.numbers})\n",
    ]
