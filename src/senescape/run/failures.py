"""Lanes that cannot go on, apart from those that can."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.errors import RunError

if TYPE_CHECKING:
    from .lanes import Block

Float = NDArray[np.float64]
_LANE = re.compile(r"\blane (\d+)\b")


class Failure(NamedTuple):
    """How a lane ended before its time.

    Parameters
    ----------
    lane : int
        Its place in the whole.
    check : str
        Stable name of the outcome, for example ``run.rate``.
    what : str
        One line: transition, time, state, and what to do.
    """

    lane: int
    check: str
    what: str


class Done(NamedTuple):
    """What a worker brings back.

    Parameters
    ----------
    values : (rows, outputs, lanes)
        Not a number in lanes that failed.
    failures : list of Failure
    """

    values: Float
    failures: list[Failure]


def run_forgiving(run: Callable[[Block], Float], block: Block) -> Done:
    """Run lanes of which some may fail; the others have the bytes that they have in any company.

    The engine stops with the first lane that fails, all lanes with it. Halves are tried again, each
    filled up to the old number of lanes by lanes of its own: in a smaller company the mean field
    would take another method.
    """
    count = len(block.lanes)
    failures: list[Failure] = []
    found: Float | None = None
    parts = [np.arange(count)]
    while parts:
        part = parts.pop()
        try:
            values = run(part_of(block, np.resize(part, count)))
        except RunError as error:
            if len(part) > 1:
                parts += [part[: len(part) // 2], part[len(part) // 2 :]]
                continue
            failures.append(Failure(int(block.lanes[part[0]]), error.check, str(error)))
            continue
        if found is None:
            found = np.full(values.shape, np.nan)
        found[:, :, part] = values[:, :, : len(part)]
    if found is None:  # every lane: what a result would have looked like is not known here
        found = np.full((1, 1, count), np.nan)
    return Done(found, sorted(failures))


def renumbered(error: RunError, lanes: NDArray[np.int64]) -> RunError:
    """Return an error of a piece of work that names its lane by the number in the whole."""

    def whole(found: re.Match[str]) -> str:
        own = int(found[1])
        return f"lane {int(lanes[own])}" if own < len(lanes) else found[0]

    return RunError(
        _LANE.sub(whole, error.given),
        allowed=error.allowed,
        remedy=error.remedy,
        check=error.check,
        where=error.where,
    )


def part_of(block: Block, chosen: NDArray[np.int64]) -> Block:
    """Return some lanes of a block, in this order; one may stand more than once."""
    begun = None if block.begun is None else block.begun.part(chosen)
    return block._replace(
        lanes=block.lanes[chosen],
        parameters=block.parameters[:, chosen],
        streams=block.streams.part(chosen),
        begun=begun,
    )
