"""Networks from SBML in blocks: the same numbers as LSODA and as closed forms, lane by lane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import sbml_texts as x
from tests.engines import builders as b

from senescape.compile import Program, lower
from senescape.engines import written
from senescape.engines.interpreter import read_tape
from senescape.engines.mean_field import MeanField, compact, general
from senescape.engines.mean_field.compact import Layout, layout_of
from senescape.engines.mean_field.track import track_of
from senescape.engines.mean_field.walk import Walk, slope
from senescape.engines.mean_field.wide import block_of
from senescape.engines.mean_field.wide_general import wide_general
from senescape.engines.protocol import run_engine
from senescape.engines.state import Streams
from senescape.engines.tables import tables_of
from senescape.errors import SenescapeError
from senescape.expressions import Op
from senescape.files import parse_sbml
from senescape.lane_math import WIDTH

Float = NDArray[np.float64]
BLOCKS, LSODA = MeanField(explicit=True), MeanField(explicit=False)
TIMES = np.linspace(0.0, 4.0, 5)


def program(**parts: Any) -> Program:
    return lower(parse_sbml(x.model(**parts)))


def reversible() -> Program:
    """2 A <-> B by one law whose sign changes, C made of three, a rate rule, a port, a power."""
    return program(
        species=(x.species("A", 10), x.species("B", 1), x.species("C"), x.species("D", 4)),
        parameters=(
            *(x.parameter("k", 0.3), x.parameter("back", 0.9), x.parameter("n", 2.0)),
            *(x.parameter("p", 1, "false"), x.parameter("s", 0, "false")),
        ),
        rules=(x.rate("p", "s - k * p"), x.assignment("s", "A + 2 * B")),
        reactions=(
            x.reaction("Join", "k * A^n / 10 - back * B", {"A": 2}, {"B": 1}),
            x.reaction("Grow", "exp(-k * D) + 0.1 * time", {}, {"C": 3}, modifiers=("D",)),
            x.reaction("Give", "k", {}, {"D": 1, "A": 5}),
            x.reaction("Leave", "back * D", {"D": 1}),
            x.reaction("Idle", "k * C", {"C": 1}, {"C": 1}),
        ),
    )


def lanes_of(program: Program, lanes: int) -> Float:
    """Every parameter from 0.5 to 1.5 times its value."""
    made = b.lanes_of(program, lanes)
    return made * np.linspace(0.5, 1.5, lanes) if lanes > 1 else made


def path(engine: MeanField, program: Program, lanes: Float) -> Float:
    """(times, numbers, lanes)"""
    streams = Streams.hosts(1, lanes.shape[1])
    states = run_engine(engine, program, lanes, streams, TIMES)
    return np.array([np.concatenate([s.counts, s.signal]) for s in states])


def slopes(program: Program, layout: Layout, y: Float, time: float) -> tuple[Float, Float]:
    """Return dy/dt of WIDTH lanes by blocks and by the scalar kernel."""
    state = LSODA.start(program, lanes_of(program, WIDTH), Streams.hosts(1, WIDTH))
    registers = layout.registers_of(state.registers)
    signals = len(program.signal_names)
    block = block_of(layout.packed, registers, np.zeros((signals, WIDTH)), np.zeros((WIDTH, 4)))
    wide, one = np.full(y.shape, np.nan), np.empty(len(y))
    at = np.full(WIDTH, time)
    wide_general(y, at, block, track_of(0, 0), at, wide)
    scalar = np.empty_like(wide)
    general_table = program.general
    assert general_table is not None
    for lane in range(WIDTH):
        own = np.ascontiguousarray(state.registers[:, lane])
        column = np.ascontiguousarray(y[:, lane])
        slope(time, column, tables_of(program), general_table.law, program.slots, own, one)
        scalar[:, lane] = one
    return wide, scalar


def test_the_rate_of_change_is_that_of_one_lane() -> None:
    made = reversible()
    rng = np.random.default_rng(3)
    y = rng.uniform(0.1, 9.0, (made.slots + len(made.signal_names), WIDTH))
    wide, scalar = slopes(made, layout_of(made), y, 1.7)
    np.testing.assert_allclose(wide, scalar, rtol=1e-14, atol=1e-13)
    assert (np.abs(scalar) > 1e-3).all(axis=1).all() and (scalar[0] < 0.0).any()


def test_registers_are_given_to_others_and_none_too_early() -> None:
    """Every row of the short tape reads what the long one does: read again in random order of use."""
    made = reversible()
    layout = layout_of(made)
    assert layout.registers < made.register_count
    written: set[int] = set()
    lasting = len(layout.kept) + len(layout.constants)
    first, rows = layout.packed[0], layout.packed[1]
    tape = layout.packed[first : first + 5 * rows].reshape(-1, 5)
    for _, target, *sources in tape.tolist():
        assert all(s < lasting or s in written for s in sources[:1])
        assert target >= lasting
        written.add(target)


@pytest.mark.parametrize("lanes", [8, WIDTH, WIDTH + 5])
def test_blocks_have_the_solutions_of_lsoda(lanes: int) -> None:
    made = reversible()
    table = lanes_of(made, lanes)
    ours, theirs = path(BLOCKS, made, table), path(LSODA, made, table)
    size = np.abs(theirs).max(axis=(0, 2), keepdims=True)
    assert (np.abs(ours - theirs) / size).max() < 2e-6
    assert ours.std(axis=2).max() > 0.1  # lanes are not alike


def test_no_byte_depends_on_neighbours() -> None:
    made = reversible()
    table = lanes_of(made, WIDTH + 12)
    whole = path(BLOCKS, made, table)
    for first, last in ((0, 8), (8, 30), (30, WIDTH + 12)):
        part = np.ascontiguousarray(table[:, first:last])
        np.testing.assert_array_equal(path(BLOCKS, made, part), whole[:, :, first:last])


def test_decay_and_a_straight_line_have_their_closed_forms() -> None:
    made = program(
        species=(x.species("A", 10), x.species("B")),
        parameters=(x.parameter("k", 0.3),),
        reactions=(x.reaction("Die", "k * A", {"A": 1}, {"B": 1}),),
    )
    table = lanes_of(made, 20)
    k = table[made.parameter("k")]
    found = path(BLOCKS, made, table)
    left = 10.0 * np.exp(-k * TIMES[:, None])
    np.testing.assert_allclose(found[:, 0], left, rtol=1e-7)
    np.testing.assert_allclose(found[:, 1], 10.0 - left, atol=1e-6)


def test_an_output_changes_no_other() -> None:
    """It costs no step: the same bytes at the end and on the way, whichever are asked for."""
    made, lanes = reversible(), lanes_of(reversible(), 9)

    def at(times: Float) -> Float:
        states = run_engine(BLOCKS, made, lanes, Streams.hosts(1, 9), times)
        return np.array([np.concatenate([s.counts, s.signal]) for s in states])

    many = at(np.linspace(0.0, 4.0, 41))
    np.testing.assert_array_equal(at(np.array([0.0, 1.0, 4.0])), many[[0, 10, 40]])


def test_a_stiff_lane_is_lsodas_and_the_others_are_not_harmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = program(
        species=(x.species("A", 10), x.species("B")),
        parameters=(x.parameter("k", 1.0), x.parameter("back", 2.0)),
        reactions=(
            x.reaction("There", "k * A", {"A": 1}, {"B": 1}),
            x.reaction("Back", "k * back * B", {"B": 1}, {"A": 1}),
        ),
    )
    table = b.lanes_of(made, 10)
    table[made.parameter("k"), 4] = 1e7
    monkeypatch.setattr(general, "stiff_of", lambda program, layout: None)  # no implicit steps
    walked = []
    honest = Walk.to

    def to(self: Any, until: float, most: int) -> None:
        walked.append(self.lane)
        honest(self, until, most)

    monkeypatch.setattr(Walk, "to", to)
    found = path(BLOCKS, made, table)
    assert set(walked) == {4}
    np.testing.assert_allclose(found[1:, 0, 4], 20.0 / 3.0, rtol=1e-7)
    alone = path(BLOCKS, made, np.delete(table, 4, axis=1))
    np.testing.assert_array_equal(np.delete(found, 4, axis=2), alone)


def test_rules_that_say_the_same_move_all_their_numbers() -> None:
    """They share a register of the tape."""
    made = program(
        species=(x.species("A", 10),),
        parameters=(
            x.parameter("k", 0.5),
            x.parameter("p", 0, "false"),
            x.parameter("q", 1, "false"),
        ),
        rules=(x.rate("p", "k * A"), x.rate("q", "k * A")),
        reactions=(x.reaction("Die", "k * A", {"A": 1}),),
    )
    found = path(BLOCKS, made, b.lanes_of(made, 9))
    left = 10.0 * np.exp(-0.5 * TIMES[:, None])
    for row, first in ((0, 10.0), (1, 0.0), (2, 1.0)):
        sign = 1.0 if row else -1.0
        np.testing.assert_allclose(
            found[:, row], np.broadcast_to(first + sign * (10.0 - left), (5, 9)), atol=1e-6
        )


def test_a_law_that_is_no_number_stops_with_its_name() -> None:
    made = program(
        species=(x.species("A", 10),),
        parameters=(x.parameter("k", 1.0),),
        reactions=(x.reaction("Die", "k / (2 - time)^0.5", {}, {"A": 1}),),
    )
    with pytest.raises(SenescapeError, match=r"rate of Die is not finite|solver stopped"):
        path(BLOCKS, made, lanes_of(made, 9))


DECAY: dict[str, Any] = {
    "species": (x.species("A", 10), x.species("B")),
    "parameters": (x.parameter("k", 0.3), x.parameter("p", 1, "false"), x.parameter("at", 2.0)),
}
FALL = x.reaction("Fall", "k * p * A", {"A": 1}, {"B": 1})
PULSE = x.reaction("Pulse", "if(time > 0.7, if(time < 2.3, 5, 0), k)", {}, {"A": 1})
WINDOW = (
    f"<apply><and/><apply><gt/>{x.TIME}<cn> 1.1 </cn></apply>"
    f"<apply><lt/>{x.TIME}<cn> 3.2 </cn></apply></apply>"
)
TIMED = {
    "at an output": (FALL, x.event("e", "time >= 2", {"A": "A + 7"})),
    "right after an output": (FALL, x.event("e", "time > 2", {"A": "A + 7"})),
    "between outputs": (FALL, x.event("e", "time >= 1.3", {"A": "2 * B"})),
    "two at one time": (
        FALL,
        x.event("first", "time > 2", {"A": "A + B"}, priority="2"),
        x.event("second", "time > 2", {"B": "A"}, priority="1"),
    ),
    "a window": (FALL, x.event("e", WINDOW, {"p": "p + 4"})),
    "at a parameter": (
        FALL,
        x.event("e", "time >= at", {"p": "0"}),
        x.event("f", "time > 3", {"A": "1"}),
    ),
    "corners of a law": (FALL, PULSE),
    "corners and events": (FALL, PULSE, x.event("e", "time >= 2.3", {"A": "A / 2"})),
}


@pytest.mark.parametrize("name", TIMED)
def test_events_and_corners_at_common_times_are_met_in_blocks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By no solver but the blocks; LSODA, which stops at each, is the twin."""
    parts = TIMED[name]
    events = tuple(p for p in parts if p.startswith("<event"))
    made = program(**DECAY, reactions=tuple(p for p in parts if p not in events), events=events)
    table = b.lanes_of(made, 9)
    table[made.parameter("k")] *= np.linspace(0.5, 1.5, 9)
    twin = path(MeanField(explicit=False, relative_tolerance=1e-10), made, table)

    def never(self: Any, stop: float) -> None:
        raise AssertionError("LSODA")

    monkeypatch.setattr(Walk, "solve", never)
    found = path(BLOCKS, made, table)
    np.testing.assert_allclose(found, twin, rtol=2e-7, atol=2e-7)
    assert np.abs(found[-1] - found[0]).max() > 0.1


