"""The command line; nothing scientific is imported before a command runs: --help is instant."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from senescape.cli.arguments import (
    Engine,
    Json,
    Output,
    Regimens,
    ScenarioArgument,
    Seed,
    StepHours,
    Variant,
    checked,
    given,
)
from senescape.cli.runs import app as runs
from senescape.errors import SenescapeError
from senescape.version import __version__

# The base of what typer raises for a wrong command or option; it has no public name of its own.
USAGE: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
STOPPED = 130
MOST = 1_000_000

app = typer.Typer(
    name="senescape",
    help="Therapy-induced senescence in cancer: friend or foe? "
    "A research tool, not for decisions about patients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(runs, name="runs")


def main() -> None:
    """Run the command line; a refusal is one line on standard error and exit status 2."""
    _start_lightly()
    try:
        # not standalone: else a wrong option is three lines, and a stop by the user none
        status = app(standalone_mode=False)
    except SenescapeError as error:
        raise _refused(str(error)) from None
    except USAGE as error:
        if len(sys.argv) < 2:  # no command at all: the help is the answer
            error.show()
            raise SystemExit(2) from None
        text = " ".join(error.format_message().split()).rstrip(".")
        place = getattr(error.ctx, "command_path", app.info.name)
        said = given(getattr(getattr(error, "param", None), "opts", []))
        raise _refused(f"{text}{said}; see {place} --help [cli.usage]") from None
    except MemoryError:
        lower = "ask for fewer hosts, draws or output times"
        raise _refused(f"out of memory; allowed: what fits; {lower} [run.memory]") from None
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    if status == STOPPED:
        from senescape.cli.stopping import leave

        print("senescape: stopped by the user; nothing was written", file=sys.stderr)
        leave(STOPPED)
    if status:
        raise SystemExit(status)


def _start_lightly() -> None:
    """Spare this process what it gains nothing from: a fifth of the time to a first result."""
    # threads of OpenBLAS wait busily from its import on; no large matrix is ever multiplied here
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # what imports leave behind stays: looking for garbage in it after every 700 objects is in vain
    gc.set_threshold(50_000, 20, 100)


def _refused(text: str) -> SystemExit:
    # a name may hold bytes that no terminal can show
    print(f"senescape: {text}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    return SystemExit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"senescape {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Therapy-induced senescence in cancer: friend or foe? Research tool, not for patients."""


@app.command()
def verdict(
    scenario: ScenarioArgument,
    regimen: Regimens = None,
    draws: Annotated[
        int, typer.Option(help="Outer draws of what is not known.", min=1, max=MOST)
    ] = 200,
    hosts: Annotated[int, typer.Option(help="Hosts (wells) in each draw.", min=1, max=MOST)] = 2,
    budget: Annotated[
        int | None,
        typer.Option(help="Add draws up to this number where they could decide.", min=1, max=MOST),
    ] = None,
    seed: Seed = 1,
    engine: Engine = "leap",
    step_hours: StepHours = None,
    variant: Variant = None,
    json: Json = False,
    output: Output = None,
) -> None:
    """Judge whether inducing senescence is friend or foe under each regimen."""
    from senescape.cli.verdict import run_verdict

    run_verdict(
        scenario,
        tuple(dict.fromkeys(regimen or ())),
        draws=draws,
        hosts=hosts,
        budget=budget,
        seed=seed,
        engine=engine,
        step=None if step_hours is None else step_hours / 24.0,
        variant=variant,
        json=json,
        output=output,
    )


