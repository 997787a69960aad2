"""Chat templates are strangers' code: what they may not do, and that they end."""

from __future__ import annotations

import pytest

from ollama_server.chat.template.jinja.environment import JinjaTemplate
from ollama_server.chat.template.limits import Limits
from ollama_server.errors import TemplateError

SMALL = Limits(steps=50_000, text=200_000, items=20_000, output=500_000, seconds=5.0)

LONG = "{% set a = 'a' * 99999 %}{% set b = 'a' * 99998 ~ 'b' %}"
DOUBLED = (
    "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}"
    "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}"
)
DEEP_TUPLE = (
    "{% set n = namespace(x=(1,)) %}{% for i in range(2000) %}{% set n.x = (n.x,) %}{% endfor %}"
)
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
    "sorting long texts": LONG + "{{ ([a, b] * 9999) | sort }}",
    "sorting long texts by a method": LONG + "{% set l = [a, b] * 9999 %}{{ l.sort() }}",
    "sorting what is read once": LONG + "{{ ([a, b] * 9999) | map('string') | sort }}",
    "sorting characters": "{{ ('ba' * 90000) | sort }}",
    "sorting ranges": "{% for i in range(9999) %}{% set _ = range(9999) | sort %}{% endfor %}",
    "smallest of long texts": LONG + "{{ ([a, b] * 9999) | min }}",
    "groups of long texts": LONG + "{{ ([{'k': a}] * 9999) | groupby('k') }}",
    "distinct long texts": LONG + "{{ ([a, b] * 9999) | unique | list }}",
    "counting long texts": LONG
    + "{% for i in range(99) %}{{ ([a] * 19999).count(b) }}{% endfor %}",
    "searching long texts": LONG + "{% for i in range(99) %}{{ b in ([a] * 19999) }}{% endfor %}",
    "testing for long texts": LONG
    + "{% for i in range(99) %}{{ b is in ([a] * 19999) }}{% endfor %}",
    "comparing lists of long texts": LONG + "{{ ([a] * 9999) == ([b] * 9999) }}",
    "changes of long lists": DOUBLED
    + "{% for i in range(9) %}{{ loop.changed(n.x if i % 2 else n.y) }}{% endfor %}",
    "searching ranges": "{% for i in range(9999) %}{% set _ = 'a' in range(19999) %}{% endfor %}",
    "searching values": "{% set d = dict() %}{% for i in range(999) %}"
    "{% set _ = d.update({i: i}) %}{% endfor %}"
    "{% for i in range(9999) %}{% set _ = 'a' in d.values() %}{% endfor %}",
    "sum of lists": "{{ ([[1]] * 9999) | sum(start=[]) }}",
    "long numbers": "{{ ('f' * 190000) | int(0, 16) }}",
    "dividing long numbers": "{{ " + "9" * 3000 + " // " + "9" * 2000 + " }}",
    "dividing evenly": "{{ " + "9" * 3000 + " is divisibleby " + "9" * 2000 + " }}",
    "rounding": "{{ 1.5 | round(10000, 'ceil') }}",
    "deep tuple as a key": DEEP_TUPLE + "{{ {n.x: 1} }}",
    "deep tuple as an index": DEEP_TUPLE + "{{ {}[n.x] }}",
    "deep tuple to get": DEEP_TUPLE + "{{ {}.get(n.x) }}",
    "deep tuple in a dict": DEEP_TUPLE + "{{ dict([[n.x, 1]]) }}",
    "deep tuple to update with": DEEP_TUPLE + "{{ {}.update([[n.x, 1]]) }}",
    "deep tuple to search for": DEEP_TUPLE + "{{ n.x in {} }}",
    "deep tuple as an attribute": DEEP_TUPLE + "{{ [{}] | map(attribute=n.x) | list }}",
    "deep JSON with margins": "{% set n = namespace(x=[1] * 5000) %}{% for i in range(300) %}"
    "{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson(indent=16) }}",
    "doubling structure, its values": DOUBLED + "{{ {1: n.x}.values() }}",
    "doubling structure, its items as JSON": DOUBLED + "{{ [{1: n.x}.items()] | tojson }}",
    "doubling structure, its namespace": DOUBLED + "{{ [n] | string }}",
    "doubling structure, its namespace trimmed": DOUBLED + "{{ n | trim }}",
    "doubling structure, tested": DOUBLED + "{{ n.x is lower }}",
    "doubling structure, items compared": DOUBLED + "{{ {1: n.x}.items() == {1: n.y}.items() }}",
    "doubling structure, searched in a chain": DOUBLED + "{{ n.x in [n.y] in [1] }}",
    "doubling structure, searched in values": DOUBLED + "{{ n.x in {1: n.y}.values() }}",
    "words of a text": "{{ ('a ' * 90000).split() }}",
    "lines of a text": "{{ ('a\n' * 90000).splitlines() }}",
    "words in title case": "{{ ('a ' * 90000) | title }}",
    "searching from the right": "{{ ('a' * 90000).rfind('ab' ~ 'a' * 40000) }}",
    "splitting from the right": "{{ ('a' * 90000).rsplit('ab' ~ 'a' * 40000) }}",
    "stripping many characters": "{{ ('a' * 90000).strip('b' * 90000 ~ 'a') }}",
    "trimming many characters": "{{ ('a' * 90000) | trim('b' * 90000 ~ 'a') }}",
    "joining characters": "{{ ('a' * 9000).join('b' * 9000) }}",
    "joining what is read once": "{{ ''.join((['a' * 9000] * 9000) | map('string')) }}",
    "escapes": "{{ ('&' * 90000) | e }}",
    "many long numbers, printed": "{{ [9 ** 1200] * 9999 }}",
    "copies of a dict": "{% set d = dict() %}{% for i in range(999) %}"
    "{% set _ = d.update({i: i}) %}{% endfor %}"
    "{% for i in range(999) %}{% set _ = dict(d) %}{% endfor %}",
    "many arguments": "{% macro m() %}{{ varargs[0] }}{% endmacro %}"
    "{% set l = range(9999) | list %}"
    "{% for i in range(999) %}{{ m(*l) }}{% endfor %}",
    "choosing nothing": "{% for i in range(999) %}{{ range(19999) | select('none') | list }}"
    "{% endfor %}",
    "fixed text of called macros": "{% macro m() %}" + "x" * 9000 + "{{ caller() }}{% endmacro %}"
    "{% for i in range(9999) %}{% call m() %}{% endcall %}{% endfor %}",
    "fixed text of recursive loops": "{% for x in [1] recursive %}"
    + "x" * 9000
    + "{% if loop.depth == 1 %}{{ loop(range(19999)) }}{% endif %}{% endfor %}",
    "fixed text of blocks": "{% block a %}" + "x" * 9000 + "{% endblock %}"
    "{% for i in range(9999) %}{% set _ = self.a() %}{% endfor %}",
}


