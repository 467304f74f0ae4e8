"""Numbers that go together: stated correlations of normal scores, as blocks that a draw can use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.errors import ScenarioError, Where
from senescape.model import Correlation, Scenario

from .names import unknown
from .numbers import HOSTLIKE

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Names whose normal scores go together, and nothing else with them.

    Parameters
    ----------
    names : tuple of str
        In alphabetical order, so that the order of a file changes no draw.
    root : (names, names)
        Symmetric square root of their correlation matrix: ``root @ independent scores``.
    """

    names: tuple[str, ...]
    root: Float


def uncertain_blocks(scenario: Scenario) -> tuple[Block, ...]:
    """Return the blocks of correlated uncertain parameters."""
    noun = scenario.uncertainty
    field = "uncertainty.correlations"
    return _blocks(noun.correlations, noun.parameters, "uncertain parameter", field)


def varied_blocks(scenario: Scenario) -> tuple[Block, ...]:
    """Return the blocks of what goes together between hosts.

    Raises
    ------
    ScenarioError
        A name that does not vary; cells or founders, whose classes are fractions of one host and
        not draws; two axes that are not drawn together; correlations that contradict each other.
    """
    variation = scenario.variation
    blocks = _blocks(scenario.covariation, variation, "variation", "covariation")
    for index, pair in enumerate(scenario.covariation):
        axes = [variation[name].axis for name in pair.between]
        if set(axes) <= set(HOSTLIKE) and len(set(axes)) == 1:
            continue
        raise ScenarioError(
            " and ".join(
                f"{name} (axis {axis})" for name, axis in zip(pair.between, axes, strict=True)
            ),
            allowed="two variations of one axis: host, well or batch",
            remedy="give both one axis, or drop the correlation",
            check="scenario.covariation-axis",
            where=Where(field=f"covariation[{index}]"),
        )
    return blocks


def _blocks(
    pairs: Sequence[Correlation], known: Iterable[str], what: str, field: str
) -> tuple[Block, ...]:
    """Return the connected groups of names, each with the square root of its matrix."""
    names = tuple(known)
    seen: set[frozenset[str]] = set()
    groups: list[set[str]] = []
    for index, pair in enumerate(pairs):
        for name in pair.between:
            if name not in names:
                raise unknown(what, name, names, f"{field}[{index}]")
        both = frozenset(pair.between)
        if len(both) == 1 or both in seen:
            raise ScenarioError(
                f"{' and '.join(pair.between)} {'again' if both in seen else 'with itself'}",
                allowed="each pair of two names once",
                remedy="remove this entry",
                check="scenario.correlation-pair",
                where=Where(field=f"{field}[{index}]"),
            )
        seen.add(both)
        joined = [group for group in groups if group & both]
        groups = [group for group in groups if not group & both]
        groups.append(set(both).union(*joined))
    return tuple(_block(sorted(group), pairs, field) for group in groups)


def _block(names: list[str], pairs: Sequence[Correlation], field: str) -> Block:
    matrix = np.eye(len(names))
    for pair in pairs:
        if pair.between[0] in names:
            i, j = (names.index(name) for name in pair.between)
            matrix[i, j] = matrix[j, i] = pair.correlation
    values, vectors = np.linalg.eigh(matrix)
    if values.min() < -1e-10:
        raise ScenarioError(
            f"the correlations of {', '.join(names)} contradict each other",
            allowed="a positive semidefinite matrix",
            remedy="weaken some of them, or give joint draws",
            check="scenario.correlations",
            where=Where(field=field),
        )
    return Block(tuple(names), (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
