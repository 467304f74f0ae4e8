"""How a solver's call can end, and what to do about each ending."""

from __future__ import annotations

from enum import Enum

from senescape.errors import RunError


class SolverOutcome(Enum):
    """Ending of one call of LSODA; the value is (its number, what happened, advice)."""

    REACHED = (2, "reached the end", "nothing to do")
    NOTHING_DONE = (1, "the interval has no length", "nothing to do")
    TOO_MANY_STEPS = (
        -1,
        "more steps than the budget",
        "look for a rate that is thousands of times faster than the rest, or raise max_steps",
    )
    TOLERANCE_TOO_SMALL = (
        -2,
        "the tolerance is below what 16 digits can hold",
        "raise relative_tolerance",
    )
    BAD_INPUT = (-3, "the solver refused its input", "report this as a bug, with the scenario")
    ERROR_TEST_FAILED = (
        -4,
        "the error could not be brought below the tolerance",
        "look for a rate that jumps between breakpoints; make the jump a breakpoint",
    )
    NO_CONVERGENCE = (
        -5,
        "the implicit step did not converge",
        "look for a rate that jumps with the number of cells (a comparison inside a formula)",
    )
    WEIGHT_VANISHED = (-6, "an error weight became zero", "raise absolute_tolerance")
    WORK_TOO_SHORT = (-7, "the solver's memory was too short", "report this as a bug")
    INTERNAL = (-8, "the solver stopped by itself", "report this as a bug, with the scenario")
    NEGATIVE = (
        -100,
        "a number of cells fell below zero",
        "lower relative_tolerance; else a general transition takes cells that are not there",
    )
    OVERFLOW = (
        -101,
        "a number of cells is no longer finite",
        "shorten the horizon or bound growth with a crowding law",
    )

    @classmethod
    def from_message(cls, message: str) -> SolverOutcome:
        """Return the outcome that belongs to a message of ``scipy.integrate.odeint``."""
        for beginning, outcome in _MESSAGES:
            if message.startswith(beginning):
                return outcome
        return cls.INTERNAL

    @property
    def reached(self) -> bool:
        """Whether the numbers can be used."""
        return self in (SolverOutcome.REACHED, SolverOutcome.NOTHING_DONE)

    def error(self, first: float, last: float) -> RunError:
        """Return the refusal that says what happened between two times, and the advice."""
        return RunError(
            f"mean field from {first:g} to {last:g} day: {self.value[1]}",
            allowed="a solution within the tolerance",
            remedy=self.value[2],
            check=f"run.solver-{self.name.lower().replace('_', '-')}",
        )


# The beginnings of the messages of scipy's odeint, which returns no number.
_MESSAGES = (
    ("Integration successful", SolverOutcome.REACHED),
    ("Nothing was done", SolverOutcome.NOTHING_DONE),
    ("Excess work", SolverOutcome.TOO_MANY_STEPS),
    ("Excess accuracy", SolverOutcome.TOLERANCE_TOO_SMALL),
    ("Illegal input", SolverOutcome.BAD_INPUT),
    ("Repeated error test", SolverOutcome.ERROR_TEST_FAILED),
    ("Repeated convergence", SolverOutcome.NO_CONVERGENCE),
    ("Error weight became zero", SolverOutcome.WEIGHT_VANISHED),
    ("Internal workspace", SolverOutcome.WORK_TOO_SHORT),
    ("Run terminated", SolverOutcome.INTERNAL),
)
