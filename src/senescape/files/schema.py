"""The JSON Schema of the scenario format, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from senescape.model import Scenario


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario."""
    schema = Scenario.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "senescape scenario, version 1",
        **{k: v for k, v in schema.items() if k != "title"},
    }
