"""Constructs of SBML beyond plain reactions, in the mean field, against closed forms.

The same and others against libRoadRunner, and the examples of COPASI: verification/sbml_constructs.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import sbml_texts as x

from senescape.compile import lower
from senescape.engines.exact import Exact
from senescape.engines.mean_field import MeanField
from senescape.engines.protocol import Engine
from senescape.errors import SenescapeError
from senescape.files import parse_sbml
from senescape.run.networks import Counted, output_times, run_network

Float = NDArray[np.float64]
T = np.linspace(0.0, 6.0, 25)
NEAR = 2e-6  # the mean field solves to 1e-8 a step
A, B = x.species("A", 10), x.species("B")
K = x.parameter("k", 0.2)
DECAY = 10.0 * np.exp(-0.2 * T)
MOVING = 'size="1" constant="true"', 'size="1" constant="false"'


def version_2(text: str) -> str:
    """Return a document as Level 3 Version 2."""
    second = text.replace("version1/core", "version2/core").replace(
        'level="3" version="1"', 'level="3" version="2"'
    )
    return second.replace(' fast="false"', "")


FLOW = MeanField()


def run(engine: Engine = FLOW, *, text: str = "", lanes: int = 1, **parts: Any) -> Counted:
    given = text or x.model(**parts)
    return run_network(
        engine, lower(parse_sbml(given)), output_times(6.0, 0.25), replicates=lanes, seed=1
    )


def path(counted: Counted, name: str) -> Float:
    values: Float = counted.values[counted.names.index(name), :, 0]
    return values


def same(found: Float, wanted: Float | float) -> None:
    assert np.abs(found - wanted).max() <= NEAR * max(1.0, float(np.abs(wanted).max()))


def conversion(law: str, given: dict[str, float], made: dict[str, float]) -> str:
    return x.reaction("J", law, given, made)


# --- stoichiometries ------------------------------------------------------------------------------
def test_fractions_of_a_molecule_flow_in_the_mean_field() -> None:
    found = run(
        species=(A, B), parameters=(K,), reactions=(conversion("k * A", {"A": 1.5}, {"B": 0.5}),)
    )
    left = 10.0 * np.exp(-0.3 * T)
    same(path(found, "A"), left)
    same(path(found, "B"), (10.0 - left) / 3.0)


def test_fractions_of_a_molecule_are_refused_by_the_exact_engine() -> None:
    with pytest.raises(SenescapeError, match=r"A .*0\.5|A.*rate rule"):
        run(
            Exact(),
            species=(A, B),
            parameters=(K,),
            reactions=(conversion("k", {"A": 0.5}, {"B": 1}),),
        )


N_FIXED = '<speciesReference id="n" species="B" stoichiometry="1" constant="true"/>'
N_FREE = N_FIXED.replace('constant="true"', 'constant="false"')


def with_n(reference: str = N_FREE, **parts: Any) -> str:
    """Return A => n B with the stoichiometry n as the rest of the model has it."""
    text = x.model(
        species=(A, B),
        parameters=(K,),
        reactions=(conversion("k * A", {"A": 1}, {"B": 1}),),
        **parts,
    )
    return text.replace(
        '<speciesReference species="B" stoichiometry="1.0" constant="true"/>', reference
    ).replace('<speciesReference species="B" stoichiometry="1" constant="true"/>', reference)


def test_a_stoichiometry_may_follow_an_assignment_rule() -> None:
    found = run(text=with_n(rules=(x.assignment("n", "1 + time / 2"),)))
    # B' = k A (1 + t/2)
    same(path(found, "B"), (10.0 - DECAY) + 0.5 * (10.0 / 0.2 - DECAY * (T + 1.0 / 0.2)))
    same(path(found, "n"), 1.0 + T / 2.0)


def test_a_stoichiometry_may_follow_a_rate_rule_and_be_set_by_an_event() -> None:
    found = run(text=with_n(rules=(x.rate("n", "0.5"),)))
    same(path(found, "B"), (10.0 - DECAY) + 0.5 * (10.0 / 0.2 - DECAY * (T + 1.0 / 0.2)))
    found = run(text=with_n(events=(x.event("e", "time >= 3", {"n": "4"}),)))
    at = 10.0 * math.exp(-0.6)
    same(path(found, "B"), np.where(T < 3.0, 10.0 - DECAY, 10.0 - at + 4.0 * (at - DECAY)))


@pytest.mark.parametrize(("formula", "value"), [("5 * k", 1.0), ("A / 4", 2.5)])
def test_a_stoichiometry_may_be_assigned_at_the_start(formula: str, value: float) -> None:
    found = run(text=with_n(N_FIXED, initials=(x.initial("n", formula),)))
    same(path(found, "B"), value * (10.0 - DECAY))


def test_a_whole_number_that_is_assigned_keeps_molecules_whole() -> None:
    found = run(Exact(), text=with_n(N_FIXED, initials=(x.initial("n", "10 * k"),)), lanes=20)
    made = found.values[found.names.index("B")]
    assert (made % 2.0 == 0.0).all() and made.max() > 2.0


@pytest.mark.parametrize("whose", ["model", "species"])
def test_a_conversion_factor_multiplies_what_reactions_change(whose: str) -> None:
    text = x.model(
        species=(A, B),
        parameters=(K, x.parameter("f", 2.5)),
        reactions=(conversion("k * A", {"A": 1}, {"B": 1}),),
    )
    tag = "<model " if whose == "model" else '<species id="B" '
    found = run(text=text.replace(tag, f'{tag}conversionFactor="f" ', 1))
    speed = 0.5 if whose == "model" else 0.2
    left = 10.0 * np.exp(-speed * T)
    same(path(found, "A"), left)
    same(path(found, "B"), (10.0 - left) * (1.0 if whose == "model" else 2.5))


# --- compartments that change ---------------------------------------------------------------------
S = x.species("S", 5, hasOnlySubstanceUnits="false")


def growing(
    *rules: str, reactions: tuple[str, ...] = (), species: tuple[str, ...] = (S,), **parts: Any
) -> str:
    return x.model(
        species=species, parameters=(K,), rules=rules, reactions=reactions, **parts
    ).replace(*MOVING)


def test_what_is_in_a_growing_compartment_is_diluted() -> None:
    """S stands for amount / size, so S' = -k amount / (1 + 0.3 t)."""
    found = run(
        text=growing(x.rate("cell", "0.3"), reactions=(x.reaction("J", "k * S", {"S": 1}),))
    )
    same(path(found, "cell"), 1.0 + 0.3 * T)
    same(path(found, "S"), 5.0 * (1.0 + 0.3 * T) ** (-0.2 / 0.3))


