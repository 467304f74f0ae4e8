"""How precisely a mean is known while more is still being computed: confidence sequences.

An interval for a number fixed beforehand is wrong where somebody looks again and again and stops
when it is narrow. A confidence sequence holds the mean at *all* looks together with probability
1 - alpha, so that one may stop at any of them, for any reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from senescape.expressions import StopRule

Float = NDArray[np.float64]

ALPHA = 0.05
BLOCK = 64
ASYMPTOTIC_FROM = 4 * BLOCK
LARGEST_BET = 0.75


class Sequence(Protocol):
    """An interval for the mean of independent values that come one after the other."""

    kind: str

    def add(self, values: Float) -> tuple[Float, Float]:
        """Take further values, (..., n); return the interval after each, twice (..., n)."""


class Bounded:
    """The empirical Bernstein sequence of values between two bounds; exact from the first value.

    Parameters
    ----------
    low, high : float
        No value lies outside.
    alpha : float
        Chance that the mean is ever outside, at most.

    Notes
    -----
    Waudby-Smith & Ramdas 2024, J R Stat Soc B 86:1, arXiv:2010.09686, theorem 2, with
    their predictable plug-in bets, at most 3/4. With x in [0, 1],
    L = log(2 / alpha), psi(b) = -log(1 - b) - b and m, s2 the mean and variance of what came
    before (with one value of 1/2 and a variance of 1/4 in advance):

        bet_i = min(3/4, sqrt(2 L / (s2_{i-1} i log(1 + i))))
        mean in  sum bet_i x_i / sum bet_i  +-  (L + sum (x_i - m_{i-1})^2 psi(bet_i)) / sum bet_i

    Its middle is a weighted mean, near the mean of the values but not equal to it.
    """

    kind = "exact"

    def __init__(self, low: float, high: float, alpha: float = ALPHA) -> None:
        self.low, self.width, self.alpha = low, high - low, alpha
        self._n = 0
        self._sums: list[Float] = [np.zeros(1) for _ in range(5)]

    def add(self, values: Float) -> tuple[Float, Float]:
        """Take further values, (..., n); return the interval after each, twice (..., n).

        Raises
        ------
        ValueError
            A value outside the bounds: nothing would be exact.
        """
        x = (values - self.low) / self.width
        if not ((x >= -1e-9) & (x <= 1.0 + 1e-9)).all():
            raise ValueError(f"a value outside {self.low:g} to {self.low + self.width:g}")
        number = np.arange(self._n + 1, self._n + 1 + x.shape[-1])
        total, square, bets, drift, paid = self._sums
        level = math.log(2.0 / self.alpha)
        sums = _running(total, x)
        mean = (0.5 + sums) / (number + 1.0)
        before = _shifted(mean, (0.5 + total) / (self._n + 1.0))
        squares = _running(square, (x - mean) ** 2)
        variance = (0.25 + _shifted(squares, square)) / number
        bet = np.minimum(LARGEST_BET, np.sqrt(2.0 * level / (variance * number * np.log1p(number))))
        weight, weighted = _running(bets, bet), _running(drift, bet * x)
        price = _running(paid, (x - before) ** 2 * (-np.log1p(-bet) - bet))
        self._n += x.shape[-1]
        self._sums = [s[..., -1:] for s in (sums, squares, weight, weighted, price)]
        middle, half = weighted / weight, (level + price) / weight
        low, high = (np.clip(edge, 0.0, 1.0) for edge in (middle - half, middle + half))
        return self.low + self.width * low, self.low + self.width * high


class Asymptotic:
    """The sequence that the central limit theorem allows, for values without bounds.

    Parameters
    ----------
    alpha : float
        Chance that the mean is ever outside, in the limit.
    first : int
        Number of values at the first look: before it, and where all values are the same, the
        interval is all numbers.

    Notes
    -----
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, Ann Stat 52:2613,
    arXiv:2103.06476, theorem 2.2 (finite variance is all that is assumed):

        mean +- sd sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha))

    narrowest, for its sd, near n = first log(first), by
    r = (-2 log(alpha) + log(1 - 2 log(alpha))) / (first log(first)).
    """

    kind = "asymptotic"

    def __init__(self, alpha: float = ALPHA, first: int = ASYMPTOTIC_FROM) -> None:
        self.alpha, self.first = alpha, first
        twice = -2.0 * math.log(alpha)
        self.rho2 = (twice + math.log1p(twice)) / (first * math.log(max(first, math.e)))
        self._n = 0
        self._centre: Float | None = None
        self._sums = (np.zeros(1), np.zeros(1))

    def add(self, values: Float) -> tuple[Float, Float]:
        """Take further values, (..., n); return the interval after each, twice (..., n)."""
        if self._centre is None:
            self._centre = values[..., :1]  # squares of large numbers would cancel
        number = np.arange(self._n + 1, self._n + 1 + values.shape[-1])
        sums = _running(self._sums[0], values - self._centre)
        squares = _running(self._sums[1], (values - self._centre) ** 2)
        self._n += values.shape[-1]
        self._sums = (sums[..., -1:], squares[..., -1:])
        spread = np.maximum(squares - sums**2 / number, 0.0) / np.maximum(number - 1.0, 1.0)
        grown = number * self.rho2 + 1.0
        factor = 2.0 * grown / (number**2 * self.rho2) * np.log(np.sqrt(grown) / self.alpha)
        known = (number >= self.first) & (spread > 0.0)  # all alike: nothing is known of the spread
        half = np.where(known, np.sqrt(spread * factor), np.inf)
        mean = self._centre + sums / number
        return mean - half, mean + half


def _running(start: Float, values: Float) -> Float:
    """Return sums from the first value on, (..., n); one after the other, however they came."""
    head = np.broadcast_to(start, (*values.shape[:-1], 1))
    result: Float = np.cumsum(np.concatenate([head, values], axis=-1), axis=-1)[..., 1:]
    return result


def _shifted(values: Float, first: Float) -> Float:
    """Return what stood before each value, (..., n)."""
    head = np.broadcast_to(first, (*values.shape[:-1], 1))
    return np.concatenate([head, values[..., :-1]], axis=-1)


@dataclass(frozen=True, slots=True)
class Precision:
    """How precisely a mean was known when a run ended.

    Parameters
    ----------
    rule : str
        As it was asked for.
    quantity, unit : str
        What it is the mean of.
    counted : str
        What the independent values are: draws, hosts.
    kind : str
        ``exact`` or ``asymptotic``.
    n, maximum, block : int
        Values that were taken, at most, and between two looks.
    low, high : float
        The interval at the last look, in ``unit``.
    wanted : float
        Half-width below which to stop, in ``unit``.
    reached : bool
        Whether the rule ended the run.
    """

    rule: str
    quantity: str
    unit: str
    counted: str
    kind: str
    n: int
    maximum: int
    block: int
    low: float
    high: float
    wanted: float
    reached: bool
    alpha: float = ALPHA

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return 0.5 * (self.high - self.low)

    def to_dict(self) -> dict[str, object]:
        """Return plain data, as it stands in the provenance."""
        known = math.isfinite(self.half_width)
        return {
            "rule": self.rule,
            "quantity": self.quantity,
            "unit": self.unit,
            "reached": self.reached,
            self.counted: self.n,
            "maximum": self.maximum,
            "block": self.block,
            "half_width": self.half_width if known else None,
            "wanted": self.wanted,
            "low": self.low if known else None,
            "high": self.high if known else None,
            "alpha": self.alpha,
            "interval": f"{self.kind} confidence sequence",
        }

    def sentence(self) -> str:
        """Say in one line where it stopped and why, or that it did not."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        level = f"{100.0 * (1.0 - self.alpha):g} %"
        if not math.isfinite(self.half_width):
            return (
                f"{self.rule} was NOT reached with all {self.n} {self.counted}: an asymptotic "
                f"interval of {self.quantity} needs {ASYMPTOTIC_FROM} that are not all alike."
            )
        found = (
            f"half-width {self.half_width:.3g}{unit} of {self.quantity} ({self.low:.5g} to "
            f"{self.high:.5g}, {level} at all looks together, {self.kind})"
        )
        if self.reached:
            return (
                f"Stopped after {self.n} of {self.maximum} {self.counted} by {self.rule}: {found}."
            )
        return f"{self.rule} was NOT reached with all {self.maximum} {self.counted}: {found}."


