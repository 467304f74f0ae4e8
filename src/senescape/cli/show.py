"""senescape show: a scenario as text, with its equations where asked for."""

from __future__ import annotations

from senescape.compile import scenario_network
from senescape.expressions import simplify, to_text
from senescape.model import Scenario
from senescape.network import Kind, Network, Transition, When
from senescape.verdict import DISCLAIMER, regimens_of

from .output import table


def show_text(scenario: Scenario, *, equations: bool = False, regimen: str | None = None) -> str:
    """Return a scenario as a reader wants it.

    Raises
    ------
    SenescapeError
        An unknown regimen.
    """
    parts = [
        f"{scenario.title}\n{scenario.name} ({scenario.place}); "
        f"{100 * scenario.assumed_fraction():.0f} % of the numbers are assumptions. {DISCLAIMER}",
        _states(scenario),
        _arrows(scenario),
        _numbers(scenario),
        _regimens(scenario),
    ]
    name = regimens_of(scenario, () if regimen is None else (regimen,))[0]
    if equations:
        parts.append(equations_text(scenario_network(scenario, name)))
    return "\n\n".join(parts)


def _states(scenario: Scenario) -> str:
    rows = [
        [
            name,
            state.role.value,
            "tumour" if state.tumour else "host",
            str(state.stages),
            "" if state.dwell is None else state.dwell.text,
            ", ".join(state.axes),
            state.label,
        ]
        for name, state in scenario.cells.states.items()
    ]
    return "States\n" + table(["state", "role", "of", "stages", "dwell", "axes", ""], rows)


def _arrows(scenario: Scenario) -> str:
    rows = [
        [
            name,
            " + ".join(arrow.from_) or "outside",
            " + ".join(arrow.to) or "gone",
            arrow.figure1.value,
            "at the end of its stages" if arrow.when == "timed" else arrow.rate.text,
        ]
        for name, arrow in scenario.arrows.items()
    ]
    return "Arrows\n" + table(["arrow", "from", "to", "Figure 1", "rate a cell"], rows)


def _numbers(scenario: Scenario) -> str:
    rows = [
        [name, noun.value.text, noun.source, noun.label or noun.note]
        for name, noun in scenario.parameters.items()
    ]
    return "Numbers\n" + table(["parameter", "value", "source", ""], rows)


def _regimens(scenario: Scenario) -> str:
    rows = [
        [name, noun.label, f"{len(noun.give)} entries"] for name, noun in scenario.regimens.items()
    ]
    return "Regimens\n" + table(["regimen", "", "gives"], rows)


def equations_text(network: Network) -> str:
    """Return the mean-field equations, one line a flow, formulas as the engines read them.

    Stages are written once: a cell advances with the hazard of its compartment, k times before a
    timed exit. Classes of an axis differ in one number: the middle class is shown for all.
    """
    lines = ["Equations (mean field; n_X is the number of cells in X; rates per day)"]
    for compartment in network.compartments:
        if compartment.advance is not None:
            lines.append(
                f"  {compartment.id}: {compartment.stages} stages, each left at "
                f"{to_text(simplify(compartment.advance))}"
            )
    states = {c.id: c.state for c in network.compartments}
    groups: dict[tuple[str, str], list[Transition]] = {}
    for item in network.transitions:
        key = (item.id.split("|")[0], states.get(item.source or "", ""))
        groups.setdefault(key, []).append(item)
    for members in groups.values():
        lines.append(_flow(members[len(members) // 2], len(members)))
    for signal in network.signals:
        terms = " + ".join(
            to_text(term.coefficient) + (f" * {term.source}" if term.source else "")
            for term in signal.terms
        )
        lines.append(f"  d {signal.name} / dt = {terms or '0'}")
    for port in network.ports:
        lines.append(f"  {port.name} = {to_text(port.closure)}")
    for point in network.forcing.breakpoints:
        acts = ", ".join(type(action).__name__.lower() for action in point.actions)
        lines.append(f"  at day {point.time:g}: {acts}")
    return "\n".join(lines)


def _flow(item: Transition, members: int) -> str:
    """Return one flow; of several classes the middle one stands for all."""
    if item.kind is Kind.INFLOW:
        rate = to_text(simplify(item.hazard))
    elif item.when is When.TIMED:
        rate = f"completions of {item.source}"
    else:
        rate = f"({to_text(simplify(item.hazard))}) * n_{item.source}"
    outcomes = item.routes[0].outcomes
    middle = outcomes[len(outcomes) // 2]
    made = " + ".join(f"{k} {name}" for name, k in middle.products) or "nothing"
    spread = f" (and {len(outcomes) - 1} other classes)" if len(outcomes) > 1 else ""
    head = item.id.split("|")[0] + (f" (1 of {members} classes)" if members > 1 else "")
    return f"  {head}: {rate} -> {made}{spread}"
