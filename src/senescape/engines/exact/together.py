"""What a run keeps for the lock-step kernel, and how the kernel's outcomes become errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import config
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.engines.interpreter import tape_reader
from senescape.engines.protocol import refresh
from senescape.engines.state import State
from senescape.engines.tables import Tables, tables_of
from senescape.errors import RunError
from senescape.expressions import Op

from . import general
from .alone import advance_lanes_alone
from .flat import ACC, PLAIN, Flat, flat_of, may_take_too_much
from .lockstep import BELOW_ZERO, advance_lanes_together, interpreter
from .refusal import refusal
from .step import DONE, TOO_MANY
from .tiers import Tier

Float = NDArray[np.float64]

FEW_LANES = 8  # below, one after the other is faster than a block that is mostly empty

# Results that are at least 0 where all that they are made of is.
KEEPS_SIGN = {Op.ADD, Op.MUL, Op.DIV, Op.POW, Op.MIN, Op.SQRT}
NEVER_NEGATIVE = {
    Op.EXP, Op.ABS, Op.HILL, Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE, Op.AND, Op.OR, Op.NOT,
}  # fmt: skip


@dataclass(slots=True)
class Together:
    """A program laid flat, its tables and its round."""

    flat: Flat
    tables: Tables
    tier: Tier
    guard: bool

    def advance(
        self, program: Program, state: State, until: float, most: int
    ) -> tuple[int, int, int, float]:
        """Advance all lanes; return (outcome, event, lane, time), outcome DONE where all is well.

        A lane that fails keeps the numbers at which it failed.
        """
        before = state.tally.sum()
        numbers = (state.counts, state.tally, state.registers, state.key, state.counter)
        tables = (self.flat, self.tables, tape_reader())
        if state.lanes < FEW_LANES or config.DISABLE_JIT:
            outcome, lane, time = advance_lanes_alone(*tables, *numbers, state.time, until, most)
        else:
            watch = may_be_negative(program, self.flat, state.registers)
            # each rate has to be looked at: only the interpreter keeps them all
            draw, carries = (interpreter(), False) if watch else self.tier.draw()
            how = (draw, carries and not self.guard, watch, self.guard)
            outcome, lane, time = advance_lanes_together(
                *tables, *how, *numbers, state.time, until, most
            )
        self.tier.events += float(state.tally.sum() - before)
        if outcome in (DONE, TOO_MANY):
            return outcome, -1, lane, time
        if outcome <= BELOW_ZERO:
            return BELOW_ZERO, BELOW_ZERO - outcome, lane, time
        return -1, -1 - outcome, lane, time


def together_error(
    program: Program, state: State, flat: Flat, how: tuple[int, int, int, float]
) -> RunError:
    """Return the error of a lane that the kernel has stopped; ``how``: see Together.advance."""
    outcome, event, lane, time = how
    if program.general is not None:
        refresh(program, state)
        reason = {TOO_MANY: general.TOO_MANY, BELOW_ZERO: general.BELOW_ZERO}
        kind = reason.get(outcome, general.BAD_RATE)
        return general.stop_error(program, state, kind, int(flat.event[event, 1]), lane, time)
    if outcome == TOO_MANY:
        return refusal(program, TOO_MANY, lane, time)
    _, index, source = (int(x) for x in flat.event[event])
    place = index if index >= 0 else len(program.transition) + source
    return refusal(program, -1 - place, lane, time)


@lru_cache(maxsize=64)
def together_of(program: Program) -> Together | None:
    """Return what the kernel needs, or None where the program cannot be laid flat.

    One for all states of a program: its events are counted together.
    """
    flat = flat_of(program)
    if flat is None:
        return None
    own = Tier(flat, read_outside(program, flat))
    return Together(flat, tables_of(program), own, may_take_too_much(program, flat))


def read_outside(program: Program, flat: Flat) -> set[int]:
    """Return the rows of a block that are read when an event happens, not when it is drawn."""
    if (flat.event[:, 0] == PLAIN).all():
        return set()
    registers = [*program.outcome_row, *program.route_row, *program.transition[:, 2]]
    return {flat.slots + int(r) for r in registers if r >= 0}


def may_be_negative(program: Program, flat: Flat, registers: Float) -> bool:
    """Tell whether a rate could be negative for some numbers of cells, given the lanes' parameters.

    Numbers of cells are at least 0; what follows from parameters alone is looked at as it is.
    """
    sure = np.ones(flat.rows, bool)
    sure[flat.slots : flat.slots + len(registers)] = (registers >= 0.0).all(axis=1)
    for row in flat.tape:
        op, target, sources = int(row[0]), int(row[1]), row[2:]
        if op == ACC:
            sure[target] = sure[sources].all()
        elif op in KEEPS_SIGN:
            sure[target] = sure[sources[:2]].all()
        elif op == Op.MAX:
            sure[target] = sure[sources[:2]].any()
        elif op == Op.SELECT:
            sure[target] = sure[sources[1:]].all()
        else:
            sure[target] = op in NEVER_NEGATIVE
    return not bool(sure[flat.first : flat.total + 1].all())
