"""Comparing engines and tools: what agrees is called so, and what does not is not.

The real libRoadRunner and COPASI: verification/exported.md. Here stand-ins are solved by planting.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.cohort.test_simulate import TEXT

from senescape.errors import SenescapeError
from senescape.figures import comparison, svg_of
from senescape.files import parse_scenario
from senescape.model import Scenario
from senescape.run import comparing, foreign, foreign_worker
from senescape.run.comparing import ALARM, Comparison, Solution, agreement, compare, errors_of
from senescape.run.foreign import NotInstalledError, solved_by

Float = NDArray[np.float64]
FEW = TEXT.replace("seeded:      {value: 1000", "seeded:      {value: 60")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse_scenario(FEW)


@pytest.fixture(scope="module")
def found(scenario: Scenario) -> Comparison:
    return compare(scenario, "pulse", until=3.0, replicates=40)


def test_engines_agree_and_missing_tools_are_named(found: Comparison) -> None:
    """False alarm of each stochastic row: below 1e-3 (normal quantile, Bonferroni)."""
    there = [s.name for s in found.solutions if s.mean is not None]
    assert there[0] == comparing.REFERENCE and {"leap", "exact"} <= set(there)
    missing = {s.name: s.why for s in found.solutions if s.mean is None}
    for tool in set(foreign.TOOLS) & set(missing):
        assert missing[tool].startswith("not installed; pip install ")
    pairs = {(a.one, a.other): a for a in found.agreements}
    assert ("exact", "leap") in pairs and ("leap", comparing.REFERENCE) in pairs
    assert found.sound and all(a.agrees for a in found.agreements)
    assert found.time[0] == 0.0 and found.time[-1] == 3.0
    assert "live" in found.observables and "state:S" in found.observables


def planted(times: float) -> Any:
    """Return a stand-in of a tool: our own numbers, some of them so many times too large."""

    def solve(tool: str, model: str, names: Sequence[str], **rest: Any) -> tuple[str, Float]:
        assert "<sbml" in model and rest["steps"] == comparing.OUTPUTS
        if tool == "COPASI":
            raise NotInstalledError("x", allowed="", remedy="pip install x", check="x")
        assert PLANTED is not None
        values = PLANTED.copy()
        values[:, 20:] *= times
        return "9.9", values

    return solve


PLANTED: Float | None = None


@pytest.mark.parametrize(("times", "sound"), [(1.0 + 1e-6, True), (1.001, False)])
def test_a_tool_that_is_a_thousandth_off_is_seen(
    scenario: Scenario,
    found: Comparison,
    monkeypatch: pytest.MonkeyPatch,
    times: float,
    sound: bool,
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PLANTED", found.solutions[0].mean)
    monkeypatch.setattr(comparing, "solved_by", planted(times))
    # no engine of chance is that patient: the tool and the mean field alone
    again = compare(scenario, "pulse", until=3.0, replicates=20, patience=1e-9)
    (row,) = [a for a in again.agreements if a.one == "libRoadRunner 9.9"]
    assert row.agrees is sound and again.sound is sound
    assert row.share == pytest.approx(times - 1.0, rel=1e-3) and row.errors is None
    assert row.day >= 1.5


def two(found: Comparison, mean: Float, error: Float) -> tuple[Solution, Solution]:
    return Solution("sample", mean, error, 100), Solution("law", np.full_like(mean, 100.0))


def test_chance_is_called_a_difference_once_in_a_thousand(found: Comparison) -> None:
    """500 comparisons of 200 means each: more than 5 alarms have probability 1e-5 or less."""
    rng = np.random.default_rng(5)
    empty = replace(found, observables=("a", "b"), time=np.arange(100.0))
    error = np.ones((2, 100))
    alarms = sum(
        not agreement(empty, *two(empty, 100.0 + rng.standard_normal((2, 100)), error)).agrees
        for _ in range(500)
    )
    assert ALARM == 1e-3 and alarms <= 5


def test_a_shift_of_seven_errors_at_one_time_is_seen(found: Comparison) -> None:
    """Power: the limit of 200 means is 4.6 errors, so that a shift of 7 is missed once in 100."""
    rng = np.random.default_rng(6)
    empty = replace(found, observables=("a", "b"), time=np.arange(100.0))
    seen = 0
    for _ in range(50):
        mean = 100.0 + rng.standard_normal((2, 100))
        mean[1, 40] += 7.0
        row = agreement(empty, *two(empty, mean, np.ones((2, 100))))
        seen += not row.agrees and row.observable == "b" and row.day == 40.0
    assert seen >= 45


def test_a_number_without_spread_must_be_the_same(found: Comparison) -> None:
    empty = replace(found, observables=("a",), time=np.arange(3.0))
    one = Solution("leap", np.array([[9.0, 5.0, 5.0]]), np.array([[0.0, 1.0, 1.0]]), 90)
    row = agreement(empty, one, Solution("law", np.array([[10.0, 5.0, 5.0]])))
    assert not row.agrees and row.day == 0.0
    row = agreement(empty, replace(one, runs=7), Solution("law", np.array([[10.0, 5.0, 5.0]])))
    assert row.agrees  # 7 cells in all runs together may be chance


def test_a_mean_that_few_runs_make_up_has_no_error() -> None:
    values = np.zeros((1, 2, 100))
    values[0, 0, :4], values[0, 1] = 50.0, np.arange(100.0)
    error = errors_of(values)[0]
    assert np.isnan(error[0]) and error[1] == pytest.approx(np.arange(100.0).std(ddof=1) / 10.0)


def test_what_would_take_too_long_is_not_run(scenario: Scenario) -> None:
    large = parse_scenario(FEW.replace("{value: 60", "{value: 9000000"))
    found = compare(large, "pulse", until=3.0, replicates=20, patience=5.0)
    (exact,) = [s for s in found.solutions if s.name == "exact"]
    assert exact.mean is None and "events a run; allowed: 5 s" in exact.why and found.sound


@pytest.mark.parametrize(
    ("given", "check"),
    [({"replicates": 19}, "compare.replicates"), ({"until": -1.0}, "run.until")],
)
def test_bad_questions_are_refused(scenario: Scenario, given: dict[str, Any], check: str) -> None:
    with pytest.raises(SenescapeError, match=check.replace(".", r"\.")):
        compare(scenario, "pulse", **given)


def test_the_picture_names_what_ran(found: Comparison) -> None:
    text = svg_of(comparison(found), "title")
    for solution in found.solutions:
        assert (solution.name in text) is (solution.mean is not None)
    assert "40 runs" in text and "cells" in text
    assert "live" in svg_of(comparison(found, ["live"]), "title")


# --- tools in a child process ---------------------------------------------------------------------
WORKERS = {
    "dies": ("import os\nos.abort()", "gave no solution"),
    "says why": ("raise SystemExit('CV_TOO_MUCH_WORK')", "CV_TOO_MUCH_WORK"),
    "hangs": ("import time\ntime.sleep(60)", "was not ready after 2 s"),
    "babbles": ("print('hello')", "gave no solution"),
    "forgets": ('print(\'{"version": "1", "values": {}}\')', "gave no solution"),
    "stops early": ('print(\'{"version": "1", "values": {"A": [1, 2]}}\')', "gave (1, 2)"),
}


@pytest.mark.parametrize("name", WORKERS)
def test_a_tool_that_fails_is_an_error_of_ours(name: str, tmp_path: Path) -> None:
    code, says = WORKERS[name]
    worker = tmp_path / "worker.py"
    worker.write_text(code, encoding="utf-8")
    with pytest.raises(SenescapeError) as caught:
        solved_by("COPASI", "<sbml/>", ["A"], span=1.0, steps=2, patience=2.0, worker=worker)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_tool_that_is_not_there_says_how_to_get_it() -> None:
    with pytest.raises(SenescapeError, match=r"cannot be started.*compare\.python"):
        solved_by("COPASI", "", [], span=1.0, steps=1, python="no-such-python")
    if sys.modules.get("basico") is None:
        with pytest.raises(NotInstalledError, match="pip install copasi-basico"):
            solved_by("COPASI", "<sbml/>", ["A"], span=1.0, steps=2)


class FakeSolver:
    """A libRoadRunner that stalls twice."""

    stalls = 2

    def __init__(self, file: str) -> None:
        self.file, self.integrator = file, SimpleNamespace()

    def simulate(self, first: float, last: float, outputs: int) -> Float:
        if FakeSolver.stalls:
            FakeSolver.stalls -= 1
            raise RuntimeError("CV_TOO_MUCH_WORK")
        time = np.linspace(first, last, outputs)
        return np.column_stack([time, 2.0 * time])


def test_the_script_asks_the_tools_for_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rr, basico = ModuleType("roadrunner"), ModuleType("basico")
    rr.RoadRunner, rr.__version__ = FakeSolver, "2"  # type: ignore[attr-defined]
    asked: dict[str, Any] = {}

    def run_time_course(*places: float, **options: Any) -> dict[str, list[float]]:
        asked.update(options, places=places)
        return {"A": [0.0, 1.0, 2.0], "B": [0.0] * 3, "C": [0.0] * 3}

    basico.load_model = lambda file: file  # type: ignore[attr-defined]
    basico.run_time_course, basico.__version__ = run_time_course, "0.9"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "roadrunner", rr)
    monkeypatch.setitem(sys.modules, "basico", basico)
    job = {"file": "f", "names": ["A"], "span": 2.0, "steps": 2, "tolerance": 1e-9}
    for tool, version, last in (("libRoadRunner", "2", 4.0), ("COPASI", "0.9", 2.0)):
        monkeypatch.setattr(
            sys, "stdin", SimpleNamespace(read=lambda t=tool: json.dumps({**job, "tool": t}))
        )
        foreign_worker.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["version"] == version and answer["values"]["A"][-1] == last
    assert asked["places"] == (0.0, 2.0, 2) and asked["use_numbers"] and asked["r_tol"] == 1e-9
    FakeSolver.stalls = 3
    with pytest.raises(RuntimeError, match="CV_TOO_MUCH_WORK"):
        foreign_worker.libroadrunner(job)
    with pytest.raises(RuntimeError, match="stopped after 2"):
        foreign_worker.copasi({**job, "steps": 5})
    monkeypatch.setitem(sys.modules, "basico", None)
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(read=lambda: json.dumps({**job, "tool": "COPASI"}))
    )
    with pytest.raises(SystemExit) as stopped:
        foreign_worker.main()
    assert stopped.value.code == foreign.MISSING
