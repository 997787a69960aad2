"""OpenAI's Python library against a real server with the embedded model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

SKY = [{"role": "user", "content": "Why is the sky blue?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The city"}},
            "required": ["city"],
        },
    },
}
# The model is small: without a limit a wrong turn could go on for long.
GREEDY: Any = {"temperature": 0, "max_tokens": 200}
SHORT: Any = {"temperature": 0, "max_output_tokens": 200}
FLAT_WEATHER: Any = {"type": "function", **WEATHER["function"]}
PARIS: Any = [{"role": "user", "content": "What is the weather in Paris?"}]


class Verdict(BaseModel):
    """Short however a model fills it in."""

    color: Literal["red", "green", "blue"]
    certain: bool


@pytest.fixture
def client(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


@pytest.fixture
async def async_client(url: str) -> AsyncIterator[AsyncOpenAI]:
    """Closed in its own event loop: the collector would do it in that of any later test."""
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        yield client


# --- chat completions -----------------------------------------------------------------------------


def test_chat(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=SKY, **GREEDY)
    choice = answer.choices[0]
    assert "scatter" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.total_tokens == (
        answer.usage.prompt_tokens + answer.usage.completion_tokens
    )


def test_a_repeated_prompt_is_counted_as_cached(client: OpenAI, model: str) -> None:
    long = [{"role": "system", "content": "Answer briefly. " * 40}, *SKY]

    def cached() -> int:
        answer = client.chat.completions.create(model=model, messages=long, max_tokens=1)
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        return answer.usage.prompt_tokens_details.cached_tokens or 0

    cached()
    assert cached() > 0


def test_streamed_chat(client: OpenAI, model: str) -> None:
    whole = client.chat.completions.create(model=model, messages=SKY, **GREEDY)
    chunks = list(client.chat.completions.create(model=model, messages=SKY, **GREEDY, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices[0].delta.role] == [
        "assistant"
    ]
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_streamed_usage(client: OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=SKY, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    *others, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in others)


async def test_async_chat(async_client: AsyncOpenAI, model: str) -> None:
    stream = await async_client.chat.completions.create(
        model=model, messages=SKY, **GREEDY, stream=True
    )
    parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "scatter" in "".join(parts)


def test_the_stream_helper_accumulates(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=SKY, **GREEDY) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert "scatter" in (final.choices[0].message.content or "")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit(client: OpenAI, model: str, field: str) -> None:
    answer = client.chat.completions.create(model=model, messages=SKY, **{field: 2})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


def test_stop_strings(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=SKY, **GREEDY, stop=["blue"])
    assert answer.choices[0].finish_reason == "stop"
    assert "blue" not in (answer.choices[0].message.content or "")


def test_the_same_seed_repeats_an_answer(client: OpenAI, model: str) -> None:
    def ask() -> Any:
        answer = client.chat.completions.create(
            model=model, messages=SKY, temperature=1.5, seed=11, max_tokens=16
        )
        return answer.choices[0].message.content

    assert ask() == ask()


def test_several_answers(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=SKY, n=3, temperature=1.5, seed=1, max_tokens=8
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 24


def test_several_streamed_answers(client: OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=SKY, n=2, stream=True, max_tokens=4
    )
    reasons: dict[int, str] = {}
    for chunk in stream:
        for choice in chunk.choices:
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    assert sorted(reasons) == [0, 1]


def test_logprobs(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=SKY, temperature=0, max_tokens=4, logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    for token in logprobs.content:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 2
        assert token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob


def test_logit_bias_forbids_a_token(client: OpenAI, model: str, post: Any) -> None:
    def first(**fields: Any) -> str:
        answer = client.chat.completions.create(
            model=model, messages=SKY, temperature=0, max_tokens=1, logprobs=True, **fields
        )
        logprobs = answer.choices[0].logprobs
        assert logprobs is not None
        assert logprobs.content
        return logprobs.content[0].token

    usual = first()
    (token,) = post("/api/tokenize", {"model": model, "text": usual})["tokens"]
    assert first(logit_bias={str(token): -100}) != usual


def test_json_object(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Answer in JSON: name Ann, age 40"}],
        temperature=0,
        max_tokens=200,
        response_format={"type": "json_object"},
    )
    content = answer.choices[0].message.content or ""
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(content), dict)
    else:
        assert content.lstrip().startswith("{")


def test_parse_with_a_pydantic_model(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.parse(
        model=model,
        messages=SKY,
        temperature=0,
        max_tokens=200,
        response_format=Verdict,
    )
    assert isinstance(answer.choices[0].message.parsed, Verdict)


# --- tools ----------------------------------------------------------------------------------------


def test_a_tool_is_called_and_its_result_used(client: OpenAI, model: str) -> None:
    asked = client.chat.completions.create(model=model, messages=PARIS, tools=[WEATHER], **GREEDY)
    choice = asked.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert list(json.loads(call.function.arguments)) == ["city"]
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 22}'}
    told = client.chat.completions.create(
        model=model, messages=[*PARIS, choice.message, result], tools=[WEATHER], **GREEDY
    )
    assert told.usage is not None
    assert asked.usage is not None
    assert told.usage.prompt_tokens > asked.usage.prompt_tokens


def test_a_streamed_tool_call(client: OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=PARIS, tools=[WEATHER], **GREEDY, stream=True
    )
    calls = []
    reason = None
    for chunk in stream:
        calls += chunk.choices[0].delta.tool_calls or []
        reason = chunk.choices[0].finish_reason or reason
    (call,) = calls
    assert call.function is not None
    assert call.function.name == "get_weather"
    assert list(json.loads(call.function.arguments or "")) == ["city"]
    assert reason == "tool_calls"


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_a_tool_call_can_be_forced(client: OpenAI, model: str, choice: Any) -> None:
    answer = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hello!"}],
        tools=[WEATHER],
        tool_choice=choice,
        temperature=0,
        max_tokens=200,
    )
    calls = answer.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert set(json.loads(calls[0].function.arguments)) == {"city"}


def test_a_tool_call_can_be_forbidden(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=PARIS, tools=[WEATHER], tool_choice="none", **GREEDY
    )
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"


# --- thinking -------------------------------------------------------------------------------------


def test_reasoning_is_shown_apart(client: OpenAI, model: str) -> None:
    def reasoning(effort: Any) -> Any:
        answer = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "What is 17 plus 25?"}],
            **GREEDY,
            reasoning_effort=effort,
        )
        message = answer.choices[0].message
        assert "<think>" not in (message.content or "")
        return (message.model_extra or {}).get("reasoning")

    assert reasoning("medium")
    assert not reasoning("none")


# --- completions ----------------------------------------------------------------------------------


def test_completion(client: OpenAI, model: str) -> None:
    answer = client.completions.create(
        model=model, prompt="Why is the sky blue?", temperature=0, max_tokens=100
    )
    assert "scatter" in answer.choices[0].text


def test_streamed_completion(client: OpenAI, model: str) -> None:
    stream = client.completions.create(
        model=model, prompt="Why is the sky blue?", **GREEDY, stream=True
    )
    chunks = list(stream)
    assert "scatter" in "".join(chunk.choices[0].text for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_completion_between_two_texts(client: OpenAI, model: str) -> None:
    answer = client.completions.create(
        model=model,
        prompt="def add(a, b):\n    ",
        suffix="\n",
        temperature=0,
        max_tokens=32,
    )
    assert answer.choices[0].text


def test_completion_of_tokens_with_echo(client: OpenAI, model: str, post: Any) -> None:
    tokens = post("/api/tokenize", {"model": model, "text": "The sky is"})["tokens"]
    answer = client.completions.create(
        model=model, prompt=tokens, echo=True, max_tokens=3, temperature=0
    )
    assert answer.choices[0].text.startswith("The sky is")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(tokens)


def test_completion_of_several_prompts(client: OpenAI, model: str) -> None:
    answer = client.completions.create(
        model=model, prompt=["Hello!", "Why is the sky blue?"], n=2, max_tokens=4
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]


def test_streamed_completion_of_several_prompts(client: OpenAI, model: str) -> None:
    stream = client.completions.create(
        model=model, prompt=["Hello!", "Hi!"], max_tokens=4, stream=True
    )
    assert {chunk.choices[0].index for chunk in stream} == {0, 1}


def test_best_of_returns_fewer_than_it_generates(client: OpenAI, model: str) -> None:
    answer = client.completions.create(
        model=model, prompt="Hello!", best_of=3, n=1, max_tokens=4, temperature=1.5
    )
    assert len(answer.choices) == 1
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 4


def test_completion_logprobs(client: OpenAI, model: str) -> None:
    answer = client.completions.create(
        model=model, prompt="Hello!", max_tokens=4, logprobs=2, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert logprobs.token_logprobs is not None
    assert len(logprobs.tokens) == len(logprobs.token_logprobs)


# --- embeddings -----------------------------------------------------------------------------------


def test_embeddings_of_texts(client: OpenAI, embedder: str) -> None:
    answer = client.embeddings.create(model=embedder, input=["a cat", "a dog"])
    lengths = [sum(x * x for x in item.embedding) for item in answer.data]
    assert lengths == pytest.approx([1, 1], abs=1e-5)
    assert [item.index for item in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens > 0


def test_embeddings_are_the_same_as_numbers_and_as_base64(client: OpenAI, embedder: str) -> None:
    packed = client.embeddings.create(model=embedder, input="a cat")
    plain = client.embeddings.create(model=embedder, input="a cat", encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(packed.data[0].embedding, abs=1e-6)


def test_embeddings_of_tokens(client: OpenAI, embedder: str, post: Any) -> None:
    tokens = post("/api/tokenize", {"model": embedder, "text": "a cat"})["tokens"]
    answer = client.embeddings.create(model=embedder, input=[tokens, tokens])
    first, second = answer.data
    assert first.embedding == pytest.approx(second.embedding, abs=1e-6)


def test_embeddings_can_be_cut(client: OpenAI, embedder: str) -> None:
    answer = client.embeddings.create(model=embedder, input="a cat", dimensions=16)
    vector = answer.data[0].embedding
    assert len(vector) == 16
    assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-5)


def test_a_chat_model_does_not_embed(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model=model, input="a cat")
    assert caught.value.status_code == 501


# --- models ---------------------------------------------------------------------------------------


def test_models_are_listed_and_found(client: OpenAI, model: str) -> None:
    ids = [item.id for item in client.models.list()]
    assert f"{model}:latest" in ids
    found = client.models.retrieve(model)
    assert (found.id, found.owned_by) == (model, "library")


def test_a_model_id_may_have_slashes(client: OpenAI, model: str, post: Any) -> None:
    post("/api/copy", {"source": model, "destination": "someone/thing:v1"})
    assert client.models.retrieve("someone/thing:v1").owned_by == "someone"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody/nothing")
    assert caught.value.type == "not_found_error"
    with pytest.raises(openai.NotFoundError, match="model 'nothing' not found"):
        client.chat.completions.create(model="nothing", messages=SKY)
    with pytest.raises(openai.NotFoundError, match="try pulling it first"):
        client.embeddings.create(model="nothing", input="x")


def test_a_bad_field_is_a_bad_request(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError, match="top_logprobs must be between 0 and 20"):
        client.chat.completions.create(model=model, messages=SKY, top_logprobs=30)


def test_an_unknown_route_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.files.list()


# --- responses ------------------------------------------------------------------------------------


def test_response(client: OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="Why is the sky blue?", **SHORT)
    assert "scatter" in answer.output_text
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0


def test_streamed_response(client: OpenAI, model: str) -> None:
    events = list(
        client.responses.create(model=model, input="Why is the sky blue?", **SHORT, stream=True)
    )
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert "scatter" in text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == text


def test_the_response_stream_helper_accumulates(client: OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="Why is the sky blue?", **SHORT) as stream:
        for _ in stream:
            pass
        assert "scatter" in stream.get_final_response().output_text


def test_a_response_calls_a_tool_and_uses_its_result(client: OpenAI, model: str) -> None:
    asked = client.responses.create(model=model, input=PARIS, tools=[FLAT_WEATHER], **SHORT)
    (call,) = [item for item in asked.output if item.type == "function_call"]
    assert list(json.loads(call.arguments)) == ["city"]
    result: Any = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": '{"temperature": 22}',
    }
    told = client.responses.create(
        model=model,
        input=[*PARIS, *asked.output, result],
        tools=[FLAT_WEATHER],
        **SHORT,
    )
    assert told.usage is not None
    assert asked.usage is not None
    assert told.usage.input_tokens > asked.usage.input_tokens


def test_a_response_is_parsed_into_a_pydantic_model(client: OpenAI, model: str) -> None:
    answer = client.responses.parse(
        model=model,
        input="Why is the sky blue?",
        text_format=Verdict,
        temperature=0,
        max_output_tokens=200,
    )
    assert isinstance(answer.output_parsed, Verdict)


def test_a_response_cut_short_says_so(client: OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="Why is the sky blue?", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_a_response_shows_its_reasoning(client: OpenAI, model: str) -> None:
    answer = client.responses.create(
        model=model,
        input="What is 17 plus 25?",
        reasoning={"effort": "medium"},
        **SHORT,
    )
    (item,) = [item for item in answer.output if item.type == "reasoning"]
    assert item.summary[0].text


async def test_async_response(async_client: AsyncOpenAI, model: str) -> None:
    answer = await async_client.responses.create(model=model, input="Hello!", **SHORT)
    assert answer.output_text


def test_a_bad_response_item_is_a_bad_request(client: OpenAI, model: str) -> None:
    item: Any = {"type": "item_reference", "id": "x"}
    with pytest.raises(openai.BadRequestError, match="unknown input item type"):
        client.responses.create(model=model, input=[item])
