"""What engines produce and assays see: labelled arrays with units."""

from senescape.results.ensemble import Ensemble, Summary
from senescape.results.observed import Group, Observed, Reading, Status
from senescape.results.provenance import Provenance

__all__ = ["Ensemble", "Group", "Observed", "Provenance", "Reading", "Status", "Summary"]
