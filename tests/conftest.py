"""What every test folder shares: the property profile, and the measured data where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("house", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Let unsigned counters wrap, as they must, in the run without Numba.

    Compiled kernels wrap in silence; the same kernels as plain Python meet NumPy's scalar warning.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}:
        config.addinivalue_line(
            "filterwarnings", "ignore:overflow encountered in scalar:RuntimeWarning"
        )


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of measured data and other people's suites, named by SENESCAPE_SHARED."""
    folder = Path(os.environ.get("SENESCAPE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set SENESCAPE_SHARED to where the measured data lie")
    return folder
