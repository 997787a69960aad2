"""One runner for all tests of the engine, with the embedded model and a small context."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ollama_server.engine import protocol as p

from .runner import Runner

TINY = Path(__file__).parents[2] / "models" / "tiny" / "tiny.gguf"


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    process = Runner(p.Load(str(TINY), num_ctx=512, parallel=4, num_batch=128))
    yield process
    assert process.close() == 0
