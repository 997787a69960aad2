"""Requests of OpenAI's audio endpoints, which come as forms."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ollama_server.wire.body import Body
from ollama_server.wire.native import KeepAliveField


class TranscriptionRequest(Body):
    """POST /v1/audio/transcriptions."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "chunking_strategy",
            "include",
            "keywords",
            "known_speaker_names",
            "known_speaker_references",
            "timestamp_granularities",
        }
    )

    file: Any = Field(
        default=None,
        description="A WAV or MP3 file.",
        json_schema_extra={"type": "string", "format": "binary"},
    )
    model: str = Field(default="", description="A model that hears.")
    language: str = Field(default="", description="What is spoken.")
    languages: list[str] = Field(default_factory=list, description="What may be spoken.")
    prompt: str = Field(default="", description="Names and words that may occur.")
    response_format: str = Field(default="json", description="json, verbose_json or text.")
    temperature: float = 0.0
    stream: bool = False
    keep_alive: KeepAliveField = None
