"""Go's spelling of strings, runes and numbers."""

from __future__ import annotations

import math
import re

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.)|$)", re.DOTALL
)


def unquote(literal: str) -> str:
    """The value of a quoted string or rune, quotes included in ``literal``; ValueError if bad."""
    quote = literal[0]
    if quote == "`":
        return literal[1:-1].replace("\r", "")
    raw = bytearray()
    last = 1
    for match in _ESCAPE.finditer(literal, 1, len(literal) - 1):
        raw += literal[last : match.start()].encode()
        raw += _unescape(match, quote)
        last = match.end()
    raw += literal[last:-1].encode()
    return raw.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()


def _unescape(match: re.Match[str], quote: str) -> bytes:
    byte, short, long, octal, simple = match.groups()
    if byte or octal:
        value = int(byte, 16) if byte else int(octal, 8)
        if value > 255:
            raise ValueError("invalid syntax")
        return bytes([value])
    if short or long:
        point = int(short or long, 16)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise ValueError("invalid syntax")
        return chr(point).encode()
    if simple not in _SIMPLE or (simple in "'\"" and simple != quote):
        raise ValueError("invalid syntax")
    return _SIMPLE[simple].encode()


def number(text: str) -> int | float:
    """The value of a number literal; ValueError if it is not one, OverflowError if too large."""
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").lower()
    if digits.endswith("_") or "__" in digits:
        raise ValueError("misplaced underscore")
    digits = digits.replace("_", "")
    if digits.startswith(("0x", "0b", "0o")):
        if "p" in digits or "." in digits:
            return sign * float.fromhex(digits)
        return _bounded(sign * int(digits, 0))
    if any(char in digits for char in ".e"):
        value = float(digits)
        if math.isinf(value):
            raise ValueError("value out of range")
        return sign * value
    if len(digits) > 1 and digits.startswith("0"):
        return _bounded(sign * int(digits, 8))
    return _bounded(sign * int(digits))


def _bounded(value: int) -> int:
    if not -(2**63) <= value < 2**64:
        raise OverflowError("integer overflow")
    return value


def quote(text: str) -> str:
    """Go's ``%q``: a double-quoted string with escapes."""
    shown = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    shown |= {"\v": "\\v", "\\": "\\\\", '"': '\\"'}
    return '"' + "".join(shown.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    point = ord(char)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
