"""Arguments of calls keep to what their tool declares, however the format writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ollama_server.chat.parse import forced_tool_grammar, lazy_tool_grammar
from ollama_server.chat.parse.declared import Declared
from ollama_server.chat.types import Tool

from .matching import accepts, accepts_from_trigger
from .support import format_of, parse, splits

Schema = Mapping[str, Any]

COLOUR: Schema = {"type": "string", "enum": ["red", "green"]}
BUOY: Schema = {"type": "object", "properties": {"v": {"type": "integer"}}, "required": ["v"]}
NODE: Schema = {
    "type": "object",
    "properties": {
        "name": COLOUR,
        "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
    },
    "required": ["name", "next"],
}
DEFINITIONS: Schema = {
    "Colour": COLOUR,
    "Buoy": BUOY,
    "Node": NODE,
    "Loop": {"$ref": "#/$defs/Loop"},
}
NULL: Schema = {"type": "null"}


def to(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def tool(value: Schema, key: str = "p", **keywords: Any) -> Tool:
    """A tool with one required parameter."""
    properties = {key: value}
    schema = {"type": "object", "properties": properties, "required": [key], **keywords}
    return Tool("moor", "", {"$defs": DEFINITIONS, **schema})


def tagged(value: str) -> str:
    """A call in the spelling of qwen3-coder."""
    argument = f"<parameter=p>\n{value}\n</parameter>\n"
    return f"<tool_call>\n<function=moor>\n{argument}</function>\n</tool_call>"


def quoted(value: str) -> str:
    """A call in the spelling of gemma4, in which quotes stand for its special ones."""
    return "<|tool_call>call:moor{p:" + value.replace('"', '<|"|>') + "}<tool_call|>"


def allowed(source: str, text: str, declared: Tool) -> bool:
    fmt = format_of(source)
    forced = accepts(forced_tool_grammar(fmt, [declared]), text)
    assert forced == accepts_from_trigger(lazy_tool_grammar(fmt, [declared]), text)
    return forced


def read(source: str, text: str, declared: Tool) -> Any:
    """The only call's arguments, the same wherever the text is cut."""
    answers = [parse(pieces, format_of(source), tools=[declared]).named for pieces in splits(text)]
    assert all(answer == answers[0] for answer in answers)
    [(_, arguments)] = answers[0]
    return arguments


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        (to("Colour"), "green", "green"),
        ({"allOf": [to("Colour")], "description": "of the hull"}, "green", "green"),
        ({"anyOf": [to("Colour"), NULL]}, "red", "red"),
        ({"anyOf": [to("Colour"), NULL]}, "null", None),
        (to("Buoy"), '{"v": 10}', {"v": 10}),
        ({"anyOf": [to("Buoy"), NULL]}, '{"v": 10}', {"v": 10}),
        ({"anyOf": [to("Buoy"), NULL]}, "null", None),
        (
            to("Node"),
            '{"name": "red", "next": {"name": "green", "next": null}}',
            {"name": "red", "next": {"name": "green", "next": None}},
        ),
        ({"anyOf": [{"enum": ["a b"], "type": "string"}, NULL]}, "a b", "a b"),
        ({"type": ["string", "null"], "enum": ["x", None]}, "x", "x"),
        ({"const": "only", "type": "string"}, "only", "only"),
        ({"const": "only"}, "only", "only"),
        ({"enum": [1, 2, 3]}, "2", 2),
        ({"enum": ["a", 1, None]}, "a", "a"),
        ({"enum": ["a", 1, None]}, "1", 1),
        ({"type": "boolean"}, "True", True),
        ({"type": "string", "maxLength": 5}, "Brest", "Brest"),
        ({"type": "string", "pattern": "^[0-9]{3}$"}, "007", "007"),
        ({"type": "string", "pattern": "^a/b"}, "a/bc", "a/bc"),
        ({"type": "string", "pattern": "(?=look)ahead"}, "anything", "anything"),
        ({"anyOf": [{"not": {}}, {"type": "integer"}]}, "4", 4),
        (to("Loop"), "anything", "anything"),
        (to("Nowhere"), "anything", "anything"),
        ({}, "anything", "anything"),
    ],
)
def test_tagged_arguments_are_written_and_read_as_declared(
    schema: Schema, written: str, value: Any
) -> None:
    text = tagged(written)
    assert allowed("qwen3-coder", text, tool(schema))
    assert read("qwen3-coder", text, tool(schema)) == {"p": value}


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (to("Colour"), "blue"),
        (to("Colour"), '"green"'),
        ({"allOf": [to("Colour")]}, "blue"),
        ({"anyOf": [to("Colour"), NULL]}, "blue"),
        (to("Buoy"), '{"v": "ten"}'),
        ({"anyOf": [to("Buoy"), NULL]}, "true"),
        ({"const": "only"}, "other"),
        ({"enum": [1, 2, 3]}, "4"),
        ({"type": ["string", "null"], "enum": ["x", None]}, "y"),
        ({"type": "string", "maxLength": 5}, "Bremen"),
        ({"type": "string", "minLength": 3}, "Po"),
        ({"type": "string", "pattern": "^[0-9]{3}$"}, "0070"),
    ],
)
def test_tagged_arguments_are_nothing_else(schema: Schema, written: str) -> None:
    assert not allowed("qwen3-coder", tagged(written), tool(schema))


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_parameters_may_refer_to_the_whole_schema(keyword: str) -> None:
    properties = {"p": {keyword: [{"$ref": "#"}, NULL]}, "c": {"$ref": "#/$defs/Colour"}}
    schema = {"type": "object", "properties": properties, "required": ["p"]}
    declared = Tool("moor", "", {"$defs": DEFINITIONS, **schema})
    assert allowed("qwen3-coder", tagged('{"p": {"p": null, "c": "red"}}'), declared)
    assert not allowed("qwen3-coder", tagged('{"p": {"p": null, "c": "blue"}}'), declared)
    assert not allowed("qwen3-coder", tagged('{"p": 1}'), declared)
    text = tagged('{"p": null}')
    assert read("qwen3-coder", text, declared) == {"p": {"p": None}}


