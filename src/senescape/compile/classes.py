"""Classes: a continuous difference between cells, cut into a few compartments."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import Binary, Expr, Number

Float = NDArray[np.float64]

MANY_CLASSES = 9


@lru_cache(maxsize=64)
def strata(classes: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return nodes and weights that stand for a standard normal variable.

    Parameters
    ----------
    classes : int

    Returns
    -------
    nodes, weights : tuple of float
        Conditional means of equal-width strata with open ends, rescaled to variance 1; mean 0.

    Notes
    -----
    Equal width rather than equal weight: survival after a high dose is decided by the tail, and a
    stratum of weight 1/11 would blur it. From nine classes on the outermost edges stand at 3.3
    standard deviations, with fewer at 2.5.
    """
    from scipy.stats import norm

    if classes == 1:
        return (0.0,), (1.0,)
    reach = 3.3 if classes >= MANY_CLASSES else 2.5
    edges = np.linspace(-reach, reach, classes + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    weights = np.diff(norm.cdf(edges))
    nodes = -np.diff(norm.pdf(edges)) / weights
    nodes = nodes / np.sqrt((weights * nodes**2).sum())
    return tuple(float(x) for x in nodes), tuple(float(w) for w in weights / weights.sum())


def product_of(shares: Iterable[Expr]) -> Expr:
    """Return the product of shares; numbers among them are multiplied at once."""
    number, rest = 1.0, None
    for share in shares:
        if isinstance(share, Number):
            number *= share.value
        else:
            rest = share if rest is None else Binary("*", rest, share)
    if rest is None:
        return Number(number)
    return rest if number == 1.0 else Binary("*", Number(number), rest)
