"""POST /v1/responses. Nothing is stored: a client sends the whole conversation each time."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.routes.answers import built_reply
from ollama_server.routes.bodies import read_body
from ollama_server.routes.docs import documented
from ollama_server.routes.openai.responses_answers import ResponseBuilder
from ollama_server.routes.openai.responses_input import responses_generation
from ollama_server.wire.body import decode
from ollama_server.wire.openai_responses import ResponsesRequest

router = APIRouter(tags=["OpenAI"])


@router.post(
    "/v1/responses",
    summary="Make a response",
    **documented(ResponsesRequest, stream=True, family="openai"),
)
async def responses(request: Request) -> Response:
    """OpenAI's Responses: one object, or named server-sent events. Nothing is stored."""
    body = decode(ResponsesRequest, await read_body(request), empty="EOF")
    events = request.app.state.generation.generate(responses_generation(body))
    return built_reply(events, ResponseBuilder(body), stream=body.stream)
