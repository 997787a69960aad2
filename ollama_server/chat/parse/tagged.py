"""Reading calls whose arguments stand between markers of their own."""

from __future__ import annotations

import re
from typing import Any

from ollama_server.chat.parse.declared import Declared
from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.readers import HeaderReader, any_of, call_in_object, first_word
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
from ollama_server.chat.parse.values import (
    coerce,
    load_any,
    load_object,
    trim_newlines,
)

_MAX_KEY = 256
_DEEPEST = 32
_CDATA = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*\Z", re.DOTALL)


class TaggedReader:
    """``name``, then ``key`` and ``value`` of every argument, all of them between markers."""

    def __init__(self, fmt: ToolFormat, tools: ToolBox) -> None:
        self._format = fmt
        self._tools = tools
        json_stops = ("{",) if fmt.json_body else ()
        self._header = HeaderReader(fmt, tools, (fmt.arg_start, fmt.call_end, *json_stops))
        self._arg_start = words(fmt.arg_start)
        self._call_end = words(fmt.call_end)
        self._key_end = words(fmt.key_end)
        self._behind_value = [
            words(m) for m in (fmt.arg_start, fmt.call_end, fmt.section_end) if m.strip()
        ]
        key_ends = [first_word(fmt.key_end)]
        if fmt.repair:
            key_ends = [*self._key_end, first_word(fmt.value_end)]
        self._key_stop = any_of(*key_ends)
        self._attributes = any_of(first_word(fmt.attributes_end))

    def read(self, tape: Tape, at: int, *, bare: bool) -> Scan[FoundCall | None]:
        if self._format.json_body:
            at = yield from spaces(tape, at)
            if (yield from peek(tape, at)) == "{":
                return (yield from self._whole_object(tape, at))
        header = yield from self._header.read(tape, at)
        if header is None:
            return None
        at, name, call_id = header
        arguments: dict[str, Any] = {}
        if self._format.json_body and (yield from peek(tape, at)) == "{":
            return (yield from self._json_arguments(tape, at, name))
        while True:
            at = yield from spaces(tape, at)
            if self._call_end:
                behind = yield from literal(tape, at, self._call_end)
                if behind >= 0:
                    return FoundCall(behind, name, arguments, call_id)
            behind = yield from literal(tape, at, self._arg_start)
            if behind < 0:
                if not self._call_end:
                    return FoundCall(at, name, arguments, call_id)
                ended = tape.final and at == len(tape.text) and not tape.truncated
                if ended and self._tools.is_complete(name, arguments):
                    return FoundCall(at, name, arguments, call_id)
                return None
            argument = yield from self._argument(tape, behind, name)
            if argument is None:
                return None
            at, key, value = argument
            arguments[key] = value

    def _whole_object(self, tape: Tape, at: int) -> Scan[FoundCall | None]:
        end = yield from JSON_BRACKETS.end(tape, at)
        value = load_object(tape.text[at:end]) if end > 0 else None
        found = call_in_object(value, self._format, self._tools, bare=False)
        return FoundCall(end, found.name, found.arguments, found.id) if found else None

    def _json_arguments(self, tape: Tape, at: int, name: str) -> Scan[FoundCall | None]:
        end = yield from JSON_BRACKETS.end(tape, at)
        arguments = load_object(tape.text[at:end]) if end > 0 else None
        return FoundCall(end, name, arguments) if arguments is not None else None

    def _argument(self, tape: Tape, at: int, tool: str) -> Scan[tuple[int, str, Any] | None]:
        """The offset behind one argument, its name and its value; ``at`` stands at the name."""
        found = yield from until(tape, at, *self._key_stop)
        if found is None:
            return None
        key = tape.text[at : found.start()].strip()
        if not key or len(key) > _MAX_KEY:
            return None
        behind = yield from literal(tape, found.start(), self._key_end)
        if behind < 0:
            if not self._format.repair:
                return None
            behind = yield from self._behind_wrong_marker(tape, found)
        at = behind
        attributes = None
        if self._format.attributes_end:
            found = yield from until(tape, at, *self._attributes)
            if found is None:
                return None
            attributes, at = tape.text[at : found.start()], found.end()
        ends = yield from self._value_end(tape, at, key)
        if ends is None:
            return None
        end, behind = ends
        value = self._value(tape.text[at:end], self._tools.parameter(tool, key), attributes)
        return behind, key, value

    def _behind_wrong_marker(self, tape: Tape, found: re.Match[str]) -> Scan[int]:
        """Where the value begins when another marker than the right one stands behind its name."""
        at = yield from spaces(tape, found.end())
        behind = yield from literal(tape, at, self._key_end[-1:])
        return max(found.end(), behind)

    def _value_end(self, tape: Tape, at: int, key: str) -> Scan[tuple[int, int] | None]:
        """The offsets of a value's end and behind its closing marker.

        A closing marker counts only where the call goes on behind it as it should, since values
        may contain anything, a program with the same markers, say.
        """
        closing = words(self._format.value_end.replace("{key}", key))
        close = closing[0]
        others = []
        if self._format.repair:
            others = [first_word(self._format.arg_start), first_word(self._format.call_end)]
            others.append(first_word(self._format.key_end))
        pattern, longest = any_of(close, *others)
        start, call_end = at, first_word(self._format.call_end)
        while found := (yield from until(tape, at, pattern, longest)):
            at = found.end()
            if found.group() == call_end or not found.group().startswith(("</", close)):
                # The value has lost its closing marker, and white space is layout of the next.
                end = len(tape.text[start : found.start()].rstrip())
                return start + end, found.start()
            if (yield from self._goes_on(tape, at)):
                behind = yield from literal(tape, found.start(), closing)
                return found.start(), max(at, behind)
        return None

    def _goes_on(self, tape: Tape, at: int) -> Scan[bool]:
        at = yield from spaces(tape, at)
        for marker in self._behind_value:
            if (yield from literal(tape, at, marker)) >= 0:
                return True
        return tape.final and at == len(tape.text)

    def _value(self, raw: str, declared: Declared, attributes: str | None) -> Any:
        fmt = self._format
        if fmt.namespace and _is_nested(raw, fmt.namespace, declared):
            return nested_value(raw, fmt.namespace, declared)
        if fmt.trim_values:
            raw = trim_newlines(raw)
        if found := _CDATA.match(raw):
            raw = found.group(1)
        if attributes is None:
            return coerce(raw, declared)
        if fmt.string_attribute in attributes:
            return raw
        try:
            return load_any(raw)
        except ValueError:
            return coerce(raw, declared)


