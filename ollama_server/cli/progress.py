"""Progress of pull, push and create on stderr: a bar for each layer, a spinner for each status."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import groupby
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from ollama_server.cli.humanize import go_duration, human_bytes

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# Columns of the terminal that percentage, bar, amount, speed and time left take.
_NUMBERS = 65
# The bar gives way first where the terminal is narrow: to ``pulling 451578bb708a: 100%`` and the
# numbers.
_BAR, _REST = 24, 58


class Steps(Progress):
    """One line a step: a spinner behind its text, or a bar with its numbers."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Bars that follow each other share their columns; texts have the whole width."""
        for layers, tasks in groupby(self.tasks, key=_is_layer):
            if layers:
                yield self.make_tasks_table(tasks)
            else:
                yield from map(_step, tasks)


def _step(task: Task) -> Text:
    text = Text(task.description, overflow="fold")
    if not task.finished:
        text.append(f" {_FRAMES[int(task.get_time() * 10) % len(_FRAMES)]}")
    return text


class AmountColumn(ProgressColumn):
    """``1.2 GB/4.7 GB``, and the whole once it is there."""

    def render(self, task: Task) -> Text:
        """The cell of one bar."""
        whole = human_bytes(int(task.total or 0))
        if task.finished:
            return Text(whole)
        return Text(f"{human_bytes(int(task.completed))}/{whole}")


class SpeedColumn(ProgressColumn):
    """``120 MB/s``."""

    def render(self, task: Task) -> Text:
        """The cell of one bar; empty where there is nothing to say."""
        if task.finished or not task.speed:
            return Text("")
        return Text(f"{human_bytes(int(task.speed))}/s")


class RemainingColumn(ProgressColumn):
    """``1m26s``, what is left at this speed."""

    def render(self, task: Task) -> Text:
        """The cell of one bar; empty where there is nothing to say."""
        left = task.time_remaining
        if task.finished or left is None:
            return Text("")
        return Text(go_duration(int(left) * 1_000_000_000))


def _short(text: str) -> str:
    return _DIGEST.sub(r"\1", text)


def _is_layer(task: Task) -> bool:
    return bool(task.fields.get("layer"))


class ProgressView:
    """Shows status frames: live bars on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal
        self._progress = Steps(
            TextColumn("{task.description} {task.percentage:>3.0f}%"),
            BarColumn(bar_width=max(1, min(_BAR, self._console.width - _REST))),
            AmountColumn(Column(no_wrap=True)),
            SpeedColumn(Column(no_wrap=True)),
            RemainingColumn(Column(no_wrap=True)),
            console=self._console,
            disable=not self._live,
        )
        self._bars: dict[str, TaskID] = {}
        self._spinner: TaskID | None = None
        self._said: set[str] = set()

    def __enter__(self) -> ProgressView:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._stop_spinner()
        self._progress.stop()

    def status(self, text: str) -> None:
        """A step without a measure."""
        if not self._live:
            self._say(text)
            return
        self._stop_spinner()
        self._spinner = self._progress.add_task(text, total=None)

    def amount(self, key: str, text: str, completed: int, total: int) -> None:
        """How far a layer is, in bytes."""
        if not self._live:
            if completed >= total:
                self._say(f"{text} 100% {human_bytes(total)}")
            return
        self._stop_spinner()
        if key not in self._bars:
            description = text if len(text) < self._console.width - _NUMBERS else _short(text)
            self._bars[key] = self._progress.add_task(description, total=total, layer=True)
        self._progress.update(self._bars[key], completed=completed, total=total)

    def follow(self, frames: Iterable[dict[str, Any]]) -> None:
        """Show the frames of a pull, push or create until they end."""
        for frame in frames:
            total = frame.get("total", 0)
            status = str(frame.get("status", ""))
            if frame.get("digest") and total:
                completed = frame.get("completed", 0)
                if completed:
                    text = f"{status}:" if status.startswith(("pulling ", "pushing ")) else status
                    self.amount(str(frame["digest"]) + status[:4], text, completed, total)
            elif status:
                self.status(status)

    def _stop_spinner(self) -> None:
        if self._spinner is not None:
            self._progress.update(self._spinner, total=1, completed=1)
            self._spinner = None

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
