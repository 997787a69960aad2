"""Go's text/template: what each construct writes, and how mistakes are reported."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ollama_server.chat.template.go import parse
from ollama_server.chat.template.go.values import Struct
from ollama_server.chat.template.limits import Limits
from ollama_server.errors import TemplateError


def run(source: str, **data: Any) -> str:
    return parse(source).execute(data)


def failure(source: str, **data: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        run(source, **data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("a {{- 1 -}} b", "a1b"),
        ("a \n\t{{- 1 }} b", "a1 b"),
        ("a {{ 1 -}} \r\n b", "a 1b"),
        ("{{-3}}", "-3"),
        ("{{- 3 -}}", "3"),
        ("a{{/* a comment */}}b", "ab"),
        ("a {{- /* over\nlines */ -}} b", "ab"),
        ("{{ 1\n}}", "1"),
        ("a\r\n{{ 1 }}\r\n", "a\r\n1\r\n"),
    ],
)
def test_trims_and_comments(source: str, output: str) -> None:
    assert run(source) == output


@pytest.mark.parametrize(
    ("literal", "output"),
    [
        (r'"a\n\t\"\\"', 'a\n\t"\\'),
        (r'"\x41\u00e9\U0001F600\101"', "Aé😀A"),
        ("`raw \\n text`", "raw \\n text"),
        ("'a'", "97"),
        (r"'\n'", "10"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("0o17", "15"),
        ("017", "15"),
        ("1_000", "1000"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("-7", "-7"),
        ("true", "true"),
        ("false", "false"),
    ],
)
def test_literals(literal: str, output: str) -> None:
    assert run("{{ " + literal + " }}") == output


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("{{ if .T }}a{{ else }}b{{ end }}", "a"),
        ("{{ if .F }}a{{ else }}b{{ end }}", "b"),
        ("{{ if .F }}a{{ else if .T }}b{{ else }}c{{ end }}", "b"),
        ("{{ range .L }}[{{ . }}]{{ end }}", "[x][y]"),
        ("{{ range .None }}a{{ else }}empty{{ end }}", "empty"),
        ("{{ range $i, $v := .None }}a{{ else }}{{ $i }}{{ $v }}{{ end }}", "<no value>" * 2),
        ("{{ range .M }}{{ . }}{{ end }}", "12"),
        ("{{ range $k, $v := .M }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ("{{ range $v := .L }}{{ $v }}{{ end }}", "xy"),
        ("{{ range $i, $v := .L }}{{ $i }}{{ $v }}{{ end }}", "0x1y"),
        ("{{ range $i, $_ := .L }}{{ $i }}{{ end }}", "01"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range $i := 3 }}{{ $i }}{{ end }}", "012"),
        ("{{ range .L }}{{ if eq . `x` }}{{ continue }}{{ end }}{{ . }}{{ end }}", "y"),
        ("{{ range .L }}{{ if eq . `y` }}{{ break }}{{ end }}{{ . }}{{ end }}", "x"),
        ("{{ with .S }}{{ . }}{{ else }}none{{ end }}", "s"),
        ("{{ with .F }}a{{ else with .S }}{{ . }}{{ end }}", "s"),
        ("{{ with $x := .S }}{{ $x }}{{ end }}", "s"),
        ("{{ if $x := .S }}{{ $x }}{{ end }}", "s"),
        ('{{ define "n" }}<{{ . }}>{{ end }}{{ template "n" .S }}', "<s>"),
        ('{{ define "n" }}{{ $.S }}{{ end }}{{ template "n" . }}', "s"),
        ('{{ block "n" .S }}<{{ . }}>{{ end }}', "<s>"),
        ("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "2"),
        ("{{ $x := 0 }}{{ range .L }}{{ $x = . }}{{ end }}{{ $x }}", "y"),
        ("{{ $x := 1 }}{{ if .T }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ range .L }}{{ $.S }}{{ end }}", "ss"),
        ("{{ range $i, $v := .L }}{{ end }}{{ .S }}", "s"),
    ],
)
def test_actions(source: str, output: str) -> None:
    data = {"T": True, "F": False, "S": "s", "L": ["x", "y"], "M": {"b": 2, "a": 1}, "None": None}
    assert run(source, **data) == output


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("{{ .S | printf `%s-%s` `a` }}", "a-s"),
        ("{{ .S | len | printf `%d` }}", "1"),
        ("{{ (index .L 0).K }}", "v"),
        ("{{ .D.K }}", "v"),
        ("{{ $x := .D }}{{ $x.K }}", "v"),
        ("{{ .Missing }}", "<no value>"),
        ("{{ .Missing.Deeper }}", "<no value>"),
        ("{{ if .Missing }}a{{ else }}b{{ end }}", "b"),
        ("{{ not (eq .S `s`) }}", "false"),
    ],
)
def test_pipelines_and_access(source: str, output: str) -> None:
    assert run(source, S="s", D={"K": "v"}, L=[{"K": "v"}]) == output


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("{{ html .None }}", "&lt;no value&gt;"),
        ("{{ and 1 0 2 }}", "0"),
        ("{{ and 1 2 }}", "2"),
        ("{{ or 0 `` `x` 3 }}", "x"),
        ("{{ or 0 `` }}", ""),
        ("{{ and .None (index .None 1) }}", "<no value>"),
        ("{{ or 1 (index .None 1) }}", "1"),
        ("{{ not 0 }}", "true"),
        ("{{ len `é` }}", "2"),
        ("{{ len .L }}", "3"),
        ("{{ len .M }}", "1"),
        ("{{ index .L 1 }}", "b"),
        ("{{ index .M `k` 0 }}", "v"),
        ("{{ index .M `none` }}", "<no value>"),
        ("{{ index `abc` 1 }}", "98"),
        ("{{ slice .L 1 }}", "[b c]"),
        ("{{ slice .L 1 2 }}", "[b]"),
        ("{{ slice `abcd` 1 3 }}", "bc"),
        ("{{ slice .L }}", "[a b c]"),
        ("{{ eq 1 2 1 }}", "true"),
        ("{{ eq `a` `b` }}", "false"),
        ("{{ eq .None .None }}", "true"),
        ("{{ eq .None `a` }}", "false"),
        ("{{ ne 1 2 }}", "true"),
        ("{{ lt 1 2 }} {{ le 2 2 }} {{ gt `b` `a` }} {{ ge 1.5 2.5 }}", "true true true false"),
        ("{{ print 1 2 `a` 3 4 }}", "1 2a3 4"),
        ("{{ println `a` 1 }}", "a 1\n"),
        ("{{ html `<a href='x'>&` }}", "&lt;a href=&#39;x&#39;&gt;&amp;"),
        ("{{ js `a'b<` }}", "a\\'b\\u003C"),
        ("{{ urlquery `a b&c` }}", "a+b%26c"),
        ("{{ json .M }}", '{"k":["v"]}'),
    ],
)
def test_functions(source: str, output: str) -> None:
    assert run(source, L=["a", "b", "c"], M={"k": ["v"]}, **{"None": None}) == output


def test_dates_are_local_and_ignore_their_argument() -> None:
    today = datetime.date.today()
    shown = run("{{ currentDate }} {{ currentDate `2006` }} {{ yesterdayDate }}").split()
    assert shown[0] == shown[1]
    assert today - datetime.timedelta(days=1) <= datetime.date.fromisoformat(shown[0])
    assert datetime.date.fromisoformat(shown[0]) - datetime.date.fromisoformat(
        shown[2]
    ) == datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ .A", "template: :1: unclosed action"),
        ("a\n{{ /* x", 'template: :2: unexpected "/" in command'),
        ("{{/* x", "template: :1: unclosed comment"),
        ("{{/* x */ }}", "template: :1: comment ends before closing delimiter"),
        ("{{ end }}", "template: :1: unexpected {{end}}"),
        ("{{ else }}", "template: :1: unexpected {{else}}"),
        ("{{ if .A }}", "template: :1: unexpected EOF"),
        ("{{ if }}{{ end }}", "template: :1: missing value for if"),
        ("{{}}", "template: :1: missing value for command"),
        ("\n\n{{ nosuch 1 }}", 'template: :3: function "nosuch" not defined'),
        ("{{ $x }}", 'template: :1: undefined variable "$x"'),
        ('{{ "abc }}', "template: :1: unterminated quoted string"),
        ("{{ `abc }}", "template: :1: unterminated raw quoted string"),
        ("{{ 'a }}", "template: :1: unterminated character constant"),
        ("{{ 1x }}", 'template: :1: bad number syntax: "1x"'),
        ("{{ .A@ }}", "template: :1: bad character U+0040 '@'"),
        ("{{ \x01 }}", "template: :1: unrecognized character in action: U+0001"),
        ("{{ (1 }}", "template: :1: unclosed left paren"),
        ("{{ 1) }}", "template: :1: unexpected right paren"),
        ("{{ break }}", "template: :1: {{break}} outside {{range}}"),
        ("{{ .A | 1 }}", "template: :1: non executable command in pipeline stage 2"),
        ("{{ true.A }}", 'template: :1: unexpected . after term "true"'),
        ("{{ $a, $b := 1 }}", "template: :1: too many declarations in command"),
        ("{{ range $a, 1 := .L }}{{ end }}", "template: :1: range can only initialize variables"),
        ("{{ if .A }}{{ else }}{{ else }}{{ end }}", "template: :1: expected end; found {{else}}"),
        (
            "{{ if 1 }}{{ define `x` }}{{ end }}{{ end }}",
            "template: :1: unexpected <define> in command",
        ),
        (
            "{{ define `x` }}a{{ end }}{{ define `x` }}b{{ end }}",
            'template: :1: template: multiple definition of template "x"',
        ),
        ("{{ 1e400 }}", 'template: :1: illegal number syntax: "1e400"'),
        ("{{ -9223372036854775809 }}", 'template: :1: integer overflow: "-9223372036854775809"'),
        ("{{ x\n", 'template: :1: function "x" not defined'),
    ],
)
def test_mistakes_in_the_source_name_their_line(source: str, message: str) -> None:
    assert failure(source) == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "ab\n {{ .S.X }}",
            'template: :2:6: executing "" at <.S.X>: can\'t evaluate field X in type interface {}',
        ),
        ("{{ nil }}", 'template: :1:3: executing "" at <nil>: nil is not a command'),
        (
            "{{ 1 2 }}",
            'template: :1:3: executing "" at <1>: can\'t give argument to non-function 1',
        ),
        (
            "{{ eq 1 `a` }}",
            'template: :1:3: executing "" at <eq 1 `a`>: error calling eq: '
            "incompatible types for comparison: int and string",
        ),
        (
            "{{ eq 1 }}",
            'template: :1:3: executing "" at <eq 1>: error calling eq: '
            "missing argument for comparison",
        ),
        (
            "{{ index .L 9 }}",
            'template: :1:3: executing "" at <index .L 9>: error calling index: '
            "index out of range: 9",
        ),
        (
            "{{ slice .S 3 1 }}",
            'template: :1:3: executing "" at <slice .S 3 1>: error calling slice: '
            "index out of range: 3",
        ),
        (
            "{{ len 3 }}",
            'template: :1:3: executing "" at <len 3>: error calling len: len of type int',
        ),
        (
            "{{ range .F }}{{ end }}",
            'template: :1:9: executing "" at <.F>: range can\'t iterate over 1.5',
        ),
        (
            "{{ template `x` . }}",
            'template: :1:12: executing "" at <{{template "x" .}}>: template "x" not defined',
        ),
        (
            "{{ ne 1 }}",
            'template: :1:3: executing "" at <ne>: wrong number of args for ne: want 2 got 1',
        ),
        (
            "{{ range $i, $x := .F }}{{ end }}",
            'template: :1:19: executing "" at <.F>: range can\'t iterate over 1.5',
        ),
        (
            "{{ printf .L }}",
            'template: :1:10: executing "" at <.L>: '
            "wrong type for value; expected string; got []interface {}",
        ),
        (
            "{{ 1 | index .L 0 | print }}",
            'template: :1:7: executing "" at <index .L 0>: '
            "error calling index: can't index item of type int",
        ),
        (
            "{{ 9223372036854775808 }}",
            'template: :1:3: executing "" at <9223372036854775808>: '
            "9223372036854775808 overflows int",
        ),
        (
            "{{ .T.Nope }}",
            'template: :1:5: executing "" at <.T.Nope>: can\'t evaluate field Nope in type *x.T',
        ),
    ],
)
def test_failures_while_running_name_line_and_column(source: str, message: str) -> None:
    data = {"S": "s", "L": [1], "F": 1.5, "T": Struct("*x.T", {"A": 1})}
    assert failure(source, **data).replace("...", "") == message


def test_long_places_are_shortened_in_messages() -> None:
    message = failure("{{ .A.LongNameOfAFieldThatGoesOn }}", A="x")
    assert "at <.A.LongNameOfAFieldT...>" in message


def test_long_values_are_cut_in_messages() -> None:
    assert len(failure("{{ range .S }}{{ end }}", S="x" * 100_000)) < 5000


def test_a_template_that_calls_itself_ends_in_an_error() -> None:
    message = failure('{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}')
    assert "exceeded maximum template depth" in message


@pytest.mark.parametrize(
    "source",
    [
        "{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}",
        "{{ range 1000000 }}{{ range 1000 }}text{{ end }}{{ end }}",
        "{{ printf `%999999999d` 1 }}",
        "{{ $x := `abcdefgh` }}{{ range 99 }}{{ $x = print $x $x }}{{ end }}",
        "{{ $x := `abcdefgh` }}{{ range 99 }}{{ $x = println $x $x }}{{ end }}",
        "{{ $x := `abcdefgh` }}{{ range 99 }}{{ $x = printf `` $x $x }}{{ end }}",
        "{{ printf `" + "%d" * 99 + "%999999d" * 99 + "`" + " 1" * 198 + " }}",
        "{{ $x := `<` }}{{ range 99 }}{{ $x = js $x }}{{ end }}",
        "{{ $x := `'` }}{{ range 99 }}{{ $x = printf `%q%q` $x $x }}{{ end }}",
        "".join(f"{{{{ $x{number} := 1 }}}}" for number in range(2000)) + "{{ $x0 }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ if 1 }}" * 5000,
        "{{ $x := `" + "a" * 9999 + "` }}{{ range 9999 }}{{ $y := len $x }}{{ end }}",
        "{{ $x := `" + "a" * 9999 + "` }}{{ range 9999 }}{{ $y := slice $x 1 }}{{ end }}",
        "{{ if 1 }}" + "{{ else if 1 }}" * 5000 + "{{ end }}",
    ],
)
def test_hostile_templates_end_in_an_error(source: str) -> None:
    with pytest.raises(TemplateError):
        parse(source).execute({}, Limits(steps=50_000, text=1_000_000))


def test_output_is_bounded() -> None:
    template = parse("{{ range 1000 }}0123456789{{ end }}")
    with pytest.raises(TemplateError, match="writes too much"):
        template.execute({}, Limits(output=500))
