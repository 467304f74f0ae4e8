"""One run and many runs with independent streams, on the threads of this machine.

What needs the mean field is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senescape.lazy import loads
from senescape.run.budget import Budget, Cost, check_lanes, check_run, check_size, cost_of
from senescape.run.driver import Processes, threads, work_through
from senescape.run.kernels import prepare
from senescape.run.lanes import VERDICT_TOLERANCE, Watch, engine_named, run_lanes, run_to, told_of
from senescape.run.monitors import Monitor, Silent, Within
from senescape.run.networks import Counted, network_recipe, output_times, run_network
from senescape.run.sharing import workers

if TYPE_CHECKING:
    from senescape.run.chances import run_chances

__all__ = [
    "VERDICT_TOLERANCE",
    "Budget",
    "Cost",
    "Counted",
    "Monitor",
    "Processes",
    "Silent",
    "Watch",
    "Within",
    "check_lanes",
    "check_run",
    "check_size",
    "cost_of",
    "engine_named",
    "network_recipe",
    "output_times",
    "prepare",
    "run_chances",
    "run_lanes",
    "run_network",
    "run_to",
    "threads",
    "told_of",
    "work_through",
    "workers",
]

__getattr__ = loads(__name__, {"run_chances": "senescape.run.chances"})
