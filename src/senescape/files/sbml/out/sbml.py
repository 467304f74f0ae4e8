"""Writes a model as SBML Level 3 Version 2 with libSBML, in this process.

What is written is our own checked trees, of bounded depth: libSBML dies of hostile documents when
it *reads* them, and that stays in a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape

from senescape.errors import ModelError
from senescape.expressions import Expr
from senescape.units import DIMENSIONLESS, Dimension

from .infix import HILL, HILL_ARGUMENTS, HILL_BODY, calls_hill, infix
from .nouns import Model, Quantity, Reaction

PLACE = "place"
HOMES = {"GO": "https://identifiers.org/GO:", "DOI": "https://identifiers.org/doi:"}
# (kind of SBML, scale, multiplier) of each canonical unit: day, mm, kg, pmol, Gy, cells
BASES = (
    ("second", 0, 86400.0),
    ("metre", -3, 1.0),
    ("kilogram", 0, 1.0),
    ("mole", -12, 1.0),
    ("gray", 0, 1.0),
    ("item", 0, 1.0),
)


def sbml_text(model: Model) -> str:
    """Return a model as SBML.

    Parameters
    ----------
    model : Model
        As :func:`senescape.files.sbml.out.exported` returns it.

    Returns
    -------
    str
        Level 3 Version 2 core; the same bytes for the same model and libSBML.

    Raises
    ------
    ModelError
        libSBML is not installed, or will not take a part.
    """
    try:
        import libsbml
    except ImportError:
        raise ModelError(
            "libSBML is not installed",
            allowed="python-libsbml in the same environment",
            remedy="pip install python-libsbml",
            check="sbml.no-parser",
        ) from None
    return _Writer(libsbml, model).text()


class _Writer:
    """One document."""

    def __init__(self, lib: Any, model: Model) -> None:
        self.lib, self.model = lib, model
        self.document = lib.SBMLDocument(3, 2)
        self.target = self.document.createModel()
        self.units: dict[Dimension, str] = {}

    def text(self) -> str:
        self.head()
        self.function()
        for item in self.model.species:
            self.species(item.id, item.name, item.amount, item.role)
        for quantity in self.model.quantities:
            self.quantity(quantity)
        for reaction in self.model.reactions:
            self.reaction(reaction)
        self.events()
        text: str = self.lib.writeSBMLToString(self.document)
        # libSBML says which version of itself wrote the file, which is no part of the model
        return re.sub(r"<!-- Created by libSBML.*?-->\n?", "", text)

    def set(self, status: int, what: str) -> None:
        if status != self.lib.LIBSBML_OPERATION_SUCCESS:
            raise ModelError(
                f"libSBML does not take {what} ({status})",
                allowed="what SBML Level 3 Version 2 can say",
                remedy="report it with the scenario",
                check="export.libsbml",
            )

    def head(self) -> None:
        own, target = self.model, self.target
        self.set(target.setId(own.id), f"the id {own.id}")
        target.setName(own.labels.title)
        target.setMetaId("model")
        self.note(target, own.labels.notes)
        if own.labels.papers:
            self.describe(target, own.labels.papers)
        day = self.unit(_TIME)
        target.setTimeUnits(day)
        target.setSubstanceUnits("item")
        target.setExtentUnits("item")
        place = target.createCompartment()
        place.setId(PLACE)
        place.setName("the culture or the host; cells are counted, so its size is read by nothing")
        place.setConstant(True)
        place.setSpatialDimensions(3.0)
        place.setSize(1.0)
        place.setUnits("litre")
        place.setSBOTerm(290)

    def note(self, item: Any, paragraphs: Iterable[str]) -> None:
        inside = "".join(f"<p>{escape(p)}</p>" for p in paragraphs)
        if inside:
            body = f'<body xmlns="http://www.w3.org/1999/xhtml">{inside}</body>'
            self.set(item.setNotes(body), "a note")

    def describe(self, target: Any, papers: Iterable[str]) -> None:
        term = self.lib.CVTerm(self.lib.MODEL_QUALIFIER)
        term.setModelQualifierType(self.lib.BQM_IS_DESCRIBED_BY)
        for doi in papers:
            term.addResource(HOMES["DOI"] + doi)
        self.set(target.addCVTerm(term), "the papers")

    def annotate(self, item: Any, qualifier: int, term: str) -> None:
        kind, _, number = term.partition(":")
        item.setMetaId(f"meta_{item.getIdAttribute()}")
        made = self.lib.CVTerm(self.lib.BIOLOGICAL_QUALIFIER)
        made.setBiologicalQualifierType(qualifier)
        made.addResource(HOMES[kind] + number)
        self.set(item.addCVTerm(made), f"the term {term}")

    def unit(self, dimension: Dimension) -> str:
        """Return the id of a unit, defined when it is first asked for."""
        if dimension == DIMENSIONLESS:
            return "dimensionless"
        if dimension not in self.units:
            name = dimension.canonical_unit
            # 1 / day starts with no letter; an exponent may be a fraction
            text = name.replace("^", "").replace("1/", "per_").replace("/", "_per_")
            text = re.sub(r"[^A-Za-z0-9_]", "_", text)
            own = f"unit_{text}"
            made = self.target.createUnitDefinition()
            self.set(made.setId(own), f"the unit {own}")
            made.setName(name)
            for (kind, scale, multiplier), exponent in zip(BASES, dimension.exponents, strict=True):
                if exponent:
                    part = made.createUnit()
                    part.setKind(self.lib.UnitKind_forName(kind))
                    part.setExponent(float(Fraction(exponent)))
                    part.setScale(scale)
                    part.setMultiplier(multiplier)
            self.units[dimension] = own
        return self.units[dimension]

    def math(self, expr: Expr | str) -> Any:
        text = expr if isinstance(expr, str) else infix(expr)
        settings = self.lib.L3ParserSettings()
        settings.setParseCollapseMinus(False)
        settings.setParseUnits(False)
        tree = self.lib.parseL3FormulaWithSettings(text, settings)
        if tree is None:
            self.set(-1, f"the formula {text[:80]}")
        return tree

    def function(self) -> None:
        formulas: list[Expr] = [r.law for r in self.model.reactions]
        formulas += [e for q in self.model.quantities for e in (q.rule, q.rate) if e is not None]
        formulas += [value for d in self.model.doses for _, value in d.assignments]
        if any(calls_hill(expr) for expr in formulas):
            made = self.target.createFunctionDefinition()
            made.setId(HILL)
            arguments = ", ".join(HILL_ARGUMENTS)
            made.setMath(self.math(f"lambda({arguments}, {HILL_BODY})"))

    def species(self, own: str, name: str, amount: float, role: str) -> None:
        made = self.target.createSpecies()
        self.set(made.setId(own), f"the id {own}")
        made.setName(f"{name} ({role.replace('_', ' ')})")
        made.setCompartment(PLACE)
        made.setInitialAmount(amount)
        made.setSubstanceUnits("item")
        made.setHasOnlySubstanceUnits(True)
        made.setBoundaryCondition(False)
        made.setConstant(False)
        made.setSBOTerm(240)
        if role.startswith("senescent"):
            self.annotate(made, self.lib.BQB_HAS_PROPERTY, "GO:0090398")

    def quantity(self, item: Quantity) -> None:
        made = self.target.createParameter()
        self.set(made.setId(item.id), f"the id {item.id}")
        made.setName(item.name)
        made.setUnits(self.unit(item.dimension))
        made.setConstant(item.constant)
        made.setSBOTerm(2)
        if item.value is not None:
            made.setValue(item.value)
        if item.source:
            self.note(made, [item.source])
        for expr, create in (
            (item.rule, self.target.createAssignmentRule),
            (item.rate, self.target.createRateRule),
        ):
            if expr is not None:
                rule = create()
                rule.setVariable(item.id)
                self.set(rule.setMath(self.math(expr)), f"the rule of {item.id}")

    def reaction(self, item: Reaction) -> None:
        made = self.target.createReaction()
        self.set(made.setId(item.id), f"the id {item.id}")
        made.setName(item.name)
        made.setReversible(False)
        made.setSBOTerm(375)
        for side, create in (
            (item.reactants, made.createReactant),
            (item.products, made.createProduct),
        ):
            for species, count in side:
                reference = create()
                reference.setSpecies(species)
                reference.setStoichiometry(float(count))
                reference.setConstant(True)
        kept = {species for species, _ in (*item.reactants, *item.products)}
        cells = {s.id for s in self.model.species}
        for name in sorted((item.law.names() & cells) - kept):
            made.createModifier().setSpecies(name)
        law = made.createKineticLaw()
        law.setSBOTerm(1)
        self.set(law.setMath(self.math(item.law)), f"the law of {item.id}")
        if item.term:
            self.annotate(made, self.lib.BQB_IS_VERSION_OF, item.term)

    def events(self) -> None:
        for item in self.model.doses:
            made = self.target.createEvent()
            self.set(made.setId(item.id), f"the id {item.id}")
            made.setName(item.name)
            made.setUseValuesFromTriggerTime(item.rank is None)
            trigger = made.createTrigger()
            trigger.setInitialValue(False)  # a dose at the very start is given
            trigger.setPersistent(True)
            trigger.setMath(self.math(f"time >= {item.time!r}"))
            if item.rank is not None:
                made.createPriority().setMath(self.math(str(item.rank)))
            for name, value in item.assignments:
                given = made.createEventAssignment()
                given.setVariable(name)
                self.set(given.setMath(self.math(value)), f"an assignment of {item.id}")


_TIME = Dimension((1, 0, 0, 0, 0, 0))
