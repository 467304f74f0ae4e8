"""Other simulators, each in a child process that may lack it, die or hang."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from senescape.errors import RunError

Float = NDArray[np.float64]

WORKER = Path(__file__).with_name("foreign_worker.py")
MISSING = 3
TOOLS = {"libRoadRunner": "libroadrunner", "COPASI": "copasi-basico"}


class NotInstalledError(RunError):
    """The environment that was named has no such tool."""


def solved_by(
    tool: str,
    model: str,
    names: Sequence[str],
    *,
    span: float,
    steps: int,
    tolerance: float = 1e-10,
    python: str = sys.executable,
    patience: float = 300.0,
    worker: Path = WORKER,
) -> tuple[str, Float]:
    """Solve a model with another simulator.

    Parameters
    ----------
    tool : str
        A key of :data:`TOOLS`.
    model : str
        SBML.
    names : sequence of str
        Ids to report: species as numbers of particles, parameters as they are.
    span, steps : float, int
        From 0 to ``span`` in as many equal steps.
    tolerance : float
        Relative, of the solver.
    python : str
        Interpreter of an environment that holds the tool.
    patience : float
        Seconds.
    worker : Path
        The script to run; tests plant others.

    Returns
    -------
    version : str
    values : (names, steps + 1) array

    Raises
    ------
    NotInstalledError
        The environment has no such tool.
    RunError
        The tool dies, hangs or stops before the end; no such interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.xml"
        file.write_text(model, encoding="utf-8")
        job = {
            "tool": tool,
            "file": str(file),
            "names": list(names),
            "span": span,
            "steps": steps,
            "tolerance": tolerance,
        }
        try:
            done = subprocess.run(
                [python, "-P", str(worker)],
                input=json.dumps(job),
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _failed(tool, f"was not ready after {patience:g} s") from None
        except OSError as error:
            raise RunError(
                f"the interpreter {python} cannot be started ({error.strerror})",
                allowed="a Python of an environment that holds the tools",
                remedy="check --python",
                check="compare.python",
            ) from None
    if done.returncode == MISSING:
        raise NotInstalledError(
            f"{tool} is not installed",
            allowed="the tool in the environment of --python",
            remedy=f"pip install {TOOLS[tool]}",
            check="compare.not-installed",
        )
    try:
        answer = json.loads(done.stdout)
        values = np.array([answer["values"][name] for name in names], float)
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise _failed(tool, f"gave no solution ({' '.join(lines[-1].split())[:120]})") from None
    if values.shape != (len(names), steps + 1):
        raise _failed(tool, f"gave {values.shape} numbers, not {(len(names), steps + 1)}")
    return str(answer["version"]), values


def _failed(tool: str, what: str) -> RunError:
    return RunError(
        f"{tool} {what}",
        allowed="a solution to the end",
        remedy="write the model with senescape export and look at it there",
        check="compare.tool",
    )
