"""The parser for answers that are one stream: thinking, then content with calls in it."""

from __future__ import annotations

import re

from ollama_server.chat.parse.format import OutputFormat, ThinkingFormat, ToolFormat
from ollama_server.chat.parse.parser import TapeParser, marks_for
from ollama_server.chat.parse.readers import (
    CallReader,
    JsonReader,
    TagJsonReader,
    any_of,
    first_word,
)
from ollama_server.chat.parse.tagged import TaggedReader
from ollama_server.chat.parse.tape import Kind, Scan, Tape, literal, peek, spaces, until, words
from ollama_server.chat.parse.tools import FoundCall, ToolBox
from ollama_server.chat.parse.written import PythonReader, QuotedReader

_READERS: dict[str, type] = {
    "json": JsonReader,
    "tag_json": TagJsonReader,
    "tagged": TaggedReader,
    "python": PythonReader,
    "quoted": QuotedReader,
}
_BRACKETED = ("json", "python")  # encodings whose calls may stand in a list


def triggers(fmt: ToolFormat) -> list[str]:
    """The texts that a call may begin with."""
    starts = (fmt.section_start, fmt.call_start, *fmt.extra_triggers)
    return [word for word in map(first_word, starts) if word]


class CallRegion:
    """One or several calls in a row, with the markers around and between them."""

    def __init__(self, tape: Tape, fmt: ToolFormat, tools: ToolBox) -> None:
        self._tape = tape
        self._format = fmt
        self._tools = tools
        self._reader: CallReader = _READERS[fmt.encoding](fmt, tools)
        self._openers = [words(m) for m in (fmt.section_start, *fmt.extra_triggers) if m.strip()]
        self._call_start = words(fmt.call_start)
        closers = [words(m) for m in (fmt.call_end, fmt.section_end) if m.strip()]
        if fmt.fence:
            closers.append(("```",))
        # An outer marker is often the tail of a longer one: accept its parts in any order.
        self._closers = sorted({word for marker in closers for word in marker}, key=len)[::-1]
        self._brackets = fmt.encoding in _BRACKETED
        self._inside = False
        self._in_list = False

    def take(self, at: int, *, bare: bool = False) -> Scan[bool]:
        """Take the calls that begin at ``at`` and all text before; False when there is none.

        ``bare`` calls need no marker in front of them.
        """
        self._inside = bare
        self._in_list = False
        some = False
        while not self._tape.is_hopeless:
            read_before = self._tape.read_ahead
            found = yield from self._call(at, bare=bare, first=not some)
            if found is None:
                self._tape.note_failure(read_before)
                return some
            some = True
            self._tape.take(found.end, Kind.CALL)
            self._tape.calls.append(self._tools.make(found))
            at = yield from self._leave()
        return some

    def end_of_call(self, at: int) -> Scan[int]:
        """The offset behind the call that begins at ``at``, -1 when none does; nothing is taken."""
        if self._tape.is_hopeless:
            return -1
        self._inside = self._in_list = False
        read_before = self._tape.read_ahead
        found = yield from self._call(at, bare=False, first=True)
        if found is None:
            self._tape.note_failure(read_before)
        return found.end if found else -1

    def _call(self, at: int, *, bare: bool, first: bool) -> Scan[FoundCall | None]:
        tape = self._tape
        at = yield from spaces(tape, at)
        if not first and self._brackets and self._inside:
            for separator in ((",",), (";",)):
                behind = yield from literal(tape, at, separator)
                if behind >= 0:
                    at = yield from spaces(tape, behind)
                    break
        at = yield from self._enter(at)
        if self._call_start:
            behind = yield from literal(tape, at, self._call_start)
            if behind >= 0:
                at = behind
            elif not (self._inside and self._brackets):
                return None
            self._inside = True
        elif not self._inside:
            return None
        at = yield from spaces(tape, at)
        if self._brackets and not self._in_list and (yield from peek(tape, at)) == "[":
            self._in_list = True
            at = yield from spaces(tape, at + 1)
        found = yield from self._reader.read(tape, at, bare=bare)
        return None if found and bare and found.name not in self._tools else found

    def _enter(self, at: int) -> Scan[int]:
        for opener in self._openers:
            behind = yield from literal(self._tape, at, opener)
            if behind >= 0:
                self._inside = True
                return (yield from spaces(self._tape, behind))
        if not self._openers and not self._call_start:
            self._inside = True
        return at

    def _leave(self) -> Scan[int]:
        """Drop closing markers; the offset of the first text that is none, white space skipped."""
        tape = self._tape
        closers = list(self._closers)
        while True:
            at = yield from spaces(tape, 0)
            if tape.final and at == len(tape.text):
                tape.take(at, Kind.MARKER)
                return 0
            end = yield from self._closer(at, closers)
            if end < 0:
                return at
            tape.take(end, Kind.MARKER)

    def _closer(self, at: int, closers: list[str]) -> Scan[int]:
        tape = self._tape
        if self._in_list:
            behind = yield from literal(tape, at, ("]",))
            if behind >= 0:
                self._in_list = False
                return behind
        for closer in closers:
            behind = yield from literal(tape, at, (closer,))
            if behind >= 0:
                closers.remove(closer)
                self._inside = False
                return behind
        return -1


