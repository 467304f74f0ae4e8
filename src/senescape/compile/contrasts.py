"""The contrasts of a scenario: every regimen and variant known before anything runs."""

from __future__ import annotations

from senescape.model import Scenario, Setting

from .names import unknown
from .variants import chosen_variant


def check_contrasts(scenario: Scenario) -> None:
    """Refuse a contrast between settings that do not exist."""
    for name, noun in scenario.contrasts.items():
        for side, setting in (("left", noun.left), ("right", noun.right)):
            place = f"contrasts.{name}.{side}"
            regimen = setting.regimen or (scenario.outcome and scenario.outcome.regimen) or ""
            if regimen not in scenario.regimens:
                raise unknown("regimen", regimen, scenario.regimens, f"{place}.regimen")
            if setting.variant is not None:
                chosen_variant(scenario, setting.variant, f"{place}.variant")


def regimen_in(scenario: Scenario, setting: Setting) -> str:
    """Return the regimen of a setting: its own, or the one that the headline is about."""
    if setting.regimen is not None:
        return setting.regimen
    assert scenario.outcome is not None and scenario.outcome.regimen is not None
    return scenario.outcome.regimen
