"""Every field that OpenAI's and Anthropic's libraries can send stands in docs/compatibility.md."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_create_params as beta_params
from openai.types import completion_create_params, embedding_create_params
from openai.types.audio import transcription_create_params as transcription_params
from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionToolMessageParam,
)
from openai.types.chat import (
    completion_create_params as chat_params,
)
from openai.types.responses import response_create_params

TABLE = Path(__file__).parents[2] / "docs" / "compatibility.md"
SENT: list[tuple[str, str, Any]] = [
    ("POST /v1/chat/completions", "", chat_params.CompletionCreateParamsBase),
    ("POST /v1/chat/completions", "messages[].", ChatCompletionAssistantMessageParam),
    ("POST /v1/chat/completions", "messages[].", ChatCompletionToolMessageParam),
    ("POST /v1/completions", "", completion_create_params.CompletionCreateParamsBase),
    ("POST /v1/audio/transcriptions", "", transcription_params.TranscriptionCreateParamsBase),
    ("POST /v1/embeddings", "", embedding_create_params.EmbeddingCreateParams),
    ("POST /v1/responses", "", response_create_params.ResponseCreateParamsBase),
    ("POST /v1/messages", "", message_create_params.MessageCreateParamsBase),
    ("POST /v1/messages", "", beta_params.MessageCreateParamsBase),
    (
        "POST /v1/messages/count_tokens",
        "",
        message_count_tokens_params.MessageCountTokensParams,
    ),
]


def documented(route: str) -> set[str]:
    """The fields in the table of one route."""
    text = TABLE.read_text(encoding="utf-8")
    section = text.split(f"### {route}\n")[1].split("\n### ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


@pytest.mark.parametrize(("route", "prefix", "params"), SENT)
def test_the_table_names_what_a_library_can_send(route: str, prefix: str, params: Any) -> None:
    fields = {prefix + name for name in typing.get_type_hints(params)}
    assert fields - documented(route) == set()
