"""Chat templates get messages in the forms they understand, found by trying."""

from __future__ import annotations

import json

import pytest

from ollama_server.chat.template.base import ThinkingMarkers
from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.template.jinja.traits import traits_of
from ollama_server.chat.template.limits import Patience
from ollama_server.chat.types import SPOT, Media, Message, Tool, ToolCall
from ollama_server.errors import BadRequest, TemplateError

USER = Message("user", "u")
ROLES = "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}"
TOOL = Tool("tide", "", {"type": "object", "properties": {"port": {"type": "string"}}})
CALL = Message("assistant", tool_calls=[ToolCall("tide", {"port": "Brest"}, id="call_a1")])


def render(template: str, *messages: Message, **options: object) -> str:
    return JinjaPrompt(template).render(messages, **options)  # type: ignore[arg-type]


def test_without_a_template_it_is_chatml() -> None:
    prompt = JinjaPrompt(None).render([Message("system", "s"), USER])
    assert prompt == (
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_time_for_an_examination_is_spent_together() -> None:
    patience = Patience(0.0)
    with pytest.raises(TemplateError, match="too long to examine"), patience:
        pass


def test_templates_that_want_parts_get_parts() -> None:
    template = "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
    assert not traits_of(template).string_content
    assert render(template, USER) == "u"


def test_templates_without_system_role_get_the_text_before_the_next_message() -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "[{{ m.content }}]{% endfor %}"
    )
    assert render(template, Message("system", "s"), USER) == "[s\nu]"
    assert render(template, Message("system", "s")) == ""


def test_developers_are_system_unless_the_template_knows_them() -> None:
    assert render(ROLES, Message("developer", "d"), USER) == "[system:d][user:u]"
    knows = "{% if messages[0].role == 'developer' %}{{ messages[0].content }}{% endif %}" + ROLES
    assert render(knows, Message("developer", "d"), USER) == "d[developer:d][user:u]"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("{{ c.function.arguments | tojson }}", '{"port": "Brest"}'),
        ("{{ c.function.arguments }}", '{"port": "Brest"}'),
        ("{{ c.function.arguments.items() | list | first | first }}=Brest", "port=Brest"),
    ],
)
def test_arguments_come_as_object_or_as_text(shown: str, text: str) -> None:
    template = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}"
        + shown
        + "{% if c.function.arguments is mapping %}"
        + "{{ c.function.arguments.values() | join }}{% endif %}"
        + "{% endfor %}{% endfor %}"
    )
    prompt = render(template, USER, CALL, add_generation_prompt=False)
    assert prompt.startswith("tide" + text)


@pytest.mark.parametrize(
    ("condition", "content"),
    [
        ("m.content is none", None),
        ("m.content is undefined", "omit"),
        ("m.content == ''", ""),
    ],
)
def test_the_missing_text_beside_calls_has_the_form_the_template_accepts(
    condition: str, content: str | None
) -> None:
    template = (
        "{% for m in messages %}{% if m.tool_calls %}"
        "{% if not (" + condition + ") %}{{ raise_exception('content') }}{% endif %}"
        "{{ m.tool_calls | tojson }}{% endif %}{% endfor %}"
    )
    assert traits_of(template).empty_content == content
    assert "tide" in render(template, USER, CALL, add_generation_prompt=False)


def test_templates_that_insist_on_nine_characters_get_ids_of_nine() -> None:
    template = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}"
        "{% if c.id | length != 9 %}{{ raise_exception('9') }}{% endif %}"
        "{{ c.id }}{{ c.function | tojson }}{% endfor %}"
        "{% if m.role == 'tool' %}{{ m.tool_call_id }}{{ m.content }}{% endif %}{% endfor %}"
    )
    result = Message("tool", "r", tool_call_id="call_a1")
    prompt = render(template, USER, CALL, result)
    call_id, answer_id = prompt[:9], prompt[-10:-1]
    assert call_id == answer_id
    assert call_id.isalnum()


