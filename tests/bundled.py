"""Bundled scenarios, read once a process: they are frozen, and reading takes half a second each."""

from __future__ import annotations

from functools import cache

from senescape.files import read_scenario as read
from senescape.model import Scenario


@cache
def read_scenario(name: str) -> Scenario:
    """Return a bundled scenario, as :func:`senescape.files.read_scenario` does."""
    return read(name)
