"""The examples of /docs, sent to a server: what is shown is what comes back."""

from __future__ import annotations

from typing import Any

import gguf
import pytest

from ollama_server.wire.examples import EXAMPLES, Example
from tests.engine.projectors import write_projector
from tests.engine.test_media import noise
from tests.process import TINY, ServerProcess
from tests.weights import with_pooling

# These reach for registries.
ELSEWHERE = ("/api/pull", "/api/push")
PLACES = {
    "{digest}": "sha256:" + "0" * 64,
    "{key}": "abc",
    "{model}": "tiny",
}


@pytest.fixture(scope="module")
def stocked(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    """A server with models under the names of the examples."""
    for name, pooling in (
        ("all-minilm", gguf.PoolingType.MEAN),
        ("bge-reranker-v2-m3", gguf.PoolingType.RANK),
    ):
        path = tmp_path_factory.mktemp("models") / f"{name}.gguf"
        with_pooling(TINY, path, pooling, name=name)
        server.create(name, files={path.name: server.upload(path.read_bytes())})
    ears = tmp_path_factory.mktemp("ears") / "mmproj.gguf"
    write_projector(ears, "qwen2a", text_width=256)
    files = {path.name: server.upload(path.read_bytes()) for path in (TINY, ears)}
    server.create("qwen2-audio", files=files)
    return server


@pytest.mark.parametrize(
    ("route", "example"),
    [item for item in EXAMPLES.items() if not item[0].endswith(ELSEWHERE)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_example_is_what_comes_back(
    stocked: ServerProcess, route: str, example: Example
) -> None:
    method, path = route.split()
    for place, text in PLACES.items():
        path = path.replace(place, text)
    if route == "DELETE /api/delete":
        stocked.post("/api/copy", source="tiny", destination="mine")
    if "{digest}" in route:
        digest = stocked.upload(b"the bytes of a file")
        path = f"/api/blobs/{digest}"
    body: dict[str, Any] = {}
    if example.form:
        fields = {name: text for name, text in example.request.items() if name != "file"}
        body = {"data": fields, "files": {"file": noise(1, 0.5)}}
    elif isinstance(example.request, dict):
        body = {"json": example.request}
    response = stocked.client.request(method, path, **body)
    assert response.status_code == example.status, response.text
    if isinstance(example.reply, str):
        assert response.headers["content-type"].startswith("text/plain")
    elif example.reply is None:
        assert response.content == b""
    else:
        assert differences(example.reply, response.json(), "") == []


def differences(shown: Any, real: Any, where: str) -> list[str]:
    """Where a real answer lacks what the example has, or has it in another type."""
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = [f"{where}.{key} is missing" for key in shown if key not in real]
        both = [key for key in shown if key in real]
        return missing + [
            text for key in both for text in differences(shown[key], real[key], f"{where}.{key}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        return differences(shown[0], real[0], f"{where}[0]") if shown and real else []
    numbers = isinstance(shown, int | float) and isinstance(real, int | float)
    if numbers or type(shown) is type(real):
        return []
    return [f"{where}: {shown!r} is shown, {real!r} came"]


def test_the_served_document_has_the_examples(server: ServerProcess) -> None:
    document = server.client.get("/openapi.json").json()
    body = document["paths"]["/api/chat"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == EXAMPLES["POST /api/chat"].request
