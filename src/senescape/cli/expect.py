"""senescape expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import typer

from senescape.errors import RunError
from senescape.files import read_scenario
from senescape.verdict import DISCLAIMER, HOLDS, VANISHES, ExpectationResult, expect

from .output import Bar, plain_json, table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def run_expect(name: str, *, draws: int, seed: int, json: bool) -> None:
    """Try the expectations of a scenario; exit status 1 where one is not met."""
    scenario = read_scenario(name)
    if not scenario.expectations:
        raise RunError(
            f"{scenario.name} states no expectation",
            allowed="a scenario with a section expectations",
            remedy="write down what it should show, and without which mechanism not",
            check="run.no-expectations",
        )
    with Bar(scenario.name).shown() as bar:
        results = expect(scenario, draws=draws, seed=seed, monitor=bar)
    if json:
        typer.echo(plain_json([plain_result(r) for r in results]))
    else:
        typer.echo(expectations_text(results))
    if not all(r.met for r in results):
        raise typer.Exit(1)


def expectations_text(results: tuple[ExpectationResult, ...]) -> str:
    """Return a table of what is expected and in how many draws it holds."""
    rows = [
        [
            r.name,
            f"{100 * r.holds:.0f} %",
            f"{100 * r.without:.0f} %",
            "met" if r.met else "NOT MET",
            r.noun.grade,
            f"{r.noun.says} (without: {r.noun.without.label})",
        ]
        for r in results
    ]
    heads = ["expectation", "holds", "without", "", "grade", "what"]
    note = (
        f"Share of draws from the priors: at least {100 * HOLDS:.0f} % as the scenario stands, "
        f"at most {100 * VANISHES:.0f} % with the mechanism taken away."
    )
    return f"{table(heads, rows)}\n\n{note} {DISCLAIMER}"


def plain_result(result: ExpectationResult) -> dict[str, object]:
    """Return one result as plain data: shares, and 5, 50 and 95 % quantiles of both sides."""

    def quantiles(values: NDArray[np.float64]) -> list[float]:
        return [float(q) for q in np.quantile(values, [0.05, 0.5, 0.95])]

    noun = result.noun
    return {
        "name": result.name,
        "says": noun.says,
        "source": noun.source,
        "grade": noun.grade,
        "holds": result.holds,
        "without": result.without,
        "mechanism": noun.without.label,
        "met": result.met,
        "left": quantiles(result.left),
        "right": quantiles(result.right),
        "left_without": quantiles(result.left_without),
        "right_without": quantiles(result.right_without),
    }
