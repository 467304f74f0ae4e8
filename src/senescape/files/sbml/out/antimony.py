"""Writes a model as Antimony: the same network as short text, for reading eyes.

Units, notes and terms stand in the SBML file alone; the canonical unit of a number is a comment.
"""

from __future__ import annotations

from collections.abc import Iterable

from senescape.units import DIMENSIONLESS

from .infix import HILL, HILL_ARGUMENTS, HILL_BODY, infix
from .nouns import Model, Quantity, Reaction


def antimony_text(model: Model) -> str:
    """Return a model as Antimony text."""
    return "\n".join(_lines(model)) + "\n"


def _lines(model: Model) -> Iterable[str]:
    for note in (model.labels.title, *model.labels.notes):
        yield f"// {' '.join(note.split())}"
    arguments = ", ".join(HILL_ARGUMENTS)
    yield f"function {HILL}({arguments})"
    yield f"  {HILL_BODY};"
    yield "end"
    yield ""
    yield f"model {model.id}()"
    yield "  compartment place;"
    yield "  place = 1;"
    for item in model.species:
        yield f"  substanceOnly species {item.id} in place;  // {item.name}"
        yield f"  {item.id} = {item.amount!r};"
    for quantity in model.quantities:
        yield from _quantity(quantity)
    for reaction in model.reactions:
        yield f"  {reaction.id}: {_sides(reaction)}; {infix(reaction.law)};"
    for dose in model.doses:
        options = ["t0=false", "persistent=true"]
        if dose.rank is not None:
            options += [f"priority={dose.rank}", "fromTrigger=false"]
        given = ", ".join(f"{name} = {infix(value)}" for name, value in dose.assignments)
        yield f"  {dose.id}: at (time >= {dose.time!r}), {', '.join(options)}: {given};"
    yield "end"


def _quantity(item: Quantity) -> Iterable[str]:
    unit = "" if item.dimension == DIMENSIONLESS else f"  // [{item.dimension.canonical_unit}]"
    if item.rule is not None:
        yield f"  {item.id} := {infix(item.rule)};{unit}"
        return
    kind = "const" if item.constant else "var"
    yield f"  {kind} {item.id} = {item.value!r};{unit}"
    if item.rate is not None:
        yield f"  {item.id}' = {infix(item.rate)};"


def _sides(item: Reaction) -> str:
    def side(parts: tuple[tuple[str, int], ...]) -> str:
        return " + ".join(name if count == 1 else f"{count} {name}" for name, count in parts)

    return f"{side(item.reactants)} => {side(item.products)}"
