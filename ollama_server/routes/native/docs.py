"""What FastAPI's /docs says about a route whose body is read by wire.body and not by FastAPI."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from ollama_server.wire.body import Body


def documented(
    request: type[Body] | None = None,
    reply: type[msgspec.Struct] | None = None,
    *,
    stream: bool = False,
    description: str = "Success",
) -> dict[str, Any]:
    """Keywords of a route's decorator: the request's schema, the reply's, and the error's."""
    extra: dict[str, Any] = {}
    if request is not None:
        schema = request.model_json_schema()
        schema = _resolved(schema, schema.pop("$defs", {}))
        extra["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    media_type = "application/x-ndjson" if stream else "application/json"
    content = {media_type: {"schema": _struct_schema(reply)}} if reply else {}
    error = {
        "description": 'What went wrong: `{"error": "..."}`',
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"error": {"type": "string"}}}
            }
        },
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


def _resolved(schema: Any, components: dict[str, Any]) -> Any:
    """The schema with its references replaced by what they name."""
    if isinstance(schema, list):
        return [_resolved(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _resolved(components[reference.rpartition("/")[2]], components)
    return {key: _resolved(value, components) for key, value in schema.items()}
