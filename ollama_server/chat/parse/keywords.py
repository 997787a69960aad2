"""Keywords of JSON Schemas that llguidance does not take, in words that it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from llguidance import LLMatcher

from ollama_server.chat.parse.bounds import exact_bounds

_PART = ("items", "additionalItems", "additionalProperties", "contains", "if", "then", "else")
_PARTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_NAMED_PARTS = ("properties", "patternProperties", "$defs", "definitions")

_ANNOTATIONS = {"$comment", "default", "description", "examples", "title"}
_ANYTHING: tuple[Any, ...] = (True, {})
# Pydantic's names for what other programs call by one.
_OTHER_FORMATS = dict.fromkeys((f"uuid{version}" for version in range(1, 9)), "uuid")
# Look-ahead in Zod's patterns, which llguidance lacks: the formats beside them say it as well.
_SAID_BY_FORMAT = {
    "email": ((r"^(?!\.)(?!.*\.\.)", "^"),),
    "duration": ((r"(?!.*W)(?=\d|T\d)", ""), (r"T(?=\d)", "T")),
}


def known_keywords(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` as far as it says the same with keywords that llguidance knows."""
    return _rewritten(schema, schema)


def _rewritten(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(schema)
    for keyword in _PART:
        if isinstance(result.get(keyword), Mapping):
            result[keyword] = _part(result[keyword], root)
    for keyword in _PARTS:
        if isinstance(result.get(keyword), list):
            result[keyword] = [_part(item, root) for item in result[keyword]]
    for keyword in _NAMED_PARTS:
        if isinstance(result.get(keyword), Mapping):
            result[keyword] = {key: _part(value, root) for key, value in result[keyword].items()}
    if result.get("uniqueItems") is False:
        del result["uniqueItems"]
    _rewrite_format(result)
    _rewrite_names(result, root)
    return exact_bounds(result)


def _part(value: Any, root: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    return False if value.get("not") in _ANYTHING else _rewritten(value, root)


def _rewrite_format(schema: dict[str, Any]) -> None:
    """Formats are annotations by the standard, and everybody may have more."""
    name = schema.get("format")
    if not isinstance(name, str):
        return
    name = _OTHER_FORMATS.get(name, name)
    if _is_known_format(name):
        schema["format"] = name
        if isinstance(schema.get("pattern"), str):
            for said, shorter in _SAID_BY_FORMAT.get(name, ()):
                schema["pattern"] = schema["pattern"].replace(said, shorter)
    else:
        del schema["format"]


@lru_cache(maxsize=1024)
def _is_known_format(name: str) -> bool:
    schema = json.dumps({"type": "string", "format": name})
    return not LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(schema), None)


def _rewrite_names(schema: dict[str, Any], root: Mapping[str, Any]) -> None:
    """Rules for the names of properties: none at all, a list of names, or a pattern."""
    if "propertyNames" not in schema:
        return
    names = _referred(schema["propertyNames"], root)
    if names is True:
        names = {}
    if not isinstance(names, Mapping) or names.get("type", "string") != "string":
        return
    rules = names.keys() - _ANNOTATIONS - {"type"}
    free = not schema.keys() & {"properties", "patternProperties"}
    value = schema.get("additionalProperties", True)
    if not rules:
        del schema["propertyNames"]
    elif free and rules in ({"enum"}, {"const"}) and (words := _words(names)):
        del schema["propertyNames"]
        schema |= {"properties": dict.fromkeys(words, value), "additionalProperties": False}
    elif free and rules == {"pattern"} and isinstance(names["pattern"], str):
        del schema["propertyNames"]
        named = {names["pattern"]: value}
        schema |= {"patternProperties": named, "additionalProperties": False}


def _words(names: Mapping[str, Any]) -> list[str]:
    values = [names["const"]] if "const" in names else names["enum"]
    return values if isinstance(values, list) and all(isinstance(v, str) for v in values) else []


def _referred(value: Any, root: Mapping[str, Any]) -> Any:
    """What a reference to a definition stands for; anything else as it is."""
    if not isinstance(value, Mapping) or value.keys() - _ANNOTATIONS != {"$ref"}:
        return value
    found: Any = root
    for step in str(value["$ref"]).removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return value if found is None else found
