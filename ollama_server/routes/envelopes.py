"""Errors in the words of each API family."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ollama_server.errors import ServerError
from ollama_server.routes.answers import new_id
from ollama_server.routes.bodies import UndecodableBody
from ollama_server.wire.sse import json_body

_OPENAI_TYPES = {400: "invalid_request_error", 404: "not_found_error"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


def openai_error(error: ServerError) -> dict[str, Any]:
    """OpenAI's envelope."""
    kind = _OPENAI_TYPES.get(error.status, "api_error")
    return {"error": {"message": error.message, "type": kind, "param": None, "code": None}}


def anthropic_error(error: ServerError) -> dict[str, Any]:
    """Anthropic's envelope without the request id, as it appears in streams."""
    kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}}


def error_response(path: str, error: ServerError) -> Response:
    """The answer to a request for ``path`` that failed before its first byte."""
    body: dict[str, Any]
    if isinstance(error, UndecodableBody):
        body = {"error": error.message}
    elif path == "/v1/messages" or path.startswith("/v1/messages/"):
        body = {**anthropic_error(error), "request_id": new_id("req_")}
    elif path.startswith("/v1/"):
        body = openai_error(error)
    else:
        body = {"error": error.message}
    return Response(json_body(body), error.status, media_type="application/json")
