"""Checkpoints and forks: bytes of a run that was never stopped, and of a course written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numba import config
from tests.cohort.test_simulate import TEXT
from tests.files.test_bad_scenarios import BODY, VOLUME

from senescape.cohort import Checkpoint, checkpoint, cohort_of, fork
from senescape.cohort.simulate import counted_rows
from senescape.compile import compile_scenario
from senescape.compile.course import compile_course
from senescape.errors import SenescapeError
from senescape.files import bundled, parse_scenario, read_scenario
from senescape.model import Scenario
from senescape.run import engine_named, run_lanes

DAY, UNTIL, HOSTS = 3.0, 9.0, 12

# What is given before day 3 by one, what from then on by the other, and both in one by hand.
INFUSED = """
  first:  {give: [{infusion: drug, amount: 4 nmol, from: 1 day, to: 5 day}, {dose: drug, amount: 9 nmol, at: [0 day, 4 day]}]}
  second: {give: [{infusion: drug, amount: 8 nmol, from: 2 day, to: 6 day}, {infusion: drug, amount: 2 nmol, from: 4 day, to: 7 day}, {dose: drug, amount: 5 nmol, at: [1 day, 3 day, 8 day]}]}
  both:   {give: [{infusion: drug, amount: 4 nmol, from: 1 day, to: 5 day}, {dose: drug, amount: 9 nmol, at: [0 day]}, {infusion: drug, amount: 2 nmol, from: 4 day, to: 7 day}, {dose: drug, amount: 5 nmol, at: [3 day, 8 day]}]}
"""
BATHED = """
  first:  {give: [{bath: drug, concentration: 2 uM, from: 1 day, to: 5 day}, {washout: drug, at: [6 day]}]}
  second: {give: [{bath: drug, concentration: 1 uM, from: 0 day, to: 4 day}, {bath: drug, concentration: 3 uM, from: 7 day, to: 8 day}]}
  both:   {give: [{bath: drug, concentration: 2 uM, from: 1 day, to: 4 day}, {washout: drug, at: [5 day]}, {bath: drug, concentration: 3 uM, from: 7 day, to: 8 day}]}
