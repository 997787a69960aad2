"""The named renderers write the markup that their models were trained on."""

from __future__ import annotations

import json
import re

import pytest
from template_cases import HOW_TO_GET, llama_templates

from ollama_server.chat.capabilities import model_capabilities
from ollama_server.chat.parse.make import make_parser
from ollama_server.chat.template.choose import TemplateFacts, choose_template
from ollama_server.chat.template.jinja.prompt import JinjaPrompt
from ollama_server.chat.template.renderers import named_renderer, renderer_names, resolve
from ollama_server.chat.types import Media, Message, Think, Tool, ToolCall
from ollama_server.errors import TemplateError

USER = Message("user", "u")
TIDE = Tool(
    "tide",
    "Tides",
    {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]},
)
CALL = Message(
    "assistant", "", "t", tool_calls=[ToolCall("tide", {"port": "Brest", "days": 2}, id="c1")]
)
RESULT = Message("tool", "high", tool_name="tide", tool_call_id="c1")
NAMES = [name for name in renderer_names() if named_renderer(name)]


def render(name: str, *messages: Message, think: Think = None, tools: bool = False) -> str:
    template = choose_template(TemplateFacts(renderer=name))
    return template.render(messages, [TIDE] if tools else (), think)


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_with_tools_shows_everything(name: str) -> None:
    messages = [Message("system", "Sqword"), Message("user", "Uqword"), CALL, RESULT]
    text = render(name, *messages, tools=True, think=True)
    wanted = ["Sqword", "Uqword"]
    if named_renderer(name).parser != "olmo3-think":  # type: ignore[union-attr]
        wanted += ["tide", "Brest", "high"]
    assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_prompts_start_with_the_bos_text_unless_the_tokenizer_must_add_it(name: str) -> None:
    bos = named_renderer(name).bos  # type: ignore[union-attr]
    text = render(name, USER)
    assert text.startswith(bos) == (name != "cohere")
    adding = choose_template(TemplateFacts(renderer=name, adds_bos=True)).render([USER])
    assert bos == "" or not adding.startswith(bos)


