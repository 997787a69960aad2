"""OpenAI's chat and completion requests as generations."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ollama_server.chat.types import SPOT, Media
from ollama_server.errors import BadRequest
from ollama_server.generation.request import GenerationRequest
from ollama_server.routes.openai.requests import chat_generation, completion_generations
from ollama_server.wire.body import decode
from ollama_server.wire.openai import ChatCompletionRequest, CompletionRequest

PNG = b"\x89PNG\r\n\x1a\n"
USER = {"role": "user", "content": "hi"}


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def chat(**fields: Any) -> GenerationRequest:
    body = {"model": "m", "messages": [USER], **fields}
    return chat_generation(decode(ChatCompletionRequest, json.dumps(body).encode()))


def content(value: Any, **fields: Any) -> Any:
    return chat(messages=[{"role": "user", "content": value, **fields}]).messages[0]


def completion(**fields: Any) -> list[GenerationRequest]:
    body = {"model": "m", "prompt": "hi", **fields}
    return completion_generations(decode(CompletionRequest, json.dumps(body).encode()))


def refusal(**fields: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        chat(**fields)
    return caught.value.message


# --- sampling -------------------------------------------------------------------------------------


def test_temperature_and_top_p_default_to_one_above_the_models_own() -> None:
    assert chat().options == {"temperature": 1.0, "top_p": 1.0}


def test_an_explicit_top_p_of_zero_is_kept() -> None:
    assert chat(top_p=0).options["top_p"] == 0


def test_max_completion_tokens_counts_where_max_tokens_is_absent() -> None:
    assert chat(max_completion_tokens=7).options["num_predict"] == 7
    assert chat(max_completion_tokens=7, max_tokens=3).options["num_predict"] == 3


def test_a_stop_string_becomes_a_list() -> None:
    assert chat(stop="\n").options["stop"] == ["\n"]


def test_an_empty_stop_list_clears_the_models_own() -> None:
    assert chat(stop=[]).options["stop"] == []


def test_members_of_a_stop_list_that_are_no_strings_are_skipped() -> None:
    assert chat(stop=["a", 1, None]).options["stop"] == ["a"]


def test_penalties_are_left_to_the_model_when_absent() -> None:
    assert "frequency_penalty" not in chat().options


def test_logit_bias_keys_become_token_ids() -> None:
    assert chat(logit_bias={"12": -100}).logit_bias == {12: -100.0}


@pytest.mark.parametrize("key", ["word", "", "1.5", str(2**70), "1" * 5000])
def test_logit_bias_keys_must_be_numbers(key: str) -> None:
    assert refusal(logit_bias={key: 1}) == "logit_bias must map token ids to numbers"


def test_top_logprobs_has_a_range() -> None:
    assert refusal(top_logprobs=21) == "top_logprobs must be between 0 and 20"


@pytest.mark.parametrize("n", [0, 129])
def test_n_has_a_range(n: int) -> None:
    assert refusal(n=n) == "n must be between 1 and 128"


def test_keep_alive_is_understood_as_in_the_native_api() -> None:
    assert chat(keep_alive="5m").keep_alive == 300


# --- thinking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effort", "think"),
    [
        ("none", False),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("max", "max"),
        ("xhigh", "max"),
        ("ultra", "max"),
        ("", None),
    ],
)
def test_efforts_become_think_levels(effort: str, think: Any) -> None:
    assert chat(reasoning_effort=effort).think == think


def test_an_unknown_effort_is_refused_with_the_known_ones() -> None:
    assert refusal(reasoning_effort="High").startswith('invalid reasoning value: "High" (must be')


def test_a_reasoning_object_hides_the_flat_effort_even_when_empty() -> None:
    assert chat(reasoning={}, reasoning_effort="high").think is None
    assert chat(reasoning={"effort": "low"}, reasoning_effort="high").think == "low"


# --- format ---------------------------------------------------------------------------------------


def test_json_object_is_the_json_format_whatever_the_case() -> None:
    assert chat(response_format={"type": " JSON_Object "}).format == "json"


def test_a_json_schema_is_taken_out_of_its_wrapping() -> None:
    wrapped = {"name": "x", "strict": True, "schema": {"type": "object"}}
    format = chat(response_format={"type": "json_schema", "json_schema": wrapped}).format
    assert format == {"type": "object"}


@pytest.mark.parametrize(("schema", "kind"), [(True, "bool"), ("{}", "string"), ([], "array")])
def test_a_schema_that_is_no_object_is_refused(schema: Any, kind: str) -> None:
    with pytest.raises(BadRequest, match=f"invalid schema: {kind} is not an object"):
        chat(response_format={"type": "json_schema", "json_schema": {"schema": schema}})


@pytest.mark.parametrize("value", [{"type": "text"}, {"type": "json_schema"}, {}, None])
def test_other_formats_constrain_nothing(value: Any) -> None:
    assert chat(response_format=value).format is None


# --- messages -------------------------------------------------------------------------------------


def test_no_messages_is_refused_before_the_model_is_looked_at() -> None:
    assert refusal(messages=[], model="") == "[] is too short - 'messages'"


def test_a_model_is_required() -> None:
    assert refusal(model="") == "model is required"


def test_text_parts_are_joined_by_newlines_into_one_message() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert content(parts).content == "a\nb"


def test_images_arrive_in_their_order() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    bare = f"data:;base64,{base64.b64encode(b'second').decode()}"
    message = content(
        [
            {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
            {"type": "text", "text": "what?"},
            {"type": "image_url", "image_url": bare},
        ]
    )
    assert [item.data for item in message.media] == [PNG, b"second"]
    assert message.content == f"{SPOT}what?{SPOT}"


def test_no_newline_stands_between_a_text_and_an_image() -> None:
    image = {"type": "image_url", "image_url": "data:;base64,AA=="}
    texts = [{"type": "text", "text": text} for text in "abc"]
    message = content([texts[0], image, *texts[1:]])
    assert message.content == f"a{SPOT}b\nc"


@pytest.mark.parametrize(
    "prefix",
    ["data:image/gif;base64,", "DATA:image/png;base64,", "data:image/png;charset=x;BASE64,"],
)
def test_a_data_url_of_any_type_is_read(prefix: str) -> None:
    part = {"type": "image_url", "image_url": f"{prefix}AA=="}
    assert content([part]).media == [Media(b"\0", place="messages[0].content[0]")]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("data:image/png,AA", "invalid image input"),
        ("data:image/png;base64,?", "illegal base64 data at input byte 0"),
        ("file:///etc/passwd", "invalid image input"),
        ("x", "invalid image input"),
    ],
)
def test_other_image_urls_are_refused_by_their_place(url: str, text: str) -> None:
    parts = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": url}]
    refused = refusal(messages=[{"role": "user", "content": parts}])
    assert refused == f"messages[0].content[1]: {text}"


def test_remote_images_are_left_to_be_fetched() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    [medium] = content([part]).media
    assert (medium.url, medium.data) == ("https://example.com/a.png", b"")


def test_sound_is_decoded() -> None:
    sound = {"data": base64.b64encode(b"RIFF").decode(), "format": "wav"}
    message = content([{"type": "input_audio", "input_audio": sound}])
    assert [(item.kind, item.data) for item in message.media] == [("audio", b"RIFF")]


@pytest.mark.parametrize(
    ("sound", "text"),
    [("x", "invalid input_audio format"), ({}, "invalid input_audio format: missing data")],
)
def test_sound_without_data_is_refused(sound: Any, text: str) -> None:
    parts = [{"type": "input_audio", "input_audio": sound}]
    assert (
        refusal(messages=[{"role": "user", "content": parts}]) == f"messages[0].content[0]: {text}"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "invalid message content type: <nil>"),
        (3, "invalid message content type: float64"),
        (True, "invalid message content type: bool"),
        ({}, "invalid message content type: map[string]interface {}"),
        (["x"], "invalid message format"),
        ([{"type": "file"}], "invalid message format"),
        ([{"type": "text"}], "invalid message format"),
    ],
)
def test_wrong_content_is_named(value: Any, text: str) -> None:
    assert refusal(messages=[{"role": "user", "content": value}]) == text


def test_content_may_be_absent_beside_tool_calls() -> None:
    assert content(None, tool_calls=[]).content == ""


def test_tool_calls_of_the_history_are_parsed() -> None:
    function = {"name": "tide", "arguments": '{"port": "Brest"}'}
    message = content(None, tool_calls=[{"id": "c1", "type": "function", "function": function}])
    call = message.tool_calls[0]
    assert (call.id, call.name, call.arguments) == ("c1", "tide", {"port": "Brest"})


@pytest.mark.parametrize("arguments", ["", "{", "[1]", '"x"'])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": arguments}}]
    text = refusal(messages=[{"role": "assistant", "content": None, "tool_calls": calls}])
    assert text == "invalid tool call arguments"


def test_a_tool_result_takes_its_name_from_the_call() -> None:
    calls = [{"id": "c1", "function": {"name": "tide", "arguments": "{}"}}]
    messages = chat(
        messages=[
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "high"}]},
        ]
    ).messages
    result = messages[1]
    assert (result.tool_name, result.tool_call_id, result.content) == ("tide", "c1", "high")


def test_a_name_is_kept_for_tools_only() -> None:
    assert content("hi", name="bob").tool_name == ""


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_earlier_reasoning_comes_back_as_thinking(field: str) -> None:
    messages = chat(messages=[{"role": "assistant", "content": "a", field: "because"}]).messages
    assert messages[0].thinking == "because"


def test_a_developer_speaks_with_the_systems_voice() -> None:
    assert chat(messages=[{"role": "Developer", "content": "x"}]).messages[0].role == "system"


# --- tools ----------------------------------------------------------------------------------------


def test_tools_keep_their_schema_as_declared() -> None:
    schema = {"type": "object", "properties": {"b": {"minimum": 1}, "a": {"type": "string"}}}
    function = {"name": "f", "description": "d", "parameters": schema}
    declared = chat(tools=[{"type": "function", "function": function}]).tools[0]
    assert (declared.name, declared.description, declared.parameters) == ("f", "d", schema)


def test_a_function_that_is_not_under_its_key_is_refused_by_its_place() -> None:
    with pytest.raises(BadRequest, match=r"tools\[0\].function is missing"):
        chat(tools=[{"type": "function", "name": "x", "parameters": {}}])


def test_no_tools_are_offered_with_the_choice_none() -> None:
    request = chat(tools=[tool("f")], tool_choice="none")
    assert (request.tool_choice.mode, request.tools) == ("none", [])


@pytest.mark.parametrize(
    ("choice", "mode", "name"),
    [
        ("auto", "auto", ""),
        ("required", "required", ""),
        ({"type": "function", "function": {"name": "f"}}, "named", "f"),
        ({"type": "function", "name": "f"}, "named", "f"),
    ],
)
def test_tool_choices(choice: Any, mode: str, name: str) -> None:
    chosen = chat(tools=[tool("f"), tool("g")], tool_choice=choice).tool_choice
    assert (chosen.mode, chosen.name) == (mode, name)


def test_allowed_tools_narrow_the_choice() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
    request = chat(
        tools=[tool("f"), tool("g")],
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )
    assert request.tool_choice.mode == "required"
    assert [item.name for item in request.tools] == ["g"]


def test_a_required_call_needs_tools() -> None:
    assert refusal(tool_choice="required").endswith("when 'tools' are specified")


def test_a_named_tool_must_exist() -> None:
    choice = {"type": "function", "function": {"name": "x"}}
    assert refusal(tools=[tool("f")], tool_choice=choice).startswith("tool choice 'x' not found")


@pytest.mark.parametrize("choice", ["sometimes", 3, {"type": "function"}])
def test_unknown_choices_are_refused(choice: Any) -> None:
    assert refusal(tools=[tool("f")], tool_choice=choice).startswith("invalid tool_choice")


def test_fields_that_nobody_knows_are_ignored() -> None:
    assert chat(service_tier="flex", store=True, nonsense={"a": 1}) == chat()


# --- completions ----------------------------------------------------------------------------------


def test_a_completion_always_sets_its_penalties() -> None:
    assert completion()[0].options == {
        "temperature": 1.0,
        "top_p": 1.0,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
    }


def test_a_completions_top_p_of_zero_counts_as_absent() -> None:
    assert completion(top_p=0)[0].options["top_p"] == 1.0


@pytest.mark.parametrize(
    ("prompt", "texts", "tokens"),
    [
        ("a", ["a"], [None]),
        (None, [""], [None]),
        (["a", "b"], ["a", "b"], [None, None]),
        ([1, 2], [""], [[1, 2]]),
        ([[1], [2, 3]], ["", ""], [[1], [2, 3]]),
    ],
)
def test_prompts_are_texts_or_tokens_or_lists_of_either(
    prompt: Any, texts: list[str], tokens: list[Any]
) -> None:
    requests = completion(prompt=prompt)
    assert [request.prompt for request in requests] == texts
    assert [request.prompt_tokens for request in requests] == tokens


@pytest.mark.parametrize("prompt", [3, {}, [], [None], [[]], [1, "a"], [-1], [True]])
def test_other_prompts_are_refused(prompt: Any) -> None:
    with pytest.raises(BadRequest, match="prompt must be a string, tokens, or a list of either"):
        completion(prompt=prompt)


def test_a_stop_list_of_a_completion_holds_strings_only() -> None:
    with pytest.raises(BadRequest, match="invalid type for 'stop' field: float64"):
        completion(stop=["a", 1])


def test_best_of_generates_more_answers_than_it_returns() -> None:
    request = completion(n=2, best_of=4)[0]
    assert (request.n, request.logprobs) == (4, True)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"n": 3, "best_of": 2}, "best_of must be greater than or equal to n"),
        ({"best_of": 2, "stream": True}, "best_of greater than n cannot be streamed"),
        ({"logprobs": 21}, "top_logprobs must be between 0 and 20"),
        ({"echo": True, "logprobs": 1}, "logprobs of an echoed prompt are not supported"),
        ({"echo": True, "suffix": "x"}, "echo and suffix cannot be used together"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        completion(**fields)
    assert caught.value.message == text


def test_logprobs_of_a_completion_name_the_number_of_alternatives() -> None:
    request = completion(logprobs=3)[0]
    assert (request.logprobs, request.top_logprobs) == (True, 3)
