"""Requests of OpenAI's chat, completions and embeddings endpoints.

``ignored`` names the fields that clients send and that change nothing here; what is not named at
all is ignored too. ``docs/compatibility.md`` repeats both lists, and a test compares them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ollama_server.wire.body import Body
from ollama_server.wire.native import KeepAliveField


class StreamOptions(Body):
    """What a stream carries besides the text."""

    ignored: ClassVar[frozenset[str]] = frozenset({"include_obfuscation"})

    include_usage: bool = False


class Reasoning(Body):
    """How hard the model should think."""

    effort: str = ""


class FunctionCall(Body):
    """A call that the assistant made earlier; ``arguments`` is JSON text."""

    name: str = ""
    arguments: str = ""


class ChatToolCall(Body):
    """A tool call in the history."""

    ignored: ClassVar[frozenset[str]] = frozenset({"type", "index"})

    id: str = ""
    function: FunctionCall | None = None


class ChatMessage(Body):
    """One message; ``content`` is a string, a list of parts or nothing."""

    ignored: ClassVar[frozenset[str]] = frozenset({"refusal", "audio", "function_call"})

    role: str = ""
    content: Any = None
    reasoning: str = ""
    reasoning_content: str = ""
    tool_calls: list[ChatToolCall] | None = None
    tool_call_id: str = ""
    name: str = ""


class FunctionDefinition(Body):
    """A function that the model may call."""

    ignored: ClassVar[frozenset[str]] = frozenset({"strict"})

    name: str = ""
    description: str = ""
    parameters: dict[str, Any] | None = None


class ChatTool(Body):
    """A tool; only functions exist."""

    type: str = ""
    function: FunctionDefinition | None = None


class JsonSchema(Body):
    """The schema of a structured answer."""

    ignored: ClassVar[frozenset[str]] = frozenset({"name", "description", "strict"})

    # A schema may be any JSON value: the generation refuses what is no schema.
    schema_: Any = Field(default=None, alias="schema")


class ResponseFormat(Body):
    """text, json_object or json_schema."""

    type: str = ""
    json_schema: JsonSchema | None = None


class ChatCompletionRequest(Body):
    """POST /v1/chat/completions."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "audio",
            "best_of",
            "format",
            "function_call",
            "functions",
            "metadata",
            "modalities",
            "moderation",
            "num_ctx",
            "options",
            "prediction",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "service_tier",
            "store",
            "think",
            "user",
            "verbosity",
            "web_search_options",
        }
    )

    model: str = ""
    messages: list[ChatMessage] = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    stop: Any = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] = {}
    response_format: ResponseFormat | None = None
    tools: list[ChatTool] = []
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    reasoning: Reasoning | None = None
    reasoning_effort: str = ""
    logprobs: bool = False
    top_logprobs: int = 0
    n: int = 1
    keep_alive: KeepAliveField = None
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


class CompletionRequest(Body):
    """POST /v1/completions; ``prompt`` is text, tokens, or a list of either."""

    ignored: ClassVar[frozenset[str]] = frozenset({"user"})

    model: str = ""
    prompt: Any = None
    suffix: str = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: Any = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] = {}
    logprobs: int = 0
    echo: bool = False
    n: int = 1
    best_of: int | None = None
    keep_alive: KeepAliveField = None
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


class EmbeddingRequest(Body):
    """POST /v1/embeddings; ``input`` is text, tokens, or a list of either."""

    ignored: ClassVar[frozenset[str]] = frozenset({"user"})

    model: str = ""
    input: Any = None
    dimensions: int | None = None
    encoding_format: str | None = None
    keep_alive: KeepAliveField = None