def test_results_stand_in_the_order_of_their_calls_where_no_id_is_shown() -> None:
    template = (
        "{% for m in messages %}{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }}"
        "{% endfor %}"
    )
    template = template.replace("m.tool_calls | tojson", "m.tool_calls[0].function | tojson")
    calls = [ToolCall("f", {}, id="1"), ToolCall("g", {}, id="2", index=1)]
    results = [
        Message("tool", "of 2;", tool_call_id="2"),
        Message("tool", "of 1;", tool_call_id="1"),
    ]
    assert render(template, Message("assistant", "", tool_calls=calls), *results).endswith(
        "of 1;of 2;"
    )


def test_templates_with_results_inside_the_asking_message_get_them_there() -> None:
    template = (
        "{% for m in messages if m.role != 'tool' %}{{ m.content }}{{ m.tool_calls | tojson }}"
        "{% for r in m.tool_responses or [] %}{{ r.name }}={{ r.response | tojson }}{% endfor %}"
        "{% endfor %}"
    )
    result = Message("tool", '{"high": 4}', tool_call_id="call_a1")
    assert render(template, USER, CALL, result).endswith('tide={"high": 4}')


@pytest.mark.parametrize("field", ["reasoning_content", "thinking", "reasoning"])
def test_earlier_reasoning_goes_into_the_field_the_template_reads(field: str) -> None:
    template = "{% for m in messages %}<{{ m." + field + " }}>{{ m.content }}{% endfor %}"
    answer = Message("assistant", "a", thinking="t")
    assert render(template, USER, answer, USER) == "<>u<t>a<>u"


def test_a_second_template_is_used_when_there_are_tools() -> None:
    prompt = JinjaPrompt("plain", tool_use="with {{ tools[0].function.name }}")
    assert prompt.render([USER]) == "plain"
    assert prompt.render([USER], [TOOL]) == "with tide"


def test_there_is_no_variable_for_tools_without_tools() -> None:
    assert render("{{ tools is defined }}", USER) == "False"


def test_what_a_tool_does_not_declare_has_no_members_and_is_no_error() -> None:
    schema = "{% set schema = tools[0].function.parameters %}"
    template = schema + "Dict[str, {{ schema.additionalProperties.type or 'Any' }}]"
    assert render(template, USER, tools=[TOOL]) == "Dict[str, Any]"


def test_tools_reach_the_template_as_declared_without_empty_descriptions() -> None:
    shown = render("{{ tools | tojson }}", USER, tools=[TOOL])
    assert json.loads(shown) == [
        {"type": "function", "function": {"name": "tide", "parameters": dict(TOOL.parameters)}}
    ]


def test_templates_cannot_change_the_caller_s_tools() -> None:
    render("{% set _ = tools[0].function.parameters.pop('type') %}", USER, tools=[TOOL])
    assert TOOL.parameters["type"] == "object"


@pytest.mark.parametrize(
    ("think", "shown"),
    [(None, "True,"), (True, "True,"), (False, "False,"), ("low", "True,low")],
)
def test_thinking_is_on_unless_switched_off_and_levels_have_a_name(
    think: bool | str | None, shown: str
) -> None:
    template = "{{ enable_thinking }},{{ reasoning_effort }}{# <think></think> #}"
    assert render(template, USER, think=think) == shown


def test_models_without_thinking_are_told_so() -> None:
    assert JinjaPrompt(ROLES).variables([USER])["enable_thinking"] is False


def test_templates_with_another_name_for_the_switch_get_that_one() -> None:
    template = "{% if thinking %}<think>{% else %}</think>{% endif %}"
    assert render(template, USER, think=True) == "<think>"
    assert render(template, USER, think=False) == "</think>"


