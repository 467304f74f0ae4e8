"""Simulations kept in a store: the same bytes as without one, whatever was there before.

Oracle: the run without a store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config
from tests.cohort.test_simulate import TEXT

from senescape.cohort import simulate
from senescape.errors import SenescapeError
from senescape.files import parse_scenario
from senescape.results import Ensemble
from senescape.run import Processes
from senescape.store import Store

SCENARIO = parse_scenario(TEXT)
HOSTS = 12 if config.DISABLE_JIT else 150
SHORT: dict[str, Any] = {"until": 2.0, "step": 0.5, "hosts": HOSTS}


def bytes_of(result: Ensemble) -> tuple[bytes, object]:
    data = result.provenance.to_dict()
    data.pop("run")
    return result.values.tobytes(), data


def from_store(result: Ensemble) -> tuple[int, int]:
    told = result.provenance.run["store"]
    assert isinstance(told, dict)
    return told["found"], told["computed"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"uncertain": True},
        {"counted": True},
        {"engine": "mean-field", "step": None},
        {"engine": "exact", "step": None, "hosts": 5},
    ],
    ids=str,
)
def test_a_store_changes_no_byte(options: dict[str, Any], tmp_path: Path) -> None:
    wanted = SHORT | options
    plain = simulate(SCENARIO, "pulse", **wanted)
    lanes = plain.values.shape[2]
    some = wanted | {"hosts": max(1, lanes // 3)}
    with Store(tmp_path, writing=True) as store:
        simulate(SCENARIO, "pulse", store=store, **some)
        whole = simulate(SCENARIO, "pulse", store=store, **wanted)
        again = simulate(SCENARIO, "pulse", store=store, **wanted)
        assert len(store.runs()) == 1
    assert bytes_of(plain) == bytes_of(whole) == bytes_of(again)
    known = some["hosts"] if lanes > 1 else 1
    assert from_store(whole) == (known, lanes - known)
    assert from_store(again) == (lanes, 0)


def test_options_that_change_no_count_share_a_run(tmp_path: Path) -> None:
    with Store(tmp_path, writing=True) as store:
        simulate(SCENARIO, "pulse", store=store, **SHORT)
        seen = simulate(SCENARIO, "pulse", store=store, counted=True, **SHORT)
        assert from_store(seen) == (HOSTS, 0)
        for other in ({"seed": 2}, {"until": 3.0}, {"step": 0.25}, {"uncertain": True}):
            result = simulate(SCENARIO, "pulse", store=store, **(SHORT | other | {"hosts": 2}))
            assert from_store(result) == (0, 2)
        assert len(store.runs()) == 5


@pytest.mark.skipif(config.DISABLE_JIT, reason="the same branches as the test above, 30 times")
def test_workers_and_chunks_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten configurations drawn at random: threads, chunks, what was there before."""
    plain = bytes_of(simulate(SCENARIO, "pulse", **SHORT))
    random = np.random.default_rng(6)
    for number in range(10):
        monkeypatch.setenv("SENESCAPE_THREADS", str(random.choice([1, 2, 3, 8])))
        monkeypatch.setattr("senescape.run.lanes.MOST_KEPT", int(random.integers(1, 60)))
        with Store(tmp_path / str(number), writing=True) as store:
            for hosts in sorted(random.integers(1, HOSTS, 2).tolist()):
                simulate(SCENARIO, "pulse", store=store, **(SHORT | {"hosts": hosts}))
            whole = simulate(SCENARIO, "pulse", store=store, **SHORT)
        assert bytes_of(whole) == plain


def test_a_borrowed_executor_changes_no_byte(tmp_path: Path) -> None:
    plain = simulate(SCENARIO, "pulse", **SHORT)
    makers: list[Callable[[], Processes | ThreadPoolExecutor]] = [lambda: ThreadPoolExecutor(3)]
    if not config.DISABLE_JIT:  # each process would import all of it to do the same
        makers.append(lambda: Processes(2))
    for number, make in enumerate(makers):
        with Store(tmp_path / str(number), writing=True) as store:
            kept = simulate(SCENARIO, "pulse", store=store, executor=make(), **SHORT)
        assert bytes_of(kept) == bytes_of(plain)


def test_only_what_is_missing_is_priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = SHORT | {"hosts": 5}
    with Store(tmp_path, writing=True) as store:
        simulate(SCENARIO, "pulse", store=store, **few)
        monkeypatch.setenv("SENESCAPE_BUDGET_HOURS", "1e-9")
        again = simulate(SCENARIO, "pulse", store=store, **few)
        assert from_store(again) == (5, 0)
        with pytest.raises(SenescapeError, match="3 hosts x") as caught:
            simulate(SCENARIO, "pulse", store=store, **(few | {"hosts": 8}))
        assert caught.value.check == "run.budget-hours"


def test_a_changed_scenario_under_a_name_is_refused(tmp_path: Path) -> None:
    other = parse_scenario(TEXT.replace("dust:  {value: 500 cells", "dust:  {value: 501 cells"))
    few = SHORT | {"hosts": 2}
    with Store(tmp_path, writing=True) as store:
        simulate(SCENARIO, "pulse", store=store, name="mine", **few)
        simulate(SCENARIO, "control", store=store, name="mine", **few)
        with pytest.raises(SenescapeError) as caught:
            simulate(other, "pulse", store=store, name="mine", **few)
        assert "parameters.dust.value: 500.0 cells -> 501.0 cells" in str(caught.value)
        assert set(store.named("mine")) == {"pulse", "control"}
        simulate(other, "pulse", store=store, **few)
        assert len(store.runs()) == 3


def test_arrows_in_another_order_are_another_run(tmp_path: Path) -> None:
    """Their numbers key the streams: other bytes, which must not be mixed with the first."""
    data = SCENARIO.model_dump(mode="json", by_alias=True)
    data["arrows"] = dict(reversed(data["arrows"].items()))
    other = parse_scenario(json.dumps(data))
    few = SHORT | {"hosts": 4}
    assert bytes_of(simulate(other, "pulse", **few)) != bytes_of(simulate(SCENARIO, "pulse", **few))
    with Store(tmp_path, writing=True) as store:
        simulate(SCENARIO, "pulse", store=store, name="mine", **few)
        assert from_store(simulate(other, "pulse", store=store, **few)) == (0, 4)
        with pytest.raises(SenescapeError, match=r"question\.order: "):
            simulate(other, "pulse", store=store, name="mine", **few)
        (one, _) = store.runs()
        again = parse_scenario(json.dumps(one.manifest["scenario"]))
        assert from_store(simulate(again, "pulse", store=store, name="mine", **few)) == (4, 0)


def test_a_disk_that_fills_up_keeps_what_was_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bytes_of(simulate(SCENARIO, "pulse", **SHORT))
    monkeypatch.setattr("senescape.run.lanes.MOST_KEPT", 4)
    fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 20:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with (
        Store(tmp_path, writing=True) as store,
        pytest.raises(SenescapeError, match="No space left"),
    ):
        simulate(SCENARIO, "pulse", store=store, **(SHORT | {"hosts": 150}))
    monkeypatch.undo()
    with Store(tmp_path, writing=True) as store:
        (info,) = store.runs()
        assert 4 <= info.acknowledged <= info.replicates < 150
        again = simulate(SCENARIO, "pulse", store=store, **SHORT)
    assert bytes_of(again) == plain
    assert from_store(again)[0] == min(HOSTS, info.replicates)
