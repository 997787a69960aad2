"""How Go prints: the default format of every value, printf's verbs, and JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ollama_server.chat.template.go import literals
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

_MAX_DEPTH = 60
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_VERB = re.compile(r"%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?(.)?", re.DOTALL)
NO_VALUE = "<no value>"
_WIDEST = 1_000_000


def show(value: Any) -> str:
    """What ``{{ value }}`` writes."""
    if value is None:
        return NO_VALUE
    return plain(value)


def plain(value: Any, depth: int = 0, *, names: bool = False) -> str:
    """Go's ``%v``: ``[a b]`` for slices, ``map[k:v]`` for maps, ``{…}`` for structs."""
    current_budget().step()
    if depth > _MAX_DEPTH:
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
    if isinstance(value, Union) and len(value) == 1:
        return value[0]
    if isinstance(value, list | tuple):
        return "[" + " ".join(plain(item, depth + 1, names=names) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (
            f"{plain(key, depth + 1)}:{plain(value[key], depth + 1, names=names)}"
            for key in sorted_keys(value)
        )
        return "map[" + " ".join(pairs) + "]"
    if isinstance(value, Struct):
        shown = (
            (f"{name}:" if names else "") + plain(item, depth + 1, names=names)
            for name, item in value.fields.items()
        )
        return "{" + " ".join(shown) + "}"
    return str(value)


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
    if depth > _MAX_DEPTH * 4:
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


# --- print, println, printf -----------------------------------------------------------------------


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


def sprintf(template: str, values: tuple[Any, ...]) -> str:
    """``printf`` with Go's verbs and its ways of showing mistakes."""
    rest = list(values)
    out: list[str] = []
    last = size = 0
    budget = current_budget()
    for match in _VERB.finditer(template):
        out.append(template[last : match.start()])
        last = match.end()
        out.append(_verb(match, rest))
        size += len(out[-2]) + len(out[-1])
        budget.text(size)
    out.append(template[last:])
    if rest:
        extra = [f"{type_name(value)}={plain(value)}" for value in rest]
        budget.text(size + sum(map(len, extra)))
        out.append(f"%!(EXTRA {', '.join(extra)})")
    return "".join(out)


def _verb(match: re.Match[str], rest: list[Any]) -> str:
    """What one verb writes; it takes its operands from the front of ``rest``."""
    flags, width, precision, verb = match.groups()
    if verb == "%":
        return "%"
    if verb is None:
        return "%!(NOVERB)"
    least, most = _size(width, rest), _size(precision, rest)
    if not rest:
        return f"%!{verb}(MISSING)"
    if most is None and "." in match.group(0)[:-1]:
        most = 0
    return _padded(_format(verb, flags, most, rest.pop(0)), flags, least)


def _size(written: str | None, rest: list[Any]) -> int | None:
    """A width or precision, which ``*`` takes from the operands."""
    if written == "*":
        if not rest or kind(rest[0]) != "int":
            return None
        written = str(rest.pop(0))
    if not written:
        return None
    size = abs(int(written)) if len(written) < 10 else _WIDEST + 1
    if size > _WIDEST:
        raise TemplateError("template uses a width that is too large")
    return size


def quoted(text: str) -> str:
    """Go's ``%q``, paid for by the character: each of them is looked at."""
    current_budget().step(1 + len(text) // 8)
    return literals.quote(text)


def _padded(text: str, flags: str, width: int | None) -> str:
    if not width or len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags:
        sign = text[:1] if text[:1] in "+-" else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _format(verb: str, flags: str, precision: int | None, value: Any) -> str:
    if verb == "v":
        if "#" in flags and isinstance(value, str):
            return quoted(value)
        return plain(value, names="+" in flags)
    if verb == "T":
        return type_name(value)
    if verb == "t" and isinstance(value, bool):
        return plain(value)
    shown = _format_text(verb, precision, value)
    if shown is None and kind(value) in ("int", "float"):
        shown = _format_number(verb, flags, precision, value)
    if shown is not None:
        return shown
    if isinstance(value, list | tuple) and not isinstance(value, Array):
        return "[" + " ".join(_format(verb, flags, precision, item) for item in value) + "]"
    return f"%!{verb}({type_name(value)}={plain(value)})"


def _format_text(verb: str, precision: int | None, value: Any) -> str | None:
    if not isinstance(value, str):
        if verb != "s" or kind(value) or (isinstance(value, list) and not isinstance(value, Array)):
            return None
        return "%!s(<nil>)" if value is None else plain(value)
    match verb:
        case "s":
            return value if precision is None else value[:precision]
        case "q":
            return quoted(value if precision is None else value[:precision])
        case "x":
            return value.encode("utf-8", "surrogatepass").hex()
        case "X":
            return value.encode("utf-8", "surrogatepass").hex().upper()
    return None


def _format_number(verb: str, flags: str, precision: int | None, value: Any) -> str | None:
    plus = "+" if "+" in flags and value >= 0 else (" " if " " in flags and value >= 0 else "")
    if isinstance(value, float):
        if verb in "feEF":
            return plus + f"{value:.{6 if precision is None else min(precision, 1000)}{verb}}"
        if verb in "gG":
            text = general(value) if precision is None else f"{value:.{min(precision, 1000) or 1}g}"
            return plus + text
        return None
    match verb:
        case "d":
            return plus + str(value)
        case "x" | "X" | "o" | "b":
            prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}[verb] if "#" in flags else ""
            sign = "-" if value < 0 else plus
            return sign + prefix + format(abs(value), verb)
        case "c" | "q" | "U" if 0 <= value < 0x110000:
            if verb == "U":
                return f"U+{value:04X}"
            return chr(value) if verb == "c" else f"'{chr(value)}'"
    return None
