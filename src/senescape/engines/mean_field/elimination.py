"""Solving a sparse linear system as rows of a tape: factors once, then any right-hand side.

Gauss without exchange of rows, so that every lane of a block does the same operations; pivots are
taken by least fill-in (Markowitz on the diagonal). I / gamma - h J of a small enough step is
dominated by its diagonal; a pivot of 0 makes numbers that are not finite, and the step is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from .rows import ONE, ZERO, Name, Rows

Matrix = dict[tuple[int, int], Name]


@dataclass(frozen=True, slots=True)
class Factors:
    """L and U of a matrix, as names of rows.

    Parameters
    ----------
    order : list of int
        Pivots.
    lower, upper : dict
        Off the diagonal, by (row, column).
    inverse : dict
        1 / pivot, by row.
    """

    order: list[int]
    lower: Matrix
    upper: Matrix
    inverse: dict[int, Name]

    @property
    def names(self) -> set[Name]:
        """All that a solution reads."""
        names = {*self.lower.values(), *self.upper.values(), *self.inverse.values()}
        return {n for n in names if n[0] != "k"}


def factors(matrix: Matrix, size: int, rows: Rows) -> Factors:
    """Add the rows that factorise a matrix; its diagonal is given whole."""
    left, own = set(range(size)), dict(matrix)
    found = Factors([], {}, {}, {})
    while left:
        pivot = min(left, key=lambda p: (_fill(own, left, p), p))
        left.remove(pivot)
        found.order.append(pivot)
        inverse = rows.over(ONE, own[pivot, pivot])
        found.inverse[pivot] = inverse
        across = [j for j in sorted(left) if (pivot, j) in own]
        for j in across:
            found.upper[pivot, j] = own[pivot, j]
        for i in sorted(left):
            if (i, pivot) not in own:
                continue
            lower = found.lower[i, pivot] = rows.times(own[i, pivot], inverse)
            for j in across:
                product = rows.times(lower, own[pivot, j])
                own[i, j] = rows.subtract(own.get((i, j), ZERO), product)
    return found


def _fill(matrix: Matrix, left: set[int], pivot: int) -> int:
    """Return how many numbers a pivot could change."""
    down = sum((i, pivot) in matrix for i in left if i != pivot)
    across = sum((pivot, j) in matrix for j in left if j != pivot)
    return down * across


def solution(own: Factors, right: list[Name], rows: Rows) -> list[Name]:
    """Add the rows that solve for one right-hand side; return the names of the solution."""
    found = list(right)
    for place, i in enumerate(own.order):
        for j in own.order[:place]:
            if (i, j) in own.lower:
                found[i] = rows.subtract(found[i], rows.times(own.lower[i, j], found[j]))
    for place in range(len(own.order) - 1, -1, -1):
        i = own.order[place]
        for j in own.order[place + 1 :]:
            if (i, j) in own.upper:
                found[i] = rows.subtract(found[i], rows.times(own.upper[i, j], found[j]))
        found[i] = rows.times(found[i], own.inverse[i])
    return found