def nested_value(raw: str, namespace: str, declared: Declared) -> Any:
    """The value of nested tags: ``item`` tags make a list, all others an object."""
    tag = re.compile(re.escape(namespace) + r"<(/?)([^<>]*)>")
    pairs: list[tuple[str, str]] = []
    depth, deepest, start, key = 0, 0, 0, ""
    for found in tag.finditer(raw):
        if found.group(1):
            depth -= 1
            if depth == 0:
                pairs.append((key, raw[start : found.start()]))
            elif depth < 0:
                return raw
        else:
            if depth == 0:
                start, key = found.end(), found.group(2)
            depth += 1
            deepest = max(deepest, depth)
    if depth or deepest > _DEEPEST:
        return raw
    if "array" in declared.types or (pairs and all(key == "item" for key, _ in pairs)):
        return [_nested(text, namespace, declared.items) for _, text in pairs]
    return {key: _nested(text, namespace, declared.named(key)) for key, text in pairs}


def _is_nested(raw: str, namespace: str, declared: Declared) -> bool:
    """Whether a value consists of tags; of none at all where it has to be a list or an object."""
    if raw.strip():
        return raw.lstrip().startswith(namespace + "<")
    types = declared.types
    return bool(types & {"array", "object"}) and "string" not in types


def _nested(raw: str, namespace: str, declared: Declared) -> Any:
    if _is_nested(raw, namespace, declared):
        return nested_value(raw, namespace, declared)
    if declared.types:
        return coerce(raw, declared)
    try:
        return load_any(raw)
    except ValueError:
        return raw
