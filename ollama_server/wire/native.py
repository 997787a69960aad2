"""Request models of the native API (/api/*)."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from ollama_server.chat.types import Think
from ollama_server.durations import LONGEST_SECONDS, parse_duration
from ollama_server.wire.body import Body, Int

_THINK_VALUES = '"high", "medium", "low", "max", true, or false'


def parse_think(value: Any) -> Think:
    """A bool or a level; ValueError carries the API's text."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(f"think must be a boolean or string ({_THINK_VALUES})")
    if value not in ("low", "medium", "high", "max"):
        raise ValueError(f'invalid think value: "{value}" (must be {_THINK_VALUES})')
    return value  # type: ignore[return-value]


def parse_keep_alive(value: Any) -> float:
    """Seconds from a number or a Go duration, infinity for negative and for endless ones."""
    if isinstance(value, bool):
        raise ValueError("Unsupported type: 'bool'")
    if isinstance(value, dict):
        raise ValueError("Unsupported type: 'map[string]interface {}'")
    if isinstance(value, list):
        raise ValueError("Unsupported type: '[]interface {}'")
    seconds = parse_duration(value) if isinstance(value, str) else value
    return float(seconds) if 0 <= seconds < LONGEST_SECONDS else math.inf


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


ThinkField = Annotated[
    Any,
    BeforeValidator(parse_think),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "string", "enum": ["low", "medium", "high", "max"]},
            ]
        }
    ),
]
KeepAliveField = Annotated[
    Any,
    BeforeValidator(parse_keep_alive),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"type": "string"}],
            "description": "Seconds or a duration such as 5m; negative: for ever; 0: unload.",
        }
    ),
]
OptionsField = Annotated[
    dict[str, Any],
    Field(description="Sampling and load options such as temperature, num_ctx, num_predict, stop."),
]
FormatField = Annotated[
    Any, Field(description='"json" or a JSON Schema that the answer must match.')
]


class GenerateRequest(Body):
    """POST /api/generate."""

    go_types: ClassVar[dict[str, str]] = {"images": "[]api.ImageData", "context": "[]int"}

    model: str = Field(default="", description="Name of an installed model.")
    prompt: str = Field(default="", description="Empty: load the model, or unload it.")
    suffix: str = Field(default="", description="Text after the gap, for fill-in-the-middle.")
    system: str = ""
    template: str = Field(default="", description="Go template instead of the model's own.")
    context: list[Int] | None = Field(default=None, description="Tokens of an earlier answer.")
    stream: bool = True
    raw: bool = Field(default=False, description="Send the prompt to the model untouched.")
    format: FormatField = None
    keep_alive: KeepAliveField = None
    images: list[str] = Field(
        default_factory=list, description="Images or sounds: base64, data URLs or http(s) URLs."
    )
    options: OptionsField = Field(default_factory=dict)
    think: ThinkField = None
    truncate: bool = True
    shift: bool | None = None
    logprobs: bool = False
    top_logprobs: Int = 0
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


class ToolCallFunctionBody(Body):
    """The function of a tool call in a message."""

    go_name: ClassVar[str] = "ToolCallFunction"

    index: Int = 0
    name: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)


class ToolCallBody(Body):
    """A tool call in a message."""

    go_name: ClassVar[str] = "ToolCall"

    id: str = ""
    function: ToolCallFunctionBody = ToolCallFunctionBody()


class MessageBody(Body):
    """One message of a chat."""

    go_name: ClassVar[str] = "Message"
    go_types: ClassVar[dict[str, str]] = {"images": "[]api.ImageData"}

    role: Annotated[str, BeforeValidator(_lower)] = ""
    content: str | list[Any] = Field(
        default="", description="Text, or parts of type text, image, image_url and input_audio."
    )
    thinking: str = ""
    images: list[str] = Field(
        default_factory=list, description="Images or sounds: base64, data URLs or http(s) URLs."
    )
    tool_calls: list[ToolCallBody] = Field(default_factory=list)
    tool_name: str = ""
    tool_call_id: str = ""


