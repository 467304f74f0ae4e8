"""Units as text at the border, one coherent set of numbers inside.

Canonical units: day, mm (so mm3), kg, pmol (so pmol/mm3 = uM), Gy, cells. The set is coherent: no
conversion factor is ever needed between canonical numbers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from senescape.errors import UnitError, nearest

_BASES = ("time", "length", "mass", "amount", "dose", "count")
_CANONICAL = ("day", "mm", "kg", "pmol", "Gy", "cells")


Exponent = int | Fraction  # a whole exponent is an int: it hashes ten times faster


def _exponent(value: Exponent) -> Exponent:
    return int(value) if value.denominator == 1 else value


@dataclass(frozen=True, slots=True)
class Dimension:
    """Exponents over (time, length, mass, amount, absorbed dose, count of cells)."""

    exponents: tuple[Exponent, ...] = (0,) * len(_BASES)

    def __mul__(self, other: Dimension) -> Dimension:
        return _combined(self, other, 1)

    def __truediv__(self, other: Dimension) -> Dimension:
        return _combined(self, other, -1)

    def __pow__(self, power: float | Fraction) -> Dimension:
        exact = Fraction(power).limit_denominator(1000)
        return Dimension(tuple(_exponent(a * exact) for a in self.exponents))

    @property
    def is_dimensionless(self) -> bool:
        """Whether every exponent is zero."""
        return not any(self.exponents)

    def __str__(self) -> str:
        return _product(_BASES, self.exponents)

    @property
    def canonical_unit(self) -> str:
        """The unit of canonical numbers of this dimension, as text."""
        if self == CONCENTRATION:
            return "uM"
        return _product(_CANONICAL, self.exponents)


# A scenario multiplies the same few dimensions some ten thousand times.
@lru_cache(maxsize=4096)
def _combined(one: Dimension, other: Dimension, sign: int) -> Dimension:
    """Return the product of two dimensions, or their ratio at a sign of -1."""
    pairs = zip(one.exponents, other.exponents, strict=True)
    return Dimension(tuple(_exponent(a + sign * b) for a, b in pairs))


def _product(names: tuple[str, ...], exponents: tuple[Exponent, ...]) -> str:
    def power(name: str, exponent: Exponent) -> str:
        return name if exponent == 1 else f"{name}^{exponent}"

    above = [power(n, e) for n, e in zip(names, exponents, strict=True) if e > 0]
    below = [power(n, -e) for n, e in zip(names, exponents, strict=True) if e < 0]
    if not above and not below:
        return "1"
    return "/".join(["*".join(above) or "1", *below])


def _base(index: int) -> Dimension:
    return Dimension(tuple(int(i == index) for i in range(len(_BASES))))


DIMENSIONLESS = Dimension()
TIME, LENGTH, MASS, AMOUNT, DOSE, COUNT = (_base(i) for i in range(6))
RATE = DIMENSIONLESS / TIME
AREA = LENGTH**2
VOLUME = LENGTH**3
CONCENTRATION = AMOUNT / VOLUME

_ATOMS: dict[str, tuple[float, Dimension]] = {
    "1": (1.0, DIMENSIONLESS),
    "%": (0.01, DIMENSIONLESS),
}


def _declare(dimension: Dimension, **factors: float) -> None:
    for name, factor in factors.items():
        _ATOMS[name] = (factor, dimension)


_declare(TIME, day=1.0, days=1.0, d=1.0, hour=1 / 24, hours=1 / 24, h=1 / 24, week=7.0, weeks=7.0)
_declare(TIME, min=1 / 1440, minute=1 / 1440, minutes=1 / 1440, s=1 / 86400, second=1 / 86400)
_declare(LENGTH, mm=1.0, cm=10.0, m=1e3, um=1e-3, nm=1e-6)
_declare(VOLUME, mm3=1.0, cm3=1e3, mL=1e3, L=1e6, uL=1.0, nL=1e-3, um3=1e-9)
_declare(MASS, kg=1.0, g=1e-3, mg=1e-6, ug=1e-9, ng=1e-12)
_declare(AMOUNT, mol=1e12, mmol=1e9, umol=1e6, nmol=1e3, pmol=1.0)
_declare(CONCENTRATION, M=1e6, mM=1e3, uM=1.0, nM=1e-3, pM=1e-6)
_declare(DOSE, Gy=1.0, cGy=1e-2, mGy=1e-3)
_declare(COUNT, cell=1.0, cells=1.0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit.

    Parameters
    ----------
    value : float
        In canonical units.
    dimension : Dimension
        Of the unit.
    unit : str
        As written; ``1`` where none was.
    magnitude : float
        The number as written.
    """

    value: float
    dimension: Dimension
    unit: str
    magnitude: float


