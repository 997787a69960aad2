"""Reading calls written like program text: Python calls, and objects with special quotes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.readers import HeaderReader, first_word
from ollama_server.chat.parse.tape import PYTHON_BRACKETS, Scan, Tape, peek, quoted_brackets, spaces
from ollama_server.chat.parse.tools import FoundCall, ToolBox
from ollama_server.chat.parse.values import expression, literal_value

_NAME = re.compile(r"[A-Za-z_$][\w.$:\-]{0,255}")
_LITERAL_ERRORS = (ValueError, RecursionError)
_STRINGS = r"""(?s:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_ANY_KEYWORD = r"""[^\s=,*()\[\]{}"'][^=,()\[\]{}"']*?"""


class PythonReader:
    """``name(argument="value")``"""

    def __init__(self, fmt: ToolFormat, tools: ToolBox) -> None:
        self._tools = tools

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        yield from peek(tape, at)
        while True:
            found = _NAME.match(tape.text, at)
            if not found:
                return None
            if tape.final or found.end() < len(tape.text):
                break
            yield
        name = self._tools.resolve(found.group())
        at = yield from spaces(tape, found.end())
        if not name or (yield from peek(tape, at)) != "(":
            return None
        end = yield from PYTHON_BRACKETS.end(tape, at)
        arguments = self._arguments(name, tape.text[at:end]) if end > 0 else None
        return None if arguments is None else FoundCall(end, name, arguments)

    def _arguments(self, name: str, text: str) -> dict[str, Any] | None:
        declared = self._tools.parameter_names(name)
        text, keywords = _numbered_keywords(text, declared)
        for source in (text, text.replace("\n", "\\n")):  # raw line breaks inside of strings
            try:
                call = expression("f" + source)
                if not isinstance(call, ast.Call) or any(k.arg is None for k in call.keywords):
                    return None
                values = [literal_value(keyword.value) for keyword in call.keywords]
                positional = [literal_value(value) for value in call.args]
            except _LITERAL_ERRORS:
                continue
            arguments = dict(zip(keywords, values, strict=True))
            names = [key for key in declared if key not in arguments]
            if len(positional) > len(names):
                return None
            return dict(zip(names, positional, strict=False)) | arguments
        return None


def _numbered_keywords(text: str, declared: Iterable[str]) -> tuple[str, list[str]]:
    """The arguments of a call with names that Python takes in place of their keywords, and those.

    Names of parameters may be Python's own words, as ``from`` is, or no words at all.
    """
    names = "|".join([*map(re.escape, sorted(declared, key=len, reverse=True)), _ANY_KEYWORD])
    pattern = re.compile(rf"([(,]\s*)({names})\s*=(?!=)|{_STRINGS}|[()\[\]{{}}]")
    keywords: list[str] = []
    depth = 0

    def replaced(found: re.Match[str]) -> str:
        nonlocal depth
        piece, keyword = found.group(), found.group(2)
        if keyword is not None and depth == (0 if piece[0] == "(" else 1):
            keywords.append(keyword)
            piece = f"{found.group(1)}_{len(keywords)}="
        if piece[0] in "([{)]}":
            depth += 1 if piece[0] in "([{" else -1
        return piece

    return pattern.sub(replaced, text), keywords


class QuotedReader:
    """``name{argument:<|"|>value<|"|>}``"""

    def __init__(self, fmt: ToolFormat, tools: ToolBox) -> None:
        self._tools = tools
        self._quote = fmt.quote
        self._header = HeaderReader(fmt, tools, ("{", fmt.call_end))
        start, stop = first_word(fmt.call_start), first_word(fmt.call_end)
        self._brackets = quoted_brackets(fmt.quote, start, stop)

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        header = yield from self._header.read(tape, at)
        if header is None:
            return None
        at, name, _ = header
        if (yield from peek(tape, at)) != "{":
            return None
        end = yield from self._brackets.end(tape, at)
        if end < 0 and tape.truncated:
            return None
        try:
            value = QuotedValue(tape.text[at : end if end > 0 else None], self._quote).parse()
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or (end < 0 and not self._tools.is_complete(name, value)):
            return None
        return FoundCall(end if end > 0 else len(tape.text), name, value)


class QuotedValue:
    """Parses ``{key:value}`` with bare keys; what is missing at the end is forgiven."""

    def __init__(self, text: str, quote: str) -> None:
        self._text = text
        self._at = 0
        self._quotes = (quote, '"', "'")
        self._bare = re.compile(r"[^,{}\[\]]*?(?=\s*(?:[,}\]]|\Z))", re.DOTALL)
        self._key = re.compile(r"[^:,{}\[\]\s]+")

    def parse(self) -> Any:
        """The value; ValueError when the text is none or goes on behind it."""
        value = self._value()
        if self._peek():
            raise ValueError(f"unexpected text at {self._at}")
        return value

    def _peek(self) -> str:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _accept(self, mark: str) -> bool:
        found = self._peek() != "" and self._text.startswith(mark, self._at)
        if found:
            self._at += len(mark)
        return found

    def _value(self) -> Any:
        if self._accept("{"):
            return self._object()
        if self._accept("["):
            return self._list()
        for quote in self._quotes:
            if self._accept(quote):
                return self._string(quote)
        found = self._bare.match(self._text, self._at)
        if not found or not found.group():
            raise ValueError(f"no value at {self._at}")
        self._at = found.end()
        try:
            return literal_value(expression(found.group()))
        except _LITERAL_ERRORS:
            return found.group()

    def _object(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while self._peek() and not self._accept("}"):
            key = self._key_text()
            if not self._accept(":"):
                raise ValueError(f"no colon at {self._at}")
            result[key] = self._value()
            if not self._accept(",") and self._peek() not in ("}", ""):
                raise ValueError(f"no comma at {self._at}")
        return result

    def _key_text(self) -> str:
        for quote in self._quotes:
            if self._accept(quote):
                return self._string(quote)
        found = self._key.match(self._text, self._at)
        if not found:
            raise ValueError(f"no key at {self._at}")
        self._at = found.end()
        return found.group()

    def _list(self) -> list[Any]:
        result: list[Any] = []
        while self._peek() and not self._accept("]"):
            result.append(self._value())
            if not self._accept(",") and self._peek() not in ("]", ""):
                raise ValueError(f"no comma at {self._at}")
        return result

    def _string(self, quote: str) -> str:
        end = self._text.find(quote, self._at)
        if end < 0:
            end = len(self._text.rstrip().rstrip("}]").rstrip())
            end = max(end, self._at)
        text = self._text[self._at : end]
        self._at = (
            min(end + len(quote), len(self._text)) if self._text.startswith(quote, end) else end
        )
        return text
