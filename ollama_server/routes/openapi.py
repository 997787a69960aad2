"""The OpenAPI document: FastAPI's own, with an example of each request and answer.

Where an answer has no model in the code, its example is one: the schema is read off it.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from ollama_server.routes.docs import FORM
from ollama_server.wire.examples import EXAMPLES, Example

# In the order in which /docs shows them.
TAGS = [
    {"name": "generation", "description": "Ollama's"},
    {"name": "embeddings", "description": "Ollama's, and tokens"},
    {"name": "models", "description": "Ollama's: list, make, fetch and remove models"},
    {"name": "OpenAI", "description": "What OpenAI's clients call"},
    {"name": "Anthropic", "description": "What Anthropic's clients call"},
    {"name": "reranking", "description": "Documents in the order of their relevance"},
    {"name": "server", "description": "The server itself, and answers for want of a cloud"},
]
_STREAMS = ("text/event-stream", "application/x-ndjson")


def add_examples(app: FastAPI) -> None:
    """Let ``app`` describe itself with examples."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    example = EXAMPLES.get(f"{method.upper()} {path}", Example())
                    _add_request(operation, example)
                    _add_reply(operation, example)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _add_request(operation: dict[str, Any], example: Example) -> None:
    if example.request is None:
        return
    binary = isinstance(example.request, str)
    kind = "application/octet-stream" if binary else FORM if example.form else "application/json"
    content = operation.setdefault("requestBody", {"required": True}).setdefault("content", {})
    media = content.setdefault(kind, {})
    media["example"] = example.request
    bytes_schema = {"type": "string", "format": "binary"}
    media.setdefault("schema", bytes_schema if binary else schema_of(example.request))


def _add_reply(operation: dict[str, Any], example: Example) -> None:
    reply = operation["responses"]["200"]
    known = {kind: media for kind, media in reply.get("content", {}).items() if kind in _STREAMS}
    content: dict[str, Any] = {}
    if isinstance(example.reply, str):
        content["text/plain"] = {"schema": {"type": "string"}, "example": example.reply}
    elif example.reply is not None and example.status == 200:
        declared = reply.get("content", {}).get("application/json", {}).get("schema")
        ndjson = known.get("application/x-ndjson", {}).get("schema")
        schema = declared or ndjson or schema_of(example.reply)
        content["application/json"] = {"schema": schema, "example": example.reply}
    for kind, media in known.items():
        content[kind] = {**media, "example": example.stream}
    if example.status != 200:
        del operation["responses"]["200"]
        schema = schema_of(example.reply)
        media = {"application/json": {"schema": schema, "example": example.reply}}
        operation["responses"][str(example.status)] = {"description": "Always", "content": media}
    else:
        reply["content"] = content


def schema_of(value: Any) -> dict[str, Any]:
    """The JSON Schema of values like this one."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": schema_of(value[0]) if value else {}}
        case dict():
            fields = {name: schema_of(item) for name, item in value.items()}
            return {"type": "object", "properties": fields}
        case _:
            return {}
