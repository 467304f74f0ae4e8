"""The only parser and dimension checker of formulas: rate laws, conditions, stop rules."""

from senescape.expressions.algebra import differentiate, simplify, to_latex
from senescape.expressions.dimensions import BOOLEAN, dimension_of
from senescape.expressions.parser import parse
from senescape.expressions.readings import evaluate, evaluate_interval
from senescape.expressions.stop_rules import StopRule, parse_stop_rule
from senescape.expressions.tree import (
    FOREIGN,
    Binary,
    Call,
    Expr,
    Number,
    Op,
    Symbol,
    Unary,
    substitute,
    to_text,
)

__all__ = [
    "BOOLEAN",
    "FOREIGN",
    "Binary",
    "Call",
    "Expr",
    "Number",
    "Op",
    "StopRule",
    "Symbol",
    "Unary",
    "differentiate",
    "dimension_of",
    "evaluate",
    "evaluate_interval",
    "parse",
    "parse_stop_rule",
    "simplify",
    "substitute",
    "to_latex",
    "to_text",
]
