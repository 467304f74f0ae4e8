"""Every name that a scenario's formulas may read, with its dimension and what it stands for."""

from __future__ import annotations

from collections.abc import Mapping

from senescape.errors import ExpressionError, ScenarioError, Where, nearest
from senescape.expressions import BOOLEAN, Expr, Number, Symbol, dimension_of, evaluate, substitute
from senescape.model import Value
from senescape.network import Parameter
from senescape.units import DIMENSIONLESS, Dimension

LARGEST_BARE_NUMBER = 10.0


class Names:
    """Parameters, and what other names stand for.

    ``dimensions`` holds everything that a formula may read; ``aliases`` what is replaced before a
    formula reaches the network (derived parameters, drugs, classes of an axis).
    """

    def __init__(self) -> None:
        self.values: dict[str, tuple[Dimension, float]] = {}
        self.dimensions: dict[str, Dimension] = {}
        self.aliases: dict[str, Expr] = {}
        self.homes: dict[str, str] = {}

    def parameter(self, name: str, dimension: Dimension, value: float, home: str) -> Symbol:
        """Declare a parameter and return its symbol."""
        self.claim(name, dimension, home)
        self.values[name] = (dimension, value)
        return Symbol(name)

    def claim(self, name: str, dimension: Dimension, home: str) -> None:
        """Let formulas read a name; two declarations of one name are refused."""
        if name in self.homes:
            raise ScenarioError(
                f"the name {name} is declared twice, in {self.homes[name]} and in {home}",
                allowed="one declaration a name",
                remedy="rename one of them",
                check="scenario.duplicate-name",
                where=Where(field=f"{home}.{name}"),
            )
        if name == "time":
            raise ScenarioError(
                "the name time is taken: it is the time since the first treatment",
                allowed="another name",
                remedy="rename it",
                check="scenario.reserved-name",
                where=Where(field=f"{home}.{name}"),
            )
        self.homes[name] = home
        self.dimensions[name] = dimension

    def parameters(self) -> tuple[Parameter, ...]:
        """Return all parameters in the order of their declaration."""
        return tuple(Parameter(n, d, v) for n, (d, v) in self.values.items())

    def constants(self) -> dict[str, Dimension]:
        """Return the dimensions of parameters and of what is derived from them alone."""
        return {
            n: d for n, d in self.dimensions.items() if n in self.values or self._constant_alias(n)
        }

    def _constant_alias(self, name: str) -> bool:
        return name in self.aliases and self.aliases[name].names() <= self.values.keys()

    def dimension(self, value: Value, field: str, table: Mapping[str, Dimension]) -> Dimension:
        """Return the dimension of a value."""
        if value.quantity is not None:
            return value.quantity.dimension
        assert value.formula is not None
        kind = kind_of(value.formula, table, field)
        if kind is BOOLEAN:
            raise ScenarioError(
                f"{value} is a condition",
                allowed="a number",
                remedy="use if(condition, a, b)",
                check="scenario.condition",
                where=Where(field=field),
            )
        assert isinstance(kind, Dimension)
        return kind

    def expr(
        self,
        value: Value,
        field: str,
        expect: Dimension | tuple[Dimension, ...],
        *,
        constant: bool = False,
        free: bool = False,
        extra: Mapping[str, Dimension] | None = None,
        here: Mapping[str, Expr] | None = None,
    ) -> Expr:
        """Return the formula of a value, checked against the dimensions that its place allows.

        Parameters
        ----------
        constant : bool
            The place allows parameters only.
        free : bool
            Bare numbers are choices, not facts, here: they need no source.
        extra, here : mapping
            More names that this place may read, and more aliases.
        """
        table = dict(self.constants() if constant else self.dimensions) | dict(extra or {})
        allowed = expect if isinstance(expect, tuple) else (expect,)
        found = self.dimension(value, field, table)
        zero = value.quantity is not None and value.quantity.value == 0.0
        if found not in allowed and not zero and value.formula != Number(0.0):
            raise ScenarioError(
                f"{value} has dimension {found}",
                allowed=" or ".join(f"{d} (such as {d.canonical_unit})" for d in allowed),
                remedy="correct its unit or formula",
                check="scenario.dimension",
                where=Where(field=field),
            )
        if value.quantity is not None:
            return self._literal(value, field, free=free)
        assert value.formula is not None
        return self.resolve(value.formula, here)

    def resolve(self, formula: Expr, here: Mapping[str, Expr] | None = None) -> Expr:
        """Replace every alias, also inside what an alias stands for.

        ``here`` holds what axes stand for in this place, and the values that a clone has of its
        own. Those are put in last and once: inside them a name means the parent's value.
        """
        declared = self.values.keys() | self.aliases.keys()
        own = {n: e for n, e in (here or {}).items() if n in declared}
        table = {n: e for n, e in (self.aliases | dict(here or {})).items() if n not in own}
        for _ in range(len(table) + 1):
            if not formula.names() & set(table):
                return substitute(formula, own) if own else formula
            formula = substitute(formula, table)
        raise ScenarioError(
            f"{', '.join(sorted(formula.names() & set(table)))} refers to itself",
            allowed="formulas without circles",
            remedy="break the circle",
            check="scenario.circular",
        )

    def _literal(self, value: Value, field: str, *, free: bool) -> Expr:
        quantity = value.quantity
        assert quantity is not None
        whole = quantity.value == int(quantity.value) if abs(quantity.value) < 1e9 else False
        small = whole and 0.0 <= quantity.value <= LARGEST_BARE_NUMBER
        plain = quantity.dimension == DIMENSIONLESS and small
        if not free and quantity.value != 0.0 and not plain:
            raise ScenarioError(
                f"the number {value} has no source here",
                allowed="the name of a parameter",
                remedy="declare it under parameters with its source, or the word assumption",
                check="scenario.number-without-source",
                where=Where(field=field),
            )
        if quantity.dimension == DIMENSIONLESS:
            return Number(quantity.value)
        return self._anonymous(quantity.dimension, quantity.value, field)

    def _anonymous(self, dimension: Dimension, value: float, field: str) -> Expr:
        """Give a number with a unit the name of its place, so that formulas keep dimensions."""
        if field not in self.values:
            self.parameter(field, dimension, value, "numbers")
        return Symbol(field)

    def number(self, value: Value, field: str, expect: Dimension | tuple[Dimension, ...]) -> float:
        """Return a value at the default values of all parameters, in canonical units."""
        if value.quantity is not None:
            self.expr(value, field, expect, free=True)
            return value.quantity.value
        formula = self.expr(value, field, expect, constant=True)
        return evaluate(formula, {n: v for n, (_, v) in self.values.items()})


def kind_of(formula: Expr, table: Mapping[str, Dimension], field: str) -> object:
    """Return the dimension of a formula (or BOOLEAN); a refusal names the field."""
    try:
        return dimension_of(formula, table)
    except ExpressionError as error:
        raise error.at(Where(field=field)) from None


def unknown(what: str, name: str, known: object, field: str) -> ScenarioError:
    """Return the refusal of a name that is not declared, with the nearest one."""
    names = sorted(str(k) for k in known)  # type: ignore[attr-defined]
    return ScenarioError(
        f"{what} {name} is not declared",
        allowed=", ".join(names[:12]) or f"no {what} is declared",
        remedy=nearest(name, names),
        check=f"scenario.unknown-{what.replace(' ', '-')}",
        where=Where(field=field),
    )
