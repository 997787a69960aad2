"""Replies of routes that report progress: pull, push and create."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.responses import Response

from ollama_server.errors import ServerError
from ollama_server.routes.streaming import NDJSON, StreamingReply, Whole
from ollama_server.store.progress import Progress
from ollama_server.wire.native_frames import encode, error_body


def progress_reply(frames: AsyncIterator[Progress], *, stream: bool) -> Response:
    """One line a frame, or only the last one; a client that hangs up cancels the work."""
    assert isinstance(frames, AsyncGenerator)
    produce = _lines(frames) if stream else _last(frames)
    return StreamingReply(produce, media_type=NDJSON, encode_error=_error_line)


def _error_line(error: ServerError) -> bytes:
    return error_body(error.message) + b"\n"


async def _lines(frames: AsyncGenerator[Progress, None]) -> AsyncGenerator[bytes | Whole, None]:
    async with aclosing(frames):
        async for frame in frames:
            yield encode(frame.as_dict()) + b"\n"


async def _last(frames: AsyncGenerator[Progress, None]) -> AsyncGenerator[bytes | Whole, None]:
    last = Progress("success")
    async with aclosing(frames):
        async for frame in frames:
            last = frame
    yield Whole(encode(last.as_dict()), media_type="application/json")
