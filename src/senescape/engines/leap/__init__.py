"""Accelerated stochastic engine: counts propagated by exact within-step laws."""

from senescape.engines.leap.engine import Leap

__all__ = ["Leap"]
