"""Drugs, radiation and regimens."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from senescape.errors import SenescapeError, Where

from .base import VALUE_SCHEMA, Amount, Noun, Value, read_value, relay
from .cells import Name
from .refusal import first_problem


class Medium(Noun):
    """A drug in culture medium: its concentration is what the regimen sets.

    ``cell_half_life`` is the half-life of its exchange with the cell (retention): 0 or absent: the
    cell follows the medium. ``decay``: loss in the medium itself, per time.
    """

    model: Literal["medium"]
    cell_half_life: Amount | None = None
    decay: Amount | None = None


class Compartmental(Noun):
    """A drug in a body: one or two compartments, bolus, infusion or oral.

    ``volume`` and ``clearance`` may be per body mass. Exactly one of ``half_life``, ``clearance``
    and ``elimination`` is given.
    """

    model: Literal["one_compartment", "two_compartment"]
    volume: Amount
    half_life: Amount | None = None
    clearance: Amount | None = None
    elimination: Amount | None = None
    to_tissue: Amount | None = None
    from_tissue: Amount | None = None
    absorption: Amount | None = None
    bioavailability: Amount = Field(default=1, validate_default=True)
    unbound: Amount = Field(default=1, validate_default=True)
    effect_delay: Amount | None = None


class Drug(Noun):
    """A drug; formulas read its concentration at the site of action under its name."""

    label: str = ""
    molar_mass: Amount | None = None
    kinetics: Annotated[Medium | Compartmental, Field(discriminator="model")]


class Lethal(Noun):
    """Cells of ``from`` killed by a fraction (linear-quadratic law) go to ``to``, or vanish."""

    from_: Annotated[tuple[Name, ...], Field(alias="from")]
    to: Name | None = None


class Radiation(Noun):
    """Radiation by the linear-quadratic law: survival exp(-(alpha D + G beta D^2)).

    ``dose_protraction`` is G (1 for an acute fraction). ``damage`` adds
    ``per_gray * D + per_gray2 * G * D^2`` to the signal ``feeds``.
    """

    label: str = ""
    alpha: Amount
    beta: Amount
    dose_protraction: Amount = Field(default=1, validate_default=True)
    lethal: Lethal | None = None
    feeds: Name | None = None
    per_gray: Amount | None = None
    per_gray2: Amount | None = None


class Every(Noun):
    """Times that repeat: ``first``, ``first + every``, ... (``times`` of them)."""

    first: Amount
    every: Amount
    times: Annotated[int, Field(ge=1, le=100_000)]


def _read_times(given: object) -> tuple[Value, ...] | Every:
    if isinstance(given, Every):
        return given
    if isinstance(given, dict):
        try:
            return Every.model_validate(given)
        except ValidationError as error:
            raise first_problem(error, Every) from error
    items = given if isinstance(given, (list, tuple)) else [given]
    read = []
    for index, item in enumerate(items):
        try:
            read.append(read_value(item))
        except SenescapeError as error:
            field = f"[{index}]" if isinstance(given, (list, tuple)) else None
            raise relay(error.at(Where(field=field))) from error
    return tuple(read)


def _write_times(times: tuple[Value, ...] | Every) -> object:
    return times.model_dump(mode="json") if isinstance(times, Every) else [t.text for t in times]


Times = Annotated[
    tuple[Value, ...] | Every,
    PlainValidator(_read_times),
    PlainSerializer(_write_times),
    WithJsonSchema(
        {
            "anyOf": [
                VALUE_SCHEMA,
                {"type": "array", "items": VALUE_SCHEMA},
                {
                    "type": "object",
                    "properties": {
                        "first": VALUE_SCHEMA,
                        "every": VALUE_SCHEMA,
                        "times": {"type": "integer", "minimum": 1, "maximum": 100_000},
                    },
                    "required": ["first", "every", "times"],
                    "additionalProperties": False,
                },
            ],
            "description": "one time, a list of times, or times that repeat",
        }
    ),
]


class Bath(Noun):
    """Medium with drug between two times; without ``to``, until it is washed out."""

    bath: Name
    concentration: Amount
    from_: Amount = Field(alias="from")
    to: Amount | None = None


class Dose(Noun):
    """A dose at stated times: an amount, a mass, or either per body mass."""

    dose: Name
    amount: Amount | None = None
    per_body_mass: Amount | None = None
    route: Literal["bolus", "oral"] = "bolus"
    at: Times


class Infusion(Noun):
    """A constant infusion of a total amount between two times."""

    infusion: Name
    amount: Amount | None = None
    per_body_mass: Amount | None = None
    from_: Amount = Field(alias="from")
    to: Amount


class Fraction(Noun):
    """Fractions of radiation."""

    fraction: Name
    dose: Amount
    at: Times


class Washout(Noun):
    """The medium is exchanged; what is inside the cells stays."""

    washout: Name
    at: Times


class Look(Noun):
    """A visit: where the condition holds, later doses of a drug are held, reduced or resumed."""

    visit: Times
    when: Amount
    then: Literal["hold", "reduce", "resume"]
    drug: Name
    factor: Amount | None = None


KINDS = ("bath", "dose", "infusion", "fraction", "washout", "visit")
Entry = Bath | Infusion | Fraction | Washout | Look | Dose


class Regimen(Noun):
    """What is given, in the order written where times are equal."""

    label: str = ""
    give: tuple[Entry, ...] = ()
    set: dict[Name, Amount] = Field(default_factory=dict)

    @field_validator("give", mode="before")
    @classmethod
    def _by_kind(cls, given: object) -> object:
        """Choose each entry's type by its first key, so that an error names the right fields."""
        if not isinstance(given, (list, tuple)):
            return given
        types = dict(zip(KINDS, (Bath, Dose, Infusion, Fraction, Washout, Look), strict=True))
        made = []
        for index, item in enumerate(given):
            if not isinstance(item, dict):
                made.append(item)
                continue
            # a fraction also has a field `dose`: the order of this list decides
            kind = next((k for k in ("fraction", *KINDS) if k in item), None)
            if kind is None:
                raise PydanticCustomError(
                    "entry_kind",
                    "entry {number} has none of the keys {kinds}",
                    {"number": index + 1, "kinds": ", ".join(KINDS), "index": index},
                )
            made.append((index, types[kind], item))
        return tuple(_entry(m) if isinstance(m, tuple) else m for m in made)


def _entry(item: tuple[int, type[Noun], dict[str, object]]) -> Noun:
    index, kind, fields = item
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise first_problem(error, kind, prefix=(index,)) from error
