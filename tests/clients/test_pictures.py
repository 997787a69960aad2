"""Questions about drawings through every family, with the libraries that people use.

The model is the small one that sees, and the drawings are none that it was trained on.
"""

from __future__ import annotations

import base64
import random
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from ollama import Client
from openai import OpenAI

from models.sight.drawings import Group, Scene
from models.sight.heldout import picture
from tests.process import ServerProcess

SIGHT = Path(__file__).parents[2] / "models" / "sight"
ASKED = "What do you see?"
CIRCLES = Scene("white", (Group("circle", "red", 3),))
MIXED = Scene("white", (Group("square", "blue", 2), Group("star", "green", 1)))
SAID = "Three red circles on a white background."
MIXED_SAID = "Two blue squares and one green star on a white background."


def drawn(scene: Scene, seed: int) -> bytes:
    """A new drawing of a scene, as a file."""
    return picture(random.Random(77_000_000 + seed), scene)


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def sight(server: ServerProcess) -> str:
    """The model that sees, made from its two files."""
    names = ("sight.gguf", "sight-mmproj.gguf")
    files = {name: server.upload((SIGHT / name).read_bytes()) for name in names}
    server.create("sight", files=files, parameters={"temperature": 0, "num_ctx": 2048})
    return "sight"


@pytest.fixture
def ollama_client(url: str) -> Client:
    return Client(host=url)


@pytest.fixture
def openai_client(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


@pytest.fixture
def anthropic_client(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key="unused", max_retries=0)


# --- Ollama's library -----------------------------------------------------------------------------


def test_the_model_says_that_it_sees(ollama_client: Client, sight: str) -> None:
    capabilities = ollama_client.show(sight).capabilities or []
    assert "vision" in capabilities
    assert "insert" not in capabilities


def test_generate_with_bytes(ollama_client: Client, sight: str) -> None:
    answer = ollama_client.generate(sight, ASKED, images=[drawn(CIRCLES, 1)])
    assert answer.response == SAID
    assert answer.done_reason == "stop"


def test_generate_with_a_path(ollama_client: Client, sight: str, tmp_path: Path) -> None:
    path = tmp_path / "drawing"
    path.write_bytes(drawn(MIXED, 2))
    assert ollama_client.generate(sight, ASKED, images=[path]).response == MIXED_SAID


def test_chat_about_one_drawing(ollama_client: Client, sight: str) -> None:
    messages: list[Any] = [
        {"role": "user", "content": "How many squares are there?", "images": [drawn(MIXED, 3)]}
    ]
    first = ollama_client.chat(sight, messages).message
    assert first.content == "There are two squares."
    messages += [first, {"role": "user", "content": "What colour is the star?"}]
    assert ollama_client.chat(sight, messages).message.content == "The star is green."


def test_chat_about_a_second_drawing(ollama_client: Client, sight: str) -> None:
    messages: list[Any] = [{"role": "user", "content": ASKED, "images": [drawn(CIRCLES, 4)]}]
    first = ollama_client.chat(sight, messages).message
    assert first.content == SAID
    messages += [first, {"role": "user", "content": ASKED, "images": [drawn(MIXED, 5)]}]
    assert ollama_client.chat(sight, messages).message.content == MIXED_SAID


def test_streamed_chat_in_chinese(ollama_client: Client, sight: str) -> None:
    messages = [{"role": "user", "content": "你看到了什么？", "images": [drawn(CIRCLES, 6)]}]
    chunks = ollama_client.chat(sight, messages, stream=True)
    text = "".join(chunk.message.content or "" for chunk in chunks)
    assert text == "白色背景上有三个红色的圆形。"


def test_without_a_drawing_it_says_so(ollama_client: Client, sight: str) -> None:
    answer = ollama_client.chat(sight, [{"role": "user", "content": ASKED}])
    assert answer.message.content == "I see no drawing. Please send me one."


# --- OpenAI's library -----------------------------------------------------------------------------
# Without a temperature it means 1, whatever the model's own is.


def test_chat_completion(openai_client: OpenAI, sight: str) -> None:
    content: Any = [
        {"type": "text", "text": ASKED},
        {"type": "image_url", "image_url": {"url": data_url(drawn(CIRCLES, 7))}},
    ]
    answer = openai_client.chat.completions.create(
        model=sight, temperature=0, messages=[{"role": "user", "content": content}]
    )
    assert answer.choices[0].message.content == SAID
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 64


def test_streamed_chat_completion(openai_client: OpenAI, sight: str) -> None:
    content: Any = [
        {"type": "image_url", "image_url": {"url": data_url(drawn(MIXED, 8))}},
        {"type": "text", "text": "How many shapes are there?"},
    ]
    chunks = openai_client.chat.completions.create(
        model=sight,
        temperature=0,
        messages=[{"role": "user", "content": content}],
        stream=True,
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "There are three shapes."


def test_response(openai_client: OpenAI, sight: str) -> None:
    content: Any = [
        {"type": "input_text", "text": ASKED},
        {"type": "input_image", "detail": "auto", "image_url": data_url(drawn(MIXED, 9))},
    ]
    answer = openai_client.responses.create(
        model=sight, temperature=0, input=[{"role": "user", "content": content}]
    )
    assert answer.output_text == MIXED_SAID


# --- Anthropic's library --------------------------------------------------------------------------


def test_message(anthropic_client: Anthropic, sight: str) -> None:
    data = base64.b64encode(drawn(CIRCLES, 10)).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": ASKED}]
    message = anthropic_client.messages.create(
        model=sight, max_tokens=60, messages=[{"role": "user", "content": content}]
    )
    assert [block.text for block in message.content if block.type == "text"] == [SAID]
    assert message.stop_reason == "end_turn"


def test_streamed_message(anthropic_client: Anthropic, sight: str) -> None:
    data = base64.b64encode(drawn(MIXED, 11)).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content: Any = [
        {"type": "image", "source": source},
        {"type": "text", "text": "What colour are the squares?"},
    ]
    with anthropic_client.messages.stream(
        model=sight, max_tokens=60, messages=[{"role": "user", "content": content}]
    ) as stream:
        assert "".join(stream.text_stream) == "The squares are blue."
