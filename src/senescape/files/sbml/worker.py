"""Parses SBML in a process of its own and prints plain data; run as a script, not imported.

libSBML is a large C++ library that has died of hostile documents (deep MathML). It lives here, with
bounds on memory and CPU time; the parent reads one JSON object from the output, or sees a death.
Nothing of senescape is imported: the script stands alone.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

MEMORY = 4 << 30
SECONDS = 60

Plain = Any


def limit() -> None:
    """Bound memory and CPU time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's timeout alone
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def problems(document: Any, lib: Any) -> list[Plain]:
    """Return (line, message) of each error that libSBML finds; units and style are not its task."""
    if (
        document.getNumErrors(lib.LIBSBML_SEV_ERROR) + document.getNumErrors(lib.LIBSBML_SEV_FATAL)
        == 0
        and document.getModel() is not None
    ):
        for category in (
            lib.LIBSBML_CAT_UNITS_CONSISTENCY,
            lib.LIBSBML_CAT_SBO_CONSISTENCY,
            lib.LIBSBML_CAT_MODELING_PRACTICE,
        ):
            document.setConsistencyChecks(category, False)
        document.checkConsistency()
    return _refused(document, lib)


def _refused(document: Any, lib: Any) -> list[Plain]:
    found = []
    for index in range(document.getNumErrors()):
        error = document.getError(index)
        if error.getSeverity() < lib.LIBSBML_SEV_ERROR:
            continue
        if error.getErrorId() == lib.MissingXMLEncoding:  # seen to by whoever read the bytes
            continue
        message = error.getMessage().split("\n")
        lines = [line.strip() for line in message if line.strip()]
        lines = [line for line in lines if not line.startswith("Reference:")]
        # the first line is the rule, the last says what broke it
        text = lines[-1] if len(lines) > 1 else (lines or [error.getShortMessage()])[0]
        found.append([error.getLine(), error.getErrorId(), text[:300]])
    return found


class Formulas:
    """Turns libSBML's trees into nested lists: [name, argument, ...]."""

    def __init__(self, lib: Any) -> None:
        prefixes = ("AST_FUNCTION_", "AST_RELATIONAL_", "AST_LOGICAL_", "AST_CONSTANT_", "AST_")
        self.names: dict[int, str] = {}
        for name in sorted(n for n in dir(lib) if n.startswith("AST_")):
            short = next(name[len(p) :] for p in prefixes if name.startswith(p))
            self.names.setdefault(getattr(lib, name), short.lower())
        self.lib = lib

    def plain(self, node: Any) -> Plain:
        """Return one formula; None where there is none."""
        if node is None:
            return None
        kind, lib = node.getType(), self.lib
        if kind == lib.AST_INTEGER:
            return ["number", float(node.getInteger())]
        if kind in (lib.AST_REAL, lib.AST_REAL_E, lib.AST_RATIONAL):
            return ["number", float(node.getValue())]
        if kind == lib.AST_NAME_AVOGADRO:
            return ["number", 6.02214179e23]
        if kind == lib.AST_NAME:
            return ["name", node.getName()]
        if kind == lib.AST_NAME_TIME:
            return ["time"]
        parts = [self.plain(node.getChild(i)) for i in range(node.getNumChildren())]
        if kind == lib.AST_FUNCTION:
            return ["call", node.getName(), *parts]
        return [self.names.get(kind, "unknown"), *parts]


