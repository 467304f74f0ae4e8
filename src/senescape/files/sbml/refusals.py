"""What SBML may say and no engine here can run: refused by name and line, never run wrongly."""

from __future__ import annotations

from typing import Any, NoReturn

from senescape.errors import ModelError, Where

Plain = dict[str, Any]


def refuse_unsupported(answer: Plain, file: str) -> None:
    """Refuse packages, rules, events and reactions that cannot be run as they are meant.

    Raises
    ------
    ModelError
        Naming the first such element and its line.
    """
    for name, required in answer["packages"]:
        if required:
            refuse(
                file, None, f"the package {name} (required)", "SBML core", "flatten it", "package"
            )
    model = answer["model"]
    for item in model["constraints"]:
        refuse(file, item["line"], "a constraint", "none", "remove it, or watch it", "constraint")
    for rule in model["rules"]:
        if rule["kind"] == "algebraic":
            allowed = "assignment and rate rules"
            refuse(file, rule["line"], "an algebraic rule", allowed, "solve it", "algebraic-rule")
    for reaction in model["reactions"]:
        _refuse_reaction(reaction, file)
    for event in model["events"]:
        name = event["id"] or "without id"
        if event["delay"]:
            what = f"event {name} has a delay"
            refuse(file, event["line"], what, "events without delay", "move its trigger", "delay")
        if event["trigger"] is None:
            what = f"event {name} has no trigger"
            refuse(file, event["line"], what, "a trigger with a formula", "write it", "trigger")


def _refuse_reaction(item: Plain, file: str) -> None:
    name = f"reaction {item['id']}"
    if item["fast"]:
        what = f"{name} is fast (at equilibrium)"
        refuse(file, item["line"], what, "reactions with a rate", "give it a rate", "fast")
    if item["law"] is None:
        refuse(file, item["line"], f"{name} has no kinetic law", "a law", "write it", "no-law")


def refuse(
    file: str, line: int | None, given: str, allowed: str, remedy: str, check: str
) -> NoReturn:
    """Raise the refusal of an element."""
    raise ModelError(
        given, allowed=allowed, remedy=remedy, check=f"sbml.{check}", where=Where(file, line)
    )
