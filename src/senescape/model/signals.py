"""Signals: damage, secreted factors and other quantities that follow a linear law."""

from __future__ import annotations

from pydantic import Field

from .base import Amount, Noun
from .cells import Name


class Inflow(Noun):
    """What another signal or drug puts in: rate * source."""

    from_: Name = Field(alias="from")
    rate: Amount = Field(default=1, validate_default=True)


class Secretion(Noun):
    """What cells put in: rate * number of cells of a state or observable."""

    by: Name
    rate: Amount


class SignalLaw(Noun):
    """dx/dt = supply + sum of inputs + sum of secretion - decay * x."""

    decay: Amount | None = None
    supply: Amount | None = None
    inputs: tuple[Inflow, ...] = ()
    secreted: tuple[Secretion, ...] = ()


class SignalNoun(Noun):
    """A signal with its unit and law; ``initial`` is its value at the start."""

    label: str = ""
    unit: str
    law: SignalLaw
    initial: Amount | None = None


class PortNoun(Noun):
    """What a cell senses around it: a formula over observables, signals and parameters."""

    label: str = ""
    unit: str = "1"
    formula: Amount
