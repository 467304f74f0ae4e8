"""From pydantic's findings to one line of ours: field, what was given, what is allowed, remedy."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from senescape.errors import ScenarioError, SenescapeError, Where, nearest

Location = tuple[int | str, ...]


def first_problem(
    error: ValidationError, model: type[BaseModel], prefix: Location = ()
) -> PydanticCustomError:
    """Return the first finding as an error that an outer validation relays whole."""
    found = refusal(error, model, prefix)
    return PydanticCustomError("senescape", "{text}", {"text": str(found), "error": found})


def refusal(
    error: ValidationError, model: type[BaseModel], prefix: Location = ()
) -> SenescapeError:
    """Return the first finding of a validation as one of our errors, with its field."""
    item = min(error.errors(include_url=False), key=_rank)
    location: Location = tuple(item["loc"])
    kind = item["type"]
    context = item.get("ctx", {})
    if kind == "senescape":
        inner: SenescapeError = context["error"]
        where = Where(
            inner.where.file,
            inner.where.line,
            dotted((*prefix, *clean(location, model)), inner.where.field),
        )
        return type(inner)(
            inner.given,
            allowed=inner.allowed,
            remedy=inner.remedy,
            check=inner.check,
            where=where,
        )
    given, allowed, remedy, check = _words(kind, item, location, model)
    if kind == "entry_kind":
        location = (*location, context["index"])
    return ScenarioError(
        given,
        allowed=allowed,
        remedy=remedy,
        check=check,
        where=Where(field=dotted((*prefix, *clean(location, model)))),
    )


def _rank(item: Any) -> int:
    """Unknown fields first: a misspelt name also makes the right one missing."""
    return {"extra_forbidden": 0, "missing": 2}.get(item["type"], 1)


def _words(
    kind: str, item: Any, location: Location, model: type[BaseModel]
) -> tuple[str, str, str, str]:
    shown = _short(item.get("input"))
    last = str(location[-1]) if location else ""
    if kind == "extra_forbidden":
        names = fields_at(model, location[:-1])
        return (
            f"unknown field {last}",
            ", ".join(names) or "no fields",
            nearest(last, names),
            "scenario.unknown-field",
        )
    if kind == "missing":
        return f"no field {last}", "it is required", f"add {last}", "scenario.missing-field"
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        context = item.get("ctx", {})
        expected = str(context.get("expected") or context.get("expected_tags"))
        given = str(context.get("tag", shown))
        names = [n.strip(" '") for n in expected.replace(" or ", ",").split(",")]
        return given, ", ".join(names), nearest(given.strip("'"), names), "scenario.unknown-choice"
    if kind == "union_tag_not_found":
        return f"{shown} has no model", "a field `model`", "add it", "scenario.missing-field"
    if kind == "string_pattern_mismatch":
        return (
            shown,
            "letters, digits and _, beginning with a letter (scenario names: a-z, 0-9, -)",
            "choose such a name",
            "scenario.name",
        )
    if kind == "entry_kind":
        kinds = item["ctx"]["kinds"]
        keys = list(item["input"][item["ctx"]["index"]])
        given = str(keys[0]) if keys else "nothing"
        return given, kinds, nearest(given, kinds.split(", ")), "scenario.entry-kind"
    if kind in {"greater_than_equal", "less_than_equal", "greater_than", "less_than"}:
        return shown, item["msg"].lower(), "choose a number in this range", "scenario.out-of-range"
    if kind in {"too_short", "too_long", "string_too_long"}:
        return shown, item["msg"].lower(), "complete or shorten the list", "scenario.length"
    return shown, item["msg"].lower(), "correct its type", "scenario.wrong-type"


def _short(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."


def fields_at(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Return the field names of the noun that stands at a location."""
    here = _walk(model, tuple(location))
    return [] if here is None else [f.alias or n for n, f in here.model_fields.items()]


def clean(location: Location, model: type[BaseModel]) -> Location:
    """Drop what pydantic adds to a location: tags of unions and the mark of a bad key."""
    result: list[int | str] = []
    for part in location:
        if part == "[key]" or _is_tag(part, result, model):
            continue
        result.append(part)
    return tuple(result)


def _is_tag(part: int | str, before: list[int | str], model: type[BaseModel]) -> bool:
    if not isinstance(part, str):
        return False
    if "function-" in part or part.startswith(("tuple[", "function")):
        return True
    here = _annotation(model, tuple(before))
    if here is None:
        return False
    nouns = _nouns(here)
    own = {name for noun in nouns for name in (noun.__name__, *_tags(noun))}
    return len(nouns) > 1 and part in own


def _tags(noun: type[BaseModel]) -> list[str]:
    model = noun.model_fields.get("model")
    return [str(a) for a in get_args(model.annotation)] if model is not None else []


def _annotation(model: type[BaseModel], location: Location) -> Any:
    """Return the annotation at a location, None where it cannot be known."""
    here: Any = model
    for part in location:
        here = _step(here, part)
        if here is None:
            return None
    return here


def _step(here: Any, part: int | str) -> Any:
    for option in _options(here):
        origin = get_origin(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, info in option.model_fields.items():
                if part in (name, info.alias):
                    return info.annotation
        elif origin is dict:
            return get_args(option)[1]
        elif origin in (tuple, list) and isinstance(part, int):
            return get_args(option)[0]
    return None


def _options(here: Any) -> list[Any]:
    if get_origin(here) is Annotated:
        return _options(get_args(here)[0])
    if get_origin(here) in (Union, types.UnionType):
        return [o for a in get_args(here) for o in _options(a)]
    return [here]


def _nouns(here: Any) -> list[type[BaseModel]]:
    return [o for o in _options(here) if isinstance(o, type) and issubclass(o, BaseModel)]


def _walk(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    tags = [part for part in location if isinstance(part, str)]
    found = _nouns(_annotation(model, clean(location, model)) or object)
    for noun in found:
        if len(found) == 1 or any(t in (noun.__name__, *_tags(noun)) for t in tags):
            return noun
    return None


def dotted(location: Location, inner: str | None = None) -> str:
    """Return a location as text: ``regimens.100nM.give[0].concentration``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    if inner:
        text += inner if inner.startswith("[") else f".{inner}"
    return text
