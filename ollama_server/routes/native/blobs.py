"""HEAD and POST /api/blobs/:digest."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ollama_server.errors import Canceled, NotFound
from ollama_server.routes.docs import documented
from ollama_server.store.blobs import check_digest
from ollama_server.store.store import Store

router = APIRouter(tags=["models"])

_FLUSH_BYTES = 1 << 20


@router.head("/api/blobs/{digest:path}", summary="Is a blob there?", **documented())
async def exists(request: Request, digest: str) -> Response:
    """200 when the store has the blob, else 404."""
    store: Store = request.app.state.store
    check_digest(digest)
    if not store.blobs.has(digest):
        raise NotFound(f'blob "{digest}" not found')
    return Response()


@router.post(
    "/api/blobs/{digest:path}",
    summary="Upload a blob",
    **documented(description="It was there already"),
)
async def upload(request: Request, digest: str) -> Response:
    """Streams the body to disk; 201 when it was new. Its SHA-256 must be the one in the path."""
    store: Store = request.app.state.store
    check_digest(digest)
    if store.blobs.has(digest):
        return Response()
    with store.blobs.writer() as writer:
        waiting = bytearray()
        try:
            async for chunk in request.stream():
                waiting += chunk
                if len(waiting) >= _FLUSH_BYTES:
                    await asyncio.to_thread(writer.write, bytes(waiting))
                    waiting.clear()
        except ClientDisconnect:
            raise Canceled("request canceled") from None
        await asyncio.to_thread(writer.write, bytes(waiting))
        # The path as it was written: another spelling of the digest than the usual one mismatches.
        await asyncio.to_thread(writer.commit, digest)
    return Response(status_code=201)
