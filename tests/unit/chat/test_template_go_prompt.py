"""Go templates over conversations: the three ways of running them, and what they get to see."""

from __future__ import annotations

import pytest

from ollama_server.chat.template.base import ThinkingMarkers
from ollama_server.chat.template.go.prompt import GoPrompt
from ollama_server.chat.types import Media, Message, Tool, ToolCall
from ollama_server.errors import TemplateError

LEGACY = "A{{ .System }}|{{ .Prompt }}|{{ .Response }}Z"
ROLES = "{{ range .Messages }}[{{ .Role }}:{{ .Content }}]{{ end }}"


def turns(*pairs: tuple[str, str]) -> list[Message]:
    return [Message(role, content) for role, content in pairs]


def show(template: str, *messages: Message, tools: list[Tool] | None = None) -> str:
    return GoPrompt(template).render(messages, tools or ())


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        (turns(("user", "hi"), ("assistant", "yo"), ("user", "go")), "A|hi|yoZA|go|"),
        (turns(("system", "s"), ("user", "hi")), "As|hi|"),
        (turns(("user", "a"), ("system", "s"), ("user", "b")), "A|a|ZAs|b|"),
        (turns(("user", "a"), ("assistant", "b")), "A|a|b"),
        (turns(("user", "a"), ("tool", "t"), ("user", "b")), "A|b|"),
    ],
)
def test_a_template_without_messages_runs_once_for_each_exchange(
    messages: list[Message], prompt: str
) -> None:
    assert GoPrompt(LEGACY).render(messages) == prompt


def test_the_last_exchange_drops_the_else_of_the_condition_that_holds_the_response() -> None:
    template = "{{ .Prompt }}{{ if .System }}x{{ .Response }}y{{ else }}z{{ end }}end"
    assert GoPrompt(template).render(turns(("system", "s"), ("user", "u"))) == "ux"


def test_functions_work_in_the_last_exchange() -> None:
    template = '{{ define "n" }}<{{ . }}>{{ end }}{{ json .Prompt }}{{ template "n" .Prompt }}'
    assert GoPrompt(template).render(turns(("user", "u"))) == '"u"<u>'


def test_a_response_is_added_to_templates_that_show_none() -> None:
    prompt = GoPrompt("{{ .Prompt }}:").render(turns(("user", "u"), ("assistant", "half")))
    assert prompt == "u:half"


def test_neighbours_of_one_role_become_one_message() -> None:
    prompt = show(ROLES, *turns(("user", "a"), ("user", ""), ("assistant", "b"), ("user", "c")))
    assert prompt == "[user:a\n\n][assistant:b][user:c]"


def test_tool_messages_stay_apart() -> None:
    assert show(ROLES, *turns(("tool", "a"), ("tool", "b"))) == "[tool:a][tool:b]"


def test_tool_calls_of_merged_answers_are_kept() -> None:
    template = "{{ range .Messages }}{{ range .ToolCalls }}{{ .Function.Name }};{{ end }}{{ end }}"
    first = Message("assistant", "", tool_calls=[ToolCall("f", {})])
    second = Message("assistant", "", tool_calls=[ToolCall("g", {})])
    assert show(template, first, second) == "f;g;"


def test_system_texts_stand_in_both_places() -> None:
    template = "{{ .System }}|" + ROLES
    prompt = show(template, *turns(("system", "a"), ("user", "u"), ("system", "b")))
    assert prompt == "a\n\nb|[system:a][user:u][system:b]"


def test_a_message_has_the_fields_of_ollama() -> None:
    template = (
        "{{ range .Messages }}{{ .Role }},{{ .Content }},{{ .Thinking }},{{ .ToolName }},"
        "{{ .ToolCallID }},{{ range .ToolCalls }}{{ .ID }} {{ .Function.Index }} "
        "{{ .Function.Name }} {{ .Function.Arguments }}{{ end }}{{ end }}"
    )
    calls = [ToolCall("f", {"b": 1, "a": "<"}, id="c1", index=3)]
    message = Message("assistant", "C", "T", [], calls, "N", "I")
    assert show(template, message) == 'assistant,C,T,N,I,c1 3 f {"a":"\\u003c","b":1}'


