"""Settings of a scenario (regimen, variant): each known before anything runs."""

from __future__ import annotations

from senescape.model import Scenario, Setting

from .names import unknown
from .variants import chosen_variant


def check_contrasts(scenario: Scenario) -> None:
    """Refuse a contrast between settings that do not exist."""
    for name, noun in scenario.contrasts.items():
        for side, setting in (("left", noun.left), ("right", noun.right)):
            check_setting(scenario, setting, f"contrasts.{name}.{side}")


def check_setting(scenario: Scenario, setting: Setting, place: str) -> None:
    """Refuse a regimen or a variant that does not exist or does not hold here."""
    regimen = regimen_of(scenario, setting)
    if regimen not in scenario.regimens:
        raise unknown("regimen", regimen, scenario.regimens, f"{place}.regimen")
    if setting.variant is not None:
        chosen_variant(scenario, setting.variant, f"{place}.variant")


def regimen_of(scenario: Scenario, setting: Setting) -> str:
    """Return the regimen of a setting: its own, or the one that the headline is about, or none."""
    if setting.regimen is not None:
        return setting.regimen
    return (scenario.outcome and scenario.outcome.regimen) or ""