def test_a_compartment_may_follow_an_assignment_rule() -> None:
    found = run(
        text=growing(
            x.assignment("cell", "exp(time / 2)"), reactions=(x.reaction("J", "k * S", {"S": 1}),)
        )
    )
    same(path(found, "S"), 5.0 * np.exp(-0.4 * (1.0 - np.exp(-T / 2.0))))


def test_a_concentration_that_follows_a_rate_rule_does_so_in_any_room() -> None:
    found = run(text=growing(x.rate("cell", "0.3"), x.rate("S", "-k * S")))
    same(path(found, "S"), 5.0 * np.exp(-0.2 * T) * (1.0 + 0.3 * T))  # reported as an amount


def test_an_event_that_resizes_keeps_amounts() -> None:
    event = x.event("e", "time >= 2", {"cell": "4"})
    found = run(text=growing(reactions=(x.reaction("J", "k * S", {"S": 1}),), events=(event,)))
    at = 5.0 * math.exp(-0.4)
    same(
        path(found, "S"), np.where(T < 2.0, 5.0 * np.exp(-0.2 * T), at * np.exp(-0.05 * (T - 2.0)))
    )


def test_a_given_concentration_is_one_at_the_start_only() -> None:
    held = x.species(
        "X", None, hasOnlySubstanceUnits="false", initialConcentration="3", boundaryCondition="true"
    )
    made = x.reaction("J", "X", {}, {"S": 1}, modifiers=("X",))
    found = run(text=growing(x.rate("cell", "1"), reactions=(made,), species=(held, S)))
    same(path(found, "X"), 3.0)
    same(path(found, "S"), 5.0 + 3.0 * np.log1p(T))