def test_arguments_are_visited_in_the_order_of_their_names() -> None:
    template = (
        "{{ range .Messages }}{{ range .ToolCalls }}"
        "{{ range $k, $v := .Function.Arguments }}{{ $k }}={{ $v }};{{ end }}{{ end }}{{ end }}"
    )
    call = ToolCall("f", {"b": 1000000, "a": "x"})
    assert show(template, Message("assistant", tool_calls=[call])) == "a=x;b=1000000;"


def test_a_field_that_messages_do_not_have_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"can't evaluate field Name in type \*template"):
        show("{{ range .Messages }}{{ .Name }}{{ end }}", Message("user", "u"))


TOOL = Tool(
    "tide",
    "Tides <&>",
    {
        "type": "object",
        "required": ["port"],
        "properties": {
            "port": {"type": "string", "description": "where", "minLength": 1},
            "days": {"type": ["integer", "null"], "enum": [1, 2]},
            "deep": {"type": "object", "properties": {"z": {"type": "string"}, "a": {}}},
            "many": {"type": "array", "items": {"type": "string", "pattern": "x"}},
            "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        },
    },
)


def test_tools_print_as_json_in_the_order_of_ollama_with_other_keywords_behind() -> None:
    parameters = (
        '{"type":"object","required":["port"],"properties":{'
        '"days":{"type":["integer","null"],"enum":[1,2]},'
        '"deep":{"type":"object","properties":{"z":{"type":"string"},"a":{}}},'
        '"either":{"anyOf":[{"type":"string"},{"type":"number"}]},'
        '"many":{"type":"array","items":{"pattern":"x","type":"string"}},'
        '"port":{"type":"string","description":"where","minLength":1}}}'
    )
    function = (
        '{"name":"tide","description":"Tides \\u003c\\u0026\\u003e","parameters":'
        + parameters
        + "}"
    )
    tool = '{"type":"function","function":' + function + "}"
    message = Message("user", "u")
    assert show("{{ .Messages | len }}{{ .Tools }}", message, tools=[TOOL]) == f"1[{tool}]"
    each = "{{ range .Tools }}{{ . }}{{ end }}{{ $_ := .Messages }}"
    assert show(each, message, tools=[TOOL]) == tool
    of_function = "{{ range .Tools }}{{ .Function }}{{ end }}{{ $_ := .Messages }}"
    assert show(of_function, message, tools=[TOOL]) == function
    of_parameters = (
        "{{ range .Tools }}{{ json .Function.Parameters }}{{ end }}{{ $_ := .Messages }}"
    )
    assert show(of_parameters, message, tools=[TOOL]) == parameters


def test_keywords_of_another_type_than_usual_are_shown_as_declared() -> None:
    schema = {
        "required": True,
        "properties": {"a": {"type": "string", "required": True, "enum": 3, "anyOf": {"b": 1}}},
    }
    shown = show(
        "{{ .Tools }}{{ $_ := .Messages }}", Message("user", "u"), tools=[Tool("f", "", schema)]
    )
    assert '"a":{"type":"string","required":true,"enum":3,"anyOf":{"b":1}}' in shown


def test_properties_have_typescript_types() -> None:
    template = (
        "{{ range .Tools }}{{ range $name, $p := .Function.Parameters.Properties }}"
        "{{ $name }}: {{ toTypeScriptType $p }}; {{ end }}{{ end }}{{ $_ := .Messages }}"
    )
    assert show(template, Message("user", "u"), tools=[TOOL]) == (
        "days: number | null; deep: Record<string, any>; either: string | number; "
        "many: any[]; port: string; "
    )


def test_images_become_numbered_markers_over_the_whole_conversation() -> None:
    messages = [
        Message("user", "see [img] and", media=[Media(b"1"), Media(b"2")]),
        Message("assistant", "ok"),
        Message("user", "", media=[Media(b"3")]),
    ]
    assert show(ROLES, *messages) == "[user:[img-1]see [img-0] and][assistant:ok][user:[img-2]]"


def test_messages_know_whether_they_carry_images() -> None:
    template = "{{ range .Messages }}{{ if .Images }}i{{ len .Images }}{{ end }}{{ end }}"
    assert show(template, Message("user", "u", media=[Media(b""), Media(b"")])) == "i2"


@pytest.mark.parametrize(
    ("think", "shown"),
    [
        (None, "false  false"),
        (False, "false  true"),
        (True, "true medium true"),
        ("high", "true high true"),
    ],
)
def test_templates_see_whether_and_how_much_to_think(think: bool | str | None, shown: str) -> None:
    template = "{{ .Think }} {{ .ThinkLevel }} {{ .IsThinkSet }}{{ if .Messages }}{{ end }}"
    assert GoPrompt(template).render([Message("user", "u")], (), think) == shown


def test_filling_in_the_middle_sees_prompt_and_suffix_only() -> None:
    template = "{{ .System }}<PRE>{{ .Prompt }}<SUF>{{ .Suffix }}<MID>{{ len .Messages }}"
    template = template.replace("{{ len .Messages }}", "{{ if .Messages }}m{{ end }}")
    prompt = GoPrompt(template)
    assert "insert" in prompt.capabilities
    shown = prompt.render_completion("system", "before", suffix="after")
    assert shown == "<no value><PRE>before<SUF>after<MID>"


def test_a_completion_is_a_conversation_of_one() -> None:
    prompt = GoPrompt(ROLES)
    assert prompt.render_completion("s", "u", "a") == "[system:s][user:u][assistant:a]"


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ .Messages }}", {"messages"}),
        ("{{ range $i, $m := .Tools }}{{ $m.Function.Name }}{{ end }}", {"tools", "function"}),
        ("{{ if (eq .Suffix `x`) }}{{ end }}", {"suffix"}),
        ('{{ define "x" }}{{ .ToolCalls }}{{ end }}', {"toolcalls"}),
        ("{{ len (slice $.Messages 1) }}", {"$", "messages"}),
    ],
)
def test_the_names_a_template_reads(template: str, names: set[str]) -> None:
    assert names <= GoPrompt(template).identifiers


