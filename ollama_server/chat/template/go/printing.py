"""How Go prints: the default format of every value, and JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from ollama_server.chat.template.go.values import (
    Array,
    Object,
    Ordered,
    Struct,
    Union,
    kind,
    type_name,
)
from ollama_server.chat.template.limits import current_budget
from ollama_server.errors import TemplateError

MAX_DEPTH = 60
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
NO_VALUE = "<no value>"


def show(value: Any) -> str:
    """What ``{{ value }}`` writes."""
    if value is None:
        return NO_VALUE
    return plain(value)


def plain(value: Any, depth: int = 0) -> str:
    """Go's ``%v``: ``[a b]`` for slices, ``map[k:v]`` for maps, ``{…}`` for structs."""
    current_budget().step()
    if depth > MAX_DEPTH:
        raise TemplateError("template prints a value that nests too deeply")
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return general(value)
    if isinstance(value, Object | Ordered | Array) or (
        isinstance(value, Struct) and value.json is not None
    ):
        return to_json(value)
    if isinstance(value, Union) and len(value) < 2:
        return "".join(value)
    if isinstance(value, list | tuple | dict | Struct):
        return compound(value, lambda part: plain(part, depth + 1))
    return str(value)


def compound(
    value: list[Any] | tuple[Any, ...] | dict[Any, Any] | Struct,
    shown: Callable[[Any], str],
    *,
    names: bool = False,
) -> str:
    """What fmt prints around the parts of a slice, a map or a struct, here with its ``names``."""
    if isinstance(value, dict):
        pairs = (f"{shown(key)}:{shown(value[key])}" for key in sorted_keys(value))
        return "map[" + " ".join(pairs) + "]"
    if isinstance(value, Struct):
        fields = value.fields.items()
        return "{" + " ".join((f"{name}:" if names else "") + shown(x) for name, x in fields) + "}"
    return "[" + " ".join(map(shown, value)) + "]"


def sorted_keys(mapping: dict[Any, Any]) -> list[Any]:
    """Keys in the order in which Go's templates visit a map."""
    current_budget().items(len(mapping))
    return sorted(mapping, key=lambda key: (kind(key), key))


def general(value: float) -> str:
    """The shortest ``%g`` of a float: with an exponent below 1e-4 and from 1e+06 on."""
    return _general(value, 6)


def _general(value: float, threshold: int) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = _shortest(value)
    if exponent < -4 or exponent >= threshold:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        mark = "-" if exponent < 0 else "+"
        return f"{sign}{digits[0]}{fraction}e{mark}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _shortest(value: float) -> tuple[str, str, int]:
    """Sign, digits and decimal exponent of the first digit of the shortest exact spelling."""
    text = repr(value)
    sign = "-" if text.startswith("-") else ""
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign, "0", 0
    exponent = int(power or 0) + len(whole) - 1
    exponent -= len(whole + fraction) - len(digits)
    return sign, digits.rstrip("0") or "0", exponent


# --- JSON -----------------------------------------------------------------------------------------


def to_json(value: Any) -> str:
    """Go's ``json.Marshal``: no blanks, keys of maps sorted, ``<``, ``>`` and ``&`` escaped."""
    pieces: list[str] = []
    _json(value, pieces, 0)
    text = "".join(pieces)
    current_budget().text(len(text))
    return text


def _json(value: Any, out: list[str], depth: int) -> None:
    current_budget().step()
    if depth > MAX_DEPTH * 4:
        raise TemplateError("template prints a value that nests too deeply")
    if value is None:
        out.append("null")
    elif isinstance(value, bool):
        out.append("true" if value else "false")
    elif isinstance(value, int):
        out.append(str(value))
    elif isinstance(value, float):
        out.append(json_float(value))
    elif isinstance(value, str):
        out.append(_json_string(value))
    elif isinstance(value, Struct):
        fields = value.fields if value.json is None else value.json
        _json_object(list(fields.items()), out, depth)
    elif isinstance(value, Union) and len(value) == 1:
        _json(value[0], out, depth)
    elif isinstance(value, Ordered):
        _json_object(list(value.items()), out, depth)
    elif isinstance(value, dict):
        _json_object([(str(key), value[key]) for key in sorted_keys(value)], out, depth)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            out.append("," if position else "[")
            _json(item, out, depth + 1)
        out.append("]" if value else "[]")
    else:
        raise TemplateError(f"json: unsupported type: {type_name(value)}")


def _json_string(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    for char, escape in _HTML.items():
        text = text.replace(char, escape)
    return text


def _json_object(pairs: list[tuple[str, Any]], out: list[str], depth: int) -> None:
    for position, (key, item) in enumerate(pairs):
        out.append("," if position else "{")
        _json(key, out, depth + 1)
        out.append(":")
        _json(item, out, depth + 1)
    out.append("}" if pairs else "{}")


def json_float(value: float) -> str:
    """A float in JSON: no exponent from 1e-6 up to below 1e21."""
    if not math.isfinite(value):
        raise TemplateError(f"json: unsupported value: {_general(value, 6)}")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        sign, digits, exponent = _shortest(value)
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        return _general(value, 400)
    return re.sub(r"e-0(\d)$", r"e-\1", _general(value, 0))


# --- print, println -------------------------------------------------------------------------------


def printable(values: tuple[Any, ...]) -> str:
    """What ``html`` and its like escape: as ``print`` writes it, but nil as an action does."""
    return sprint(tuple(NO_VALUE if value is None else value for value in values))


def sprint(values: tuple[Any, ...]) -> str:
    """``print``: a blank between two operands when neither is a string."""
    text = ""
    for position, value in enumerate(values):
        if position and not isinstance(value, str) and not isinstance(values[position - 1], str):
            text += " "
        text += plain(value)
        current_budget().text(len(text))
    return text


def sprintln(values: tuple[Any, ...]) -> str:
    """``println``: blanks between all operands, and a newline."""
    pieces = [plain(value) for value in values]
    current_budget().text(sum(map(len, pieces)) + len(pieces))
    return " ".join(pieces) + "\n"
