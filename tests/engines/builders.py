"""Small networks with known answers, shared by the tests of every engine.

Every builder returns a :class:`Network`; ``program_of`` lowers it, ``lanes_of`` makes the parameter
array (one column a lane, changed by keyword), ``run_assay`` runs an engine and returns assays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from senescape.compile import Program, lower
from senescape.engines.protocol import Engine, observe, run_engine
from senescape.engines.state import Streams
from senescape.expressions import Expr, Number, parse
from senescape.network import (
    Add,
    Assay,
    Birth,
    BirthLaw,
    Breakpoint,
    Compartment,
    Forcing,
    Input,
    Kind,
    Network,
    Outcome,
    Parameter,
    Port,
    Route,
    Signal,
    SignalKind,
    Term,
    Transition,
    When,
)
from senescape.units import COUNT, DIMENSIONLESS, RATE

Float = NDArray[np.float64]
Products = Mapping[str, int]


# --- words ---------------------------------------------------------------------------------------
def formula(text: str | float | Expr) -> Expr:
    """Read a formula from text or a number."""
    if isinstance(text, str):
        return parse(text)
    return Number(float(text)) if isinstance(text, int | float) else text


def rate(name: str, value: float) -> Parameter:
    """Make a parameter with the dimension 1/time."""
    return Parameter(name, RATE, value)


def number(name: str, value: float) -> Parameter:
    """Make a parameter without dimension (share, gate, route, dose)."""
    return Parameter(name, DIMENSIONLESS, value)


def cells(name: str, value: float) -> Parameter:
    """Make a parameter that counts cells."""
    return Parameter(name, COUNT, value)


def state(
    name: str, *, stages: int = 1, advance: str | None = None, role: str = "cycling"
) -> Compartment:
    """Make a compartment; ``advance`` is the formula of the hazard of one stage."""
    return Compartment(
        name,
        name,
        role,
        stages=stages,
        advance=None if advance is None else formula(advance),
    )


def outcome(probability: str | float = 1.0, /, **products: int) -> Outcome:
    """Make one outcome: ``outcome("p", A=2)``; no product means that the cell vanishes."""
    return Outcome(tuple(products.items()), formula(probability))


def exit_of(
    index: int,
    name: str,
    source: str | None,
    hazard: str | float,
    *outcomes: Outcome,
    timed: bool = False,
    gate: str | None = None,
    route: str | None = None,
    routes: Sequence[Sequence[Outcome]] = (),
) -> Transition:
    """Make a transition; ``routes`` (rows of outcomes) replaces ``outcomes`` where re-routed."""
    rows = [tuple(r) for r in routes] or [outcomes]
    return Transition(
        index,
        name,
        formula(hazard),
        tuple(Route(f"route{i}", tuple(row)) for i, row in enumerate(rows)),
        source=source,
        kind=Kind.INFLOW if source is None else Kind.UNARY,
        when=When.TIMED if timed else When.ANY_AGE,
        gate=gate,
        route=route,
    )


def assay(name: str, *compartments: str) -> Assay:
    """Make an assay that counts the named compartments with weight one."""
    return Assay(name, tuple((c, Number(1.0)) for c in compartments))


def born(total: str | float, law: BirthLaw = BirthLaw.FIXED, /, **shares: str | float) -> Birth:
    """Make a birth law: ``born("n0", A=1)``."""
    return Birth(tuple((c, formula(s)) for c, s in shares.items()), formula(total), law)


def drug(name: str = "drug", loss: str = "ke", *, initial: str | float = 0.0) -> Signal:
    """Make an exogenous signal that is lost at first order; without dimension."""
    terms = (Term(formula(f"-{loss}"), name),)
    return Signal(name, DIMENSIONLESS, SignalKind.EXOGENOUS, terms, formula(initial))


def doses(
    times: Iterable[float], amount: str | float = "dose", *, signal: str = "drug"
) -> tuple[Breakpoint, ...]:
    """Make one bolus at each time."""
    return tuple(Breakpoint(t, (Add(signal, formula(amount)),)) for t in times)


def infusion(
    start: float, end: float, speed: str = "speed", *, signal: str = "drug", index: int = 0
) -> tuple[Breakpoint, Breakpoint]:
    """Make the two breakpoints of one infusion; ``speed`` is a formula (1/time)."""
    return (
        Breakpoint(start, (Input(signal, formula(speed), index),)),
        Breakpoint(end, (Input(signal, formula(speed), index, ends=True),)),
    )


# --- networks with closed forms -------------------------------------------------------------------
def birth_death(
    *, birth: float = 1.0, death: float = 0.5, start: float = 100.0, law: BirthLaw = BirthLaw.FIXED
) -> Network:
    """Linear birth-death: one state A, one stage; assay ``live``."""
    return Network(
        parameters=(rate("birth", birth), rate("death", death), cells("n0", start)),
        compartments=(state("A"),),
        transitions=(
            exit_of(1, "division", "A", "birth", outcome(A=2)),
            exit_of(2, "death", "A", "death", outcome()),
        ),
        assays=(assay("live", "A"),),
        births=(born("n0", law, A=1),),
    )


def treated_birth_death(
    *,
    birth: float = 0.6,
    death: float = 0.1,
    kill: float = 1.1,
    start: float = 100.0,
    on: float = 0.0,
    off: float = 4.0,
) -> Network:
    """Birth-death with an extra death ``kill`` from day ``on`` to day ``off`` (a 0/1 signal)."""
    switch = Signal("treated", DIMENSIONLESS, SignalKind.EXOGENOUS, ())
    base = birth_death(birth=birth, death=death, start=start)
    return Network(
        parameters=(*base.parameters, rate("kill", kill), number("one", 1.0)),
        compartments=base.compartments,
        transitions=(
            *base.transitions,
            exit_of(3, "kill", "A", "kill * treated", outcome()),
        ),
        signals=(switch,),
        assays=base.assays,
        births=base.births,
        forcing=Forcing(
            (*doses([on], "one", signal="treated"), *doses([off], "-one", signal="treated"))
        ),
    )


def immigration_death(*, inflow: float = 20.0, death: float = 0.4, start: float = 5.0) -> Network:
    """Cells arrive at ``inflow`` a day and die; Poisson + binomial."""
    return Network(
        parameters=(rate("inflow", inflow), rate("death", death), cells("n0", start)),
        compartments=(state("A"),),
        transitions=(
            exit_of(1, "arrival", None, "inflow", outcome(A=1)),
            exit_of(2, "death", "A", "death", outcome()),
        ),
        assays=(assay("live", "A"),),
        births=(born("n0", A=1),),
    )


def erlang_chain(*, stages: int = 4, mean: float = 2.0, start: float = 100.0) -> Network:
    """One state W with ``stages`` stages and the mean dwell ``mean``, then gone; assay ``waiting``."""
    return Network(
        parameters=(rate("stage_rate", stages / mean), cells("n0", start)),
        compartments=(state("W", stages=stages, advance="stage_rate"),),
        transitions=(exit_of(1, "leave", "W", 1.0, outcome(), timed=True),),
        assays=(assay("waiting", "W"),),
        births=(born("n0", W=1),),
    )


def cycle(
    *,
    stages: int = 12,
    doubling: float = 1.2,
    death: float = 0.0,
    start: float = 100.0,
    quiet: float = 0.0,
) -> Network:
    """Cell cycle of ``stages`` stages that doubles every ``doubling`` days when nothing dies.

    ``death`` acts at any age; a fraction ``quiet`` of daughters pairs becomes quiescent (Q).
    """
    stage_rate = np.log(2) / doubling / (2 ** (1 / stages) - 1)
    return Network(
        parameters=(
            rate("stage_rate", float(stage_rate)),
            rate("death", death),
            number("quiet", quiet),
            cells("n0", start),
        ),
        compartments=(
            state("P", stages=stages, advance="stage_rate"),
            state("Q", role="quiescent"),
        ),
        transitions=(
            exit_of(
                1,
                "division",
                "P",
                1.0,
                outcome("1 - quiet", P=2),
                outcome("quiet", Q=2),
                timed=True,
            ),
            exit_of(2, "death", "P", "death", outcome()),
        ),
        assays=(assay("live", "P", "Q"), assay("cycling", "P")),
        births=(born("n0", P=1),),
    )


def two_types(
    *,
    birth: float = 0.5,
    death: float = 0.2,
    mutation: float = 0.01,
    mutant_birth: float = 0.6,
    mutant_death: float = 0.1,
    start: float = 10.0,
) -> Network:
    """Wild type A divides, dies, and mutates at division (one daughter M); M divides and dies."""
    return Network(
        parameters=(
            rate("birth", birth),
            rate("death", death),
            number("mutation", mutation),
            rate("mutant_birth", mutant_birth),
            rate("mutant_death", mutant_death),
            cells("n0", start),
        ),
        compartments=(state("A"), state("M")),
        transitions=(
            exit_of(
                1,
                "division",
                "A",
                "birth",
                outcome("1 - mutation", A=2),
                outcome("mutation", A=1, M=1),
            ),
            exit_of(2, "death", "A", "death", outcome()),
            exit_of(3, "mutant division", "M", "mutant_birth", outcome(M=2)),
            exit_of(4, "mutant death", "M", "mutant_death", outcome()),
        ),
        assays=(assay("live", "A", "M"), assay("mutants", "M")),
        births=(born("n0", A=1),),
    )


def dosing(
    breakpoints: Sequence[Breakpoint],
    *,
    ke: float = 0.8,
    dose: float = 2.0,
    kill: float = 0.7,
    start: float = 1000.0,
    start_time: float = 0.0,
) -> Network:
    """One drug lost at ``ke``; cells A die at kill * drug: log survival is -kill * AUC."""
    return Network(
        parameters=(
            rate("ke", ke),
            number("dose", dose),
            rate("speed", dose),
            rate("kill", kill),
            cells("n0", start),
        ),
        compartments=(state("A"),),
        transitions=(exit_of(1, "kill", "A", "kill * drug", outcome()),),
        signals=(drug(),),
        assays=(assay("live", "A"),),
        births=(born("n0", A=1),),
        forcing=Forcing(tuple(breakpoints), start=start_time),
    )


def bateman(*, ka: float = 3.0, ke: float = 0.8, dose: float = 2.0) -> Network:
    """Oral dose at day 0: depot -> plasma -> out; one idle cell."""
    plasma = Signal(
        "plasma",
        DIMENSIONLESS,
        SignalKind.EXOGENOUS,
        (Term(formula("ka"), "depot"), Term(formula("-ke"), "plasma")),
    )
    return Network(
        parameters=(rate("ka", ka), rate("ke", ke), number("dose", dose)),
        compartments=(state("A"),),
        transitions=(exit_of(1, "death", "A", "0 * ke", outcome()),),
        signals=(drug("depot", "ka"), plasma),
        assays=(assay("live", "A"),),
        births=(born(1, A=1),),
        forcing=Forcing(doses([0.0], signal="depot")),
    )


def logistic(*, growth: float = 0.9, capacity: float = 1000.0, start: float = 10.0) -> Network:
    """Division slowed by crowding; deterministic mean follows the logistic law."""
    return Network(
        parameters=(rate("growth", growth), cells("capacity", capacity), cells("n0", start)),
        compartments=(state("A"),),
        transitions=(exit_of(1, "division", "A", "growth * room", outcome(A=2)),),
        ports=(Port("room", DIMENSIONLESS, formula("max(0, 1 - live / capacity)")),),
        assays=(assay("live", "A"),),
        births=(born("n0", A=1),),
    )


def secreting(
    *, secretion: float = 0.02, clearance: float = 3.0, boost: float = 0.5, start: float = 50.0
) -> Network:
    """Senescent S secretes a factor that speeds the division of P (a linear signal, fed back)."""
    factor = Signal(
        "factor",
        DIMENSIONLESS,
        SignalKind.LINEAR,
        (Term(formula("secretion / unit"), "senescent"), Term(formula("-clearance"), "factor")),
    )
    return Network(
        parameters=(
            rate("secretion", secretion),
            rate("clearance", clearance),
            number("boost", boost),
            rate("growth", 0.5),
            rate("entry", 0.3),
            rate("loss", 0.1),
            cells("unit", 1.0),
            cells("n0", start),
        ),
        compartments=(state("P"), state("S", role="senescent_mature")),
        transitions=(
            exit_of(
                1, "division", "P", "growth * (1 + boost * factor / (1 + factor))", outcome(P=2)
            ),
            exit_of(2, "arrest", "P", "entry", outcome(S=1)),
            exit_of(3, "loss", "S", "loss", outcome()),
        ),
        signals=(factor,),
        assays=(assay("live", "P", "S"), assay("senescent", "S")),
        births=(born("n0", P=1),),
    )


# --- running --------------------------------------------------------------------------------------
def program_of(network: Network) -> Program:
    """Lower a network."""
    return lower(network)


def lanes_of(program: Program, lanes: int = 1, **changes: float | Sequence[float]) -> Float:
    """Return the parameter array, shape (parameters, lanes); keywords change rows."""
    table = np.repeat(program.parameter_defaults[:, None], lanes, axis=1)
    for name, value in changes.items():
        table[program.parameter(name)] = value
    return table


def run_assay(
    engine: Engine,
    program: Program,
    times: Sequence[float] | Float,
    *,
    parameters: Float | None = None,
    seed: int = 1,
) -> Float:
    """Run an engine and return every assay, shape (times, assays, lanes)."""
    table = lanes_of(program) if parameters is None else parameters
    streams = Streams.hosts(seed, table.shape[1])
    grid = np.asarray(times, np.float64)
    states = run_engine(engine, program, table, streams, grid)
    return np.array([observe(program, s) for s in states])
