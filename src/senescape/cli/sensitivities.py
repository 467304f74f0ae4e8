"""senescape sensitivities FILE.xml: how much each reading depends on each parameter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import typer

from senescape.compile import lower
from senescape.errors import RunError
from senescape.files import read_sbml
from senescape.run import output_times
from senescape.run.sensitivities import Derived, sensitivities

from .output import plain_json, table, write_text

SHOWN = 8  # parameters of a reading


def run_sensitivities(
    name: str,
    *,
    parameters: tuple[str, ...],
    until: float,
    every: float | None,
    json: bool,
    output: Path | None,
) -> None:
    """Print the strongest elasticities at the end, or write all derivatives."""
    if Path(name).suffix.lower() not in (".xml", ".sbml"):
        raise RunError(
            f"sensitivities of {name}",
            allowed="a network in SBML, FILE.xml",
            remedy="for a scenario compare two runs, or ask senescape verdict for its shares",
            check="cli.sensitivities",
        )
    program = lower(read_sbml(name))
    times = output_times(until, until if every is None else every)
    found = sensitivities(program, times, parameters or None)
    if output is not None:
        ending = output.suffix.lower()
        content = csv_text(found) if ending == ".csv" else plain_json(plain(found)) + "\n"
        write_text(output, content)
        return
    typer.echo(plain_json(plain(found)) if json else text(found))


def plain(found: Derived) -> dict[str, object]:
    """Return everything as plain data."""
    elasticities = found.elasticities
    return {
        "time_unit": "as in the file",
        "time": found.time.tolist(),
        "values": dict(zip(found.names, found.values.tolist(), strict=True)),
        "parameters": dict(zip(found.parameters, found.defaults.tolist(), strict=True)),
        "derivatives": {
            name: dict(zip(found.parameters, found.slopes[i].tolist(), strict=True))
            for i, name in enumerate(found.names)
        },
        "elasticities": {
            name: dict(zip(found.parameters, elasticities[i].tolist(), strict=True))
            for i, name in enumerate(found.names)
        },
    }


def csv_text(found: Derived) -> str:
    """Return one line a reading, parameter and time."""
    lines = ["reading,parameter,time,value,derivative"]
    for i, name in enumerate(found.names):
        for k, parameter in enumerate(found.parameters):
            for t, time in enumerate(found.time.tolist()):
                value, slope = float(found.values[i, t]), float(found.slopes[i, k, t])
                lines.append(f"{name},{parameter},{time!r},{value!r},{slope!r}")
    return "\n".join(lines) + "\n"


def text(found: Derived) -> str:
    """Return the strongest elasticities of each reading at the last time."""
    last = found.elasticities[..., -1]
    rows = []
    for i, name in enumerate(found.names):
        order = np.argsort(-np.abs(np.nan_to_num(last[i])), kind="stable")[:SHOWN]
        strongest = [f"{found.parameters[k]} {last[i, k]:+.3g}" for k in order if last[i, k] != 0.0]
        said = ", ".join(strongest) if np.isfinite(last[i]).all() else "it is 0"
        rows.append([name, f"{found.values[i, -1]:.6g}", said or "on nothing"])
    head = (
        f"at {found.time[-1]:g}: per cent of change of a reading for one per cent of a parameter, "
        f"the {SHOWN} largest; mean field, time as in the file"
    )
    return f"{head}\n{table(['reading', 'value', 'depends on'], rows)}"
