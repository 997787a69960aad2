"""Requests of Anthropic's Messages API. Content blocks stay plain JSON here."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ollama_server.wire.body import Body
from ollama_server.wire.native import KeepAliveField


class AnthropicMessage(Body):
    """One turn; ``content`` is a string or a list of blocks."""

    role: str = ""
    content: Any = None


class AnthropicTool(Body):
    """A custom tool, or one that Anthropic hosts (then ``type`` says which)."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "allowed_callers",
            "allowed_domains",
            "blocked_domains",
            "defer_loading",
            "eager_input_streaming",
            "input_examples",
            "max_uses",
            "strict",
            "user_location",
        }
    )

    type: str = ""
    name: str = ""
    description: str = ""
    input_schema: Any = None
    cache_control: Any = None


class Thinking(Body):
    """Whether the model thinks first."""

    ignored: ClassVar[frozenset[str]] = frozenset({"budget_tokens", "display"})

    type: str = ""


class OutputFormat(Body):
    """A schema for the answer; ``type`` is json_schema."""

    type: str = ""
    schema_: Any = Field(default=None, alias="schema")


class OutputConfig(Body):
    """Effort and format of the answer."""

    effort: str = ""
    format: OutputFormat | None = None


class CountTokensRequest(Body):
    """POST /v1/messages/count_tokens: what a message request says about its prompt."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "betas",
            "context_management",
            "mcp_servers",
            "speed",
            "user_profile_id",
            "workspace_id",
        }
    )

    model: str = ""
    messages: list[AnthropicMessage] = []
    system: Any = None
    tools: list[AnthropicTool] = []
    tool_choice: Any = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: Any = None


class MessagesRequest(CountTokensRequest):
    """POST /v1/messages."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "betas",
            "billing_policy",
            "compaction",
            "container",
            "context_management",
            "diagnostics",
            "fallback_credit_token",
            "fallbacks",
            "inference_geo",
            "mcp_servers",
            "metadata",
            "service_tier",
            "speed",
            "thread",
            "user_profile_id",
            "workspace_id",
        }
    )

    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] = []
    keep_alive: KeepAliveField = None
