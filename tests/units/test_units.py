"""Units against pint, an independent table of factors, and every refusal by its check id."""

from __future__ import annotations

import math
from fractions import Fraction

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from senescape.errors import UnitError
from senescape.units import (
    AMOUNT,
    CONCENTRATION,
    COUNT,
    DIMENSIONLESS,
    DOSE,
    LENGTH,
    MASS,
    RATE,
    TIME,
    VOLUME,
    Dimension,
    convert,
    format_quantity,
    parse_quantity,
    unit_dimension,
    unit_factor,
)

# our text: the same unit in pint's words, what pint shall express it in, our dimension
UNITS: dict[str, tuple[str, str, Dimension]] = {
    "1": ("dimensionless", "dimensionless", DIMENSIONLESS),
    "%": ("percent", "dimensionless", DIMENSIONLESS),
    "s": ("second", "day", TIME),
    "min": ("minute", "day", TIME),
    "h": ("hour", "day", TIME),
    "hours": ("hour", "day", TIME),
    "d": ("day", "day", TIME),
    "day": ("day", "day", TIME),
    "week": ("week", "day", TIME),
    "fortnight": ("fortnight", "day", TIME),
    "1/h": ("1/hour", "1/day", RATE),
    "/ min": ("1/minute", "1/day", RATE),
    "h^-1": ("1/hour", "1/day", RATE),
    "nm": ("nanometer", "mm", LENGTH),
    "um": ("micrometer", "mm", LENGTH),
    "cm": ("centimeter", "mm", LENGTH),
    "m": ("meter", "mm", LENGTH),
    "cm^2": ("centimeter**2", "mm**2", LENGTH**2),
    "mm^3": ("millimeter**3", "mm**3", VOLUME),
    "mm3": ("millimeter**3", "mm**3", VOLUME),
    "um3": ("micrometer**3", "mm**3", VOLUME),
    "cm3": ("centimeter**3", "mm**3", VOLUME),
    "L": ("liter", "mm**3", VOLUME),
    "mL": ("milliliter", "mm**3", VOLUME),
    "uL": ("microliter", "mm**3", VOLUME),
    "nL": ("nanoliter", "mm**3", VOLUME),
    "dL": ("deciliter", "mm**3", VOLUME),
    "g": ("gram", "kg", MASS),
    "mg": ("milligram", "kg", MASS),
    "ng": ("nanogram", "kg", MASS),
    "mol": ("mole", "pmol", AMOUNT),
    "umol": ("micromole", "pmol", AMOUNT),
    "nmol": ("nanomole", "pmol", AMOUNT),
    "M": ("mole/liter", "pmol/mm**3", CONCENTRATION),
    "mM": ("millimole/liter", "pmol/mm**3", CONCENTRATION),
    "uM": ("micromole/liter", "pmol/mm**3", CONCENTRATION),
    "nM": ("nanomole/liter", "pmol/mm**3", CONCENTRATION),
    "pM": ("picomole/liter", "pmol/mm**3", CONCENTRATION),
    "Gy": ("gray", "gray", DOSE),
    "cGy": ("centigray", "gray", DOSE),
    "mGy": ("milligray", "gray", DOSE),
    "1/Gy^2": ("1/gray**2", "1/gray**2", DOSE**-2),
    "cells": ("cells", "cells", COUNT),
    "cells/mL": ("cells/milliliter", "cells/mm**3", COUNT / VOLUME),
    "mg/kg": ("milligram/kilogram", "dimensionless", DIMENSIONLESS),
    "mg/kg/day": ("milligram/kilogram/day", "1/day", RATE),
    "mg/(kg*h)": ("milligram/(kilogram*hour)", "1/day", RATE),
    "g/mol": ("gram/mole", "kg/pmol", MASS / AMOUNT),
    "nM*day": ("nanomole/liter*day", "pmol/mm**3*day", CONCENTRATION * TIME),
    "uM h": ("micromole/liter*hour", "pmol/mm**3*day", CONCENTRATION * TIME),
    "1/nM*day": ("day/(nanomole/liter)", "mm**3/pmol*day", TIME / CONCENTRATION),
    "1/(nM*day)": ("1/(nanomole/liter*day)", "mm**3/pmol/day", RATE / CONCENTRATION),
    "1/(nM day)": ("1/(nanomole/liter*day)", "mm**3/pmol/day", RATE / CONCENTRATION),
    "1/nM/day": ("1/(nanomole/liter*day)", "mm**3/pmol/day", RATE / CONCENTRATION),
    "(mL/h)/(mg/mL)": ("milliliter**2/hour/milligram", "mm**6/day/kg", VOLUME**2 * RATE / MASS),
    "(cm/h)^2": ("(centimeter/hour)**2", "mm**2/day**2", LENGTH**2 * RATE**2),
    "((um**2))/s": ("micrometer**2/second", "mm**2/day", LENGTH**2 * RATE),
    "nmol/(mL*(day*kg))": (
        "nanomole/milliliter/day/kilogram",
        "pmol/mm**3/day/kg",
        CONCENTRATION * RATE / MASS,
    ),
}


