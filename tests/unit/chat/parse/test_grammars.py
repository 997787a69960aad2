"""What grammars allow is what parsers read."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest

from ollama_server.chat.parse import (
    Wake,
    answer_grammar,
    forced_tool_grammar,
    format_grammar,
    lazy_tool_grammar,
    requested_schema,
)
from ollama_server.chat.parse.families import PARSERS
from ollama_server.chat.parse.format import OutputFormat
from ollama_server.chat.types import Message, Tool
from ollama_server.engine import protocol
from ollama_server.errors import BadRequest, ServerError

from .matching import EOS, accepts, fits, matcher
from .samples import DEDICATED, DERIVED
from .support import BREST, TIDE, TOOLS, format_of, parse, template

HARBOUR = Tool(
    "harbour",
    "",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "depth": {"type": "number"},
            "open": {"type": "boolean"},
            "kind": {"type": "string", "enum": ["sea", "river"]},
            "piers": {"type": "array", "items": {"type": "integer"}},
            "at": {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
                "required": ["x", "y"],
            },
        },
        "required": ["name", "kind"],
    },
)
TYPES: dict[str, Any] = {
    "name": str,
    "depth": int | float,
    "open": bool,
    "kind": str,
    "piers": list,
    "at": dict,
}


def walk(grammar: protocol.Grammar, markers: list[str], seed: int) -> str:
    """A random text of the grammar: letters, and markers wherever they fit."""
    rng = random.Random(seed)
    found = matcher(grammar)
    written = bytearray()
    likely = [marker.encode() for marker in markers if marker]
    while not found.is_stopped() and len(written) < 4000:
        rng.shuffle(likely)
        whole = next((m for m in likely if rng.random() < 0.3 and fits(found, m)), None)
        if whole is None:
            mask = found.compute_bitmask()
            allowed = [t for t in range(257) if mask[t // 8] >> (t % 8) & 1]
            if EOS in allowed and rng.random() < 0.7:
                break
            allowed = [t for t in allowed if t != EOS]
            usual = [t for t in allowed if chr(t) in "abc"]
            if not usual or rng.random() < 0.5:
                # Digits go on and on unless something else is preferred.
                usual = [t for t in allowed if not chr(t).isdigit()] or allowed
                usual = [t for t in usual if chr(t) in 'abc"}{:,]'] or usual
            whole = bytes([rng.choice(usual)])
        assert found.consume_tokens(list(whole))
        written += whole
    return written.decode()


SOURCES = sorted(
    {f"@{s.source.removeprefix('@')}" for s in (*DEDICATED, *DERIVED)}
    | {name for name, named in PARSERS.items() if named.tools}
)


@pytest.mark.parametrize("source", SOURCES)
def test_every_text_of_a_forced_call_is_read_as_calls(source: str) -> None:
    fmt = format_of(source)
    grammar = forced_tool_grammar(fmt, [HARBOUR, TIDE])
    calls = fmt.tools
    assert calls is not None
    keys = ("port", *TYPES) if "{key}" in calls.value_end else ("",)
    markers = [calls.quote, *(calls.value_end.strip().replace("{key}", key) for key in keys)]
    if not calls.repair:  # such markers inside of values are what a repair goes by
        markers += [calls.call_end.strip(), calls.section_end.strip()]
    for seed in range(3):
        text = walk(grammar, markers, seed)
        prompt = prompt_behind_thinking(fmt)
        answer = parse([text], fmt, tools=[HARBOUR, TIDE], prompt=prompt, think=False)
        assert answer.calls, text
        assert answer.content.strip() == "", text
        for call in answer.calls:
            check_arguments(call.name, call.arguments, text)


def prompt_behind_thinking(fmt: OutputFormat) -> str:
    """The end of a prompt after which an answer has nothing more to think."""
    if fmt.messages:
        return ">>>" if fmt.messages.kind == "arrows" else ""
    return fmt.thinking.close if fmt.thinking else ""


def check_arguments(name: str, arguments: dict[str, Any], text: str) -> None:
    if name == "tide":
        assert isinstance(arguments["port"], str), text
        assert isinstance(arguments.get("days", 0), int), text
        return
    assert name == "harbour"
    assert {"name", "kind"} <= arguments.keys() <= TYPES.keys(), text
    assert all(isinstance(value, TYPES[key]) for key, value in arguments.items()), text
    assert arguments["kind"] in ("sea", "river"), text


def test_a_lazy_grammar_begins_with_its_trigger() -> None:
    for source in SOURCES:
        grammar = lazy_tool_grammar(format_of(source), TOOLS)
        if grammar is None:
            continue
        assert grammar.trigger == grammar.trigger.strip()
        found = matcher(grammar)
        raw = list(grammar.trigger.encode())
        assert found.try_consume_tokens(raw) == len(raw), source


def test_formats_without_a_marker_have_no_lazy_grammar() -> None:
    assert lazy_tool_grammar(format_of("@meta-llama-Llama-3.2-3B-Instruct"), TOOLS) is None


def test_a_named_choice_allows_that_tool_only() -> None:
    grammar = answer_grammar(
        template("Qwen-Qwen2.5-7B-Instruct"), tools=TOOLS, mode="named", name="wave"
    )
    assert grammar is not None
    one = '<tool_call>\n{"name": "%s", "arguments": {"port": "x"}}\n</tool_call>'
    assert accepts(grammar, one % "wave")
    assert not accepts(grammar, one % "tide")
    assert not accepts(grammar, one % "wave" + "\n" + one % "wave")


def test_a_required_choice_allows_several_calls_where_they_are_wanted() -> None:
    qwen = template("Qwen-Qwen2.5-7B-Instruct")
    one = '<tool_call>\n{"name": "tide", "arguments": {"port": "x"}}\n</tool_call>'
    several = answer_grammar(qwen, tools=TOOLS, mode="required")
    single = answer_grammar(qwen, tools=TOOLS, mode="required", parallel=False)
    assert several is not None
    assert single is not None
    assert accepts(several, one + "\n" + one)
    assert not accepts(single, one + "\n" + one)


def test_arguments_are_held_to_the_schema() -> None:
    grammar = forced_tool_grammar(PARSERS["qwen3"].format, [TIDE])
    text = '<tool_call>\n{"name": "tide", "arguments": {"port": "x", "days": "soon"}}\n</tool_call>'
    assert not accepts(grammar, text)


def test_parameters_that_cannot_be_enforced_are_free() -> None:
    properties = {"x": {"not": {"type": "string"}}, "port": {"type": "string"}}
    tool = Tool("tide", "", {"type": "object", "properties": properties})
    grammar = forced_tool_grammar(PARSERS["qwen3"].format, [tool])
    text = '<tool_call>\n{"name": "tide", "arguments": {"x": [1], "port": %s}}\n</tool_call>'
    assert accepts(grammar, text % '"Brest"')
    assert not accepts(grammar, text % "5")


def test_a_tool_that_takes_any_object_takes_any_arguments() -> None:
    grammar = forced_tool_grammar(
        PARSERS["qwen3-coder"].format, [Tool("f", "", {"type": "object"})]
    )
    text = (
        "<tool_call>\n<function=f>\n<parameter=x>\n1\n</parameter>\n"
        "<parameter=y>\n2\n</parameter>\n</function>\n</tool_call>"
    )
    assert accepts(grammar, text)


@pytest.mark.parametrize("source", SOURCES)
def test_a_tool_without_parameters_can_be_called(source: str) -> None:
    fmt = format_of(source)
    assert fmt.tools is not None
    text = walk(forced_tool_grammar(fmt, [Tool("now")]), [fmt.tools.call_end.strip()], 1)
    prompt = prompt_behind_thinking(fmt)
    answer = parse([text], fmt, tools=[Tool("now")], think=False, prompt=prompt)
    assert {call.name for call in answer.calls} == {"now"}, text


def test_no_grammar_without_tools_or_format() -> None:
    assert answer_grammar(template("Qwen-Qwen3-0.6B")) is None
    assert answer_grammar(template("Qwen-Qwen3-0.6B"), tools=TOOLS, mode="none") is None


def test_an_unknown_tool_cannot_be_chosen() -> None:
    with pytest.raises(BadRequest, match="storm"):
        answer_grammar(template("Qwen-Qwen3-0.6B"), tools=TOOLS, mode="named", name="storm")


# --- formats --------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def test_json_is_any_object() -> None:
    grammar = format_grammar(requested_schema("json") or {})
    assert accepts(grammar, '{"a": [1, {"b": null}]}')
    assert not accepts(grammar, "[1]")


@pytest.mark.parametrize("free", [None, ""])
def test_no_format_is_free_text(free: Any) -> None:
    assert requested_schema(free) is None


@pytest.mark.parametrize(
    ("value", "shown"), [("xml", r'"\"xml\""'), (5, '"5"'), ([], '"[]"'), (True, '"true"')]
)
def test_what_is_no_format_is_refused_in_ollamas_words(value: Any, shown: str) -> None:
    with pytest.raises(ServerError) as raised:
        requested_schema(value)
    assert raised.value.status == 500
    assert raised.value.message == (
        f'invalid format: {shown}; expected "json" or a valid JSON Schema object'
    )


def test_a_schema_that_cannot_be_enforced_is_refused_in_llguidances_words() -> None:
    with pytest.raises(BadRequest, match='Unimplemented keys: \\["not"\\]'):
        requested_schema({"not": {}})


ZOD_EMAIL = {
    "type": "string",
    "format": "email",
    "pattern": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]"
    r"@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
}
ZOD_DURATION = {
    "type": "string",
    "format": "duration",
    "pattern": r"^P(?:(\d+W)|(?!.*W)(?=\d|T\d)(\d+Y)?(\d+M)?(\d+D)?"
    r"(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$",
}
RECORD = {"type": "object", "additionalProperties": {"type": "integer"}}
SIZE = {"Size": {"enum": ["small", "big"], "type": "string", "title": "Size"}}


@pytest.mark.parametrize(
    ("part", "right", "wrong"),
    [
        ({"type": "string", "format": "path"}, '"/tmp"', "1"),
        ({"type": "integer", "format": "int32"}, "1", '"1"'),
        ({"format": "int64", "minimum": 2, "type": "integer"}, "2", "1"),
        (
            {"type": "string", "format": "uuid4"},
            '"01234567-89ab-4def-8123-456789abcdef"',
            '"01234567"',
        ),
        ({"type": "string", "format": "date"}, '"2026-01-31"', '"today"'),
        (ZOD_EMAIL, '"a.b@c.de"', '"a..b@c.de"'),
        (ZOD_EMAIL, '"a@b.co"', '".a@b.co"'),
        (ZOD_EMAIL, '"o\'x@b.co"', '"a!b@b.co"'),
        (ZOD_DURATION, '"P1Y"', '"P"'),
        (ZOD_DURATION, '"PT1M"', '"P1YT"'),
        ({"enum": [{"format": "path"}]}, '{"format": "path"}', "{}"),
        ({"anyOf": [{"not": {}}, {"type": "string"}]}, '"a"', "1"),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": False}, "[1, 1]", "1"),
        ({"propertyNames": {"type": "string"}, **RECORD}, '{"x": 1}', '{"x": "1"}'),
        ({"propertyNames": True, **RECORD}, '{"x": 1}', '{"x": "1"}'),
        ({"propertyNames": {"enum": ["x", "y"]}, **RECORD}, '{"x": 1}', '{"z": 1}'),
        ({"propertyNames": {"const": "x"}, **RECORD}, '{"x": 1}', '{"x": "1"}'),
        ({"propertyNames": {"$ref": "#/$defs/Size"}, **RECORD}, '{"big": 1}', '{"x": 1}'),
        ({"propertyNames": {"pattern": "^[a-z]$"}, **RECORD}, '{"x": 1}', '{"X": 1}'),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "1.5", '"1"'),
        ({"oneOf": [{"type": "string", "format": "date"}, {"type": "string"}]}, '"a"', "1"),
    ],
)
def test_keywords_that_say_nothing_more_are_no_reason_to_refuse(
    part: dict[str, Any], right: str, wrong: str
) -> None:
    schema = {"$defs": SIZE, "type": "object", "properties": {"a": part}, "required": ["a"]}
    in_tool = forced_tool_grammar(format_of("qwen3"), [Tool("tide", "", schema)])
    for grammar, text in (
        (format_grammar(requested_schema(schema) or {}), '{"a": VALUE}'),
        (in_tool, '<tool_call>\n{"name": "tide", "arguments": {"a": VALUE}}\n</tool_call>'),
    ):
        assert accepts(grammar, text.replace("VALUE", right))
        assert not accepts(grammar, text.replace("VALUE", wrong))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "array", "uniqueItems": True},
        {"type": "string", "pattern": "^(?!a).*$"},
        {"type": "string", "pattern": ZOD_EMAIL["pattern"]},
        {"propertyNames": {"minLength": 3}, **RECORD},
        {"propertyNames": {"pattern": []}, **RECORD},
        {"propertyNames": {"enum": [1]}, **RECORD},
        {"propertyNames": {"enum": ["x"]}, "properties": {"y": {}}, **RECORD},
    ],
)
def test_keywords_that_would_be_lost_are_a_reason_to_refuse(part: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="invalid format: "):
        requested_schema({"type": "object", "properties": {"a": part}, "required": ["a"]})


FAR = 2**63


@pytest.mark.parametrize(
    ("bounds", "right", "wrong"),
    [
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, ["0.1", "0.001"], ["0", "0.0", "0.5"]),
        ({"exclusiveMinimum": 0, "maximum": 0.001}, ["0.001", "0.0001"], ["0", "0.1"]),
        ({"exclusiveMinimum": 0, "maximum": 1}, ["0.1", "1"], ["0", "0.0"]),
        ({"exclusiveMinimum": 10, "maximum": 10.5}, ["10.1", "10.5"], ["10", "10.0"]),
        ({"exclusiveMinimum": 10**6, "maximum": 10**6 + 0.5}, ["1000000.1"], ["1000000"]),
        ({"minimum": -0.5, "exclusiveMaximum": 0}, ["-0.5", "-0.1"], ["-0", "-0.0", "0"]),
        ({"minimum": -1.5, "exclusiveMaximum": -1}, ["-1.5", "-1.1"], ["-1", "-1.0"]),
        ({"minimum": 0, "exclusiveMaximum": 0.5}, ["0", "0.1"], ["0.5"]),
    ],
)
def test_excluded_numbers_are_excluded(
    bounds: dict[str, Any], right: list[str], wrong: list[str]
) -> None:
    grammar = format_grammar({"type": "number", **bounds})
    assert all(accepts(grammar, number) for number in right)
    assert not any(accepts(grammar, number) for number in wrong)


@pytest.mark.parametrize(
    ("bounds", "right", "wrong"),
    [
        ({"minimum": -FAR, "maximum": FAR - 1}, [0, FAR - 1, -FAR + 1024], [FAR, -FAR - 1]),
        ({"minimum": 0, "maximum": 2 * FAR}, [0, FAR - 1], [-1, 2 * FAR + 1]),
        ({"minimum": 10**18}, [10**18, FAR - 1], [0, 10**18 - 1]),
        ({"maximum": 10**18 - 1}, [0, -(10**19), 10**18 - 128], [10**18]),
        ({"minimum": -(10**18) + 1}, [0, 10**19], [-(10**18)]),
        ({"exclusiveMinimum": -(10**17)}, [-(10**17) + 16], [-(10**17)]),
        ({"exclusiveMaximum": 10**17, "minimum": 5}, [10**17 - 16], [10**17, 4]),
        ({"minimum": 5, "maximum": 1e19}, [5, FAR - 1], [4]),
    ],
)
def test_large_bounds_of_integers_are_kept(
    bounds: dict[str, Any], right: list[int], wrong: list[int]
) -> None:
    for kind in ("integer", ["integer", "null"]):
        grammar = format_grammar(requested_schema({"type": kind, **bounds}) or {})
        assert all(accepts(grammar, str(number)) for number in right)
        assert not any(accepts(grammar, str(number)) for number in wrong)


@pytest.mark.parametrize("bounds", [{"minimum": FAR}, {"maximum": -FAR - 1}, {"minimum": 10**400}])
def test_bounds_beyond_all_integers_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="invalid format: "):
        requested_schema({"type": "integer", **bounds})


@pytest.mark.parametrize(
    "part", [{"const": 2**53 + 1}, {"enum": [1, [{"a": -(2**53) - 1}]]}, {"enum": [10**400]}]
)
def test_integers_that_would_be_rounded_are_refused(part: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"id": part}, "required": ["id"]}
    with pytest.raises(BadRequest, match="too large to be exact"):
        requested_schema(schema)
    grammar = forced_tool_grammar(format_of("qwen3"), [Tool("tide", "", schema)])
    text = '<tool_call>\n{"name": "tide", "arguments": {"id": VALUE}}\n</tool_call>'
    assert accepts(grammar, text.replace("VALUE", str(2**53 + 1)))


def test_integers_that_need_not_be_rounded_are_kept() -> None:
    properties = {"const": {"maximum": FAR - 1, "type": "integer"}, "enum": {"const": 2**60}}
    schema = {"type": "object", "properties": properties, "required": ["const", "enum"]}
    grammar = format_grammar(requested_schema(schema) or {})
    assert accepts(grammar, json.dumps({"const": 12, "enum": 2**60}))


@pytest.mark.parametrize("odd", [[[]], [{}], [3], {"a": 1}, "a", 3, True, None])
@pytest.mark.parametrize("keyword", ["required", "properties", "items", "anyOf", "$defs", "type"])
def test_schemas_with_odd_parts_are_refused_or_enforced(keyword: str, odd: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, keyword: odd}
    with contextlib.suppress(BadRequest):
        format_grammar(requested_schema(schema) or {})
    tool = Tool("odd", "", schema)
    for source in ("qwen3-coder", "qwen3", "lfm2", "gemma4", "glm-4.7", "harmony"):
        assert forced_tool_grammar(format_of(source), [tool])
        text = "<tool_call>odd<arg_key>a</arg_key><arg_value>b</arg_value>"
        answer = parse([text], format_of(source), tools=[tool], think=False)
        assert answer.calls or answer.content


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(2000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(BadRequest, match="deeply"):
        requested_schema(schema)


def test_objects_have_their_declared_properties_only() -> None:
    assert not accepts(format_grammar(SCHEMA), '{"a": 1, "b": 2}')


def test_objects_that_say_so_have_other_properties() -> None:
    assert accepts(format_grammar({**SCHEMA, "additionalProperties": True}), '{"a": 1, "b": 2}')


def test_combined_schemas_stay_satisfiable() -> None:
    other = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}
    assert accepts(format_grammar({"allOf": [SCHEMA, other]}), '{"a": 1, "b": 2}')


def test_definitions_have_their_declared_properties_only() -> None:
    schema = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/Place"}},
        "required": ["at"],
        "$defs": {"Place": SCHEMA},
    }
    assert accepts(format_grammar(schema), '{"at": {"a": 1}}')
    assert not accepts(format_grammar(schema), '{"at": {"a": 1, "b": 2}}')


def test_definitions_that_are_combined_stay_satisfiable() -> None:
    other = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}
    schema = {"allOf": [{"$ref": "#/$defs/Place"}, other], "$defs": {"Place": SCHEMA}}
    assert accepts(format_grammar(schema), '{"a": 1, "b": 2}')


def test_a_format_waits_for_the_end_of_thinking() -> None:
    qwen = template("Qwen-Qwen3-0.6B")
    grammar = answer_grammar(qwen, format=SCHEMA, think=True, prompt="<|im_start|>assistant\n")
    assert grammar is not None
    assert (grammar.after, grammar.unless_thinking) == ("</think>", "<think>")
    assert accepts(grammar, '\n\n{"a": 1}')


def test_a_format_without_thinking_starts_at_once() -> None:
    grammar = answer_grammar(template("Qwen-Qwen2.5-7B-Instruct"), format=SCHEMA)
    assert grammar is not None
    assert (grammar.kind, grammar.after, grammar.unless_thinking) == ("json_schema", "", "")


def test_with_tools_an_answer_is_in_the_format_or_a_call() -> None:
    qwen = template("Qwen-Qwen2.5-7B-Instruct")
    grammar = answer_grammar(qwen, format=SCHEMA, tools=TOOLS)
    assert grammar is not None
    assert accepts(grammar, '{"a": 1}')
    assert accepts(
        grammar, '<tool_call>\n{"name": "tide", "arguments": {"port": "x"}}\n</tool_call>'
    )
    assert not accepts(grammar, "High.")


def test_an_answer_in_the_format_may_begin_like_a_call() -> None:
    properties = {"name": {"type": "string"}, "age": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "required": ["name"]}
    llama = template("meta-llama-Llama-3.2-3B-Instruct")
    grammar = answer_grammar(llama, format=schema, tools=TOOLS)
    assert grammar is not None
    for text in ('{"name": "Ada"}', '{"name": "tide", "age": 3}', '{"name": "tides"}'):
        assert accepts(grammar, text)
    assert accepts(grammar, '{"name": "tide", "parameters": {"port": "x"}}')
    assert not accepts(grammar, '{"name": "tide", "parameters": {"port": 1}}')


def test_harmony_answers_in_the_final_channel() -> None:
    fmt = PARSERS["harmony"].format
    grammar = format_grammar(SCHEMA, fmt, Wake("<|end|>", "<|channel|>analysis"))
    assert (grammar.after, grammar.unless_thinking) == ("<|end|>", "<|channel|>analysis")
    behind = '<|start|>assistant<|channel|>final<|message|>{"a": 1}'
    assert accepts(grammar, behind)
    assert accepts(grammar, behind.removeprefix("<|start|>assistant"))
    thought = "<|channel|>analysis<|message|>Hm.<|end|>"
    assert parse([thought + behind], fmt).content == '{"a": 1}'


@pytest.mark.parametrize(
    "written",
    [
        "<|channel|>final<|message|>Hi.",
        "<|start|>assistant<|channel|>final<|message|>Hi.",
        '<|channel|>commentary to=functions.tide<|message|>{"port": "Brest", "days": 2}',
        ' to=functions.tide<|message|>{"port": "Brest", "days": 2}',
    ],
)
def test_harmony_thinking_that_was_left_is_no_longer_thinking(written: str) -> None:
    fmt = PARSERS["harmony"].format
    grammar = forced_tool_grammar(fmt, TOOLS)
    thought = "<|channel|>analysis"
    thought += "" if written.startswith(" to=") else "<|message|>Call a function of TOOLS."
    assert not any(text in thought for text in grammar.left_by)
    assert any(text in thought + written for text in grammar.left_by)
    answer = parse([thought + written], fmt)
    assert answer.content == "Hi." or answer.named == [("tide", BREST)]


def test_wrapped_content_may_be_wrapped() -> None:
    cohere = template("CohereForAI-c4ai-command-r7b-12-2024-tool_use")
    last = Message("user", "Hi")
    prompt = cohere.render([last], (), False)
    grammar = answer_grammar(cohere, format=SCHEMA, think=False, prompt=prompt, last=last)
    assert grammar is not None
    text = '<|START_RESPONSE|>{"a": 1}<|END_RESPONSE|>'
    assert accepts(grammar, text)
    assert accepts(grammar, '{"a": 1}')
    assert json.loads(parse([text], format_of_cohere(), think=False).content) == {"a": 1}


def format_of_cohere() -> OutputFormat:
    return format_of("@CohereForAI-c4ai-command-r7b-12-2024-tool_use")
