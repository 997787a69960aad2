"""Images and sounds in JSON: standard base64, told apart by their first bytes."""

from __future__ import annotations

import binascii
import re

from ollama_server.chat.types import Media

_ALPHABET = re.compile(r"[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*")


def decode_base64(text: str) -> bytes:
    """The bytes of padded standard base64, line breaks allowed.

    Raises ValueError with the position of the first byte that does not belong.
    """
    match = _ALPHABET.match(text)
    end = match.end() if match else 0
    if end < len(text):
        raise ValueError(f"illegal base64 data at input byte {end}")
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        raise ValueError(f"illegal base64 data at input byte {len(text) // 4 * 4}") from None


def media_from_bytes(data: bytes) -> Media:
    """A Media whose kind comes from the content: WAV and MP3 are sounds, the rest are images."""
    is_wav = data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    is_mp3 = data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)
    # JPEG starts with FF D8, which has the sync bits' first byte but not the second one's.
    return Media(data, "audio" if is_wav or is_mp3 else "image")
