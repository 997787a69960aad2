"""Answers on the terminal: thinking set apart, Markdown rendered where somebody watches."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

from ollama_server.cli.humanize import go_duration

_DIM, _RESET = "\033[90m", "\033[0m"


class Tail:
    """The last lines of some Markdown, as many as the terminal shows."""

    def __init__(self, markdown: Markdown) -> None:
        self._markdown = markdown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lines; what is above the screen cannot be drawn again."""
        lines = console.render_lines(self._markdown, options.update(height=None), pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()


def block_end(text: str) -> int | None:
    """Where the first complete block of Markdown ends; None while it may still grow.

    Blocks end at empty lines outside fences. Indented lines after one continue a list.
    """
    fenced, start = False, 0
    while (end := text.find("\n", start)) >= 0:
        line = text[start:end]
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        after = text[end + 1 : end + 2]
        if not fenced and not line.strip() and text[:start].strip() and after.strip():
            return end + 1
        start = end + 1
    return None


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
        self._block = ""
        self._shown = Markdown("")
        self._live: Live | None = None
        self._rendered = self._terminal and not plain
        self._console = Console(highlight=False, soft_wrap=plain)

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

    def stop(self) -> None:
        """Leave what was written and stop, after an interruption."""
        self._end_block()
        if self._thinking:
            self._thinking = False
            self._write("\n")

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
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=True)
            self._live.start()
        self._shown = Markdown(block)
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
