"""Where thinking begins and ends."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.parse.families import PARSERS
from ollama_server.chat.parse.format import OutputFormat, ThinkingFormat
from ollama_server.chat.parse.make import (
    Wake,
    make_parser,
    output_format,
    starts_inside,
    thinking_end,
)
from ollama_server.chat.parse.parser import OutputParser
from ollama_server.chat.template.base import ThinkingMarkers
from ollama_server.chat.template.go.prompt import GoPrompt as GoTemplate
from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.types import Message, Think

from .samples import GLM_LINES, HERMES, M2
from .support import call, parse, parser, splits, template

GO = OutputFormat(ThinkingFormat("<think>", "</think>", trim=False, only_when_asked=True))


@pytest.mark.parametrize(
    ("pieces", "thinking", "content"),
    [
        (["  <th", "in", "k>a"], "a", ""),
        (["<think>abc</th", "ing>def", "ghi</thi", "nk>jkl"], "abc</thing>defghi", "jkl"),
        (["<think>a</think><think>b</think>c"], "a", "<think>b</think>c"),
        (["  abc <think>d</think>"], "", "  abc <think>d</think>"),
        (["<think> a </think> b"], "a ", "b"),
        (["<think>a</think>\n\n b"], "a", "b"),
        (["a </think> b"], "", "a </think> b"),
        (["<think>a</thi"], "a</thi", ""),
        (["<thi"], "", "<thi"),
        (["<think>"], "", ""),
        (["<think>\n \n</think>\n"], "", ""),
    ],
)
def test_leading_tags_separate_thinking(pieces: list[str], thinking: str, content: str) -> None:
    for cut in (pieces, *splits("".join(pieces))):
        answer = parse(cut, GO, think=True)
        assert (answer.thinking, answer.content) == (thinking, content), cut


def test_tags_stay_in_the_content_when_thinking_is_off() -> None:
    assert parse(["<think>a</think>b"], GO, think=False).content == "<think>a</think>b"


def test_a_prompt_that_ends_with_the_opening_tag_starts_inside() -> None:
    answer = parse(["a</think>b"], GO, think=True, prompt="<|assistant|><think>\n")
    assert (answer.thinking, answer.content) == ("a", "b")


def test_a_repeated_opening_tag_is_dropped() -> None:
    answer = parse(["<think>a</think>b"], GO, think=True, prompt="<think>\n")
    assert (answer.thinking, answer.content) == ("a", "b")


def test_a_prompt_that_closes_the_thinking_starts_outside() -> None:
    fmt = PARSERS["qwen3-thinking"].format
    answer = parse(["Hi."], fmt, prompt="<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert (answer.thinking, answer.content) == ("", "Hi.")


def test_white_space_around_the_closing_tag_is_layout_for_named_parsers() -> None:
    for pieces in splits("\n a \n</think>\n\n b \n"):
        answer = parse(pieces, PARSERS["qwen3-thinking"].format)
        assert (answer.thinking, answer.content) == ("a", "b \n")


def test_thinking_may_come_back_where_the_family_does_so() -> None:
    text = "<|channel>thought\na\n<channel|>b<|channel>thought\nc\n<channel|>d"
    for pieces in splits(text):
        answer = parse(pieces, PARSERS["gemma4"].format, think=True)
        assert (answer.thinking, answer.content) == ("ac", "bd")


def test_white_space_around_thinking_amid_content_is_content() -> None:
    for pieces in splits("I think,\n[THINK] so [/THINK] I am.\n[THINK]Hm.[/THINK]"):
        answer = parse(pieces, PARSERS["ministral"].format)
        assert (answer.thinking, answer.content) == ("soHm.", "I think,\n I am.\n")


def test_white_space_around_thinking_between_calls_is_layout() -> None:
    written = '[TOOL_CALLS]tide[ARGS]{"port": "Brest"}'
    for pieces in splits(f"{written}\n[THINK]a[/THINK]\n{written}\n[THINK]b[/THINK]\nDone."):
        answer = parse(pieces, PARSERS["ministral"].format)
        assert (answer.thinking, answer.content, len(answer.calls)) == ("ab", "Done.", 2)


@pytest.mark.parametrize("text", ["</mm:think>Hello", "\n</mm:think>\n\nHello"])
def test_a_closing_tag_that_the_answer_begins_with_says_that_there_is_no_thinking(
    text: str,
) -> None:
    for pieces in splits(text):
        answer = parse(pieces, output_format(template("MiniMax-M3")))
        assert (answer.thinking, answer.content) == ("", "Hello")


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<|channel><|channel>thought\nHm.\n<channel|>Hello", "Hello"),
        ("<|channel>thought\nHm.<channel|>\n<channel|>Hello", "Hello"),
        ("<|channel>thought\nHm.<channel|>Hello <channel|>you<channel|>", "Hello you"),
        ("<|channel>thought\nHm.<channel|>Hello<|channel>thought\n<channel|><channel|>", "Hello"),
    ],
)
def test_stray_markers_of_gemmas_channels_are_no_content(text: str, content: str) -> None:
    for pieces in splits(text):
        answer = parse(pieces, PARSERS["gemma4"].format, think=True)
        assert (answer.thinking, answer.content) == ("Hm.", content)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Qwen-Qwen3-0.6B", HERMES),
        ("Qwen-QwQ-32B", HERMES),
        ("MiniMax-M2", M2),
        ("GLM-4.6", GLM_LINES),
        ("inclusionai-ling-3.0-flash", GLM_LINES),
    ],
)
def test_a_call_ends_thinking_that_nothing_else_ends(name: str, text: str) -> None:
    thought = "I write <tool_call> or <minimax:tool_call>, so:"
    for pieces in splits(f"{thought}\n{text}"):
        answer = parse(pieces, output_format(template(name)), prompt="<think>\n")
        assert (answer.thinking, answer.content) == (thought, "")
        assert answer.named[0] == call()


@pytest.mark.parametrize(("name", "text"), [("Qwen-Qwen3-0.6B", HERMES), ("MiniMax-M2", M2)])
def test_a_call_in_thinking_that_goes_on_is_a_thought(name: str, text: str) -> None:
    thought = f"So, {text}? Or else {text}"
    fmt = output_format(template(name))
    for pieces in splits(f"{thought}\n</think>\n\n{text.replace('Brest', 'Nice</think>')}"):
        answer = parse(pieces, fmt, prompt="<think>\n")
        assert (answer.thinking, answer.content) == (thought, "")
        assert answer.named[0] == call(arguments={"port": "Nice</think>", "days": 2})
    for pieces in splits(thought):
        answer = parse(pieces, fmt, prompt="<think>\n", truncated=True)
        assert (answer.thinking, answer.named) == (thought, [])


def test_a_closing_tag_behind_a_call_that_has_ended_the_thinking_is_layout() -> None:
    for pieces in splits(f"Hm.{HERMES}\n</think>\n\nDone."):
        answer = parse(pieces, PARSERS["qwen3-thinking"].format)
        assert (answer.thinking, answer.content, answer.named) == ("Hm.", "Done.", [call()])


def test_calls_are_thoughts_in_the_thinking_of_go_templates() -> None:
    text = (
        "{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}"
        "{{ .Content }}{{ range .ToolCalls }}<tool_call>"
        "{{ .Function.Name }}{{ .Function.Arguments }}</tool_call>{{ end }}{{ end }}"
    )
    answer = parse([f"<think>{HERMES}"], output_format(GoTemplate(text)), think=True)
    assert (answer.thinking, answer.named) == (HERMES, [])


def test_thinking_streams_before_its_end_is_known() -> None:
    reader = parser(GO, think=True)
    assert [reader.feed(text).thinking for text in ("<think>one", " two", " th</", "x")] == [
        "one",
        " two",
        " th",
        "</x",
    ]


@pytest.mark.parametrize(
    ("name", "think", "inside"),
    [
        ("qwen3", True, False),
        ("qwen3-thinking", None, True),
        ("qwen3-thinking", False, False),
        ("qwen3.5", "low", True),
        ("nemotron-3-nano", None, True),
        ("glm-4.7", None, True),
        ("glm-4.7", False, False),
        ("glm-ocr", None, False),
        ("deepseek3", None, False),
        ("deepseek3", True, True),
        ("cogito", True, True),
        ("olmo3-think", False, True),
        ("lfm2-thinking", True, False),
        ("laguna", None, False),
        ("laguna", "high", True),
        ("poolside-v1", True, True),
        ("gemma4", True, False),
        ("cohere", None, True),
        ("cohere", False, False),
        ("ministral", True, False),
    ],
)
def test_named_parsers_start_where_their_family_does(name: str, think: Think, inside: bool) -> None:
    thinking = PARSERS[name].format.thinking
    assert thinking is not None
    assert starts_inside(thinking, think, "") is inside


def test_cogito_does_not_think_beside_tools() -> None:
    thinking = PARSERS["cogito"].format.thinking
    assert thinking is not None
    assert not starts_inside(thinking, True, "", has_tools=True)


def test_a_continued_answer_starts_outside() -> None:
    answer = parse(
        ["and so on"], PARSERS["qwen3.5"].format, last=Message("assistant", "It is high")
    )
    assert (answer.thinking, answer.content) == ("", "and so on")


def test_continued_thinking_starts_inside() -> None:
    answer = parse(
        [" two</think>Hi"],
        PARSERS["qwen3.5"].format,
        prompt="<|im_start|>assistant\n<think>\none",
        last=Message("assistant", thinking="one"),
    )
    assert (answer.thinking, answer.content) == (" two", "Hi")


@pytest.mark.parametrize(
    ("name", "opening", "closing"),
    [
        ("Qwen-Qwen3-0.6B", "<think>", "</think>"),
        ("ByteDance-Seed-OSS", "<seed:think>", "</seed:think>"),
        ("tencent-Hy3", "<think:opensource>", "</think:opensource>"),
        ("upstage-Solar-Open-100B", "<|think|>", "<|end|>"),
        ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "<|START_THINKING|>", "<|END_THINKING|>"),
        ("Apriel-1.6-15b-Thinker-fixed", "", "[BEGIN FINAL RESPONSE]"),
        ("llama-cpp-rwkv-world", "<think>", "</think>"),
        ("NVIDIA-Nemotron-Nano-v2", "<think>", "</think>"),
        ("HuggingFaceTB-SmolLM3-3B", "<think>", "</think>"),
    ],
)
def test_markers_are_found_from_templates(name: str, opening: str, closing: str) -> None:
    wake = thinking_end(template(name), think=True)
    assert wake == Wake(closing, opening)


@pytest.mark.parametrize(
    "name", ["Qwen-Qwen2.5-7B-Instruct", "meta-llama-Llama-3.2-3B-Instruct", "MiMo-VL"]
)
def test_templates_without_thinking_have_none(name: str) -> None:
    assert thinking_end(template(name), think=True) == Wake()


def test_a_grammar_wakes_behind_thinking_that_the_prompt_opens() -> None:
    qwen = template("Qwen-QwQ-32B")
    prompt = qwen.render([Message("user", "Hi")], (), True)
    assert thinking_end(qwen, think=True, prompt=prompt) == Wake("</think>")


def test_calls_that_end_thinking_leave_it_without_its_marker() -> None:
    kimi = template("moonshotai-Kimi-K2")
    prompt = "<think>\n"
    wake = thinking_end(kimi, prompt=prompt, has_tools=True)
    assert wake.left_by == ("<|tool_calls_section_begin|>", "<|tool_call_begin|>")
    assert thinking_end(kimi, prompt=prompt) == Wake("</think>")


def test_a_grammar_wakes_at_once_when_the_prompt_closes_the_thinking() -> None:
    qwen = template("Qwen-Qwen3-0.6B")
    prompt = qwen.render([Message("user", "Hi")], (), False)
    assert thinking_end(qwen, think=False, prompt=prompt) == Wake()


def test_a_grammar_wakes_at_once_in_a_continued_answer() -> None:
    qwen = template("Qwen-Qwen3-0.6B")
    last = Message("assistant", '{"a":')
    assert thinking_end(qwen, think=True, prompt='x{"a":', last=last) == Wake()


class GoPrompt(JinjaPrompt):
    """A template of the Go kind, as far as parsers ask."""

    def __init__(self, text: str, **more: Any) -> None:
        super().__init__(text, kind="go", **more)
        self.thinking_markers = ThinkingMarkers("<think>", "</think>")


PLAIN = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}<think></think>"


def test_go_templates_separate_thinking_only_when_it_is_wanted() -> None:
    on = make_parser(GoPrompt(PLAIN), think=True)
    off = make_parser(GoPrompt(PLAIN), think=False)
    assert on.feed("<think>a").thinking == "a"
    assert off.feed("<think>a").content == "<think>a"


def test_an_answer_without_anything_to_look_for_passes_through() -> None:
    reader = make_parser(template("Qwen-Qwen2.5-7B-Instruct"))
    assert type(reader) is OutputParser
    assert reader.feed("<tool_call>").content == "<tool_call>"
