"""Formats found by rendering templates."""

from __future__ import annotations

from typing import Any

import pytest

from ollama_server.chat.parse import lazy_tool_grammar
from ollama_server.chat.parse.families import FAMILIES
from ollama_server.chat.parse.format import ToolFormat
from ollama_server.chat.parse.make import make_parser, output_format
from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.types import Delta

from .support import BREST, TOOLS, format_of, parse, template

# section start, before the name, behind the arguments, section end, encoding; white space trimmed.
WORKED: dict[str, tuple[str, str, str, str, str]] = {
    "Qwen-Qwen3-0.6B": ("", "<tool_call>", "</tool_call>", "", "json"),
    "mistralai-Mistral-Nemo-Instruct-2407": ("[TOOL_CALLS]", "", "", "", "json"),
    "ByteDance-Seed-OSS": (
        "<seed:tool_call>",
        "<function=",
        "</function>",
        "</seed:tool_call>",
        "tagged",
    ),
    "GLM-4.6": ("", "<tool_call>", "</tool_call>", "", "tagged"),
    "MiniMax-M2": (
        "<minimax:tool_call>",
        '<invoke name="',
        "</invoke>",
        "</minimax:tool_call>",
        "tagged",
    ),
    "deepseek-ai-DeepSeek-V3.1": (
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        "tag_json",
    ),
    "llama-cpp-deepseek-r1": (
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        "```<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        "tag_json",
    ),
    "meta-llama-Llama-3.1-8B-Instruct": ("", "", "", "", "json"),
    "meetkai-functionary-medium-v3.1": ("", "<function=", "</function>", "", "tag_json"),
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": (
        "<|START_ACTION|>",
        "",
        "",
        "<|END_ACTION|>",
        "json",
    ),
    "tencent-Hy3": (
        "<tool_calls:opensource>",
        "<tool_call:opensource>",
        "</tool_call:opensource>",
        "</tool_calls:opensource>",
        "tagged",
    ),
    "upstage-Solar-Open-100B": (
        "<|tool_calls|>",
        "<|tool_call:begin|>",
        "<|tool_call:end|>",
        "<|calls|>",
        "tag_json",
    ),
    "Apertus-8B-Instruct": ("<|tools_prefix|>", "", "", "<|tools_suffix|>", "json"),
}


def tools_of(name: str) -> ToolFormat:
    fmt = format_of("@" + name).tools
    assert fmt is not None
    return fmt


@pytest.mark.parametrize("name", WORKED)
def test_markers_are_found_by_rendering(name: str) -> None:
    fmt = tools_of(name)
    found = (fmt.section_start, fmt.call_start, fmt.call_end, fmt.section_end)
    assert (*(marker.strip() for marker in found), fmt.encoding) == WORKED[name]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Qwen-Qwen3-0.6B", {"name_field": "name", "arguments_field": "arguments"}),
        ("meta-llama-Llama-3.1-8B-Instruct", {"arguments_field": "parameters", "single": True}),
        ("mistralai-Mistral-Nemo-Instruct-2407", {"id_field": "id", "array": True}),
        ("Apertus-8B-Instruct", {"name_is_key": True, "array": True}),
        ("Mistral-Small-3.2-24B-Instruct-2506", {"id_start": "[CALL_ID]", "name_end": "[ARGS]"}),
        ("upstage-Solar-Open-100B", {"id_end": "<|tool_call:name|>", "keep_id": True}),
        ("llama-cpp-deepseek-r1", {"fence": True}),
        ("GLM-4.6", {"arg_start": "\n<arg_key>", "key_end": "</arg_key>\n<arg_value>"}),
        ("ByteDance-Seed-OSS", {"section_per_call": True, "value_end": "</parameter>"}),
    ],
)
def test_details_are_found_by_rendering(name: str, fields: dict[str, Any]) -> None:
    fmt = tools_of(name)
    assert {field: getattr(fmt, field) for field in fields} == fields


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("mistralai-Ministral-3-14B-Reasoning-2512", "ministral-3"),
        ("openai-gpt-oss-120b", "gpt-oss"),
        ("muse-glimmer", "glimmer"),
        ("meetkai-functionary-medium-v3.2", "functionary-3.2"),
        ("Kimi-K2-Thinking", "kimi-k2"),
        ("Kimi-K3", "kimi-k3"),
        ("inclusionai-ling-3.0-flash", "ling-3"),
        ("Cohere2MoE", "cohere-2"),
        ("LFM2-8B-A1B", "lfm-2"),
        ("LFM2.5-Instruct", "lfm-2.5"),
        ("GigaChat3-10B-A1.8B", "gigachat-3"),
        ("MiniMax-M3", "minimax-m3"),
        ("deepseek-ai-DeepSeek-V3.2", "deepseek-3.2"),
        ("deepseek-ai-DeepSeek-V4", "deepseek-4"),
        ("google-gemma-4-31B-it", "gemma-4"),
        ("openbmb-MiniCPM5-1B", "minicpm-5"),
        ("Qwen3.5-4B", "qwen3-coder"),
        ("StepFun3.5-Flash", "qwen3-coder"),
        ("NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "qwen3-coder"),
    ],
)
def test_described_families_are_recognised_by_their_templates(name: str, family: str) -> None:
    assert next(f.name for f in FAMILIES if f.matches(template(name).text)) == family