_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(.*)$", re.DOTALL | re.ASCII)
_TOKEN = re.compile(r"\s*([A-Za-z%][A-Za-z0-9]*|\*\*|[*/·^()]|[+-]?[0-9]+)\s*")
MAX_DEPTH = 16


def parse_quantity(text: str | float, *, expect: Dimension | None = None) -> Quantity:
    """Read a number with its unit.

    Parameters
    ----------
    text : str or number
        For example ``"0.3 / day"``, ``"15.7 nM*day"``, ``"8 %"``; a bare number has no dimension.
    expect : Dimension, optional
        The dimension that the place needs.

    Returns
    -------
    Quantity
        With its value in canonical units.

    Raises
    ------
    UnitError
        No number, a number that is not finite, a missing, unknown or unfitting unit.

    Examples
    --------
    >>> parse_quantity("24 h").value
    1.0
    >>> parse_quantity("5 nM", expect=CONCENTRATION).value
    0.005
    """
    if isinstance(text, bool):
        raise _refuse(repr(text), "quantity.not-a-number", "write a number with its unit")
    magnitude, unit = _split(text)
    factor, dimension = _read_unit(unit) if unit else (1.0, DIMENSIONLESS)
    if expect is not None and dimension != expect:
        if not unit:
            raise UnitError(
                f"{text} has no unit",
                allowed=f"a quantity of dimension {expect}, for example in {expect.canonical_unit}",
                remedy="write the unit after the number",
                check="quantity.unit-missing",
            )
        raise UnitError(
            f"{text} has dimension {dimension}",
            allowed=f"dimension {expect}, for example in {expect.canonical_unit}",
            remedy=_hint(unit, expect),
            check="quantity.dimension",
        )
    value = magnitude * factor
    if not math.isfinite(value):
        raise _refuse(str(text), "quantity.not-finite", "write a number below 1e300")
    return Quantity(value, dimension, unit or "1", magnitude)


def _split(text: str | float) -> tuple[float, str]:
    if isinstance(text, int | float):
        magnitude, unit = float(text), ""
    else:
        match = _NUMBER.match(text)
        if not match:
            word = text.strip().lower().lstrip("+-")
            check = (
                "quantity.not-finite"
                if word[:3] in ("nan", "inf")
                or word[:4]
                in (
                    ".nan",
                    ".inf",
                )
                else "quantity.not-a-number"
            )
            raise _refuse(repr(text), check, "begin with a number, for example 0.3 / day")
        magnitude, unit = float(match[1]), match[2].strip()
        if unit[:1] == "," or re.match(r"(?!1\s*/)[\d.]", unit):
            raise _refuse(
                repr(text),
                "quantity.number-format",
                "use a decimal point and no thousands separator",
            )
    if not math.isfinite(magnitude):
        raise _refuse(str(text), "quantity.not-finite", "write a finite number")
    return magnitude, unit


def _refuse(given: str, check: str, remedy: str) -> UnitError:
    return UnitError(given, allowed="a finite number with its unit", remedy=remedy, check=check)


def _hint(unit: str, expect: Dimension) -> str:
    for wrong, right in (("m", "M"), ("M", "m")):
        other = unit[:-1] + right
        if unit.endswith(wrong) and other in _ATOMS and _ATOMS[other][1] == expect:
            return f"units are case sensitive: did you mean {other}?"
    return "check the unit"


@lru_cache(maxsize=4096)
def _read_unit(text: str) -> tuple[float, Dimension]:
    reader = _UnitReader(text)
    found = reader.product()
    if reader.token != "":
        raise _unknown(reader.token, text)
    return found


