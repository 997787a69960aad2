"""What the chat template renders."""

from __future__ import annotations

from models.tiny.chat import render

CALL = {"type": "function", "function": {"name": "get_time", "arguments": {"city": "Oslo"}}}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "Get the time",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
USER = {"role": "user", "content": "Time in Oslo?"}


def test_a_question_opens_the_assistant_turn() -> None:
    assert render([{"role": "user", "content": "Hi"}]) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_thinking_off_closes_an_empty_thinking_block() -> None:
    prompt = render([{"role": "user", "content": "Hi"}], thinking=False)
    assert prompt.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_a_system_prompt_comes_first() -> None:
    prompt = render([{"role": "system", "content": "Be brief."}, USER])
    assert prompt.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")


def test_tools_stand_as_json_lines_behind_the_system_prompt() -> None:
    prompt = render([{"role": "system", "content": "Be brief."}, USER], [TOOL])
    assert prompt.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n\n")
    assert '<tools>\n{"type": "function", "function": {"name": "get_time", ' in prompt


def test_a_tool_call_and_its_result_are_rendered() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "12:00"},
    ]
    assert render(messages).endswith(
        '<|im_start|>assistant\n<tool_call>\n{"name": "get_time", "arguments": {"city": "Oslo"}}\n'
        "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n12:00\n</tool_response>"
        "<|im_end|>\n<|im_start|>assistant\n"
    )


def test_arguments_may_be_a_json_string() -> None:
    call = {"function": {"name": "get_time", "arguments": '{"city": "Oslo"}'}}
    messages = [USER, {"role": "assistant", "content": "", "tool_calls": [call]}]
    assert '"arguments": {"city": "Oslo"}}\n</tool_call>' in render(messages)


def test_two_results_share_one_user_turn() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
    ]
    assert (
        "<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n"
        "</tool_response><|im_end|>\n"
    ) in render(messages)


def test_thinking_of_earlier_turns_is_dropped() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": "Noon.", "reasoning_content": "Look it up."},
        {"role": "user", "content": "Thanks"},
    ]
    assert "Look it up." not in render(messages)
    messages[1] = {"role": "assistant", "content": "<think>\nLook it up.\n</think>\n\nNoon."}
    assert "<|im_start|>assistant\nNoon.<|im_end|>" in render(messages)


def test_thinking_behind_the_last_question_is_kept() -> None:
    messages = [
        USER,
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "I need get_time.",
            "tool_calls": [CALL],
        },
        {"role": "tool", "content": "12:00"},
    ]
    assert "<think>\nI need get_time.\n</think>\n\n<tool_call>" in render(messages)
