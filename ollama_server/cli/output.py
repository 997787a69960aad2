"""Answers on the terminal: thinking set apart, Markdown rendered where somebody watches."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.status import Status

from ollama_server.cli.humanize import go_duration
from ollama_server.cli.markdown import Block, Tail, block_end

_DIM, _RESET = "\033[90m", "\033[0m"


class Waiting:
    """Something turns on stderr while a model is loaded or reads; nothing where nobody watches."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._status = Status("", console=console) if console.is_terminal else None

    def __enter__(self) -> Waiting:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leave no trace on the screen; may be called again."""
        if self._status is not None:
            self._status.stop()
            self._status = None


class AnswerWriter:
    """Writes one answer as it comes, as a context; until its first piece something turns.

    On a terminal the text is Markdown and wrapped to its width, unless ``plain``; elsewhere every
    byte is the model's.
    """

    def __init__(self, *, plain: bool = False, hide_thinking: bool = False) -> None:
        self._terminal = sys.stdout.isatty()
        self._hide_thinking = hide_thinking
        self._thinking = False
        self._thought = ""
        self._text = ""
        self._block = ""
        self._shown = Block("")
        self._live: Live | None = None
        self._waiting = Waiting()
        self._rendered = self._terminal and not plain
        self._console = Console(highlight=False, soft_wrap=plain)

    def __enter__(self) -> AnswerWriter:
        self._waiting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happened, the terminal is left in order."""
        self._waiting.end()
        self._end_block()
        if self._thinking:
            self._thinking = False
            self._write("\n")

    @property
    def text(self) -> str:
        """The answer so far, without its thinking."""
        return self._text

    @property
    def thought(self) -> str:
        """The thinking so far, shown or not."""
        return self._thought

    def think(self, text: str) -> None:
        """Add to the thinking."""
        self._thought += text
        if not text or self._hide_thinking:
            return
        if not self._thinking:
            self._thinking = True
            self._write("Thinking...\n", dim=True)
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
        self._show_markdown(text)

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
        if self._rendered and self._text:
            self._end_block()
            newlines -= 1
        self._write("\n" * newlines)

    def _show_markdown(self, text: str) -> None:
        """Blocks that are complete are printed for good; only the last one is drawn again."""
        self._block += text
        while (cut := block_end(self._block)) is not None:
            whole, self._block = self._block[:cut], self._block[cut:]
            self._draw(whole)
            self._end_block()
            self._console.print()
        if self._block.strip():
            self._draw(self._block)

    def _draw(self, block: str) -> None:
        self._waiting.end()
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=True)
            self._live.start()
        self._shown = Block(block)
        self._live.update(Tail(self._shown))

    def _end_block(self) -> None:
        if self._live is not None:
            self._live.update(self._shown)
            self._live.stop()
            self._live = None

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            end = "" if self._thought.endswith("\n") else "\n"
            self._write(f"{end}...done thinking.\n\n", dim=True)

    def _write(self, text: str, *, dim: bool = False) -> None:
        if dim and self._terminal:
            text = f"{_DIM}{text}{_RESET}"
        self._waiting.end()
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
