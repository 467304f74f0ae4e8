"""What the parser reads, against Python's own grammar, and what it refuses, by check id."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.expressions.trees import NAMES, formulas

from senescape.errors import ExpressionError
from senescape.expressions import (
    Binary,
    Call,
    Expr,
    Number,
    Symbol,
    Unary,
    evaluate,
    parse,
    substitute,
    to_text,
)
from senescape.expressions.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES

REFUSED: dict[str, str] = {
    "": "expression.empty",
    " \t\n": "expression.empty",
    # attempts to reach Python
    "__import__('os')": "expression.character",
    "__import__": "expression.character",
    "().__class__": "expression.character",
    "x.__class__": "expression.character",
    "os.system(1)": "expression.unknown-function",
    "eval(x)": "expression.unknown-function",
    "open(x)": "expression.unknown-function",
    "lambda x: x": "expression.character",
    "lambda x": "expression.syntax",
    "'text'": "expression.character",
    '"text"': "expression.character",
    "f'{x}'": "expression.character",
    "`x`": "expression.character",
    "x[0]": "expression.character",
    "[x for x in y]": "expression.character",
    "{x}": "expression.character",
    "x; y": "expression.character",
    "x # y": "expression.character",
    "x = 1": "expression.character",
    "x := 1": "expression.character",
    "x\x00": "expression.character",
    "x if y else z": "expression.syntax",
    "x(1)(2)": "expression.unknown-function",
    # characters and words of other languages
    "x % 2": "expression.character",
    "x @ y": "expression.character",
    "x & y": "expression.character",
    "!x": "expression.character",
    "x ? y : z": "expression.character",
    "α * x": "expression.character",
    "x \u2212 y": "expression.character",
    "x\u200b": "expression.character",
    "\u0663 * x": "expression.character",
    "x ** 2": "expression.syntax",
    "x // 2": "expression.syntax",
    # numbers
    "1e999": "expression.number",
    "1e": "expression.number",
    "2x": "expression.number",
    "1.2.3": "expression.number",
    "0x10": "expression.number",
    "1_000": "expression.number",
    "2\u00b5": "expression.number",
    # structure
    "x +": "expression.syntax",
    "* x": "expression.syntax",
    "+x": "expression.syntax",
    "(x": "expression.syntax",
    "x)": "expression.syntax",
    "x + (y * (z)": "expression.syntax",
    ")x(": "expression.syntax",
    "()": "expression.syntax",
    "x y": "expression.syntax",
    "x 2": "expression.syntax",
    "x, y": "expression.syntax",
    "(x, y)": "expression.syntax",
    "not": "expression.syntax",
    "and x": "expression.syntax",
    "x not y": "expression.syntax",
    "x < y < z": "expression.chained-comparison",
    "x == y != z": "expression.chained-comparison",
    # functions
    "exp()": "expression.syntax",
    "exp(x,)": "expression.syntax",
    "exp(x": "expression.syntax",
    "exp(x, y)": "expression.arity",
    "pow(x)": "expression.arity",
    "hill(x, 2)": "expression.arity",
    "hill(x, 2, 3, 4)": "expression.arity",
    "min(x)": "expression.arity",
    "max(" + ", ".join("x" * 33) + ")": "expression.arity",
    "if(x > 1, 2)": "expression.arity",
    "sin(x)": "expression.unknown-function",
    "x(2)": "expression.unknown-function",
    # size
    "x" * (MAX_CHARACTERS + 1): "expression.too-long",
    "(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH: "expression.too-deep",
    "-" * MAX_DEPTH + "x": "expression.too-deep",
    "2^" * MAX_DEPTH + "x": "expression.too-deep",
    "exp(" * MAX_DEPTH + "x" + ")" * MAX_DEPTH: "expression.too-deep",
    "+".join(["x"] * (MAX_NODES // 2 + 1)): "expression.too-many-nodes",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: repr(t[:24]))
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.check == REFUSED[text]
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "x" * MAX_CHARACTERS,
        "(" * (MAX_DEPTH - 1) + "x" + ")" * (MAX_DEPTH - 1),
        "+".join(["x"] * (MAX_NODES // 2)),
        "max(" + ", ".join("x" * 32) + ")",
    ],
    ids=["characters", "depth", "nodes", "arguments"],
)
def test_what_is_just_within_the_limits_is_read(text: str) -> None:
    tree = parse(text)
    assert tree.names() <= {"x", "x" * MAX_CHARACTERS}
    assert parse(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "near"), [("hil(x, 1, 2)", "hill"), ("expo(x)", "exp"), ("sqr(x)", "sqrt")]
)
def test_an_unknown_function_names_the_nearest(text: str, near: str) -> None:
    with pytest.raises(ExpressionError, match=f"did you mean {near}"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "column"), [("x + ", 5), ("x + )", 5), ("x ~ y", 3), ("x + 2y", 5), ("x < y < z", 7)]
)
def test_a_refusal_names_the_column(text: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=f"at column {column}\\b"):
        parse(text)


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused_with_our_own_error(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError as error:
        assert error.check.startswith("expression.")
    else:
        assert isinstance(tree, Expr)


@given(
    st.lists(
        st.sampled_from(
            [
                "x",
                "2",
                "(",
                ")",
                "+",
                "-",
                "*",
                "/",
                "^",
                "<",
                "==",
                "and",
                "not",
                "exp(",
                "hill(",
                "if(",
                ",",
            ]
        )
    )
)
@settings(max_examples=300)
def test_any_string_of_tokens_is_read_or_refused_with_our_own_error(tokens: list[str]) -> None:
    try:
        tree = parse(" ".join(tokens))
    except ExpressionError as error:
        assert error.check.startswith("expression.")
    else:
        assert parse(to_text(tree)) == tree


# --- grammar, against Python's --------------------------------------------------------------------
PYTHON = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": lambda *a: float(np.min(a)),  # Python's own passes over what is no number
    "max": lambda *a: float(np.max(a)),
    "pow": pow,
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "if_": lambda c, a, b: a if c else b,
}
VALUES = {"x": 3.0, "y": 0.7, "z": 2.0}


def python_value(text: str, values: dict[str, float] = VALUES) -> float:
    """Evaluate our text with Python's own grammar (the texts are those of this module)."""
    source = text.replace("^", "**").replace("if(", "if_(")
    return eval(source, {"__builtins__": {}}, {**PYTHON, **values})  # type: ignore[no-any-return]


