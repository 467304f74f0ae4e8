"""The only maker of random streams."""

from senescape.rng.keys import (
    Purpose,
    absorb,
    draw_key,
    generator,
    lane_key,
    lane_keys,
    stream_word,
    uniform,
)
from senescape.rng.quantiles import (
    EXACT_MEAN,
    FEW,
    binomial_quantile,
    count_quantile,
    geometric_quantile,
    geometric_sum,
    negative_binomial_quantile,
    normal_quantile,
    poisson_quantile,
)

__all__ = [
    "EXACT_MEAN",
    "FEW",
    "Purpose",
    "absorb",
    "binomial_quantile",
    "count_quantile",
    "draw_key",
    "generator",
    "geometric_quantile",
    "geometric_sum",
    "lane_key",
    "lane_keys",
    "negative_binomial_quantile",
    "normal_quantile",
    "poisson_quantile",
    "stream_word",
    "uniform",
]
