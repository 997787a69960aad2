"""Pull and push over the server's API."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ollama_server.app import create_app
from ollama_server.settings import Settings
from ollama_server.store.store import Store
from tests.unit.transfer.local_registry import LocalRegistry, sha256
from tests.unit.transfer.serving import serving

WEIGHTS = random.Random(11).randbytes(200_000)


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    local = LocalRegistry(needs_token=True)
    with serving(local.app()) as port:
        local.port = port
        local.add_model("ns/m", "t", WEIGHTS)
        yield local


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(models=tmp_path / "models", no_embedded_model=True)
    with (
        serving(create_app(settings), lifespan="on") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client


def lines(response: httpx.Response) -> list[dict[str, object]]:
    return [json.loads(line) for line in response.text.splitlines()]


def test_pull_streams_a_line_of_json_per_frame(
    server: httpx.Client, registry: LocalRegistry
) -> None:
    body = {"model": f"{registry.host}/ns/m:t", "insecure": True}
    response = server.post("/api/pull", json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    frames = lines(response)
    assert frames[0] == {"status": "pulling manifest"}
    assert frames[-1] == {"status": "success"}
    tags = server.get("/api/tags").json()["models"]
    assert [(tag["name"], tag["size"]) for tag in tags] == [
        (f"{registry.host}/ns/m:t", len(WEIGHTS) + 2)
    ]


def test_pull_without_stream_answers_once(server: httpx.Client, registry: LocalRegistry) -> None:
    body = {"name": f"{registry.host}/ns/m:t", "insecure": True, "stream": False}
    response = server.post("/api/pull", json=body)
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"status": "success"}


def test_failure_after_the_first_frame_is_a_line_of_the_stream(
    server: httpx.Client, registry: LocalRegistry
) -> None:
    body = {"model": f"{registry.host}/ns/nope:t", "insecure": True}
    response = server.post("/api/pull", json=body)
    assert response.status_code == 200
    assert lines(response) == [
        {"status": "pulling manifest"},
        {"error": "pull model manifest: file does not exist"},
    ]


def test_failure_without_stream_is_a_500(server: httpx.Client, registry: LocalRegistry) -> None:
    body = {"model": f"{registry.host}/ns/nope:t", "insecure": True, "stream": False}
    response = server.post("/api/pull", json=body)
    assert response.status_code == 500
    assert response.json() == {"error": "pull model manifest: file does not exist"}


@pytest.mark.parametrize("model", ["", "-m", "a/b/c/d"])
def test_pull_of_a_bad_name_is_a_400(server: httpx.Client, model: str) -> None:
    response = server.post("/api/pull", json={"model": model})
    assert response.status_code == 400
    assert response.json() == {"error": "invalid model name"}


def test_http_without_insecure_is_a_500_before_any_frame(server: httpx.Client) -> None:
    response = server.post("/api/pull", json={"model": "http://localhost/ns/m"})
    assert response.status_code == 500
    assert response.json() == {"error": "insecure protocol http"}


def test_push_of_nothing_is_a_400(server: httpx.Client) -> None:
    response = server.post("/api/push", json={"model": ""})
    assert response.status_code == 400
    assert response.json() == {"error": "model is required"}


def test_push_of_an_unknown_model_says_so_in_the_stream(
    server: httpx.Client, tmp_path: Path
) -> None:
    response = server.post("/api/push", json={"model": "ns/nope"})
    path = tmp_path / "models" / "manifests" / "registry.ollama.ai" / "ns" / "nope" / "latest"
    assert lines(response) == [
        {"status": "retrieving manifest"},
        {"status": "couldn't retrieve manifest"},
        {"error": f"open {path}: no such file or directory"},
    ]


def test_pulled_and_copied_model_can_be_pushed(
    server: httpx.Client, registry: LocalRegistry
) -> None:
    source, target = f"{registry.host}/ns/m:t", f"{registry.host}/me/copy:v2"
    server.post("/api/pull", json={"model": source, "insecure": True})
    server.post("/api/copy", json={"source": source, "destination": target})
    response = server.post("/api/push", json={"model": target, "insecure": True})
    assert lines(response)[-1] == {"status": "success"}
    assert "me/copy:v2" in registry.manifests


def test_client_that_hangs_up_leaves_state_for_a_resume(
    server: httpx.Client, registry: LocalRegistry, tmp_path: Path
) -> None:
    registry.storage = registry.half_of_it
    body = {"model": f"{registry.host}/ns/m:t", "insecure": True}
    with server.stream("POST", "/api/pull", json=body) as response:
        for line in response.iter_lines():
            if "digest" in line:
                break
    store = Store(tmp_path / "models")
    assert not store.blobs.has(sha256(WEIGHTS))
    registry.storage = lambda _: None
    assert lines(server.post("/api/pull", json=body))[-1] == {"status": "success"}
    assert store.blobs.read(sha256(WEIGHTS)) == WEIGHTS


def test_server_makes_its_key_pair_when_it_starts(server: httpx.Client, tmp_path: Path) -> None:
    server.get("/")
    public = tmp_path / "home" / ".ollama" / "id_ed25519.pub"
    assert public.read_text().startswith("ssh-ed25519 ")
