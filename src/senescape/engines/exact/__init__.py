"""Every event of every cell, exact in law also where rates change in time."""

from senescape.engines.exact.coupling import Coupling
from senescape.engines.exact.engine import Exact

__all__ = ["Coupling", "Exact"]
