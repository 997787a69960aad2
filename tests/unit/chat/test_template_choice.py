"""Which template builds the prompt, and what a model can do by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ollama_server.chat.capabilities import model_capabilities
from ollama_server.chat.template.builtin import (
    BuiltinTemplate,
    builtin_templates,
    detect_builtin,
)
from ollama_server.chat.template.choose import TemplateFacts, choose_template
from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.types import Message
from ollama_server.errors import TemplateError

BUILTIN = Path(__file__).parents[2] / "golden" / "builtin_templates.json"
GO = "go {{ range .Messages }}{{ .Content }}{{ end }}"
GO_TOOLS = (
    '{{ .Tools }}{{ range .Messages }}{{ .ToolCalls }}{{ if eq .Role "tool" }}{{ end }}{{ end }}'
)
GO_TOOLS_WITHOUT_RESULTS = "{{ .Tools }}{{ range .Messages }}{{ .Content }}{{ end }}"
JINJA = "jinja {{ messages[0].content }}"
JINJA_TOOLS = "{# tools tool_calls tool_response #}{{ messages | length }}"
JINJA_TOOLS_WITHOUT_RESULTS = "{# tools #}{{ messages | length }}"


@pytest.mark.parametrize(
    ("facts", "kind", "parser"),
    [
        (TemplateFacts(override=GO, renderer="laguna", jinja=JINJA), "go", ""),
        (TemplateFacts(renderer="laguna", go=GO), "renderer", "laguna"),
        (TemplateFacts(renderer="laguna", parser="qwen3"), "renderer", "qwen3"),
        (TemplateFacts(parser="qwen3", go=GO, jinja=JINJA_TOOLS), "go", "qwen3"),
        (TemplateFacts(parser="qwen3"), "go", "qwen3"),
        (TemplateFacts(family="gptoss", go=GO + "<|start|><|end|>"), "go", "harmony"),
        (TemplateFacts(family="gptoss", go=GO), "go", ""),
        (TemplateFacts(go=GO), "go", ""),
        (TemplateFacts(go=GO, jinja=JINJA), "go", ""),
        (TemplateFacts(go=GO, jinja=JINJA_TOOLS), "jinja", ""),
        (TemplateFacts(go=GO, jinja=JINJA_TOOLS_WITHOUT_RESULTS), "jinja", ""),
        (TemplateFacts(go=GO_TOOLS, jinja=JINJA_TOOLS), "go", ""),
        (TemplateFacts(go=GO_TOOLS, jinja="<think></think>" + JINJA_TOOLS), "jinja", ""),
        (
            TemplateFacts(go=GO_TOOLS, jinja="<think></think>" + JINJA_TOOLS_WITHOUT_RESULTS),
            "go",
            "",
        ),
        (TemplateFacts(go=GO_TOOLS_WITHOUT_RESULTS, jinja=JINJA_TOOLS), "jinja", ""),
        (TemplateFacts(go=GO, jinja=JINJA_TOOLS, prefer_go=True), "go", ""),
        (TemplateFacts(go=GO, jinja=JINJA, prefer_go=False), "jinja", ""),
        (TemplateFacts(jinja=JINJA), "jinja", ""),
        (TemplateFacts(), "jinja", ""),
    ],
)
def test_the_first_rule_that_holds_wins(facts: TemplateFacts, kind: str, parser: str) -> None:
    template = choose_template(facts)
    assert (template.kind, template.parser) == (kind, parser)


def test_without_any_template_chats_are_chatml_and_completions_are_bare() -> None:
    user = [Message("user", "u")]
    assert choose_template(TemplateFacts()).render(user).startswith("<|im_start|>user\nu")
    assert choose_template(TemplateFacts(), completion=True).render(user) == "u"


def test_a_template_that_does_not_parse_is_an_error_of_the_server() -> None:
    with pytest.raises(TemplateError, match=r"^template: :1: unclosed action$") as caught:
        choose_template(TemplateFacts(override="{{ .Prompt"))
    assert caught.value.status == 500


@pytest.mark.parametrize(
    ("facts", "options", "capabilities"),
    [
        (TemplateFacts(), {}, ["completion"]),
        (TemplateFacts(), {"embedding": True}, ["embedding"]),
        (
            TemplateFacts(jinja="<think></think>" + JINJA_TOOLS),
            {},
            ["tools", "thinking", "completion"],
        ),
        (TemplateFacts(go=GO_TOOLS), {}, ["completion", "tools"]),
        (TemplateFacts(go="{{ .Prompt }}{{ .Suffix }}"), {}, ["completion", "insert"]),
        (TemplateFacts(), {"infill": True}, ["completion", "insert"]),
        (TemplateFacts(), {"vision": True, "audio": True}, ["completion", "vision", "audio"]),
        (TemplateFacts(family="nemotron_h_omni"), {"audio": True}, ["completion"]),
        (TemplateFacts(renderer="laguna"), {}, ["completion", "tools", "thinking"]),
        (TemplateFacts(renderer="olmo3-think"), {}, ["completion", "thinking"]),
        (TemplateFacts(parser="qwen3-coder", go=GO), {}, ["completion", "tools"]),
        (TemplateFacts(parser="nope", go=GO), {}, ["completion"]),
        (TemplateFacts(family="gptoss", go=GO), {}, ["completion", "thinking"]),
        (TemplateFacts(go="{{ broken"), {}, ["completion"]),
        (TemplateFacts(), {"declared": ["tools"]}, ["tools", "completion"]),
    ],
)
def test_capabilities_come_from_templates_parsers_and_files(
    facts: TemplateFacts, options: dict[str, bool], capabilities: list[str]
) -> None:
    assert model_capabilities(facts, **options) == capabilities  # type: ignore[arg-type]


KNOWN = {
    "chatml": "{% for m in messages %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "llama3-instruct": "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
    "'<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
    "gemma-instruct": "{{ bos_token }}{% if messages[0].role == 'system' %}"
    "{{ raise_exception('no system') }}{% endif %}{% for m in messages %}{{ '<start_of_turn>' + "
    "('model' if m.role == 'assistant' else m.role) + '\n' + m.content | trim + "
    "'<end_of_turn>\n' }}"
    "{% endfor %}{{ '<start_of_turn>model\n' }}",
    "zephyr": "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    "mistral-instruct": "{{ bos_token }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('order') }}{% endif %}"
    "{{ '[INST] ' + m.content + ' [/INST]' if m.role == 'user' else m.content + eos_token }}"
    "{% endfor %}",
    "phi-3": "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
    "{{ '<|user|>\n' + m.content + '<|end|>\n<|assistant|>\n' }}{% elif m.role == 'assistant' %}"
    "{{ m.content + '<|end|>\n' }}{% endif %}{% endfor %}",
    "vicuna": "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\n\n' }}"
    "{% elif m.role == 'user' %}{{ 'USER: ' + m.content + '\n' }}"
    "{% else %}{{ 'ASSISTANT: ' + m.content + eos_token + '\n' }}{% endif %}{% endfor %}ASSISTANT:",
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_chat_template_is_recognised_by_what_it_renders(name: str) -> None:
    found = detect_builtin(KNOWN[name])
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ messages }}",
        "{% broken",
        KNOWN["chatml"] + "{# tools #}",
        KNOWN["chatml"].replace("im_start", "im_begin"),
    ],
)
def test_other_chat_templates_are_not(jinja: str) -> None:
    assert detect_builtin(jinja) is None


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("alpaca", "S\n\n### Instruction:\nU\n\nT\n\n### Instruction:\nV\n\n"),
        ("vicuna", "S\n\nUSER: U\nT\n\nUSER: V\n"),
        ("starcoder2-instruct", "S\n\n### Instruction\nU\n\nT\n\n### Instruction\nV\n\n"),
    ],
)
def test_system_messages_stand_where_they_came(name: str, start: str) -> None:
    text = next(template.text for template in builtin_templates() if template.name == name)
    turns = (("system", "S"), ("user", "U"), ("system", "T"), ("user", "V"))
    assert GoPrompt(text).render([Message(*turn) for turn in turns]).startswith(start)


def test_there_are_twenty_built_in_templates_with_stops() -> None:
    templates = builtin_templates()
    assert len(templates) == 20
    assert all(template.stop for template in templates)


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda template: template.name)
def test_built_in_templates_have_the_shape_that_their_models_know(
    template: BuiltinTemplate,
) -> None:
    turns = (("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "V"))
    shown = GoPrompt(template.text).render([Message(*turn) for turn in turns])
    known = json.loads(BUILTIN.read_text(encoding="utf-8"))[template.name]
    assert {"prompt": shown, "stop": list(template.stop)} == known
