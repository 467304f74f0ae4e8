"""Keys and uniforms: the same bytes for ever, compiled or not; no collisions; uniform; independent."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from senescape.rng import (
    Purpose,
    absorb,
    draw_key,
    generator,
    geometric_sum,
    lane_key,
    lane_keys,
    uniform,
)

PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}
MANY = 20_000 if PLAIN else 200_000
ALARM = 1e-6
MASK = (1 << 64) - 1


# --- an independent twin in Python's integers ------------------------------------------------------
def twin_mix(z: int) -> int:
    """The finaliser of splitmix64, as printed in the reference implementation (public domain)."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def twin_absorb(state: int, value: int) -> int:
    inner = twin_mix((state + 0x9E3779B97F4A7C15) & MASK)
    return twin_mix(inner ^ ((value & MASK) * 0x94D049BB133111EB & MASK))


def twin_uniform(key: int, counter: int) -> float:
    z = twin_mix((key + (counter + 1) * 0x9E3779B97F4A7C15) & MASK)
    return ((z >> 11) + 0.5) * 2.0**-53


WORDS = [0, 1, 2, 63, 2**31 - 1, 2**31, 2**53 + 1, 2**62]


def test_the_stream_of_key_zero_is_splitmix64() -> None:
    """First outputs for seed 0 of the reference implementation (Vigna, splitmix64.c)."""
    published = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC)
    for counter, word in enumerate(published):
        assert uniform(np.uint64(0), counter) == ((word >> 11) + 0.5) * 2.0**-53


@pytest.mark.parametrize("state", WORDS)
@pytest.mark.parametrize("value", WORDS)
def test_keys_and_uniforms_are_those_of_plain_integers(state: int, value: int) -> None:
    assert int(absorb(np.uint64(state), value)) == twin_absorb(state, value)
    assert uniform(np.uint64(state), value) == twin_uniform(state, value)


def test_a_negative_word_is_read_modulo_two_to_the_64() -> None:
    assert int(absorb(np.uint64(7), -3)) == twin_absorb(7, (1 << 64) - 3)


