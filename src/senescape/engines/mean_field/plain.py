"""The right-hand side once more, slow and obvious: straight from the Network's formulas.

It shares no table and no tape with the compiled kernel; the two are tested equal. Read this file to
learn what the mean field means.
"""

from __future__ import annotations

from collections.abc import Mapping

from senescape.expressions import evaluate
from senescape.network import Kind, Network, Transition, When

Numbers = dict[str, float]


def plain_flows(
    network: Network,
    parameters: Mapping[str, float],
    time: float,
    cells: Mapping[tuple[str, int], float],
    signals: Mapping[str, float],
    supply: Mapping[str, float],
) -> tuple[dict[tuple[str, int], float], Numbers, Numbers]:
    """Return the rates of change of cells and signals, and the expected firings per day.

    Parameters
    ----------
    cells : mapping of (compartment id, stage) to a number
        Stages count from 0.
    supply : mapping of signal to a constant input rate
        Infusions that run now.
    """
    lane = dict(parameters)
    totals = {
        assay.id: sum(
            evaluate(weight, lane) * cells[name, stage]
            for name, weight in assay.weights
            for stage in range(_stages(network, name))
        )
        for assay in network.assays
    }
    known = lane | dict(signals) | {"time": time}
    known |= {port.name: evaluate(port.closure, known | totals) for port in network.ports}

    rate = {(c.id, stage): 0.0 for c in network.compartments for stage in range(c.stages)}
    fired: Numbers = {}
    for compartment in network.compartments:
        if compartment.advance is not None:
            hazard = evaluate(compartment.advance, known)
            for stage in range(compartment.stages - 1):
                flow = hazard * cells[compartment.id, stage]
                rate[compartment.id, stage] -= flow
                rate[compartment.id, stage + 1] += flow
    for transition in network.transitions:
        hazard = evaluate(transition.hazard, known)
        if transition.gate is not None:
            hazard *= known[transition.gate]
        if transition.kind is Kind.INFLOW or transition.source is None:
            flow = hazard
        elif transition.kind is Kind.GENERAL:
            flow = hazard
            rate[transition.source, 0] -= flow
        elif transition.when is When.ANY_AGE:
            flow = 0.0
            for stage in range(_stages(network, transition.source)):
                part = hazard * cells[transition.source, stage]
                rate[transition.source, stage] -= part
                flow += part
        else:
            flow = _timed_flow(network, transition, known, cells)
            rate[transition.source, _stages(network, transition.source) - 1] -= flow
        fired[transition.id] = flow
        chosen = 0 if transition.route is None else int(known[transition.route])
        for outcome in transition.routes[chosen].outcomes:
            chance = evaluate(outcome.probability, known)
            for product, count in outcome.products:
                rate[product, 0] += flow * chance * count
    change = {
        signal.name: supply.get(signal.name, 0.0)
        + sum(
            evaluate(term.coefficient, lane)
            * (1.0 if term.source is None else (totals | dict(signals))[term.source])
            for term in signal.terms
        )
        for signal in network.signals
    }
    return rate, change, fired


def _stages(network: Network, name: str) -> int:
    return next(c.stages for c in network.compartments if c.id == name)


def _timed_flow(
    network: Network,
    transition: Transition,
    known: Numbers,
    cells: Mapping[tuple[str, int], float],
) -> float:
    """Return the flow through the last stage that this transition takes; 0 if all are shut."""
    assert transition.source is not None
    source = next(c for c in network.compartments if c.id == transition.source)
    assert source.advance is not None

    def share(item: Transition) -> float:
        gate = 1.0 if item.gate is None else known[item.gate]
        return gate * evaluate(item.hazard, known)

    rivals = [
        t
        for t in network.transitions
        if t.source == source.id and t.kind is Kind.UNARY and t.when is When.TIMED
    ]
    total = sum(share(t) for t in rivals)
    if total == 0.0:
        return 0.0
    leaving = evaluate(source.advance, known) * cells[source.id, source.stages - 1]
    return leaving * share(transition) / total
