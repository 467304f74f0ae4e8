"""One run and many runs with independent streams, on the threads of this machine."""

from senescape.run.lanes import Monitor, Silent, engine_named, run_lanes, workers

__all__ = ["Monitor", "Silent", "engine_named", "run_lanes", "workers"]
