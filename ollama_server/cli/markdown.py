"""Markdown as models write it, for a terminal: nothing of an answer may get lost."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.escape import escape
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown
from rich.segment import Segment

# What a backslash may stand before in Markdown. Elsewhere it is LaTeX's: \( \) \[ \{ \\ \,
_ESCAPED = "*_#`<>.+-~|$\n"


def _escape(state: StateInline, silent: bool) -> bool:
    following = state.src[state.pos + 1 : state.pos + 2]
    return bool(following) and following in _ESCAPED and escape(state, silent)


def _keep_lines(state: StateCore) -> None:
    """A new line is one: poems and addresses have no blanks at the end of theirs."""
    for token in state.tokens:
        for child in token.children or []:
            if child.type == "softbreak":
                child.type = "hardbreak"


def _parser() -> MarkdownIt:
    """Tags are text: an answer may be about them."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    parser.inline.ruler.at("escape", _escape)
    parser.core.ruler.push("keep_lines", _keep_lines)
    return parser


_PARSER = _parser()


class Block:
    """A piece of an answer, without empty lines around it; links show where they lead."""

    def __init__(self, text: str) -> None:
        self._markdown = Markdown("", hyperlinks=False)
        self._markdown.parsed = _PARSER.parse(text)

    def lines(self, console: Console, options: ConsoleOptions) -> list[list[Segment]]:
        """What stands on each line of the terminal."""
        drawn = console.render_lines(self._markdown, options.update(height=None), pad=False)
        kept = [number for number, line in enumerate(drawn) if not _is_blank(line)]
        return drawn[kept[0] : kept[-1] + 1] if kept else []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """All lines."""
        yield from _joined(self.lines(console, options))


class Tail:
    """The last lines of a block, as many as the terminal shows."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lines; what is above the screen cannot be drawn again."""
        lines = self._block.lines(console, options)
        yield from _joined(lines[-max(1, console.height - 2) :])


def _joined(lines: list[list[Segment]]) -> Iterator[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()


def _is_blank(line: list[Segment]) -> bool:
    return all(not s.text.strip() and (s.style is None or s.style.bgcolor is None) for s in line)


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
