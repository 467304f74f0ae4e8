"""Do COPASI and libRoadRunner solve an exported scenario as our mean field does?

Usage, with the other tools in an environment of their own:

    .venv/bin/python verification/exported.py ours FOLDER
    python3 -m venv other && other/bin/pip install libroadrunner copasi-basico
    other/bin/python verification/exported.py theirs FOLDER

`ours` writes each bundled scenario, under every regimen, as SBML and as Antimony, solves it with
the mean field of senescape (the scenario's own program, not the file), and keeps the numbers of
every stage of every compartment on 21 days. `theirs` solves the SBML files with libRoadRunner
(CVODE) and COPASI (LSODA), and the Antimony files with libRoadRunner where the package antimony is
installed, at a relative tolerance of 1e-10. It prints the largest difference of a number of cells,
relative to the largest that it comes to (or, where it stays below, to a millionth of the largest of
all), over times and species.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DAYS = 20
TOLERANCE = 1e-10
SMALL = 1e-6


def ours(folder: Path, names: list[str]) -> None:
    """Write the models, and what senescape says of each."""
    import numpy as np

    from senescape.compile import compile_scenario
    from senescape.engines.mean_field import MeanField
    from senescape.engines.protocol import run_engine
    from senescape.engines.state import Streams
    from senescape.files import bundled, read_scenario
    from senescape.files.sbml.out import antimony_text, sbml_text
    from senescape.run.exporting import export_model

    folder.mkdir(exist_ok=True, parents=True)
    for name in names or bundled():
        scenario = read_scenario(name)
        for regimen in scenario.regimens:
            model = export_model(scenario, regimen)
            compiled = compile_scenario(scenario, regimen, None)
            times = compiled.network.forcing.start + np.arange(DAYS + 1.0)
            parameters = np.array(compiled.program.parameter_defaults)[:, None]
            states = run_engine(
                MeanField(), compiled.program, parameters, Streams.hosts(0, 1), times
            )
            cells = np.array([state.counts[:, 0].copy() for state in states]).T
            numbers = dict(zip((s.id for s in model.species), cells.tolist(), strict=True))
            stem = f"{name}--{regimen}"
            (folder / f"{stem}.xml").write_text(sbml_text(model), encoding="utf-8")
            (folder / f"{stem}.ant").write_text(antimony_text(model), encoding="utf-8")
            (folder / f"{stem}.json").write_text(json.dumps(numbers), encoding="utf-8")


def solved(tool: str, file: Path, names: list[str]) -> Iterator[Any]:
    """Yield the path of each species, as ``senescape compare`` asks a tool for it."""
    sys.path.insert(0, str(HERE.parent / "src" / "senescape" / "run"))
    import foreign_worker

    job = {
        "file": str(file),
        "names": names,
        "span": float(DAYS),
        "steps": DAYS,
        "tolerance": TOLERANCE,
    }
    solve = foreign_worker.libroadrunner if tool == "libRoadRunner" else foreign_worker.copasi
    _, paths = solve(job)
    yield from (paths[name] for name in names)


def antimony(file: Path, names: list[str]) -> Iterator[Any]:
    """Yield the path of each species by CVODE, of the Antimony text beside an SBML file."""
    import antimony as translator

    if translator.loadAntimonyFile(str(file.with_suffix(".ant"))) < 0:
        raise RuntimeError(translator.getLastError())
    text = translator.getSBMLString(translator.getMainModuleName())
    translator.clearPreviousLoads()
    with tempfile.TemporaryDirectory() as folder:
        translated = Path(folder) / "model.xml"
        translated.write_text(text, encoding="utf-8")
        yield from solved("libRoadRunner", translated, names)


def gap(numbers: dict[str, list[float]], paths: Iterator[Any]) -> tuple[float, str]:
    """Return the largest relative difference and where it is."""
    import numpy as np

    most = max(max(own) for own in numbers.values())
    worst, where = 0.0, ""
    for (name, own), path in zip(numbers.items(), paths, strict=True):
        mine, other = np.array(own), np.asarray(path)
        size = max(float(mine.max()), SMALL * most)
        found = float(np.abs(mine - other).max()) / size
        if not found <= worst:
            worst, where = found, name
    return worst, where


def theirs(folder: Path) -> None:
    """Compare with the other tools and print the largest differences."""
    tools: dict[str, Callable[[Path, list[str]], Iterator[Any]]] = {
        "libRoadRunner": lambda file, names: solved("libRoadRunner", file, names),
        "COPASI": lambda file, names: solved("COPASI", file, names),
    }
    if importlib.util.find_spec("antimony"):
        tools["Antimony"] = antimony
    worst = dict.fromkeys(tools, 0.0)
    for file in sorted(folder.glob("*.xml")):
        numbers = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        told = []
        for tool, solve in tools.items():
            found, where = gap(numbers, solve(file, list(numbers)))
            worst[tool] = max(worst[tool], found)
            told.append(f"{tool} {found:.1e} ({where})")
        print(f"{file.stem}: {len(numbers)} species; {', '.join(told)}", flush=True)
    print(f"largest: {', '.join(f'{tool} {found:.1e}' for tool, found in worst.items())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("who", choices=("ours", "theirs"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenarios", nargs="*", help="all bundled ones, if none is named")
    options = parser.parse_args()
    if options.who == "ours":
        ours(options.folder, options.scenarios)
    else:
        theirs(options.folder)


if __name__ == "__main__":
    main()
