"""A run as a Research Object Crate (RO-Crate 1.1): numbers, scenario, and how they came about.

A folder or an archive that can be published and read without senescape; the specification:
https://w3id.org/ro/crate/1.1.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from numpy.lib import format as npy

from senescape.errors import StoreError

from .care import ALL
from .experiments import RunInfo, Store
from .kept import run_content
from .places import flush_folder, shown

METADATA = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "https://w3id.org/ro/crate/1.1"
SPDX = "https://spdx.org/licenses/"
SEED_ARTICLE = "https://doi.org/10.1172/JCI20784"
RESEARCH_ONLY = "A research tool, not for decisions about patients."
HEADER_BYTES = 128  # of a .npy file whose shape has three numbers
SHORT = 12
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,59}|https?://[!-~]{3,300}")

Entity = dict[str, Any]


class Part(NamedTuple):
    """A file of a crate.

    Parameters
    ----------
    name, title : str
        Of the file, and in a few words.
    kind : str
        Media type.
    about : str
        What is in it, to be understood by who has never seen the software.
    """

    name: str
    title: str
    kind: str
    about: str


class Crate(NamedTuple):
    """What was written: where, how many replicates, and its files."""

    path: Path
    replicates: int
    files: tuple[str, ...]


def export_crate(store: Store, run: RunInfo, target: Path, *, licence: str | None = None) -> Crate:
    """Write a run as an RO-Crate, whole or not at all.

    Parameters
    ----------
    target : Path
        A folder to be made, or an archive to be written where the name ends with ``.zip``.
    licence : str, optional
        SPDX identifier (``CC-BY-4.0``) or address of the licence of the *results*; without it the
        crate says that whoever publishes it has to state one.

    Raises
    ------
    StoreError
        Something stands at the target, or it cannot be written; replicates that are damaged or
        lost; a licence that is neither.
    """
    if licence is not None and _LICENCE.fullmatch(licence) is None:
        raise StoreError(
            f"licence {licence}",
            allowed="an SPDX identifier (CC-BY-4.0) or an address (https://...)",
            remedy="choose one at https://spdx.org/licenses, or leave it out",
            check="crate.licence",
        )
    if run.replicates < run.acknowledged:
        raise _not_whole(run, f"{run.acknowledged - run.replicates} replicates are gone")
    with _told(target):
        if os.path.lexists(target):
            raise FileExistsError("it exists")
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".senescape."))
        try:
            made = scratch / "crate"
            made.mkdir()
            count = _write_parts(store, run, made)
            parts = _parts(run, count)
            graph = _graph(run, parts, made, licence)
            text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False)
            _write(made / METADATA, text)
            flush_folder(made)
            if target.suffix.lower() == ".zip":
                made = _archive(made, scratch / "crate.zip")
            if os.path.lexists(target):
                raise FileExistsError("it exists")
            os.rename(made, target)
            flush_folder(target.parent)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Crate(target, count, (METADATA, *(part.name for part in parts)))


def _parts(run: RunInfo, count: int) -> tuple[Part, ...]:
    variables, times = run.manifest["shape"]
    of_rows = "the first axis of replicates.npy, in this order"
    return (
        Part(
            "replicates.npy",
            "Numbers of every replicate",
            "application/x-npy",
            f"NumPy array of little-endian float64, {count} replicates x {variables} variables x "
            f"{times} times: what was counted in each host (in culture: well), before the units, "
            "ratios, background and noise of an assay.",
        ),
        Part(
            "replicates.csv",
            "Which replicate is which",
            "text/csv",
            f"One line a replicate, {of_rows}: draw of what is not known, host, arm, replicate.",
        ),
        Part(
            "variables.csv",
            "Names of the variables",
            "text/csv",
            "The second axis of replicates.npy, in this order: observables of the scenario, then "
            "state:NAME for the cells in each state.",
        ),
        Part(
            "times.csv",
            "Output times",
            "text/csv",
            "The third axis of replicates.npy, in this order, in days from the first treatment.",
        ),
        Part(
            "scenario.json",
            "The scenario that was simulated",
            "application/json",
            "Every number with its unit and source; senescape simulate scenario.json runs it.",
        ),
        Part(
            "manifest.json",
            "Recipe and provenance of the run",
            "application/json",
            "All that decides the numbers (the digest of the run is taken of it), command, "
            "versions and machine.",
        ),
        Part(
            "SHA256SUMS",
            "Digests of the files",
            "text/plain",
            "sha256sum --check SHA256SUMS compares every other file of this crate.",
        ),
    )


def _write_parts(store: Store, run: RunInfo, folder: Path) -> int:
    """Write all files but the metadata; return how many replicates there are."""
    manifest = run.manifest
    recipe = manifest["recipe"]
    keys: list[tuple[Any, ...]] = []
    with (folder / "replicates.npy").open("wb") as file:
        file.write(bytes(HEADER_BYTES))
        for row in store.database.rows(run.digest, draws=ALL, hosts=ALL):
            content = run_content(store.run_folder(run.digest), run.digest, row)
            if content is None:
                raise _not_whole(run, "a replicate is not what was written")
            file.write(content)
            keys.append(tuple(row.key))
        _finish(file, (len(keys), *manifest["shape"]))
    _write(folder / "replicates.csv", _csv(("draw", "host", "arm", "replicate"), keys))
    names = recipe["question"]["assays"]
    _write(folder / "variables.csv", _csv(("variable",), ((name,) for name in names)))
    _write(folder / "times.csv", _csv(("day",), ((time,) for time in recipe["times"])))
    _write(folder / "scenario.json", _json(manifest["scenario"]))
    _write(folder / "manifest.json", _json(_public(manifest)))
    sums = [f"{_sha(path)}  {path.name}" for path in sorted(folder.iterdir())]
    _write(folder / "SHA256SUMS", "".join(f"{line}\n" for line in sums))
    return len(keys)


def _finish(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """Write the header of a .npy file, once its length is known."""
    head = io.BytesIO()
    npy.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
    if len(head.getvalue()) != HEADER_BYTES:
        raise AssertionError(f"a header of {len(head.getvalue())} bytes")
    file.seek(0)
    file.write(head.getvalue())
    file.flush()
    os.fsync(file.fileno())


def _public(manifest: Entity) -> Entity:
    """Return a manifest without the scenario, which is a file, and without who the machine is."""
    provenance = dict(manifest["provenance"])
    machine = provenance["machine"]
    provenance["machine"] = {name: machine[name] for name in ("type", "system")}
    found = {name: value for name, value in manifest.items() if name != "scenario"}
    return found | {"provenance": provenance}


def _graph(
    run: RunInfo, parts: tuple[Part, ...], folder: Path, licence: str | None
) -> list[Entity]:
    """Return the entities of the metadata: flat, each with an ``@id`` that others refer to."""
    recipe, provenance = run.manifest["recipe"], run.manifest["provenance"]
    scenario = str(recipe["scenario"].get("name", "a scenario"))
    what = f"{scenario}, {recipe['regimen']}, engine {recipe['engine']['name']}"
    terms = _licence(licence)
    packages = provenance["packages"]
    files = [
        {
            "@id": part.name,
            "@type": "File",
            "name": part.title,
            "description": part.about,
            "encodingFormat": part.kind,
            "contentSize": str((folder / part.name).stat().st_size),
        }
        for part in parts
    ]
    made = [part.name for part in parts if part.name != "scenario.json"]
    return [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": PROFILE},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Simulated therapy-induced senescence: {what}",
            "description": f"Replicates of one run of senescape ({what}, seed {recipe['seed']}). "
            f"{RESEARCH_ONLY}",
            "datePublished": provenance["created"][:10],
            "identifier": f"sha256:{run.digest}",
            "keywords": "cancer, chemotherapy, senescence, simulation",
            "license": {"@id": terms["@id"]},
            "citation": {"@id": SEED_ARTICLE},
            "hasPart": [{"@id": part.name} for part in parts],
            "mentions": {"@id": "#run"},
        },
        terms,
        *files,
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"Simulation of {what}",
            "description": f"Command: {provenance['command']}",
            "startTime": provenance["created"],
            "instrument": {"@id": "#senescape"},
            "object": {"@id": "scenario.json"},
            "result": [{"@id": name} for name in made],
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        },
        {
            "@id": "#senescape",
            "@type": "SoftwareApplication",
            "name": "senescape",
            "description": "Simulates and judges therapy-induced senescence in cancer. "
            f"{RESEARCH_ONLY} Source of what makes numbers: "
            f"{json.dumps(recipe['engine'].get('version', {}), sort_keys=True)}",
            "version": provenance["senescape"],
            "license": {"@id": f"{SPDX}BSD-3-Clause"},
            "operatingSystem": provenance["machine"]["system"],
            "processorRequirements": provenance["machine"]["type"],
            "softwareRequirements": [{"@id": f"#{name}"} for name in (*packages, "python")],
        },
        *(_software(name, text) for name, text in packages.items()),
        _software("python", provenance["python"]),
        *([] if terms["@id"] == f"{SPDX}BSD-3-Clause" else [_licence("BSD-3-Clause")]),
        {
            "@id": SEED_ARTICLE,
            "@type": "ScholarlyArticle",
            "name": "Cellular senescence in cancer treatment: friend or foe?",
            "datePublished": "2004-01-15",
        },
        {
            "@id": "http://schema.org/CompletedActionStatus",
            "@type": "ActionStatusType",
            "name": "Completed",
        },
    ]


def _software(name: str, version: str) -> Entity:
    return {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "version": version}


def _licence(given: str | None) -> Entity:
    if given is None:
        return {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "No licence stated",
            "description": "Whoever publishes these results states their licence; that of the "
            "software and of its bundled scenarios is BSD-3-Clause.",
        }
    address = given if "://" in given else f"{SPDX}{given}"
    return {"@id": address, "@type": "CreativeWork", "name": given, "description": f"See {address}"}


def _archive(folder: Path, path: Path) -> Path:
    """Put a folder into an archive; the same bytes for the same files."""
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(file.name)  # without the time of today
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(entry, "w") as into:
                shutil.copyfileobj(source, into)
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return path


def _csv(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()


def _json(data: object) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    with path.open("wb") as file:
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()
        os.fsync(file.fileno())


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _not_whole(run: RunInfo, what: str) -> StoreError:
    return StoreError(
        f"run {run.digest[:SHORT]}: {what}",
        allowed="a run whose replicates are all there",
        remedy="the command that made it (senescape runs show) computes them again",
        check="crate.not-whole",
    )


@contextlib.contextmanager
def _told(target: Path) -> Iterator[None]:
    """Turn what the operating system says into one line with a remedy."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(
            f"cannot write the crate {shown(target)}: {reason}",
            allowed="a name that is free, in a folder that can be written, on a disk with room",
            remedy="choose another name, or make room",
            check="crate.unwritable",
        ) from None
