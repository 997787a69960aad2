"""A runner's process that needs no model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ollama_server.engine import launch


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners are started with the stand-in of engine.py."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, "-m", "tests.unit.runtime.engine"))
