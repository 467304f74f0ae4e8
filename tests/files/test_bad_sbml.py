"""Bad SBML: every refusal in one line with its line; files, and a parser that dies."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import sbml_texts as x
from tests.files.test_sbml import DEATH, LEVEL_1, K, X

from senescape.errors import SenescapeError
from senescape.files import parse_sbml, read_sbml
from senescape.files.sbml import worker
from senescape.files.sbml.process import parsed
from senescape.files.sbml.scan import scan

GOOD = x.model(species=(X,), parameters=(K,), reactions=(DEATH,))


def with_law(law: str, **parts: Any) -> str:
    own: dict[str, Any] = {
        "species": (X,),
        "parameters": (K,),
        "reactions": (x.reaction("Death", law, {"X": 1}),),
    }
    return x.model(**(own | parts))


def with_event(text: str) -> str:
    return x.model(species=(X,), parameters=(K,), reactions=(DEATH,), events=(text,))


def deep(depth: int) -> str:
    inside = "<ci> X </ci>"
    for _ in range(depth):
        inside = f"<apply><minus/>{inside}</apply>"
    return with_law(inside)


def swelling() -> str:
    names = [f"f{i}" for i in range(40)]
    own = [x.function(names[0], ("a",), "a * a")]
    for before, name in zip(names, names[1:], strict=False):
        call = f"<apply><ci> {before} </ci><ci> a </ci></apply>"
        own.append(x.function(name, ("a",), f"<apply><times/>{call}{call}</apply>"))
    return with_law("<apply><ci> f39 </ci><ci> X </ci></apply>", functions=tuple(own))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE sbml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core"><model id="&b;"/></sbml>'
)
COMP = 'xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true"'
CALCULUS = "<apply><{}/><ci> X </ci></apply>"
DELAYED = (
    '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">d'
    "</csymbol><ci> X </ci><cn> 1 </cn></apply>"
)

REFUSALS: dict[str, tuple[Callable[[], str] | str, str, str]] = {
    "an entity bomb": (BOMB, "sbml.doctype", "document type"),
    "a deep tree": (lambda: deep(5_000), "sbml.too-deep", "deeper than 200"),
    "a formula too deep for us": (lambda: deep(170), "sbml.formula-size", "too deep"),
    "functions that swell": (swelling, "sbml.formula-size", "reaction Death"),
    "no XML": ("species: X", "sbml.xml", "line 1|<text>:1"),
    "an encoding that nobody knows": (GOOD.replace("UTF-8", "klingon"), "sbml.", "ncod"),
    "another encoding than it says": (
        GOOD.replace("UTF-8", "ISO-8859-1").replace('id="small"', 'id="small" name="\u00e9"'),
        "sbml.encoding",
        "ISO-8859-1",
    ),
    "half a document": (GOOD[:400], "sbml.xml", "no element|unclosed"),
    "another XML": ("<html/>", "sbml.not-sbml", "<html>"),
    "no model": (GOOD.split("<model")[0] + "</sbml>", "sbml.", "model"),
    "an unknown name": (with_law("k * Z"), "sbml.", "Z"),
    "an unknown function": (with_law("<apply><ci> f </ci><ci> X </ci></apply>"), "sbml.", "f"),
    "a delayed value": (with_law(DELAYED), "sbml.unsupported-function", "delay"),
    "a number that is none": (
        with_law("<apply><times/><cn> NaN </cn><ci> X </ci></apply>"),
        "sbml.",
        "n",
    ),
    "infinity": (with_law("<apply><times/><infinity/><ci> X </ci></apply>"), "sbml.number", "inf"),
    "a condition as a number": (with_law("X > 3"), "", "truth value|boolean|numeric"),
    "a number as a condition": (
        with_event(x.event("e", "X + 1", {"X": "0"})),
        "",
        "condition|oolean",
    ),
    "equal ids": (x.model(species=(X, X), parameters=(K,), reactions=(DEATH,)), "sbml.", "X"),
    "a parameter without value": (
        x.model(species=(X,), parameters=(x.parameter("k"),), reactions=(DEATH,)),
        "sbml.unknown-name",
        "k",
    ),
    "a parameter that is none": (
        x.model(species=(X,), parameters=(x.parameter("k", float("nan")),), reactions=(DEATH,)),
        "sbml.initial-value",
        "k",
    ),
    "a species without amount": (
        x.model(species=(x.species("X", None),), parameters=(K,), reactions=(DEATH,)),
        "sbml.no-value",
        "X",
    ),
    "a negative amount": (
        x.model(species=(x.species("X", -1),), parameters=(K,), reactions=(DEATH,)),
        "sbml.initial-value",
        "-1",
    ),
    "an amount of NaN": (
        x.model(species=(x.species("X", float("nan")),), parameters=(K,), reactions=(DEATH,)),
        "sbml.initial-value",
        "X",
    ),
    "a concentration without size": (
        x.model(
            size="",
            species=(x.species("X", 1, hasOnlySubstanceUnits="false"),),
            parameters=(K,),
            reactions=(DEATH,),
        ),
        "sbml.no-size",
        "cell",
    ),
    "a concentration that follows a rule where rules and events resize": (
        x.model(
            size='size="1"',
            species=(x.species("X", 10, hasOnlySubstanceUnits="false"),),
            rules=(x.rate("X", "1"), x.rate("cell", "1")),
            events=(x.event("e", "time > 1", {"cell": "3"}),),
        ).replace('size="1" constant="true"', 'size="1" constant="false"'),
        "sbml.variable-size",
        "cell",
    ),
    "a rate of change of what a rule gives": (
        x.model(
            species=(X,),
            parameters=(x.parameter("y", constant="false"), x.parameter("z", constant="false")),
            rules=(x.assignment("y", "2 * X"), x.assignment("z", x.RATE_OF.format("y"))),
        ),
        "sbml.",
        "y",
    ),
    "a stoichiometry that is no number": (
        x.model(species=(X,), reactions=(x.reaction("R", "1", {"X": float("nan")}),)),
        "sbml.stoichiometry",
        "nan",
    ),
    "an algebraic rule": (
        x.model(
            species=(X,),
            parameters=(x.parameter("k", 1, "false"),),
            rules=(f"<algebraicRule>{x.math('k - 2')}</algebraicRule>",),
            reactions=(DEATH,),
        ),
        "sbml.algebraic-rule",
        "algebraic",
    ),
    "rules in a circle": (
        with_law(
            "a",
            parameters=(x.parameter("a", 1, "false"), x.parameter("b", 1, "false")),
            rules=(x.assignment("a", "b + 1"), x.assignment("b", "a + 1")),
        ),
        "sbml.",
        "a",
    ),
    "an event with a delay": (
        with_event(x.event("e", "X > 3", {"X": "0"}, delay="2")),
        "sbml.delay",
        "event e",
    ),
    "an event at one instant": (
        with_event(x.event("e", "time == 3", {"X": "0"})),
        "sbml.equality-with-time",
        "event e",
    ),
    "an event that sets a constant": (with_event(x.event("e", "X > 3", {"k": "0"})), "sbml.", "k"),
    "a fast reaction": (
        x.model(
            species=(X,),
            parameters=(K,),
            reactions=(x.reaction("Fast", "k", {"X": 1}, fast="true"),),
        ),
        "sbml.fast",
        "Fast",
    ),
    "a reaction without law": (
        x.model(species=(X,), reactions=(x.reaction("Still", "", {"X": 1}),)),
        "sbml.no-law",
        "Still",
    ),
    "a required package": (
        GOOD.replace(' level="3"', f' {COMP} level="3"'),
        "sbml.package",
        "comp",
    ),
    "a constraint": (
        x.model(
            species=(X,),
            parameters=(K,),
            extra=f"<listOfConstraints><constraint>{x.math('X > 0')}</constraint></listOfConstraints>",
            reactions=(DEATH,),
        ),
        "sbml.constraint",
        "constraint",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_sbml_is_refused_in_one_line(name: str) -> None:
    given, check, said = REFUSALS[name]
    with pytest.raises(SenescapeError, match=said) as caught:
        parse_sbml(given if isinstance(given, str) else given())
    assert caught.value.check.startswith(check)
    text = str(caught.value)
    assert "\n" not in text and text.startswith("<text>") and len(text) < 1000


def test_a_refusal_names_the_line_of_the_element() -> None:
    text = x.model(
        species=(X,),
        parameters=(K,),
        reactions=("\n\n", x.reaction("Fast", "k", {"X": 1}, fast="true")),
    )
    line = 1 + text[: text.index('id="Fast"')].count("\n")
    with pytest.raises(SenescapeError, match=rf"^<text>:{line}: .*Fast"):
        parse_sbml(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"\xff\xfe<\x00", "UTF-16"),
        (b"<sbml>\xe9</sbml>", r"not UTF-8 text \(line 1\)"),
        (b"", "no element found"),
        (b" " * 5_000_001, "5000001 bytes"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "model.xml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SenescapeError, match=said):
        read_sbml(file)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "model.xml"
    file.write_text(GOOD, encoding="utf-8")
    assert read_sbml(file) == parse_sbml(GOOD)


WORKERS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "died .*signal 11",
    "import time; time.sleep(60)": "not ready after 0.5 s",
    "print('no answer')": "no answer that can be read",
    "raise ModuleNotFoundError(\"No module named 'libsbml'\")": "libSBML is not installed",
    "import sys; sys.exit(3)": "status 3",
}


@pytest.mark.parametrize("script", WORKERS)
def test_a_parser_that_dies_is_one_line(tmp_path: Path, script: str) -> None:
    dying = tmp_path / "worker.py"
    dying.write_text(script, encoding="utf-8")
    with pytest.raises(SenescapeError, match=WORKERS[script]):
        parsed(GOOD, "model.xml", worker=dying, patience=0.5 if "sleep" in script else 20.0)


def test_the_parser_alone_would_have_died_of_the_deep_tree() -> None:
    """The scan is needed: without it this document reaches libSBML, whose recursion has no bound."""
    with pytest.raises(SenescapeError, match="deeper than 200"):
        scan(deep(20_000))
    with pytest.raises(SenescapeError) as caught:
        parsed(deep(20_000), "deep.xml")
    assert caught.value.check in ("sbml.parser-died", "sbml.invalid")


RICH = x.model(
    functions=(x.function("f", ("a",), "a * 2"),),
    species=(X, x.species("Y", None, initialConcentration="2")),
    parameters=(K, x.parameter("y", 1, "false"), x.parameter("z", constant="false")),
    initials=(x.initial("y", "k * 3"),),
    rules=(x.assignment("z", "if(X > 3 and time < 2, exp(k), 1e-3)"), x.rate("y", "-y")),
    reactions=(x.reaction("R", "k * X", {"X": 1}, {"Y": 2}, local={"k": 1}),),
    events=(x.event("e", "X < 3", {"X": "9"}, priority="1", persistent="false"),),
)
TEXTS = {
    "rich": RICH,
    "level 1": LEVEL_1,
    "invalid": GOOD.replace("<ci> k </ci>", "<ci> q </ci>"),
    "packaged": GOOD.replace(' level="3"', f' {COMP} level="3"'),
    "empty": GOOD.split("<model")[0] + "</sbml>",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_parser_says_the_same_in_this_process(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What runs as a child is called here as well, so that it is covered; only its limits are not."""
    child = subprocess.run(
        [sys.executable, worker.__file__],
        input=TEXTS[name].encode(),
        capture_output=True,
        check=True,
    )
    monkeypatch.setattr(worker, "limit", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXTS[name].encode())))
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", said)
    worker.main()
    assert json.loads(said.getvalue()) == json.loads(child.stdout)
