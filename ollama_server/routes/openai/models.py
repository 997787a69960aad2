"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest
from ollama_server.routes.docs import documented
from ollama_server.store.names import parse_reference
from ollama_server.store.store import Entry
from ollama_server.wire import sse

router = APIRouter(tags=["OpenAI"])


@router.get("/v1/models", summary="List models", **documented(family="openai"))
async def list_models(request: Request) -> Response:
    """All installed models, the newest first."""
    entries = await asyncio.to_thread(request.app.state.store.list)
    models = [_model(entry.name.short, entry) for entry in entries]
    return _json({"object": "list", "data": models})


@router.get("/v1/models/{model:path}", summary="Get a model", **documented(family="openai"))
async def get_model(request: Request, model: str) -> Response:
    """One installed model; an id may contain slashes, and comes back as it was asked for."""
    name = parse_reference(model).name
    if not name.is_valid:
        raise BadRequest("invalid model name")
    entry = await asyncio.to_thread(request.app.state.store.resolve, name)
    return _json(_model(model, entry))


def _model(model_id: str, entry: Entry) -> dict[str, Any]:
    return {
        "id": model_id,
        "object": "model",
        "created": entry.modified_ns // 10**9,
        "owned_by": entry.name.namespace,
    }


def _json(body: Any) -> Response:
    return Response(sse.json_body(body), media_type="application/json")
