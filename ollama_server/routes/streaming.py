"""The one response class of all generating routes, whichever family encodes the frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ollama_server.errors import ServerError

log = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Whole:
    """A complete answer, given instead of a stream."""

    body: bytes
    media_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class StreamingReply(Response):
    """Sends the frames of an async generator as they come.

    The first frame is awaited before the headers are sent, so that an error raised until then goes
    to the exception handlers and keeps its status; when the first frame is a ``Whole`` it is the
    entire answer. An error raised later becomes one last frame, made by ``encode_error``. A client
    that hangs up, at any time, cancels the generator.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes | Whole, None],
        *,
        media_type: str,
        encode_error: Callable[[ServerError], bytes],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self._frames = frames
        self._media_type = media_type
        self._encode_error = encode_error
        self._extra_headers = headers or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._run(send))
        watch = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
        if not work.cancelled():
            work.result()

    async def _run(self, send: Send) -> None:
        try:
            first = await anext(self._frames, b"")
            if isinstance(first, Whole):
                await _send_whole(send, first)
                return
            await _start(send, 200, self._media_type, self._extra_headers)
            await send({"type": "http.response.body", "body": first, "more_body": True})
            await self._send_rest(send)
        finally:
            await self._frames.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_rest(self, send: Send) -> None:
        try:
            async for frame in self._frames:
                assert isinstance(frame, bytes)
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        except ServerError as error:
            last = self._encode_error(error)
        except Exception:
            log.exception("a stream failed")
            last = self._encode_error(ServerError("internal server error"))
        else:
            return
        await send({"type": "http.response.body", "body": last, "more_body": True})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, status: int, media_type: str, headers: Mapping[str, str]) -> None:
    pairs = [(b"content-type", media_type.encode())]
    pairs += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _send_whole(send: Send, whole: Whole) -> None:
    headers = {**whole.headers, "content-length": str(len(whole.body))}
    await _start(send, whole.status, whole.media_type, headers)
    await send({"type": "http.response.body", "body": whole.body, "more_body": False})
