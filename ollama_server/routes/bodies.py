"""Reading the bodies of requests; those of /v1 may be compressed."""

from __future__ import annotations

import io

import zstandard
from starlette.requests import ClientDisconnect, Request

from ollama_server.errors import BadRequest, Canceled

MAX_DECOMPRESSED = 20 * 1024 * 1024


class UndecodableBody(BadRequest):
    """A broken or too large compressed body; reported without a family's envelope."""


async def read_raw(request: Request) -> bytes:
    """The whole body as it came; raises Canceled when the client leaves before it has sent all."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Canceled("request canceled") from None


async def read_body(request: Request) -> bytes:
    """The whole body, decompressed where it says zstd; raises UndecodableBody and Canceled."""
    body = await read_raw(request)
    if request.headers.get("content-encoding", "").strip().lower() != "zstd":
        return body
    return decompress(body)


def decompress(body: bytes) -> bytes:
    """The content of a zstd body of at most ``MAX_DECOMPRESSED`` bytes."""
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True)
    try:
        content = reader.read(MAX_DECOMPRESSED + 1)
    except zstandard.ZstdError as error:
        raise UndecodableBody(f"failed to decompress request body: {error}") from None
    if len(content) > MAX_DECOMPRESSED:
        raise UndecodableBody("http: request body too large")
    return content
