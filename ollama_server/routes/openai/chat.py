"""POST /v1/chat/completions and /v1/completions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.answers import collect, merged, stream_reply, whole_reply
from ollama_server.routes.bodies import read_body
from ollama_server.routes.docs import documented
from ollama_server.routes.openai.chat_answers import ChatStream, chat_completion
from ollama_server.routes.openai.completion_answers import CompletionStream, completion
from ollama_server.routes.openai.requests import chat_generation, completion_generations
from ollama_server.wire.body import decode
from ollama_server.wire.openai import ChatCompletionRequest, CompletionRequest

router = APIRouter(tags=["OpenAI"])


@router.post(
    "/v1/chat/completions",
    summary="Continue a conversation",
    **documented(ChatCompletionRequest, stream=True, family="openai"),
)
async def chat_completions(request: Request) -> Response:
    """OpenAI's chat completions: one object, or chunks as server-sent events."""
    body = decode(ChatCompletionRequest, await read_body(request), empty="EOF")
    generation = chat_generation(body)
    service = request.app.state.generation
    if body.stream and not body.debug_render_only:
        usage = body.stream_options is not None and body.stream_options.include_usage
        stream = ChatStream(body.model, include_usage=usage)
        return stream_reply(service.generate(generation), stream)

    async def whole() -> bytes:
        answers = await collect(service.generate(generation), generation.n)
        return chat_completion(body.model, answers)

    return whole_reply(whole)


@router.post(
    "/v1/completions",
    summary="Complete a prompt",
    **documented(CompletionRequest, stream=True, family="openai"),
)
async def completions(request: Request) -> Response:
    """OpenAI's older completions: one object, or chunks as server-sent events."""
    body = decode(CompletionRequest, await read_body(request), empty="EOF")
    generations = completion_generations(body)
    service = request.app.state.generation
    n = generations[0].n
    events = merged([service.generate(generation) for generation in generations], n)
    if body.stream and not body.debug_render_only:
        usage = body.stream_options is not None and body.stream_options.include_usage
        stream = CompletionStream(
            body.model,
            each=n,
            echoes=await _echoes(request, body, generations),
            include_usage=usage,
            logprobs=body.logprobs > 0,
        )
        return stream_reply(events, stream)

    async def whole() -> bytes:
        answers = await collect(events, n * len(generations))
        echoes = await _echoes(request, body, generations)
        show_logprobs = body.logprobs > 0
        return completion(
            body.model, answers, each=n, keep=body.n, echoes=echoes, logprobs=show_logprobs
        )

    return whole_reply(whole)


async def _echoes(
    request: Request, body: CompletionRequest, generations: list[GenerationRequest]
) -> list[str]:
    """The prompts that answers repeat in front of their text; none where nobody asked."""
    echoes: list[str] = []
    for generation in generations if body.echo else ():
        if generation.prompt_tokens is None:
            echoes.append(generation.prompt)
            continue
        text = await request.app.state.embedding.detokenize(
            generation.model, generation.prompt_tokens, keep_alive=generation.keep_alive
        )
        echoes.append(text)
    return echoes
