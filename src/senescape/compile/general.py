"""What only plain networks (SBML) have: events, rate rules and readings as tables.

Times are found, not searched for: where a condition compares something linear in time, the time at
which it turns is a formula, and the condition is rewritten as a comparison with that very number.
An engine that stops there meets the event exactly, whatever the rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import (
    FOREIGN,
    Binary,
    Call,
    Expr,
    Number,
    Symbol,
    Unary,
    differentiate,
    simplify,
    substitute,
)
from senescape.expressions.tree import COMPARISONS, rebuild
from senescape.network import Event, Network

from .tape import Level, TapeBuilder

Int = NDArray[np.int32]

# Formulas up to so many nodes are searched for conditions on time.
MOST_NODES = 2_000
TIME = Symbol("time")
ZERO = Number(0.0)


@dataclass(frozen=True, slots=True, eq=False)
class GeneralTable:
    """Events, rate rules and readings as arrays of registers.

    Parameters
    ----------
    law : (signals,)
        Register of dx/dt; -1: constant but for events.
    event : (events, 7)
        (condition as written, condition for the exact engine, condition for the mean field,
        persistent, initial value, priority or -1, values at the trigger's time). The last two
        conditions hold in the limit from the right, at the times of ``root``.
    root : (roots,)
        Registers of times at which a condition of an event may turn while numbers stand still.
    located : (events,)
        Whether ``root`` holds every such time of the event.
    stop : (stops,)
        Registers of fixed times at which a condition or a law has a corner.
    assign_ptr, assign : compressed rows
        (1 for a signal, 0 for a compartment; its index; register of the new value).
    reading : (readings,)
        Register of each reading.
    """

    event_ids: tuple[str, ...]
    reading_names: tuple[str, ...]
    law: Int
    event: Int
    root: Int
    located: NDArray[np.bool_]
    stop: Int
    assign_ptr: Int
    assign: Int
    reading: Int


def lower_general(
    network: Network, tape: TapeBuilder, signals: Sequence[str], compartments: Mapping[str, int]
) -> GeneralTable:
    """Lower what only plain networks have; formulas go on the same tape as propensities."""
    moving, hidden = _moving_ports(network)
    rows, roots, located, stops, assign = [], [], [], [], []
    assign_ptr = [0]
    for event in network.events:
        turned = Turns.of(substitute(event.trigger, moving), hidden)
        own = [tape.add(root) for root in turned.roots]
        fixed = [row for row in own if tape.level(row) is Level.LANE]
        written, exact = tape.add(event.trigger), tape.add(turned.condition)
        flowing = exact if turned.complete and len(fixed) == len(own) else written
        rows.append(_event_row(event, tape, written, exact, flowing))
        located.append(turned.complete)
        roots += own
        stops += fixed
        for target, value in event.assignments:
            signal = target in signals
            index = signals.index(target) if signal else compartments[target]
            assign.append([int(signal), index, tape.add(value)])
        assign_ptr.append(len(assign))
    laws = [None if s.law is None else tape.add(s.law) for s in network.signals]
    for expr in (*(t.hazard for t in network.transitions), *(s.law for s in network.signals)):
        if expr is not None:
            corners = Turns.of(substitute(expr, moving), hidden).roots
            stops += [r for r in map(tape.add, corners) if tape.level(r) is Level.LANE]
    return GeneralTable(
        event_ids=tuple(e.id for e in network.events),
        reading_names=tuple(r.name for r in network.readings),
        law=np.array([-1 if row is None else row for row in laws], np.int32),
        event=np.array(rows, np.int32).reshape(-1, 7),
        root=np.array(sorted(set(roots)), np.int32),
        located=np.array(located, np.bool_),
        stop=np.array(sorted(set(stops)), np.int32),
        assign_ptr=np.array(assign_ptr, np.int32),
        assign=np.array(assign, np.int32).reshape(-1, 3),
        reading=np.array([tape.add(r.value) for r in network.readings], np.int32),
    )


def _event_row(
    event: Event, tape: TapeBuilder, written: int, exact: int, flowing: int
) -> list[int]:
    priority = -1 if event.priority is None else tape.add(event.priority)
    flags = int(event.persistent), int(event.initial)
    return [written, exact, flowing, *flags, priority, int(event.at_trigger)]


def _moving_ports(network: Network) -> tuple[dict[str, Expr], frozenset[str]]:
    """Return the ports that read time, written out down to names that do not.

    Those that would be too long (rules that read each other swell without end) are named apart.
    """
    found: dict[str, Expr] = {}
    sizes: dict[str, int] = {}
    hidden: set[str] = set()
    for port in network.ports:
        names = port.closure.names()
        if names & hidden:
            hidden.add(port.name)
        elif names & {"time", *found}:
            sizes[port.name] = _size(port.closure, sizes)
            if sizes[port.name] > MOST_NODES:
                hidden.add(port.name)
            else:
                found[port.name] = substitute(port.closure, found)
    return found, frozenset(hidden)


def _size(expr: Expr, sizes: Mapping[str, int]) -> int:
    """Return the nodes of a formula once ports of known size are written out."""
    if isinstance(expr, Symbol):
        return sizes.get(expr.name, 1)
    return 1 + sum(_size(child, sizes) for child in expr.children())


@dataclass(slots=True)
class Turns:
    """Where conditions inside a formula turn as time alone passes.

    Parameters
    ----------
    condition : Expr
        The formula with each such comparison written as a comparison of time with its root; it
        holds in the limit from the right.
    roots : list of Expr
        Times, over names that stand still.
    complete : bool
        Whether every comparison with time was linear in it, and none an equality.
    """

    condition: Expr
    roots: list[Expr] = field(default_factory=list)
    complete: bool = True

    @classmethod
    def of(cls, expr: Expr, hidden: frozenset[str] = frozenset()) -> Turns:
        """Return the turns of a formula; ``hidden``: names that move in ways that are not seen."""
        turns = cls(expr)
        if expr.names() & hidden or _size(expr, {}) > 10 * MOST_NODES:
            turns.complete = not expr.names() & {"time", *hidden}
        else:
            turns.condition = turns._rewritten(expr)
        return turns

    def _rewritten(self, expr: Expr) -> Expr:
        if "time" not in expr.names():
            return expr
        if not (isinstance(expr, Binary) and expr.op in COMPARISONS):
            return rebuild(expr, tuple(self._rewritten(child) for child in expr.children()))
        gap = Binary("-", expr.left, expr.right)
        slope = simplify(differentiate(gap, "time"))
        if "time" in slope.names() or expr.op in ("==", "!=") or _in_steps(gap):
            self.complete = False
            for child in expr.children():  # an inner condition may turn at a time that is known
                self._rewritten(child)
            return expr
        offset = simplify(substitute(gap, {"time": ZERO}))
        root = simplify(Binary("/", Unary("-", offset), slope))
        self.roots.append(root)
        after, before = Binary(">=", TIME, root), Binary("<", TIME, root)
        rising, falling = (after, before) if expr.op in (">", ">=") else (before, after)
        if isinstance(slope, Number):
            return rising if slope.value > 0.0 else falling if slope.value < 0.0 else expr
        still = Call("if", (Binary("<", slope, ZERO), falling, expr))
        return Call("if", (Binary(">", slope, ZERO), rising, still))


def _in_steps(expr: Expr) -> bool:
    """Tell whether a function that is flat between jumps (floor) reads time."""
    if isinstance(expr, Call) and expr.function in FOREIGN and "time" in expr.names():
        return True
    return any(_in_steps(child) for child in expr.children())


def equalities_with_time(expr: Expr) -> Iterator[Expr]:
    """Yield comparisons by == or != that read time: true for no length of time."""
    if isinstance(expr, Binary) and expr.op in ("==", "!=") and "time" in expr.names():
        yield expr
    for child in expr.children():
        yield from equalities_with_time(child)
