"""The house stands: imports, names, sizes, versions, documents, environment, wheel.

Oracles: the contract in pyproject.toml and the documents themselves. Every check has a negative
control, a violation that is planted and must be caught.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tests import sbml_texts
from tests.docs.planted import plant

import senescape

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "senescape"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)

ROOMS = "Imports go down only, and every room is on the list"
ENGINES = "No engine knows another; what they share lies below them"
DRAWING = "Only figures draws"
FRONT_DOOR = "No room imports the public API"
CYCLES = "No cycles inside a room"


def load(path: Path) -> ModuleType:
    """Import a script that is no part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(
    *arguments: str, cwd: Path = ROOT, source: Path = ROOT / "src"
) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter that sees one source tree."""
    environment = {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lint(root: Path) -> tuple[int, set[str], str]:
    """Run the import contract below ``root``; return status, names of broken contracts, output."""
    ran = python("-c", LINT, cwd=root, source=root / "src")
    broken = {line.removesuffix(" BROKEN") for line in ran.stdout.splitlines()}
    every = {contract["name"] for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    return ran.returncode, broken & every, ran.stdout + ran.stderr


# --- imports


def test_import_contract_is_kept() -> None:
    status, broken, output = lint(ROOT)
    assert (status, broken) == (0, set()), output


@pytest.fixture
def small_house(tmp_path: Path) -> Path:
    """A house of a few empty rooms under the project's own contract."""
    package = tmp_path / "src" / "senescape"
    for file in (
        "__init__.py",
        "errors.py",
        "lane_math.py",
        "units.py",
        "model/__init__.py",
        "model/cells.py",
        "model/rates.py",
        "engines/__init__.py",
        "engines/exact.py",
        "engines/leap.py",
        "engines/protocol.py",
        "figures/__init__.py",
        "cli/__init__.py",
    ):
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text('"""Empty."""\n', encoding="utf-8")
    (package / "figures" / "draw.py").write_text("import matplotlib.pyplot\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_import_contract_keeps_a_sound_small_house(small_house: Path) -> None:
    status, broken, output = lint(small_house)
    assert (status, broken) == (0, set()), output


@pytest.mark.parametrize(
    ("plants", "contract"),
    [
        ({"units.py": "import senescape.model\n"}, ROOMS),
        ({"model/cells.py": "def late():\n    from senescape.cli import x\n"}, ROOMS),
        ({"helpers/__init__.py": ""}, ROOMS),
        ({"engines/leap.py": "from senescape.engines import exact\n"}, ENGINES),
        ({"engines/protocol.py": "from senescape.engines import exact\n"}, ENGINES),
        ({"cli/__init__.py": "from matplotlib import pyplot\n"}, DRAWING),
        ({"model/cells.py": "from senescape import __version__\n"}, FRONT_DOOR),
        (
            {
                "model/cells.py": "import senescape.model.rates\n",
                "model/rates.py": "from . import cells\n",
            },
            CYCLES,
        ),
    ],
    ids=["up", "up-inside", "new-room", "engine", "shared", "draws", "front-door", "cycle"],
)
def test_import_contract_catches_planted(
    small_house: Path, plants: dict[str, str], contract: str
) -> None:
    for file, text in plants.items():
        path = small_house / "src" / "senescape" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    status, broken, output = lint(small_house)
    assert status == 1, output
    assert contract in broken, output


def test_import_contract_catches_planted_in_a_copy_of_the_source(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / "senescape" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("\n\nimport senescape.cli\n")
    status, broken, output = lint(tmp_path)
    assert status == 1
    assert ROOMS in broken, output


# Third-party libraries are loaded once, nothing of ours. To import a.b.c Python first imports a, then
# a.b: so a package is imported in a fork, and each module in it in a fork of that fork. What has
# been imported before a module is what would be in a fresh interpreter, and packages are imported
# once, not once a module.
ALONE = """
import importlib, os, sys, traceback
for name in ("numpy", "numba", "scipy.integrate", "scipy.optimize", "scipy.stats", "scipy.special",
             "xarray", "pydantic", "yaml", "typer", "rich", "jinja2"):
    importlib.import_module(name)
names = sys.argv[1:]
assert not [m for m in sys.modules if m.split(".")[0] == "senescape"]
def visit(name):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        importlib.import_module(name)
        print("alone:", name, flush=True)
        for below in names:
            if below.rpartition(".")[0] == name:
                visit(below)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(0)
visit(names[0])
"""


def modules_below(package: Path) -> list[str]:
    """Name every module of a package by its files."""
    files = (path.relative_to(package.parent) for path in package.rglob("*.py"))
    dotted = (".".join(file.with_suffix("").parts) for file in files)
    return sorted(
        name.removesuffix(".__init__") for name in dotted if not name.endswith("__main__")
    )


def imported_alone(package: Path) -> tuple[set[str], str]:
    """Import every module of a package alone; return those that cannot be, and what was said."""
    names = modules_below(package)
    ran = python("-c", ALONE, *names, source=package.parent)
    said = (line.removeprefix("alone: ") for line in ran.stdout.splitlines())
    return set(names) - set(said), ran.stdout + ran.stderr


def test_every_module_imports_alone() -> None:
    failed, said = imported_alone(SOURCE)
    assert failed == set(), said


def test_a_module_that_leans_on_its_neighbour_is_caught(tmp_path: Path) -> None:
    """Negative control: ``leans`` works only after ``first`` has been imported, ``deep`` likewise."""
    package = tmp_path / "senescape"
    files = {
        "__init__.py": "",
        "first.py": "import senescape\nsenescape.x = 1\n",
        "leans.py": "from senescape import x\n",
        "room/__init__.py": "y = 1\n",
        "room/deep.py": "from senescape import x\n",
        "room/sound.py": "from senescape.room import y\nfrom . import y\n",
        "shut/__init__.py": "from senescape import x\n",
        "shut/inside.py": "",
    }
    for file, text in files.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text, encoding="utf-8")
    failed, said = imported_alone(package)
    assert failed == {
        f"senescape.{name}" for name in ("leans", "room.deep", "shut", "shut.inside")
    }, said


HEAVY = ("numpy", "numba", "scipy", "xarray", "pandas", "pint", "matplotlib", "pydantic")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_no_heavy_library(option: str) -> None:
    script = (
        "import sys\nfrom senescape.cli import main\nsys.argv = ['senescape', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code\n"
        f"print('heavy:', *sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    ran = python("-c", script, option)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "heavy:"
    assert len(ran.stdout.splitlines()) > 1, "the option printed nothing"


SPARED = (
    "senescape.model", "senescape.engines.mean_field", "senescape.engines.leap", "senescape.verdict",
    "scipy.integrate", "scipy.stats", "xarray", "pandas", "pint", "matplotlib", "rich",
)  # fmt: skip


def test_a_network_is_simulated_without_what_it_does_not_need(tmp_path: Path) -> None:
    """Negative control: what the run does need is on the list of loaded modules."""
    law = sbml_texts.reaction("Death", "0.1 * X", {"X": 1})
    text = sbml_texts.model(species=(sbml_texts.species("X", 10),), reactions=(law,))
    (tmp_path / "death.xml").write_text(text, encoding="utf-8")
    run = ["simulate", "death.xml", "--engine", "exact", "--until", "1", "--replicates", "2"]
    script = (
        "import sys\nfrom senescape.cli import main\n"
        f"sys.argv = ['senescape', *{run!r}, '--output', 'out.csv']\nmain()\n"
        f"print(*sorted({{*{SPARED!r}, 'senescape.engines.exact'}} & set(sys.modules)))\n"
    )
    ran = python("-c", script, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "senescape.engines.exact"
    assert (tmp_path / "out.csv").stat().st_size > 0


# --- names and sizes


def test_no_source_file_is_longer_than_500_lines() -> None:
    length = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")
    }
    assert {str(path): lines for path, lines in length.items() if lines > 500} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name for name in modules_below(SOURCE) if empty_words & set(name.split("."))] == []


def test_package_is_marked_as_typed() -> None:
    assert (SOURCE / "py.typed").is_file()


# --- versions and dependencies


def test_versions_agree() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    assert senescape.__version__ == PROJECT["project"]["version"] == str(cited)


def canonical(name: str) -> str:
    """Normalise a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split_requirement(text: str) -> tuple[str, str]:
    """Split ``numpy>=1.26`` into name and bound."""
    match = re.fullmatch(r"([A-Za-z0-9._-]+)(.*)", text)
    assert match is not None, text
    return canonical(match[1]), match[2]


CORE = dict(map(split_requirement, PROJECT["project"]["dependencies"]))
EXTRAS = PROJECT["project"]["optional-dependencies"]
CLUSTER, DEVELOPMENT = (dict(map(split_requirement, EXTRAS[name])) for name in ("cluster", "dev"))


def test_dependencies_have_lower_bounds_only() -> None:
    bounds = {**CORE, **CLUSTER, **DEVELOPMENT}
    assert [n for n, bound in bounds.items() if not re.fullmatch(r">=[0-9][0-9.]*", bound)] == []


@pytest.mark.parametrize(
    ("title", "wanted"), [("Core", CORE), ("Cluster", CLUSTER), ("Development", DEVELOPMENT)]
)
def test_every_dependency_has_its_sentence(title: str, wanted: dict[str, str]) -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    section = text.split(f"## {title}\n")[1].split("\n## ")[0]
    sentences = re.findall(r"^- \*\*([^*]+)\*\*: (\S.{30,}\.)$", section, re.MULTILINE)
    assert sorted(canonical(name) for name, _ in sentences) == sorted(wanted)


PIN = re.compile(
    r"[a-z0-9-]+(?:\[[a-z]+\])?==[0-9a-z.]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?|#[^:/]*"
)


def test_constraints_hold_names_versions_and_hashes_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    pinned = {re.split(r"[\[=]", line)[0] for line in lines if "==" in line}
    assert {*CORE, *CLUSTER, *DEVELOPMENT} - pinned == set()


@pytest.mark.parametrize(
    "line", ["--index-url https://example.org/simple", "numpy>=2 \\", "numpy==2.0", "# from a://b"]
)
def test_constraints_refuse_what_is_no_pin(line: str) -> None:
    assert not PIN.fullmatch(line)


# --- documents

CHECK_DOCS = load(ROOT / "docs" / "check_docs.py")


def test_documents_and_source_say_the_same() -> None:
    assert CHECK_DOCS.problems(ROOT) == []


@pytest.fixture
def small_docs(tmp_path: Path) -> Path:
    """Documents of a project with one room, pages of all scenarios and all arrows of Figure 1."""
    plant(tmp_path)
    texts = {
        "docs/architecture.md": "| Room | State |\n|---|---|\n| model | stands |\n| fit | planned |\n",
        "docs/assumptions.md": "- `src/senescape/model/cells.py`: Cells of one class\n  are alike.\n",
        "README.md": "[a](docs/figure1.md#x) [b](https://example.org) [c](#here)\n",
    }
    for file, text in texts.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    return tmp_path


def test_check_docs_accepts_sound_documents(small_docs: Path) -> None:
    source = "# Assumption: cells of one\n# class are alike. The rest says why.\nx = 1\n"
    (small_docs / "src" / "senescape" / "model" / "cells.py").write_text(source, encoding="utf-8")
    assert CHECK_DOCS.problems(small_docs) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("README.md", "figure1", "figure9", r"no such file: docs/figure9.md"),
        ("docs/architecture.md", "fit | planned", "fit | stands", r"room fit does not exist"),
        ("docs/architecture.md", "| model | stands |\n", "", r"room model is not in the table"),
        ("docs/figure1.md", "| DNA damage |", "| DNA |", r"docs/figure1.md: differs"),
        ("docs/figure1.yaml", "model/__init__.py", "planned", r"Code: no such file: .*/planned"),
        ("docs/scenarios/figure-1.md", "digest", "digested", r"figure-1.md: stale, digest changed"),
        (
            "docs/scenarios/README.md",
            "friend",
            "foe",
            r"README.md: differs from what the pages say",
        ),
        ("docs/assumptions.md", "alike", "twins", r"cells.py:3: not in docs/assumptions.md: Cells"),
    ],
)
def test_check_docs_catches_planted(
    small_docs: Path, file: str, old: str, new: str, problem: str
) -> None:
    source = '"""Say it.\n\nAssumption: Cells of one class are alike.\n\nMore.\n"""\n'
    (small_docs / "src" / "senescape" / "model" / "cells.py").write_text(source, encoding="utf-8")
    assert CHECK_DOCS.problems(small_docs) == []
    text = (small_docs / file).read_text(encoding="utf-8")
    assert old in text
    (small_docs / file).write_text(text.replace(old, new), encoding="utf-8")
    assert any(re.search(problem, found) for found in CHECK_DOCS.problems(small_docs))


# --- environment, coverage table, wheel


def make(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's Makefile in a folder of its own."""
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / file, cwd)  # with its time, which make compares
    environment = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL"}}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_missing_venv_is_told_in_one_line(tmp_path: Path) -> None:
    ran = make(tmp_path, "install", f"PYTHON={script(tmp_path / 'bare', 'exit 1')}")
    assert ran.returncode != 0
    told = [line for line in ran.stderr.splitlines() if not line.startswith("make")]
    assert len(told) == 1 and "python3-venv" in told[0]


