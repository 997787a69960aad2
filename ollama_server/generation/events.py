"""What a generation yields, in order: one Started, Chunks, then one Done for each answer.

With ``render_only`` it yields Started and one Rendered. A request without prompt or messages
yields Started alone (the model is loaded), or one Unloaded. Errors are raised, before the first
Chunk or after it; the encoders decide what a client sees of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ollama_server.chat.types import ToolCall
from ollama_server.engine.protocol import Logprob


@dataclass(slots=True)
class Started:
    """The model is loaded; ``load_ns`` counts from the request's arrival, queueing included."""

    load_ns: int


@dataclass(slots=True)
class Unloaded:
    """The model is on its way out of memory."""


@dataclass(slots=True)
class Rendered:
    """The prompt as the model would see it, with ``[img-N]`` for media."""

    prompt: str
    media_count: int = 0


@dataclass(slots=True)
class Chunk:
    """News of answer ``index``: any of the texts and lists may be empty, not all of them.

    ``more`` promises that the next event of the answer is there already, so that both may be
    written to the client together.
    """

    index: int = 0
    content: str = ""
    thinking: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Logprob] = field(default_factory=list)
    more: bool = False


@dataclass(slots=True)
class Done:
    """The end of answer ``index``. ``total_ns`` and ``load_ns`` count from the request's arrival.

    ``prompt_tokens`` includes the ``cached_tokens``; ``dropped_tokens`` were cut from the prompt to
    make it fit. ``stop`` is the stop string that ended it, empty otherwise.
    """

    index: int
    reason: str  # "stop" or "length"
    prompt_tokens: int
    cached_tokens: int
    prompt_ns: int
    eval_tokens: int
    eval_ns: int
    total_ns: int
    load_ns: int
    dropped_tokens: int = 0
    context: list[int] = field(default_factory=list)
    stop: str = ""


Event = Started | Unloaded | Rendered | Chunk | Done