def test_events_at_times_of_each_lane_and_of_numbers_are_left_to_lsoda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*arguments: Any) -> None:
        raise AssertionError("blocks")

    monkeypatch.setattr(general, "advance_together", never)
    own = program(**DECAY, reactions=(FALL,), events=(x.event("e", "time >= at", {"A": "7"}),))
    table = b.lanes_of(own, 9)
    with pytest.raises(AssertionError, match="blocks"):
        path(BLOCKS, own, table)
    table[own.parameter("at")] *= np.linspace(0.5, 1.5, 9)
    assert path(BLOCKS, own, table).shape[2] == 9
    by_number = program(**DECAY, reactions=(FALL,), events=(x.event("e", "A < 7", {"A": "9"}),))
    assert path(BLOCKS, by_number, b.lanes_of(by_number, 9)).shape[2] == 9
    few = program(**DECAY, reactions=(FALL,))
    assert path(BLOCKS, few, b.lanes_of(few, 7)).shape[2] == 7


def test_a_stiff_lane_between_events_is_lsodas_with_its_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(general, "stiff_of", lambda program, layout: None)  # no implicit steps
    back = x.reaction("Back", "k * B", {"B": 1}, {"A": 1})
    made = program(**DECAY, reactions=(FALL, back), events=(x.event("e", "time > 2", {"A": "40"}),))
    table = b.lanes_of(made, 9)
    table[made.parameter("k"), 5] = 1e7
    twin = path(MeanField(explicit=False, relative_tolerance=1e-10), made, table)
    np.testing.assert_allclose(path(BLOCKS, made, table), twin, rtol=1e-6, atol=1e-6)


