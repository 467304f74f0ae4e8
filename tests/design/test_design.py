"""Designs and sweeps: the same bytes as single runs, labels that belong to them, sound samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from scipy import stats
from scipy.stats import qmc
from tests.cohort.test_simulate import TEXT

from senescape.cohort import simulate
from senescape.design import design_of, factor_of, grid, latin_hypercube, sobol, sweep
from senescape.errors import SenescapeError
from senescape.files import parse_scenario, read_scenario
from senescape.model import Scenario

VARIED = TEXT.replace(
    "observables:\n",
    "variants:\n  here: {set: {repair: 0.35 / day, growth: 0.5 / day}}\nobservables:\n",
)


def scenario() -> Scenario:
    return parse_scenario(VARIED)


def test_a_point_is_a_simulation_with_these_numbers() -> None:
    """By bytes: the last of six points has the numbers of the variant."""
    made = scenario()
    factors = (
        factor_of(made, "repair=0.2,0.35 / day"),
        factor_of(made, "growth=0.3,0.4,0.5 / day"),
    )
    found = sweep(
        made, grid(factors), regimens=["pulse"], hosts=9, step=0.25, until=6.0, every_host=True
    )
    expected = simulate(made, "pulse", hosts=9, step=0.25, until=6.0, variant="here")
    assert found["live"].dims == ("regimen", "repair", "growth", "time", "host")
    point = found.sel(regimen="pulse", repair=0.35, growth=0.5)
    for name in made.observables:
        np.testing.assert_array_equal(point[name].values, expected.variable(name))
    other = simulate(
        parse_scenario(VARIED.replace("repair:      {value: 0.1 /", "repair:      {value: 0.2 /")
                       .replace("growth:      {value: 0.6 /", "growth:      {value: 0.4 /")),
        "pulse", hosts=9, step=0.25, until=6.0,
    )  # fmt: skip
    swapped = found.sel(regimen="pulse", repair=0.2, growth=0.4)
    np.testing.assert_array_equal(swapped["live"].values, other.variable("live"))


def test_statistics_are_those_of_the_hosts() -> None:
    made = scenario()
    design = grid([factor_of(made, "growth=0.3,0.6 / day")])
    options: dict[str, Any] = {
        "regimens": ["pulse", "control"],
        "hosts": 12,
        "step": 0.5,
        "until": 5.0,
    }
    hosts = sweep(made, design, every_host=True, **options)
    found = sweep(made, design, **options)
    live = hosts["live"]
    for name, expected in (
        ("mean", live.mean("host")),
        ("sd", live.std("host", ddof=1)),
        ("0.95", live.quantile(0.95, "host")),
    ):
        np.testing.assert_allclose(found["live"].sel(statistic=name), expected, rtol=1e-12)
    assert (found["live"].sel(statistic="failed") == 0.0).all()
    assert found["live"].attrs["units"] == "cells" and found["growth"].attrs["units"] == "1 / day"
    asked = json.loads(found.attrs["provenance"])["question"]
    assert asked["points"] == 2 and asked["step"] == 0.5
    assert asked["factors"] == ["growth=0.3,0.6 1 / day"] and asked["times"] == list(range(6))


def test_units_of_what_is_varied_are_read() -> None:
    """0.02 / h and 0.48 / day are one number (to rounding): a scale that is dropped is seen."""
    made = scenario()
    options: dict[str, Any] = {"regimens": ["pulse"], "hosts": 3, "step": 0.5, "until": 3.0}
    hourly = sweep(made, grid([factor_of(made, "growth=0.02 / h")]), **options)["live"]
    daily = sweep(made, grid([factor_of(made, "growth=0.48 / day")]), **options)["live"]
    np.testing.assert_allclose(hourly.values, daily.values, rtol=1e-9)


def test_points_share_their_hosts_and_chance() -> None:
    """Two points with the same number are equal to the last bit; a third is not."""
    made = scenario()
    design = latin_hypercube([factor_of(made, "growth=0.3..0.6 / day")], 3)
    same = np.array([[0.4], [0.4], [0.5]])
    found = sweep(
        made,
        type(design)(design.kind, design.factors, same, (), 1),
        regimens=["pulse"],
        hosts=6,
        step=0.5,
        every_host=True,
    )["live"]
    np.testing.assert_array_equal(found.sel(point=0), found.sel(point=1))
    assert not np.array_equal(found.sel(point=0), found.sel(point=2))


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_change_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scenario()
    design = latin_hypercube([factor_of(made, "growth=0.3..0.6 / day")], 20)
    whole = sweep(made, design, regimens=["pulse"], hosts=5, step=0.5, until=4.0)
    monkeypatch.setenv("SENESCAPE_THREADS", threads)
    found = sweep(made, design, regimens=["pulse"], hosts=5, step=0.5, until=4.0)
    xarray.testing.assert_equal(found.drop_attrs(), whole.drop_attrs())


def test_a_point_that_cannot_go_on_harms_no_other() -> None:
    """A negative rate of growth at one point of three: told, not a number, the others as alone."""
    made = scenario()
    text = "growth=-0.2,0.4,0.6 / day"
    found = sweep(
        made, grid([factor_of(made, text)]), regimens=["pulse"], hosts=4, step=0.5, until=4.0
    )
    good = sweep(
        made,
        grid([factor_of(made, "growth=0.4,0.6 / day")]),
        regimens=["pulse"],
        hosts=4,
        step=0.5,
        until=4.0,
    )
    told = json.loads(found.attrs["failures"])
    assert [(f["point"], f["host"]) for f in told] == [(0, h) for h in range(4)]
    assert all("run.rate" in f["what"] for f in told)
    for name in ("live", "stained"):
        bad = found[name].isel(growth=0)
        assert (bad.sel(statistic="failed") == 1.0).all() and np.isnan(
            bad.sel(statistic="mean")
        ).all()
        np.testing.assert_array_equal(found[name].isel(growth=[1, 2]), good[name])


def test_a_latin_hypercube_has_one_point_a_stratum() -> None:
    made = read_scenario("figure-1")
    factors = [
        factor_of(made, "growth=0.2..1.2 / day"),
        factor_of(made, "sasp_half=1e-3..1", log=True),
    ]
    design = latin_hypercube(factors, 40, seed=7)
    shares = (
        (design.values[:, 0] - 0.2) / 1.0,
        np.log(design.values[:, 1] / 1e-3) / np.log(1e3),
    )
    for share in shares:
        assert sorted(np.floor(40 * share).astype(int)) == list(range(40))
    assert abs(stats.spearmanr(*shares).statistic) < 0.6
    again = latin_hypercube(factors, 40, seed=7).values
    np.testing.assert_array_equal(design.values, again)
    assert not np.array_equal(design.values, latin_hypercube(factors, 40, seed=8).values)


def test_a_sobol_sequence_fills_better_than_chance() -> None:
    made = read_scenario("figure-1")
    factors = [factor_of(made, f"{name}=0..1 / day") for name in ("growth", "paracrine_rate")]
    design = sobol(factors, 256, seed=3)
    expected = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(3)).random(256)
    np.testing.assert_array_equal(design.values, expected)
    by_chance = [qmc.discrepancy(np.random.default_rng(i).random((256, 2))) for i in range(20)]
    assert qmc.discrepancy(design.values) < min(by_chance) / 4


def test_a_prior_gives_its_own_quantiles() -> None:
    """4,096 points of a Sobol sequence lie within 1e-3 of the prior's distribution function."""
    made = scenario()
    (values,) = sobol([factor_of(made, "repair")], 4096).values.T
    prior = stats.lognorm(0.4, scale=0.1)
    assert stats.kstest(values, prior.cdf).statistic < 1e-3
    # one that is 0 with a chance of its own
    figure = read_scenario("figure-1")
    name, noun = next((n, d) for n, d in figure.uncertainty.parameters.items() if d.zero > 0.0)
    (drawn,) = sobol([factor_of(figure, name)], 1024).values.T
    assert np.mean(drawn == 0.0) == pytest.approx(noun.zero, abs=2e-3)


