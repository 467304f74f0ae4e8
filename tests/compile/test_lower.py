"""Lowering: invariants I2, I4 and I7 of the intermediate form, and its refusals."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests.engines import builders as b

from senescape.compile import ForcingTable, Program, TransitionKind, lower
from senescape.errors import ExpressionError, NetworkError, RunError
from senescape.expressions import Binary, Call, Number, Symbol
from senescape.network import Network, Signal, SignalKind, Visit
from senescape.network.forcing import Add, Breakpoint, Forcing
from senescape.units import DIMENSIONLESS

ROOT = Path(__file__).parents[2]
NETWORKS: dict[str, Callable[[], Network]] = {
    "birth_death": b.birth_death,
    "treated": b.treated_birth_death,
    "immigration": b.immigration_death,
    "erlang": b.erlang_chain,
    "cycle": b.cycle,
    "two_types": b.two_types,
    "dosing": lambda: b.dosing((*b.doses([1.0]), *b.infusion(2.0, 3.0))),
    "bateman": b.bateman,
    "logistic": b.logistic,
    "secreting": b.secreting,
}


def gated(gate: float, route: float) -> Network:
    """Senescence entry with a gate, and a route that chooses senescence, death or nothing."""
    return Network(
        parameters=(
            b.rate("entry", 0.3),
            b.number("gate", gate),
            b.number("row", route),
            b.cells("n0", 10),
        ),
        compartments=(b.state("P"), b.state("S", role="senescent_mature")),
        transitions=(
            b.exit_of(
                7,
                "entry",
                "P",
                "entry",
                gate="gate",
                route="row",
                routes=[
                    [b.outcome(S=1)],
                    [b.outcome()],
                    [b.outcome(0.5, P=1), b.outcome(0.5, S=1)],
                ],
            ),
        ),
        assays=(b.assay("live", "P", "S"), b.assay("arrested", "S")),
        births=(b.born("n0", P=1),),
    )


def tables(program: Program | ForcingTable) -> dict[str, object]:
    return {f.name: getattr(program, f.name) for f in fields(program) if f.name != "forcing"}


def test_gates_and_routes_change_no_shape_no_number_and_no_digest() -> None:
    """I2: the oracle is the program of the other world, field by field."""
    on, off = lower(gated(1.0, 0.0)), lower(gated(0.0, 2.0))
    assert on.digest == off.digest
    assert on == off and hash(on) == hash(off)
    for name, value in tables(on).items():
        if name != "parameter_defaults":
            np.testing.assert_array_equal(value, tables(off)[name], err_msg=name)


def test_a_changed_law_changes_the_digest() -> None:
    """Negative control of I2: what is not a lane's number is part of the digest."""
    base = gated(1.0, 0.0)
    other = replace(base.transitions[0], hazard=b.formula("2 * entry"))
    assert lower(base) != lower(replace(base, transitions=(other,)))
    assert lower(base) != "a word"
    renamed = replace(base.transitions[0], number=8)
    assert lower(base).digest != lower(replace(base, transitions=(renamed,))).digest


def test_the_regimen_is_part_of_the_digest_and_can_be_exchanged() -> None:
    one, two = (lower(b.dosing(b.doses(times))) for times in ([1.0], [1.0, 2.0]))
    assert one.digest != two.digest
    assert one.with_forcing(two.forcing).digest == two.digest


@pytest.mark.parametrize("name", NETWORKS)
def test_lowering_twice_gives_the_same_bytes_and_survives_a_pickle(name: str) -> None:
    """I7, and the bound of 1 MB."""
    program = lower(NETWORKS[name]())
    assert program.digest == lower(NETWORKS[name]()).digest
    blob = pickle.dumps(program)
    assert len(blob) < 1_000_000
    again = pickle.loads(blob)
    assert again.digest == program.digest
    assert again == program


def test_a_program_of_120_compartments_stays_below_one_megabyte() -> None:
    base = b.cycle(stages=12)
    clones = range(60)
    big = Network(
        parameters=base.parameters,
        compartments=tuple(
            replace(c, id=f"{c.id}{i}", clone=f"clone {i}")
            for i in clones
            for c in base.compartments
        ),
        transitions=tuple(
            b.exit_of(
                10 * i + k,
                f"t{k} of {i}",
                f"P{i}",
                hazard,
                b.outcome("1 - quiet", **{f"P{i}": 2}),
                b.outcome("quiet", **{f"Q{i}": 2}),
                timed=k == 1,
            )
            for i in clones
            for k, hazard in ((1, "1"), (2, "death"), (3, "death * exp(-time * stage_rate)"))
        ),
    )
    program = lower(big)
    assert program.slots == 60 * 13
    assert len(pickle.dumps(program)) < 1_000_000
    # equal formulas stand on the tape once, however many clones read them
    assert len(program.tape) < 10


FRESH = """
from tests.compile.test_lower import NETWORKS, lower
print(" ".join(lower(make()).digest for make in NETWORKS.values()))
"""


def test_a_fresh_process_with_another_hash_seed_makes_the_same_bytes() -> None:
    """I7: nothing depends on the order of a set or on the address of an object."""
    here = [lower(make()).digest for make in NETWORKS.values()]
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PYTHONHASHSEED": "7",
    }
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == here


