"""Who is told how far a run is, and what the answer looks like so far."""

from __future__ import annotations

from typing import Protocol


class Monitor(Protocol):
    """Told how far a run is; the command line shows it as a bar. No number depends on it."""

    def start(self, what: str, total: int) -> None:
        """Begin a piece of work of ``total`` units."""

    def advance(self, units: int) -> None:
        """Say that units are finished."""

    def estimate(self, text: str) -> None:
        """Say what the answer looks like so far."""

    def stop(self) -> None:
        """End the piece of work."""


class Silent:
    """A monitor that shows nothing."""

    def start(self, what: str, total: int) -> None:
        """Do nothing."""

    def advance(self, units: int) -> None:
        """Do nothing."""

    def estimate(self, text: str) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Within(Silent):
    """A monitor for parts of one piece of work, whose start and end are told by the whole.

    Parameters
    ----------
    whole : Monitor
        Started with the units of all parts together.
    """

    def __init__(self, whole: Monitor) -> None:
        self.whole = whole

    def advance(self, units: int) -> None:
        """Say that units of the whole are finished."""
        self.whole.advance(units)

    def estimate(self, text: str) -> None:
        """Say what the answer looks like so far."""
        self.whole.estimate(text)
