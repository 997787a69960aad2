"""Lines typed before: a plain text file, one entry a line, as Ollama keeps it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import History

MOST_ENTRIES = 100


class LineHistory(History):
    """The newest entries in a file; ``path`` None or a false ``stores()`` keeps a line off it.

    Where the file cannot be read or written, a conversation goes on without it.
    """

    def __init__(self, path: Path | None, stores: Callable[[], bool]) -> None:
        super().__init__()
        self._path = path
        self._stores = stores

    def load_history_strings(self) -> Iterable[str]:
        """The stored lines, newest first."""
        if self._path is None:
            return []
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return reversed([line for line in lines if line.strip()][-MOST_ENTRIES:])

    def store_string(self, string: str) -> None:
        """Add a line; one of several lines becomes several entries."""
        if self._path is None or not self._stores():
            return
        lines = [*reversed(list(self.load_history_strings())), *string.strip().splitlines()]
        with contextlib.suppress(OSError):
            _replace(self._path, lines[-MOST_ENTRIES:])


def _replace(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    temporary.replace(path)
