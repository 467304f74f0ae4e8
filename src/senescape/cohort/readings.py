"""Observation models: what an assay reads of known numbers of cells, with its errors.

Pure functions over arrays; chance comes in as uniform numbers, so that each can be checked by
itself against its law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def counted(true: Float, spread: float | Float, floor: float | Float, u: Float, v: Float) -> Float:
    """Return a reading with relative (log-normal, mean 1) and absolute (normal) error, from 0 up.

    Parameters
    ----------
    true : (times, subjects)
    spread : float or (subjects,)
        Standard deviation of the logarithm.
    floor : float or (subjects,)
        Standard deviation, in the unit of ``true``.
    u, v : (times, subjects)
        Uniform numbers.
    """
    from scipy.special import ndtri

    seen = true * np.exp(spread * ndtri(u) - 0.5 * np.square(spread))
    result: Float = np.maximum(0.0, seen + floor * ndtri(v))
    return result


def positives(share: Float, scored: Float, correlation: float | Float, u: Float, v: Float) -> Float:
    """Return how many of the scored cells are called positive (beta-binomial).

    Parameters
    ----------
    share : (times, subjects)
        Expected share.
    scored : (times, subjects)
        Whole numbers of cells.
    correlation : float or (subjects,)
        Of two cells of one reading; the variance is n p (1 - p) (1 + (n - 1) correlation).
    u, v : (times, subjects)
        Uniform numbers: of the reading, and of its cells.
    """
    from scipy.stats import beta, binom

    total = np.broadcast_to(1.0 / np.maximum(correlation, 1e-12) - 1.0, share.shape)
    certain = (share <= 0.0) | (share >= 1.0) | np.broadcast_to(correlation <= 0.0, share.shape)
    inner = np.where(certain, 0.5, share)
    own = np.where(certain, share, beta.ppf(u, inner * total, (1.0 - inner) * total))
    return np.asarray(binom.ppf(v, scored, own), dtype=np.float64)


def lingering(time: Float, died: Float, lifetime: float | Float) -> Float:
    """Return the dead that are still there, each with an exponential lifetime.

    Parameters
    ----------
    time : (times,)
        [day]
    died : (times, subjects)
        Deaths until each time; between two times they are spread evenly.
    lifetime : float or (subjects,)
        [day]
    """
    left = np.zeros_like(died)
    mean_life = np.asarray(lifetime, dtype=np.float64)
    for i in range(1, len(time)):
        gap = time[i] - time[i - 1]
        kept = np.exp(-gap / mean_life)
        fresh = (died[i] - died[i - 1]) * (1.0 - kept) * mean_life / gap
        left[i] = left[i - 1] * kept + fresh
    return left


def visits(time: Float, load: Float, fatal: float, lost: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Return when each host was last seen, and whether it reached its end point then.

    Parameters
    ----------
    time : (visits,)
        [day]
    load : (visits, hosts)
    fatal : float
        Load at which a host is put to sleep at the next visit.
    lost : (hosts,)
        Day on which it leaves for other reasons, inf if never.
    """
    over = load >= fatal
    found = np.where(over.any(axis=0), time[np.argmax(over, axis=0)], np.inf)
    last = np.minimum(lost, time[-1])
    return np.minimum(found, last), found <= last
