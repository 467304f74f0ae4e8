"""Scenario text and tables of readings in and out; every error names file, line and field."""

from senescape.files.scenarios import bundled, check_scenario, parse_scenario, read_scenario
from senescape.files.schema import scenario_schema
from senescape.files.tables import observed_text, parse_observed, read_observed

__all__ = [
    "bundled",
    "check_scenario",
    "observed_text",
    "parse_observed",
    "parse_scenario",
    "read_observed",
    "read_scenario",
    "scenario_schema",
]
