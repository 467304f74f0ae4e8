"""A cell is not quite the same at the next treatment: its class on an axis is partly drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from senescape.errors import ScenarioError, Where
from senescape.expressions import Binary, Call, Expr, Number, simplify
from senescape.model import Bath, Dose, Fraction, Infusion, Value, Variation, Washout
from senescape.network import Redistribute
from senescape.units import DIMENSIONLESS, TIME

from .names import unknown
from .pharmacology import Plan
from .places import MAX_COMPARTMENTS, Place, PlaceBuilder

# Numbers of these moves, which key their draws, lie beyond those of radiation.
FIRST_NUMBER = 1 << 20
ZERO, TINY = Number(0.0), Number(1e-300)


@dataclass(frozen=True, slots=True)
class Renewal:
    """All moves at the beginning of one treatment."""

    time: float
    moves: tuple[Redistribute, ...]


def renewals(builder: PlaceBuilder, plan: Plan) -> list[Renewal]:
    """Return what happens to the classes of cells at every treatment after the first.

    Raises
    ------
    ScenarioError
        ``kept`` on an axis of hosts, or outside 0 to 1; a drug that is not declared; a state that
        carries the axis and has stages, which a cell would begin again.
    """
    found = []
    for name, noun in builder.scenario.variation.items():
        if noun.kept is None:
            _refuse_alone(name, noun)
            continue
        kept = _kept(builder, name, noun.kept, noun.axis)
        begins = treatments(builder, plan, name)[1:]
        moves = _moves(builder, name, kept) if begins else ()
        found += [Renewal(time, moves) for time in begins]
    return found


def treatments(builder: PlaceBuilder, plan: Plan, axis: str) -> list[float]:
    """Return when separated treatments begin: more than ``apart`` after all before has ended.

    Only the drugs and rays in ``treatments`` count, as planned: a visit may hold what is planned.
    """
    noun, place = builder.scenario.variation[axis], f"variation.{axis}"
    known = (*builder.scenario.drugs, *builder.scenario.radiation)
    for drug in noun.treatments or ():
        if drug not in known:
            raise unknown("drug", drug, known, f"{place}.treatments")
    counted = known if noun.treatments is None else noun.treatments
    apart = 0.0 if noun.apart is None else builder.names.number(noun.apart, f"{place}.apart", TIME)
    if apart < 0.0:
        raise _refuse(f"treatments {noun.apart} apart", "0 or more", f"{place}.apart")
    begins: list[float] = []
    ended = -float("inf")
    for first, last in sorted(_spans(builder, plan, counted)):
        if first > ended + apart:
            begins.append(first)
        ended = max(ended, last)
    return begins


def _spans(
    builder: PlaceBuilder, plan: Plan, counted: tuple[str, ...]
) -> Iterator[tuple[float, float]]:
    """Yield when each exposure to what counts begins and ends."""
    entries = [
        (f"regimens.{builder.regimen}.give[{i}]", e) for i, e in enumerate(builder.chosen.give)
    ]
    washed = [
        (entry.washout, time)
        for place, entry in entries
        if isinstance(entry, Washout)
        for time in plan.times(entry.at, f"{place}.at")
    ]
    for place, entry in entries:
        if isinstance(entry, Bath | Infusion):
            drug = entry.bath if isinstance(entry, Bath) else entry.infusion
            if entry.to is None:
                first = plan.check(builder.names.number(entry.from_, f"{place}.from", TIME), place)
                last = float("inf")
            else:
                first, last = plan.span(entry.from_, entry.to, place)
            last = min([last, *(time for name, time in washed if name == drug and time > first)])
            if drug in counted:
                yield first, last
        elif isinstance(entry, Dose | Fraction):
            drug = entry.dose if isinstance(entry, Dose) else entry.fraction
            if drug in counted:
                yield from ((time, time) for time in plan.times(entry.at, f"{place}.at"))


def _kept(builder: PlaceBuilder, name: str, kept: Value, kind: str) -> Expr:
    place = f"variation.{name}.kept"
    if name not in builder.axis:
        raise _refuse(f"kept on a {kind} axis", "kept on a cell or founder axis", place)
    for state, noun in builder.scenario.cells.states.items():
        if name in noun.axes and noun.stages > 1:
            raise _refuse(
                f"state {state} carries {name} and has {noun.stages} stages",
                "kept where all states that carry the axis have one stage",
                place,
            )
    if not 0.0 <= builder.names.number(kept, place, DIMENSIONLESS) <= 1.0:
        raise _refuse(f"a correlation of {kept}", "0 to 1", place)
    return builder.names.expr(kept, place, DIMENSIONLESS, constant=True, free=True)


def _moves(builder: PlaceBuilder, axis: str, kept: Expr) -> tuple[Redistribute, ...]:
    """Return the moves between the classes of one axis, in every place that carries it."""
    moves = []
    first = FIRST_NUMBER + list(builder.axis).index(axis) * MAX_COMPARTMENTS
    shares = renewed_shares(builder.weights[axis], kept)
    for index, (cell, source) in enumerate(builder.ids.items()):
        own = dict(cell.classes).get(axis)
        if own is None:
            continue
        targets = []
        for other, share in enumerate(shares[own]):
            if other != own and share != ZERO:
                classes = tuple((a, other if a == axis else c) for a, c in cell.classes)
                targets.append((builder.ids[Place(cell.clone, cell.state, classes)], share))
        moves.append(Redistribute(source, tuple(targets), first + index))
    return tuple(moves)


def renewed_shares(weights: list[Expr], kept: Expr) -> list[list[Expr]]:
    """Return, for each class, the shares that move to each other class when it is its turn.

    Parameters
    ----------
    weights : list of Expr
        Share w of each class at the start.
    kept : Expr
        Correlation of a cell's value between two treatments, r.

    Notes
    -----
    Assumption: at a new treatment a cell keeps its value with the probability ``kept`` and else
    draws a new one, as at the start. The value itself, and every function of it, then has the
    correlation r between two treatments, and unselected cells keep their distribution.

    Classes move one after the other, and who moves up moves again in its turn. With W the weight
    above a class, shares (1 - r) w / (r + (1 - r) W) upwards and (1 - r) w r / (r + (1 - r) W)
    downwards make the whole exactly r + (1 - r) w.
    """
    drawn = Binary("-", Number(1.0), kept)
    above: list[Expr] = [ZERO] * len(weights)
    for index in range(len(weights) - 2, -1, -1):
        above[index] = simplify(Binary("+", weights[index + 1], above[index + 1]))
    rows: list[list[Expr]] = []
    for own in range(len(weights)):
        scale: Expr = drawn
        if own < len(weights) - 1:
            whole = Binary("+", kept, Binary("*", drawn, above[own]))
            scale = Binary("/", drawn, Call("max", (whole, TINY)))
        lower = Binary("*", scale, kept) if own < len(weights) - 1 else scale
        rows.append(
            [
                ZERO if j == own else simplify(Binary("*", scale if j > own else lower, w))
                for j, w in enumerate(weights)
            ]
        )
    return rows


def _refuse_alone(name: str, noun: Variation) -> None:
    for what in ("treatments", "apart"):
        if getattr(noun, what) is not None:
            raise _refuse(f"{what} without kept", "kept beside it", f"variation.{name}.{what}")


def _refuse(given: str, allowed: str, field: str) -> ScenarioError:
    return ScenarioError(
        given,
        allowed=allowed,
        remedy="see docs/scenario-format.md, What is not known, what differs",
        check="scenario.kept",
        where=Where(field=field),
    )
