"""``run`` without a prompt: a conversation, with commands that begin with a slash."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from ollama_server.cli import commands, media
from ollama_server.cli.client import Client
from ollama_server.cli.errors import ApiError
from ollama_server.cli.history import LineHistory
from ollama_server.cli.output import AnswerWriter, Waiting, print_statistics
from ollama_server.cli.run import RunOptions
from ollama_server.settings import get_settings

QUOTES = '"""'
_SESSION_ERRORS = ("does not support thinking", "invalid think value")


class Conversation:
    """What is said so far, and how the next answer is asked for."""

    def __init__(self, client: Client, options: RunOptions, shown: dict[str, Any]) -> None:
        self.client = client
        self.options = options
        self.shown = shown
        self.messages: list[dict[str, Any]] = []
        self.keeps_history = True

    def load(self) -> None:
        """Bring the model into memory before the first question."""
        body = {"model": self.options.model, **self._keep_alive()}
        with Waiting():
            for _ in self.client.stream("/api/generate", body):
                pass

    def replay(self) -> None:
        """Show the messages that the model itself begins with."""
        for message in self.shown.get("messages") or []:
            if message.get("role") == "user":
                sys.stdout.write(f">>> {message.get('content', '')}\n")
            elif message.get("role") == "assistant":
                sys.stdout.write(f"{message.get('content', '')}\n\n")

    def set_system(self, text: str) -> None:
        """A system message for what follows; it takes the place of one that was just set."""
        if self.messages and self.messages[-1]["role"] == "system":
            self.messages.pop()
        self.options.system = text
        self.messages.append({"role": "system", "content": text})

    def clear(self) -> None:
        """Forget everything but the system message."""
        self.messages.clear()
        if self.options.system:
            self.messages.append({"role": "system", "content": self.options.system})

    def ask(self, text: str) -> None:
        """One turn. Ctrl-C stops the answer, which is then forgotten, and not the program."""
        message: dict[str, Any] = {"role": "user", "content": text}
        if {"vision", "audio"} & set(self.options.capabilities):
            message["content"], images = media.extract(text)
            if images:
                message["images"] = images
        self.messages.append(message)
        writer = AnswerWriter(plain=self.options.plain, hide_thinking=self.options.hide_thinking)
        body = {**self.options.body(), "messages": self.messages}
        final: dict[str, Any] = {}
        try:
            with writer:
                for frame in self.client.stream("/api/chat", body):
                    answer = frame.get("message") or {}
                    writer.think(answer.get("thinking", ""))
                    writer.say(answer.get("content", ""))
                    writer.call(answer.get("tool_calls") or [])
                    final = frame
                writer.finish()
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            return
        except ApiError as error:
            if not any(mark in error.message for mark in _SESSION_ERRORS):
                raise
            sys.stderr.write(f"error: {error.message}\n")
            self.messages.pop()
            return
        said = {"role": "assistant", "content": writer.text}
        self.messages.append(said | ({"thinking": writer.thought} if writer.thought else {}))
        if self.options.verbose:
            print_statistics(final)

    def _keep_alive(self) -> dict[str, str]:
        return {"keep_alive": self.options.keep_alive} if self.options.keep_alive else {}


class Prompt:
    """The line editor: history, multi-line input, an external editor on Ctrl-G."""

    def __init__(self) -> None:
        self.keeps_history = True
        self._session: PromptSession[str] = PromptSession(
            history=LineHistory(_history_path(), lambda: self.keeps_history),
            key_bindings=_bindings(),
            editing_mode=EditingMode.EMACS,
            enable_suspend=True,
        )

    def line(self, *, first: bool) -> str:
        """One line, or several that were pasted or joined with Ctrl-J."""
        hint = "Send a message (/? for help)" if first else "Press Enter to send"
        return self._session.prompt(
            ">>> " if first else "... ", placeholder=HTML(f"<ansigray>{hint}</ansigray>")
        )


def _history_path() -> Path | None:
    return None if get_settings().nohistory else Path.home() / ".ollama" / "history"


def _bindings() -> KeyBindings:
    bindings = KeyBindings()
    if editor := get_settings().editor:
        os.environ["VISUAL"] = editor  # the first one that the line editor asks for

    @bindings.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("tab")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(" " * 8)

    @bindings.add("c-g")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor()

    return bindings


def converse(client: Client, options: RunOptions, shown: dict[str, Any]) -> None:
    """Read and answer until /bye or the end of input."""
    conversation = Conversation(client, options, shown)
    conversation.load()
    conversation.replay()
    prompt = Prompt()
    while True:
        try:
            prompt.keeps_history = conversation.keeps_history
            text = read_message(prompt)
        except KeyboardInterrupt:
            sys.stdout.write("\nUse Ctrl + d or /bye to exit.\n")
            continue
        except EOFError:
            sys.stdout.write("\n")
            return
        if not text.strip():
            continue
        if text.startswith(("/bye", "/exit")):
            return
        try:
            if text.startswith("/") and commands.handle(conversation, text):
                continue
            conversation.ask(text)
        except KeyboardInterrupt:  # just before or behind an answer: it ends no more than the turn
            sys.stdout.write("\n")


def read_message(prompt: Prompt) -> str:
    """One message; text between triple quotation marks may span lines."""
    text = prompt.line(first=True)
    start = text.lstrip()
    begins = start.startswith(QUOTES) or start.startswith(f"/set system {QUOTES}")
    if not begins:
        return text
    head, _, body = text.partition(QUOTES)
    while not body.rstrip().endswith(QUOTES):
        body += "\n" + prompt.line(first=False)
    return head + body.rstrip().removesuffix(QUOTES)
