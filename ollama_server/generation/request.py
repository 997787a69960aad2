"""One generation, whichever API family asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ollama_server.chat.types import Media, Message, Think, Tool


@dataclass(slots=True)
class ToolChoice:
    """Whether the model may, must not or must call a tool, and which one (``name``)."""

    mode: str = "auto"  # "auto", "none", "required", "named"
    name: str = ""


@dataclass(slots=True)
class GenerationRequest:
    """A chat when ``messages`` is a list, a completion of ``prompt`` when it is None.

    ``model`` is the name as the client wrote it. ``options`` are Ollama's, still unchecked:
    they override the model's own parameters. ``keep_alive`` is in seconds, infinity for ever,
    None for the current value. ``format`` is None, "json" or a JSON Schema. ``n`` answers share
    one prompt. ``required`` names the capabilities that the route insists on.
    """

    model: str
    messages: list[Message] | None = None
    prompt: str = ""
    suffix: str = ""
    system: str = ""
    template: str | None = None
    context: list[int] | None = None
    raw: bool = False
    media: list[Media] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    parallel_tool_calls: bool = True
    format: Any = None
    think: Think = None
    lenient_think: bool = False  # ask for thinking without failing on models that have none
    options: dict[str, Any] = field(default_factory=dict)
    logit_bias: dict[int, float] = field(default_factory=dict)
    keep_alive: float | None = None
    truncate: bool = True
    shift: bool | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    n: int = 1
    return_context: bool = False
    render_only: bool = False
    prompt_tokens: list[int] | None = None  # a completion of tokens instead of text

    @property
    def all_media(self) -> list[Media]:
        """Images and sounds, wherever they stand in the request."""
        return [*self.media, *(medium for m in self.messages or () for medium in m.media)]
