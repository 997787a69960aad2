"""Where images and sounds stand in a prompt: ``[img-N]``, N counted over the whole conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ollama_server.chat.types import Media, Message

PLACEHOLDER = "[img]"


def marker(number: int) -> str:
    """The text that stands for the medium with this number; sounds use it too."""
    return f"[img-{number}]"


def mark_media(messages: Sequence[Message], *, blank: bool = False) -> list[Message]:
    """Messages whose media have become text: each fills an ``[img]``, or stands before the text.

    With ``blank`` one space separates leading markers from a text that does not start with one,
    and contents that already hold numbered markers are left alone.
    """
    marked = []
    number = 0
    for message in messages:
        content = message.content
        leading = ""
        numbered = blank and "[img-" in content
        for _ in message.media:
            if numbered:
                pass
            elif PLACEHOLDER in content:
                content = content.replace(PLACEHOLDER, marker(number), 1)
            else:
                leading += marker(number)
            number += 1
        if leading and blank and content and not content[0].isspace():
            leading += " "
        if message.media:
            message = replace(message, content=leading + content, media=[])
        marked.append(message)
    return marked


def all_media(messages: Sequence[Message]) -> list[Media]:
    """The media in the order of their numbers."""
    return [medium for message in messages for medium in message.media]
