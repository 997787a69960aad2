"""Finding the markers around a template's reasoning and content."""

from __future__ import annotations

import re

from ollama_server.chat.parse.format import ThinkingFormat, ToolFormat
from ollama_server.chat.parse.probe import (
    CONTENT,
    FIRST,
    REASONING,
    Probe,
    are_partners,
    closing_of,
    common_prefix,
    is_atom,
    tokens,
)
from ollama_server.chat.types import Message

_THINKING_NAME = re.compile(r"think|reason", re.IGNORECASE)


def derive_thinking(probe: Probe) -> ThinkingFormat | None:
    """The markers of reasoning that the template prints, in history or in its last words."""
    answers = (
        probe.render(Message("assistant", CONTENT, REASONING), think=True),
        probe.calls(FIRST, thinking=REASONING),
    )
    for answer in answers:
        if REASONING in answer and (found := _around_reasoning(probe, answer)):
            return found
    return _in_generation_prompt(probe)


def _around_reasoning(probe: Probe, answer: str) -> ThinkingFormat | None:
    before, _, behind = answer.partition(REASONING)
    opening = _last_token(before)
    closing = next(iter(tokens(behind.lstrip())), "")
    if not is_atom(closing):
        return None
    if is_atom(opening) and are_partners(opening, closing):
        return ThinkingFormat(opening, closing)
    if not opening or opening in probe.before_content or not is_atom(opening):
        # Nothing but the header of every answer: the model starts with its reasoning.
        return ThinkingFormat("", closing, "always")
    return ThinkingFormat(opening, closing)


def _last_token(text: str) -> str:
    pieces = tokens(text.rstrip())
    return pieces[-1] if pieces else ""


def _in_generation_prompt(probe: Probe) -> ThinkingFormat | None:
    """The opening marker that prompts end with only when thinking is on."""
    on = _last_token(probe.render(think=True, generate=True))
    off = _last_token(probe.render(think=False, generate=True))
    if is_atom(on) and _THINKING_NAME.search(on) and "/" not in on:
        return ThinkingFormat(on, off if is_atom(off) and off != on else closing_of(on))
    return None


def derive_wrappers(probe: Probe, thinking: ThinkingFormat | None) -> tuple[str, ...]:
    """The markers that a template prints around every content, but not around calls."""
    calls = tokens(probe.calls(FIRST))
    before = probe.before_content
    if not calls or not before:
        return ()
    opening = "".join(before[common_prefix(before, calls) :]).strip()
    closing = next((token for token in probe.after_content if not token.isspace()), "")
    pieces = tokens(opening)
    if len(pieces) != 1 or not is_atom(opening) or not is_atom(closing):
        return ()
    if thinking and opening in (thinking.open, thinking.close):
        return ()
    if are_partners(opening, closing):
        return opening, closing
    if thinking and thinking.close == closing:
        # Reasoning and content are messages of their own, each with a header.
        without = probe.render()
        header = probe.render(generate=True).removeprefix(without).strip()
        return tuple(text for text in (opening, closing, header) if text)
    return ()


def derive_stops(probe: Probe) -> tuple[str, ...]:
    """The closing tag of every answer, where prompts end with the opening one.

    Models of such templates may spell the tag out instead of writing the token for it.
    """
    opened = tokens(probe.render(generate=True))
    end = next((token for token in probe.after_content if not token.isspace()), "")
    return (end,) if any(is_atom(t) and closing_of(t) == end for t in opened) else ()


def begins_with_marker(tools: ToolFormat) -> bool:
    """Whether calls begin with what is certainly no prose."""
    start = tools.section_start.lstrip() or tools.call_start.lstrip()
    return any(is_atom(token) for token in tokens(start)[:1])
