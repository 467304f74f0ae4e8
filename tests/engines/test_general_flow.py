"""Networks from SBML in the mean field: closed forms, events as roots, agreement with exact."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config
from tests import sbml_texts as x

from senescape.compile import lower
from senescape.engines.exact import Exact
from senescape.engines.mean_field import MeanField
from senescape.errors import SenescapeError
from senescape.files import parse_sbml, read_sbml
from senescape.run.networks import output_times, run_network

K = x.parameter("k", 0.5)
CLOSE = 1e-6


def solved(until: float, every: float, **parts: Any) -> dict[str, np.ndarray]:
    program = lower(parse_sbml(x.model(**parts)))
    found = run_network(MeanField(), program, output_times(until, every), replicates=1, seed=1)
    assert found.replicates == 1 and (found.sd == 0.0).all()
    return {name: found.mean[i] for i, name in enumerate(found.names)}


def test_a_reversible_reaction_may_run_backwards() -> None:
    """A <-> B by one law k (A - B): A = 5 + 5 e^-2kt from A = 0, B = 10 it is 5 - 5 e^-2kt."""
    found = solved(
        2.0, 0.5,
        species=(x.species("A", 0), x.species("B", 10)), parameters=(K,),
        reactions=(x.reaction("Turn", "k * (A - B)", {"A": 1}, {"B": 1}),),
    )  # fmt: skip
    times = np.arange(5) * 0.5
    assert found["A"] == pytest.approx(5.0 - 5.0 * np.exp(-times), rel=CLOSE)
    assert found["A"] + found["B"] == pytest.approx(np.full(5, 10.0))


def test_amounts_far_below_one_keep_their_digits() -> None:
    """Moles in a cell: decay from 1e-21."""
    found = solved(
        3.0, 3.0, species=(x.species("A", 1e-21),), parameters=(K,),
        reactions=(x.reaction("Out", "k * A", {"A": 1}),),
    )  # fmt: skip
    assert found["A"][-1] == pytest.approx(1e-21 * math.exp(-1.5), rel=1e-5)


def test_rate_rules_and_assignment_rules_of_any_quantity() -> None:
    """y' = -k y, z' = y: y = e^-kt, z = (1 - e^-kt) / k; a species by rule has concentration y / 4."""
    found = solved(
        2.0, 1.0, size='size="4"',
        species=(
            x.species("S", 4, hasOnlySubstanceUnits="false", boundaryCondition="true"),
            x.species("T", 0, hasOnlySubstanceUnits="false", boundaryCondition="true"),
        ),
        parameters=(K, x.parameter("y", 1, "false"), x.parameter("z", 0, "false")),
        rules=(x.rate("y", "-k * y"), x.rate("z", "y"), x.rate("S", "-k * S"), x.assignment("T", "2 * S")),
    )  # fmt: skip
    left = np.exp(-0.5 * np.arange(3.0))
    assert found["y"] == pytest.approx(left, rel=CLOSE)
    assert found["z"] == pytest.approx((1.0 - left) / 0.5, rel=CLOSE, abs=1e-9)
    assert found["S"] == pytest.approx(4.0 * left, rel=CLOSE)
    assert found["T"] == pytest.approx(8.0 * left, rel=CLOSE)


def test_an_event_of_the_numbers_is_found_as_a_root() -> None:
    """Decay from 10, back to 10 whenever below 2: a period of ln(5) / k, to 1e-7."""
    found = solved(
        10.0, 10.0, species=(x.species("A", 10),),
        parameters=(K, x.parameter("last", 0, "false"), x.parameter("times", 0, "false")),
        reactions=(x.reaction("Out", "k * A", {"A": 1}),),
        events=(x.event("again", "A < 2", {"A": "10", "last": "time", "times": "times + 1"}),),
    )  # fmt: skip
    period = math.log(5.0) / 0.5
    assert found["times"][-1] == 3.0
    assert found["last"][-1] == pytest.approx(3.0 * period, abs=1e-7)
    assert found["A"][-1] == pytest.approx(10.0 * math.exp(-0.5 * (10.0 - 3.0 * period)), rel=CLOSE)


def test_a_condition_that_is_curved_in_time_is_found_too() -> None:
    found = solved(
        4.0, 4.0, parameters=(x.parameter("at", 0, "false"), x.parameter("y", 0, "false")),
        rules=(x.rate("y", "1 - y"),),
        events=(x.event("e", "time * time > 2", {"at": "time"}),),
    )  # fmt: skip
    assert found["at"][-1] == pytest.approx(math.sqrt(2.0), abs=1e-9)


def test_a_short_pulse_in_a_law_is_not_stepped_over() -> None:
    """A pulse of 0.02 in a run of 1000: the corners of laws are stops of the solver."""
    law = "if(time >= 500 and time < 500.02, 100, 0)"
    found = solved(
        1000.0, 1000.0, species=(x.species("A"),), reactions=(x.reaction("In", law, {}, {"A": 1}),)
    )
    assert found["A"][-1] == pytest.approx(2.0, rel=1e-5)


def test_a_dose_is_given_at_its_time_and_seen_after_it() -> None:
    found = solved(
        3.0, 1.0, species=(x.species("A", 1),), parameters=(K,),
        reactions=(x.reaction("Out", "k * A", {"A": 1}),),
        events=(x.event("dose", "time >= 2", {"A": "A + 5"}),),
    )  # fmt: skip
    assert found["A"][2] == pytest.approx(math.exp(-1.0) + 5.0, rel=CLOSE)


def test_linear_networks_have_the_mean_of_the_exact_engine() -> None:
    lanes = 100 if config.DISABLE_JIT else 5_000
    program = lower(
        parse_sbml(
            x.model(
                species=(x.species("A", 50), x.species("B", 0)),
                parameters=(K,),
                reactions=(
                    x.reaction("Turn", "k * A", {"A": 1}, {"B": 2}),
                    x.reaction("Out", "k * B", {"B": 1}),
                ),
                events=(x.event("dose", "time >= 1", {"A": "A + 20"}),),
            )
        )
    )
    times = output_times(3.0, 0.5)
    mean = run_network(MeanField(), program, times, replicates=1, seed=1).mean
    found = run_network(Exact(), program, times, replicates=lanes, seed=5)
    error = np.maximum(found.sd, 1e-9) / math.sqrt(lanes)
    # 14 numbers, false alarm 1e-6 each
    assert (np.abs(found.mean - mean) <= 4.9 * error + 1e-6).all()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"species": (x.species("A", 1),), "reactions": (x.reaction("Out", "1", {"A": 1}),)}, r"A falls below 0 at time 2 .*run\.below-zero"),
        ({"species": (x.species("A", 1),), "reactions": (x.reaction("Out", "1 / (A - 1)", {"A": 1}),)}, r"the rate of Out is not finite at time 0 .*run\.rate"),
        ({"species": (x.species("A", 1),), "reactions": (x.reaction("In", "A * A", {}, {"A": 1}),)}, r"run\.(solver|rate)"),
    ],
)  # fmt: skip
def test_what_has_no_solution_stops_with_its_reason(parts: dict[str, object], said: str) -> None:
    with pytest.raises(SenescapeError, match=said):
        solved(2.0, 2.0, **parts)


MODELS = tuple(f"BIOMD{number:010d}" for number in (188, 287, 582, 700, 764))


@pytest.mark.parametrize("name", MODELS)
def test_models_of_biomodels_run_in_the_mean_field(shared_folder: Path, name: str) -> None:
    file = shared_folder / "suites" / "biomodels" / f"{name}.xml"
    if not file.is_file():
        pytest.skip(f"no file {file}: the models are not at hand")
    program = lower(read_sbml(file))
    found = run_network(MeanField(), program, output_times(20.0, 5.0), replicates=1, seed=1)
    assert np.isfinite(found.values).all() and (found.values[:, -1] != found.values[:, 0]).any()
