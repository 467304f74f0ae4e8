"""What is varied: a parameter of a scenario, over levels, over a range, or as its prior says."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senescape.cohort.draws import quantiles
from senescape.compile.numbers import scenario_names
from senescape.errors import RunError, UnitError, nearest
from senescape.model import Scenario
from senescape.units import DIMENSIONLESS, Dimension, parse_quantity

Float = NDArray[np.float64]

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*(.*)")
_LEVELS = re.compile(rf"\s*({NUMBER}(?:\s*,\s*{NUMBER})*)\s*(.*)")
GRAMMAR = "NAME=LOW..HIGH UNIT, NAME=A,B,C UNIT, or NAME alone for its prior"


@dataclass(frozen=True, slots=True)
class Factor:
    """A parameter that is varied.

    Parameters
    ----------
    name, unit : str
        The unit is that of the numbers here; "1" for a pure number.
    scale : float
        Canonical units in one of ``unit``.
    levels : tuple of float
        The values of a grid; empty for a range.
    low, high : float
        Of a range.
    log : bool
        Equal steps of the logarithm.
    scenario : Scenario, optional
        Where the prior stands that is used in place of a range.
    """

    name: str
    unit: str
    scale: float
    levels: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    scenario: Scenario | None = None

    def words(self) -> str:
        """Return what is varied, and how, as a provenance holds it."""
        if self.scenario is not None:
            return f"{self.name} as its prior says"
        if self.levels:
            return f"{self.name}={','.join(f'{level!r}' for level in self.levels)} {self.unit}"
        steps = " by logarithms" if self.log else ""
        return f"{self.name}={self.low!r}..{self.high!r} {self.unit}{steps}"

    def at(self, shares: Float) -> Float:
        """Return the values at shares from 0 to 1 of the range, or of the prior."""
        if self.scenario is not None:
            return _of_prior(self.scenario, self.name, shares) / self.scale
        if self.log:
            found: Float = self.low * np.exp(math.log(self.high / self.low) * shares)
            return found
        return self.low + (self.high - self.low) * shares


def factor_of(scenario: Scenario, text: str, *, log: bool = False) -> Factor:
    """Read what is varied from text.

    Parameters
    ----------
    text : str
        ``growth=0.2..0.9 / day``, ``escape=1e-9,1e-7``, or ``growth`` alone: as its prior says.
    log : bool
        Of a range: equal steps of the logarithm.

    Raises
    ------
    SenescapeError
        A parameter that is not there, is a formula or has no prior; numbers or units that cannot be
        read or do not fit; a range that ends before it begins, or whose logarithm is not there.

    Examples
    --------
    >>> from senescape.files import read_scenario
    >>> factor_of(read_scenario("figure-1"), "growth=0.2..0.9 / day").at(np.array([0.5]))
    array([0.55])
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    dimension = _dimension(scenario, name)
    if not equals:
        if name not in scenario.uncertainty.parameters:
            raise _refused(
                f"{name} without values, and without a prior",
                f"NAME=LOW..HIGH UNIT, or one of {', '.join(scenario.uncertainty.parameters)}",
                "state a range or levels",
                "design.no-prior",
            )
        return Factor(name, dimension.canonical_unit, 1.0, scenario=scenario)
    span, levels = _RANGE.fullmatch(rest), _LEVELS.fullmatch(rest)
    if span is not None:
        scale, unit = _unit(name, span[3], dimension)
        low, high = float(span[1]), float(span[2])
        if not low < high < math.inf or (log and low <= 0.0):
            raise _refused(
                f"{name} from {low:g} to {high:g}{' by logarithms' if log else ''}",
                "finite numbers, the larger one last" + (", all above 0" if log else ""),
                "correct the range",
                "design.range",
            )
        return Factor(name, unit, scale, low=low, high=high, log=log)
    if levels is not None and not log:
        scale, unit = _unit(name, levels[2], dimension)
        values = tuple(float(word) for word in levels[1].split(","))
        if not all(map(math.isfinite, values)) or len(set(values)) < len(values):
            raise _refused(
                f"{name} at {levels[1]}", "finite numbers, each once", "correct it", "design.levels"
            )
        return Factor(name, unit, scale, levels=values)
    raise _refused(
        f"{text.strip()[:60]}{' by logarithms' if log else ''}",
        GRAMMAR if not log else "NAME=LOW..HIGH UNIT where --log NAME stands",
        "for example growth=0.2..0.9 / day",
        "design.factor",
    )


def _dimension(scenario: Scenario, name: str) -> Dimension:
    noun = scenario.parameters.get(name)
    known = [n for n, p in scenario.parameters.items() if p.value.quantity is not None]
    if noun is None or noun.value.quantity is None:
        raise _refused(
            f"{name or 'nothing'} is {'a formula' if noun is not None else 'no parameter'}",
            f"a number among the parameters of {scenario.name}",
            nearest(name, known),
            "design.unknown-parameter",
        )
    return noun.value.quantity.dimension


def _unit(name: str, text: str, dimension: Dimension) -> tuple[float, str]:
    """Return canonical units in one of a unit, and the unit."""
    text = text.strip()
    if not text and dimension == DIMENSIONLESS:
        return 1.0, "1"
    try:
        shown = f"1 {text}" if text.startswith("/") else text
        return parse_quantity(f"1 {text}", expect=dimension).value, shown
    except UnitError as error:
        raise _refused(
            f"{name} in {text or 'no unit'}",
            f"a unit like {dimension.canonical_unit}",
            error.remedy,
            "design.unit",
        ) from None


def _of_prior(scenario: Scenario, name: str, shares: Float) -> Float:
    """Return quantiles of a prior, canonical units; its chance of being exactly 0 comes first."""
    from scipy import stats

    names = scenario_names(scenario)
    noun = scenario.uncertainty.parameters[name]
    dimension, centre = names.values[name]
    left = np.clip((shares - noun.zero) / (1.0 - noun.zero) if noun.zero < 1.0 else shares, 0, 1)
    place = f"uncertainty.parameters.{name}"
    drawn = quantiles(names, noun, stats.norm.ppf(left), centre, dimension, place)
    return np.where(shares < noun.zero, 0.0, drawn)


def _refused(given: str, allowed: str, remedy: str, check: str) -> RunError:
    return RunError(given, allowed=allowed, remedy=remedy, check=check)
