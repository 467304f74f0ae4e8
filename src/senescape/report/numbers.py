"""Every number of a scenario with its unit and source, as a reader wants it."""

from __future__ import annotations

from dataclasses import dataclass

from senescape.model import Distribution, Scenario
from senescape.model.base import Value

AXES = {
    "host": "hosts",
    "well": "wells",
    "batch": "batches",
    "founder": "founders",
    "cell": "cells",
}


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One number, as it stood in the run that is reported.

    Parameters
    ----------
    value, unit : str
        As written; for a formula the unit is empty.
    changed : str
        Who set another value than the scenario's own: a variant or a regimen.
    unknown : str
        The distribution that it was drawn from, where it is not known.
    varies : str
        How it differs between hosts, wells or cells.
    source : str
        A key of ``citations``, or the word assumption.
    reference : int or None
        Number of the citation in the list of references.
    """

    name: str
    value: str
    unit: str
    changed: str
    label: str
    unknown: str
    varies: str
    source: str
    reference: int | None
    doi: str | None


def number_rows(scenario: Scenario, regimen: str, variant: str | None) -> list[NumberRow]:
    """Return every parameter; where the variant or the regimen set it, with the value set."""
    changes: dict[str, tuple[Value, str, str | None]] = {}
    if variant is not None:
        noun = scenario.variants[variant]
        for name, value in noun.set.items():
            changes[name] = (value, f"variant {variant}", noun.source)
    for name, value in scenario.regimens[regimen].set.items():
        changes[name] = (value, f"regimen {regimen}", None)
    rows = []
    for name, parameter in scenario.parameters.items():
        value, changed, source = changes.get(name, (parameter.value, "", None))
        number, unit = split_value(value)
        rows.append(
            NumberRow(
                name,
                number,
                unit,
                changed,
                "; ".join(part for part in (parameter.label, parameter.note) if part),
                _unknown(scenario, name),
                _varies(scenario, name),
                *_source(scenario, source or parameter.source),
            )
        )
    return rows


def other_rows(scenario: Scenario) -> list[NumberRow]:
    """Return what is drawn but is no parameter: switches, and what differs by itself."""
    rows = [
        NumberRow(
            name, f"{switch.probability:g}", "1", "", switch.label or "structure",
            "on in this share of draws", "", *_source(scenario, switch.source),
        )
        for name, switch in scenario.uncertainty.switches.items()
    ]  # fmt: skip
    for name, noun in scenario.variation.items():
        if (noun.of or name) in scenario.parameters:
            continue
        what = f"factor on the doses of {noun.scales}" if noun.scales else "differs by itself"
        rows.append(
            NumberRow(
                name, "", "", "", what, "",
                f"between {AXES[noun.axis]}: {distribution_words(noun)}",
                *_source(scenario, noun.source),
            )
        )  # fmt: skip
    return rows


def split_value(value: Value) -> tuple[str, str]:
    """Return a number and its unit as written; a formula has no unit of its own.

    Examples
    --------
    >>> from senescape.model.base import read_value
    >>> split_value(read_value("1e8 cells")), split_value(read_value(2))
    (('1e8', 'cells'), ('2', '1'))
    """
    if value.quantity is None:
        return value.text, ""
    unit = value.quantity.unit
    return value.text.strip().removesuffix("" if unit == "1" else unit).strip(), unit


def distribution_words(noun: Distribution) -> str:
    """Return a distribution in words: ``lognormal, sd 0.4; absent in 50 %``."""
    parts: list[str] = [noun.distribution]
    if noun.low is not None and noun.high is not None:
        parts.append(f"{noun.low} to {noun.high}")
    for name in ("median", "mean", "sd"):
        value = getattr(noun, name)
        if value is not None:
            parts.append(f"{name} {value}")
    words = ", ".join(parts)
    return f"{words}; absent in {100 * noun.zero:g} %" if noun.zero else words


def _unknown(scenario: Scenario, name: str) -> str:
    noun = scenario.uncertainty.parameters.get(name)
    if noun is not None:
        return distribution_words(noun)
    joint = scenario.uncertainty.draws
    return "joint draws" if joint is not None and name in joint.parameters else ""


def _varies(scenario: Scenario, name: str) -> str:
    return "; ".join(
        f"between {AXES[noun.axis]}: {distribution_words(noun)}"
        for key, noun in scenario.variation.items()
        if (noun.of or key) == name
    )


def reference(scenario: Scenario, source: str) -> int | None:
    """Return the number of a source in the list of references; None for an assumption."""
    keys = list(scenario.citations)
    return keys.index(source) + 1 if source in keys else None


def _source(scenario: Scenario, source: str) -> tuple[str, int | None, str | None]:
    number = reference(scenario, source)
    return source, number, None if number is None else scenario.citations[source].doi
