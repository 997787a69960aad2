"""Argument values as models write them."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.parse.declared import Declared
from ollama_server.chat.parse.tools import harmony_names, with_harmony_names
from ollama_server.chat.parse.values import close_json, coerce, load_any, load_json, load_python
from ollama_server.chat.types import Message, Tool, ToolCall


def typed(*names: str) -> dict[str, Any]:
    return {"type": names[0] if len(names) == 1 else list(names)}


@pytest.mark.parametrize(
    ("raw", "schema", "value"),
    [
        ("2", typed("string"), "2"),
        ("null", typed("string"), None),
        ("NULL", typed("integer"), None),
        ("2", {}, "2"),
        ("True", typed("boolean"), True),
        ("yes", typed("boolean"), False),
        ("yes", typed("boolean", "string"), "yes"),
        ("42", typed("integer"), 42),
        (" 42 ", typed("integer"), 42),
        ("4.5", typed("integer"), "4.5"),
        ("4.5", typed("number"), 4.5),
        ("4.0", typed("number"), 4),
        ("1e999", typed("number"), "1e999"),
        ("[1, 2]", typed("array"), [1, 2]),
        ("{'a': True}", typed("object"), {"a": True}),
        ("oops", typed("object"), "oops"),
        ("[1]", typed("object"), "[1]"),
        ("7", {"anyOf": [typed("integer"), typed("string")]}, 7),
        ("x", {"anyOf": [typed("integer"), typed("string")]}, "x"),
    ],
)
def test_raw_text_takes_the_type_of_its_schema(raw: str, schema: Any, value: Any) -> None:
    found = coerce(raw, Declared(schema, schema))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1e999", "[" * 300 + "]" * 300, "", "{", "\ud800"]
)
def test_what_no_encoder_could_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_json(text)


def test_line_breaks_in_json_strings_are_tolerated() -> None:
    assert load_json('{"a": "x\ny"}') == {"a": "x\ny"}


def test_python_literals_may_use_the_constants_of_other_languages() -> None:
    assert load_python("{'a': [True, null, nil, -1, (2,)]}") == {"a": [True, None, None, -1, [2]]}


@pytest.mark.parametrize("text", ["open('x')", "a.b", "{**x}", "1 + 2", "b'x'", "1j", "f'{x}'"])
def test_python_that_is_no_literal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_any(text)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ('{"a": [1, {"b": "c', '{"a": [1, {"b": "c"}]}'),
        ('{"a": "x\\', '{"a": "x"}'),
        ('{"a": 1, ', '{"a": 1}'),
        ('{"a": "}"', '{"a": "}"}'),
        ("{]", None),
    ],
)
def test_open_json_is_closed(text: str, closed: str | None) -> None:
    assert close_json(text) == closed


def test_names_for_gpt_oss_are_identifiers_and_distinct() -> None:
    names = ["a b", "a-b", "a.b", "1x", "é!", "?", "python", "browser.open"]
    assert harmony_names(names) == {
        "a b": "a_b",
        "a-b": "a_b_2",
        "a.b": "a_b_3",
        "1x": "_1x",
        "é!": "é",
        "?": "unnamed",
        "python": "python",
        "browser.open": "browser.open",
    }


def test_gpt_oss_sees_the_same_names_in_tools_calls_and_results() -> None:
    tools = [Tool("get_tide"), Tool("get-tide")]
    calls = [ToolCall("get-tide", {}), ToolCall("old.tool", {})]
    history = [Message("assistant", tool_calls=calls), Message("tool", tool_name="get-tide")]
    seen, messages = with_harmony_names(tools, history)
    assert [tool.name for tool in seen] == ["get_tide", "get_tide_2"]
    assert [call.name for call in messages[0].tool_calls] == ["get_tide_2", "old_tool"]
    assert messages[1].tool_name == "get_tide_2"
    assert [call.name for call in history[0].tool_calls] == ["get-tide", "old.tool"]
