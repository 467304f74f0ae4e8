"""One run and many runs with independent streams, on the threads of this machine."""

from senescape.run.budget import Budget, Cost, check_lanes, check_run, check_size, cost_of
from senescape.run.chances import run_chances
from senescape.run.driver import Processes, threads, work_through
from senescape.run.kernels import prepare_mean_field
from senescape.run.lanes import VERDICT_TOLERANCE, Monitor, Silent, engine_named, run_lanes, workers
from senescape.run.networks import Counted, output_times, run_network

__all__ = [
    "VERDICT_TOLERANCE",
    "Budget",
    "Cost",
    "Counted",
    "Monitor",
    "Processes",
    "Silent",
    "check_lanes",
    "check_run",
    "check_size",
    "cost_of",
    "engine_named",
    "output_times",
    "prepare_mean_field",
    "run_chances",
    "run_lanes",
    "run_network",
    "threads",
    "work_through",
    "workers",
]
