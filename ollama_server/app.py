"""The application: services, routes and what happens to every request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match

from ollama_server.auth import ApiKeyMiddleware, load_keys
from ollama_server.chat.template.builtin import detect_builtin
from ollama_server.chat.template.go import parse as parse_template
from ollama_server.errors import ServerError
from ollama_server.generation.catalog import Catalog
from ollama_server.generation.embedding import EmbeddingService
from ollama_server.generation.service import GenerationService
from ollama_server.media.prepare import MediaService
from ollama_server.metrics import Metrics
from ollama_server.middleware import (
    NOT_FOUND,
    CleanPathMiddleware,
    CorsMiddleware,
    HostCheckMiddleware,
    MetricsMiddleware,
    OriginRules,
)
from ollama_server.requestlog import RequestLogMiddleware
from ollama_server.routes import anthropic, native, openai, rerank
from ollama_server.routes.envelopes import error_response
from ollama_server.routes.openapi import TAGS, add_examples
from ollama_server.routes.pages import add_pages
from ollama_server.runtime.pool import Pool
from ollama_server.settings import Settings, get_settings
from ollama_server.store.create import Hooks
from ollama_server.store.embedded import register_embedded
from ollama_server.store.store import Store
from ollama_server.transfer.keys import load_or_create
from ollama_server.transfer.service import TransferService
from ollama_server.version import API_VERSION, package_version

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The server's ASGI application; services are on ``app.state``.

    Raises ValueError for an OLLAMA_ORIGINS that cannot be understood, ServerError for a file of API
    keys that cannot be read.
    """
    settings = settings or get_settings()
    app = FastAPI(
        title="ollama-server",
        version=package_version(),
        description="An inference server that speaks Ollama's API, OpenAI's and Anthropic's.",
        openapi_tags=TAGS,
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    state = app.state
    state.settings = settings
    state.store = Store(settings.models)
    state.metrics = Metrics()
    state.pool = Pool(settings)
    state.catalog = Catalog(state.store, settings)
    state.media = MediaService(settings)
    state.generation = GenerationService(state.catalog, state.pool, state.metrics, state.media)
    state.embedding = EmbeddingService(state.catalog, state.pool)
    hooks = Hooks(detect_template=detect_builtin, check_template=parse_template)
    state.transfer = TransferService(
        state.store,
        version=API_VERSION,
        prune=not settings.noprune,
        hooks=hooks,
        streams=settings.max_transfer_streams,
    )
    state.create_hooks = replace(hooks, pull=state.transfer.pull)
    for router in (*native.ROUTERS, openai.router, anthropic.router, rerank.router):
        app.include_router(router)
    add_pages(app)
    add_examples(app)
    app.add_exception_handler(ServerError, _server_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """From the inside out: the last one added sees a request first."""
    if keys := load_keys(settings.api_keys, settings.api_keys_file):
        app.add_middleware(ApiKeyMiddleware, keys=keys)
    if settings.debug_log_requests:
        app.add_middleware(RequestLogMiddleware, url=settings.address.client_url)
    app.add_middleware(CleanPathMiddleware, is_known=lambda path: bool(methods_of(app, path)))
    if settings.address.is_loopback:
        app.add_middleware(HostCheckMiddleware)
    app.add_middleware(CorsMiddleware, rules=OriginRules(settings.origins))
    app.add_middleware(MetricsMiddleware, counter=app.state.metrics.requests)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    await asyncio.to_thread(_prepare_store, state.store, state.settings, state.create_hooks)
    await asyncio.to_thread(_prepare_key)
    state.pool.start()
    try:
        yield
    finally:
        await state.transfer.close()
        await state.pool.close()
        state.media.close()


def _prepare_store(store: Store, settings: Settings, hooks: Hooks) -> None:
    try:
        store.start(prune=not settings.noprune, cache_limit=settings.cache_max)
        if not settings.no_embedded_model:
            register_embedded(store, hooks)
    except ServerError as error:
        # A read-only or damaged store still serves what can be read.
        log.warning("the model store at %s: %s", store.root, error)


def _prepare_key() -> None:
    """Make the key pair, if it is missing, before somebody wants to register it somewhere."""
    try:
        load_or_create()
    except ServerError as error:
        # Only registries that ask for a signature need the key; they will say so again.
        log.warning("%s", error)


def methods_of(app: FastAPI, path: str) -> list[str]:
    """The methods that some route takes for ``path``; empty for an unknown path."""
    scope = {"type": "http", "path": path, "root_path": "", "method": ""}
    found: set[str] = set()
    for route in leaf_routes(app.routes):
        if route.matches(scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


def leaf_routes(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes themselves: newer releases of FastAPI keep included routers whole."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from leaf_routes(included.routes)


async def _server_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServerError)
    return error_response(request.url.path, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return PlainTextResponse(NOT_FOUND, 404)
    if error.status_code == 405:
        allow = ", ".join(methods_of(request.app, request.url.path))
        return PlainTextResponse("405 method not allowed", 405, headers={"Allow": allow})
    return error_response(request.url.path, ServerError(str(error.detail), error.status_code))


async def _unexpected_error(request: Request, error: Exception) -> Response:
    """A mistake of ours: the traceback goes to the log, not to the client."""
    return error_response(request.url.path, ServerError("internal server error"))
