"""What all nouns of a scenario share: frozen, no unknown fields, the text kept as written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from senescape.errors import ScenarioError, SenescapeError, UnitError
from senescape.expressions import Expr, parse
from senescape.units import DIMENSIONLESS, Quantity, parse_quantity

_QUANTITY = re.compile(r"\s*[+-]?(\d|\.\d)")


class Noun(BaseModel):
    """Base of every part of a scenario."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit, or a formula over declared names.

    Parameters
    ----------
    text : str
        As written.
    quantity : Quantity or None
        Where the text is a number with a unit (or a plain number).
    formula : Expr or None
        Otherwise.
    """

    text: str
    quantity: Quantity | None = None
    formula: Expr | None = None

    def __str__(self) -> str:
        return self.text


def read_value(given: object) -> Value:
    """Read a number, a number with a unit, or a formula.

    Raises
    ------
    UnitError, ExpressionError
        Neither can be read.

    Examples
    --------
    >>> read_value("15.7 nM*day").quantity.magnitude
    15.7
    >>> str(read_value("2 * growth").formula)
    '2 * growth'
    """
    if isinstance(given, Value):
        return given
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise ScenarioError(
            f"{given!r}",
            allowed="a number with its unit, or a formula over declared names",
            remedy="write for example '100 nM' or 'growth * crowding'",
            check="scenario.value-type",
        )
    if not isinstance(given, str):
        if not math.isfinite(given):
            raise UnitError(
                repr(given),
                allowed="finite numbers",
                remedy="write the number out",
                check="quantity.not-finite",
            )
        return Value(repr(given), Quantity(float(given), DIMENSIONLESS, "1", float(given)))
    if _QUANTITY.match(given):
        try:
            return Value(given, quantity=parse_quantity(given))
        except UnitError as error:
            if error.check not in {"quantity.unit-unknown", "quantity.unit-missing"}:
                raise
            try:
                formula = parse(given)
            except SenescapeError:
                raise error from None
            return Value(given, formula=formula)
    return Value(given, formula=parse(given))


def relay(error: SenescapeError) -> PydanticCustomError:
    """Wrap one of our errors so that pydantic adds where it stands and keeps it whole."""
    return PydanticCustomError("senescape", "{text}", {"text": str(error), "error": error})


def _validate(given: object) -> Value:
    try:
        return read_value(given)
    except SenescapeError as error:
        raise relay(error) from error


VALUE_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "maxLength": 2000}, {"type": "number"}],
    "description": "a number with its unit ('100 nM'), or a formula over declared names",
}

Amount = Annotated[
    Value,
    BeforeValidator(_validate),
    PlainSerializer(lambda value: value.text, return_type=str),
    WithJsonSchema(VALUE_SCHEMA),
]
