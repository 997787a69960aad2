"""Modelfiles: reading the text, writing it back, and typing its parameters.

A Modelfile is a sequence of statements ``COMMAND value``. A value ends with its line unless it
opens with a quotation mark: then it ends at the first line end where the matching mark closes it.
There are no escapes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ollama_server.errors import BadRequest

COMMANDS = (
    "from",
    "license",
    "template",
    "system",
    "adapter",
    "draft",
    "renderer",
    "parser",
    "parameter",
    "message",
    "requires",
)
ROLES = ("system", "user", "assistant")

_INTEGERS = frozenset(
    [
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "draft_num_predict",
        "num_keep",
        "seed",
        "num_predict",
        "top_k",
        "repeat_last_n",
    ]
)
_FLOATS = frozenset(
    [
        "temperature",
        "top_p",
        "min_p",
        "typical_p",
        "repeat_penalty",
        "presence_penalty",
        "frequency_penalty",
    ]
)
_BOOLEANS = frozenset({"use_mmap"})
_LISTS = frozenset({"stop"})
_DEPRECATED = frozenset(
    [
        "penalize_newline",
        "low_vram",
        "f16_kv",
        "logits_all",
        "vocab_only",
        "use_mlock",
        "mirostat",
        "mirostat_tau",
        "mirostat_eta",
    ]
)
# Python would take more: 4_096, digits of other scripts, nan.
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class ModelfileError(BadRequest):
    """The text is not a Modelfile; the message says where."""


@dataclass(frozen=True, slots=True)
class Command:
    """One statement: ``name`` in lower case; ``key`` is a parameter's name or a message's role."""

    name: str
    value: str
    key: str = ""

    def __str__(self) -> str:
        match self.name:
            case "from":
                return f"FROM {self.value}"
            case "parameter" | "message":
                return f"{self.name.upper()} {self.key} {quote(self.value)}"
            case _:
                return f"{self.name.upper()} {quote(self.value)}"


def quote(text: str) -> str:
    """``text`` so that the parser reads it back: bare where possible.

    Text with both a line break and a line that ends in three quotation marks has no spelling.
    """
    if text and text == text.strip() and not set("\r\n") & set(text) and text[0] != '"':
        return text
    return f'"""{text}"""' if '"' in text else f'"{text}"'


def render(commands: Iterable[Command]) -> str:
    """The statements as text, one after the other."""
    return "".join(f"{command}\n" for command in commands)


def decode(data: bytes) -> str:
    """A Modelfile's text; a UTF-8 or UTF-16 byte order mark says how it is encoded."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def parse(text: str | bytes) -> list[Command]:
    """The statements of a Modelfile. Raises ModelfileError."""
    if isinstance(text, bytes):
        text = decode(text)
    commands = list(_Parser(text.removeprefix("\ufeff")).statements())
    if not any(command.name == "from" for command in commands):
        raise ModelfileError("no FROM line")
    return commands


class _Parser:
    def __init__(self, text: str) -> None:
        # Invisible characters would hide in names and templates, so they are left out.
        self.text = "".join(c for c in text if c.isprintable() or c in "\t\r\n")
        self.position = 0

    def statements(self) -> Iterable[Command]:
        while self._skip_to_statement():
            name = self._command()
            if name not in ("parameter", "message"):
                yield Command(name, self._value())
                continue
            self._skip_blanks()
            key = self._key()
            if name == "message" and key not in ROLES:
                raise self._error('message role must be one of "system", "user", or "assistant"')
            yield Command(name, self._value(), key)

    def _skip_to_statement(self) -> bool:
        """Go past blanks, empty lines and comments; False at the end of the file."""
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "#":
                self.position = self._line_end()
            elif character not in " \t\r\n":
                return True
            else:
                self.position += 1
        return False

    def _command(self) -> str:
        start = self.position
        while self.position < len(self.text) and self.text[self.position] not in " \t":
            character = self.text[self.position]
            if not (character.isascii() and character.isalpha()):
                # A command without a value is noticed when its line is over.
                self.position += character in "\r\n"
                raise self._unknown()
            self.position += 1
        if self.position >= len(self.text):
            raise ModelfileError("unexpected EOF")
        name = self.text[start : self.position].lower()
        if name not in COMMANDS:
            raise self._unknown()
        return name

    def _key(self) -> str:
        start = self.position
        while self.position < len(self.text):
            character = self.text[self.position]
            if character in " \t":
                return self.text[start : self.position]
            if not (character.isascii() and (character.isalnum() or character == "_")):
                raise ModelfileError(f"unexpected EOF: {self.text[start : self.position]}")
            self.position += 1
        raise ModelfileError("unexpected EOF")

    def _value(self) -> str:
        self._skip_blanks()
        start = self.position
        while True:
            end = self._line_end()
            found = _unquoted(self.text[start:end].strip())
            self.position = end
            if found is not None:
                return found
            if end == len(self.text):
                raise ModelfileError("unexpected EOF")
            self.position = end + 1

    def _skip_blanks(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t":
            self.position += 1

    def _line_end(self) -> int:
        ends = (self.text.find(mark, self.position) for mark in "\r\n")
        return min((end for end in ends if end >= 0), default=len(self.text))

    def _unknown(self) -> ModelfileError:
        names = ", ".join(f'"{name}"' for name in COMMANDS[:-1])
        return self._error(f'command must be one of {names}, or "{COMMANDS[-1]}"')

    def _error(self, text: str) -> ModelfileError:
        before = self.text[: self.position].replace("\r\n", "\n").replace("\r", "\n")
        return ModelfileError(f"(line {before.count(chr(10)) + 1}): {text}")


def _unquoted(text: str) -> str | None:
    """The value without its marks; None while the closing one is still to come."""
    for mark in ('"""', '"'):
        if text.startswith(mark):
            closed = len(text) >= 2 * len(mark) and text.endswith(mark)
            return text[len(mark) : -len(mark)] if closed else None
    return text


@dataclass(frozen=True, slots=True)
class Parameters:
    """Typed parameters, and what to warn about."""

    values: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def typed_parameters(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Parameters as the API wants them: the last value counts, ``stop`` accumulates.

    Raises ModelfileError for an unknown name or a value of the wrong type.
    """
    values: dict[str, Any] = {}
    warnings = []
    for name, text in pairs:
        if name in _DEPRECATED:
            warnings.append(f"warning: parameter {name} is deprecated")
        elif name in _LISTS:
            values.setdefault(name, []).append(text)
        else:
            values[name] = _scalar(name, text)
    return Parameters(values, tuple(warnings))


def _scalar(name: str, text: str) -> Any:
    if name in _INTEGERS:
        return _integer(text)
    if name in _FLOATS:
        return _float(text)
    if name in _BOOLEANS:
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise ModelfileError(f"invalid bool value [{text}]")
    raise ModelfileError(f"unknown parameter '{name}'")


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text):
        value = int(text)
    # Older programs wrote large integers with an exponent (num_ctx 1.048576e+06).
    elif "e" in text.lower() and _FLOAT.fullmatch(text) and float(text).is_integer():
        value = int(float(text))
    else:
        raise ModelfileError(f"invalid int value [{text}]")
    if not -(2**63) <= value < 2**63:
        raise ModelfileError(f"invalid int value [{text}]")
    return value


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text) or abs(float(text)) > _LARGEST_FLOAT32:
        raise ModelfileError(f"invalid float value [{text}]")
    return float(text)
