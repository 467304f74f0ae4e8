"""Runs as RO-Crates: the rules of RO-Crate 1.1 that a crate must keep, and the numbers in it.

Oracle: the rules, written down here (and seen to find what was planted); the values of the run; the
scenario of a crate, run again. The project's own validator was asked by hand: docs/store.md.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.store.recipes import filled, keys, values
from tests.store.test_simulated import SCENARIO, from_store

from senescape.cohort import simulate
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.store import Store, export_crate
from senescape.store.database import NAME

METADATA = "ro-crate-metadata.json"
Graph = list[dict[str, Any]]


def references(value: Any) -> list[str]:
    """Return the ids that a property refers to."""
    parts = value if isinstance(value, list) else [value]
    return [part["@id"] for part in parts if isinstance(part, dict)]


def problems(folder: Path) -> list[str]:
    """Return which rules of RO-Crate 1.1 a crate breaks."""
    found: list[str] = []
    data = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    if data.get("@context") != "https://w3id.org/ro/crate/1.1/context":
        found.append("the context is another")
    graph: Graph = data["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    if len(entities) != len(graph):
        found.append("an id stands twice")
    about = entities.get(METADATA, {})
    if about.get("conformsTo") != {"@id": "https://w3id.org/ro/crate/1.1"}:
        found.append("the descriptor conforms to nothing")
    if about.get("about") != {"@id": "./"} or about.get("@type") != "CreativeWork":
        found.append("the descriptor describes nothing")
    root = entities.get("./", {})
    for name in ("name", "description", "datePublished", "license"):
        if not root.get(name):
            found.append(f"the root has no {name}")
    if root.get("@type") != "Dataset":
        found.append("the root is no dataset")
    for entity in graph:
        here = entity["@id"]
        if not entity.get("@type"):
            found.append(f"{here} has no type")
        if here not in ("./", METADATA) and not entity.get("name"):
            found.append(f"{here} has no name")
        for name, value in entity.items():
            parts = value if isinstance(value, list) else [value]
            if any(isinstance(part, dict) and set(part) != {"@id"} for part in parts):
                found.append(f"{here}: {name} is nested")
            for other in references(value):
                if other not in entities and other != "https://w3id.org/ro/crate/1.1":
                    found.append(f"{here}: {name} leads nowhere ({other})")
    listed = {e["@id"] for e in graph if e.get("@type") == "File"}
    if set(references(root.get("hasPart"))) != listed:
        found.append("hasPart and the files differ")
    for name in sorted(listed ^ ({path.name for path in folder.iterdir()} - {METADATA})):
        found.append(f"{name} is not both there and described")
    for name in listed & {path.name for path in folder.iterdir()}:
        if entities[name].get("contentSize") != str((folder / name).stat().st_size):
            found.append(f"{name} has another size")
    return found


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """A crate of a run of the scenario, in four hosts."""
    with Store(tmp_path / "store", writing=True) as store:
        simulate(SCENARIO, "pulse", hosts=4, until=2.0, step=0.5, store=store, name="mine")
        made = export_crate(store, store.find("mine"), tmp_path / "crate")
    assert made.replicates == 4 and set(os.listdir(made.path)) == set(made.files)
    assert made.path.stat().st_mode & 0o755 == 0o755
    return made.path


def test_a_crate_keeps_the_rules(crate: Path) -> None:
    assert problems(crate) == []
    for line in (crate / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((crate / name).read_bytes()).hexdigest() == digest


def entity(graph: Graph, name: str) -> dict[str, Any]:
    return next(e for e in graph if e["@id"] == name)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lambda g: entity(g, "./").pop("license"), "no license"),
        (lambda g: entity(g, METADATA).pop("conformsTo"), "conforms to nothing"),
        (lambda g: entity(g, "#run").update(object={"@id": "other.json"}), "leads nowhere"),
        (lambda g: entity(g, "#run").update(object={"@id": "x", "name": "y"}), "nested"),
        (lambda g: g.append(dict(g[-1])), "stands twice"),
        (lambda g: g.remove(entity(g, "times.csv")), "times.csv is not both"),
        (lambda g: entity(g, "times.csv").update(contentSize="0"), "another size"),
        (lambda g: entity(g, "#senescape").pop("name"), "no name"),
    ],
)
def test_the_rules_find_what_was_planted(
    plant: Callable[[Graph], Any], said: str, crate: Path
) -> None:
    path = crate / METADATA
    data = json.loads(path.read_text())
    plant(data["@graph"])
    path.write_text(json.dumps(data))
    assert any(said in problem for problem in problems(crate))


def test_a_crate_says_what_it_is_and_where_it_comes_from(crate: Path) -> None:
    graph = json.loads((crate / METADATA).read_text())["@graph"]
    manifest = json.loads((crate / "manifest.json").read_text())
    action, software, root = (entity(graph, name) for name in ("#run", "#senescape", "./"))
    assert action["@type"] == "CreateAction" and action["instrument"] == {"@id": "#senescape"}
    assert manifest["provenance"]["command"] in action["description"]
    assert software["version"] == manifest["provenance"]["senescape"]
    assert entity(graph, "#numpy")["version"] == np.__version__
    assert "not for decisions about patients" in root["description"]
    assert root["identifier"] == f"sha256:{manifest['run']}"
    # who the machine is, is nobody's business
    assert set(manifest["provenance"]["machine"]) == {"type", "system"}


def test_the_numbers_are_those_of_the_run_and_can_be_made_again(
    crate: Path, tmp_path: Path
) -> None:
    found = np.load(crate / "replicates.npy", allow_pickle=False)
    variables, times, rows = (
        list(csv.reader((crate / f"{name}.csv").read_text().splitlines()))
        for name in ("variables", "times", "replicates")
    )
    names = [line[0] for line in variables[1:]]
    assert rows[0] == ["draw", "host", "arm", "replicate"]
    assert [int(row[1]) for row in rows[1:]] == [0, 1, 2, 3]
    scenario = parse_scenario((crate / "scenario.json").read_text())
    again = simulate(scenario, "pulse", hosts=4, until=2.0, step=0.5)
    assert [float(line[0]) for line in times[1:]] == list(again.time)
    assert set(again.names) == set(names)
    state = next(name for name in names if name.startswith("state:"))
    assert (
        found[:, names.index(state)].T.tobytes() == again.values[again.names.index(state)].tobytes()
    )
    with Store(tmp_path / "store", writing=True) as store:
        known = simulate(scenario, "pulse", hosts=4, until=2.0, step=0.5, store=store, name="mine")
    assert from_store(known) == (4, 0)


def test_an_archive_holds_the_same_files(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    with Store(folder) as store:
        (run,) = store.runs()
        export_crate(store, run, tmp_path / "a", licence="CC-BY-4.0")
        export_crate(store, run, tmp_path / "a.zip", licence="CC-BY-4.0")
        export_crate(store, run, tmp_path / "b.zip", licence="CC-BY-4.0")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    assert problems(tmp_path / "out") == problems(tmp_path / "a") == []
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == sorted(os.listdir(tmp_path / "out"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    graph = json.loads((tmp_path / "a" / METADATA).read_text())["@graph"]
    assert entity(graph, "./")["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    given = keys(20)
    found = np.load(tmp_path / "a" / "replicates.npy")
    assert np.array_equal(found, np.moveaxis(values(given), 2, 0))


@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_a_crate_is_written_whole_or_not_at_all(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, target = filled(tmp_path / "store"), tmp_path / name
    with Store(folder) as store:
        (run,) = store.runs()
        fsync, calls = os.fsync, 0

        def full(handle: int) -> None:
            nonlocal calls
            calls += 1
            if calls > 5:
                raise OSError(28, "No space left on device")
            fsync(handle)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(SenescapeError, match="No space left") as caught:
            export_crate(store, run, target)
        monkeypatch.undo()
        assert caught.value.check == "crate.unwritable"
        assert os.listdir(tmp_path) == ["store"]
        target.touch()
        with pytest.raises(SenescapeError, match="it exists"):
            export_crate(store, run, target)
        assert target.read_bytes() == b"" and set(os.listdir(tmp_path)) == {"store", name}
        with pytest.raises(SenescapeError, match="No such file"):
            export_crate(store, run, tmp_path / "none" / name)
        with pytest.raises(SenescapeError, match="SPDX"):
            export_crate(store, run, tmp_path / "x", licence="free for all!")


def test_a_run_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    lost = shutil.copytree(folder, tmp_path / "lost")
    data = bytearray((folder / NAME).read_bytes())
    piece = values(keys(1)).tobytes()[:16]
    data[data.find(piece)] ^= 1
    (folder / NAME).write_bytes(bytes(data))
    (path,) = lost.glob("runs/*/acknowledged")
    path.write_text("25", encoding="ascii")
    for place, said in ((folder, "not what was written"), (lost, "5 replicates are gone")):
        with Store(place) as store, pytest.raises(SenescapeError, match=said) as caught:
            export_crate(store, store.runs()[0], tmp_path / "crate")
        assert caught.value.check == "crate.not-whole"
    assert not (tmp_path / "crate").exists()
