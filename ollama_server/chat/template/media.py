"""Where images and sounds stand in a prompt: ``[img-N]``, N counted over the whole conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ollama_server.chat.types import SPOT, Media, Message

PLACEHOLDER = "[img]"


def marker(number: int) -> str:
    """The text that stands for the medium with this number; sounds use it too."""
    return f"[img-{number}]"


def fill_spots(message: Message, number: int) -> tuple[str, list[str]]:
    """The content with markers in the places of its media, and the markers that have none.

    ``number`` is that of the message's first medium.
    """
    left = [marker(number + i) for i in range(len(message.media))]
    text, *rest = message.content.split(SPOT)
    for piece in rest:
        text += (left.pop(0) if left else "") + piece
    return text, left


def mark_media(messages: Sequence[Message], *, blank: bool = False) -> list[Message]:
    """Messages whose media have become text: in their places, in an ``[img]``, or before the text.

    With ``blank`` one space separates leading markers from a text that does not start with one,
    and contents that already hold numbered markers are left alone.
    """
    marked = []
    number = 0
    for message in messages:
        if not message.media:
            marked.append(message)
            continue
        numbered = blank and "[img-" in message.content
        content, left = fill_spots(message, number)
        number += len(message.media)
        leading = ""
        for text in () if numbered else left:
            if PLACEHOLDER in content:
                content = content.replace(PLACEHOLDER, text, 1)
            else:
                leading += text
        if leading and blank and content and not content[0].isspace():
            leading += " "
        marked.append(replace(message, content=leading + content, media=[]))
    return marked


def all_media(messages: Sequence[Message]) -> list[Media]:
    """The media in the order of their numbers."""
    return [medium for message in messages for medium in message.media]
