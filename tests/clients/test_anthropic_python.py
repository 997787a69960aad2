"""Anthropic's Python library against a real server with the embedded model."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

SKY: Any = [{"role": "user", "content": "Why is the sky blue?"}]
PARIS: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the current weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city"}},
        "required": ["city"],
    },
}
# The model samples greedily on its own account; newer releases of the library have no temperature.
LIMIT: Any = {"max_tokens": 300}


@pytest.fixture
def client(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key="unused", max_retries=0)


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_message(client: Anthropic, model: str) -> None:
    message = client.messages.create(model=model, messages=SKY, **LIMIT)
    assert "scatter" in text_of(message)
    assert (message.role, message.stop_reason, message.stop_sequence) == (
        "assistant",
        "end_turn",
        None,
    )
    assert message.usage.output_tokens > 0


def test_streamed_message(client: Anthropic, model: str) -> None:
    with client.messages.stream(model=model, messages=SKY, **LIMIT) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert "scatter" in text
    assert text_of(final) == text
    assert final.usage.output_tokens > 0


def test_raw_events_come_in_their_order(client: Anthropic, model: str) -> None:
    kinds = [
        event.type
        for event in client.messages.create(model=model, messages=SKY, stream=True, **LIMIT)
    ]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_async_message(url: str, model: str) -> None:
    async with (
        AsyncAnthropic(base_url=url, api_key="unused", max_retries=0) as client,
        client.messages.stream(model=model, messages=SKY, **LIMIT) as stream,
    ):
        assert "scatter" in await stream.get_final_text()


def test_a_system_prompt_is_read(client: Anthropic, model: str) -> None:
    plain = client.messages.count_tokens(model=model, messages=SKY)
    told = client.messages.count_tokens(model=model, messages=SKY, system="Answer briefly.")
    assert told.input_tokens > plain.input_tokens


def test_counted_tokens_are_those_of_the_prompt(client: Anthropic, model: str) -> None:
    counted = client.messages.count_tokens(model=model, messages=PARIS, tools=[WEATHER])
    message = client.messages.create(model=model, messages=PARIS, tools=[WEATHER], max_tokens=1)
    assert counted.input_tokens == message.usage.input_tokens


def test_marked_prompts_tell_cached_tokens_apart(client: Anthropic, model: str) -> None:
    text = {
        "type": "text",
        "text": "Answer briefly. " * 40,
        "cache_control": {"type": "ephemeral"},
    }
    usage: Any = None
    for _ in range(2):
        usage = client.messages.create(model=model, messages=SKY, system=[text], max_tokens=1).usage
    counted = client.messages.count_tokens(model=model, messages=SKY, system=[text])
    assert usage.cache_read_input_tokens > 0
    assert usage.input_tokens + usage.cache_read_input_tokens == counted.input_tokens


def test_a_tool_is_called_and_its_result_used(client: Anthropic, model: str) -> None:
    asked = client.messages.create(model=model, messages=PARIS, tools=[WEATHER], **LIMIT)
    assert asked.stop_reason == "tool_use"
    (use,) = [block for block in asked.content if block.type == "tool_use"]
    assert (use.name, list(use.input)) == ("get_weather", ["city"])
    result: Any = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": use.id, "content": '{"temperature": 22}'}
        ],
    }
    turns: Any = [*PARIS, {"role": "assistant", "content": asked.content}, result]
    told = client.messages.create(model=model, messages=turns, tools=[WEATHER], **LIMIT)
    assert told.usage.input_tokens > asked.usage.input_tokens


def test_a_streamed_tool_call_is_put_together(client: Anthropic, model: str) -> None:
    with client.messages.stream(model=model, messages=PARIS, tools=[WEATHER], **LIMIT) as stream:
        final = stream.get_final_message()
    (use,) = [block for block in final.content if block.type == "tool_use"]
    assert list(use.input) == ["city"]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_tool_call_can_be_forced(client: Anthropic, model: str, choice: Any) -> None:
    hello: Any = [{"role": "user", "content": "Hello!"}]
    message = client.messages.create(
        model=model, messages=hello, tools=[WEATHER], tool_choice=choice, **LIMIT
    )
    assert message.stop_reason == "tool_use"


def test_a_tool_call_can_be_forbidden(client: Anthropic, model: str) -> None:
    message = client.messages.create(
        model=model, messages=PARIS, tools=[WEATHER], tool_choice={"type": "none"}, **LIMIT
    )
    assert message.stop_reason == "end_turn"


def test_thinking_has_its_own_block(client: Anthropic, model: str) -> None:
    question: Any = [{"role": "user", "content": "What is 17 plus 25?"}]
    message = client.messages.create(
        model=model,
        messages=question,
        max_tokens=2000,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    assert [block.type for block in message.content] == ["thinking", "text"]
    again: Any = [
        *question,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": "Thank you!"},
    ]
    assert client.messages.create(model=model, messages=again, **LIMIT).content


def test_thinking_can_be_switched_off(client: Anthropic, model: str) -> None:
    message = client.messages.create(
        model=model,
        messages=[{"role": "user", "content": "What is 17 plus 25?"}],
        thinking={"type": "disabled"},
        **LIMIT,
    )
    assert [block.type for block in message.content] == ["text"]


def test_a_stop_sequence_is_named(client: Anthropic, model: str) -> None:
    message = client.messages.create(model=model, messages=SKY, stop_sequences=["blue"], **LIMIT)
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "blue")


def test_a_token_limit(client: Anthropic, model: str) -> None:
    message = client.messages.create(model=model, messages=SKY, max_tokens=2)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


def test_an_unknown_model_is_not_found(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model 'nothing' not found"):
        client.messages.create(model="nothing", messages=SKY, max_tokens=1)


def test_a_bad_request_has_the_familys_envelope(client: Anthropic, model: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(model=model, messages=SKY, max_tokens=0)
    body: Any = caught.value.body
    assert body["error"]["type"] == "invalid_request_error"
    assert body["request_id"].startswith("req_")


def test_models_are_listed_and_found(client: Anthropic, model: str) -> None:
    found = {item.id: item for item in client.models.list()}
    assert found[f"{model}:latest"].display_name == f"{model}:latest"
    assert client.models.retrieve(model).created_at.year >= 2024
