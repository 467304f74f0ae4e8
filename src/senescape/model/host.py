"""The host: in culture a well, in the body the animal that carries the tumour."""

from __future__ import annotations

from .base import Amount, Noun


class Host(Noun):
    """What belongs to the host as a whole.

    Effector cells, stroma and normal tissue are states of ``cells`` with their roles; clearance is
    an arrow whose rate reads ports. ``body_mass`` scales doses given per body mass.
    """

    label: str = ""
    species: str = ""
    immunity: str = ""
    body_mass: Amount | None = None
    note: str = ""
