"""Which exits of a compartment are divisions, emissions or departures, read off a Program once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.errors import RunError

Int = NDArray[np.int32]

LEAVE, EMIT, DIVIDE, STAY = 0, 1, 2, 3


class Plan(NamedTuple):
    """How each outcome changes its source.

    Parameters
    ----------
    outcome_class : (outcomes,)
        LEAVE: the source cell is gone; EMIT: it stays (or one daughter does) and cells appear
        elsewhere; DIVIDE: two cells in the source compartment; STAY: nothing changes.
    sensed : (assays,)
        Whether the tape or a signal reads the assay between events.
    senses, arrives : bool
        Whether any assay is sensed; whether cells arrive from outside.
    """

    outcome_class: Int
    sensed: NDArray[np.bool_]
    senses: bool
    arrives: bool


def plan_of(program: Program) -> Plan:
    """Classify every outcome, and refuse what the leap has no law for.

    Raises
    ------
    RunError
        An outcome with more than two cells of its own source, or with two and others beside them.
    """
    classes = np.zeros(len(program.outcome_row), np.int32)
    # plain lists: reading numbers out of arrays one by one costs more than all the rest
    stages, products = program.stages.tolist(), program.product.tolist()
    routes, outcomes, places = (
        p.tolist() for p in (program.route_ptr, program.outcome_ptr, program.product_ptr)
    )
    for index, (kind, source, _, _) in enumerate(program.transition.tolist()):
        if kind == TransitionKind.INFLOW:
            continue
        for outcome in range(outcomes[routes[index]], outcomes[routes[index + 1]]):
            made = products[places[outcome] : places[outcome + 1]]
            classes[outcome] = _class_of(program, index, source, made)
            old = kind == TransitionKind.ANY_AGE and stages[source] > 1
            if old and classes[outcome] != LEAVE:
                raise RunError(
                    f"{program.transition_ids[index]} returns cells to a compartment of "
                    f"{stages[source]} stages at any age",
                    allowed="divisions at the end of the last stage (timed)",
                    remedy="make the arrow timed, or use the exact engine",
                    check="leap.any-age-return",
                )
    sensed = _sensed(program)
    arrives = bool((program.transition[:, 0] == TransitionKind.INFLOW).any())
    return Plan(classes, sensed, bool(sensed.any()), arrives)


def _class_of(program: Program, transition: int, source: int, made: list[list[int]]) -> int:
    own = sum(number for compartment, number in made if compartment == source)
    others = sum(number for compartment, number in made if compartment != source)
    if own == 0:
        return LEAVE
    if own == 1:
        return EMIT if others else STAY
    if own == 2 and others == 0:
        return DIVIDE
    raise RunError(
        f"{program.transition_ids[transition]} leaves {own} cells in its source and {others} "
        "elsewhere",
        allowed="a division into two, or one cell that stays beside cells elsewhere",
        remedy="split the arrow into two, or use the exact engine",
        check="leap.offspring",
    )


def _sensed(program: Program) -> NDArray[np.bool_]:
    sensed = np.zeros(len(program.assay_ids), np.bool_)
    sensed[program.secretion[:, 1]] = True
    inside = program.tape[:, 2:5] - program.assay_row
    inside = inside[(inside >= 0) & (inside < len(sensed))]
    sensed[inside] = True
    return sensed
