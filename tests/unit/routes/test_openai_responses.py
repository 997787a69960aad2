"""Responses requests as generations, and generations as Responses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ollama_server.chat.types import SPOT, Message, ToolCall
from ollama_server.errors import BadRequest, RunnerError, ServerError
from ollama_server.generation.events import Chunk, Event, Started
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.openai.responses_answers import ResponseBuilder
from ollama_server.routes.openai.responses_input import responses_generation
from ollama_server.wire.body import decode
from ollama_server.wire.openai_responses import ResponsesRequest

from .events import CALL, done, encode, named_frames, say

CALL_ITEM = {"type": "function_call", "call_id": "c1", "name": "tide", "arguments": "{}"}
RESULT_ITEM = {"type": "function_call_output", "call_id": "c1", "output": "high"}


def request(**fields: Any) -> ResponsesRequest:
    return decode(ResponsesRequest, json.dumps({"model": "m", "input": "hi", **fields}).encode())


def generation(**fields: Any) -> GenerationRequest:
    return responses_generation(request(**fields))


def messages(items: Any, **fields: Any) -> list[Message]:
    return generation(input=items, **fields).messages or []


def refusal(**fields: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        generation(**fields)
    return caught.value.message


def whole(events: list[Event], **fields: Any) -> Any:
    builder = ResponseBuilder(request(**fields))
    for event in events:
        builder.feed(event)
    return json.loads(builder.whole())


def streamed(events: list[Event], **fields: Any) -> list[Any]:
    return named_frames(encode(ResponseBuilder(request(**fields)), events))


def kinds(frames: list[Any]) -> list[str]:
    return [frame["type"].removeprefix("response.") for frame in frames]


# --- input ----------------------------------------------------------------------------------------


def test_a_string_is_one_user_message() -> None:
    assert messages("hi") == [Message("user", "hi")]


def test_instructions_come_first_as_the_system() -> None:
    assert messages("hi", instructions="be brief")[0] == Message("system", "be brief")


@pytest.mark.parametrize("value", ["", None, []])
def test_an_empty_input_has_no_message(value: Any) -> None:
    assert messages(value) == []


def test_text_parts_are_joined_and_images_decoded() -> None:
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "input_text", "text": "b"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
        {"type": "input_image", "file_id": "file_1"},
    ]
    message = messages([{"role": "user", "content": parts}])[0]
    assert (message.content, [item.data for item in message.media]) == (f"ab{SPOT}", [b"\0"])


def test_a_bad_image_is_named_by_its_place() -> None:
    part = {"type": "input_image", "image_url": "ftp://h/x.png"}
    with pytest.raises(BadRequest, match=re.escape("input[0]: content[0]: invalid image input")):
        messages([{"role": "user", "content": [part]}])


def test_a_call_joins_the_assistant_message_before_it() -> None:
    items = [{"type": "message", "role": "assistant", "content": "let me see"}, CALL_ITEM]
    assert messages(items) == [
        Message("assistant", "let me see", tool_calls=[ToolCall("tide", {}, "c1")])
    ]


def test_calls_in_a_row_are_numbered_in_one_message() -> None:
    (message,) = messages([CALL_ITEM, {**CALL_ITEM, "call_id": "c2", "arguments": '{"a": 1}'}])
    assert [(call.id, call.index, call.arguments) for call in message.tool_calls] == [
        ("c1", 0, {}),
        ("c2", 1, {"a": 1}),
    ]


def test_a_call_and_its_result_stay_side_by_side() -> None:
    between = {"type": "message", "role": "assistant", "content": "one moment"}
    assert messages([CALL_ITEM, between, RESULT_ITEM]) == [
        Message("assistant", "one moment", tool_calls=[ToolCall("tide", {}, "c1")]),
        Message("tool", "high", tool_name="tide", tool_call_id="c1"),
    ]


def test_an_assistant_message_after_an_unanswered_call_stays_apart() -> None:
    after = {"type": "message", "role": "assistant", "content": "done"}
    assert [m.content for m in messages([CALL_ITEM, after])] == ["", "done"]


def test_a_result_may_be_a_list_of_parts() -> None:
    output = [{"type": "input_text", "text": "hi"}, {"type": "input_text", "text": "gh"}]
    assert messages([{**RESULT_ITEM, "output": output}])[0].content == "high"


def test_reasoning_becomes_the_thinking_of_the_next_assistant_message() -> None:
    items = [
        {"type": "reasoning", "encrypted_content": "hm", "summary": []},
        {"type": "message", "role": "assistant", "content": "so"},
    ]
    assert messages(items) == [Message("assistant", "so", "hm")]


def test_reasoning_becomes_the_thinking_of_the_next_call() -> None:
    (message,) = messages([{"type": "reasoning", "encrypted_content": "hm"}, CALL_ITEM])
    assert (message.thinking, len(message.tool_calls)) == ("hm", 1)


def test_trailing_reasoning_is_a_message_of_its_own() -> None:
    items = [{"type": "reasoning", "encrypted_content": "hm"}]
    assert messages(items) == [Message("assistant", thinking="hm")]


def test_a_finished_search_is_dropped() -> None:
    assert messages([{"type": "web_search_call", "id": "ws_1"}]) == []


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (3, "input must be a string or array"),
        ([{"type": "x"}], 'input[0]: unknown input item type: "x"'),
        ([{}], "input[0]: input item missing required 'type' field"),
        ([{"role": "user", "content": 3}], "input[0]: content must be a string or array"),
        ([{**RESULT_ITEM, "output": 3}], "input[0]: output must be a string or array"),
        (
            [{"role": "user", "content": [{"type": "x"}]}],
            "input[0]: content[0]: unknown content type: x",
        ),
        (
            [{**RESULT_ITEM, "output": [{"type": "x"}]}],
            "input[0]: output[0]: unknown content type: x",
        ),
        (
            [{"role": "user", "content": [{"type": "input_file"}]}],
            "input[0]: file inputs are not currently supported",
        ),
        (
            [{**CALL_ITEM, "arguments": "{"}],
            "input[0]: failed to parse function call arguments: ",
        ),
    ],
)
def test_wrong_items_are_named_with_their_place(items: Any, text: str) -> None:
    assert refusal(input=items).startswith(text)


# --- options --------------------------------------------------------------------------------------


def test_temperature_has_a_default_and_top_p_has_not() -> None:
    assert generation().options == {"temperature": 1.0}


def test_the_output_limit_is_a_token_limit() -> None:
    assert generation(max_output_tokens=5).options["num_predict"] == 5


def test_text_formats() -> None:
    schema = {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    assert generation(text={"format": schema}).format == {"type": "object"}
    assert generation(text={"format": {"type": "json_object"}}).format == "json"
    assert generation(text={"format": {"type": "text"}}).format is None


def test_effort_becomes_a_think_level() -> None:
    assert generation(reasoning={"effort": "minimal"}).think == "low"


def test_members_of_a_namespace_carry_its_name_once() -> None:
    members = [{"type": "function", "name": "a"}, {"type": "function", "name": "ns.b"}]
    tools = [{"type": "namespace", "name": "ns", "tools": members}]
    assert [tool.name for tool in generation(tools=tools).tools] == ["ns.a", "ns.b"]


def test_hosted_tools_are_left_out() -> None:
    tools = [{"type": "file_search"}, {"type": "web_search_preview"}, {"type": "mcp", "name": "x"}]
    assert generation(tools=tools).tools == []


def test_the_search_tool_replaces_a_function_of_its_name() -> None:
    tools = [{"type": "function", "name": "web_search"}, {"type": "web_search"}]
    (tool,) = generation(tools=tools).tools
    assert list(tool.parameters["properties"]) == ["query"]


def test_a_tool_is_chosen_by_its_flat_name() -> None:
    tools = [{"type": "function", "name": "f"}]
    choice = generation(tools=tools, tool_choice={"type": "function", "name": "f"}).tool_choice
    assert (choice.mode, choice.name) == ("named", "f")


# --- a whole response -----------------------------------------------------------------------------


def test_reasoning_text_and_calls_appear_in_the_order_they_came() -> None:
    chunks = [Chunk(thinking="hm"), *say("I", " look"), Chunk(tool_calls=[CALL])]
    output = whole([*chunks, done()])["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call"]
    reasoning, message, call = output
    assert reasoning["encrypted_content"] == "hm"
    assert reasoning["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert message["content"][0]["text"] == "I look"
    assert (call["call_id"], call["arguments"]) == ("call_1", '{"port":"Brest"}')


def test_an_empty_answer_has_one_empty_message() -> None:
    (item,) = whole([Started(1), done()])["output"]
    assert item["content"] == [
        {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    ]


def test_an_answer_cut_short_is_incomplete() -> None:
    body = whole([*say("a"), done(reason="length")])
    assert body["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}


def test_usage_tells_cached_tokens_apart() -> None:
    assert whole([*say("a"), done()])["usage"] == {
        "input_tokens": 10,
        "output_tokens": 3,
        "total_tokens": 13,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def test_a_response_repeats_its_request() -> None:
    tool = {"type": "function", "name": "f"}
    body = whole([done()], tools=[tool], metadata={"a": "b"}, reasoning={"effort": "low"})
    assert body["tools"] == [{**tool, "description": None, "strict": None, "parameters": None}]
    assert body["metadata"] == {"a": "b"}
    assert body["reasoning"] == {"effort": "low", "summary": None}
    assert (body["temperature"], body["top_p"], body["tool_choice"]) == (1.0, 1.0, "auto")
    assert body["text"] == {"format": {"type": "text"}}
    assert body["previous_response_id"] is None
    assert body["store"] is False


def test_a_search_fails_the_response() -> None:
    search = Chunk(tool_calls=[ToolCall("web_search", {"query": "tides"}, "c")])
    with pytest.raises(ServerError) as caught:
        whole([search, done()], tools=[{"type": "web_search"}])
    assert caught.value.status == 502


# --- a streamed response --------------------------------------------------------------------------


def test_the_events_of_a_text() -> None:
    frames = streamed([Started(1), *say("a", "b"), done()])
    assert kinds(frames) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [frame["sequence_number"] for frame in frames] == list(range(10))
    assert frames[0]["response"]["usage"] is None
    assert frames[6]["text"] == "ab"
    final = frames[-1]["response"]
    assert final["output"] == [frames[8]["item"]]
    assert final["id"] == frames[0]["response"]["id"]


def test_the_events_of_reasoning_before_a_text() -> None:
    frames = streamed([Chunk(thinking="h"), Chunk(content="a", thinking="m"), done()])
    assert kinds(frames)[2:8] == [
        "output_item.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "output_item.done",
        "output_item.added",
    ]
    assert [frame["output_index"] for frame in (frames[2], frames[7])] == [0, 1]


def test_a_call_closes_the_text_before_it() -> None:
    frames = streamed([*say("a"), Chunk(tool_calls=[CALL]), *say("b"), done()])
    assert kinds(frames)[5:12] == [
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert frames[8]["output_index"] == 1
    assert frames[8]["item"]["arguments"] == ""
    assert frames[11]["item"]["arguments"] == '{"port":"Brest"}'
    types = [item["type"] for item in frames[-1]["response"]["output"]]
    assert types == ["message", "function_call", "message"]


def test_an_empty_stream_has_no_items() -> None:
    frames = streamed([Started(1)])
    assert kinds(frames) == ["created", "in_progress", "completed"]
    assert frames[-1]["response"]["output"] == []


def test_a_streamed_answer_cut_short_completes_with_its_status() -> None:
    final = streamed([*say("a"), done(reason="length")])[-1]
    assert final["type"] == "response.completed"
    assert final["response"]["status"] == "incomplete"


def test_a_failure_in_mid_stream_is_an_error_and_a_failed_response() -> None:
    builder = ResponseBuilder(request())
    builder.feed(Chunk(content="a"))
    error, failed = named_frames(builder.error(RunnerError("out of paper")))
    assert (error["type"], error["message"]) == ("error", "out of paper")
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": "out of paper"}


def test_a_search_in_a_stream_fails_after_its_own_events() -> None:
    search = Chunk(tool_calls=[ToolCall("web_search", {"query": "tides"}, "c")])
    frames = streamed([search, *say("made up"), done()], tools=[{"type": "web_search"}])
    assert kinds(frames)[2:] == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "output_item.done",
        "failed",
    ]
    assert frames[2]["item"]["action"] == {"type": "search", "query": "tides"}
