"""The plan of a download on disk: the sparse partial file and the state of each of its parts.

Beside ``sha256-<hex>-partial`` lies ``sha256-<hex>-partial-<N>`` for each part, a line of JSON. The
plan counts only if its parts tile the partial file exactly; anything else is what a crash in the
middle of planning left behind, and is thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ollama_server.store.blobs import Blobs
from ollama_server.store.disk import make_folder

MIN_PART = 100_000_000
MAX_PART = 1_000_000_000
STREAMS = 16


@dataclass(slots=True)
class Part:
    """Bytes ``offset`` to ``offset + size`` of a blob, ``completed`` of them on disk."""

    number: int
    offset: int
    size: int
    completed: int = 0

    @property
    def done(self) -> bool:
        return self.completed >= self.size

    @property
    def position(self) -> int:
        """Where in the blob the next byte goes."""
        return self.offset + self.completed

    @property
    def end(self) -> int:
        """The first byte behind the part."""
        return self.offset + self.size

    def as_json(self) -> bytes:
        state = {
            "N": self.number,
            "Offset": self.offset,
            "Size": self.size,
            "Completed": self.completed,
        }
        return json.dumps(state, separators=(",", ":")).encode() + b"\n"


def divide(total: int, start: int = 0) -> list[Part]:
    """Cut bytes ``start`` to ``total`` into parts: sixteen, within the limits of a part's size."""
    size = min(max(total // STREAMS, MIN_PART), MAX_PART)
    offsets = range(start, total, size)
    return [Part(n, at, min(size, total - at)) for n, at in enumerate(offsets)]


class PartedTransfer:
    """What a download and an upload have in common for those who watch them."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.moved = asyncio.Event()
        """Set when the last byte has crossed the wire."""
        self._parts: list[Part] = []

    @property
    def total(self) -> int:
        """Bytes of the blob; 0 until they are known."""
        return sum(part.size for part in self._parts)

    @property
    def completed(self) -> int:
        """Bytes that are where they should be."""
        return sum(part.completed for part in self._parts)


class PartialFile:
    """The files of an unfinished download of the blob ``digest``."""

    def __init__(self, blobs: Blobs, digest: str) -> None:
        self._blobs = blobs
        self._digest = digest
        final = blobs.path(digest)
        self.path = final.with_name(final.name + "-partial")

    def load(self) -> list[Part] | None:
        """The plan of an earlier attempt, or None; remains that cannot be used are removed."""
        parts = sorted(self._read_states(), key=lambda part: part.offset)
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = -1
        if parts and _tiles(parts, size):
            return parts
        self.discard()
        return None

    def create(self, parts: list[Part], total: int) -> None:
        """Lay out a new plan. The file gets its full size first: see the module's text."""
        self.discard()
        make_folder(self.path.parent)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.ftruncate(descriptor, total)
        finally:
            os.close(descriptor)
        for part in parts:
            self.save(part)

    def save(self, part: Part) -> None:
        """Write a part's state in one step: numbers only grow, so no shorter line ever remains."""
        descriptor = os.open(self._state(part.number), os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            line = part.as_json()
            os.pwrite(descriptor, line, 0)
            os.ftruncate(descriptor, len(line))
        finally:
            os.close(descriptor)

    def publish(self) -> None:
        """Give the finished file its blob name. A crash before the end leaves only litter."""
        self._blobs.publish(self.path, self._digest)
        self.discard()

    def discard(self) -> None:
        """Remove the partial file and every state."""
        self.path.unlink(missing_ok=True)
        for state in self._states():
            state.unlink(missing_ok=True)

    def _state(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}-{number}")

    def _states(self) -> list[Path]:
        return list(self.path.parent.glob(f"{self.path.name}-*"))

    def _read_states(self) -> Iterator[Part]:
        for path in self._states():
            # A line that a crash cut short is no part; then the parts do not tile the file.
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                value = json.loads(path.read_bytes())
                numbers = [value[key] for key in ("N", "Offset", "Size", "Completed")]
                if all(type(number) is int and number >= 0 for number in numbers):
                    yield Part(*numbers)


def _tiles(parts: list[Part], size: int) -> bool:
    position = 0
    for part in parts:
        if part.offset != position or part.completed > part.size:
            return False
        position += part.size
    return position == size
