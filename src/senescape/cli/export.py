"""senescape export: a scenario as a model for COPASI, libRoadRunner and others."""

from __future__ import annotations

from pathlib import Path

import typer

from senescape.errors import RunError
from senescape.files import read_scenario
from senescape.run.exporting import export_scenario
from senescape.verdict import regimens_of

from .output import shown, write_text

ENDINGS = {".xml": "sbml", ".sbml": "sbml", ".ant": "antimony", ".txt": "antimony"}


def run_export(
    name: str,
    output: Path | None,
    *,
    regimen: str | None,
    variant: str | None,
    format: str | None,
) -> None:
    """Print or write one regimen of a scenario."""
    ending = None if output is None else output.suffix.lower()
    if ending is not None and ending not in ENDINGS:
        raise RunError(
            f"a model file called {shown(Path(output or ''))}",
            allowed=", ".join(ENDINGS),
            remedy="choose one of these endings",
            check="export.ending",
        )
    if ending is not None and format is not None and ENDINGS[ending] != format:
        raise RunError(
            f"--format {format} and a file that ends in {ending}",
            allowed=f"{ending} for {ENDINGS[ending]}",
            remedy="leave --format out, or change the ending",
            check="export.format",
        )
    scenario = read_scenario(name)
    wanted = scenario.outcome.regimen if regimen is None and scenario.outcome else regimen
    chosen = regimens_of(scenario, (wanted,) if wanted else ())[-1]
    kind = format or (ENDINGS[ending] if ending else "sbml")
    text = export_scenario(scenario, chosen, variant=variant, format=kind)
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    write_text(output, text)
    typer.echo(f"{chosen} as {kind}: {shown(output)}")
