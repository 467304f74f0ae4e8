"""Scenario text, tables of readings and SBML in and out; every error names file, line and field."""

from senescape.files.sbml import parse_sbml, read_sbml
from senescape.files.scenarios import bundled, check_scenario, parse_scenario, read_scenario
from senescape.files.schema import scenario_schema
from senescape.files.tables import observed_text, parse_observed, read_observed

__all__ = [
    "bundled",
    "check_scenario",
    "observed_text",
    "parse_observed",
    "parse_sbml",
    "parse_scenario",
    "read_observed",
    "read_sbml",
    "read_scenario",
    "scenario_schema",
]
