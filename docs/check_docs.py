"""Check that the documents and the source say the same.

Five questions: does every relative link lead somewhere; is every ``Assumption:`` of the source
listed; does every room of the architecture table stand, or is it marked planned; has every arrow of
Figure 1 its code, scenario, test and picture; has every bundled scenario its page, made of the
scenario as it is now. Nothing is simulated. Run by ``make check``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Tests load this file from elsewhere: its neighbours are found by path, so imports come after it.
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import make_figure1  # noqa: E402
import make_index  # noqa: E402

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)")
DATA_FOLDERS = {"scenarios"}


def documents(root: Path) -> Iterator[Path]:
    """Yield every Markdown file of the project, in order."""
    yield from sorted(root.glob("*.md"))
    for folder in ("docs", "src", "tests", "verification"):
        yield from sorted((root / folder).rglob("*.md"))


def broken_links(root: Path) -> list[str]:
    """Name every relative link whose target does not exist."""
    found = []
    for document in documents(root):
        text = FENCE.sub("", document.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            path = target.split("#")[0]
            if not path or re.match(r"[a-z][a-z0-9+.-]*:", path):
                continue
            if not (document.parent / path).exists():
                found.append(f"{document.relative_to(root)}: no such file: {target}")
    return found


def plain(text: str) -> str:
    """Drop mark-up, case and line breaks, so that a sentence is found however it is wrapped."""
    return " ".join(text.replace("`", "").replace("*", "").split()).lower().rstrip(".")


def assumptions(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and first sentence of each ``Assumption:`` in a source file.

    The sentence may run over following lines of the same comment or paragraph.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        head, mark, rest = line.partition("Assumption:")
        if not mark:
            continue
        in_comment = "#" in head
        parts = [rest]
        for following in lines[index + 1 :]:
            text = following.strip()
            if in_comment != text.startswith("#") or not text.strip('#" '):
                break
            parts.append(text.lstrip("# "))
        paragraph = " ".join(" ".join(parts).split()).rstrip('" ')
        sentence = SENTENCE.match(paragraph)
        yield index + 1, sentence.group(1) if sentence else paragraph


def unlisted_assumptions(root: Path) -> list[str]:
    """Name every assumption of the source that docs/assumptions.md does not list."""
    listed = plain((root / "docs" / "assumptions.md").read_text(encoding="utf-8"))
    found = []
    for file in sorted((root / "src").rglob("*.py")):
        for line, sentence in assumptions(file):
            if plain(sentence) not in listed:
                place = f"{file.relative_to(root)}:{line}"
                found.append(f"{place}: not in docs/assumptions.md: {sentence}")
    return found


def rows(document: Path, key: str) -> list[dict[str, str]]:
    """Read the rows of every table whose header has the column ``key``."""
    header: list[str] = []
    found = []
    for line in document.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.lstrip().startswith("|"):
            header = []
        elif not header:
            header = cells
        elif key in header and not set(line) <= set("|-: "):
            found.append(dict(zip(header, cells, strict=False)))
    return found


def rooms_of(root: Path) -> set[str]:
    """Name the rooms that stand: packages and modules directly below senescape."""
    package = root / "src" / "senescape"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return (folders | modules) - DATA_FOLDERS


def wrong_rooms(root: Path) -> list[str]:
    """Name rooms that the table and the folders disagree on."""
    table = {row["Room"]: row for row in rows(root / "docs" / "architecture.md", "Room")}
    standing = rooms_of(root)
    found = [
        f"docs/architecture.md: room {name} is not in the table" for name in standing - set(table)
    ]
    for name, row in table.items():
        if name not in standing and "planned" not in row.get("State", ""):
            found.append(
                f"docs/architecture.md: room {name} does not exist and is not marked planned"
            )
    return sorted(found)


def problems(root: Path) -> list[str]:
    """Collect all that is wrong below ``root``."""
    return [
        *broken_links(root),
        *unlisted_assumptions(root),
        *wrong_rooms(root),
        *make_index.wrong_pages(root, make_index.bundled_scenarios()),
        *make_figure1.problems(root),
    ]


def stale(root: Path) -> list[str]:
    """Name rooms that stand although the table still calls them planned: a note, not a failure."""
    standing = rooms_of(root)
    table = rows(root / "docs" / "architecture.md", "Room")
    return [row["Room"] for row in table if row["Room"] in standing and row["State"] == "planned"]


def main(root: Path) -> int:
    """Print what is wrong; the exit status is 1 if anything is."""
    found = problems(root)
    for problem in found:
        print(problem, file=sys.stderr)
    if names := stale(root):
        print(f"note: docs/architecture.md still calls planned what stands: {', '.join(names)}")
    print(f"docs: {len(found)} problem(s) in {sum(1 for _ in documents(root))} documents")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]))
