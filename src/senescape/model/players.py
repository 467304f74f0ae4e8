"""Those among whom the effect of senescence can be shared out, the same in every scenario."""

from __future__ import annotations

from enum import Enum


class Player(Enum):
    """Those among whom the effect can be shared out."""

    ARREST = "arrest"
    REENTRY = "reentry"
    DELAYED_APOPTOSIS = "delayed_apoptosis"
    CLEARANCE = "clearance"
    FEEDER = "feeder"
    SASP_SURVIVAL = "sasp_survival"
    PARACRINE_ARREST = "paracrine_arrest"
    ESCAPE_PREEXISTING = "escape_preexisting"
    ESCAPE_ACQUIRED = "escape_acquired"


def player_parameter(player: Player) -> str:
    """Return the name of the parameter that switches a player's arrows on and off."""
    return f"player.{player.value}"
