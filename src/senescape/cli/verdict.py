"""senescape verdict."""

from __future__ import annotations

import textwrap
from pathlib import Path

import typer

from senescape.cohort import WellPrediction, passages, predict_wells
from senescape.compile import compile_scenario
from senescape.compile.question import question_of
from senescape.files import read_scenario
from senescape.model import Scenario
from senescape.report import chosen_verdict, verdict_page
from senescape.run import check_lanes, check_run, check_size, engine_named
from senescape.verdict import PLAYER_WORDS, Verdict, interval, judge, regimens_of
from senescape.verdict.counterfactual import RULES
from senescape.verdict.judge import DEFAULT_STEP, curve_times
from senescape.verdict.shares import worlds_of_shares

from .output import Bar, plain_json, shown, table, write_text

WELL_DRAWS = 60
PASSAGE_DRAWS = 60
HISTORY_ROWS = 10  # numbers kept of every host, time and world


def run_verdict(
    name: str,
    wanted: tuple[str, ...],
    *,
    draws: int,
    hosts: int,
    budget: int | None,
    seed: int,
    engine: str,
    step: float | None,
    variant: str | None,
    json: bool,
    output: Path | None,
    stop_when: str | None = None,
) -> None:
    """Judge regimens, print the verdict, and write the page where a file is named."""
    scenario = read_scenario(name)
    regimens = regimens_of(scenario, wanted)
    _check_cost(scenario, regimens, max(draws, budget or 0) * hosts, engine, step, variant)
    verdicts = []
    chosen = scenario.outcome.regimen if scenario.outcome is not None else None
    for regimen in regimens:
        with Bar(regimen).shown() as bar:
            verdicts.append(
                judge(
                    scenario,
                    regimen,
                    draws=draws,
                    hosts=hosts,
                    budget=budget,
                    seed=seed,
                    engine=engine,
                    step=step,
                    variant=variant,
                    shares=len(regimens) == 1 or regimen == chosen,
                    monitor=bar if bar.seen else None,
                    stop_when=stop_when,
                )
            )
    wells = _wells(scenario, regimens, seed, variant)
    if json:
        typer.echo(plain_json(_plain(verdicts, wells)))
    else:
        typer.echo(verdict_text(verdicts, wells))
    if output is not None:
        chosen_one = chosen_verdict(verdicts)
        with Bar("passages").shown() as bar:
            numbers = passages(
                scenario,
                chosen_one.regimen,
                variant=variant,
                draws=min(draws, PASSAGE_DRAWS),
                seed=seed,
                monitor=bar,
            )
        write_text(output, verdict_page(verdicts, wells, numbers))
        typer.echo(f"page: {shown(output)}", err=json)


def _check_cost(
    scenario: Scenario,
    regimens: tuple[str, ...],
    lanes: int,
    engine: str,
    step: float | None,
    variant: str | None,
) -> None:
    """Refuse what would take too long, all regimens and their worlds together.

    Regimens differ in what is given; the first stands for all.
    """
    runner = engine_named(engine, step=DEFAULT_STEP if step is None else step)
    compiled = compile_scenario(scenario, regimens[0], variant)
    program = compiled.program
    times = curve_times(program.forcing.start, question_of(scenario))
    worlds = len(regimens) * (1 + len(RULES)) + worlds_of_shares(compiled)
    check_lanes(program, lanes)
    check_size(HISTORY_ROWS * (1 + len(RULES)), len(times), lanes)
    check_run(runner, program, times, lanes=lanes, worlds=worlds)


def _wells(
    scenario: Scenario, regimens: tuple[str, ...], seed: int, variant: str | None
) -> list[WellPrediction]:
    """Predict the measured wells of the regimens asked for; no data belong to a variant."""
    if variant is not None or not scenario.measured:
        return []
    measured = next(iter(scenario.measured.values()))
    rows = {name: row for name, row in measured.regimens.items() if name in regimens}
    if not rows:
        return []
    with Bar("measured wells").shown() as bar:
        return predict_wells(
            scenario,
            measured.model_copy(update={"regimens": rows}),
            draws=WELL_DRAWS,
            seed=seed,
            monitor=bar,
        )


def _plain(verdicts: list[Verdict], wells: list[WellPrediction]) -> dict[str, object]:
    rows = {
        w.regimen: {
            "wells": w.wells,
            "recovered": w.recovered,
            "predicted": w.predicted,
            "low": w.low,
            "high": w.high,
            "level": 0.9,
            "log_error": w.log_error,
        }
        for w in wells
    }
    if len(verdicts) == 1:
        single = verdicts[0].to_dict()
        return single | ({"wells": rows[verdicts[0].regimen]} if rows else {})
    chosen = chosen_verdict(verdicts)
    return {
        "headline": chosen.headline(),
        "regimens": {
            v.regimen: v.to_dict() | ({"wells": rows[v.regimen]} if v.regimen in rows else {})
            for v in verdicts
        },
    }


def verdict_text(verdicts: list[Verdict], wells: list[WellPrediction]) -> str:
    """Return the headline and a small table."""
    chosen = chosen_verdict(verdicts)
    found = {w.regimen: w for w in wells}
    heads = ["regimen", "verdict", f"effect [{chosen.unit}]"]
    if wells:
        heads += ["wells recovered", "predicted (90 %)"]
    rows = []
    for verdict in verdicts:
        row = [verdict.regimen, verdict.word.value, interval(verdict.main.effect)]
        if wells:
            item = found.get(verdict.regimen)
            row += (
                [
                    f"{item.recovered} of {item.wells}",
                    f"{item.predicted:.1f} ({item.low}-{item.high})",
                ]
                if item is not None
                else ["", ""]
            )
        rows.append(row)
    rules = [
        [rule.value, result.word.value, interval(result.effect), rule.words]
        for rule, result in chosen.rules.items()
    ]
    players = [
        [PLAYER_WORDS[player.value], interval(effect)]
        for player, effect in chosen.shares.items()
        if effect.estimate or effect.low or effect.high
    ]
    shares = [
        f"{chosen.regimen}, the effect shared out among the arrows:\n"
        + table(["arrow", f"share [{chosen.unit}]"], players)
    ]
    return "\n\n".join(
        [
            textwrap.fill(chosen.headline(), 100),
            table(heads, rows),
            *(f"{v.regimen}: {v.precision.sentence()}" for v in verdicts if v.precision),
            f"{chosen.regimen}, by where the cells would have gone:\n"
            + table(["rule", "verdict", f"effect [{chosen.unit}]", "compared with"], rules),
            *(shares if players else []),
        ]
    )
