"""Half a leap step of one lane: every compartment follows its own law, one after another."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.engines.laws import chain, dividing_chain, one_stage
from senescape.engines.laws.one_stage import EXITS
from senescape.engines.tables import Tables
from senescape.lane_math import lane_expm1
from senescape.rng import absorb, binomial_quantile, poisson_quantile, uniform

from .plan import AFTER_STAGES, DIVIDE, EMIT, LEAVE, Plan
from .rates import Rates

Float = NDArray[np.float64]
Int = NDArray[np.int32]

FATES = 1 << 24
ARRIVALS = 1 << 29


# Kernels below take the arrays that they need one by one: reading an array out of a tuple inside a
# loop costs more than the arithmetic (reference counting).


@njit(cache=True, nogil=True, error_model="numpy")
def split(
    first: int,
    last: int,
    cells: float,
    wanted: int,
    key: int,
    rate: Float,
    later: Float,
    kind: Int,
    transition: Int,
    deliver_ptr: Int,
    deliver: Int,
    counts: Float,
    tally: Float,
) -> None:
    """Share ``cells`` firings among the exits of one kind by one multinomial, and deliver them.

    Products enter the first stages of their compartments; those of the source itself are already
    accounted for by its law.
    """
    for e in range(first, last):
        if kind[e] != wanted or rate[e] <= 0.0:
            continue
        chance = rate[e] / (rate[e] + later[e])
        place = FATES + wanted * 4096 + e - first
        part = binomial_quantile(cells, chance, uniform(key, place))
        cells -= part
        tally[transition[e]] += part
        for p in range(deliver_ptr[e], deliver_ptr[e + 1]):
            counts[deliver[p, 0]] += part * deliver[p, 1]
        if cells <= 0.0:
            return


@njit(cache=True, nogil=True, error_model="numpy")
def flow_chain(
    cells: Float,
    advance: float,
    leave: float,
    two: float,
    one: float,
    none: float,
    h: float,
    key: int,
    born: Float,
    fired: Float,
) -> None:
    """Advance a chain for ``h`` days; ``fired`` receives (left, divided, one back, completed)."""
    k = cells.shape[0]
    for i in range(4):
        fired[i] = 0.0
    if two + one + none <= 0.0:  # every timed exit is shut: cells gather in the last stage
        share = -lane_expm1(-leave * h)
        gone = binomial_quantile(cells[k - 1], share, uniform(absorb(key, 1), EXITS))
        left, done = chain(cells[: k - 1], advance, leave, h, key)
        fired[0] = gone + left
        cells[k - 1] += done - gone
    elif two + one <= 0.0:
        fired[0], fired[3] = chain(cells, advance, leave, h, key)
    else:
        parts = max(1, int(math.ceil(2.0 * h * advance / k - 1e-9)))
        for part in range(parts):
            left, twos, ones, nones = dividing_chain(
                cells, advance, leave, two, one, none, h / parts, absorb(key, part), born
            )
            fired[0] += left
            fired[1] += twos
            fired[2] += ones
            fired[3] += nones


@njit(cache=True, nogil=True, error_model="numpy")
def arrive(
    plan: Plan, rate: Float, counts: Float, tally: Float, first: int, h: float, key: int
) -> None:
    """Let cells arrive from outside for ``h`` days, by the entries from ``first`` on."""
    transition, deliver_ptr, deliver = plan.transition, plan.deliver_ptr, plan.deliver
    own = absorb(key, ARRIVALS)
    for e in range(first, rate.shape[0]):
        arrived = poisson_quantile(rate[e] * h, uniform(own, e - first))
        tally[transition[e]] += arrived
        for p in range(deliver_ptr[e], deliver_ptr[e + 1]):
            counts[deliver[p, 0]] += arrived * deliver[p, 1]


@njit(cache=True, nogil=True, error_model="numpy")
def half_sweep(
    tables: Tables,
    plan: Plan,
    rates: Rates,
    counts: Float,
    tally: Float,
    h: float,
    key: int,
    backward: bool,
    born: Float,
    fired: Float,
) -> None:
    """Let every compartment follow its law for ``h`` days, one after another.

    Forward, arrivals come last; backward, first: the two halves of a step mirror each other.
    """
    slot_ptr, begin, kind, transition = tables.slot_ptr, plan.begin, plan.kind, plan.transition
    deliver_ptr, deliver = plan.deliver_ptr, plan.deliver
    rate, total, advances, pace = rates.rate, rates.total, rates.advance, rates.pace
    n = pace.shape[0]
    if backward and plan.arrives:
        arrive(plan, rate, counts, tally, begin[n], h, key)
    for position in range(n):
        c = n - 1 - position if backward else position
        first, last = slot_ptr[c], slot_ptr[c + 1]
        cells = 0.0
        for slot in range(first, last):
            cells += counts[slot]
        if cells <= 0.0 or pace[c] <= 0.0:
            continue
        own = absorb(key, c)
        later = 0
        if last - first == 1:
            after, fired[0], fired[2] = one_stage(
                cells, total[c, DIVIDE], total[c, LEAVE], total[c, EMIT], h, own
            )
            fired[1] = after - cells + fired[0]
            fired[3] = 0.0
            counts[first] = after
        else:
            later = AFTER_STAGES
            share = total[c]
            flow_chain(
                counts[first:last],
                advances[c],
                share[LEAVE],
                share[DIVIDE + later],
                share[EMIT + later],
                share[LEAVE + later],
                h,
                own,
                born[: last - first],
                fired,
            )
        for role in range(4):
            if fired[role] <= 0.0:
                continue
            wanted = LEAVE
            if role == 1:
                wanted = DIVIDE + later
            elif role == 2:
                wanted = EMIT + later
            elif role == 3:
                wanted = LEAVE + later
            split(
                begin[c],
                begin[c + 1],
                fired[role],
                wanted,
                own,
                rate,
                rates.later,
                kind,
                transition,
                deliver_ptr,
                deliver,
                counts,
                tally,
            )
    if not backward and plan.arrives:
        arrive(plan, rate, counts, tally, begin[n], h, key)
