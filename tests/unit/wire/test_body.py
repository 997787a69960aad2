from __future__ import annotations

import math

import pytest

from ollama_server.errors import BadRequest
from ollama_server.wire.body import decode
from ollama_server.wire.native import ChatRequest, EmbedRequest, GenerateRequest


def error_of(raw: bytes, model: type[ChatRequest | GenerateRequest | EmbedRequest]) -> str:
    with pytest.raises(BadRequest) as caught:
        decode(model, raw)
    assert caught.value.status == 400
    return str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"  \n"])
def test_an_empty_body_is_missing(raw: bytes) -> None:
    assert error_of(raw, ChatRequest) == "missing request body"


@pytest.mark.parametrize("raw", [b'{"model":', b'{"a":"b', b"[", b"tru", b'{"model":"a"'])
def test_json_that_breaks_off_is_an_unexpected_eof(raw: bytes) -> None:
    assert error_of(raw, ChatRequest) == "unexpected EOF"


@pytest.mark.parametrize(
    ("raw", "character"), [(b"{x}", "x"), (b"hello", "h"), (b"NaN", "N"), (b"{'a':1}", "'")]
)
def test_malformed_json_names_the_character(raw: bytes, character: str) -> None:
    error = error_of(raw, ChatRequest)
    assert error.startswith("invalid character")
    assert character in error


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 5000])
def test_numbers_that_no_float_can_hold_are_refused(number: bytes) -> None:
    error = error_of(b'{"options":{"x":' + number + b"}}", ChatRequest)
    assert error.startswith(f"json: cannot unmarshal number {number[:40].decode()}")
    assert error.endswith(" into Go value of type float64")
    assert len(error) < 200


def test_null_is_an_empty_object() -> None:
    assert decode(ChatRequest, b"null").model == ""


def test_bytes_behind_the_first_value_do_not_count() -> None:
    assert decode(ChatRequest, b'{"model":"a"} and more').model == "a"


def test_keys_match_in_any_case_and_the_last_one_wins() -> None:
    assert decode(ChatRequest, b'{"MODEL":"a","Messages":[{"ROLE":"USER"}]}').model == "a"
    assert decode(ChatRequest, b'{"model":"a","model":"b"}').model == "b"
    assert decode(ChatRequest, b'{"model":"a","Model":"b"}').model == "b"


def test_roles_are_lower_cased_and_may_be_anything() -> None:
    body = decode(ChatRequest, b'{"messages":[{"role":"USER"},{"role":"critic"}]}')
    assert [message.role for message in body.messages] == ["user", "critic"]


def test_null_is_an_absent_field() -> None:
    body = decode(GenerateRequest, b'{"model":"a","stream":null,"prompt":null,"context":null}')
    assert (body.stream, body.prompt, body.context) == (True, "", None)


def test_unknown_keys_are_ignored() -> None:
    assert decode(ChatRequest, b'{"model":"a","nonsense":[{}]}').model == "a"


@pytest.mark.parametrize("raw", [b'{"model":"a\xffb"}', b'{"model":"a\\ud800b"}'])
def test_what_is_no_utf8_becomes_replacement_characters(raw: bytes) -> None:
    assert decode(ChatRequest, raw).model == "a\ufffdb"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b'{"model":5}', "number into Go struct field GenerateRequest.model of type string"),
        (b'{"model":true}', "bool into Go struct field GenerateRequest.model of type string"),
        (b'{"stream":"yes"}', "string into Go struct field GenerateRequest.stream of type bool"),
        (
            b'{"options":[]}',
            "array into Go struct field GenerateRequest.options of type map[string]interface {}",
        ),
        (
            b'{"top_logprobs":1.5}',
            "number 1.5 into Go struct field GenerateRequest.top_logprobs of type int",
        ),
        (
            b'{"context":[1180591620717411303424]}',
            "number 1180591620717411303424 into Go struct field GenerateRequest.context "
            "of type int",
        ),
        (
            b'{"top_logprobs":-9223372036854775809}',
            "number -9223372036854775809 into Go struct field GenerateRequest.top_logprobs "
            "of type int",
        ),
        (b"[]", "array into Go value of type api.GenerateRequest"),
        (b'"text"', "string into Go value of type api.GenerateRequest"),
    ],
)
def test_wrong_types_are_refused_in_gos_words(raw: bytes, error: str) -> None:
    assert error_of(raw, GenerateRequest) == f"json: cannot unmarshal {error}"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (
            b'{"messages":[{"content":{"type":"x"}}]}',
            "object into Go struct field ChatRequest.messages.content of type string",
        ),
        (
            b'{"messages":[{"tool_calls":[{"function":{"arguments":"{}"}}]}]}',
            "string into Go struct field ChatRequest.messages.tool_calls.function.arguments "
            "of type map[string]interface {}",
        ),
        (b'{"messages":{}}', "object into Go struct field ChatRequest.messages of type []api."),
    ],
)
def test_wrong_types_deep_inside_show_their_path(raw: bytes, error: str) -> None:
    assert error_of(raw, ChatRequest).startswith(f"json: cannot unmarshal {error}")


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (b"5", 5),
        (b"42.5", 42.5),
        (b"0", 0),
        (b"-1", math.inf),
        (b'"5m"', 300),
        (b'"0"', 0),
        (b'"-1m"', math.inf),
        (b"1e300", math.inf),
        (b"1" + b"0" * 400, math.inf),
        (b"-1" + b"0" * 400, math.inf),
    ],
)
def test_keep_alive_is_seconds_or_a_duration(raw: bytes, seconds: float) -> None:
    assert decode(ChatRequest, b'{"keep_alive":' + raw + b"}").keep_alive == seconds


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b'"10"', 'time: missing unit in duration "10"'),
        (b'"-1"', 'time: missing unit in duration "-1"'),
        (b'""', 'time: invalid duration ""'),
        (b'"1d"', 'time: unknown unit "d" in duration "1d"'),
        (b"true", "Unsupported type: 'bool'"),
        (b"{}", "Unsupported type: 'map[string]interface {}'"),
        (b"[]", "Unsupported type: '[]interface {}'"),
    ],
)
def test_other_values_of_keep_alive_are_refused(raw: bytes, error: str) -> None:
    assert error_of(b'{"keep_alive":' + raw + b"}", ChatRequest) == error


@pytest.mark.parametrize("value", [b"true", b"false", b'"low"', b'"max"'])
def test_think_is_a_bool_or_a_level(value: bytes) -> None:
    assert decode(ChatRequest, b'{"think":' + value + b"}").think is not None


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (
            b'"foo"',
            'invalid think value: "foo" (must be "high", "medium", "low", "max", true, or false)',
        ),
        (
            b"5",
            'think must be a boolean or string ("high", "medium", "low", "max", true, or false)',
        ),
    ],
)
def test_other_values_of_think_are_refused(raw: bytes, error: str) -> None:
    assert error_of(b'{"think":' + raw + b"}", ChatRequest) == error


def test_a_property_type_must_be_a_string_or_strings() -> None:
    raw = b'{"tools":[{"function":{"parameters":{"properties":{"a":{"type":5}}}}}]}'
    assert "type of property" in error_of(raw, ChatRequest)
    fine = raw.replace(b"5", b'["string","null"]')
    assert len(decode(ChatRequest, fine).tools) == 1


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    assert error_of(b"[" * 200_000, ChatRequest)
