"""senescape checkpoint and senescape fork."""

from __future__ import annotations

from pathlib import Path

import typer

from senescape.cohort import Checkpoint, checkpoint, fork
from senescape.cohort.forks import SUFFIX
from senescape.cohort.simulate import DEFAULT_HOSTS, DEFAULT_SEED
from senescape.files import read_scenario

from .arguments import refuse_options
from .output import Bar
from .simulate import show


def run_checkpoint(
    source: str,
    regimen: str,
    output: Path,
    *,
    day: float,
    hosts: int | None,
    seed: int | None,
    engine: str | None,
    step: float | None,
    variant: str | None,
    uncertain: bool,
) -> None:
    """Treat hosts until a day and write how they stand."""
    begin: Checkpoint | None = None
    if source.endswith(SUFFIX):
        stated = {
            "--hosts": hosts is not None,
            "--seed": seed is not None,
            "--engine": engine is not None,
            "--step-hours": step is not None,
            "--variant": variant is not None,
            "--uncertain": uncertain,
        }
        refuse_options(stated, "a checkpoint, which has its own")
        begin = Checkpoint.load(Path(source))
    with Bar(regimen).shown() as bar:
        kept = checkpoint(
            begin or read_scenario(source),
            regimen,
            day,
            hosts=DEFAULT_HOSTS if hosts is None else hosts,
            seed=DEFAULT_SEED if seed is None else seed,
            engine="leap" if engine is None else engine,
            step=step,
            variant=variant,
            uncertain=uncertain,
            monitor=bar,
        )
    kept.save(output)
    typer.echo(
        f"{output}: {kept.hosts} hosts as they stand on day {day:g}; "
        f"go on with `senescape fork {output} -r REGIMEN`"
    )


def run_fork(
    file: Path, regimens: tuple[str, ...], *, until: float | None, json: bool, output: Path | None
) -> None:
    """Go on from a checkpoint under regimens; print or write what was counted."""
    kept = Checkpoint.load(file)
    results = []
    for regimen in regimens or tuple(kept.scenario.regimens):
        with Bar(regimen).shown() as bar:
            results.append(fork(kept, regimen, until=until, monitor=bar))
    show(results, json=json, output=output)
