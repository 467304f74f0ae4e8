"""Mutants that were there before: the law behind the clones, on the classical fluctuation assays."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from senescape.engines.births import lea_coulson, luria_delbrueck_quantile

Float = NDArray[np.float64]

# Demerec (1945), J Bacteriol 50:617: 30 cultures of E. coli, resistance to bacteriophage T1; maximum
# likelihood m = 10.84 (recalled from Zheng 1999, doi:10.1016/S0025-5564(99)00045-0).
DEMEREC = (33, 18, 839, 47, 13, 126, 48, 80, 9, 71, 196, 66, 28, 17, 27, 37, 126, 33, 12, 44,
           28, 67, 730, 168, 44, 50, 583, 23, 17, 24)  # fmt: skip
SAMPLES = ("LD1", "LD2", "LD3")


def by_recursion(m: float, limit: int) -> Float:
    return np.array(list(lea_coulson(m, limit)))


def by_inversion(m: float, limit: int) -> Float:
    """The same chances from the generating function (1 - z)^(m (1 - z) / z), on a circle."""
    points = 8 * limit
    radius = 10.0 ** (-8.0 / points)  # aliasing falls with it, rounding grows: 1e-8 of both
    z = radius * np.exp(2j * np.pi * np.arange(points) / points)
    values = np.exp(m * (1.0 - z) / z * np.log1p(-z))
    return np.fft.fft(values).real[:limit] / points / radius ** np.arange(limit)


def most_likely(counts: Sequence[float], law: Callable[[float, int], Float]) -> float:
    seen = np.asarray(counts, int)

    def loss(m: float) -> float:
        return -float(np.log(law(m, seen.max() + 1)[seen]).sum())

    found = minimize_scalar(loss, bounds=(0.01, 50.0), method="bounded", options={"xatol": 1e-8})
    return float(found.x)


@pytest.mark.parametrize("m", [0.1, 1.0, 10.0])
def test_the_recursion_is_the_generating_function(m: float) -> None:
    np.testing.assert_allclose(by_recursion(m, 500), by_inversion(m, 500), rtol=1e-5, atol=1e-9)


def test_the_published_estimate_is_found() -> None:
    assert most_likely(DEMEREC, by_recursion) == pytest.approx(10.84, abs=0.005)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_first_fluctuation_assay_gives_one_m_by_both_ways(
    name: str, shared_folder: Path
) -> None:
    """Luria & Delbrueck (1943), as three samples: 42, 32 and 19 cultures."""
    file = shared_folder / "data" / "fluctuation_counts.json"
    counts = json.loads(file.read_text(encoding="utf-8"))["luria_delbrueck_1943"][name]
    assert most_likely(counts, by_recursion) == pytest.approx(
        most_likely(counts, by_inversion), rel=1e-4
    )


@pytest.mark.parametrize("m", [0.3, 3.0])
def test_quantiles_invert_the_law(m: float) -> None:
    below = np.cumsum(by_recursion(m, 60))
    for n in (0, 1, 5, 50):
        assert luria_delbrueck_quantile(m, below[n] - 1e-9) == n
        assert luria_delbrueck_quantile(m, below[n] + 1e-9) == n + 1
