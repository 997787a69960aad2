"""Optional API keys: with them set, every request must carry one.

A key arrives as ``Authorization: Bearer KEY`` (OpenAI's clients, Ollama's) or ``x-api-key: KEY``
(Anthropic's). Only what a browser asks before it may send a header is let through without one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ollama_server.api_keys import read_keys
from ollama_server.errors import Unauthorized
from ollama_server.routes.envelopes import error_response


class ApiKeys:
    """A set of keys, held as hashes."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._hashes = [_hash(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def accepts(self, key: str) -> bool:
        """Whether ``key`` is one of them; the time this takes tells nothing about any of them."""
        given = _hash(key)
        matches = [hmac.compare_digest(given, known) for known in self._hashes]
        return any(matches)


def load_keys(keys: str, file: str) -> ApiKeys:
    """The keys of OLLAMA_API_KEYS and OLLAMA_API_KEYS_FILE; see ``read_keys``."""
    return ApiKeys(read_keys(keys, file))


class ApiKeyMiddleware:
    """Answers 401, in the words of the API family, to requests without a valid key."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        key = _key_of(Headers(scope=scope))
        if self.keys.accepts(key):
            await self.app(scope, receive, send)
            return
        text = "invalid API key" if key else "an API key is required"
        response = error_response(scope["path"], Unauthorized(text))
        response.headers["www-authenticate"] = "Bearer"
        await response(scope, receive, send)


def _key_of(headers: Headers) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key", "").strip()


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