@pytest.mark.parametrize(
    ("name", "think", "ending"),
    [
        ("qwen3-coder", True, "<|im_start|>assistant\n"),
        ("qwen3-vl-instruct", None, "<|im_start|>assistant\n"),
        ("qwen3-vl-instruct", True, "<|im_start|>assistant\n<think>\n"),
        ("qwen3-vl-thinking", None, "<|im_start|>assistant\n<think>\n"),
        ("qwen3-vl-thinking", False, "<|im_start|>assistant\n"),
        ("qwen3.5", None, "<|im_start|>assistant\n<think>\n"),
        ("qwen3.5", False, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        ("nemotron-3-nano", True, "<|im_start|>assistant\n<think>\n"),
        ("nemotron-3-nano", False, "<|im_start|>assistant\n<think></think>"),
        ("cogito", None, "<｜Assistant｜>"),
        ("cogito", True, "<｜Assistant｜><think>\n"),
        ("deepseek3.1", None, "<｜Assistant｜></think>"),
        ("deepseek3.1", True, "<｜Assistant｜><think>"),
        ("olmo3", None, "<|im_start|>assistant\n"),
        ("olmo3-think", False, "<|im_start|>assistant\n<think>"),
        ("gemma4-small", False, "<|turn>model\n"),
        ("gemma4-large", False, "<|turn>model\n<|channel>thought\n<channel|>"),
        ("gemma4-large", True, "<|turn>model\n"),
        ("gemma4-large", None, "<|turn>model\n<|channel>thought\n<channel|>"),
        ("functiongemma", None, "<start_of_turn>model\n"),
        ("glm-4.7", None, "<|assistant|><think>"),
        ("glm-4.7", False, "<|assistant|></think>"),
        ("glm-ocr", None, "<|user|>\nu<|assistant|>\n"),
        ("glm-ocr", False, "<|user|>\nu/nothink<|assistant|>\n<think></think>\n"),
        ("lfm2", None, "<|im_start|>assistant\n"),
        ("laguna", None, "<assistant>\n</think>"),
        ("laguna", True, "<assistant>\n<think>"),
        ("poolside-v1", None, "<assistant></think>"),
        ("cohere", None, "<|CHATBOT_TOKEN|><|START_THINKING|>"),
        ("cohere", False, "<|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|>"),
        ("glimmer", None, "<|start|>assistant"),
    ],
)
def test_the_answer_is_opened_as_think_asks(name: str, think: Think, ending: str) -> None:
    assert render(name, USER, think=think).endswith(ending)


def test_gemma4_with_a_parser_that_knows_no_thinking_does_not_think() -> None:
    facts = TemplateFacts(renderer="gemma4", parser="gemma4-no-thinking")
    assert "thinking" not in model_capabilities(facts)
    assert "<|think|>" not in choose_template(facts).render([Message("system", "s"), USER])


@pytest.mark.parametrize(
    ("name", "history"),
    [
        (
            "qwen3-coder",
            "<|im_start|>assistant\n<tool_call>\n<function=tide>\n<parameter=port>\nBrest\n"
            "</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call><|im_end|>\n"
            "<|im_start|>user\n<tool_response>\nhigh\n</tool_response><|im_end|>\n",
        ),
        (
            "qwen3-vl-thinking",
            "<|im_start|>assistant\n<think>\nt\n</think>\n\n<tool_call>\n"
            '{"name": "tide", "arguments": {"port": "Brest", "days": 2}}\n</tool_call><|im_end|>\n',
        ),
        (
            "qwen3.5",
            "<|im_start|>assistant\n<think>\nt\n</think>\n\n<tool_call>\n<function=tide>\n"
            "<parameter=port>\nBrest\n</parameter>\n",
        ),
        (
            "nemotron-3-nano",
            "<think>\nt\n</think>\n<tool_call>\n<function=tide>\n<parameter=port>\nBrest\n"
            "</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>\n<|im_end|>\n"
            "<|im_start|>user\n<tool_response>\nhigh\n</tool_response>\n<|im_end|>\n",
        ),
        (
            "cogito",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>tide\n```json\n"
            '{"port": "Brest", "days": 2}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
            "<｜end▁of▁sentence｜><｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>high"
            "<｜tool▁output▁end｜><｜tool▁outputs▁end｜>",
        ),
        (
            "deepseek3.1",
            "<｜Assistant｜></think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tide<｜tool▁sep｜>"
            '{"port": "Brest", "days": 2}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
            "<｜end▁of▁sentence｜><｜tool▁output▁begin｜>high<｜tool▁output▁end｜>",
        ),
        (
            "olmo3",
            '<function_calls>tide(days=2, port="Brest")</function_calls><|im_end|>\n'
            "<|im_start|>environment\nhigh<|im_end|>\n",
        ),
        (
            "gemma4-large",
            '<|turn>model\n<|channel>thought\nt\n<channel|><|tool_call>call:tide{days:2,port:<|"|>'
            'Brest<|"|>}<tool_call|><|tool_response>response:tide{value:<|"|>high<|"|>}'
            "<tool_response|><|channel>thought\n",
        ),
        (
            "functiongemma",
            "<start_function_call>call:tide{days:2,port:<escape>Brest<escape>}<end_function_call>"
            "<start_function_response>response:tide{<escape>high<escape>}<end_function_response>",
        ),
        (
            "glm-4.7",
            "<|assistant|><think>t</think><tool_call>tide<arg_key>port</arg_key><arg_value>Brest"
            "</arg_value><arg_key>days</arg_key><arg_value>2</arg_value></tool_call>"
            "<|observation|><tool_response>high</tool_response>",
        ),
        (
            "glm-ocr",
            "<|assistant|>\n<think>t</think>\n<tool_call>tide<arg_key>port</arg_key><arg_value>Brest"
            "</arg_value><arg_key>days</arg_key><arg_value>2</arg_value></tool_call>\n"
            "<|observation|>\n<tool_response>\nhigh\n</tool_response>\n<|assistant|>\n",
        ),
        (
            "nemotron-3.5-nano",
            "<|im_start|>assistant\n<think>\nt</think>\n<tool_call>\n<function=tide>\n",
        ),
        (
            "lfm2",
            '<|tool_call_start|>[tide(days=2,port="Brest")]<|tool_call_end|><|im_end|>\n'
            "<|im_start|>tool\n<|tool_response_start|>high<|tool_response_end|><|im_end|>\n",
        ),
        (
            "laguna",
            "<assistant>\n<think>\nt\n</think>\n<tool_call>tide\n<arg_key>port</arg_key>\n"
            "<arg_value>Brest</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n"
            "</tool_call>\n</assistant>\n<tool_response>\nhigh\n</tool_response>\n",
        ),
        (
            "poolside-v1",
            "<assistant><think>t</think><tool_call>tide<arg_key>port</arg_key><arg_value>Brest"
            "</arg_value><arg_key>days</arg_key><arg_value>2</arg_value></tool_call></assistant>\n"
            "<tool_response>high</tool_response>\n",
        ),
        (
            "cohere",
            '<|START_THINKING|>t<|END_THINKING|><|START_ACTION|>[\n    {"tool_call_id": "0", '
            '"tool_name": "tide", "parameters": {"port": "Brest", "days": 2}}\n]<|END_ACTION|>',
        ),
        (
            "glimmer",
            "<|start|>assistant to=self<|message|>t<|eom|><|start|>assistant to=tide<|message|>"
            '<atem:function_calls>\n<atem:invoke name="tide">\n<atem:parameter name="port">Brest'
            '</atem:parameter>\n<atem:parameter name="days">2</atem:parameter>\n</atem:invoke>\n'
            '</atem:function_calls><|eot|><|start|>tool tide<|message|><tool_output name="tide">\n'
            "high\n</tool_output><|eot|>",
        ),
    ],
)
def test_calls_and_results_in_history(name: str, history: str) -> None:
    assert history in render(name, USER, CALL, RESULT, think=True, tools=True)


@pytest.mark.parametrize("name", ["lfm2", "lfm2-thinking", "olmo3", "olmo3.1"])
def test_calls_written_like_programs_can_be_read_back(name: str) -> None:
    arguments = {"port": 'the "old"\none\\', "ok": True, "no": None, "many": [{"a": None}]}
    call = Message("assistant", "", tool_calls=[ToolCall("tide", arguments, id="c1")])
    template = choose_template(TemplateFacts(renderer=name))
    parser = make_parser(template, tools=[TIDE])
    written = render(name, USER, call, RESULT, tools=True).rpartition("assistant\n")[0]
    read = parser.feed(written.rpartition("assistant\n")[2].partition("<|im_end|>")[0])
    assert [dict(call.arguments) for call in read.tool_calls] == [arguments]
    assert '"the \\"old\\"\\none\\\\"' in written


def test_text_behind_the_calls_of_lfm2_has_a_line_of_its_own() -> None:
    text = render("lfm2", USER, Message("assistant", "a", tool_calls=CALL.tool_calls), USER)
    assert ")]<|tool_call_end|>\na<|im_end|>\n" in text


_OLMO = (
    "You are Olmo, a helpful AI assistant built by Ai2. Your date cutoff is December 2024, "
    "and your model weights are available at https://huggingface.co/allenai."
)
_NO_FUNCTIONS = " You do not currently have access to any functions. <functions></functions>"


@pytest.mark.parametrize(
    ("name", "own", "given"),
    [
        (
            "olmo3",
            "You are a helpful function-calling AI assistant." + _NO_FUNCTIONS,
            "s",
        ),
        ("olmo3.1", _OLMO + _NO_FUNCTIONS, "s"),
        ("olmo3-think", _OLMO, "s" + _NO_FUNCTIONS),
        ("olmo3-32b-think", "You are a helpful AI assistant.", "s" + _NO_FUNCTIONS),
    ],
)
def test_each_olmo_has_its_own_system_text(name: str, own: str, given: str) -> None:
    assert render(name, USER).startswith(f"<|im_start|>system\n{own}<|im_end|>\n")
    text = render(name, Message("system", "s"), USER)
    assert text.startswith(f"<|im_start|>system\n{given}<|im_end|>\n")


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("qwen3-coder", "<|im_start|>assistant\nhalf"),
        ("qwen3.5", "<think>\n\n</think>\n\nhalf"),
        ("olmo3", "<|im_start|>assistant\nhalf"),
        ("lfm2", "<|im_start|>assistant\nhalf"),
        ("laguna", "<assistant>\n</think>\nhalf"),
        ("cohere", "<|CHATBOT_TOKEN|><|START_TEXT|>half"),
        ("nemotron-3-nano", "half<|im_end|>\n<|im_start|>assistant\n<think>\n"),
        ("cogito", "half<｜end▁of▁sentence｜><｜Assistant｜>"),
        ("deepseek3.1", "half<｜end▁of▁sentence｜>"),
        ("olmo3-think", "half<|im_end|>\n<|im_start|>assistant\n<think>"),
        ("gemma4-large", "half<turn|>\n<|turn>model\n<|channel>thought\n<channel|>"),
        ("glm-4.7", "</think>half<|assistant|><think>"),
        ("poolside-v1", "</think>half</assistant>\n<assistant></think>"),
    ],
)
def test_a_trailing_answer_is_continued_or_closed(name: str, ending: str) -> None:
    assert render(name, USER, Message("assistant", "half")).endswith(ending)


@pytest.mark.parametrize(
    ("think", "effort"),
    [
        (None, "Reasoning effort is set to xhigh."),
        ("high", "Reasoning effort is set to xhigh."),
        ("max", "Reasoning effort is set to xhigh."),
        ("low", "Reasoning effort is set to low."),
        ("medium", ""),
        (True, ""),
        (False, ""),
    ],
)
def test_qwen38_tells_the_level_of_effort(think: Think, effort: str) -> None:
    found = re.search(r"Reasoning effort is set to \w+\.", render("qwen3.8", USER, think=think))
    assert (found.group() if found else "") == effort


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([Message("system", "s")], "no user query found in messages"),
        (
            [Message("system", "s", media=[Media(b"")]), USER],
            "system message cannot contain images",
        ),
        ([], "no messages provided"),
    ],
)
def test_qwen38_refuses_what_it_cannot_read(messages: list[Message], error: str) -> None:
    with pytest.raises(TemplateError, match=f"^{error}$"):
        render("qwen3.8", *messages)


@pytest.mark.parametrize(
    ("name", "think", "answer"),
    [
        ("nemotron-3-nano", True, "<|im_start|>assistant\n<think></think>\na<|im_end|>\n"),
        ("nemotron-3.5-nano", True, "<|im_start|>assistant\n<think></think>a<|im_end|>\n"),
        ("glm-4.7", True, "<|assistant|><think>t</think>a<|user|>"),
        ("glm-ocr", True, "<|assistant|>\n<think>t</think>\na\n<|user|>\n"),
        ("poolside-v1", True, "<assistant><think>t</think>a</assistant>\n"),
        ("poolside-v1", False, "<assistant></think>a</assistant>\n"),
        ("laguna", False, "<assistant>\n<think>\nt\n</think>\na\n</assistant>\n"),
    ],
)
def test_earlier_reasoning_stays_goes_or_leaves_a_mark(
    name: str, think: Think, answer: str
) -> None:
    assert answer in render(name, USER, Message("assistant", "a", "t"), USER, think=think)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("nemotron-3-nano", "<|im_start|>assistant\n<think></think>a<|im_end|>\n"),
        ("glm-4.7", "<|assistant|></think>a<|user|>"),
        ("glm-ocr", "<|assistant|>\n<think></think>\na\n<|user|>\n"),
        ("poolside-v1", "<assistant><think></think>a</assistant>\n"),
        ("laguna", "<assistant>\n</think>\na\n</assistant>\n"),
    ],
)
def test_earlier_answers_without_reasoning_have_their_family_s_mark(name: str, answer: str) -> None:
    assert answer in render(name, USER, Message("assistant", "a"), USER, think=True)


def test_nemotron_follows_switches_in_the_text() -> None:
    text = render("nemotron-3-nano", Message("user", "u /no_think"), think=True)
    assert "/no_think" not in text
    assert text.endswith("<think></think>")
    plain = render("nemotron-3.5-nano", Message("user", "u /no_think"), think="medium")
    assert "u /no_think\n\n{reasoning effort: efficient}<|im_end|>" in plain


def test_cohere_numbers_calls_over_the_whole_conversation() -> None:
    again = Message("assistant", "", tool_calls=[ToolCall("tide", {}, id="other")])
    text = render("cohere", USER, CALL, RESULT, again, Message("tool", "x", tool_call_id="other"))
    assert re.findall(r'"tool_call_id": "(\d+)"', text) == ["0", "0", "1", "1"]


def test_media_stand_before_the_text_with_a_blank() -> None:
    message = Message("user", "what", media=[Media(b""), Media(b"")])
    assert "[img-0][img-1] what" in render("qwen3.5", message)
    assert "[img] left alone" not in render(
        "qwen3.5", Message("user", "[img-0] own", media=[Media(b"")])
    )
    assert "\n[img-0] own<" in render("qwen3.5", Message("user", "[img-0] own", media=[Media(b"")]))


@pytest.mark.parametrize(
    ("model", "parameters", "renderer"),
    [
        ("gemma4:e2b", 5_000_000_000, "gemma4-small"),
        ("gemma4:31b", 0, "gemma4-large"),
        ("mine", 20_000_000_000, "gemma4-large"),
        ("mine", 4_000_000_000, "gemma4-small"),
    ],
)
def test_gemma4_is_small_or_large(model: str, parameters: int, renderer: str) -> None:
    assert resolve("gemma4", model, parameters) == renderer


def test_an_unknown_renderer_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r'^unknown renderer "nope"$') as caught:
        choose_template(TemplateFacts(renderer="nope"))
    assert caught.value.status == 500


def test_the_model_s_own_chat_template_wins_over_the_shipped_one() -> None:
    template = choose_template(
        TemplateFacts(renderer="laguna", jinja="own {{ messages | length }}")
    )
    assert template.render([USER]) == "own 1"
    assert (template.kind, template.parser) == ("renderer", "laguna")


SAME: dict[str, tuple[str, dict[str, bool]]] = {
    "qwen3.5": ("Qwen3.5-4B", {}),
    "glm-4.7": ("GLM-4.7-Flash", {"clear_thinking": False}),
    "laguna": ("poolside-Laguna-XS.2", {}),
    "glimmer": ("muse-glimmer", {}),
    "cohere": ("Cohere2MoE", {}),
}


@pytest.mark.skipif(not llama_templates(), reason=HOW_TO_GET)
@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("tools", [False, True])
def test_equals_the_published_template(name: str, tools: bool) -> None:
    stem, extra = SAME[name]
    path = next(path for path in llama_templates() if path.stem == stem)
    own = choose_template(TemplateFacts(renderer=name))
    published = JinjaPrompt(
        path.read_text(encoding="utf-8"), bos="" if name == "cohere" else own.bos
    )
    history = [Message("system", "s"), USER, Message("assistant", "a", "t"), USER, CALL, RESULT]
    for messages in (history[1:2], history[:2], history[:4], history):
        declared = [TIDE] if tools else []
        expected = published.render(messages, declared, True, extra=extra)
        assert own.render(messages, declared, True) == expected


def test_every_entry_of_the_registry_has_its_template() -> None:
    assert set(renderer_names()) - set(NAMES) == {"gemma4"}
    assert len(NAMES) == 25
    assert all(json.dumps(named_renderer(name).variables) for name in NAMES)  # type: ignore[union-attr]
