"""senescape compare: every engine, and other simulators where installed."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from senescape.errors import RunError
from senescape.files import read_scenario
from senescape.run.comparing import Agreement, Comparison, compare
from senescape.verdict import DISCLAIMER, regimens_of

from .figure1 import FORMATS
from .output import Bar, plain_json, shown, table, whole


def run_compare(
    name: str,
    output: Path | None,
    *,
    regimen: str | None,
    variant: str | None,
    until: float | None,
    replicates: int,
    seed: int,
    patience: float,
    python: str | None,
    json: bool,
) -> None:
    """Compare, print, draw; exit status 1 where those that solve the same equations differ."""
    if output is not None and output.suffix.lower() not in FORMATS:
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
        found = compare(
            scenario,
            chosen,
            variant=variant,
            until=until,
            replicates=replicates,
            seed=seed,
            patience=patience,
            python=python or sys.executable,
            monitor=bar,
        )
    typer.echo(plain_json(plain(found)) if json else text(found))
    if output is not None:
        from senescape.figures import comparison, save

        with whole(output) as temporary:
            save(comparison(found), temporary)
        if not json:
            typer.echo(f"picture: {shown(output)}")
    if not found.sound:
        raise typer.Exit(1)


def text(found: Comparison) -> str:
    """Return what ran, and how it agrees, as tables in words."""
    runs = [
        [s.name, str(s.runs) if s.mean is not None else "-", f"{s.seconds:.2g}", s.why]
        for s in found.solutions
    ]
    rows = [
        [a.one, a.other, share(a.share), f"{a.observable}, day {a.day:.3g}", chance(a), word(a)]
        for a in found.agreements
    ]
    variant = f", {found.variant}" if found.variant else ""
    parts = [
        f"{found.scenario}, {found.regimen}{variant}, day {found.time[0]:g} to {found.time[-1]:g}",
        table(["engine", "runs", "seconds", "not run, because"], runs),
        table(["", "against", "difference", "where", "standard errors", ""], rows),
        "difference: the largest, relative to the largest value of its observable. Standard "
        "errors: the largest, of what\nchance allows once in a thousand comparisons. A mean field "
        "need not be the mean where numbers are small.",
        DISCLAIMER,
    ]
    return "\n\n".join(parts)


def share(value: float) -> str:
    """Return a relative difference in words of one scale."""
    return f"{value:.1e}" if value < 1e-3 else f"{100.0 * value:.2g} %"


def chance(found: Agreement) -> str:
    """Return standard errors and what chance allows."""
    if found.errors is None or found.most_errors is None:
        return "-"
    return f"{found.errors:.1f} of {found.most_errors:.1f}"


def word(found: Agreement) -> str:
    """Return the word for an agreement."""
    return "agrees" if found.agrees else "differs"


def plain(found: Comparison) -> dict[str, object]:
    """Return a comparison as plain data."""
    return {
        "scenario": found.scenario,
        "regimen": found.regimen,
        "variant": found.variant,
        "observables": list(found.observables),
        "time": found.time.tolist(),
        "solutions": [
            {
                "name": s.name,
                "runs": s.runs,
                "seconds": s.seconds,
                "why": s.why,
                "mean": None if s.mean is None else s.mean.tolist(),
                "mean_error": None if s.error is None else s.error.tolist(),
            }
            for s in found.solutions
        ],
        "agreements": [
            {
                "one": a.one,
                "other": a.other,
                "difference": a.share,
                "observable": a.observable,
                "day": a.day,
                "standard_errors": a.errors,
                "allowed_standard_errors": a.most_errors,
                "agrees": a.agrees,
            }
            for a in found.agreements
        ],
        "sound": found.sound,
    }
