"""Events of a generation, and the frames that encoders make of them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any

from ollama_server.chat.types import ToolCall
from ollama_server.engine.protocol import Logprob
from ollama_server.generation.events import Chunk, Done, Event
from ollama_server.routes.answers import Encoder

CALL = ToolCall("tide", {"port": "Brest"}, id="call_1")
LOGPROB = Logprob(id=1, token=b"Hi", logprob=-0.5)


def done(index: int = 0, reason: str = "stop", **fields: Any) -> Done:
    """The end of an answer: a prompt of 10 tokens, 4 of them cached, and 3 generated ones."""
    numbers = {"prompt_tokens": 10, "cached_tokens": 4, "eval_tokens": 3, **fields}
    return Done(index, reason, prompt_ns=1, eval_ns=1, total_ns=1, load_ns=1, **numbers)


async def stream(events: Iterable[Event | Exception]) -> AsyncGenerator[Event, None]:
    """Events as a generation yields them; an exception among them is raised."""
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def say(*texts: str) -> list[Event]:
    return [Chunk(content=text) for text in texts]


def encode(encoder: Encoder, events: Iterable[Event]) -> bytes:
    """The bytes of a whole stream."""
    return b"".join(encoder.feed(event) for event in events) + encoder.end()


def data_frames(raw: bytes) -> list[Any]:
    """The values of unnamed frames, the terminator as its text."""
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    texts = [frame.removeprefix("data: ") for frame in frames]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def named_frames(raw: bytes) -> list[Any]:
    """The values of named frames; each repeats its name as its type."""
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    values = []
    for frame in frames:
        name, _, data = frame.partition("\n")
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        values.append(value)
    return values
