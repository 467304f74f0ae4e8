"""The only translator: scenario to network, network to Program."""

from senescape.compile.lower import lower
from senescape.compile.program import ActionKind, ForcingTable, Program, TransitionKind

__all__ = ["ActionKind", "ForcingTable", "Program", "TransitionKind", "lower"]
