"""Responses of the native API. Fields without default are always there; others only when set."""

from __future__ import annotations

from typing import Any

import msgspec

from ollama_server.chat.types import ToolCall
from ollama_server.engine.protocol import Logprob, TokenLogprob
from ollama_server.generation.events import Chunk, Done
from ollama_server.wire.clock import utc_now

encode = msgspec.json.Encoder().encode


class Frame(msgspec.Struct, omit_defaults=True):
    """Base of response shapes: a field that holds its default is left out."""


class ToolCallFunctionOut(Frame):
    """The function of a tool call; ``arguments`` is an object."""

    index: int
    name: str
    arguments: dict[str, Any]


class ToolCallOut(Frame):
    """A tool call in an answer."""

    function: ToolCallFunctionOut
    id: str = ""


class TopLogprobOut(Frame):
    """A candidate token; ``bytes`` are its UTF-8 bytes as integers."""

    token: str
    logprob: float
    bytes: list[int] = []


class LogprobOut(Frame):
    """The chosen token and the likeliest candidates in its place."""

    token: str
    logprob: float
    bytes: list[int] = []
    top_logprobs: list[TopLogprobOut] = []


class DebugInfo(Frame):
    """Answer to ``_debug_render_only``."""

    rendered_template: str
    image_count: int = 0


class Metrics(Frame):
    """The same counters in a shape that some articles show; nanoseconds and tokens."""

    total_duration: int
    load_duration: int
    sample_count: int


class _GenerationFrame(Frame, kw_only=True):
    """What both routes' lines have; counters stand on the last one, durations in nanoseconds."""

    model: str
    created_at: str
    done_reason: str = ""
    context: list[int] = []
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0
    metrics: Metrics | None = None
    truncated: bool = False
    prompt_tokens_dropped: int = 0
    logprobs: list[LogprobOut] = []
    debug_info: DebugInfo | None = msgspec.field(default=None, name="_debug_info")


class GenerateFrame(_GenerationFrame, kw_only=True):
    """One line of /api/generate, or its whole answer."""

    response: str
    thinking: str = ""
    tool_calls: list[ToolCallOut] = []
    done: bool


class MessageOut(Frame):
    """The assistant's message, or the part of it that is new."""

    role: str
    content: str
    thinking: str = ""
    tool_calls: list[ToolCallOut] = []


class ChatFrame(_GenerationFrame, kw_only=True):
    """One line of /api/chat, or its whole answer."""

    message: MessageOut
    done: bool


class EmbedReply(Frame, kw_only=True):
    """Answer of /api/embed, one vector of unit length for each input."""

    model: str
    embeddings: list[list[float]]
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0


class EmbeddingsReply(Frame):
    """Answer of /api/embeddings."""

    embedding: list[float]


class TokenizeReply(Frame):
    """Answer of /api/tokenize."""

    model: str
    tokens: list[int]


class DetokenizeReply(Frame):
    """Answer of /api/detokenize."""

    model: str
    text: str


def tool_call(call: ToolCall) -> ToolCallOut:
    """A parsed tool call in the API's shape."""
    return ToolCallOut(ToolCallFunctionOut(call.index, call.name, call.arguments), call.id)


def logprob(entry: Logprob) -> LogprobOut:
    """The engine's logprob in the API's shape; broken bytes show as U+FFFD in the text."""
    return LogprobOut(
        entry.token.decode("utf-8", "replace"),
        entry.logprob,
        list(entry.token),
        [_candidate(top) for top in entry.top],
    )


def _candidate(entry: TokenLogprob) -> TopLogprobOut:
    return TopLogprobOut(entry.token.decode("utf-8", "replace"), entry.logprob, list(entry.token))


def counters(done: Done) -> dict[str, Any]:
    """The last frame's fields, as keywords of a frame."""
    return {
        "done_reason": done.reason,
        "context": done.context,
        "total_duration": done.total_ns,
        "load_duration": done.load_ns,
        "prompt_eval_count": done.prompt_tokens,
        "prompt_eval_duration": done.prompt_ns,
        "eval_count": done.eval_tokens,
        "eval_duration": done.eval_ns,
        "metrics": Metrics(done.total_ns, done.load_ns, done.eval_tokens),
        "truncated": done.dropped_tokens > 0,
        "prompt_tokens_dropped": done.dropped_tokens,
    }


class GenerateFrames:
    """Encodes one answer of /api/generate; ``model`` is echoed as the client wrote it."""

    def __init__(self, model: str) -> None:
        self._model = model

    def frame(self, chunk: Chunk, *, done: bool = False, **more: Any) -> GenerateFrame:
        """A frame with the chunk's news, and ``more`` of the last frame's fields."""
        return GenerateFrame(
            model=self._model,
            created_at=utc_now(),
            response=chunk.content,
            thinking=chunk.thinking,
            tool_calls=[tool_call(call) for call in chunk.tool_calls],
            logprobs=[logprob(entry) for entry in chunk.logprobs],
            done=done,
            **more,
        )


class ChatFrames:
    """Encodes one answer of /api/chat; ``model`` is echoed as the client wrote it."""

    def __init__(self, model: str) -> None:
        self._model = model

    def frame(
        self, chunk: Chunk, *, done: bool = False, role: str = "assistant", **more: Any
    ) -> ChatFrame:
        """A frame with the chunk's news, and ``more`` of the last frame's fields."""
        return ChatFrame(
            model=self._model,
            created_at=utc_now(),
            message=MessageOut(
                role,
                chunk.content,
                chunk.thinking,
                [tool_call(call) for call in chunk.tool_calls],
            ),
            logprobs=[logprob(entry) for entry in chunk.logprobs],
            done=done,
            **more,
        )


def error_body(message: str) -> bytes:
    """``{"error": message}``."""
    return encode({"error": message})
