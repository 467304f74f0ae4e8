"""Compartments, transitions, signals and ports of a network.

Rates are stored *per cell*: the rate of a unary transition is gate * hazard * n(source), so that
the same form serves an ODE, a leap over many cells, a direct stochastic simulation and single cells
in tissue. A hazard reads parameters, signals, ports and time, never a raw number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from senescape.expressions import Expr, Number
from senescape.units import COUNT, DIMENSIONLESS, TIME, Dimension

from .forcing import Forcing


class Kind(Enum):
    """How the rate of a transition is formed."""

    UNARY = "unary"
    INFLOW = "inflow"
    GENERAL = "general"


class When(Enum):
    """At which age of a compartment a unary transition competes."""

    TIMED = "timed"
    ANY_AGE = "any_age"


class SignalKind(Enum):
    """What drives a signal: treatment alone, the cells, or an arbitrary law (SBML)."""

    EXOGENOUS = "exogenous"
    LINEAR = "linear"
    RATE_RULE = "rate_rule"


class BirthLaw(Enum):
    """The law of the initial number of cells."""

    FIXED = "fixed"
    POISSON = "poisson"
    LURIA_DELBRUECK = "luria_delbrueck"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named number that each lane (host, well) may set for itself.

    Parameters
    ----------
    name : str
        Name as formulas write it.
    dimension : Dimension
        Its dimension; the value is in canonical units.
    value : float
        Default value for lanes that set none.
    """

    name: str
    dimension: Dimension
    value: float


