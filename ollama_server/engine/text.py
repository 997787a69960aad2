"""From token bytes to text a client may see: whole characters, stop strings never shown."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Turns the bytes of one generation into text, holding back what is not yet certain.

    Held back: the first bytes of a character whose rest has not come, and text that may turn out
    to be the beginning of a stop string.
    """

    __slots__ = ("_decoder", "_held", "_stops", "stop")

    def __init__(self, stops: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stop = ""

    def feed(self, data: bytes) -> str:
        """The text that may be shown now. When a stop string is complete, ``stop`` names it."""
        text = self._decoder.decode(data)
        if not self._stops:
            return text
        text = self._held + text
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.stop = min(found, key=lambda pair: (pair[0], -len(pair[1])))
            self._held = ""
            return text[:at]
        keep = max(overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back and can no longer become anything else."""
        text = self._held + self._decoder.decode(b"", final=True)
        self._held = ""
        return text


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that is a proper beginning of ``stop``."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
