"""The text of one scenario's page: what docs/make_scenarios.py computed, as Markdown.

Numbers on the page are those of ``senescape expect``, ``contrast``, ``figure1`` and ``verdict``
with the options that stand at its end.
"""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from make_index import (
    NOTE,
    cell,
    drugs_given,
    headline_regimen,
    made_from,
    stamp_text,
    table,
)

from senescape.cohort import Passages
from senescape.figures.expectations import comparison, sentence
from senescape.model import ASSUMPTION, Scenario
from senescape.report.numbers import NumberRow, number_rows, other_rows, reference
from senescape.report.tables import turn_words
from senescape.results.provenance import package_versions
from senescape.verdict import (
    DISCLAIMER,
    ContrastResult,
    ExpectationResult,
    Verdict,
    interval,
    signed,
)
from senescape.verdict.sentences import PHRASES

WIDTH = 120
DAMAGES_DNA = "within the seed article"
BEYOND = "beyond the seed article: the inducer does not damage DNA"


@dataclass(frozen=True)
class Run:
    """How a page is computed; the same options stand in its commands."""

    expectation_draws: int = 100
    contrast_draws: int = 100
    passage_draws: int = 60
    verdict_draws: int = 200
    step_hours: float = 6.0
    seed: int = 1


@dataclass(frozen=True)
class Results:
    """All that was computed for a page."""

    scenario: Scenario
    run: Run
    expectations: tuple[ExpectationResult, ...]
    contrasts: tuple[ContrastResult, ...]
    passages: Passages
    verdict: Verdict


