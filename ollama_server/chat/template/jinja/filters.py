"""The filters and tests that chat templates may use, each paid for before it runs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from jinja2.filters import FILTERS, do_indent
from jinja2.runtime import Undefined
from jinja2.tests import TESTS

from ollama_server.chat.template.jinja import guards
from ollama_server.chat.template.jinja.sizes import (
    ATOMS,
    bounded_list,
    paying,
    settled,
    text_of,
    weigh,
)
from ollama_server.chat.template.limits import CHARS_PER_STEP, current_budget
from ollama_server.errors import TemplateError

COUNT = "counted by the sandbox"
"""The name of the filter that loops go through."""

Function = Callable[..., Any]

# Pass on or pick what they get, without looking inside it.
_SHALLOW = ("abs", "attr", "count", "d", "default", "first", "float", "items", "last", "length")
# Call something for each of their values, when they are asked for it.
_LAZY = ("map", "reject", "rejectattr", "select", "selectattr")
_SORTING = ("dictsort", "groupby", "sort")
# How much longer than their input escapes can become.
_GROWING = {"e": 5, "escape": 5, "forceescape": 5, "urlencode": 9}
# An argument that says how long the result becomes: filter, its name, its position.
_SIZED = (
    ("batch", "linecount", 0),
    ("center", "width", 0),
    ("slice", "slices", 0),
    ("truncate", "length", 0),
)
_DROPPED = ("pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr")
_PRINTING_TESTS = ("lower", "upper")
_MOST_DIGITS = 400  # behind the point of a rounded number


def guarded_filters() -> dict[str, Any]:
    """All filters by name."""
    filters: dict[str, Any] = {
        name: _deep(function) for name, function in FILTERS.items() if name not in _DROPPED
    }
    filters.update((name, _shallow(FILTERS[name])) for name in (*_SHALLOW, "reverse"))
    filters.update((name, _lazy(FILTERS[name])) for name in _LAZY)
    filters.update((name, _deep(FILTERS[name], guards.ordering)) for name in _SORTING)
    filters["slice"] = _deep(FILTERS["slice"], bounded_list)
    filters.update((name, _growing(FILTERS[name], factor)) for name, factor in _GROWING.items())
    for name, size, position in _SIZED:
        filters[name] = _sized(filters[name], size, position)
    filters.update(
        {
            COUNT: guards.counted,
            "format": _format,
            "indent": _indent,
            "int": _int,
            "join": _join,
            "list": bounded_list,
            "replace": _replace,
            "round": _round,
            "string": text_of,
            "sum": _sum,
            "title": _of_words(FILTERS["title"]),
            "tojson": to_json,
            "trim": _trim,
            "upper": _upper,
            "wordcount": _of_words(FILTERS["wordcount"]),
        }
    )
    return filters


def guarded_tests() -> dict[str, Any]:
    """All tests by name."""
    return {name: _guarded_test(name, test) for name, test in TESTS.items()}


# --- what filters have in common ------------------------------------------------------------------


def _place(function: Function) -> int:
    """Where a filter's input stands among its arguments."""
    return 1 if hasattr(function, "jinja_pass_arg") else 0


def _deep(function: Function, pay: Callable[[Any], object] = weigh) -> Function:
    """A filter that prints or compares what lies inside its input."""
    place = _place(function)

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if len(args) > place:
            value = settled(args[place])
            if isinstance(value, range) or (isinstance(value, str) and pay is not weigh):
                value = bounded_list(value)  # of numbers, or of characters
            if isinstance(value, str):
                current_budget().text(len(value))
            else:
                pay(value)
            args = (*args[:place], value, *args[place + 1 :])
        return function(*args, **kwargs)

    return guarded


