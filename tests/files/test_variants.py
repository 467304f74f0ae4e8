"""Variants hold for an inducer; laid over another scenario they never carry its numbers along."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bundled import read_scenario as bundled_scenario

from senescape.compile import compile_scenario
from senescape.errors import SenescapeError
from senescape.files import bundled, parse_scenario, read_scenario
from senescape.model import Inducer, Only, Scenario

from .test_bad_scenarios import GOOD

VARIANTS = """variants:
  usual:   {set: {repair: 0.2 / day}}
  damaged: {set: {repair: 0.3 / day, dying: 0.7 / day}, only: {class: [genotoxic]}}
  one:     {set: {repair: 0.4 / day}, only: {class: [genotoxic, genetic], line: [H1299]}}
"""
BASE = GOOD.replace(
    "outcome:\n", f"inducer: {{class: genotoxic, line: A549}}\n{VARIANTS}outcome:\n"
)


@pytest.fixture
def over(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Lay a few lines over the base."""
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")

    def read(lines: str) -> Scenario:
        file = tmp_path / "mine.yaml"
        file.write_text(f"senescape: 1\nextends: base.yaml\nname: mine\n{lines}", encoding="utf-8")
        return read_scenario(file)

    return read


def number(scenario: Scenario, variant: str, name: str = "repair") -> float:
    program = compile_scenario(scenario, "pulse", variant).program
    return float(program.parameter_defaults[program.parameter(name)])


def refused(scenario: Scenario, variant: str) -> str:
    with pytest.raises(SenescapeError) as caught:
        compile_scenario(scenario, "pulse", variant)
    assert caught.value.check == "scenario.variant-inducer"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_holds_is_what_is_named() -> None:
    either = Only.model_validate({"class": ["genotoxic", "genetic"], "line": ["A549", "H460"]})
    for class_, line, holds in (
        ("genotoxic", "A549", True),
        ("genetic", "H460", True),
        ("non_genotoxic", "A549", False),
        ("genotoxic", "H1299", False),
        ("genotoxic", "", False),
    ):
        assert either.holds_for(Inducer.model_validate({"class": class_, "line": line})) is holds
    assert not either.holds_for(None) and Only().holds_for(None)
    assert str(either) == "the class genotoxic or genetic and the line A549 or H460"


def test_a_variant_of_another_line_is_refused_by_name() -> None:
    base = parse_scenario(BASE)
    assert number(base, "usual") == 0.2 and number(base, "damaged") == 0.3
    said = refused(base, "one")
    assert "the line H1299, and here senescence is induced by the class genotoxic" in said
    assert "usual, damaged" in said and "state variants.one again" in said


def test_an_inherited_variant_of_another_class_stays_and_is_refused(over) -> None:  # type: ignore[no-untyped-def]
    genetic = over("inducer: {class: genetic, line: H1299}\n")
    assert set(genetic.variants) == {"usual", "damaged", "one"}
    assert number(genetic, "usual") == 0.2 and number(genetic, "one") == 0.4
    assert "the class genotoxic, and here senescence is induced by the class genetic" in refused(
        genetic, "damaged"
    )


def test_a_measured_line_overrides_by_stating_the_variant_again(over) -> None:  # type: ignore[no-untyped-def]
    """Under another class nothing of the inherited variant is left: not its limit, not its dying."""
    genetic = over(
        "inducer: {class: genetic, line: mine}\nvariants: {damaged: {set: {repair: 0.9 / day}}}\n"
    )
    assert number(genetic, "damaged") == 0.9
    assert number(genetic, "damaged", "dying") == 0.1
    assert genetic.variants["damaged"].only is None


def test_where_the_inherited_variant_holds_the_two_are_merged(over) -> None:  # type: ignore[no-untyped-def]
    same = over("variants: {damaged: {set: {repair: 0.9 / day}}}\n")
    assert number(same, "damaged") == 0.9 and number(same, "damaged", "dying") == 0.7
    assert same.variants["damaged"].only == Only.model_validate({"class": ["genotoxic"]})
    assert "damaged" not in over("variants: {damaged: null}\n").variants


def test_what_cannot_be_read_is_refused_as_it_stands(over) -> None:  # type: ignore[no-untyped-def]
    for lines in ("inducer: {class: magic}\n", "variants: {damaged: {only: 3}}\n", "variants: 3\n"):
        with pytest.raises(SenescapeError) as caught:
            over("variants: {usual: {label: x}}\n" + lines if "magic" in lines else lines)
        assert caught.value.check in {"scenario.unknown-choice", "scenario.wrong-type"}


def test_genotypes_of_figure_1_hold_where_dna_is_damaged() -> None:
    """All bundled scenarios still read (tests/files/test_reading.py); each variant of theirs holds."""
    generic = bundled_scenario("figure-1")
    for name in ("bcl2", "p53_null", "suv39h1_null"):
        assert generic.variants[name].only == Only.model_validate({"class": ["genotoxic"]})
    for name in bundled():
        scenario = bundled_scenario(name)
        assert all(v.holds_for(scenario.inducer) for v in scenario.variants.values()), name


def test_a_pathway_without_damage_does_not_borrow_the_genotypes(tmp_path: Path) -> None:
    file = tmp_path / "drug.yaml"
    file.write_text(
        "senescape: 1\nextends: figure-1\nname: drug\ninducer: {class: non_genotoxic, line: x}\n",
        encoding="utf-8",
    )
    scenario = read_scenario(file)
    with pytest.raises(SenescapeError, match="p53_null holds for the class genotoxic, and here"):
        compile_scenario(scenario, "chemo", "p53_null")
    compile_scenario(scenario, "chemo", "nude")
