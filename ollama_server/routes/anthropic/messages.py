"""POST /v1/messages and /v1/messages/count_tokens."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.routes import websearch
from ollama_server.routes.answers import built_reply, whole_reply
from ollama_server.routes.anthropic.answers import MessageBuilder
from ollama_server.routes.anthropic.requests import (
    estimated_tokens,
    messages_generation,
    prompt_generation,
    wants_cache_counts,
)
from ollama_server.routes.bodies import read_body
from ollama_server.routes.docs import documented
from ollama_server.wire import sse
from ollama_server.wire.anthropic import CountTokensRequest, MessagesRequest
from ollama_server.wire.body import decode

router = APIRouter(tags=["Anthropic"])


@router.post(
    "/v1/messages",
    summary="Continue a conversation",
    **documented(MessagesRequest, stream=True, family="anthropic"),
)
async def messages(request: Request) -> Response:
    """Anthropic's messages: one object, or named server-sent events."""
    body = decode(MessagesRequest, await read_body(request), empty="EOF")
    generation = messages_generation(body)
    events = request.app.state.generation.generate(generation)
    builder = MessageBuilder(
        body.model,
        estimate=estimated_tokens(generation),
        stop_sequences=body.stop_sequences,
        cache_counts=wants_cache_counts(body),
        searches=any(websearch.is_search(tool.type) for tool in body.tools),
    )
    return built_reply(events, builder, stream=body.stream)


@router.post(
    "/v1/messages/count_tokens",
    summary="Count the tokens of a prompt",
    **documented(CountTokensRequest, family="anthropic"),
)
async def count_tokens(request: Request) -> Response:
    """The size of the prompt that a message request would have."""
    body = decode(CountTokensRequest, await read_body(request), empty="EOF")
    generation = prompt_generation(body)

    async def count() -> bytes:
        tokens = await request.app.state.generation.count_tokens(generation)
        return sse.json_body({"input_tokens": tokens})

    return whole_reply(count)
