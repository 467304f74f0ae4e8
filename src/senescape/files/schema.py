"""The JSON Schema of the scenario format, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from senescape.model import Scenario


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file.

    A file that ``extends`` another scenario may leave out what that one says.
    """
    schema = Scenario.model_json_schema(by_alias=True)
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "the name or path of a scenario that this one is laid over",
    }
    complete = {"required": schema.pop("required")}
    schema["if"], schema["else"] = {"required": ["extends"]}, complete
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "senescape scenario, version 1",
        **{k: v for k, v in schema.items() if k != "title"},
    }
