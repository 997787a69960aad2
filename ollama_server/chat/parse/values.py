"""Argument values as models write them: JSON, Python literals, and raw text typed by a schema."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from ollama_server.chat.parse.declared import Declared

_PARSE_ERRORS = (ValueError, SyntaxError, MemoryError, RecursionError)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKET = re.compile(r"[\[\]{}]")
_DEEPEST = 128  # what every encoder on the way to a client can take
_INTEGER = re.compile(r"[+-]?\d+\Z")
_NAMES: Mapping[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "none": None,
    "nil": None,
    "undefined": None,
}


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {text}")
    return value


def _no_constant(text: str) -> Any:
    raise ValueError(f"not a JSON number: {text}")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


def _depth(text: str) -> int:
    """At least how deeply the brackets of a text are nested; those in strings count, too."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def load_json(text: str) -> Any:
    """A JSON value that can be written out again; control characters in strings are tolerated.

    Raises ValueError for anything else, numbers beyond float64 and excessive nesting included.
    """
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        raise ValueError("nested too deeply")
    try:
        value = json.loads(text, strict=False, parse_float=_finite, parse_constant=_no_constant)
        # Half of an escaped surrogate pair decodes to something that UTF-8 cannot carry.
        return _without_surrogates(value) if _SURROGATE.search(text) else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_python(text: str) -> Any:
    """A Python literal in which JSON's and other languages' names of constants work, too."""
    try:
        return literal_value(expression(text.strip()))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def expression(text: str) -> ast.expr:
    """The syntax tree of a Python expression; ValueError when it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes that escape nothing
            return ast.parse(text, mode="eval").body
    except _PARSE_ERRORS as error:
        raise ValueError(str(error)) from None


def literal_value(node: ast.expr) -> Any:
    """The value of a literal's syntax tree; ValueError for anything that is no JSON value."""
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.Name) and node.id.lower() in _NAMES:
        return _NAMES[node.id.lower()]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = literal_value(node.operand)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.List | ast.Tuple):
        return [literal_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_key(key): literal_value(value) for key, value in pairs}
    raise ValueError(f"not a literal: {type(node).__name__}")


def _constant(value: Any) -> Any:
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("number out of range")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"not a JSON value: {value!r}")


def _key(node: ast.expr | None) -> str:
    if node is None:
        raise ValueError("unpacking is no literal")
    if isinstance(node, ast.Name):
        return node.id
    value = literal_value(node)
    return value if isinstance(value, str) else json.dumps(value)


def load_any(text: str) -> Any:
    """A JSON value or else a Python literal; ValueError when it is neither."""
    try:
        return load_json(text)
    except ValueError:
        return load_python(text)


def load_object(text: str) -> dict[str, Any] | None:
    """The object that ``text`` spells, None when it spells none."""
    try:
        value = load_any(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def coerce(raw: str, declared: Declared) -> Any:
    """The value of a raw argument text, typed by what is declared as well as the text allows.

    "null" is null whatever is declared; without a type the text stays a string; text that
    fits none of the types stays a string, but for a boolean, where it is false.
    """
    text = raw.strip()
    if text.lower() == "null":
        return None
    types = declared.types
    if "boolean" in types:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if types == {"boolean"}:
            return False
    if types & {"integer", "number"}:
        number = _number(text, integer_only="number" not in types)
        if number is not None:
            return number
    if types & {"array", "object"}:
        wanted = tuple({"array": list, "object": dict}[t] for t in types & {"array", "object"})
        try:
            value = load_any(text)
        except ValueError:
            return raw
        if isinstance(value, wanted):
            return value
    return raw


def _number(text: str, *, integer_only: bool) -> int | float | None:
    try:
        if _INTEGER.match(text):
            return int(text)
        if integer_only:
            return None
        value = _finite(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def trim_newlines(raw: str) -> str:
    """``raw`` without one line break at either end, as tag formats print values."""
    return raw.removeprefix("\n").removesuffix("\n")


def close_json(text: str) -> str | None:
    """``text``, the beginning of a JSON value, with its open strings and brackets closed."""
    closers: list[str] = []
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            closers.append("}" if char == "{" else "]")
        elif char in "}]" and (not closers or closers.pop() != char):
            return None
    if escaped:
        text = text[:-1]
    if in_string:
        text += '"'
    return text.rstrip().removesuffix(",") + "".join(reversed(closers))
