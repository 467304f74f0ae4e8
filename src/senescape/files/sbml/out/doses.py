"""Breakpoints as events: the actions of one time, in their order, as assignments made at once.

An action sees what those before it have done, an assignment of SBML sees none of the others; so the
effects are composed. Where that would swell (a long redistribution), what is left becomes a second
event of the same time and lower priority.
"""

from __future__ import annotations

from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary, simplify, substitute
from senescape.expressions.tree import COMPARISONS, LOGICAL
from senescape.network import Action, Add, Breakpoint, Input, Redistribute, Set

from .builder import Builder
from .nouns import Dose

MOST_NODES = 2_000
ZERO, ONE = Number(0.0), Number(1.0)


def doses(builder: Builder) -> tuple[Dose, ...]:
    """Return the events of a regimen; times count from the start of the scenario."""
    began, found = builder.network.forcing.start, []
    for number, point in enumerate(builder.network.forcing.breakpoints, 1):
        parts = _parts(builder, point)
        for rank, part in enumerate(parts):
            own = builder.ids.new(f"dose_{number}" if rank == 0 else f"dose_{number}_{rank + 1}")
            name = point.label or f"at {point.time:g} day"
            order = len(parts) - rank if len(parts) > 1 else None
            found.append(Dose(own, name, point.time - began, tuple(part.items()), order))
    return tuple(found)


def _parts(builder: Builder, point: Breakpoint) -> list[dict[str, Expr]]:
    parts = [Effects(builder)]
    for action in point.actions:
        if parts[-1].nodes() > MOST_NODES:
            parts.append(Effects(builder))
        parts[-1].apply(action)
    return [part.now for part in parts if part.now]


class Effects:
    """What has changed so far at one time: id to its new value, over values before."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.now: dict[str, Expr] = {}

    def nodes(self) -> int:
        """Return how large the effects have grown."""
        return sum(_size(expr) for expr in self.now.values())

    def value(self, own: str) -> Expr:
        """Return what an id is worth after the actions so far."""
        return self.now.get(own, Symbol(own))

    def apply(self, action: Action) -> None:
        """Let one action happen after those before it."""
        builder = self.builder
        if isinstance(action, Add | Set):
            own = builder.id(action.signal)
            given = builder.read(action.amount if isinstance(action, Add) else action.value)
            given = self.multiplied(given, builder.factor.get(action.signal))
            base = self.value(own) if isinstance(action, Add) else ZERO
            self.now[own] = simplify(Binary("+", base, given))
        elif isinstance(action, Input):
            self.infuse(action)
        elif isinstance(action, Redistribute):
            self.move(action)
        else:
            test = self.seen(builder.read(action.condition))
            for signal in action.signals:
                own = builder.factor[signal]
                new = Call("if", (_truth(test), builder.read(action.factor), self.value(own)))
                self.now[own] = new

    def multiplied(self, given: Expr, factor: str | None) -> Expr:
        """Return a dose times what a visit has decided, if a visit can decide."""
        return given if factor is None else Binary("*", self.value(factor), given)

    def infuse(self, action: Input) -> None:
        """Start or end an infusion; the end takes what the start gave, visits or not."""
        builder = self.builder
        supply, running = builder.supply[action.signal], builder.infusion.get(action.number)
        if running is not None and not action.ends:
            self.now[running] = self.value(builder.factor[action.signal])
        rate = self.multiplied(builder.read(action.rate), running)
        self.now[supply] = simplify(Binary("-" if action.ends else "+", self.value(supply), rate))

    def move(self, action: Redistribute) -> None:
        """Move expected shares; each share is of what stood there before the action."""
        builder = self.builder
        for stage in builder.stages[action.source]:
            before = self.value(stage)
            for target, probability in action.targets:
                chance = simplify(builder.read(probability))
                if not isinstance(chance, Number):
                    chance = Call("min", (ONE, Call("max", (ZERO, chance))))
                moved = simplify(Binary("*", chance, before))
                self.now[stage] = simplify(Binary("-", self.value(stage), moved))
                if target is not None:
                    first = builder.stages[target][0]
                    self.now[first] = simplify(Binary("+", self.value(first), moved))

    def seen(self, condition: Expr) -> Expr:
        """Return a condition as it stands after the actions so far."""
        if not self.now:
            return condition
        builder = self.builder
        ports = {builder.id(p.name): builder.read(p.closure) for p in builder.network.ports}
        assays = {builder.id(a.id): builder.total(a.id) for a in builder.network.assays}
        return substitute(substitute(substitute(condition, ports), assays), self.now)


def _truth(expr: Expr) -> Expr:
    """Return a condition; a number counts as true unless it is 0."""
    logical = (isinstance(expr, Binary) and expr.op in COMPARISONS | LOGICAL) or (
        isinstance(expr, Unary) and expr.op == "not"
    )
    return expr if logical else Binary("!=", expr, ZERO)


def _size(expr: Expr) -> int:
    return 1 + sum(_size(child) for child in expr.children())
