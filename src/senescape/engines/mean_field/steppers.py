"""What tries the steps of a network from SBML: read from tapes, or generated where that pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import config

from ..generated import Late, generated
from ..interpreter import Pointer
from .compact import Layout
from .explicit import Method, explicit
from .pointers import attempt_types, implicit_trial, trial
from .rosenbrock import Stiff, implicit
from .straight import source_of
from .straight_implicit import implicit_source_of

PAYS = 3.0  # seconds of reading tapes: as long as compiling takes
VERSION = 1  # of what is generated


class Stepper:
    """One method for one network.

    Generating pays when reading has taken as long as compiling takes: that can never cost more than
    twice the better choice. Both give the same bytes, so a run may change from one to the other
    anywhere.

    Parameters
    ----------
    layout : Layout or Stiff
    method : Method
    explicit : bool
    reading : callable
        Returns the pointer to the step that reads tapes.
    source : callable
        Returns the source of a step and how many registers it is lent.
    """

    def __init__(
        self,
        layout: Layout | Stiff,
        method: Method,
        explicit: bool,
        reading: Callable[[], Any],
        source: Callable[[], tuple[str, int]],
    ) -> None:
        self.layout, self.method, self.explicit = layout, method, explicit
        self.reading = reading
        self.spent = 0.0
        self.generated = Late(lambda: made_from(*source()))

    def attempt(self) -> tuple[Any, int]:
        """Return what to use now, and how many registers it is lent."""
        made = self.generated.get(self.spent >= PAYS)
        return (self.reading(), 0) if made is None else made


def explicit_stepper(layout: Layout, patience: float) -> Stepper:
    """Return Runge-Kutta steps for a network; ``patience``: see :class:`.explicit.Method`."""
    return Stepper(layout, explicit(patience), True, trial, lambda: source_of(layout))


def implicit_stepper(stiff: Stiff) -> Stepper:
    """Return Rosenbrock steps for a network."""
    return Stepper(stiff, implicit(), False, implicit_trial, lambda: implicit_source_of(stiff))


def made_from(source: str, lent: int) -> tuple[Any, int]:
    """Return a generated step, and how many registers it is lent."""
    return step_of(source), lent


def step_of(source: str) -> Any:
    """Return a generated step as a pointer."""
    kind = f"step_{VERSION}"
    if config.DISABLE_JIT:
        return generated(source, "attempt", kind, ())
    return Pointer(generated(source, "attempt", kind, attempt_types()), attempt_types())
