"""Sensitivities of a file: names, elasticities, what the command prints and writes, refusals."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from tests import sbml_texts as x

from senescape.cli import main
from senescape.compile import compile_scenario, lower
from senescape.errors import RunError
from senescape.files import parse_sbml, read_scenario
from senescape.run.sensitivities import sensitivities

MODEL = x.model(
    species=(x.species("X", 20), x.species("Y")),
    parameters=(x.parameter("k", 0.5), x.parameter("idle", 3.0)),
    reactions=(x.reaction("Death", "k * X", {"X": 1}),),
)
TIMES = np.array([0.0, 1.0, 2.0])


def test_elasticities_of_decay() -> None:
    """d ln X / d ln k = -k t; what nothing reads has 0; what is 0 has none."""
    found = sensitivities(lower(parse_sbml(MODEL)), TIMES, ("k", "idle"))
    elasticities = found.elasticities[found.names.index("X")]
    np.testing.assert_allclose(elasticities[0], -0.5 * TIMES, atol=1e-7)
    assert elasticities[1].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(found.elasticities[found.names.index("Y")]).all()


def test_all_parameters_of_the_file_by_default() -> None:
    program = lower(parse_sbml(MODEL))
    found = sensitivities(program, TIMES)
    assert found.parameters == program.parameter_names
    assert found.slopes.shape == (len(found.names), len(found.parameters), 3)


@pytest.mark.parametrize(
    ("names", "said"), [(("kk",), "did you mean k?"), (("k", "k"), "parameter k twice")]
)
def test_bad_names_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(RunError) as refused:
        sensitivities(lower(parse_sbml(MODEL)), TIMES, names)
    assert said in str(refused.value)


def test_a_scenario_is_no_file() -> None:
    program = compile_scenario(read_scenario("mcf7-doxorubicin"), "100nM").program
    with pytest.raises(TypeError, match="SBML"):
        sensitivities(program, TIMES)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["senescape", "sensitivities", *words])
    try:
        main()
    except SystemExit as leave:
        assert not leave.code


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.xml").write_text(MODEL, encoding="utf-8")
    run(monkeypatch, "model.xml", "--until", "2")
    said = capsys.readouterr().out
    assert "k -1" in said and "it is 0" in said
    run(monkeypatch, "model.xml", "--until", "2", "--every", "1", "-p", "k", "--json")
    data = json.loads(capsys.readouterr().out)
    assert data["time"] == [0.0, 1.0, 2.0]
    assert data["elasticities"]["X"]["k"][2] == pytest.approx(-1.0, abs=1e-6)
    assert data["elasticities"]["Y"]["k"] == [None, None, None]
    run(monkeypatch, "model.xml", "--until", "2", "-p", "k", "-o", "out.csv")
    rows = list(csv.DictReader(Path("out.csv").read_text(encoding="utf-8").splitlines()))
    last = next(r for r in rows if r["reading"] == "X" and float(r["time"]) == 2.0)
    assert float(last["derivative"]) == pytest.approx(-40.0 * np.exp(-1.0), rel=1e-6)
    run(monkeypatch, "model.xml", "--until", "2", "-o", "out.json")
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["parameters"]["k"] == 0.5
