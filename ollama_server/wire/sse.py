"""Server-sent events: one function per framing that the /v1 families use."""

from __future__ import annotations

from typing import Any, Final

import msgspec

CONTENT_TYPE: Final = "text/event-stream"
# Sent with streams of named events.
EVENT_HEADERS: Final = {"cache-control": "no-cache", "connection": "keep-alive"}
DONE: Final = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


def data(value: Any) -> bytes:
    """A frame without a name, as chat and completions send them."""
    return b"data: " + _encode(value) + b"\n\n"


def event(name: str, value: Any) -> bytes:
    """A named frame, as the Responses and Messages APIs send them."""
    return b"event: " + name.encode() + b"\ndata: " + _encode(value) + b"\n\n"


def json_body(value: Any) -> bytes:
    """The body of an answer that does not stream."""
    return _encode(value)
