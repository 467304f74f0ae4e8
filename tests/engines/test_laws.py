"""The laws within one step against closed forms and matrix exponentials."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import expm

from senescape.engines.laws import chain, dividing_chain, erlang_tail, moments, one_stage
from senescape.engines.laws.one_stage import matched
from senescape.rng import count_quantile

Float = NDArray[np.float64]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
REPS = 2_000 if PLAIN else 20_000
ALARM = 1e-6
Z = float(stats.norm.isf(ALARM / 2))  # 4.89


def same_mean(sample: Float, mean: float, variance: float) -> None:
    """z-test, false alarm 1e-6; sees 0.054 sd (compiled, 20,000 repeats) with power 0.997."""
    z = (sample.mean() - mean) / np.sqrt(variance / len(sample))
    assert abs(z) < Z, f"mean {sample.mean()}, expected {mean}, z = {z:.1f}"


def same_variance(sample: Float, variance: float) -> None:
    """z-test with the sample's own fourth moment, false alarm 1e-6.

    For a nearly normal count sees 8 % (compiled, 20,000 repeats: sd 1 %) with power 0.998.
    """
    centred = sample - sample.mean()
    se = np.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / len(sample))
    z = (sample.var(ddof=1) - variance) / se
    assert abs(z) < Z, f"variance {sample.var(ddof=1)}, expected {variance}, z = {z:.1f}"


# --- one stage ------------------------------------------------------------------------------------
def moment_oracle(b: float, d: float, f: float, h: float) -> tuple[float, ...]:
    """Moments of (N, D, F) of one ancestor from the linear equations of the raw moments."""
    r = b - d
    # rows: N, D, F, NN, ND, DD, NF, FF
    a = np.zeros((8, 8))
    a[0, 0], a[1, 0], a[2, 0] = r, d, f
    a[3, 3], a[3, 0] = 2 * r, b + d
    a[4, 4], a[4, 3], a[4, 0] = r, d, -d
    a[5, 4], a[5, 0] = 2 * d, d
    a[6, 6], a[6, 3] = r, f
    a[7, 6], a[7, 0] = 2 * f, f
    n, x, y, nn, nx, xx, ny, yy = expm(a * h) @ np.array([1.0, 0, 0, 1.0, 0, 0, 0, 0])
    return (n, x, y, nn - n * n, xx - x * x, yy - y * y, nx - n * x, ny - n * y)


@pytest.mark.parametrize("h", [1e-3, 0.04, 0.5, 2.0, 10.0])
@pytest.mark.parametrize(
    ("b", "d", "f"),
    [
        (1.0, 0.5, 0.0),
        (0.5, 1.0, 0.3),
        (0.7, 0.7, 0.2),
        (0.7, 0.7 + 1e-9, 0.2),
        (0.7, 0.69, 1.0),
        (1.0, 0.0, 0.1),
        (0.0, 1.0, 0.4),
    ],
)
def test_the_moments_solve_their_equations(b: float, d: float, f: float, h: float) -> None:
    expected = moment_oracle(b, d, f, h)
    np.testing.assert_allclose(moments(b, d, f, h), expected, rtol=1e-7, atol=1e-12)


def kendall(n0: int, b: float, d: float, h: float, most: int) -> Float:
    """Law of the number of cells after h from n0 (Kendall 1948), by convolution."""
    r = b - d
    e = np.exp(r * h)
    dead = h * b / (1 + b * h) if r == 0 else d * (e - 1) / (b * e - d)
    beta = dead if r == 0 else b * (e - 1) / (b * e - d)
    single = np.r_[dead, (1 - dead) * (1 - beta) * beta ** np.arange(most)]
    law = np.array([1.0])
    for _ in range(n0):
        law = np.convolve(law, single)[: most + 1]
    return law


@pytest.mark.parametrize(
    ("n0", "b", "d", "h"),
    [
        (3, 1.0, 0.5, 0.1),
        (3, 1.0, 0.5, 3.0),
        (20, 0.5, 1.0, 1.5),
        (70, 0.6, 0.6, 2.0),
        (1, 2, 0, 3),
    ],
)
def test_the_number_of_cells_follows_kendall(n0: int, b: float, d: float, h: float) -> None:
    """Chi-square over at most 20 classes, false alarm 1e-6; few events (simulated) and many.

    Compiled, a shift of the mean by 0.1 sd has non-centrality of at least 150: power > 0.99.
    """
    law = kendall(n0, b, d, h, 4000)
    cdf = np.cumsum(law)
    edges = np.unique(np.searchsorted(cdf, np.linspace(0.05, 0.95, 19)))
    sample = np.array([one_stage(n0, b, d, 0.0, h, np.uint64(i))[0] for i in range(REPS)])
    counts = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
    chances = np.diff(np.r_[0.0, cdf[edges], 1.0])
    keep = chances * REPS > 5
    lumped = np.r_[counts[keep], counts[~keep].sum()], np.r_[chances[keep], chances[~keep].sum()]
    full = lumped[1] * REPS > 0
    assert stats.chisquare(lumped[0][full], lumped[1][full] * REPS).pvalue > ALARM


ONE_STAGE = [
    (500.0, 1.0, 0.5, 0.0, 1e-3),
    (200.0, 1.0, 0.5, 0.2, 0.5),
    (200.0, 0.5, 1.0, 0.2, 3.0),
    (100.0, 1.0, 0.5, 0.3, 10.0),
    (300.0, 0.7, 0.7, 0.0, 10.0),
    (300.0, 0.0, 0.7, 0.3, 2.0),
    (300.0, 0.7, 0.0, 0.3, 2.0),
    (300.0, 0.0, 0.7, 0.0, 1.0),
    (1e6, 1.0, 0.9, 0.01, 0.04),
]


@pytest.mark.parametrize(("n0", "b", "d", "f", "h"), ONE_STAGE)
def test_cells_exits_and_emissions_have_exact_mean_and_variance(
    n0: float, b: float, d: float, f: float, h: float
) -> None:
    sample = np.array([one_stage(n0, b, d, f, h, np.uint64(i)) for i in range(REPS)]).T
    expected = [n0 * m for m in moment_oracle(b, d, f, h)]
    for row in range(3):
        mean, variance = expected[row], expected[3 + row]
        if variance == 0.0:
            assert (sample[row] == mean).all()
            continue
        same_mean(sample[row], mean, variance)
        same_variance(sample[row], variance)
    # covariances by the variance of the sum
    for row, covariance in ((1, expected[6]), (2, expected[7])):
        if expected[3 + row] > 0.0:
            total = expected[3] + expected[3 + row] + 2 * covariance
            if total > 1e-9 * expected[3]:
                same_variance(sample[0] + sample[row], total)
            else:
                np.testing.assert_array_equal(sample[0] + sample[row], n0)


@pytest.mark.parametrize(("n0", "b", "d", "f", "h"), ONE_STAGE)
def test_cells_are_whole_and_balance(n0: float, b: float, d: float, f: float, h: float) -> None:
    for i in range(300):
        n, exits, emitted = one_stage(n0, b, d, f, h, np.uint64(i))
        assert min(n, exits, emitted) >= 0.0
        assert all(x == np.floor(x) for x in (n, exits, emitted))
        births = n - n0 + exits
        assert births >= 0.0
        assert births == 0.0 or b > 0.0


def test_nothing_happens_to_no_cells_or_in_no_time() -> None:
    assert one_stage(0.0, 1.0, 1.0, 1.0, 5.0, np.uint64(1)) == (0.0, 0.0, 0.0)
    assert one_stage(9.0, 1.0, 1.0, 1.0, 0.0, np.uint64(1)) == (9.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("mean", "variance"), [(7.0, 3.0), (7.0, 7.0), (7.0, 20.0), (300.0, 200.0)]
)
def test_a_matched_count_has_its_mean_and_variance(mean: float, variance: float) -> None:
    u = (np.arange(REPS) + 0.5) / REPS  # the quantile function over a grid: no sampling error
    sample = np.array([count_quantile(*matched(mean, variance), x) for x in u])
    assert sample.mean() == pytest.approx(mean, rel=2e-2 if PLAIN else 2e-3)
    # a binomial has a whole number of trials, so that its variance can only be met nearly
    assert sample.var() == pytest.approx(variance, rel=0.06)


# --- chains ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("m", [0, 1, 2, 7, 30, 200])
def test_the_erlang_tail_is_that_of_scipy(m: int) -> None:
    for x in (0.0, 1e-8, 1e-3, 0.5, 3.0, 7.5, 40.0, 190.0, 260.0):
        assert erlang_tail(m, x) == pytest.approx(stats.poisson.sf(m - 1, x), rel=1e-11, abs=1e-15)


def fates(k: int, start: int, advance: float, leave: float, h: float) -> Float:
    """Chances of one cell: in each stage, left, completed; by the exponential of its generator."""
    q = np.zeros((k + 2, k + 2))
    for i in range(k):
        q[i, i] = -(advance + leave)
        q[i, i + 1 if i < k - 1 else k + 1] += advance
        q[i, k] += leave
    return expm(q * h)[start]


CHAINS = [(1, 2.0, 0.3, 0.4), (4, 2.0, 0.0, 1.5), (4, 2.0, 0.5, 1e-3), (12, 9.0, 0.2, 0.7)]
CHAINS += [(4, 2.0, 0.5, 10.0), (3, 0.0, 0.5, 1.0), (6, 5.0, 3.0, 1.0)]


@pytest.mark.parametrize(("k", "advance", "leave", "h"), CHAINS)
def test_the_cells_of_a_chain_are_one_multinomial(
    k: int, advance: float, leave: float, h: float
) -> None:
    """1e9 cells at once, chi-square over the fates, false alarm 1e-6.

    A chance of 0.1 that is off by 0.05 % has non-centrality 25; by 0.1 %, 100: power > 0.99.
    """
    cells_in = 1e9
    for start in range(k):
        cells = np.zeros(k)
        cells[start] = cells_in
        left, completed = chain(cells, advance, leave, h, np.uint64(31 + start))
        found = np.r_[cells, left, completed]
        chances = fates(k, start, advance, leave, h)
        assert found.sum() == cells_in and found.min() >= 0.0
        assert (found[chances == 0.0] == 0.0).all()
        often = chances * cells_in > 100.0
        if often.sum() > 1:
            expected = chances[often] / chances[often].sum() * found[often].sum()
            assert stats.chisquare(found[often], expected).pvalue > ALARM
        np.testing.assert_array_less(found[~often], 300.0)


def test_a_small_chain_has_multinomial_variances() -> None:
    k, advance, leave, h = 4, 2.0, 0.3, 1.0
    chances = fates(k, 0, advance, leave, h)
    sample = np.zeros((REPS, k + 2))
    for i in range(REPS):
        cells = np.array([50.0, 0.0, 0.0, 0.0])
        sample[i, k:] = chain(cells, advance, leave, h, np.uint64(i))
        sample[i, :k] = cells
    for row in range(k + 2):
        p = chances[row]
        same_mean(sample[:, row], 50 * p, 50 * p * (1 - p))
        same_variance(sample[:, row], 50 * p * (1 - p))


def mean_of_cycle(k: int, advance: float, leave: float, back: float, h: float) -> Float:
    """Mean numbers by stage, shape (start, stage), when ``back`` cells return on completion."""
    q = np.zeros((k, k))
    for i in range(k):
        q[i, i] -= advance + leave
        q[i, (i + 1) % k] += advance * (back if i == k - 1 else 1.0)
    return expm(q * h)


@pytest.mark.parametrize(("k", "h"), [(4, 0.01), (4, 0.5), (12, 0.02), (12, 0.25), (12, 0.5)])
@pytest.mark.parametrize("leave", [0.0, 0.4])
def test_a_dividing_chain_has_the_exact_mean(k: int, h: float, leave: float) -> None:
    """1e10 cells a stage, all divide; 5 sd of the total (each cell at most 4): false alarm 1e-6.

    h is in mean cycles, up to the half that is promised. Daughters that complete twice within the
    step are placed as if once: an allowance of their 8 cells times P(Poisson(a h) >= 2 k + m).
    """
    advance = float(k)
    for start in range(k):
        cells = np.zeros(k)
        cells[start] = 1e10
        born = np.zeros(k)
        dividing_chain(cells, advance, leave, 1.0, 0.0, 0.0, h, np.uint64(start), born)
        mean = mean_of_cycle(k, advance, leave, 2.0, h)[start]
        sd = np.sqrt(4e10 * np.minimum(mean, 1.0)) + 1.0
        twice = 8.0 * stats.poisson.sf(2 * k + (k - start) - 1, advance * h)
        assert (np.abs(cells - 1e10 * mean) < 5.0 * sd + twice * 1e10).all()


def test_a_dividing_chain_shares_its_completions() -> None:
    """Of completions 0.5 put two back, 0.3 one, 0.2 none; mean by stage as the linear system's."""
    k, advance, leave, h = 6, 6.0, 0.2, 0.15
    cells = np.zeros(k)
    cells[k - 1] = 1e10
    found = dividing_chain(cells, advance, leave, 0.5, 0.3, 0.2, h, np.uint64(5), np.zeros(k))
    done = np.array(found[1:])
    first = 1e10 * fates(k, k - 1, advance, leave, h)[k + 1]
    # a few daughters complete too: 1.3 P(Poisson(0.9) >= 7) = 6e-5 of the mothers
    assert done.sum() == pytest.approx(first, rel=3e-4)
    assert done / done.sum() == pytest.approx([0.5, 0.3, 0.2], abs=3e-4)
    mean = 1e10 * mean_of_cycle(k, advance, leave, 1.3, h)[k - 1]
    assert cells == pytest.approx(mean, abs=2e-4 * 1e10)