class _UnitReader:
    """A descent over factors joined by ``*``, ``/`` or a space, with powers and parentheses.

    A quotient binds like a product and groups to the left: ``1/nM*day`` is ``day/nM``.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.token = ""
        self.advance()
        if self.token in ("*", "·", "/"):  # what follows the number of a quantity: 0.3 / day
            self.token, self.position = "1", 0

    def advance(self) -> None:
        """Read the next token; an empty one is the end."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            rest = self.text[self.position :].strip()
            if rest:
                raise _unknown(rest, self.text)
            self.token = ""
            return
        self.token = match[1].replace("**", "^")
        self.position = match.end()

    def product(self) -> tuple[float, Dimension]:
        factor, dimension = self.power()
        while self.token not in ("", ")"):
            divide = self.token == "/"
            if self.token in ("*", "·", "/"):
                self.advance()
            other, kind = self.power()
            factor = self.checked(factor / other if divide else factor * other)
            dimension = dimension / kind if divide else dimension * kind
        return factor, dimension

    def power(self) -> tuple[float, Dimension]:
        factor, dimension = self.base()
        if self.token != "^":
            return factor, dimension
        self.advance()
        if not re.fullmatch(r"[+-]?[0-9]{1,2}", self.token):
            raise _unknown(self.text, self.text)
        exponent = int(self.token)
        self.advance()
        try:
            raised = factor**exponent
        except OverflowError:
            raised = math.inf
        return self.checked(raised), dimension**exponent

    def base(self) -> tuple[float, Dimension]:
        if self.token != "(":
            found = _atom(self.token, self.text)
            self.advance()
            return found
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _unknown(self.text[:40], self.text[:40])
        self.advance()
        found = self.product()
        if self.token != ")":
            raise _unknown(self.text, self.text)
        self.depth -= 1
        self.advance()
        return found

    def checked(self, factor: float) -> float:
        """Refuse a factor that left the range of floats, before it becomes a quiet 0 or inf."""
        if not 0.0 < factor < math.inf:
            raise _refuse(self.text, "quantity.not-finite", "choose a unit nearer to 1")
        return factor


def _atom(name: str, text: str) -> tuple[float, Dimension]:
    if name in _ATOMS:
        return _ATOMS[name]
    found = _from_pint(name) if name[:1].isalpha() else None
    if found is None:
        raise _unknown(name or text, text)
    return found


def _unknown(name: str, text: str) -> UnitError:
    return UnitError(
        f"unit {name.strip()!r} in {text!r} is not known",
        allowed="products and quotients of units such as nM*day, mg/kg, 1/h, cells",
        remedy=nearest(name.strip(), _ATOMS),
        check="quantity.unit-unknown",
    )


def _from_pint(name: str) -> tuple[float, Dimension] | None:
    """Look up a unit that our own table lacks; the library is read on first need only."""
    import pint

    registry = _registry()
    try:
        unit = registry.parse_units(name)
    except (pint.errors.UndefinedUnitError, pint.errors.DefinitionSyntaxError, ValueError):
        return None
    kinds = {
        "[time]": ("day", TIME),
        "[length]": ("mm", LENGTH),
        "[mass]": ("kg", MASS),
        "[substance]": ("pmol", AMOUNT),
    }
    target, dimension = registry.Unit("dimensionless"), DIMENSIONLESS
    for kind, power in unit.dimensionality.items():
        if kind not in kinds:
            return None
        target = target * registry.Unit(kinds[kind][0]) ** power
        dimension = dimension * kinds[kind][1] ** float(power)
    quantity = registry.Quantity(1.0, unit)
    try:
        return float(quantity.to(target).magnitude), dimension
    except pint.errors.OffsetUnitCalculusError:
        return None


@lru_cache(maxsize=1)
def _registry():  # type: ignore[no-untyped-def]  # pint's registry is built dynamically
    import pint

    return pint.UnitRegistry(cache_folder=None)


def is_unit_name(name: str) -> bool:
    """Whether a single word is one of our own unit names (``h``, ``nM``, ``cells``)."""
    return name in _ATOMS


def unit_factor(unit: str) -> float:
    """Return how many canonical units one of ``unit`` is."""
    return _read_unit(unit)[0]


def unit_dimension(unit: str) -> Dimension:
    """Return the dimension of a unit."""
    return _read_unit(unit)[1]


def convert(value: float, unit: str) -> float:
    """Return a canonical number in the named unit.

    Examples
    --------
    >>> round(convert(2.0, "h"), 9)
    48.0
    """
    return value / unit_factor(unit)


def format_quantity(value: float, unit: str) -> str:
    """Return a canonical number as text in the named unit, readable by :func:`parse_quantity`.

    Examples
    --------
    >>> format_quantity(0.5, "h"), format_quantity(0.5, "1")
    ('12 h', '0.5')
    """
    number = f"{convert(value, unit):.4g}"
    return number if unit == "1" else f"{number} {unit}"
