"""JSON Schemas as they are handed to llguidance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from llguidance import LLMatcher

from ollama_server.chat.parse.bounds import inexact
from ollama_server.chat.parse.keywords import known_keywords

_GUIDANCE = {
    # One way to lay JSON out: most of it is then forced, and no model can get lost in white space.
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    # Where alternatives may overlap, oneOf is taken for anyOf.
    "coerce_one_of": True,
}

_COMBINING = ("allOf", "anyOf", "oneOf", "$ref", "if", "not")
_OPEN = ("additionalProperties", "patternProperties", "unevaluatedProperties", "minProperties")


def styled(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` with one layout of the JSON, and with no properties but the declared ones.

    Schemas that do not say whether they allow other properties allow them by the standard, but
    models that may invent properties do. Every value of the result is a value of ``schema``, but
    for formats that nobody knows and for oneOf: it may be one of several alternatives at once.
    """
    schema = known_keywords(schema)
    closed = _closed(schema)
    for keyword in ("$defs", "definitions"):
        definitions = schema.get(keyword)
        if isinstance(definitions, Mapping) and not _combines(schema):
            closed[keyword] = {key: _closed_if_schema(value) for key, value in definitions.items()}
    return {"x-guidance": _GUIDANCE, **closed}


def _combines(value: Any) -> bool:
    """Whether some part of a schema adds properties to another, a definition perhaps."""
    if isinstance(value, list):
        return any(_combines(item) for item in value)
    if not isinstance(value, Mapping):
        return False
    parts = value.get("allOf")
    if isinstance(parts, list) and len(parts) > 1:
        return True
    if "$ref" in value and ("properties" in value or "allOf" in value):
        return True
    return "if" in value or any(_combines(item) for item in value.values())


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        result["properties"] = {key: _closed_if_schema(value) for key, value in properties.items()}
        required = schema.get("required", [])
        declared = isinstance(required, list) and all(
            isinstance(key, str) and key in properties for key in required
        )
        # What is combined must stay open: it may be another part that declares a property.
        if properties and declared and not any(key in schema for key in (*_OPEN, *_COMBINING)):
            result["additionalProperties"] = False
    if isinstance(schema.get("items"), Mapping):
        result["items"] = _closed(schema["items"])
    for keyword in ("anyOf", "oneOf"):
        members = schema.get(keyword)
        if isinstance(members, list) and not isinstance(properties, Mapping):
            result[keyword] = [_closed_if_schema(member) for member in members]
    return result


def _closed_if_schema(value: Any) -> Any:
    return _closed(value) if isinstance(value, Mapping) else value


@lru_cache(maxsize=1024)
def _problem(schema: str) -> str:
    return str(LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(schema), None))


def schema_problem(schema: Mapping[str, Any]) -> str:
    """What llguidance has against a JSON Schema, empty for nothing."""
    try:
        if (number := next(inexact(schema), None)) is not None:
            return f"the integer {number} is too large to be exact"
        return _problem(json.dumps(styled(schema)))
    except RecursionError:
        return "nested too deeply"
