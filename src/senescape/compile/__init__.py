"""The only translator: scenario to network, network to Program."""

from senescape.compile.arrows import ROUTES
from senescape.compile.counting import ORIGINS
from senescape.compile.general import GeneralTable, equalities_with_time
from senescape.compile.lower import lower
from senescape.compile.program import ActionKind, ForcingTable, Program, TransitionKind
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
