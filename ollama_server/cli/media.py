"""Images and sounds named by path inside a prompt."""

from __future__ import annotations

import base64
import os
import re
import sys
from pathlib import Path

from ollama_server.cli.errors import CliError

_PATH = re.compile(
    r"""'?((?:[a-zA-Z]:)?(?:\./|/|\\)[^'"\n]*?\.(?:jpe?g|png|webp|wav|mp3))\b'?""", re.IGNORECASE
)
_ESCAPED = re.compile(r"\\([ ()\[\]{}$&;'\\*?~])")
_MOST_BYTES = 100 * 1024 * 1024
# What somebody may have taken for a picture.
_OTHERS = {b"GIF8": "image/gif", b"BM": "image/bmp", b"%PDF-": "application/pdf"}


def extract(prompt: str) -> tuple[str, list[str]]:
    """The prompt without the paths of existing files, and those files in base64."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        path = _ESCAPED.sub(r"\1", match[1])
        # Words that look like a path may be too long for one, which Path.is_file does not expect.
        if not os.path.isfile(path):
            return match[0]
        found.append(encode(path))
        return ""

    return _PATH.sub(take, prompt).strip() if _PATH.search(prompt) else prompt, found


def encode(path: str) -> str:
    """One file's bytes in base64; raises CliError for what no model takes."""
    file = Path(path)
    if file.stat().st_size > _MOST_BYTES:
        raise CliError("file size exceeds maximum limit (100MB)")
    data = file.read_bytes()
    kind = media_kind(data)
    if not kind:
        raise CliError(f"invalid file type: {_other_kind(data[:512])}")
    sys.stderr.write(f"Added {kind} '{path}'\n")
    return base64.b64encode(data).decode()


def media_kind(data: bytes) -> str:
    """``image``, ``audio`` or nothing, by the first bytes."""
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return "image"
    if data[:4] == b"RIFF":
        return {b"WEBP": "image", b"WAVE": "audio"}.get(data[8:12], "")
    return "audio" if data[:3] == b"ID3" or data[:2] in (b"\xff\xfb", b"\xff\xf3") else ""


def _other_kind(head: bytes) -> str:
    for mark, kind in _OTHERS.items():
        if head.startswith(mark):
            return kind
    # Text has no other control characters than its layout.
    controls = set(range(32)) - set(b"\t\n\f\r\x1b")
    return "application/octet-stream" if controls & set(head) else "text/plain; charset=utf-8"
