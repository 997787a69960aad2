"""How Go prints values: in text, through printf, and as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.template.go.printing import show, to_json
from ollama_server.chat.template.go.values import Array, Object, Ordered, Struct, Union
from ollama_server.chat.template.go.verbs import sprintf
from ollama_server.errors import TemplateError


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
        (Union([]), ""),
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
        ("%[2]d %[1]d", (1, 2), "2 1"),
        ("%[1]s %[1]s", ("a",), "a a"),
        ("%[2]*[1]d|", (1, 3), "  1|"),
        ("%[3]d %[x]d %[1]2d", (1, 2), "%!d(BADINDEX) %!d(BADINDEX) %!d(BADINDEX)"),
        ("%*d|%.*f|%*d", (-3, 1, 1, 2.5, "a", 7), "1  |2.5|%!(BADWIDTH)7"),
        ("%O %#o %#x % d", (8, 8, 255, 5), "0o10 010 0xff  5"),
        ("%.3d|%5.3d|%08d|%-3d|", (5, 5, -5, 5), "005|  005|-0000005|5  |"),
        ("% x|%#x|%# x|%.2x", ("abc",) * 4, "61 62 63|0x616263|0x61 0x62 0x63|6162"),
        ("%3s|%q|%-3v|", (["p", "q"],) * 3, '[  p   q]|["p" "q"]|[p   q  ]|'),
        ("%2s|%q", ({"a": "x", "n": None},) * 2, 'map[ a: x  n:<nil>]|map["a":"x" "n":<nil>]'),
        ("%d|%s|%v|%5v|", (None, None, None, None), "%!d(<nil>)|%!s(<nil>)|<nil>|<nil>|"),
        ("%d", ([1.0, "a", None, True],), "[%!d(float64=1) %!d(string=a) <nil> %!d(bool=true)]"),
        ("%5d", ([True],), "[%!d(bool= true)]"),
        ("%.2v|%6.2v|%G|%+.1f|% .1f", ("abc", 3.14, 1e-7, 2.0, 2.0), "ab|   3.1|1E-07|+2.0| 2.0"),
        ("%d %d", (1,), "1 %!d(MISSING)"),
        ("%s", ("a", None, "b"), "a%!(EXTRA <nil>, string=b)"),
        ("%5s|%q", (Object({"a": 1}), Union(["string"])), '{"a":1}|"string"'),
    ],
)
def test_printf(template: str, values: tuple[Any, ...], text: str) -> None:
    assert sprintf(template, values) == text


def test_the_width_of_many_items_is_bounded_together() -> None:
    with pytest.raises(TemplateError, match="a text that is too long"):
        sprintf("%999999s", (["a"] * 1000,))