@pytest.mark.parametrize("name", NETWORKS)
def test_every_transition_accounts_for_its_source_and_all_offspring(name: str) -> None:
    """I4: oracle is the Network itself, read in its own order of numbers."""
    network = NETWORKS[name]()
    program = lower(network)
    kinds = {
        "unary": {TransitionKind.ANY_AGE, TransitionKind.TIMED},
        "inflow": {TransitionKind.INFLOW},
    }
    for index, item in enumerate(sorted(network.transitions, key=lambda t: t.number)):
        kind, source, _, number = program.transition[index]
        assert number == item.number
        assert kind in kinds[item.kind.value]
        assert program.transition_ids[index] == item.id
        assert source == (-1 if item.source is None else program.compartment(item.source))
        leaving = (
            []
            if source < 0
            else program.exit[program.exit_ptr[source] : program.exit_ptr[source + 1]]
        )
        assert source < 0 or index in leaving
        first, last = program.route_ptr[index], program.route_ptr[index + 1]
        assert last - first == len(item.routes)
        for row, route in zip(range(first, last), item.routes, strict=True):
            found = range(program.outcome_ptr[row], program.outcome_ptr[row + 1])
            for place, outcome in zip(found, route.outcomes, strict=True):
                products = program.product[
                    program.product_ptr[place] : program.product_ptr[place + 1]
                ]
                expected = [(program.compartment(n), k) for n, k in outcome.products]
                assert [tuple(p) for p in products.tolist()] == expected
    assert len(program.exit) == sum(t.source is not None for t in network.transitions)


def test_transitions_stand_in_the_order_of_their_numbers() -> None:
    """Draws are keyed by number: the order of declaration must not matter."""
    base = b.two_types()
    assert lower(base).digest == lower(replace(base, transitions=base.transitions[::-1])).digest


def test_stages_become_slots_and_sections_of_the_tape_are_in_order() -> None:
    program = lower(b.cycle(stages=12))
    assert program.stages.tolist() == [12, 1]
    assert program.slot_ptr.tolist() == [0, 12, 13]
    assert 0 <= program.lane_end <= program.time_end <= len(program.tape)
    assert program.assay("cycling") == 1
    with pytest.raises(ValueError):
        program.compartment("X")


def test_a_treatment_is_read_with_time_and_crowding_with_the_cells() -> None:
    dosed, crowded = lower(b.dosing(b.doses([1.0]))), lower(b.logistic())
    assert dosed.time_end == len(dosed.tape) > dosed.lane_end
    assert crowded.time_end < len(crowded.tape)


def test_infusions_are_counted_for_the_state() -> None:
    two = (*b.infusion(1.0, 2.0), *b.infusion(3.0, 4.0, index=1))
    assert lower(b.dosing(two)).forcing.infusions == 2
    assert lower(b.dosing(b.doses([1.0]))).forcing.infusions == 0


def test_an_amount_that_depends_on_time_is_refused() -> None:
    network = b.dosing(b.doses([1.0], "dose * drug"))
    with pytest.raises(ExpressionError, match="drug"):
        lower(network)


def test_a_visit_whose_factor_changes_with_cells_is_refused() -> None:
    visit = Visit(b.formula("live > n0"), ("drug",), b.formula("live / n0"))
    network = replace(b.dosing([]), forcing=Forcing((Breakpoint(1.0, (visit,)),)))
    with pytest.raises(ExpressionError, match="live"):
        lower(network)


def test_a_coefficient_that_reads_a_signal_is_refused() -> None:
    signal = Signal("x", DIMENSIONLESS, SignalKind.RATE_RULE, ())
    network = replace(b.birth_death(), signals=(signal,))
    with pytest.raises(NetworkError, match=r"rate rule.*network\.rate-rule"):
        lower(network)


def test_functions_without_bounds_are_for_networks_from_sbml() -> None:
    base = b.birth_death()
    sine = replace(
        base.transitions[0], hazard=Binary("*", Symbol("birth"), Call("sin", (Number(1.5),)))
    )
    lower(replace(base, transitions=(sine, *base.transitions[1:])))  # a plain number by now
    drug = Call("sin", (Binary("/", Symbol("birth"), Symbol("death")),))
    sine = replace(sine, hazard=Binary("*", Symbol("birth"), drug))
    with pytest.raises(NetworkError, match=r"trigonometric.*network\.foreign-function"):
        lower(replace(base, transitions=(sine, *base.transitions[1:])))


def test_more_states_than_the_budget_are_refused() -> None:
    wide = tuple(b.state(f"A{i}", stages=200, advance="stage_rate") for i in range(5001))
    network = replace(b.erlang_chain(), compartments=(*b.erlang_chain().compartments, *wide))
    with pytest.raises(NetworkError, match=r"1000204 states.*network\.too-many-states"):
        lower(network)


def test_general_transitions_are_let_through_the_lowering() -> None:
    """They are refused engine by engine, not here."""
    from senescape.engines.state import refuse_general
    from senescape.network import Kind

    base = b.immigration_death()
    general = replace(base.transitions[0], kind=Kind.GENERAL)
    program = lower(replace(base, transitions=(general, base.transitions[1])))
    assert program.transition[0, 0] == TransitionKind.GENERAL
    with pytest.raises(RunError, match=r"arrival.*leap engine.*run\.general-transition"):
        refuse_general(program, "leap")
    refuse_general(lower(base), "leap")


def test_a_dose_may_be_any_formula_of_parameters() -> None:
    program = lower(
        replace(
            b.dosing([]),
            forcing=Forcing((Breakpoint(0.0, (Add("drug", b.formula("dose / 3 + 1")),)),)),
        )
    )
    assert program.lane_end == 3  # -ke, dose / 3, + 1
    assert program.time_end == program.lane_end + 1  # kill * drug
