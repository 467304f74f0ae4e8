"""Reading scenarios: by name, by path, from text; the digest; the schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from senescape.compile.question import question_of
from senescape.errors import SenescapeError
from senescape.files import bundled, parse_scenario, read_scenario, scenario_schema

from .test_bad_scenarios import GOOD


def refused(name: str | Path) -> SenescapeError:
    with pytest.raises(SenescapeError) as caught:
        read_scenario(name)
    assert "\n" not in str(caught.value)
    return caught.value


def test_bundled_scenarios_are_good() -> None:
    assert "mcf7-doxorubicin" in bundled()
    for name in bundled():
        scenario = read_scenario(name)
        assert scenario.name == name
        assert all(
            p.source == "assumption" or p.source in scenario.citations
            for p in scenario.parameters.values()
        )


def test_a_path_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert read_scenario(file) == parse_scenario(GOOD)


def test_a_misspelt_name_offers_the_nearest() -> None:
    error = refused("mcf7-doxorubicine")
    assert error.check == "file.unknown-scenario" and "did you mean mcf7-doxorubicin?" in str(error)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.yaml").check == "file.missing"
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert refused(folder).check == "file.folder"
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert refused(binary).check == "file.encoding"


def test_layout_and_comments_do_not_change_the_digest() -> None:
    spaced = "# a comment\n" + GOOD.replace("\n", "\n\n")
    assert parse_scenario(spaced).digest == parse_scenario(GOOD).digest
    changed = GOOD.replace("value: 0.6 / day", "value: 0.7 / day")
    assert parse_scenario(changed).digest != parse_scenario(GOOD).digest


def test_a_scenario_without_question_can_be_read_but_not_judged() -> None:
    scenario = parse_scenario(GOOD[: GOOD.index("outcome:")])
    with pytest.raises(SenescapeError) as caught:
        question_of(scenario)
    assert caught.value.check == "scenario.no-outcome"


def test_numbers_are_read_as_strict_yaml_says() -> None:
    text = GOOD.replace("smallest_difference: 0.05", "smallest_difference: 5e-2")
    assert parse_scenario(text).outcome is not None
    text = GOOD.replace("label: untreated", "label: no")
    assert parse_scenario(text).regimens["control"].label == "no"


def test_the_schema_is_json_and_names_every_section() -> None:
    schema = scenario_schema()
    json.dumps(schema)
    assert schema["additionalProperties"] is False
    for section in ("cells", "arrows", "drugs", "regimens", "uncertainty", "variation", "outcome"):
        assert section in schema["properties"]
    assert set(schema["else"]["required"]) >= {
        "senescape",
        "name",
        "title",
        "setting",
        "cells",
        "arrows",
    }
    entries = json.dumps(schema["$defs"])
    for kind in ("bath", "infusion", "fraction", "washout", "visit"):
        assert f'"{kind}"' in entries
