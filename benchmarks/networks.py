"""The networks that peers and senescape are timed on, as SBML: 8/18, 30/70 and 60/136.

Species count cells (or molecules) and reactions are those of therapy-induced senescence: division
with mutation, crowding, damage by a drug, arrest, senescence, apoptosis, clearance by effectors, a
secreted factor. ``8`` is the small one; the others have clones and stages of the cell cycle, as a
scenario has once it is lowered. Numbers are assumptions: the networks are work, not biology.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SIZES = (8, 30, 60)
UNTIL, OUTPUTS = 30.0, 31  # [day]


@dataclass(frozen=True)
class Reactions:
    """A reaction network as text: names, numbers, rules and rates."""

    species: dict[str, int]
    parameters: dict[str, float]
    rules: dict[str, str]
    reactions: list[tuple[dict[str, int], dict[str, int], str]]  # consumed, made, rate


def small() -> Reactions:
    """Return 8 species and 18 reactions; about 314,500 events in 30 days."""
    parameters = {
        "b": 0.7, "bR": 0.65, "d0": 0.05, "K": 2000.0, "mu": 1e-4, "kdam": 0.004, "ka": 0.6,
        "ks": 0.9, "krep": 0.3, "kesc": 0.005, "kas": 0.02, "kclear": 2e-4, "kph": 0.5, "kf": 10.0,
        "kdF": 5.0, "sE": 5.0, "rE": 20.0, "KE": 1500.0, "kdE": 0.1, "phi": 0.5, "KF": 1000.0,
        "kel": 0.8,
    }  # fmt: skip
    species = {"P": 1000, "D": 0, "S": 0, "R": 0, "A": 0, "F": 0, "E": 50, "C": 500}
    crowd = "(P + D + S + R) / K"
    reactions = [
        ({"P": 1}, {"P": 2}, "b * P * (1 + phi * F / (KF + F))"),
        ({"P": 1}, {"P": 1, "R": 1}, "b * mu * P"),
        ({"P": 1}, {}, f"P * (d0 + b * {crowd})"),
        ({"P": 1}, {"D": 1}, "kdam * C * P"),
        ({"D": 1}, {"A": 1}, "ka * D"),
        ({"D": 1}, {"S": 1}, "ks * D"),
        ({"D": 1}, {"P": 1}, "krep * D"),
        ({"S": 1}, {"R": 1}, "kesc * S"),
        ({"S": 1}, {"A": 1}, "kas * S"),
        ({"S": 1}, {}, "kclear * E * S"),
        ({"R": 1}, {"R": 2}, "bR * R * (1 + phi * F / (KF + F))"),
        ({"R": 1}, {}, f"R * (d0 + bR * {crowd})"),
        ({"A": 1}, {}, "kph * A"),
        ({"S": 1}, {"S": 1, "F": 1}, "kf * S"),
        ({"F": 1}, {}, "kdF * F"),
        ({}, {"E": 1}, "sE + rE * F / (KE + F)"),
        ({"E": 1}, {}, "kdE * E"),
        ({"C": 1}, {}, "kel * C"),
    ]
    return Reactions(species, parameters, {}, reactions)


def stiff(net: Reactions) -> Reactions:
    """Return the small network with a secreted factor and a drug that are gone within minutes."""
    fast = {"kdF": 500.0, "kf": 1000.0, "kel": 50.0, "kdam": 0.25}
    return replace(net, parameters=net.parameters | fast)


def staged(clones: int, cycling: int, damaged: int, senescent: int, dying: int) -> Reactions:
    """Return a network of clones whose states have stages."""
    parameters = {
        "b": 0.7, "d0": 0.05, "K": 3000.0, "kdam": 0.0008, "krep": 0.3, "ks": 0.9, "ka": 0.6,
        "Ks": 200.0, "Ka": 400.0, "kmat": 0.4, "dS": 0.05, "kcl": 3e-4, "kappa": 300.0,
        "kesc": 0.005, "kf": 10.0, "kdF": 5.0, "phi": 0.5, "KF": 1000.0, "sE": 5.0, "rE": 20.0,
        "KE": 1500.0, "kdE": 0.1, "kel": 0.8, "kph": 1.0, "mu": 1e-3,
        "stages": float(cycling), "steps": float(damaged), "ages": float(senescent),
        "shreds": float(dying),
    }  # fmt: skip
    species: dict[str, int] = {}

    def chain(letter: str, clone: int, stages: int, cells: int = 0) -> list[str]:
        names = [f"{letter}{clone}_{stage}" for stage in range(stages)]
        species.update(dict.fromkeys(names, cells))
        return names

    start = max(1, 1000 // (clones * cycling))
    p = [chain("P", c, cycling, start) for c in range(clones)]
    d = [chain("D", c, damaged) for c in range(clones)]
    s = [chain("S", c, senescent) for c in range(clones)]
    a = [chain("A", c, dying) for c in range(clones)]
    species |= {"F": 0, "E": 50, "C": 500}
    live = " + ".join(n for part in (p, d, s) for names in part for n in names)
    old = " + ".join(n for names in s for n in names)
    rules = {
        "N": live,
        "SS": old,
        "pass": "b * stages * (1 + phi * F / (KF + F))",
        "crowd": "d0 + b * N / K",
        "hit": "kdam * C",
        "kill": "kcl * E / (1 + SS / kappa)",
        "arrest": "ks * C / (Ks + C)",
        "burst": "ka * C * C / (Ka * Ka + C * C)",
        "mend": "krep * Ka / (Ka + C)",
        "leave": "arrest + burst + mend",
    }
    reactions: list[tuple[dict[str, int], dict[str, int], str]] = []
    for c in range(clones):
        other = p[(c + 1) % clones][0]
        for stage, name in enumerate(p[c]):
            if stage + 1 < cycling:
                reactions.append(({name: 1}, {p[c][stage + 1]: 1}, f"pass * {name}"))
            else:
                reactions.append(({name: 1}, {p[c][0]: 2}, f"pass * (1 - mu) * {name}"))
                reactions.append(({name: 1}, {p[c][0]: 1, other: 1}, f"pass * mu * {name}"))
            reactions.append(({name: 1}, {}, f"crowd * {name}"))
            reactions.append(({name: 1}, {d[c][0]: 1}, f"hit * {name}"))
        for stage, name in enumerate(d[c]):
            if stage + 1 < damaged:
                reactions.append(({name: 1}, {d[c][stage + 1]: 1}, f"steps * leave * {name}"))
            else:
                for way, to in (("arrest", s[c][0]), ("burst", a[c][0]), ("mend", p[c][0])):
                    reactions.append(({name: 1}, {to: 1}, f"steps * {way} * {name}"))
        for stage, name in enumerate(s[c]):
            if stage + 1 < senescent:
                reactions.append(({name: 1}, {s[c][stage + 1]: 1}, f"kmat * ages * {name}"))
            reactions.append(({name: 1}, {}, f"(kill + dS) * {name}"))
        reactions.append(({s[c][-1]: 1}, {other: 1}, f"kesc * {s[c][-1]}"))
        reactions.append(({}, {"F": 1}, f"kf * {s[c][-1]}"))
        for stage, name in enumerate(a[c]):
            made = {a[c][stage + 1]: 1} if stage + 1 < dying else {}
            reactions.append(({name: 1}, made, f"kph * shreds * {name}"))
    reactions += [
        ({"F": 1}, {}, "kdF * F"),
        ({}, {"E": 1}, "sE + rE * F / (KE + F)"),
        ({"E": 1}, {}, "kdE * E"),
        ({"C": 1}, {}, "kel * C"),
    ]
    return Reactions(species, parameters, rules, reactions)


def network(size: int) -> Reactions:
    """Return the network of a size."""
    if size == 8:
        return small()
    return staged(*{30: (3, 3, 2, 3, 1), 60: (3, 8, 4, 5, 2)}[size])


def sbml(net: Reactions) -> str:
    """Write a network as SBML L3V1; every species counts items, every rate is per day."""
    import libsbml

    def math(text: str) -> str:
        tree = libsbml.parseL3Formula(text)
        assert tree is not None, libsbml.getLastParseL3Error()
        written: str = libsbml.writeMathMLToString(tree)
        return written.split("?>", 1)[1]

    def side(tag: str, what: dict[str, int]) -> str:
        items = "".join(
            f'<speciesReference species="{n}" stoichiometry="{k}" constant="true"/>'
            for n, k in what.items()
        )
        return f"<{tag}>{items}</{tag}>" if items else ""

    known = set(net.species)
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">',
        '<model id="senescence" substanceUnits="item" extentUnits="item"><listOfCompartments>',
        '<compartment id="dish" size="1" constant="true" spatialDimensions="3"/>',
        "</listOfCompartments><listOfSpecies>",
    ]
    for name, cells in net.species.items():
        parts.append(
            f'<species id="{name}" compartment="dish" initialAmount="{cells}" constant="false"'
            ' hasOnlySubstanceUnits="true" boundaryCondition="false" substanceUnits="item"/>'
        )
    parts.append("</listOfSpecies><listOfParameters>")
    for name, value in net.parameters.items():
        parts.append(f'<parameter id="{name}" value="{value!r}" constant="true"/>')
    for name in net.rules:
        parts.append(f'<parameter id="{name}" constant="false"/>')
    parts.append("</listOfParameters>")
    if net.rules:
        parts.append("<listOfRules>")
        for name, text in net.rules.items():
            parts.append(f'<assignmentRule variable="{name}">{math(text)}</assignmentRule>')
        parts.append("</listOfRules>")
    parts.append("<listOfReactions>")
    for number, (consumed, made, rate) in enumerate(net.reactions):
        words = set(rate.replace("(", " ").replace(")", " ").split())
        others = sorted((words & known) - set(consumed))
        modifiers = "".join(f'<modifierSpeciesReference species="{n}"/>' for n in others)
        parts.append(
            f'<reaction id="r{number}" reversible="false" fast="false">'
            + side("listOfReactants", consumed)
            + side("listOfProducts", made)
            + (f"<listOfModifiers>{modifiers}</listOfModifiers>" if modifiers else "")
            + f"<kineticLaw>{math(rate)}</kineticLaw></reaction>"
        )
    parts.append("</listOfReactions></model></sbml>")
    return "\n".join(parts)
