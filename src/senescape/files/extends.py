"""One scenario laid over another: a line, a host or a drug told as a difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
