"""Answers on the terminal: thinking set apart, Markdown rendered where somebody watches."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

from ollama_server.cli.humanize import go_duration

_DIM, _RESET = "\033[90m", "\033[0m"


class AnswerWriter:
    """Writes one answer as it comes.

    On a terminal the text is Markdown and wrapped to its width, unless ``plain``; elsewhere every
    byte is the model's.
    """

    def __init__(self, *, plain: bool = False, hide_thinking: bool = False) -> None:
        self._terminal = sys.stdout.isatty()
        self._hide_thinking = hide_thinking
        self._thinking = False
        self._thought = ""
        self._text = ""
        self._live: Live | None = None
        self._rendered = self._terminal and not plain
        self._console = Console(highlight=False, soft_wrap=plain)

    @property
    def text(self) -> str:
        """The answer so far, without its thinking."""
        return self._text

    def think(self, text: str) -> None:
        """Add to the thinking."""
        if not text or self._hide_thinking:
            return
        if not self._thinking:
            self._thinking = True
            self._write("Thinking...\n", dim=True)
        self._thought += text
        self._write(text, dim=True)

    def say(self, text: str) -> None:
        """Add to the answer."""
        if not text:
            return
        self._end_thinking()
        self._text += text
        if not self._rendered:
            self._write(text)
            return
        if self._live is None:
            self._live = Live(console=self._console, vertical_overflow="visible", auto_refresh=True)
            self._live.start()
        self._live.update(Markdown(self._text))

    def call(self, calls: list[dict[str, Any]]) -> None:
        """Report tool calls: the command line has no tools to offer."""
        for call in calls:
            function = call.get("function", {})
            arguments = json.dumps(function.get("arguments", {}))
            name = function.get("name", "")
            self._end_thinking()
            self._write(
                f"  Model called a non-existent function '{name}()' with arguments: {arguments}\n"
            )

    def finish(self, newlines: int = 2) -> None:
        """End the answer; rendered Markdown has ended its line already."""
        self._end_thinking()
        if self._live is not None:
            self._live.stop()
            self._live = None
            newlines -= 1
        self._write("\n" * newlines)

    def stop(self) -> None:
        """Leave what was written and stop, after an interruption."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._thinking:
            self._thinking = False
            self._write("\n")

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            end = "" if self._thought.endswith("\n") else "\n"
            self._write(f"{end}...done thinking.\n\n", dim=True)

    def _write(self, text: str, *, dim: bool = False) -> None:
        if dim and self._terminal:
            text = f"{_DIM}{text}{_RESET}"
        sys.stdout.write(text)
        sys.stdout.flush()


def print_statistics(final: dict[str, Any]) -> None:
    """What --verbose tells of an answer, on stderr; zeros are left out."""

    def tell(label: str, text: str) -> None:
        sys.stderr.write(f"{label + ':':<22}{text}\n")

    def rate(count: int, nanoseconds: int) -> str:
        return f"{count / nanoseconds * 1e9:.2f} tokens/s"

    for key in ("total_duration", "load_duration"):
        if final.get(key):
            tell(key.replace("_", " "), go_duration(final[key]))
    for kind in ("prompt eval", "eval"):
        name = kind.replace(" ", "_")
        count, spent = final.get(f"{name}_count", 0), final.get(f"{name}_duration", 0)
        if count:
            tell(f"{kind} count", f"{count} token(s)")
        if spent:
            tell(f"{kind} duration", go_duration(spent))
        if count and spent:
            tell(f"{kind} rate", rate(count, spent))
