"""Points of a design: grids, Latin hypercubes, Sobol sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.errors import RunError

from .factors import Factor

Float = NDArray[np.float64]

KINDS = ("grid", "latin-hypercube", "sobol")
MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Design:
    """Points at which a scenario is tried.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    factors : tuple of Factor
    values : (points, factors)
        In the unit of each factor.
    shape : tuple of int
        Points along each factor of a grid, the last one fastest; else empty.
    seed : int or None
        Of what was drawn.
    """

    kind: str
    factors: tuple[Factor, ...]
    values: Float
    shape: tuple[int, ...] = ()
    seed: int | None = None

    @property
    def points(self) -> int:
        """How many."""
        return len(self.values)


def grid(factors: Sequence[Factor]) -> Design:
    """Return all combinations of levels, the last factor fastest.

    Raises
    ------
    RunError
        No factor, one twice, one without levels, more than a million points.
    """
    _check(factors)
    for factor in factors:
        if not factor.levels:
            raise RunError(
                f"a grid over {factor.name}, which has no levels",
                allowed="NAME=A,B,C UNIT",
                remedy="state levels, or choose a Latin hypercube",
                check="design.no-levels",
            )
    shape = tuple(len(factor.levels) for factor in factors)
    _check_points(int(np.prod([float(n) for n in shape])))
    mesh = np.meshgrid(*(np.array(factor.levels) for factor in factors), indexing="ij")
    return Design("grid", tuple(factors), np.stack([m.ravel() for m in mesh], axis=1), shape)


def latin_hypercube(factors: Sequence[Factor], points: int, *, seed: int = 1) -> Design:
    """Return points of which each factor's strata hold one each (scipy.stats.qmc).

    Raises
    ------
    RunError
        As :func:`grid`; a factor with levels.
    """
    from scipy.stats import qmc

    _check_ranges(factors, points)
    sampler = qmc.LatinHypercube(len(factors), rng=np.random.default_rng(seed))
    return _placed("latin-hypercube", factors, sampler.random(points), seed)


def sobol(factors: Sequence[Factor], points: int, *, seed: int = 1) -> Design:
    """Return the first points of a scrambled Sobol sequence (scipy.stats.qmc).

    Raises
    ------
    RunError
        As :func:`latin_hypercube`; a number of points that is no power of two, for which the
        sequence is not balanced.
    """
    from scipy.stats import qmc

    _check_ranges(factors, points)
    if points & (points - 1):
        raise RunError(
            f"{points} points of a Sobol sequence",
            allowed="a power of two",
            remedy=f"{1 << (points - 1).bit_length()} points, or a Latin hypercube",
            check="design.sobol",
        )
    sampler = qmc.Sobol(len(factors), scramble=True, rng=np.random.default_rng(seed))
    return _placed("sobol", factors, sampler.random(points), seed)


def design_of(kind: str, factors: Sequence[Factor], points: int, *, seed: int = 1) -> Design:
    """Return the design of a kind by its name.

    Raises
    ------
    RunError
        An unknown kind; what the design refuses.
    """
    if kind == "grid":
        return grid(factors)
    if kind in KINDS:
        return {"latin-hypercube": latin_hypercube, "sobol": sobol}[kind](
            factors, points, seed=seed
        )
    raise RunError(
        f"a design called {kind}",
        allowed=", ".join(KINDS),
        remedy="choose one of them",
        check="design.kind",
    )


def _placed(kind: str, factors: Sequence[Factor], shares: Float, seed: int) -> Design:
    values = np.stack([f.at(shares[:, i]) for i, f in enumerate(factors)], axis=1)
    return Design(kind, tuple(factors), values, (), seed)


def _check(factors: Sequence[Factor]) -> None:
    names = [factor.name for factor in factors]
    twice = [name for name in names if names.count(name) > 1]
    if not names or twice:
        raise RunError(
            f"{twice[0]} varied twice" if twice else "nothing that is varied",
            allowed="each parameter once, one at least",
            remedy="name what is to be varied",
            check="design.factors",
        )


def _check_ranges(factors: Sequence[Factor], points: int) -> None:
    _check(factors)
    _check_points(points)
    _check_independent(factors)
    for factor in factors:
        if factor.levels:
            raise RunError(
                f"levels of {factor.name} in a sample",
                allowed="NAME=LOW..HIGH UNIT, or a grid of levels alone",
                remedy="state its range",
                check="design.levels",
            )


def _check_independent(factors: Sequence[Factor]) -> None:
    """Refuse two priors that the scenario ties: a sample takes each alone."""
    ours = {factor.name: factor.scenario for factor in factors if factor.scenario is not None}
    for scenario in ours.values():
        for tie in scenario.uncertainty.correlations:
            if set(tie.between) <= set(ours) and tie.correlation != 0.0:
                raise RunError(
                    f"the priors of {' and '.join(tie.between)} are correlated",
                    allowed="priors that are independent of each other",
                    remedy="state a range for one of them",
                    check="design.correlated",
                )


def _check_points(points: int) -> None:
    if not 1 <= points <= MOST_POINTS:
        raise RunError(
            f"{points} points",
            allowed=f"1 to {MOST_POINTS}",
            remedy="ask for fewer points or levels",
            check="design.points",
        )
