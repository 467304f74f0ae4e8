"""Bad arguments: each is refused in one line, with exit status 2, before anything is run.

In one process, through the entry point that a user calls: output, status and the folder are looked
at, and the time of the processor (others may use the machine).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.cohort.test_simulate import MEASURED, TEXT
from tests.files.test_tables import as_nobody
from tests.stopwatch import without_tracer
from typer.main import get_command

from senescape.cli import main
from senescape.cli.output import check_output
from senescape.errors import SenescapeError

LIMIT = 20.0 if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"} else 1.0
ASSAYS = "assays:\n  wells: {kind: count, of: live}\n"
SCENARIO = TEXT.replace("uncertainty:\n", f"{MEASURED}uncertainty:\n").replace(
    "observables:\n", f"{ASSAYS}observables:\n"
)


class Said(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    error: str
    seconds: float


Run = Callable[..., Said]


@pytest.fixture(scope="session", autouse=True)
def imported() -> None:
    """Import modules and kernels as the first run of a command does: it is not what is timed."""
    import scipy.stats  # noqa: F401

    import senescape.cli.compare
    import senescape.cli.expect
    import senescape.cli.export
    import senescape.cli.figure1
    import senescape.cli.observe
    import senescape.cli.show
    import senescape.cli.simulate
    import senescape.cli.verdict  # noqa: F401
    from senescape.cohort import simulate
    from senescape.files import parse_scenario

    simulate(parse_scenario(SCENARIO), "pulse", hosts=2, until=1.0, uncertain=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a good scenario."""
    (tmp_path / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the program; ``FILE`` stands for the good scenario."""

    def called(*arguments: str) -> Said:
        words = ["mine.yaml" if word == "FILE" else word for word in arguments]
        monkeypatch.setattr(sys, "argv", ["senescape", *words])
        began = time.process_time()
        status = 0
        try:
            main()
        except SystemExit as leave:
            status = int(leave.code or 0)
        took = time.process_time() - began
        said = capsys.readouterr()
        if status == 2 and took >= LIMIT:
            took = min(took, without_tracer(main))
            capsys.readouterr()
        return Said(status, *said, took)

    return called


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refused(said: Said, check: str) -> str:
    """Assert that a command was refused as it should be; return its line."""
    assert said.status == 2, said
    assert said.out == "" and "Traceback" not in said.error, said
    (line,) = said.error.strip().splitlines()
    assert line.startswith("senescape: ") and line.endswith(f"[{check}]"), line
    assert said.seconds < LIMIT, said
    return line


# name: (arguments, check, what the line must hold)
CASES: dict[str, tuple[str, str, str]] = {
    # commands and options
    "unknown command": ("simulat FILE", "cli.usage", "simulat"),
    "unknown option": ("simulate FILE --host 3", "cli.usage", "--host"),
    "option without a value": ("simulate FILE --hosts", "cli.usage", "--hosts"),
    "no scenario": ("simulate", "cli.usage", "rgument"),
    "one scenario too many": ("simulate FILE FILE", "cli.usage", "mine.yaml"),
    "no output where one is needed": ("figure1 FILE", "cli.usage", "output"),
    # whole numbers
    "hosts 0": ("simulate FILE --hosts 0", "cli.usage", "--hosts"),
    "hosts -3": ("simulate FILE --hosts -3", "cli.usage", "--hosts"),
    "hosts 1.5": ("simulate FILE --hosts 1.5", "cli.usage", "--hosts"),
    "hosts nan": ("simulate FILE --hosts nan", "cli.usage", "--hosts"),
    "hosts ten": ("simulate FILE --hosts ten", "cli.usage", "--hosts"),
    "hosts 1e12": ("simulate FILE --hosts 1000000000000", "cli.usage", "1000000000000"),
    "hosts of 300 digits": (f"simulate FILE --hosts {'9' * 300}", "cli.usage", "--hosts"),
    "hosts of 9000 digits": (f"simulate FILE --hosts {'9' * 9000}", "cli.usage", "--hosts"),
    "hosts in a verdict 0": ("verdict FILE --hosts 0", "cli.usage", "--hosts"),
    "draws 0": ("verdict FILE --draws 0", "cli.usage", "--draws"),
    "draws -1": ("verdict FILE --draws -1", "cli.usage", "--draws"),
    "draws 1e9": ("verdict FILE --draws 1000000000", "cli.usage", "1000000"),
    "draws of a picture 1e9": ("figure1 FILE -o x.svg --draws 1000000000", "cli.usage", "--draws"),
    "draws of a picture 0": ("figure1 FILE -o x.svg --draws 0", "cli.usage", "--draws"),
    "draws of expectations 1": ("expect FILE --draws 1", "cli.usage", "--draws"),
    "budget 0": ("verdict FILE --budget 0", "cli.usage", "--budget"),
    "budget -5": ("verdict FILE --budget -5", "cli.usage", "--budget"),
    "budget 1e12": ("verdict FILE --budget 1000000000000", "cli.usage", "--budget"),
    "subjects 0": ("observe FILE --subjects 0", "cli.usage", "--subjects"),
    "subjects 1e9": ("observe FILE --subjects 1000000000", "cli.usage", "1000000"),
    "seed -1": ("simulate FILE --seed -1", "cli.usage", "--seed"),
    "seed 1.5": ("simulate FILE --seed 1.5", "cli.usage", "--seed"),
    "seed of 64 bits": ("simulate FILE --seed 9223372036854775808", "cli.usage", "--seed"),
    "seed of a verdict of 64 bits": (f"verdict FILE --seed {2**64}", "cli.usage", "--seed"),
    # times
    "step 0": ("simulate FILE --step-hours 0", "cli.usage", "--step-hours"),
    "step -1": ("simulate FILE --step-hours -1", "cli.usage", "--step-hours"),
    "step 25 h": ("simulate FILE --step-hours 25", "cli.usage", "24"),
    "step inf": ("simulate FILE --step-hours inf", "cli.usage", "--step-hours"),
    "step nan": ("simulate FILE --step-hours nan", "cli.usage", "nan"),
    "step of a verdict nan": ("verdict FILE --step-hours nan", "cli.usage", "nan"),
    "step with a unit": ("simulate FILE --step-hours 4h", "cli.usage", "4h"),
    "step of microseconds": (
        "simulate FILE --step-hours 1e-6 --hosts 100000",
        "run.budget-hours",
        "SENESCAPE_BUDGET_HOURS",
    ),
    "until before the start": ("simulate FILE --until -5", "run.until", "start"),
    "until the start": ("simulate FILE --until 0", "run.until", "after"),
    "until nan": ("simulate FILE --until nan", "run.until", "nan"),
    "until inf": ("simulate FILE --until inf", "run.until", "inf"),
    "until 1e9": ("simulate FILE --until 1e9", "run.until", "100000"),
    "until friday": ("simulate FILE --until friday", "cli.usage", "friday"),
    "day nan": ("observe FILE --day nan", "run.output-times", "nan"),
    "day inf": ("observe FILE --day inf", "run.output-times", "inf"),
    "day -1": ("observe FILE --day -1", "run.output-times", "-1"),
    "day 1e12": ("observe FILE --day 1e12", "run.output-times", "100000"),
    "day one": ("observe FILE --day one", "cli.usage", "one"),
    # kept runs
    "crate of nothing": ("runs export", "cli.usage", "folder"),
    "crate without a name": ("runs export . x", "cli.usage", "--crate"),
    "crate of no store": ("runs export . x --crate out", "store.none", "no store of runs"),
    "crate of a file": ("runs export FILE x --crate out", "store.damaged", "cannot be read"),
    # who computes
    "scheduler in words": ("simulate FILE --scheduler mine", "cluster.address", "tcp://HOST:PORT"),
    "scheduler of the web": ("simulate FILE --scheduler http://x:1", "cluster.address", "tcp://"),
    "scheduler without a port": ("simulate FILE --scheduler tcp://x", "cluster.address", "PORT"),
    "port 99999": ("simulate FILE --scheduler tcp://x:99999", "cluster.address", "99999"),
    "scheduler with a path": ("simulate FILE --scheduler tcp://x:1/a", "cluster.address", "tcp://"),
    "no scheduler file": ("simulate FILE --scheduler no.json", "cluster.address", "No such file"),
    "scenario as scheduler": ("simulate FILE --scheduler FILE", "cluster.address", ".json"),
    "scheduler and store": ("simulate FILE --scheduler x --store s", "cluster.address", "x"),
    "scheduler and processes": (
        "simulate FILE --scheduler tcp://x:1 --processes", "cli.option", "--processes",
    ),
    "run of a network without a store": (
        "simulate x.xml --until 2 --run mine",
        "sbml.missing",
        "x.xml",
    ),
    # names
    "unknown engine": ("simulate FILE --engine laep", "run.engine", "did you mean leap?"),
    "unknown engine of a verdict": ("verdict FILE --engine gillespie", "run.engine", "exact"),
    "unknown regimen": ("simulate FILE -r puls", "run.regimen", "did you mean pulse?"),
    "unknown regimen of a verdict": ("verdict FILE -r puls", "run.regimen", "pulse"),
    "unknown regimen of a table": ("observe FILE -r puls", "run.regimen", "pulse"),
    "unknown regimen of a picture": ("figure1 FILE -o x.svg -r puls", "run.regimen", "pulse"),
    "unknown regimen to show": ("show FILE --regimen puls", "run.regimen", "pulse"),
    "empty regimen": ("simulate FILE -r=", "run.regimen", "pulse"),
    "unknown variant": ("simulate FILE --variant mutant", "scenario.unknown-variant", "mutant"),
    "unknown variant of a verdict": (
        "verdict FILE --variant mutant",
        "scenario.unknown-variant",
        "mutant",
    ),
    "unknown variant of a table": (
        "observe FILE --variant mutant",
        "scenario.unknown-variant",
        "mutant",
    ),
    "unknown variant of a picture": (
        "figure1 FILE -o x.svg --variant mutant",
        "scenario.unknown-variant",
        "mutant",
    ),
    "unknown assay": ("observe FILE -a wels", "run.assay", "did you mean wells?"),
    "scenario without contrasts": ("contrast FILE -n x", "run.no-contrasts", "contrast"),
    "draws of a contrast 0": ("contrast FILE --draws 0", "cli.usage", "(given: 0)"),
    "scenario without expectations": ("expect FILE", "run.no-expectations", "expectation"),
    "picture of an unknown kind": ("figure1 FILE -o x.bmp", "run.picture-format", ".svg"),
    "picture without an ending": ("figure1 FILE -o picture", "run.picture-format", ".svg"),
    "model of an unknown kind": ("export FILE -o x.cps", "export.ending", ".xml"),
    "model in an unknown format": ("export FILE --format cellml", "export.format", "antimony"),
    "model whose ending is another": ("export FILE -o x.xml --format antimony", "export.format", "x"),
    "model of an unknown regimen": ("export FILE -r puls", "run.regimen", "did you mean pulse?"),
    "model of an unknown variant": (
        "export FILE --variant mutant",
        "scenario.unknown-variant",
        "mutant",
    ),
    "sensitivities of a scenario": ("sensitivities FILE --until 3", "cli.sensitivities", "FILE.xml"),
    "sensitivities of no file": ("sensitivities x.xml --until 3", "sbml.missing", "x.xml"),
    "comparison of two runs": ("compare FILE --replicates 2", "cli.usage", "--replicates"),
    "comparison of an unknown regimen": ("compare FILE -r puls", "run.regimen", "pulse"),
    "comparison of an unknown variant": (
        "compare FILE --variant mutant",
        "scenario.unknown-variant",
        "mutant",
    ),
    "comparison until before the start": ("compare FILE --until -5", "run.until", "-5"),
    "comparison in an unknown picture": ("compare FILE -o x.bmp", "run.picture-format", ".svg"),
    "comparison without patience": ("compare FILE --patience 0", "cli.usage", "--patience"),
    "stop rule of nothing": ("simulate FILE --stop-when=", "run.stop-when", "half-width < 0.01"),
    "stop rule in words": ("simulate FILE --stop-when=precise", "run.stop-when", "half-width"),
    "stop rule of a verdict in words": ("verdict FILE --stop-when=soon", "run.stop-when", "soon"),
    "stop rule of a network": (
        "simulate x.xml --until 2 --stop-when=half-width<1",
        "cli.option",
        "--stop-when",
    ),
    "stop rule beside a budget": (
        "verdict FILE --stop-when=half-width<1 --budget 300",
        "run.stop-when",
        "--budget",
    ),
    "sweep of nothing": ("sweep FILE", "cli.usage", "vary"),
    "sweep of an unknown number": ("sweep FILE --vary grwth=1", "design.unknown-parameter", "growth"),
    "sweep without a unit": ("sweep FILE --vary growth=1,2", "design.unit", "day"),
    "sweep of a log that is not varied": (
        "sweep FILE --vary repair --log growth",
        "design.log",
        "repair",
    ),
    "sweep of an unknown design": (
        "sweep FILE --vary repair --design halton",
        "design.kind",
        "sobol",
    ),
    "sweep by a Sobol sequence of 100": (
        "sweep FILE --vary repair --design sobol --points 100",
        "design.sobol",
        "128",
    ),
    "sweep of no points": ("sweep FILE --vary repair --points 0", "cli.usage", "--points"),
    "sweep beyond memory": (
        "sweep FILE --vary repair --points 1000000 --hosts 1000",
        "run.result-size",
        "GB",
    ),
    "sweep of an unknown regimen": ("sweep FILE --vary repair -r puls", "run.regimen", "pulse"),
    "sweep into a picture": ("sweep FILE --vary repair -o x.png", "design.output", ".nc"),
    "checkpoint without a day": ("checkpoint FILE -r pulse -o x.npz", "cli.usage", "day"),
    "checkpoint before the start": ("checkpoint FILE -r pulse --day -2 -o x.npz", "fork.day", "-2"),
    "checkpoint on day nan": ("checkpoint FILE -r pulse --day nan -o x.npz", "fork.day", "nan"),
    "checkpoint of no chance": (
        "checkpoint FILE -r pulse --day 2 --engine mean-field -o x.npz",
        "fork.engine",
        "exact",
    ),
    "checkpoint of an unknown regimen": (
        "checkpoint FILE -r puls --day 2 -o x.npz",
        "scenario.unknown-regimen",
        "puls",
    ),
    "checkpoint in no folder": (
        "checkpoint FILE -r pulse --day 2 -o none/x.npz",
        "output.unwritable",
        "none",
    ),
    "checkpoint of no checkpoint": (
        "checkpoint none.npz -r pulse --day 2 -o x.npz",
        "fork.file",
        "none.npz",
    ),
    "checkpoint with other hosts": (
        "checkpoint none.npz -r pulse --day 2 --hosts 3 -o x.npz",
        "cli.option",
        "--hosts",
    ),
    "fork of no checkpoint": ("fork none.npz", "fork.file", "none.npz"),
    "fork of a scenario": ("fork FILE", "fork.file", "mine.yaml"),
    "fork until nan": ("fork none.npz --until soon", "cli.usage", "soon"),
    "model in no folder": ("export FILE -o none/x.xml", "output.unwritable", "none"),
    "model of no scenario": ("export none.yaml", "file.missing", "none.yaml"),
    # too large
    "ten million hosts": ("simulate FILE --hosts 10000000", "run.result-size", "GB"),
    "1e12 hosts of a verdict": (
        "verdict FILE --draws 1000000 --hosts 1000000",
        "run.budget-memory",
        "hosts",
    ),
    "a verdict of weeks": (
        "verdict FILE --draws 1000 --hosts 10 --step-hours 0.0001",
        "run.budget-hours",
        "hours of one core",
    ),
    "draws added for weeks": (
        "verdict FILE --draws 1 --budget 10000 --hosts 1 --step-hours 0.0001",
        "run.budget-hours",
        "hours of one core",
    ),
    "a table beyond memory": (
        f"observe FILE --subjects 1000000 {' '.join(f'--day {d}' for d in range(1, 99))}",
        "run.result-size",
        "GB",
    ),
    # output
    "output in no folder": ("simulate FILE -o none/x.json", "output.unwritable", "none/x.json"),
    "output is a folder": ("simulate FILE -o .", "output.unwritable", "folder"),
    "output in a file": ("simulate FILE -o mine.yaml/x", "output.unwritable", "mine.yaml/x"),
    "output of a long name": (f"verdict FILE -o {'x' * 300}", "output.unwritable", "long"),
    "output of a verdict in no folder": ("verdict FILE -o none/x.html", "output.unwritable", "none"),
    "table in no folder": ("observe FILE -o none/x.csv", "output.unwritable", "none"),
    "picture in no folder": ("figure1 FILE -o none/x.svg", "output.unwritable", "none"),
    "schema in no folder": ("schema -o none/x.json", "output.unwritable", "none"),
    "full device": ("schema -o /dev/full", "output.unwritable", "space"),
    # scenario
    "no such file": ("simulate none.yaml", "file.missing", "none.yaml"),
    "misspelt bundled name": ("verdict mcf7-doxorubicine", "file.unknown-scenario", "did you mean"),
    "nothing as a name": ("simulate=", "cli.usage", "simulate="),
    "folder as a scenario": ("simulate .", "file.folder", "folder"),
    "device as a scenario": ("verdict /dev/zero", "file.unreadable", "device"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_bad_argument_is_refused_in_one_line(name: str, run: Run, folder: Path) -> None:
    words, check, said = CASES[name]
    line = refused(run(*words.replace("FILE", "mine.yaml").split()), check)
    assert said in line, line
    assert names(folder) == {"mine.yaml"}


def test_every_command_has_its_cases() -> None:
    from senescape.cli.app import app

    commands = set(getattr(get_command(app), "commands", {}))
    tried = {words.split()[0] for words, _, _ in CASES.values()}
    assert commands - tried == {"scenarios", "check"}  # no option; tests of its own below


# name: (how the file is made, check, what the line must hold)
def _bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "empty": (Path.touch, "file.not-a-mapping", "empty"),
    "binary": (_bytes(bytes(range(128, 256)) * 9), "file.encoding", "UTF-8"),
    "zero bytes": (_bytes(b"senescape: 1\n\0\0"), "file.control-character", ":2"),
    "latin letters": (_bytes("senescape: 1\ntitle: Zürich".encode("latin-1")), "file.encoding", "line 2"),
    "UTF-16": (_bytes(SCENARIO.encode("utf-16")), "file.encoding", "UTF-16"),
    "too long": (_bytes(b"#" * 5_000_000), "file.too-long", "5000000"),
    "picture": (_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "file.encoding", "UTF-8"),
    "words": (_bytes(b"just some words"), "file.not-a-mapping", "mapping"),
    "table": (_bytes(b"assay,regimen\nlive,pulse\n"), "file.not-a-mapping", "mapping"),
    "pipe": (os.mkfifo, "file.unreadable", "pipe"),
    "link to itself": (lambda path: path.symlink_to(path), "file.unreadable", "links"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "file.missing", "no such"),
    "link to a folder": (lambda path: path.symlink_to("."), "file.folder", "folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", ["check", "simulate"])
def test_a_bad_file_is_refused_in_one_line(command: str, name: str, run: Run, folder: Path) -> None:
    make, check, said = FILES[name]
    make(folder / "bad.yaml")
    line = refused(run(command, "bad.yaml"), check)
    assert "bad.yaml" in line and said in line, line


def test_a_file_without_permission_is_refused(run: Run, folder: Path) -> None:
    (folder / "mine.yaml").chmod(0)
    with as_nobody():
        line = refused(run("check", str(folder / "mine.yaml")), "file.unreadable")
    assert "ermission" in line


def test_a_folder_without_permission_is_refused_as_a_place_to_write(run: Run, folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o555)
    with as_nobody():
        refused(run("schema", "-o", str(folder / "closed" / "x.json")), "output.unwritable")
    assert names(folder / "closed") == set()


def test_a_zero_byte_in_a_path_is_refused(run: Run, folder: Path) -> None:
    refused(run("check", "mine\0.yaml"), "file.missing")
    refused(run("check", "mine\0"), "file.unknown-scenario")
    with pytest.raises(SenescapeError, match="null"):
        check_output(Path("x\0.json"))


def test_an_empty_name_is_refused(run: Run, folder: Path) -> None:
    refused(run("simulate", ""), "file.unknown-scenario")
    refused(run("simulate", "FILE", "-o", ""), "output.unwritable")


SETTINGS = {
    "no thread": ("SENESCAPE_THREADS", "0", "run.threads"),
    "threads below zero": ("SENESCAPE_THREADS", "-4", "run.threads"),
    "many threads": ("SENESCAPE_THREADS", "1000000", "run.threads"),
    "threads in words": ("SENESCAPE_THREADS", "all", "run.threads"),
    "half a thread": ("SENESCAPE_THREADS", "0.5", "run.threads"),
    "no hour": ("SENESCAPE_BUDGET_HOURS", "0", "run.budget-setting"),
    "hours in words": ("SENESCAPE_BUDGET_HOURS", "a day", "run.budget-setting"),
    "nan hours": ("SENESCAPE_BUDGET_HOURS", "nan", "run.budget-setting"),
    "endless memory": ("SENESCAPE_BUDGET_GB", "inf", "run.budget-setting"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_bad_setting_is_refused_in_one_line(
    name: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, value, check = SETTINGS[name]
    monkeypatch.setenv(variable, value)
    line = refused(run("simulate", "FILE", "-r", "pulse", "--hosts", "2", "-o", "x"), check)
    assert f"{variable}={value}" in line
    assert names(folder) == {"mine.yaml"}


# --- what is good is let through


def test_neither_the_ending_nor_a_mark_matters(run: Run, folder: Path) -> None:
    (folder / "scenario.txt").write_bytes(b"\xef\xbb\xbf" + SCENARIO.encode())
    assert run("check", "scenario.txt").status == 0


def test_a_repeated_regimen_is_run_once(run: Run, folder: Path) -> None:
    said = run("observe", "FILE", "-r", "pulse", "-r", "pulse", "-a", "wells", "-a", "wells",
               "--day", "0", "--subjects", "2", "--json")  # fmt: skip
    assert len(json.loads(said.out)["readings"]) == 2


def test_help_is_the_answer_to_no_command(run: Run) -> None:
    said = run()
    assert "verdict" in said.out + said.error and said.status in {0, 2}


def test_a_stop_by_the_user_is_said(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("senescape.cli.simulate.run_simulate", stop)
    said = run("simulate", "FILE")
    assert said.status == 130 and "stopped by the user; nothing was written" in said.error


def test_memory_that_ends_all_the_same_is_said(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("senescape.cli.simulate.run_simulate", fill)
    refused(run("simulate", "FILE"), "run.memory")


def test_the_installed_program_refuses_in_one_line_too(folder: Path) -> None:
    command = [sys.executable, "-c", "from senescape.cli import main; main()"]
    words = ["simulate", "mine.yaml", "--hosts", "0"]
    ran = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and ran.stdout == ""
    assert len(ran.stderr.strip().splitlines()) == 1


# --- anything at all

VALUES = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["pulse", "control", "leap", "exact", "mean-field", "wells", "0", "1", "7"]),
    st.sampled_from(
        ["none/x", ".", "..", "~", "-", "--", "-1", "1e400", "1_000", "0x10", "\u0661"]
    ),
)
OPTIONS = {
    "simulate": ["--hosts", "--until", "--seed", "--engine", "--step-hours", "--variant", "-r"],
    "verdict": ["--draws", "--hosts", "--budget", "--seed", "--engine", "--step-hours", "-r"],
    "observe": ["--assay", "--day", "--subjects", "--seed", "--variant", "-r", "--hosts"],
    "figure1": ["--draws", "--seed", "--variant", "-r", "--no-such-option"],
    "show": ["--regimen", "--equations"],
    "export": ["--regimen", "--variant", "--format", "-o"],
}


@st.composite
def commands(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(OPTIONS)))
    words = [command, draw(st.sampled_from(["FILE", "FILE", "FILE", "none.yaml", "", "\ud800"]))]
    for option in draw(st.lists(st.sampled_from(OPTIONS[command]), max_size=3)):
        words += [option, draw(VALUES)]
    return [*words, "-o", "x.svg"] if command == "figure1" else words


@contextlib.contextmanager
def almost_no_budget() -> Iterator[None]:
    """Every run is refused for its cost: what is good is told from what is bad without running."""
    old = os.environ.get("SENESCAPE_BUDGET_HOURS")
    os.environ["SENESCAPE_BUDGET_HOURS"] = "1e-15"
    try:
        yield
    finally:
        os.environ.pop("SENESCAPE_BUDGET_HOURS")
        if old is not None:
            os.environ["SENESCAPE_BUDGET_HOURS"] = old


@given(commands())
@example(["figure1", "FILE", "--draws", "\x85", "-o", "x.svg"])  # U+0085 breaks a line
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_words_break_the_command_line(run: Run, folder: Path, words: list[str]) -> None:
    with almost_no_budget():
        said = run(*words)
    assert said.status in {0, 2} and "Traceback" not in said.error
    if said.status == 2 and "--help" not in words:
        assert len(said.error.strip().splitlines()) == 1, said.error
        assert said.out == ""
    assert names(folder) == {"mine.yaml"}
