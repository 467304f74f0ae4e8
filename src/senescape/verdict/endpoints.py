"""What happened to a host: end points and the outcome census, from what was counted over time.

Arrays have (times, hosts) as their last axes; times are days, in order, the first at or before 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from senescape.compile.question import ProgressionRule

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

BASELINE = ProgressionRule()


class Box(Enum):
    """The named ends of Figure 1; every host is in exactly one."""

    CLEARED_RAPID_APOPTOSIS = "cleared_rapid_apoptosis"
    CLEARED_AFTER_SENESCENCE = "cleared_after_senescence"
    COMPLETE_ARREST = "complete_arrest"
    RELAPSE_RECOVERY = "relapse_recovery"
    RELAPSE_REENTRY = "relapse_reentry"
    RELAPSE_PREEXISTING = "relapse_preexisting"
    RELAPSE_ACQUIRED = "relapse_acquired"
    RELAPSE_NEVER_SENESCENT = "relapse_never_senescent"
    ALIVE_UNDER_BURDEN = "alive_under_burden"
    DEATH_OTHER = "death_other"


BOXES = tuple(Box)
ORIGINS = (
    Box.RELAPSE_NEVER_SENESCENT,
    Box.RELAPSE_RECOVERY,
    Box.RELAPSE_REENTRY,
    Box.RELAPSE_PREEXISTING,
    Box.RELAPSE_ACQUIRED,
)


@dataclass(frozen=True, slots=True)
class History:
    """What is counted in each host over time.

    Parameters
    ----------
    time : (times,)
        [day]
    tumour, cycling, undecided : (times, hosts)
        Tumour cells alive (apoptotic cells left out), those that can cycle, those not yet decided.
    origins : (5, times, hosts)
        Cycling tumour cells by origin, in the order of :data:`ORIGINS`.
    entered : (times, hosts)
        Cells that have entered senescence so far.
    load : (times, hosts)
        What a host dies of (cells of the observable named under ``survival``).
    """

    time: Float
    tumour: Float
    cycling: Float
    undecided: Float
    origins: Float
    entered: Float
    load: Float


def progression_time(
    history: History,
    rule: ProgressionRule = BASELINE,
) -> Float:
    """Return when each host progressed [day], inf where it has not.

    Progression is the first time after the first treatment at which the tumour holds at least
    ``rule.factor`` times its number at the first treatment (or its smallest number so far) and at
    least ``rule.least`` cells. Linear interpolation between the times that were recorded.
    """
    after = history.time >= 0.0
    time, cells = history.time[after], history.tumour[after]
    reference = np.minimum.accumulate(cells, axis=0) if rule.from_nadir else cells[:1]
    bound = np.maximum(rule.factor * reference, rule.least) * np.ones_like(cells)
    return first_passage(time, cells, bound)


def survival_time(history: History, rule: ProgressionRule = BASELINE) -> Float:
    """Return when the load of each host reached ``rule.fatal`` [day], inf where it has not."""
    after = history.time >= 0.0
    load = history.load[after]
    return first_passage(history.time[after], load, np.full_like(load, rule.fatal))


def first_passage(time: Float, values: Float, bound: Float) -> Float:
    """Return when ``values`` first reach ``bound``, linear between times, (hosts,); inf if never.

    Parameters
    ----------
    values, bound : (times, hosts)
    """
    over = values >= bound
    first = np.argmax(over, axis=0)
    hosts = np.arange(values.shape[1])
    result = np.where(over.any(axis=0), time[first], np.inf)
    before = np.maximum(first - 1, 0)
    gain = values[first, hosts] - values[before, hosts]
    missing = bound[first, hosts] - values[before, hosts]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip(np.where(gain > 0.0, missing / gain, 1.0), 0.0, 1.0)
    between = time[before] + part * (time[first] - time[before])
    return np.where(np.isfinite(result) & (first > 0), between, result)


def complete_arrest(history: History) -> Float:
    """Return 1 where no tumour cell exists that can cycle or is undecided, else 0."""
    return ((history.cycling + history.undecided) == 0.0).astype(np.float64)


def arrest_time(history: History) -> Float:
    """Return when the arrest of each host was first complete [day], inf where it never was.

    To the accuracy of the times that were recorded. Later escape out of senescence may end it.
    """
    after = history.time >= 0.0
    arrested = complete_arrest(history)[after] > 0.0
    first = history.time[after][np.argmax(arrested, axis=0)]
    result: Float = np.where(arrested.any(axis=0), first, np.inf)
    return result


def cure(history: History) -> Float:
    """Return 1 where no tumour cell is left, else 0."""
    return (history.tumour == 0.0).astype(np.float64)


def endpoint_values(
    history: History,
    name: str,
    rule: ProgressionRule = BASELINE,
) -> Float:
    """Return an end point at every time, oriented so that larger is better, shape (times, hosts).

    ``complete_arrest`` and ``cure`` as probabilities; ``no_regrowth``: 1 while the host has not
    progressed; ``time_to_progression`` and ``survival``: min(time, progression or death) [day];
    ``burden``: minus the natural logarithm of the number of tumour cells (at least one).
    """
    if name == "complete_arrest":
        return complete_arrest(history)
    if name == "cure":
        return cure(history)
    if name == "burden":
        return -np.log(np.maximum(history.tumour, 1.0))
    if name == "survival":
        died = survival_time(history, rule)
        return np.minimum(died[None, :], np.maximum(history.time, 0.0)[:, None])
    progressed = progression_time(history, rule)
    if name == "no_regrowth":
        return (progressed[None, :] > history.time[:, None]).astype(np.float64)
    return np.minimum(progressed[None, :], np.maximum(history.time, 0.0)[:, None])


def box_of(
    history: History,
    index: int,
    rule: ProgressionRule = BASELINE,
) -> NDArray[np.int64]:
    """Return the number of the box (in :data:`BOXES`) of every host at time ``index``.

    A relapse belongs to the origin with most cycling cells at progression.
    """
    horizon = history.time[index]
    progressed = progression_time(history, rule)
    relapsed = progressed <= horizon
    at = np.minimum(np.searchsorted(history.time, progressed), index)
    hosts = np.arange(history.tumour.shape[1])
    origin = np.argmax(history.origins[:, at, hosts], axis=0)
    names = np.array([BOXES.index(box) for box in ORIGINS])
    cleared = history.tumour[index] == 0.0
    entered = history.entered[index] > 0.0
    arrested = (history.cycling[index] + history.undecided[index]) == 0.0
    boxes = np.full(len(hosts), BOXES.index(Box.ALIVE_UNDER_BURDEN))
    boxes[arrested] = BOXES.index(Box.COMPLETE_ARREST)
    boxes[cleared & entered] = BOXES.index(Box.CLEARED_AFTER_SENESCENCE)
    boxes[cleared & ~entered] = BOXES.index(Box.CLEARED_RAPID_APOPTOSIS)
    boxes[survival_time(history, rule) <= horizon] = BOXES.index(Box.DEATH_OTHER)
    return np.where(relapsed, names[origin], boxes)
