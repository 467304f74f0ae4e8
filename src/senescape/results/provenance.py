"""Where a result comes from."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("senescape", "numpy", "numba", "scipy")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What must be known to compute a result again.

    Parameters
    ----------
    scenario, digest : str
        Name, and SHA-256 of the canonical text.
    seed : int
        Of the whole run.
    engine : str
        Name of the engine.
    question : dict
        Options that change the numbers (regimens, replicates, horizon ...).
    run : dict
        What differs from run to run without changing the numbers: seconds, machine.
    """

    scenario: str
    digest: str
    seed: int
    engine: str
    question: dict[str, object] = field(default_factory=dict)
    run: dict[str, object] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return plain data; everything outside ``run`` is the same for the same seed."""
        return {
            "scenario": self.scenario,
            "digest": self.digest,
            "seed": self.seed,
            "engine": self.engine,
            "question": self.question,
            "packages": package_versions(),
            "run": self.run | {"python": sys.version.split()[0], "machine": platform.machine()},
        }


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the versions of packages, by default of those that decide the numbers."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
