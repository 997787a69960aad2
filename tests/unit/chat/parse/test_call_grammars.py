"""Grammars for calls allow what models write: their own spelling, and the plain end of a turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ollama_server.chat.parse import answer_grammar, forced_tool_grammar, lazy_tool_grammar
from ollama_server.chat.parse.make import output_format
from ollama_server.chat.template.base import PromptTemplate
from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.types import Message, Tool, ToolCall

from .matching import accepts, accepts_from_trigger, fits, matcher
from .support import BREST, TOOLS, format_of, parse, template

OBJECT = '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}'
CHATML = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}{{ if .ToolCalls }}%s{{ end }}<|im_end|>
{{ end }}{{ if .Tools }}{{ .Tools }}{{ end }}<|im_start|>assistant
"""
GO = {
    "qwen": "<tool_call>\n{{ range .ToolCalls }}" + OBJECT + "\n{{ end }}</tool_call>",
    "mistral": "[TOOL_CALLS] [{{ range .ToolCalls }}" + OBJECT + "{{ end }}]",
    "granite": "<|tool_call|>[{{ range .ToolCalls }}" + OBJECT + "{{ end }}]",
    "command-r": "Action: ```json\n[{{ range .ToolCalls }}\n    " + OBJECT + "{{ end }}\n]```",
    "mistral-3.2": "{{ range $i, $c := .ToolCalls }}[TOOL_CALLS]{{ .Function.Name }}"
    "[CALL_ID]{{ $i }}[ARGS]{{ .Function.Arguments }}{{ end }}",
    "nemotron": "{{ range .ToolCalls }}<toolcall> " + OBJECT + " </toolcall> {{ end }}",
}
TIDE_JSON = '{"name": "tide", "arguments": {"port": "Brest", "days": 2}}'
WAVE_JSON = TIDE_JSON.replace("tide", "wave")
NUMBERED = '[TOOL_CALLS]%s[CALL_ID]%s[ARGS]{"port": "Brest", "days": 2}'
TAGGED = "<tool_call>\n%s\n</tool_call>"


def go(calls: str) -> GoPrompt:
    return GoPrompt(CHATML % calls)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("qwen", TAGGED % TIDE_JSON),
        ("qwen", TAGGED % TIDE_JSON + "\n" + TAGGED % WAVE_JSON),
        ("qwen", "\n".join([TAGGED % TIDE_JSON] * 3) + "\n"),
        ("qwen", TAGGED % f"{TIDE_JSON}\n{WAVE_JSON}"),
        ("mistral", f"[TOOL_CALLS] [{TIDE_JSON}]"),
        ("mistral", f"[TOOL_CALLS] [{TIDE_JSON}, {WAVE_JSON}]"),
        ("mistral", f"[TOOL_CALLS][{TIDE_JSON}, {WAVE_JSON}, {TIDE_JSON}]"),
        ("mistral", f"[TOOL_CALLS] [{TIDE_JSON}{WAVE_JSON}]"),
        ("granite", f"<|tool_call|>[{TIDE_JSON}, {WAVE_JSON}]"),
        ("command-r", f"Action: ```json\n[\n    {TIDE_JSON},\n    {WAVE_JSON}\n]```"),
        ("mistral-3.2", "".join(NUMBERED % (name, "0") for name in ("tide", "wave", "tide"))),
        ("mistral-3.2", NUMBERED % ("tide", "a1b2c3d4e") + NUMBERED % ("wave", "a1b2c3d4f")),
        ("nemotron", f"<toolcall> {TIDE_JSON} </toolcall>"),
        ("nemotron", f"<toolcall> {TIDE_JSON} </toolcall>\n<toolcall> {WAVE_JSON} </toolcall>"),
    ],
)
def test_models_of_go_templates_may_call_several_tools_in_their_own_spelling(
    name: str, text: str
) -> None:
    prompt = go(GO[name])
    forced = answer_grammar(prompt, tools=TOOLS, mode="required")
    assert forced is not None
    assert accepts(forced, text)
    assert accepts_from_trigger(lazy_tool_grammar(output_format(prompt), TOOLS), text)
    assert len(parse([text], output_format(prompt)).calls) == text.count("Brest")


def test_one_call_is_the_most_where_several_are_not_wanted() -> None:
    for name, text in (
        ("qwen", TAGGED % TIDE_JSON + "\n" + TAGGED % WAVE_JSON),
        ("qwen", TAGGED % f"{TIDE_JSON}\n{WAVE_JSON}"),
        ("mistral", f"[TOOL_CALLS] [{TIDE_JSON}, {WAVE_JSON}]"),
    ):
        grammar = answer_grammar(go(GO[name]), tools=TOOLS, mode="required", parallel=False)
        assert grammar is not None
        assert not accepts(grammar, text)


