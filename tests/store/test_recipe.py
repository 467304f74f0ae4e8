"""Digests: the same for the same numbers, another for every change that could change a number.

Oracle: scenarios written in two ways by hand, and one planted change at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from tests.cohort.test_simulate import TEXT
from tests.store.recipes import recipe

from senescape.engines.exact import Coupling, Exact
from senescape.engines.leap import Leap
from senescape.files import bundled, parse_scenario, read_scenario
from senescape.store import canonical_scenario, differences, scenario_digest
from senescape.store.recipe import content_digest
from senescape.store.versions import code_version, engine_recipe

SCENARIO = parse_scenario(TEXT)


def test_units_comments_and_sources_change_no_digest() -> None:
    assert "14 day" in TEXT
    other = TEXT.replace("14 day", "336 h").replace("title: ", "title: Another ") + "# a comment\n"
    assert parse_scenario(other).digest != SCENARIO.digest
    assert scenario_digest(parse_scenario(other)) == scenario_digest(SCENARIO)
    source = TEXT.replace(
        "error: {value: 0.1, source: assumption}", "error: {value: 0.10, source: someone2020}"
    )
    assert source != TEXT
    assert scenario_digest(parse_scenario(source)) == scenario_digest(SCENARIO)


def test_a_number_changes_the_digest_and_is_named() -> None:
    other = parse_scenario(TEXT.replace("dust:  {value: 500 cells", "dust:  {value: 501 cells"))
    assert scenario_digest(other) != scenario_digest(SCENARIO)
    found = list(differences(canonical_scenario(SCENARIO), canonical_scenario(other)))
    assert found == ["parameters.dust.value: 500.0 cells -> 501.0 cells"]


def test_every_bundled_scenario_has_a_digest_of_its_own() -> None:
    found = {scenario_digest(read_scenario(name)) for name in bundled()}
    assert len(found) == len(bundled())


@pytest.mark.parametrize(
    "change",
    [
        {"scenario": {"name": "other"}},
        {"regimen": "control"},
        {"variant": "bcl2"},
        {"question": {"assays": ["a"]}},
        {"engine": {"name": "exact"}},
        {"times": (0.0, 1.0)},
        {"seed": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_recipe_is_in_its_digest(change: dict[str, Any]) -> None:
    assert dataclasses.replace(recipe(), **change).digest != recipe().digest


def test_the_digest_is_that_of_the_written_text() -> None:
    """Oracle: the definition in docs/store.md, written out with hashlib and json."""

    def sha(data: object) -> str:
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    content = json.loads(json.dumps(recipe().content()))
    by_hand = sha({**content, "scenario": sha(content["scenario"])})
    assert recipe().digest == by_hand == content_digest(content)


def test_an_engine_is_told_by_name_options_and_code() -> None:
    leap = engine_recipe(Leap(threads=3))
    assert leap == engine_recipe(Leap()) and "threads" not in leap["options"]
    assert leap["options"]["step"] == Leap().step
    assert engine_recipe(Exact(coupling=Coupling.DAYS)) != engine_recipe(Exact())
    assert set(leap["version"]) >= {"senescape", "source", "numpy", "numba", "machine", "kernels"}


def test_interpreted_kernels_are_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for switch in ("0", "1"):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", switch)
        found.append(code_version())
    assert list(differences(found[0], found[1])) == ["kernels: compiled -> interpreted"]


def test_differences_name_what_is_absent_or_longer() -> None:
    one = {"a": [1, 2], "b": {"c": "x" * 60}, "d": 1, "f": [{"g": 1}]}
    other = {"a": [1, 2, 3], "b": {"c": "y"}, "e": None, "f": [{"g": 2}]}
    assert list(differences(one, other)) == [
        "a: 2 entries -> 3 entries",
        f"b.c: {'x' * 37}... -> y",
        "d: 1 -> absent",
        "f[0].g: 1 -> 2",
    ]
