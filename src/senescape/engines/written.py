"""The operations of the tape as text of a generated kernel, and straight loops over lanes.

A loop of straight code stops being fast where it runs out of vector registers, so long programs are
cut into several; what a later loop needs of an earlier one goes through memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from senescape.expressions import FOREIGN, Op

IMPORTS = """\
from senescape.engines.interpreter import factorial, greater, lesser
from senescape.lane_math import lane_exp, lane_hill, lane_log, lane_log_of_normal, lane_power
from senescape.rng import uniform
import numpy as np
"""

TEXT = {
    Op.ADD: "{a} + {b}",
    Op.SUB: "{a} - {b}",
    Op.MUL: "{a} * {b}",
    Op.DIV: "{a} / {b}",
    Op.POW: "lane_power({a}, {b})",
    Op.NEG: "-{a}",
    Op.EXP: "lane_exp({a})",
    Op.LOG: "lane_log({a})",
    Op.SQRT: "np.sqrt({a})",
    Op.ABS: "abs({a})",
    Op.MIN: "lesser({a}, {b})",
    Op.MAX: "greater({a}, {b})",
    Op.HILL: "lane_hill({a}, {b}, {c})",
    Op.LT: "1.0 if {a} < {b} else 0.0",
    Op.LE: "1.0 if {a} <= {b} else 0.0",
    Op.GT: "1.0 if {a} > {b} else 0.0",
    Op.GE: "1.0 if {a} >= {b} else 0.0",
    Op.EQ: "1.0 if {a} == {b} else 0.0",
    Op.NE: "1.0 if {a} != {b} else 0.0",
    Op.AND: "1.0 if ({a} != 0.0) & ({b} != 0.0) else 0.0",
    Op.OR: "1.0 if ({a} != 0.0) | ({b} != 0.0) else 0.0",
    Op.NOT: "1.0 if {a} == 0.0 else 0.0",
    Op.SELECT: "{b} if {a} != 0.0 else {c}",
    Op.SIN: "np.sin({a})",
    Op.COS: "np.cos({a})",
    Op.TAN: "np.tan({a})",
    Op.ASIN: "np.arcsin({a})",
    Op.ACOS: "np.arccos({a})",
    Op.ATAN: "np.arctan({a})",
    Op.FLOOR: "np.floor({a})",
    Op.CEIL: "np.ceil({a})",
    Op.FACTORIAL: "factorial({a})",
}
UNARY = {Op.NEG, Op.EXP, Op.LOG, Op.SQRT, Op.ABS, Op.NOT, *FOREIGN.values()}
TERNARY = {Op.HILL, Op.SELECT}


def arity(op: int) -> int:
    """Return how many registers an operation reads."""
    return 3 if op in TERNARY else 1 if op in UNARY else 2


def literal(value: float) -> str:
    """Return a number as text, in brackets."""
    if np.isfinite(value):
        return f"({value!r})"
    return "(np.nan)" if np.isnan(value) else f"({'-' if value < 0.0 else ''}np.inf)"


class Line(NamedTuple):
    """One assignment of straight code; every name is assigned once.

    Parameters
    ----------
    name : str
    text : str
        What it is, over the names that it reads.
    reads : tuple of str
    """

    name: str
    text: str
    reads: tuple[str, ...]


def tape_lines(rows: Sequence[Sequence[int]], names: dict[int, str]) -> list[Line]:
    """Return the rows of a tape as lines.

    Parameters
    ----------
    rows : rows of (operation, target, sources)
    names : dict
        The name of each register that is known before; afterwards, that of each register.
    """
    lines = []
    for number, (op, target, *sources) in enumerate(rows):
        reads = tuple(names[s] for s in sources[: arity(op)])
        a, b, c = (*reads, "", "")[:3]
        name = f"t{number}"
        lines.append(Line(name, TEXT[Op(op)].format(a=a, b=b, c=c), reads))
        names[target] = name
    return lines


def loops(
    lines: Sequence[Line],
    inputs: Mapping[str, str],
    results: Mapping[str, Sequence[str]],
    spill: Callable[[int], str],
    length: int,
) -> tuple[list[list[str]], int]:
    """Return the bodies of loops that do the lines in order, and how many numbers pass between.

    Parameters
    ----------
    inputs : dict
        How each name that is not assigned is read from memory; what is not there is a literal.
    results : dict
        Where each name is wanted: places in memory.
    spill : callable
        The place in memory of a number of a loop that a later one reads, from its index.
    length : int
        Lines of a loop, at most.
    """
    # of equal length: what is left over would be so short that it is unrolled, not vectorised
    size = -(-len(lines) // max(1, -(-len(lines) // length)))
    chunks = [lines[i : i + size] for i in range(0, len(lines), size)]
    place: dict[str, str] = {}
    last = {name: c for c, chunk in enumerate(chunks) for line in chunk for name in line.reads}
    bodies = []
    for number, chunk in enumerate(chunks):
        body: list[str] = []
        known: set[str] = set()
        for line in chunk:
            for name in line.reads:
                source = place.get(name, inputs.get(name))
                if name not in known and source is not None:
                    body.append(f"{name} = {source}")
                    known.add(name)
            body.append(f"{line.name} = {line.text}")
            known.add(line.name)
            if last.get(line.name, number) > number:
                place[line.name] = spill(len(place))
                body.append(f"{place[line.name]} = {line.name}")
            body += [f"{there} = {line.name}" for there in results.get(line.name, ())]
        bodies.append(body)
    return bodies, len(place)
