"""Runners for files that are translated, and what to ask them."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from ollama_server.engine import protocol as p
from ollama_server.store.dialects.prepare import Files
from tests.engine.runner import GREEDY, Runner
from tests.unit.store.dialects.tiny import VOCABULARY

PROMPT = p.Tokens([70, 80, 90, 100, 110, 70, 80])
Tokens = list[tuple[int, float, object]]
T = TypeVar("T")


def picture(side: int = 64) -> bytes:
    """A PNG file with a slope of greys."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(bytes([0, *((x * 4 + y) % 256 for x in range(side))]) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sound(seconds: int = 2, rate: int = 16000) -> bytes:
    """A WAV file with a rising tone."""
    time = np.arange(seconds * rate) / rate
    samples = (np.sin(2 * np.pi * (200 + 100 * time) * time) * 8000).astype("<i2")
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return data.getvalue()


PICTURE, SOUND = picture(), sound()


def load(files: Files, *, embedding: bool = False) -> Runner:
    """A runner with a model, if it loads."""
    return Runner(
        p.Load(
            str(files.model),
            [str(path) for path in files.projectors],
            [p.Adapter(str(path)) for path in files.adapters],
            num_ctx=512,
            parallel=1,
            embedding=embedding,
            num_thread=1,
            overrides=dict(files.overrides),
        )
    )


def ask(runner: Runner, *media: p.Media) -> tuple[int, Tokens]:
    """How many tokens a prompt with media has, and what is said, with all tokens' probabilities."""
    prompt: list[p.PromptPart] = [PROMPT]
    for one in media:
        prompt += [one, PROMPT]
    request = p.Generate(
        runner.id(),
        prompt,
        GREEDY,
        max_tokens=4,
        logprobs=True,
        top_logprobs=VOCABULARY,
        add_special=False,
    )
    answer = runner.generate_all([request])[0]
    tokens: Tokens = [(x.id, x.logprob, x.top) for delta in answer.deltas for x in delta.logprobs]
    assert np.isfinite([logprob for _, logprob, _ in tokens]).all()
    return answer.finished.prompt_tokens, tokens


def media_tokens(count: int, media: int = 1) -> int:
    """How many of a prompt's tokens are those of the media."""
    return count - (media + 1) * len(PROMPT.ids)


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What the calls return; runners that start side by side start sooner."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]
