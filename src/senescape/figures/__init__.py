"""The only place that draws; one function a noun."""

from senescape.figures.figure1 import figure1
from senescape.figures.style import save, svg_of
from senescape.figures.verdict import (
    census_bars,
    effect_by_regimen,
    effect_curve,
    mean_counts,
    recovered_wells,
    share_bars,
)

__all__ = [
    "census_bars",
    "effect_by_regimen",
    "effect_curve",
    "figure1",
    "mean_counts",
    "recovered_wells",
    "save",
    "share_bars",
    "svg_of",
]
