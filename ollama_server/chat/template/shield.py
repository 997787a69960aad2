"""Keep texts that come from outside from being read as control tokens.

A user who writes ``<|im_end|>`` must not end a turn. Before rendering, such texts are put between
two noncharacters, which no template looks at; afterwards the prompt is cut there, and what stood
between them is tokenized as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ollama_server.chat.types import Message

_OPEN, _CLOSE = "\ufdd1", "\ufdd2"
_SHIELDED = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


class Piece(NamedTuple):
    """A part of a prompt; ``special`` says whether control tokens are looked for in it."""

    text: str
    special: bool


def shield_tokens(
    messages: Sequence[Message],
    tokens: Iterable[str],
    roles: frozenset[str] = frozenset(("user", "tool")),
) -> list[Message]:
    """Messages in which the texts of control ``tokens`` are marked, in these roles only.

    Messages without any are the same objects as before. Marks that were there already go: whoever
    wrote them would choose what is read as plain text.
    """
    messages = [
        replace(message, content=unshielded(message.content))
        if _OPEN in message.content or _CLOSE in message.content
        else message
        for message in messages
    ]
    wanted = sorted(filter(None, tokens), key=len, reverse=True)
    if not wanted:
        return messages
    pattern = re.compile("|".join(map(re.escape, wanted)))
    return [
        replace(message, content=_shielded(pattern, message.content))
        if message.role in roles and pattern.search(message.content)
        else message
        for message in messages
    ]


def _shielded(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: f"{_OPEN}{match.group()}{_CLOSE}", text)


def unshielded(text: str) -> str:
    """A text without the marks."""
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def split_shielded(prompt: str) -> list[Piece]:
    """The parts of a rendered prompt, in order; their texts joined are the prompt."""
    pieces = []
    for position, text in enumerate(_SHIELDED.split(prompt)):
        if text:
            pieces.append(Piece(text, special=position % 2 == 0))
    return pieces
