"""The only place that draws; one function a noun."""

from senescape.figures.census import census_bars, census_worlds
from senescape.figures.comparison import comparison
from senescape.figures.expectations import expectation_intervals
from senescape.figures.figure1 import figure1
from senescape.figures.style import save, svg_of
from senescape.figures.survival import survival_curves
from senescape.figures.verdict import effect_by_regimen, effect_curve, share_bars
from senescape.figures.wells import mean_counts, recovered_wells

__all__ = [
    "census_bars",
    "census_worlds",
    "comparison",
    "effect_by_regimen",
    "effect_curve",
    "expectation_intervals",
    "figure1",
    "mean_counts",
    "recovered_wells",
    "save",
    "share_bars",
    "survival_curves",
    "svg_of",
]
