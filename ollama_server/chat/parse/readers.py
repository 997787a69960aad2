"""Reading one tool call in each of the encodings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Protocol

from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.tape import (
    JSON_BRACKETS,
    Scan,
    Tape,
    literal,
    peek,
    spaces,
    until,
    words,
)
from ollama_server.chat.parse.tools import FoundCall, ToolBox
from ollama_server.chat.parse.values import close_json, load_object

_NAME_SO_FAR = re.compile(r"\s*([^\s<>{}\[\]\"'`|]{0,256})\s*")
_FIRST_KEY = re.compile(r'\{\s*(?:"((?:[^"\\]|\\.)*)"|[^"\s])')
_NAME_FIELDS = ("name", "tool_name", "function", "tool")
_ARGUMENT_FIELDS = ("arguments", "parameters", "args")
_BARE_KEYS = frozenset((*_NAME_FIELDS, *_ARGUMENT_FIELDS, "type", "id", "tool_call_id"))


class CallReader(Protocol):
    """Reads the call that stands at an offset."""

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        """The call, or None when what stands there is none; ``bare`` without a marker before it."""
        ...


def first_word(marker: str) -> str:
    """What to look for in a text that may contain ``marker``."""
    parts = words(marker)
    return parts[0] if parts else ""


@lru_cache(maxsize=1024)
def any_of(*markers: str) -> tuple[re.Pattern[str], int]:
    """A pattern that finds the first of the markers, and the longest one's length."""
    found = sorted({m for m in markers if m}, key=len, reverse=True)
    pattern = "|".join(map(re.escape, found)) if found else r"(?!)"
    return re.compile(pattern), max(map(len, found), default=1)


def call_in_object(value: Any, fmt: ToolFormat, tools: ToolBox, *, bare: bool) -> FoundCall | None:
    """The call that a JSON object describes; its fields may be called as in any usual format."""
    if not isinstance(value, dict):
        return None
    call_id = value.get(fmt.id_field or "id", "")
    for field in (fmt.wrapper, "function"):
        if isinstance(value.get(field), dict):
            value = value[field]
            break
    if fmt.name_is_key and len(value) == 1:
        written, arguments = next(iter(value.items()))
    else:
        names = (fmt.name_field, *_NAME_FIELDS)
        written = next((value[f] for f in names if isinstance(value.get(f), str)), "")
        present = [f for f in (fmt.arguments_field, *_ARGUMENT_FIELDS) if f in value]
        if bare and not present:
            return None
        arguments = value[present[0]] if present else {}
    name = tools.resolve(written)
    if isinstance(arguments, str):
        arguments = load_object(arguments) if arguments.strip() else {}
    elif arguments is None:
        arguments = {}
    if not name or not isinstance(arguments, dict):
        return None
    return FoundCall(0, name, arguments, str(call_id))


class JsonReader:
    """``{"name": …, "arguments": …}``"""

    def __init__(self, fmt: ToolFormat, tools: ToolBox) -> None:
        self._format = fmt
        self._tools = tools

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        if (yield from peek(tape, at)) != "{":
            return None
        if bare and not (yield from self._looks_like_a_call(tape, at)):
            return None
        end = yield from JSON_BRACKETS.end(tape, at)
        text = tape.text[at:end] if end > 0 else _closed(tape, at)
        value = load_object(text) if text else None
        found = call_in_object(value, self._format, self._tools, bare=bare)
        if found is None or (end < 0 and not self._tools.is_complete(found.name, found.arguments)):
            return None
        return FoundCall(end if end > 0 else len(tape.text), found.name, found.arguments, found.id)

    def _looks_like_a_call(self, tape: Tape, at: int) -> Scan[bool]:
        """Decide on the first key, so that answers which are JSON themselves keep streaming."""
        while not (found := _FIRST_KEY.match(tape.text, at)):
            if tape.final:
                return False
            yield
        key = found.group(1)
        known = {self._format.name_field, self._format.arguments_field, self._format.id_field}
        return (
            key in _BARE_KEYS or key in known or (self._format.name_is_key and key in self._tools)
        )


