"""What a pull or push tells its client while it works."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ollama_server.store.progress import Progress

# Clients redraw their bars at this pace; it is also how late a cancelled pull notices.
FRAME_SECONDS = 0.06

__all__ = ["FRAME_SECONDS", "Frames", "Progress", "short_digest"]

Frames = AsyncIterator[Progress]


def short_digest(digest: str) -> str:
    """The twelve hex digits by which a status line names a blob."""
    return digest.removeprefix("sha256:")[:12]
