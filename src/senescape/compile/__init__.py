"""The only translator: scenario to network, network to Program.

What needs the nouns of a scenario is loaded when it is asked for: a network from SBML does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senescape.compile.general import GeneralTable, equalities_with_time
from senescape.compile.lower import lower
from senescape.compile.program import ActionKind, ForcingTable, Program, TransitionKind
from senescape.lazy import loads

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

__getattr__ = loads(__name__, _HOMES)
