"""Commands that show what a scenario is; all but the drawing run nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from senescape.cli.arguments import MOST, Output, ScenarioArgument, Seed, Variant, checked
from senescape.errors import SenescapeError

commands = typer.Typer()


@commands.command()
def figure1(
    scenario: ScenarioArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Picture to write: .svg, .png or .pdf.", callback=checked
        ),
    ],
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    draws: Annotated[int, typer.Option(help="Draws of what is not known.", min=1, max=MOST)] = 60,
    seed: Seed = 1,
) -> None:
    """Draw Figure 1 with the numbers of a scenario flowing through it."""
    from senescape.cli.figure1 import run_figure1

    run_figure1(scenario, output, regimen=regimen, variant=variant, draws=draws, seed=seed)


@commands.command()
def scenarios() -> None:
    """List the bundled scenarios."""
    from senescape.files import bundled, read_scenario

    for name in bundled():
        item = read_scenario(name)
        typer.echo(f"{name}  {item.title} ({len(item.regimens)} regimens; {item.place})")


@commands.command()
def show(
    scenario: ScenarioArgument,
    equations: Annotated[
        bool, typer.Option("--equations", help="Print the mean-field equations as well.")
    ] = False,
    regimen: Annotated[str | None, typer.Option(help="Regimen of the equations.")] = None,
) -> None:
    """Show a scenario: states, arrows, numbers with their sources, regimens."""
    from senescape.cli.show import show_text
    from senescape.files import read_scenario

    typer.echo(show_text(read_scenario(scenario), equations=equations, regimen=regimen))


@commands.command()
def check(
    scenario: Annotated[list[str], typer.Argument(help="Names or files to check.")],
) -> None:
    """Check scenarios: format, units, names, sources, every regimen."""
    from senescape.files import read_scenario

    bad = 0
    for name in scenario:
        try:
            item = read_scenario(name)
        except SenescapeError as error:
            bad += 1
            typer.echo(f"senescape: {error}", err=True)
        else:
            typer.echo(
                f"{name}: good ({len(item.parameters)} parameters, "
                f"{100 * item.assumed_fraction():.0f} % assumed; {len(item.regimens)} regimens)"
            )
    if bad:
        raise typer.Exit(2)


@commands.command()
def schema(output: Output = None) -> None:
    """Print the JSON Schema of the scenario format."""
    import json as text

    from senescape.files import scenario_schema

    _write(text.dumps(scenario_schema(), indent=2), output, typer.echo)


def _write(content: str, output: Path | None, echo: Callable[[str], None]) -> None:
    from senescape.cli.output import write_text

    if output is None:
        echo(content)
    else:
        write_text(output, content + "\n")
