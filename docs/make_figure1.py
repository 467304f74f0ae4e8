"""Make docs/figure1.md of docs/figure1.yaml and of the stamps of the scenarios' pages.

Usage: .venv/bin/python docs/make_figure1.py

Every row must have code that exists, a test function that exists, a picture that exists, and a
scenario in which cells pass along the arrow. Nothing is simulated here.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from make_index import FOLDER, ROOT, cell, read_stamps, table  # noqa: E402

DATA, PAGE = Path("docs") / "figure1.yaml", Path("docs") / "figure1.md"
ARROWS = (
    "DNA damage",
    "rapid apoptosis",
    "senescence as back-up",
    "cycle re-entry",
    "delayed apoptosis",
    "complete arrest",
    "immunogenicity and clearance",
    "paracrine feeder growth",
    "escape by pre-existing mutation",
    "escape by acquired mutation",
    "paracrine arrest",
    "recovery from undecided arrest",
)
FIELDS = {"arrow", "says", "carried_by", "code", "tests", "picture"}
HEADS = ("#", "What the seed says", "Arrow", "Code", "Scenarios", "Tests", "Picture")
HEAD = """<!-- Made by docs/make_figure1.py of docs/figure1.yaml; a change belongs there. -->

# Figure 1, statement by statement

Seed: Kahlem P, Dörken B, Schmitt CA. *J Clin Invest* 2004;113:169-174,
[doi:10.1172/JCI20784](https://doi.org/10.1172/JCI20784). The statements are told in our own words;
the article is the authority.

Each row names an arrow, the code that holds it, the scenarios that show it, tests that could fail,
and a picture. A scenario shows an arrow if cells pass along it under its headline regimen, in more
than one host in twenty. Feeding moves no cells: it is there if a number is credited with it. Arrest
is complete if it was so in any host at some time. `make check` makes this page again and fails if
it differs, or if a row names a file, a test function or a picture that does not exist.

"""
BESIDE = "\nBeside the seed's arrows, and needed to be fair to it:\n\n"


@dataclass(frozen=True)
class Row:
    """One statement, and where it is kept."""

    part: str
    arrow: str
    says: str
    carried_by: str
    code: tuple[str, ...]
    tests: tuple[str, ...]
    picture: str


def rows_of(root: Path) -> list[Row]:
    """Read the statements.

    Raises
    ------
    ValueError
        A row with a field too few or too many.
    """
    data: dict[str, list[dict[str, Any]]] = yaml.safe_load((root / DATA).read_text("utf-8"))
    found = []
    for part in ("seed", "beside"):
        for given in data[part]:
            if set(given) != FIELDS:
                odd = ", ".join(sorted(set(given) ^ FIELDS))
                raise ValueError(f"{DATA}: {given.get('arrow')}: not one field each: {odd}")
            lists = {key: tuple(given[key] or ()) for key in ("code", "tests")}
            texts = {key: str(given[key] or "") for key in FIELDS - set(lists)}
            found.append(Row(part=part, **texts, **lists))
    return found


def carriers(row: Row, stamps: dict[str, dict[str, Any]]) -> list[str]:
    """Name the scenarios that show an arrow."""
    return [name for name, stamp in stamps.items() if row.carried_by in stamp.get("arrows", ())]


def functions_of(file: Path) -> frozenset[str]:
    """Name the functions at the top of a file or in its classes."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def wrong_row(root: Path, row: Row, stamps: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Say what a row lacks."""
    cells = {"Code": row.code, "Tests": row.tests, "Picture": (row.picture,) if row.picture else ()}
    if not row.says:
        yield "no statement"
    for name, named in cells.items():
        if not named:
            yield f"{name}: names nothing"
        for text in named:
            path, _, function = text.partition("::")
            if not (root / path).is_file():
                yield f"{name}: no such file: {path}"
            elif name == "Tests" and function not in functions_of(root / path):
                yield f"{name}: no such test: {text}"
    if not carriers(row, stamps):
        yield f"Scenarios: none in which cells pass along {row.carried_by}"


def problems(root: Path) -> list[str]:
    """Name arrows without a row, rows that lack something, and a page that differs."""
    try:
        rows = rows_of(root)
    except ValueError as error:
        return [str(error)]
    stamps = read_stamps(root)
    named = {row.arrow for row in rows}
    found = [f"{DATA}: no row for the arrow {name!r}" for name in ARROWS if name not in named]
    found += [f"{DATA}: no arrow is called {name!r}" for name in sorted(named - set(ARROWS))]
    for row in rows:
        found += [f"{DATA}: {row.arrow}, {problem}" for problem in wrong_row(root, row, stamps)]
    page = root / PAGE
    if not page.exists() or page.read_text(encoding="utf-8") != figure1_text(root):
        found.append(f"{PAGE}: differs from what {DATA} makes: run docs/make_figure1.py")
    return found


def link(text: str, target: str) -> str:
    """Return a link from docs/figure1.md to a file of the project."""
    return f"[{cell(text)}]({Path(os.path.relpath(target, 'docs')).as_posix()})"


def figure1_text(root: Path) -> str:
    """Return the page."""
    stamps = read_stamps(root)
    parts: dict[str, list[tuple[str, ...]]] = {"seed": [], "beside": []}
    for number, row in enumerate(rows_of(root), start=1):
        shown = carriers(row, stamps)
        everywhere = len(shown) == len(stamps) > 1
        scenarios = [link(name, f"{FOLDER}/{name}.md") for name in shown]
        tests = [link(f"`{t.partition('::')[2]}`", t.partition("::")[0]) for t in row.tests]
        parts[row.part].append(
            (
                str(number),
                cell(row.says),
                row.arrow,
                ", ".join(link(Path(path).name, path) for path in row.code),
                link(f"all {len(shown)}", f"{FOLDER}/README.md")
                if everywhere
                else ", ".join(scenarios),
                ", ".join(tests),
                link("picture", row.picture) if row.picture else "",
            )
        )
    beside = (HEADS[0], "Why it is here", *HEADS[2:])
    return HEAD + table(HEADS, parts["seed"]) + BESIDE + table(beside, parts["beside"])


def main(root: Path = ROOT) -> None:
    """Write the page."""
    (root / PAGE).write_text(figure1_text(root), encoding="utf-8")


if __name__ == "__main__":
    main()
