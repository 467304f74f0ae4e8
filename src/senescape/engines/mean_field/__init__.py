"""The deterministic engine: expected numbers of cells, stages expanded, doses exact."""

from senescape.engines.mean_field.engine import MeanField, flagged_compartments
from senescape.engines.mean_field.outcome import SolverOutcome
from senescape.engines.mean_field.plain import plain_flows

__all__ = ["MeanField", "SolverOutcome", "flagged_compartments", "plain_flows"]
