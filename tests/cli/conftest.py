"""The command line against the shared server, in this process or on a pseudo-terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ollama_server.cli.main import main
from ollama_server.settings import get_settings
from tests.cli.terminal import Terminal
from tests.process import ServerProcess


@dataclass(frozen=True, slots=True)
class Result:
    """What a command wrote, and its exit status."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]
Session = Callable[..., Terminal]


@pytest.fixture
def environment(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """OLLAMA_HOST names the shared server, HOME is empty."""
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def command(
    environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run a command as ``command("cp", "a", "b", stdin=b"")``, with pipes and no terminal."""

    def run(*words: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        get_settings.cache_clear()
        capsys.readouterr()
        status = main(list(words))
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture
def session(environment: None) -> Iterator[Session]:
    """Start a command on a terminal of its own; it is ended with the test."""
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(words))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()
