"""The server itself: liveness, version, status, metrics, and what there is no cloud for."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ollama_server.errors import Forbidden, ServerError
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.native.models import json_reply
from ollama_server.version import API_VERSION, package_version
from ollama_server.wire.body import parse_json

router = APIRouter(tags=["server"])

_RECOMMENDED = [
    {
        "model": "gemma4",
        "description": "A capable all-round model that sees images",
        "vram_bytes": 12_000_000_000,
    },
    {
        "model": "qwen3.5",
        "description": "Reasoning, tools and code",
        "vram_bytes": 14_000_000_000,
    },
]


@router.head("/", include_in_schema=False)
@router.get("/", summary="Is the server there?", **documented())
async def root() -> Response:
    """Plain text that clients look for."""
    return PlainTextResponse("Ollama is running")


@router.head("/api/version", include_in_schema=False)
@router.get("/api/version", summary="Version of the API", **documented())
async def api_version() -> Response:
    """`version` is the Ollama release whose API this is; `server` is this program's own."""
    return json_reply({"version": API_VERSION, "server": f"ollama-server/{package_version()}"})


@router.get("/api/status", summary="Is the cloud used? (no)", **documented())
async def status(request: Request) -> Response:
    """As an Ollama server with its cloud switched off."""
    source = request.app.state.settings.cloud_disabled_by
    return json_reply({"cloud": {"disabled": True, "source": source}})


@router.get("/metrics", summary="Numbers for Prometheus", **documented())
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    state = request.app.state
    return Response(await state.metrics.render(state.pool), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/api/experimental/model-recommendations", summary="Models to start with", **documented()
)
async def recommendations() -> Response:
    """Models that run locally."""
    return json_reply({"recommendations": _RECOMMENDED})


@router.post("/api/me", summary="Cloud account (none)", **documented())
async def me() -> Response:
    """There is no account to tell about."""
    raise ServerError("account unavailable", 503)


@router.post("/api/signout", summary="Sign out of the cloud (nobody is)", **documented())
@router.delete("/api/user/keys/{key:path}", summary="Older form of signout", **documented())
async def signout() -> Response:
    """Nobody is signed in."""
    raise ServerError("you are not currently signed in", 401)


@router.post("/api/experimental/web_search", summary="Cloud search (none)", **documented())
async def web_search(request: Request) -> Response:
    """Refused as by an Ollama server with its cloud switched off."""
    parse_json(await read_raw(request))
    raise Forbidden("ollama cloud is disabled: web search is unavailable")


@router.post("/api/experimental/web_fetch", summary="Cloud fetch (none)", **documented())
async def web_fetch(request: Request) -> Response:
    """Refused as by an Ollama server with its cloud switched off."""
    parse_json(await read_raw(request))
    raise Forbidden("ollama cloud is disabled: web fetch is unavailable")
