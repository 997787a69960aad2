"""The parser for answers that are a sequence of messages with headers, as gpt-oss writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ollama_server.chat.parse.format import OutputFormat
from ollama_server.chat.parse.parser import TapeParser, marks_for
from ollama_server.chat.parse.readers import any_of
from ollama_server.chat.parse.stream import CallRegion
from ollama_server.chat.parse.tape import JSON_BRACKETS, Kind, Scan, Tape, literal, spaces
from ollama_server.chat.parse.tools import FoundCall, ToolBox
from ollama_server.chat.parse.values import close_json, load_object

_LONGEST_HEADER = 1024
_RECIPIENT = re.compile(r"(?:\A|\s|>)to=([^\s<]+)")
_CHANNEL = re.compile(r"<\|channel\|>\s*([^\s<]*)")
_ARROW_NAME = re.compile(r"[ \t]*([\w.\-]+)[ \t]*\Z")
_CHANNEL_MARK = "<|channel|>"
_ITSELF = "assistant"  # gpt-oss addresses a message to itself now and then
_BEGINNINGS = {
    "harmony": (_CHANNEL_MARK, "<|constrain|>", "to="),
    "recipient": ("to=",),
    "arrows": (),
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message's body goes; ``tool`` is the name of the tool that it calls."""

    kind: Kind
    tool: str = ""


