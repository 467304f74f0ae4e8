"""Scenario text, tables of readings and SBML in and out; every error names file, line and field.

Scenarios and tables are loaded when they are asked for: SBML needs no YAML and no Pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senescape.files.sbml import parse_sbml, read_sbml
from senescape.lazy import loads

if TYPE_CHECKING:
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

_HOMES = {
    "bundled": "senescape.files.scenarios",
    "check_scenario": "senescape.files.scenarios",
    "observed_text": "senescape.files.tables",
    "parse_observed": "senescape.files.tables",
    "parse_scenario": "senescape.files.scenarios",
    "read_observed": "senescape.files.tables",
    "read_scenario": "senescape.files.scenarios",
    "scenario_schema": "senescape.files.schema",
}

__getattr__ = loads(__name__, _HOMES)