class Looks:
    """Looks at a mean after every block of :data:`BLOCK` values, and says when to stop.

    Parameters
    ----------
    sequence : Sequence
    quantity, unit, counted : str
        What it is the mean of, in which unit, and what the independent values are.
    maximum : int
        Values at most.
    rule : StopRule, optional
        Without one it only looks.

    Raises
    ------
    UnitError
        A bound in a unit that is not that of the quantity.
    """

    def __init__(
        self,
        sequence: Sequence,
        *,
        quantity: str,
        unit: str,
        counted: str,
        maximum: int,
        rule: StopRule | None = None,
    ) -> None:
        self.sequence, self.rule, self.maximum = sequence, rule, maximum
        self.quantity, self.unit, self.counted = quantity, unit, counted
        self._bound = 0.0 if rule is None else rule.wanted(unit)
        self._total = 0.0
        self.n, self.low, self.high, self.wanted, self.reached = 0, -math.inf, math.inf, 0.0, False

    def see(self, values: Float) -> bool:
        """Take the next block, (values,); return whether it is precise enough now."""
        low, high = self.sequence.add(values)
        self.n += len(values)
        self._total += float(values.sum())
        self.low, self.high = float(low[-1]), float(high[-1])
        self.wanted = self._bound
        if self.rule is not None and self.rule.relative:
            self.wanted = self._bound * abs(self._total / self.n)
        self.reached = 0.5 * (self.high - self.low) < self.wanted
        return self.reached

    def text(self) -> str:
        """Return the mean so far, its half-width and what is wanted, for a bar."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        half = 0.5 * (self.high - self.low)
        known = f" \N{PLUS-MINUS SIGN} {half:.2g}" if math.isfinite(half) else ""
        wanted = f", to be below {self.wanted:.2g}" if self.rule is not None else ""
        mean = self._total / self.n
        return f"{self.quantity} {mean:.4g}{known}{unit}, {self.n} {self.counted}{wanted}"

    def precision(self) -> Precision | None:
        """Return what the last look saw; None where there is no rule."""
        if self.rule is None:
            return None
        return Precision(
            rule=self.rule.text,
            quantity=self.quantity,
            unit=self.unit,
            counted=self.counted,
            kind=self.sequence.kind,
            n=self.n,
            maximum=self.maximum,
            block=BLOCK,
            low=self.low,
            high=self.high,
            wanted=self.wanted,
            reached=self.reached,
        )