# As in Kimi K3: the markers are put together from parts, and nothing in the text shows them whole.
PARTS = (
    "{% macro open(tag) %}<|open|>{{ tag }}<|sep|>{% endmacro %}"
    "{% macro close(tag) %}<|close|>{{ tag }}<|sep|>{% endmacro %}"
    "{% if thinking is undefined %}{% set thinking = true %}{% endif %}"
    "{% if thinking %}{{ thinking_effort or 'max' }};{% endif %}"
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{% if thinking %}{{ open('think') + (m.reasoning_content or '') + close('think') }}{% endif %}"
    "{{ open('response') + m.content + close('response') }}{% else %}{{ m.content }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ open('think' if thinking else 'response') }}{% endif %}"
)


@pytest.mark.parametrize(
    ("think", "prompt"),
    [
        (None, "max;u<|open|>think<|sep|>"),
        (True, "max;u<|open|>think<|sep|>"),
        ("low", "low;u<|open|>think<|sep|>"),
        (False, "u<|open|>response<|sep|>"),
    ],
)
def test_a_template_that_listens_to_a_switch_thinks_whatever_its_markers(
    think: bool | str | None, prompt: str
) -> None:
    assert "thinking" in JinjaPrompt(PARTS).capabilities
    assert render(PARTS, USER, think=think) == prompt


@pytest.mark.parametrize(
    ("answer", "think", "end"),
    [
        (
            Message("assistant", "half", "because"),
            True,
            "<|open|>think<|sep|>because<|close|>think<|sep|><|open|>response<|sep|>half",
        ),
        (Message("assistant", "", "becau"), True, "<|open|>think<|sep|>becau"),
        (Message("assistant", "half", "because"), False, "<|open|>response<|sep|>half"),
    ],
)
def test_an_answer_is_continued_behind_reasoning_in_unknown_markers(
    answer: Message, think: bool, end: str
) -> None:
    assert render(PARTS, USER, answer, think=think).endswith("u" + end)


def test_a_template_that_listens_to_a_level_alone_thinks_too() -> None:
    template = "{{ reasoning_effort or 'high' }}"
    assert "thinking" in JinjaPrompt(template).capabilities
    assert render(template, USER, think="low") == "low"


def test_a_level_the_template_refuses_becomes_the_nearest_it_knows() -> None:
    template = (
        "{% if reasoning_effort and reasoning_effort not in ('low', 'xhigh') %}"
        "{{ raise_exception('effort') }}{% endif %}{{ reasoning_effort }}"
    )
    assert render(template, USER, think="high") == "xhigh"
    assert render(template, USER, think="max") == "xhigh"
    assert render(template, USER, think="low") == "low"


def test_media_become_numbered_markers_behind_the_text() -> None:
    messages = [
        Message("user", "[img] a", media=[Media(b"")]),
        Message("user", "b", media=[Media(b"")]),
    ]
    assert render(ROLES, *messages) == "[user:[img] a[img-0]][user:b[img-1]]"


def test_media_that_have_a_place_in_the_text_stay_there() -> None:
    message = Message("user", f"{SPOT}a{SPOT}b", media=[Media(b"")] * 3)
    assert render(ROLES, message) == "[user:[img-0]a[img-1]b[img-2]]"


def test_a_trailing_answer_is_continued() -> None:
    prompt = JinjaPrompt(None).render([USER, Message("assistant", "half an ")])
    assert prompt.endswith("<|im_start|>assistant\nhalf an ")


def test_an_answer_with_nothing_before_it_is_continued() -> None:
    template = "{% if messages[0].role == 'system' %}!{% endif %}" + ROLES
    assert render(template, Message("assistant", "half an ")) == "[assistant:half an "


def test_a_continued_answer_closes_the_reasoning_that_the_prompt_opened() -> None:
    template = ROLES + "{% if add_generation_prompt %}<think>\n{% endif %}{# </think> #}"
    answer = Message("assistant", "half", thinking="because")
    assert render(template, USER, answer) == "[user:u]<think>\nbecause\n</think>\n\nhalf"
    only = Message("assistant", "", thinking="becau")
    assert render(template, USER, only) == "[user:u]<think>\nbecau"


