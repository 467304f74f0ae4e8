"""senescape simulate."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import typer

from senescape.cohort import simulate
from senescape.files import read_scenario
from senescape.results import Ensemble
from senescape.verdict import DISCLAIMER, regimens_of

from .arguments import refuse_options
from .keeping import Keeping
from .output import Bar, plain_json, table, write_text


def refuse_network_options(*, replicates: int | None, every: float | None) -> None:
    """Refuse options of SBML files where a scenario is simulated.

    Raises
    ------
    RunError
        Naming the option.
    """
    given = {"--replicates": replicates is not None, "--every": every is not None}
    refuse_options(given, "a scenario")


def run_simulate(
    name: str,
    wanted: tuple[str, ...],
    *,
    keeping: Keeping,
    hosts: int,
    until: float | None,
    seed: int,
    engine: str,
    step: float | None,
    variant: str | None,
    uncertain: bool,
    counted: bool,
    json: bool,
    output: Path | None,
    stop_when: str | None = None,
) -> None:
    """Simulate regimens and print or write what was counted."""
    scenario = read_scenario(name)
    results = []
    with keeping.watched(), contextlib.ExitStack() as stack:
        executor = stack.enter_context(keeping.computing())
        store = stack.enter_context(keeping.opened())
        for regimen in regimens_of(scenario, wanted):
            with Bar(regimen).shown() as bar:
                results.append(
                    simulate(
                        scenario,
                        regimen,
                        hosts=hosts,
                        seed=seed,
                        engine=engine,
                        step=step,
                        until=until,
                        variant=variant,
                        uncertain=uncertain,
                        counted=counted,
                        monitor=bar if bar.seen else None,
                        store=store,
                        name=keeping.name,
                        executor=executor(),
                        stop_when=stop_when,
                    )
                )
        stack.close()  # who reads what is printed may take long
        show(results, json=json, output=output)


def show(results: Sequence[Ensemble], *, json: bool, output: Path | None) -> None:
    """Print ensembles, or write them to a file."""
    if json:
        data = (
            _plain(results[0])
            if len(results) == 1
            else {"regimens": {r.regimen: _plain(r) for r in results}}
        )
        text = plain_json(data)
    else:
        text = "\n\n".join([*(_table(r) for r in results), DISCLAIMER])
    if output is None:
        typer.echo(text)
    else:
        write_text(output, text + "\n")


def _plain(result: Ensemble) -> dict[str, object]:
    return result.to_dict() | {
        "regimen": result.regimen,
        "seed": result.provenance.seed,
        "provenance": result.provenance.to_dict(),
    }


def _table(result: Ensemble) -> str:
    """Return means and 90 % intervals of the observables at about ten times."""
    summary = result.summary()
    shown = [i for i, name in enumerate(result.names) if not name.startswith("state:")]
    shown = shown or list(range(len(result.names)))
    every = max(1, len(result.time) // 10)
    heads = ["day", *(f"{result.names[i]} [{result.units[i]}]" for i in shown)]
    rows = [
        [
            f"{result.time[t]:g}",
            *(
                f"{summary.mean[i, t]:.4g} ({summary.quantiles[0, i, t]:.4g}-"
                f"{summary.quantiles[-1, i, t]:.4g})"
                for i in shown
            ),
        ]
        for t in range(0, len(result.time), every)
    ]
    head = (
        f"{result.regimen}: mean (90 % of {result.hosts} hosts), engine {result.provenance.engine}"
    )
    said = [result.precision.sentence()] if result.precision is not None else []
    return "\n".join([head, table(heads, rows), *said])
