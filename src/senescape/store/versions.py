"""The version of the code that makes numbers: a replicate of other code is another replicate."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import fields
from pathlib import Path
from typing import Any

from senescape.results.provenance import package_versions
from senescape.version import __version__

from .recipe import plain

# Rooms and modules that a number passes through on its way from a scenario to a count.
DECIDING = ("cohort", "compile", "engines", "expressions", "model", "network", "rng")
DECIDING_MODULES = ("lane_math.py", "run/lanes.py", "run/networks.py", "units.py")
PACKAGES = ("llvmlite", "numba", "numpy", "scipy")


def engine_recipe(engine: Any) -> dict[str, Any]:
    """Return an engine as a recipe holds it: its name, its numerical options, the code's version.

    Parameters
    ----------
    engine : dataclass
        With a ``name``; how many threads it uses is no numerical option.
    """
    options = {
        field.name: plain(getattr(engine, field.name))
        for field in fields(engine)
        if field.name not in ("name", "stochastic", "threads")
    }
    return {"name": engine.name, "options": options, "version": code_version()}


def code_version() -> dict[str, str]:
    """Return what must be equal for two replicates to be equal to the last bit.

    Returns
    -------
    dict of str to str
        Version, SHA-256 of the source of the deciding rooms, versions of the numerical packages,
        machine type, and whether kernels are compiled.
    """
    package = Path(__file__).resolve().parents[1]
    files = [package / name for name in DECIDING_MODULES]
    files += [file for room in DECIDING for file in (package / room).rglob("*.py")]
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes() + b"\0")
    interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
    return {
        "senescape": __version__,
        "source": sha.hexdigest(),
        **package_versions(PACKAGES),
        "machine": platform.machine(),
        "kernels": "interpreted" if interpreted else "compiled",
    }
