"""Statistical checks with their false-alarm rate and their power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Float = NDArray[np.float64]

ALARM = 1e-6
Z = float(stats.norm.isf(ALARM / 2))  # 4.89


def same_mean(sample: Float, mean: float, variance: float) -> None:
    """z-test, false alarm 1e-6; sees 7.3 sd of the mean (0.051 sd of a lane) with power 0.99."""
    z = (sample.mean() - mean) / np.sqrt(variance / sample.size)
    assert abs(z) < Z, f"mean {sample.mean()}, expected {mean}, z = {z:.1f}"


def same_variance(sample: Float, variance: float) -> None:
    """z-test, false alarm 1e-6; of a nearly normal count sees 7.3 % (20,000 lanes), power 0.99."""
    centred = sample - sample.mean()
    se = np.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / sample.size)
    z = (sample.var(ddof=1) - variance) / se
    assert abs(z) < Z, f"variance {sample.var(ddof=1)}, expected {variance}, z = {z:.1f}"


def same_share(count: float, total: float, share: float) -> None:
    """Two-sided exact binomial test, false alarm 1e-6; sees 7.3 sd with power 0.99."""
    tail = min(stats.binom.cdf(count, total, share), stats.binom.sf(count - 1, total, share))
    assert 2.0 * tail > ALARM, f"{count} of {total}, expected share {share}"
