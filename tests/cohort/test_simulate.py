"""Simulated ensembles: names, units, ratios, counting; and the rule of recovered wells."""

from __future__ import annotations

import numpy as np
import pytest
from tests.files.test_bad_scenarios import GOOD

from senescape.cohort import predict_wells, simulate
from senescape.cohort.wells import measured_times, well_recovered
from senescape.errors import SenescapeError
from senescape.files import parse_scenario

TEXT = GOOD.replace(
    "observables:\n",
    """observables:
  stained: {label: senescent share, unit: '1', sum: {S: 1}, per: live}
  seen: {sum: {P: 1, D: 1, R: 1, S: 1}, background: dust, noise: {multiplicative: error, additive: floor}}
""",
).replace(
    "  seeded: ",
    """  dust:  {value: 500 cells, source: assumption}
  error: {value: 0.1, source: assumption}
  floor: {value: 20 cells, source: assumption}
  seeded: """,
)
MEASURED = """measured:
  wells:
    source: someone2020
    observable: live
    rule: {least: 100 cells, after: 1 day}
    regimens:
      pulse: {wells: 3, recovered: 2, until: 6 day, log_sd: 0.1, mean: {first: 1 day, every: 2 day, values: [900, 1200, 3000]}}
      control: {wells: 3, recovered: 3, until: 4 day}
"""


def test_names_units_and_times() -> None:
    scenario = parse_scenario(TEXT)
    result = simulate(scenario, "pulse", hosts=5, step=0.25)
    assert result.names[:3] == ("stained", "seen", "live") and "state:S" in result.names
    assert result.units[0] == "1" and result.units[-1] == "cells"
    assert result.time[0] == 0.0 and result.time[-1] == 14.0 and len(result.time) == 15
    assert result.values.shape == (len(result.names), 15, 5)
    data = result.to_dict()
    assert data["time_unit"] == "day"
    live = data["variables"]["live"]  # type: ignore[index]
    assert set(live) == {"unit", "mean", "sd", "mean_error", "quantiles"}
    assert set(live["quantiles"]) == {"0.05", "0.25", "0.5", "0.75", "0.95"}


def test_labelled_arrays_hold_the_same_numbers() -> None:
    result = simulate(parse_scenario(TEXT), "pulse", hosts=4, step=0.5)
    data = result.to_xarray()
    assert data["live"].attrs["units"] == "cells" and data.sizes == {"time": 15, "host": 4}
    np.testing.assert_array_equal(data["live"].values, result.variable("live"))
    assert len(result.to_dataframe()) == 60
    assert "live" in result._repr_html_()


def test_a_ratio_is_a_share_of_cells() -> None:
    result = simulate(parse_scenario(TEXT), "pulse", hosts=3, step=0.25)
    share = result.variable("state:S") / result.variable("live")
    np.testing.assert_allclose(result.variable("stained"), share)


def test_counting_adds_background_and_noise() -> None:
    """Mean: cells + 500; standard deviation: sqrt((0.1 n)^2 + 20^2), at time 0 where n = 1000."""
    scenario = parse_scenario(TEXT)
    plain = simulate(scenario, "control", hosts=600, times=np.array([0.0]))
    counted = simulate(scenario, "control", hosts=600, times=np.array([0.0]), counted=True)
    assert plain.variable("seen").std() == 0.0
    seen = counted.variable("seen")[0]
    sd = 0.1 * 1500.0
    assert seen.mean() == pytest.approx(1500.0, abs=5 * sd / np.sqrt(600))
    assert seen.std() == pytest.approx(np.hypot(sd, 20.0), rel=0.15)
    np.testing.assert_array_equal(plain.variable("live"), counted.variable("live"))


@pytest.mark.parametrize("engine", ["mean-field", "exact", "leap"])
def test_all_engines_answer(engine: str) -> None:
    scenario = parse_scenario(TEXT.replace("seeded:      {value: 1000", "seeded:      {value: 60"))
    result = simulate(scenario, "pulse", hosts=30, engine=engine, until=3.0)
    expected = simulate(scenario, "pulse", engine="mean-field", until=3.0).variable("live")[-1, 0]
    live = result.variable("live")[-1]
    error = max(live.std(ddof=1) / np.sqrt(len(live)), 1e-6) if len(live) > 1 else 1e-6
    assert abs(live.mean() - expected) < 5 * error + 1e-6


def test_what_cannot_be_simulated_is_refused() -> None:
    scenario = parse_scenario(TEXT)
    for options, check in (
        ({"hosts": 0}, "run.hosts"),
        ({"until": -3.0}, "run.until"),
        ({"engine": "leep"}, "run.engine"),
    ):
        with pytest.raises(SenescapeError) as caught:
            simulate(scenario, "pulse", **options)  # type: ignore[arg-type]
        assert caught.value.check == check
    with pytest.raises(SenescapeError) as caught:
        simulate(scenario, "puls")
    assert caught.value.check == "scenario.unknown-regimen"


def test_a_well_has_recovered_by_the_rule() -> None:
    """Twice the smallest count after day 1, and 100 cells, at the end."""
    scenario = parse_scenario(TEXT.replace("uncertainty:\n", f"{MEASURED}uncertainty:\n"))
    times = np.array([0.0, 1.0, 3.0, 6.0])
    counts = np.array(
        [
            [10.0, 900, 10, 900, 900],
            [500, 500, 10, 300, 400],
            [400, 100, 20, 300, 90],
            [799, 200, 90, 700, 99],
        ]
    )
    table = scenario.measured["wells"]
    assert well_recovered(scenario, table, times, counts).tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert measured_times(scenario, table.regimens["pulse"]).tolist() == [1.0, 3.0, 5.0]
    assert measured_times(scenario, table.regimens["control"]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_measured_wells_are_predicted() -> None:
    scenario = parse_scenario(TEXT.replace("uncertainty:\n", f"{MEASURED}uncertainty:\n"))
    pulse, control = predict_wells(scenario, scenario.measured["wells"], draws=10, step=0.25)
    assert (pulse.wells, pulse.recovered) == (3, 2)
    assert 0 <= pulse.low <= pulse.predicted <= pulse.high <= 3
    expected = np.sqrt(np.mean(np.log(pulse.mean / pulse.observed) ** 2))
    assert pulse.log_error == pytest.approx(expected)
    assert control.predicted == 3.0 and np.isnan(control.log_error)
