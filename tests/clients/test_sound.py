"""Recordings through OpenAI's library: transcribed, streamed, and as parts of a conversation."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from openai import BadRequestError, OpenAI

from tests.engine.projectors import write_projector
from tests.engine.test_media import noise
from tests.process import TINY, ServerProcess

SOUND = noise(2, 0.5)


@pytest.fixture(scope="module")
def ears(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that hears, with random weights."""
    folder: Path = tmp_path_factory.mktemp("ears")
    projector = write_projector(folder / "mmproj.gguf", "qwen2a", text_width=256)
    files = {path.name: server.upload(path.read_bytes()) for path in (TINY, projector)}
    server.create("ears", files=files)
    return "ears"


@pytest.fixture(scope="module")
def openai(server: ServerProcess) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def test_a_recording_is_transcribed(openai: OpenAI, ears: str) -> None:
    transcription = openai.audio.transcriptions.create(model=ears, file=("s.wav", SOUND))
    assert transcription.text
    assert transcription.usage is not None
    assert transcription.usage.type == "tokens"
    text = openai.audio.transcriptions.create(
        model=ears, file=("s.wav", SOUND), response_format="text"
    )
    assert text == transcription.text


def test_a_verbose_transcription_knows_the_duration(openai: OpenAI, ears: str) -> None:
    verbose = openai.audio.transcriptions.create(
        model=ears, file=("s.wav", SOUND), response_format="verbose_json", language="en"
    )
    assert (verbose.duration, verbose.language) == (0.5, "en")


def test_a_transcription_streams(openai: OpenAI, ears: str) -> None:
    events = list(
        openai.audio.transcriptions.create(model=ears, file=("s.wav", SOUND), stream=True)
    )
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert done.text == "".join(deltas)


def test_a_model_that_hears_nothing_is_an_error(
    openai: OpenAI, ears: str, server: ServerProcess
) -> None:
    with pytest.raises(BadRequestError, match="does not support audio"):
        openai.audio.transcriptions.create(model="tiny", file=("s.wav", SOUND))


def test_a_conversation_may_hold_a_recording(openai: OpenAI, ears: str) -> None:
    data = base64.b64encode(SOUND).decode()
    answer = openai.chat.completions.create(
        model=ears,
        max_tokens=8,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
                    {"type": "text", "text": "What is said?"},
                ],
            }
        ],
    )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 375
