"""One scenario laid over another: a line, a host or a drug told as a difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from senescape.model import Inducer, Only


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with what ``above`` says instead.

    Mappings are merged key by key; everything else (numbers, texts, lists) is replaced whole; a
    key with nothing behind it (null) removes what stood there.

    Examples
    --------
    >>> merged({"a": {"x": 1, "y": 2}, "b": [1, 2]}, {"a": {"y": 3}, "b": [4]})
    {'a': {'x': 1, 'y': 3}, 'b': [4]}
    >>> merged({"a": 1, "b": 2}, {"a": None})
    {'b': 2}
    """
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def without_foreign_variants(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` without the variants that ``above`` states again for another inducer.

    A multiplier that was stated ``only`` for one class or line must not slip, by merging, into a
    variant that was measured under another. Variants that are not stated again stay: choosing one
    is refused with its reason.

    Examples
    --------
    >>> below = {
    ...     "inducer": {"class": "genotoxic"},
    ...     "variants": {"null": {"only": {"class": ["genotoxic"]}, "set": {"a": 1, "b": 2}}},
    ... }
    >>> above = {"inducer": {"class": "genetic"}, "variants": {"null": {"set": {"a": 3}}}}
    >>> merged(without_foreign_variants(below, above), above)["variants"]
    {'null': {'set': {'a': 3}}}
    """
    inherited, stated = below.get("variants"), above.get("variants")
    if not isinstance(inherited, Mapping) or not isinstance(stated, Mapping):
        return dict(below)
    inducer = merged(below, above).get("inducer")
    foreign = {n for n in stated if n in inherited and not _holds(inherited[n], inducer)}
    return {**below, "variants": {n: v for n, v in inherited.items() if n not in foreign}}


def _holds(variant: Any, inducer: Any) -> bool:
    """Return whether a variant, as read, holds for an inducer; what cannot be read is left."""
    if not isinstance(variant, Mapping) or variant.get("only") is None:
        return True
    try:
        only = Only.model_validate(variant["only"])
        return only.holds_for(None if inducer is None else Inducer.model_validate(inducer))
    except ValidationError:
        return True
