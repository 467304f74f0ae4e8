"""A round of the lock-step kernel, written for one program: straight code in place of its tape.

The same operations in the same order as :func:`.lockstep.interpreted_round`, so the same bytes;
what is saved is reading the tape and passing every number through memory. Compiling takes seconds:
see :mod:`.tiers` for when it pays.
"""

from __future__ import annotations

import numpy as np

from senescape.expressions import Op

from ..written import IMPORTS, TEXT, arity
from .flat import ACC, Flat
from .lockstep import CARRY, CHOSEN, LANES, OVER, PLACE, STRIDE, TIME, TOTAL

# Rows of straight code in one loop over lanes: longer ones run out of vector registers.
WHOLE, PART = 72, 40
FORMAT = 3  # part of the digest of what is generated

HEAD = f"""\
{IMPORTS}

def draw(tape, read, place, block, f, words, until):
    b = block.reshape(-1)
"""


def _operands(op: int, row: list[int]) -> list[int]:
    """Return the rows that an operation reads."""
    return row[2 : 2 + (3 if op == ACC else arity(op))]


def short(flat: Flat) -> bool:
    """Tell whether the round of a program is one loop over lanes."""
    return len(flat.tape) <= WHOLE


def carries(flat: Flat) -> bool:
    """Tell whether the round of a program also lets its events happen.

    For short programs that is half as long again as drawing an event; done lane by lane it takes
    more. In long ones comparing every rate once more costs more than what it saves.
    """
    return short(flat) and not flat.drawn


def source_of(flat: Flat, kept: set[int]) -> str:
    """Return the source of the round of a program.

    Parameters
    ----------
    kept : set of int
        Rows of the block that are read outside the round (outcomes, shares of timed exits).
    """
    rows = [[int(x) for x in row] for row in flat.tape]
    whole = short(flat)
    size = len(rows) if whole else PART
    chunks = [rows[i : i + size] for i in range(0, len(rows), size)]
    sums = range(flat.first, flat.total + 1)
    lines = [HEAD]
    for number, chunk in enumerate(chunks):
        later = {r for rest in chunks[number + 1 :] for row in rest for r in _operands(row[0], row)}
        stored = later | kept | (set() if whole else set(sums))
        lines.append(f"    for i in range({LANES}):\n")
        lines += _chunk(chunk, stored)
        if whole:
            lines += _last([f"v{r}" for r in sums[:-1]], f"v{flat.total}")
            if carries(flat):
                lines += _carry(flat)
    if not whole:
        lines.append(f"    for i in range({LANES}):\n")
        lines += _last([], f"b[{flat.total * STRIDE} + i]")
        for first in range(flat.first, flat.total, 16):
            lines.append(f"    for i in range({LANES}):\n        p = f[{PLACE} + i]\n")
            lines.append(f"        n = f[{CHOSEN} + i]\n")
            for r in range(first, min(first + 16, flat.total)):
                lines.append(f"        n = n + (1.0 if p >= b[{r * STRIDE} + i] else 0.0)\n")
            lines.append(f"        f[{CHOSEN} + i] = n\n")
    return "".join(lines)


def _chunk(chunk: list[list[int]], stored: set[int]) -> list[str]:
    """Return the lines of one loop: what it reads, what it computes, what others need of it."""
    lines, local = [], set()
    for row in chunk:
        op, target = row[0], row[1]
        for operand in _operands(op, row):
            if operand not in local:
                lines.append(f"        v{operand} = b[{operand * STRIDE} + i]\n")
                local.add(operand)
        a, b, c = (f"v{r}" for r in row[2:5])
        text = f"{c} + {a} * {b}" if op == ACC else TEXT[Op(op)].format(a=a, b=b, c=c)
        lines.append(f"        v{target} = {text}\n")
        local.add(target)
        if target in stored:
            lines.append(f"        b[{target * STRIDE} + i] = v{target}\n")
    return lines


def _last(sums: list[str], total: str) -> list[str]:
    """Return the lines that draw time and place, and (where the sums are at hand) the event."""
    lines = [
        f"        total = {total} + 0.0\n",  # never -0, as in the interpreted round
        f"        f[{TOTAL} + i] = total\n",
        f"        at = f[{TIME} + i] - lane_log_of_normal(uniform(words[i], 0)) / total\n",
        "        late = 0.0 if at <= until else 1.0\n",
        f"        f[{OVER} + i] = late\n",
        f"        f[{TIME} + i] = until if late != 0.0 else at\n",
        "        p = uniform(words[i], 1) * total\n",
        f"        f[{PLACE} + i] = p\n",
        "        n = 0.0\n",
    ]
    lines += [f"        n = n + (1.0 if p >= {s} else 0.0)\n" for s in sums]
    return [*lines, f"        f[{CHOSEN} + i] = n\n"]


def _carry(flat: Flat) -> list[str]:
    """Return the lines that let the drawn event happen: each slot changes by a sum over rates.

    The change of a slot is that of the first event, and each cumulative rate that lies below the
    drawn place adds what the next event changes more: whole numbers, so the order does not matter.
    """
    lines = [f"        go = f[{CARRY} + i] if (at <= until) & (total < np.inf) else 0.0\n"]
    changes = np.zeros((flat.slots, len(flat.event)))
    for event in range(len(flat.event)):
        for slot, change in zip(flat.changed[event], flat.change[event], strict=True):
            if change:
                changes[int(slot), event] += change
    for slot in range(flat.slots):
        more = np.diff(changes[slot])
        if not changes[slot].any():
            continue
        lines.append(f"        x = {float(changes[slot, 0])!r}\n")
        for event in np.flatnonzero(more).tolist():
            lines.append(
                f"        x = x + ({float(more[event])!r} if p >= v{flat.first + event} else 0.0)\n"
            )
        row = slot * STRIDE
        lines.append(f"        b[{row} + i] = b[{row} + i] + go * x\n")
    return lines
