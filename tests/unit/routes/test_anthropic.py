"""Anthropic's message requests as generations, and generations as messages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ollama_server.chat.types import SPOT, Media, Message, ToolCall
from ollama_server.errors import BadRequest, RunnerError
from ollama_server.generation.events import Chunk, Event, Started
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.anthropic.answers import MessageBuilder
from ollama_server.routes.anthropic.requests import (
    estimated_tokens,
    messages_generation,
    wants_cache_counts,
)
from ollama_server.wire.anthropic import MessagesRequest
from ollama_server.wire.body import decode

from .events import CALL, done, encode, named_frames, say

USER = {"role": "user", "content": "hi"}
MARK = {"type": "ephemeral"}
SEARCH = ToolCall("web_search", {"query": "tides"}, "c")


def request(**fields: Any) -> MessagesRequest:
    body = {"model": "m", "messages": [USER], "max_tokens": 5, **fields}
    return decode(MessagesRequest, json.dumps(body).encode())


def generation(**fields: Any) -> GenerationRequest:
    return messages_generation(request(**fields))


def messages(*turns: Any, **fields: Any) -> list[Message]:
    return generation(messages=list(turns), **fields).messages or []


def blocks(*content: Any, role: str = "user") -> list[Message]:
    return messages({"role": role, "content": list(content)})


def refusal(**fields: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        generation(**fields)
    return caught.value.message


def whole(events: list[Event], **options: Any) -> Any:
    builder = MessageBuilder("m", **options)
    for event in events:
        builder.feed(event)
    return json.loads(builder.whole())


def streamed(events: list[Event], **options: Any) -> list[Any]:
    return named_frames(encode(MessageBuilder("m", **options), events))


def kinds(frames: list[Any]) -> list[str]:
    return [frame["type"] for frame in frames]


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"model": "", "max_tokens": None}, "model is required"),
        ({"max_tokens": None, "messages": []}, "max_tokens is required and must be positive"),
        ({"max_tokens": 0}, "max_tokens is required and must be positive"),
        ({"messages": []}, "messages is required"),
    ],
)
def test_what_is_required_is_checked_in_order(fields: dict[str, Any], text: str) -> None:
    assert refusal(**fields) == text


def test_sampling_has_no_defaults_of_its_own() -> None:
    assert generation().options == {"num_predict": 5}


def test_sampling_fields() -> None:
    options = generation(temperature=0, top_p=0.5, top_k=3, stop_sequences=["x"]).options
    assert options == {
        "num_predict": 5,
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 3,
        "stop": ["x"],
    }


def test_the_system_is_a_string_or_text_blocks() -> None:
    parts = [{"type": "text", "text": "a", "cache_control": MARK}, {"type": "text", "text": "b"}]
    assert messages(USER, system="s")[0] == Message("system", "s")
    assert messages(USER, system=parts)[0] == Message("system", "ab")
    assert messages(USER, system="") == [Message("user", "hi")]


@pytest.mark.parametrize(
    ("fields", "think"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, False),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "high"),
        ({"output_config": {"effort": "max"}}, "max"),
        ({"output_config": {"effort": "extreme"}}, None),
    ],
)
def test_thinking_is_asked_for_leniently(fields: dict[str, Any], think: Any) -> None:
    asked = generation(**fields)
    assert (asked.think, asked.lenient_think) == (think, True)


def test_an_output_format_is_a_schema() -> None:
    wanted = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert generation(output_config=wanted).format == {"type": "object"}


def test_tools_have_their_schema_as_parameters() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    (tool,) = generation(tools=[{"name": "f", "description": "d", "input_schema": schema}]).tools
    assert (tool.name, tool.description, tool.parameters) == ("f", "d", schema)


def test_a_schema_that_is_no_object_is_refused() -> None:
    text = refusal(tools=[{"name": "f", "input_schema": "x"}])
    assert text.startswith('invalid input_schema for tool "f":')


def test_tools_that_anthropic_hosts_are_left_out() -> None:
    assert generation(tools=[{"type": "bash_20250124", "name": "bash"}]).tools == []


@pytest.mark.parametrize(
    ("choice", "mode"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "f"}, "named"),
    ],
)
def test_tool_choices(choice: Any, mode: str) -> None:
    tools = [{"name": "f", "input_schema": {}}]
    assert generation(tools=tools, tool_choice=choice).tool_choice.mode == mode


def test_parallel_calls_can_be_switched_off() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert generation(tool_choice=choice).parallel_tool_calls is False
    assert generation().parallel_tool_calls is True


# --- blocks ---------------------------------------------------------------------------------------


def test_texts_are_joined_without_a_separator() -> None:
    assert blocks({"type": "text", "text": "a"}, {"type": "text", "text": "b"})[0].content == "ab"


def test_images_are_decoded_whatever_their_media_type() -> None:
    source = {"type": "base64", "media_type": "x/y", "data": base64.b64encode(b"img").decode()}
    assert blocks({"type": "image", "source": source})[0].media[0].data == b"img"


def test_images_stay_where_they_stood() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://h/x.png"}}
    text = {"type": "text", "text": "and"}
    message = blocks(image, text, image)[0]
    assert message.content == f"{SPOT}and{SPOT}"
    places = ["messages[0].content[0]", "messages[0].content[2]"]
    assert message.media == [Media(url="https://h/x.png", place=place) for place in places]


def test_results_may_show_images() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "aW1n"}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [image]}
    assert blocks(result)[0].media == [Media(b"img", place="messages[0].content[0].content[0]")]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "image"}, "invalid image source"),
        (
            {"type": "image", "source": {"type": "file", "file_id": "x"}},
            "invalid image source type: file. Only base64 and url are supported.",
        ),
        (
            {"type": "image", "source": {"type": "base64", "data": "?"}},
            "messages[0].content[0]: invalid base64 image data: illegal base64 data",
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "ftp://h/x.png"}},
            "messages[0].content[0]: invalid url image data: invalid image input",
        ),
        ({"type": "tool_use", "name": "f"}, "tool_use block missing required 'id' field"),
        ({"type": "tool_use", "id": "c"}, "tool_use block missing required 'name' field"),
        (
            {"type": "tool_result", "content": [{"type": "image"}]},
            "invalid tool_result image source",
        ),
    ],
)
def test_wrong_blocks_are_refused(block: Any, text: str) -> None:
    assert refusal(messages=[{"role": "user", "content": [block]}]).startswith(text)


def test_results_come_before_what_the_user_says_about_them() -> None:
    use = {"type": "tool_use", "id": "c1", "name": "tide", "input": {"port": "Brest"}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "high"}
    turns = messages(
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, use]},
        {"role": "user", "content": [{"type": "text", "text": "so?"}, result]},
    )
    assert turns == [
        Message("assistant", "", "hm", tool_calls=[ToolCall("tide", {"port": "Brest"}, "c1")]),
        Message("tool", "high", tool_name="tide", tool_call_id="c1"),
        Message("user", "so?"),
    ]


def test_a_result_may_be_blocks() -> None:
    content = [{"type": "text", "text": "hi"}, {"type": "text", "text": "gh"}]
    (message,) = blocks({"type": "tool_result", "tool_use_id": "c", "content": content})
    assert message.content == "high"


def test_earlier_searches_become_lines() -> None:
    hits = [{"type": "web_search_result", "title": "Tides", "url": "http://t"}]
    (message,) = blocks({"type": "web_search_tool_result", "tool_use_id": "c", "content": hits})
    assert message.content == "- Tides: http://t"


def test_a_message_with_nothing_to_read_vanishes() -> None:
    assert blocks({"type": "redacted_thinking", "data": "x"}, {"type": "document"}) == []


def test_the_estimate_is_a_quarter_of_the_bytes() -> None:
    small = estimated_tokens(generation(messages=[{"role": "user", "content": "x" * 396}]))
    assert small == 100


@pytest.mark.parametrize(
    "fields",
    [
        {"cache_control": MARK},
        {"system": [{"type": "text", "text": "a", "cache_control": MARK}]},
        {"tools": [{"name": "f", "input_schema": {}, "cache_control": MARK}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "cache_control": MARK}]}]},
    ],
)
def test_a_cache_mark_anywhere_asks_for_cache_counts(fields: dict[str, Any]) -> None:
    assert wants_cache_counts(request(**fields))
    assert not wants_cache_counts(request())


# --- a whole message ------------------------------------------------------------------------------


def test_a_whole_message() -> None:
    body = whole([Started(1), Chunk(thinking="hm"), *say("Hel", "lo"), done()])
    assert body.pop("id").startswith("msg_")
    assert body == {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "Hello"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 3},
    }


def test_a_call_is_a_block_with_its_input() -> None:
    body = whole([Chunk(tool_calls=[CALL]), done(reason="length")])
    use = {"type": "tool_use", "id": "call_1", "name": "tide", "input": {"port": "Brest"}}
    assert body["content"] == [use]
    assert body["stop_reason"] == "tool_use"


def test_an_empty_answer_has_no_blocks() -> None:
    assert whole([done()])["content"] == []


@pytest.mark.parametrize(
    ("end", "reason", "sequence"),
    [
        (done(), "end_turn", None),
        (done(reason="length"), "max_tokens", None),
        (done(stop="END"), "stop_sequence", "END"),
        (done(stop="<|im_end|>"), "end_turn", None),
    ],
)
def test_stop_reasons(end: Event, reason: str, sequence: str | None) -> None:
    body = whole([*say("a"), end], stop_sequences=["END"])
    assert (body["stop_reason"], body["stop_sequence"]) == (reason, sequence)


def test_marked_prompts_count_cached_tokens_apart() -> None:
    assert whole([*say("a"), done()], cache_counts=True)["usage"] == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 3,
    }


def test_a_search_is_answered_as_unavailable() -> None:
    body = whole([*say("see"), Chunk(tool_calls=[SEARCH]), *say("lie"), done()], searches=True)
    text, use, result = body["content"]
    assert text["text"] == "see"
    assert (use["type"], use["input"]) == ("server_tool_use", {"query": "tides"})
    assert result["tool_use_id"] == use["id"]
    assert result["content"]["error_code"] == "unavailable"
    assert body["stop_reason"] == "end_turn"


# --- a streamed message ---------------------------------------------------------------------------


def test_the_events_of_thinking_text_and_a_call() -> None:
    chunks = [Chunk(thinking="hm"), *say("a", "b"), Chunk(tool_calls=[CALL])]
    frames = streamed([Started(1), *chunks, done()], estimate=7)
    assert kinds(frames) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert frames[0]["message"]["usage"] == {"input_tokens": 7, "output_tokens": 0}
    assert [frame["index"] for frame in frames[1:11]] == [0] * 3 + [1] * 4 + [2] * 3
    assert frames[2]["delta"] == {"type": "thinking_delta", "thinking": "hm"}
    assert frames[5]["delta"] == {"type": "text_delta", "text": "a"}
    assert frames[8]["content_block"]["input"] == {}
    assert frames[9]["delta"] == {"type": "input_json_delta", "partial_json": '{"port":"Brest"}'}
    assert frames[11]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert frames[11]["usage"] == {"input_tokens": 10, "output_tokens": 3}


def test_an_empty_stream_has_no_blocks_and_the_true_count_at_once() -> None:
    frames = streamed([Started(1), done()])
    assert kinds(frames) == ["message_start", "message_delta", "message_stop"]
    assert frames[0]["message"]["usage"]["input_tokens"] == 10


def test_the_same_call_is_told_once() -> None:
    frames = streamed([Chunk(tool_calls=[CALL]), Chunk(tool_calls=[CALL]), done()])
    assert kinds(frames).count("content_block_start") == 1


def test_text_after_a_call_opens_a_new_block() -> None:
    frames = streamed([*say("a"), Chunk(tool_calls=[CALL]), *say("b"), done()])
    starts = [f["content_block"]["type"] for f in frames if f["type"] == "content_block_start"]
    assert starts == ["text", "tool_use", "text"]


def test_a_failure_in_mid_stream_is_an_error_event() -> None:
    (frame,) = named_frames(MessageBuilder("m").error(RunnerError("out of paper")))
    assert frame == {"type": "error", "error": {"type": "api_error", "message": "out of paper"}}


def test_search_blocks_stream_without_deltas() -> None:
    frames = streamed([Chunk(tool_calls=[SEARCH]), done()], searches=True)
    assert kinds(frames)[1:5] == ["content_block_start", "content_block_stop"] * 2
