"""A scenario under one regimen as a model for other tools; the mean field says how it starts."""

from __future__ import annotations

import numpy as np

from senescape.compile import compile_scenario
from senescape.engines.mean_field import MeanField
from senescape.engines.state import Streams
from senescape.errors import RunError
from senescape.files.sbml.out import Labels, Model, Start, antimony_text, exported, sbml_text
from senescape.model import Scenario
from senescape.network import Network, Redistribute, Visit
from senescape.network.nouns import BirthLaw
from senescape.version import __version__

FORMATS = ("sbml", "antimony")
WARNING = "A research tool, not for decisions about patients."


def export_scenario(
    scenario: Scenario, regimen: str, *, variant: str | None = None, format: str = "sbml"
) -> str:
    """Return one regimen of a scenario as SBML Level 3 Version 2 or as Antimony text.

    Parameters
    ----------
    scenario : Scenario
        As :func:`senescape.read_scenario` returns it.
    regimen, variant : str
        Of the scenario.
    format : str
        ``sbml`` or ``antimony``.

    Returns
    -------
    str
        A model whose solution as differential equations is our mean field. Its time 0 is the start
        of the scenario; numbers are in canonical units (day, mm, kg, pmol, uM, Gy, cells).

    Raises
    ------
    SenescapeError
        A format, regimen or variant that is not known.
    """
    if format not in FORMATS:
        raise RunError(
            f"the format {format}",
            allowed=" or ".join(FORMATS),
            remedy="choose one of them",
            check="export.format",
        )
    model = export_model(scenario, regimen, variant=variant)
    return sbml_text(model) if format == "sbml" else antimony_text(model)


def export_model(scenario: Scenario, regimen: str, *, variant: str | None = None) -> Model:
    """Return what both formats are written from."""
    compiled = compile_scenario(scenario, regimen, variant)
    program = compiled.program
    parameters = np.array(program.parameter_defaults)[:, None]
    state = MeanField().start(program, parameters, Streams.hosts(0, 1))
    start = Start(
        tuple(float(x) for x in state.counts[:, 0]), tuple(float(x) for x in state.signal[:, 0])
    )
    labels = Labels(
        name=scenario.name.replace("-", "_"),
        title=f"{scenario.title} ({regimen}{f', {variant}' if variant else ''})",
        notes=notes(scenario, regimen, variant, compiled.network),
        sources=_sources(scenario),
        papers=tuple(
            dict.fromkeys(c.doi for c in scenario.citations.values() if c.doi is not None)
        ),
    )
    return exported(compiled.network, start, labels)


def notes(
    scenario: Scenario, regimen: str, variant: str | None, network: Network
) -> tuple[str, ...]:
    """Return what a reader must know, and by name what a deterministic model leaves out."""
    found = [
        f"Scenario {scenario.name}, regimen {regimen}"
        + (f", variant {variant}" if variant else "")
        + f"; written by senescape {__version__}. {WARNING}",
        "Species are numbers of cells, each stage of a waiting time one species; time in days, "
        f"from the start of the scenario, which is day {network.forcing.start:g} of treatment.",
        "Set a gate to 0 to close the arrow of its name, a route to another row of its outcomes.",
        "Left out: uncertainty, variation between hosts, observation. Solved as differential "
        "equations, the model gives expected numbers (the mean field).",
    ]
    if any(b.law is BirthLaw.LURIA_DELBRUECK for b in network.births):
        found.append(
            "Chance left out: the number of mutants at the start follows the Luria-Delbrueck law; "
            "here it is m ln(m), the typical number."
        )
    actions = [a for point in network.forcing.breakpoints for a in point.actions]
    if any(isinstance(a, Redistribute) for a in actions):
        found.append("Chance left out: cells that are moved at a dose move as expected shares.")
    if any(isinstance(a, Visit) for a in actions):
        found.append("Visits are events: they change what later doses are multiplied by.")
    return tuple(found)


def _sources(scenario: Scenario) -> dict[str, str]:
    found = {}
    for name, noun in scenario.parameters.items():
        cited = scenario.citations.get(noun.source)
        text = noun.source if cited is None else cited.text
        doi = "" if cited is None or cited.doi is None else f", doi:{cited.doi}"
        label = f"{noun.label}; " if noun.label else ""
        found[name] = f"{label}{noun.value} (source: {text}{doi})"
    return found
