"""Chat and completion requests as generations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ollama_server.errors import BadRequest
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.openai import fields
from ollama_server.routes.openai.messages import to_messages
from ollama_server.wire.openai import ChatCompletionRequest, CompletionRequest

# What OpenAI's own service defaults to; it stands above a model's parameters, as in Ollama.
DEFAULT_TEMPERATURE = 1.0
DEFAULT_TOP_P = 1.0
MAX_LOGPROBS = 20


def chat_generation(request: ChatCompletionRequest) -> GenerationRequest:
    """A chat completion as a generation; raises BadRequest."""
    if not request.messages:
        raise BadRequest("[] is too short - 'messages'")
    if not request.model:
        raise BadRequest("model is required")
    # A reasoning object hides the flat field even when it says nothing.
    effort = request.reasoning.effort if request.reasoning else request.reasoning_effort
    choice, tools = fields.tool_choice(request.tool_choice, fields.tools_of(request.tools))
    return GenerationRequest(
        model=request.model,
        messages=to_messages(request.messages),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=request.parallel_tool_calls,
        format=fields.format_of(request.response_format),
        think=fields.think(effort),
        options=_chat_options(request),
        logit_bias=fields.logit_bias(request.logit_bias),
        keep_alive=request.keep_alive,
        logprobs=request.logprobs,
        top_logprobs=fields.top_logprobs(request.top_logprobs),
        n=fields.answers(request.n),
        render_only=request.debug_render_only,
    )


def _chat_options(request: ChatCompletionRequest) -> dict[str, Any]:
    limit = request.max_tokens
    if limit is None:
        limit = request.max_completion_tokens
    return without_none(
        num_predict=limit,
        temperature=DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        top_p=DEFAULT_TOP_P if request.top_p is None else request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        repeat_penalty=request.repeat_penalty,
        seed=request.seed,
        stop=fields.stop_strings(request.stop),
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
    )


def completion_generations(request: CompletionRequest) -> list[GenerationRequest]:
    """One generation for each prompt of the request; raises BadRequest."""
    if request.best_of is not None and request.best_of < request.n:
        raise BadRequest("best_of must be greater than or equal to n")
    if request.best_of is not None and request.best_of > request.n and request.stream:
        raise BadRequest("best_of greater than n cannot be streamed")
    if request.logprobs > MAX_LOGPROBS:
        raise BadRequest("top_logprobs must be between 0 and 20")
    if request.echo and request.logprobs > 0:
        raise BadRequest("logprobs of an echoed prompt are not supported")
    if request.echo and request.suffix:
        raise BadRequest("echo and suffix cannot be used together")
    ranked = request.best_of is not None and request.best_of > request.n
    return [
        GenerationRequest(
            model=request.model,
            prompt=prompt if isinstance(prompt, str) else "",
            prompt_tokens=None if isinstance(prompt, str) else prompt,
            suffix=request.suffix,
            options=_completion_options(request),
            logit_bias=fields.logit_bias(request.logit_bias),
            keep_alive=request.keep_alive,
            # The best answers are those whose tokens were the likeliest.
            logprobs=request.logprobs > 0 or ranked,
            top_logprobs=max(request.logprobs, 0),
            n=fields.answers(request.best_of or request.n),
            render_only=request.debug_render_only,
        )
        for prompt in _prompts(request.prompt)
    ]


def _prompts(value: Any) -> Iterator[str | list[int]]:
    match value:
        case None:
            yield ""
        case str(text):
            yield text
        case [first, *_] if all(is_token(item) for item in value) and is_token(first):
            yield value
        case [_, *_]:
            for item in value:
                if not isinstance(item, str) and not is_tokens(item):
                    raise BadRequest("prompt must be a string, tokens, or a list of either")
                yield item
        case _:
            raise BadRequest("prompt must be a string, tokens, or a list of either")


def is_token(value: Any) -> bool:
    """Whether a JSON value can be a token id."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def is_tokens(value: Any) -> bool:
    """Whether a JSON value is a list of token ids with something in it."""
    return isinstance(value, list) and bool(value) and all(is_token(item) for item in value)


def _completion_options(request: CompletionRequest) -> dict[str, Any]:
    return without_none(
        num_predict=request.max_tokens,
        temperature=DEFAULT_TEMPERATURE if request.temperature is None else request.temperature,
        top_p=request.top_p or DEFAULT_TOP_P,
        seed=request.seed,
        stop=_strict_stop(request.stop),
        frequency_penalty=request.frequency_penalty or 0.0,
        presence_penalty=request.presence_penalty or 0.0,
    )


def _strict_stop(stop: Any) -> list[str] | None:
    for item in stop if isinstance(stop, list) else ():
        if not isinstance(item, str):
            kind = "bool" if isinstance(item, bool) else "float64"
            raise BadRequest(f"invalid type for 'stop' field: {kind}")
    return fields.stop_strings(stop)


def without_none(**options: Any) -> dict[str, Any]:
    """The options that have a value."""
    return {name: value for name, value in options.items() if value is not None}
