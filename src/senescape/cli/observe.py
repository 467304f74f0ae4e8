"""senescape observe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import typer

from senescape.cohort import kaplan_meier, observe
from senescape.files import observed_text, read_scenario
from senescape.results import Observed, Status
from senescape.verdict import DISCLAIMER, regimens_of

from .output import Bar, plain_json, table, write_text


def run_observe(
    name: str,
    wanted: tuple[str, ...],
    *,
    assays: tuple[str, ...],
    days: tuple[float, ...],
    subjects: int,
    seed: int,
    variant: str | None,
    uncertain: bool,
    json: bool,
    output: Path | None,
) -> None:
    """Read the assays of a scenario and print or write the table."""
    scenario = read_scenario(name)
    parts = []
    for regimen in regimens_of(scenario, wanted):
        with Bar(regimen).shown() as bar:
            parts.append(
                observe(
                    scenario,
                    regimen,
                    assays=assays or None,
                    subjects=subjects,
                    times=np.array(days) if days else None,
                    seed=seed,
                    variant=variant,
                    uncertain=uncertain,
                    monitor=bar,
                )
            )
    seen = Observed.together(parts)
    if output is not None:
        write_text(output, observed_text(seen))
    elif json:
        rows = [r._asdict() | {"status": r.status.value} for r in seen.readings]
        typer.echo(plain_json({"source": seen.source, "time_unit": "day", "readings": rows}))
    else:
        typer.echo(f"{summary(seen)}\n\n{DISCLAIMER}")


def summary(seen: Observed) -> str:
    """Return means of every assay, and medians of survival, as tables."""
    parts = []
    for assay in seen.assays:
        own = seen.of(assay)
        if own.readings[0].status in {Status.DIED, Status.CENSORED}:
            rows = []
            for regimen in own.regimens:
                group = own.of(assay, regimen)
                curve = kaplan_meier(group.values(), group.died())
                rows.append(
                    [regimen, str(len(group)), str(group.died().sum()), f"{curve.median:g}"]
                )
            heads = ["regimen", "hosts", "died", "median day"]
        else:
            rows = [
                [
                    g.regimen,
                    f"{g.time:g}",
                    str(g.subjects),
                    f"{g.mean:.4g}" + ("" if g.unit == "1" else f" {g.unit}"),
                    f"{g.sd:.2g}",
                ]
                for g in own.groups()
            ]
            heads = ["regimen", "day", "subjects", "mean", "sd"]
        parts.append(f"{assay}\n{table(heads, rows)}")
    return "\n\n".join(parts)