def test_nested_tags_follow_references() -> None:
    declared = tool({"type": "array", "items": to("Node"), "maxItems": 1})
    node = "#<name>{}#</name>#<next>{}#</next>"
    value = node.format("red", node.format("green", "null"))
    call = f'#<tool_call>\n#<invoke name="moor">#<p>#<item>{value}#</item>#</p>#</invoke>\n'
    text = (call + "#</tool_call>").replace("#", "]<]minimax[>[")
    chain = {"name": "red", "next": {"name": "green", "next": None}}
    assert allowed("@MiniMax-M3", text, declared)
    assert not allowed("@MiniMax-M3", text.replace("green", "blue"), declared)
    assert read("@MiniMax-M3", text, declared) == {"p": [chain]}


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, "[0,1]", [0, 1]),
        ({"type": "array", "items": COLOUR, "maxItems": 1}, '["red"]', ["red"]),
        ({"type": "array", "items": COLOUR, "maxItems": 1}, "[]", []),
        ({"type": "array", "prefixItems": [COLOUR, NULL]}, '["red",null]', ["red", None]),
        (to("Buoy"), "{v:10}", {"v": 10}),
        (
            to("Node"),
            '{name:"red",next:{name:"green",next:null}}',
            {"name": "red", "next": {"name": "green", "next": None}},
        ),
        (
            {"prefixItems": [COLOUR], "items": NULL, "minItems": 3},
            '["red",null,null]',
            ["red", None, None],
        ),
        ({"const": "only"}, '"only"', "only"),
        ({"anyOf": [COLOUR, NULL]}, '"red"', "red"),
        ({"anyOf": [COLOUR, NULL]}, "null", None),
        ({"enum": [1, 2, 3]}, "2", 2),
        ({"type": "string", "maxLength": 5}, '"Brest"', "Brest"),
        ({"type": "object", "additionalProperties": COLOUR}, '{a:"red"}', {"a": "red"}),
        ({"type": "object", "properties": {"a b": NULL}}, '{"a b":null}', {"a b": None}),
        ({}, '{a:["x",1]}', {"a": ["x", 1]}),
    ],
)
def test_quoted_arguments_are_written_and_read_as_declared(
    schema: Schema, written: str, value: Any
) -> None:
    text = quoted(written)
    assert allowed("gemma4", text, tool(schema))
    assert read("gemma4", text, tool(schema)) == {"p": value}


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, "[0]"),
        ({"type": "array", "items": COLOUR, "minItems": 2}, "[]"),
        ({"type": "array", "items": COLOUR, "maxItems": 1}, '["red","red"]'),
        (to("Buoy"), "true"),
        (to("Buoy"), "{}"),
        ({"const": "only"}, "0"),
        ({"type": "string", "const": "only"}, '"other"'),
        ({"anyOf": [COLOUR, NULL]}, "true"),
        ({"enum": [1, 2, 3]}, "0"),
        ({"type": "string", "maxLength": 5}, '"Bremen"'),
        ({"type": "string", "pattern": "^[0-9]{3}$"}, '"0070"'),
        ({"type": "object", "additionalProperties": COLOUR}, '{a:"blue"}'),
    ],
)
def test_quoted_arguments_are_nothing_else(schema: Schema, written: str) -> None:
    assert not allowed("gemma4", quoted(written), tool(schema))


def test_attributes_tell_text_from_null() -> None:
    declared = tool({"anyOf": [{"type": "string"}, NULL]})
    call = '<｜DSML｜function_calls>\n<｜DSML｜invoke name="moor">\n%s</｜DSML｜invoke>\n'
    call += "</｜DSML｜function_calls>"
    argument = '<｜DSML｜parameter name="p" string="%s">null</｜DSML｜parameter>\n'
    for mark, value in (("true", "null"), ("false", None)):
        text = call % (argument % mark)
        assert allowed("@deepseek-ai-DeepSeek-V3.2", text, declared)
        assert read("@deepseek-ai-DeepSeek-V3.2", text, declared) == {"p": value}


def test_few_words_that_mean_very_many_alternatives_cost_little() -> None:
    definitions: dict[str, Any] = {
        f"D{n}": {"anyOf": [to(f"D{n + 1}"), to(f"D{n + 1}")]} for n in range(64)
    }
    root = {"$defs": definitions, **to("D0")}
    assert len(Declared(root, root).options) < 2000
