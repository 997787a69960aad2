"""LiteLLM against a real server with the embedded model, by each way it knows to one."""

from __future__ import annotations

import os
from typing import Any

import pytest

# It would fetch a price list from the network otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

CHAT: Any = [{"role": "user", "content": "Why is the sky blue?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(params=["ollama", "ollama_chat", "openai", "anthropic"])
def target(request: pytest.FixtureRequest, url: str, model: str) -> dict[str, Any]:
    """Model and address in the words of one provider."""
    base = f"{url}/v1" if request.param == "openai" else url
    return {"model": f"{request.param}/{model}", "api_base": base, "api_key": "unused"}


def test_completion(target: dict[str, Any]) -> None:
    answer: Any = litellm.completion(messages=CHAT, max_tokens=200, temperature=0, **target)
    assert "scatter" in answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


def test_streamed_completion(target: dict[str, Any]) -> None:
    stream: Any = litellm.completion(
        messages=CHAT, max_tokens=200, temperature=0, stream=True, **target
    )
    assert "scatter" in "".join(chunk.choices[0].delta.content or "" for chunk in stream)


async def test_async_completion(target: dict[str, Any]) -> None:
    try:
        answer: Any = await litellm.acompletion(
            messages=CHAT, max_tokens=200, temperature=0, **target
        )
    finally:
        await litellm.close_litellm_async_clients()
    assert "scatter" in answer.choices[0].message.content


@pytest.mark.parametrize("provider", ["ollama_chat", "openai", "anthropic"])
def test_tools(provider: str, url: str, model: str) -> None:
    base = f"{url}/v1" if provider == "openai" else url
    answer: Any = litellm.completion(
        model=f"{provider}/{model}",
        api_base=base,
        api_key="unused",
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER],
        max_tokens=200,
        temperature=0,
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"


def test_embedding(url: str, embedder: str) -> None:
    answer: Any = litellm.embedding(
        model=f"ollama/{embedder}", api_base=url, input=["a cat", "a dog"]
    )
    assert len(answer.data) == 2


def test_an_unknown_model_is_an_error(url: str) -> None:
    with pytest.raises(litellm.exceptions.NotFoundError):
        litellm.completion(
            model="openai/nothing", api_base=f"{url}/v1", api_key="unused", messages=CHAT
        )
