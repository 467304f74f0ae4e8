"""Who did it: the effect shared out among the players, by Shapley's rule under arrest.

The worth of a coalition C is v(C) = Y(senescence on, players C on) - Y(senescence off, players C
on), the same hosts and chance in both. Without the arrest nothing else can act through it, so
that it comes first in every order (a precedence constraint: Faigle & Kern 1992,
doi:10.1007/BF01240145): its share is v(only arrest), and a share of any other player is the mean,
over orders of the others, of what it adds when it joins. The shares of one host sum to its V.

Without senescence most players can do nothing, whatever their number says (compile.reach): worlds
that differ in these alone are run once.

With few players every coalition is run; else each host draws one order and takes it forward and
backward (paired permutations), which is unbiased and cancels much of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from senescape.cohort import Cohort
from senescape.cohort.draws import uniforms, word_of
from senescape.compile import Compiled
from senescape.compile.question import Question
from senescape.compile.reach import parameters_that_matter
from senescape.model import EndpointName, Player
from senescape.rng import Purpose
from senescape.run import Monitor

from .counterfactual import Rule, arm_parameters, run_arms, world_of
from .endpoints import endpoint_values

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Worth = Callable[[Sequence[Bool]], list[Float]]  # of coalitions, (players, hosts) -> (hosts,)

MOST_PLAYERS_IN_FULL = 3


@dataclass(frozen=True, slots=True)
class HostShares:
    """What each player contributes in each host.

    Parameters
    ----------
    players : tuple of Player
        ``arrest`` first; players that the scenario does not have are left out (their share is 0).
    values : (players, hosts)
        In the unit of the end point; the sum over players is V of the host.
    """

    players: tuple[Player, ...]
    values: Float


def share_out(
    compiled: Compiled,
    cohort: Cohort,
    question: Question,
    times: Float,
    *,
    rule: Rule = Rule.RENORMALISED,
    endpoint: EndpointName | None = None,
    engine: str = "leap",
    step: float | None = None,
    in_full: bool | None = None,
    whole: Float | None = None,
    monitor: Monitor | None = None,
) -> HostShares:
    """Share out V at the horizon among the players, in every host of a cohort.

    Parameters
    ----------
    times : (times,)
        Those after the horizon are not run [day].
    in_full : bool, optional
        Run every coalition (2^players worlds) in place of one pair of orders a host; by default
        where there are at most three players beside the arrest.
    whole : (hosts,), optional
        V of every host with all players on, where it is known already.
    """
    others = tuple(compiled.players)
    target = endpoint or question.headline
    grid = times[times <= question.horizon]

    hosts = cohort.parameters.shape[1]
    acts = _acting(compiled, rule)
    without: dict[bytes, Float] = {}  # end points of worlds without senescence, by who is there

    def arm(present: Bool, world: Rule | None) -> Float:
        parameters = arm_parameters(compiled, cohort, world)
        for row, player in enumerate(others):
            for name in compiled.players[player]:
                parameters[compiled.program.parameter(name), ~present[row]] = 0.0
        return parameters

    def worlds_without(present: Bool) -> list[Bool]:
        """Return the worlds without senescence that a coalition needs, as who is there in each.

        There only some players can act at all. Where these are few, every host finds its own
        coalition among all that they can form, so that each world is run once for all orders.
        """
        there = present | ~acts[:, None]
        if 2 ** int(acts.sum()) > 2 * len(others):
            return [there]
        return [np.repeat(one[:, None], hosts, axis=1) for one in np.unique(there, axis=1).T]

    def worth(coalitions: Sequence[Bool]) -> list[Float]:
        """Return V of every host with the players of each coalition present."""
        asked = [p for p in coalitions if whole is None or not p.all()]
        needed = {w.tobytes(): w for p in asked for w in worlds_without(p)}
        new = {key: w for key, w in needed.items() if key not in without}
        arms = [arm(p, None) for p in asked] + [arm(w, rule) for w in new.values()]
        histories = run_arms(
            compiled, arms, cohort, grid, engine=engine, step=step, monitor=monitor
        )
        ends = [endpoint_values(h, target.value, question.rule)[-1] for h in histories]
        without.update(zip(new, ends[len(asked) :], strict=True))
        found = []
        for present, on in zip(asked, ends, strict=False):
            off = np.empty(hosts)
            for world in worlds_without(present):
                mine = (world == (present | ~acts[:, None])).all(axis=0)
                off[mine] = without[world.tobytes()][mine]
            found.append(on - off)
        rest = iter(found)
        return [whole if whole is not None and p.all() else next(rest) for p in coalitions]

    if in_full is None:
        in_full = len(others) <= MOST_PLAYERS_IN_FULL
    if not compiled.entries:
        return HostShares((Player.ARREST, *others), np.zeros((1 + len(others), hosts)))
    values = (
        shapley_in_full(worth, len(others), hosts)
        if in_full
        else shapley_by_orders(worth, orders_of(cohort, others))
    )
    return HostShares((Player.ARREST, *others), values)


def worlds_of_shares(compiled: Compiled, rule: Rule = Rule.RENORMALISED) -> int:
    """Return how many worlds are run to share out V where V itself is known, at most."""
    if not compiled.entries:
        return 0
    players = len(compiled.players)
    coalitions = 2**players - 1 if players <= MOST_PLAYERS_IN_FULL else 2 * players - 1
    few = 2 ** int(_acting(compiled, rule).sum())
    return coalitions + min(few, coalitions)


def _acting(compiled: Compiled, rule: Rule) -> Bool:
    """Tell which players can do anything at all in a world without senescence, (players,)."""
    matter = parameters_that_matter(compiled.program, world_of(compiled, rule))
    acts = [not matter.isdisjoint(names) for names in compiled.players.values()]
    return np.array(acts, np.bool_)


def orders_of(cohort: Cohort, players: Iterable[Player]) -> NDArray[np.int64]:
    """Return a random order of the players for every host, (players, hosts); keyed by name."""
    keys = cohort.streams.keys(Purpose.ORDER)
    scores = np.array([uniforms(keys, word_of(player.value)) for player in players])
    return np.argsort(scores, axis=0)


def shapley_in_full(worth: Worth, players: int, hosts: int) -> Float:
    """Return exact shares from all coalitions, (1 + players, hosts); row 0 is the arrest."""
    members = [
        frozenset(m) for size in range(players + 1) for m in combinations(range(players), size)
    ]
    coalitions = [np.zeros((players, hosts), np.bool_) for _ in members]
    for present, there in zip(coalitions, members, strict=True):
        present[list(there)] = True
    known = dict(zip(members, worth(coalitions), strict=True))
    values = np.zeros((1 + players, hosts))
    values[0] = known[frozenset()]
    for there, base in known.items():
        for player in set(range(players)) - there:
            orders = math.factorial(len(there)) * math.factorial(players - len(there) - 1)
            weight = orders / math.factorial(players)
            values[1 + player] += weight * (known[there | {player}] - base)
    return values


def shapley_by_orders(worth: Worth, orders: NDArray[np.int64]) -> Float:
    """Return estimated shares from each host's order and its reverse, (1 + players, hosts)."""
    players, hosts = orders.shape
    lanes = np.arange(hosts)
    nobody, everybody = worth([np.full((players, hosts), there) for there in (False, True)])
    values = np.zeros((1 + players, hosts))
    values[0] = nobody
    both = (orders, orders[::-1])
    present = [np.zeros((players, hosts), np.bool_) for _ in both]
    before = [nobody, nobody]
    for position in range(players):
        for there, order in zip(present, both, strict=True):
            there[order[position], lanes] = True
        after = [everybody, everybody] if position == players - 1 else worth(present)
        for order, old, new in zip(both, before, after, strict=True):
            values[1 + order[position], lanes] += 0.5 * (new - old)
        before = after
    return values
