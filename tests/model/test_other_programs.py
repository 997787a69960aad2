"""Other programs load the same file and say the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_cpp import Llama

from models.tiny.config import GGUF_PATH
from models.tiny.corpus import fim
from tests.process import ServerProcess

ROOT = Path(__file__).parents[2]
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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def binary() -> str:
    """Returns the path of llama-server; skips the test without one."""
    path = os.environ.get("LLAMA_SERVER") or str(ROOT / ".build" / "bin" / "llama-server")
    if not os.access(path, os.X_OK):
        pytest.skip("no llama-server: `make llama-tools` builds it, or set LLAMA_SERVER")
    return path


@pytest.fixture(scope="module")
def llama_server() -> Iterator[httpx.Client]:
    port = free_port()
    command = [binary(), "-m", str(GGUF_PATH), "--host", "127.0.0.1", "--port", str(port)]
    command += ["-c", "2048", "-t", "1", "--jinja", "--no-webui"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "llama-server ended"
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.05)
    raise AssertionError("llama-server did not become ready")


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
    client: httpx.Client, messages: list[dict[str, str]], thinking: bool, **body: Any
) -> dict[str, Any]:
    """Returns the message that llama-server answers."""
    response = client.post(
        "/v1/chat/completions",
        json={
            "messages": messages,
            "temperature": 0,
            "max_tokens": LENGTH,
            "chat_template_kwargs": {"enable_thinking": thinking},
            **body,
        },
    )
    assert response.status_code == 200, response.text
    message: dict[str, Any] = response.json()["choices"][0]["message"]
    return message


@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("chat", CHATS)
def test_llama_server_chats_the_same(
    server: ServerProcess, llama_server: httpx.Client, chat: str, thinking: bool
) -> None:
    mine = ours(server, CHATS[chat], think=thinking)
    other = theirs(llama_server, CHATS[chat], thinking)
    assert mine["content"].strip() == other["content"].strip() != ""
    assert (mine.get("thinking") or "").strip() == (other.get("reasoning_content") or "").strip()


def test_llama_server_calls_the_same_tool(
    server: ServerProcess, llama_server: httpx.Client
) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    mine = ours(server, messages, think=False, tools=[TOOL])
    other = theirs(llama_server, messages, False, tools=[TOOL])
    (call,), (same) = mine["tool_calls"], other["tool_calls"][0]
    assert call["function"]["name"] == same["function"]["name"] == "get_weather"
    assert call["function"]["arguments"] == json.loads(same["function"]["arguments"])


@pytest.mark.parametrize("name", FILLS)
def test_llama_server_fills_in_the_same(
    server: ServerProcess, llama_server: httpx.Client, name: str
) -> None:
    prefix, suffix = FILLS[name]
    mine = server.generate(prefix, suffix=suffix)["response"]
    raw = {"prompt": fim.prompt(prefix, suffix), "temperature": 0, "n_predict": 16}
    other = llama_server.post("/completion", json=raw).json()["content"]
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
