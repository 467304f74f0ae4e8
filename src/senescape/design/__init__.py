"""Designs of experiments: which points to try, and what a scenario shows at each of them."""

from senescape.design.factors import Factor, factor_of
from senescape.design.points import KINDS, Design, design_of, grid, latin_hypercube, sobol
from senescape.design.sweeps import sweep

__all__ = [
    "KINDS",
    "Design",
    "Factor",
    "design_of",
    "factor_of",
    "grid",
    "latin_hypercube",
    "sobol",
    "sweep",
]
