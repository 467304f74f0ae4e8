"""One run and many runs with independent streams, on the threads of this machine."""

from senescape.run.chances import run_chances
from senescape.run.lanes import VERDICT_TOLERANCE, Monitor, Silent, engine_named, run_lanes, workers

__all__ = [
    "VERDICT_TOLERANCE",
    "Monitor",
    "Silent",
    "engine_named",
    "run_chances",
    "run_lanes",
    "workers",
]
