"""Images and sounds in JSON: base64, data URLs and URLs; told apart by their first bytes."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from ollama_server.chat.types import SPOT, Media

_ALPHABET = re.compile(r"[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*")
_DATA_URL = re.compile(r"data:[^,;]*(?:;[^,;]*)*;base64,", re.IGNORECASE)
_REMOTE = re.compile(r"https?://", re.IGNORECASE)


def decode_base64(text: str) -> bytes:
    """The bytes of padded standard base64, line breaks allowed.

    Raises ValueError with the position of the first byte that does not belong.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        # Line breaks are no mistake; of what is one, the place is told.
        match = _ALPHABET.match(text)
    end = match.end() if match else 0
    if end < len(text):
        raise ValueError(f"illegal base64 data at input byte {end}")
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        raise ValueError(f"illegal base64 data at input byte {len(text) // 4 * 4}") from None


def media_from_bytes(data: bytes, place: str = "") -> Media:
    """A Media whose kind comes from the content: WAV and MP3 are sounds, the rest are images."""
    is_wav = data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    is_mp3 = data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)
    # JPEG starts with FF D8, which has the sync bits' first byte but not the second one's.
    return Media(data, "audio" if is_wav or is_mp3 else "image", place=place)


def media_from_text(text: str, place: str = "") -> Media:
    """What base64, a data URL or an http(s) URL stands for; raises ValueError for bad base64."""
    if _REMOTE.match(text):
        return Media(url=text, place=place)
    prefix = _DATA_URL.match(text)
    return media_from_bytes(decode_base64(text[prefix.end() :] if prefix else text), place)


def image_from_url(url: Any, place: str = "") -> Media:
    """The image of a data URL or an http(s) URL; raises ValueError for anything else."""
    if isinstance(url, str):
        if _REMOTE.match(url):
            return Media(url=url, place=place)
        if prefix := _DATA_URL.match(url):
            return Media(decode_base64(url[prefix.end() :]), place=place)
    raise ValueError("invalid image input")


def sound_from_part(value: Any, place: str = "") -> Media:
    """The sound of an ``input_audio`` part's value; raises ValueError for what holds none."""
    if not isinstance(value, dict):
        raise ValueError("invalid input_audio format")
    data = value.get("data")
    if not isinstance(data, str) or not data:
        raise ValueError("invalid input_audio format: missing data")
    prefix = _DATA_URL.match(data)
    try:
        return Media(decode_base64(data[prefix.end() :] if prefix else data), "audio", place=place)
    except ValueError as error:
        raise ValueError(f"invalid input_audio base64 data: {error}") from None


@dataclass(slots=True)
class Parts:
    """A message's content made of texts, images and sounds, in their order.

    ``separator`` stands between neighbouring texts.
    """

    separator: str = ""
    content: str = ""
    media: list[Media] = field(default_factory=list)
    _after_text: bool = False

    def say(self, text: str) -> None:
        """Add a text."""
        self.content += self.separator + text if self._after_text else text
        self._after_text = True

    def show(self, medium: Media) -> None:
        """Add an image or a sound."""
        self.content += SPOT
        self.media.append(medium)
        self._after_text = False
