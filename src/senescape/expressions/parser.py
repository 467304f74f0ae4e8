"""From text to tree: a tokenizer and a Pratt parser. No text is ever executed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from senescape.errors import ExpressionError, nearest

from .tree import (
    BINDING,
    COMPARISONS,
    FUNCTIONS,
    NOT_BINDING,
    SIGN_BINDING,
    Binary,
    Call,
    Expr,
    Number,
    Symbol,
    Unary,
)

MAX_CHARACTERS = 2000
MAX_DEPTH = 64
MAX_NODES = 500

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*)"
    r"|(?P<op><=|>=|==|!=|[-+*/^<>(),])"
    r"|(?P<space>[ \t\r\n]+)",
    re.ASCII,
)
_KEYWORDS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str) -> Expr:
    """Read a formula.

    Parameters
    ----------
    text : str
        Numbers, names, ``+ - * / ^``, comparisons, ``and or not``, and the functions exp, log,
        sqrt, abs, min, max, pow, hill(x, K, n), if(condition, a, b). At most 2,000 characters,
        depth 64 and 500 nodes.

    Returns
    -------
    Expr
        The tree.

    Raises
    ------
    ExpressionError
        With the column at which reading stopped.

    Examples
    --------
    >>> str(parse("a * (1 - hill(X, K, 4))"))
    'a * (1 - hill(X, K, 4))'
    """
    if len(text) > MAX_CHARACTERS:
        _refuse(
            f"formula of {len(text)} characters",
            f"at most {MAX_CHARACTERS}",
            "split it with a port or a parameter",
            "expression.too-long",
        )
    if not text.strip():
        _refuse("empty formula", "a formula", "write a rate law", "expression.empty")
    reader = _Reader(_tokens(text))
    tree = reader.expression(0)
    rest = reader.peek()
    if rest.kind != "end":
        reader.refuse(rest)
    return tree


def _refuse(given: str, allowed: str, remedy: str, check: str) -> NoReturn:
    raise ExpressionError(given, allowed=allowed, remedy=remedy, check=check)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(
                f"character {text[position]!r} (U+{ord(text[position]):04X}) at column "
                f"{position + 1}",
                "ASCII letters, digits, . _ + - * / ^ ( ) , < > = !",
                "retype it; letters that look alike are other characters",
                "expression.character",
            )
        kind = str(match.lastgroup)
        if kind == "number" and match.end() < len(text) and re.match(r"[\w.]", text[match.end()]):
            _refuse(
                f"number {match[0]}{text[match.end()]}... at column {position + 1}",
                "a number such as 0.5 or 1e-6",
                "write * between a number and a name",
                "expression.number",
            )
        if kind == "number" and float(match[0]) == float("inf"):
            _refuse(
                f"number {match[0]}",
                "finite numbers",
                "write a smaller number",
                "expression.number",
            )
        if kind != "space":
            word = match[0]
            tokens.append(_Token("op" if word in _KEYWORDS else kind, word, position + 1))
        position = match.end()
    tokens.append(_Token("end", "end of the formula", len(text) + 1))
    return tokens


class _Reader:
    """A Pratt parser over the tokens; counts depth and nodes as it goes."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0
        self.nodes = 0

    def peek(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def node(self, expr: Expr) -> Expr:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            _refuse(
                f"formula of more than {MAX_NODES} nodes",
                f"at most {MAX_NODES}",
                "split it with a port or a parameter",
                "expression.too-many-nodes",
            )
        return expr

    def refuse(self, token: _Token) -> NoReturn:
        _refuse(
            f"{token.text!r} at column {token.column}",
            "an operator between two operands, balanced parentheses",
            "look for a missing operator, operand or parenthesis there",
            "expression.syntax",
        )

    def expect(self, text: str) -> None:
        token = self.take()
        if token.text != text or token.kind != "op":
            self.refuse(token)

    def expression(self, binding: int) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse(
                f"formula nested deeper than {MAX_DEPTH}",
                f"depth of at most {MAX_DEPTH}",
                "remove parentheses or split it",
                "expression.too-deep",
            )
        left = self.prefix()
        compared = False
        while True:
            token = self.peek()
            if token.kind != "op" or token.text not in BINDING:
                break
            own_left, own_right = BINDING[token.text]
            if own_left < binding:
                break
            if token.text in COMPARISONS:
                if compared:
                    _refuse(
                        f"chained comparison at column {token.column}",
                        "one comparison at a time",
                        "join two comparisons with and",
                        "expression.chained-comparison",
                    )
                compared = True
            self.take()
            left = self.node(Binary(token.text, left, self.expression(own_right)))
        self.depth -= 1
        return left

    def prefix(self) -> Expr:
        token = self.take()
        if token.kind == "number":
            return self.node(Number(float(token.text)))
        if token.kind == "name":
            if self.peek().text == "(" and self.peek().kind == "op":
                return self.call(token)
            return self.node(Symbol(token.text))
        if token.text == "(":
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.text == "-":
            return self.node(Unary("-", self.expression(SIGN_BINDING)))
        if token.text == "not":
            return self.node(Unary("not", self.expression(NOT_BINDING)))
        self.refuse(token)

    def call(self, name: _Token) -> Expr:
        if name.text not in FUNCTIONS:
            _refuse(
                f"function {name.text} at column {name.column}",
                "functions " + ", ".join(FUNCTIONS),
                nearest(name.text, FUNCTIONS),
                "expression.unknown-function",
            )
        self.take()
        args = [self.expression(0)]
        while self.peek().text == ",":
            self.take()
            args.append(self.expression(0))
        self.expect(")")
        fewest, most = FUNCTIONS[name.text]
        if not fewest <= len(args) <= most:
            _refuse(
                f"{name.text} with {len(args)} arguments",
                f"{fewest}" if fewest == most else f"{fewest} to {most}",
                "see the list of functions in the scenario format",
                "expression.arity",
            )
        return self.node(Call(name.text, tuple(args)))
