"""How events become what is written to the connection, in one piece or in several."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ollama_server.generation.events import Chunk, Event
from ollama_server.routes.answers import Encoder, encoded
from ollama_server.routes.anthropic.answers import MessageBuilder
from ollama_server.routes.openai.chat_answers import ChatStream

from .events import data_frames, done, stream

ENCODERS: list[Callable[[], Encoder]] = [lambda: ChatStream("m"), lambda: MessageBuilder("m")]


async def written(encoder: Encoder, events: list[Event]) -> list[bytes]:
    return [piece async for piece in encoded(stream(events), encoder) if isinstance(piece, bytes)]


@pytest.mark.parametrize("make", ENCODERS)
async def test_events_that_are_there_together_are_written_together(
    make: Callable[[], Encoder],
) -> None:
    texts = ["one", "two", "three"]
    alone = await written(make(), [*(Chunk(content=t) for t in texts), done()])
    together = await written(make(), [*(Chunk(content=t, more=True) for t in texts), done()])
    assert len(together) < len(alone)
    assert all(text.encode() in together[0] for text in texts)


async def test_each_event_stays_a_frame_of_its_own() -> None:
    events = [Chunk(content="one", more=True), Chunk(content="two"), done()]
    frames = data_frames(b"".join(await written(ChatStream("m"), events)))
    said = [f["choices"][0]["delta"].get("content") for f in frames if f != "[DONE]"]
    assert said == ["one", "two", None]
