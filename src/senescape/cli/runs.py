"""senescape runs: what a store holds, and looking after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from senescape.store import RunInfo

SHORT = 12

app = typer.Typer(
    help="Runs kept by senescape simulate --store: list, show, export, compare, remove, verify, "
    "rebuild.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(help="Folder of the store.")]
Run = Annotated[str, typer.Argument(help="Name of a run, or the first letters of its digest.")]
Json = Annotated[bool, typer.Option("--json", help="Print plain data instead of tables.")]


@app.command("list")
def list_runs(folder: Folder, json: Json = False) -> None:
    """List the runs of a store, the oldest first."""
    from senescape.cli.output import plain_json, table
    from senescape.store import Store

    with Store(folder) as store:
        found = [_summary(run) for run in store.runs()]
    if json:
        typer.echo(plain_json({"runs": found}))
        return
    heads = ["run", "names", "scenario", "regimen", "engine", "seed", "replicates", "created"]
    rows = [
        [
            run["run"][:SHORT],
            " ".join(run["names"]) or "-",
            *(str(run[name]) for name in heads[2:-1]),
            run["created"][:19],
        ]
        for run in found
    ]
    typer.echo(table(heads, rows))


@app.command()
def show(folder: Folder, run: Run, json: Json = False) -> None:
    """Show a run: what decides its numbers, and where it comes from."""
    from senescape.cli.output import plain_json, table
    from senescape.store import Store

    with Store(folder) as store:
        found = store.find(run)
    manifest = found.manifest
    if json:
        typer.echo(plain_json(_summary(found) | {"manifest": manifest}))
        return
    recipe, provenance = manifest["recipe"], manifest["provenance"]
    times, engine = recipe["times"], recipe["engine"]
    rows = {
        "run": found.digest,
        "names": " ".join(found.names) or "-",
        "scenario": _scenario(manifest),
        "regimen": recipe["regimen"],
        "variant": recipe["variant"] or "-",
        "engine": " ".join([engine["name"], *(f"{k}={v}" for k, v in engine["options"].items())]),
        "code": " ".join(f"{k} {str(v)[:SHORT]}" for k, v in engine["version"].items()),
        "question": " ".join(f"{k}={_words(v)}" for k, v in recipe["question"].items()),
        "times": f"{len(times)}, day {times[0]:g} to {times[-1]:g}" if times else "none",
        "seed": str(recipe["seed"]),
        "replicates": f"{found.replicates} ({found.acknowledged} acknowledged)",
        "created": provenance["created"],
        "command": provenance["command"],
        "machine": " ".join(str(x) for x in provenance["machine"].values()),
    }
    typer.echo(table(["what", "value"], [list(row) for row in rows.items()]))


@app.command()
def compare(folder: Folder, one: Run, other: Run, json: Json = False) -> None:
    """Compare two runs: their recipes, and the replicates that both have."""
    from senescape.cli.output import plain_json
    from senescape.store import Store, compared

    with Store(folder) as store:
        found = compared(store, store.find(one), store.find(other))
    if json:
        typer.echo(plain_json(found))
        return
    lines = found["recipe"] or ["the recipes are the same"]
    largest = found["largest"]
    far = "arrays of other shapes" if largest is None else f"largest difference {largest:.6g}"
    typer.echo("\n".join([*lines, f"{found['common']} in both, {found['equal']} equal; {far}"]))


@app.command()
def remove(
    folder: Folder,
    run: Annotated[list[str], typer.Argument(help="Names of runs, or letters of digests.")],
    json: Json = False,
) -> None:
    """Remove runs with all their replicates; for good."""
    from senescape.cli.output import plain_json, tell
    from senescape.store import Store

    with Store(folder, writing=True, new=False, tell=tell) as store:
        chosen = {found.digest: found for found in map(store.find, run)}
        removed = {digest: store.remove(found) for digest, found in chosen.items()}
    if json:
        typer.echo(plain_json({"removed": removed}))
        return
    for digest, count in removed.items():
        typer.echo(f"removed {digest[:SHORT]}: {count} replicates")


@app.command()
def verify(
    folder: Folder,
    run: Annotated[str | None, typer.Argument(help="Only this run.")] = None,
    json: Json = False,
) -> None:
    """Compare every replicate with its digest; exit status 1 where something is damaged."""
    from senescape.cli.output import plain_json
    from senescape.store import Store
    from senescape.store import verify as verified

    with Store(folder) as store:
        chosen = None if run is None else store.find(run)
        runs = store.runs() if chosen is None else (chosen,)
        found = verified(store, chosen)
    count = sum(each.replicates for each in runs)
    if json:
        damage = [{"run": each.run or None, "what": each.what} for each in found]
        typer.echo(plain_json({"runs": len(runs), "replicates": count, "damage": damage}))
    else:
        for each in found:
            typer.echo(f"{each.run[:SHORT] or 'database'}: {each.what}")
        typer.echo(f"{len(runs)} runs, {count} replicates: {len(found) or 'no'} damage found")
    if found:
        raise typer.Exit(1)


@app.command()
def export(
    folder: Folder,
    run: Run,
    crate: Annotated[
        Path, typer.Option(help="Folder to make, or archive to write (.zip); must not exist.")
    ],
    license: Annotated[
        str | None,
        typer.Option(help="Licence of the results: SPDX identifier (CC-BY-4.0) or address."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a run as an RO-Crate: its numbers, its scenario and where they come from."""
    from senescape.cli.output import plain_json, shown
    from senescape.store import Store, export_crate

    with Store(folder) as store:
        found = store.find(run)
        made = export_crate(store, found, crate, licence=license)
    if json:
        told = {"crate": shown(made.path), "run": found.digest, "replicates": made.replicates}
        typer.echo(plain_json(told | {"files": made.files}))
        return
    typer.echo(f"{shown(made.path)}: {made.replicates} replicates of {found.digest[:SHORT]}")


@app.command()
def rebuild(folder: Folder, json: Json = False) -> None:
    """Make the index of a store again, from its folders and what is whole of the old index."""
    import dataclasses

    from senescape.cli.output import plain_json
    from senescape.store import rebuild as rebuilt

    found = rebuilt(folder)
    if json:
        typer.echo(plain_json(dataclasses.asdict(found)))
        return
    lost = f"; {found.lost} are gone, the same commands compute them again" if found.lost else ""
    typer.echo(f"{found.runs} runs, {found.replicates} replicates{lost}")
    typer.echo(f"put aside: {', '.join(found.aside) or 'nothing'}")


def _summary(run: RunInfo) -> dict[str, Any]:
    recipe = run.manifest["recipe"]
    return {
        "run": run.digest,
        "names": list(run.names),
        "scenario": _scenario(run.manifest),
        "regimen": recipe["regimen"],
        "engine": recipe["engine"]["name"],
        "seed": recipe["seed"],
        "replicates": run.replicates,
        "acknowledged": run.acknowledged,
        "created": run.manifest["provenance"]["created"],
    }


def _scenario(manifest: dict[str, Any]) -> str:
    return str(manifest["recipe"]["scenario"].get("name", "-"))


def _words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
