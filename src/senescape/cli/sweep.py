"""senescape sweep."""

from __future__ import annotations

import json as plain
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from senescape.design import Design, design_of, factor_of, sweep
from senescape.errors import RunError, nearest
from senescape.files import read_scenario
from senescape.verdict import DISCLAIMER

from .output import Bar, plain_json, table, whole, write_text

if TYPE_CHECKING:
    import xarray

SUFFIXES = (".nc", ".csv", ".json")
MOST_SHOWN = 40


def run_sweep(
    name: str,
    regimens: tuple[str, ...],
    *,
    vary: tuple[str, ...],
    log: tuple[str, ...],
    design: str | None,
    points: int,
    hosts: int,
    seed: int,
    engine: str,
    step: float | None,
    until: float | None,
    variant: str | None,
    uncertain: bool,
    every_host: bool,
    json: bool,
    output: Path | None,
) -> None:
    """Run a scenario at every point of a design; print or write what was counted."""
    if output is not None and output.suffix not in SUFFIXES:
        raise RunError(
            f"a sweep in {output.name}",
            allowed=", ".join(f"a file that ends in {suffix}" for suffix in SUFFIXES),
            remedy="choose one of these",
            check="design.output",
        )
    scenario = read_scenario(name)
    names = [text.partition("=")[0].strip() for text in vary]
    for each in log:
        if each not in names:
            raise RunError(
                f"--log {each}, which is not varied",
                allowed=f"{', '.join(names) or 'a name that stands in --vary'}",
                remedy=nearest(each, names),
                check="design.log",
            )
    factors = [factor_of(scenario, t, log=n in log) for t, n in zip(vary, names, strict=True)]
    kind = design or ("grid" if all(f.levels for f in factors) else "latin-hypercube")
    made = design_of(kind, factors, points, seed=seed)
    with Bar("sweep").shown() as bar:
        found = sweep(
            scenario,
            made,
            regimens=regimens,
            hosts=hosts,
            seed=seed,
            engine=engine,
            step=step,
            until=until,
            variant=variant,
            uncertain=uncertain,
            every_host=every_host,
            monitor=bar,
        )
    if output is None:
        typer.echo(plain_json(_plain(found)) if json else _table(found, made))
    elif output.suffix == ".nc":
        with whole(output) as temporary:
            found.to_netcdf(temporary, engine="scipy")
    elif output.suffix == ".csv":
        write_text(output, found.to_dataframe().reset_index().to_csv(index=False))
    else:
        write_text(output, plain_json(_plain(found)) + "\n")


def _plain(found: xarray.Dataset) -> dict[str, object]:
    """Return a data set as plain data, its attributes as what they say."""
    data = found.to_dict()
    read = {key: plain.loads(found.attrs[key]) for key in ("provenance", "failures")}
    return data | {"attrs": data["attrs"] | read}


def _table(found: xarray.Dataset, made: Design) -> str:
    """Return the first observable at the last time: a line a point, a column a regimen."""
    name = str(next(iter(found.data_vars)))
    last = found[name].isel(time=-1)
    last = last.sel(statistic="mean") if "statistic" in last.dims else last.mean("host")
    flat = last.values.reshape(last.sizes["regimen"], made.points)
    regimens = [str(regimen) for regimen in found["regimen"].values]
    heads = [*(f"{f.name} [{f.unit}]" for f in made.factors), *regimens]
    rows = [
        [*(f"{v:.4g}" for v in values), *(f"{v:.4g}" for v in flat[:, point])]
        for point, values in enumerate(made.values[:MOST_SHOWN])
    ]
    more = made.points - len(rows)
    unit = found[name].attrs["units"]
    lines = [
        f"{made.kind} of {made.points} points: mean {name} [{unit}] on day {found.time[-1]:g}",
        table(heads, rows),
        *([f"... and {more} points more: write them with -o FILE.nc, .csv or .json"] * (more > 0)),
    ]
    failures = plain.loads(found.attrs["failures"])
    if failures:
        first = failures[0]
        lines.append(
            f"{len(failures)} hosts could not go on, the first at point {first['point']}: "
            f"{first['what']}"
        )
    return "\n".join([*lines, "", DISCLAIMER])