def printed(prompt: PromptTemplate, calls: list[ToolCall], tools: list[Tool]) -> str:
    """An answer with calls as the template prints it in history."""
    messages = [Message("user", "When?"), Message("assistant", "", tool_calls=calls)]
    whole = prompt.render(messages, tools, None, add_generation_prompt=False)
    return whole.rpartition("When?")[2]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "<|im_end|>"),
        ("MiniMax-M1", "<end_of_sentence>"),
        ("MiniMax-M3", "[e~["),
        ("Kimi-K3", "<|close|>message"),
        ("poolside-Laguna-XS-2.1", "</assistant>"),
        ("deepseek-ai-DeepSeek-V3.2", "<｜end▁of▁sentence｜>"),
        ("deepseek-ai-DeepSeek-V4", "<｜end▁of▁sentence｜>"),
        ("inclusionai-ling-3.0-flash", "<|role_end|>"),
        ("StepFun3.5-Flash", "<|im_end|>"),
        ("Cohere2MoE", "<|END_OF_TURN_TOKEN|>"),
        ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "<|END_OF_TURN_TOKEN|>"),
    ],
)
def test_an_answer_may_end_where_the_template_ends_it(name: str, end: str, count: int) -> None:
    grammar = lazy_tool_grammar(format_of("@" + name), TOOLS)
    assert grammar is not None
    calls = [ToolCall("tide", dict(BREST), f"call0000{number}", number) for number in range(count)]
    calls[-1] = replace(calls[-1], arguments={"port": "Brest"})
    text = printed(template(name), calls, TOOLS)
    text = text.partition(grammar.trigger)[2].partition(end)[0]
    assert text.count("tide") == count
    assert accepts(grammar, grammar.trigger + text)


# --- what wakes a grammar -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "trigger"),
    [
        ("[{{ range .ToolCalls }}" + OBJECT + "{{ end }}]", None),
        ("{{ .ToolCalls }}", None),
        ("{{ range .ToolCalls }}" + OBJECT + "{{ end }}", None),
        ("```json\n{{ range .ToolCalls }}" + OBJECT + "{{ end }}\n```", None),
        ("```json\n[{{ range .ToolCalls }}" + OBJECT + "{{ end }}]\n```", None),
        ("{{ range .ToolCalls }}Call: " + OBJECT + "\n{{ end }}", 'Call: {"name": "'),
        (GO["command-r"], "Action: ```json\n["),
        (GO["mistral"], "[TOOL_CALLS]"),
        ("{{ range .ToolCalls }}✿CALL✿ " + OBJECT + "{{ end }}", "✿CALL✿"),
    ],
)
def test_only_what_no_prose_contains_wakes_a_grammar(calls: str, trigger: str | None) -> None:
    grammar = lazy_tool_grammar(output_format(go(calls)), TOOLS)
    assert (grammar.trigger if grammar else None) == trigger
    if grammar:
        assert fits(matcher(grammar), grammar.trigger.encode())


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        ("[{{ range .ToolCalls }}" + OBJECT + "{{ end }}]", f"[{TIDE_JSON}, {WAVE_JSON}]"),
        (
            "```json\n{{ range .ToolCalls }}" + OBJECT + "\n{{ end }}```",
            f"```json\n{TIDE_JSON}\n```",
        ),
    ],
)
def test_calls_without_a_waking_marker_are_read_where_they_begin_the_answer(
    calls: str, text: str
) -> None:
    fmt = output_format(go(calls))
    answer = parse([text], fmt)
    assert (answer.content, len(answer.calls)) == ("", text.count("Brest"))
    assert accepts(forced_tool_grammar(fmt, TOOLS), text)


def test_a_bracket_in_prose_is_no_call() -> None:
    fmt = output_format(go("[{{ range .ToolCalls }}" + OBJECT + "{{ end }}]"))
    text = f"See [1]: [{TIDE_JSON}]"
    assert parse([text], fmt).content == text


def test_minimax_m3_writes_lists_and_objects_in_tags() -> None:
    place = {"type": "object", "properties": {"x": {"type": "integer"}, "of": {"type": "string"}}}
    properties = {"piers": {"type": "array", "items": {"type": "string"}}, "at": place}
    tool = Tool("harbour", "", {"type": "object", "properties": properties})
    arguments = {"piers": ["north", "south"], "at": {"x": 3, "of": "Brest"}}
    text = printed(template("MiniMax-M3"), [ToolCall("harbour", arguments)], [tool])
    fmt = format_of("@MiniMax-M3")
    grammar = lazy_tool_grammar(fmt, [tool])
    assert grammar is not None
    text = grammar.trigger + text.partition(grammar.trigger)[2].partition("[e~[")[0]
    assert accepts(grammar, text)
    assert not accepts(grammar, text.replace(">3]", ">three]"))
    assert parse([text], fmt, tools=[tool]).named == [("harbour", arguments)]
