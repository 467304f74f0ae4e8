"""senescape simulate FILE.xml: a reaction network from SBML."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer
from numpy.typing import NDArray

from senescape.compile import Program, lower
from senescape.errors import RunError
from senescape.files import read_sbml
from senescape.results import Provenance
from senescape.run import (
    Counted,
    engine_named,
    network_recipe,
    output_times,
    run_network,
    told_of,
)

from .keeping import Keeping
from .output import Bar, plain_json, table, write_text

if TYPE_CHECKING:
    from senescape.engines.protocol import Engine
    from senescape.store import KeptRun, Store

OUTPUTS = 50
REPLICATES = 100


def run_network_file(
    name: str,
    *,
    engine: str,
    replicates: int | None,
    until: float | None,
    every: float | None,
    seed: int,
    keeping: Keeping,
    json: bool,
    output: Path | None,
) -> None:
    """Simulate a network and print or write means and standard deviations."""
    if until is None:
        raise RunError(
            "no end of the time",
            allowed="--until, in the unit of the file",
            remedy="add --until",
            check="run.until",
        )
    times = output_times(until, until / OUTPUTS if every is None else every)
    program = lower(read_sbml(name))
    chosen = engine_named(engine)
    wanted = REPLICATES if replicates is None else replicates
    began = time.perf_counter()
    with (
        keeping.watched(),
        keeping.computing() as executor,
        keeping.opened() as store,
        _kept(store, keeping.name, name, program, chosen, times, seed) as kept,
        Bar(Path(name).name).shown() as bar,
    ):
        found = run_network(
            chosen,
            program,
            times,
            replicates=wanted,
            seed=seed,
            monitor=bar,
            kept=kept,
            executor=executor(),
        )
    provenance = Provenance(
        scenario=Path(name).name,
        digest=hashlib.sha256(Path(name).read_bytes()).hexdigest(),
        seed=seed,
        engine=chosen.name,
        question={"replicates": found.replicates, "until": until, "every": every},
        run={"seconds": time.perf_counter() - began, "system": platform.system()} | told_of(kept),
    )
    if output is not None and output.suffix.lower() == ".csv":
        text = csv_text(found).rstrip("\n")
    else:
        constants = dict(zip(program.parameter_names, program.parameter_defaults, strict=True))
        data = {**plain(found, provenance), "constants": constants}
        text = plain_json(data) if json else _table(found, chosen.name)
    if output is None:
        typer.echo(text)
    else:
        write_text(output, text + "\n")


@contextlib.contextmanager
def _kept(
    store: Store | None,
    label: str | None,
    file: str,
    program: Program,
    engine: Engine,
    times: NDArray[np.float64],
    seed: int,
) -> Iterator[KeptRun | None]:
    """Hold the run of a network while it is computed; nothing where there is no store."""
    if store is None:
        yield None
        return
    assert program.general is not None
    recipe = network_recipe(Path(file).name, engine, program, times, seed)
    if label is not None:
        store.bind(label, recipe)
    written = {"name": Path(file).name, "sbml": Path(file).read_text(encoding="utf-8")}
    shape = (len(program.general.reading), len(times))
    with store.open_run(recipe, shape, scenario=written) as kept:
        yield kept


def plain(found: Counted, provenance: Provenance) -> dict[str, object]:
    """Return the summary as plain data, as ``senescape simulate FILE.xml --json`` prints it."""
    mean, sd = found.mean, found.sd
    variables = {
        name: {
            "mean": mean[i].tolist(),
            "sd": sd[i].tolist(),
            "mean_error": (sd[i] / found.replicates**0.5).tolist(),
        }
        for i, name in enumerate(found.names)
    }
    return {
        "time_unit": "as in the file",
        "time": found.time.tolist(),
        "variables": variables,
        "engine": provenance.engine,
        "replicates": found.replicates,
        "seed": provenance.seed,
        "provenance": provenance.to_dict(),
    }


def csv_text(found: Counted) -> str:
    """Return time, and mean and standard deviation of each variable, as comma-separated text."""
    mean, sd = found.mean, found.sd
    heads = [f"{name}-{what}" for name in found.names for what in ("mean", "sd")]
    lines = [",".join(["time", *heads])]
    for t, at in enumerate(found.time):
        cells = [x for i in range(len(found.names)) for x in (mean[i, t], sd[i, t])]
        lines.append(",".join(repr(float(x)) for x in (at, *cells)))
    return "\n".join(lines) + "\n"


def _table(found: Counted, engine: str) -> str:
    """Return means and standard deviations at about ten times."""
    mean, sd = found.mean, found.sd
    every = max(1, len(found.time) // 10)
    rows = [
        [
            f"{found.time[t]:g}",
            *(f"{mean[i, t]:.6g} ({sd[i, t]:.4g})" for i in range(len(found.names))),
        ]
        for t in range(0, len(found.time), every)
    ]
    head = f"mean (sd) of {found.replicates} replicates, engine {engine}; time as in the file"
    return f"{head}\n{table(['time', *found.names], rows)}"
