"""What every prompt template offers, whichever language it is written in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ollama_server.chat.types import Message, Think, Tool

Kind = Literal["go", "jinja", "renderer"]


class ThinkingMarkers(NamedTuple):
    """The texts around a model's reasoning, without blanks at their ends."""

    open: str
    close: str


def harmony_level(think: Think) -> Think:
    """The level as harmony models know it: they have no "max"."""
    return "high" if think == "max" else think


class PromptTemplate(ABC):
    """Turns messages into the text a model continues.

    ``text`` is the template's source. ``bos`` is the beginning-of-sequence text that prompts may
    start with, and that must go when the tokenizer adds its own; ``adds_bos`` says that prompts
    lack it although the model wants one. ``parser`` names the output parser that belongs to the
    template, empty when it is to be derived. ``capabilities`` holds "tools", "thinking", "insert".
    ``thinking_markers`` are those the template's text reveals, None when it reveals none.
    """

    kind: Kind
    text: str
    bos: str = ""
    parser: str = ""
    capabilities: frozenset[str] = frozenset()
    thinking_markers: ThinkingMarkers | None = None

    @abstractmethod
    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        think: Think = None,
        *,
        add_generation_prompt: bool = True,
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt of a conversation, media as ``[img-N]``, N counting from 0 over all messages.

        A trailing assistant message is continued where the template allows it. Without
        ``add_generation_prompt`` the text ends after the last message. ``extra`` are additional
        variables for templates that take variables. Raises TemplateError, or BadRequest for
        conversations that cannot be continued.
        """

    @abstractmethod
    def render_completion(
        self,
        system: str,
        prompt: str,
        response: str = "",
        suffix: str = "",
        think: Think = None,
    ) -> str:
        """The prompt of one exchange; ``suffix`` asks for the text between prompt and suffix."""
