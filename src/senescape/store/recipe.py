"""What decides the numbers of a replicate, in one canonical text, and its digest.

The number of replicates is no part of it, nor how they were shared out: a run can be continued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from senescape.model import Scenario, Value

FORMAT = 1
# Fields that explain a number, or ask a question of the result: no run depends on them.
EXPLAINING = frozenset(
    {"citations", "contrasts", "doi", "expectations", "label", "note", "source", "symbol", "title"}
)
LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the numbers of a replicate, as plain data.

    Parameters
    ----------
    scenario : dict
        From :func:`canonical_scenario`.
    regimen, variant : str
        Names in the scenario; no variant is None.
    question : dict
        What is read of the cells, and how hosts are drawn.
    engine : dict
        Its name, its numerical options and the version of the code (``code_version``).
    times : tuple of float
        Output grid [day].
    seed : int
    """

    scenario: dict[str, Any]
    regimen: str
    variant: str | None
    question: dict[str, Any]
    engine: dict[str, Any]
    times: tuple[float, ...]
    seed: int

    def content(self) -> dict[str, Any]:
        """Return the recipe as JSON would hold it."""
        return {
            "format": FORMAT,
            "scenario": plain(self.scenario),
            "regimen": self.regimen,
            "variant": self.variant,
            "question": plain(self.question),
            "engine": plain(self.engine),
            "times": list(self.times),
            "seed": self.seed,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe, in which the scenario stands as its own digest."""
        return content_digest(self.content())


def content_digest(content: Mapping[str, Any]) -> str:
    """Return the digest of a recipe's content, as it also stands in a manifest."""
    return _sha({**content, "scenario": _sha(content["scenario"])})


def scenario_digest(scenario: Scenario) -> str:
    """SHA-256 of :func:`canonical_scenario`: the same for 24 h and 1 day, with other comments."""
    return _sha(canonical_scenario(scenario))


def canonical_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return a validated scenario as plain data in canonical units, without what only explains.

    Examples
    --------
    >>> from senescape.files import read_scenario
    >>> canonical_scenario(read_scenario("figure-1"))["parameters"]["growth"]["value"]
    '0.7 1/day'
    """
    data: dict[str, Any] = _canonical(scenario)
    return data


def _canonical(given: Any) -> Any:
    if isinstance(given, Value):
        if given.quantity is None:
            return str(given.formula)
        return f"{given.quantity.value!r} {given.quantity.dimension.canonical_unit}"
    if isinstance(given, BaseModel):
        # what is not said is left out, so that a field which the format gets later changes nothing
        parts = {
            field.alias or name: getattr(given, name)
            for name, field in type(given).model_fields.items()
            if name not in EXPLAINING
        }
        return {name: _canonical(part) for name, part in parts.items() if part is not None}
    if isinstance(given, Mapping):
        return {str(plain(name)): _canonical(part) for name, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [_canonical(part) for part in given]
    return plain(given)


def plain(given: Any) -> Any:
    """Return nested data with lists for tuples and values for members of enums."""
    if isinstance(given, Enum):
        return given.value
    if isinstance(given, Mapping):
        return {str(plain(name)): plain(part) for name, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [plain(part) for part in given]
    return given


def _sha(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Yield each place where two recipes differ, with both values, in order of the paths.

    Examples
    --------
    >>> list(differences({"seed": 1, "times": [0.0]}, {"seed": 2, "times": [0.0]}))
    ['seed: 1 -> 2']
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}):
            here = f"{path}.{name}" if path else str(name)
            yield from differences(one.get(name), other.get(name), here)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differences(first, second, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {_shown(one)} -> {_shown(other)}"


def _shown(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
