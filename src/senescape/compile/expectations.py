"""The expectations of a scenario: every name known, every number fitting, before anything runs."""

from __future__ import annotations

import math

from senescape.errors import ScenarioError, Where
from senescape.model import ASSUMPTION, EndpointName, Scenario
from senescape.model.expectations import Arm, Expectation
from senescape.units import TIME, Dimension, unit_dimension

from .contrasts import check_setting
from .names import Names, unknown
from .numbers import scenario_names
from .question import ENDPOINT_UNITS, question_of

ENDPOINTS = {name.value: name for name in EndpointName}


def check_expectations(scenario: Scenario) -> None:
    """Refuse an expectation that cannot be tried."""
    names = scenario_names(scenario) if scenario.expectations else Names()
    for name, noun in scenario.expectations.items():
        place = f"expectations.{name}"
        if noun.source != ASSUMPTION and noun.source not in scenario.citations:
            raise unknown("source", noun.source, scenario.citations, f"{place}.source")
        if (noun.right is None) == (noun.limit is None):
            raise _refuse(
                "neither right nor limit" if noun.limit is None else "both right and limit",
                "what left is compared with: right (another arm) or limit (a number)",
                f"{place}.left",
            )
        dimension = _arm(scenario, names, noun.left, f"{place}.left")
        _other_side(scenario, names, noun, dimension, place)
        for parameter, value in noun.without.set.items():
            field = f"{place}.without.set.{parameter}"
            if parameter not in names.values:
                raise unknown("parameter", parameter, names.values, field)
            names.number(value, field, names.dimensions[parameter])


def measure_dimension(scenario: Scenario, measure: str) -> Dimension:
    """Return the dimension of an observable or end point."""
    if measure in scenario.observables:
        return unit_dimension(scenario.observables[measure].unit)
    return ENDPOINT_UNITS[ENDPOINTS[measure]]


def _other_side(
    scenario: Scenario, names: Names, noun: Expectation, dimension: Dimension, place: str
) -> None:
    if noun.right is not None:
        found = _arm(scenario, names, noun.right, f"{place}.right")
        if found != dimension:
            raise _refuse(
                f"{noun.left.measure} compared with {noun.right.measure}",
                "two measures of one dimension",
                f"{place}.right",
            )
    else:
        assert noun.limit is not None
        names.number(noun.limit, f"{place}.limit", dimension)
    margin = names.number(noun.margin, f"{place}.margin", dimension)
    if margin < 0.0:
        raise _refuse(f"a margin of {noun.margin}", "0 or more", f"{place}.margin")


def _arm(scenario: Scenario, names: Names, arm: Arm, place: str) -> Dimension:
    measures = (*scenario.observables, *ENDPOINTS)
    if arm.measure not in measures:
        raise unknown("measure", arm.measure, measures, f"{place}.measure")
    question = question_of(scenario)
    if arm.measure == EndpointName.SURVIVAL.value and math.isinf(question.rule.fatal):
        raise _refuse(
            "survival without a load at which a host dies",
            "outcome.endpoints.survival with a threshold",
            f"{place}.measure",
        )
    if arm.at is not None:
        names.number(arm.at, f"{place}.at", TIME)
    elif arm.measure in scenario.observables:
        raise _refuse(f"{arm.measure} at no time", "at: for example 12 day", f"{place}.measure")
    check_setting(scenario, arm, place)
    if arm.world not in {"on", "renormalised"} and scenario.rerouting is None:
        raise _refuse(f"world: {arm.world}", "on, renormalised", f"{place}.world")
    return measure_dimension(scenario, arm.measure)


def _refuse(given: str, allowed: str, field: str) -> ScenarioError:
    return ScenarioError(
        given,
        allowed=allowed,
        remedy="see docs/scenario-format.md, Expectations",
        check="scenario.expectation",
        where=Where(field=field),
    )
