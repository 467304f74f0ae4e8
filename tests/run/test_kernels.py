"""Compiling on two cores: what is compiled ahead is what a run asks for, and nothing can go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba import config
from tests.engines import builders as b

from senescape.engines.branching import branching_law
from senescape.engines.interpreter import read_tape
from senescape.engines.leap import Leap
from senescape.engines.leap import pointers as leap
from senescape.engines.leap.engine import FEWEST
from senescape.engines.leap.lanes import half_sweep_of_lanes
from senescape.engines.leap.together import advance_blocks
from senescape.engines.mean_field import pointers as mean_field
from senescape.engines.mean_field.explicit import integrate
from senescape.engines.mean_field.wide import wide_backward, wide_flows
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.run import kernels, prepare

MEAN_FIELD = (read_tape, integrate, wide_flows, wide_backward)
LEAP = (read_tape, advance_blocks, half_sweep_of_lanes)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_is_compiled_ahead_is_what_the_mean_field_asks_for() -> None:
    """A type spelt wrong would be compiled in vain, and the right one once more in the run."""
    mean_field.compile_first()
    mean_field.compile_second()
    before = [len(kernel.signatures) for kernel in MEAN_FIELD]
    program = b.program_of(b.secreting(start=50.0))
    branching_law(program, b.lanes_of(program), until=1.0, compartments=(0,))
    assert [len(kernel.signatures) for kernel in MEAN_FIELD] == before == [1] * len(before)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_is_compiled_ahead_is_what_the_leap_asks_for() -> None:
    leap.compile_first()
    leap.compile_second()
    before = [len(kernel.signatures) for kernel in LEAP]
    program = b.program_of(b.secreting(start=50.0))
    lanes = b.lanes_of(program, lanes=FEWEST)
    run_engine(Leap(), program, lanes, Streams.hosts(1, FEWEST), np.array([1.0]))
    assert [len(kernel.signatures) for kernel in LEAP] == before == [1] * len(before)


class Halves:
    """Halves that note what is compiled, the first in this list and the second in a file."""

    def __init__(self, cold: bool = True) -> None:
        self.done: list[str] = []
        self.cold = cold

    def is_cold(self) -> bool:
        return self.cold

    def compile_first(self) -> None:
        self.done.append("first")

    def compile_second(self) -> None:
        raise AssertionError("the second half is for the second process")


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Two cores, kernels to compile (in plain Python too), and what the second process does."""
    monkeypatch.setenv("SENESCAPE_THREADS", "2")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(kernels, "config", SimpleNamespace(DISABLE_JIT=False))
    monkeypatch.setattr(kernels, "HALVES", {"leap": "halves"})

    def write(text: str) -> None:
        body = f"def compile_second():\n    {text}\n"
        (tmp_path / "halves.py").write_text(body, encoding="utf-8")

    return write


def test_the_second_half_is_left_to_a_second_process(
    second: Callable[[str], None], tmp_path: Path
) -> None:
    second(f"open({str(tmp_path / 'note')!r}, 'w').close()")
    halves = Halves()
    prepare("leap", halves)
    assert (tmp_path / "note").exists() and halves.done == ["first"]


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "import time; time.sleep(600)"])
def test_a_second_process_that_dies_or_hangs_does_no_harm(
    second: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    second(text)
    monkeypatch.setattr(kernels, "PATIENCE", 1.0)
    halves = Halves()
    prepare("leap", halves)
    assert halves.done == ["first"]


def test_a_second_process_that_cannot_start_does_no_harm(
    second: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    second("pass")
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    halves = Halves()
    prepare("leap", halves)
    assert halves.done == []


@pytest.mark.parametrize(
    ("engine", "threads", "cold"),
    [("leap", "1", True), ("leap", "2", False), ("exact", "2", True)],
)
def test_one_core_a_filled_cache_and_an_engine_without_halves_start_no_process(
    second: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    threads: str,
    cold: bool,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    second("pass")
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("SENESCAPE_THREADS", threads)
    halves = Halves(cold)
    prepare(engine, halves)
    assert halves.done == []


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("engine", list(kernels.HALVES))
def test_only_the_first_use_of_a_cache_is_cold(engine: str, tmp_path: Path) -> None:
    """Each use is a process that asks twice; one small kernel is compiled."""
    code = f"from {kernels.HALVES[engine]} import is_cold; print(is_cold(), is_cold())"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["True", "False"], ["False", "False"]]
