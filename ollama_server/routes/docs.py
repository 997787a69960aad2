"""What FastAPI's /docs says about a route whose body is read by wire.body and not by FastAPI."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import msgspec

from ollama_server.wire.body import Body

FORM = "multipart/form-data"
_TEXT = {"type": "string"}
_ERROR = {"type": "object", "properties": {"message": _TEXT, "type": _TEXT}}
# What an error's body looks like in each family.
_ERRORS: dict[str, dict[str, Any]] = {
    "native": {"error": _TEXT},
    "openai": {"error": _ERROR},
    "anthropic": {"type": _TEXT, "error": _ERROR, "request_id": _TEXT},
}


def documented(
    request: type[Body] | None = None,
    reply: type[msgspec.Struct] | None = None,
    *,
    stream: bool = False,
    form: bool = False,
    description: str = "Success",
    family: Literal["native", "openai", "anthropic"] = "native",
) -> dict[str, Any]:
    """Keywords of a route's decorator: the request's schema, the reply's, and the error's.

    With ``form`` the request is one, and no JSON.
    """
    extra: dict[str, Any] = {}
    if request is not None:
        schema = request.model_json_schema()
        schema = _resolved(schema, schema.pop("$defs", {}))
        extra["requestBody"] = {
            "required": True,
            "content": {FORM if form else "application/json": {"schema": schema}},
        }
    content: dict[str, Any] = {}
    if reply is not None:
        media_type = "application/x-ndjson" if stream else "application/json"
        content = {media_type: {"schema": _struct_schema(reply)}}
    elif stream:
        content = {"application/json": {}, "text/event-stream": {}}
    error_schema = {"type": "object", "properties": _ERRORS[family]}
    error = {
        "description": "What went wrong",
        "content": {"application/json": {"schema": error_schema}},
    }
    return {
        "openapi_extra": extra,
        "responses": {
            200: {"description": description, "content": content},
            "4XX": error,
            "5XX": error,
        },
    }


@cache
def _struct_schema(reply: type[msgspec.Struct]) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([reply])
    resolved: dict[str, Any] = _resolved(schema, components)
    return resolved


def _resolved(schema: Any, components: dict[str, Any], inside: tuple[str, ...] = ()) -> Any:
    """The schema with its references replaced by what they name; a recursive one ends there."""
    if isinstance(schema, list):
        return [_resolved(item, components, inside) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {key: _resolved(value, components, inside) for key, value in schema.items()}
    name = reference.rpartition("/")[2]
    if name in inside:
        return {"type": "object"}
    return _resolved(components[name], components, (*inside, name))
