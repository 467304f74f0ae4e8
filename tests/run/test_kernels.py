"""Compiling on two cores: what is compiled ahead is what a run asks for, and nothing can go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba import config
from tests.engines import builders as b

from senescape.engines.branching import branching_law
from senescape.engines.interpreter import read_tape
from senescape.engines.mean_field import MeanField
from senescape.engines.mean_field.explicit import integrate
from senescape.engines.mean_field.flows import flows
from senescape.engines.mean_field.wide import wide_backward, wide_flows
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.run import kernels, prepare_mean_field

AHEAD = (read_tape, integrate, wide_flows, wide_backward, flows)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_what_is_compiled_ahead_is_what_a_run_asks_for() -> None:
    """A type spelt wrong would be compiled in vain, and the right one once more in the run."""
    kernels.compile_solver()
    kernels.compile_slopes()
    before = {kernel.__name__: len(kernel.signatures) for kernel in AHEAD}
    program = b.program_of(b.secreting(start=50.0))
    lanes = b.lanes_of(program)
    branching_law(program, lanes, until=1.0, compartments=(0,))
    run_engine(MeanField(explicit=False), program, lanes, Streams.hosts(1, 1), np.array([1.0]))
    assert {kernel.__name__: len(kernel.signatures) for kernel in AHEAD} == before
    assert before["integrate"] == before["wide_flows"] == before["wide_backward"] == 1


@pytest.fixture
def first_use(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two cores, kernels to compile (in plain Python too), and a note of what is done here."""
    done: list[str] = []
    monkeypatch.setenv("SENESCAPE_THREADS", "2")
    monkeypatch.setattr(kernels, "config", SimpleNamespace(DISABLE_JIT=False))
    monkeypatch.setattr(kernels, "compile_solver", lambda: done.append("solver"))
    return done


def cold() -> bool:
    return True


def test_the_second_half_is_left_to_a_second_process(
    first_use: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    note = tmp_path / "note"
    text = f"from senescape.run.kernels import compile_slopes; open({str(note)!r}, 'w').close()"
    monkeypatch.setattr(kernels, "SECOND", text)
    prepare_mean_field(cold)
    assert note.exists() and first_use == ["solver"]


@pytest.mark.parametrize("text", ["raise SystemExit(1)", "import time; time.sleep(600)"])
def test_a_second_process_that_dies_or_hangs_does_no_harm(
    first_use: list[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(kernels, "SECOND", text)
    monkeypatch.setattr(kernels, "PATIENCE", 1.0)
    prepare_mean_field(cold)
    assert first_use == ["solver"]


def test_a_second_process_that_cannot_start_does_no_harm(
    first_use: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    prepare_mean_field(cold)
    assert first_use == []


@pytest.mark.parametrize(("threads", "found"), [("1", True), ("2", False)])
def test_one_core_and_a_filled_cache_start_no_process(
    first_use: list[str], monkeypatch: pytest.MonkeyPatch, threads: str, found: bool
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("SENESCAPE_THREADS", threads)
    prepare_mean_field(lambda: found)
    assert first_use == []


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
@pytest.mark.parametrize("uses", [1, 2])
def test_only_the_first_use_of_a_cache_is_cold(uses: int, tmp_path: Any) -> None:
    """Each use is a process; one small kernel is compiled."""
    code = "from senescape.run.kernels import is_cold; print(is_cold())"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    for _ in range(uses):
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(uses == 1)
