"""Sound documents of a small project, in which faults are planted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "docs") not in sys.path:
    sys.path.insert(0, str(ROOT / "docs"))

import make_figure1  # noqa: E402
import make_index  # noqa: E402


def stamp(name: str, **changes: Any) -> str:
    """The stamp of a page of a bundled scenario, as it should be unless changed."""
    made = make_index.made_from(make_index.bundled_scenarios()[name])
    told = {"arrows": ["dna_damage"], "expectations": 2, "met": 2, "regimen": "x", "word": "friend"}
    return make_index.stamp_text({**made, **told, **changes})


def row(arrow: str, **changes: Any) -> dict[str, Any]:
    """A sound row of docs/figure1.yaml unless changed."""
    sound = {
        "arrow": arrow,
        "says": f"What is said of {arrow}",
        "carried_by": "dna_damage",
        "code": ["src/senescape/model/__init__.py"],
        "tests": ["tests/test_small.py::test_small"],
        "picture": "docs/small.svg",
    }
    return sound | changes


def write_rows(root: Path, rows: list[dict[str, Any]], *, page: bool = True) -> None:
    """Write docs/figure1.yaml, and the page that belongs to it."""
    data = {"seed": rows[:10], "beside": rows[10:]}
    (root / make_figure1.DATA).write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    if page:
        make_figure1.main(root)


def plant(root: Path) -> None:
    """Write pages of all bundled scenarios, their index, and Figure 1 statement by statement."""
    (root / make_index.FOLDER).mkdir(parents=True)
    for file in ("docs/how-to-read.md", "docs/small.svg", "src/senescape/model/__init__.py"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("", encoding="utf-8")
    (root / "tests").mkdir()
    (root / "tests" / "test_small.py").write_text("def test_small() -> None: ...\n", "utf-8")
    for name in make_index.bundled_scenarios():
        (root / make_index.FOLDER / f"{name}.md").write_text(stamp(name), encoding="utf-8")
    make_index.main(root)
    write_rows(root, [row(name) for name in make_figure1.ARROWS])