BROKEN = {
    "nested blocks": "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "many loops": "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
    "sorting by a method of a text": LONG + "{% set l = ['a'] %}{{ l.sort(key=a.find) }}",
    "not closed": "{% for i in x %}",
    "unknown tag": "{% import 'os' as os %}",
    "unknown filter": "{{ 1 | nosuchfilter }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_costly_templates_end_in_an_error_that_says_so(source: str) -> None:
    verbs = "does|makes|nests|rounds|sums|takes|uses|writes"
    with pytest.raises(TemplateError, match=f"^(template: )?template ({verbs}) "):
        JinjaTemplate(source, SMALL).render({})


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN.keys())
def test_broken_templates_end_in_an_error(source: str) -> None:
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


def test_errors_are_no_longer_than_somebody_would_read() -> None:
    with pytest.raises(TemplateError) as caught:
        JinjaTemplate("{{ raise_exception('a' * 100000) }}").render({})
    assert len(str(caught.value)) < 5000


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
        ("{{ [{'a': 1}, {'a': 2}] | sum('a') }}{{ [] | sum }}", "30"),
        ("{{ 7 // 2 }}{{ 7 - 2 }}{{ 7 / 2 }}{{ 7 % 4 }}{{ 'b' ~ 2 ** 3 }}", "353.53b8"),
        (
            "{{ 'a' in 'bac' }}{{ 1 not in [2] }}{{ 'k' in {'k': 1} }}{{ 1 in nothing }}",
            "TrueTrueTrueFalse",
        ),
        ("{{ 1 < 2 < 3 }}{{ (1 in [1]) == true }}{{ 2 is in [2, 3] }}", "TrueTrueTrue"),
        ("{% set l = [1] %}{% set _ = l.extend(l | map('string')) %}{{ l }}", "[1, '1']"),
        ("{{ ','.join('abc') }}{{ '-'.join(['a', 'b'] | map('upper')) }}", "a,b,cA-B"),
        ("{{ ' xay '.strip() }}{{ 'xay' | trim('xy') }}{{ ' a ' | trim }}", "xayaa"),
        (
            "{{ 'a b  c'.split() }}{{ 'a,b'.split(',') }}{{ 'a b c'.rsplit(maxsplit=1) }}",
            "['a', 'b', 'c']['a', 'b']['a b', 'c']",
        ),
        ("{{ '12' | int + 1 }}{{ 'x' | int(7) }}{{ 2.5 | int }}{{ 'ff' | int(0, 16) }}", "1372255"),
        ("{{ 2.55 | round(1) }}{{ 2.1 | round(0, 'ceil') | int }}", "2.53"),
        ("{{ 'hello world' | title }}{{ 'a b' | wordcount }}", "Hello World2"),
        ("{{ namespace(a=1).a }}{{ {'a': 1}.values() | list }}{{ [2, 1] | max }}", "1[1]2"),
        ("{{ [3, 1, 3] | unique | list }}{{ [{'k': 1}] | groupby('k') | length }}", "[3, 1]1"),
        ("{{ 'b' | e }}{{ '<' | e }}{{ 'a b' | urlencode }}", "b&lt;a%20b"),
        (
            "{{ [1, 2, 3] | batch(2) | list }}{{ [1, 2] | slice(2) | list }}",
            "[[1, 2], [3]][[1], [2]]",
        ),
        ("{% set d = dict(a=1) %}{% set _ = d.update(key=2) %}{{ d }}", "{'a': 1, 'key': 2}"),
        ("{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "TrueFalseTrue"),
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
