"""Stop rules: when an answer is precise enough.

[asymptotic] half-width [of NAME] [at DAY] < NUMBER [UNIT]
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from senescape.errors import RunError
from senescape.units import parse_quantity, unit_dimension, unit_factor

GRAMMAR = "[asymptotic] half-width [of NAME] [at DAY] < NUMBER [UNIT]"
LONGEST = 200

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RULE = re.compile(
    r"\s*(?P<asymptotic>asymptotic\s+)?half-width"
    r"(?:\s+of\s+(?P<name>[A-Za-z][\w:]*))?"
    rf"(?:\s+at\s+(?:day\s+)?(?P<day>-?{_NUMBER}))?"
    rf"\s*<\s*(?P<bound>{_NUMBER})\s*(?P<unit>[A-Za-z%][^<>]*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stop where half the length of an interval is below a bound.

    Parameters
    ----------
    text : str
        As it was written, blanks put right.
    name : str or None
        Of a quantity; None: the one that is asked about.
    day : float or None
        When it is read [day]; None: last.
    bound : float
        In ``unit``; in the quantity's own where that is None.
    unit : str or None
        ``%`` of the mean, or a unit.
    asymptotic : bool
        Whether an asymptotic interval will do where there is an exact one.
    """

    text: str
    name: str | None
    day: float | None
    bound: float
    unit: str | None
    asymptotic: bool

    @property
    def relative(self) -> bool:
        """Whether the bound is a share of the mean."""
        return self.unit == "%"

    def wanted(self, unit: str) -> float:
        """Return the bound in the unit of the quantity ("1": it has none); a share where relative.

        Raises
        ------
        UnitError
            A unit that does not exist, or of another dimension.
        """
        if self.unit is None:
            return self.bound
        if self.relative:
            return 0.01 * self.bound
        given = parse_quantity(f"{self.bound!r} {self.unit}", expect=unit_dimension(unit))
        return given.value / unit_factor(unit)


def parse_stop_rule(text: str) -> StopRule:
    """Read a stop rule.

    Raises
    ------
    RunError
        It is no sentence of the grammar, or its bound is not above 0.

    Examples
    --------
    >>> rule = parse_stop_rule("half-width of live at 21 < 100 cells")
    >>> rule.name, rule.day, rule.bound, rule.unit
    ('live', 21.0, 100.0, 'cells')
    """
    found = _RULE.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or not 0.0 < float(found["bound"]) < float("inf"):
        shown = text if text.isprintable() else ascii(text)
        raise RunError(
            f"--stop-when {shown[:60]!r}",
            allowed=f"{GRAMMAR}, a NUMBER above 0",
            remedy="for example --stop-when 'half-width < 0.01'",
            check="run.stop-when",
        )
    unit = found["unit"]
    return StopRule(
        text=" ".join(text.split()),
        name=found["name"],
        day=None if found["day"] is None else float(found["day"]),
        bound=float(found["bound"]),
        unit=None if unit is None else unit.strip(),
        asymptotic=found["asymptotic"] is not None,
    )
