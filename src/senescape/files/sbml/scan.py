"""A look at the XML before any parser of SBML sees it: size, depth, no document type, no entities.

Expat walks the text once without building a tree and without recursion, so that neither a deep nor
a swelling document can hurt it; the first document type ends the walk, before an entity is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from senescape.errors import ModelError, Where
from senescape.files.texts import Unreadable, read_text

LARGEST = 5_000_000
DEEPEST = 200
MOST_ELEMENTS = 500_000
ENCODINGS = {"utf-8", "utf8", "us-ascii", "ascii"}


def read_scanned(path: str | Path) -> str:
    """Return the text of an SBML file that is safe to be parsed.

    Parameters
    ----------
    path : str or Path
        A regular file of at most 5 MB in UTF-8.

    Raises
    ------
    ModelError
        No such file, no XML, no SBML; too long, too deep, too many elements; a document type.
    """
    try:
        text = read_text(path, LARGEST)
    except Unreadable as error:
        raise ModelError(
            error.problem,
            allowed=f"an SBML file in UTF-8 of at most {LARGEST} bytes",
            remedy=error.remedy,
            check=f"sbml.{error.kind}",
            where=Where(str(path)),
        ) from None
    scan(text, str(path))
    return text


def scan(text: str, file: str = "<text>") -> None:
    """Refuse XML that is malformed, deep, large, not SBML, or declares a document type.

    Raises
    ------
    ModelError
        With the line.
    """
    _Walk(file).over(text)


class _Walk:
    """Counts elements and depth as Expat reports them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.depth = self.elements = 0
        # what the document says of its encoding is not followed: the bytes were UTF-8
        self.parser = expat.ParserCreate("utf-8", " ")
        self.ascii = True
        self.parser.XmlDeclHandler = self.declaration
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.doctype

    def over(self, text: str) -> None:
        self.ascii = text.isascii()
        try:
            self.parser.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            line = error.lineno
        else:
            return
        self.refuse(f"not XML: {why}", "well-formed XML", "export the model again", "xml", line)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        if self.elements == 0 and not _is_sbml(name):
            what = f"the document is <{name.rpartition(' ')[2][:40]}>, not SBML"
            self.refuse(what, "an <sbml> document", "export the model as SBML", "not-sbml")
        self.elements += 1
        self.depth += 1
        if self.depth > DEEPEST:
            what = f"elements nested deeper than {DEEPEST}"
            self.refuse(what, f"depth of at most {DEEPEST}", "split deep formulas", "too-deep")
        if self.elements > MOST_ELEMENTS:
            most = f"at most {MOST_ELEMENTS} elements"
            self.refuse(f"more than {MOST_ELEMENTS} elements", most, "split it", "too-large")

    def end(self, name: str) -> None:
        del name
        self.depth -= 1

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        del version, standalone
        if encoding is not None and encoding.lower() not in ENCODINGS and not self.ascii:
            what = f"text in UTF-8 that says it is in {encoding[:40]}"
            self.refuse(what, "UTF-8, as SBML asks for", "correct its first line", "encoding")

    def doctype(self, *declared: object) -> None:
        del declared
        self.refuse(
            "a document type (<!DOCTYPE>), which may define entities without end",
            "SBML without document type and entities",
            "remove the declaration",
            "doctype",
        )

    def refuse(
        self, given: str, allowed: str, remedy: str, check: str, line: int | None = None
    ) -> NoReturn:
        at = self.parser.CurrentLineNumber if line is None else line
        raise ModelError(
            given,
            allowed=allowed,
            remedy=remedy,
            check=f"sbml.{check}",
            where=Where(self.file, at),
        )


def _is_sbml(name: str) -> bool:
    space, _, local = name.rpartition(" ")
    return local == "sbml" and space.startswith("http://www.sbml.org/sbml/level")
