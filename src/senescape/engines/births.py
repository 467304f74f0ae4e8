"""Initial numbers of cells: their means, or one sample a lane."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.errors import RunError
from senescape.network import BirthLaw
from senescape.rng import binomial_quantile, draw_key, poisson_quantile, uniform

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]

LAWS = tuple(BirthLaw)
LARGEST_CLONE = 1_000_000


def mean_births(program: Program, registers: Float, keys: Keys) -> Float:
    """Return expected initial counts, shape (slots, lanes).

    A Luria-Delbrueck number has no finite mean without a bound; the mean field takes m * ln(m),
    the typical number, and engines that sample are the ones to trust for clones.
    """
    del keys
    counts = np.zeros((program.slots, registers.shape[1]))
    for index, (law, total_row, stationary) in enumerate(program.birth):
        total = registers[total_row]
        if LAWS[law] is BirthLaw.LURIA_DELBRUECK:
            total = total * np.log(np.maximum(total, math.e))
        for compartment, share_row in _shares(program, index):
            profile = stage_profile(program, compartment, registers, bool(stationary))
            first = program.slot_ptr[compartment]
            counts[first : first + len(profile)] += registers[share_row] * total * profile
    return counts


def sampled_births(program: Program, registers: Float, keys: Keys) -> Float:
    """Return one sample of the initial counts, shape (slots, lanes); whole numbers.

    A total is rounded (fixed), Poisson, or Luria-Delbrueck; its split over classes and stages is
    multinomial, drawn from keys of the purpose INITIAL alone, so that it is the same in each arm.
    """
    counts = np.zeros((program.slots, registers.shape[1]))
    for index, (law, total_row, stationary) in enumerate(program.birth):
        slots, parts = [], []
        for compartment, share_row in _shares(program, index):
            profile = stage_profile(program, compartment, registers, bool(stationary))
            slots.append(program.slot_ptr[compartment] + np.arange(len(profile)))
            parts.append(profile * registers[share_row])
        own = _birth_keys(keys, index)
        totals = np.array(
            [
                _sample_total(LAWS[law], float(total), float(uniform(key, 0)))
                for total, key in zip(registers[total_row], own, strict=True)
            ]
        )
        _spread(own, totals, np.concatenate(slots), np.concatenate(parts), counts)
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _birth_keys(keys: Keys, index: int) -> Keys:
    own = np.empty_like(keys)
    for lane in range(len(keys)):
        own[lane] = draw_key(keys[lane], 0, index, 0)
    return own


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(
    keys: Keys, totals: Float, slots: NDArray[np.int64], parts: Float, counts: Float
) -> None:
    """Split each lane's total over slots by one multinomial (conditional binomials)."""
    for lane in range(len(totals)):
        left, rest = totals[lane], 1.0
        for i in range(len(slots)):
            part = parts[i, lane]
            if left <= 0.0 or part <= 0.0:
                continue
            chance = min(1.0, part / rest) if rest > 1e-15 else 1.0
            if i == len(slots) - 1:
                chance = 1.0
            drawn = binomial_quantile(left, chance, uniform(keys[lane], 1 + i))
            counts[slots[i], lane] += drawn
            left -= drawn
            rest -= part


def stage_profile(program: Program, compartment: int, registers: Float, stationary: bool) -> Float:
    """Return the share of each stage, shape (stages, lanes).

    Notes
    -----
    In unlimited exponential growth of a dividing chain of k stages with the rate 2^(1/k) - 1 per
    unit of stage hazard (Euler-Lotka), stage i holds a share proportional to 2^(-i/k).
    """
    stages = int(program.stages[compartment])
    profile = np.zeros((stages, registers.shape[1]))
    if not stationary:
        profile[0] = 1.0
        return profile
    weights = 2.0 ** (-np.arange(stages) / stages)
    profile[:] = (weights / weights.sum())[:, None]
    return profile


def _shares(program: Program, index: int) -> list[tuple[int, int]]:
    rows = program.birth_share[program.birth_ptr[index] : program.birth_ptr[index + 1]]
    return [(int(c), int(r)) for c, r in rows]


def _sample_total(law: BirthLaw, total: float, u: float) -> float:
    if not 0.0 <= total <= 1e15:
        raise RunError(
            f"initial number of cells is {total}",
            allowed="0 to 1e15 cells",
            remedy="check the scenario's initial cells",
            check="run.initial-cells",
        )
    if law is BirthLaw.FIXED:
        return float(round(total))
    if law is BirthLaw.POISSON:
        return float(poisson_quantile(total, u))
    return luria_delbrueck_quantile(total, u)


def luria_delbrueck_quantile(m: float, u: float) -> float:
    """Return the quantile of the Lea-Coulson law by its recursion.

    Parameters
    ----------
    m : float
        Expected number of mutations.
    u : float
        In (0, 1).

    Returns
    -------
    float
        Number of mutants; beyond 1e4 the tail m / n is inverted in closed form, and the number is
        bounded by one million.

    Notes
    -----
    p_0 = exp(-m), p_n = (m / n) sum_{i<n} p_i / (n - i + 1) (Ma, Sandri & Sarkar 1992,
    doi:10.2307/3214831); P(X > n) tends to m / n.
    """
    if m <= 0.0:
        return 0.0
    limit, total, n = 10_000, 0.0, 0
    for n, chance in enumerate(lea_coulson(m, limit)):
        total += chance
        if u <= total:
            return float(n)
    return float(min(LARGEST_CLONE, max(limit, math.floor(m / (1.0 - u)))))


def lea_coulson(m: float, limit: int) -> Iterator[float]:
    """Yield the chances of 0, 1, ..., limit - 1 mutants, given m expected mutations.

    Notes
    -----
    The recursion of :func:`luria_delbrueck_quantile`.
    """
    p = np.zeros(limit)
    p[0] = math.exp(-m)
    yield float(p[0])
    weights = 1.0 / np.arange(2, limit + 2)
    for n in range(1, limit):
        p[n] = m / n * float(p[:n] @ weights[n - 1 :: -1][:n])
        yield float(p[n])