def _shallow(function: Function) -> Function:
    place = _place(function)

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        value = args[place] if len(args) > place else None
        if isinstance(value, str | list | tuple | dict):
            current_budget().step(1 + len(value) // CHARS_PER_STEP)
        return function(*args, **kwargs)

    return guarded


def _lazy(function: Function) -> Function:
    place = _place(function)

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if len(args) > place and args[place] and hasattr(args[place], "__iter__"):
            args = (*args[:place], paying(args[place]), *args[place + 1 :])
        return function(*args, **kwargs)

    return guarded


def _growing(function: Function, factor: int) -> Function:
    @functools.wraps(function)
    def guarded(value: Any) -> Any:
        length = len(value) if isinstance(value, str) else weigh(value)
        current_budget().text(length * factor)
        return function(value)

    return guarded


def _sized(function: Function, size: str, position: int) -> Function:
    """A filter whose argument ``size`` (at ``position`` behind the input) is bounded."""
    index = _place(function) + 1 + position

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        given = args[index] if index < len(args) else kwargs.get(size)
        if isinstance(given, int):
            current_budget().items(abs(given))
        return function(*args, **kwargs)

    return guarded


def _of_words(function: Function) -> Function:
    """A filter that takes a text apart."""

    @functools.wraps(function)
    def guarded(value: Any) -> Any:
        text = text_of(value)
        current_budget().items(len(text) // 2)
        return function(text)

    return guarded


def _guarded_test(name: str, test: Any) -> Any:
    if name == "sameas" or hasattr(test, "jinja_pass_arg"):
        return test
    if name == "in":
        return guards.contains

    def guarded(value: Any, *others: Any) -> Any:
        if others:
            for compared in (value, *others):
                guards.comparable(compared)
                if isinstance(compared, int):
                    guards.check_bits(compared.bit_length())
        elif isinstance(value, str) or name in _PRINTING_TESTS:
            guards.comparable(value)
        return test(value, *others)

    return guarded


# --- filters of our own ---------------------------------------------------------------------------


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers writes it: blanks after ``:`` and ``,``, order kept, nothing escaped."""
    if isinstance(value, Undefined):
        return "null"
    if not isinstance(value, (*ATOMS, list, tuple, dict)):
        value = _json_default(value)
    budget = current_budget()
    if indent is not None:
        indent = None if isinstance(indent, Undefined) else max(0, min(int(indent), 16))
    budget.text(weigh(value, indent=indent or 0))
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        default=_json_default,
    )
    budget.text(len(text))
    return text


def _json_default(value: Any) -> Any:
    if isinstance(value, Undefined):
        return None
    if not hasattr(value, "__iter__"):
        raise TemplateError(f"{type(value).__name__} has no JSON form")
    values = bounded_list(value)
    weigh(values)
    return values


def _join(values: Any, separator: Any = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        values = [
            item[attribute] if isinstance(item, dict) else getattr(item, str(attribute), "")
            for item in bounded_list(values)
        ]
    texts = [text_of(item) for item in bounded_list(values)]
    between = text_of(separator)
    guards.joined_size(current_budget(), between, texts)
    return between.join(texts)


def _replace(value: Any, old: str, new: str, count: int | None = None) -> str:
    text = text_of(value)
    guards.text_method(text, "replace", (old, new))
    return text.replace(old, new, -1 if count is None else count)


def _format(value: Any, *args: Any, **kwargs: Any) -> str:
    template = text_of(value)
    values = kwargs or args
    guards.percent_format(template, values)
    return template % values


def _indent(value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    text = text_of(value)
    margin = width if isinstance(width, str) else " " * max(0, min(int(width), 1024))
    current_budget().text(len(text) + (text.count("\n") + 1) * len(margin))
    return do_indent(text, margin, first, blank)


def _trim(value: Any, chars: str | None = None) -> str:
    text = text_of(value)
    guards.text_method(text, "strip", (chars,))
    return text.strip(chars)


def _upper(value: Any) -> str:
    text = text_of(value)
    current_budget().text(len(text))
    return text.upper()


def _int(value: Any, default: Any = 0, base: int = 10) -> Any:
    if isinstance(value, str):
        current_budget().text(len(value))
    number = FILTERS["int"](value, default, base)
    if isinstance(number, int):
        guards.check_bits(number.bit_length())
    return number


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if isinstance(precision, int) and abs(precision) > _MOST_DIGITS:
        raise TemplateError("template rounds to more digits than a number has")
    return FILTERS["round"](value, precision, method)


@functools.wraps(FILTERS["sum"])
def _sum(environment: Any, values: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    """Of numbers only: a sum of lists copies each of them again and again."""
    if not isinstance(start, int | float):
        raise TemplateError("template sums up what is no number")
    return FILTERS["sum"](environment, bounded_list(values), attribute, start)
