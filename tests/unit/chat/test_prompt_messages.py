"""Which messages a prompt is made of, and how many of them fit."""

from __future__ import annotations

import asyncio
import random

import pytest

from ollama_server.chat.prompt import (
    assemble_completion,
    assemble_messages,
    forget_reasoning,
    strips_reasoning,
    truncate_messages,
)
from ollama_server.chat.template.media import mark_media
from ollama_server.chat.template.shield import shield_tokens, split_shielded
from ollama_server.chat.types import SPOT, Media, Message
from ollama_server.errors import TemplateError

USER = Message("user", "u")
HISTORY = [Message("user", "h"), Message("assistant", "i")]


def contents(messages: list[Message]) -> list[str]:
    return [message.content for message in messages]


def test_the_model_s_system_text_comes_before_its_history_and_the_request() -> None:
    assert contents(assemble_messages([USER], system="s", history=HISTORY)) == ["s", "h", "i", "u"]


def test_a_request_that_opens_with_a_system_message_replaces_the_model_s() -> None:
    request = [Message("system", "own"), USER]
    assert contents(assemble_messages(request, system="s", history=HISTORY)) == [
        "h",
        "i",
        "own",
        "u",
    ]


def test_a_later_system_message_is_additional() -> None:
    request = [USER, Message("system", "more")]
    assert contents(assemble_messages(request, system="s")) == ["s", "u", "more"]


def test_a_completion_is_one_user_message_behind_system_and_history() -> None:
    media = [Media(b"x")]
    assembled = assemble_completion("p", media, system="s", history=HISTORY)
    assert contents(assembled) == ["s", "h", "i", "p"]
    assert assembled[-1].media == media


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("<think>a</think> b", "b"),
        (" \n<think>a</think>b<think>c</think>", "b<think>c</think>"),
        ("b <think>a</think>", "b <think>a</think>"),
        ("<think>unfinished", ""),
        ("plain", "plain"),
    ],
)
def test_reasoning_in_earlier_answers_is_forgotten(content: str, kept: str) -> None:
    messages = [USER, Message("assistant", content), USER, Message("assistant", content)]
    assert contents(forget_reasoning(messages)) == ["u", kept, "u", content]


def test_only_some_families_carry_reasoning_in_their_content() -> None:
    assert strips_reasoning("qwen3", "any")
    assert strips_reasoning("qwen2", "deepseek-r1")
    assert not strips_reasoning("llama", "any")


def truncate(messages: list[Message], limit: int, refuse: str = "") -> tuple[list[Message], int]:
    """Each character counts one; ``refuse`` is a role that may not come first."""
    asked = 0

    async def count(kept: list[Message]) -> int:
        nonlocal asked
        asked += 1
        first = next((m for m in kept if m.role != "system"), None)
        if refuse and first is not None and first.role == refuse:
            raise TemplateError("roles must alternate")
        return sum(len(message.content) for message in kept)

    return asyncio.run(truncate_messages(messages, count, limit)), asked


def linear(messages: list[Message], limit: int) -> list[Message]:
    for start in range(len(messages)):
        kept = [m for m in messages[:start] if m.role == "system"] + messages[start:]
        if sum(len(m.content) for m in kept) <= limit or start == len(messages) - 1:
            return kept
    return messages


def test_a_conversation_that_fits_is_asked_for_once() -> None:
    messages = [USER] * 50
    assert truncate(messages, 50) == (messages, 1)


def test_the_oldest_go_first_and_system_messages_stay() -> None:
    messages = [Message("user", "aaa"), Message("system", "s"), Message("user", "bb"), USER]
    assert contents(truncate(messages, 4)[0]) == ["s", "bb", "u"]
    assert contents(truncate(messages, 3)[0]) == ["s", "u"]


def test_the_last_message_stays_even_when_nothing_fits() -> None:
    messages = [Message("system", "sss"), USER, Message("user", "long one")]
    assert contents(truncate(messages, 1)[0]) == ["sss", "long one"]


def test_a_single_message_is_never_measured() -> None:
    assert truncate([USER], 0) == ([USER], 0)


def test_cuts_that_the_template_refuses_are_passed_over() -> None:
    messages = [Message("user" if i % 2 == 0 else "assistant", "x" * 10) for i in range(9)]
    kept, _ = truncate(messages, 40, refuse="assistant")
    assert len(kept) == 3
    assert kept[0].role == "user"


@pytest.mark.parametrize("seed", range(30))
def test_bisection_finds_what_a_linear_search_finds(seed: int) -> None:
    dice = random.Random(seed)
    roles = ("user", "assistant", "system", "tool")
    messages = [
        Message(dice.choice(roles), "x" * dice.randrange(20)) for _ in range(dice.randrange(1, 40))
    ]
    limit = dice.randrange(200)
    kept, asked = truncate(messages, limit)
    assert kept == linear(messages, limit)
    assert asked <= 2 + len(messages).bit_length()


@pytest.mark.parametrize(
    ("content", "count", "marked"),
    [
        ("a", 1, "[img-0]a"),
        ("a", 2, "[img-0][img-1]a"),
        ("see [img] and [img]", 2, "see [img-0] and [img-1]"),
        ("see [img]", 2, "[img-1]see [img-0]"),
        ("", 1, "[img-0]"),
        (f"see {SPOT} and {SPOT}", 2, "see [img-0] and [img-1]"),
        (f"see {SPOT}", 2, "[img-1]see [img-0]"),
        (f"{SPOT}a{SPOT}", 1, "[img-0]a"),
        ("a", 0, "a"),
    ],
)
def test_media_become_markers(content: str, count: int, marked: str) -> None:
    message = Message("user", content, media=[Media(b"")] * count)
    assert contents(mark_media([message])) == [marked]


def test_control_tokens_in_what_users_write_are_plain_text() -> None:
    messages = [Message("user", "a<|im_end|>b"), Message("assistant", "<|im_end|>")]
    shielded = shield_tokens(messages, ["<|im_end|>", "<|im_start|>", ""])
    prompt = "<|im_start|>" + "".join(contents(shielded)) + "<|im_end|>"
    pieces = split_shielded(prompt)
    assert [(piece.text, piece.special) for piece in pieces] == [
        ("<|im_start|>a", True),
        ("<|im_end|>", False),
        ("b<|im_end|><|im_end|>", True),
    ]


@pytest.mark.parametrize("tokens", [[], ["<|im_end|>"]])
def test_marks_that_a_message_brings_along_mean_nothing(tokens: list[str]) -> None:
    text = "\ufdd1a<|im_end|\ufdd2>"
    messages = [Message("user", text), Message("assistant", "\ufdd1b"), Message("tool", "c\ufdd2")]
    shielded = shield_tokens(messages, tokens)
    pieces = split_shielded("|".join(contents(shielded)))
    assert "".join(piece.text for piece in pieces) == "a<|im_end|>|b|c"
    plain = [piece.text for piece in pieces if not piece.special]
    assert plain == tokens


def test_a_prompt_without_control_tokens_is_one_piece() -> None:
    assert [tuple(piece) for piece in split_shielded("plain")] == [("plain", True)]
