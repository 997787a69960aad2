"""GET /v1/models and /v1/models/{id}: the only routes that OpenAI and Anthropic share by name.

Anthropic's clients send a version header with every request; they get their own shape.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
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
    models = [_model(request, entry.name.short, entry) for entry in entries]
    if not _is_anthropic(request):
        return _json({"object": "list", "data": models})
    ends = {
        "first_id": models[0]["id"] if models else None,
        "last_id": models[-1]["id"] if models else None,
    }
    return _json({"data": models, "has_more": False, **ends})


@router.get("/v1/models/{model:path}", summary="Get a model", **documented(family="openai"))
async def get_model(request: Request, model: str) -> Response:
    """One installed model; an id may contain slashes, and comes back as it was asked for."""
    name = parse_reference(model).name
    if not name.is_valid:
        raise BadRequest("invalid model name")
    entry = await asyncio.to_thread(request.app.state.store.resolve, name)
    return _json(_model(request, model, entry))


def _is_anthropic(request: Request) -> bool:
    return "anthropic-version" in request.headers


def _model(request: Request, model_id: str, entry: Entry) -> dict[str, Any]:
    created = entry.modified_ns // 10**9
    if _is_anthropic(request):
        moment = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = {"id": model_id, "display_name": model_id}
        return {"type": "model", **names, "created_at": moment}
    return {
        "id": model_id,
        "object": "model",
        "created": created,
        "owned_by": entry.name.namespace,
    }


def _json(body: Any) -> Response:
    return Response(sse.json_body(body), media_type="application/json")
