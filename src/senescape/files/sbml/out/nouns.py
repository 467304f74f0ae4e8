"""What both writers write: quantities, species, reactions with one outcome each, doses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from senescape.expressions import Expr, Symbol
from senescape.units import Dimension

# What MathML, Antimony, libRoadRunner or COPASI read as something else than a name.
TAKEN = """
    time avogadro pi e exponentiale infinity inf nan notanumber true false model end species var
    const compartment function module import is has in at after priority formula rateOf delay
    gamma and or not xor if piecewise substanceOnly unit reaction event volume gene ext DNA
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Numbers at the start of the run, before its first breakpoint: expected cells of each stage.

    Parameters
    ----------
    cells : tuple of float
        One a stage, compartments in the order of the network.
    signals : tuple of float
        In the order of the network, canonical units.
    """

    cells: tuple[float, ...]
    signals: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """What a reader of the file is told beside the numbers.

    Parameters
    ----------
    name, title : str
        Of the model.
    notes : tuple of str
        Paragraphs.
    sources : mapping
        Name of a parameter to where its number is from.
    papers : tuple of str
        DOIs.
    """

    name: str
    title: str
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    papers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a name; ``rule`` (assignment) or ``rate`` (dx/dt) where it follows one."""

    id: str
    name: str
    dimension: Dimension
    value: float | None
    constant: bool = True
    rule: Expr | None = None
    rate: Expr | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Species:
    """Cells in one stage of one compartment, counted."""

    id: str
    name: str
    amount: float
    role: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """One outcome of one transition out of one stage; sides are (species id, number)."""

    id: str
    name: str
    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    law: Expr
    term: str = ""


@dataclass(frozen=True, slots=True)
class Dose:
    """What happens at one time: assignments at once.

    ``rank``: of several parts of one breakpoint, the order; None where it is alone.
    """

    id: str
    name: str
    time: float
    assignments: tuple[tuple[str, Expr], ...]
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What both writers write."""

    id: str
    labels: Labels
    quantities: tuple[Quantity, ...]
    species: tuple[Species, ...]
    reactions: tuple[Reaction, ...]
    doses: tuple[Dose, ...]


class Ids:
    """Names of ours to ids that SBML allows: letters, digits and underscores, each once."""

    def __init__(self) -> None:
        self.used = set(TAKEN.lower().split())
        self.table: dict[str, Expr] = {}

    def new(self, name: str, *, symbol: bool = False) -> str:
        """Return an id like the name; with ``symbol``, formulas that read the name read the id."""
        text = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "x"
        text = f"x{text}" if text[0].isdigit() else text
        found, number = text, 1
        while found.lower() in self.used:  # Antimony and people read ids alike but for case badly
            number += 1
            found = f"{text}_{number}"
        self.used.add(found.lower())
        if symbol:
            self.table[name] = Symbol(found)
        return found
