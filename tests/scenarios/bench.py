"""A scenario on the bench: the mean field of one regimen with some numbers changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tests.bundled import read_scenario

from senescape.compile import Compiled, compile_scenario
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import observe, run_engine
from senescape.engines.state import Streams
from senescape.model import Figure1

Float = NDArray[np.float64]


@dataclass
class Bench:
    """What was counted, (times,) for each observable and each arrow of Figure 1."""

    compiled: Compiled
    time: Float
    counts: dict[str, Float]
    flows: dict[Figure1, Float]
    arrows: dict[str, Float]


def bench(
    regimen: str = "chemo",
    times: tuple[float, ...] = (0.0, 1.0, 3.0, 10.0, 30.0, 60.0),
    scenario: str = "figure-1",
    variant: str | None = None,
    set_rows: dict[str, float] | None = None,
    **changes: str,
) -> Bench:
    """Run the expected host; ``set_rows`` sets parameters of the program (switches, players)."""
    item = read_scenario(scenario).with_parameters(changes)
    compiled = compile_scenario(item, regimen, variant)
    program = compiled.program
    parameters = program.parameter_defaults[:, None].copy()
    for name, value in ({"switch.backup": 0.0} | (set_rows or {})).items():
        if name in program.parameter_names:
            parameters[program.parameter(name)] = value
    grid = np.array(times)
    states = run_engine(MeanField(), program, parameters, Streams.hosts(1, 1), grid)
    rows = [(observe(program, state)[:, 0], state.tally[:, 0].copy()) for state in states]
    seen, tally = (np.array(part) for part in zip(*rows, strict=True))
    names = [t.split("|")[0] for t in program.transition_ids]
    return Bench(
        compiled,
        grid,
        {name: seen[:, i] for i, name in enumerate(program.assay_ids)},
        {arrow: tally[:, list(own)].sum(axis=1) for arrow, own in compiled.flows.items()},
        {
            name: tally[:, [i for i, n in enumerate(names) if n == name]].sum(axis=1)
            for name in dict.fromkeys(names)
        },
    )
