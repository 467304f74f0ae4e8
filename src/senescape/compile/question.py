"""What is asked of a scenario, in canonical units: horizon, end points, what we do not know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from senescape.errors import ScenarioError, Where
from senescape.model import Distribution, EndpointName, Scenario, Value
from senescape.units import COUNT, DIMENSIONLESS, TIME, Dimension, parse_quantity

from .correlations import uncertain_blocks, varied_blocks
from .names import Names, unknown
from .numbers import HOSTLIKE, check_distribution, scenario_names

LATEST = 1e5
ENDPOINT_UNITS: dict[EndpointName, Dimension] = {
    EndpointName.COMPLETE_ARREST: DIMENSIONLESS,
    EndpointName.CURE: DIMENSIONLESS,
    EndpointName.NO_REGROWTH: DIMENSIONLESS,
    EndpointName.BURDEN: DIMENSIONLESS,
    EndpointName.TIME_TO_PROGRESSION: TIME,
    EndpointName.SURVIVAL: TIME,
}


@dataclass(frozen=True, slots=True)
class ProgressionRule:
    """``factor`` times the number at the first treatment (or the nadir), and ``least`` cells.

    ``fatal`` is the load at which a host dies (or is put to sleep), in the unit of its observable.
    """

    factor: float = 2.0
    least: float = 1000.0
    from_nadir: bool = False
    fatal: float = np.inf


@dataclass(frozen=True, slots=True)
class Question:
    """Outcome in canonical units.

    Parameters
    ----------
    horizon, look_ahead, data_end : float
        [day]; ``data_end`` is inf where the scenario states none.
    deltas : mapping from end point to its smallest difference that matters
    rule : ProgressionRule
    """

    headline: EndpointName
    horizon: float
    look_ahead: float
    deltas: dict[EndpointName, float]
    rule: ProgressionRule
    data_end: float


def check_outcome(scenario: Scenario) -> None:
    """Refuse an outcome that contradicts itself."""
    if scenario.outcome is None:
        return
    question_of(scenario)
    regimen = scenario.outcome.regimen
    if regimen is not None and regimen not in scenario.regimens:
        raise unknown("regimen", regimen, scenario.regimens, "outcome.regimen")


def question_of(scenario: Scenario) -> Question:
    """Return the question in canonical units.

    Raises
    ------
    ScenarioError
        No outcome; a horizon that is not after t = 0; look_ahead before it; an end point that is
        the headline but not declared; a difference below 0.
    """
    noun = scenario.outcome
    if noun is None:
        raise ScenarioError(
            "the scenario asks no question",
            allowed="outcome: {horizon, headline, endpoints}",
            remedy="add an outcome",
            check="scenario.no-outcome",
            where=Where(field="outcome"),
        )
    names = scenario_names(scenario)
    horizon = _later(names, noun.horizon, "outcome.horizon")
    look_ahead = horizon
    if noun.look_ahead is not None:
        look_ahead = _later(names, noun.look_ahead, "outcome.look_ahead")
    if look_ahead < horizon:
        raise ScenarioError(
            f"look_ahead {noun.look_ahead} is before the horizon {noun.horizon}",
            allowed="the horizon or later",
            remedy="look further ahead, or leave it out",
            check="scenario.look-ahead",
            where=Where(field="outcome.look_ahead"),
        )
    if noun.headline not in noun.endpoints:
        raise unknown(
            "end point",
            noun.headline.value,
            [e.value for e in noun.endpoints],
            "outcome.headline",
        )
    deltas = {}
    for endpoint, detail in noun.endpoints.items():
        place = f"outcome.endpoints.{endpoint.value}.smallest_difference"
        deltas[endpoint] = names.number(detail.smallest_difference, place, ENDPOINT_UNITS[endpoint])
        if deltas[endpoint] < 0.0:
            raise ScenarioError(
                f"a smallest difference of {detail.smallest_difference}",
                allowed="0 or more",
                remedy="correct the sign",
                check="scenario.smallest-difference",
                where=Where(field=place),
            )
    data_end = np.inf
    if noun.data_end is not None:
        data_end = _later(names, noun.data_end, "outcome.data_end")
    rule = noun.progression
    return Question(
        noun.headline,
        horizon,
        look_ahead,
        deltas,
        ProgressionRule(
            names.number(rule.factor, "outcome.progression.factor", DIMENSIONLESS),
            names.number(rule.least, "outcome.progression.least", COUNT),
            rule.relative_to == "nadir",
            _fatal(scenario, names),
        ),
        float(data_end),
    )


def load_assay(scenario: Scenario) -> str:
    """Return the assay whose size a host dies of: all live tumour cells unless one is named."""
    noun = scenario.outcome
    detail = None if noun is None else noun.endpoints.get(EndpointName.SURVIVAL)
    return "tumour:alive" if detail is None or detail.observable is None else detail.observable


def _fatal(scenario: Scenario, names: Names) -> float:
    assert scenario.outcome is not None
    detail = scenario.outcome.endpoints.get(EndpointName.SURVIVAL)
    if detail is None:
        return np.inf
    place = "outcome.endpoints.survival"
    if detail.threshold is None:
        raise ScenarioError(
            "survival without the load at which a host dies",
            allowed="threshold: for example 2e9 cells",
            remedy="add the threshold, and the observable that it is measured in",
            check="scenario.survival-threshold",
            where=Where(field=place),
        )
    if detail.observable is not None and detail.observable not in scenario.observables:
        raise unknown("observable", detail.observable, scenario.observables, f"{place}.observable")
    return names.number(detail.threshold, f"{place}.threshold", COUNT)


def check_measured(scenario: Scenario) -> None:
    """Refuse measurements of regimens or observables that are not declared."""
    names = scenario_names(scenario)
    for name, table in scenario.measured.items():
        place = f"measured.{name}"
        if table.source not in scenario.citations:
            raise unknown("source", table.source, scenario.citations, f"{place}.source")
        if table.observable not in scenario.observables:
            raise unknown(
                "observable", table.observable, scenario.observables, f"{place}.observable"
            )
        names.number(table.rule.factor, f"{place}.rule.factor", DIMENSIONLESS)
        names.number(table.rule.least, f"{place}.rule.least", COUNT)
        names.number(table.rule.after, f"{place}.rule.after", TIME)
        for regimen, row in table.regimens.items():
            here = f"{place}.regimens.{regimen}"
            if regimen not in scenario.regimens:
                raise unknown("regimen", regimen, scenario.regimens, here)
            if row.recovered > row.wells:
                raise ScenarioError(
                    f"{row.recovered} of {row.wells} wells recovered",
                    allowed="at most as many as there are wells",
                    remedy="correct the numbers",
                    check="scenario.recovered",
                    where=Where(field=f"{here}.recovered"),
                )
            _later(names, row.until, f"{here}.until")


def _later(names: Names, value: Value, place: str) -> float:
    """Return a time after the first treatment [day], within reason."""
    number = names.number(value, place, TIME)
    if not 0.0 < number <= LATEST:
        raise ScenarioError(
            f"{place.rpartition('.')[2]} is {value}",
            allowed=f"a time after the first treatment, at most {LATEST:g} day",
            remedy=f"choose {'an earlier' if number > 0.0 else 'a later'} time",
            check="scenario.horizon",
            where=Where(field=place),
        )
    return number


def check_uncertainty(scenario: Scenario) -> None:
    """Refuse uncertainty, variation and correlations of what does not exist or does not fit."""
    names = scenario_names(scenario)
    noun = scenario.uncertainty
    for name, distribution in noun.parameters.items():
        place = f"uncertainty.parameters.{name}"
        if name not in names.values:
            raise unknown("parameter", name, scenario.parameters, place)
        check_distribution(distribution, place, centre_elsewhere=True)
        _check_numbers(names, distribution, names.dimensions[name], place)
    for name, variation in scenario.variation.items():
        target = variation.of or name
        if variation.axis in HOSTLIKE and target in names.values:
            _check_numbers(names, variation, names.dimensions[target], f"variation.{name}")
    uncertain_blocks(scenario)
    varied_blocks(scenario)
    if noun.draws is not None:
        _check_draws(scenario, names)


def _check_numbers(names: Names, noun: Distribution, dimension: Dimension, place: str) -> None:
    width = DIMENSIONLESS if noun.distribution == "lognormal" else dimension
    for what in ("median", "mean", "low", "high", "sd"):
        value = getattr(noun, what)
        if value is not None:
            expect = width if what == "sd" else dimension
            names.number(value, f"{place}.{what}", expect)


def _check_draws(scenario: Scenario, names: Names) -> None:
    draws = scenario.uncertainty.draws
    assert draws is not None
    place = "uncertainty.draws"
    if len(draws.units) != len(draws.parameters):
        raise ScenarioError(
            f"{len(draws.parameters)} parameters and {len(draws.units)} units",
            allowed="one unit a parameter",
            remedy="complete the list of units",
            check="scenario.draws-units",
            where=Where(field=f"{place}.units"),
        )
    for name, unit in zip(draws.parameters, draws.units, strict=True):
        if name not in names.values:
            raise unknown("parameter", name, scenario.parameters, place)
        if name in scenario.uncertainty.parameters:
            raise ScenarioError(
                f"{name} has both a distribution and joint draws",
                allowed="one of them",
                remedy="remove one",
                check="scenario.draws-twice",
                where=Where(field=f"uncertainty.parameters.{name}"),
            )
        parse_quantity(f"1 {unit}" if unit != "1" else "1", expect=names.dimensions[name])
    for index, row in enumerate(draws.rows):
        if len(row) != len(draws.parameters) or not np.isfinite(row).all():
            raise ScenarioError(
                f"a row of {len(row)} numbers",
                allowed=f"{len(draws.parameters)} finite numbers",
                remedy="complete the row",
                check="scenario.draws-row",
                where=Where(field=f"{place}.rows[{index}]"),
            )
