"""Lower a network to a Program: formulas to the tape, arrows to index tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from senescape.errors import NetworkError
from senescape.expressions import Binary, Expr, Op, Symbol
from senescape.network import (
    BirthLaw,
    Kind,
    Network,
    SignalKind,
    Transition,
    When,
    check_network,
)

from .forcing import lower_forcing
from .general import lower_general
from .program import Int, Program, TransitionKind
from .tape import Level, TapeBuilder

LAWS = tuple(BirthLaw)
MAX_SLOTS = 1_000_000


def lower(network: Network) -> Program:
    """Check a network and lower it to arrays.

    Parameters
    ----------
    network : Network
        As made by the compiler of scenarios or by hand.

    Returns
    -------
    Program
        Arrays that every engine reads.

    Raises
    ------
    NetworkError, ExpressionError
        See :func:`senescape.network.check_network`.
    """
    check_network(network)
    slots = sum(c.stages for c in network.compartments)
    if slots > MAX_SLOTS:
        raise NetworkError(
            f"{slots} states once stages and classes are counted",
            allowed=f"at most {MAX_SLOTS}",
            remedy="use fewer classes or stages",
            check="network.too-many-states",
        )
    return _Lowering(network).program()


def _ptr(groups: Iterable[Sequence[object]]) -> Int:
    return np.cumsum([0, *(len(g) for g in groups)], dtype=np.int32)


def _table(rows: Sequence[Sequence[int]], width: int) -> Int:
    return np.array(rows, np.int32).reshape(-1, width)


class _Lowering:
    """One pass over a network; holds the tape while tables are filled."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.parameters = [p.name for p in network.parameters]
        self.signals = [s.name for s in network.signals]
        self.assays = [a.id for a in network.assays]
        self.compartments = {c.id: i for i, c in enumerate(network.compartments)}
        # Assay names live in their own space: a formula reaches them only through ports and visits.
        inputs = [(name, Level.LANE) for name in self.parameters]
        inputs += [
            (s.name, Level.TIME if s.kind is SignalKind.EXOGENOUS else Level.STATE)
            for s in network.signals
        ]
        inputs += [("time", Level.TIME)]
        inputs += [(name, Level.STATE) for name in self.assays]
        self.tape = TapeBuilder(inputs)
        for port in network.ports:
            self.tape.define(port.name, port.closure)
        if network.plain:  # in their order, so that a long chain of rules is no deep recursion
            for port in network.ports:
                self.tape.add(Symbol(port.name))

    def lane(self, expr: Expr, what: str) -> int:
        """Put a formula on the tape that may read parameters only."""
        row = self.tape.add(expr)
        if self.tape.level(row) is not Level.LANE:
            raise NetworkError(
                f"{what} = {expr} changes with time or cells",
                allowed="a formula over parameters",
                remedy="move the time dependence into a hazard",
                check="network.not-constant",
            )
        return row

    def hazard(self, item: Transition) -> int:
        expr = item.hazard
        if item.gate is not None:
            expr = Binary("*", Symbol(item.gate), expr)
        return self.tape.add(expr)

    def program(self) -> Program:
        network = self.network
        transitions = sorted(network.transitions, key=lambda t: t.number)
        kinds = [_kind(t) for t in transitions]
        sources = [-1 if t.source is None else self.compartments[t.source] for t in transitions]
        exits: list[list[int]] = [[] for _ in network.compartments]
        for index, source in enumerate(sources):
            if source >= 0:
                exits[source].append(index)
        rows = [
            [kind, source, self.hazard(t), t.number]
            for t, kind, source in zip(transitions, kinds, sources, strict=True)
        ]
        routes = [route for t in transitions for route in t.routes]
        outcomes = [outcome for route in routes for outcome in route.outcomes]
        outcome_rows = [self.tape.add(o.probability) for o in outcomes]
        advance = [
            -1 if c.advance is None else self.tape.add(c.advance) for c in network.compartments
        ]
        coupling, secretion = self._signals()
        initial = [self.lane(s.initial, f"{s.name}.initial") for s in network.signals]
        weights = [
            [a, self.compartments[name], self.lane(weight, f"{assay.id}.{name}")]
            for a, assay in enumerate(network.assays)
            for name, weight in assay.weights
        ]
        births = [
            [LAWS.index(b.law), self.lane(b.total, "births"), int(b.stage_profile != "first")]
            for b in network.births
        ]
        shares = [
            [self.compartments[name], self.lane(share, f"births.{name}")]
            for b in network.births
            for name, share in b.shares
        ]
        forcing = lower_forcing(network.forcing, self.tape, self.signals, self.compartments)
        general = None
        if network.plain:
            general = lower_general(network, self.tape, self.signals, self.compartments)
        tape, ends, constant_row, constant, count = self.tape.finish()
        if not network.plain and (tape[:, 0] >= Op.SIN).any():
            raise NetworkError(
                "a function that only networks from SBML may use (trigonometric, floor, factorial)",
                allowed="exp, log, sqrt, abs, min, max, pow, hill, if",
                remedy="write the rate with these: they have bounds where rates move",
                check="network.foreign-function",
            )
        offset = len(self.parameters)
        return Program(
            parameter_names=tuple(self.parameters),
            parameter_defaults=np.array([p.value for p in network.parameters], np.float64),
            compartment_ids=tuple(self.compartments),
            compartment_states=tuple(c.state for c in network.compartments),
            compartment_roles=tuple(c.role for c in network.compartments),
            compartment_clones=tuple(c.clone for c in network.compartments),
            transition_ids=tuple(t.id for t in transitions),
            transition_arrows=tuple(t.arrow for t in transitions),
            signal_names=tuple(self.signals),
            assay_ids=tuple(self.assays),
            tape=tape,
            lane_end=ends[0],
            time_end=ends[1],
            constant_row=constant_row,
            constant=constant,
            register_count=count,
            parameter_row=0,
            signal_row=offset,
            time_row=offset + len(self.signals),
            assay_row=offset + len(self.signals) + 1,
            slot_ptr=np.cumsum([0, *(c.stages for c in network.compartments)], dtype=np.int32),
            advance_row=np.array(advance, np.int32),
            transition=_table(rows, 4),
            exit_ptr=_ptr(exits),
            exit=np.array([i for group in exits for i in group], np.int32),
            route_row=np.array(
                [-1 if t.route is None else self.parameters.index(t.route) for t in transitions],
                np.int32,
            ),
            route_ptr=_ptr([t.routes for t in transitions]),
            outcome_ptr=_ptr([r.outcomes for r in routes]),
            outcome_row=np.array(outcome_rows, np.int32),
            product_ptr=_ptr([o.products for o in outcomes]),
            product=_table([[self.compartments[n], k] for o in outcomes for n, k in o.products], 2),
            coupling=_table(coupling, 3),
            secretion=_table(secretion, 3),
            signal_linear=np.array(
                [s.kind is not SignalKind.EXOGENOUS for s in network.signals], np.bool_
            ),
            signal_initial=np.array(initial, np.int32),
            weight=_table(weights, 3),
            birth=_table(births, 3),
            birth_ptr=_ptr([b.shares for b in network.births]),
            birth_share=_table(shares, 2),
            forcing=forcing,
            general=general,
        )

    def _signals(self) -> tuple[list[list[int]], list[list[int]]]:
        coupling, secretion = [], []
        for index, signal in enumerate(self.network.signals):
            if signal.kind is SignalKind.RATE_RULE and not self.network.plain:
                raise NetworkError(
                    f"signal {signal.name} follows an arbitrary rate rule",
                    allowed="exogenous and linear signals",
                    remedy="write its law as a sum of coefficient * source terms",
                    check="network.rate-rule",
                )
            for term in signal.terms:
                row = self.lane(term.coefficient, signal.name)
                if term.source in self.assays:
                    secretion.append([index, self.assays.index(term.source), row])
                else:
                    source = -1 if term.source is None else self.signals.index(term.source)
                    coupling.append([index, source, row])
        return coupling, secretion


def _kind(item: Transition) -> int:
    if item.kind is Kind.INFLOW:
        return TransitionKind.INFLOW
    if item.kind is Kind.GENERAL:
        return TransitionKind.GENERAL
    return TransitionKind.TIMED if item.when is When.TIMED else TransitionKind.ANY_AGE
