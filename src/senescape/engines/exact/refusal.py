"""What the exact engine says when it cannot go on."""

from __future__ import annotations

from senescape.compile import Program
from senescape.errors import RunError

from .step import BROKEN, TOO_MANY, UNBOUNDED


def refusal(program: Program, outcome: int, lane: int, time: float) -> RunError:
    """Return the error that belongs to an outcome of the kernel."""
    place = f"at t = {time:.6g} day (lane {lane})"
    if outcome == TOO_MANY:
        return RunError(
            f"the budget of events is used up {place}",
            allowed="as many events as max_events",
            remedy="use the leap engine, or fewer cells",
            check="run.too-many-events",
        )
    if outcome == UNBOUNDED:
        return RunError(
            f"a rate has no bound {place}",
            allowed="rates that stay finite over a short window",
            remedy="look for a division by a signal that passes zero",
            check="run.rate-unbounded",
        )
    if outcome == BROKEN:
        return RunError(
            f"a rate lies outside its bounds {place}",
            allowed="bounds that hold",
            remedy="report this as a bug, with the scenario",
            check="run.bound-broken",
        )
    index = -1 - outcome
    if index < len(program.transition):
        source = program.transition[index, 1]
        what = program.transition_ids[index]
    else:
        source = index - len(program.transition)
        what = "the advance"
    of = "outside" if source < 0 else program.compartment_ids[source]
    return RunError(
        f"the rate of {what} out of {of} is negative or not finite {place}",
        allowed="finite rates of at least 0",
        remedy="look at the formula and its parameters with `senescape show --equations`",
        check="run.rate",
    )
