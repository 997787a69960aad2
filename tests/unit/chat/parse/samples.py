"""What models of every family write, and what clients must get of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ollama_server.chat.types import Think

from .support import BREST, call

Call = tuple[str, dict[str, Any]]


@dataclass
class Sample:
    """``source`` is a parser's name, or "@" and a template's."""

    source: str
    text: str
    calls: list[Call] = field(default_factory=list)
    content: str = ""
    thinking: str = ""
    think: Think = None
    prompt: str = ""

    def __str__(self) -> str:
        return self.source


TIDE, WAVE = call(), call("wave")
PORT_ONLY = call("tide", {"port": "Brest"})
HERMES = '<tool_call>\n{"name": "tide", "arguments": {"port": "Brest", "days": 2}}\n</tool_call>'
HERMES_2 = HERMES + "\n" + HERMES.replace("tide", "wave")
CODER = (
    "<tool_call>\n<function=tide>\n<parameter=port>\nBrest\n</parameter>\n"
    "<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>"
)
CODER_2 = CODER + "\n" + CODER.replace("tide", "wave")
GLM = (
    "<tool_call>tide<arg_key>port</arg_key><arg_value>Brest</arg_value>"
    "<arg_key>days</arg_key><arg_value>2</arg_value></tool_call>"
)
GLM_LINES = (
    "<tool_call>tide\n<arg_key>port</arg_key>\n<arg_value>Brest</arg_value>\n"
    "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>"
)
DEEPSEEK = (
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tide<｜tool▁sep｜>{"port": "Brest", "days": 2}'
    '<｜tool▁call▁end｜><｜tool▁call▁begin｜>wave<｜tool▁sep｜>{"port": "Brest", "days": 2}'
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
)
DEEPSEEK_FENCED = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>tide\n```json\n"
    '{"port": "Brest", "days": 2}\n```<｜tool▁call▁end｜>\n'
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>wave\n```json\n"
    '{"port": "Brest", "days": 2}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
)
COHERE = (
    '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "tide", "parameters": '
    '{"port": "Brest", "days": 2}},\n    {"tool_call_id": "1", "tool_name": "wave", '
    '"parameters": {"port": "Brest", "days": 2}}\n]<|END_ACTION|>'
)
LFM = (
    "<|tool_call_start|>[tide(port=\"Brest\", days=2), wave(port='Brest', days=2)]<|tool_call_end|>"
)
GEMMA = (
    '<|tool_call>call:tide{days:2,port:<|"|>Brest<|"|>}<tool_call|>'
    '<|tool_call>call:wave{days:2,port:<|"|>Brest<|"|>}<tool_call|>'
)
ATEM = (
    '<atem:function_calls>\n<atem:invoke name="tide">\n<atem:parameter name="port">Brest'
    '</atem:parameter>\n<atem:parameter name="days">2</atem:parameter>\n</atem:invoke>\n'
    "</atem:function_calls>"
)
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.tide:0<|tool_call_argument_begin|>"
    '{"port": "Brest", "days": 2}<|tool_call_end|><|tool_call_begin|>functions.wave:1'
    '<|tool_call_argument_begin|>{"port": "Brest", "days": 2}<|tool_call_end|>'
    "<|tool_calls_section_end|>"
)
DSML = (
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="tide">\n'
    '<｜DSML｜parameter name="port" string="true">Brest</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜function_calls>"
)
K3 = (
    '<|open|>tools<|sep|><|open|>call tool="tide" index="1"<|sep|>'
    '<|open|>argument key="port" type="string"<|sep|>Brest<|close|>argument<|sep|>'
    '<|open|>argument key="days" type="number"<|sep|>2<|close|>argument<|sep|>'
    "<|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|><|end_of_msg|>"
)
NS = "]<]minimax[>["
M3 = (
    f'{NS}<tool_call>\n{NS}<invoke name="tide">{NS}<port>Brest{NS}</port>{NS}<days>2{NS}</days>'
    f'{NS}</invoke>\n{NS}<invoke name="wave">{NS}<port>Brest{NS}</port>{NS}<days>2{NS}</days>'
    f"{NS}</invoke>\n{NS}</tool_call>"
)
M2 = (
    '<minimax:tool_call>\n<invoke name="tide">\n<parameter name="port">Brest</parameter>\n'
    '<parameter name="days">2</parameter>\n</invoke>\n<invoke name="wave">\n'
    '<parameter name="port">Brest</parameter>\n<parameter name="days">2</parameter>\n</invoke>\n'
    "</minimax:tool_call>"
)
HUNYUAN = (
    "<tool_calls:opensource>\n<tool_call:opensource>tide<tool_sep:opensource>\n"
    "<arg_key:opensource>port</arg_key:opensource>\n"
    "<arg_value:opensource>Brest</arg_value:opensource>\n"
    "<arg_key:opensource>days</arg_key:opensource>\n"
    "<arg_value:opensource>2</arg_value:opensource>\n"
    "</tool_call:opensource>\n</tool_calls:opensource>"
)
SEED = (
    "<seed:tool_call>\n<function=tide>\n<parameter=port>Brest</parameter>\n"
    "<parameter=days>2</parameter>\n</function>\n</seed:tool_call>"
)
JSON_LIST = (
    '[{"name": "tide", "arguments": {"port": "Brest", "days": 2}}, '
    '{"name": "wave", "arguments": {"port": "Brest", "days": 2}}]'
)
HARMONY = (
    "<|channel|>analysis<|message|>Check port.<|end|><|start|>assistant<|channel|>commentary "
    'to=functions.tide <|constrain|>json<|message|>{"port":"Brest","days":2}'
)
DONE = "Done.</think>"
BOTH = [TIDE, WAVE]


def thought(source: str, text: str, calls: list[Call], **more: Any) -> Sample:
    """A sample that thinks first, the prompt having opened the thinking."""
    text = f"\nHm, tide.\n</think>\n\nOne moment.\n{text}"
    more = {"prompt": "<|im_start|>assistant\n<think>\n", **more}
    return Sample(source, text, calls, "One moment.", "Hm, tide.", **more)


NAMED = [
    Sample("qwen3", "I check.\n\n" + HERMES_2, BOTH, "I check."),
    thought("qwen3-thinking", HERMES_2, BOTH, prompt="", think=True),
    Sample("qwen3-thinking", "Hm." + HERMES, [TIDE], thinking="Hm.", think=True),
    Sample("qwen3-vl-instruct", HERMES, [TIDE]),
    thought("qwen3-vl-thinking", HERMES, [TIDE]),
    Sample("qwen3-coder", "I check.\n" + CODER_2, BOTH, "I check."),
    Sample("qwen3-coder", CODER.removeprefix("<tool_call>\n"), [TIDE]),
    thought("qwen3.5", CODER_2, BOTH, prompt=""),
    Sample("qwen3.5", "Hm.\n" + CODER, [TIDE], thinking="Hm."),
    thought("ornith", CODER, [TIDE]),
    thought("nemotron-3-nano", CODER, [TIDE]),
    thought("nemotron-3.5-nano", CODER, [TIDE]),
    Sample(
        "ministral",
        '[THINK]Hm.[/THINK]Sure.[TOOL_CALLS]tide[ARGS]{"port": "Brest", "days": 2}'
        '[TOOL_CALLS]wave[ARGS]{"port": "Brest", "days": 2}',
        BOTH,
        "Sure.",
        "Hm.",
    ),
    Sample("deepseek3", "Hm.</think>Sure.\n\n" + DEEPSEEK, BOTH, "Sure.", "Hm.", think=True),
    Sample("cogito", "Sure." + DEEPSEEK_FENCED, BOTH, "Sure."),
    Sample(
        "olmo3",
        'Sure.<function_calls>tide(port="Brest", days=2)\nwave(port="Brest", days=2)'
        "</function_calls>",
        BOTH,
        "Sure.",
    ),
    Sample("olmo3-think", "Hm.</think>tide(port=1)", content="tide(port=1)", thinking="Hm."),
    Sample(
        "functiongemma",
        "<start_function_call>call:tide{port:<escape>Brest<escape>,days:2}<end_function_call>",
        [TIDE],
    ),
    Sample(
        "gemma4",
        "<|channel>thought\nHm.\n<channel|>Sure." + GEMMA + "<|tool_response>",
        [("tide", {"days": 2, "port": "Brest"}), ("wave", {"days": 2, "port": "Brest"})],
        "Sure.",
        "Hm.",
        think=True,
    ),
    Sample("gemma4-no-thinking", "Sure." + GEMMA, BOTH, "Sure."),
    Sample("glm-4.7", "Hm.</think>" + GLM + GLM.replace("tide", "wave"), BOTH, thinking="Hm."),
    Sample("glm-4.7", "<think>Hm.</think>" + GLM, [TIDE], thinking="Hm.", think=False),
    Sample("glm-ocr", "<think>Hm.</think>Sure.\n" + GLM_LINES, [TIDE], "Sure.", "Hm."),
    Sample("lfm2", "Sure." + LFM, BOTH, "Sure."),
    Sample("lfm2", '[tide(port="Brest", days=2), wave(port="Brest", days=2)]', BOTH),
    Sample("lfm2-thinking", "<think>Hm.</think>\n" + LFM, BOTH, thinking="Hm.", think=True),
    Sample("laguna", "Hm.\n</think>\nSure.\n" + GLM_LINES, [TIDE], "Sure.", "Hm.", think=True),
    Sample(
        "laguna",
        '<tool_call>{"name": "tide", "arguments": {"port": "Brest", "days": 2}}</tool_call>'
        '<tool_call>wave{"port": "Brest", "days": 2}</tool_call>',
        BOTH,
    ),
    Sample("poolside-v1", "Hm.</think>Sure." + GLM, [TIDE], "Sure.", "Hm.", think=True),
    Sample("cohere", "Hm.<|END_THINKING|>" + COHERE, BOTH, thinking="Hm."),
    Sample(
        "cohere",
        "Hm.<|END_THINKING|><|START_TEXT|>High <tide>.<|END_TEXT|>",
        content="High <tide>.",
        thinking="Hm.",
    ),
    Sample(
        "glimmer",
        f" to=self<|message|>Hm.<|eom|><|start|>assistant to=tide<|message|>{ATEM}<|eom|>"
        f"<|start|>assistant to=wave<|message|>{ATEM.replace('tide', 'wave')}<|eot|>",
        BOTH,
        thinking="Hm.",
    ),
    Sample(
        "glimmer",
        " to=self<|message|>Hm.<|eom|><|start|>assistant to=user<|message|>High.<|eot|>",
        content="High.",
        thinking="Hm.",
    ),
    Sample("glimmer", f" to=user<|message|>{ATEM}<|eot|>", [TIDE]),
    Sample("harmony", HARMONY, [TIDE], thinking="Check port."),
    Sample("harmony", "<|channel|>final<|message|>Hi", content="Hi"),
    Sample("harmony", "Hello <there>", content="Hello <there>"),
    Sample(
        "harmony",
        HARMONY
        + "<|call|><|start|>assistant to=functions.wave<|channel|>commentary json<|message|>"
        '{"port": "Brest", "days": 2}<|call|>',
        BOTH,
        thinking="Check port.",
    ),
    Sample("passthrough", "<think>a</think>" + HERMES, content="<think>a</think>" + HERMES),
]

DEDICATED = [
    Sample(
        "@mistralai-Ministral-3-14B-Reasoning-2512",
        '[THINK]Hm.[/THINK]Sure.[TOOL_CALLS]tide[ARGS]{"port": "Brest", "days": 2}',
        [TIDE],
        "Sure.",
        "Hm.",
    ),
    Sample("@openai-gpt-oss-120b", HARMONY, [TIDE], thinking="Check port."),
    Sample(
        "@muse-glimmer",
        f" to=self<|message|>Hm.<|eom|><|start|>assistant to=tide<|message|>{ATEM}<|eot|>",
        [TIDE],
        thinking="Hm.",
    ),
    Sample(
        "@meetkai-functionary-medium-v3.2",
        'all\nChecking.>>>tide\n{"port": "Brest", "days": 2}>>>wave\n{"port": "Brest", "days": 2}',
        BOTH,
        "Checking.",
        prompt="<|start_header_id|>assistant<|end_header_id|>\n\n>>>",
    ),
    Sample("@moonshotai-Kimi-K2", "Sure." + KIMI, BOTH, "Sure."),
    Sample("@Kimi-K2-Thinking", "<think>Hm.</think>Sure." + KIMI, BOTH, "Sure.", "Hm."),
    Sample("@Kimi-K2-Thinking", "<think>Hm." + KIMI, BOTH, "", "Hm."),
    Sample(
        "@Kimi-K3",
        "Hm.<|close|>think<|sep|><|open|>response<|sep|>Sure.<|close|>response<|sep|>" + K3,
        [TIDE],
        "Sure.",
        "Hm.",
        prompt="<|open|>think<|sep|>",
    ),
    Sample(
        "@Kimi-K3",
        "<|open|>response<|sep|>Sure.<|close|>response<|sep|>" + K3,
        [TIDE],
        "Sure.",
        prompt="<|open|>think<|sep|>",
    ),
    Sample("@Kimi-K3", "Hm." + K3, [TIDE], thinking="Hm.", prompt="<|open|>think<|sep|>"),
    Sample(
        "@inclusionai-ling-3.0-flash",
        "Hm.</think>Sure." + GLM_LINES,
        [TIDE],
        "Sure.",
        "Hm.",
        prompt="<role>ASSISTANT</role>\n<think>",
    ),
    Sample(
        "@Cohere2MoE",
        "Hm.<|END_THINKING|>" + COHERE,
        BOTH,
        thinking="Hm.",
        prompt="<|START_THINKING|>",
    ),
    Sample("@LFM2-8B-A1B", "Sure." + LFM, BOTH, "Sure."),
    Sample("@LFM2.5-Instruct", LFM, BOTH),
    Sample("@LFM2.5-8B-A1B", "<think>Hm.</think>" + LFM, BOTH, thinking="Hm."),
    Sample(
        "@GigaChat3-10B-A1.8B",
        'Sure.<|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "tide", "arguments": '
        '{"port": "Brest", "days": 2}}',
        [TIDE],
        "Sure.",
    ),
    Sample("@MiniMax-M3", "<mm:think>Hm.</mm:think>Sure." + M3, BOTH, "Sure.", "Hm."),
    Sample(
        "@deepseek-ai-DeepSeek-V3.2",
        "Hm.</think>Sure.\n\n" + DSML,
        [TIDE],
        "Sure.",
        "Hm.",
        prompt="<think>",
    ),
    Sample(
        "@deepseek-ai-DeepSeek-V4",
        "Hm.\n" + DSML.replace("function_calls", "tool_calls"),
        [TIDE],
        "",
        "Hm.",
        prompt="<think>",
    ),
    Sample("@google-gemma-4-31B-it", "<|channel>thought\n<channel|>" + GEMMA, BOTH),
    Sample(
        "@openbmb-MiniCPM5-1B",
        'Hm.\n</think>\n\n<function name="tide"><param name="port"><![CDATA[Brest]]></param>'
        '<param name="days">2</param></function>',
        [TIDE],
        "",
        "Hm.",
        prompt="<think>\n",
    ),
    Sample("@Qwen3-Coder", "I check.\n" + CODER_2, BOTH, "I check."),
    thought("@Qwen3.5-4B", CODER_2, BOTH),
    thought("@NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", CODER, [TIDE]),
    thought("@StepFun3.5-Flash", CODER, [TIDE]),
]

DERIVED = [
    Sample("@NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "So.\n" + HERMES_2, BOTH, "So."),
    Sample("@NousResearch-Hermes-3-Llama-3.1-8B-tool_use", HERMES, [TIDE]),
    Sample("@Qwen-Qwen2.5-7B-Instruct", "So.\n" + HERMES_2, BOTH, "So."),
    Sample("@Qwen-Qwen3-0.6B", "<think>\nHm.\n</think>\n\n" + HERMES, [TIDE], thinking="Hm."),
    thought("@Qwen-QwQ-32B", HERMES, [TIDE]),
    Sample("@MiMo-VL", HERMES, [TIDE]),
    Sample("@ibm-granite-granite-4.0", HERMES_2, BOTH),
    Sample("@ibm-granite-granite-4.1", HERMES_2, BOTH),
    thought("@Bielik-11B-v3.0-Instruct", HERMES_2, BOTH),
    thought("@Reka-Edge", HERMES_2, BOTH),
    *(
        Sample(
            f"@{name}",
            '{"name": "tide", "parameters": {"port": "Brest", "days": 2}}',
            [TIDE],
        )
        for name in (
            "meta-llama-Llama-3.1-8B-Instruct",
            "meta-llama-Llama-3.2-3B-Instruct",
            "meta-llama-Llama-3.3-70B-Instruct",
        )
    ),
    Sample(
        "@meta-llama-Llama-3.1-8B-Instruct",
        '<|python_tag|>{"type": "function", "name": "tide", "parameters": '
        '{"port": "Brest", "days": 2}}',
        [TIDE],
    ),
    Sample(
        "@mistralai-Mistral-Nemo-Instruct-2407",
        'Sure.[TOOL_CALLS][{"name": "tide", "arguments": {"port": "Brest", "days": 2}, '
        '"id": "a1b2c3d4e"}, {"name": "wave", "arguments": {"port": "Brest", "days": 2}, '
        '"id": "a1b2c3d4f"}]',
        BOTH,
        "Sure.",
    ),
    Sample(
        "@Mistral-Small-3.2-24B-Instruct-2506",
        '[TOOL_CALLS]tide[CALL_ID]a1b2c3d4e[ARGS]{"port": "Brest", "days": 2}'
        '[TOOL_CALLS]wave[CALL_ID]a1b2c3d4f[ARGS]{"port": "Brest", "days": 2}',
        BOTH,
    ),
    Sample(
        "@unsloth-mistral-Devstral-Small-2507",
        'So.[TOOL_CALLS]tide[ARGS]{"port": "Brest", "days": 2}',
        [TIDE],
        "So.",
    ),
    Sample(
        "@meetkai-functionary-medium-v3.1",
        'So.<function=tide>{"port": "Brest", "days": 2}</function>'
        '<function=wave>{"port": "Brest", "days": 2}</function>',
        BOTH,
        "So.",
    ),
    Sample("@fireworks-ai-llama-3-firefunction-v2", f"So. functools{JSON_LIST}", BOTH, "So."),
    Sample(
        "@CohereForAI-c4ai-command-r-plus-tool_use",
        'Action:\n```json\n[\n    {\n        "tool_name": "tide",\n        "parameters": {\n'
        '            "port": "Brest",\n            "days": 2\n        }\n    }\n]```',
        [TIDE],
    ),
    Sample(
        "@CohereForAI-c4ai-command-r7b-12-2024-tool_use",
        "<|START_THINKING|>Hm.<|END_THINKING|>" + COHERE,
        BOTH,
        thinking="Hm.",
    ),
    Sample(
        "@CohereForAI-c4ai-command-r7b-12-2024-tool_use",
        "<|START_RESPONSE|>High.<|END_RESPONSE|>",
        content="High.",
    ),
    Sample(
        "@Apertus-8B-Instruct",
        '<|tools_prefix|>[{"tide": {"port": "Brest", "days": 2}}, '
        '{"wave": {"port": "Brest", "days": 2}}]<|tools_suffix|>',
        BOTH,
    ),
    Sample("@unsloth-Apriel-1.5", f"So.\n<tool_calls>{JSON_LIST}</tool_calls>", BOTH, "So."),
    Sample(
        "@Apriel-1.6-15b-Thinker-fixed",
        f"Hm.\n[BEGIN FINAL RESPONSE]\nSo.\n<tool_calls>{JSON_LIST}</tool_calls>",
        BOTH,
        "So.",
        "Hm.",
    ),
    thought("@NVIDIA-Nemotron-Nano-v2", f"<TOOLCALL>{JSON_LIST}</TOOLCALL>", BOTH),
    Sample(
        "@MiniMax-M1",
        '<tool_calls>\n{"name": "tide", "arguments": {"port": "Brest", "days": 2}}\n'
        '{"name": "wave", "arguments": {"port": "Brest", "days": 2}}\n</tool_calls>',
        BOTH,
    ),
    thought("@MiniMax-M2", M2, BOTH),
    Sample(
        "@ByteDance-Seed-OSS",
        "<seed:think>Hm.</seed:think>So.\n" + SEED,
        [TIDE],
        "So.",
        "Hm.",
    ),
    Sample("@GLM-4.6", "<think>Hm.</think>\nSo.\n" + GLM_LINES, [TIDE], "So.", "Hm."),
    Sample("@GLM-4.7-Flash", "Hm.</think>" + GLM, [TIDE], "", "Hm.", prompt="<think>"),
    Sample("@Spark2.5", "Hm.</think>So." + GLM, [TIDE], "So.", "Hm.", prompt="<|Bot|><think>"),
    Sample("@poolside-Laguna-S-2.1", "Hm.</think>" + GLM, [TIDE], "", "Hm.", prompt="<think>"),
    Sample(
        "@poolside-Laguna-XS-2.1",
        "\nHm.\n</think>\n" + GLM_LINES,
        [TIDE],
        "",
        "Hm.",
        prompt="<assistant>\n<think>",
    ),
    Sample(
        "@tencent-Hy3",
        "<think:opensource>Hm.</think:opensource>So." + HUNYUAN,
        [TIDE],
        "So.",
        "Hm.",
    ),
    thought("@llama-cpp-deepseek-r1", DEEPSEEK_FENCED, BOTH),
    thought("@deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", DEEPSEEK_FENCED, BOTH),
    thought("@deepseek-ai-DeepSeek-V3.1", DEEPSEEK, BOTH),
    Sample(
        "@upstage-Solar-Open-100B",
        "<|think|>Hm.<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>abc"
        '<|tool_call:name|>tide<|tool_call:args|>{"port": "Brest", "days": 2}<|tool_call:end|>'
        "<|calls|>",
        [TIDE],
        "",
        "Hm.",
    ),
    Sample(
        "@upstage-Solar-Open-100B",
        "<|think|>Hm.<|end|><|begin|>assistant<|content|>High.<|end|>",
        content="High.",
        thinking="Hm.",
    ),
    Sample(
        "@GigaChat3.1-10B-A1.8B",
        '<|function_call|>{"name": "tide", "arguments": {"port": "Brest", "days": 2}}',
        [TIDE],
    ),
    Sample("@ibm-granite-granite-3.3-2B-Instruct", f"<|tool_call|>{JSON_LIST}", BOTH),
    Sample(
        "@ibm-granite-granite-3.3-2B-Instruct",
        "<think>Hm.</think><response>High.</response>",
        content="High.",
        thinking="Hm.",
    ),
    Sample("@HuggingFaceTB-SmolLM3-3B", "<think>Hm.</think>" + HERMES, [TIDE], "", "Hm."),
    thought("@deepseek-ai-DeepSeek-R1-Distill-Llama-8B", DEEPSEEK_FENCED, BOTH),
    Sample(
        "@microsoft-Phi-3.5-mini-instruct",
        '{"name": "tide", "arguments": {"port": "Brest"}}',
        [PORT_ONLY],
    ),
]

assert BREST == {"port": "Brest", "days": 2}
