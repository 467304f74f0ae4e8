"""Runs the parser as a child that may die, and reads what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from senescape.errors import ModelError, Where

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 60.0
LONGEST_ANSWER = 200_000_000

Plain = dict[str, Any]


def parsed(text: str, file: str, *, worker: Path = WORKER, patience: float = PATIENCE) -> Plain:
    """Return the plain data of an SBML document.

    Parameters
    ----------
    text : str
        Scanned already (:func:`senescape.files.sbml.scan.scan`).
    file : str
        As the user named it.
    worker : Path
        The script to run; tests plant one that dies.
    patience : float
        Seconds.

    Returns
    -------
    dict
        Level, version, packages and the model, as :mod:`senescape.files.sbml.worker` writes them.

    Raises
    ------
    ModelError
        libSBML finds an error (with its line), dies, hangs, or is not installed.
    """
    # -P: a folder that holds the script is no place to import from
    command = [sys.executable, "-P", str(worker)]
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8"), capture_output=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        raise _died(f"libSBML was not ready after {patience:g} s", file) from None
    if b"No module named 'libsbml'" in done.stderr:
        raise ModelError(
            "libSBML is not installed",
            allowed="python-libsbml in the same environment",
            remedy="pip install python-libsbml",
            check="sbml.no-parser",
            where=Where(file),
        )
    if done.returncode != 0 or len(done.stdout) > LONGEST_ANSWER:
        raise _died(f"libSBML died on this document ({_cause(done.returncode)})", file)
    try:
        answer: Plain = json.loads(done.stdout)
    except ValueError:
        raise _died("libSBML gave no answer that can be read", file) from None
    _check(answer, file)
    return answer


def _cause(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _died(given: str, file: str) -> ModelError:
    return ModelError(
        given,
        allowed="SBML that libSBML can read",
        remedy="look for deep or damaged formulas; check it with another tool",
        check="sbml.parser-died",
        where=Where(file),
    )


def _check(answer: Plain, file: str) -> None:
    """Refuse what libSBML calls an error, and documents without a model."""
    for line, number, message in answer["problems"]:
        raise ModelError(
            f"libSBML refuses it: {message} (rule {number})",
            allowed="valid SBML",
            remedy="correct the model, or export it again",
            check="sbml.invalid",
            where=Where(file, line or None),
        )
    if answer["model"] is None:
        raise ModelError(
            "the document holds no model",
            allowed="one <model>",
            remedy="export the model again",
            check="sbml.no-model",
            where=Where(file),
        )
