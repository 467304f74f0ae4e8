"""Scenario files: bundled ones by name, a user's by path; every refusal names file, line, field."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from senescape.compile import scenario_network
from senescape.compile.assays import check_assays
from senescape.compile.contrasts import check_contrasts
from senescape.compile.expectations import check_expectations
from senescape.compile.question import check_measured, check_outcome, check_uncertainty
from senescape.errors import ScenarioError, SenescapeError, Where, nearest
from senescape.model import Every, Scenario, refusal
from senescape.network import check_network

from .extends import merged, without_foreign_variants
from .strict_yaml import LARGEST_FILE, Document, read_document
from .texts import Unreadable, read_text

SUFFIX = ".yaml"
DEEPEST_EXTENDS = 5
MOST_DOSES = 100_000
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def bundled() -> tuple[str, ...]:
    """Return the names of the scenarios that come with senescape."""
    folder = resources("senescape").joinpath("scenarios")
    return tuple(
        sorted(e.name.removesuffix(SUFFIX) for e in folder.iterdir() if e.name.endswith(SUFFIX))
    )


def read_scenario(name: str | Path) -> Scenario:
    """Read a scenario and check all of it.

    Parameters
    ----------
    name : str or Path
        The name of a bundled scenario, or the path of a YAML file.

    Raises
    ------
    SenescapeError
        One line with file, line, field and remedy.
    """
    text, file = scenario_text(name)
    return parse_scenario(text, file)


def scenario_text(name: str | Path) -> tuple[str, str]:
    """Return the text of a scenario and the file as the user named it."""
    if str(name) in bundled():
        entry = resources("senescape").joinpath("scenarios", f"{name}{SUFFIX}")
        return entry.read_text(encoding="utf-8"), str(name)
    path = Path(name)
    if not path.suffix and not os.path.lexists(str(name).replace("\0", "")):
        raise ScenarioError(
            f"no scenario is called {name}",
            allowed=", ".join(bundled()) or "the path of a YAML file",
            remedy=nearest(str(name), bundled()),
            check="file.unknown-scenario",
        )
    try:
        return read_text(path, LARGEST_FILE), str(name)
    except Unreadable as error:
        raise ScenarioError(
            error.problem,
            allowed="a readable YAML file or the name of a bundled scenario",
            remedy=error.remedy,
            check=f"file.{error.kind}",
            where=Where(file=str(name)),
        ) from None


def parse_scenario(text: str, file: str = "scenario") -> Scenario:
    """Read a scenario from text and check all of it, in every regimen and variant."""
    document = read_document(text, file)
    _check_version(document, file)
    document.data = resolve(document, file)
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        raise _placed(refusal(error, Scenario), document, file) from None
    try:
        check_scenario(scenario)
    except SenescapeError as error:
        raise _placed(error, document, file) from None
    return scenario


def resolve(document: Document, file: str, seen: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the data of a scenario laid over the one that it ``extends``, if any.

    Contrasts and expectations are not handed down: what one tumour shows, another need not.
    """
    data = dict(document.data)
    base = data.pop("extends", None)
    if base is None:
        return data
    line = document.line(("extends",))
    if not isinstance(base, str) or base in seen or len(seen) >= DEEPEST_EXTENDS:
        raise ScenarioError(
            f"extends {base}" + (" in a circle" if base in seen else ""),
            allowed=f"the name or path of a scenario, at most {DEEPEST_EXTENDS} deep",
            remedy="name a scenario that does not lead back to this one",
            check="file.extends",
            where=Where(file=file, line=line, field="extends"),
        )
    beside = Path(file).parent / base
    name = str(beside) if base not in bundled() and beside.exists() else base
    try:
        text, origin = scenario_text(name)
        below = resolve(read_document(text, origin), origin, (*seen, base))
    except SenescapeError as error:
        raise error.at(Where(file=file, line=line, field="extends")) from None
    for question in ("contrasts", "expectations"):
        below.pop(question, None)
    return merged(without_foreign_variants(below, data), data)


def check_scenario(scenario: Scenario) -> None:
    """Build and check the network of every regimen, and of every variant that holds here.

    Raises
    ------
    SenescapeError
        Naming the field.
    """
    _check_doses(scenario)
    for regimen in scenario.regimens:
        check_network(scenario_network(scenario, regimen))
    first = next(iter(scenario.regimens))
    for variant, noun in scenario.variants.items():
        if noun.holds_for(scenario.inducer):
            check_network(scenario_network(scenario, first, variant))
    check_question(scenario)


def _check_doses(scenario: Scenario) -> None:
    """Refuse more doses than can be laid out, before any of them is."""
    total = 0
    for name, regimen in scenario.regimens.items():
        for index, entry in enumerate(regimen.give):
            times: Any = getattr(entry, "at", None) or getattr(entry, "visit", ())
            total += times.times if isinstance(times, Every) else len(times)
            if total > MOST_DOSES:
                raise ScenarioError(
                    f"more than {MOST_DOSES} doses in all regimens together",
                    allowed=f"at most {MOST_DOSES}",
                    remedy="give fewer, or one infusion in their place",
                    check="scenario.too-many-doses",
                    where=Where(field=f"regimens.{name}.give[{index}]"),
                )


def check_question(scenario: Scenario) -> None:
    """Check what no network reads: outcome, uncertainty, measurements, assays, questions."""
    check_outcome(scenario)
    check_uncertainty(scenario)
    check_measured(scenario)
    check_assays(scenario)
    check_contrasts(scenario)
    check_expectations(scenario)


def _check_version(document: Document, file: str) -> None:
    data: Mapping[str, object] = document.data
    version = data.get("senescape")
    if version != 1 or isinstance(version, bool):
        raise ScenarioError(
            "no format version" if version is None else f"format version {version}",
            allowed="senescape: 1",
            remedy="begin the file with senescape: 1"
            if version is None
            else "use a newer senescape, or write the scenario in version 1",
            check="file.version",
            where=Where(file=file, line=document.line(("senescape",)) or 1, field="senescape"),
        )


def _placed(error: SenescapeError, document: Document, file: str) -> SenescapeError:
    """Add file and line to an error that knows its field."""
    path = tuple(_path(error.where.field or "", document))
    return error.at(Where(file=file, line=document.line(path)))


def _path(field: str, document: Document) -> list[int | str]:
    """Turn a dotted field into a path; keys may themselves hold dots (``0.5uM``)."""
    path: list[int | str] = []
    here: object = document.data
    rest = field
    while rest:
        rest = rest.removeprefix(".")
        if isinstance(here, dict):
            keys = [k for k in here if rest == k or rest.startswith((f"{k}.", f"{k}["))]
            if not keys:
                break
            key = max(keys, key=len)
            path.append(key)
            here, rest = here[key], rest[len(key) :]
        else:
            match = _PART.match(rest)
            if match is None or match.group(2) is None or not isinstance(here, list):
                break
            index = int(match.group(2))
            if index >= len(here):
                break
            path.append(index)
            here, rest = here[index], rest[match.end() :]
    return path
