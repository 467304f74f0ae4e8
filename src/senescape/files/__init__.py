"""Scenario text in and out; every error names file, line and field."""

from senescape.files.scenarios import bundled, check_scenario, parse_scenario, read_scenario
from senescape.files.schema import scenario_schema

__all__ = ["bundled", "check_scenario", "parse_scenario", "read_scenario", "scenario_schema"]
