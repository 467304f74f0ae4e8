"""End points and the census, on histories made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from senescape.compile.question import ProgressionRule
from senescape.verdict import (
    BOXES,
    Box,
    History,
    arrest_time,
    box_of,
    complete_arrest,
    cure,
    endpoint_values,
    progression_time,
)

TIME = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])


def history(tumour: list[float], **other: list[float]) -> History:
    """One host; what is not given is zero, all cycling cells were never arrested."""
    column = np.array(tumour, float)[:, None]
    zero = np.zeros_like(column)
    parts = {k: np.array(v, float)[:, None] for k, v in other.items()}
    origins = np.zeros((5, len(TIME), 1))
    for index, name in enumerate(("never", "recovery", "reentry", "preexisting", "acquired")):
        origins[index] = parts.get(name, zero)
    return History(
        TIME,
        column,
        parts.get("cycling", zero),
        parts.get("undecided", zero),
        origins,
        parts.get("entered", zero),
        parts.get("load", column),
    )


def test_the_first_complete_arrest_is_reported_even_if_it_ends() -> None:
    """Not before treatment; not while cells are undecided; escape on day 3 does not undo day 2."""
    item = history(
        [9, 9, 9, 9, 9], cycling=[0, 5, 0, 0, 1], undecided=[0, 0, 2, 0, 0], entered=[0, 0, 3, 5, 5]
    )
    assert arrest_time(item).tolist() == [2.0]
    assert arrest_time(history([9] * 5, cycling=[1] * 5)).tolist() == [np.inf]


def test_progression_is_twice_the_number_at_the_first_treatment() -> None:
    """1000 at day 0, 1500 at day 2, 2500 at day 3: 2000 is passed at day 2.5."""
    assert progression_time(history([500, 1000, 1200, 1500, 2500]))[0] == pytest.approx(2.5)
    assert progression_time(history([500, 1000, 400, 900, 1900]))[0] == np.inf


def test_progression_from_the_nadir_is_earlier_where_more_died() -> None:
    rule = ProgressionRule(from_nadir=True)
    assert progression_time(history([500, 4000, 600, 1100, 1300]), rule)[0] == pytest.approx(
        3.0 - 0.5, abs=0.5
    )
    assert progression_time(history([500, 4000, 3000, 4000, 5000]), rule)[0] == np.inf


def test_few_cells_are_no_progression() -> None:
    assert progression_time(history([1, 10, 100, 500, 999]))[0] == np.inf
    assert progression_time(history([1, 10, 100, 500, 999]), ProgressionRule(least=400.0))[0] < 2.0


def test_arrest_and_cure() -> None:
    item = history([9, 9, 5, 1, 0], cycling=[5, 5, 0, 0, 0], undecided=[0, 2, 2, 0, 0])
    assert complete_arrest(item)[:, 0].tolist() == [0, 0, 0, 1, 1]
    assert cure(item)[:, 0].tolist() == [0, 0, 0, 0, 1]


def test_end_points_are_larger_where_the_host_is_better_off() -> None:
    good, bad = history([500, 1000, 100, 10, 0]), history([500, 1000, 2000, 4000, 8000])
    for name in ("burden", "no_regrowth", "time_to_progression", "cure", "complete_arrest"):
        last = [endpoint_values(h, name)[-1, 0] for h in (good, bad)]
        assert last[0] >= last[1], name
    assert endpoint_values(bad, "time_to_progression")[:, 0].tolist() == [0, 0, 1, 1, 1]
    assert endpoint_values(bad, "no_regrowth")[:, 0].tolist() == [1, 1, 0, 0, 0]
    assert endpoint_values(good, "burden")[-1, 0] == 0.0


GROWN = [500.0, 1000, 2000, 4000, 8000]
CASES = {
    Box.RELAPSE_NEVER_SENESCENT: history(GROWN, never=GROWN, cycling=GROWN),
    Box.RELAPSE_RECOVERY: history(GROWN, recovery=GROWN, cycling=GROWN, entered=[0, 0, 1, 1, 1]),
    Box.RELAPSE_REENTRY: history(GROWN, reentry=GROWN, cycling=GROWN),
    Box.RELAPSE_PREEXISTING: history(GROWN, preexisting=GROWN, cycling=GROWN),
    Box.RELAPSE_ACQUIRED: history(GROWN, acquired=GROWN, cycling=GROWN),
    Box.CLEARED_RAPID_APOPTOSIS: history([500, 1000, 100, 0, 0]),
    Box.CLEARED_AFTER_SENESCENCE: history([500, 1000, 100, 0, 0], entered=[0, 0, 5, 5, 5]),
    Box.COMPLETE_ARREST: history([500, 1000, 100, 90, 80], entered=[0, 0, 5, 5, 5]),
    Box.ALIVE_UNDER_BURDEN: history([500, 1000, 100, 90, 80], cycling=[5, 5, 5, 5, 5]),
}


@pytest.mark.parametrize("box", CASES, ids=[b.value for b in CASES])
def test_every_history_has_its_box(box: Box) -> None:
    assert BOXES[box_of(CASES[box], len(TIME) - 1)[0]] is box


def test_a_relapse_belongs_to_the_origin_with_most_cells_at_progression() -> None:
    """At day 1 (progression) the recovered lead, later the never-arrested do."""
    item = history(
        GROWN, never=[0, 0, 900, 3500, 7900], recovery=[0, 0, 1100, 500, 100], cycling=GROWN
    )
    assert BOXES[box_of(item, 4)[0]] is Box.RELAPSE_RECOVERY


def test_a_host_dies_when_its_load_is_fatal() -> None:
    """Load 100 at day 0, 300 at day 1, 500 at day 2: 400 is passed at day 1.5."""
    rule = ProgressionRule(fatal=400.0)
    item = history([100] * 5, load=[50, 100, 300, 500, 700])
    assert endpoint_values(item, "survival", rule)[:, 0].tolist() == [0, 0, 1, 1.5, 1.5]
    assert endpoint_values(item, "survival")[:, 0].tolist() == [0, 0, 1, 2, 3]
    assert BOXES[box_of(item, 4, rule)[0]] is Box.DEATH_OTHER
    assert BOXES[box_of(item, 2, rule)[0]] is not Box.DEATH_OTHER
