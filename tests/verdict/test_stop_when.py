"""Stop rules of simulations and verdicts: the bytes of a run of that size from the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cohort.test_simulate import TEXT
from tests.verdict.test_worlds import slow_uncompiled
from tests.verdict.worlds import world

from senescape.cohort import simulate
from senescape.compile.question import question_of
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.results import BLOCK
from senescape.store import Store
from senescape.verdict import Verdict, judge
from senescape.verdict.drawing import effect_bounds, looks_of

SHORT: dict[str, Any] = {"step": 0.5, "until": 6.0}
ENOUGH = "half-width of live at 6 < 1.5 %"


class Told:
    """A monitor that writes down what it is told."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.done = self.total = 0

    def start(self, what: str, total: int) -> None:
        self.total += total

    def advance(self, units: int) -> None:
        self.done += units

    def estimate(self, text: str) -> None:
        self.answers.append(text)

    def stop(self) -> None:
        pass


@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_stopped_simulation_is_one_of_that_size(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENESCAPE_THREADS", threads)
    scenario = parse_scenario(TEXT)
    found = simulate(scenario, "pulse", hosts=5000, stop_when=ENOUGH, counted=True, **SHORT)
    precision = found.precision
    assert precision is not None and precision.reached and precision.kind == "asymptotic"
    assert 4 * BLOCK <= found.hosts < 5000 and found.hosts % BLOCK == 0
    assert precision.n == found.hosts and precision.half_width < precision.wanted
    live = found.variable("live")[-1]
    assert precision.low < live.mean() < precision.high
    assert precision.half_width > 1.96 * live.std() / np.sqrt(len(live))  # looking often costs
    assert "Stopped after" in precision.sentence()
    whole = simulate(scenario, "pulse", hosts=found.hosts, counted=True, **SHORT)
    np.testing.assert_array_equal(found.values, whole.values)
    before = simulate(scenario, "pulse", hosts=found.hosts - BLOCK, stop_when=ENOUGH, **SHORT)
    assert before.precision is not None and not before.precision.reached


def test_more_precision_goes_on_where_the_store_ends(tmp_path: Path) -> None:
    scenario = parse_scenario(TEXT)
    with Store(tmp_path / "kept", writing=True) as store:
        rough = simulate(scenario, "pulse", hosts=5000, stop_when=ENOUGH, store=store, **SHORT)
        fine = simulate(
            scenario, "pulse", hosts=5000, stop_when="half-width < 1 %", store=store, **SHORT
        )
    assert fine.hosts > rough.hosts
    kept: Any = fine.provenance.run["store"]
    assert kept["found"] >= rough.hosts and kept["found"] + kept["computed"] >= fine.hosts
    alone = simulate(scenario, "pulse", hosts=5000, stop_when="half-width < 1 %", **SHORT)
    np.testing.assert_array_equal(fine.values, alone.values)


def test_what_is_not_reached_is_said() -> None:
    scenario = parse_scenario(TEXT)
    found = simulate(
        scenario, "pulse", hosts=300, stop_when="half-width of live < 1e-6 cells", **SHORT
    )
    assert found.hosts == 300 and found.precision is not None
    assert not found.precision.reached and "NOT reached" in found.precision.sentence()
    told: Any = found.provenance.question["precision"]
    assert told["reached"] is False and told["hosts"] == 300
    few = simulate(scenario, "pulse", hosts=100, stop_when="half-width < 50 %", **SHORT)
    assert few.precision is not None and "256" in few.precision.sentence()


def test_a_bar_changes_nothing_and_shows_the_answer() -> None:
    scenario = parse_scenario(TEXT)
    told = Told()
    seen = simulate(scenario, "pulse", hosts=400, monitor=told, **SHORT)
    np.testing.assert_array_equal(
        seen.values, simulate(scenario, "pulse", hosts=400, **SHORT).values
    )
    assert told.done == told.total == 400 and len(told.answers) == 7
    assert told.answers[-1].startswith("stained at day 6 0.") and "400 hosts" in told.answers[-1]


@pytest.mark.parametrize(
    ("rule", "check", "said"),
    [
        ("half-width", "run.stop-when", "half-width < 0.01"),
        ("half-width < 0", "run.stop-when", "above 0"),
        ("half-width < -1", "run.stop-when", "NUMBER"),
        ("width < 3", "run.stop-when", "half-width"),
        ("half-width of liv < 3", "run.stop-when", "did you mean live?"),
        ("half-width of live at 5.5 < 3", "run.stop-when", "day 5.5"),
        ("half-width of live < 3 days", "quantity.dimension", "days"),
        ("half-width of live < 3 hens", "quantity.unit-unknown", "hens"),
        ("half-width < 1 " + "x" * 300, "run.stop-when", "half-width"),
    ],
)
def test_rules_that_are_none_are_refused(rule: str, check: str, said: str) -> None:
    with pytest.raises(SenescapeError) as caught:
        simulate(parse_scenario(TEXT), "pulse", hosts=10, stop_when=rule, **SHORT)
    assert caught.value.check == check and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stopped_verdict_is_one_of_that_size() -> None:
    """Time to progression, between 0 and 14 days: the interval is exact at every number of draws."""
    scenario = parse_scenario(TEXT)
    options: dict[str, Any] = {"hosts": 1, "step": 0.5, "seed": 4}
    found = judge(scenario, "pulse", draws=2000, stop_when="half-width < 1.6 day", **options)
    precision = found.precision
    assert precision is not None and precision.reached and precision.kind == "exact"
    assert precision.n % BLOCK == 0 and precision.n < 2000 and found.draws == precision.n
    assert precision.low < found.main.effect.estimate < precision.high
    whole = judge(scenario, "pulse", draws=precision.n, **options)
    assert whole.main.effect == found.main.effect
    assert {r: v.effect for r, v in whole.rules.items()} == {
        r: v.effect for r, v in found.rules.items()
    }
    told: Any = found.provenance.question["precision"]
    assert told["draws"] == precision.n and told["wanted"] == 1.6


def plain(verdict: Verdict) -> str:
    """All that is printed of a verdict but the time it took and the rule."""
    data: dict[str, Any] = verdict.to_dict()
    data["provenance"].pop("run")
    data["provenance"]["question"].pop("precision", None)
    return json.dumps(data)


@slow_uncompiled
def test_a_stopped_verdict_has_the_bytes_of_one_of_that_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rules, curves, readings, shares; for any number of threads, with a bar and without."""
    scenario = world(headline="time_to_progression", recovers=3, dies=0)
    options: dict[str, Any] = {"step": 0.25, "shares": True, "seed": 3}
    told = Told()
    found = []
    for threads, monitor in (("1", None), ("2", told), ("3", None)):
        monkeypatch.setenv("SENESCAPE_THREADS", threads)
        stop = {"draws": 900, "stop_when": "half-width < 0.7 day", "monitor": monitor}
        found.append(judge(scenario, "pulse", **stop, **options))
    assert found[0].draws == 2 * BLOCK and len(told.answers) == 2
    whole = judge(scenario, "pulse", draws=2 * BLOCK, **options)
    assert [plain(v) for v in found] == [plain(whole)] * 3


@slow_uncompiled
def test_the_bar_of_a_verdict_ends_at_all_of_its_work() -> None:
    """Worlds and coalitions are counted before they are run; 100 draws are seen in two blocks."""
    scenario = world(headline="time_to_progression", recovers=3, dies=0)
    told = Told()
    options: dict[str, Any] = {"draws": 100, "hosts": 1, "step": 0.25, "shares": True}
    seen = judge(scenario, "pulse", monitor=told, **options)
    assert told.done == told.total > 0 and len(told.answers) == 2
    assert "100 draws" in told.answers[-1]
    assert plain(seen) == plain(judge(scenario, "pulse", **options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stop_when": "half-width of live < 3"}, "leave out the rest"),
        ({"stop_when": "half-width at 3 < 3"}, "horizon"),
        ({"stop_when": "half-width < 5 %"}, "effect V"),
        ({"stop_when": "half-width < 1 day", "budget": 400}, "one of them"),
    ],
)
def test_rules_of_something_else_than_the_effect_are_refused(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SenescapeError, match="stop-when") as caught:
        judge(parse_scenario(TEXT), "pulse", draws=70, hosts=1, **options)
    assert caught.value.check == "run.stop-when" and said in str(caught.value)


@slow_uncompiled
def test_an_asymptotic_interval_speaks_late_and_is_narrower() -> None:
    """The same 320 draws: it says nothing at 192 looks, and is narrower than the exact one in the end."""
    scenario = world(headline="time_to_progression", recovers=3, dies=0)
    found = {
        rule: judge(scenario, "pulse", draws=320, hosts=1, step=0.5, stop_when=f"{rule} < 1e-6 day")
        for rule in ("half-width", "asymptotic half-width")
    }
    exact, loose = (found[rule].precision for rule in found)
    assert exact is not None and loose is not None
    assert (exact.kind, loose.kind) == ("exact", "asymptotic")
    assert 0.0 < loose.half_width < exact.half_width
    early = judge(
        scenario, "pulse", draws=192, hosts=1, step=0.5, stop_when="asymptotic half-width < 99 day"
    )
    assert early.precision is not None and not early.precision.reached


def test_the_burden_has_no_bounds_and_its_interval_is_asymptotic() -> None:
    question = question_of(world(headline="burden", recovers=3, dies=0))
    assert effect_bounds(question) is None
    looks = looks_of(question, 100, "half-width < 0.1")
    assert looks.sequence.kind == "asymptotic"
