"""Looking at the hosts of a simulation while they come, and ending it when a mean is precise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from senescape.errors import RunError, nearest
from senescape.expressions import parse_stop_rule
from senescape.results import BLOCK, Asymptotic, Looks
from senescape.run import Monitor

Float = NDArray[np.float64]
Read = Callable[[Float, Float, int], None]

SAME_DAY = 1e-6


class HostWatch:
    """Looks at one variable on one day, a block of hosts after another in the order of their keys.

    Parameters
    ----------
    row : int
        Of the variable.
    at : int
        Number of the time that is read.
    times : (times,)
        [day]
    read : callable
        Makes readings of counted cells, in place, given (variables, times, hosts), their times,
        and the number of the first host.
    """

    block = BLOCK

    def __init__(
        self, row: int, at: int, times: Float, *, read: Read, looks: Looks, monitor: Monitor
    ) -> None:
        self.row, self.at, self.times = row, slice(at, at + 1), times
        self.read, self.looks, self.monitor = read, looks, monitor

    def see(self, values: Float) -> bool:
        """Take the next hosts, (variables, times, hosts); return whether they are enough."""
        some = values[:, self.at].copy()
        self.read(some, self.times[self.at], self.looks.n)
        enough = self.looks.see(some[self.row, 0])
        self.monitor.estimate(self.looks.text())
        return enough


def watch_hosts(
    names: tuple[str, ...],
    units: list[str],
    times: Float,
    *,
    hosts: int,
    stop_when: str | None,
    read: Read,
    monitor: Monitor,
) -> HostWatch:
    """Return who looks at a simulation: at what the rule names, else the first variable, last.

    Parameters
    ----------
    names, units : one a variable
    times : (times,)
        [day]
    hosts : int
        At most.

    Raises
    ------
    RunError
        No rule of the grammar; a variable or day that is not computed; one host stands for all.
    UnitError
        The bound is not in the unit of the variable.
    """
    rule = None if stop_when is None else parse_stop_rule(stop_when)
    if rule is not None and hosts == 1:
        raise _refused(
            "one host, or hosts that are all the same",
            "a run in which hosts differ",
            "ask for more hosts, or add --uncertain",
        )
    row = 0 if rule is None or rule.name is None else _row_of(names, rule.name)
    at = len(times) - 1 if rule is None or rule.day is None else _place_of(times, rule.day)
    looks = Looks(
        Asymptotic(),
        quantity=f"{names[row]} at day {times[at]:g}",
        unit=units[row],
        counted="hosts",
        maximum=hosts,
        rule=rule,
    )
    return HostWatch(row, at, times, read=read, looks=looks, monitor=monitor)


def _row_of(names: tuple[str, ...], name: str) -> int:
    if name not in names:
        raise _refused(f"half-width of {name}", ", ".join(names), nearest(name, names))
    return names.index(name)


def _place_of(times: Float, day: float) -> int:
    at = int(np.argmin(np.abs(times - day)))
    if abs(times[at] - day) > SAME_DAY:
        raise _refused(
            f"half-width at day {day:g}",
            f"a day of the output, {times[0]:g} to {times[-1]:g}",
            "choose one of them, or a later --until",
        )
    return at


def _refused(given: str, allowed: str, remedy: str) -> RunError:
    return RunError(f"--stop-when: {given}", allowed=allowed, remedy=remedy, check="run.stop-when")
