"""The families of models whose answers are described here rather than found from a template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ollama_server.chat.parse.format import (
    MessageFormat,
    OutputFormat,
    Start,
    ThinkingFormat,
    ToolFormat,
)


@dataclass(frozen=True, slots=True)
class NamedParser:
    """A ``parser`` name of a model's config. The flags feed the model's list of capabilities."""

    format: OutputFormat
    tools: bool = True
    thinking: bool = False


def _think(start: Start, *, without_tools: bool = False) -> ThinkingFormat:
    return ThinkingFormat("<think>", "</think>", start, without_tools=without_tools)


# --- ways to write tool calls ---------------------------------------------------------------------

HERMES = ToolFormat(
    "json", call_start="<tool_call>\n", call_end="\n</tool_call>", separator="\n", any_name=True
)
QWEN_CODER = ToolFormat(
    "tagged",
    section_start="<tool_call>\n",
    section_end="\n</tool_call>",
    section_per_call=True,
    separator="\n",
    call_start="<function=",
    name_end=">\n",
    arg_start="<parameter=",
    key_end=">\n",
    value_end="\n</parameter>\n",
    call_end="</function>",
    any_name=True,
)
ARG_KEYS = ToolFormat(
    "tagged",
    call_start="<tool_call>",
    arg_start="<arg_key>",
    key_end="</arg_key><arg_value>",
    value_end="</arg_value>",
    call_end="</tool_call>",
    repair=True,
    any_name=True,
)
ARG_KEY_LINES = replace(
    ARG_KEYS,
    name_end="\n",
    key_end="</arg_key>\n<arg_value>",
    value_end="</arg_value>\n",
    separator="\n",
)
LING = replace(
    ARG_KEY_LINES,
    value_end="</arg_value>",
    call_end="\n</tool_call>",
    trim_values=False,
    ends_thinking=True,
)
LAGUNA = replace(
    ARG_KEY_LINES,
    json_body=True,
    ends_thinking=True,
    aliases=(
        ("read_file", "read"),
        ("write_file", "write"),
        ("edit_file", "edit"),
        ("web_fetch", "webfetch"),
    ),
)
MINISTRAL = ToolFormat("tag_json", call_start="[TOOL_CALLS]", name_end="[ARGS]", any_name=False)
DEEPSEEK = ToolFormat(
    "tag_json",
    section_start="<｜tool▁calls▁begin｜>",
    section_end="<｜tool▁calls▁end｜>",
    call_start="<｜tool▁call▁begin｜>",
    name_end="<｜tool▁sep｜>",
    call_end="<｜tool▁call▁end｜>",
    any_name=True,
)
COGITO = replace(
    DEEPSEEK,
    call_start="<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
    name_end="\n",
    call_end="\n```<｜tool▁call▁end｜>",
    separator="\n",
    fence=True,
)
OLMO = ToolFormat(
    "python",
    section_start="<function_calls>",
    section_end="</function_calls>",
    separator="\n",
    any_name=True,
)
LFM = ToolFormat(
    "python",
    section_start="<|tool_call_start|>",
    section_end="<|tool_call_end|>",
    separator=", ",
    array=True,
    bare=True,
    any_name=True,
)
FUNCTION_GEMMA = ToolFormat(
    "quoted",
    call_start="<start_function_call>call:",
    call_end="<end_function_call>",
    quote="<escape>",
    any_name=True,
)
GEMMA = ToolFormat(
    "quoted",
    call_start="<|tool_call>call:",
    call_end="<tool_call|>",
    section_end="<|tool_response>",
    quote='<|"|>',
    any_name=True,
)
COHERE = ToolFormat(
    "json",
    section_start="<|START_ACTION|>",
    section_end="<|END_ACTION|>",
    separator=", ",
    array=True,
    name_field="tool_name",
    arguments_field="parameters",
    id_field="tool_call_id",
    any_name=True,
)
ATEM = ToolFormat(
    "tagged",
    section_start="<atem:function_calls>\n",
    section_end="\n</atem:function_calls>",
    section_per_call=True,
    call_start='<atem:invoke name="',
    name_end='">\n',
    arg_start='<atem:parameter name="',
    key_end='">',
    value_end="</atem:parameter>\n",
    call_end="</atem:invoke>",
    trim_values=False,
    any_name=True,
)
HARMONY_CALL = ToolFormat("tag_json", any_name=True)
ARROWS_CALL = ToolFormat("tag_json", call_start=">>>", name_end="\n")
KIMI_K2 = ToolFormat(
    "tag_json",
    section_start="<|tool_calls_section_begin|>",
    section_end="<|tool_calls_section_end|>",
    call_start="<|tool_call_begin|>",
    name_end="<|tool_call_argument_begin|>",
    call_end="<|tool_call_end|>",
    name_prefix="functions.",
    counter=":",
    keep_id=True,
    ends_thinking=True,
)
KIMI_K3 = ToolFormat(
    "tagged",
    section_start="<|open|>tools<|sep|>",
    section_end="<|close|>tools<|sep|>",
    call_start='<|open|>call tool="',
    name_end='"',
    header_end="<|sep|>",
    header_attributes=' index="\1"',
    arg_start='<|open|>argument key="',
    key_end='" ',
    attributes_end="<|sep|>",
    string_attribute='type="string"',
    other_attribute='type="{type}"',
    value_end="<|close|>argument<|sep|>",
    call_end="<|close|>call<|sep|>",
    trim_values=False,
    ends_thinking=True,
)
MINIMAX_M3 = ToolFormat(
    "tagged",
    section_start="]<]minimax[>[<tool_call>\n",
    section_end="]<]minimax[>[</tool_call>",
    separator="\n",
    call_start=']<]minimax[>[<invoke name="',
    name_end='">',
    arg_start="]<]minimax[>[<",
    key_end=">",
    value_end="]<]minimax[>[</{key}>",
    call_end="]<]minimax[>[</invoke>",
    namespace="]<]minimax[>[",
    trim_values=False,
)
DSML = ToolFormat(
    "tagged",
    section_start="<｜DSML｜function_calls>\n",
    section_end="\n</｜DSML｜function_calls>",
    separator="\n",
    call_start='<｜DSML｜invoke name="',
    name_end='">\n',
    arg_start='<｜DSML｜parameter name="',
    key_end='" ',
    attributes_end=">",
    string_attribute='string="true"',
    other_attribute='string="false"',
    value_end="</｜DSML｜parameter>\n",
    call_end="</｜DSML｜invoke>",
    trim_values=False,
    ends_thinking=True,
)
DSML_4 = replace(
    DSML,
    section_start="<｜DSML｜tool_calls>\n",
    section_end="\n</｜DSML｜tool_calls>",
    value_end="</｜DSML｜parameter>",
    arg_separator="\n",
    call_end="\n</｜DSML｜invoke>",
)
MINICPM = ToolFormat(
    "tagged",
    call_start='<function name="',
    name_end='">',
    arg_start='<param name="',
    key_end='">',
    value_end="</param>",
    call_end="</function>",
    separator="\n",
    trim_values=False,
)
GIGACHAT = ToolFormat(
    "json",
    call_start="<|message_sep|>\n\nfunction call<|role_sep|>\n",
    single=True,
)
FUNCTOOLS = ToolFormat("json", section_start=" functools", array=True, separator=", ")
GRANITE = ToolFormat("json", section_start="<|tool_call|>", array=True, separator=", ")

# --- whole formats --------------------------------------------------------------------------------

_GEMMA_THINKING = ThinkingFormat(
    "<|channel>thought", "<channel|>", anywhere=True, strays=("<|channel>", "<channel|>")
)
_COHERE_WRAPPERS = (
    "<|START_TEXT|>",
    "<|END_TEXT|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
)
HARMONY = OutputFormat(
    thinking=ThinkingFormat(
        "<|channel|>analysis",
        "<|end|>",
        "never",
        # Headers without the marker in front of them, and calls in the thinking's own channel.
        other_closes=(
            "<|start|>",
            "<|channel|>final",
            "<|channel|>commentary",
            "to=functions.",
        ),
    ),
    tools=HARMONY_CALL,
    messages=MessageFormat(
        "harmony",
        "<|start|>",
        "<|message|>",
        ("<|end|>", "<|call|>", "<|return|>"),
        primed="assistant",
    ),
)
GLIMMER = OutputFormat(
    thinking=ThinkingFormat(" to=self", "<|eom|>", "never", other_closes=("<|start|>",)),
    tools=ATEM,
    messages=MessageFormat(
        "recipient", "<|start|>", "<|message|>", ("<|eom|>", "<|eot|>"), primed="assistant"
    ),
)
FUNCTIONARY_ARROWS = OutputFormat(
    tools=ARROWS_CALL, messages=MessageFormat("arrows", ">>>", "\n", ())
)
_COHERE = OutputFormat(
    ThinkingFormat("<|START_THINKING|>", "<|END_THINKING|>", "on"), COHERE, _COHERE_WRAPPERS
)
_GEMMA = OutputFormat(_GEMMA_THINKING, GEMMA)
_MAGISTRAL = ThinkingFormat("[THINK]", "[/THINK]", anywhere=True)
_QWEN_ENDING = replace(HERMES, ends_thinking=True)
_CODER_ENDING = replace(QWEN_CODER, ends_thinking=True)

PARSERS: dict[str, NamedParser] = {
    "qwen3": NamedParser(OutputFormat(_think("never"), HERMES)),
    "qwen3-thinking": NamedParser(OutputFormat(_think("on"), _QWEN_ENDING), thinking=True),
    "qwen3-vl-instruct": NamedParser(OutputFormat(None, HERMES)),
    "qwen3-vl-thinking": NamedParser(OutputFormat(_think("on"), _QWEN_ENDING), thinking=True),
    "qwen3-coder": NamedParser(OutputFormat(None, QWEN_CODER)),
    "qwen3.5": NamedParser(OutputFormat(_think("on"), _CODER_ENDING), thinking=True),
    "ornith": NamedParser(OutputFormat(_think("on"), _CODER_ENDING), thinking=True),
    "nemotron-3-nano": NamedParser(OutputFormat(_think("on"), _CODER_ENDING), thinking=True),
    "nemotron-3.5-nano": NamedParser(OutputFormat(_think("on"), _CODER_ENDING), thinking=True),
    "ministral": NamedParser(OutputFormat(_MAGISTRAL, MINISTRAL)),
    "deepseek3": NamedParser(OutputFormat(_think("asked"), DEEPSEEK), thinking=True),
    "cogito": NamedParser(OutputFormat(_think("asked", without_tools=True), COGITO), thinking=True),
    "olmo3": NamedParser(OutputFormat(None, OLMO)),
    "olmo3-think": NamedParser(OutputFormat(_think("always")), tools=False, thinking=True),
    "functiongemma": NamedParser(OutputFormat(None, FUNCTION_GEMMA)),
    "gemma4": NamedParser(_GEMMA, thinking=True),
    "gemma4-no-thinking": NamedParser(_GEMMA),
    "glm-4.7": NamedParser(OutputFormat(_think("on"), ARG_KEYS), thinking=True),
    "glm-ocr": NamedParser(OutputFormat(_think("prompt"), ARG_KEY_LINES)),
    "lfm2": NamedParser(OutputFormat(None, LFM)),
    "lfm2-thinking": NamedParser(OutputFormat(_think("prompt"), LFM), thinking=True),
    "laguna": NamedParser(OutputFormat(_think("asked"), LAGUNA), thinking=True),
    "poolside-v1": NamedParser(
        OutputFormat(_think("asked"), replace(ARG_KEYS, json_body=True, ends_thinking=True)),
        thinking=True,
    ),
    "cohere": NamedParser(_COHERE, thinking=True),
    "glimmer": NamedParser(GLIMMER, thinking=True),
    "harmony": NamedParser(HARMONY, thinking=True),
    "passthrough": NamedParser(OutputFormat(), tools=False),
}


@dataclass(frozen=True, slots=True)
class Family:
    """A format, and the texts by which a template of the family is known."""

    name: str
    format: OutputFormat
    contains: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    def matches(self, template: str) -> bool:
        """Whether the template belongs to this family."""
        return all(text in template for text in self.contains) and not any(
            text in template for text in self.lacks
        )


def _declared(fmt: ToolFormat) -> ToolFormat:
    return replace(fmt, any_name=False)


_PROMPT_THINKING = _think("prompt")
FAMILIES: tuple[Family, ...] = (
    Family(
        "ministral-3",
        OutputFormat(_MAGISTRAL, MINISTRAL),
        ("[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[ARGS]"),
        ("[CALL_ID]",),
    ),
    Family("gpt-oss", HARMONY, ("<|channel|>",)),
    Family("glimmer", GLIMMER, ("<atem:function_calls>", "<|eom|>")),
    Family("functionary-3.2", FUNCTIONARY_ARROWS, (">>>all", ">>>${recipient}")),
    Family(
        "kimi-k2",
        OutputFormat(_PROMPT_THINKING, KIMI_K2),
        ("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
    ),
    Family(
        "kimi-k3",
        OutputFormat(
            ThinkingFormat(
                "<|open|>think<|sep|>",
                "<|close|>think<|sep|>",
                other_closes=("<|open|>response<|sep|>",),
            ),
            KIMI_K3,
            (
                "<|open|>response<|sep|>",
                "<|close|>response<|sep|>",
                "<|close|>message<|sep|>",
                "<|end_of_msg|>",
            ),
        ),
        ("<|open|>", "<|close|>", "<|end_of_msg|>"),
    ),
    Family(
        "ling-3",
        OutputFormat(_PROMPT_THINKING, _declared(LING), stops=("<|role_end|>",)),
        ("<role>ASSISTANT</role>", "<arg_key>"),
    ),
    Family(
        "cohere-2",
        OutputFormat(
            ThinkingFormat("<|START_THINKING|>", "<|END_THINKING|>"),
            _declared(COHERE),
            _COHERE_WRAPPERS,
        ),
        ("<|START_TEXT|>", "<|START_ACTION|>"),
    ),
    Family("lfm-2", OutputFormat(_PROMPT_THINKING, _declared(LFM)), ("<|tool_list_start|>",)),
    Family("lfm-2.5", OutputFormat(_PROMPT_THINKING, _declared(LFM)), ("List of tools: [",)),
    Family(
        "gigachat-3",
        OutputFormat(None, GIGACHAT),
        ("<|role_sep|>", "<|message_sep|>"),
        ("<|function_call|>",),
    ),
    Family(
        "minimax-m3",
        OutputFormat(ThinkingFormat("<mm:think>", "</mm:think>"), MINIMAX_M3),
        ("]<]minimax[>[",),
    ),
    Family(
        "deepseek-3.2",
        OutputFormat(_PROMPT_THINKING, DSML),
        ("dsml_token", "function_calls"),
    ),
    Family(
        "deepseek-4",
        OutputFormat(_PROMPT_THINKING, DSML_4),
        ("dsml_token",),
    ),
    Family(
        "functiongemma",
        OutputFormat(None, _declared(FUNCTION_GEMMA)),
        ("<start_function_call>", "<escape>"),
    ),
    Family("gemma-4", OutputFormat(_GEMMA_THINKING, _declared(GEMMA)), ("'<|tool_call>call:'",)),
    Family(
        "minicpm-5",
        OutputFormat(_PROMPT_THINKING, MINICPM),
        ("Tool usage guidelines:", '<function name="'),
    ),
    Family(
        "qwen3-coder",
        OutputFormat(_PROMPT_THINKING, replace(_CODER_ENDING, any_name=False)),
        ("<tool_call>", "<function=", "<parameter="),
    ),
    # Templates that never print a call although their models make them.
    Family("firefunction-2", OutputFormat(None, FUNCTOOLS), (" functools[",)),
    Family(
        "granite-3.3",
        OutputFormat(_PROMPT_THINKING, GRANITE, ("<response>", "</response>")),
        ("<|tool_call|>", "<response>"),
    ),
)

# For templates that neither belong to a family nor print calls: what most models have learnt.
FALLBACK = ToolFormat(
    "json",
    section_start="<tool_call>\n",
    section_end="\n</tool_call>",
    section_per_call=True,
    separator="\n",
    bare=True,
)
