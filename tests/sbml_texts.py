"""Small SBML texts, written from formulas in our own notation."""

from __future__ import annotations

from senescape.expressions import Binary, Call, Expr, Number, Symbol, Unary, parse

TAGS = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divide",
    "^": "power",
    "<": "lt",
    "<=": "leq",
    ">": "gt",
    ">=": "geq",
    "==": "eq",
    "!=": "neq",
    "and": "and",
    "or": "or",
    "not": "not",
    "log": "ln",
    "exp": "exp",
    "abs": "abs",
}
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
RATE_OF = (
    '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf">'
    "rateOf</csymbol><ci> {} </ci></apply>"
)
TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'


def content(expr: Expr) -> str:
    """Return the MathML of a tree; ``time`` becomes the csymbol, an unknown call a function."""
    if isinstance(expr, Number):
        return f"<cn> {expr.value!r} </cn>"
    if isinstance(expr, Symbol):
        return TIME if expr.name == "time" else f"<ci> {expr.name} </ci>"
    parts = [content(child) for child in expr.children()]
    if isinstance(expr, Call) and expr.function == "if":
        condition, yes, no = parts
        piece = f"<piece>{yes}{condition}</piece><otherwise>{no}</otherwise>"
        return f"<piecewise>{piece}</piecewise>"
    if isinstance(expr, Unary | Binary):
        tag = f"<{TAGS[expr.op]}/>"
    else:
        assert isinstance(expr, Call)
        tag = f"<{TAGS[expr.function]}/>"
    return f"<apply>{tag}{''.join(parts)}</apply>"


def math(formula: str) -> str:
    """Return a math element of a formula, or of MathML as it stands."""
    return MATH.format(formula if formula.startswith("<") else content(parse(formula)))


def species(name: str, amount: float | None = 0, **attributes: str) -> str:
    own = {
        "id": name,
        "compartment": "cell",
        "hasOnlySubstanceUnits": "true",
        "boundaryCondition": "false",
        "constant": "false",
    }
    if amount is not None:
        own["initialAmount"] = f"{amount}"
    return f"<species {joined(own | attributes)}/>"


def parameter(name: str, value: float | None = None, constant: str = "true") -> str:
    given = "" if value is None else f' value="{value}"'
    return f'<parameter id="{name}"{given} constant="{constant}"/>'


def joined(attributes: dict[str, str]) -> str:
    return " ".join(f'{key}="{value}"' for key, value in attributes.items())


def references(side: str, given: dict[str, float]) -> str:
    if not given:
        return ""
    inside = "".join(
        f'<speciesReference species="{name}" stoichiometry="{count}" constant="true"/>'
        for name, count in given.items()
    )
    return f"<listOf{side}>{inside}</listOf{side}>"


def reaction(
    name: str,
    law: str,
    reactants: dict[str, float] | None = None,
    products: dict[str, float] | None = None,
    *,
    local: dict[str, float] | None = None,
    modifiers: tuple[str, ...] = (),
    fast: str = "false",
) -> str:
    inside = references("Reactants", reactants or {}) + references("Products", products or {})
    if modifiers:
        own = "".join(f'<modifierSpeciesReference species="{m}"/>' for m in modifiers)
        inside += f"<listOfModifiers>{own}</listOfModifiers>"
    own = "".join(f'<localParameter id="{k}" value="{v}"/>' for k, v in (local or {}).items())
    own = f"<listOfLocalParameters>{own}</listOfLocalParameters>" if own else ""
    if law:
        inside += f"<kineticLaw>{math(law)}{own}</kineticLaw>"
    return f'<reaction id="{name}" reversible="false" fast="{fast}">{inside}</reaction>'


def event(
    name: str,
    trigger: str,
    assignments: dict[str, str],
    *,
    initial: str = "true",
    persistent: str = "true",
    at_trigger: str = "true",
    priority: str = "",
    delay: str = "",
) -> str:
    inside = (
        f'<trigger initialValue="{initial}" persistent="{persistent}">{math(trigger)}</trigger>'
    )
    if priority:
        inside += f"<priority>{math(priority)}</priority>"
    if delay:
        inside += f"<delay>{math(delay)}</delay>"
    own = "".join(
        f'<eventAssignment variable="{k}">{math(v)}</eventAssignment>'
        for k, v in assignments.items()
    )
    inside += f"<listOfEventAssignments>{own}</listOfEventAssignments>"
    return f'<event id="{name}" useValuesFromTriggerTime="{at_trigger}">{inside}</event>'


def assignment(name: str, formula: str) -> str:
    return f'<assignmentRule variable="{name}">{math(formula)}</assignmentRule>'


def rate(name: str, formula: str) -> str:
    return f'<rateRule variable="{name}">{math(formula)}</rateRule>'


def initial(name: str, formula: str) -> str:
    return f'<initialAssignment symbol="{name}">{math(formula)}</initialAssignment>'


def function(name: str, arguments: tuple[str, ...], body: str) -> str:
    bound = "".join(f"<bvar><ci> {a} </ci></bvar>" for a in arguments)
    inside = math(body).replace(MATH.split("{}")[0], "").replace("</math>", "")
    return f'<functionDefinition id="{name}">{MATH.format(f"<lambda>{bound}{inside}</lambda>")}</functionDefinition>'


def listed(name: str, items: tuple[str, ...]) -> str:
    return f"<listOf{name}>{''.join(items)}</listOf{name}>" if items else ""


def model(
    *,
    functions: tuple[str, ...] = (),
    size: str = 'size="1"',
    species: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    initials: tuple[str, ...] = (),
    rules: tuple[str, ...] = (),
    reactions: tuple[str, ...] = (),
    events: tuple[str, ...] = (),
    extra: str = "",
    root: str = "",
) -> str:
    """Return an SBML document, Level 3 Version 1, with one compartment ``cell``."""
    cell = f'<compartment id="cell" spatialDimensions="3" {size} constant="true"/>'
    parts = [
        listed("FunctionDefinitions", functions),
        listed("Compartments", (cell,)),
        listed("Species", species),
        listed("Parameters", parameters),
        listed("InitialAssignments", initials),
        listed("Rules", rules),
        extra,
        listed("Reactions", reactions),
        listed("Events", events),
    ]
    inside = "\n".join(part for part in parts if part)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"'
        f'{root}>\n<model id="small">\n{inside}\n</model></sbml>\n'
    )
