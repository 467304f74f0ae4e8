"""What was seen: one table of readings, whether a laboratory or a simulation made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas


class Status(Enum):
    """What a reading means."""

    SEEN = "seen"
    BELOW = "below"  # less than the value, which is the limit of detection
    DIED = "died"  # survival: on that day
    CENSORED = "censored"  # survival: alive when last seen, on that day


class Reading(NamedTuple):
    """One reading.

    Parameters
    ----------
    subject : str
        Well, dish or host.
    time : float
        [day], 0 is the first treatment.
    value : float
        In ``unit``; a share stands between 0 and 1.
    scored : int
        Cells looked at for a share; 0 where nothing was scored.
    """

    assay: str
    regimen: str
    subject: str
    time: float
    value: float
    unit: str
    scored: int = 0
    status: Status = Status.SEEN


class Group(NamedTuple):
    """Readings of one assay, regimen and time taken together.

    Parameters
    ----------
    mean, sd : float
        Over subjects, each counted once; sd (n - 1) is 0 where there is one.
    """

    assay: str
    regimen: str
    time: float
    unit: str
    subjects: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Observed:
    """A table of readings, in the order in which they were made.

    The same type for a table of the laboratory (``read_observed``) and for a simulation
    (``observe``): what is compared has been looked at in the same way.
    """

    readings: tuple[Reading, ...]
    source: str = ""

    def __len__(self) -> int:
        return len(self.readings)

    @classmethod
    def together(cls, parts: Iterable[Observed]) -> Observed:
        """Return several tables as one."""
        tables = list(parts)
        return cls(
            tuple(r for t in tables for r in t.readings),
            "; ".join(dict.fromkeys(t.source for t in tables if t.source)),
        )

    @property
    def assays(self) -> tuple[str, ...]:
        """Names of assays, in order of appearance."""
        return tuple(dict.fromkeys(r.assay for r in self.readings))

    @property
    def regimens(self) -> tuple[str, ...]:
        """Names of regimens, in order of appearance."""
        return tuple(dict.fromkeys(r.regimen for r in self.readings))

    def of(self, assay: str, regimen: str | None = None) -> Observed:
        """Return the readings of one assay, and of one regimen where it is named."""
        kept = (
            r
            for r in self.readings
            if r.assay == assay and (regimen is None or r.regimen == regimen)
        )
        return Observed(tuple(kept), self.source)

    def values(self) -> NDArray[np.float64]:
        """Return the values, shape (readings,)."""
        return np.array([r.value for r in self.readings], dtype=np.float64)

    def times(self) -> NDArray[np.float64]:
        """Return the times [day], shape (readings,)."""
        return np.array([r.time for r in self.readings], dtype=np.float64)

    def died(self) -> NDArray[np.bool_]:
        """Return whether each reading is a death, shape (readings,)."""
        return np.array([r.status is Status.DIED for r in self.readings], dtype=np.bool_)

    def groups(self) -> tuple[Group, ...]:
        """Return mean and spread of every assay, regimen and time; survival is left out."""
        found: dict[tuple[str, str, float, str], list[float]] = {}
        for r in self.readings:
            if r.status in {Status.SEEN, Status.BELOW}:
                found.setdefault((r.assay, r.regimen, r.time, r.unit), []).append(r.value)
        return tuple(
            Group(
                *key,
                len(values),
                float(np.mean(values)),
                float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            )
            for key, values in found.items()
        )

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a tidy table, one row a reading."""
        import pandas

        rows = [r._replace(status=r.status.value) for r in self.readings]  # type: ignore[arg-type]
        return pandas.DataFrame(rows, columns=list(Reading._fields))
