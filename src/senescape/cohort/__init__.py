"""Virtual hosts: how parameters vary between individuals, and what each of them shows."""

from senescape.cohort.draws import Cohort, cohort_of, outer_draws
from senescape.cohort.simulate import default_times, simulate

__all__ = ["Cohort", "cohort_of", "default_times", "outer_draws", "simulate"]
