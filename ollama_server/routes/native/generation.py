"""POST /api/generate and /api/chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.chat.types import Media, Message, Tool, ToolCall
from ollama_server.errors import BadRequest, ServerError
from ollama_server.generation.events import Chunk, Done, Event, Rendered, Unloaded
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.streaming import NDJSON, StreamingReply, Whole
from ollama_server.wire import native_frames as frames
from ollama_server.wire.body import decode
from ollama_server.wire.media import Parts, image_from_url, media_from_text, sound_from_part
from ollama_server.wire.native import ChatRequest, GenerateRequest, MessageBody, ToolBody

router = APIRouter(tags=["generation"])

_NOTHING = Chunk()


@router.post(
    "/api/generate",
    summary="Complete a prompt",
    **documented(GenerateRequest, frames.GenerateFrame, stream=True),
)
async def generate(request: Request) -> Response:
    """Streams one JSON object a line unless `stream` is false; the last one carries counters."""
    body = decode(GenerateRequest, await read_raw(request))
    generation = GenerationRequest(
        model=body.model,
        prompt=body.prompt,
        suffix=body.suffix,
        system=body.system,
        template=body.template or None,
        context=body.context,
        raw=body.raw,
        media=to_media(body.images, ""),
        return_context=not body.raw,
        **_shared(body),
    )
    events = request.app.state.generation.generate(generation)
    return _reply(events, frames.GenerateFrames(body.model), stream=body.stream)


@router.post(
    "/api/chat",
    summary="Continue a conversation",
    **documented(ChatRequest, frames.ChatFrame, stream=True),
)
async def chat(request: Request) -> Response:
    """Streams one JSON object a line unless `stream` is false; the last one carries counters."""
    body = decode(ChatRequest, await read_raw(request))
    if not body.model.strip():
        raise BadRequest("model is required")
    generation = GenerationRequest(
        model=body.model,
        messages=[to_message(message, i) for i, message in enumerate(body.messages)],
        tools=[to_tool(tool) for tool in body.tools],
        return_context=True,
        **_shared(body),
    )
    events = request.app.state.generation.generate(generation)
    return _reply(events, frames.ChatFrames(body.model), stream=body.stream)


def _shared(body: GenerateRequest | ChatRequest) -> dict[str, Any]:
    return {
        "format": body.format,
        "options": body.options,
        "keep_alive": body.keep_alive,
        "think": body.think,
        "truncate": body.truncate,
        "shift": body.shift,
        "logprobs": body.logprobs,
        "top_logprobs": body.top_logprobs,
        "render_only": body.debug_render_only,
    }


def to_media(images: list[str], place: str) -> list[Media]:
    """Images and sounds from base64, data URLs or URLs. Raises BadRequest.

    ``place`` stands before ``images[0]`` in errors.
    """
    media = []
    for index, text in enumerate(images):
        here = f"{place}images[{index}]"
        try:
            media.append(media_from_text(text, here))
        except ValueError as error:
            raise BadRequest(f"{here}: {error}") from None
    return media


def to_message(body: MessageBody, index: int = 0) -> Message:
    """A message of a request, which stands there at ``index``. Raises BadRequest for bad media."""
    parts = Parts(separator="\n")
    if isinstance(body.content, str):
        parts.say(body.content)
    else:
        for number, part in enumerate(body.content):
            _add_part(parts, part, f"messages[{index}].content[{number}]")
    return Message(
        role=body.role,
        content=parts.content,
        thinking=body.thinking,
        media=parts.media + to_media(body.images, f"messages[{index}]."),
        tool_calls=[
            ToolCall(call.function.name, call.function.arguments, call.id, call.function.index)
            for call in body.tool_calls
        ],
        tool_name=body.tool_name,
        tool_call_id=body.tool_call_id,
    )


def _add_part(parts: Parts, part: Any, place: str) -> None:
    try:
        match part:
            case {"type": "text", "text": str(text)}:
                parts.say(text)
            case {"type": "image", "url": str(text)} | {"type": "image", "image": str(text)}:
                parts.show(replace(media_from_text(text, place), kind="image"))
            case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
                parts.show(image_from_url(url, place))
            case {"type": "input_audio", "input_audio": sound}:
                parts.show(sound_from_part(sound, place))
            case _:
                raise BadRequest(
                    f"{place}: a part must be of type text, image, image_url or input_audio"
                )
    except ValueError as error:
        raise BadRequest(f"{place}: {error}") from None


def to_tool(body: ToolBody) -> Tool:
    """A tool of a request."""
    function = body.function
    return Tool(function.name, function.description, function.parameters, body.type)


# --- replies --------------------------------------------------------------------------------------


def _reply(
    events: AsyncGenerator[Event, None],
    encoder: frames.GenerateFrames | frames.ChatFrames,
    *,
    stream: bool,
) -> Response:
    encode = _streamed if stream else _whole
    return StreamingReply(encode(events, encoder), media_type=NDJSON, encode_error=_error_line)


def _error_line(error: ServerError) -> bytes:
    message = error.message
    if error.status >= 500:
        message = f"an error was encountered while running the model: {message}"
    return frames.error_body(message) + b"\n"


async def _streamed(
    events: AsyncGenerator[Event, None], encoder: frames.GenerateFrames | frames.ChatFrames
) -> AsyncGenerator[bytes | Whole, None]:
    """A line for each event; load, unload and debug replies are whole objects instead."""
    encode = frames.encode
    started = False
    held = b""
    async with aclosing(events):
        async for event in events:
            if type(event) is Chunk:
                started = True
                held += encode(encoder.frame(event)) + b"\n"
                if not event.more:
                    yield held
                    held = b""
            elif type(event) is Done:
                started = True
                last = encode(encoder.frame(_NOTHING, done=True, **frames.counters(event)))
                yield held + last + b"\n"
            elif isinstance(event, Rendered | Unloaded):
                yield _single(encoder, event)
                return
    if not started:
        yield _single(encoder, None)


async def _whole(
    events: AsyncGenerator[Event, None], encoder: frames.GenerateFrames | frames.ChatFrames
) -> AsyncGenerator[bytes | Whole, None]:
    """One object: all chunks put together, and the last frame's fields."""
    chunks: list[Chunk] = []
    special: Rendered | Unloaded | None = None
    done: Done | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Chunk):
                chunks.append(event)
            elif isinstance(event, Done):
                done = event
            elif isinstance(event, Rendered | Unloaded):
                special = event
    if done is None:
        yield _single(encoder, special)
        return
    everything = Chunk(
        content="".join(chunk.content for chunk in chunks),
        thinking="".join(chunk.thinking for chunk in chunks),
        tool_calls=[call for chunk in chunks for call in chunk.tool_calls],
        logprobs=[entry for chunk in chunks for entry in chunk.logprobs],
    )
    yield Whole(frames.encode(encoder.frame(everything, done=True, **frames.counters(done))))


def _single(
    encoder: frames.GenerateFrames | frames.ChatFrames, event: Rendered | Unloaded | None
) -> Whole:
    if isinstance(event, Rendered):
        info = frames.DebugInfo(event.prompt, event.media_count)
        if isinstance(encoder, frames.ChatFrames):
            return Whole(frames.encode(encoder.frame(_NOTHING, role="", debug_info=info)))
        return Whole(frames.encode(encoder.frame(_NOTHING, debug_info=info)))
    reason = "unload" if isinstance(event, Unloaded) else "load"
    return Whole(frames.encode(encoder.frame(_NOTHING, done=True, done_reason=reason)))
