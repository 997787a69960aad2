"""What the tests with client libraries share: a server's address, models, plain requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gguf
import pytest

from tests.process import TINY, ServerProcess
from tests.weights import with_pooling


@pytest.fixture(scope="session")
def url(server: ServerProcess) -> str:
    """The server's address."""
    return server.url


@pytest.fixture(scope="session")
def model() -> str:
    """The embedded model's name."""
    return "tiny"


@pytest.fixture(scope="session")
def post(server: ServerProcess) -> Callable[[str, Any], Any]:
    """Post JSON to the server and return what its answer holds."""

    def send(path: str, body: Any) -> Any:
        response = server.client.post(path, json=body)
        response.raise_for_status()
        return response.json() if response.content else None

    return send


@pytest.fixture(scope="session")
def embedder(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An embedding model: the embedded model's weights with mean pooling."""
    path = tmp_path_factory.mktemp("embedder") / "embedder.gguf"
    with_pooling(TINY, path, gguf.PoolingType.MEAN, name="embedder")
    digest = server.upload(path.read_bytes())
    server.create("embedder", files={"embedder.gguf": digest})
    return "embedder"
