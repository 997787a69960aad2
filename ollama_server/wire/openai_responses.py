"""The request of OpenAI's Responses API.

Input items stay plain JSON here: their kinds are told apart, and their errors named, where they
become messages.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ollama_server.wire.body import Body
from ollama_server.wire.native import KeepAliveField


class ResponsesReasoning(Body):
    """How hard the model should think; ``summary`` is only echoed."""

    ignored: ClassVar[frozenset[str]] = frozenset({"generate_summary", "context", "mode"})

    effort: str | None = None
    summary: str | None = None


class TextFormat(Body):
    """text, json_object or json_schema."""

    type: str = ""
    name: str = ""
    strict: bool | None = None
    description: str = ""
    schema_: Any = Field(default=None, alias="schema")


class ResponsesText(Body):
    """What the text of the answer looks like."""

    ignored: ClassVar[frozenset[str]] = frozenset({"verbosity"})

    format: TextFormat | None = None


class ResponsesTool(Body):
    """A function, a namespace of them, or a tool that OpenAI hosts."""

    type: str = ""
    name: str = ""
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    tools: list[ResponsesTool] = []


class ResponsesRequest(Body):
    """POST /v1/responses."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "context_management",
            "conversation",
            "include",
            "max_tool_calls",
            "moderation",
            "multi_agent",
            "previous_response_id",
            "prompt",
            "prompt_cache_options",
            "prompt_cache_retention",
            "seed",
            "service_tier",
            "stop",
            "store",
            "stream_options",
            "top_logprobs",
            "user",
        }
    )

    model: str = ""
    input: Any = None
    instructions: str = ""
    stream: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: ResponsesReasoning | None = None
    text: ResponsesText | None = None
    tools: list[ResponsesTool] = []
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    truncation: str | None = None
    background: bool = False
    metadata: dict[str, Any] = {}
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    keep_alive: KeepAliveField = None
