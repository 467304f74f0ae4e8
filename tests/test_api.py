"""The front door: every public name loads from its room, and only when asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import senescape


def test_every_public_name_loads_and_says_what_it_is() -> None:
    for name in senescape.__all__:
        value = getattr(senescape, name)
        assert name == "__version__" or value.__doc__, name
    assert dir(senescape) == sorted(senescape.__all__)


def test_homes_and_public_names_are_the_same() -> None:
    assert set(senescape._HOMES) | {"__version__"} == set(senescape.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="frend"):
        senescape.frend  # noqa: B018


def test_importing_senescape_loads_no_scientific_library() -> None:
    code = (
        "import sys, senescape; print([m for m in ('numpy', 'numba', 'scipy') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
