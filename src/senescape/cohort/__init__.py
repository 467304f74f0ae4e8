"""Virtual hosts: how parameters vary between individuals, and what each of them shows."""

from senescape.cohort.assays import observe, surviving_fraction
from senescape.cohort.draws import Cohort, cohort_of, outer_draws
from senescape.cohort.flows import Passages, passages
from senescape.cohort.forks import Checkpoint, checkpoint, fork
from senescape.cohort.simulate import default_times, simulate
from senescape.cohort.survival import Survival, kaplan_meier, log_rank, restricted_mean
from senescape.cohort.wells import WellPrediction, predict_wells

__all__ = [
    "Checkpoint",
    "Cohort",
    "Passages",
    "Survival",
    "WellPrediction",
    "checkpoint",
    "cohort_of",
    "default_times",
    "fork",
    "kaplan_meier",
    "log_rank",
    "observe",
    "outer_draws",
    "passages",
    "predict_wells",
    "restricted_mean",
    "simulate",
    "surviving_fraction",
]