@app.command()
def simulate(
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name of a bundled scenario, path of a YAML file, or of an SBML file (.xml)."
        ),
    ],
    regimen: Regimens = None,
    hosts: Annotated[
        int | None, typer.Option(help="Hosts (wells); by default 100.", min=1, max=10 * MOST)
    ] = None,
    until: Annotated[
        float | None, typer.Option(help="Last output [day; SBML: as in the file].")
    ] = None,
    seed: Seed = 1,
    engine: Annotated[
        str | None,
        typer.Option(
            help="leap (default), exact or mean-field; SBML: exact (default), mean-field."
        ),
    ] = None,
    step_hours: StepHours = None,
    variant: Variant = None,
    uncertain: Annotated[
        bool, typer.Option(help="Draw what is not known, one draw a host.")
    ] = False,
    counted: Annotated[
        bool, typer.Option(help="Add background and noise, as the assay would count.")
    ] = False,
    replicates: Annotated[
        int | None,
        typer.Option(help="SBML: independent runs; by default 100.", min=1, max=100 * MOST),
    ] = None,
    every: Annotated[
        float | None, typer.Option(help="SBML: time between outputs; by default 50 in all.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what is finished; what is in it is not run again."),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Name of the run in the store; refused for another one.")
    ] = None,
    processes: Annotated[
        bool, typer.Option("--processes", help="Compute in processes in place of threads.")
    ] = False,
    json: Json = False,
    output: Output = None,
) -> None:
    """Simulate regimens, or the reactions of an SBML file: means and standard deviations."""
    if scenario.lower().endswith((".xml", ".sbml")):
        from senescape.cli.networks import refuse_options, run_network_file

        stated = {
            "--regimen": bool(regimen),
            "--hosts": hosts is not None,
            "--step-hours": step_hours is not None,
            "--variant": variant is not None,
            "--uncertain": uncertain,
            "--counted": counted,
            "--store": store is not None,
            "--run": run is not None,
            "--processes": processes,
        }
        refuse_options(stated, "an SBML file")
        run_network_file(
            scenario,
            engine=engine or "exact",
            replicates=replicates,
            until=until,
            every=every,
            seed=seed,
            json=json,
            output=output,
        )
        return
    from senescape.cli.simulate import Keeping, refuse_network_options, run_simulate

    refuse_network_options(replicates=replicates, every=every)
    run_simulate(
        scenario,
        tuple(dict.fromkeys(regimen or ())),
        keeping=Keeping(store, run, processes=processes),
        hosts=100 if hosts is None else hosts,
        until=until,
        seed=seed,
        engine="leap" if engine is None else engine,
        step=None if step_hours is None else step_hours / 24.0,
        variant=variant,
        uncertain=uncertain,
        counted=counted,
        json=json,
        output=output,
    )


@app.command()
def observe(
    scenario: ScenarioArgument,
    regimen: Regimens = None,
    assay: Annotated[
        list[str] | None, typer.Option("--assay", "-a", help="Assay; may be repeated.")
    ] = None,
    day: Annotated[
        list[float] | None, typer.Option("--day", help="Day of a reading; may be repeated.")
    ] = None,
    subjects: Annotated[int, typer.Option(help="Wells, dishes or hosts.", min=1, max=MOST)] = 6,
    seed: Seed = 1,
    variant: Variant = None,
    uncertain: Annotated[
        bool, typer.Option(help="Draw what is not known, one draw a subject.")
    ] = False,
    json: Json = False,
    output: Output = None,
) -> None:
    """Read the assays of a scenario as a laboratory would; -o writes the table as CSV."""
    from senescape.cli.observe import run_observe

    run_observe(
        scenario,
        tuple(dict.fromkeys(regimen or ())),
        assays=tuple(dict.fromkeys(assay or ())),
        days=tuple(day or ()),
        subjects=subjects,
        seed=seed,
        variant=variant,
        uncertain=uncertain,
        json=json,
        output=output,
    )


@app.command()
def contrast(
    scenario: ScenarioArgument,
    name: Annotated[
        list[str] | None, typer.Option("--name", "-n", help="Contrast; may be repeated.")
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Outer draws of what is not known.", min=1, max=MOST)
    ] = 100,
    hosts: Annotated[int, typer.Option(help="Hosts (wells) in each draw.", min=1, max=MOST)] = 1,
    seed: Seed = 1,
    step_hours: StepHours = None,
    json: Json = False,
) -> None:
    """What changes between two settings: the back-up value, immunity, a senolytic."""
    from senescape.cli.contrast import run_contrast

    run_contrast(
        scenario,
        tuple(dict.fromkeys(name or ())),
        draws=draws,
        hosts=hosts,
        seed=seed,
        step=None if step_hours is None else step_hours / 24.0,
        json=json,
    )


