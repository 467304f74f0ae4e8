"""The small network of the benchmark in senescape's own form, at any number of cells.

The same dynamics at ``scale`` times the cells: capacities and supplies grow with the scale, rates
of meeting fall. The secreted factor F is a signal (abundant and fast, its noise does not matter);
cells, effectors and molecules of the drug C are whole numbers.
"""

from __future__ import annotations

from dataclasses import replace

from networks import Reactions, small

from senescape.expressions import parse
from senescape.network import (
    Assay,
    Birth,
    Compartment,
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
)
from senescape.units import COUNT, DIMENSIONLESS, RATE

EXTENSIVE = ("K", "KF", "KE", "sE", "rE")
MEETING = ("kdam", "kclear")


def scaled(scale: float) -> Reactions:
    """Return the reactions at ``scale`` times the cells."""
    net = small()
    parameters = {
        name: value * (scale if name in EXTENSIVE else 1.0 / scale if name in MEETING else 1.0)
        for name, value in net.parameters.items()
    }
    species = {name: round(cells * scale) for name, cells in net.species.items()}
    return replace(net, parameters=parameters, species=species)


def cells_network(scale: float) -> Network:
    """Return the same network with cells, signals and ports."""
    net = scaled(scale)
    dimensions = (
        dict.fromkeys(("K", "KF", "KE"), COUNT)
        | dict.fromkeys(("phi", "mu"), DIMENSIONLESS)
        | dict.fromkeys(("sE", "rE"), COUNT * RATE)
        | dict.fromkeys(MEETING, RATE / COUNT)
    )
    parameters = [
        Parameter(name, dimensions.get(name, RATE), value) for name, value in net.parameters.items()
    ]
    parameters += [Parameter(f"{s}0", COUNT, float(net.species[s])) for s in ("P", "E", "C")]
    numbers = iter(range(1, 100))

    def arrow(name: str, source: str | None, hazard: str, *outcomes: Outcome) -> Transition:
        kind = Kind.INFLOW if source is None else Kind.UNARY
        return Transition(
            next(numbers),
            name,
            parse(hazard),
            (Route("usual", outcomes),),
            source=source,
            kind=kind,
        )

    def to(probability: str = "1", **products: int) -> Outcome:
        return Outcome(tuple(products.items()), parse(probability))

    transitions = (
        arrow("divide", "P", "b * feed", to("1", P=2)),
        arrow("mutate", "P", "b * mu", to("1", P=1, R=1)),
        arrow("crowded", "P", "d0 + b * crowd", to()),
        arrow("damage", "P", "kdam * drug", to("1", D=1)),
        arrow("burst", "D", "ka", to("1", A=1)),
        arrow("arrest", "D", "ks", to("1", S=1)),
        arrow("mend", "D", "krep", to("1", P=1)),
        arrow("escape", "S", "kesc", to("1", R=1)),
        arrow("fade", "S", "kas", to("1", A=1)),
        arrow("clear", "S", "kclear * effectors", to()),
        arrow("divide_r", "R", "bR * feed", to("1", R=2)),
        arrow("crowded_r", "R", "d0 + bR * crowd", to()),
        arrow("rot", "A", "kph", to()),
        arrow("come", None, "sE + rE * call", to("1", E=1)),
        arrow("go", "E", "kdE", to()),
        arrow("clear_drug", "C", "kel", to()),
    )
    signals = (
        Signal(
            "F",
            COUNT,
            SignalKind.LINEAR,
            (Term(parse("kf"), "senescent"), Term(parse("-kdF"), "F")),
        ),
    )
    ports = (
        Port("feed", DIMENSIONLESS, parse("1 + phi * F / (KF + F)")),
        Port("call", DIMENSIONLESS, parse("F / (KE + F)")),
        Port("crowd", DIMENSIONLESS, parse("live / K")),
        Port("effectors", COUNT, parse("effector_cells")),
        Port("drug", COUNT, parse("molecules")),
    )

    def assay(name: str, *compartments: str) -> Assay:
        return Assay(name, tuple((c, parse("1")) for c in compartments))

    return Network(
        parameters=tuple(parameters),
        compartments=tuple(Compartment(s, s) for s in "PDSRAEC"),
        transitions=transitions,
        signals=signals,
        ports=ports,
        assays=(
            assay("live", "P", "D", "S", "R"),
            assay("senescent", "S"),
            assay("effector_cells", "E"),
            assay("molecules", "C"),
        ),
        births=(
            Birth((("P", parse("1")),), parse("P0")),
            Birth((("E", parse("1")),), parse("E0")),
            Birth((("C", parse("1")),), parse("C0")),
        ),
    )