def test_netcdf_keeps_numbers_units_and_names(tmp_path: Path) -> None:
    made = scenario()
    found = sweep(
        made, grid([factor_of(made, "growth=0.3,0.6 / day")]), hosts=3, step=0.5, until=3.0
    )
    found.to_netcdf(tmp_path / "sweep.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "sweep.nc", engine="scipy") as read:
        xarray.testing.assert_identical(read.load(), found)


REFUSED = {
    "unknown": ("grwth=1,2 / day", False, "design.unknown-parameter", "did you mean growth"),
    "nothing": ("=1,2", False, "design.unknown-parameter", "nothing"),
    "no unit": ("growth=0.1..0.2", False, "design.unit", "1/day"),
    "other unit": ("growth=0.1..0.2 cells", False, "design.unit", "cells"),
    "reversed": ("growth=0.9..0.2 / day", False, "design.range", "0.9 to 0.2"),
    "log of 0": ("growth=0..0.2 / day", True, "design.range", "above 0"),
    "levels by log": ("growth=0.1,0.2 / day", True, "design.factor", "logarithms"),
    "level twice": ("growth=0.1,0.1 / day", False, "design.levels", "each once"),
    "infinite": ("growth=0.1..1e999 / day", False, "design.range", "finite"),
    "words": ("growth=little", False, "design.factor", "LOW..HIGH"),
    "no prior": ("growth", False, "design.no-prior", "repair"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_varied_is_refused(name: str) -> None:
    text, log, check, said = REFUSED[name]
    with pytest.raises(SenescapeError, match=".*") as caught:
        factor_of(scenario(), text, log=log)
    assert caught.value.check == check and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_designs_that_are_none_are_refused() -> None:
    made = scenario()
    levels, span = factor_of(made, "growth=0.1,0.2 / day"), factor_of(made, "repair=0..1 / day")
    many = factor_of(made, f"growth={','.join(map(str, range(1001)))} / day")
    wide = factor_of(made, f"repair={','.join(map(str, range(1001)))} / day")
    cases = (
        (lambda: grid([]), "design.factors"),
        (lambda: grid([levels, levels]), "design.factors"),
        (lambda: grid([span]), "design.no-levels"),
        (lambda: grid([many, wide]), "design.points"),
        (lambda: latin_hypercube([levels], 4), "design.levels"),
        (lambda: latin_hypercube([span], 0), "design.points"),
        (lambda: sobol([span], 100), "design.sobol"),
        (lambda: design_of("halton", [span], 4), "design.kind"),
    )
    for attempt, check in cases:
        with pytest.raises(SenescapeError) as caught:
            attempt()
        assert caught.value.check == check


SHARE = "distribution: beta, mean: share, sd: 0.1"
# name: (edits of the scenario, what is varied, what a scenario would state)
FURTHER = {
    "middle of hosts": (
        [("  growth:  ", "  share: {value: 0.5, source: assumption}\n  growth:  "),
         ("rate: repair,", "rate: repair * share,"),
         ("observables:\n", f"variation:\n  share: {{axis: well, {SHARE}}}\nobservables:\n")],
        "share=0.2", {"share": "0.2"},
    ),
    "end of hosts": (
        [("  growth:  ", "  top: {value: 0.5 / day, source: assumption}\n  growth:  "),
         ("observables:\n", "variation:\n  growth: {axis: well, distribution: uniform, low: 0.1 / day, high: top}\nobservables:\n")],
        "top=0.9 / day", {"top": "0.9 / day"},
    ),
    "dose": (
        [("  growth:  ", "  dose: {value: 2 uM, source: assumption}\n  growth:  "),
         ("concentration: 2 uM", "concentration: dose")],
        "dose=4000 nM", {"dose": "4 uM"},
    ),
}  # fmt: skip


def edited(edits: list[tuple[str, str]]) -> Scenario:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_scenario(text)


@pytest.mark.parametrize("name", FURTHER)
def test_what_hosts_and_doses_read_is_varied_too(name: str) -> None:
    """By bytes a simulation of a scenario that states the number, and another than as it stands."""
    edits, text, stated = FURTHER[name]
    made = edited(edits)
    design = grid([factor_of(made, text)])
    found = sweep(made, design, regimens=["pulse"], hosts=3, step=0.25, until=6.0, every_host=True)[
        "live"
    ]
    expected, usual = (
        simulate(each, "pulse", hosts=3, step=0.25, until=6.0).variable("live")
        for each in (made.with_parameters(stated), made)
    )
    np.testing.assert_array_equal(found.values.reshape(expected.shape), expected)
    assert not np.array_equal(expected, usual)


LENGTH = [
    ("  growth:  ", "  length: {value: 48 h, source: assumption}\n  growth:  "),
    ("to: 48 h", "to: length"),
]
BEGIN = [
    ("  growth:  ", "  begin: {value: -2 day, source: assumption}\n  growth:  "),
    ("setting: culture", "setting: culture\nstart: begin"),
]
SET = [("  pulse:   {give:", "  pulse:   {set: {repair: 0.4 / day}, give:")]
WITHOUT = {
    "time of a dose": (LENGTH, "length=96 h", {}, "design.not-in-equations"),
    "start": (BEGIN, "begin=-4 day", {}, "design.not-in-equations"),
    "set by the regimen": (SET, "repair=0.9 / day", {}, "design.set-elsewhere"),
    "set by the variant": (
        [("observables:\n", "variants:\n  here: {set: {repair: 0.4 / day}}\nobservables:\n")],
        "repair=0.9 / day", {"variant": "here"}, "design.set-elsewhere",
    ),
    "hosts and draws": (FURTHER["end of hosts"][0], "top=0.9 / day", {"uncertain": True}, "design.variation"),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT)
def test_what_would_be_without_effect_is_refused(name: str) -> None:
    edits, text, options, check = WITHOUT[name]
    made = edited(edits)
    said = "hosts differ" if check == "design.variation" else text.partition("=")[0]
    with pytest.raises(SenescapeError, match=said) as caught:
        sweep(made, grid([factor_of(made, text)]), regimens=["pulse"], hosts=2, **options)
    assert caught.value.check == check


def test_correlated_priors_are_no_sample() -> None:
    tie = "  correlations: [{between: [repair, dying], correlation: 0.9}]"
    prior = "    repair: {distribution: lognormal, sd: 0.4}"
    made = edited([(prior, f"{prior}\n    dying: {{distribution: lognormal, sd: 0.4}}\n{tie}")])
    both = [factor_of(made, "repair"), factor_of(made, "dying")]
    with pytest.raises(SenescapeError, match="repair and dying") as caught:
        latin_hypercube(both, 8)
    assert caught.value.check == "design.correlated"
    latin_hypercube([both[0], factor_of(made, "dying=0.1..0.2 / day")], 8)