def _closed(tape: Tape, at: int) -> str | None:
    """The JSON from ``at`` to the end of the answer, completed; None for an answer cut short."""
    return None if tape.truncated else close_json(tape.text[at:])


class HeaderReader:
    """The name, and the id where there is one, in front of arguments."""

    def __init__(self, fmt: ToolFormat, tools: ToolBox, other_stops: Iterable[str]) -> None:
        self._format = fmt
        self._tools = tools
        self._id_end = any_of(first_word(fmt.id_end))
        self._name_end = words(fmt.name_end)
        self._id_start = words(fmt.id_start)
        stops = [first_word(m) for m in (fmt.name_end, fmt.id_start, *other_stops)]
        self._stops = [stop for stop in stops if stop]
        self._stop, self._longest_stop = any_of(*self._stops)
        self._header_end = any_of(first_word(fmt.header_end))
        self._numbered = re.compile(re.escape(fmt.counter) + r"\d+\Z") if fmt.counter else None

    def read(self, tape: Tape, at: int) -> Scan[tuple[int, str, str] | None]:
        """The offset behind the header, the tool's name, the id; None when it is no header."""
        call_id = ""
        if self._format.id_end:
            found = yield from until(tape, at, *self._id_end)
            if found is None:
                return None
            call_id = tape.text[at : found.start()].strip()
            at = yield from literal(tape, found.start(), words(self._format.id_end))
            if at < 0:
                return None
        stop = yield from self._stop_behind_name(tape, at)
        if stop < 0:
            return None
        written = tape.text[at:stop].strip()
        at = stop
        if self._numbered:
            call_id, written = written, self._numbered.sub("", written)
        if self._id_start:
            at, call_id = yield from self._id_behind_name(tape, at)
        behind = yield from literal(tape, at, self._name_end)
        at = behind if behind >= 0 else at
        if self._format.header_end:
            found = yield from until(tape, at, *self._header_end)
            if found is None:
                return None
            at = found.end()
        name = self._tools.resolve(written)
        return (at, name, call_id) if name else None

    def _stop_behind_name(self, tape: Tape, at: int) -> Scan[int]:
        while True:
            name = _NAME_SO_FAR.match(tape.text, at)
            end = name.end() if name else at
            if found := self._stop.match(tape.text, end):
                return found.start() if name and name.group(1) else -1
            rest = tape.text[end:]
            if tape.final or (rest and not any(stop.startswith(rest) for stop in self._stops)):
                return -1
            yield

    def _id_behind_name(self, tape: Tape, at: int) -> Scan[tuple[int, str]]:
        behind = yield from literal(tape, at, self._id_start)
        if behind < 0 or not self._name_end:
            return at, ""
        found = yield from until(tape, behind, *any_of(self._name_end[0]))
        if found is None:
            return at, ""
        return found.start(), tape.text[behind : found.start()].strip()


class TagJsonReader:
    """``name{"argument": …}`` with markers around the name."""

    def __init__(self, fmt: ToolFormat, tools: ToolBox) -> None:
        self._tools = tools
        self._call_end = words(fmt.call_end)
        self._header = HeaderReader(fmt, tools, ("{", "```", fmt.call_end))

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        header = yield from self._header.read(tape, at)
        if header is None:
            return None
        at, name, call_id = header
        at = yield from spaces(tape, at)
        for fence in (("```",), ("json",)):
            behind = yield from literal(tape, at, fence)
            if behind >= 0:
                at = yield from spaces(tape, behind)
        if (yield from peek(tape, at)) != "{":
            closed = bool(self._call_end) and (yield from literal(tape, at, self._call_end)) >= 0
            return FoundCall(at, name, {}, call_id) if closed else None
        end = yield from JSON_BRACKETS.end(tape, at)
        text = tape.text[at:end] if end > 0 else _closed(tape, at)
        arguments = load_object(text) if text else None
        if arguments is None or (end < 0 and not self._tools.is_complete(name, arguments)):
            return None
        return FoundCall(end if end > 0 else len(tape.text), name, arguments, call_id)
