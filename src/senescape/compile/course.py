"""One regimen after another: the breakpoints of each until the next takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from senescape.errors import RunError
from senescape.expressions import Number
from senescape.model import Scenario
from senescape.network import Action, Breakpoint, Forcing, Input, Network, Parameter, Set

from .scenario import Compiled, compiled_from, network_of

NOTHING = Number(0.0)
Piece = tuple[str | None, float]  # a regimen (None: nothing more is given), and from which day on


def compile_course(
    scenario: Scenario, course: Sequence[Piece], variant: str | None = None
) -> Compiled:
    """Compile regimens that follow one another.

    Parameters
    ----------
    course : sequence of (regimen or None, day)
        From which day on each is followed; the first from the start on, whatever its day. What a
        regimen gives before its day, or after the day of the next, is not given; an infusion or a
        bath that lasts when the next takes over lasts to its end.

    Raises
    ------
    SenescapeError
        As :func:`.scenario.compile_scenario`; days that do not increase; regimens that set other
        parameters, or change more than what is given.
    """
    days = [day for _, day in course[1:]]
    if days != sorted(set(days)):
        raise RunError(
            f"regimens follow one another at days {', '.join(f'{day:g}' for day in days)}",
            allowed="days that increase",
            remedy="branch at a later day",
            check="fork.order",
        )
    names = [name for name, _ in course if name is not None]
    made = {name: network_of(scenario, name, variant) for name in dict.fromkeys(names)}
    trunk, entries = made[names[0]]
    for other, (network, _) in made.items():
        _check_same(names[0], trunk, other, network)
    known = {p.name: p for network, _ in made.values() for p in network.parameters}
    points: list[Breakpoint] = []
    first, infusions = -float("inf"), 0
    for (name, _), until in zip(course, [*days, float("inf")], strict=True):
        if name is not None:
            given = made[name][0].forcing.breakpoints
            mine = [p for each in given if (p := _within(each, given, first, until)) is not None]
            points += [_renumbered(p, infusions) for p in mine]
            infusions += 1 + max((a.number for p in given for a in _inputs(p)), default=-1)
        first = until
    network = replace(
        trunk,
        parameters=tuple(known.values()),
        forcing=Forcing(_merged(points), trunk.forcing.start),
    )
    words = [names[0]] + [f"{name or 'nothing'} from day {day:g}" for name, day in course[1:]]
    return compiled_from(scenario, ", ".join(words), network, entries)


def _inputs(point: Breakpoint) -> list[Input]:
    return [action for action in point.actions if isinstance(action, Input)]


def _within(
    point: Breakpoint, given: Sequence[Breakpoint], first: float, until: float
) -> Breakpoint | None:
    """Return what is given of a breakpoint where its regimen is followed from ``first`` on."""
    if first <= point.time < until:
        begun = {a.number for p in given if p.time < first for a in _inputs(p) if not a.ends}
        return _only(point, lambda a: not (isinstance(a, Input) and a.number in begun))
    if point.time < until:
        return None
    return _only(point, lambda a: _ends_what_runs(a, point.time, given, first, until))


def _ends_what_runs(
    action: Action, time: float, given: Sequence[Breakpoint], first: float, until: float
) -> bool:
    """Tell whether an action ends an infusion, or first washes out a bath, begun in the span."""
    begun = [a for p in given if first <= p.time < until for a in p.actions]
    if isinstance(action, Input):
        mine = (a for a in begun if isinstance(a, Input) and a.number == action.number)
        return action.ends and any(not a.ends for a in mine)
    if not (isinstance(action, Set) and action.value == NOTHING):
        return False
    between = [a for p in given if until <= p.time < time for a in p.actions]
    levels = [a.value for a in begun if isinstance(a, Set) and a.signal == action.signal]
    later = any(isinstance(a, Set) and a.signal == action.signal for a in between)
    return bool(levels) and levels[-1] != NOTHING and not later


def _only(point: Breakpoint, wanted: Callable[[Action], bool]) -> Breakpoint | None:
    actions = tuple(action for action in point.actions if wanted(action))
    return replace(point, actions=actions) if actions else None


def _renumbered(point: Breakpoint, by: int) -> Breakpoint:
    """Return a breakpoint whose infusions have numbers of their own."""
    actions = tuple(
        replace(action, number=action.number + by) if isinstance(action, Input) else action
        for action in point.actions
    )
    return replace(point, actions=actions)


def _merged(points: Sequence[Breakpoint]) -> tuple[Breakpoint, ...]:
    """Return breakpoints in order; at one time, what an earlier regimen ends comes first."""
    groups: dict[float, Breakpoint] = {}
    for point in sorted(points, key=lambda each: each.time):  # stable
        known = groups.get(point.time)
        earlier = () if known is None else known.actions
        once = tuple(a for a in earlier if not (isinstance(a, Set) and a in point.actions))
        groups[point.time] = replace(point, actions=once + point.actions)
    return tuple(groups.values())


def _check_same(one: str, first: Network, other: str, second: Network) -> None:
    """Refuse regimens that differ in more than what is given."""
    values: dict[str, Parameter] = {p.name: p for p in first.parameters}
    differ = [p.name for p in second.parameters if values.get(p.name, p).value != p.value]
    if not differ and _ungiven(first) != _ungiven(second):
        differ = ["arrows, signals or assays"]
    if differ:
        raise RunError(
            f"{other} differs from {one} in {', '.join(differ[:3])}",
            allowed="regimens that differ in what is given, and when",
            remedy="run it from the start, or take its `set` away",
            check="fork.other-network",
        )


def _ungiven(network: Network) -> Network:
    return replace(network, parameters=(), forcing=Forcing())