@pytest.mark.parametrize(
    "shares", [(1, 0, 0), (0, 1, 0), (0.3, 0.7, 0), (0.1, 0.2, 0.7), (0.5, 0, 0.5)]
)
@pytest.mark.parametrize("leave", [0.0, 0.7])
def test_every_cell_of_a_dividing_chain_is_in_the_books(
    shares: tuple[float, float, float], leave: float
) -> None:
    """Second completions within a step are counted by what they put back; a share of 0 gets none.

    Shares are scaled so that they add up to a little less or more than one, as sums of rounded
    numbers do; exact in whole numbers.
    """
    for k, scale in ((2, 1.0), (2, 1 - 2e-16), (3, 1 + 3e-16), (5, 1.0)):
        advance = 2.0 * k
        for seed in range(5):
            cells = np.zeros(k)
            cells[seed % k], cells[k - 1] = 1e3, 1e13
            before = cells.sum()
            two, one, none = (scale * share for share in shares)
            left, twos, ones, nones = dividing_chain(
                cells, advance, leave, two, one, none, 0.25, np.uint64(seed), np.zeros(k)
            )
            assert cells.sum() == before - left + twos - nones
            for found, share in zip((twos, ones, nones), shares, strict=True):
                assert (found > 0.0) == (share > 0.0)


def test_second_completions_share_out_as_the_first() -> None:
    """Two stages, half a mean cycle a step: one in seven daughters completes again, mean kept.

    The mean of the chain with mean offspring 1 is exact but for third completions, at most
    P(Poisson(1) >= 5) = 0.0037 of the mothers.
    """
    k, advance, h = 2, 2.0, 0.5
    cells = np.array([0.0, 1e12])
    _, twos, ones, nones = dividing_chain(
        cells, advance, 0.0, 0.4, 0.2, 0.4, h, np.uint64(3), np.zeros(k)
    )
    assert cells == pytest.approx(1e12 * mean_of_cycle(k, advance, 0.0, 1.0, h)[1], abs=4e9)
    assert np.array([twos, ones, nones]) / (twos + ones + nones) == pytest.approx(
        [0.4, 0.2, 0.4], abs=1e-4
    )