@pytest.fixture(scope="module")
def registry() -> pint.UnitRegistry:
    table = pint.UnitRegistry(cache_folder=None)
    table.define("cells = [cell_count]")
    return table


@pytest.mark.parametrize("text", UNITS)
def test_the_factor_of_a_unit_is_that_of_pint(text: str, registry: pint.UnitRegistry) -> None:
    theirs, canonical, _ = UNITS[text]
    expected = float(registry.Quantity(1.0, theirs).to(canonical).magnitude)
    assert unit_factor(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", UNITS)
def test_the_dimension_of_a_unit_is_the_one_in_the_table(text: str) -> None:
    dimension = UNITS[text][2]
    assert unit_dimension(text) == dimension
    assert parse_quantity(f"2 * {text.lstrip('/ ')}").value == 2 * unit_factor(text.lstrip("/ "))
    if text != "1":
        assert parse_quantity(f"2 {text}", expect=dimension).value == 2 * unit_factor(text)


@pytest.mark.parametrize("dimension", sorted({u[2] for u in UNITS.values()}, key=str), ids=str)
def test_the_canonical_unit_of_a_dimension_has_factor_one(dimension: Dimension) -> None:
    assert unit_factor(dimension.canonical_unit) == 1.0
    assert unit_dimension(dimension.canonical_unit) == dimension


QUANTITIES = {
    "0.3 / day": 0.3,
    "24 h": 1.0,
    "15.7 nM*day": 0.0157,
    "8 %": 0.08,
    " -2.5e-1 mm ": -0.25,
    ".5 week": 3.5,
    "3. d": 3.0,
    "+1E3 cells": 1000.0,
    "5 1/h": 120.0,
    "6 /(nM*day)": 6000.0,
    "10mg/kg": 1e-5,
    "7": 7.0,
}


@pytest.mark.parametrize("text", QUANTITIES)
def test_a_number_with_its_unit_has_the_canonical_value(text: str) -> None:
    assert parse_quantity(text).value == pytest.approx(QUANTITIES[text], rel=1e-14)


def test_a_quantity_keeps_what_was_written() -> None:
    quantity = parse_quantity("36 h", expect=TIME)
    assert (quantity.magnitude, quantity.unit, quantity.value) == (36.0, "h", 1.5)
    assert parse_quantity(4).unit == "1"


ROUND_TRIP = ["day", "h", "nM", "mg/kg", "1/(nM*day)", "cells/mL", "Gy", "mm^3", "%", "1"]


@given(
    magnitude=st.floats(-1e12, 1e12).filter(lambda x: x == 0.0 or abs(x) > 1e-12),
    unit=st.sampled_from(ROUND_TRIP),
)
def test_text_of_a_quantity_reads_back_to_four_digits(magnitude: float, unit: str) -> None:
    value = magnitude * unit_factor(unit)
    again = parse_quantity(format_quantity(value, unit), expect=unit_dimension(unit))
    assert again.value == pytest.approx(value, rel=5.01e-4, abs=0.0)
    assert again.unit == unit


@given(value=st.floats(1e-200, 1e200), unit=st.sampled_from(sorted(UNITS)))
def test_convert_undoes_the_factor(value: float, unit: str) -> None:
    assert convert(value, unit) * unit_factor(unit) == pytest.approx(value, rel=1e-14)


_SIMPLE = st.sampled_from(["day", "nM", "mg", "mm", "cells", "Gy", "1"])


@st.composite
def nested_units(draw: st.DrawFn, depth: int = 3) -> tuple[str, float, Dimension]:
    """Text of a unit with parentheses, its factor and its dimension, built bottom up."""
    if depth == 0 or draw(st.booleans()):
        name = draw(_SIMPLE)
        return name, unit_factor(name), unit_dimension(name)
    left, right = draw(nested_units(depth - 1)), draw(nested_units(depth - 1))
    power = draw(st.integers(-2, 2))
    divide = draw(st.booleans())
    sign = -1 if divide else 1
    text = f"(({left[0]}){'/' if divide else '*'}({right[0]}))^{power}"
    factor = (left[1] * right[1] ** sign) ** power
    return text, factor, (left[2] * right[2] ** sign) ** power


@given(unit=nested_units())
def test_parentheses_group_to_any_depth(unit: tuple[str, float, Dimension]) -> None:
    text, factor, dimension = unit
    assert unit_factor(text) == pytest.approx(factor, rel=1e-10)
    assert unit_dimension(text) == dimension


REFUSED: dict[str, tuple[object, Dimension | None, str]] = {
    "empty": ("", None, "quantity.not-a-number"),
    "unit without a number": ("nM", None, "quantity.not-a-number"),
    "word": ("about 3 day", None, "quantity.not-a-number"),
    "sign alone": ("- day", None, "quantity.not-a-number"),
    "two signs": ("--3 day", None, "quantity.not-a-number"),
    "a truth value": (True, None, "quantity.not-a-number"),
    "other digits": ("\u0663 day", None, "quantity.not-a-number"),
    "nan": ("nan day", None, "quantity.not-finite"),
    "infinity": ("-Infinity", None, "quantity.not-finite"),
    "YAML infinity": (".inf", None, "quantity.not-finite"),
    "float nan": (math.nan, None, "quantity.not-finite"),
    "float infinity": (math.inf, None, "quantity.not-finite"),
    "too large a number": ("1e400 day", None, "quantity.not-finite"),
    "too large in canonical units": ("1e300 mol", None, "quantity.not-finite"),
    "too large a unit": ("1 mol^99", None, "quantity.not-finite"),
    "too small a unit": ("1 /(pM^99)", None, "quantity.not-finite"),
    "decimal comma": ("0,3 day", None, "quantity.number-format"),
    "thousands comma": ("1,000 cells", None, "quantity.number-format"),
    "thousands space": ("1 000 cells", None, "quantity.number-format"),
    "two points": ("1.000.000 cells", None, "quantity.number-format"),
    "number for a unit": ("5 1", None, "quantity.number-format"),
    "mixed fraction": ("2 1/2 day", None, "quantity.unit-unknown"),
    "range": ("1-2 day", None, "quantity.unit-unknown"),
    "underscore": ("1_000 cells", None, "quantity.unit-unknown"),
    "hexadecimal": ("0x10", None, "quantity.unit-unknown"),
    "half an exponent": ("1e day", None, "quantity.unit-unknown"),
    "fraction": ("1/2 day", None, "quantity.unit-unknown"),
    "no unit": ("3", TIME, "quantity.unit-missing"),
    "bare number": (3, TIME, "quantity.unit-missing"),
    "another dimension": ("3 nM", TIME, "quantity.dimension"),
    "a rate for a time": ("3 / day", TIME, "quantity.dimension"),
    "a unit where none belongs": ("3 day", DIMENSIONLESS, "quantity.dimension"),
    "Celsius": ("37 degC", None, "quantity.unit-unknown"),
    "Kelvin": ("310 K", None, "quantity.unit-unknown"),
    "volt": ("3 V", None, "quantity.unit-unknown"),
    "unknown": ("3 wobble", None, "quantity.unit-unknown"),
    "open parenthesis": ("1 /(nM*day", None, "quantity.unit-unknown"),
    "close parenthesis": ("1 /nM*day)", None, "quantity.unit-unknown"),
    "empty parentheses": ("1 ()", None, "quantity.unit-unknown"),
    "parentheses around an operator": ("1 day(*)h", None, "quantity.unit-unknown"),
    "too deep": ("1 " + "(" * 5000 + "day" + ")" * 5000, None, "quantity.unit-unknown"),
    "trailing operator": ("1 nM*", None, "quantity.unit-unknown"),
    "two operators": ("1 nM*/day", None, "quantity.unit-unknown"),
    "power of a power": ("1 mm^2^2", None, "quantity.unit-unknown"),
    "broken power": ("1 mm^0.5", None, "quantity.unit-unknown"),
    "huge power": ("1 mm^100", None, "quantity.unit-unknown"),
    "power without a base": ("1 ^2", None, "quantity.unit-unknown"),
    "number inside": ("1 2*day", None, "quantity.number-format"),
    "number behind": ("1 day*2", None, "quantity.unit-unknown"),
    "sum": ("1 day + h", None, "quantity.unit-unknown"),
    "attribute": ("1 day.__class__", None, "quantity.unit-unknown"),
    "call": ("1 exit()", None, "quantity.unit-unknown"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_quantity_is_refused(case: str) -> None:
    text, expect, check = REFUSED[case]
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, expect=expect)  # type: ignore[arg-type]
    assert caught.value.check == check
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "near"), [("3 weaks", "weeks"), ("3 minuts", "minutes"), ("3 /(nmoll*day)", "nmol")]
)
def test_an_unknown_unit_names_the_nearest(text: str, near: str) -> None:
    with pytest.raises(UnitError, match=f"did you mean {near}") as caught:
        parse_quantity(text)
    assert caught.value.check == "quantity.unit-unknown"


@pytest.mark.parametrize(
    ("text", "expect", "near"),
    [("3 nm", CONCENTRATION, "nM"), ("3 nM", LENGTH, "nm"), ("3 mm", CONCENTRATION, "mM")],
)
def test_wrong_case_of_a_unit_is_pointed_out(text: str, expect: Dimension, near: str) -> None:
    with pytest.raises(UnitError, match=f"did you mean {near}") as caught:
        parse_quantity(text, expect=expect)
    assert caught.value.check == "quantity.dimension"


def test_dimensions_multiply_divide_and_take_broken_powers() -> None:
    assert RATE * TIME == DIMENSIONLESS
    assert (RATE * TIME).is_dimensionless
    assert VOLUME / LENGTH == LENGTH**2
    assert (VOLUME ** (1 / 3)).exponents == LENGTH.exponents
    assert (TIME**0.5).exponents[0] == Fraction(1, 2)
    assert str(CONCENTRATION / TIME) == "amount/time/length^3"
