"""Schemas of tools as far as llguidance takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ollama_server.chat.parse.declared import (
    DEFINITIONS,
    Declared,
    as_mapping,
    required_of,
    types_of,
)
from ollama_server.chat.parse.schema import schema_problem
from ollama_server.chat.types import Tool

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}

_ROOT = "(root)"
_COMBINED = ("allOf", "anyOf", "oneOf")
_FIRST = ("type", "properties", "required", "items", "const", "enum")


def parameters(tool: Tool) -> Mapping[str, Any]:
    """The schema of the tool's arguments: an object's, without what llguidance does not know.

    A tool without declared parameters takes none, unless its schema is just that of an object.
    """
    schema = _of_object(tool.parameters)
    if not tool.parameters or schema.get("properties") == {}:
        schema = {"properties": {}, "additionalProperties": False, **schema}
    return enforceable(schema)


def _of_object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema`` as that of an object; arguments are nothing else, whatever it says."""
    options = Declared(schema, schema).options
    objects = [option for option in options if "object" in (types_of(option) or ["object"])]
    if not objects:
        return ANY_OBJECT
    definitions = {key: schema[key] for key in DEFINITIONS if key in schema}
    one = {**definitions, **objects[0]} if len(objects) == 1 else schema
    return {**one, **ANY_OBJECT}


def enforceable(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object's schema that llguidance takes, with as much of ``schema`` as it takes."""
    if not schema_problem(schema):
        return schema
    try:
        schema = _pruned(schema)
        return schema if not schema_problem(schema) else _main_parts(schema)
    except RecursionError:
        return ANY_OBJECT


def _main_parts(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object's schema with those properties that llguidance takes, and the types of others."""
    properties = {
        key: value
        if not schema_problem(with_definitions(as_mapping(value), schema))
        else _type_alone(as_mapping(value), schema)
        for key, value in as_mapping(schema.get("properties")).items()
    }
    own = {**ANY_OBJECT, "properties": properties, "required": required_of(schema)}
    candidates = ({**schema, "properties": properties}, with_definitions(own, schema))
    return next((found for found in candidates if not schema_problem(found)), ANY_OBJECT)


def enforceable_part(value: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of ``root`` on its own, as far as llguidance takes it: the type at least."""
    whole = with_definitions(value, root)
    if not schema_problem(whole):
        return whole
    try:
        pruned: Mapping[str, Any] = _pruned(whole)
    except RecursionError:
        return {}
    return pruned if not schema_problem(pruned) else _type_alone(value, root)


def _type_alone(value: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    found = {"type": sorted(Declared(value, root).types)}
    return {} if not found["type"] or schema_problem(found) else found


def _pruned(schema: Any) -> Any:
    """``schema`` without the keywords that llguidance refuses, at any depth."""
    if not isinstance(schema, Mapping):
        return schema if isinstance(schema, bool) else {}
    whole = {key: _pruned_part(key, value) for key, value in schema.items()}
    if "oneOf" in whole and "anyOf" not in whole:
        # Where llguidance takes both, they are the same.
        whole["anyOf"] = whole.pop("oneOf")
    # What a schema says itself is tried without its parts, which have been tried already.
    own = {
        key: _hollow(key, value)
        for key, value in whole.items()
        if key not in (*DEFINITIONS, *_COMBINED, "$ref")
    }
    if not schema_problem(own):
        return whole
    kept: dict[str, Any] = {}
    for key in sorted(own, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST)):
        if not schema_problem({**kept, key: own[key]}):
            kept[key] = own[key]
    return {key: value for key, value in whole.items() if key in kept or key not in own}


def _pruned_part(keyword: str, value: Any) -> Any:
    if isinstance(value, Mapping) and keyword in (*DEFINITIONS, "properties", "patternProperties"):
        return {key: _pruned(part) for key, part in value.items()}
    if isinstance(value, list) and keyword in (*_COMBINED, "prefixItems"):
        return [_pruned(part) for part in value]
    return _pruned(value) if keyword in ("items", "additionalProperties") else value


def _hollow(keyword: str, value: Any) -> Any:
    """A keyword's value with schemas that say nothing in the place of its parts."""
    if keyword in ("properties", "patternProperties") and isinstance(value, Mapping):
        return {key: {} for key in value}
    if keyword == "prefixItems" and isinstance(value, list):
        return [{} for _ in value]
    if keyword in ("items", "additionalProperties") and isinstance(value, Mapping):
        return {}
    return value


def with_definitions(value: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema on its own, with the definitions that it may refer to."""
    definitions = {key: root[key] for key in DEFINITIONS if key in root}
    whole = {**definitions, **value}
    moved = _moved(whole)
    if moved == whole:
        return whole
    rest = {key: part for key, part in root.items() if key not in DEFINITIONS}
    return {**moved, "$defs": {**as_mapping(moved.get("$defs")), _ROOT: _moved(rest)}}


def _moved(part: Any) -> Any:
    """A part of a schema whose references to the schema itself lead to a definition instead."""
    if isinstance(part, list):
        return [_moved(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    result = {key: _moved(value) for key, value in part.items()}
    reference = part.get("$ref")
    defined = tuple(f"#/{keyword}/" for keyword in DEFINITIONS)
    if isinstance(reference, str) and reference[:1] == "#" and not reference.startswith(defined):
        result["$ref"] = f"#/$defs/{_ROOT}{reference[1:]}"
    return result
