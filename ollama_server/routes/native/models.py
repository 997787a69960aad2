"""Installed and loaded models: tags, ps, show, copy, delete."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest, Forbidden, ModelNotFound, ServerError, StoreError
from ollama_server.generation.catalog import Catalog, Installed
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.streaming import JSON
from ollama_server.runtime.pool import Loaded, Pool
from ollama_server.store import show as shown
from ollama_server.store.model import Model, load_model
from ollama_server.store.names import Name, Reference, parse_reference
from ollama_server.store.store import Entry, Store
from ollama_server.wire.body import decode
from ollama_server.wire.clock import FOREVER, local_time
from ollama_server.wire.native import CopyRequest, DeleteRequest, ShowRequest
from ollama_server.wire.native_frames import encode

router = APIRouter(tags=["models"])

_CLOUD_DETAILS = "ollama cloud is disabled: remote model details are unavailable"
_COPILOT = "GitHubCopilotChat/"


@router.head("/api/tags", include_in_schema=False)
@router.get("/api/tags", summary="Installed models", **documented())
async def tags(request: Request) -> Response:
    """All installed models, the newest first."""
    models = await asyncio.to_thread(_list, request.app.state.catalog)
    return json_reply({"models": models})


def _list(catalog: Catalog) -> list[dict[str, Any]]:
    found = []
    for entry in catalog.store.list():
        try:
            found.append(_tag(entry, catalog.known(load_model(catalog.store, entry))))
        except StoreError:
            continue  # a broken model is no reason to hide the others; the store has logged it
    return found


def _tag(entry: Entry, installed: Installed) -> dict[str, Any]:
    model = installed.model
    tag: dict[str, Any] = {
        "name": entry.name.short,
        "model": entry.name.short,
        "modified_at": _modified_at(model),
        "size": entry.size,
        "digest": entry.digest,
        "details": shown.details(model, lengths=True),
    }
    if installed.listed_capabilities:
        tag["capabilities"] = installed.listed_capabilities
    return tag | _remote(model)


@router.get("/api/ps", summary="Loaded models", **documented())
async def ps(request: Request) -> Response:
    """The models in memory, the last to expire first."""
    pool: Pool = request.app.state.pool
    return json_reply({"models": [_loaded(loaded) for loaded in pool.loaded()]})


def _loaded(loaded: Loaded) -> dict[str, Any]:
    model, info = loaded.model, loaded.runner.info
    expires_at = loaded.expires_at
    if math.isinf(expires_at):
        expires_at = (datetime.now() + FOREVER).timestamp()
    return {
        "name": model.name.short,
        "model": model.name.short,
        "size": info.size or model.size,
        "digest": model.digest,
        "details": shown.details(model) | {"parent_model": ""},
        "expires_at": local_time(expires_at),
        "size_vram": info.size_vram,
        "context_length": info.num_ctx,
    }


@router.post("/api/show", summary="Details of a model", **documented(ShowRequest))
async def show(request: Request) -> Response:
    """Licence, Modelfile, parameters, template, metadata, tensors and capabilities."""
    body = decode(ShowRequest, await read_raw(request))
    text = (body.model or body.name).strip()
    if not text:
        raise BadRequest("model is required")
    reference = parse_reference(text)
    if not reference.name.is_valid:
        raise BadRequest("invalid model name")
    if reference.source == "cloud":
        raise Forbidden(_CLOUD_DETAILS)
    catalog: Catalog = request.app.state.catalog
    details = await asyncio.to_thread(_show, catalog, reference, body)
    if request.headers.get("user-agent", "").startswith(_COPILOT) and details["model_info"]:
        details["model_info"]["general.basename"] = text
    return json_reply(details)


def _show(catalog: Catalog, reference: Reference, body: ShowRequest) -> dict[str, Any]:
    model = load_model(catalog.store, catalog.store.resolve(reference.name))
    if model.config.is_remote and reference.source == "local":
        raise ModelNotFound(f"model '{reference.name.short}' not found")
    installed = catalog.known(model)
    template = _template_text(installed)
    found: dict[str, Any] = {
        "license": "\n".join(model.licenses),
        "modelfile": shown.modelfile_text(
            model,
            system=body.system or None,
            options=body.options or None,
        ),
        "parameters": shown.parameters_text(model.params),
        "template": template,
        "system": body.system or model.system,
        "messages": [dict(message) for message in model.messages],
        "tensors": shown.tensors(model.gguf),
        "projector_info": shown.model_info(model.projector_gguf, verbose=body.verbose),
        "capabilities": installed.capabilities,
        "requires": model.config.requires,
    }
    found = {key: value for key, value in found.items() if value}
    found["details"] = shown.details(model)
    found["model_info"] = shown.model_info(model.gguf, verbose=body.verbose)
    found["modified_at"] = _modified_at(model)
    return found | _remote(model)


def _template_text(installed: Installed) -> str:
    """The template in force, else the stored one: a broken template must not hide the model."""
    if not installed.model.config.is_remote:
        try:
            return installed.template.text
        except ServerError:
            pass
    return installed.model.template or installed.model.jinja or shown.DEFAULT_TEMPLATE


def _modified_at(model: Model) -> str:
    seconds, nanoseconds = divmod(model.modified_ns, 1_000_000_000)
    return local_time(seconds, nanoseconds)


def _remote(model: Model) -> dict[str, Any]:
    config = model.config
    pairs = {"remote_model": config.remote_model, "remote_host": config.remote_host}
    return {key: value for key, value in pairs.items() if value}


@router.post(
    "/api/copy",
    summary="Give a model a second name",
    **documented(CopyRequest, description="Copied; the body is empty"),
)
async def copy(request: Request) -> Response:
    """Copies the manifest; weights are shared. An existing destination is replaced."""
    body = decode(CopyRequest, await read_raw(request))
    source, destination = Name.parse(body.source), Name.parse(body.destination)
    if not source.is_valid:
        raise BadRequest(f'source "{body.source}" is invalid')
    if not destination.is_valid:
        raise BadRequest(f'destination "{body.destination}" is invalid')
    store: Store = request.app.state.store
    try:
        await asyncio.to_thread(store.copy, source, destination)
    except ModelNotFound:
        raise ModelNotFound(f'model "{body.source}" not found') from None
    return Response()


@router.delete(
    "/api/delete",
    summary="Remove a model",
    **documented(DeleteRequest, description="Removed; the body is empty"),
)
async def delete(request: Request) -> Response:
    """Removes the name, and the blobs that no other model uses."""
    body = decode(DeleteRequest, await read_raw(request))
    text = (body.model or body.name).strip()
    if not text:
        raise BadRequest("model is required")
    reference = parse_reference(text)
    name = reference.stub if reference.source == "cloud" else reference.name
    if not name.is_valid:
        raise BadRequest(f'name "{text}" is invalid')
    store: Store = request.app.state.store
    try:
        await asyncio.to_thread(store.delete, name)
    except ModelNotFound:
        raise ModelNotFound(f"model '{text}' not found") from None
    return Response()


def json_reply(value: Any) -> Response:
    """A JSON object with Ollama's media type."""
    return Response(encode(value), media_type=JSON)
