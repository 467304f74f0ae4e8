"""senescape figure1."""

from __future__ import annotations

from pathlib import Path

import typer

from senescape.cohort import passages
from senescape.errors import RunError
from senescape.figures import figure1, save
from senescape.files import read_scenario
from senescape.verdict import regimens_of

from .output import Bar, shown, whole

FORMATS = (".svg", ".png", ".pdf")


def run_figure1(
    name: str,
    output: Path,
    *,
    regimen: str | None,
    variant: str | None,
    draws: int,
    seed: int,
) -> None:
    """Draw Figure 1 with the numbers of a scenario."""
    if output.suffix.lower() not in FORMATS:
        raise RunError(
            f"a picture called {output.name}",
            allowed=", ".join(FORMATS),
            remedy="choose one of these endings",
            check="run.picture-format",
        )
    scenario = read_scenario(name)
    wanted = scenario.outcome.regimen if regimen is None and scenario.outcome else regimen
    chosen = regimens_of(scenario, (wanted,) if wanted else ())[-1]
    with Bar(chosen).shown() as bar:
        numbers = passages(scenario, chosen, variant=variant, draws=draws, seed=seed, monitor=bar)
    with whole(output) as temporary:
        save(figure1(numbers), temporary)
    typer.echo(f"picture: {shown(output)}")
