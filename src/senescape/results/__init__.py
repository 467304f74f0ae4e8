"""What engines produce and assays see: labelled arrays with units."""

from senescape.results.ensemble import Ensemble, Summary
from senescape.results.observed import Group, Observed, Reading, Status
from senescape.results.precision import (
    ALPHA,
    ASYMPTOTIC_FROM,
    BLOCK,
    Asymptotic,
    Bounded,
    Looks,
    Precision,
    Sequence,
)
from senescape.results.provenance import Provenance

__all__ = [
    "ALPHA",
    "ASYMPTOTIC_FROM",
    "BLOCK",
    "Asymptotic",
    "Bounded",
    "Ensemble",
    "Group",
    "Looks",
    "Observed",
    "Precision",
    "Provenance",
    "Reading",
    "Sequence",
    "Status",
    "Summary",
]
