"""Breakpoints of a regimen as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from senescape.errors import NetworkError
from senescape.expressions import Expr
from senescape.network import Add, Forcing, Input, Redistribute, Set, Visit

from .program import ActionKind, ForcingTable
from .tape import Level, TapeBuilder


def lower_forcing(
    forcing: Forcing, tape: TapeBuilder, signals: Sequence[str], compartments: Mapping[str, int]
) -> ForcingTable:
    """Lower breakpoints; amounts go on the same tape as hazards and may read parameters only."""
    actions: list[list[int]] = []
    moves: list[list[int]] = []
    move_ptr = [0]
    masks: list[list[bool]] = []
    action_ptr = [0]
    for point in forcing.breakpoints:
        for action in point.actions:
            if isinstance(action, Add):
                row = [ActionKind.ADD, signals.index(action.signal), _lane(tape, action.amount), 0]
            elif isinstance(action, Set):
                row = [ActionKind.SET, signals.index(action.signal), _lane(tape, action.value), 0]
            elif isinstance(action, Input):
                sign = -1 if action.ends else 1
                row = [
                    ActionKind.INPUT,
                    signals.index(action.signal),
                    _lane(tape, action.rate),
                    sign * (action.number + 1),
                ]
            elif isinstance(action, Redistribute):
                source = compartments[action.source]
                row = [ActionKind.REDISTRIBUTE, source, action.number, len(move_ptr) - 1]
                moves += [
                    [-1 if name is None else compartments[name], _lane(tape, probability)]
                    for name, probability in action.targets
                ]
                move_ptr.append(len(moves))
            else:
                assert isinstance(action, Visit)
                condition = tape.add(action.condition)
                row = [ActionKind.VISIT, _lane(tape, action.factor), condition, len(masks)]
                masks.append([name in action.signals for name in signals])
            actions.append([int(x) for x in row])
        action_ptr.append(len(actions))
    return ForcingTable(
        start=forcing.start,
        time=np.array([p.time for p in forcing.breakpoints], np.float64),
        action_ptr=np.array(action_ptr, np.int32),
        action=np.array(actions, np.int32).reshape(-1, 4),
        move_ptr=np.array(move_ptr, np.int32),
        move=np.array(moves, np.int32).reshape(-1, 2),
        visit_signal=np.array(masks, np.bool_).reshape(len(masks), len(signals)),
    )


def _lane(tape: TapeBuilder, expr: Expr) -> int:
    row = tape.add(expr)
    if tape.level(row) is not Level.LANE:
        raise NetworkError(
            f"amount {expr} changes with time or cells",
            allowed="a formula over parameters",
            remedy="use a visit to change a dose by what is seen",
            check="network.not-constant",
        )
    return row
