"""What tries the steps of a network from SBML: read from tapes, or generated where that pays."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from numba import config

from ..generated import generated
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
        self.reading, self.source = reading, source
        self.spent = 0.0
        self.lent = 0
        self.generated: Any = None
        self._lock = Lock()

    def attempt(self) -> tuple[Any, int]:
        """Return what to use now, and how many registers it is lent."""
        pays = self.generated is None and self.spent >= PAYS and not config.DISABLE_JIT
        # one thread compiles, the others go on reading
        if pays and self._lock.acquire(blocking=False):
            try:
                if self.generated is None:
                    source, self.lent = self.source()
                    self.generated = step_of(source)
            finally:
                self._lock.release()
        return (self.reading(), 0) if self.generated is None else (self.generated, self.lent)


def explicit_stepper(layout: Layout, patience: float) -> Stepper:
    """Return Runge-Kutta steps for a network; ``patience``: see :class:`.explicit.Method`."""
    return Stepper(layout, explicit(patience), True, trial, lambda: source_of(layout))


def implicit_stepper(stiff: Stiff) -> Stepper:
    """Return Rosenbrock steps for a network."""
    return Stepper(stiff, implicit(), False, implicit_trial, lambda: implicit_source_of(stiff))


def step_of(source: str) -> Any:
    """Return a generated step as a pointer."""
    kind = f"step_{VERSION}"
    if config.DISABLE_JIT:
        return generated(source, "attempt", kind, ())
    return Pointer(generated(source, "attempt", kind, attempt_types()), attempt_types())
