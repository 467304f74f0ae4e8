"""Commands that stand between senescape and other tools, or ask a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from senescape.cli.arguments import MOST, Json, ScenarioArgument, Seed, Variant, checked

commands = typer.Typer()


@commands.command()
def sensitivities(
    network: Annotated[str, typer.Argument(help="A network in SBML, FILE.xml.")],
    until: Annotated[float, typer.Option(help="End, in the unit of the file.", min=0.0)],
    every: Annotated[
        float | None, typer.Option(help="Time between outputs; only the end by default.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="Constant; may be repeated. Default: all."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="All derivatives: .csv, else JSON.", callback=checked),
    ] = None,
    json: Json = False,
) -> None:
    """Say how much each reading of a network depends on each of its constants."""
    from senescape.cli.sensitivities import run_sensitivities

    run_sensitivities(
        network,
        parameters=tuple(parameter or ()),
        until=until,
        every=every,
        json=json,
        output=output,
    )


@commands.command()
def compare(
    scenario: ScenarioArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Picture: .svg, .png or .pdf.", callback=checked),
    ] = None,
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    until: Annotated[float | None, typer.Option(help="Last day; 20 days by default.")] = None,
    replicates: Annotated[
        int, typer.Option(help="Runs of each stochastic engine.", min=20, max=MOST)
    ] = 200,
    patience: Annotated[
        float, typer.Option(help="Seconds that one engine may take.", min=1.0, max=1e6)
    ] = 120.0,
    python: Annotated[
        str | None, typer.Option(help="Python of an environment with libRoadRunner or COPASI.")
    ] = None,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Run one regimen on every engine, and on libRoadRunner and COPASI where installed."""
    from senescape.cli.compare import run_compare

    run_compare(
        scenario,
        output,
        regimen=regimen,
        variant=variant,
        until=until,
        replicates=replicates,
        seed=seed,
        patience=patience,
        python=python,
        json=json,
    )


@commands.command()
def export(
    scenario: ScenarioArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .xml or .sbml, .ant or .txt. Default: printed.",
            callback=checked,
        ),
    ] = None,
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    format: Annotated[str | None, typer.Option(help="sbml or antimony.")] = None,
) -> None:
    """Write one regimen as SBML Level 3 Version 2 or Antimony, for COPASI, libRoadRunner, ..."""
    from senescape.cli.export import run_export

    run_export(scenario, output, regimen=regimen, variant=variant, format=format)
