"""Scenario to network: clones and classes become compartments, arrows become transitions.

Formulas are checked field by field, so that a refusal names the place in the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

from senescape.errors import ScenarioError, Where
from senescape.model import Figure1, Player, Scenario, player_parameter
from senescape.network import Forcing, Network
from senescape.units import TIME

from .counting import CountingBuilder
from .lower import lower
from .names import unknown
from .pharmacology import RENEWS, Plan, drug_signals
from .program import Program
from .renewal import renewals


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program, and what its rows mean to a verdict.

    Parameters
    ----------
    entries : tuple of int
        Transitions by which tumour cells enter senescence.
    gates, routes : tuple of str
        Parameters that switch these arrows off, or send their cells elsewhere.
    flows : mapping from arrow of Figure 1 to its transitions
    players : mapping from player to the parameters that are 0 where the player is off
    """

    scenario: Scenario
    regimen: str
    network: Network
    program: Program
    entries: tuple[int, ...]
    gates: tuple[str, ...]
    routes: tuple[str, ...]
    flows: dict[Figure1, tuple[int, ...]]
    players: dict[Player, tuple[str, ...]]


def compile_scenario(scenario: Scenario, regimen: str, variant: str | None = None) -> Compiled:
    """Compile one regimen of a scenario.

    Raises
    ------
    SenescapeError
        Names that are not declared, dimensions that do not fit, contradictions; each with the
        field of the scenario.
    """
    return compiled_from(scenario, regimen, *network_of(scenario, regimen, variant))


def network_of(
    scenario: Scenario, regimen: str, variant: str | None = None
) -> tuple[Network, tuple[str, ...]]:
    """Return the network of one regimen, and its arrows into senescence."""
    return _Builder(scenario, regimen, variant).build()


def compiled_from(
    scenario: Scenario, regimen: str, network: Network, entries: tuple[str, ...]
) -> Compiled:
    """Lower a network of a scenario, and say what its rows mean to a verdict."""
    program = lower(network)
    numbers = tuple(
        i for i, name in enumerate(program.transition_ids) if name.split("|")[0] in entries
    )
    present = set(program.parameter_names)
    gates = tuple(g for e in entries if (g := f"gate.{e}") in present)
    routes = tuple(r for e in entries if (r := f"route.{e}") in present)
    return Compiled(
        scenario,
        regimen,
        network,
        program,
        numbers,
        gates,
        routes,
        _flows(scenario, program),
        _players(scenario, present),
    )


def _flows(scenario: Scenario, program: Program) -> dict[Figure1, tuple[int, ...]]:
    found: dict[Figure1, list[int]] = {}
    for number, name in enumerate(program.transition_ids):
        arrow = scenario.arrows.get(name.split("|")[0])
        if arrow is not None:
            found.setdefault(arrow.figure1, []).append(number)
    return {arrow: tuple(numbers) for arrow, numbers in found.items()}


def _players(scenario: Scenario, present: set[str]) -> dict[Player, tuple[str, ...]]:
    """Return who can be switched off here; ``arrest`` is not among them: see the gates."""
    found: dict[Player, list[str]] = {}
    for player in Player:
        if player is not Player.ARREST and (name := player_parameter(player)) in present:
            found[player] = [name]
    for name, noun in scenario.parameters.items():
        if noun.player is not None and name in present:
            found.setdefault(noun.player, []).append(name)
    return {player: tuple(names) for player, names in found.items()}


def scenario_network(scenario: Scenario, regimen: str, variant: str | None = None) -> Network:
    """Return the network of one regimen."""
    return network_of(scenario, regimen, variant)[0]


@dataclass(slots=True)
class _Builder(CountingBuilder):
    """Puts the network together."""

    def build(self) -> tuple[Network, tuple[str, ...]]:
        scenario = self.scenario
        if self.regimen not in scenario.regimens:
            raise unknown("regimen", self.regimen, scenario.regimens, "regimens")
        self.chosen = scenario.regimens[self.regimen]
        self.check_sources()
        self.declare_parameters()
        self.declare_variation()
        self.list_places()
        drugs, sites = drug_signals(scenario, self.names)
        for name, noun in scenario.signals.items():
            self.names.claim(name, self.unit(noun.unit, f"signals.{name}.unit"), "signals")
        assays = self.assays()
        ports = self.ports(assays)
        signals = drugs + self.signals(sites, assays)
        transitions, entries = self.transitions()
        births = self.births()
        start = self.names.number(scenario.start, "start", TIME)
        if start > 0.0:
            raise ScenarioError(
                f"the scenario starts at {scenario.start}",
                allowed="0 or earlier: t = 0 is the first treatment",
                remedy="move the start to 0 or before",
                check="scenario.start",
                where=Where(field="start"),
            )
        plan = Plan(
            scenario,
            self.names,
            sites,
            self.factors,
            start,
            self.acute,
            {a.id: a.dimension for a in assays},
        )
        plan.give(self.regimen, self.chosen)
        for renewal in renewals(self, plan):
            plan.actions += [(renewal.time, RENEWS, move) for move in renewal.moves]
        network = Network(
            self.names.parameters(),
            tuple(self.compartments()),
            tuple(transitions),
            tuple(signals),
            tuple(ports),
            tuple(assays),
            tuple(births),
            Forcing(plan.breakpoints(), start),
        )
        return network, tuple(entries)
