"""From a request to a prompt: which messages, how many of them, through which template."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ollama_server.chat.template.base import PromptTemplate, ThinkingMarkers
from ollama_server.chat.template.choose import TemplateFacts, choose_template, is_harmony, uses_go
from ollama_server.chat.template.media import all_media, mark_media
from ollama_server.chat.types import Media, Message
from ollama_server.errors import TemplateError

__all__ = [
    "PromptTemplate",
    "TemplateFacts",
    "ThinkingMarkers",
    "all_media",
    "assemble_completion",
    "assemble_messages",
    "choose_template",
    "forget_reasoning",
    "is_harmony",
    "mark_media",
    "strips_reasoning",
    "truncate_messages",
    "uses_go",
]

# A projector turns an image into about this many positions of the context.
TOKENS_PER_IMAGE = 768

# Models whose earlier answers may carry reasoning in their content, where it must not stay.
_STRIPPED_FAMILIES = frozenset(("qwen3",))
_STRIPPED_NAMES = frozenset(("deepseek-r1",))


def assemble_messages(
    messages: Sequence[Message], *, system: str = "", history: Sequence[Message] = ()
) -> list[Message]:
    """What a chat gives to the template.

    ``system`` and ``history`` are the model's own; a request that opens with a system message
    replaces the former. The history comes before the request.
    """
    assembled = [*history, *messages]
    if system and not (messages and messages[0].role == "system"):
        assembled.insert(0, Message("system", system))
    return assembled


def assemble_completion(
    prompt: str,
    media: Sequence[Media] = (),
    *,
    system: str = "",
    history: Sequence[Message] = (),
) -> list[Message]:
    """What a completion gives to the template; ``system`` is the request's or else the model's."""
    assembled = [Message("system", system)] if system else []
    return [*assembled, *history, Message("user", prompt, media=list(media))]


def strips_reasoning(family: str, name: str) -> bool:
    """Whether reasoning inside earlier answers is removed; ``name`` is the bare model name."""
    return family in _STRIPPED_FAMILIES or name in _STRIPPED_NAMES


def forget_reasoning(
    messages: Sequence[Message],
    markers: ThinkingMarkers = ThinkingMarkers("<think>", "</think>"),
) -> list[Message]:
    """Remove one leading block of reasoning from answers before the last user message."""
    last = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
    return [
        replace(message, content=_without_block(message.content, markers))
        if message.role == "assistant" and position < last
        else message
        for position, message in enumerate(messages)
    ]


def _without_block(content: str, markers: ThinkingMarkers) -> str:
    opened = content.lstrip()
    if not opened.startswith(markers.open):
        return content
    _, closed, rest = opened.partition(markers.close)
    return rest.lstrip() if closed else ""


async def truncate_messages(
    messages: Sequence[Message],
    count: Callable[[list[Message]], Awaitable[int]],
    limit: int,
) -> list[Message]:
    """Drop the oldest messages until ``count`` says that the rest fits into ``limit`` tokens.

    System messages stay, those of the dropped part in front; so does the last message, whether it
    fits or not. Fewer messages never count more, so the first fit is found by bisection, which asks
    for a logarithm of renderings. A cut at which the template refuses the conversation (one that
    insists on users first, say) is passed over.
    """
    messages = list(messages)
    if len(messages) <= 1 or await count(messages) <= limit:
        return messages
    best = len(messages) - 1
    low, high = 1, best - 1
    while low <= high:
        middle = (low + high) // 2
        place, size = await _first_rendered(messages, count, middle, high)
        if place < 0 or size <= limit:
            high = middle - 1
            best = place if place >= 0 else best
        else:
            low = place + 1
    return _from(messages, best)


async def _first_rendered(
    messages: list[Message],
    count: Callable[[list[Message]], Awaitable[int]],
    start: int,
    end: int,
) -> tuple[int, int]:
    """The first cut from ``start`` on that renders, and its size; (-1, 0) when none does."""
    for place in range(start, end + 1):
        try:
            return place, await count(_from(messages, place))
        except TemplateError:
            continue
    return -1, 0


def _from(messages: list[Message], place: int) -> list[Message]:
    kept = [message for message in messages[:place] if message.role == "system"]
    return kept + messages[place:]
