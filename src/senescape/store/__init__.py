"""The experiment store: a folder that holds runs, one row a replicate, and loses nothing.

A run is named by the digest of all that decides its numbers (:class:`Recipe`). What is in the
folder and what it guarantees stands in docs/store.md. The room knows no engine: it keeps arrays.
"""

from senescape.store.care import Damage, compared, rebuild, verify
from senescape.store.crate import export_crate
from senescape.store.database import Key
from senescape.store.experiments import RunInfo, Store
from senescape.store.kept import KeptRun
from senescape.store.recipe import Recipe, canonical_scenario, differences, scenario_digest

__all__ = [
    "Damage",
    "KeptRun",
    "Key",
    "Recipe",
    "RunInfo",
    "Store",
    "canonical_scenario",
    "compared",
    "differences",
    "export_crate",
    "rebuild",
    "scenario_digest",
    "verify",
]
