"""Random templates end: in text within the bounds, or in a TemplateError."""

from __future__ import annotations

import random

import pytest

from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.limits import Limits
from ollama_server.chat.types import Message, ToolCall
from ollama_server.errors import TemplateError

LIMITS = Limits(steps=20_000, text=100_000, items=10_000, output=200_000, seconds=5.0)
BATCHES = 20
PER_BATCH = 150

GO_PIECES = (
    "{{ ", " }}", "{{- ", " -}}", "{{", "}}", "end", "else", "if ", "range ", "with ", "define ",
    "template ", "block ", "break", "continue", ".Messages", ".Role", ".Content", ".Response",
    "$", "$x", "$i, $x := ", "$x := ", "$x = ", ".", "|", "(", ")", '"a"', "`b`", "'c'", "1", "-2",
    "3.5", "nil", "true", "eq ", "and ", "or ", "not ", "len ", "index ", "slice ", "printf ",
    "print ", "json ", '"%v%5d%q"', "{{ end }}", "{{ else }}", "{{ if .Messages }}",
    "{{ range .Messages }}", "{{ range 9 }}", "{{ .Content }}", "text\n", " ", "\n", "/* c */", ",",
    '{{ define "a" }}', '{{ template "a" . }}', "toTypeScriptType ", "\u00e9", "\x00", "\\",
)  # fmt: skip
JINJA_PIECES = (
    "{{ ", " }}", "{% ", " %}", "{%- ", "-%}", "{# ", " #}", "for x in ", "endfor", "if ", "else",
    "elif ", "endif", "set x = ", "set ns.x = ", "macro m(a) ", "endmacro", "m(1)", "call m(1)",
    "endcall", "filter upper", "endfilter", "break", "continue", "recursive", "loop(x)",
    "loop.index", "messages", "messages[0]", ".role", ".content", "['content']", "x", "ns",
    "namespace(x=1)", "range(9)", "range(10**9)", "'a'", "'%d%99d'", "1", "10**9", " * ", " + ",
    " ~ ", " % ", " ** ", "//", " - ", " == ", " in ", " is string", " is defined", " not ",
    " and ",
    "|length", "|join", "|tojson", "|list", "|first", "|sort", "|map('upper')", "|center(99)",
    "|indent(4)", "|batch(3)", ".append(x)", ".split('a')", ".replace('a', 'aa')", ".items()",
    ".__class__", "[", "]", "{", "}", "(", ")", ",", ":", "[::-1]", "dict(a=1)", "none", "true",
    "raise_exception('e')", "strftime_now('%Y')", "\n", "text", "{% endfor %}", "{% endif %}",
    "{% for x in messages %}", "{% if x %}", "{{ x }}",
)  # fmt: skip

MESSAGES = [
    Message("system", "s"),
    Message("user", "u"),
    Message("assistant", "", tool_calls=[ToolCall("f", {"a": [1, {"b": None}]})]),
]
AS_DICTS = [{"role": m.role, "content": m.content, "tool_calls": []} for m in MESSAGES]


def sample(dice: random.Random, pieces: tuple[str, ...]) -> str:
    return "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 25)))


@pytest.mark.parametrize("seed", range(BATCHES))
def test_random_go_templates_end(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(PER_BATCH):
        source = sample(dice, GO_PIECES)
        try:
            text = GoPrompt(source).render(MESSAGES)
        except TemplateError:
            continue
        assert isinstance(text, str), source


@pytest.mark.parametrize("seed", range(BATCHES))
def test_random_jinja_templates_end(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(PER_BATCH):
        source = sample(dice, JINJA_PIECES)
        try:
            text = JinjaTemplate(source, LIMITS).render({"messages": AS_DICTS})
        except TemplateError:
            continue
        assert len(text) <= LIMITS.output, source


@pytest.mark.parametrize("seed", range(BATCHES))
def test_random_loops_end_within_their_bounds(seed: int) -> None:
    """Sources that parse: nested loops around expressions that grow what they hold."""
    dice = random.Random(seed)
    growing = (
        "{% set n.x = n.x ~ n.x %}",
        "{% set n.x = n.x + n.x %}",
        "{% set n.x = [n.x, n.x] | string %}",
        "{% set n.x = (n.x, n.x) | tojson %}",
        "{% set n.x = n.x * 3 %}",
        "{% set n.x = n.x.replace('a', 'ab') %}",
        "{% set n.x = '%99s' % n.x %}",
        "{{ n.x }}",
        "{% set _ = n.l.append(n.l | string) %}",
        "{% set n.l = n.l + n.l %}",
        "{% set n.x = (n.x, n.x) %}",
        "{% set n.x = {i: n.x, n.x: i} %}",
        "{% set n.x = n.x ~ n %}",
        "{% set n.x = [n.x] | sort | first %}",
        "{% set n.x = n.l | map('string') | unique | join(n.x) %}",
        "{% set n.x = n.x.split('a') %}",
        "{% set n.x = n.x | string | title | trim('ab') %}",
        "{% set n.x = [n.l.count(n.x), n.x in n.l, n.x == n.l] %}",
        "{% set n.x = n.x | tojson(indent=9) %}",
        "{% set n.x = dict([[n.x, n.l]]).items() | list %}",
        "{% set n.x = (n.x | int) * 7 ** 9 // 3 %}",
        "{% set n.l = n.l | batch(2) | list %}",
        "{% set _ = n.l.extend(n.l | select) %}",
        "{{ loop.changed(n.x, n.l) }}",
    )
    for _ in range(5):
        body = "".join(dice.choice(growing) for _ in range(4))
        loops = dice.randrange(1, 4)
        source = "{% set n = namespace(x='a', l=[1]) %}" + "{% for i in range(50) %}" * loops
        source += body + "{{ n.x }}" + "{% endfor %}" * loops
        try:
            text = JinjaTemplate(source, LIMITS).render({})
        except TemplateError:
            continue
        assert len(text) <= LIMITS.output, source