PRECEDENCE = [
    "x - y - z",
    "x - (y - z)",
    "x / y / z",
    "x / y * z",
    "x / (y * z)",
    "x + y * z",
    "(x + y) * z",
    "x * y + z",
    "x^y^z",
    "(x^y)^z",
    "-x^z",
    "(-x)^z",
    "x^-y",
    "x^-y^z",
    "-x * y",
    "x * -y",
    "x - -y",
    "--x",
    "-x - y",
    "x * y^z",
    "x / y^z * 2",
    "2^-x * y",
    "x < y + z",
    "x + y < z * 2",
    "x > y and y > z",
    "x > y or y > z and z > x",
    "(x > y or y > z) and z > x",
    "not x > y or y < z",
    "not (x > y or y < z)",
    "not not x > y",
    "not x > y and z > x",
    "x == y or x != z",
    "-x < y",
    "if(x > y, x - y, y - x) * z",
    "hill(x, y, z)^z - 1",
    "min(x, y, z) + max(x, y) / z",
    "1.5e1 * x - .5 + 2.",
    "1e-2^z",
]


@pytest.mark.parametrize("text", PRECEDENCE)
def test_operators_bind_as_in_python(text: str) -> None:
    assert evaluate(parse(text), VALUES) == pytest.approx(float(python_value(text)), rel=1e-14)


@given(
    tree=formulas(),
    values=st.fixed_dictionaries(
        {n: st.floats(0.1, 4.0).map(lambda v: round(v, 2)) for n in NAMES}
    ),
)
@settings(max_examples=300)
def test_text_of_any_tree_means_the_same_to_python(tree: Expr, values: dict[str, float]) -> None:
    try:
        expected = python_value(to_text(tree), values)
    except (ArithmeticError, ValueError, TypeError):  # Python compares no complex numbers
        assume(False)
    assume(not isinstance(expected, complex) and math.isfinite(expected))
    # hill is written otherwise here (and is 0 below 0): only its positive range is comparable
    assume(all(part >= 0.01 for part in hill_arguments(tree, values)))
    assert evaluate(tree, values) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


def hill_arguments(tree: Expr, values: dict[str, float]) -> list[float]:
    own = []
    if isinstance(tree, Call) and tree.function == "hill":
        own = [evaluate(arg, values) for arg in tree.args]
    return own + [v for child in tree.children() for v in hill_arguments(child, values)]


@given(formulas(30))
@example(parse("-(-x)^-(-2)"))
@example(parse("(x^y)^(-z) - (x - (y - z)) / (x / (y * z))"))
@settings(max_examples=300)
def test_text_of_any_tree_reads_back_to_it(tree: Expr) -> None:
    assert parse(to_text(tree)) == tree
    assert str(tree) == to_text(tree)


@pytest.mark.parametrize("value", [0.1, 1e-7, 1e300, 123456789.123456789, 5e-324, 2**53 + 2.0])
def test_numbers_keep_every_bit_through_text(value: float) -> None:
    assert parse(to_text(Number(value))) == Number(value)


@pytest.mark.parametrize("outer", ["^", "-", "*", "/"])
def test_a_negative_number_keeps_its_value_through_text(outer: str) -> None:
    for tree in (
        Binary(outer, Number(-2.0), Symbol("z")),
        Binary(outer, Symbol("z"), Number(-2.0)),
        Unary("-", Number(-2.0)),
    ):
        assert evaluate(parse(to_text(tree)), VALUES) == evaluate(tree, VALUES)


def test_names_are_those_of_the_text_and_may_hold_dots() -> None:
    assert parse("a.b2 * exp(-k_1 * time)").names() == {"a.b2", "k_1", "time"}


def test_substitution_happens_all_at_once() -> None:
    swapped = substitute(parse("x - 2 * y"), {"x": parse("y"), "y": parse("x + 1")})
    assert swapped == parse("y - 2 * (x + 1)")


def test_trees_are_equal_by_structure_and_hash_so() -> None:
    assert parse("x*( y+1 )") == parse("x * (y + 1)")
    assert len({parse("x*( y+1 )"), parse("x * (y + 1)"), parse("(y + 1) * x")}) == 2
