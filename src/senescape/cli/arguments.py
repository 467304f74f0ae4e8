"""Arguments and options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from senescape.errors import RunError

MOST = 1_000_000  # of draws, hosts, subjects
MOST_UNTIL_STOPPED = 10_000  # unless another number is asked for

ScenarioArgument = Annotated[
    str, typer.Argument(help="Name of a bundled scenario, or path of a YAML file.")
]
Regimens = Annotated[
    list[str] | None,
    typer.Option("--regimen", "-r", help="Regimen to run; may be repeated. Default: all."),
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0, max=2**63 - 1)]
Json = Annotated[bool, typer.Option("--json", help="Print plain data instead of tables.")]
Engine = Annotated[str, typer.Option(help="leap, exact or mean-field.")]
StepHours = Annotated[
    float | None, typer.Option(help="Longest step of the leap engine [h].", min=1e-6, max=24.0)
]
StopWhen = Annotated[
    str | None,
    typer.Option(
        help="Stop once the answer is precise: '[asymptotic] half-width < 0.1 day' of the effect; "
        "in simulate 'half-width [of NAME] [at DAY] < 100 cells', or '< 5 %'."
    ),
]
Uncertain = Annotated[bool, typer.Option(help="Draw what is not known, one draw a host.")]
Until = Annotated[float | None, typer.Option(help="Last output [day].")]
Variant = Annotated[str | None, typer.Option(help="Named variant of the parameters.")]


def most_of(stated: int | None, usual: int, stop_when: str | None) -> int:
    """Return how many draws or hosts there are at most: where a rule ends the run, many."""
    if stated is not None:
        return stated
    return usual if stop_when is None else MOST_UNTIL_STOPPED


def checked(output: Path | None) -> Path | None:
    """Refuse a file that cannot be written before anything is run."""
    if output is not None:
        from senescape.cli.output import check_output

        check_output(output)
    return output


Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write.", callback=checked)
]


def given(options: list[str]) -> str:
    """Return what was written behind an option, for a refusal that does not say it."""
    words = sys.argv[1:]
    values = [
        word.partition("=")[2] if "=" in word else (words[i + 1 : i + 2] or [""])[0]
        for i, word in enumerate(words)
        if word.partition("=")[0] in options
    ]
    # what does not show, or breaks a line (U+0085), is escaped
    shown = [value if value.isprintable() else ascii(value) for value in values]
    return f" (given: {', '.join(shown)[:60]})" if values else ""


def refuse_options(given: dict[str, bool], place: str) -> None:
    """Refuse options that say nothing where they stand.

    Raises
    ------
    RunError
        Naming the first.
    """
    for option, stated in given.items():
        if stated:
            raise RunError(
                f"{option} with {place}",
                allowed="options of what is run",
                remedy="leave it out; see senescape simulate --help",
                check="cli.option",
            )
