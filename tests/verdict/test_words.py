"""From effects to a word: Wilson's interval, noise taken out, thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from senescape.verdict import (
    Effect,
    Word,
    effect_of,
    headline_word,
    shrink,
    signed,
    wilson,
    word_of,
)


@pytest.mark.parametrize(("seen", "n"), [(0, 20), (10, 20), (95, 100), (200, 200), (197, 200)])
def test_wilson_is_scipys(seen: int, n: int) -> None:
    theirs = stats.binomtest(seen, n).proportion_ci(0.95, method="wilson")
    assert wilson(seen, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert wilson(0, 0) == (0.0, 1.0)


def test_noise_is_taken_out_but_never_all_of_it() -> None:
    """Between draws sd 1, noise sd 2: what is left lies between 1 and its upper bound, below 2.24."""
    rng = np.random.default_rng(1)
    truth = rng.normal(3.0, 1.0, 400)
    seen = truth + rng.normal(0.0, 2.0, 400)
    clean, share = shrink(seen, np.full(400, 2.0))
    assert 0.8 < clean.std() < 1.6 < seen.std()
    assert clean.mean() == pytest.approx(seen.mean())
    assert 0.5 < share < 0.9
    only_noise, share = shrink(rng.normal(0, 2.0, 400), np.full(400, 2.0))
    assert 0.3 < only_noise.std() < 1.2 and share < 1.0


def test_without_noise_nothing_is_changed() -> None:
    values = np.array([1.0, 2.0, 5.0])
    clean, share = shrink(values, np.zeros(3))
    np.testing.assert_allclose(clean, values)
    assert share == pytest.approx(0.0)
    same, share = shrink(np.zeros(4), np.ones(4))
    assert not same.any() and share == 0.0


def effect(values: np.ndarray) -> Effect:
    return effect_of(values, np.zeros(len(values)), delta=1.0)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.full(200, 3.0), Word.FRIEND),
        (np.full(200, -3.0), Word.FOE),
        (np.full(200, 0.5), Word.NEGLIGIBLE),
        (np.repeat([3.0, -3.0], 100), Word.UNDETERMINED),
        (np.r_[np.full(190, 3.0), np.full(10, 0.0)], Word.UNDETERMINED_MONTE_CARLO),
        (np.r_[np.full(196, 3.0), np.full(4, 0.0)], Word.UNDETERMINED_MONTE_CARLO),
        (np.r_[np.full(198, 3.0), np.full(2, 0.0)], Word.FRIEND),
        (np.full(20, 3.0), Word.UNDETERMINED_MONTE_CARLO),
    ],
)
def test_a_word_needs_its_probability_beyond_doubt(values: np.ndarray, word: Word) -> None:
    assert word_of(effect(values)) is word


def test_the_smallest_difference_itself_is_negligible() -> None:
    assert word_of(effect(np.full(200, 1.0))) is Word.NEGLIGIBLE


def test_effects_hold_mean_interval_and_error() -> None:
    values = np.random.default_rng(2).normal(2.0, 1.0, 1000)
    found = effect(values)
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])))
    assert found.monte_carlo_error == pytest.approx(values.std(ddof=1) / np.sqrt(1000))
    total = found.probability_beneficial + found.probability_harmful + found.probability_negligible
    assert total == pytest.approx(1.0)
    one = effect_of(np.array([2.0]), np.array([0.0]), 1.0)
    assert one.monte_carlo_error == 0.0 and one.estimate == 2.0


def test_rules_that_differ_make_the_verdict_depend() -> None:
    assert headline_word({"a": Word.FRIEND, "b": Word.FRIEND}) is Word.FRIEND
    assert headline_word({"a": Word.FRIEND, "b": Word.UNDETERMINED}) is Word.DEPENDS


def test_a_rule_that_waits_for_draws_contradicts_none_but_leaves_no_certainty() -> None:
    wait = Word.UNDETERMINED_MONTE_CARLO
    assert headline_word({"a": Word.UNDETERMINED, "b": wait}) is Word.UNDETERMINED
    assert headline_word({"a": Word.FRIEND, "b": wait}) is wait
    assert headline_word({"a": wait, "b": wait}) is wait
    assert headline_word({"a": Word.FRIEND, "b": Word.FOE, "c": wait}) is Word.DEPENDS


def test_structures_that_change_the_word_make_the_verdict_depend() -> None:
    """More draws could still bring a word that waits for them to the other one."""
    rules = {"a": Word.FRIEND, "b": Word.FRIEND}
    assert headline_word(rules, [(Word.FRIEND, Word.FRIEND)]) is Word.FRIEND
    assert headline_word(rules, [(Word.FRIEND, Word.FOE)]) is Word.DEPENDS
    assert headline_word(rules, [(Word.FRIEND, Word.UNDETERMINED)]) is Word.DEPENDS
    assert headline_word(rules, [(Word.UNDETERMINED_MONTE_CARLO, Word.FRIEND)]) is Word.FRIEND


def test_numbers_are_written_with_their_sign() -> None:
    assert [signed(x) for x in (4.24, 23.4, -0.04, 0.0001, -3.0)] == [
        "+4.2",
        "+23",
        "−0.04",
        "0.00",
        "−3.0",
    ]
