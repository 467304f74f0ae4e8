"""YAML without surprises: plain values and their lines, nothing else.

No tags, anchors or merge keys; no duplicate keys; ``no`` is a word and ``1e-6`` a number. The text
is limited before it is read, so that a hostile file costs little.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from senescape.errors import ScenarioError, Where

LARGEST_FILE = 4_000_000
DEEPEST = 40

Path = tuple[int | str, ...]
_INT = re.compile(r"[+-]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


@dataclass(slots=True)
class Document:
    """A text as plain values, with the line of every part.

    Parameters
    ----------
    data : dict
    lines : mapping from path to line, counted from 1
    """

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """Return the line of a part, or of the nearest part around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_document(text: str, file: str) -> Document:
    """Read strict YAML.

    Raises
    ------
    ScenarioError
        Not YAML, too long or deep, a tag, an anchor, a key twice or no key; with its line.
    """
    if len(text) > LARGEST_FILE:
        raise _refuse(
            f"{len(text)} characters",
            f"at most {LARGEST_FILE}",
            "split the scenario, or thin its table of draws",
            "file.too-long",
            file,
            1,
        )
    for number, character in enumerate(text):
        if ord(character) < 32 and character not in "\n\r\t":
            line = text.count("\n", 0, number) + 1
            raise _refuse(
                f"character {ord(character)}",
                "text",
                "save the file as plain text (UTF-8)",
                "file.control-character",
                file,
                line,
            )
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise _refuse(
            "nesting without end", f"at most {DEEPEST} levels", "flatten it", "file.depth", file, 1
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not readable"
        raise _refuse(
            f"not YAML: {problem}",
            "strict YAML",
            "check indentation, quotes and brackets near this line",
            "file.yaml",
            file,
            mark.line + 1 if mark is not None else None,
        ) from None
    if not isinstance(node, yaml.MappingNode):
        raise _refuse(
            "an empty file" if node is None else "no mapping at the top level",
            "a mapping that begins with senescape: 1",
            "see docs/scenario-format.md",
            "file.not-a-mapping",
            file,
            1,
        )
    document = Document(None)
    document.data = _value(node, (), document, file, set())
    return document


def _value(node: yaml.Node, path: Path, document: Document, file: str, seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    document.lines.setdefault(path, line)
    if id(node) in seen:
        raise _refuse(
            "an alias (*name)", "every value written out", "repeat it", "file.alias", file, line
        )
    seen.add(id(node))
    if len(path) > DEEPEST:
        raise _refuse(
            f"more than {DEEPEST} levels", f"at most {DEEPEST}", "flatten it", "file.depth", file,
            line,
        )  # fmt: skip
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, file, seen)
    if isinstance(node, yaml.SequenceNode):
        _no_tag(node, "tag:yaml.org,2002:seq", file)
        return [_value(item, (*path, i), document, file, seen) for i, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node, file)


def _mapping(
    node: yaml.MappingNode, path: Path, document: Document, file: str, seen: set[int]
) -> dict[str, Any]:
    _no_tag(node, "tag:yaml.org,2002:map", file)
    result: dict[str, Any] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise _refuse(
                "a key that is no plain text", "plain keys", "write it out", "file.key", file, line
            )
        name = key.value
        if name in result:
            raise _refuse(
                f"the key {name} stands twice",
                "each key once",
                "remove or rename one of them",
                "file.duplicate-key",
                file,
                line,
            )
        document.lines[(*path, name)] = line
        result[name] = _value(item, (*path, name), document, file, seen)
    return result


def _no_tag(node: yaml.Node, plain: str, file: str) -> None:
    if node.tag != plain:
        raise _refuse(
            f"the tag {node.tag}", "plain values", "remove the tag", "file.tag", file,
            node.start_mark.line + 1,
        )  # fmt: skip


def _scalar(node: yaml.ScalarNode, file: str) -> Any:
    text = node.value
    if node.style is not None:
        return text
    if node.tag.startswith("!") or "python" in node.tag:
        _no_tag(node, "tag:yaml.org,2002:str", file)
    if text in {"true", "false"}:
        return text == "true"
    if text in {"null", "~", ""}:
        return None
    if len(text) < 400:
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            if not math.isfinite(number):
                raise _refuse(
                    text, "finite numbers", "write a smaller number", "file.number", file,
                    node.start_mark.line + 1,
                )  # fmt: skip
            return number
    return text


def _refuse(
    given: str, allowed: str, remedy: str, check: str, file: str, line: int | None
) -> ScenarioError:
    return ScenarioError(
        given, allowed=allowed, remedy=remedy, check=check, where=Where(file=file, line=line)
    )
