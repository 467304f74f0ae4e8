"""Rows of a tape under construction, over names of what they read and write.

A name is ("k", number) for a constant, or whatever its maker calls it. What is known beforehand is
computed beforehand: products with 0 and 1, sums of constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import Op

Int = NDArray[np.int32]
Name = tuple[str, float]
Row = tuple[int, Name, list[Name]]

ZERO: Name = ("k", 0.0)
ONE: Name = ("k", 1.0)


class TooManyRows(Exception):
    """More rows than were allowed."""


@dataclass(slots=True)
class Rows:
    """Rows in order: (operation, what it makes, what it reads).

    Parameters
    ----------
    letter : str
        Of the names that are given here.
    most : int
        Rows; beyond, :class:`TooManyRows`.
    """

    rows: list[Row] = field(default_factory=list)
    letter: str = "t"
    most: int = 1_000_000

    def make(self, op: Op, *sources: Name) -> Name:
        """Add a row; return the name of what it makes."""
        if len(self.rows) >= self.most:
            raise TooManyRows
        name: Name = (self.letter, len(self.rows))
        self.rows.append((int(op), name, list(sources)))
        return name

    def write(self, name: Name, value: Name) -> None:
        """Give a value a name that lasts."""
        self.rows.append((int(Op.ADD), name, [value, ZERO]))

    def add(self, a: Name, b: Name) -> Name:
        """Return a + b."""
        if a == ZERO or b == ZERO:
            return a if b == ZERO else b
        if a[0] == "k" and b[0] == "k":
            return ("k", a[1] + b[1])
        return self.make(Op.ADD, a, b)

    def subtract(self, a: Name, b: Name) -> Name:
        """Return a - b."""
        if b == ZERO:
            return a
        if a[0] == "k" and b[0] == "k":
            return ("k", a[1] - b[1])
        return self.make(Op.NEG, b) if a == ZERO else self.make(Op.SUB, a, b)

    def times(self, a: Name, b: Name) -> Name:
        """Return a b."""
        if a == ZERO or b == ZERO:
            return ZERO
        if a == ONE or b == ONE:
            return a if b == ONE else b
        if a[0] == "k" and b[0] == "k":
            return ("k", a[1] * b[1])
        return self.make(Op.MUL, a, b)

    def over(self, a: Name, b: Name) -> Name:
        """Return a / b."""
        return a if a == ZERO or b == ONE else self.make(Op.DIV, a, b)


def constants_of(rows: list[Row]) -> list[float]:
    """Return the constants that rows read, in order."""
    return sorted({n[1] for _, _, sources in rows for n in sources if n[0] == "k"})


def numbered(
    rows: list[Row], place: Mapping[Name, int], count: int
) -> tuple[Int, int, dict[Name, int]]:
    """Give every name a register; one that is not read again is given to the next.

    Parameters
    ----------
    place : dict
        Registers of the names that last: they are given to nothing else.
    count : int
        Registers in use.

    Returns
    -------
    tuple
        The tape, the number of registers, and the register of every name.
    """
    places, last = dict(place), {}
    for index, (_, target, sources) in enumerate(rows):
        for name in (target, *sources):
            last[name] = index
    free: list[int] = []
    tape = np.zeros((len(rows), 5), np.int32)
    for index, (op, target, sources) in enumerate(rows):
        read = [places[name] for name in sources]
        for name in set(sources):
            if name not in place and last[name] == index:
                free.append(places[name])
        if target not in places:
            if free:
                places[target] = free.pop()
            else:
                places[target], count = count, count + 1
        if last[target] == index and target not in place:  # read by nothing
            free.append(places[target])
        tape[index] = [op, places[target], *read, *([read[0]] * (3 - len(read)))]
    return tape, count, places