def test_two_trailing_answers_cannot_be_continued() -> None:
    with pytest.raises(BadRequest, match="2 or more assistant messages at the end"):
        render(ROLES, USER, Message("assistant", "a"), Message("assistant", "b"))


def test_a_trailing_tool_call_cannot_be_continued() -> None:
    with pytest.raises(BadRequest, match="contains tool calls"):
        render(ROLES, USER, CALL)


def test_a_trailing_answer_is_history_without_generation_prompt() -> None:
    messages = [USER, Message("assistant", "a")]
    assert render(ROLES, *messages, add_generation_prompt=False) == "[user:u][assistant:a]"


def test_tokens_that_the_tokenizer_adds_are_cut_once() -> None:
    template = "{{ bos_token }}{{ bos_token }}x{{ eos_token }}"
    adding = JinjaPrompt(template, bos="<s>", eos="</s>", adds_bos=True, adds_eos=True)
    assert adding.render([USER]) == "<s>x"
    assert JinjaPrompt(template, bos="<s>", eos="</s>").render([USER]) == "<s><s>x</s>"


def test_extra_variables_reach_the_template_and_preserving_has_its_names() -> None:
    template = "{{ a }}{{ preserve_thinking }}{{ clear_thinking }}"
    assert render(template, USER, extra={"a": 1, "preserve_reasoning": True}) == "1TrueFalse"


@pytest.mark.parametrize(
    ("text", "capabilities", "markers"),
    [
        ("{{ tools }}", {"tools"}, None),
        ("{{ m.tool_calls }}", {"tools"}, None),
        ("<think></think>", {"thinking"}, ThinkingMarkers("<think>", "</think>")),
        ("[THINK][/THINK]", {"thinking"}, ThinkingMarkers("[THINK]", "[/THINK]")),
        ("content.split('</think>')", {"thinking"}, None),
        ("content.split('</think>') reasoning_content", set(), None),
        ("", set(), None),
    ],
)
def test_capabilities_are_read_off_the_text(
    text: str, capabilities: set[str], markers: ThinkingMarkers | None
) -> None:
    prompt = JinjaPrompt("{# " + text.replace("{{", "").replace("}}", "") + " #}")
    assert prompt.capabilities == capabilities
    assert prompt.thinking_markers == markers


def test_chat_templates_cannot_fill_in_the_middle() -> None:
    with pytest.raises(TemplateError, match="fill in the middle"):
        JinjaPrompt(None).render_completion("", "a", suffix="b")


def test_a_completion_is_a_conversation_of_one() -> None:
    assert JinjaPrompt(ROLES).render_completion("s", "u") == "[system:s][user:u]"


def test_text_beside_a_reasoned_call_goes_where_the_template_refuses_it() -> None:
    template = (
        "{% for m in messages %}{% if m.tool_calls and m.thinking and m.content %}"
        "{{ raise_exception('both') }}{% endif %}"
        "{{ m.thinking }}{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }}{% endfor %}"
    )
    assert not traits_of(template).content_beside_reasoned_calls
    both = Message("assistant", "text", "because", tool_calls=CALL.tool_calls)
    prompt = render(template, USER, both, add_generation_prompt=False)
    assert prompt.startswith("ubecause[")


def test_templates_that_read_tools_as_functions_get_json_text() -> None:
    template = "{% if functions %}{{ 'Functions: ' + functions }}{% endif %}{{ messages | length }}"
    assert '"name": "tide"' in render(template, USER, tools=[TOOL])
    assert render(template, USER) == "1"


def test_templates_of_models_trained_on_trimmed_contents_get_them_trimmed() -> None:
    template = "{# functions in JSONSchema format #}" + ROLES
    assert render(template, Message("user", " u\n")) == "[user:u]"


def test_harmony_has_no_level_above_high() -> None:
    assert render("<|channel|>{{ reasoning_effort }}", USER, think="max") == "<|channel|>high"