class Reader:
    """Copies what the model says, element by element, with lines."""

    def __init__(self, lib: Any, model: Any, level: int) -> None:
        self.model, self.level = model, level
        self.formula = Formulas(lib).plain

    def data(self) -> dict[str, Plain]:
        """Return the whole model."""
        model = self.model
        return {
            "id": model.getId(),
            "line": model.getLine(),
            "functions": [self.function(f) for f in model.getListOfFunctionDefinitions()],
            "compartments": [self.compartment(c) for c in model.getListOfCompartments()],
            "species": [self.species(s) for s in model.getListOfSpecies()],
            "parameters": [self.parameter(p) for p in model.getListOfParameters()],
            "initial": [
                self.element(i) | {"symbol": i.getSymbol(), "math": self.formula(i.getMath())}
                for i in model.getListOfInitialAssignments()
            ],
            "rules": [self.rule(r) for r in model.getListOfRules()],
            "reactions": [self.reaction(r) for r in model.getListOfReactions()],
            "events": [self.event(e) for e in model.getListOfEvents()],
            "constraints": [self.element(c) for c in model.getListOfConstraints()],
            "factor": self.set(model, "ConversionFactor"),
        }

    @staticmethod
    def element(item: Any) -> dict[str, Plain]:
        """Return what every element has."""
        return {"id": item.getIdAttribute(), "line": item.getLine()}

    @staticmethod
    def set(item: Any, what: str) -> Plain:
        """Return an attribute, None where it is not set or not there at this level."""
        isset = getattr(item, f"isSet{what}", None)
        return getattr(item, f"get{what}")() if isset is not None and isset() else None

    def function(self, item: Any) -> dict[str, Plain]:
        """Return a function definition."""
        names = [item.getArgument(i).getName() for i in range(item.getNumArguments())]
        return self.element(item) | {"arguments": names, "math": self.formula(item.getBody())}

    def compartment(self, item: Any) -> dict[str, Plain]:
        """Return a compartment."""
        point = item.isSetSpatialDimensions() and item.getSpatialDimensionsAsDouble() == 0.0
        if self.level == 1:
            return self.element(item) | {"size": item.getVolume(), "point": False}
        return self.element(item) | {"size": self.set(item, "Size"), "point": point}

    def species(self, item: Any) -> dict[str, Plain]:
        """Return a species."""
        return self.element(item) | {
            "compartment": item.getCompartment(),
            "amount": self.set(item, "InitialAmount"),
            "concentration": self.set(item, "InitialConcentration"),
            "substance_only": item.getHasOnlySubstanceUnits(),
            "boundary": item.getBoundaryCondition(),
            "constant": item.getConstant(),
            "factor": self.set(item, "ConversionFactor"),
        }

    def parameter(self, item: Any) -> dict[str, Plain]:
        """Return a parameter, global or local."""
        return self.element(item) | {
            "value": self.set(item, "Value"),
            "constant": bool(getattr(item, "getConstant", lambda: True)()),
        }

    def rule(self, item: Any) -> dict[str, Plain]:
        """Return a rule."""
        kind = "rate" if item.isRate() else "algebraic" if item.isAlgebraic() else "assignment"
        return self.element(item) | {
            "kind": kind,
            "symbol": item.getVariable(),
            "math": self.formula(item.getMath()),
        }

    def reference(self, item: Any) -> dict[str, Plain]:
        """Return a reactant or product."""
        # Level 1 and 2 have a default of 1, Level 3 has none
        known = self.level < 3 or item.isSetStoichiometry()
        ratio = item.getStoichiometry() / (item.getDenominator() if self.level < 3 else 1)
        math = item.getStoichiometryMath() if self.level == 2 else None
        return self.element(item) | {
            "species": item.getSpecies(),
            "stoichiometry": ratio if known else None,
            "math": None if math is None else self.formula(math.getMath()),
        }

    def reaction(self, item: Any) -> dict[str, Plain]:
        """Return a reaction with its law."""
        law = item.getKineticLaw()
        local: list[Any] = []
        if law is not None:
            three = self.level > 2
            local = list(law.getListOfLocalParameters() if three else law.getListOfParameters())
        return self.element(item) | {
            "fast": bool(self.set(item, "Fast") or (self.level < 3 and item.getFast())),
            "reactants": [self.reference(r) for r in item.getListOfReactants()],
            "products": [self.reference(r) for r in item.getListOfProducts()],
            "law": None if law is None else self.formula(law.getMath()),
            "local": [self.parameter(p) for p in local],
        }

    def event(self, item: Any) -> dict[str, Plain]:
        """Return an event; at Level 2 a trigger starts true and persists."""
        trigger, priority = item.getTrigger(), item.getPriority() if self.level > 2 else None
        three = self.level > 2 and trigger is not None
        return self.element(item) | {
            "trigger": None if trigger is None else self.formula(trigger.getMath()),
            "initial": trigger.getInitialValue() if three else True,
            "persistent": trigger.getPersistent() if three else True,
            "delay": item.isSetDelay(),
            "priority": None if priority is None else self.formula(priority.getMath()),
            "at_trigger": item.getUseValuesFromTriggerTime(),
            "assignments": [
                self.element(a) | {"symbol": a.getVariable(), "math": self.formula(a.getMath())}
                for a in item.getListOfEventAssignments()
            ],
        }


def packages(document: Any) -> list[Plain]:
    """Return (name, required) of each package that the document uses, known to libSBML or not."""
    found = []
    for index in range(document.getNumPlugins()):
        name = document.getPlugin(index).getPackageName()
        # libSBML's own name for the mathematics that is core at Level 3 Version 2
        if document.getLevel() > 2 and name != "l3v2extendedmath":
            found.append([name, bool(document.getPackageRequired(name))])
    for index in range(document.getNumUnknownPackages()):
        name = document.getUnknownPackagePrefix(index)
        found.append([name, bool(document.getPackageRequired(name))])
    return found


def main() -> None:
    """Read SBML from standard input and print its plain data."""
    limit()
    gc.disable()  # the library makes many thousands of objects that all stay; the process is short
    import libsbml as lib

    text = sys.stdin.buffer.read().decode("utf-8")
    document = lib.readSBMLFromString(text)
    answer: dict[str, Plain] = {
        "level": document.getLevel(),
        "version": document.getVersion(),
        "problems": problems(document, lib),
        "packages": packages(document),
        "model": None,
    }
    model = document.getModel()
    if model is not None and not answer["problems"]:
        answer["model"] = Reader(lib, model, document.getLevel()).data()
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
