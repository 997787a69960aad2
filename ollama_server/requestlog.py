"""OLLAMA_DEBUG_LOG_REQUESTS: the bodies of inference requests as files, with a script to replay."""

from __future__ import annotations

import itertools
import logging
import shlex
import tempfile
import time
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_PREFIXES = ("/api/generate", "/api/chat", "/api/embed", "/v1/")


class RequestLogMiddleware:
    """Writes each body to a new temporary folder as it arrives; only the user can read it."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        self._app = app
        self._url = url
        self._folder = Path(tempfile.mkdtemp(prefix="ollama-request-logs-"))
        self._numbers = itertools.count(1)
        log.info("request bodies go to %s", self._folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] != "POST" or not path.startswith(_PREFIXES):
            await self._app(scope, receive, send)
            return
        stamp = f"{time.strftime('%Y%m%dT%H%M%S')}_{next(self._numbers):06d}"
        name = f"{stamp}_{path.strip('/').replace('/', '_')}"
        body = bytearray()

        async def record() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    self._write(name, path, bytes(body))
            return message

        await self._app(scope, record, send)

    def _write(self, name: str, path: str, body: bytes) -> None:
        data = self._folder / f"{name}_body.json"
        data.write_bytes(body)
        url = shlex.quote(f"{self._url}{path}")
        script = f"#!/bin/sh\ncurl --request POST {url} --data-binary @{shlex.quote(str(data))}\n"
        (self._folder / f"{name}_request.sh").write_text(script)