class StreamParser(TapeParser):
    """Thinking up to its closing marker, then content up to a call, the calls, and so on."""

    def __init__(
        self,
        fmt: OutputFormat,
        tools: ToolBox,
        *,
        inside_thinking: bool,
        continued: bool = False,
        tape: Tape | None = None,
    ) -> None:
        """``continued`` thinking has begun in the prompt, so that its white space counts."""
        super().__init__(tape)
        self._continued = continued and inside_thinking
        self._thinking = fmt.thinking
        self._inside_thinking = inside_thinking
        self._calls: CallRegion | None = None
        self._triggers: list[str] = []
        self._bare = False
        if tools and fmt.tools:
            self._calls = CallRegion(self.tape, fmt.tools, tools)
            self._triggers = triggers(fmt.tools)
            self._bare = fmt.tools.bare
        anywhere = self._thinking.open if self._thinking and self._thinking.anywhere else ""
        self._reopening = anywhere
        strays = self._thinking.strays if self._thinking else ()
        marks = (*self._triggers, *fmt.wrappers, *strays, anywhere)
        self._content_marks = marks_for(marks, hold_space=bool(self._triggers))
        if self._thinking:
            trim = self._thinking.trim
            closes = (self._thinking.close, *self._thinking.other_closes)
            self._closes, self._close = marks_for(closes, hold_space=trim), any_of(*closes)
            self._thinking_marks = self._closes
            self._unless_closed = bool(fmt.tools and fmt.tools.ends_open_thinking)
            if fmt.tools and (fmt.tools.ends_thinking or self._unless_closed):
                self._thinking_marks = marks_for((*closes, *self._triggers), hold_space=trim)

    def run(self) -> Scan[None]:
        if self._thinking:
            inside = self._inside_thinking
            if not inside and self._thinking.open:
                inside = yield from self._leading(self._thinking.open)
            if inside:
                yield from self._think(self._thinking)
            elif not self._thinking.only_when_asked:
                # Some models close thinking that they never began, to skip it.
                yield from self._strays((self._thinking.close,))
        if self._bare and self._calls:
            yield from self._bare_calls(self._calls)
        yield from self._content()

    def _leading(self, marker: str) -> Scan[bool]:
        """Take a marker that the text begins with, and white space in front of it."""
        at = yield from spaces(self.tape, 0)
        behind = yield from literal(self.tape, at, (marker,))
        self.tape.take(behind, Kind.MARKER)
        return behind > 0

    def _strays(self, markers: tuple[str, ...]) -> Scan[bool]:
        """Take one of the markers when the text begins with it, and white space around it."""
        for marker in markers:
            if (yield from self._leading(marker)):
                at = yield from spaces(self.tape, 0)
                self.tape.take(at, Kind.MARKER)
                return True
        return False

    def _before_content(self, fmt: ThinkingFormat) -> Scan[None]:
        """Take thinking and stray markers where no content has begun."""
        going_on = True
        while going_on:
            thinks = bool(self._reopening) and (yield from self._leading(self._reopening))
            if thinks:
                yield from self._think(fmt)
            going_on = thinks or (yield from self._strays(fmt.strays))

    def _think(self, fmt: ThinkingFormat, *, amid_content: bool = False) -> Scan[None]:
        """Thinking up to its end. White space behind it is layout, but ``amid_content``."""
        tape = self.tape
        if not self._continued:
            at = yield from spaces(tape, 0)
            tape.take(at, Kind.MARKER)
            if fmt.open and self._inside_thinking:  # some models repeat what the prompt ends with
                behind = yield from literal(tape, 0, (fmt.open,))
                if behind > 0:
                    at = yield from spaces(tape, behind)
                    tape.take(at, Kind.MARKER)
        self._inside_thinking = self._continued = False
        closes, marks = (fmt.close, *fmt.other_closes), self._thinking_marks
        while found := (yield from self.next_mark(marks, Kind.THINKING, fmt.trim)):
            behind = found.end()
            if found.group() in closes:
                if not amid_content:
                    behind = yield from spaces(tape, behind)
                tape.take(behind, Kind.MARKER)
                return
            if self._unless_closed and (yield from self._is_thought(found.start())):
                marks = self._closes
            elif self._calls and (yield from self._calls.take(found.start())):
                yield from self._strays(closes)
                return
            else:
                self._skip(found, Kind.THINKING)

    def _is_thought(self, at: int) -> Scan[bool]:
        """Whether a call at ``at`` is but a thought: the thinking goes on to its closing marker.

        That of an answer which was cut short might have done so.
        """
        end = (yield from self._calls.end_of_call(at)) if self._calls else -1
        if end < 0:
            return False
        closed = yield from until(self.tape, end, *self._close)
        return closed is not None or self.tape.truncated

    def _bare_calls(self, calls: CallRegion) -> Scan[None]:
        at = yield from spaces(self.tape, 0)
        yield from calls.take(at, bare=True)

    def _content(self) -> Scan[None]:
        """Content, calls and further thinking to the end of the answer."""
        trim = bool(self._triggers)
        fresh = True  # nothing was said since the answer's beginning, or the last call
        while True:
            if fresh and self._thinking:
                yield from self._before_content(self._thinking)
            found = yield from self.next_mark(self._content_marks, Kind.CONTENT, trim)
            if found is None:
                return
            mark, fresh = found.group(), False
            if mark in self._triggers:
                fresh = bool(self._calls and (yield from self._calls.take(found.start())))
                if not fresh:
                    self._skip(found, Kind.CONTENT)
                continue
            self.tape.take(found.start(), Kind.CONTENT)
            self.tape.take(len(mark), Kind.MARKER)
            if mark == self._reopening and self._thinking:
                yield from self._think(self._thinking, amid_content=True)

    def _skip(self, found: re.Match[str], kind: Kind) -> None:
        """Take what turned out to be no marker as text."""
        self.tape.take(found.start() + 1, kind)
