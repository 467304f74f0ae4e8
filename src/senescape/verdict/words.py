"""From a distribution of effects to one word, with the chance that the word is only noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

THRESHOLD = 0.95
Z95 = 1.959963984540054
Z95_ONE_SIDED = 1.6448536269514722


class Word(Enum):
    """What the verdict says of inducing senescence."""

    FRIEND = "friend"
    FOE = "foe"
    NEGLIGIBLE = "negligible"
    UNDETERMINED = "undetermined"
    UNDETERMINED_MONTE_CARLO = "undetermined (Monte Carlo)"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect V over outer draws, inner noise taken out.

    Parameters
    ----------
    estimate, low, high : float
        Mean, and the interval that holds ``level`` of what we do not know.
    monte_carlo_error : float
        Standard error of the estimate.
    noise_share : float
        Share of the variance between draws that was inner noise and has been removed.
    probability_beneficial, probability_harmful, probability_negligible : float
        P(V > delta), P(V < -delta), P(|V| <= delta) over outer draws.
    draws : int
        Number of outer draws.
    """

    estimate: float
    low: float
    high: float
    level: float
    monte_carlo_error: float
    noise_share: float
    probability_beneficial: float
    probability_harmful: float
    probability_negligible: float
    draws: int


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a probability.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(197, 200)]
    [0.957, 0.995]
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    z2 = Z95 * Z95
    centre = p + z2 / (2 * n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n)


def shrink(values: Float, errors: Float) -> tuple[Float, float]:
    """Take the inner noise out of effects that were each measured with an error.

    Parameters
    ----------
    values : (draws,)
        Inner means of V.
    errors : (draws,)
        Their standard errors.

    Returns
    -------
    tuple
        Values pulled to their mean so that their variance is the variance between draws, and the
        share of variance removed.

    Notes
    -----
    The variance between draws is var(values) - mean(errors^2) by the method of moments. It is an
    estimate, with standard error sqrt(2 / (n - 1)) of the whole variance; its upper 95 % bound
    is kept, so that noise is never taken for certainty. The noise is taken to have the same
    relative weight in all draws.
    """
    total = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    noise = float(np.mean(errors**2))
    if total <= 0.0:
        return values.copy(), 0.0
    bound = Z95_ONE_SIDED * math.sqrt(2.0 / (len(values) - 1)) * total
    between = min(total, max(0.0, total - noise) + (bound if noise > 0.0 else 0.0))
    share = 1.0 - between / total
    return values.mean() + (values - values.mean()) * math.sqrt(between / total), share


def effect_of(values: Float, errors: Float, delta: float, level: float = 0.9) -> Effect:
    """Summarise inner means of V over outer draws.

    Parameters
    ----------
    values, errors : (draws,)
        Inner mean of V in each draw, and its standard error.
    delta : float
        Smallest difference that matters, in the unit of the end point.
    """
    clean, share = shrink(values, errors)
    edge = 0.5 * (1.0 - level)
    low, high = np.quantile(clean, [edge, 1.0 - edge])
    n = len(values)
    return Effect(
        estimate=float(values.mean()),
        low=float(low),
        high=float(high),
        level=level,
        monte_carlo_error=float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else 0.0,
        noise_share=share,
        probability_beneficial=float((clean > delta).mean()),
        probability_harmful=float((clean < -delta).mean()),
        probability_negligible=float((np.abs(clean) <= delta).mean()),
        draws=n,
    )


def word_of(effect: Effect) -> Word:
    """Return the word that the effect allows.

    A word needs its probability to be at least 0.95, and the 95 % Wilson interval of that
    probability wholly beyond 0.95; where only the second fails, more draws are needed.
    """
    named = (
        (Word.FRIEND, effect.probability_beneficial),
        (Word.FOE, effect.probability_harmful),
        (Word.NEGLIGIBLE, effect.probability_negligible),
    )
    close = False
    for word, probability in named:
        low, high = wilson(probability * effect.draws, effect.draws)
        if low >= THRESHOLD:
            return word
        close = close or high >= THRESHOLD
    return Word.UNDETERMINED_MONTE_CARLO if close else Word.UNDETERMINED


def headline_word(rules: dict[str, Word], structures: Iterable[tuple[Word, Word]] = ()) -> Word:
    """Return the common word, or DEPENDS where the answers contradict each other.

    A word that only waits for more draws contradicts no other; but where one does, no other word
    than undetermined can stand for all.

    Parameters
    ----------
    rules : mapping
        One word a re-routing rule.
    structures : iterable of (Word, Word)
        With a structure that is not known, and without it.
    """
    found = set(rules.values()) - {Word.UNDETERMINED_MONTE_CARLO}
    if len(found) > 1 or any(differ(*pair) for pair in structures):
        return Word.DEPENDS
    if len(found) == len(set(rules.values())) or found == {Word.UNDETERMINED}:
        return found.pop()
    return Word.UNDETERMINED_MONTE_CARLO


def differ(one: Word, other: Word) -> bool:
    """Whether two words contradict each other; one that waits for more draws does not."""
    return one is not other and Word.UNDETERMINED_MONTE_CARLO not in {one, other}
