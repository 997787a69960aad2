"""Of a tool's schema everything is enforced that can be, and always that of an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ollama_server.chat.parse import forced_tool_grammar
from ollama_server.chat.parse.enforceable import parameters
from ollama_server.chat.parse.schema import schema_problem
from ollama_server.chat.types import Tool

from .matching import accepts
from .support import format_of

Schema = Mapping[str, Any]

FLAG: Schema = {"type": "object", "properties": {"p": {"type": "boolean"}}, "required": ["p"]}
OPTIONAL: Schema = {"type": "object", "properties": FLAG["properties"]}


def allowed(schema: Schema, arguments: str) -> bool:
    text = f'<tool_call>\n{{"name": "moor", "arguments": {arguments}}}\n</tool_call>'
    return accepts(forced_tool_grammar(format_of("qwen3"), [Tool("moor", "", dict(schema))]), text)


@pytest.mark.parametrize(
    "schema",
    [
        {**FLAG, "unevaluatedProperties": False},
        {**FLAG, "if": {"required": ["p"]}, "then": {}},
        {**FLAG, "dependentRequired": {"p": ["q"]}},
        {**OPTIONAL, "minProperties": 1},
        {**FLAG, "propertyNames": {"pattern": "^p$"}},
        {"allOf": [{**FLAG, "unevaluatedProperties": False}]},
        {"$ref": "#/$defs/F", "$defs": {"F": {**FLAG, "contains": {}}}},
    ],
)
def test_an_unknown_keyword_leaves_the_others_in_force(schema: Schema) -> None:
    assert allowed(schema, '{"p": true}')
    assert not allowed(schema, '{"p": "Paris"}')
    assert not allowed(schema, '{"city": "Paris"}')


@pytest.mark.parametrize(
    ("schema", "fits", "fails"),
    [
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "[1]", '["a"]'),
        ({"type": "object", "propertyNames": {"maxLength": 3}}, '{"a": 1}', '"Paris"'),
        ({"type": "string", "pattern": "(?=a)b", "maxLength": 3}, '"abc"', '"abcd"'),
        ({"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 3}]}, "4", '"Paris"'),
        ({"oneOf": [FLAG, {**FLAG, "required": []}]}, "{}", '{"p": 1}'),
        ({"type": "array", "items": {"enum": ["a"], "not": {"const": 1}}}, '["a"]', '["b"]'),
    ],
)
def test_an_unknown_keyword_of_a_parameter_leaves_its_type(
    schema: Schema, fits: str, fails: str
) -> None:
    whole = {**FLAG, "properties": {"p": schema}}
    assert allowed(whole, f'{{"p": {fits}}}')
    assert not allowed(whole, f'{{"p": {fails}}}')


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "string", "enum": ["Paris"]},
        {"type": "array", "items": {"type": "string"}},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    ],
)
def test_arguments_are_an_object_whatever_the_schema_says(schema: Schema) -> None:
    assert allowed(schema, '{"city": "Paris"}')
    assert not allowed(schema, '"Paris"')
    assert not allowed(schema, '["Paris"]')


def test_a_schema_that_llguidance_takes_stays_as_it_is() -> None:
    assert parameters(Tool("moor", "", dict(FLAG))) == FLAG


def test_what_is_nested_beyond_reason_is_any_object() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        schema = {"type": "object", "properties": {"p": schema}, "unevaluatedProperties": False}
    assert not schema_problem(parameters(Tool("moor", "", schema)))