class ToolFunctionBody(Body):
    """Name, description and parameters of a tool."""

    go_name: ClassVar[str] = "ToolFunction"

    name: str = ""
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @field_validator("parameters")
    @classmethod
    def _check_types(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        properties = parameters.get("properties")
        for name, schema in properties.items() if isinstance(properties, dict) else ():
            kind = schema.get("type") if isinstance(schema, dict) else None
            names = kind if isinstance(kind, list) else [kind]
            if kind is not None and not all(isinstance(item, str) for item in names):
                raise ValueError(f'the type of property "{name}" must be a string or strings')
        return parameters


class ToolBody(Body):
    """A function that the model may call."""

    go_name: ClassVar[str] = "Tool"

    type: str = "function"
    function: ToolFunctionBody = ToolFunctionBody()


class ChatRequest(Body):
    """POST /api/chat."""

    model: str = Field(default="", description="Name of an installed model.")
    messages: list[MessageBody] = Field(
        default_factory=list, description="Empty: load the model, or unload it."
    )
    tools: list[ToolBody] = Field(default_factory=list)
    format: FormatField = None
    options: OptionsField = Field(default_factory=dict)
    stream: bool = True
    think: ThinkField = None
    keep_alive: KeepAliveField = None
    truncate: bool = True
    shift: bool | None = None
    logprobs: bool = False
    top_logprobs: Int = 0
    debug_render_only: bool = Field(default=False, alias="_debug_render_only")


class EmbedRequest(Body):
    """POST /api/embed."""

    model: str = ""
    input: Annotated[
        Any,
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
    ] = None
    truncate: bool = True
    dimensions: Int = 0
    keep_alive: KeepAliveField = None
    options: OptionsField = Field(default_factory=dict)


class EmbeddingsRequest(Body):
    """POST /api/embeddings, the older route for one text."""

    go_name: ClassVar[str] = "EmbeddingRequest"

    model: str = ""
    prompt: str = ""
    keep_alive: KeepAliveField = None
    options: OptionsField = Field(default_factory=dict)


class TokenizeRequest(Body):
    """POST /api/tokenize."""

    model: str = ""
    text: str = ""
    keep_alive: KeepAliveField = None
    options: OptionsField = Field(default_factory=dict)


class DetokenizeRequest(Body):
    """POST /api/detokenize."""

    model: str = ""
    tokens: list[Int] = Field(default_factory=list)
    keep_alive: KeepAliveField = None
    options: OptionsField = Field(default_factory=dict)


class ShowRequest(Body):
    """POST /api/show."""

    model: str = ""
    name: str = Field(default="", description="Older name of `model`.")
    verbose: bool = False
    system: str = ""
    template: str = ""
    options: OptionsField = Field(default_factory=dict)


class CopyRequest(Body):
    """POST /api/copy."""

    source: str = ""
    destination: str = ""


class DeleteRequest(Body):
    """DELETE /api/delete."""

    model: str = ""
    name: str = Field(default="", description="Older name of `model`.")


class TransferRequest(Body):
    """What pull and push are asked."""

    ignored: ClassVar[frozenset[str]] = frozenset({"username", "password"})

    model: str = ""
    name: str = Field(default="", description="Older name of `model`.")
    insecure: bool = Field(default=False, description="Speak plain HTTP to the registry.")
    stream: bool = True


class PullRequest(TransferRequest):
    """POST /api/pull."""


class PushRequest(TransferRequest):
    """POST /api/push."""


class CreateRequest(Body):
    """POST /api/create."""

    model: str = ""
    name: str = Field(default="", description="Older name of `model`.")
    from_: str = Field(default="", alias="from", description="An installed model.")
    files: dict[str, str] | None = Field(default=None, description="File name to blob digest.")
    adapters: dict[str, str] = Field(default_factory=dict)
    draft_files: dict[str, str] = Field(default_factory=dict)
    template: str = ""
    system: str = ""
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    license: Annotated[
        Any,
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
    ] = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    messages: list[MessageBody] = Field(default_factory=list)
    quantize: str = ""
    quantization: str = Field(default="", description="Older name of `quantize`.")
    draft_quantize: str = ""
    info: dict[str, Any] = Field(default_factory=dict)
    remote_host: str = ""
    stream: bool = True