def page_text(results: Results) -> str:
    """Return the whole page."""
    scenario = results.scenario
    parts = [
        f"{NOTE}\n\n# {scenario.title}",
        quoted(results.verdict.headline()),
        facts(results),
        prose("## What was expected, decided and tuned", scenario.note),
        regimens_and_variants(results),
        expectations(results),
        passages(results),
        verdict(results),
        contrasts(results),
        numbers(results),
        sources(scenario),
        again(results),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n\n" + stamp_text(stamp(results))


def stamp(results: Results) -> dict[str, Any]:
    """Return what the page was made from, and what index and docs/figure1.md say of it."""
    return {
        **made_from(results.scenario),
        "arrows": arrows(results),
        "expectations": len(results.expectations),
        "met": sum(r.met for r in results.expectations),
        "regimen": results.verdict.regimen,
        "word": results.verdict.word.value,
    }


def arrows(results: Results) -> list[str]:
    """Name the arrows of Figure 1 along which cells pass under the headline regimen.

    Feeding moves no cells: it is there if a number is credited with it. Arrest is complete if it
    was so in any host at some time.
    """
    found = [arrow.value for arrow, n in results.passages.arrows.items() if n[2] > 0.0]
    if results.passages.fed:
        found.append("feeder")
    if np.isfinite(results.verdict.arrested).any():
        found.append("complete_arrest")
    return sorted(found)


def quoted(text: str) -> str:
    """Return text as a quotation."""
    return textwrap.fill(cell(text), WIDTH, initial_indent="> ", subsequent_indent="> ")


def prose(title: str, text: str) -> str:
    """Return a section of plain text; nothing where there is none."""
    return f"{title}\n\n{textwrap.fill(cell(text), WIDTH)}" if text else ""


def picture(results: Results, kind: str, words: str) -> str:
    """Return a picture that docs/make_scenarios.py has drawn."""
    return f"![{cell(words)}](pictures/{results.scenario.name}-{kind}.svg)"


def facts(results: Results) -> str:
    """Return what the scenario is, in a small table."""
    scenario, question = results.scenario, results.verdict.question
    inducer, host = scenario.inducer, scenario.host
    where = "a culture; no host"
    if scenario.setting == "host":
        told = [] if host is None else [host.label, f"immunity: {host.immunity}"]
        where = "; ".join(part for part in ["a host", *told] if part)
    file = f"{scenario.name}.yaml"
    rows = [
        ("Cells", cell(inducer.line if inducer is not None else "")),
        ("Inducer", inducer.class_.replace("_", " ") if inducer is not None else ""),
        ("Drug, as in the headline", cell(drugs_given(scenario, headline_regimen(scenario)))),
        ("Where", cell(where)),
        ("Scope", BEYOND if scenario.scope == "beyond_seed" else DAMAGES_DNA),
        ("Asked", f"{PHRASES[question.headline]} to day {question.horizon:g}"),
        ("Numbers", f"{len(scenario.parameters)}, {assumed(scenario)} of them assumptions"),
        ("File", f"[{file}](../../src/senescape/scenarios/{file})"),
    ]
    return table((f"`{scenario.name}`", ""), rows)


def assumed(scenario: Scenario) -> str:
    """Return the share of numbers that are assumptions."""
    return f"{100 * scenario.assumed_fraction():.0f} %"


def regimens_and_variants(results: Results) -> str:
    """Return what is given, and which genotypes, hosts and readings can be chosen."""
    scenario, chosen = results.scenario, results.verdict.regimen
    rows = [
        (f"`{name}`", cell(noun.label), "yes" if name == chosen else "")
        for name, noun in scenario.regimens.items()
    ]
    text = "## Regimens\n\n" + table(("Regimen", "What is given", "Headline"), rows)
    held = {n: v for n, v in scenario.variants.items() if v.holds_for(scenario.inducer)}
    if held:
        rows = [
            (
                f"`{name}`",
                cell(noun.label),
                cell(", ".join(f"{p} = {value}" for p, value in noun.set.items())),
                cited(scenario, noun.source),
            )
            for name, noun in held.items()
        ]
        text += "\n## Variants\n\n" + table(("Variant", "What it is", "Sets", "Source"), rows)
    return text


def cited(scenario: Scenario, source: str) -> str:
    """Return a source as a number of the list, or the word assumption."""
    number = reference(scenario, source)
    return cell(source) if number is None else f"[{number}](#sources)"


def expectations(results: Results) -> str:
    """Return what the scenario should show, with the negative control of each statement."""
    if not results.expectations:
        return ""
    rows = [
        (
            cell(sentence(r.noun.says)),
            f"{cited(results.scenario, r.noun.source)}, {r.noun.grade}"
            if r.noun.source != ASSUMPTION
            else ASSUMPTION,
            f"{100 * r.holds:.0f} %",
            f"{100 * r.without:.0f} %",
            cell(r.noun.without.label),
            "yes" if r.met else "**no**",
        )
        for r in results.expectations
    ]
    heads = ("What is said", "Source, grade", "Holds", "Without", "Mechanism taken away", "Met")
    words = (
        f"Shares of {results.run.expectation_draws} draws from the priors. A statement is met if "
        "it holds in at least 80 % of draws and, with the mechanism taken away (the negative "
        "control), in at most 20 %. Read: the source says so; recalled: not read again, only the "
        "order is meant."
    )
    compared = [comparison(results.scenario, r) for r in results.expectations]
    medians = "; ".join(
        f"{item.what} {float(np.median(item.standing)):.3g}, "
        f"without {float(np.median(item.without)):.3g}"
        for item in compared
    )
    drawn = picture(results, "expectations", f"Medians over draws: {medians}")
    return (
        f"## What it should show\n\n{textwrap.fill(words, WIDTH)}\n\n{table(heads, rows)}\n{drawn}"
    )


def passages(results: Results) -> str:
    """Return Figure 1 with its numbers."""
    drawn = picture(results, "figure1", "Figure 1 of the seed article with these numbers")
    return f"## Figure 1 with its numbers\n\n{drawn}"


def verdict(results: Results) -> str:
    """Return the verdict under each rule, and the effect over time."""
    found = results.verdict
    rows = [
        (
            rule.value,
            rule.words,
            result.word.value,
            interval(result.effect),
            f"{result.effect.probability_beneficial:.2f}",
            f"{result.effect.probability_harmful:.2f}",
            cell(turn_words(found, rule)),
        )
        for rule, result in found.rules.items()
    ]
    heads = (
        "Rule", "Compared with the same cells", "Word", f"Effect [{found.unit}]",
        "P(friend)", "P(foe)", "Changes of sign",
    )  # fmt: skip
    day, delta = found.question.horizon, found.question.deltas[found.question.headline]
    whom = "well" if found.scenario.setting == "culture" else "host"
    words = (
        f"V on day {day:g}: {PHRASES[found.question.headline]} with senescence minus without it, "
        f"in the same {whom}s under the same chance. P: share of draws beyond the smallest "
        f"difference that matters ({delta:g} {found.unit}). "
        f"{found.draws} draws of one {whom}: the interval holds what is not known and how {whom}s "
        f"differ. The word: {found.word.value}."
    )
    drawn = picture(results, "effect", f"Effect of senescence over time, regimen {found.regimen}")
    return f"## Friend or foe\n\n{textwrap.fill(words, WIDTH)}\n\n{table(heads, rows)}\n{drawn}"


def contrasts(results: Results) -> str:
    """Return the contrasts that the scenario declares."""
    if not results.contrasts:
        return ""
    unit = results.contrasts[0].unit
    rows = [
        (
            cell(r.noun.label),
            r.noun.of,
            signed(r.left.estimate),
            signed(r.right.estimate),
            interval(r.difference),
            f"{r.difference.probability_beneficial:.2f}",
            f"{r.difference.probability_harmful:.2f}",
        )
        for r in results.contrasts
    ]
    heads = ("Contrast", "Of", "Left", "Right", f"Difference [{unit}]", "P(above)", "P(below)")
    words = (
        f"Left minus right in the same {results.run.contrast_draws} draws, hosts and chance; of "
        "the effect V, or of the outcome itself. Above 0 is better for the host."
    )
    return f"## Contrasts\n\n{textwrap.fill(words, WIDTH)}\n\n{table(heads, rows)}"


def numbers(results: Results) -> str:
    """Return every number with unit, meaning, what is not known and source."""
    scenario = results.scenario
    found = number_rows(scenario, results.verdict.regimen, None) + other_rows(scenario)
    heads = ("Number", "Value", "Unit", "What it is", "Not known", "Differs", "Source")
    words = (
        f"{assumed(scenario)} of the {len(scenario.parameters)} numbers are assumptions. "
        "*Not known*: the distribution that it is drawn from, once a draw; "
        "*differs*: between hosts, wells or cells."
    )
    listed = table(heads, [number_row(row) for row in found])
    return f"## Numbers\n\n{textwrap.fill(words, WIDTH)}\n\n{listed}"


def number_row(row: NumberRow) -> tuple[str, ...]:
    """Return one number as cells."""
    value = row.value if row.unit else f"`{row.value}`" if row.value else ""
    label = "; ".join(part for part in (row.label, row.changed and f"set by {row.changed}") if part)
    source = row.source if row.reference is None else f"[{row.reference}](#sources)"
    return (
        f"`{row.name}`", value.replace("|", "\\|"), cell(row.unit), cell(label),
        cell(row.unknown), cell(row.varies), cell(source) if row.reference is None else source,
    )  # fmt: skip


def sources(scenario: Scenario) -> str:
    """Return the citations, numbered as in the tables."""
    lines = []
    for number, noun in enumerate(scenario.citations.values(), start=1):
        link = ""
        if noun.doi:
            target = quote(noun.doi, safe="/:;.-_")
            link = f" [doi:{noun.doi}](https://doi.org/{target})"
        lines.append(f"{number}. {cell(noun.text)}{link}")
    return "## Sources\n\n" + "\n".join(lines) if lines else ""


def again(results: Results) -> str:
    """Return the commands that compute the page again, with digest and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    lines = "\n".join(commands(results))
    name, digest = results.scenario.name, results.scenario.digest
    return (
        f"## Compute it again\n\n```sh\n{lines}\n```\n\n"
        f"This page: `.venv/bin/python docs/make_scenarios.py {name}`; all pages: `make docs`. "
        f"Seed {results.run.seed};\n{versions}.\n"
        f"Digest of the scenario: `{digest}`.\n{DISCLAIMER}"
    )


def commands(results: Results) -> list[str]:
    """Return the command lines, one an answer."""
    name, run, regimen = results.scenario.name, results.run, results.verdict.regimen
    seed, step = ("--seed", str(run.seed)), ("--step-hours", f"{run.step_hours:g}")
    asked = [
        ("expect", name, "--draws", str(run.expectation_draws), *seed),
        ("contrast", name, "--draws", str(run.contrast_draws), *step, *seed),
        (
            "figure1", name, "--regimen", regimen, "--draws", str(run.passage_draws), *seed,
            "--output", "figure1.svg",
        ),
        (
            "verdict", name, "--regimen", regimen, "--draws", str(run.verdict_draws),
            "--hosts", "1", *step, *seed,
        ),
    ]  # fmt: skip
    there = {
        "expect": results.expectations,
        "contrast": results.contrasts,
        "figure1": True,
        "verdict": True,
    }
    return [shlex.join(["senescape", *words]) for words in asked if there[words[0]]]
