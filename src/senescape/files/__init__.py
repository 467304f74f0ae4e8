"""Scenario text, tables of readings and SBML in and out; every error names file, line and field.

Scenarios and tables are loaded when they are asked for: SBML needs no YAML and no Pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from senescape.files.sbml import parse_sbml, read_sbml

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


def __getattr__(name: str) -> Any:
    """Load what is not always needed at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