# --- planted --------------------------------------------------------------------------------------
def lost_sign(patch: pytest.MonkeyPatch) -> None:
    honest = compact.Sums.change
    patch.setattr(
        compact.Sums,
        "change",
        lambda self, place, value, times: honest(self, place, value, abs(times)),
    )


def given_too_early(patch: pytest.MonkeyPatch) -> None:
    """A register is free once it has been written."""
    honest = compact._numbered

    def planted(program: Program, rows: Any, kept: list[int], numbers: int) -> Layout:
        layout = honest(program, rows, kept, numbers)
        lasting = len(layout.kept) + len(layout.constants) + len(rows.started)
        first, count = layout.packed[0], layout.packed[1]
        tape = layout.packed[first : first + 5 * count].reshape(-1, 5)
        tape[:, 1:][tape[:, 1:] >= lasting] = lasting
        return layout

    patch.setattr(compact, "_numbered", planted)


def forgotten_law(patch: pytest.MonkeyPatch) -> None:
    honest = compact.Sums.change

    def planted(self: Any, place: int, value: Any, times: int) -> None:
        if place < 4:
            honest(self, place, value, times)

    patch.setattr(compact.Sums, "change", planted)


def wrong_operation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(written, "UNARY", {*written.UNARY, Op.POW})


@pytest.mark.parametrize("plant", [lost_sign, given_too_early, forgotten_law, wrong_operation])
def test_a_planted_error_is_seen(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = reversible()
    y = np.random.default_rng(3).uniform(0.1, 9.0, (made.slots + len(made.signal_names), WIDTH))
    plant(monkeypatch)
    wide, scalar = slopes(made, layout_of(made), y, 1.7)
    assert not np.allclose(wide, scalar, rtol=1e-6, atol=1e-6)


def test_the_short_tape_is_read_by_the_same_reader() -> None:
    """A row of it by hand: the propensity of Idle changes nothing and is still read."""
    made = reversible()
    layout = layout_of(made)
    registers = layout.registers_of(np.ones((made.register_count, 3)))
    first, rows = int(layout.packed[0]), int(layout.packed[1])
    tape = np.ascontiguousarray(layout.packed[first : first + 5 * rows].reshape(-1, 5))
    read_tape(tape, 0, rows, registers)
    assert np.isfinite(registers).all()
