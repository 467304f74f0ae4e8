"""Make docs/scenarios/README.md from the stamps of the pages; say which pages are missing or stale.

Usage: .venv/bin/python docs/make_index.py

A page of a scenario (docs/make_scenarios.py) ends in a stamp, an HTML comment that holds the
digests of what it was made from and what the index says of it. Nothing is simulated here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from senescape.files import bundled
from senescape.files.scenarios import resolve, scenario_text
from senescape.files.strict_yaml import read_document
from senescape.model import Scenario

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("docs") / "scenarios"
STAMP = re.compile(r"^<!-- stamp (\{.*\}) -->$", re.MULTILINE)
REMEDY = "run make docs, or docs/make_scenarios.py with its name"
NOTE = "<!-- Made by docs/make_scenarios.py; a change belongs there or in the scenario. -->"
HEAD = f"""{NOTE}

# Scenarios

Each scenario that comes with senescape has a page: what it is, what it should show and does not
show once the mechanism is taken away, Figure 1 with its numbers, the verdict, every number with its
source, and how to compute it again. The word is that of the page: the headline regimen, all four
re-routing rules ([what the words mean](../how-to-read.md)). *Depends*: the word differs between the
rules, or with a structure that is not known. An expectation is met if it holds in at least 80 % of
draws, and in at most 20 % once its mechanism is taken away. A research tool, not for decisions
about patients.

"""
COLUMNS = ("Scenario", "What", "Line", "Drug, as in the headline", "Word", "Expectations met")


@lru_cache(maxsize=1)
def bundled_scenarios() -> dict[str, Scenario]:
    """Read every bundled scenario, without the checks that tests make anyway."""
    found = {}
    for name in bundled():
        text, origin = scenario_text(name)
        found[name] = Scenario.model_validate(resolve(read_document(text, origin), origin))
    return found


def questions_digest(scenario: Scenario) -> str:
    """SHA-256 of contrasts and expectations, which the digest of a scenario leaves out."""
    data = scenario.model_dump(mode="json", by_alias=True, include={"contrasts", "expectations"})
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def made_from(scenario: Scenario) -> dict[str, str]:
    """Return what a page must have been made from to say what the scenario says now."""
    return {"digest": scenario.digest, "questions": questions_digest(scenario)}


def stamp_text(stamp: Mapping[str, Any]) -> str:
    """Return a stamp as the last line of a page."""
    return f"<!-- stamp {json.dumps(stamp, sort_keys=True)} -->\n"


def read_stamps(root: Path) -> dict[str, dict[str, Any]]:
    """Return the stamps of all pages by the name of the scenario."""
    found = {}
    for page in sorted((root / FOLDER).glob("*.md")):
        match = STAMP.search(page.read_text(encoding="utf-8"))
        if match is not None:
            found[page.stem] = json.loads(match[1])
    return found


def wrong_pages(root: Path, scenarios: Mapping[str, Scenario]) -> list[str]:
    """Name scenarios without a page, pages that are stale, and pages of no scenario."""
    stamps = read_stamps(root)
    found = []
    for name, scenario in scenarios.items():
        page = FOLDER / f"{name}.md"
        if name not in stamps:
            found.append(f"{page}: no such page, or no stamp in it: {REMEDY}")
            continue
        now = made_from(scenario)
        old = [key for key, value in now.items() if stamps[name].get(key) != value]
        if old:
            found.append(f"{page}: stale, {' and '.join(old)} changed: {REMEDY}")
    for name in sorted(set(stamps) - set(scenarios)):
        found.append(f"{FOLDER / name}.md: no scenario is called {name}: delete the page")
    if not found and index_text(root, scenarios) != _text(root / FOLDER / "README.md"):
        found.append(f"{FOLDER / 'README.md'}: differs from what the pages say: run make docs")
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def cell(text: str) -> str:
    """Return text as it can stand in a cell of a Markdown table."""
    flat = " ".join(text.split())
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("[", "\\[")):
        flat = flat.replace(mark, written)
    return flat


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; cells are taken as they are."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(re.sub(r"\|  (?=\|)", "| ", line) for line in lines) + "\n"


def drugs_given(scenario: Scenario, regimen: str) -> str:
    """Return the drugs and radiation of a regimen by their labels."""
    labels = {}
    for entry in scenario.regimens[regimen].give:
        for kind in ("bath", "dose", "infusion", "fraction"):
            name = getattr(entry, kind, None)
            noun = scenario.drugs.get(name) or scenario.radiation.get(name)
            if noun is not None:
                labels[name] = noun.label or str(name)
    return ", ".join(labels.values()) or "none"


def headline_regimen(scenario: Scenario) -> str:
    """Return the regimen that the headline is about: the outcome's, else the last."""
    chosen = scenario.outcome.regimen if scenario.outcome is not None else None
    return chosen or list(scenario.regimens)[-1]


def index_text(root: Path, scenarios: Mapping[str, Scenario]) -> str:
    """Return the index of all scenarios."""
    stamps = read_stamps(root)
    rows = []
    for name, scenario in scenarios.items():
        stamp = stamps.get(name, {})
        line = scenario.inducer.line if scenario.inducer is not None else ""
        rows.append(
            (
                f"[{name}]({name}.md)" if stamp else name,
                cell(scenario.title),
                cell(line),
                cell(drugs_given(scenario, headline_regimen(scenario))),
                str(stamp.get("word", "no page yet")),
                f"{stamp['met']} of {stamp['expectations']}" if stamp else "",
            )
        )
    return HEAD + table(COLUMNS, rows)


def main(root: Path = ROOT) -> None:
    """Write the index."""
    (root / FOLDER / "README.md").write_text(index_text(root, bundled_scenarios()), "utf-8")


if __name__ == "__main__":
    main()
