"""Choosing a variant: it must be declared, and hold for what induces senescence here."""

from __future__ import annotations

from senescape.errors import ScenarioError, Where
from senescape.model import Inducer, Scenario, Variant

from .names import unknown


def chosen_variant(scenario: Scenario, name: str, field: str) -> Variant:
    """Return a variant by its name.

    Raises
    ------
    ScenarioError
        It is not declared, or the inducer of the scenario is not one that it holds for.
    """
    if name not in scenario.variants:
        raise unknown("variant", name, scenario.variants, field)
    noun = scenario.variants[name]
    if noun.holds_for(scenario.inducer):
        return noun
    others = [n for n, v in scenario.variants.items() if v.holds_for(scenario.inducer)]
    raise ScenarioError(
        f"variant {name} holds for {noun.only}, and here senescence is induced by"
        f" {_words(scenario.inducer)}",
        allowed=", ".join(others) or "no variant holds here",
        remedy=f"state variants.{name} again with the numbers of this inducer and line",
        check="scenario.variant-inducer",
        where=Where(field=field),
    )


def _words(inducer: Inducer | None) -> str:
    if inducer is None:
        return "nothing that the scenario states"
    line = f" in the line {inducer.line}" if inducer.line else ""
    return f"the class {inducer.class_}{line}"
