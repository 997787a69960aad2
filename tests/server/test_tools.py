"""The embedded model calls a tool, gets the result, and answers: the whole round of /api/chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.process import ServerProcess

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "The city"}},
            "required": ["city"],
        },
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


def chat(
    server: ServerProcess, messages: list[dict[str, Any]], *, stream: bool, **body: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The assistant's whole message, and the frames it came in."""
    body = {"model": "tiny", "messages": messages, "stream": stream, "tools": [WEATHER], **body}
    response = server.client.post("/api/chat", json={**body, "options": {"temperature": 0}})
    assert response.status_code == 200, response.text
    frames = [json.loads(line) for line in response.text.splitlines()]
    whole: dict[str, Any] = {"role": "assistant", "content": "", "thinking": "", "tool_calls": []}
    for frame in frames:
        assert "error" not in frame, frame
        message = frame["message"]
        whole["content"] += message["content"]
        whole["thinking"] += message.get("thinking", "")
        whole["tool_calls"] += message.get("tool_calls", [])
    assert frames[-1]["done"]
    assert frames[-1]["done_reason"] == "stop"
    return whole, frames


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("think", [True, False])
def test_a_tool_is_called_and_its_result_becomes_the_answer(
    server: ServerProcess, stream: bool, think: bool
) -> None:
    call, _ = chat(server, [QUESTION], stream=stream, think=think)
    (found,) = call["tool_calls"]
    assert found["function"]["name"] == "get_weather"
    assert found["function"]["arguments"] == {"city": "Paris"}
    assert found["function"]["index"] == 0
    assert "<tool_call>" not in call["content"]
    assert bool(call["thinking"]) == think
    result = {"role": "tool", "tool_name": "get_weather", "content": "22 degrees and sunny"}
    answer, _ = chat(server, [QUESTION, call, result], stream=stream, think=think)
    assert not answer["tool_calls"]
    assert "22" in answer["content"]
    assert "<think>" not in answer["content"]


def test_a_streamed_call_comes_whole_in_one_frame(server: ServerProcess) -> None:
    _, frames = chat(server, [QUESTION], stream=True)
    with_calls = [frame for frame in frames if frame["message"].get("tool_calls")]
    assert len(with_calls) == 1


def test_log_probabilities_stand_beside_a_call(server: ServerProcess) -> None:
    whole, frames = chat(server, [QUESTION], stream=True, think=False, logprobs=True)
    assert len(whole["tool_calls"]) == 1
    tokens = [entry["token"] for frame in frames for entry in frame.get("logprobs", [])]
    call = "".join(tokens).partition("<tool_call>")[2].partition("</tool_call>")[0]
    assert json.loads(call) == {"name": "get_weather", "arguments": {"city": "Paris"}}


@pytest.mark.parametrize(("stop", "calls"), [("ris", 0), ("</tool_call>", 1)])
def test_a_call_that_a_stop_text_cuts_is_none_unless_it_was_complete(
    server: ServerProcess, stop: str, calls: int
) -> None:
    options = {"temperature": 0, "stop": stop}
    body = {"model": "tiny", "messages": [QUESTION], "tools": [WEATHER], "think": False}
    answer = server.post("/api/chat", **body, stream=False, options=options).json()
    assert len(answer["message"].get("tool_calls", [])) == calls


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/api/chat", {"type": "function"}),
        ("/v1/chat/completions", {"type": "function", "function": {}}),
        ("/v1/responses", {"type": "function"}),
        ("/v1/messages", {"input_schema": {"type": "object"}}),
    ],
)
def test_a_tool_without_a_name_is_refused(
    server: ServerProcess, path: str, tool: dict[str, Any]
) -> None:
    body = {"model": "tiny", "messages": [QUESTION], "input": "Hi", "max_tokens": 9}
    response = server.post(path, **body, tools=[tool])
    assert response.status_code == 400
    assert "a tool has no name" in response.text


def test_a_greeting_calls_nothing(server: ServerProcess) -> None:
    answer, _ = chat(server, [{"role": "user", "content": "Hello"}], stream=False)
    assert not answer["tool_calls"]
    assert answer["content"]


def test_json_follows_the_thinking_in_one_run(server: ServerProcess) -> None:
    schema = {
        "type": "object",
        "properties": {
            "capital": {"type": "string", "maxLength": 20},
            "in_europe": {"type": "boolean"},
        },
        "required": ["capital", "in_europe"],
        "additionalProperties": False,
    }
    question = {"role": "user", "content": "What is the capital of France? Answer in JSON."}
    for stream in (True, False):
        answer, _ = chat(server, [question], stream=stream, think=True, format=schema, tools=[])
        assert set(json.loads(answer["content"])) == {"capital", "in_europe"}


def test_harmony_models_see_names_that_they_can_write(server: ServerProcess) -> None:
    template = (
        "{{ range .Tools }}[{{ .Function.Name }}]{{ end }}{{ range .Messages }}{{ .ToolName }}"
        "{{ range .ToolCalls }}{{ .Function.Name }}>{{ end }}{{ end }}"
    )
    server.create("oss", **{"from": "tiny", "parser": "harmony", "template": template})
    tool = {"type": "function", "function": {"name": "get-tide.now", "parameters": {}}}
    call = {"function": {"name": "get-tide.now", "arguments": {}}}
    messages = [
        {"role": "user", "content": "How is the tide?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_name": "get-tide.now", "content": "low"},
    ]
    body = {"model": "oss", "messages": messages, "tools": [tool], "_debug_render_only": True}
    answer = server.client.post("/api/chat", json=body).json()
    shown = answer["_debug_info"]["rendered_template"]
    assert shown == "[get_tide_now]get_tide_now>get_tide_now"
