"""Frames of a transfer that somebody watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ollama_server.store.progress import Progress
from ollama_server.transfer.shared import Running, T

# Clients redraw their bars at this pace.
FRAME_SECONDS = 0.06

Frames = AsyncIterator[Progress]


def short_digest(digest: str) -> str:
    """The twelve hex digits by which a status line names a blob."""
    return digest.removeprefix("sha256:")[:12]


async def frames_of(running: Running[T], status: str) -> Frames:
    """A frame every 60 ms until nothing is left to move; raises what the transfer raised early."""
    transfer = running.transfer
    while True:
        moved = await running.moved(FRAME_SECONDS)
        if running.task.done() and not transfer.moved.is_set():
            await running.result()
        yield Progress(status, transfer.digest, transfer.total, transfer.completed)
        if moved:
            return
