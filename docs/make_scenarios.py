"""Make the page of every bundled scenario: docs/scenarios/NAME.md with its pictures.

Usage: .venv/bin/python docs/make_scenarios.py [--jobs N] [NAME ...]

Simulates; without names all scenarios, in two processes. Index and docs/figure1.md follow.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Tests load this file from elsewhere: its neighbours are found by path, so imports come after it.
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import make_figure1  # noqa: E402
import make_index  # noqa: E402
from make_pictures import on_white  # noqa: E402
from make_scenario_page import Results, Run, page_text  # noqa: E402

from senescape.cohort import passages  # noqa: E402
from senescape.errors import nearest  # noqa: E402
from senescape.figures import (  # noqa: E402
    effect_curve,
    expectation_intervals,
    figure1,
    svg_of,
)
from senescape.figures.figure1 import passed  # noqa: E402
from senescape.files import bundled, read_scenario  # noqa: E402
from senescape.model import Scenario  # noqa: E402
from senescape.report.pictures import curve_words  # noqa: E402
from senescape.verdict import contrasts, expect, judge  # noqa: E402

LARGEST = 150_000


def results_of(scenario: Scenario, run: Run = Run()) -> Results:  # noqa: B008  # frozen
    """Compute all that the page says, with the options that stand in its commands."""
    regimen, step = make_index.headline_regimen(scenario), run.step_hours / 24.0
    return Results(
        scenario=scenario,
        run=run,
        expectations=expect(scenario, draws=run.expectation_draws, seed=run.seed),
        contrasts=contrasts(scenario, draws=run.contrast_draws, seed=run.seed, step=step),
        passages=passages(scenario, regimen, draws=run.passage_draws, seed=run.seed),
        verdict=judge(
            scenario, regimen, draws=run.verdict_draws, hosts=1, seed=run.seed, step=step
        ),
    )


def pictures(results: Results) -> dict[str, str]:
    """Return the pictures of the page as SVG, by kind."""
    title, verdict = results.scenario.title, results.verdict
    drawn = {
        "figure1": svg_of(
            figure1(results.passages),
            f"Figure 1 with numbers: {title}",
            "; ".join(
                f"{arrow.value.replace('_', ' ')} {passed(n[0])}"
                for arrow, n in results.passages.arrows.items()
            ),
        ),
        "effect": svg_of(
            effect_curve(verdict), f"Effect of senescence over time: {title}", curve_words(verdict)
        ),
    }
    if results.expectations:
        drawn["expectations"] = svg_of(
            expectation_intervals(results.scenario, results.expectations),
            f"What is expected, with the mechanism and without: {title}",
            "; ".join(
                f"{r.noun.says}: {100 * r.holds:.0f} %, without {100 * r.without:.0f} %"
                for r in results.expectations
            ),
        )
    return {kind: on_white(svg) for kind, svg in drawn.items()}


def write_page(name: str, root: Path = make_index.ROOT) -> float:
    """Compute one scenario and write its page and pictures; return the seconds it took."""
    began = time.perf_counter()
    results = results_of(read_scenario(name))
    folder = root / make_index.FOLDER
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for kind, svg in pictures(results).items():
        if len(svg.encode()) > LARGEST:
            print(f"note: {name}-{kind}.svg has {len(svg.encode()):,} bytes", file=sys.stderr)
        (folder / "pictures" / f"{name}-{kind}.svg").write_text(svg, encoding="utf-8")
    (folder / f"{name}.md").write_text(page_text(results), encoding="utf-8")
    return time.perf_counter() - began


def main(arguments: list[str]) -> int:
    """Make the pages asked for, then the index and docs/figure1.md."""
    parser = argparse.ArgumentParser(description="Make the pages of bundled scenarios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all by default")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    asked = parser.parse_args(arguments)
    for name in asked.names:
        if name not in bundled():
            parser.error(f"no scenario is called {name}; {nearest(name, bundled())}")
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        waiting = {pool.submit(write_page, name): name for name in asked.names or bundled()}
        for done in as_completed(waiting):
            print(f"{waiting[done]}: {done.result():.0f} s", flush=True)
    make_index.main()
    make_figure1.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
