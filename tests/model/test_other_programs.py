"""Other programs load the same file and say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_cpp import Llama

from models.tiny.config import GGUF_PATH
from models.tiny.corpus import fim
from tests.llama_server import LlamaServer
from tests.process import ServerProcess

LENGTH = 64
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CHATS: dict[str, list[dict[str, str]]] = {
    "question": [{"role": "user", "content": "Why is the sky blue?"}],
    "greeting": [{"role": "user", "content": "Hello"}],
    "chinese": [{"role": "user", "content": "你好"}],
    "sum": [{"role": "user", "content": "What is 3 + 4?"}],
    "system": [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "What is the capital of France?"},
    ],
    "memory": [
        {"role": "user", "content": "My name is Anna."},
        {"role": "assistant", "content": "Nice to meet you, Anna!"},
        {"role": "user", "content": "What is my name?"},
    ],
}
FILLS = {
    "add": ("def add(a, b):\n    return ", "\n"),
    "double": ("def double(n):\n    return ", "\n"),
}


@pytest.fixture(scope="module")
def llama() -> Iterator[Llama]:
    model = Llama(str(GGUF_PATH), n_ctx=2048, n_threads=1, n_threads_batch=1, verbose=False)
    yield model
    model.close()


@pytest.fixture(scope="module")
def llama_server() -> Iterator[LlamaServer]:
    with LlamaServer(GGUF_PATH, "-c", "2048") as server:
        yield server


def ours(server: ServerProcess, messages: list[dict[str, str]], **body: Any) -> dict[str, Any]:
    """Returns the message that our server answers."""
    options = {"temperature": 0, "num_predict": LENGTH}
    response = server.post(
        "/api/chat", model="tiny", messages=messages, stream=False, options=options, **body
    )
    assert response.status_code == 200, response.text
    message: dict[str, Any] = response.json()["message"]
    return message


def theirs(
    server: LlamaServer, messages: list[dict[str, str]], thinking: bool, **body: Any
) -> dict[str, Any]:
    """Returns the message that llama-server answers."""
    answer = server.post(
        "/v1/chat/completions",
        messages=messages,
        temperature=0,
        max_tokens=LENGTH,
        chat_template_kwargs={"enable_thinking": thinking},
        **body,
    )
    message: dict[str, Any] = answer["choices"][0]["message"]
    return message


@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("chat", CHATS)
def test_llama_server_chats_the_same(
    server: ServerProcess, llama_server: LlamaServer, chat: str, thinking: bool
) -> None:
    mine = ours(server, CHATS[chat], think=thinking)
    other = theirs(llama_server, CHATS[chat], thinking)
    assert mine["content"].strip() == other["content"].strip() != ""
    assert (mine.get("thinking") or "").strip() == (other.get("reasoning_content") or "").strip()


def test_llama_server_calls_the_same_tool(server: ServerProcess, llama_server: LlamaServer) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    mine = ours(server, messages, think=False, tools=[TOOL])
    other = theirs(llama_server, messages, False, tools=[TOOL])
    (call,), (same) = mine["tool_calls"], other["tool_calls"][0]
    assert call["function"]["name"] == same["function"]["name"] == "get_weather"
    assert call["function"]["arguments"] == json.loads(same["function"]["arguments"])


@pytest.mark.parametrize("name", FILLS)
def test_llama_server_fills_in_the_same(
    server: ServerProcess, llama_server: LlamaServer, name: str
) -> None:
    prefix, suffix = FILLS[name]
    mine = server.generate(prefix, suffix=suffix)["response"]
    other = llama_server.complete(fim.prompt(prefix, suffix), 16)
    assert mine == other != ""


@pytest.mark.parametrize("chat", CHATS)
def test_llama_cpp_python_chats_the_same(server: ServerProcess, llama: Llama, chat: str) -> None:
    mine = ours(server, CHATS[chat], think=True)
    result = llama.create_chat_completion(
        CHATS[chat],
        temperature=0.0,
        max_tokens=LENGTH,
    )
    text = result["choices"][0]["message"]["content"]
    thought, _, answer = text.removeprefix("<think>").partition("</think>")
    assert mine["content"].strip() == answer.strip() != ""
    assert (mine.get("thinking") or "").strip() == thought.strip()


@pytest.mark.parametrize("name", FILLS)
def test_llama_cpp_python_fills_in_the_same(server: ServerProcess, llama: Llama, name: str) -> None:
    prefix, suffix = FILLS[name]
    mine = server.generate(prefix, suffix=suffix)["response"]
    result = llama.create_completion(fim.prompt(prefix, suffix), temperature=0.0, max_tokens=16)
    assert mine == result["choices"][0]["text"] != ""