def test_broken_install_leaves_no_stamp_and_is_redone(tmp_path: Path) -> None:
    """Oracle: an installer planted to fail the first time and to pass the second."""
    installer = "#!/bin/sh\\n[ -e ../once ] && exit 0\\n[ -e once ] || { touch once; exit 1; }"
    fake = script(
        tmp_path / "fake",
        f"[ \"$1\" = -c ] && exit 0\nmkdir -p .venv/bin\nprintf '{installer}\\n' > .venv/bin/python\n"
        "chmod +x .venv/bin/python\necho made >> log",
    )
    first = make(tmp_path, "install", f"PYTHON={fake}")
    assert first.returncode != 0
    assert not (tmp_path / ".venv" / ".stamp").exists()
    second = make(tmp_path, "install", f"PYTHON={fake}")
    assert second.returncode == 0, second.stderr
    assert (tmp_path / ".venv" / ".stamp").exists()
    third = make(tmp_path, "install", f"PYTHON={fake}")
    assert third.returncode == 0
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["made", "made"]


@pytest.mark.parametrize(("covered", "status"), [(7, 1), (8, 0)])
def test_coverage_table_fails_below_its_floor(
    tmp_path: Path, covered: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Closed form: (covered + 1) of 10 statements and branches against a floor of 90 %."""
    summary = {
        "num_statements": 8,
        "covered_lines": covered,
        "num_branches": 2,
        "covered_branches": 1,
    }
    report = tmp_path / "coverage.json"
    report.write_text(
        json.dumps({"files": {"src/senescape/model/cells.py": {"summary": summary}}}),
        encoding="utf-8",
    )
    assert load(ROOT / ".ci" / "rooms.py").main(str(report), 90.0) == status
    assert re.search(r"^model +8 +2 +\d", capsys.readouterr().out, re.MULTILINE)


def test_coverage_hides_nothing() -> None:
    settings = PROJECT["tool"]["coverage"]
    assert settings["run"] == {"branch": True, "source": ["senescape"]}
    assert settings["report"]["exclude_lines"] == []


def test_wheel_holds_the_package_and_its_data(tmp_path: Path) -> None:
    tree, dist = tmp_path / "tree", tmp_path / "dist"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tree / "src", ignore=ignore)
    for file in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / file, tree)
    package = tree / "src" / "senescape"
    for file in ("scenarios/planted.yaml", "report/planted.html.jinja"):
        (package / file).parent.mkdir(exist_ok=True)
        (package / file).write_text("", encoding="utf-8")
    ran = python("-m", "hatchling", "build", "-t", "wheel", "-d", str(dist), cwd=tree, source=tree)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = dist.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(p.relative_to(tree / "src")) for p in package.rglob("*") if p.is_file()}
    assert wanted - inside == set()
    assert any(name.endswith("licenses/LICENSE") for name in inside)
