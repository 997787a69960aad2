"""Ollama's Python library against a real server: every method, sync and async."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest
from ollama import AsyncClient, Client, ResponseError
from pydantic import BaseModel

from tests.process import TINY
from tests.unit.transfer.local_registry import LocalRegistry
from tests.unit.transfer.serving import serving

# Of ollama.com, not of a server.
ELSEWHERE = {"web_search", "web_fetch", "systemone"}
SKY = "Why is the sky blue?"
CHAT: Any = [{"role": "user", "content": SKY}]
PARIS: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
GREEDY: Any = {"temperature": 0, "num_predict": 200}


def get_weather(city: str) -> str:
    """Get the current weather in a city.

    Args:
      city: The name of the city
    """
    return f"It is sunny in {city}."


class Verdict(BaseModel):
    certain: bool


@pytest.fixture
def client(url: str) -> Client:
    return Client(host=url)


@pytest.fixture
def async_client(url: str) -> AsyncClient:
    return AsyncClient(host=url)


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    local = LocalRegistry()
    with serving(local.app()) as port:
        local.port = port
        yield local


def test_every_method_of_the_library_is_tested_here() -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    text = Path(__file__).read_text(encoding="utf-8")
    for client in ("client", "async_client"):
        called = {name for name in methods if re.search(rf"\b{client}\.{name}\(", text)}
        assert called | ELSEWHERE >= methods


# --- generate -------------------------------------------------------------------------------------


def test_generate(client: Client, model: str) -> None:
    answer = client.generate(model, SKY, options=GREEDY)
    assert "scatter" in answer.response
    assert answer.done_reason == "stop"
    assert answer.eval_count
    assert answer.context


def test_streamed_generate(client: Client, model: str) -> None:
    *parts, last = client.generate(model, SKY, options=GREEDY, stream=True)
    assert "scatter" in "".join(part.response for part in [*parts, last])
    assert last.done
    assert not any(part.done for part in parts)


async def test_async_generate(async_client: AsyncClient, model: str) -> None:
    whole = await async_client.generate(model, SKY, options=GREEDY)
    parts = [p async for p in await async_client.generate(model, SKY, options=GREEDY, stream=True)]
    assert "".join(part.response for part in parts) == whole.response


def test_generate_between_two_texts(client: Client, model: str) -> None:
    answer = client.generate(model, "def add(a, b):\n", suffix="\n", options=GREEDY)
    assert answer.done


def test_generate_raw_with_logprobs(client: Client, model: str) -> None:
    answer = client.generate(
        model, "The sky is", raw=True, logprobs=True, top_logprobs=2, options={"num_predict": 2}
    )
    assert answer.context is None
    assert answer.logprobs is not None
    assert len(answer.logprobs) == 2


# --- chat -----------------------------------------------------------------------------------------


def test_chat(client: Client, model: str) -> None:
    answer = client.chat(model, CHAT, options=GREEDY)
    assert "scatter" in (answer.message.content or "")
    assert answer["message"]["role"] == "assistant"


def test_streamed_chat(client: Client, model: str) -> None:
    parts = list(client.chat(model, CHAT, options=GREEDY, stream=True))
    assert "scatter" in "".join(part.message.content or "" for part in parts)
    assert parts[-1].done_reason == "stop"


async def test_async_chat(async_client: AsyncClient, model: str) -> None:
    whole = await async_client.chat(model, CHAT, options=GREEDY)
    parts = [
        part async for part in await async_client.chat(model, CHAT, options=GREEDY, stream=True)
    ]
    assert "".join(part.message.content or "" for part in parts) == whole.message.content


def test_a_python_function_is_a_tool(client: Client, model: str) -> None:
    asked = client.chat(model, PARIS, tools=[get_weather], options=GREEDY)
    assert asked.message.tool_calls
    call = asked.message.tool_calls[0].function
    assert call.name == "get_weather"
    result = {"role": "tool", "tool_name": call.name, "content": get_weather(**call.arguments)}
    told = client.chat(model, [*PARIS, asked.message, result], tools=[get_weather], options=GREEDY)
    assert (told.prompt_eval_count or 0) > (asked.prompt_eval_count or 0)


def test_a_streamed_tool_call(client: Client, model: str) -> None:
    stream = client.chat(model, PARIS, tools=[get_weather], options=GREEDY, stream=True)
    calls = [call for part in stream for call in part.message.tool_calls or []]
    assert [call.function.name for call in calls] == ["get_weather"]


def test_an_answer_in_a_given_form(client: Client, model: str) -> None:
    answer = client.chat(
        model, CHAT, format=Verdict.model_json_schema(), think=False, options=GREEDY
    )
    assert isinstance(Verdict.model_validate_json(answer.message.content or ""), Verdict)


def test_thinking_comes_apart(client: Client, model: str) -> None:
    question: Any = [{"role": "user", "content": "What is 17 plus 25?"}]
    aloud = client.chat(model, question, think=True, options=GREEDY)
    silent = client.chat(model, question, think=False, options=GREEDY)
    assert aloud.message.thinking
    assert not silent.message.thinking


# --- embeddings -----------------------------------------------------------------------------------


def test_embed(client: Client, embedder: str) -> None:
    answer = client.embed(embedder, ["a cat", "a dog"], dimensions=8)
    assert [len(vector) for vector in answer.embeddings] == [8, 8]
    (vector,) = client.embed(embedder, "a cat").embeddings
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-5)


def test_embeddings(client: Client, embedder: str) -> None:
    assert len(client.embeddings(embedder, "a cat").embedding) > 8


async def test_async_embeddings(async_client: AsyncClient, embedder: str) -> None:
    many = await async_client.embed(embedder, "a cat")
    one = await async_client.embeddings(embedder, "a cat")
    assert len(many.embeddings[0]) == len(one.embedding)


# --- models ---------------------------------------------------------------------------------------


def test_list_and_ps(client: Client, model: str) -> None:
    client.generate(model, "", keep_alive="5m")
    assert f"{model}:latest" in {item.model for item in client.list().models}
    running = {item.model: item for item in client.ps().models}
    assert running[f"{model}:latest"].size


async def test_async_list_and_ps(async_client: AsyncClient, model: str) -> None:
    await async_client.generate(model, "", keep_alive="5m")
    assert f"{model}:latest" in {item.model for item in (await async_client.list()).models}
    assert f"{model}:latest" in {item.model for item in (await async_client.ps()).models}


def test_show(client: Client, model: str) -> None:
    shown = client.show(model)
    assert "completion" in (shown.capabilities or [])
    assert shown.modelinfo
    assert shown.details
    assert shown.details.family == "qwen3"


async def test_async_show(async_client: AsyncClient, model: str) -> None:
    assert (await async_client.show(model)).template


def test_copy_and_delete(client: Client, model: str) -> None:
    assert client.copy(model, "copied").status == "success"
    assert client.delete("copied").status == "success"
    with pytest.raises(ResponseError, match="not found") as caught:
        client.show("copied")
    assert caught.value.status_code == 404


async def test_async_copy_and_delete(async_client: AsyncClient, model: str) -> None:
    assert (await async_client.copy(model, "async-copied")).status == "success"
    assert (await async_client.delete("async-copied")).status == "success"


def test_create_from_a_model(client: Client, model: str) -> None:
    statuses = [
        part.status
        for part in client.create(
            "pirate", from_=model, system="You are a pirate.", parameters={"seed": 3}, stream=True
        )
    ]
    assert statuses[-1] == "success"
    assert "You are a pirate." in (client.show("pirate").modelfile or "")


def test_create_from_a_file(client: Client) -> None:
    digest = client.create_blob(TINY)
    made = client.create("from-file", files={"tiny.gguf": digest})
    assert made.status == "success"
    assert client.generate("from-file", SKY, options={"num_predict": 1}).done


async def test_async_create(async_client: AsyncClient) -> None:
    digest = await async_client.create_blob(TINY)
    made = await async_client.create("async-from-file", files={"tiny.gguf": digest})
    assert made.status == "success"


def test_push_and_pull(client: Client, model: str, registry: LocalRegistry) -> None:
    name = f"{registry.host}/someone/tiny:v1"
    client.copy(model, name)
    assert client.push(name, insecure=True).status == "success"
    client.delete(name)
    statuses = [part.status for part in client.pull(name, insecure=True, stream=True)]
    assert statuses[0] == "pulling manifest"
    assert statuses[-1] == "success"
    client.delete(name)


async def test_async_push_and_pull(
    async_client: AsyncClient, model: str, registry: LocalRegistry
) -> None:
    name = f"{registry.host}/someone/tiny:v2"
    await async_client.copy(model, name)
    stream = await async_client.push(name, insecure=True, stream=True)
    assert [part.status async for part in stream][-1] == "success"
    assert (await async_client.pull(name, insecure=True)).status == "success"
    await async_client.delete(name)


# --- errors and module functions ------------------------------------------------------------------


def test_an_unknown_model_is_not_found(client: Client) -> None:
    with pytest.raises(ResponseError, match="model 'nothing' not found") as caught:
        client.chat("nothing", CHAT)
    assert caught.value.status_code == 404


def test_an_error_before_a_stream_is_raised(client: Client) -> None:
    with pytest.raises(ResponseError):
        list(client.generate("nothing", SKY, stream=True))


def test_unloading(client: Client, model: str) -> None:
    client.copy(model, "short-lived")
    assert client.generate(model, "", keep_alive=0).done_reason == "unload"
    client.delete("short-lived")


def test_functions_of_the_module(url: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama, "chat", Client(host=url).chat)
    response = ollama.chat(model=model, messages=CHAT, options=GREEDY)
    assert json.loads(response.model_dump_json())["message"]["content"]
