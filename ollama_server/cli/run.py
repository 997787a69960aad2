"""``run``: one question and its answer, or a conversation when somebody sits there."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from ollama_server.cli import media
from ollama_server.cli.client import Client
from ollama_server.cli.errors import ApiError, CliError
from ollama_server.cli.output import AnswerWriter, print_statistics
from ollama_server.cli.transfers import pull
from ollama_server.durations import parse_duration

THINK_LEVELS = ("high", "medium", "low", "max")


@dataclass(slots=True)
class RunOptions:
    """What the flags of ``run`` and the REPL's /set decide."""

    model: str
    keep_alive: str = ""
    verbose: bool = False
    insecure: bool = False
    plain: bool = False
    format: str = ""
    think: bool | str | None = None
    think_chosen: bool = False
    hide_thinking: bool = False
    truncate: bool | None = None
    dimensions: int = 0
    system: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """The fields that generate and chat share."""
        fields: dict[str, Any] = {"model": self.model, "options": self.parameters}
        if self.keep_alive:
            fields["keep_alive"] = self.keep_alive
        if self.format:
            fields["format"] = json.loads(self.format)
        if self.think is not None:
            fields["think"] = self.think
        if self.truncate is not None:
            fields["truncate"] = self.truncate
        return fields


def parse_think(text: str | None) -> bool | str | None:
    """The value of --think; bare means true."""
    if text is None:
        return None
    if text in ("", "true"):
        return True
    if text == "false":
        return False
    if text in THINK_LEVELS:
        return text
    raise CliError(
        f'invalid value for --think: "{text}" (must be true, false, high, medium, low, or max)'
    )


def parse_format(text: str) -> str:
    """The value of --format as JSON text."""
    if text in ("", "json"):
        return '"json"' if text else ""
    try:
        json.loads(text)
    except ValueError as error:
        raise CliError(f"invalid format: {text!r} is neither json nor a JSON schema") from error
    return text


def check_keep_alive(text: str) -> str:
    """A Go duration; a bare number is an error, as in Ollama."""
    if text:
        try:
            parse_duration(text)
        except ValueError as error:
            raise CliError(str(error)) from error
    return text


def prepare(client: Client, options: RunOptions) -> dict[str, Any]:
    """The model's description; it is pulled first where it is missing."""
    try:
        shown = client.post("/api/show", {"model": options.model})
    except ApiError as error:
        if error.status != 404:
            raise
        pull(client, options.model, insecure=options.insecure)
        shown = client.post("/api/show", {"model": options.model})
    options.capabilities = list(shown.get("capabilities") or [])
    if not options.think_chosen:
        options.think = True if "thinking" in options.capabilities else None
    return shown


def read_prompt(words: list[str]) -> str:
    """What was piped in, then the words of the command line."""
    parts = []
    if not sys.stdin.isatty():
        parts.append(sys.stdin.buffer.read().decode(errors="replace").strip("\n"))
    return " ".join(part for part in [*parts, " ".join(words)] if part)


def one_shot(client: Client, options: RunOptions, prompt: str) -> None:
    """Generate once and print."""
    if "image" in options.capabilities and "completion" not in options.capabilities:
        raise CliError("image generation models are not currently supported")
    if "embedding" in options.capabilities:
        embed(client, options, prompt)
        return
    images: list[str] = []
    if {"vision", "audio"} & set(options.capabilities):
        prompt, images = media.extract(prompt)
    writer = AnswerWriter(plain=options.plain, hide_thinking=options.hide_thinking)
    body = {**options.body(), "prompt": prompt, "images": images}
    if options.system:
        body["system"] = options.system
    final: dict[str, Any] = {}
    try:
        with writer:
            for frame in client.stream("/api/generate", body):
                writer.think(frame.get("thinking", ""))
                writer.say(frame.get("response", ""))
                final = frame
            if prompt:
                writer.finish()
    except KeyboardInterrupt:
        return
    if options.verbose:
        print_statistics(final)


def embed(client: Client, options: RunOptions, prompt: str) -> None:
    """Print one JSON array."""
    if not prompt:
        raise CliError(
            "embedding models require input text. "
            f'Usage: ollama run {options.model} "your text here"'
        )
    body: dict[str, Any] = {"model": options.model, "input": prompt}
    if options.keep_alive:
        body["keep_alive"] = options.keep_alive
    if options.truncate is not None:
        body["truncate"] = options.truncate
    if options.dimensions:
        body["dimensions"] = options.dimensions
    vector = client.post("/api/embed", body)["embeddings"][0]
    sys.stdout.write(json.dumps(vector, separators=(",", ":")) + "\n")
