"""How Go prints values: in text, through printf, and as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.template.go.printing import show, sprintf, to_json
from ollama_server.chat.template.go.values import Array, Object, Ordered, Struct, Union


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        (None, "<no value>"),
        (True, "true"),
        (-5, "-5"),
        (3.0, "3"),
        (0.1, "0.1"),
        (-0.5, "-0.5"),
        (123456.0, "123456"),
        (1000000.0, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
        (["a", "b"], "[a b]"),
        ([], "[]"),
        ([None, 1.5], "[<nil> 1.5]"),
        ({"b": 1, "a": None}, "map[a:<nil> b:1]"),
        (Struct("t", {"A": 1, "B": "x", "C": None}), "{1 x <nil>}"),
        (Struct("t", {"A": 1}, {"a": 1}), '{"a":1}'),
        (Union(["string"]), "string"),
        (Union(["string", "null"]), "[string null]"),
        (Object({"b": 1, "a": 2}), '{"a":2,"b":1}'),
        (Array(["x"]), '["x"]'),
    ],
)
def test_text_of_values(value: Any, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (None, "null"),
        (1.0, "1"),
        (0.5, "0.5"),
        (1000000.0, "1000000"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        ('<a> & "b"', '"\\u003ca\\u003e \\u0026 \\"b\\""'),
        ("é\u2028\u2029\n\x01", '"é\\u2028\\u2029\\n\\u0001"'),
        ({"b": [], "a": {}}, '{"a":{},"b":[]}'),
        (Ordered({"b": 1, "a": 2}), '{"b":1,"a":2}'),
        (Union(["string"]), '"string"'),
        (Union(["string", "null"]), '["string","null"]'),
        (Struct("t", {"B": 1, "A": 2}), '{"B":1,"A":2}'),
    ],
)
def test_json_of_values(value: Any, json: str) -> None:
    assert to_json(value) == json


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("%d|%5d|%-5d|%05d|%+d", (1, 2, 3, 4, 5), "1|    2|3    |00004|+5"),
        ("%s|%5s|%-5s|%.2s", ("a", "b", "c", "defg"), "a|    b|c    |de"),
        ("%q", ('a"b\n',), '"a\\"b\\n"'),
        ("%v %v", ("a", [1]), "a [1]"),
        ("%.2f|%8.3f|%e|%g", (3.14159, 2.5, 1234.5, 0.00001), "3.14|   2.500|1.234500e+03|1e-05"),
        ("%x|%X|%o|%b|%c|%U", (255, 255, 8, 5, 65, 233), "ff|FF|10|101|A|U+00E9"),
        ("%x", ("hi",), "6869"),
        ("%t", (True,), "true"),
        ("%T", (1,), "int"),
        ("%*d", (4, 7), "   7"),
        ("100%%", (), "100%"),
        ("%d", ("x",), "%!d(string=x)"),
        ("%d", (), "%!d(MISSING)"),
        ("a", (1,), "a%!(EXTRA int=1)"),
        ("%", (), "%!(NOVERB)"),
        ("%s", (["a", "b"],), "[a b]"),
        ("%+v", (Struct("t", {"A": 1}),), "{A:1}"),
    ],
)
def test_printf(template: str, values: tuple[Any, ...], text: str) -> None:
    assert sprintf(template, values) == text
