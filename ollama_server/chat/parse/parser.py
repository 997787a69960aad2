"""Parsers of answers: what both kinds of them share, and the parser that passes everything on."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import lru_cache

from ollama_server.chat.parse.readers import any_of
from ollama_server.chat.parse.tape import Kind, Scan, Tape
from ollama_server.chat.types import Delta


class OutputParser:
    """Turns the text of one answer, piece by piece, into content, thinking and tool calls.

    All text comes out again but for the markers: what looks like a tool call and is none becomes
    content. How the text is cut into pieces makes no difference to what comes out in total.
    """

    def feed(self, text: str) -> Delta:
        """News from the next piece of text; text that may be part of a marker is held back."""
        return Delta(text)

    def finish(self, *, truncated: bool = False) -> Delta:
        """What was held back. ``truncated`` answers ended in the middle: no call is completed."""
        return Delta()


class TapeParser(OutputParser, ABC):
    """A parser whose ``run`` is a coroutine over a tape."""

    def __init__(self, tape: Tape | None = None) -> None:
        self.tape = tape if tape is not None else Tape()
        self._run: Scan[None] = self.run()
        self._plain: Kind | None = None
        self._interesting: Callable[[str], object] = bool

    @abstractmethod
    def run(self) -> Scan[None]:
        """Take all text from the tape; must not yield once it is final."""

    def feed(self, text: str) -> Delta:
        # Most pieces hold nothing that could begin a marker, and nothing is held back: no need to
        # wake the coroutine.
        if self._plain is not None and not self._interesting(text):
            return Delta(text) if self._plain is Kind.CONTENT else Delta("", text)
        self._plain = None
        self.tape.text += text
        next(self._run, None)
        return self.tape.drain()

    def finish(self, *, truncated: bool = False) -> Delta:
        self.tape.final = True
        self.tape.truncated = truncated
        next(self._run, None)
        return self.tape.drain()

    def pause(self, kind: Kind, marks: Marks) -> Scan[None]:
        """Wait for text; pieces of it that cannot concern ``marks`` are of this kind."""
        if self.tape.pass_plain_text and not self.tape.text:
            self._plain = kind
            self._interesting = marks.interesting
        yield

    def next_mark(self, marks: Marks, kind: Kind, trim: bool) -> Scan[re.Match[str] | None]:
        """Take text as ``kind`` up to the next marker; None at the end.

        With ``trim``, white space in front of the marker stays on the tape, before the marker.
        """
        tape = self.tape
        while True:
            if found := marks.search(tape, 0):
                before = tape.text[: found.start()]
                tape.take(len(before.rstrip()) if trim else len(before), kind)
                return marks.search(tape, 0)
            tape.take(marks.safe(tape, 0), kind)
            if tape.final:
                return None
            yield from self.pause(kind, marks)


class Marks:
    """A set of markers to look out for in running text."""

    def __init__(self, markers: Iterable[str], *, hold_space: bool) -> None:
        """With ``hold_space``, white space is held back until it is known what follows it."""
        found = {marker for marker in markers if marker}
        self._find, _ = any_of(*sorted(found))
        self._longer = {m: [n for n in found if n != m and n.startswith(m)] for m in found}
        beginnings = {marker[:length] for marker in found for length in range(1, len(marker))}
        ordered = sorted(beginnings, key=len, reverse=True)
        # Not "any_of": where the text ends, the longest beginning of a marker is the leftmost one.
        parts = "|".join(map(re.escape, ordered))
        self._tail = re.compile(rf"(?:{parts})\Z") if parts else None
        self._hold_space = hold_space
        firsts = "".join(re.escape(char) for char in sorted({marker[0] for marker in found}))
        patterns = ([f"[{firsts}]"] if firsts else []) + ([r"\s\Z"] if hold_space else [])
        self.interesting = re.compile("|".join(patterns) if patterns else r"(?!)").search

    def search(self, tape: Tape, at: int) -> re.Match[str] | None:
        """The first complete marker from ``at`` on; None where more text could make it another."""
        found = self._find.search(tape.text, at)
        if found and not tape.final and (longer := self._longer[found.group()]):
            rest = tape.text[found.start() :]
            if any(marker.startswith(rest) for marker in longer):
                return None
        return found

    def safe(self, tape: Tape, at: int) -> int:
        """How far the text is certainly free of markers, when there is none from ``at`` on."""
        text = tape.text
        end = len(text)
        if tape.final:
            return end
        if self._tail and (found := self._tail.search(text, at)):
            end = found.start()
        if self._hold_space:
            end = len(text[:end].rstrip())
        return end


@lru_cache(maxsize=512)
def marks_for(markers: tuple[str, ...], *, hold_space: bool = False) -> Marks:
    """The `Marks` of these markers, made once: every answer of a model has the same."""
    return Marks(markers, hold_space=hold_space)
