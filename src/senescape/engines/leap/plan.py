"""What a Program says about its exits once and for all, laid out as the leap reads it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, TransitionKind
from senescape.engines.laws.lanes import DIVIDES, EMITS
from senescape.errors import RunError

Int = NDArray[np.int32]

LEAVE, EMIT, DIVIDE = 0, 1, 2
AFTER_STAGES = 4  # added to the class of an exit that waits for the last stage
KINDS = 8


class Plan(NamedTuple):
    """Every way out of every compartment, entry by entry, then every arrival from outside.

    Parameters
    ----------
    begin : (compartments + 2,)
        Entries of compartment c stand at ``begin[c]:begin[c + 1]``; arrivals are last.
    transition, outcome : (entries,)
    route : (entries,)
        Number of the route among those of its transition.
    choice : (entries,)
        Register that holds the route chosen by a lane; -1 where there is only one.
    kind : (entries,)
        LEAVE: the source cell is gone; EMIT: it stays (or one daughter does), and cells may appear
        elsewhere; DIVIDE: two cells in the source compartment. Plus ``AFTER_STAGES`` for timed
        exits of chains.
    timed : (entries,)
        Whether the exit is one of those that share the end of a dwell time.
    deliver_ptr, deliver : (entries + 1,), (deliveries, 2)
        Products that appear outside the source: (first slot of their compartment, number).
    lively : (compartments,)
        Bits: DIVIDES and EMITS where cells of a single stage may.
    assays : int
    senses, arrives : bool
        Whether any assay is sensed by a rate or a signal; whether cells arrive from outside.
    """

    begin: Int
    transition: Int
    outcome: Int
    route: Int
    choice: Int
    kind: Int
    timed: Int
    deliver_ptr: Int
    deliver: Int
    lively: Int
    assays: int
    senses: bool
    arrives: bool


def plan_of(program: Program) -> Plan:
    """Lay out and classify every outcome, and refuse what the leap has no law for.

    Raises
    ------
    RunError
        An outcome with more than two cells of its own source, or with two and others beside them.
    """
    # plain lists: reading numbers out of arrays one by one costs more than all the rest
    stages, products = program.stages.tolist(), program.product.tolist()
    routes, outcomes, places = (
        p.tolist() for p in (program.route_ptr, program.outcome_ptr, program.product_ptr)
    )
    chosen, slots = program.route_row.tolist(), program.slot_ptr.tolist()
    transitions = program.transition.tolist()
    inflows = [i for i, t in enumerate(transitions) if t[0] == TransitionKind.INFLOW]
    exits, ptr = program.exit.tolist(), program.exit_ptr.tolist()
    groups = [exits[ptr[c] : ptr[c + 1]] for c in range(len(stages))] + [inflows]
    begin, rows, deliver_ptr, deliver = [0], [], [0], []
    lively = [0] * len(stages)
    for source, group in enumerate(groups):
        for index in group:
            kind = transitions[index][0]
            first = routes[index]
            for route in range(first, routes[index + 1]):
                for outcome in range(outcomes[route], outcomes[route + 1]):
                    made = products[places[outcome] : places[outcome + 1]]
                    role = LEAVE
                    if kind != TransitionKind.INFLOW:
                        role = _class_of(program, index, source, made)
                        _check_age(program, index, stages[source], kind, role)
                    timed = kind == TransitionKind.TIMED
                    single = kind == TransitionKind.INFLOW or stages[source] == 1
                    if single and role != LEAVE:
                        lively[source] |= DIVIDES if role == DIVIDE else EMITS
                    if timed and not single:
                        role += AFTER_STAGES
                    row = chosen[index]
                    rows.append((index, outcome, route - first, row, role, int(timed)))
                    deliver += [(slots[c], number) for c, number in made if c != source]
                    deliver_ptr.append(len(deliver))
        begin.append(len(rows))
    columns = np.array(rows, np.int32).reshape(len(rows), 6).T
    return Plan(
        np.array(begin, np.int32),
        np.ascontiguousarray(columns[0]),
        np.ascontiguousarray(columns[1]),
        np.ascontiguousarray(columns[2]),
        np.ascontiguousarray(columns[3]),
        np.ascontiguousarray(columns[4]),
        np.ascontiguousarray(columns[5]),
        np.array(deliver_ptr, np.int32),
        np.array(deliver, np.int32).reshape(len(deliver), 2),
        np.array(lively, np.int32),
        len(program.assay_ids),
        bool(_sensed(program).any()),
        bool(inflows),
    )


def _check_age(program: Program, index: int, stages: int, kind: int, role: int) -> None:
    if kind == TransitionKind.ANY_AGE and stages > 1 and role != LEAVE:
        raise RunError(
            f"{program.transition_ids[index]} returns cells to a compartment of "
            f"{stages} stages at any age",
            allowed="divisions at the end of the last stage (timed)",
            remedy="make the arrow timed, or use the exact engine",
            check="leap.any-age-return",
        )


def _class_of(program: Program, transition: int, source: int, made: list[list[int]]) -> int:
    own = sum(number for compartment, number in made if compartment == source)
    others = sum(number for compartment, number in made if compartment != source)
    if own == 0:
        return LEAVE
    if own == 1:
        return EMIT
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
