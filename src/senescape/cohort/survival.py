"""Survival of a cohort with censoring: Kaplan-Meier, log-rank, restricted mean (by scipy)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from senescape.errors import DataError

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Survival:
    """A Kaplan-Meier curve.

    Parameters
    ----------
    time : (times,)
        Days at which at least one host died or left.
    share, low, high : (times,)
        Share alive after each of them, with the interval by the log-log transformation.
    """

    time: Float
    share: Float
    low: Float
    high: Float
    level: float

    def at(self, day: float) -> float:
        """Return the share alive at a day."""
        index = int(np.searchsorted(self.time, day, side="right"))
        return 1.0 if index == 0 else float(self.share[index - 1])

    @property
    def median(self) -> float:
        """Return the first day at which at most half are alive; inf if there is none."""
        # a share of exactly one half may come out of its product just above it
        below = np.nonzero(self.share <= 0.5 + ROUNDING)[0]
        return float(self.time[below[0]]) if len(below) else float("inf")


def kaplan_meier(time: ArrayLike, died: ArrayLike, level: float = 0.95) -> Survival:
    """Return the Kaplan-Meier curve of hosts that died or were lost from sight.

    Parameters
    ----------
    time : (hosts,)
        Day of death, or the last day on which a host was seen.
    died : (hosts,)
        Whether it died on that day.

    Raises
    ------
    DataError
        No hosts, times that are negative or not numbers, lengths that differ; a level that is not
        between 0 and 1.
    """
    from scipy.stats import ecdf

    if not 0.0 < level < 1.0:
        raise DataError(
            f"an interval of level {level:g}",
            allowed="between 0 and 1, for example 0.95",
            remedy="correct the level",
            check="data.survival-level",
        )
    curve = ecdf(_censored(time, died)).sf
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        interval: Any = curve.confidence_interval(confidence_level=level, method="log-log")
    low, high = (
        np.nan_to_num(bound.probabilities, nan=float(fill))
        for bound, fill in ((interval.low, 0.0), (interval.high, 1.0))
    )
    share = np.asarray(curve.probabilities, dtype=np.float64)
    # where all or none are alive the transformation has no value: no width
    flat = (share == 0.0) | (share == 1.0)
    low, high = np.where(flat, share, low), np.where(flat, share, high)
    return Survival(np.asarray(curve.quantiles, dtype=np.float64), share, low, high, level)


def log_rank(
    time: ArrayLike, died: ArrayLike, other_time: ArrayLike, other_died: ArrayLike
) -> tuple[float, float]:
    """Return the log-rank statistic (standard normal if the groups are alike) and its p-value.

    The statistic is below 0 where the first group died less than expected.

    Both are nan where no death tells the groups apart: none died while both had hosts left, or all
    who were left died on one day.
    """
    from scipy.stats import logrank

    with np.errstate(divide="ignore", invalid="ignore"):
        found = logrank(_censored(time, died), _censored(other_time, other_died))
    return float(found.statistic), float(found.pvalue)


def restricted_mean(time: ArrayLike, died: ArrayLike, until: float) -> tuple[float, float]:
    """Return the mean of min(death, until) and its standard error (Greenwood).

    Raises
    ------
    DataError
        As :func:`kaplan_meier`; ``until`` is negative or no number.

    Notes
    -----
    The area under the Kaplan-Meier curve to ``until``; its variance is the sum over deaths of
    (area to the right)^2 d / (n (n - d)), n at risk, d deaths.
    """
    times, dead = _checked(time, died)
    if not 0.0 <= until < np.inf:
        raise DataError(
            f"a mean restricted to day {until:g}",
            allowed="a finite day, 0 or later",
            remedy="restrict it to the day until which hosts were watched",
            check="data.survival-until",
        )
    curve = kaplan_meier(times, dead)
    inside = curve.time < until
    steps = np.concatenate([[0.0], curve.time[inside], [until]])
    heights = np.concatenate([[1.0], curve.share[inside]])
    pieces = heights * np.diff(steps)
    right = np.cumsum(pieces[::-1])[::-1]
    variance = 0.0
    for index, day in enumerate(curve.time[inside]):
        risk = int((times >= day).sum())
        deaths = int(((times == day) & dead).sum())
        if deaths and risk > deaths:
            variance += right[index + 1] ** 2 * deaths / (risk * (risk - deaths))
    return float(pieces.sum()), float(np.sqrt(variance))


def _checked(time: ArrayLike, died: ArrayLike) -> tuple[Float, Bool]:
    times = np.asarray(time, dtype=np.float64)
    dead = np.asarray(died, dtype=np.bool_)
    if times.ndim != 1 or times.shape != dead.shape or not len(times):
        raise DataError(
            f"times of shape {times.shape} and deaths of shape {dead.shape}",
            allowed="one time and one word on death for each host, at least one host",
            remedy="give two lists of the same length",
            check="data.survival-shape",
        )
    if not (np.isfinite(times) & (times >= 0.0)).all():
        raise DataError(
            "a time of death that is negative or no number",
            allowed="finite days from 0 on",
            remedy="censor hosts that live on at their last day",
            check="data.survival-time",
        )
    return times, dead


def _censored(time: ArrayLike, died: ArrayLike) -> Any:
    from scipy.stats import CensoredData

    times, dead = _checked(time, died)
    return CensoredData(uncensored=times[dead], right=times[~dead])
