"""The only translator: scenario to network, network to Program.

What needs the nouns of a scenario is loaded when it is asked for: a network from SBML does without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from senescape.compile.general import GeneralTable, equalities_with_time
from senescape.compile.lower import lower
from senescape.compile.program import ActionKind, ForcingTable, Program, TransitionKind

if TYPE_CHECKING:
    from senescape.compile.arrows import ROUTES
    from senescape.compile.counting import ORIGINS
    from senescape.compile.scenario import Compiled, compile_scenario, scenario_network

__all__ = [
    "ORIGINS",
    "ROUTES",
    "ActionKind",
    "Compiled",
    "ForcingTable",
    "GeneralTable",
    "Program",
    "TransitionKind",
    "compile_scenario",
    "equalities_with_time",
    "lower",
    "scenario_network",
]

_HOMES = {
    "Compiled": "senescape.compile.scenario",
    "ORIGINS": "senescape.compile.counting",
    "ROUTES": "senescape.compile.arrows",
    "compile_scenario": "senescape.compile.scenario",
    "scenario_network": "senescape.compile.scenario",
}


def __getattr__(name: str) -> Any:
    """Load what is not always needed at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