@app.command()
def expect(
    scenario: ScenarioArgument,
    draws: Annotated[int, typer.Option(help="Draws from the priors.", min=10, max=MOST)] = 100,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Try what a scenario is expected to show, with its mechanism and without."""
    from senescape.cli.expect import run_expect

    run_expect(scenario, draws=draws, seed=seed, json=json)


@app.command()
def figure1(
    scenario: ScenarioArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Picture to write: .svg, .png or .pdf.", callback=checked
        ),
    ],
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    draws: Annotated[int, typer.Option(help="Draws of what is not known.", min=1, max=MOST)] = 60,
    seed: Seed = 1,
) -> None:
    """Draw Figure 1 with the numbers of a scenario flowing through it."""
    from senescape.cli.figure1 import run_figure1

    run_figure1(scenario, output, regimen=regimen, variant=variant, draws=draws, seed=seed)


@app.command()
def sensitivities(
    network: Annotated[str, typer.Argument(help="A network in SBML, FILE.xml.")],
    until: Annotated[float, typer.Option(help="End, in the unit of the file.", min=0.0)],
    every: Annotated[
        float | None, typer.Option(help="Time between outputs; only the end by default.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="Constant; may be repeated. Default: all."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="All derivatives: .csv, else JSON.", callback=checked),
    ] = None,
    json: Json = False,
) -> None:
    """Say how much each reading of a network depends on each of its constants."""
    from senescape.cli.sensitivities import run_sensitivities

    run_sensitivities(
        network,
        parameters=tuple(parameter or ()),
        until=until,
        every=every,
        json=json,
        output=output,
    )


@app.command()
def compare(
    scenario: ScenarioArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Picture: .svg, .png or .pdf.", callback=checked),
    ] = None,
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    until: Annotated[float | None, typer.Option(help="Last day; 20 days by default.")] = None,
    replicates: Annotated[
        int, typer.Option(help="Runs of each stochastic engine.", min=20, max=MOST)
    ] = 200,
    patience: Annotated[
        float, typer.Option(help="Seconds that one engine may take.", min=1.0, max=1e6)
    ] = 120.0,
    python: Annotated[
        str | None, typer.Option(help="Python of an environment with libRoadRunner or COPASI.")
    ] = None,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Run one regimen on every engine, and on libRoadRunner and COPASI where installed."""
    from senescape.cli.compare import run_compare

    run_compare(
        scenario,
        output,
        regimen=regimen,
        variant=variant,
        until=until,
        replicates=replicates,
        seed=seed,
        patience=patience,
        python=python,
        json=json,
    )


@app.command()
def export(
    scenario: ScenarioArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .xml or .sbml, .ant or .txt. Default: printed.",
            callback=checked,
        ),
    ] = None,
    regimen: Annotated[str | None, typer.Option("--regimen", "-r", help="Regimen.")] = None,
    variant: Variant = None,
    format: Annotated[str | None, typer.Option(help="sbml or antimony.")] = None,
) -> None:
    """Write one regimen as SBML Level 3 Version 2 or Antimony, for COPASI, libRoadRunner, ..."""
    from senescape.cli.export import run_export

    run_export(scenario, output, regimen=regimen, variant=variant, format=format)


@app.command()
def scenarios() -> None:
    """List the bundled scenarios."""
    from senescape.files import bundled, read_scenario

    for name in bundled():
        item = read_scenario(name)
        typer.echo(f"{name}  {item.title} ({len(item.regimens)} regimens; {item.place})")


@app.command()
def show(
    scenario: ScenarioArgument,
    equations: Annotated[
        bool, typer.Option("--equations", help="Print the mean-field equations as well.")
    ] = False,
    regimen: Annotated[str | None, typer.Option(help="Regimen of the equations.")] = None,
) -> None:
    """Show a scenario: states, arrows, numbers with their sources, regimens."""
    from senescape.cli.show import show_text
    from senescape.files import read_scenario

    typer.echo(show_text(read_scenario(scenario), equations=equations, regimen=regimen))


@app.command()
def check(
    scenario: Annotated[list[str], typer.Argument(help="Names or files to check.")],
) -> None:
    """Check scenarios: format, units, names, sources, every regimen."""
    from senescape.files import read_scenario

    bad = 0
    for name in scenario:
        try:
            item = read_scenario(name)
        except SenescapeError as error:
            bad += 1
            typer.echo(f"senescape: {error}", err=True)
        else:
            typer.echo(
                f"{name}: good ({len(item.parameters)} parameters, "
                f"{100 * item.assumed_fraction():.0f} % assumed; {len(item.regimens)} regimens)"
            )
    if bad:
        raise typer.Exit(2)


@app.command()
def schema(output: Output = None) -> None:
    """Print the JSON Schema of the scenario format."""
    import json as text

    from senescape.files import scenario_schema

    _write(text.dumps(scenario_schema(), indent=2), output, typer.echo)


def _write(content: str, output: Path | None, echo: Callable[[str], None]) -> None:
    from senescape.cli.output import write_text

    if output is None:
        echo(content)
    else:
        write_text(output, content + "\n")
