"""Chat templates are strangers' code: what they may not do, and that they end."""

from __future__ import annotations

import pytest

from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.limits import Limits
from ollama_server.errors import TemplateError

SMALL = Limits(steps=50_000, text=200_000, items=20_000, output=500_000, seconds=5.0)

HOSTILE = {
    "endless range": "{% for i in range(10**9) %}{% endfor %}",
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "long string": "{{ 'a' * 10**9 }}",
    "long string from the left": "{{ 10**9 * 'a' }}",
    "long list": "{{ ([0] * 10**9) | length }}",
    "power tower": "{{ 9**(9**9) }}",
    "squaring": "{% set n = namespace(x=9) %}{% for i in range(99) %}"
    "{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "doubling text": "{% set n = namespace(x='abc') %}{% for i in range(99) %}"
    "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling text with plus": "{% set n = namespace(x='abc') %}{% for i in range(99) %}"
    "{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling text by joining": "{% set n = namespace(x='abc') %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] | join %}{% endfor %}",
    "doubling text by a method": "{% set n = namespace(x='abc') %}{% for i in range(99) %}"
    "{% set n.x = n.x.replace('a', 'aa') %}{% endfor %}",
    "doubling a list": "{% set l = [1] %}{% for i in range(99) %}"
    "{% set _ = l.extend(l) %}{% endfor %}",
    "doubling structure, printed": "{% set n = namespace(x=[1]) %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "doubling structure, as JSON": "{% set n = namespace(x=[1]) %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
    "doubling structure, compared": "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
    "doubling structure, hashed": "{% set n = namespace(x=(1,)) %}{% for i in range(99) %}"
    "{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}",
    "doubling structure, in a list": "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ [n.y].index(n.x) }}",
    "endless macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "branching macros": "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}"
    "{% endmacro %}"
    "{{ a(60) }}",
    "endless recursive loop": "{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "wide centre": "{{ 'a' | center(10**9) }}",
    "wide centre by method": "{{ 'a'.center(10**9) }}",
    "wide justification": "{{ 'a'.ljust(10**9) }}",
    "wide printf": "{{ '%1000000000d' % 1 }}",
    "computed printf width": "{{ '%*d' % (10**9, 1) }}",
    "wide printf filter": "{{ '%1000000000d' | format(1) }}",
    "wide format": "{{ '{:1000000000}'.format(1) }}",
    "computed format width": "{{ '{:{}}'.format(1, 10**9) }}",
    "batches": "{{ [1] | batch(10**9, 0) | list }}",
    "slices": "{{ [1] | slice(10**9) | list }}",
    "deep nesting": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "nested blocks": "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "many loops": "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
    "endless output": "{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}",
    "repeated join": "{{ ([('a' * 1000)] * 9999) | join }}",
    "indent": "{{ ('\n' * 9999) | indent(10**9) }}",
    "searching": "{% set r = range(9999) | list %}"
    "{% for i in range(9999) %}{% if 'x' in r %}{% endif %}{% endfor %}",
    "slicing": "{% set r = range(9999) | list %}"
    "{% for i in range(9999) %}{% set y = r[1:] %}{% endfor %}",
    "comparing": "{% set a = 'a' * 99999 %}{% set b = 'a' * 99999 %}"
    "{% for i in range(9999) %}{% if a == b %}{% endif %}{% endfor %}",
    "testing": "{% set a = 'a' * 99999 %}"
    "{% for i in range(9999) %}{% if a is lower %}{% endif %}{% endfor %}",
    "not closed": "{% for i in x %}",
    "unknown tag": "{% import 'os' as os %}",
    "unknown filter": "{{ 1 | nosuchfilter }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_costly_or_broken_templates_end_in_an_error(source: str) -> None:
    with pytest.raises(TemplateError):
        JinjaTemplate(source, SMALL).render({})


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ [].__len__ }}",
        "{{ raise_exception.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ 'a' | attr('__class__') }}",
    ],
)
def test_hidden_attributes_print_nothing(source: str) -> None:
    assert JinjaTemplate(source, SMALL).render({}) == ""


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ 'a'.encode() }}",
        "{{ (1).to_bytes(10**9, 'big') }}",
        "{{ cycler(1) }}",
        "{{ lipsum(5) }}",
        "{{ [1].__class__(range(5)) }}",
    ],
)
def test_only_known_methods_and_functions_can_be_called(source: str) -> None:
    with pytest.raises(TemplateError):
        JinjaTemplate(source, SMALL).render({})


def test_errors_of_the_source_name_the_line() -> None:
    with pytest.raises(TemplateError, match="line 3"):
        JinjaTemplate("a\nb\n{{ }")


def test_raise_exception_is_the_error() -> None:
    with pytest.raises(TemplateError, match=r"^no system role$"):
        JinjaTemplate("{{ raise_exception('no system role') }}").render({})


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("{% set l = [] %}{% set _ = l.append(1) %}{{ l }}", "[1]"),
        (
            "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}"
            "{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "02",
        ),
        ("{% generation %}a{% endgeneration %}b", "ab"),
        ("{% if true %}\n  {% if true %}\na\n  {% endif %}\n{% endif %}\n", "a\n"),
        ("a\n", "a"),
        ("{{ '<&>' }}", "<&>"),
        ("{{ {'b': 'é<', 'a': [1, None, true]} | tojson }}", '{"b": "é<", "a": [1, null, true]}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        ("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}", '{"a":2,"b":1}'),
        ("{{ 'é' | tojson(ensure_ascii=true) }}", '"\\u00e9"'),
        ("{{ [1, 2] | map('string') | tojson }}", '["1", "2"]'),
        ("{{ nothing | tojson }}", "null"),
        ("{{ nothing }}", ""),
        ("{{ nothing | length }}", "0"),
        ("{% for x in nothing %}a{% endfor %}", ""),
        ("{{ 'a' + nothing }}{{ nothing + 'b' }}", "ab"),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m('a') }}", "[a]"),
        ("{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}", "x"),
        ("{% filter upper %}a{% endfilter %}", "A"),
        ("{% set x %}a{% endset %}{{ x }}", "a"),
        ("{{ dict(a=1).items() | list }}", "[('a', 1)]"),
        ("{{ {'b': 1, 'a': 2} | dictsort }}", "[('a', 2), ('b', 1)]"),
        ("{{ 'a b'.split(' ', 1) | last | capitalize }}", "B"),
        ("{{ '%s-%d' % ('a', 3) }}{{ '{}:{x}'.format(1, x=2) }}", "a-31:2"),
        ("{{ [3, 1] | sort | first }}{{ [1, 2] | sum }}{{ 'x' * 3 }}", "13xxx"),
        (
            "{% for x in [[1, [2]]] recursive %}{{ x if x is number else loop(x) }}{% endfor %}",
            "12",
        ),
        ("{% for x in [1, 2] %}{{ loop.index }}{{ loop.last }}{% endfor %}", "1False2True"),
        (
            "{{ messages | selectattr('role', '==', 'user') | map(attribute='c') | join(',') }}",
            "x",
        ),
    ],
)
def test_what_chat_templates_rely_on_works(source: str, output: str) -> None:
    messages = [{"role": "user", "c": "x"}, {"role": "assistant", "c": "y"}]
    assert JinjaTemplate(source, SMALL).render({"messages": messages}) == output


def test_dates_come_from_the_clock() -> None:
    year = JinjaTemplate("{{ strftime_now('%Y') }}").render({})
    assert year.isdigit()
    assert len(year) == 4
