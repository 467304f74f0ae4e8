"""Virtual hosts: what we do not know (outer draws) and how individuals differ (inner), as lanes.

Every number is keyed by seed, draw, host and the *name* of what it is for: a world with one more
uncertain parameter, or one more arm, leaves all other numbers as they were.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from senescape.compile import Program
from senescape.compile.correlations import Block, uncertain_blocks, varied_blocks
from senescape.compile.names import Names
from senescape.compile.numbers import HOSTLIKE, scenario_names
from senescape.engines.state import Streams
from senescape.errors import RunError
from senescape.expressions import Symbol, evaluate
from senescape.model import Distribution, Scenario, Value
from senescape.rng import Purpose, absorb, lane_keys, normal_quantile, uniform
from senescape.run import check_lanes
from senescape.units import DIMENSIONLESS, Dimension, unit_factor

Float = NDArray[np.float64]
Keys = NDArray[np.uint64]

LARGEST_SEED = 2**63 - 1
MOST_LANES = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Cohort:
    """Lanes of one program: draws x hosts, hosts of one draw side by side.

    Parameters
    ----------
    parameters : (parameters, lanes)
        Canonical units.
    streams : Streams
    draws, hosts : int
        ``lane = draw * hosts + host``.
    outer : mapping of name to (draws,)
        What was drawn for each uncertain parameter and switch.
    """

    parameters: Float
    streams: Streams
    draws: int
    hosts: int
    outer: dict[str, Float]


def cohort_of(
    scenario: Scenario,
    program: Program,
    *,
    seed: int,
    draws: int,
    hosts: int,
    first_draw: int = 0,
    uncertain: bool = True,
    varied: bool = True,
) -> Cohort:
    """Return lanes with their parameters drawn.

    Parameters
    ----------
    draws, hosts : int
        Outer draws, and hosts (in culture: wells) in each of them.
    first_draw : int
        Number of the first draw: more draws can be added to earlier ones.
    uncertain, varied : bool
        False: all uncertain parameters at their stated values; all hosts alike.

    Raises
    ------
    RunError
        No draw or host, more than fit into memory, a seed that is no 63-bit number.
    """
    lanes = draws * hosts
    for what, given, low, high in (
        ("draws", draws, 1, MOST_LANES),
        ("hosts", hosts, 1, MOST_LANES),
        ("seed", seed, 0, LARGEST_SEED),
    ):
        if not low <= given <= high:
            raise RunError(
                f"{what}: {given}",
                allowed=f"{low} to {high}",
                remedy="choose a whole number in this range",
                check=f"run.{what}",
            )
    check_lanes(program, lanes)
    draw = np.repeat(np.arange(first_draw, first_draw + draws, dtype=np.int64), hosts)
    host = np.tile(np.arange(hosts, dtype=np.int64), draws)
    streams = Streams(seed, draw, host, np.zeros(lanes, np.int64))
    parameters = np.repeat(program.parameter_defaults[:, None], lanes, axis=1)
    rows = {name: i for i, name in enumerate(program.parameter_names)}
    names = scenario_names(scenario)
    outer: dict[str, Float] = {}
    if uncertain:
        outer = outer_draws(scenario, names, seed, first_draw, draws)
        for name, values in outer.items():
            if name in rows:
                stated = float(program.parameter_defaults[rows[name]])
                drawn = _as_chosen(names, name, stated, values, _is_share(scenario, names, name))
                parameters[rows[name]] = np.repeat(drawn, hosts)
    if varied:
        _vary(scenario, names, streams, rows, parameters)
    return Cohort(parameters, streams, draws, hosts, outer)


def _is_share(scenario: Scenario, names: Names, name: str) -> bool:
    """Whether a number lies between 0 and 1 by its distribution, whatever was drawn."""
    noun = scenario.uncertainty.parameters.get(name)
    if noun is None or noun.distribution != "uniform" or noun.low is None or noun.high is None:
        return noun is not None and noun.distribution == "beta"
    place, dimension = f"uncertainty.parameters.{name}", names.dimensions[name]
    low = names.number(noun.low, f"{place}.low", dimension)
    return low >= 0.0 and names.number(noun.high, f"{place}.high", dimension) <= 1.0


def _as_chosen(names: Names, name: str, stated: float, drawn: Float, share: bool) -> Float:
    """Return draws of a parameter to which a variant or regimen has given another value.

    They keep their relative spread: a genotype that multiplies a number by 30 does so in every
    draw. Of a share the odds are multiplied, so that it stays below 1. Where the scenario's own
    value is 0 (of a share: or 1) there is no ratio, and the new value stands.
    """
    usual = names.values[name][1] if name in names.values else stated
    if stated == usual:
        return drawn
    if not share:
        return drawn * (stated / usual) if usual != 0.0 else np.full_like(drawn, stated)
    if not (0.0 < usual < 1.0 and 0.0 < stated < 1.0):
        return np.full_like(drawn, stated)
    ratio = stated / (1.0 - stated) * (1.0 - usual) / usual
    return ratio * drawn / (1.0 - drawn + ratio * drawn)


def outer_draws(
    scenario: Scenario, names: Names, seed: int, first: int, draws: int
) -> dict[str, Float]:
    """Return what is drawn for every uncertain parameter and switch, canonical units."""
    noun = scenario.uncertainty
    index = np.arange(first, first + draws, dtype=np.int64)
    zero = np.zeros(draws, np.int64)
    keys = lane_keys(seed, index, zero, zero, int(Purpose.PARAMETERS))
    result: dict[str, Float] = {}
    scores = {name: normal_scores(keys, word_of(name)) for name in noun.parameters}
    correlate(scores, uncertain_blocks(scenario))
    for name, distribution in noun.parameters.items():
        dimension, centre = names.values[name]
        place = f"uncertainty.parameters.{name}"
        drawn = quantiles(names, distribution, scores[name], centre, dimension, place)
        absent = uniforms(keys, word_of(f"{name}|zero")) < distribution.zero
        result[name] = np.where(absent, 0.0, drawn)
    for name, switch in noun.switches.items():
        on = uniforms(keys, word_of(f"switch|{name}")) < switch.probability
        result[f"switch.{name}"] = on.astype(np.float64)
    if noun.draws is not None:
        table = np.array(noun.draws.rows)
        chosen = (uniforms(keys, word_of("joint draws")) * len(table)).astype(np.int64)
        for column, (name, unit) in enumerate(
            zip(noun.draws.parameters, noun.draws.units, strict=True)
        ):
            values = table[chosen, column]
            result[name] = values * (1.0 if unit == "1" else unit_factor(unit))
    return result


def correlate(scores: dict[str, Float], blocks: tuple[Block, ...]) -> None:
    """Replace independent normal scores by correlated ones, in place.

    Names outside the blocks keep theirs to the byte. The sums are written out: a matrix product
    may add in another order in a larger batch, and draws would depend on how many there are.
    """
    for block in blocks:
        independent = [scores[name] for name in block.names]
        for name, weights in zip(block.names, block.root, strict=True):
            mixed = np.zeros_like(scores[name])
            for weight, score in zip(weights, independent, strict=True):
                mixed += float(weight) * score
            scores[name] = mixed


def _vary(
    scenario: Scenario, names: Names, streams: Streams, rows: dict[str, int], parameters: Float
) -> None:
    """Multiply or replace what differs between hosts, in place."""
    keys = streams.keys(Purpose.HETEROGENEITY)
    batch = Streams(streams.seed, streams.draw, np.zeros_like(streams.host), streams.replicate)
    batch_keys = batch.keys(Purpose.HETEROGENEITY)
    varied = {n: noun for n, noun in scenario.variation.items() if noun.axis in HOSTLIKE}
    own_keys = {n: batch_keys if noun.axis == "batch" else keys for n, noun in varied.items()}
    scores = {n: normal_scores(own_keys[n], word_of(f"variation|{n}")) for n in varied}
    correlate(scores, varied_blocks(scenario))
    for name, noun in varied.items():
        target, score = noun.of or name, scores[name]
        row, place = rows[target], f"variation.{name}"
        log, sum_like = noun.distribution == "lognormal", noun.distribution == "normal"
        if (log and noun.median is None) or (sum_like and noun.mean is None):
            # around this draw's own centre, with this draw's own spread
            unit = DIMENSIONLESS if log else names.values[target][0]
            width = lane_values(names, noun.sd, f"{place}.sd", unit, rows, parameters)
            drawn = (
                parameters[row] * np.exp(width * score)
                if log
                else parameters[row] + (width * score)
            )
        elif log:
            dimension = names.values[target][0]
            width = lane_values(names, noun.sd, f"{place}.sd", DIMENSIONLESS, rows, parameters)
            middle = lane_values(names, noun.median, f"{place}.median", dimension, rows, parameters)
            drawn = middle * np.exp(width * score)
        else:
            dimension, centre = names.values[target]
            drawn = quantiles(names, noun, score, centre, dimension, place)
        if noun.zero > 0.0:
            absent = uniforms(own_keys[name], word_of(f"variation|{name}|zero")) < noun.zero
            drawn = np.where(absent, 0.0, drawn)
        parameters[row] = drawn


def lane_values(
    names: Names,
    value: Value | None,
    place: str,
    dimension: Dimension,
    rows: dict[str, int],
    parameters: Float,
) -> Float:
    """Return a number that may depend on parameters, for every lane, shape (lanes,)."""
    lanes = parameters.shape[1]
    if value is None:
        return np.zeros(lanes)
    if value.quantity is not None:
        return np.full(lanes, names.number(value, place, dimension))
    formula = names.expr(value, place, dimension, constant=True)
    if isinstance(formula, Symbol):
        return parameters[rows[formula.name]].copy()
    used = sorted(formula.names())
    return np.array(
        [
            evaluate(formula, {name: float(parameters[rows[name], lane]) for name in used})
            for lane in range(lanes)
        ]
    )


def quantiles(
    names: Names,
    noun: Distribution,
    scores: Float,
    centre: float,
    dimension: Dimension,
    place: str,
) -> Float:
    """Return the distribution's quantiles at normal scores."""
    from scipy import stats

    def number(what: str, default: float, unit: Dimension = dimension) -> float:
        value = getattr(noun, what)
        return default if value is None else names.number(value, f"{place}.{what}", unit)

    if noun.distribution == "lognormal":
        return number("median", centre) * np.exp(number("sd", 0.0, DIMENSIONLESS) * scores)
    if noun.distribution == "normal":
        return number("mean", centre) + number("sd", 0.0) * scores
    shares = stats.norm.cdf(scores)
    if noun.distribution == "beta":
        mean, sd = number("mean", centre), number("sd", 0.0)
        total = mean * (1.0 - mean) / sd**2 - 1.0
        drawn: Float = stats.beta.ppf(shares, mean * total, (1.0 - mean) * total)
        return drawn
    if noun.distribution == "bernoulli":
        return (shares > 1.0 - number("mean", centre)).astype(np.float64)
    low, high = number("low", 0.0), number("high", 0.0)
    if noun.distribution == "uniform":
        return low + (high - low) * shares
    return low * np.exp(np.log(high / low) * shares)


def word_of(name: str) -> int:
    """Return the word that stands for a name in keys."""
    return zlib.crc32(name.encode())


@njit(cache=True, nogil=True)
def uniforms(keys: Keys, name: int) -> Float:
    """Return one uniform number a key for what ``name`` stands for, shape (keys,)."""
    drawn = np.empty(len(keys))
    for i in range(len(keys)):
        drawn[i] = uniform(absorb(keys[i], name), 0)
    return drawn


@njit(cache=True, nogil=True)
def normal_scores(keys: Keys, name: int) -> Float:
    """Return one standard normal number a key for what ``name`` stands for, shape (keys,)."""
    drawn = np.empty(len(keys))
    for i in range(len(keys)):
        drawn[i] = normal_quantile(uniform(absorb(keys[i], name), 0))
    return drawn
