"""What the API families share on the way out: whole answers, and the frame of a stream.

An encoder is a family's view of one generation: it turns each event into the bytes of zero or more
frames, closes the stream, and says what a failure in mid-stream looks like.
"""

from __future__ import annotations

import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from ollama_server.chat.types import ToolCall
from ollama_server.engine.protocol import Logprob
from ollama_server.errors import ServerError
from ollama_server.generation.events import Chunk, Done, Event, Rendered
from ollama_server.generation.merge import merge
from ollama_server.routes.streaming import StreamingReply, Whole
from ollama_server.wire import sse


class Encoder(Protocol):
    """Events in, bytes of a stream out."""

    def feed(self, event: Event) -> bytes:
        """Frames for this event, or nothing."""

    def end(self) -> bytes:
        """Frames that close a stream which went well."""

    def error(self, error: ServerError) -> bytes:
        """The last frame of a stream that failed after its first one."""


class Builder(Encoder, Protocol):
    """An encoder that can also give the whole answer as one object."""

    def whole(self) -> bytes:
        """The finished answer as JSON."""


async def encoded(
    events: AsyncIterator[Event], encoder: Encoder
) -> AsyncGenerator[bytes | Whole, None]:
    """The frames of a whole stream; closing it closes ``events``."""
    async with closing(events):
        held = b""
        async for event in events:
            held += encoder.feed(event)
            if held and not (type(event) is Chunk and event.more):
                yield held
                held = b""
        if frames := encoder.end():
            yield frames


async def merged(
    streams: Sequence[AsyncIterator[Event]], width: int
) -> AsyncGenerator[Event, None]:
    """Several generations of ``width`` answers as one: their events as they come, renumbered.

    The first failure ends all of them.
    """

    async def renumbered(number: int, stream: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
        async with closing(stream):
            async for event in stream:
                if isinstance(event, Chunk | Done):
                    event.index += number * width
                yield event

    several = len(streams) > 1
    events = merge([renumbered(*pair) for pair in enumerate(streams)]) if several else streams[0]
    async with closing(events):
        async for event in events:
            yield event


def stream_reply(
    events: AsyncIterator[Event], encoder: Encoder, headers: Mapping[str, str] | None = None
) -> StreamingReply:
    """A generation as server-sent events."""
    return StreamingReply(
        encoded(events, encoder),
        media_type=sse.CONTENT_TYPE,
        encode_error=encoder.error,
        headers=headers,
    )


def built_reply(events: AsyncIterator[Event], builder: Builder, *, stream: bool) -> StreamingReply:
    """A generation as named events, or as the object that the same builder ends up with."""
    if stream:
        return stream_reply(events, builder, sse.EVENT_HEADERS)

    async def whole() -> bytes:
        async with closing(events):
            async for event in events:
                builder.feed(event)
        return builder.whole()

    return whole_reply(whole)


def whole_reply(produce: Callable[[], Awaitable[bytes]]) -> StreamingReply:
    """One JSON body, waited for as a stream is: a client that hangs up ends the work."""

    async def frames() -> AsyncGenerator[bytes | Whole, None]:
        yield Whole(await produce(), media_type="application/json")

    return StreamingReply(frames(), media_type=sse.CONTENT_TYPE, encode_error=lambda error: b"")


@dataclass(slots=True)
class Answer:
    """One answer, put together; ``done`` is None for a model that was only loaded."""

    content: str = ""
    thinking: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Logprob] = field(default_factory=list)
    done: Done | None = None


@dataclass(slots=True)
class Answers:
    """All answers of a generation in the order of their index, or the prompt it would have had."""

    items: list[Answer]
    rendered: Rendered | None = None

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.items)


async def collect(events: AsyncIterator[Event], n: int = 1) -> Answers:
    """Wait for the end of a generation of ``n`` answers."""
    contents: list[list[str]] = [[] for _ in range(n)]
    thoughts: list[list[str]] = [[] for _ in range(n)]
    answers = Answers([Answer() for _ in range(n)])
    async with closing(events):
        async for event in events:
            if isinstance(event, Chunk):
                contents[event.index].append(event.content)
                thoughts[event.index].append(event.thinking)
                answers.items[event.index].tool_calls += event.tool_calls
                answers.items[event.index].logprobs += event.logprobs
            elif isinstance(event, Done):
                answers.items[event.index].done = event
            elif isinstance(event, Rendered):
                answers.rendered = event
    for answer, content, thinking in zip(answers, contents, thoughts, strict=True):
        answer.content = "".join(content)
        answer.thinking = "".join(thinking)
    return answers


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of a request: the prompt once, all answers together."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
        )


def usage_of(ends: Iterable[Done | None]) -> Usage:
    """The usage of the answers to one prompt."""
    done = [end for end in ends if end is not None]
    if not done:
        return Usage()
    # Answers after the first find the prompt in the cache: that of the first says what was reused.
    first = min(done, key=lambda end: end.cached_tokens)
    return Usage(first.prompt_tokens, first.cached_tokens, sum(end.eval_tokens for end in done))


def new_id(prefix: str, length: int = 24) -> str:
    """A random id of ``length`` hexadecimal digits."""
    return f"{prefix}{secrets.token_hex((length + 1) // 2)[:length]}"


def closing(events: AsyncIterator[Event]) -> aclosing[AsyncGenerator[Event, None]]:
    """Close a generation with the block: nothing is computed for a reader who left."""
    assert isinstance(events, AsyncGenerator)
    return aclosing(events)