# --- rates of change ------------------------------------------------------------------------------
def test_a_rate_of_change_of_species_and_parameters() -> None:
    variable = tuple(x.parameter(name, 1, "false") for name in ("p", "q", "r", "s"))
    text = x.model(
        species=(A, B),
        parameters=(K, *variable),
        rules=(
            x.rate("p", "3 * p / 10"),
            x.assignment("q", x.RATE_OF.format("p")),
            x.assignment("r", x.RATE_OF.format("A")),
            x.assignment("s", x.RATE_OF.format("k")),
        ),
        reactions=(conversion("k * A", {"A": 1}, {"B": 1}),),
    )
    found = run(text=version_2(text))
    same(path(found, "q"), 0.3 * np.exp(0.3 * T))
    same(path(found, "r"), -0.2 * DECAY)
    same(path(found, "s"), 0.0)


def test_the_rate_of_a_concentration_in_a_growing_compartment() -> None:
    rules = (x.rate("cell", "0.3 * cell"), x.assignment("y", x.RATE_OF.format("S")))
    text = growing(*rules, reactions=(x.reaction("J", "k * S * cell", {"S": 1}),))
    text = text.replace(
        "</listOfParameters>", f"{x.parameter('y', constant='false')}</listOfParameters>"
    )
    same(path(run(text=version_2(text)), "y"), -0.5 * 5.0 * np.exp(-0.5 * T))


def test_a_rate_of_change_may_start_and_trigger() -> None:
    text = x.model(
        species=(A, B),
        parameters=(K, x.parameter("z", constant="false"), x.parameter("late", 0, "false")),
        initials=(x.initial("z", x.RATE_OF.format("B")),),
        reactions=(conversion("k * A", {"A": 1}, {"B": 1}),),
        events=(
            x.event(
                "e",
                f"<apply><lt/>{x.RATE_OF.format('B')}<cn> 1 </cn></apply>",
                {"late": "time", "z": "z + 1"},
            ),
        ),
    )
    found = run(text=version_2(text))
    assert path(found, "z")[0] == 2.0
    assert path(found, "late")[-1] == pytest.approx(math.log(2.0) / 0.2, rel=1e-6)


# --- functions ------------------------------------------------------------------------------------
POLE = {1.0: math.inf}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "sec": lambda v: 1.0 / math.cos(v),
    "csc": lambda v: 1.0 / math.sin(v),
    "cot": lambda v: 1.0 / math.tan(v),
    "arcsin": lambda v: math.asin(v) if v <= 1.0 else math.nan,
    "arccos": lambda v: math.acos(v) if v <= 1.0 else math.nan,
    "arctan": math.atan,
    "arcsec": lambda v: math.acos(1.0 / v) if v >= 1.0 else math.nan,
    "arccsc": lambda v: math.asin(1.0 / v) if v >= 1.0 else math.nan,
    "arccot": lambda v: math.atan(1.0 / v),
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "sech": lambda v: 1.0 / math.cosh(v),
    "csch": lambda v: 1.0 / math.sinh(v),
    "coth": lambda v: 1.0 / math.tanh(v),
    "arcsinh": math.asinh,
    "arccosh": lambda v: math.acosh(v) if v >= 1.0 else math.nan,
    "arctanh": lambda v: math.atanh(v) if v < 1.0 else POLE.get(v, math.nan),
    "arcsech": lambda v: math.acosh(1.0 / v) if v <= 1.0 else math.nan,
    "arccsch": lambda v: math.asinh(1.0 / v),
    "arccoth": lambda v: math.atanh(1.0 / v) if v > 1.0 else POLE.get(v, math.nan),
    "floor": math.floor,
    "ceiling": math.ceil,
    "factorial": lambda v: math.gamma(v + 1.0),
}


