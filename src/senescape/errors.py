"""One exception family: what was given, what is allowed, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """The place of an error in a user's text.

    Parameters
    ----------
    file : str or None
        The file as the user named it.
    line : int or None
        Line in that file, counted from 1.
    field : str or None
        Dotted path of the field, for example ``drugs.doxorubicin.molar_mass``.
    """

    file: str | None = None
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        if self.field:
            place = f"{place}: {self.field}" if place else self.field
        return place


class SenescapeError(Exception):
    """Base of every failure that a user can meet.

    Parameters
    ----------
    given : str
        What was found, with its value and unit.
    allowed : str
        What would have been accepted.
    remedy : str
        What to do next.
    check : str
        Stable name of the check that refuses, for example ``quantity.unit-missing``.
    where : Where
        File, line and field, as far as they are known.

    Notes
    -----
    ``str(error)`` is one line. An error raised deep inside gains its place on the way out with
    :meth:`at`, which keeps what is already known.
    """

    def __init__(
        self, given: str, *, allowed: str, remedy: str, check: str, where: Where | None = None
    ) -> None:
        self.given = given
        self.allowed = allowed
        self.remedy = remedy
        self.check = check
        self.where = where or Where()
        super().__init__(given)

    def __reduce__(self) -> tuple[object, ...]:
        # the default would call the class with `given` alone, and break a pool of processes
        return _rebuilt, (type(self), self.given, self.allowed, self.remedy, self.check, self.where)

    def at(self, where: Where) -> SenescapeError:
        """Return the same error with the missing parts of its place filled in."""
        known = self.where
        self.where = Where(
            known.file or where.file,
            known.line if known.line is not None else where.line,
            known.field or where.field,
        )
        return self

    def __str__(self) -> str:
        place = str(self.where)
        head = f"{place}: " if place else ""
        text = f"{head}{self.given}; allowed: {self.allowed}; {self.remedy} [{self.check}]"
        return " ".join(text.split())


def _rebuilt(
    kind: type[SenescapeError], given: str, allowed: str, remedy: str, check: str, where: Where
) -> SenescapeError:
    return kind(given, allowed=allowed, remedy=remedy, check=check, where=where)


class ExpressionError(SenescapeError):
    """A formula that cannot be read, or whose dimensions do not fit."""


class UnitError(SenescapeError):
    """A quantity without a unit, with an unknown unit, or with the wrong dimension."""


class ScenarioError(SenescapeError):
    """A scenario that is not well formed or contradicts itself."""


class NetworkError(SenescapeError):
    """A network that breaks an invariant of the intermediate form."""


class RunError(SenescapeError):
    """A run that cannot start, or that had to stop."""


class StoreError(SenescapeError):
    """A store of runs that is damaged, taken, or cannot be written."""


class DataError(SenescapeError):
    """A measured table that cannot be read."""


class ModelError(SenescapeError):
    """Another tool's model (SBML) that cannot be read, or says what no engine can run."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is nearest to a misspelt one.

    Examples
    --------
    >>> nearest("doxorubicine", ["doxorubicin", "etoposide"])
    'did you mean doxorubicin?'
    >>> nearest("zzz", ["alpha"])
    'known names: alpha'
    """
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if match:
        return f"did you mean {match[0]}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known names: {shown}" if names else "no names are declared"
