"""The tape against plain evaluation: random formulas, lanes side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from senescape.compile.tape import Level, TapeBuilder
from senescape.engines.interpreter import read_tape, read_tape_lane
from senescape.expressions import (
    FOREIGN,
    Binary,
    Call,
    Expr,
    Number,
    Symbol,
    Unary,
    evaluate,
    parse,
)

NAMES = ("a", "b", "c", "x")
ONE = ["exp", "log", "sqrt", "abs", *FOREIGN]
LEVELS = (Level.LANE, Level.LANE, Level.TIME, Level.STATE)
CLOSURES = {"port": parse("a * x / (1 + b)")}

leaves = st.one_of(
    st.sampled_from([Number(v) for v in (0.0, 0.5, 1.0, 2.0, 3.0)]),
    st.sampled_from([Symbol(n) for n in (*NAMES, "port")]),
)


def grow(children: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pair = st.tuples(children, children)
    three = st.tuples(children, children, children)
    arithmetic = st.sampled_from(
        ["+", "-", "*", "/", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
    )
    return st.one_of(
        st.builds(lambda op, p: Binary(op, *p), arithmetic, pair),
        st.builds(Unary, st.sampled_from(["-", "not"]), children),
        st.builds(lambda f, x: Call(f, (x,)), st.sampled_from(ONE), children),
        st.builds(lambda f, p: Call(f, p), st.sampled_from(["min", "max", "pow"]), pair),
        st.builds(lambda p: Call("hill", p), three),
        st.builds(lambda p: Call("if", p), three),
        st.builds(lambda f, p: Call(f, p), st.sampled_from(["min", "max"]), three),
    )


formulas = st.recursive(leaves, grow, max_leaves=12)
values = st.floats(0.01, 4.0)


def compiled(
    formula: Expr, lanes: list[dict[str, float]], *, one_by_one: bool = False
) -> list[float]:
    """Return the formula's value in every lane, as the interpreter computes it."""
    builder = TapeBuilder(list(zip(NAMES, LEVELS, strict=True)))
    for name, closure in CLOSURES.items():
        builder.define(name, closure)
    row = builder.add(formula)
    tape, ends, where, constants, count = builder.finish()
    registers = np.zeros((count, len(lanes)))
    registers[where] = constants[:, None]
    registers[: len(NAMES)] = np.array([[lane[n] for lane in lanes] for n in NAMES])
    for first, last in zip((0, *ends), (*ends, len(tape)), strict=True):
        with np.errstate(all="ignore"):
            if one_by_one:
                for lane in range(len(lanes)):
                    column = registers[:, lane].copy()
                    read_tape_lane(tape, first, last, column)
                    registers[:, lane] = column
            else:
                read_tape(tape, first, last, registers)
    return [float(v) for v in registers[row]]


def expected(formula: Expr, lane: dict[str, float]) -> float:
    return evaluate(formula, lane | {n: evaluate(e, lane) for n, e in CLOSURES.items()})


def close(x: float, y: float) -> bool:
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)


def has_nan_inside(formula: Expr, lane: dict[str, float]) -> bool:
    """Whether some part is not a number: there comparisons and min may differ, and a run stops."""
    value = expected(formula, lane)
    if math.isnan(value) or math.isinf(value):
        return True
    return any(has_nan_inside(child, lane) for child in formula.children())


# In plain Python 400 take every branch of the interpreter; the arithmetic is the kernels' own.
@settings(max_examples=400 if config.DISABLE_JIT else 4000, deadline=None)
@given(
    formulas, st.lists(st.fixed_dictionaries({n: values for n in NAMES}), min_size=1, max_size=3)
)
def test_the_tape_equals_plain_evaluation_in_every_lane(
    formula: Expr, lanes: list[dict[str, float]]
) -> None:
    """Oracle: ``expressions.evaluate``, which shares no code with the tape."""
    together = compiled(formula, lanes)
    apart = compiled(formula, lanes, one_by_one=True)
    for lane, found, single in zip(lanes, together, apart, strict=True):
        if has_nan_inside(formula, lane):
            continue
        assert close(found, expected(formula, lane))
        assert close(found, single)


@settings(max_examples=60, deadline=None)
@given(
    formulas, st.lists(st.fixed_dictionaries({n: values for n in NAMES}), min_size=2, max_size=4)
)
def test_a_lane_does_not_depend_on_its_neighbours(
    formula: Expr, lanes: list[dict[str, float]]
) -> None:
    """I7: byte for byte the same number alone, in company, and in reverse order."""
    together = np.array(compiled(formula, lanes))
    alone = np.array([compiled(formula, [lane])[0] for lane in lanes])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[::-1], np.array(compiled(formula, lanes[::-1])))


def test_the_oracle_sees_a_wrong_operation() -> None:
    """Negative control: a formula that is wrong by one sign is found out."""
    lane = {n: 0.7 + i for i, n in enumerate(NAMES)}
    found = compiled(parse("a + b * x"), [lane])[0]
    assert not close(found, expected(parse("a - b * x"), lane))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hill(x, 2, 4)", 0.5),
        ("hill(0 * x, 2, 4)", 0.0),
        ("hill(x, 0 * x, 4)", 1.0),
        ("x ^ 0.5", math.sqrt(2.0)),
        ("(0 * x) ^ 2", 0.0),
        ("(0 * x) ^ (0 * x)", 1.0),
        ("if(x > 1 and not (x > 3), 7, 8)", 7.0),
        ("min(x, 3, 1)", 1.0),
        ("max(x, 3, 1)", 3.0),
        ("1 / (x - 2)", math.inf),
        ("sqrt(abs(-x) + 2)", 2.0),
    ],
)
def test_known_values(text: str, value: float) -> None:
    assert compiled(parse(text), [{n: 2.0 for n in NAMES}]) == [value]


@pytest.mark.parametrize("text", ["min(log(-x), 3)", "min(3, log(-x))", "max(x, 3, log(-x))"])
def test_what_is_no_number_does_not_hide_behind_a_bound(text: str) -> None:
    lane = {n: 2.0 for n in NAMES}
    assert math.isnan(expected(parse(text), lane))
    for one_by_one in (False, True):
        assert math.isnan(compiled(parse(text), [lane], one_by_one=one_by_one)[0])


def test_equal_parts_are_computed_once_and_read_at_their_level() -> None:
    builder = TapeBuilder(list(zip(NAMES, LEVELS, strict=True)))
    first = builder.add(parse("a * b + c"))
    again = builder.add(parse("c + b * a"))
    assert first == again
    assert builder.level(builder.add(parse("a * b"))) is Level.LANE
    assert builder.level(first) is Level.TIME
    assert builder.level(builder.add(parse("a * x"))) is Level.STATE
    assert builder.level(builder.add(parse("2"))) is Level.LANE
    tape, ends, *_ = builder.finish()
    assert len(tape) == 3
    assert ends == (1, 2)