def applied(function: str, *arguments: str) -> str:
    return f"<apply><{function}/>{''.join(arguments)}</apply>"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_their_values_at_the_start_and_on_the_way(name: str) -> None:
    """``y`` by the tape at times 0.3 apart from 0.1; ``z`` by the reader, at 0.1."""
    argument = "<apply><plus/><cn> 0.1 </cn>" + x.TIME + "</apply>"
    text = x.model(
        parameters=(x.parameter("y", constant="false"), x.parameter("z", 0, "false")),
        rules=(x.assignment("y", applied(name, argument)),),
    )
    program = lower(parse_sbml(text))
    found = run_network(MeanField(), program, output_times(3.0, 0.3), replicates=1, seed=1)
    for time, value in zip(found.time, path(found, "y"), strict=True):
        wanted = FUNCTIONS[name](0.1 + float(time))
        assert value == pytest.approx(wanted, rel=1e-12, nan_ok=True), (name, time)


@pytest.mark.parametrize("a", [-7.5, -3.0, 0.5, 7.0])
@pytest.mark.parametrize("b", [-2.0, 2.5])
def test_quotients_are_cut_off_towards_zero(a: float, b: float) -> None:
    pair = f"<cn> {a} </cn>", f"<cn> {b} </cn>"
    text = x.model(
        parameters=(x.parameter("q", constant="false"), x.parameter("r", constant="false")),
        initials=(
            x.initial("q", applied("quotient", *pair)),
            x.initial("r", applied("rem", *pair)),
        ),
        events=(x.event("e", "time > 100", {"q": "0", "r": "0"}),),
    )
    found = run(text=version_2(text))
    assert path(found, "q")[0] == math.trunc(a / b)
    assert path(found, "r")[0] == pytest.approx(math.fmod(a, b))


PIECE = "<piecewise><piece><cn> 2 </cn><apply><lt/>{}<cn> {} </cn></apply></piece></piecewise>"


def test_a_case_that_does_not_hold_has_no_value() -> None:
    made = x.reaction("J", PIECE.format(x.TIME, 9), {}, {"A": 1})
    same(path(run(species=(A,), reactions=(made,)), "A"), 10.0 + 2.0 * T)
    made = x.reaction("J", PIECE.format(x.TIME, 3), {}, {"A": 1})
    with pytest.raises(SenescapeError, match=r"J is not finite"):
        run(species=(A,), reactions=(made,))


@pytest.mark.parametrize("engine", [Exact(), MeanField()], ids=["exact", "mean-field"])
def test_a_step_of_time_sets_off_an_event(engine: Engine) -> None:
    trigger = f"<apply><geq/>{applied('floor', x.TIME)}<cn> 3 </cn></apply>"
    parts: dict[str, Any] = {
        "species": (x.species("X", 7, boundaryCondition="true"),),
        "events": (x.event("e", trigger, {"X": "X + 1"}),),
    }
    if isinstance(engine, Exact):  # it cannot know when the floor jumps
        with pytest.raises(SenescapeError, match="straight line|time"):
            run(engine, **parts)
        return
    assert path(run(engine, **parts), "X")[[10, 14]].tolist() == [7.0, 8.0]


def test_molecules_go_in_pairs_where_the_law_says_so() -> None:
    """A law by floor in the exact engine: the last one of an odd number stays for good."""
    pairs = applied("floor", "<apply><divide/><ci> A </ci><cn> 2 </cn></apply>")
    law = f"<apply><times/><cn> 5 </cn>{pairs}</apply>"
    odd = x.species("A", 11)
    found = run(Exact(), species=(odd,), reactions=(x.reaction("J", law, {"A": 2}),), lanes=40)
    last = found.values[0, -1]
    assert set(last.tolist()) <= {1.0, 3.0} and (last == 1.0).mean() > 0.9