@pytest.mark.skipif(PLAIN, reason="there is nothing compiled to compare with")
def test_a_process_without_numba_gives_the_same_words() -> None:
    """The other process runs the same source by the interpreter."""
    source = (
        "from senescape.rng import absorb, geometric_sum, lane_key, uniform\n"
        "k = lane_key(20240229, 17, 3, 2, 4)\n"
        "for i in range(50):\n"
        "    k = absorb(k, i)\n"
        "    print(int(k), uniform(k, i).hex(), float(geometric_sum(9.0, 5.0, k, i)).hex())\n"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    key, lines = np.uint64(lane_key(20240229, 17, 3, 2, 4)), []
    for i in range(50):
        key = np.uint64(absorb(key, i))
        summed = float(geometric_sum(9.0, 5.0, key, i))
        lines.append(f"{int(key)} {uniform(key, i).hex()} {summed.hex()}")
    assert found.stdout.splitlines() == lines


def test_lane_keys_are_the_keys_of_the_lanes() -> None:
    draw, host, replicate = (np.arange(5) * k for k in (1, 7, 3))
    keys = lane_keys(42, draw, host, replicate, int(Purpose.EVENTS))
    assert keys.dtype == np.uint64
    for i in range(5):
        assert int(keys[i]) == int(lane_key(42, draw[i], host[i], replicate[i], 2))
        chained = 42
        for word in (int(draw[i]), int(host[i]), int(replicate[i]), 2):
            chained = twin_absorb(chained, word)
        assert int(keys[i]) == chained


# seed, draw, host, replicate, purpose: key. A change here changes every stored result.
PINS = {
    (0, 0, 0, 0, 1): 0xE3371A1600E22E94,
    (1, 0, 0, 0, 2): 0xD374FDDCE85C2C2D,
    (1, 0, 1, 0, 2): 0x639B629A56EDCB1A,
    (20240229, 17, 3, 2, 4): 0x138D87E7648F558B,
    (2**40, 999, 10**9, 10**6, 7): 0x5DDAA2E83BA33CC9,
}


@pytest.mark.parametrize("words", PINS)
def test_keys_never_change(words: tuple[int, int, int, int, int]) -> None:
    assert int(lane_key(*words)) == PINS[words]


# --- statistics -----------------------------------------------------------------------------------
def grid_keys(lanes: int, windows: int, transitions: int, channels: int) -> np.ndarray:
    """Draw keys of a full grid, shape (lanes, windows, transitions, channels)."""
    host = np.arange(lanes)
    base = lane_keys(1, np.zeros_like(host), host, np.zeros_like(host), int(Purpose.EVENTS))
    keys = np.empty((lanes, windows, transitions, channels), np.uint64)
    for i in np.ndindex(keys.shape):
        keys[i] = draw_key(base[i[0]], i[1], i[2], i[3])
    return keys


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    return grid_keys(20, 250, 5, 4)


def test_keys_of_different_draws_never_collide(keys: np.ndarray) -> None:
    """1e5 random 64-bit words collide with probability 3e-10, a lost word collides at once."""
    assert keys.size == 100_000
    assert len(np.unique(keys)) == keys.size


def test_keys_of_different_purposes_draws_hosts_and_replicates_never_collide() -> None:
    found = {
        int(lane_key(seed, draw, host, replicate, int(purpose)))
        for seed in range(4)
        for draw in range(8)
        for host in range(8)
        for replicate in range(8)
        for purpose in Purpose
    }
    assert len(found) == 4 * 8**3 * len(Purpose)


def test_uniforms_of_neighbouring_keys_are_uniform(keys: np.ndarray) -> None:
    """KS over 1e5 draws, one a key; false alarm 1e-6, sees a distance of 0.0123 (power 0.99).

    The critical distance at 1e-6 is 2.69 / sqrt(n) = 0.0085; what is left of 0.0123 is 2.4 sd even
    where the empirical law varies most (sd 0.5 / sqrt(n) = 0.0016).
    """
    u = np.array([uniform(k, 0) for k in keys.ravel()])
    assert stats.kstest(u, "uniform").pvalue > ALARM
    assert u.min() > 0.0 and u.max() < 1.0


def test_uniforms_along_one_stream_are_uniform() -> None:
    """KS, false alarm 1e-6; sees a distance of 4 / sqrt(n) with power 0.99."""
    u = np.array([uniform(np.uint64(12345), i) for i in range(MANY)])
    assert stats.kstest(u, "uniform").pvalue > ALARM


@pytest.mark.parametrize("axis", [0, 1, 2, 3], ids=["lane", "window", "transition", "channel"])
@pytest.mark.parametrize("bits", ["high", "low"])
def test_neighbouring_keys_are_not_correlated(keys: np.ndarray, axis: int, bits: str) -> None:
    """Correlation of neighbours along one word of the key; false alarm 1e-6 (two-sided z = 4.9).

    With n >= 75,000 pairs the bound is 0.018; a correlation of 0.027 is seen with power 0.99.
    """
    shift = np.uint64(11) if bits == "high" else np.uint64(0)
    words = ((keys >> shift) & np.uint64((1 << 32) - 1)).astype(float)
    first = np.moveaxis(words, axis, 0)[:-1].ravel()
    second = np.moveaxis(words, axis, 0)[1:].ravel()
    bound = stats.norm.isf(ALARM / 2) / np.sqrt(len(first))
    assert abs(np.corrcoef(first, second)[0, 1]) < bound


def test_pairs_of_neighbouring_draws_fill_the_square() -> None:
    """Chi-square of (u_i, u_i+1) on 16 x 16 cells; false alarm 1e-6. Compiled (1e5 pairs), 2 % of
    pairs with both in one cell's width have non-centrality 560: power > 0.99.
    """
    u = np.array([uniform(np.uint64(99), i) for i in range(MANY)])
    counts = np.histogram2d(u[:-1:2], u[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > ALARM


def test_one_flipped_bit_flips_half_the_bits_of_the_key() -> None:
    """Mean over 62 bits of 200 words: sd 4 / sqrt(12400) = 0.036; false alarm 1e-6 (4.9 sd)."""
    flips = []
    for value in range(200):
        base = twin_absorb(5, value)
        assert int(absorb(np.uint64(5), value)) == base
        flips += [
            (int(absorb(np.uint64(5), value ^ (1 << b))) ^ base).bit_count() for b in range(62)
        ]
    assert abs(np.mean(flips) - 32.0) < 4.9 * 4.0 / np.sqrt(len(flips))
    assert min(flips) > 4


# --- generators outside the kernels ---------------------------------------------------------------
def test_a_generator_is_a_pure_function_of_its_words() -> None:
    first = generator(3, 1, 2, purpose=Purpose.INITIAL).random(4)
    again = generator(3, 1, 2, purpose=Purpose.INITIAL).random(4)
    np.testing.assert_array_equal(first, again)


def test_generators_of_other_seeds_words_or_purposes_differ() -> None:
    made = [
        generator(3, purpose=Purpose.INITIAL),
        generator(4, purpose=Purpose.INITIAL),
        generator(3, purpose=Purpose.EVENTS),
        generator(3, 1, purpose=Purpose.INITIAL),
        generator(3, 1, 2, purpose=Purpose.INITIAL),
        generator(3, 2, 1, purpose=Purpose.INITIAL),
    ]
    numbers = sorted(float(g.random()) for g in made)
    assert all(b - a > 1e-9 for a, b in pairwise(numbers))
