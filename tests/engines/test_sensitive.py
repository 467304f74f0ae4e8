"""Forward sensitivities of networks: closed forms, differences of runs, bugs that are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import sbml_texts as x
from tests.engines import builders as b
from tests.engines.test_general_blocks import program, reversible
from tests.engines.test_rosenbrock import robertson
from tests.engines.test_straight import functions

from senescape.compile import Program
from senescape.engines.mean_field import MeanField, sensitive
from senescape.engines.mean_field.forward import forward_sensitivities
from senescape.engines.protocol import refresh, run_engine
from senescape.engines.state import Streams
from senescape.errors import RunError

Float = NDArray[np.float64]
TIMES = np.array([0.0, 0.3, 1.0, 3.0])


def decay() -> Program:
    """Decay k, and a reading that is a rule over it, over A and over another parameter."""
    return program(
        species=(x.species("A", 40), x.species("B")),
        parameters=(
            *(x.parameter("k", 0.7), x.parameter("gain", 3.0)),
            x.parameter("seen", 0, "false"),
        ),
        rules=(x.assignment("seen", "k * gain * A^2"),),
        reactions=(x.reaction("Fall", "k * A", {"A": 1}, {"B": 2}),),
    )


def test_exponential_decay_has_its_closed_form() -> None:
    """By the rate, and of a rule that reads numbers and parameters; two rules may say the same."""
    made = decay()
    chosen = [made.parameter("k"), made.parameter("gain")]
    table = b.lanes_of(made, 5)
    table[chosen[0]] *= np.linspace(0.5, 2.0, 5)
    k, t = table[chosen[0]], TIMES[:, None]
    values, slopes = forward_sensitivities(made, table, chosen, TIMES, relative=1e-10)
    names = list(made.general.reading_names) if made.general else []
    a, seen = names.index("A"), names.index("seen")
    left = 40.0 * np.exp(-k * t)
    np.testing.assert_allclose(values[a], left, rtol=1e-8)
    np.testing.assert_allclose(slopes[a, 0], -t * left, rtol=1e-7, atol=1e-9)
    assert not slopes[a, 1].any()
    np.testing.assert_allclose(slopes[names.index("B"), 0], 2.0 * t * left, rtol=1e-7, atol=1e-9)
    expected = 3.0 * left**2 * (1.0 - 2.0 * k * t)
    np.testing.assert_allclose(slopes[seen, 0], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes[seen, 1], k * left**2, rtol=1e-7)


def differences(made: Program, table: Float, chosen: Sequence[int], times: Float) -> Float:
    """The same by central differences of LSODA's solutions, extrapolated (Richardson)."""
    engine = MeanField(relative_tolerance=1e-12, explicit=False)
    general = made.general
    assert general is not None

    def readings(lanes: Float) -> Float:
        found = []
        for state in run_engine(engine, made, lanes, Streams.hosts(1, lanes.shape[1]), times):
            refresh(made, state)
            found.append(state.registers[general.reading].copy())
        return np.array(found).transpose(1, 0, 2)

    slopes = []
    for parameter in chosen:
        step = 2e-3 * np.maximum(np.abs(table[parameter]), 1e-3)
        halves = []
        for size in (step, 0.5 * step):
            up, down = table.copy(), table.copy()
            up[parameter] += size
            down[parameter] -= size
            halves.append((readings(up) - readings(down)) / (2.0 * size))
        slopes.append((4.0 * halves[1] - halves[0]) / 3.0)
    return np.array(slopes).transpose(1, 0, 2, 3)


NETWORKS = {"reversible": reversible, "functions": functions, "decay": decay}


def check(made: Program, tolerance: float = 2e-5) -> None:
    table = b.lanes_of(made, 3) * np.array([0.8, 1.0, 1.25])
    chosen = list(range(len(made.parameter_names)))
    _, slopes = forward_sensitivities(made, table, chosen, TIMES, relative=1e-9)
    twin = differences(made, table, chosen, TIMES)
    size = np.abs(twin).max(axis=(2, 3), keepdims=True)
    assert (size > 0.0).sum() >= 4
    size = np.maximum(size, 1e-4 * size.max())  # what hardly depends on anything is noise there
    np.testing.assert_allclose(slopes / size, twin / size, atol=tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_sensitivities_are_differences_of_runs(name: str) -> None:
    """Of every reading to every parameter, three lanes."""
    check(NETWORKS[name]())


def test_a_stiff_network_takes_implicit_steps() -> None:
    """Robertson's reaction to time 40; differences of LSODA's runs are the twin."""
    made, times = robertson(), np.array([0.0, 1.0, 40.0])
    table, chosen = b.lanes_of(made, 2), [made.parameter(n) for n in ("one", "two", "three")]
    _, slopes = forward_sensitivities(made, table, chosen, times, relative=1e-8)
    twin = differences(made, table, chosen, times)
    size = np.abs(twin).max(axis=2, keepdims=True)
    np.testing.assert_allclose(slopes / size, twin / size, atol=1e-4)


def test_what_is_not_derived_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: dict[str, Any] = {
        "species": (x.species("A", 10),),
        "parameters": (x.parameter("k", 0.3), x.parameter("at", 2.0)),
    }
    fall = x.reaction("Fall", "k * A", {"A": 1})
    made = program(**parts, reactions=(fall,), events=(x.event("e", "A < 4", {"A": "9"}),))
    with pytest.raises(RunError, match="e is an event"):
        sensitive.sensitive(made, [0])
    law = "<apply><times/><ci> A </ci><apply><factorial/><ci> k </ci></apply></apply>"
    made = program(**parts, reactions=(x.reaction("Fall", law, {"A": 1}),))
    with pytest.raises(RunError, match="factorial has no derivative"):
        sensitive.sensitive(made, [made.parameter("k")])
    corner = program(**parts, reactions=(x.reaction("Fall", "if(time < at, k, 0)", {"A": 1}),))
    chosen = [corner.parameter("at")]
    with pytest.raises(RunError, match="corners of laws"):
        forward_sensitivities(corner, b.lanes_of(corner, 1), chosen, TIMES)
    chosen = [corner.parameter("k")]
    _, slopes = forward_sensitivities(corner, b.lanes_of(corner, 1), chosen, TIMES)
    np.testing.assert_allclose(slopes[0, 0, :, 0], -np.minimum(TIMES, 2.0), atol=1e-7)
    monkeypatch.setattr(sensitive, "MOST_ROWS", 3)
    with pytest.raises(RunError, match="operations"):
        sensitive.sensitive(corner, chosen)


def lost_parameter(patch: pytest.MonkeyPatch) -> None:
    """A parameter acts through numbers alone."""
    honest = sensitive._along
    patch.setattr(
        sensitive,
        "_along",
        lambda rows, slopes, numbers, k, count: honest(
            rows, {v: s for v, s in slopes.items() if v < numbers}, numbers, k, count
        ),
    )


def lost_path(patch: pytest.MonkeyPatch) -> None:
    """A parameter acts directly alone, not through the numbers."""
    patch.setattr(
        sensitive,
        "_along",
        lambda rows, slopes, numbers, k, count: slopes.get(numbers + k, ("k", 0.0)),
    )


def lost_sign(patch: pytest.MonkeyPatch) -> None:
    honest = sensitive.changes_of
    patch.setattr(
        sensitive,
        "changes_of",
        lambda p: {r: [(s, abs(t)) for s, t in c] for r, c in honest(p).items()},
    )


@pytest.mark.parametrize("plant", [lost_parameter, lost_path, lost_sign])
def test_a_planted_error_is_seen(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = decay()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check(made)
