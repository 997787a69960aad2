"""The text that a model has written so far and that no parser has taken yet.

Parsers are coroutines over a tape: they look at ``text``, ``yield`` when a decision needs more of
it, and ``take`` from its front. All text leaves through ``take``, so none can be lost or repeated,
and since a coroutine never decides on less text than it needs, the pieces in which the text arrives
cannot change the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from enum import Enum, auto
from functools import lru_cache
from typing import TypeVar

from ollama_server.chat.types import Delta, ToolCall

T = TypeVar("T")
Scan = Generator[None, None, T]
"""A coroutine that yields whenever it wants more text, and returns a ``T``."""

MAX_LATE_FAILURES = 16
MAX_WASTED = 500_000

_NONSPACE = re.compile(r"\S")
_WORD_BORDER = re.compile(r"\s+|(?<=[>`])(?=<)|(?<=\])(?=\[)")


class Kind(Enum):
    """What a piece of generated text turned out to be."""

    CONTENT = auto()
    THINKING = auto()
    MARKER = auto()
    CALL = auto()


class Tape:
    """Text in, a Delta out. Offsets of the scanning functions count from the front of ``text``."""

    __slots__ = (
        "calls",
        "content",
        "final",
        "late_failures",
        "read_ahead",
        "text",
        "thinking",
        "truncated",
        "wasted",
    )

    pass_plain_text = True
    """Whether parsers may hand on text without markers past ``take``; a recorder says no."""

    def __init__(self) -> None:
        self.text = ""
        self.final = False
        self.truncated = False
        self.read_ahead = 0
        self.wasted = 0
        self.late_failures = 0
        self.content = ""
        self.thinking = ""
        self.calls: list[ToolCall] = []

    def take(self, end: int, kind: Kind) -> None:
        """Remove the first ``end`` characters; content and thinking become output, the rest not."""
        if end <= 0:
            return
        piece, self.text = self.text[:end], self.text[end:]
        if kind is Kind.CONTENT:
            self.content += piece
        elif kind is Kind.THINKING:
            self.thinking += piece

    def note_failure(self, read_before: int) -> None:
        """Count what looked like a call and was none; ``read_ahead`` stood at ``read_before``."""
        self.wasted += self.read_ahead - read_before
        self.late_failures += self.final

    @property
    def is_hopeless(self) -> bool:
        """Whether to stop looking for calls: each look may read all the text that is left."""
        return self.late_failures >= MAX_LATE_FAILURES or self.wasted >= MAX_WASTED

    def drain(self) -> Delta:
        """The output since the last drain."""
        delta = Delta(self.content, self.thinking, self.calls)
        self.content = ""
        self.thinking = ""
        self.calls = []
        return delta


@lru_cache(maxsize=2048)
def words(marker: str) -> tuple[str, ...]:
    """A marker as parts between which models print white space or leave it out as they like."""
    return tuple(word for word in _WORD_BORDER.split(marker) if word)


def spaces(tape: Tape, at: int) -> Scan[int]:
    """The first offset from ``at`` on that is no white space; the end of the text at the end."""
    while True:
        if found := _NONSPACE.search(tape.text, at):
            return found.start()
        at = max(at, len(tape.text))
        if tape.final:
            return at
        yield


def literal(tape: Tape, at: int, marker: tuple[str, ...]) -> Scan[int]:
    """The offset behind ``marker`` when it stands at ``at``, -1 otherwise."""
    for position, word in enumerate(marker):
        if position:
            at = yield from spaces(tape, at)
        while not tape.text.startswith(word, at):
            if tape.final or not word.startswith(tape.text[at:]):
                return -1
            yield
        at += len(word)
    return at


def until(
    tape: Tape, at: int, pattern: re.Pattern[str], longest: int
) -> Scan[re.Match[str] | None]:
    """The first match from ``at`` on, None when the text ends without one.

    ``longest`` is the length of the longest match; no alternative of ``pattern`` may be a prefix of
    a longer one.
    """
    while True:
        if found := pattern.search(tape.text, at):
            return found
        if tape.final:
            return None
        at = max(at, len(tape.text) - longest + 1)
        yield


def peek(tape: Tape, at: int) -> Scan[str]:
    """The character at ``at``, empty at the end of the text."""
    while at >= len(tape.text):
        if tape.final:
            return ""
        yield
    return tape.text[at]


class Balance:
    """Finds the end of a bracketed value: strings are skipped, brackets counted.

    ``stop`` ends the value, too, where a bracket or a string was never closed. A string between
    marked quotes may contain it all the same: it was not closed when a value's ``start`` or the
    end of the text follows before its quote does.
    """

    def __init__(
        self,
        opening: str,
        closing: str,
        quotes: tuple[str, ...],
        *,
        start: str = "",
        stop: str = "",
    ) -> None:
        self._opening = opening
        self._start, self._stop = start, stop
        brackets = [re.escape(c) for c in opening + closing]
        found = [mark for mark in (*quotes, stop) if mark]
        marks = sorted(map(re.escape, found), key=len, reverse=True)
        self._any = re.compile("|".join(marks + brackets))
        self._longest = max(map(len, (*found, start)), default=1)
        self._beginnings = [mark[:end] for mark in found for end in range(1, len(mark))]
        self._ends = {quote: self._end_pattern(quote) for quote in quotes}

    def _end_pattern(self, quote: str) -> re.Pattern[str]:
        # Backslashes escape inside of one-character quotes, not inside of marked strings.
        others = [r"\\."] if len(quote) == 1 else [re.escape(self._start)]
        marks = [*others, re.escape(quote), re.escape(self._stop)]
        return re.compile("|".join(mark for mark in marks if mark), re.DOTALL)

    def end(self, tape: Tape, at: int) -> Scan[int]:
        """The offset behind the bracket that closes the one at ``at``; -1 when the text ends."""
        end = yield from self._end(tape, at)
        tape.read_ahead += (end if end > 0 else len(tape.text)) - at
        return end

    def _end(self, tape: Tape, at: int) -> Scan[int]:
        depth = 0
        while True:
            found = yield from until(tape, at, self._any, self._longest)
            if found is None:
                return -1
            if not tape.final and self._within_a_mark(tape.text, found.start()):
                yield
                continue
            at = found.end()
            mark = found.group()
            if mark == self._stop:
                return found.start()
            if mark in self._ends:
                at = yield from self._string_end(tape, at, mark)
                if at < 0:
                    return -1
            else:
                depth += 1 if mark in self._opening else -1
                if depth <= 0:
                    return at

    def _within_a_mark(self, text: str, at: int) -> bool:
        """Whether the text may end in the middle of a longer mark, of which ``at`` is a part."""
        return any(
            text.endswith(beginning) and len(text) - len(beginning) < at
            for beginning in self._beginnings
        )

    def _string_end(self, tape: Tape, at: int, quote: str) -> Scan[int]:
        """The offset behind a string, or of the ``stop`` that ends it; -1 when the text does."""
        pattern = self._ends[quote]
        longest = max(2, self._longest)
        stopped = -1
        while found := (yield from until(tape, at, pattern, longest)):
            at, mark = found.end(), found.group()
            if mark == quote:
                return at
            if mark == self._stop and stopped < 0:
                stopped = found.start()
            if stopped >= 0 and (mark == self._start or len(quote) == 1):
                return stopped
        return -1 if tape.truncated else stopped


JSON_BRACKETS = Balance("{[", "}]", ('"',))
PYTHON_BRACKETS = Balance("([{", ")]}", ('"', "'"))


@lru_cache(maxsize=64)
def quoted_brackets(quote: str, start: str, stop: str) -> Balance:
    """JSON's brackets where strings stand between ``quote``, too; see `Balance` for the others."""
    return Balance("{[", "}]", (quote, '"'), start=start, stop=stop)
