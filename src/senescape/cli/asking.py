"""Commands that run a scenario: what they take, in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from senescape.cli.arguments import (
    MOST,
    Engine,
    Json,
    Output,
    Regimens,
    ScenarioArgument,
    Seed,
    StepHours,
    StopWhen,
    Uncertain,
    Until,
    Variant,
    checked,
    most_of,
    refuse_options,
)

commands = typer.Typer()


@commands.command()
def verdict(
    scenario: ScenarioArgument,
    regimen: Regimens = None,
    draws: Annotated[
        int | None,
        typer.Option(
            help="Outer draws of what is not known: 200; at most 10000 with --stop-when.",
            min=1,
            max=MOST,
        ),
    ] = None,
    hosts: Annotated[int, typer.Option(help="Hosts (wells) in each draw.", min=1, max=MOST)] = 2,
    stop_when: StopWhen = None,
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
        draws=most_of(draws, 200, stop_when),
        hosts=hosts,
        budget=budget,
        seed=seed,
        engine=engine,
        step=None if step_hours is None else step_hours / 24.0,
        variant=variant,
        json=json,
        output=output,
        stop_when=stop_when,
    )


@commands.command()
def simulate(
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name of a bundled scenario, path of a YAML file, or of an SBML file (.xml)."
        ),
    ],
    regimen: Regimens = None,
    hosts: Annotated[
        int | None,
        typer.Option(
            help="Hosts (wells): 100; at most 10000 with --stop-when.",
            min=1,
            max=10 * MOST,
        ),
    ] = None,
    stop_when: StopWhen = None,
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
    uncertain: Uncertain = False,
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
    scheduler: Annotated[
        str | None,
        typer.Option(help="Compute on a Dask scheduler: tcp://HOST:PORT, or its file (.json)."),
    ] = None,
    json: Json = False,
    output: Output = None,
) -> None:
    """Simulate regimens, or the reactions of an SBML file: means and standard deviations."""
    if scenario.lower().endswith((".xml", ".sbml")):
        from senescape.cli.keeping import Keeping
        from senescape.cli.networks import run_network_file

        stated = {
            "--regimen": bool(regimen),
            "--hosts": hosts is not None,
            "--step-hours": step_hours is not None,
            "--variant": variant is not None,
            "--uncertain": uncertain,
            "--counted": counted,
            "--stop-when": stop_when is not None,
        }
        refuse_options(stated, "an SBML file")
        run_network_file(
            scenario,
            engine=engine or "exact",
            replicates=replicates,
            until=until,
            every=every,
            seed=seed,
            keeping=Keeping(store, run, processes=processes, scheduler=scheduler),
            json=json,
            output=output,
        )
        return
    from senescape.cli.keeping import Keeping
    from senescape.cli.simulate import refuse_network_options, run_simulate

    refuse_network_options(replicates=replicates, every=every)
    run_simulate(
        scenario,
        tuple(dict.fromkeys(regimen or ())),
        keeping=Keeping(store, run, processes=processes, scheduler=scheduler),
        hosts=most_of(hosts, 100, stop_when),
        until=until,
        seed=seed,
        engine="leap" if engine is None else engine,
        step=None if step_hours is None else step_hours / 24.0,
        variant=variant,
        uncertain=uncertain,
        counted=counted,
        json=json,
        output=output,
        stop_when=stop_when,
    )


@commands.command()
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


@commands.command()
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


@commands.command()
def expect(
    scenario: ScenarioArgument,
    draws: Annotated[int, typer.Option(help="Draws from the priors.", min=10, max=MOST)] = 100,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Try what a scenario is expected to show, with its mechanism and without."""
    from senescape.cli.expect import run_expect

    run_expect(scenario, draws=draws, seed=seed, json=json)


@commands.command()
def checkpoint(
    source: Annotated[
        str, typer.Argument(help="A scenario, or a checkpoint (.npz) to go on from.")
    ],
    regimen: Annotated[str, typer.Option("--regimen", "-r", help="Regimen until that day.")],
    day: Annotated[float, typer.Option(help="Day on which the hosts are kept [day].")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write, .npz.", callback=checked)
    ],
    hosts: Annotated[
        int | None, typer.Option(help="Hosts (wells); by default 100.", min=1, max=10 * MOST)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all random numbers; by default 1.", min=0)
    ] = None,
    engine: Annotated[str | None, typer.Option(help="leap (default) or exact.")] = None,
    step_hours: StepHours = None,
    variant: Variant = None,
    uncertain: Uncertain = False,
) -> None:
    """Treat hosts until a day and keep them as they stand, to be treated on by fork."""
    from senescape.cli.forks import run_checkpoint

    run_checkpoint(
        source,
        regimen,
        output,
        day=day,
        hosts=hosts,
        seed=seed,
        engine=engine,
        step=None if step_hours is None else step_hours / 24.0,
        variant=variant,
        uncertain=uncertain,
    )


@commands.command()
def fork(
    file: Annotated[Path, typer.Argument(help="A checkpoint, .npz.")],
    regimen: Regimens = None,
    until: Until = None,
    json: Json = False,
    output: Output = None,
) -> None:
    """Go on from a checkpoint under other regimens: the same tumours, the same chance."""
    from senescape.cli.forks import run_fork

    run_fork(file, tuple(dict.fromkeys(regimen or ())), until=until, json=json, output=output)


@commands.command()
def sweep(
    scenario: ScenarioArgument,
    vary: Annotated[
        list[str],
        typer.Option(
            help='What is varied: "NAME=LOW..HIGH UNIT", "NAME=A,B,C UNIT", NAME (its prior).'
        ),
    ],
    log: Annotated[
        list[str] | None, typer.Option(help="A range in equal steps of its logarithm: its NAME.")
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(help="grid (default for levels), latin-hypercube (for ranges), sobol."),
    ] = None,
    points: Annotated[int, typer.Option(help="Points of a sample.", min=1, max=MOST)] = 64,
    regimen: Regimens = None,
    hosts: Annotated[
        int, typer.Option(help="Hosts (wells) at each point, the same.", min=1, max=MOST)
    ] = 20,
    until: Until = None,
    seed: Seed = 1,
    engine: Engine = "leap",
    step_hours: StepHours = None,
    variant: Variant = None,
    uncertain: Uncertain = False,
    every_host: Annotated[
        bool, typer.Option("--every-host", help="Every host in place of statistics.")
    ] = False,
    json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File: .nc, .csv or .json.", callback=checked),
    ] = None,
) -> None:
    """Run a scenario over a grid, a Latin hypercube or a Sobol sample of its parameters."""
    from senescape.cli.sweep import run_sweep

    run_sweep(
        scenario,
        tuple(dict.fromkeys(regimen or ())),
        vary=tuple(vary),
        log=tuple(log or ()),
        design=design,
        points=points,
        hosts=hosts,
        seed=seed,
        engine=engine,
        step=None if step_hours is None else step_hours / 24.0,
        until=until,
        variant=variant,
        uncertain=uncertain,
        every_host=every_host,
        json=json,
        output=output,
    )