def test_a_named_template_must_be_given_data() -> None:
    with pytest.raises(TemplateError, match="undefined template specified"):
        GoPrompt('{{ define "x" }}{{ end }}{{ template "x" }}')


@pytest.mark.parametrize(
    ("body", "markers"),
    [
        ("{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}", ("<think>", "</think>")),
        (
            "{{ .Role }}{{ if and .Thinking $.Think }}\n<t>\n{{ .Thinking }}\n</t>\n{{ end }}!",
            ("<t>", "</t>"),
        ),
        ("{{ .Content }}", None),
        ("{{ if .Thinking }}{{ .Thinking }}{{ end }}", None),
        ("{{ range .ToolCalls }}<a>{{ .Thinking }}</a>{{ end }}", None),
    ],
)
def test_reasoning_markers_stand_around_the_field(
    body: str, markers: tuple[str, str] | None
) -> None:
    prompt = GoPrompt("{{ range .Messages }}" + body + "{{ end }}")
    assert prompt.thinking_markers == (ThinkingMarkers(*markers) if markers else None)
    assert ("thinking" in prompt.capabilities) == (markers is not None)


@pytest.mark.parametrize(
    ("template", "bos", "adds_bos", "prompt"),
    [
        ("<s>{{ .Prompt }}", "<s>", True, "u"),
        ("<s>{{ .Prompt }}", "<s>", False, "<s>u"),
        ("<s><s>{{ .Prompt }}", "<s>", True, "<s>u"),
        ("<bos>{{ .Prompt }}", "", True, "u"),
        ("{{ .Prompt }}", "<s>", True, "u"),
    ],
)
def test_one_textual_bos_goes_when_the_tokenizer_adds_its_own(
    template: str, bos: str, adds_bos: bool, prompt: str
) -> None:
    shown = GoPrompt(template, bos=bos, adds_bos=adds_bos).render([Message("user", "u")])
    assert shown == prompt


def test_harmony_has_no_level_above_high() -> None:
    template = "{{ .ThinkLevel }}{{ if .Messages }}{{ end }}"
    user = [Message("user", "u")]
    assert GoPrompt(template, parser="harmony").render(user, (), "max") == "high"
    assert GoPrompt(template).render(user, (), "max") == "max"
