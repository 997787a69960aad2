"""The functions a template may call: Go's own, and those of Ollama."""

from __future__ import annotations

import datetime
import html
import itertools
import urllib.parse
from collections.abc import Callable
from typing import Any

from ollama_server.chat.template.go import printing, verbs
from ollama_server.chat.template.go.values import Struct, Union, kind, truth, type_name
from ollama_server.chat.template.limits import current_budget


class FunctionError(Exception):
    """A function refuses its arguments; the evaluator adds where."""


def _bytes(text: str) -> bytes:
    current_budget().text(len(text))
    return text.encode("utf-8", "surrogatepass")


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(_bytes(value))
    if isinstance(value, list | tuple | dict):
        return len(value)
    raise FunctionError(
        "len of nil pointer" if value is None else f"len of type {type_name(value)}"
    )


def _position(value: Any, size: int) -> int:
    if value is None:
        raise FunctionError("cannot index slice/array with nil")
    if kind(value) != "int":
        raise FunctionError(f"cannot index slice/array with type {type_name(value)}")
    if not 0 <= value <= size:
        raise FunctionError(f"index out of range: {value}")
    return int(value)


def _index(value: Any, *keys: Any) -> Any:
    if value is None:
        raise FunctionError("index of untyped nil")
    for key in keys:
        if isinstance(value, str):
            data = _bytes(value)
            position = _position(key, len(data))
            if position == len(data):
                raise FunctionError(f"index out of range: {key}")
            value = data[position]
        elif isinstance(value, list | tuple):
            position = _position(key, len(value))
            if position == len(value):
                raise FunctionError(f"index out of range: {key}")
            value = value[position]
        elif isinstance(value, dict):
            if not isinstance(key, str):
                raise FunctionError(f"value has type {type_name(key)}; should be string")
            value = value.get(key)
        elif value is None:
            raise FunctionError("index of nil pointer")
        else:
            raise FunctionError(f"can't index item of type {type_name(value)}")
    return value


def _slice(value: Any, *bounds: Any) -> Any:
    if value is None:
        raise FunctionError("slice of untyped nil")
    if len(bounds) > 3:
        raise FunctionError(f"too many slice indexes: {len(bounds)}")
    if isinstance(value, str):
        if len(bounds) == 3:
            raise FunctionError("cannot 3-index slice a string")
        sequence: Any = _bytes(value)
    elif isinstance(value, list | tuple):
        sequence = value
    else:
        raise FunctionError(f"can't slice item of type {type_name(value)}")
    positions = [_position(bound, len(sequence)) for bound in bounds]
    if positions != sorted(positions):
        first, second = next((a, b) for a, b in itertools.pairwise(positions) if a > b)
        raise FunctionError(f"invalid slice index: {first} > {second}")
    start, end = (positions + [0] * (not positions) + [len(sequence)])[:2]
    part = sequence[start:end]
    return part.decode("utf-8", "replace") if isinstance(value, str) else type(value)(part)


def _incompatible(first: Any, second: Any) -> FunctionError:
    types = f"{type_name(first)} and {type_name(second)}"
    return FunctionError(f"incompatible types for comparison: {types}")


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise FunctionError("missing argument for comparison")
    for other in others:
        if first is None or other is None:
            if first is None and other is None:
                return True
            continue
        if kind(first) != kind(other):
            raise _incompatible(first, other)
        if not kind(first):
            raise FunctionError(f"non-comparable type {printing.plain(first)}: {type_name(first)}")
        if isinstance(first, str):
            current_budget().step(1 + len(first) // 1024)
        if bool(first == other):
            return True
    return False


def _less(first: Any, second: Any) -> bool:
    if kind(first) in ("", "bool"):
        raise FunctionError("invalid type for comparison")
    if kind(first) != kind(second):
        raise _incompatible(first, second)
    if isinstance(first, str):
        return _bytes(first) < _bytes(second)  # Go orders strings by bytes
    return bool(first < second)


def _call(*args: Any) -> Any:
    target = type_name(args[0]) if args and args[0] is not None else "nil"
    raise FunctionError(f"call of {target}")


def _js(*values: Any) -> str:
    table = {"\\": "\\\\", "'": "\\'", '"': '\\"'}
    for char in "<>&=":
        table[char] = f"\\u{ord(char):04X}"
    text = printing.printable(values)
    current_budget().step(1 + len(text) // 8)
    return "".join(table.get(c) or (c if c.isprintable() else f"\\u{ord(c):04X}") for c in text)


def _html(*values: Any) -> str:
    text = html.escape(printing.printable(values), quote=False)
    return text.replace('"', "&#34;").replace("'", "&#39;").replace("\0", "\ufffd")


def _query(*values: Any) -> str:
    return urllib.parse.quote_plus(printing.printable(values))


def _date(*_: Any) -> str:
    return datetime.date.today().isoformat()


def _yesterday(*_: Any) -> str:
    return (datetime.date.today() - datetime.timedelta(days=1)).isoformat()


_TYPESCRIPT = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "any[]",
    "object": "Record<string, any>",
    "null": "null",
}


def typescript(value: Any) -> str:
    """A tool's property as a TypeScript type."""
    current_budget().step()
    if not isinstance(value, Struct) or "AnyOf" not in value.fields:
        return "any"
    if value.fields["AnyOf"]:
        return " | ".join(typescript(option) for option in value.fields["AnyOf"])
    types = value.fields["Type"]
    if not isinstance(types, Union) or not types:
        return "any"
    return " | ".join(_TYPESCRIPT.get(name, "any") for name in types)


# name: function, fewest arguments, most arguments (None: any number)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "not": (lambda value: not truth(value), 1, 1),
    "len": (_length, 1, 1),
    "index": (_index, 1, None),
    "slice": (_slice, 1, None),
    "eq": (_equal, 1, None),
    "ne": (lambda a, b: not _equal(a, b), 2, 2),
    "lt": (_less, 2, 2),
    "le": (lambda a, b: not _less(b, a), 2, 2),
    "gt": (lambda a, b: _less(b, a), 2, 2),
    "ge": (lambda a, b: not _less(a, b), 2, 2),
    "print": (lambda *values: printing.sprint(values), 0, None),
    "println": (lambda *values: printing.sprintln(values), 0, None),
    "printf": (lambda template, *values: verbs.sprintf(template, values), 1, None),
    "html": (_html, 0, None),
    "js": (_js, 0, None),
    "urlquery": (_query, 0, None),
    "call": (_call, 1, None),
    "json": (printing.to_json, 1, 1),
    "currentDate": (_date, 0, None),
    "yesterdayDate": (_yesterday, 0, None),
    "toTypeScriptType": (typescript, 1, 1),
}
NAMES = frozenset(FUNCTIONS) | {"and", "or"}
