"""senescape contrast."""

from __future__ import annotations

import typer

from senescape.errors import RunError
from senescape.files import read_scenario
from senescape.verdict import DISCLAIMER, contrasts, interval

from .output import Bar, plain_json, table


def run_contrast(
    name: str,
    wanted: tuple[str, ...],
    *,
    draws: int,
    hosts: int,
    seed: int,
    step: float | None,
    json: bool,
) -> None:
    """Run the contrasts of a scenario and print them."""
    scenario = read_scenario(name)
    if not scenario.contrasts:
        raise RunError(
            f"{scenario.name} declares no contrast",
            allowed="a scenario with a section contrasts",
            remedy="declare one, for example a back-up value",
            check="run.no-contrasts",
        )
    with Bar(scenario.name).shown() as bar:
        results = contrasts(
            scenario, wanted, draws=draws, hosts=hosts, seed=seed, step=step, monitor=bar
        )
    if json:
        typer.echo(plain_json([r.to_dict() for r in results]))
        return
    rows = [
        [
            r.name,
            interval(r.left),
            interval(r.right),
            interval(r.difference),
            f"{r.difference.probability_beneficial:.2f}",
            f"{r.difference.probability_harmful:.2f}",
            r.noun.label,
        ]
        for r in results
    ]
    unit = results[0].unit
    heads = ["contrast", "left", "right", f"difference [{unit}]", "P(above)", "P(below)", "what"]
    typer.echo(f"{table(heads, rows)}\n\n{DISCLAIMER}")
