"""JSON exactly as Go's encoder writes it, because blobs are named after their bytes.

Compact; map keys sorted; ``<``, ``>``, ``&``, U+2028 and U+2029 escaped; other text raw; numbers in
shortest form, exponents below 1e-6 and from 1e21 on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Struct(dict[str, Any]):
    """A JSON object whose keys keep their order, as the fields of a Go struct do."""


def dumps(value: Any) -> bytes:
    """``value`` as Go's ``json.Encoder`` would write it, with the newline at the end."""
    return (_encode(value) + "\n").encode()


def compact(value: Any) -> bytes:
    """The same without the newline."""
    return _encode(value).encode()


def number(value: float) -> str:
    """A float the way Go's JSON encoder prints a float64. Raises ValueError for NaN, infinities."""
    if not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    magnitude = abs(value)
    if magnitude < 1e-6 or magnitude >= 1e21:
        mantissa, _, exponent = f"{_shortest_exponent(value)}".partition("e")
        sign = "-" if exponent.startswith("-") else "+"
        return f"{mantissa}e{sign}{int(exponent.lstrip('+-'))}"
    if value == int(value):
        return str(int(value))
    return _plain(value)


def _shortest_exponent(value: float) -> str:
    text = repr(value)
    if "e" in text:
        return text.removesuffix(".0")
    digits = text.replace("-", "").replace(".", "").strip("0")
    return f"{value:.{max(len(digits) - 1, 0)}e}"


def _plain(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, _, exponent = text.partition("e")
    places = len(mantissa.replace("-", "").partition(".")[2]) - int(exponent)
    return f"{value:.{max(places, 0)}f}"


def _encode(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return string(value)
        case int():
            return str(value)
        case float():
            return number(value)
        case Mapping():
            items = value.items() if isinstance(value, Struct) else sorted(value.items())
            return "{" + ",".join(f"{string(str(k))}:{_encode(v)}" for k, v in items) + "}"
        case Sequence():
            return "[" + ",".join(_encode(item) for item in value) + "]"
        case _:
            raise TypeError(f"not a JSON value: {type(value).__name__}")


def string(text: str) -> str:
    """A quoted JSON string; lone surrogates become U+FFFD."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPES)
