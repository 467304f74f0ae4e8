"""A step of the explicit solver written for one network from SBML: straight code for its tape.

What it computes is :func:`.explicit.attempt` over :func:`.wide_general.wide_general`, operation by
operation, so the same bytes; what is saved is reading the tape and passing every number through
memory. A few lanes go through all stages before the next do: what they work on stays in the nearest
cache. Compiling takes seconds: :class:`Straight` says when that pays.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, NamedTuple

from numba import config

from senescape.lane_math import WIDTH

from ..generated import generated
from ..interpreter import Pointer
from ..written import IMPORTS, Line, literal, loops, tape_lines
from .compact import Layout
from .explicit import ERROR, LAST, NODES, STAGES, WEIGHTS
from .pointers import attempt_types, trial

GROUP = 8  # lanes at a time
LENGTH = 40  # lines of a loop: longer ones run out of vector registers
KIND = "step_1"  # what is generated, and in which version
PAYS = 3.0  # seconds of reading tapes: as long as compiling takes

HEAD = f"""\
{IMPORTS}
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def slope(w):
"""


class Places(NamedTuple):
    """Where things stand in :attr:`.explicit.Work.rows`, given how many numbers change."""

    numbers: int

    def y(self) -> int:
        return 4 * WIDTH

    def trial(self) -> int:
        return (4 + self.numbers) * WIDTH

    def scale(self) -> int:
        return (4 + 2 * self.numbers) * WIDTH

    def k(self, stage: int) -> int:
        return (4 + (3 + stage) * self.numbers) * WIDTH

    def register(self, row: int) -> int:
        return self.k(STAGES + 1) + row * WIDTH


def source_of(layout: Layout) -> tuple[str, int]:
    """Return the source of a step, and how many registers it is lent."""
    places = Places(len(layout.law))
    bodies, passed = _slope(layout, places)
    lines = [HEAD]
    for body in bodies:
        lines.append(f"    for i in range({GROUP}):\n")
        lines += [f"        {text}\n" for text in body]
    lines += [
        "\n\ndef attempt(problem, states, relative, work):\n",
        "    w = work.rows.reshape(-1)\n",
    ]
    for stage in range(1, STAGES + 1):
        lines += _stage(places, stage)
    return "".join([*lines, *_error(places)]), len(layout.kept) + passed


def _slope(layout: Layout, places: Places) -> tuple[list[list[str]], int]:
    """Return the bodies of the loops that read the tape; see :func:`..written.loops`.

    From the numbers of the trial, and the time in its row, to the last slope.
    """
    kept, numbers = len(layout.kept), places.numbers
    names = {r: f"p{r}" for r in range(kept)}
    inputs = {f"p{r}": f"w[{places.register(r)} + i]" for r in range(kept)}
    inputs |= {f"p{r}": f"w[{places.trial() + r * WIDTH} + i]" for r in range(numbers)}
    inputs[f"p{numbers}"] = f"w[{2 * WIDTH} + i]"
    for index, value in enumerate(layout.constants.tolist()):
        names[kept + index] = literal(value)
    lines = tape_lines(layout.tape.tolist(), names)
    for number, register in enumerate(layout.law.tolist()):
        lines.append(Line(f"d{number}", names[register], (names[register],)))
    last = places.k(STAGES)
    results = {f"d{n}": (f"w[{last + n * WIDTH} + i]",) for n in range(numbers)}
    return loops(
        lines, inputs, results, lambda n: f"w[{places.register(kept + n)} + i]", LENGTH
    )


def _stage(places: Places, stage: int) -> list[str]:
    """Return the lines of one slope: where it is read, reading it, and putting it in its place."""
    weights = LAST if stage == STAGES else WEIGHTS[STAGES * stage : STAGES * stage + stage]
    total = " + ".join(f"{w!r} * w[{places.k(s)} + i]" for s, w in enumerate(weights))
    step = "w[h]" if stage == STAGES else f"{NODES[stage]!r} * w[h]"
    lines = [
        f"    for i in range({WIDTH}):\n",
        f"        w[{2 * WIDTH} + i] = w[i] + {step}\n".replace("w[h]", f"w[{WIDTH} + i]"),
        f"    for r in range({places.numbers}):\n",
        f"        for j in range({WIDTH}):\n",
        f"            i = r * {WIDTH} + j\n",
        f"            total = {total}\n",
        f"            w[{places.trial()} + i] = w[{places.y()} + i] + w[{WIDTH} + j] * total\n",
        f"    for first in range(0, {WIDTH}, {GROUP}):\n",
        "        slope(w[first:])\n",
    ]
    if stage < STAGES:
        lines += [
            f"    for i in range({places.numbers * WIDTH}):\n",
            f"        w[{places.k(stage)} + i] = w[{places.k(STAGES)} + i]\n",
        ]
    return lines


def _error(places: Places) -> list[str]:
    """Return the loops that write the error of the step; see :func:`.explicit._errors`."""
    total = " + ".join(f"{w!r} * w[{places.k(s)} + i]" for s, w in enumerate(ERROR))
    error = f"w[{3 * WIDTH} + j]"
    return [
        f"    for j in range({WIDTH}):\n",
        f"        {error} = 0.0\n",
        f"    for r in range({places.numbers}):\n",
        f"        for j in range({WIDTH}):\n",
        f"            i = r * {WIDTH} + j\n",
        f"            total = {total}\n",
        f"            before, after = abs(w[{places.y()} + i]), abs(w[{places.trial()} + i])\n",
        "            after = before if before > after else after\n",
        f"            allowed = w[{places.scale()} + i] + relative * after\n",
        f"            part = w[{WIDTH} + j] * total / allowed\n",
        f"            {error} += part * part\n",
        f"    for j in range({WIDTH}):\n",
        f"        {error} = np.sqrt({error} / {places.numbers})\n",
    ]


class Straight:
    """What tries the steps of one network: read from its tape, or generated where that pays.

    It pays when reading has taken as long as compiling takes: that can never cost more than twice
    the better choice. Both give the same bytes, so a run may change from one to the other anywhere.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.spent = 0.0
        self.lent = 0
        self.generated: Any = None
        self._lock = Lock()

    def attempt(self) -> tuple[Any, int]:
        """Return what to use now, and how many registers it is lent."""
        pays = self.generated is None and self.spent >= PAYS and not config.DISABLE_JIT
        # one thread compiles, the others go on reading
        if pays and self._lock.acquire(blocking=False):
            try:
                if self.generated is None:
                    source, self.lent = source_of(self.layout)
                    self.generated = step_of(source)
            finally:
                self._lock.release()
        return (trial(), 0) if self.generated is None else (self.generated, self.lent)


def step_of(source: str) -> Any:
    """Return a generated step as a pointer."""
    if config.DISABLE_JIT:
        return generated(source, "attempt", KIND, ())
    return Pointer(generated(source, "attempt", KIND, attempt_types()), attempt_types())