class MessageParser(TapeParser):
    """Headers decide what the bodies are: thinking, content or arguments of a call."""

    def __init__(
        self, fmt: OutputFormat, tools: ToolBox, *, prompt: str, tape: Tape | None = None
    ) -> None:
        super().__init__(tape)
        if fmt.messages is None:
            raise ValueError("not a format of messages")
        self._format = fmt.messages
        self._tools = tools
        self._region: CallRegion | None = None
        if fmt.tools and tools and self._format.kind == "recipient":
            self._region = CallRegion(self.tape, fmt.tools, tools)
        self._opened, self._header = self._state_of(prompt)
        ends = (*self._format.ends, self._format.start)
        # A header that follows a body directly has lost its start marker.
        channel = (_CHANNEL_MARK,) if self._format.kind == "harmony" else ()
        self._body_marks = marks_for((*ends, *channel))
        self._all_ends = ends
        self._header_marks = any_of(self._format.header_end, *ends)
        self._beginnings = (*_BEGINNINGS[self._format.kind], self._format.header_end)

    def _state_of(self, prompt: str) -> tuple[bool, str]:
        """Whether the prompt opens a body, and the part of its last header that stands in it."""
        start, header_end = self._format.start, self._format.header_end
        at = prompt.rfind(start)
        if at < 0:
            return False, ""
        header = prompt[at + len(start) :]
        if any(end in header for end in self._format.ends):
            return False, ""
        header = header.removeprefix(self._format.primed)
        if header_end in header:
            return True, header.partition(header_end)[0]
        return False, header.strip()

    def run(self) -> Scan[None]:
        if self._opened:
            route = self._route(self._header)
        else:
            certain = self._format.kind == "arrows"
            route = yield from self._read_header(0, self._header, certain=certain)
        while True:
            going_on = yield from self._body(route or Route(Kind.CONTENT))
            if not going_on:
                return
            route = yield from self._next_header()

    def _next_header(self) -> Scan[Route | None]:
        tape = self.tape
        at = yield from spaces(tape, 0)
        behind = yield from literal(tape, at, (self._format.start,))
        route = yield from self._read_header(max(at, behind), "", certain=behind >= 0)
        if route is None and (behind >= 0 or tape.text.startswith(_CHANNEL_MARK, at)):
            tape.take(at + 1, Kind.CONTENT)  # a marker that is none
        return route

    def _read_header(self, at: int, before: str, *, certain: bool) -> Scan[Route | None]:
        """The route of the header at ``at``, which is taken; None when there is no header.

        ``before`` is the part of the header that the prompt holds. Unless it is ``certain`` that a
        header follows, the first characters decide, so that text without headers keeps streaming.
        """
        tape = self.tape
        if not certain:
            begun = yield from self._begins_like_a_header(at)
            if not begun:
                return None
        found = yield from self._header_mark(at)
        if found is None or found.group() != self._format.header_end:
            return None
        route = self._route(before + tape.text[at : found.start()])
        if route is not None:
            tape.take(found.end(), Kind.MARKER)
        return route

    def _begins_like_a_header(self, at: int) -> Scan[bool]:
        at = yield from spaces(self.tape, at)
        for beginning in self._beginnings:
            if (yield from literal(self.tape, at, (beginning,))) >= 0:
                return True
        return False

    def _header_mark(self, at: int) -> Scan[re.Match[str] | None]:
        pattern, longest = self._header_marks
        while True:
            if found := pattern.search(self.tape.text, at):
                return found if found.start() - at <= _LONGEST_HEADER else None
            if self.tape.final or len(self.tape.text) - at > _LONGEST_HEADER + longest:
                return None
            yield

    def _route(self, header: str) -> Route | None:
        if self._format.kind == "arrows":
            found = _ARROW_NAME.match(header)
            name = found.group(1) if found else ""
            if name == "all":
                return Route(Kind.CONTENT)
            tool = self._tools.resolve(name) if name and self._tools else ""
            return Route(Kind.CALL, tool) if tool else None
        if self._format.kind == "recipient":
            found = _RECIPIENT.search(header)
            recipient = found.group(1) if found else ""
            if recipient == "self":
                return Route(Kind.THINKING)
            return Route(Kind.CONTENT if recipient in ("", "user") else Kind.CALL)
        return self._harmony_route(header)

    def _harmony_route(self, header: str) -> Route:
        """The last channel and the last recipient count: some headers begin twice."""
        recipients = [
            name for name in _RECIPIENT.findall(header) if name != _ITSELF or name in self._tools
        ]
        recipient = recipients[-1] if recipients else ""
        channel = next(reversed(_CHANNEL.findall(header)), "")
        if channel == "analysis" and not recipient:
            return Route(Kind.THINKING)
        if recipient and channel != "final":
            tool = self._tools.resolve(recipient) if self._tools else ""
            return Route(Kind.CALL, tool) if tool else Route(Kind.CONTENT)
        return Route(Kind.CONTENT)

    def _body(self, route: Route) -> Scan[bool]:
        """Take one body and the marker behind it; False at the end of the answer."""
        tape = self.tape
        kind = route.kind
        if kind is not Kind.THINKING and self._region:
            yield from self._region.take((yield from spaces(tape, 0)))
        elif kind is Kind.CALL and route.tool and not tape.is_hopeless:
            yield from self._call(route.tool)
        if kind is Kind.CALL:
            kind = Kind.CONTENT
        found = yield from self.next_mark(self._body_marks, kind, trim=False)
        if found is None:
            return False
        if found.group() in self._format.ends:
            tape.take(found.end(), Kind.MARKER)
        return True

    def _call(self, tool: str) -> Scan[None]:
        """Take a body that is the arguments of a call; leave it when it is not."""
        tape = self.tape
        at = yield from spaces(tape, 0)
        read_before = tape.read_ahead
        end, arguments = yield from self._arguments(at, tool)
        if arguments is None:
            tape.note_failure(read_before)
            return
        tape.take(end, Kind.CALL)
        tape.calls.append(self._tools.make(FoundCall(0, tool, arguments)))
        at = yield from spaces(tape, 0)
        tape.take(at, Kind.MARKER)

    def _arguments(self, at: int, tool: str) -> Scan[tuple[int, dict[str, object] | None]]:
        tape = self.tape
        if tape.text.startswith("{", at):
            end = yield from JSON_BRACKETS.end(tape, at)
            if end > 0:
                return end, load_object(tape.text[at:end])
            text = None if tape.truncated else close_json(tape.text[at:])
            arguments = load_object(text) if text else None
            if arguments is not None and not self._tools.is_complete(tool, arguments):
                arguments = None
            return len(tape.text), arguments
        for mark in self._all_ends:
            if (yield from literal(tape, at, (mark,))) >= 0:
                return at, {}
        nothing = tape.final and not tape.truncated and at == len(tape.text)
        return at, {} if nothing else None
