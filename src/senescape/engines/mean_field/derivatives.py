"""The derivative reading of a network's tape: more rows, that end in its Jacobian.

Forward, row by row, keeping only what is not 0: the derivative of a row with respect to each number
that it depends on, and to time. Where a formula has a corner (min, max, abs, a condition) the
derivative is that of the side taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from senescape.expressions import Op

from ..written import arity
from .compact import Layout
from .rows import ONE, ZERO, Name, Rows

Slopes = dict[int, Name]  # by number; that of time comes after the last

CONSTANT = {
    Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE, Op.AND, Op.OR, Op.NOT, Op.FLOOR, Op.CEIL,
}  # fmt: skip


class NoDerivative(Exception):
    """An operation whose derivative is not known here; another solver takes the network."""


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Rates of change and their derivatives, as names of rows.

    Parameters
    ----------
    rate : list
        By number.
    slope : list of dict
        By number, what is not 0; the key after the last number is time.
    """

    rate: list[Name]
    slope: list[Slopes]


def derivatives(layout: Layout, rows: Rows) -> Derivatives:
    """Add the rows of rates and derivatives; what is read is called ("in", register).

    Raises
    ------
    NoDerivative
    """
    numbers, kept = len(layout.law), len(layout.kept)
    values: dict[int, Name] = {r: ("in", float(r)) for r in range(kept)}
    values |= {kept + i: ("k", float(v)) for i, v in enumerate(layout.constants)}
    slopes: dict[int, Slopes] = {r: {r: ONE} for r in range(numbers + 1)}
    for op, target, *registers in layout.tape.tolist():
        sources = registers[: arity(op)]
        given = [values[r] for r in sources]
        if op in (Op.ADD, Op.MUL, Op.SUB):
            fold = {Op.ADD: rows.add, Op.MUL: rows.times, Op.SUB: rows.subtract}[Op(op)]
            made = fold(given[0], given[1])
        else:
            made = rows.make(Op(op), *given)
        own = [slopes.get(r, {}) for r in sources]
        # a target may be one of its own sources
        slopes[target] = slopes_of_row(rows, Op(op), made, given, own)
        values[target] = made
    return Derivatives(
        [values[int(r)] for r in layout.law], [slopes.get(int(r), {}) for r in layout.law]
    )


def slopes_of_row(rows: Rows, op: Op, made: Name, given: list[Name], own: list[Slopes]) -> Slopes:
    """Return the derivatives of one row, given those of what it reads."""
    if op in CONSTANT or not any(own):
        return {}
    if op in (Op.ADD, Op.SUB):
        join = rows.add if op == Op.ADD else rows.subtract
        return {
            v: join(own[0].get(v, ZERO), own[1].get(v, ZERO)) for v in sorted({*own[0], *own[1]})
        }
    if op == Op.SELECT:
        both = sorted({*own[1], *own[2]})
        return {
            v: rows.make(Op.SELECT, given[0], own[1].get(v, ZERO), own[2].get(v, ZERO))
            for v in both
        }
    if op in (Op.MIN, Op.MAX):
        first = rows.make(Op.LE if op == Op.MIN else Op.GE, given[0], given[1])
        both = sorted({*own[0], *own[1]})
        return {
            v: rows.make(Op.SELECT, first, own[0].get(v, ZERO), own[1].get(v, ZERO)) for v in both
        }
    found: Slopes = {}
    for factor, slopes in zip(_factors(rows, op, made, given, own), own, strict=True):
        for v in sorted(slopes):
            found[v] = rows.add(found.get(v, ZERO), rows.times(factor, slopes[v]))
    return found


def _factors(rows: Rows, op: Op, made: Name, given: list[Name], own: list[Slopes]) -> list[Name]:
    """Return the derivative of a row with respect to each of what it reads; ZERO if not needed."""
    a, b = given[0], given[1] if len(given) > 1 else ZERO
    if op == Op.MUL:
        return [b, a]
    if op == Op.DIV:
        inverse = rows.over(ONE, b)
        return [inverse, rows.subtract(ZERO, rows.times(made, inverse)) if own[1] else ZERO]
    if op == Op.POW:
        lower = rows.make(Op.POW, a, rows.subtract(b, ONE)) if own[0] else ZERO
        log = rows.make(Op.LOG, a) if own[1] else ZERO
        return [rows.times(b, lower), rows.times(made, log)]
    if op == Op.HILL:
        return _hill(rows, made, given, own)
    return [_single(rows, op, made, a)]


def _hill(rows: Rows, made: Name, given: list[Name], own: list[Slopes]) -> list[Name]:
    """Of x^n / (K^n + x^n) = t: t (1 - t) n / x, and so on; 0 where x is not above 0."""
    x, threshold, power = given
    bell = rows.times(made, rows.subtract(ONE, made))
    above = rows.make(Op.GT, x, ZERO)
    parts = [ZERO, ZERO, ZERO]
    if own[0]:
        parts[0] = rows.over(rows.times(bell, power), x)
    if own[1]:
        parts[1] = rows.subtract(ZERO, rows.over(rows.times(bell, power), threshold))
    if own[2]:
        parts[2] = rows.times(bell, rows.make(Op.LOG, rows.over(x, threshold)))
    return [p if p == ZERO else rows.make(Op.SELECT, above, p, ZERO) for p in parts]


def _single(rows: Rows, op: Op, made: Name, a: Name) -> Name:
    """Return the derivative of a function of one number."""
    square = rows.times(a, a) if op in (Op.ASIN, Op.ACOS, Op.ATAN) else ZERO
    if op == Op.NEG:
        return ("k", -1.0)
    if op == Op.EXP:
        return made
    if op == Op.LOG:
        return rows.over(ONE, a)
    if op == Op.SQRT:
        return rows.over(("k", 0.5), made)
    if op == Op.ABS:
        positive = rows.make(Op.GE, a, ZERO)
        return rows.make(Op.SELECT, positive, ONE, ("k", -1.0))
    if op == Op.SIN:
        return rows.make(Op.COS, a)
    if op == Op.COS:
        return rows.subtract(ZERO, rows.make(Op.SIN, a))
    if op == Op.TAN:
        return rows.add(ONE, rows.times(made, made))
    if op == Op.ATAN:
        return rows.over(ONE, rows.add(ONE, square))
    if op in (Op.ASIN, Op.ACOS):
        slope = rows.over(ONE, rows.make(Op.SQRT, rows.subtract(ONE, square)))
        return slope if op == Op.ASIN else rows.subtract(ZERO, slope)
    raise NoDerivative(op.name)