# --- Go templates ---------------------------------------------------------------------------------

CHATML = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}%s<|im_end|>
{{ end }}{{ if .Tools }}{{ .Tools }}{{ end }}<|im_start|>assistant
"""
CALLS = "{{ if .ToolCalls }}%s{{ end }}"
GO = {
    "wrapped": (
        "{{ range .ToolCalls }}<tool_call>\n"
        '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}\n'
        "</tool_call>\n{{ end }}",
        '<tool_call>\n{"name": "tide", "arguments": {"port":"Brest","days":2}}\n</tool_call>',
    ),
    "list": (
        "[TOOL_CALLS] [{{ range $i, $c := .ToolCalls }}{{ if $i }}, {{ end }}"
        '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}{{ end }}]',
        '[TOOL_CALLS] [{"name": "tide", "arguments": {"port":"Brest","days":2}}]',
    ),
    "bare": (
        '{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", '
        '"parameters": {{ .Function.Arguments }}}{{ end }}',
        '{"name": "tide", "parameters": {"port":"Brest","days":2}}',
    ),
    "pythonic": (
        "[{{ range .ToolCalls }}{{ .Function.Name }}({{ range $k, $v := .Function.Arguments }}"
        "{{ $k }}={{ $v }}, {{ end }}){{ end }}]",
        '[tide(port="Brest", days=2)]',
    ),
    "numbered": (
        "{{ range $i, $c := .ToolCalls }}[TOOL_CALLS]{{ .Function.Name }}[CALL_ID]{{ $i }}[ARGS]"
        "{{ .Function.Arguments }}{{ end }}",
        '[TOOL_CALLS]tide[CALL_ID]a1b2c3d4e[ARGS]{"port": "Brest", "days": 2}',
    ),
    "indexed": (
        "{{ range .ToolCalls }}[TOOL_CALLS]{{ .Function.Name }}[CALL_ID]{{ .Function.Index }}"
        "[ARGS]{{ .Function.Arguments }}{{ end }}",
        '[TOOL_CALLS]tide[CALL_ID]0[ARGS]{"port": "Brest", "days": 2}',
    ),
    "tagged": (
        "{{ range .ToolCalls }}<tool_call>\n<function={{ .Function.Name }}>\n"
        "{{ range $k, $v := .Function.Arguments }}<parameter={{ $k }}>\n{{ $v }}\n</parameter>\n"
        "{{ end }}</function>\n</tool_call>{{ end }}",
        "<tool_call>\n<function=tide>\n<parameter=port>\nBrest\n</parameter>\n"
        "<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>",
    ),
}


@pytest.mark.parametrize("name", GO)
def test_calls_of_go_templates_are_read(name: str) -> None:
    calls, text = GO[name]
    reader = make_parser(GoPrompt(CHATML % (CALLS % calls)), tools=TOOLS)
    deltas: list[Delta] = [reader.feed(char) for char in text]
    deltas.append(reader.finish())
    found = [call for delta in deltas for call in delta.tool_calls]
    assert [(call.name, call.arguments) for call in found] == [("tide", dict(BREST))]
    assert "".join(delta.content for delta in deltas) == ""


def test_thinking_of_go_templates_is_found() -> None:
    text = CHATML % "{{ if .Thinking }}<reason>{{ .Thinking }}</reason>{{ end }}"
    fmt = output_format(GoPrompt(text))
    assert fmt.thinking is not None
    assert (fmt.thinking.open, fmt.thinking.close) == ("<reason>", "</reason>")


def test_go_templates_for_gpt_oss_answer_in_messages() -> None:
    header = "<|start|>{{ .Role }}<|channel|>final<|message|>"
    text = "{{ range .Messages }}" + header + "{{ .Content }}<|end|>{{ end }}"
    assert output_format(GoPrompt(text)).messages is not None


def test_a_template_that_knows_no_calls_falls_back_to_what_most_models_write() -> None:
    fmt = output_format(GoPrompt("{{ range .Messages }}{{ .Content }}{{ end }}")).tools
    assert fmt is not None
    assert (fmt.section_start.strip(), fmt.bare) == ("<tool_call>", True)


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        ("poolside-Laguna-S-2.1", ("</assistant>",)),
        ("poolside-Laguna-XS-2.1", ("</assistant>",)),
        ("inclusionai-ling-3.0-flash", ("<|role_end|>",)),
        ("Qwen-Qwen3-0.6B", ()),
        ("upstage-Solar-Open-100B", ()),
    ],
)
def test_marks_of_a_turns_end_that_models_spell_out_are_stops(
    name: str, stops: tuple[str, ...]
) -> None:
    assert output_format(template(name)).stops == stops


# --- Jinja templates that llama.cpp does not carry ------------------------------------------------

TURNS = (
    "{% for m in messages %}<|turn|>{{ m.role }}\n{% if m.tool_calls %}"
    "CALLS{% else %}{{ m.content }}{% endif %}<|eot|>{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}"
)
LLAMA_4 = TURNS.replace(
    "CALLS",
    "<|python_start|>{{ m.content }}<|python_end|>{% for c in m.tool_calls %}"
    '{"name": "{{ c.function.name }}", "parameters": {{ c.function.arguments | tojson }}}'
    "{% endfor %}",
)
PYTHONIC = TURNS.replace(
    "CALLS",
    "[{% for c in m.tool_calls %}{{ c.function.name }}("
    "{% for k, v in c.function.arguments.items() %}"
    "{{ k }}={{ v | tojson }}{{ ', ' if not loop.last }}{% endfor %}){{ ', ' if not loop.last }}"
    "{% endfor %}]",
)
FUNCTION_GEMMA = TURNS.replace(
    "CALLS",
    "{% for c in m.tool_calls %}{{ '<start_function_call>call:' + c.function.name + '{' }}"
    "{% for k, v in c.function.arguments | dictsort %}{{ ',' if not loop.first }}{{ k }}:"
    "{{ '<escape>' + v + '<escape>' }}{% endfor %}{{ '}<end_function_call>' }}{% endfor %}",
)
LLAMA_4_CALL = '{"name": "tide", "parameters": {"port": "Brest", "days": 2}}'


@pytest.mark.parametrize(
    ("text", "answer", "count"),
    [
        (LLAMA_4, LLAMA_4_CALL, 1),
        (LLAMA_4, LLAMA_4_CALL * 2, 2),
        (LLAMA_4, f"<|python_start|>{LLAMA_4_CALL}<|python_end|>", 1),
        (LLAMA_4, f"<|python_start|><|python_end|>{LLAMA_4_CALL}", 1),
        (PYTHONIC, '[tide(port="Brest", days=2), tide(port="Brest", days=2)]', 2),
        (
            FUNCTION_GEMMA,
            "<start_function_call>call:tide{days:2,port:<escape>Brest<escape>}<end_function_call>"
            * 2,
            2,
        ),
    ],
)
def test_calls_of_other_jinja_templates_are_read(text: str, answer: str, count: int) -> None:
    fmt = output_format(JinjaPrompt(text, bos="", eos=""))
    for pieces in ([answer], list(answer)):
        found = parse(pieces, fmt)
        assert (found.named, found.content) == ([("tide", dict(BREST))] * count, "")


def test_markers_around_content_wake_no_grammar() -> None:
    fmt = output_format(JinjaPrompt(LLAMA_4, bos="", eos=""))
    assert lazy_tool_grammar(fmt, TOOLS) is None
    code = "<|python_start|>print(1)<|python_end|>"
    assert parse([code], fmt).content == code