@dataclass(frozen=True, slots=True)
class Compartment:
    """Cells of one state, clone and heterogeneity class.

    Parameters
    ----------
    id : str
        Unique name, for example ``D[sensitivity=3]``.
    state, role, clone : str
        The labels that a reader knows.
    classes : tuple of (axis, index)
        Place on each axis of heterogeneity.
    stages : int
        Number of stages k that a cell passes in order; never expanded here.
    advance : Expr or None
        Hazard of passing one stage (mean dwell = k / hazard). None: the compartment does not age.
    """

    id: str
    state: str
    role: str = "cycling"
    clone: str = "founder"
    classes: tuple[tuple[str, int], ...] = ()
    stages: int = 1
    advance: Expr | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One possible result of a transition: which cells stand there afterwards.

    Parameters
    ----------
    products : tuple of (compartment id, count)
        Every cell that exists afterwards, the source cell included if it survives. Empty: the
        cell vanishes. Of a general transition without source: the net change, which may be
        negative.
    probability : Expr
        Chance of this outcome given that the transition fires; the outcomes of a route sum to 1.
    """

    products: tuple[tuple[str, int], ...]
    probability: Expr = field(default_factory=lambda: Number(1.0))


@dataclass(frozen=True, slots=True)
class Route:
    """A row of outcomes that a lane may choose for a transition (re-routing)."""

    name: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow between compartments.

    Parameters
    ----------
    number : int
        Stable number, from which its random draws are keyed.
    id : str
        Unique name.
    hazard : Expr
        Per cell and day for ``any_age``; cells per day for an inflow; the share among the timed
        transitions of its source for ``timed``; the whole propensity for ``general``.
    routes : tuple of Route
        At least one; ``route`` names the parameter that holds the chosen row, None: the first.
    source : str or None
        Source compartment; None for an inflow.
    gate : str or None
        Parameter (0 or 1) that multiplies the hazard.
    arrow : str
        Arrow of Figure 1, or ``housekeeping``.
    """

    number: int
    id: str
    hazard: Expr
    routes: tuple[Route, ...]
    source: str | None = None
    kind: Kind = Kind.UNARY
    when: When = When.ANY_AGE
    gate: str | None = None
    route: str | None = None
    arrow: str = "housekeeping"


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a signal's law: coefficient * source.

    ``source`` is a signal, an assay (cells secrete), or None for a constant supply.
    """

    coefficient: Expr
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """A quantity that follows a linear law: drug, damage, secreted factor.

    Parameters
    ----------
    terms : tuple of Term
        dx/dt is their sum plus the input rate that the forcing sets. Coefficients read parameters
        only.
    law : Expr or None
        dx/dt of a rate rule, over anything; None: constant but for events.
    """

    name: str
    dimension: Dimension
    kind: SignalKind
    terms: tuple[Term, ...]
    initial: Expr = field(default_factory=lambda: Number(0.0))
    law: Expr | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """What a cell senses of its surroundings; well mixed, a formula over assays and signals."""

    name: str
    dimension: Dimension
    closure: Expr


@dataclass(frozen=True, slots=True)
class Assay:
    """A weighted number of cells, shared by end points, visits, ports and observation.

    Weights are (compartment id, weight expression over parameters); cells that are not named count
    nothing.
    """

    id: str
    weights: tuple[tuple[str, Expr], ...]
    dimension: Dimension = COUNT


@dataclass(frozen=True, slots=True)
class Birth:
    """Initial cells: a total, split over compartments by multinomial shares.

    Parameters
    ----------
    shares : tuple of (compartment id, share expression)
        Sum to 1.
    total : Expr
        Mean number of cells (for Luria-Delbrueck: the expected number of mutations m).
    stage_profile : str
        ``first``: all in the first stage; ``stationary``: spread over the stages as in unlimited
        exponential growth.
    """

    shares: tuple[tuple[str, Expr], ...]
    total: Expr
    law: BirthLaw = BirthLaw.FIXED
    stage_profile: str = "first"


@dataclass(frozen=True, slots=True)
class Event:
    """Assignments that happen at once when a condition becomes true (networks from SBML only).

    Parameters
    ----------
    id : str
        Unique name.
    trigger : Expr
        A condition over species, signals, ports, parameters and time; the event happens whenever
        it changes from false to true.
    assignments : tuple of (compartment or signal, new value)
        All at once: no value sees another's effect.
    persistent : bool
        Whether an event that waits for others at the same time happens even if its condition has
        become false meanwhile.
    initial : bool
        What the condition is taken to have been just before the start; False: the event happens
        at the start if the condition holds there.
    priority : Expr or None
        Of events at the same time the highest goes first, equal ones in an order drawn at random;
        those without come last, in the order of the network.
    at_trigger : bool
        Whether values are those of the moment of triggering, or of the moment of execution.
    """

    id: str
    trigger: Expr
    assignments: tuple[tuple[str, Expr], ...]
    persistent: bool = True
    initial: bool = True
    priority: Expr | None = None
    at_trigger: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that a run of a plain network reports: its name and formula."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that a run needs except numbers per lane.

    Parameters
    ----------
    events, readings : tuple
        Of a plain network only.
    plain : bool
        The network of another tool's model (SBML): numbers without dimension in the units of its
        file, time included. Its transitions are all general, without source; its assays are its
        compartments, one by one, so that a propensity may read numbers.
    """

    parameters: tuple[Parameter, ...]
    compartments: tuple[Compartment, ...]
    transitions: tuple[Transition, ...]
    signals: tuple[Signal, ...] = ()
    ports: tuple[Port, ...] = ()
    assays: tuple[Assay, ...] = ()
    births: tuple[Birth, ...] = ()
    forcing: Forcing = field(default_factory=Forcing)
    events: tuple[Event, ...] = ()
    readings: tuple[Reading, ...] = ()
    plain: bool = False

    def dimensions(self) -> dict[str, Dimension]:
        """Return the dimension of every name that a hazard may read."""
        table = {p.name: p.dimension for p in self.parameters}
        table |= {s.name: s.dimension for s in self.signals}
        table |= {p.name: p.dimension for p in self.ports}
        if self.plain:
            return table | dict.fromkeys(["time", *(a.id for a in self.assays)], DIMENSIONLESS)
        return table | {"time": TIME}