"""
SMALL = ("seeded:      {value: 1000", "seeded:      {value: 60")


def scenario_with(regimens: str) -> Scenario:
    text = TEXT.replace(*SMALL)
    for edit in (BODY, VOLUME) if "infusion" in regimens else ():
        text = text.replace(*edit)
    begin, end = text.index("regimens:\n"), text.index("observables:\n")
    return parse_scenario(
        f"{text[:begin]}regimens:\n  control: {{label: untreated}}{regimens}{text[end:]}"
    )


def unstopped(scenario: Scenario, regimen: str, engine: str, times: np.ndarray) -> np.ndarray:
    """Run a regimen from the start, with the streams and clocks that a checkpoint has."""
    program = compile_scenario(scenario, regimen).program
    cohort = cohort_of(scenario, program, seed=1, draws=1, hosts=HOSTS, uncertain=False)
    return run_lanes(
        engine_named(engine, twins=True),
        program,
        cohort.parameters,
        cohort.streams,
        times,
        assays=tuple(n for n in counted_rows(scenario) if n != "stained"),  # a ratio
    )


TIMES = np.array([DAY, 3.5, 4.0, 5.0, 6.5, 7.0, 8.0, UNTIL])


@pytest.mark.parametrize("engine", ["leap", "exact"])
@pytest.mark.parametrize("regimens", [INFUSED, BATHED], ids=["infused", "bathed"])
def test_a_fork_is_the_course_that_was_written_by_hand(regimens: str, engine: str) -> None:
    scenario = scenario_with(regimens)
    kept = checkpoint(scenario, "first", DAY, hosts=HOSTS, engine=engine)
    found = fork(kept, "second", times=TIMES)
    expected = unstopped(scenario, "both", engine, TIMES)
    # outputs are before what is given on that day in the run that stops there, after it in the other
    np.testing.assert_array_equal(found.values[1:], expected)
    alone = unstopped(scenario, "first", engine, TIMES)
    assert not np.array_equal(alone, expected)


@pytest.mark.parametrize("engine", ["leap", "exact"])
def test_going_on_as_before_is_as_if_nothing_had_stopped(engine: str, tmp_path: Path) -> None:
    scenario = scenario_with(INFUSED)
    kept = checkpoint(scenario, "first", DAY, hosts=HOSTS, engine=engine)
    kept.save(tmp_path / "kept.npz")
    again = Checkpoint.load(tmp_path / "kept.npz")
    expected = unstopped(scenario, "first", engine, TIMES)
    np.testing.assert_array_equal(fork(again, "first", times=TIMES).values[1:], expected)
    # a second stop on the way changes nothing: days and halves end steps of the leap anyway
    later = checkpoint(again, "first", 5.0)
    found = fork(later, "first", times=TIMES[3:])
    np.testing.assert_array_equal(found.values[1:], expected[:, 3:])


def test_three_regimens_one_after_another() -> None:
    scenario = scenario_with(INFUSED)
    program = compile_course(
        scenario, (("first", 0.0), ("control", 2.0), ("second", DAY), ("first", 4.5))
    ).program
    # first: dose and infusion begin; its end at 5; second: doses of day 3, infusion 4 to 7
    assert program.forcing.time.tolist() == [0.0, 1.0, 3.0, 4.0, 5.0, 7.0]
    assert (
        program.forcing.infusions == 3
    )  # second has 1 and 2; what it begins too early is not given


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_scenario_goes_on(name: str) -> None:
    """Daily outputs: the same bytes as a simulation that passed the day."""
    scenario = read_scenario(name)
    regimen = list(scenario.regimens)[-1]
    program = compile_scenario(scenario, regimen).program
    day = float(np.ceil(program.forcing.start)) + 2.0
    course = compile_course(scenario, ((regimen, day), (regimen, day))).program
    np.testing.assert_array_equal(course.forcing.time, program.forcing.time)
    np.testing.assert_array_equal(course.forcing.action[:, :2], program.forcing.action[:, :2])


def test_forks_share_their_chance_until_they_differ() -> None:
    """The next dose of one comes on day 8: bytes are equal up to then, and not after."""
    late = "\n  first: {give: [{dose: drug, amount: 9 nmol, at: [0 day]}]}" + (
        "\n  second: {give: [{dose: drug, amount: 9 nmol, at: [8 day]}]}\n"
    )
    text = TEXT.replace(*BODY).replace(*VOLUME)
    begin, end = text.index("regimens:\n"), text.index("observables:\n")
    scenario = parse_scenario(f"{text[:begin]}regimens:{late}{text[end:]}")
    kept = checkpoint(scenario, "first", DAY, hosts=HOSTS)
    one, other = (fork(kept, name, until=12.0) for name in ("first", "second"))
    differ = (one.values != other.values).any(axis=(0, 2))
    assert one.time[differ].min() == 9.0 and differ[one.time >= 9.0].all()


@pytest.mark.skipif(
    config.DISABLE_JIT,
    reason="10 s each as plain Python, where threads take turns: nothing is to be seen",
)
@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_change_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenario_with(INFUSED)
    whole = fork(checkpoint(scenario, "first", DAY, hosts=70), "second", until=6.0)
    monkeypatch.setenv("SENESCAPE_THREADS", threads)
    found = fork(checkpoint(scenario, "first", DAY, hosts=70), "second", until=6.0)
    np.testing.assert_array_equal(found.values, whole.values)


@pytest.mark.parametrize("name", ["counts", "signal", "input", "key"])
def test_a_part_of_the_state_that_is_wrong_is_seen(name: str) -> None:
    """Planted: each array matters, so none may be forgotten."""
    kept = checkpoint(scenario_with(INFUSED), "first", DAY, hosts=HOSTS)
    wrong = replace(kept, arrays=kept.arrays | {name: 2 * kept.arrays[name]})
    good, bad = (fork(each, "first", times=TIMES).values for each in (kept, wrong))
    assert not np.array_equal(good, bad)


def test_a_breakpoint_done_twice_is_seen() -> None:
    kept = checkpoint(scenario_with(INFUSED), "first", DAY, hosts=HOSTS)
    twice = replace(kept, next_breakpoint=kept.next_breakpoint - 1)
    good, bad = (fork(each, "first", times=TIMES).values for each in (kept, twice))
    assert not np.array_equal(good, bad)


def damage(path: Path, what: str) -> None:
    data = bytearray(path.read_bytes())
    if what == "cut":
        del data[len(data) // 2 :]
    elif what == "empty":
        data.clear()
    elif what == "text":
        data[:] = b"no checkpoint at all"
    elif what == "bit":
        with np.load(path) as file:
            arrays = {name: file[name].copy() for name in file.files}
        arrays["counts"][0, 0] += 1.0
        np.savez_compressed(path, allow_pickle=False, **arrays)
        return
    elif what in ("other text", "newer format"):
        with np.load(path) as file:
            arrays = {name: file[name].copy() for name in file.files}
        told = json.loads(arrays["checkpoint"].tobytes())
        told |= {"format": 1 if what == "other text" else 2}
        del told["course" if what == "other text" else "seed"]
        arrays["checkpoint"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        np.savez_compressed(path, allow_pickle=False, **arrays)
        return
    elif what == "other arrays":
        np.savez(path, counts=np.zeros((2, 2)))
        return
    path.write_bytes(data)


@pytest.mark.parametrize(
    "what", ["cut", "empty", "text", "bit", "other text", "newer format", "other arrays"]
)
def test_a_damaged_file_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    checkpoint(scenario_with(BATHED), "first", DAY, hosts=2).save(path)
    damage(path, what)
    with pytest.raises(SenescapeError) as caught:
        Checkpoint.load(path)
    assert caught.value.check == "fork.file"


def test_what_cannot_go_on_is_refused() -> None:
    scenario = scenario_with(BATHED)
    kept = checkpoint(scenario, "first", DAY, hosts=2)
    other = kept.code | {"version": kept.code["version"] | {"numpy": "0.1"}}
    narrow = kept.arrays | {"counts": kept.arrays["counts"][:-1]}
    cases = (
        (lambda: checkpoint(scenario, "first", -1.0), "fork.day"),
        (lambda: checkpoint(scenario, "first", float("nan")), "fork.day"),
        (lambda: checkpoint(kept, "first", DAY), "fork.day"),
        (lambda: checkpoint(scenario, "first", DAY, engine="mean-field"), "fork.engine"),
        (lambda: checkpoint(scenario, "frist", DAY), "scenario.unknown-regimen"),
        (lambda: fork(kept, "secnd"), "scenario.unknown-regimen"),
        (lambda: fork(kept, "second", until=2.0), "run.until"),
        (lambda: fork(kept, "second", times=np.array([1.0, 5.0])), "fork.times"),
        (lambda: fork(replace(kept, code=other), "second"), "fork.other-code"),
        (lambda: fork(replace(kept, arrays=narrow), "second"), "run.other-state"),
    )
    for attempt, check in cases:
        with pytest.raises(SenescapeError) as caught:
            attempt()
        assert caught.value.check == check, str(caught.value)


def test_regimens_that_set_other_numbers_cannot_follow_one_another() -> None:
    text = BATHED.replace("second: {give:", "second: {set: {repair: 0.4 / day}, give:")
    kept = checkpoint(scenario_with(text), "first", DAY, hosts=2)
    with pytest.raises(SenescapeError, match="repair") as caught:
        fork(kept, "second")
    assert caught.value.check == "fork.other-network"
