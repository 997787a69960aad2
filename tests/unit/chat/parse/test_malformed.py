"""Answers that look like tool calls and are none, or are almost."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.parse.families import FALLBACK, PARSERS
from ollama_server.chat.parse.format import OutputFormat
from ollama_server.chat.parse.make import output_format
from ollama_server.chat.parse.tools import random_id
from ollama_server.chat.types import Tool

from .samples import CODER, GEMMA, GLM, GLM_LINES, HERMES, HUNYUAN, JSON_LIST, M2, M3, SEED
from .support import BREST, TIDE, call, format_of, parse, parser, splits, template

BREST_ONLY = {"port": "Brest"}
LLAMA = "meta-llama-Llama-3.2-3B-Instruct"


def fmt(source: str) -> OutputFormat:
    return PARSERS[source].format


def derived(name: str) -> OutputFormat:
    return format_of("@" + name)


def same_for_all_splits(text: str, source: OutputFormat, **how: Any) -> Any:
    answers = [parse(pieces, source, **how) for pieces in splits(text)]
    first = answers[0]
    for answer in answers:
        assert (answer.content, answer.thinking, answer.named) == (
            first.content,
            first.thinking,
            first.named,
        )
    return first


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("qwen3", "Use <tool_call> to call."),
        ("qwen3", '<tool_call>{"name": "tide", "arguments": {"port": }}</tool_call>'),
        ("qwen3", '<tool_call>{"name": "", "arguments": {}}</tool_call>'),
        ("qwen3", '<tool_call>{"name": "tide", "arguments": [1]}</tool_call>'),
        ("qwen3", "<tool_call>\n\n<tool_call>"),
        ("qwen3-coder", "<tool_call>\n<function=tide>\n<parameter=port>\nBrest"),
        ("qwen3-coder", "<function=two words>\n</function>"),
        ("qwen3-coder", "see <function=tide"),
        ("ministral", '[TOOL_CALLS]unknown[ARGS]{"port": 1}'),
        ("deepseek3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tide<｜tool▁sep｜>{bad}"),
        ("olmo3", "<function_calls>tide(port=open('x'))</function_calls>"),
        ("olmo3", "<function_calls>not a call</function_calls>"),
        ("gemma4", "<|tool_call>call:tide"),
        ("functiongemma", "<start_function_call>call:tide{port}<end_function_call>"),
        ("glm-ocr", "<tool_call>tide<arg_key>port</arg_key>"),
        ("lfm2", "[link](x) and [tide(]"),
        ("cohere", "<|START_ACTION|>[oops]<|END_ACTION|>"),
    ],
)
def test_what_is_no_call_comes_back_as_content(source: str, text: str) -> None:
    answer = same_for_all_splits(text, fmt(source), think=False)
    assert (answer.content, answer.named) == (text, [])


def test_tools_that_were_not_declared_are_not_called_in_derived_formats() -> None:
    text = HERMES.replace("tide", "rm")
    answer = same_for_all_splits(text, derived("Qwen-Qwen2.5-7B-Instruct"))
    assert (answer.content, answer.named) == (text, [])


def test_named_parsers_hand_on_calls_of_undeclared_tools() -> None:
    answer = same_for_all_splits(HERMES.replace("tide", "rm"), fmt("qwen3"))
    assert answer.named == [call("rm")]


def test_calls_are_text_in_requests_without_tools() -> None:
    answer = parse([HERMES], fmt("qwen3"), tools=[])
    assert answer.content == HERMES


def test_text_between_and_behind_calls_is_kept() -> None:
    text = f"Before.\n{HERMES}\nBetween.\n{HERMES.replace('tide', 'wave')}\n\nBehind.\n"
    answer = same_for_all_splits(text, fmt("qwen3"))
    assert answer.named == [call("tide"), call("wave")]
    assert answer.content == "Before.\nBetween.\n\nBehind.\n"


def test_a_good_call_behind_a_bad_one_arrives() -> None:
    answer = same_for_all_splits("<tool_call>{oops}</tool_call>" + HERMES, fmt("qwen3"))
    assert answer.named == [call()]
    assert answer.content == "<tool_call>{oops}</tool_call>"


def test_a_good_call_before_a_bad_one_arrives() -> None:
    answer = same_for_all_splits(HERMES + "\n<tool_call>{oops}</tool_call>", fmt("qwen3"))
    assert answer.named == [call()]
    assert answer.content == "\n<tool_call>{oops}</tool_call>"


def test_several_calls_in_one_wrapper_all_arrive() -> None:
    text = f"<tool_call>{JSON_LIST}</tool_call>"
    assert same_for_all_splits(text, fmt("qwen3")).named == [call("tide"), call("wave")]


def test_a_call_arrives_as_soon_as_it_is_complete() -> None:
    reader = parser(fmt("qwen3"))
    assert not reader.feed(HERMES.removesuffix("}\n</tool_call>")).tool_calls
    assert [found.name for found in reader.feed("}").tool_calls] == ["tide"]


def test_content_streams_up_to_a_possible_marker() -> None:
    reader = parser(fmt("qwen3"))
    pieces = ["High", " tide", " at 5 <", "6 o'clock", "<tool", "box>"]
    assert [reader.feed(piece).content for piece in pieces] == [
        "High",
        " tide",
        " at 5",
        " <6 o'clock",
        "",
        "<toolbox>",
    ]


def test_an_answer_that_is_json_streams_although_calls_may_be_json() -> None:
    reader = parser(derived(LLAMA))
    assert reader.feed('{"ti').content == ""
    assert reader.feed('de": 5, "x').content == '{"tide": 5, "x'


def test_json_that_names_a_tool_without_arguments_is_an_answer() -> None:
    text = '{"name": "tide", "type": "sea"}'
    assert same_for_all_splits(text, derived(LLAMA)).content == text


def test_bare_json_counts_at_the_start_only() -> None:
    text = 'So: {"name": "tide", "parameters": {"port": "Brest"}}'
    assert same_for_all_splits(text, derived(LLAMA)).content == text


def test_several_bare_calls_in_a_row_arrive() -> None:
    one = '{"name": "tide", "parameters": {"port": "Brest", "days": 2}}'
    answer = same_for_all_splits(f"{one}; {one}\n{one}", derived(LLAMA))
    assert answer.named == [call(), call(), call()]


def test_an_unclosed_call_is_completed_when_nothing_required_is_missing() -> None:
    text = '<tool_call>{"name": "tide", "arguments": {"port": "Brest", "days": 2'
    assert same_for_all_splits(text, fmt("qwen3")).named == [call()]


def test_an_unclosed_call_without_a_required_argument_is_content() -> None:
    text = '<tool_call>{"name": "tide", "arguments": {"days": 2'
    assert same_for_all_splits(text, fmt("qwen3")).content == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("qwen3", '<tool_call>{"name": "tide", "arguments": {"port": "Bre'),
        ("qwen3-coder", CODER.partition("</function>")[0]),
        ("gemma4", '<|tool_call>call:tide{port:<|"|>Bre'),
    ],
)
def test_an_answer_cut_short_makes_no_call_of_its_last_words(source: str, text: str) -> None:
    answer = same_for_all_splits(text, fmt(source), truncated=True, think=False)
    assert (answer.content, answer.named) == (text, [])


def test_an_unclosed_call_with_tags_is_completed() -> None:
    answer = same_for_all_splits(CODER.partition("</function>")[0], fmt("qwen3-coder"))
    assert answer.named == [call()]


def test_missing_closing_tags_of_values_are_forgiven() -> None:
    answer = same_for_all_splits(GLM.replace("</arg_value>", ""), fmt("glm-ocr"))
    assert answer.named == [call()]


def test_mixed_up_closing_tags_of_values_are_forgiven() -> None:
    answer = same_for_all_splits(GLM.replace("</arg_value>", "</arg_key>"), fmt("glm-ocr"))
    assert answer.named == [call()]


def test_values_may_contain_the_markers_themselves() -> None:
    value = "<parameter=x>\n1\n</parameter> and </function>"
    answer = same_for_all_splits(CODER.replace("Brest", value), fmt("qwen3-coder"))
    assert answer.named == [call("tide", {"port": value, "days": 2})]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ByteDance-Seed-OSS", SEED),
        ("MiniMax-M2", M2),
        ("MiniMax-M3", M3),
        ("tencent-Hy3", HUNYUAN),
        ("GLM-4.6", GLM_LINES),
        ("inclusionai-ling-3.0-flash", GLM_LINES),
    ],
)
def test_line_breaks_belong_to_values_where_templates_print_none(name: str, text: str) -> None:
    answer = same_for_all_splits(text.replace("Brest", "\n\tpass\n"), derived(name))
    assert answer.named[0] == call("tide", {"port": "\n\tpass\n", "days": 2})


@pytest.mark.parametrize(("source", "text"), [("qwen3-coder", CODER), ("glm-ocr", GLM)])
def test_one_line_break_at_the_ends_of_a_value_is_layout(source: str, text: str) -> None:
    answer = same_for_all_splits(text.replace("Brest", "\n\tpass\n"), fmt(source))
    kept = {"qwen3-coder": "\n\tpass\n", "glm-ocr": "\tpass"}[source]
    assert answer.named == [call("tide", {"port": kept, "days": 2})]


def test_white_space_in_front_of_a_marker_that_ends_a_value_is_layout() -> None:
    text = GLM_LINES.replace("</arg_value>", "")
    answer = same_for_all_splits(text, derived("inclusionai-ling-3.0-flash"))
    assert answer.named == [call()]


def test_order_of_arguments_is_the_models() -> None:
    text = '<tool_call>{"name": "tide", "arguments": {"days": 2, "port": "Brest"}}</tool_call>'
    assert list(parse([text], fmt("qwen3")).calls[0].arguments) == ["days", "port"]


def test_arguments_as_a_json_string_become_an_object() -> None:
    text = '<tool_call>{"name": "tide", "arguments": "{\\"port\\": \\"Brest\\"}"}</tool_call>'
    assert parse([text], fmt("qwen3")).named == [call("tide", {"port": "Brest"})]


def test_a_call_wrapped_as_clients_write_it_is_read() -> None:
    text = (
        '<tool_call>{"type": "function", "function": {"name": "tide", "arguments": '
        '{"port": "Brest", "days": 2}}}</tool_call>'
    )
    assert parse([text], fmt("qwen3")).named == [call()]


def test_half_of_a_surrogate_pair_is_replaced() -> None:
    text = '<tool_call>{"name": "tide", "arguments": {"port": "\\ud83d"}}</tool_call>'
    assert parse([text], fmt("qwen3")).calls[0].arguments == {"port": "\ufffd"}


def test_deep_nesting_is_content() -> None:
    text = '<tool_call>{"name": "tide", "arguments": {"port": ' + "[" * 5000 + "]" * 5000 + "}}"
    assert parse([text], fmt("qwen3")).named == []


def test_ids_that_templates_need_back_are_kept() -> None:
    nemo = derived("mistralai-Mistral-Nemo-Instruct-2407")
    text = '[TOOL_CALLS][{"name": "tide", "arguments": {}, "id": "a1b2c3d4e"}]'
    assert parse([text], nemo).calls[0].id == "a1b2c3d4e"


def test_ids_that_only_count_are_replaced() -> None:
    text = '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "tide", "parameters": {}}]'
    assert parse([text], fmt("cohere"), think=False).calls[0].id == "call_1"


def test_random_ids_look_like_ollamas() -> None:
    first, second = random_id(), random_id()
    assert len(first) == len("call_") + 8
    assert first.startswith("call_")
    assert first[5:].isalnum()
    assert first != second


def test_gemma_values_may_be_nested_and_quoted_in_other_ways() -> None:
    text = (
        '<|tool_call>call:tide{a:{b:[1,<|"|>x, {y}<|"|>,true]},c:"d",e:\'f\',g:null,h:plain text}'
        "<tool_call|>"
    )
    expected = {"a": {"b": [1, "x, {y}", True]}, "c": "d", "e": "f", "g": None, "h": "plain text"}
    assert same_for_all_splits(text, fmt("gemma4"), think=False).named == [("tide", expected)]


def test_a_gemma_quote_that_comes_in_two_pieces_is_no_other_quote() -> None:
    # In the middle of the mark stands what is a quote by itself.
    damaged = '<|tool_call>call:tide{port:<|"|>Brest<|"\n}"days"'
    whole = '<|tool_call>call:tide{port:<|"|>Brest<|"|>}<tool_call|>'
    answer = same_for_all_splits(damaged + whole, fmt("gemma4"), think=False, truncated=True)
    assert answer.named == [("tide", BREST_ONLY)]


def test_unclosed_gemma_strings_and_braces_are_forgiven() -> None:
    text = '<|tool_call>call:tide{days:2,port:<|"|>Brest'
    answer = same_for_all_splits(text, fmt("gemma4"), think=False)
    assert answer.named == [call("tide", {"days": 2, "port": "Brest"})]


@pytest.mark.parametrize(
    "arguments",
    [
        'port:<|"|>Brest}',
        'port:<|"|>Brest',
        'port:<|"|>Brest<|"|>',
        'port:"Brest}',
    ],
)
@pytest.mark.parametrize("behind", ["Then {I} answer.", GEMMA])
def test_the_end_of_a_gemma_call_ends_what_is_open_in_it(arguments: str, behind: str) -> None:
    text = f"<|tool_call>call:tide{{{arguments}<tool_call|>{behind}"
    answer = same_for_all_splits(text, fmt("gemma4"), think=False)
    following = [call(), call("wave")] if behind == GEMMA else []
    assert answer.named == [("tide", BREST_ONLY), *following]
    assert answer.content == ("" if following else behind)


def test_the_end_of_a_gemma_call_may_stand_in_a_string() -> None:
    port = "a}<tool_call|> b"
    text = f'<|tool_call>call:tide{{port:<|"|>{port}<|"|>}}<tool_call|>'
    assert same_for_all_splits(text, fmt("gemma4")).named == [("tide", {"port": port})]
    cut_short = text.partition(" b")[0]
    answer = same_for_all_splits(cut_short, fmt("gemma4"), truncated=True)
    assert (answer.content, answer.named) == (cut_short, [])


def test_positional_python_arguments_take_the_declared_names() -> None:
    text = "<function_calls>tide('Brest', 2)</function_calls>"
    assert same_for_all_splits(text, fmt("olmo3")).named == [call()]


NAMES = ("from", "class", "file-path", "$top", "a.b", "2nd", "two words", "a=b", "größe", "port")


def test_python_keywords_may_be_any_names() -> None:
    values = ('"x, to=1"', "'(y=2, '", "[1, {'a': (2, 3)}]", "-1.5", "true", "None", '"[a=\\"1\\""')
    expected = ("x, to=1", "(y=2, ", [1, {"a": [2, 3]}], -1.5, True, None, '[a="1"')
    tool = Tool("convert", "", {"type": "object", "properties": {name: {} for name in NAMES}})
    for at in range(len(NAMES)):
        pairs = [(NAMES[(at + n) % len(NAMES)], value) for n, value in enumerate(values)]
        written = ", ".join(f"{name}={value}" for name, value in pairs)
        text = f"<|tool_call_start|>[convert({written}), convert()]<|tool_call_end|>"
        wanted = {name: value for (name, _), value in zip(pairs, expected, strict=True)}
        answer = parse([text], fmt("lfm2"), tools=[tool])
        assert (answer.content, answer.named) == ("", [("convert", wanted), ("convert", {})])


def test_python_keywords_that_nobody_declared_may_be_any_names() -> None:
    text = '<function_calls>tide(from="Brest", due-date = 2)</function_calls>'
    assert same_for_all_splits(text, fmt("olmo3")).named == [
        ("tide", {"from": "Brest", "due-date": 2})
    ]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("</arg_key>", "</arg_value>"),
        ("</arg_key>", ""),
        ("<arg_value>", ""),
        ("</arg_key><arg_value>", "</arg_value>"),
        ("</arg_key><arg_value>", "</arg_value>\n<arg_value>"),
    ],
)
def test_mixed_up_markers_behind_names_of_arguments_are_forgiven(right: str, wrong: str) -> None:
    answer = same_for_all_splits(GLM.replace(right, wrong), fmt("glm-ocr"))
    assert answer.named == [call()]


def test_line_breaks_in_python_strings_are_forgiven() -> None:
    text = '<function_calls>tide(port="a\nb")</function_calls>'
    assert same_for_all_splits(text, fmt("olmo3")).named == [call("tide", {"port": "a\nb"})]


def test_nested_tags_become_objects_and_lists() -> None:
    ns = "]<]minimax[>["
    schema = {
        "type": "object",
        "properties": {
            "where": {
                "type": "object",
                "properties": {"port": {"type": "string"}, "pier": {"type": "integer"}},
            },
            "days": {"type": "array", "items": {"type": "integer"}},
        },
    }
    text = (
        f'{ns}<tool_call>\n{ns}<invoke name="tide">{ns}<where>{ns}<port>Brest{ns}</port>'
        f"{ns}<pier>3{ns}</pier>{ns}</where>{ns}<days>{ns}<item>1{ns}</item>{ns}<item>2{ns}</item>"
        f"{ns}</days>{ns}</invoke>\n{ns}</tool_call>"
    )
    answer = same_for_all_splits(text, derived("MiniMax-M3"), tools=[Tool("tide", "", schema)])
    assert answer.named == [("tide", {"where": {"port": "Brest", "pier": 3}, "days": [1, 2]})]


@pytest.mark.parametrize(
    ("declared", "value"), [("array", []), ("object", {}), ("string", ""), ("integer", "")]
)
def test_tags_without_anything_in_them_are_empty_values(declared: str, value: Any) -> None:
    schema = {"type": "object", "properties": {"port": {"type": declared}}}
    text = M3.replace(">Brest", ">")
    answer = same_for_all_splits(text, derived("MiniMax-M3"), tools=[Tool("tide", "", schema)])
    assert answer.named[0] == call("tide", {"port": value, "days": "2"})


def test_harmony_arguments_that_are_no_json_are_content() -> None:
    header = "<|channel|>commentary to=functions.tide <|constrain|>json<|message|>"
    answer = same_for_all_splits(header + "high tide?<|call|>", fmt("harmony"))
    assert (answer.content, answer.named) == ("high tide?", [])


def test_harmony_keeps_text_between_its_messages() -> None:
    text = "<|channel|>final<|message|>One.<|end|>Two.<|start|>Three."
    answer = same_for_all_splits(text, fmt("harmony"))
    assert answer.content == "One.Two.<|start|>Three."


def test_harmony_calls_a_tool_by_the_name_it_could_write() -> None:
    tool = Tool("get-tide.now", "", TIDE.parameters)
    text = '<|channel|>commentary to=functions.get_tide_now<|message|>{"port":"Brest","days":2}'
    assert same_for_all_splits(text, fmt("harmony"), tools=[tool]).named == [
        ("get-tide.now", dict(BREST))
    ]


def test_harmony_commentary_without_recipient_is_content() -> None:
    text = (
        "<|channel|>commentary<|message|>I look.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Hi"
    )
    assert same_for_all_splits(text, fmt("harmony")).content == "I look.Hi"


@pytest.mark.parametrize("stray", ["<|channel|>commentary to=assistant", "<|channel|>commentary"])
def test_the_last_channel_of_a_harmony_header_counts(stray: str) -> None:
    text = (
        f"{stray}<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
        f"{stray}<|channel|>final<|message|>Hi<|end|><|start|>assistant"
        f"{stray}<|channel|>commentary to=functions.tide <|constrain|>json<|message|>"
        '{"port": "Brest", "days": 2}'
    )
    answer = same_for_all_splits(text, fmt("harmony"))
    assert (answer.thinking, answer.content, answer.named) == ("Hm.", "Hi", [call()])


def test_a_harmony_message_to_itself_is_no_call() -> None:
    text = "<|channel|>analysis to=assistant<|message|>Hm.<|end|>"
    answer = same_for_all_splits(text, fmt("harmony"))
    assert (answer.thinking, answer.named) == ("Hm.", [])


@pytest.mark.parametrize(
    ("prompt", "thinking", "content"),
    [
        ("<|start|>assistant<|channel|>final<|message|>The", "", " tide"),
        ("<|start|>assistant<|channel|>analysis<|message|>The", " tide", ""),
        ("<|start|>assistant<|channel|>analysis", "", " tide"),
    ],
)
def test_harmony_goes_on_where_the_prompt_ends(prompt: str, thinking: str, content: str) -> None:
    answer = same_for_all_splits(" tide", fmt("harmony"), prompt=prompt)
    assert (answer.thinking, answer.content) == (thinking, content)


def test_the_fallback_reads_both_usual_spellings() -> None:
    both = OutputFormat(tools=FALLBACK)
    bare = '{"name": "tide", "arguments": {"port": "Brest", "days": 2}}'
    assert same_for_all_splits(HERMES, both).named == [call()]
    assert same_for_all_splits(bare, both).named == [call()]


def test_aliases_name_the_tool_that_is_declared() -> None:
    text = "<tool_call>read_file<arg_key>path</arg_key><arg_value>a</arg_value></tool_call>"
    answer = parse([text], fmt("laguna"), tools=[Tool("read", "", {})])
    assert answer.named == [("read", {"path": "a"})]


@pytest.mark.parametrize(
    ("source", "unit"),
    [
        ("qwen3", '<tool_call>\n{"name": "'),
        ("ministral", "[TOOL_CALLS]tide[ARGS]{"),
        ("harmony", "<|channel|>commentary to=tide<|message|>{"),
    ],
)
def test_endless_beginnings_of_calls_are_content(source: str, unit: str) -> None:
    text = unit * 4000
    answer = parse([text], fmt(source))
    assert answer.named == []
    assert answer.content.count("{") == 4000


def test_deeply_nested_beginnings_of_calls_are_content() -> None:
    text = "<tool_call>{" * 4000 + "}" * 4000
    answer = parse([text], fmt("qwen3"))
    assert (answer.content, answer.named) == (text, [])


def test_templates_are_looked_at_once() -> None:
    qwen = template("Qwen-Qwen3-0.6B")
    assert output_format(qwen) is output_format(qwen)
